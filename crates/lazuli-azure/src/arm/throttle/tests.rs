//! The laws of a shared budget, against a service that keeps token buckets as Azure does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::budget::{Admission, Budget};
use super::sort::{Sort, left};
use super::{Throttle, Throttles};
use crate::arm::client::{Silent, Tell};
use azure_core::http::headers::Headers;

const SECOND: Duration = Duration::from_secs(1);
const VNET: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
const VM: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m";
const OPERATION: &str = "/subscriptions/s/providers/Microsoft.Compute/locations/eastus/operations/1";

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn writes(number: u64) -> Vec<(String, u64)> {
    vec![("subscription-writes".to_owned(), number)]
}

/// A bucket as Azure has it.
#[derive(Debug, Clone)]
struct Service {
    capacity: f64,
    rate: f64,
    level: f64,
    at: Duration,
}

impl Service {
    /// Counts a request: what is left, or how long to wait.
    fn take(&mut self, now: Duration) -> Result<u64, Duration> {
        self.level = (self.level + self.rate * (now - self.at).as_secs_f64()).min(self.capacity);
        self.at = now;
        if self.level < 1.0 {
            return Err(Duration::from_secs_f64(((1.0 - self.level) / self.rate).ceil().max(1.0)));
        }
        self.level -= 1.0;
        Ok(self.level as u64)
    }
}

/// How a story went.
#[derive(Debug, Default)]
struct Went {
    refused: usize,
    /// Refused although the budget had counted on it: not only asked.
    trusted: usize,
    took: Duration,
}

/// Sends many requests, so many at a time, each with its own way there and back.
fn send_all(service: &mut Service, count: usize, at_a_time: usize, ways: &[(u64, u64)]) -> Went {
    enum Happens {
        Arrives(Admission, bool, Duration),
        Answered(Admission, Result<u64, Duration>),
    }
    let sort = Sort::of("PUT", VNET);
    let mut budget = Budget::default();
    let mut events: BTreeMap<(Duration, usize), Happens> = BTreeMap::new();
    let (mut now, mut waiting, mut under_way, mut number) = (Duration::ZERO, count, 0, 0);
    let mut went = Went::default();
    while waiting > 0 || !events.is_empty() {
        let mut wake = None;
        while waiting > 0 && under_way < at_a_time {
            let wait = budget.wait_of_own(&sort, now).or_else(|| budget.wait_of_verb(&sort, now));
            match wait {
                None => {
                    let certain =
                        budget.available("subscription-writes", now).is_some_and(|left| left >= 1.0);
                    let admission = budget.admit(&sort, now).unwrap();
                    let (there, back) = ways[number % ways.len()];
                    number += 1;
                    events.insert((now + ms(there), number), Happens::Arrives(admission, certain, ms(back)));
                    (waiting, under_way) = (waiting - 1, under_way + 1);
                }
                Some(super::Wait::Answer) => break,
                Some(super::Wait::Closed(until) | super::Wait::Low(until)) => {
                    assert!(until > now, "waits for what is past");
                    wake = Some(until);
                    break;
                }
            }
        }
        let next = events.keys().next().map(|(at, _)| *at);
        match (next, wake) {
            (None, None) => panic!("{waiting} wait for ever: {budget:?}"),
            (None, Some(wake)) => now = wake,
            (Some(next), Some(wake)) if wake < next => now = wake,
            (Some(next), _) => {
                now = next;
                let (key, event) = events.pop_first().unwrap();
                match event {
                    Happens::Arrives(admission, certain, back) => {
                        let answer = service.take(now);
                        went.trusted += usize::from(certain && answer.is_err());
                        events.insert((now + back, key.1), Happens::Answered(admission, answer));
                    }
                    Happens::Answered(admission, Ok(number)) => {
                        under_way -= 1;
                        budget.answered(admission, &writes(number), now);
                    }
                    Happens::Answered(admission, Err(wait)) => {
                        (under_way, waiting) = (under_way - 1, waiting + 1);
                        went.refused += 1;
                        budget.refused(admission, true, wait, now);
                    }
                }
            }
        }
    }
    went.took = now;
    went
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_azure_told_is_never_exceeded_and_everyone_is_sent(
        capacity in 1_u32..300,
        // full to the brim or nearly used up by others
        full in 0.0_f64..1.0,
        rate in 0.2_f64..40.0,
        count in 1_usize..400,
        at_a_time in 1_usize..40,
        ways in prop::collection::vec((1_u64..100, 1_u64..3_000), 1..20),
    ) {
        let capacity = f64::from(capacity).max(40.0);
        let level = (capacity * full).max(40.0); // what goes out before the first answer is not known to be too much
        let mut service = Service { capacity, rate, level, at: Duration::ZERO };
        let went = send_all(&mut service, count, at_a_time, &ways);
        prop_assert_eq!(went.trusted, 0, "{:?}", went);
        // Only requests that ask whether there is something again can be refused, and what they learn is remembered.
        prop_assert!(went.refused <= 4 + count / 50, "{:?}", went);
        let least = (count as f64 - level).max(0.0) / rate;
        prop_assert!(went.took.as_secs_f64() <= 4.0 * least + 60.0 + 3.2 * count as f64 / at_a_time as f64, "{:?} least {least}", went);
    }

    #[test]
    fn nobody_waits_while_enough_is_left(
        told in prop::collection::vec(30_u64..5_000, 1..30),
        under_way in 0_usize..8,
    ) {
        let sort = Sort::of("PUT", VNET);
        let mut budget = Budget::default();
        let mut now = Duration::ZERO;
        let most = *told.iter().max().unwrap() as f64;
        for number in told {
            let one = budget.admit(&sort, now);
            prop_assume!(one.is_some()); // little was told before
            now += ms(100);
            budget.answered(one.unwrap(), &writes(number), now);
            let mut sent = Vec::new();
            for already in 0..under_way {
                if number as f64 - already as f64 >= 1.0 + most * 0.1 {
                    let admission = budget.admit(&sort, now);
                    prop_assert!(admission.is_some(), "{} left and {} under way", number, already);
                    sent.push(admission.unwrap());
                }
            }
            sent.into_iter().for_each(|one| budget.answered(one, &writes(number), now));
        }
    }
}

#[test]
fn a_small_bucket_is_used_nearly_as_fast_as_it_fills() {
    let mut service = Service { capacity: 30.0, rate: 3.0, level: 30.0, at: Duration::ZERO };
    let went = send_all(&mut service, 200, 10, &[(20, 900), (20, 1500), (30, 700)]);
    let best = (200.0 - 30.0) / 3.0;
    assert!(went.took.as_secs_f64() < best * 1.25, "{went:?}, at best {best} s");
    assert_eq!(went.refused, 0);
}

#[test]
fn without_a_word_of_azure_there_is_no_limit() {
    let sort = Sort::of("PUT", VNET);
    let mut budget = Budget::default();
    let all: Vec<_> = (0..1000).map(|_| budget.admit(&sort, SECOND).unwrap()).collect();
    all.into_iter().for_each(|one| budget.answered(one, &[], SECOND));
    assert!(budget.admit(&sort, SECOND).is_some());
}

#[test]
fn a_bucket_that_is_told_of_once_and_never_again_stops_nobody() {
    let sort = Sort::of("GET", VNET);
    let mut budget = Budget::default();
    let one = budget.admit(&sort, SECOND).unwrap();
    budget.answered(one, &[("tenant-reads".to_owned(), 3)], SECOND);
    for _ in 0..50 {
        let one = budget.admit(&sort, 60 * SECOND).unwrap();
        budget.answered(one, &[("subscription-reads".to_owned(), 199)], 60 * SECOND);
    }
}

#[test]
fn polls_take_nothing_from_the_budget_of_writes() {
    let (write, poll) = (Sort::of("PUT", VM), Sort::of("GET", OPERATION));
    let mut budget = Budget::default();
    let one = budget.admit(&poll, SECOND).unwrap();
    budget.answered(one, &[("subscription-reads".to_owned(), 0)], SECOND);
    assert!(budget.admit(&poll, SECOND).is_none(), "reads are used up");
    assert!(budget.admit(&write, SECOND).is_some(), "writes are not");
    let one = budget.admit(&Sort::of("DELETE", VM), SECOND).unwrap();
    budget.refused(one, true, 60 * SECOND, SECOND);
    assert!(budget.admit(&Sort::of("DELETE", VNET), SECOND).is_none());
    assert!(budget.admit(&write, SECOND).is_some());
}

#[test]
fn a_limit_of_virtual_machines_stops_no_network() {
    let (vm, vnet) = (Sort::of("PUT", VM), Sort::of("PUT", VNET));
    let mut budget = Budget::default();
    let one = budget.admit(&vm, SECOND).unwrap();
    let header = "Microsoft.Compute/PutVM3Min;0, Microsoft.Compute/PutVM30Min;1198";
    let told = left(
        [
            ("X-Ms-Ratelimit-Remaining-Resource", header),
            ("x-ms-ratelimit-remaining-subscription-writes", "198"),
        ]
        .into_iter(),
    );
    assert_eq!(told.len(), 3);
    budget.answered(one, &told, SECOND);
    assert!(budget.admit(&vm, SECOND).is_none());
    assert!(budget.admit(&vnet, SECOND).is_some());
    let other = Sort::of("PUT", &VM.replace("/m", "/another"));
    assert!(budget.admit(&other, SECOND).is_none(), "the limit is for all virtual machines");
    assert_ne!(Sort::of("GET", VM), Sort::of("GET", VM.trim_end_matches("/m")), "lists are counted apart");
}

#[test]
fn after_a_refusal_one_goes_first_and_then_more_and_more() {
    let sort = Sort::of("PUT", VNET);
    let mut budget = Budget::default();
    let all: Vec<_> = (0..10).map(|_| budget.admit(&sort, SECOND).unwrap()).collect();
    for one in all {
        budget.refused(one, true, 12 * SECOND, SECOND);
    }
    assert!(budget.admit(&sort, 12 * SECOND).is_none(), "12 s are not over");
    let mut now = 13 * SECOND;
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let mut round = Vec::new();
        while round.len() < 100 {
            let Some(one) = budget.admit(&sort, now) else { break };
            round.push(one);
        }
        rounds.push(round.len());
        now += SECOND;
        round.into_iter().for_each(|one| budget.answered(one, &[], now));
    }
    assert_eq!(rounds, [1, 2, 4, 8, 100]);
}

/// Remembers what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Tell for Told {
    fn tell(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

fn throttle() -> Arc<Throttle> {
    Throttles::default().of(&"https://management.azure.com".parse().unwrap(), "s")
}

#[tokio::test(start_paused = true)]
async fn all_of_a_class_wait_for_one_refusal_and_are_told_so() {
    let (throttle, sort) = (throttle(), Sort::of("PUT", VNET));
    let began = tokio::time::Instant::now();
    let refused = throttle.admit(&sort, 300 * SECOND, &Silent).await.unwrap();
    refused.refused(true, 12 * SECOND);
    let told = Told::default();
    let one = throttle.admit(&sort, 300 * SECOND, &told).await.unwrap();
    assert_eq!(began.elapsed(), 12 * SECOND);
    assert_eq!(*told.0.lock().unwrap(), ["Azure allows no more writes for 12 s"]);
    // The second waits for what the first is answered.
    let (again, second) = (throttle.clone(), sort.clone());
    let second = tokio::spawn(async move { again.admit(&second, 300 * SECOND, &Silent).await.map(drop) });
    tokio::time::sleep(5 * SECOND).await;
    assert!(!second.is_finished());
    one.answered(&Headers::new());
    second.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), 17 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_leaves_its_place_to_others() {
    let (throttle, sort) = (throttle(), Sort::of("PUT", VNET));
    throttle.admit(&sort, SECOND, &Silent).await.unwrap().refused(true, ms(500));
    let lost = throttle.admit(&sort, SECOND, &Silent).await.unwrap();
    let late = tokio::time::timeout(SECOND, throttle.admit(&sort, SECOND, &Silent)).await;
    assert!(late.is_err(), "one at a time");
    drop(lost);
    throttle.admit(&sort, SECOND, &Silent).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_patience_for_a_closed_class() {
    let (throttle, sort) = (throttle(), Sort::of("GET", VM));
    throttle.admit(&sort, SECOND, &Silent).await.unwrap().refused(false, 1200 * SECOND);
    let rest = throttle.admit(&sort, 300 * SECOND, &Silent).await.unwrap_err();
    assert_eq!(rest, 1200 * SECOND);
    throttle.admit(&Sort::of("GET", VNET), 300 * SECOND, &Silent).await.unwrap();
}

#[test]
fn accounts_of_one_subscription_share_what_azure_allows() {
    let throttles = Throttles::default();
    let url = "https://management.azure.com/".parse().unwrap();
    let one = throttles.of(&url, "ABC");
    assert!(Arc::ptr_eq(&one, &throttles.clone().of(&url, "abc")));
    assert!(!Arc::ptr_eq(&one, &throttles.of(&url, "abd")));
}
