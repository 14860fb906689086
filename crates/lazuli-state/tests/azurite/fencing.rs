//! Runs that lose their lock: they can write nothing any more, and nothing is lost.

use std::time::Duration;

use azure_core::http::RequestContent;
use azure_storage_blob::models::{BlobClientAcquireLeaseOptions, BlobClientBreakLeaseOptions};
use lazuli_state::unlock::Unlocked;

use crate::service::{Lab, append, block_on, done, intent, keys, names, options};

fn holder_of(lab: &Lab) -> lazuli_state::lock::Holder {
    match lab.backend().unlock("no such id", &|_| false, false).unwrap_err().to_string() {
        text if text.contains("lock id ") => {}
        text => panic!("{text}"),
    }
    let error = lab.backend().open(options(Duration::ZERO), None).unwrap_err();
    match error {
        lazuli_state::StateError::Locked { holder: Some(holder), .. } => *holder,
        other => panic!("{other}"),
    }
}

#[test]
fn after_force_unlock_the_service_refuses_journal_and_state_of_the_run_before() {
    let Some(lab) = Lab::new("fenced") else { return };
    let mut first = lab.open();
    append(&mut first, vec![intent(0, "a")]).unwrap();
    let holder = holder_of(&lab);
    let taken = lab.backend().unlock(&holder.id, &|_| false, false).unwrap();
    assert_eq!(taken, Unlocked::TakenFrom(Some(holder)));

    // asked at once, before any heartbeat can have told it
    let journal = lab.bytes(".journal").unwrap();
    let refused = append(&mut first, vec![done(0, "a")]).unwrap_err();
    assert!(refused.contains("the lock of the state") && refused.contains("Lease"), "{refused}");
    let error = first.commit().unwrap_err();
    assert_eq!(error.code(), "LZ2017", "{error}");
    assert_eq!(lab.bytes(".journal").unwrap(), journal, "the journal was touched");
    assert_eq!(lab.bytes("").unwrap(), b"", "the state was touched");

    let mut second = lab.open();
    assert_eq!(second.unfinished().len(), 1, "what was durable is there");
    append(&mut second, vec![intent(0, "b"), done(0, "b")]).unwrap();
    second.commit().unwrap();
    drop(first);
    drop(second);
    assert_eq!(names(&lab.backend().read(keys()).unwrap().world), ["resource.a", "resource.b"]);
    assert_eq!(lab.backend().unlock("x", &|_| false, false).unwrap(), Unlocked::WasFree(None));
}

#[test]
fn the_state_alone_is_fenced_too() {
    let Some(lab) = Lab::new("fenced-state") else { return };
    let mut first = lab.open();
    append(&mut first, vec![intent(0, "a"), done(0, "a")]).unwrap();
    lab.backend().unlock(&holder_of(&lab).id, &|_| false, false).unwrap();
    let world = first.world().as_ref().clone();
    let error = first.replace(world).unwrap_err();
    assert_eq!(error.code(), "LZ2017", "{error}");
    assert_eq!(lab.bytes("").unwrap(), b"");
}

#[test]
fn a_run_that_is_cut_off_loses_its_lock_and_the_next_one_goes_on_with_its_journal() {
    let Some(lab) = Lab::new("cut-off") else { return };
    let network = lab.network();
    let mut first = lab.backend_over(network.clone()).open(options(Duration::ZERO), None).unwrap();
    append(&mut first, vec![intent(0, "a"), done(0, "a"), intent(1, "b")]).unwrap();
    network.cut();
    let mut told = None;
    let mut waiting = |holder: Option<&lazuli_state::lock::Holder>| told = holder.map(|h| h.who.clone());
    let mut second = lab.backend().open(options(Duration::from_secs(60)), Some(&mut waiting)).unwrap();
    assert_eq!(told.as_deref(), Some("älice@host"));
    assert_eq!(second.leftover().unwrap().records, 3);
    assert_eq!(second.unfinished().len(), 1);

    network.mend();
    let journal = lab.bytes(".journal").unwrap();
    let refused = append(&mut first, vec![done(1, "b")]).unwrap_err();
    assert!(refused.contains("the lock of the state"), "{refused}");
    assert_eq!(first.commit().unwrap_err().code(), "LZ2017");
    assert_eq!(lab.bytes(".journal").unwrap(), journal);
    drop(first); // and does not give back what is the other's
    append(&mut second, vec![done(1, "b")]).unwrap();
    second.commit().unwrap();
    assert_eq!(names(&lab.backend().read(keys()).unwrap().world), ["resource.a", "resource.b"]);
}

#[test]
fn a_state_that_somebody_changed_is_not_written_over() {
    let Some(lab) = Lab::new("stale") else { return };
    let mut held = lab.open();
    append(&mut held, vec![intent(0, "a"), done(0, "a")]).unwrap();
    let (lease, state) = (holder_of(&lab).id, lab.blob(""));
    block_on(async {
        let now = BlobClientBreakLeaseOptions { break_period: Some(0), ..Default::default() };
        state.break_lease(Some(now)).await.unwrap();
        state.upload(RequestContent::from(b"somebody's".to_vec()), None).await.unwrap();
        let again = BlobClientAcquireLeaseOptions { proposed_lease_id: Some(lease), ..Default::default() };
        state.acquire_lease(60, Some(again)).await.unwrap(); // so that only the etag is in the way
    });
    let error = held.commit().unwrap_err();
    assert_eq!(error.code(), "LZ2032", "{error}");
    assert_eq!(lab.bytes("").unwrap(), b"somebody's");
    assert!(!lab.bytes(".journal").unwrap().is_empty(), "what was recorded is still in the journal");
}
