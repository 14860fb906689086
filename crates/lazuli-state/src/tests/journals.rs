use std::sync::Arc;

use lazuli_core::journal::{Journal as _, Record};
use lazuli_core::plan::Operation;

use super::sample::{
    address, append, backend, done, files, hidden_output, intent, keys, open, options, resource, run,
    secretive,
};
use crate::frame::{Refusal, decode};
use crate::seal::Keyring;

const JOURNAL: &str = ".lazuli/journal";

fn outputs() -> Record {
    Record::Outputs { outputs: [("hidden".into(), hidden_output())].into() }
}

#[test]
fn a_killed_run_is_replayed_and_its_open_steps_named() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, resource("old"))]);
    {
        let mut killed = open(folder.path());
        let url = "https://poll".to_owned();
        append(
            &mut killed,
            vec![
                intent(0, Operation::Create, secretive("a"), false),
                Record::Accepted { step: 0, url },
                intent(1, Operation::Delete, resource("old"), false),
                outputs(),
            ],
        );
    }
    let mut state = open(folder.path());
    assert_eq!(state.world().serial, 2, "a world with a journal is a version newer than its file");
    assert_eq!(state.leftover().unwrap().records, 4);
    let open_steps: Vec<_> =
        state.unfinished().into_iter().map(|u| (u.address.to_string(), u.operation, u.url)).collect();
    assert_eq!(
        open_steps,
        [
            ("resource.a".to_owned(), Operation::Create, Some("https://poll".to_owned())),
            ("resource.old".to_owned(), Operation::Delete, None)
        ]
    );
    let before = state.world().clone();
    append(&mut state, vec![done(0, resource("b"))]);
    drop(state); // killed again
    let state = open(folder.path());
    assert_eq!(state.world().serial, 3);
    assert_eq!(state.world().resources.len(), before.resources.len() + 1);
    assert_eq!(state.world().outputs, before.outputs);
}

#[test]
fn what_a_killed_run_left_is_folded_into_the_state_also_when_nothing_else_is_to_do() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path()), vec![done(0, resource("a"))]); // killed: never committed
    let whole = std::fs::read(folder.path().join(JOURNAL)).unwrap();
    let mut state = open(folder.path());
    state.fold().unwrap();
    assert!(!folder.path().join(JOURNAL).exists());
    drop(state);
    let before = files(folder.path());
    // A run that was killed between writing the state and removing its journal.
    std::fs::write(folder.path().join(JOURNAL), whole).unwrap();
    let mut state = open(folder.path());
    assert!(state.world().resources.contains_key(&address("a")));
    state.fold().unwrap();
    state.fold().unwrap();
    drop(state);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_run_killed_between_writing_the_state_and_removing_the_journal_is_not_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = {
        let mut state = open(folder.path());
        append(&mut state, vec![intent(0, Operation::Create, resource("a"), false), done(0, resource("a"))]);
        let journal = std::fs::read(folder.path().join(JOURNAL)).unwrap();
        state.commit().unwrap();
        journal
    };
    std::fs::write(folder.path().join(JOURNAL), journal).unwrap();
    let state = open(folder.path());
    assert!(state.leftover().is_none());
    assert_eq!(state.world().serial, 1);
}

#[test]
fn a_journal_is_never_replayed_onto_another_state() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(folder.path(), vec![done(0, resource("a"))]);
    run(other.path(), vec![done(0, resource("a"))]);
    append(&mut open(other.path()), vec![done(0, resource("b"))]);
    std::fs::copy(other.path().join(JOURNAL), folder.path().join(JOURNAL)).unwrap();
    let error = backend(folder.path()).open(options(keys(folder.path())), None).unwrap_err();
    assert_eq!(error.code(), "LZ2008");
    // an older copy of the state was put back under a newer journal
    run(other.path(), vec![done(0, resource("c"))]);
    append(&mut open(other.path()), vec![done(0, resource("d"))]);
    std::fs::copy(other.path().join("lazuli.state.backup.1"), other.path().join("lazuli.state")).unwrap();
    assert_eq!(backend(other.path()).read(keys(other.path())).unwrap_err().code(), "LZ2008");
    // the state was lost
    std::fs::remove_file(other.path().join("lazuli.state")).unwrap();
    let error = backend(other.path()).read(keys(other.path())).unwrap_err();
    assert_eq!(error.code(), "LZ2011");
    assert!(error.to_string().contains("backup.2"), "{error}");
}

/// A journal of three batches with a secret, and how many records are durable up to each line's end.
fn sample(folder: &std::path::Path) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut state = open(folder);
    let records =
        vec![intent(0, Operation::Create, secretive("a"), false), done(0, secretive("a")), outputs()];
    append(&mut state, records);
    let bytes = std::fs::read(folder.join(JOURNAL)).unwrap();
    let ends: Vec<_> = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    assert_eq!(ends.len(), 4, "a header and three batches");
    let durable = ends.into_iter().enumerate().map(|(records, end)| (end, records)).collect();
    (bytes, durable)
}

#[test]
fn a_tail_torn_at_any_byte_costs_nothing_that_was_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, durable) = sample(folder.path());
    let keyring = Keyring::new(keys(folder.path()));
    for length in 0..=bytes.len() {
        let whole = durable.iter().rev().find(|(end, _)| *end <= length).map(|(_, records)| *records);
        let read = decode(&bytes[..length], &keyring).unwrap().map(|j| j.records.len());
        assert_eq!(read, whole, "cut to {length}");
        // the file was made longer before its blocks were written
        let mut zeros = bytes[..length].to_vec();
        zeros.resize(length + 512, 0);
        let read = decode(&zeros, &keyring).unwrap().map(|j| j.records.len());
        assert_eq!(read, whole, "zeros from {length}");
    }
}

#[test]
fn every_flipped_bit_of_a_journal_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bytes, _) = sample(folder.path());
    let keyring = Keyring::new(keys(folder.path()));
    for place in 0..bytes.len() {
        for bit in (0..8).map(|b| 1 << b) {
            bytes[place] ^= bit;
            let read = decode(&bytes, &keyring);
            assert!(matches!(read, Err(Refusal::Damaged { .. })), "bit {bit} of byte {place}");
            bytes[place] ^= bit;
        }
    }
}

#[test]
fn a_last_record_whose_first_or_last_bytes_lie_in_a_block_that_was_not_written_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, durable) = sample(folder.path());
    let keyring = Keyring::new(keys(folder.path()));
    let [.., (start, records), (end, _)] = durable[..] else { panic!("two batches") };
    for few in 1..=8 {
        for hole in [start..start + few, end - few..end] {
            let mut torn = bytes[..end].to_vec();
            torn[hole.clone()].fill(0);
            let read = decode(&torn, &keyring).unwrap().map(|j| j.records.len());
            assert_eq!(read, Some(records), "zeros at {hole:?}");
        }
    }
}

#[test]
fn a_hole_of_zeros_before_a_durable_record_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bytes, durable) = sample(folder.path());
    let keyring = Keyring::new(keys(folder.path()));
    bytes[durable[0].0..durable[1].0].fill(0);
    assert!(matches!(decode(&bytes, &keyring), Err(Refusal::Damaged { .. })));
}

#[test]
fn many_who_wait_share_a_flush() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(folder.path());
    let journal = state.journal().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    // while somebody looks at the world no flush can end, so that all of them queue
    journal.with_world(|_| {
        runtime.block_on(async {
            for i in 0..500 {
                let journal = Arc::clone(&journal);
                tasks
                    .spawn(async move { journal.append(done(i, resource(&format!("r{i}")))).await.unwrap() });
            }
            for _ in 0..500 {
                tokio::task::yield_now().await; // until every one of them waits
            }
        });
    });
    runtime.block_on(tasks.join_all());
    let lines = std::fs::read(folder.path().join(JOURNAL)).unwrap().iter().filter(|b| **b == b'\n').count();
    assert!(lines <= 1 + 12, "{lines} lines for 500 records");
    assert_eq!(journal.with_world(|w| w.resources.len()), 500);
    assert_eq!(state.commit().unwrap().serial, 1);
    let late = runtime.block_on(journal.append(done(0, resource("late"))));
    assert!(late.is_err(), "the run is over");
    drop(state);
    assert_eq!(open(folder.path()).world().resources.len(), 500);
}

#[test]
fn a_journal_that_cannot_be_written_refuses_and_stays_refusing() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(folder.path());
    std::fs::create_dir(folder.path().join(JOURNAL)).unwrap();
    let journal = state.journal().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(journal.append(done(0, resource("a")))).is_err());
    std::fs::remove_dir(folder.path().join(JOURNAL)).unwrap();
    assert!(runtime.block_on(journal.append(done(0, resource("a")))).is_err());
    assert!(journal.with_world(|w| w.resources.is_empty()));
}

#[test]
fn no_secret_is_in_clear_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, secretive("a")), outputs()]);
    run(folder.path(), vec![done(0, resource("b"))]);
    let mut state = open(folder.path());
    let adjusted = Record::Adjusted {
        set_aside: vec![],
        removed: vec![],
        resources: vec![resource("x"), secretive("c")],
    };
    append(&mut state, vec![intent(0, Operation::Update, secretive("a"), false), adjusted, outputs()]);
    let found = files(folder.path());
    assert!(found.iter().any(|(name, _)| name.ends_with("journal")) && found.len() >= 5);
    for (name, bytes) in found {
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{name}");
    }
    drop(state);
    let state = open(folder.path());
    assert_eq!(state.world().resources[&super::sample::address("c")], secretive("c"));
    assert_eq!(state.world().outputs["hidden"], hidden_output());
}
