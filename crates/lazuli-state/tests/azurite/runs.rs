//! Runs that go well, and what they leave.

use std::time::Duration;

use lazuli_state::{KeySources, OpenOptions};

use crate::service::{Lab, append, done, intent, keys, name_of, names, options};

#[test]
fn a_state_its_journal_and_its_backups_come_and_go_as_in_files() {
    let Some(lab) = Lab::new("runs") else { return };
    let mut first = lab.open();
    let lineage = first.world().lineage.clone();
    assert_eq!(first.world().serial, 0);
    append(&mut first, vec![intent(0, "a")]).unwrap();
    let seen = lab.backend().read(keys()).unwrap();
    assert_eq!(seen.unfinished().len(), 1, "others see what is under way, without a lock");
    append(&mut first, vec![done(0, "a")]).unwrap();
    let journal = lab.bytes(".journal").unwrap();
    assert!(!String::from_utf8_lossy(&journal).contains("hunter2"));
    let committed = first.commit().unwrap();
    assert_eq!((committed.serial, committed.written, committed.backup), (1, true, None));
    assert_eq!(lab.bytes(".journal").unwrap(), b"");
    drop(first);

    for serial in 2..=4 {
        let mut next = lab.open();
        assert_eq!((next.world().serial, &next.world().lineage), (serial - 1, &lineage));
        let name = format!("b{serial}");
        append(&mut next, vec![intent(0, &name), done(0, &name)]).unwrap();
        let backup = next.commit().unwrap().backup.unwrap();
        assert_eq!(name_of(&backup), format!("prod.state.backup.{}", serial - 1));
    }
    let state = String::from_utf8(lab.bytes("").unwrap()).unwrap();
    assert!(!state.contains("hunter2") && state.contains("\"serial\":4"));
    let seen = lab.backend().read(keys()).unwrap();
    assert_eq!(names(&seen.world), ["resource.a", "resource.b2", "resource.b3", "resource.b4"]);
    assert!(lab.bytes(".backup.1").unwrap() != lab.bytes(".backup.2").unwrap());

    // a run that changes nothing writes nothing
    let before = lab.bytes("").unwrap();
    let mut idle = lab.open();
    idle.journal().unwrap();
    assert!(!idle.commit().unwrap().written);
    drop(idle);
    assert_eq!(lab.bytes("").unwrap(), before);
}

#[test]
fn a_second_run_is_told_who_holds_the_lock_and_gets_it_when_it_is_free() {
    let Some(lab) = Lab::new("waiting") else { return };
    let first = lab.open();
    let error = lab.backend().open(options(Duration::ZERO), None).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`lazuli apply` of älice@host") && text.contains("2026-11-22T14:05:00Z"), "{text}");
    assert!(error.help().contains("half a minute"), "{}", error.help());

    let mut first = Some(first);
    let mut told = None;
    let mut waiting = |holder: Option<&lazuli_state::lock::Holder>| {
        told = holder.cloned();
        first = None; // the first run ends while the second one waits
    };
    let patient = OpenOptions { command: "plan".into(), ..options(Duration::from_secs(60)) };
    let second = lab.backend().open(patient, Some(&mut waiting)).unwrap();
    assert_eq!(told.unwrap().command, "apply");
    drop(second);
    lab.open();
}

#[test]
fn a_lease_is_renewed_for_as_long_as_the_run_lasts() {
    let Some(lab) = Lab::new("heartbeat") else { return };
    let mut held = lab.open();
    std::thread::sleep(Duration::from_secs(18)); // the lease lasts 15 s: that time passes is what is tried here
    assert_eq!(lab.backend().open(options(Duration::ZERO), None).unwrap_err().code(), "LZ2001");
    append(&mut held, vec![intent(0, "a"), done(0, "a")]).unwrap();
    held.commit().unwrap();
}

#[test]
fn a_key_that_only_one_user_has_is_refused() {
    let Some(lab) = Lab::new("user-key") else { return };
    let folder = tempfile::tempdir().unwrap();
    let own = KeySources { user_folder: Some(folder.path().to_owned()), ..KeySources::default() };
    let options = OpenOptions { keys: own.clone(), ..options(Duration::ZERO) };
    let mut state = lab.backend().open(options, None).unwrap();
    assert_eq!(state.sealer().unwrap_err().code(), "LZ2030");
    assert_eq!(state.rekey(own).unwrap_err().code(), "LZ2030");
    let refused = append(&mut state, vec![intent(0, "a")]).unwrap_err();
    assert!(refused.contains("only yours"), "{refused}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a key was made");
}

#[test]
fn a_state_is_pulled_pushed_and_sealed_anew() {
    let Some(lab) = Lab::new("transfer") else { return };
    assert!(lab.backend().pull().unwrap().is_none());
    let mut state = lab.open();
    append(&mut state, vec![intent(0, "a"), done(0, "a")]).unwrap();
    state.commit().unwrap();
    append(&mut state, vec![intent(0, "b"), done(0, "b")]).unwrap();
    state.commit().unwrap();
    let file = KeySources { key_file: Some(key_file()), ..KeySources::default() };
    let rekeyed = state.rekey(file.clone()).unwrap();
    assert_eq!((rekeyed.committed.serial, rekeyed.resealed.len()), (3, 1));
    drop(state);
    assert_eq!(lab.backend().read(keys()).unwrap_err().code(), "LZ2005");
    let (pulled, unfinished) = lab.backend().pull().unwrap().unwrap();
    assert!(!unfinished);

    let Some(other) = Lab::new("transferred") else { return };
    let to = || OpenOptions { keys: file.clone(), ..options(Duration::ZERO) };
    let pushed = other.backend().push(&pulled, "x".as_ref(), false, to(), None).unwrap();
    assert_eq!((pushed.committed.serial, pushed.committed.written), (3, true));
    assert_eq!(other.bytes("").unwrap(), pulled);
    assert!(!other.backend().push(&pulled, "x".as_ref(), false, to(), None).unwrap().committed.written);

    // what a run left is set aside when another state is forced into its place
    let mut left = other.backend().open(to(), None).unwrap();
    append(&mut left, vec![intent(0, "c")]).unwrap();
    drop(left);
    let refused = other.backend().push(&pulled, "x".as_ref(), false, to(), None).unwrap_err();
    assert_eq!(refused.code(), "LZ2016");
    let forced = other.backend().push(&pulled, "x".as_ref(), true, to(), None).unwrap();
    assert!(!forced.committed.written || forced.set_aside.is_some());
}

fn key_file() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml") // any file of 32 bytes will do
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let Some(lab) = Lab::new("missing") else { return };
    let place = lazuli_state::blob::Place { container: "nowhere".into(), ..lab.place(lab.network()) };
    let backend = lazuli_state::Backend::azure_blob(place).unwrap();
    for error in [backend.open(options(Duration::ZERO), None).unwrap_err(), backend.read(keys()).unwrap_err()]
    {
        assert_eq!(error.code(), "LZ2031");
        let text = error.to_string();
        assert!(text.contains("nowhere") && text.contains("404 ContainerNotFound"), "{text}");
        assert!(error.help().contains("az storage container create"), "{}", error.help());
    }
}
