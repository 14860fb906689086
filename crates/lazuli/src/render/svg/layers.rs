//! A layered drawing of a graph without cycles: what waits stands to the right of what it waits for.

use std::collections::BTreeSet;

/// The sweeps over all layers that bring what belongs together near to each other.
const SWEEPS: usize = 4;

/// Where the boxes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layers {
    /// The boxes of each layer from top to bottom.
    pub(super) columns: Vec<Vec<usize>>,
    /// The edges that say something: those that follow from others are left out.
    pub(super) edges: Vec<usize>,
}

/// Puts `number` boxes into layers. An edge leads from a lower number to a higher one; others are ignored.
pub(super) fn layers(number: usize, edges: &[(usize, usize)]) -> Layers {
    let kept = direct(number, edges);
    let mut depth = vec![0; number];
    let mut neighbours: Vec<(Vec<usize>, Vec<usize>)> = vec![Default::default(); number];
    let mut sorted: Vec<(usize, usize)> = kept.iter().map(|edge| edges[*edge]).collect();
    sorted.sort_unstable();
    for (before, after) in sorted {
        depth[after] = depth[after].max(depth[before] + 1);
        neighbours[before].1.push(after);
        neighbours[after].0.push(before);
    }
    let mut columns = vec![Vec::new(); depth.iter().max().map_or(0, |deepest| deepest + 1)];
    for (node, depth) in depth.iter().enumerate() {
        columns[*depth].push(node);
    }
    let mut place = vec![0.0; number];
    let settle = |column: &mut Vec<usize>, place: &mut Vec<f64>, before: bool| {
        let wanted = |node: &usize| {
            let near = if before { &neighbours[*node].0 } else { &neighbours[*node].1 };
            let sum: f64 = near.iter().map(|n| place[*n]).sum();
            if near.is_empty() { place[*node] } else { sum / near.len() as f64 }
        };
        let mut keyed: Vec<(f64, usize)> = column.iter().map(|node| (wanted(node), *node)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Counted from the middle, so that layers of different heights can be compared.
        let middle = (keyed.len() as f64 - 1.0) / 2.0;
        for (at, (_, node)) in keyed.iter().enumerate() {
            place[*node] = at as f64 - middle;
        }
        *column = keyed.into_iter().map(|(_, node)| node).collect();
    };
    for column in &mut columns {
        settle(column, &mut place, true);
    }
    for sweep in 0..SWEEPS {
        let forwards = sweep % 2 == 1;
        let order: Vec<usize> =
            if forwards { (0..columns.len()).collect() } else { (0..columns.len()).rev().collect() };
        for index in order {
            settle(&mut columns[index], &mut place, forwards);
        }
    }
    Layers { columns, edges: kept }
}

/// The edges that no longer way makes needless.
fn direct(number: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut into: Vec<Vec<(usize, usize)>> = vec![Vec::new(); number];
    for (index, (before, after)) in edges.iter().enumerate() {
        if before < after && *after < number {
            into[*after].push((*before, index));
        }
    }
    let words = number.div_ceil(64);
    let mut reached = vec![0_u64; words * number];
    let mut kept = BTreeSet::new();
    for (node, into) in into.iter_mut().enumerate() {
        into.sort_unstable_by(|a, b| b.cmp(a));
        let (earlier, own) = reached.split_at_mut(node * words);
        for (before, index) in into {
            if own[*before / 64] >> (*before % 64) & 1 == 1 {
                continue;
            }
            kept.insert(*index);
            own[*before / 64] |= 1 << (*before % 64);
            for (word, more) in own.iter_mut().zip(&earlier[*before * words..]).take(words) {
                *word |= more;
            }
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_stands_behind_what_it_waits_for_and_near_to_it() {
        let found = layers(6, &[(0, 2), (1, 3), (2, 4), (3, 5)]);
        assert_eq!(found.columns, [[0, 1], [2, 3], [4, 5]]);
        // 0 -> 3 and 1 -> 2 cross in the order of numbers; one layer is turned around.
        let found = layers(4, &[(0, 3), (1, 2)]);
        let at = |node: usize| found.columns.iter().find_map(|c| c.iter().position(|n| *n == node));
        assert_eq!((at(0) < at(1)), (at(3) < at(2)));
    }

    #[test]
    fn an_edge_that_follows_from_others_is_not_drawn() {
        assert_eq!(layers(3, &[(0, 2), (0, 1), (1, 2), (0, 1)]).edges.len(), 2);
        assert_eq!(layers(3, &[(0, 2), (0, 1)]).edges, [0, 1]);
    }

    #[test]
    fn nothing_and_nonsense_are_drawn_too() {
        assert_eq!(layers(0, &[]).columns, Vec::<Vec<usize>>::new());
        assert_eq!(layers(2, &[(1, 0), (1, 9), (1, 1)]), Layers { columns: vec![vec![0, 1]], edges: vec![] });
    }

    #[test]
    fn a_thousand_steps_take_no_time_to_speak_of() {
        let edges: Vec<(usize, usize)> =
            (0..1000).flat_map(|n: usize| [(n / 2, n), (n / 3, n), (n.saturating_sub(7), n)]).collect();
        let found = layers(1000, &edges);
        assert_eq!(found.columns.iter().map(Vec::len).sum::<usize>(), 1000);
        assert_eq!(found, layers(1000, &edges), "the same every time");
    }
}
