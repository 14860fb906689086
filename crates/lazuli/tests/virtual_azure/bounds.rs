//! How long a run must take at least, by what its steps really took.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lazuli_core::plan::Plan;
use lazuli_executor::{Event, EventKind};

/// Bounds of the makespan, in seconds. No order of the same steps, each as long as it was, ends sooner.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// What the run took.
    pub(crate) makespan: f64,
    /// The longest way through the plan's edges.
    pub(crate) critical_path: f64,
    /// The same, where steps with the same lock are one after the other.
    pub(crate) locks: f64,
    /// All steps in so many rows as may run at the same time.
    pub(crate) parallelism: f64,
}

impl Bounds {
    /// The largest of them.
    pub(crate) fn least(self) -> f64 {
        self.critical_path.max(self.locks).max(self.parallelism)
    }

    /// How much longer than the longest way the run took: 1 is perfect.
    pub(crate) fn ratio(self) -> f64 {
        self.makespan / self.critical_path.max(1e-9)
    }
}

/// The bounds of a run that did all its steps.
pub(crate) fn bounds(plan: &Plan, events: &[Event], parallelism: usize) -> Bounds {
    let mut started: HashMap<u32, Duration> = HashMap::new();
    let mut took = vec![0.0_f64; plan.steps.len()];
    let mut makespan = 0.0_f64;
    for event in events {
        match event.kind {
            EventKind::Started => drop(started.insert(event.step, event.at)),
            EventKind::Completed { .. } => {
                took[event.step as usize] = (event.at - started[&event.step]).as_secs_f64();
                makespan = makespan.max(event.at.as_secs_f64());
            }
            _ => {}
        }
    }
    // The longest way to the beginning and to the end of each step; steps stand in an order that respects the edges.
    let (mut head, mut tail) = (vec![0.0_f64; took.len()], vec![0.0_f64; took.len()]);
    let mut edges: Vec<(usize, usize)> =
        plan.edges.iter().map(|edge| (edge.before as usize, edge.after as usize)).collect();
    edges.sort_unstable_by_key(|(_, after)| *after);
    for &(before, after) in &edges {
        head[after] = head[after].max(head[before] + took[before]);
    }
    edges.sort_unstable_by_key(|(before, _)| std::cmp::Reverse(*before));
    for &(before, after) in &edges {
        tail[before] = tail[before].max(took[after] + tail[after]);
    }
    let critical_path = (0..took.len()).map(|i| head[i] + took[i] + tail[i]).fold(0.0, f64::max);

    let mut locked: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, step) in plan.steps.iter().enumerate() {
        if let Some(lock) = &step.lock {
            locked.entry(lock).or_default().push(number);
        }
    }
    // Those that cannot begin before some moment and need some time after them: one after the other in between.
    let locks = locked.values().flat_map(|steps| {
        let pairs = steps.iter().flat_map(|first| steps.iter().map(|last| (head[*first], tail[*last])));
        pairs.map(|(from, rest)| {
            let between = steps.iter().filter(|step| head[**step] >= from && tail[**step] >= rest);
            let between: f64 = between.map(|step| took[*step]).sum();
            if between > 0.0 { from + between + rest } else { 0.0 }
        })
    });
    let locks = locks.fold(critical_path, f64::max);
    let parallelism = took.iter().sum::<f64>() / parallelism as f64;
    Bounds { makespan, critical_path, locks, parallelism }
}

/// The steps of the longest way, with when they began and what they took, for people.
pub(crate) fn longest_way(plan: &Plan, events: &[Event]) -> Vec<String> {
    let mut times: HashMap<u32, (f64, f64)> = HashMap::new();
    for event in events {
        let at = event.at.as_secs_f64();
        match event.kind {
            EventKind::Started => drop(times.insert(event.step, (at, at))),
            EventKind::Completed { .. } => times.entry(event.step).or_default().1 = at,
            _ => {}
        }
    }
    let end = |step: &u32| times.get(step).map_or(0.0, |times| times.1);
    let all = (0_u32..).zip(&plan.steps).map(|(number, _)| number);
    let mut here = all.max_by(|a, b| end(a).total_cmp(&end(b)));
    let mut way = Vec::new();
    while let Some(step) = here {
        let described = &plan.steps[step as usize];
        let (from, to) = times.get(&step).copied().unwrap_or_default();
        way.push(format!(
            "{from:>7.1} + {:>5.1} (expected {:>4.0})  {:?} {}",
            to - from,
            described.expected,
            described.operation,
            described.address
        ));
        let before = plan.edges.iter().filter(|edge| edge.after == step).map(|edge| edge.before);
        here = before.max_by(|a, b| end(a).total_cmp(&end(b)));
    }
    way.reverse();
    way
}
