//! All buckets and gates of a subscription. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::bucket::{Bucket, Verdict};
use super::gate::Gate;
use super::sort::{Sort, Verb};

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wait {
    /// Azure has refused one, or nothing is left: until then.
    Closed(Duration),
    /// Little is left and it is spread: until then.
    Low(Duration),
    /// Until one that is under way has been answered.
    Answer,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Admission(u64);

#[derive(Debug)]
struct UnderWay {
    sort: Sort,
    /// Its numbers in the buckets it takes from.
    taken: Vec<(String, u64)>,
}

/// What is known of the limits of a subscription.
#[derive(Debug, Default)]
pub(super) struct Budget {
    buckets: HashMap<String, Bucket>,
    /// Which buckets the requests of a class take from, by the last answer to one.
    of_sort: HashMap<Sort, Vec<String>>,
    /// The same for a verb: what the gateway counts, whatever the type.
    of_verb: HashMap<Verb, Vec<String>>,
    gates: HashMap<String, Gate>,
    under_way: BTreeMap<u64, UnderWay>,
    sent: u64,
}

/// Buckets of the gateway are named after what they belong to, those of resource providers after the provider.
fn is_of_gateway(bucket: &str) -> bool {
    !bucket.contains('/')
}

impl Budget {
    /// What a request has to wait for because of its type.
    pub(super) fn wait_of_own(&self, sort: &Sort, now: Duration) -> Option<Wait> {
        self.wait(sort.own(), self.buckets_of(sort).filter(|name| !is_of_gateway(name)), now)
    }

    /// What a request has to wait for because of its verb.
    pub(super) fn wait_of_verb(&self, sort: &Sort, now: Duration) -> Option<Wait> {
        self.wait(sort.verb.name(), self.buckets_of(sort).filter(|name| is_of_gateway(name)), now)
    }

    fn wait<'a>(&self, gate: &str, buckets: impl Iterator<Item = &'a String>, now: Duration) -> Option<Wait> {
        let gate = self.gates.get(gate);
        let at_gate = gate.map_or(Verdict::Go, |gate| gate.decide(now));
        let buckets: Vec<&Bucket> = buckets.filter_map(|name| self.buckets.get(name)).collect();
        let verdict = buckets.iter().fold(at_gate, |so_far, bucket| so_far.and(bucket.decide(now)));
        let empty = buckets.iter().any(|bucket| bucket.available(now).is_some_and(|left| left < 1.0));
        match verdict {
            Verdict::Go => None,
            Verdict::Answer => Some(Wait::Answer),
            Verdict::Until(until) if empty || gate.is_some_and(|gate| gate.closed_until(now).is_some()) => {
                Some(Wait::Closed(until))
            }
            Verdict::Until(until) => Some(Wait::Low(until)),
        }
    }

    fn buckets_of(&self, sort: &Sort) -> impl Iterator<Item = &String> {
        let known = self.of_sort.get(sort).or_else(|| self.of_verb.get(&sort.verb));
        known.into_iter().flatten()
    }

    /// True when there is so much left that requests nobody needs may be sent.
    pub(super) fn is_plentiful(&self, sort: &Sort, now: Duration) -> bool {
        let open = |gate: &str| self.gates.get(gate).is_none_or(Gate::is_open);
        let plenty = |name: &String| self.buckets.get(name).is_none_or(|bucket| bucket.is_plentiful(now));
        open(sort.own()) && open(sort.verb.name()) && self.buckets_of(sort).all(plenty)
    }

    /// How many requests a bucket has left for certain.
    #[cfg(test)]
    pub(super) fn available(&self, bucket: &str, now: Duration) -> Option<f64> {
        self.buckets.get(bucket)?.available(now)
    }

    /// Sends a request, if it may be sent now.
    pub(super) fn admit(&mut self, sort: &Sort, now: Duration) -> Option<Admission> {
        if self.wait_of_own(sort, now).is_some() || self.wait_of_verb(sort, now).is_some() {
            return None;
        }
        let names: Vec<String> = self.buckets_of(sort).cloned().collect();
        let taken = names.into_iter().filter_map(|name| {
            let number = self.buckets.get_mut(&name)?.send(now);
            Some((name, number))
        });
        let taken = taken.collect();
        self.sent += 1;
        for gate in [sort.own(), sort.verb.name()] {
            if let Some(gate) = self.gates.get_mut(gate) {
                gate.send(self.sent);
            }
        }
        self.under_way.insert(self.sent, UnderWay { sort: sort.clone(), taken });
        Some(Admission(self.sent))
    }

    /// A request is answered, and this is what is left.
    pub(super) fn answered(&mut self, admission: Admission, left: &[(String, u64)], now: Duration) {
        let Some(ended) = self.under_way.remove(&admission.0) else { return };
        for gate in [ended.sort.own(), ended.sort.verb.name()] {
            if let Some(gate) = self.gates.get_mut(gate) {
                gate.answered(admission.0);
            }
        }
        self.learn(&ended, left, now);
    }

    /// A request is refused for too many: by the gateway, who counts verbs, or by the resource provider.
    pub(super) fn refused(&mut self, admission: Admission, by_gateway: bool, wait: Duration, now: Duration) {
        let Some(ended) = self.under_way.remove(&admission.0) else { return };
        let (closed, other) = match by_gateway {
            true => (ended.sort.verb.name(), ended.sort.own()),
            false => (ended.sort.own(), ended.sort.verb.name()),
        };
        if let Some(gate) = self.gates.get_mut(other) {
            gate.answered(admission.0);
        }
        self.gates.entry(closed.to_owned()).or_default().refused(admission.0, wait, now);
        for (name, number) in ended.taken.iter().filter(|(name, _)| is_of_gateway(name) == by_gateway) {
            if let Some(bucket) = self.buckets.get_mut(name) {
                bucket.refused(*number, wait, now);
            }
        }
        // The buckets of the other side may have counted it, or not.
        self.end(&ended, now);
    }

    /// A request has ended without an answer.
    pub(super) fn ended(&mut self, admission: Admission, now: Duration) {
        let Some(ended) = self.under_way.remove(&admission.0) else { return };
        for gate in [ended.sort.own(), ended.sort.verb.name()] {
            if let Some(gate) = self.gates.get_mut(gate) {
                gate.ended(admission.0);
            }
        }
        self.end(&ended, now);
    }

    fn end(&mut self, ended: &UnderWay, now: Duration) {
        for (name, number) in &ended.taken {
            if let Some(bucket) = self.buckets.get_mut(name) {
                bucket.ended(*number, now);
            }
        }
    }

    fn learn(&mut self, ended: &UnderWay, left: &[(String, u64)], now: Duration) {
        for (name, number) in &ended.taken {
            if let Some(bucket) = self.buckets.get_mut(name)
                && !left.iter().any(|(told, _)| told == name)
            {
                bucket.not_counted(*number);
            }
        }
        for (name, number) in left {
            let bucket = self.buckets.entry(name.clone()).or_default();
            let taken = ended.taken.iter().find(|(taken, _)| taken == name).map(|(_, number)| *number);
            // Who was sent before anything was known of the bucket is numbered now.
            let request = taken.unwrap_or_else(|| bucket.send(now));
            let same = |other: &Sort| match is_of_gateway(name) {
                true => other.verb == ended.sort.verb,
                false => *other == ended.sort,
            };
            for other in self.under_way.values_mut().filter(|other| same(&other.sort)) {
                if !other.taken.iter().any(|(taken, _)| taken == name) {
                    other.taken.push((name.clone(), bucket.send(now)));
                }
            }
            bucket.answered(request, *number, now);
        }
        let names: Vec<String> = left.iter().map(|(name, _)| name.clone()).collect();
        let of_gateway = names.iter().filter(|name| is_of_gateway(name)).cloned().collect();
        self.of_verb.insert(ended.sort.verb, of_gateway);
        self.of_sort.insert(ended.sort.clone(), names);
    }
}
