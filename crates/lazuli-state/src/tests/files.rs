use std::time::Duration;

use lazuli_core::journal::Record;
use lazuli_core::plan::Operation;
use proptest::prelude::*;

use super::sample::{
    append, backend, done, files, hidden_output, intent, keys, node, open, options, resource, run, secretive,
    world,
};
use crate::StateError;
use crate::document::{check, decode, encode};
use crate::seal::Keyring;

fn state_bytes(folder: &std::path::Path) -> Vec<u8> {
    std::fs::read(folder.join("lazuli.state")).unwrap()
}

#[test]
fn a_run_is_written_once_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let committed =
        run(folder.path(), vec![intent(0, Operation::Create, node("a", 1), false), done(0, node("a", 1))]);
    assert!(committed.written);
    assert_eq!(committed.serial, 1);
    let state = open(folder.path());
    assert_eq!(state.world().resources.len(), 1);
    assert_eq!(state.world().roster.len(), 1);
    assert!(state.leftover().is_none());
    assert!(!folder.path().join(".lazuli/journal").exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_state_journal_and_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, secretive("a"))]);
    let mut state = open(folder.path());
    append(&mut state, vec![done(0, secretive("b"))]);
    for file in ["lazuli.state", ".lazuli/journal", "keys/state.key"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_run_that_changes_nothing_leaves_every_byte_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, secretive("a"))]);
    let before = state_bytes(folder.path());
    let nothing = run(folder.path(), Vec::new());
    assert!(!nothing.written);
    let same = run(
        folder.path(),
        vec![Record::Adjusted { set_aside: vec![], removed: vec![], resources: vec![secretive("a")] }],
    );
    assert!(!same.written);
    assert_eq!(state_bytes(folder.path()), before);
    assert!(!folder.path().join("lazuli.state.backup.1").exists());
}

#[test]
fn a_plan_without_a_state_and_the_apply_after_it_have_one_lineage() {
    let folder = tempfile::tempdir().unwrap();
    let planned = open(folder.path()).world().lineage.clone();
    assert!(!planned.is_empty());
    assert_eq!(open(folder.path()).world().lineage, planned);
    assert!(!folder.path().join("lazuli.state").exists());
}

#[test]
fn the_last_ten_generations_are_kept_and_none_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..13 {
        run(folder.path(), vec![done(0, resource(&format!("r{i}")))]);
    }
    let mut names: Vec<_> =
        files(folder.path()).into_iter().filter(|(n, _)| n.contains(".backup.")).collect();
    names.sort_by_key(|(name, _)| name.rsplit('.').next().unwrap().parse::<u32>().unwrap());
    assert_eq!(names.len(), 10);
    let serials: Vec<_> = names.iter().map(|(_, bytes)| check(bytes).unwrap().serial).collect();
    assert_eq!(serials, (3..13).collect::<Vec<_>>());
}

#[test]
fn a_damaged_or_empty_state_is_refused_untouched_and_the_newest_whole_backup_named() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..3 {
        run(folder.path(), vec![done(0, resource(&format!("r{i}")))]);
    }
    std::fs::write(folder.path().join("lazuli.state.backup.2"), "half").unwrap();
    for content in ["", "{\"format_version\":1,", "{}", "not json at all"] {
        std::fs::write(folder.path().join("lazuli.state"), content).unwrap();
        let error = backend(folder.path()).open(options(keys(folder.path())), None).unwrap_err();
        assert_eq!(error.code(), "LZ2003");
        assert!(error.to_string().contains("lazuli.state.backup.1 (version 1)"), "{error}");
        assert_eq!(state_bytes(folder.path()), content.as_bytes());
    }
}

#[test]
fn a_state_of_a_newer_lazuli_is_refused_even_when_its_shape_is_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lazuli.state"), "{\"format_version\": 3, \"serial\": 9}").unwrap();
    let error = backend(folder.path()).read(keys(folder.path())).unwrap_err();
    assert!(matches!(error, StateError::Newer { found: 3, supported: 2, .. }), "{error}");
}

#[test]
fn a_second_run_is_told_who_holds_the_lock_and_gets_it_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let error = backend(folder.path()).open(options(keys(folder.path())), None).unwrap_err();
    let expected =
        format!("`lazuli apply` of alice@host, process {}, since 2026-11-22T14:05:00Z", std::process::id());
    assert!(error.to_string().ends_with(&expected), "{error}");
    assert!(error.help().contains("--lock-timeout"));

    let mut first = Some(first);
    let mut told = None;
    let mut waiting = |holder: Option<&crate::lock::Holder>| {
        told = holder.cloned();
        first = None; // the first run ends while the second one waits
    };
    let patient =
        crate::OpenOptions { lock_timeout: Duration::from_secs(60), ..options(keys(folder.path())) };
    backend(folder.path()).open(patient, Some(&mut waiting)).unwrap();
    assert_eq!(told.unwrap().who, "alice@host");
}

#[test]
fn what_a_killed_run_left_beside_the_lock_does_not_block() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    std::fs::write(folder.path().join(".lazuli/lock.json"), "{\"id\":\"x\",").unwrap();
    open(folder.path());
}

#[test]
fn what_a_killed_run_was_still_writing_goes_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, resource("a"))]);
    let unfinished = [
        ".lazuli.state-Xy12Zz",
        ".lazuli.state.backup.3-aaaaaa",
        ".lazuli/.lock.json-000000",
        ".lazuli/.lineage-000000",
    ];
    let others = [
        ".lazuli.state-two-Xy12Zz", // of a state that is called lazuli.state-two
        ".lazuli.state-Xy12Zzz",
        ".my.plan-Xy12Zz",
        "lazuli.state-Xy12Zz",
    ];
    for name in unfinished.iter().chain(&others) {
        std::fs::write(folder.path().join(name), "{").unwrap();
    }
    drop(open(folder.path()));
    unfinished.iter().for_each(|name| assert!(!folder.path().join(name).exists(), "{name}"));
    others.iter().for_each(|name| assert!(folder.path().join(name).exists(), "{name}"));
}

#[test]
fn looking_neither_locks_nor_writes() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = backend(folder.path()).read(keys(folder.path())).unwrap();
    assert!(snapshot.world.resources.is_empty());
    assert!(files(folder.path()).is_empty());
    let mut held = open(folder.path());
    append(&mut held, vec![intent(0, Operation::Create, resource("a"), false)]);
    let snapshot = backend(folder.path()).read(keys(folder.path())).unwrap();
    assert_eq!(snapshot.unfinished().len(), 1);
}

#[test]
fn several_states_in_one_folder_do_not_share_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let other = crate::Backend::local(folder.path().join("other.state"));
    let _held = open(folder.path());
    other.open(options(keys(folder.path())), None).unwrap();
}

fn full_world() -> lazuli_core::recorded::RecordedWorld {
    let mut world = world(&["a", "b"]);
    world.resources.insert(secretive("c").address, secretive("c"));
    world.deposed.push(secretive("d"));
    world.deposed.push(resource("a"));
    world.outputs.insert("hidden".into(), hidden_output());
    let shown = lazuli_core::recorded::RecordedOutput { value: 3.into(), sensitive: false };
    world.outputs.insert("shown".into(), shown);
    world
}

#[test]
fn every_flipped_bit_and_every_missing_tail_of_a_state_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::new(keys(folder.path()));
    let bytes = encode(&full_world(), &keyring).unwrap();
    assert_eq!(decode(&bytes, &keyring).unwrap(), full_world());
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length]).is_err(), "cut to {length}");
    }
    let mut flipped = bytes.clone();
    for place in 0..bytes.len() {
        let bit = 1 << (place % 8);
        for bit in [bit, 0x20] {
            flipped[place] ^= bit;
            assert!(check(&flipped).is_err(), "bit {bit} of byte {place}");
            flipped[place] ^= bit;
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(serde_json::Value::from),
        "\\PC{0,6}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[ab~/]{1,2}", inner, 0..3).prop_map(|m| serde_json::json!(m)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_state_comes_back_as_it_was(
        inputs in any_json(),
        observed in any_json(),
        sensitive in prop::collection::vec(prop::collection::vec("[ab~/]{1,2}", 0..3), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::new(keys(folder.path()));
        let mut world = full_world();
        let mut resource = resource("random");
        resource.inputs = inputs;
        resource.observed = observed;
        resource.sensitive = sensitive
            .into_iter()
            .map(|names| names.into_iter().map(|n| lazuli_core::path::PathStep::Name(n.into())).collect())
            .collect();
        world.resources.insert(resource.address.clone(), resource);
        let bytes = encode(&world, &keyring).unwrap();
        prop_assert_eq!(decode(&bytes, &keyring).unwrap(), world);
    }
}
