//! Which step may start next. Pure: numbers in, numbers out.
//!
//! A step is ready when everything before it is done. Of the ready ones the one with the longest expected way to the
//! end goes first, ties in order of number. Steps with the same lock never run at the same time: one that finds its
//! lock held is parked with the lock and comes back when it is free.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use lazuli_core::plan::Plan;

/// The steps that are not started yet.
#[derive(Debug)]
pub struct Queue {
    waits_for: Vec<u32>,
    next: Vec<Vec<u32>>,
    way: Vec<f64>,
    locks: Vec<Option<Arc<str>>>,
    ready: BinaryHeap<Ready>,
    held: HashMap<Arc<str>, u32>,
    parked: HashMap<Arc<str>, BinaryHeap<Ready>>,
    dropped: Vec<bool>,
}

/// A ready step with its priority.
#[derive(Debug, Clone, Copy)]
struct Ready {
    way: f64,
    step: u32,
}

/// What the queue offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// This step may start; its lock is held from now on.
    Start(u32),
    /// This step could start if `on` did not hold its lock.
    Parked {
        /// The step that waits.
        step: u32,
        /// The step that holds the lock.
        on: u32,
    },
}

impl Queue {
    /// A queue of all steps of a plan.
    pub fn new(plan: &Plan) -> Self {
        let count = plan.steps.len();
        let mut waits_for = vec![0; count];
        let mut next: Vec<Vec<u32>> = vec![Vec::new(); count];
        for edge in &plan.edges {
            if let (Some(list), Some(waits)) =
                (next.get_mut(edge.before as usize), waits_for.get_mut(edge.after as usize))
            {
                list.push(edge.after);
                *waits += 1;
            }
        }
        // steps stand in an order that respects the edges, so what comes after a step is known before it
        let mut way = vec![0.0_f64; count];
        for (i, step) in plan.steps.iter().enumerate().rev() {
            let rest = next[i].iter().map(|after| way[*after as usize]).fold(0.0, f64::max);
            way[i] = step.expected.max(0.0) + rest;
        }
        let locks = plan.steps.iter().map(|step| step.lock.clone()).collect();
        let mut queue = Queue {
            way,
            locks,
            ready: BinaryHeap::new(),
            held: HashMap::new(),
            parked: HashMap::new(),
            dropped: vec![false; count],
            next,
            waits_for,
        };
        for step in (0u32..).zip(&plan.steps).map(|(number, _)| number) {
            if queue.waits_for[step as usize] == 0 {
                queue.push(step);
            }
        }
        queue
    }

    fn push(&mut self, step: u32) {
        self.ready.push(Ready { way: self.way[step as usize], step });
    }

    /// The next step in line; `None` when nothing is ready.
    pub fn offer(&mut self) -> Option<Offer> {
        let best = self.ready.pop()?;
        if let Some(lock) = &self.locks[best.step as usize] {
            if let Some(&on) = self.held.get(lock) {
                self.parked.entry(lock.clone()).or_default().push(best);
                return Some(Offer::Parked { step: best.step, on });
            }
            self.held.insert(lock.clone(), best.step);
        }
        Some(Offer::Start(best.step))
    }

    /// A step that was started is done: its lock is free and what waited for it may become ready.
    pub fn done(&mut self, step: u32) {
        self.release(step);
        for i in 0..self.next[step as usize].len() {
            let after = self.next[step as usize][i];
            let waits = &mut self.waits_for[after as usize];
            *waits -= 1;
            if *waits == 0 && !self.dropped[after as usize] {
                self.push(after);
            }
        }
    }

    /// A step that was started failed: its lock is free; everything that waits for it, near or far, is dropped and
    /// returned.
    pub fn failed(&mut self, step: u32) -> Vec<u32> {
        self.release(step);
        let mut dropped = Vec::new();
        let mut look = vec![step];
        while let Some(here) = look.pop() {
            for &after in &self.next[here as usize] {
                if !std::mem::replace(&mut self.dropped[after as usize], true) {
                    dropped.push(after);
                    look.push(after);
                }
            }
        }
        dropped
    }

    fn release(&mut self, step: u32) {
        let Some(lock) = self.locks[step as usize].clone() else { return };
        self.held.remove(&lock);
        if let Some(parked) = self.parked.get_mut(&lock) {
            let best = parked.pop();
            if parked.is_empty() {
                self.parked.remove(&lock);
            }
            self.ready.extend(best);
        }
    }
}

impl Ord for Ready {
    fn cmp(&self, other: &Self) -> Ordering {
        self.way.total_cmp(&other.way).then_with(|| other.step.cmp(&self.step))
    }
}

impl PartialOrd for Ready {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ready {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ready {}
