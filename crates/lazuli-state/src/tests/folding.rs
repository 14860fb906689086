use lazuli_core::journal::Record;
use lazuli_core::plan::Operation;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use proptest::prelude::*;
use serde_json::json;

use super::sample::{address, done, intent, node, resource, world};
use crate::Replay;

fn fold(world: RecordedWorld, records: Vec<Record>) -> RecordedWorld {
    let mut replay = Replay::new(world);
    records.into_iter().for_each(|r| replay.apply(r));
    replay.into_world()
}

#[test]
fn a_create_that_was_begun_is_pending_and_its_name_is_taken_for_ever() {
    let accepted = Record::Accepted { step: 0, url: "https://poll".into() };
    let begun = fold(world(&[]), vec![intent(0, Operation::Create, node("a", 3), false), accepted]);
    let pending = begun.resources[&address("a")].pending.clone().unwrap();
    assert_eq!((pending.operation, pending.url.as_deref()), (Operation::Create, Some("https://poll")));
    assert_eq!(begun.roster[&address("node")].generation, 3);

    let undone =
        fold(world(&[]), vec![intent(0, Operation::Create, node("a", 3), false), Record::Undone { step: 0 }]);
    assert!(undone.resources.is_empty());
    assert_eq!(undone.roster[&address("node")].generation, 3, "a name never comes back");

    let older = fold(undone, vec![done(1, node("b", 2))]);
    assert_eq!(older.roster[&address("node")].generation, 3);
}

#[test]
fn a_replacement_sets_the_old_object_aside_until_it_is_deleted() {
    let old = resource("a");
    let mut new = resource("a");
    new.id = lazuli_core::resource::ResourceId::new("/new");
    let create = || intent(0, Operation::Create, new.clone(), true);
    let begun = fold(world(&["a"]), vec![create()]);
    assert_eq!(begun.deposed, std::slice::from_ref(&old));
    assert_eq!(fold(world(&["a"]), vec![create(), Record::Undone { step: 0 }]), world(&["a"]));

    let made = fold(world(&["a"]), vec![create(), done(0, new.clone())]);
    let begun = fold(made.clone(), vec![intent(1, Operation::Delete, old.clone(), true)]);
    assert!(begun.deposed[0].pending.is_some());
    assert!(begun.resources[&address("a")].pending.is_none());
    let undone =
        fold(made.clone(), vec![intent(1, Operation::Delete, old.clone(), true), Record::Undone { step: 1 }]);
    assert_eq!(undone, made);
    let gone =
        fold(made, vec![intent(1, Operation::Delete, old, true), Record::Done { step: 1, resource: None }]);
    assert!(gone.deposed.is_empty());
    assert_eq!(gone.resources[&address("a")], new);
}

#[test]
fn while_an_update_is_uncertain_both_bodies_are_ours() {
    let mut old = resource("a");
    old.inputs = json!({"tags": {"old": "1"}, "size": 1});
    old.write_only = [("same", "s"), ("other", "o")].map(|(p, d)| (p.parse().unwrap(), d.to_owned())).into();
    let mut new = resource("a");
    new.inputs = json!({"tags": {"new": "1"}, "size": 2});
    new.write_only =
        [("same", "s"), ("other", "changed")].map(|(p, d)| (p.parse().unwrap(), d.to_owned())).into();
    let mut start = world(&[]);
    start.resources.insert(address("a"), old);
    let uncertain = vec![intent(0, Operation::Update, new.clone(), false), Record::Uncertain { step: 0 }];
    let after = fold(start.clone(), uncertain);
    let merged = &after.resources[&address("a")];
    assert_eq!(merged.inputs, json!({"tags": {"new": "1", "old": "1"}, "size": 2}));
    assert_eq!(merged.write_only.len(), 1, "a value that may not have been sent does not count as sent");
    assert!(merged.pending.is_some());
    let undone = fold(
        start.clone(),
        vec![intent(0, Operation::Update, new.clone(), false), Record::Undone { step: 0 }],
    );
    assert_eq!(undone, start);
    let finished = fold(start, vec![intent(0, Operation::Update, new.clone(), false), done(0, new.clone())]);
    assert_eq!(finished.resources[&address("a")], new);
}

#[test]
fn a_move_is_one_record() {
    let moved =
        Record::Adjusted { set_aside: vec![], removed: vec![address("a")], resources: vec![resource("b")] };
    let after = fold(world(&["a"]), vec![moved]);
    assert_eq!(after.resources.into_keys().collect::<Vec<_>>(), [address("b")]);
}

/// What may happen to one resource in a run.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Created,
    Updated,
    Deleted,
    Replaced,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    Undone,
    Uncertain,
    Open,
}

fn end(step: u32, end: End, resource: Option<Recorded>) -> Option<Record> {
    match end {
        End::Done => Some(Record::Done { step, resource: resource.map(Box::new) }),
        End::Undone => Some(Record::Undone { step }),
        End::Uncertain => Some(Record::Uncertain { step }),
        End::Open => None,
    }
}

fn story(step: &mut u32, i: usize, fate: Fate, ending: End) -> Vec<Record> {
    let name = format!("r{i}");
    let mut next = || {
        *step += 1;
        *step - 1
    };
    let successor =
        || Recorded { id: lazuli_core::resource::ResourceId::new(format!("/new/{name}")), ..resource(&name) };
    let number = next();
    let mut records = match fate {
        Fate::Created => vec![intent(number, Operation::Create, resource(&name), false)],
        Fate::Updated => vec![intent(number, Operation::Update, resource(&name), false)],
        Fate::Deleted => vec![intent(number, Operation::Delete, resource(&name), false)],
        Fate::Replaced => vec![intent(number, Operation::Create, successor(), true)],
    };
    match fate {
        Fate::Created | Fate::Updated => records.extend(end(number, ending, Some(resource(&name)))),
        Fate::Deleted => records.extend(end(number, ending, None)),
        Fate::Replaced => {
            records.push(done(number, successor()));
            let number = next();
            records.push(intent(number, Operation::Delete, resource(&name), true));
            records.extend(end(number, ending, None));
        }
    }
    records
}

fn stories() -> impl Strategy<Value = Vec<(Fate, End)>> {
    let fate =
        prop_oneof![Just(Fate::Created), Just(Fate::Updated), Just(Fate::Deleted), Just(Fate::Replaced)];
    let ending = prop_oneof![Just(End::Done), Just(End::Undone), Just(End::Uncertain), Just(End::Open)];
    prop::collection::vec((fate, ending), 1..8)
}

proptest! {
    /// Law 3: whatever may exist because of an intent is in the world, after any number of records.
    #[test]
    fn no_prefix_of_a_run_loses_an_object(stories in stories(), seed in any::<u64>()) {
        let mut start = world(&[]);
        for (i, (fate, _)) in stories.iter().enumerate() {
            if !matches!(fate, Fate::Created) {
                start.resources.insert(address(&format!("r{i}")), resource(&format!("r{i}")));
            }
        }
        // stories run at the same time: their records are interleaved, each in its own order
        let mut step = 0;
        let mut running: Vec<_> = stories
            .iter()
            .enumerate()
            .map(|(i, (fate, ending))| story(&mut step, i, *fate, *ending).into_iter().peekable())
            .collect();
        let mut seed = seed;
        let mut records = Vec::new();
        while running.iter_mut().any(|r| r.peek().is_some()) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(seed >> 33).unwrap() % running.len();
            records.extend(running[place].next());
        }
        let mut replay = Replay::new(start.clone());
        let mut exists: std::collections::HashSet<_> = start.resources.values().map(|r| r.id.clone()).collect();
        let mut intended = std::collections::HashMap::new();
        for record in records {
            match &record {
                Record::Intent { step, resource, operation, .. } => {
                    exists.insert(resource.id.clone());
                    intended.insert(*step, (resource.id.clone(), *operation));
                }
                Record::Done { step, resource: None } => {
                    exists.remove(&intended[step].0);
                }
                Record::Undone { step } if intended[step].1 == Operation::Create => {
                    exists.remove(&intended[step].0);
                }
                _ => {}
            }
            replay.apply(record);
            let world = replay.world();
            let held = world.resources.values().chain(&world.deposed);
            let held: Vec<_> = held.map(|r| r.id.clone()).collect();
            prop_assert_eq!(held.len(), exists.len(), "{:?} {:?}", held, exists);
            prop_assert!(held.iter().all(|id| exists.contains(id)));
        }
    }
}
