//! How much of something is in use while a plan is carried out: creates add, deletes give back, edges say in which order.

use lazuli_core::plan::Edge;

use super::work::Works;

/// What a plan takes of one thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// More than now when everything is done; negative when something is given back.
    pub after: i64,
    /// More than now at the worst moment, when whatever can be deleted is deleted before anything is made.
    pub at_least: i64,
    /// More than now at the worst moment, when whatever can be made is made before anything is deleted: as an apply
    /// with many steps at a time does.
    pub at_most: i64,
}

/// The demand of steps, each with what it adds or, below zero, gives back.
pub fn demand(works: &Works, weights: &[(u32, i64)]) -> Demand {
    let mut weight = vec![0_i64; works.steps];
    for (number, amount) in weights {
        if let Some(slot) = weight.get_mut(*number as usize) {
            *slot += amount;
        }
    }
    Demand {
        after: weight.iter().sum(),
        at_least: peak(&works.edges, &weight, false),
        at_most: peak(&works.edges, &weight, true),
    }
}

/// The highest level on the way, given what each step adds and the order of them. Steps without weight run as soon as they
/// can; `eager` makes whatever can be made before anything is given back.
pub fn peak(edges: &[Edge], weight: &[i64], eager: bool) -> i64 {
    let mut waits = vec![0_usize; weight.len()];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); weight.len()];
    for edge in edges {
        let (before, after) = (edge.before as usize, edge.after as usize);
        if before < weight.len() && after < weight.len() {
            waits[after] += 1;
            next[before].push(after);
        }
    }
    // Ready steps by what they do: nothing, add, give back.
    let mut ready: [Vec<usize>; 3] = Default::default();
    let bucket = |step: usize| match weight[step] {
        0 => 0,
        amount if amount > 0 => 1,
        _ => 2,
    };
    for step in (0..weight.len()).rev().filter(|step| waits[*step] == 0) {
        ready[bucket(step)].push(step);
    }
    let order = if eager { [0, 1, 2] } else { [0, 2, 1] };
    let (mut level, mut highest) = (0, 0);
    while let Some(step) = order.iter().find_map(|bucket| ready[*bucket].pop()) {
        level += weight[step];
        highest = highest.max(level);
        for after in &next[step] {
            waits[*after] -= 1;
            if waits[*after] == 0 {
                ready[bucket(*after)].push(*after);
            }
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::work::example::{work, works};
    use super::*;

    /// Adds and gives back one each, in the given order.
    fn of(weights: &[i64], order: &[(u32, u32)]) -> Demand {
        let step = |_: &i64| work(Operation::Create, "A.B/c", "n", json!({}));
        let plan = works(weights.iter().map(step).collect(), order);
        let weights: Vec<(u32, i64)> = weights.iter().enumerate().map(|(n, w)| (n as u32, *w)).collect();
        demand(&plan, &weights)
    }

    #[test]
    fn surge_is_what_the_order_makes_of_it() {
        let demand = |after, at_least, at_most| Demand { after, at_least, at_most };
        // Three new ones.
        assert_eq!(of(&[4, 4, 4], &[]), demand(12, 12, 12));
        // Create, then delete, one at a time: one more on the way.
        assert_eq!(of(&[1, -1, 1, -1], &[(0, 1), (1, 2), (2, 3)]), demand(0, 1, 1));
        // Two pools that do so at the same time.
        assert_eq!(
            of(&[1, -1, 1, -1, 1, -1, 1, -1], &[(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7)]),
            demand(0, 1, 2)
        );
        // Delete, then create.
        assert_eq!(of(&[-1, 1], &[(0, 1)]), demand(0, 0, 0));
        // One grows while another shrinks, in any order.
        assert_eq!(of(&[8, -8], &[]), demand(0, 0, 8));
        // Steps in between carry the order.
        assert_eq!(of(&[1, 0, -1, 0, 1], &[(0, 1), (1, 2), (2, 3), (3, 4)]), demand(1, 1, 1));
    }
}
