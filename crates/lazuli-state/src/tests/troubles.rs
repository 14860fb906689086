//! States that an unlucky disk, an unlucky person or an attacker made, and what replaces them.

use std::path::Path;

use lazuli_core::plan::Operation;
use lazuli_core::recorded::RecordedWorld;

use super::sample::{
    address, append, backend, done, files, intent, keys, open, options, passphrase, resource, run, secretive,
};
use crate::document::{check, decode, encode, glance};
use crate::lock::Holder;
use crate::push::Pushed;
use crate::seal::Keyring;
use crate::unlock::Unlocked;
use crate::{KeySources, OpenState, StateError};

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// Three versions with two backups.
fn three_versions() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        run(folder.path(), vec![done(0, secretive(name))]);
    }
    folder
}

fn push(folder: &Path, bytes: &[u8], force: bool) -> Result<Pushed, StateError> {
    backend(folder).push(bytes, Path::new("pushed"), force, options(keys(folder)), None)
}

/// A file of our own with this serial, sealed with this folder's key.
fn state_of(folder: &Path, lineage: &str, serial: u64, names: &[&str]) -> Vec<u8> {
    let resources = names.iter().map(|n| (address(n), secretive(n))).collect();
    let world = RecordedWorld { lineage: lineage.into(), serial, resources, ..RecordedWorld::default() };
    encode(&world, &Keyring::new(keys(folder))).unwrap()
}

fn lineage(folder: &Path) -> String {
    check(&bytes(folder, "lazuli.state")).unwrap().lineage
}

#[test]
fn no_damage_is_ever_read_as_a_state_and_each_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, resource("a"))]);
    run(folder.path(), vec![done(0, secretive("b"))]);
    let whole = bytes(folder.path(), "lazuli.state");
    let refused = |damaged: &[u8], what: String| {
        put(folder.path(), "lazuli.state", damaged);
        let error = backend(folder.path()).read(keys(folder.path())).expect_err(&what);
        assert_eq!(error.code(), "LZ2003", "{what}: {error}");
        assert!(error.help().contains("cp "), "{what}: {}", error.help());
        assert!(error.to_string().contains("lazuli.state.backup.1 (version 1)"), "{what}: {error}");
    };
    for length in 0..whole.len() {
        refused(&whole[..length], format!("cut to {length}"));
    }
    let mut flipped = whole.clone();
    for at in 0..whole.len() {
        flipped[at] ^= 1 << (at % 8);
        refused(&flipped, format!("byte {at} flipped"));
        flipped[at] = whole[at];
    }
    let mut longer = whole.clone();
    longer.push(b'\n');
    refused(&longer, "one byte more".to_owned());
}

#[test]
fn who_has_no_key_cannot_edit_a_state_that_holds_secrets() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, secretive("b"))]);
    let text = String::from_utf8(bytes(folder.path(), "lazuli.state")).unwrap();
    let edited = text.replace("/resourceGroups/g/", "/resourceGroups/h/");
    assert_ne!(edited, text);
    let end = edited.find("\"integrity\"").unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &edited.as_bytes()[..end]);
    let digest: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let forged = format!("{}\"integrity\":\"sha256:{digest}\"\n}}\n", &edited[..end]);
    assert!(check(forged.as_bytes()).is_ok(), "the checksum alone does not tell");
    put(folder.path(), "lazuli.state", forged.as_bytes());
    let error = backend(folder.path()).read(keys(folder.path())).unwrap_err();
    assert!(error.to_string().contains("encrypted part was altered"), "{error}");
}

/// Written by a release that knew only format version 1.
const FIRST_FORMAT: &[u8] = include_bytes!("../../../../testdata/state/format-1.state");

fn first_key() -> KeySources {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/state/format-1.key");
    KeySources { key_file: Some(file), ..KeySources::default() }
}

#[test]
fn a_state_of_the_first_format_is_read_and_becomes_the_current_one_when_it_is_written() {
    assert!(FIRST_FORMAT.starts_with(b"{\n\"format_version\":1,\n"));
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "lazuli.state", FIRST_FORMAT);
    let mut state = backend(folder.path()).open(options(first_key()), None).unwrap();
    let before = state.world().clone();
    assert_eq!((before.resources.len(), before.roster.len(), before.serial), (18, 2, 1));
    assert_eq!(before.outputs["password"].value, "say correct-horse-battery-staple");
    assert_eq!(bytes(folder.path(), "lazuli.state"), FIRST_FORMAT, "reading writes nothing");
    let committed = state.replace((*before).clone()).unwrap();
    assert_eq!(bytes(folder.path(), "lazuli.state.backup.1"), FIRST_FORMAT);
    assert_eq!(committed.backup, Some(folder.path().join("lazuli.state.backup.1")));
    drop(state);
    let written = bytes(folder.path(), "lazuli.state");
    assert!(
        written
            .starts_with(format!("{{\n\"format_version\":{},\n", crate::document::FORMAT_VERSION).as_bytes())
    );
    let after = backend(folder.path()).read(first_key()).unwrap().world;
    assert_eq!(after, RecordedWorld { serial: 2, ..(*before).clone() });
    assert_eq!(glance(&written[..200]).unwrap(), check(&written).unwrap());
}

#[test]
fn an_older_file_in_the_place_of_the_state_is_noticed() {
    let folder = three_versions();
    std::fs::copy(folder.path().join("lazuli.state.backup.1"), folder.path().join("lazuli.state")).unwrap();
    let error = backend(folder.path()).open(options(keys(folder.path())), None).unwrap_err();
    assert_eq!(error.code(), "LZ2014");
    assert!(error.to_string().contains("is version 1, but its backup"), "{error}");
    // Both ways that are offered lead out.
    let older = bytes(folder.path(), "lazuli.state");
    assert_eq!(push(folder.path(), &older, false).unwrap_err().code(), "LZ2015");
    assert_eq!(push(folder.path(), &older, true).unwrap().committed.serial, 4);
    assert_eq!(open(folder.path()).world().resources.len(), 1);
    let folder = three_versions();
    std::fs::copy(folder.path().join("lazuli.state.backup.2"), folder.path().join("lazuli.state")).unwrap();
    assert_eq!(open(folder.path()).world().serial, 2, "the newest backup is no older file");
}

#[test]
fn a_state_that_is_gone_is_not_an_empty_one() {
    let folder = three_versions();
    std::fs::remove_file(folder.path().join("lazuli.state")).unwrap();
    for error in [
        backend(folder.path()).read(keys(folder.path())).unwrap_err(),
        backend(folder.path()).open(options(keys(folder.path())), None).unwrap_err(),
        backend(folder.path()).pull().unwrap_err(),
    ] {
        assert_eq!(error.code(), "LZ2011");
        assert!(error.help().contains("lazuli.state.backup.2"), "{}", error.help());
    }
    let newest = bytes(folder.path(), "lazuli.state.backup.2");
    assert_eq!(push(folder.path(), &newest, false).unwrap().committed.serial, 4);
    assert_eq!(open(folder.path()).world().resources.len(), 2);
}

#[test]
fn a_push_is_refused_unless_it_is_a_later_version_of_the_same_state() {
    let folder = three_versions();
    let (here, state) = (lineage(folder.path()), bytes(folder.path(), "lazuli.state"));
    let own = |serial, names: &[&str]| state_of(folder.path(), &here, serial, names);
    let foreign = state_of(folder.path(), "another", 9, &["a"]);
    let newer =
        String::from_utf8(own(9, &["a"])).unwrap().replace("format_version\":2", "format_version\":3");
    let elsewhere = tempfile::tempdir().unwrap();
    let sealed_elsewhere = state_of(elsewhere.path(), &here, 9, &["a"]);
    let half = &state[..state.len() / 2];
    for (pushed, code, forced) in [
        (&foreign[..], "LZ2013", Some(9)),
        (&own(2, &["a"])[..], "LZ2015", Some(4)),
        (&own(3, &["a"])[..], "LZ2015", Some(4)),
        (&sealed_elsewhere[..], "LZ2006", None),
        (half, "LZ2019", None),
        (b"", "LZ2019", None),
        (b"{}\n", "LZ2019", None),
        (newer.as_bytes(), "LZ2019", None), // its checksum does not fit; what follows is whole
        (b"{\"format_version\": 3, \"serial\": 9}", "LZ2004", None),
    ] {
        put(folder.path(), "lazuli.state", &state);
        let error = push(folder.path(), pushed, false).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(bytes(folder.path(), "lazuli.state"), state, "{error}");
        match (push(folder.path(), pushed, true), forced) {
            (Ok(pushed), Some(serial)) => {
                assert_eq!(pushed.committed.serial, serial);
                assert_eq!(std::fs::read(pushed.committed.backup.unwrap()).unwrap(), state);
            }
            (Err(error), None) => assert_eq!(error.code(), code),
            (other, _) => panic!("{code}: {other:?}"),
        }
        // What was forced is taken back, with the backups it made.
        for (name, content) in files(folder.path()) {
            if name.contains(".backup.") && (content == state || check(&content).unwrap().serial > 2) {
                std::fs::remove_file(name).unwrap();
            }
        }
    }

    put(folder.path(), "lazuli.state", &state);
    assert!(!push(folder.path(), &state, false).unwrap().committed.written, "the same");
    let resealed = encode(
        &decode(&state, &Keyring::new(keys(folder.path()))).unwrap(),
        &Keyring::new(keys(folder.path())),
    );
    assert!(
        !push(folder.path(), &resealed.unwrap(), false).unwrap().committed.written,
        "sealed anew and the same"
    );
    let later = own(7, &["a"]);
    assert_eq!(push(folder.path(), &later, false).unwrap().committed.serial, 7);
    assert_eq!(backend(folder.path()).pull().unwrap(), Some((later, false)), "byte by byte what was pushed");
}

#[test]
fn a_push_onto_an_unfinished_run_is_refused_and_forced_keeps_its_journal() {
    let folder = three_versions();
    let mut state = open(folder.path());
    append(&mut state, vec![intent(0, Operation::Create, resource("new"), false)]);
    drop(state);
    let journal = bytes(folder.path(), ".lazuli/journal");
    let later = state_of(folder.path(), &lineage(folder.path()), 8, &["a"]);
    let error = push(folder.path(), &later, false).unwrap_err();
    assert_eq!(error.code(), "LZ2016");
    assert!(error.to_string().contains("`lazuli apply` of alice@host"), "{error}");
    let pushed = push(folder.path(), &later, true).unwrap();
    assert_eq!(std::fs::read(pushed.set_aside.unwrap()).unwrap(), journal);
    assert_eq!(open(folder.path()).unfinished().len(), 0);
}

#[test]
fn a_damaged_state_is_replaced_only_by_force_and_kept() {
    let folder = three_versions();
    let backup = bytes(folder.path(), "lazuli.state.backup.2");
    put(folder.path(), "lazuli.state", b"half");
    assert_eq!(push(folder.path(), &backup, false).unwrap_err().code(), "LZ2003");
    let pushed = push(folder.path(), &backup, true).unwrap();
    assert_eq!(pushed.committed.serial, 4, "version 3 is what was damaged");
    assert_eq!(std::fs::read(pushed.committed.backup.unwrap()).unwrap(), b"half");
    open(folder.path());
}

/// Another key than the one in the folder's `keys`.
fn key_file(folder: &Path) -> KeySources {
    let file = folder.join("new.key");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    KeySources { key_file: Some(file), ..KeySources::default() }
}

fn rekey(folder: &Path, old: KeySources, new: KeySources) -> crate::rekey::Rekeyed {
    let mut state: OpenState = backend(folder).open(options(old), None).unwrap();
    state.rekey(new).unwrap()
}

#[test]
fn after_a_change_of_keys_the_old_one_opens_nothing() {
    let folder = three_versions();
    put(folder.path(), "lazuli.state.backup.7", b"half");
    let old = keys(folder.path());
    let before = backend(folder.path()).read(old.clone()).unwrap().world;
    let new = key_file(folder.path());
    let told = rekey(folder.path(), old.clone(), new.clone());
    assert_eq!(
        (told.resealed.len(), told.clear.len(), told.removed.len(), told.untouched.len()),
        (2, 0, 1, 0)
    );
    assert_eq!((told.key, told.sealed, told.committed.serial), ("key file", true, 4));
    for (name, content) in files(folder.path()).iter().filter(|(name, _)| name.contains("lazuli.state")) {
        assert!(decode(content, &Keyring::new(old.clone())).is_err(), "{name}");
        decode(content, &Keyring::new(new.clone())).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    let after = backend(folder.path()).read(new.clone()).unwrap().world;
    assert_eq!(after, RecordedWorld { serial: 4, ..before });
    // And to a passphrase; the key file that is gone then is missed by nobody.
    let told = rekey(folder.path(), new, passphrase("another"));
    assert_eq!((told.key, told.resealed.len()), ("passphrase", 3));
    backend(folder.path()).read(passphrase("another")).unwrap();
}

#[test]
fn a_change_of_keys_that_was_stopped_half_way_is_repeated() {
    let folder = three_versions();
    let before = bytes(folder.path(), "lazuli.state");
    let old = keys(folder.path());
    let new = key_file(folder.path());
    rekey(folder.path(), old.clone(), new.clone());
    // The backups have the new key; the state still had the old one.
    put(folder.path(), "lazuli.state", &before);
    std::fs::remove_file(folder.path().join("lazuli.state.backup.3")).unwrap();
    let told = rekey(folder.path(), old, new.clone());
    assert_eq!((told.resealed.len(), told.removed.len(), told.untouched.len()), (2, 0, 0));
    for name in ["lazuli.state", "lazuli.state.backup.1", "lazuli.state.backup.2", "lazuli.state.backup.3"] {
        let read = decode(&bytes(folder.path(), name), &Keyring::new(new.clone()));
        read.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
}

#[test]
fn a_new_key_that_cannot_be_used_changes_nothing() {
    let folder = three_versions();
    let before = files(folder.path());
    let missing = KeySources { key_file: Some(folder.path().join("none")), ..KeySources::default() };
    let mut state = open(folder.path());
    assert_eq!(state.rekey(missing).unwrap_err().code(), "LZ2005");
    drop(state);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn what_a_killed_run_left_is_part_of_what_is_sealed_anew() {
    let folder = three_versions();
    let mut state = open(folder.path());
    append(&mut state, vec![intent(0, Operation::Create, secretive("new"), false)]);
    drop(state);
    let new = key_file(folder.path());
    rekey(folder.path(), keys(folder.path()), new.clone());
    let read = backend(folder.path()).read(new).unwrap();
    assert_eq!((read.unfinished().len(), read.world.serial), (1, 5));
    assert!(!folder.path().join(".lazuli/journal").exists());
}

#[test]
fn a_lock_is_taken_away_only_from_a_run_that_is_gone_or_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let lock = backend(folder.path());
    let runs = |_: &Holder| true;
    assert_eq!(lock.unlock("x", &runs, false).unwrap(), Unlocked::WasFree(None));
    let mut state = open(folder.path());
    let holder: Holder = serde_json::from_slice(&bytes(folder.path(), ".lazuli/lock.json")).unwrap();
    let other = lock.unlock("x", &runs, true).unwrap_err();
    assert!(other.code() == "LZ2018" && other.to_string().contains(&holder.id), "{other}");
    let running = lock.unlock(&holder.id, &runs, false).unwrap_err();
    assert!(running.to_string().contains("that process still runs"), "{running}");
    append(&mut state, vec![intent(0, Operation::Create, resource("a"), false)]);
    assert_eq!(lock.unlock(&holder.id, &runs, true).unwrap(), Unlocked::TakenFrom(Some(holder)));

    // Whoever comes next goes on from the journal, and the run that lost its lock can write nothing.
    let mut next = open(folder.path());
    assert_eq!(next.unfinished().len(), 1);
    append(&mut next, vec![done(0, resource("a"))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let journal = state.journal().unwrap();
    let late = runtime.block_on(lazuli_core::journal::Journal::append(&*journal, done(0, resource("late"))));
    assert!(late.unwrap_err().reason.contains("taken away"));
    assert_eq!(state.commit().unwrap_err().code(), "LZ2017");
    assert_eq!(state.replace(RecordedWorld::default()).unwrap_err().code(), "LZ2017");
    drop(state);
    assert!(folder.path().join(".lazuli/lock.json").exists(), "it is the next one's");
    next.commit().unwrap();
    drop(next);
    let addresses: Vec<_> = open(folder.path()).world().resources.keys().cloned().collect();
    assert_eq!(addresses, [address("a")]);
}
