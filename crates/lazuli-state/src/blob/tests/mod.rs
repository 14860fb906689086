//! Requests and leases against a scripted service, on a clock that jumps. What a real one does is tried in
//! `tests/azurite`.

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use azure_core::Bytes;
use tokio::time::Instant;

use super::lease::Lease;
use super::refusal::Reason;
use super::requests::Blobs;
use crate::error::StateError;
use scripted::{Reply, Service};

const LEASE: Duration = Duration::from_secs(30);

fn blobs(service: &Arc<Service>) -> Arc<Blobs> {
    Arc::new(Blobs::new(&service.place()).unwrap())
}

fn told(error: &StateError) -> String {
    format!("{}: {error}\n  {}", error.code(), error.help())
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_has_time_is_asked_five_times_and_then_named() {
    let service = Service::always(Reply::refusal(503, "ServerBusy", "The server is busy."));
    let refusal = blobs(&service).get("prod.state").await.unwrap_err();
    assert_eq!((refusal.reason, service.asked().len()), (Reason::Passing, 5));
    let error = refusal.into_error("read", "https://acct/states/prod.state".as_ref());
    assert_eq!(
        told(&error),
        "LZ2031: cannot read https://acct/states/prod.state: Azure answered 503 ServerBusy: The server is busy. (request id 42)\n  \
         Azure Blob could not be reached although it was tried again and again: try later"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_given_up() {
    let service = Service::always(Reply::Silence);
    let began = Instant::now();
    let refusal = blobs(&service).properties("prod.state").await.unwrap_err();
    assert_eq!(refusal.answer, "no answer within 10 s");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_azure_refuses_is_not_asked_again_and_says_what_to_do() {
    let cases = [
        (403, "AuthorizationPermissionMismatch", Reason::Forbidden, "Storage Blob Data Contributor"),
        (401, "InvalidAuthenticationInfo", Reason::SignIn, "can sign in"),
        (404, "ContainerNotFound", Reason::NoContainer, "az storage container create"),
        (404, "BlobNotFound", Reason::NoBlob, "storage_account_name"),
        (409, "LeaseAlreadyPresent", Reason::Leased, "lease break"),
        (409, "LeaseIsBrokenAndCannotBeRenewed", Reason::LeaseLost, "lazuli plan"),
        (409, "LeaseIdMismatchWithLeaseOperation", Reason::LeaseLost, "lazuli plan"),
        (412, "LeaseIdMissing", Reason::LeaseLost, "lazuli plan"),
        (412, "LeaseLost", Reason::LeaseLost, "lazuli plan"),
        (412, "ConditionNotMet", Reason::Condition, "nothing of it was written over"),
        (412, "AppendPositionConditionNotMet", Reason::Condition, "nothing of it was written over"),
        (409, "BlobAlreadyExists", Reason::Condition, "nothing of it was written over"),
        (409, "BlockCountExceedsLimit", Reason::Full, "goes on from here"),
        (400, "InvalidQueryParameterValue", Reason::Other, "endpoint"),
    ];
    for (status, code, reason, advice) in cases {
        let service = Service::always(Reply::refusal(status, code, "No."));
        let refusal = blobs(&service).renew("x", "id", LEASE).await.unwrap_err();
        assert_eq!((refusal.reason, service.asked().len()), (reason, 1), "{code}");
        let help = refusal.into_error("write", "https://acct/x".as_ref()).help();
        assert!(help.contains(advice), "{code}: {help}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_append_counts_when_the_blob_ends_with_it_and_only_then() {
    let records = Bytes::from_static(b"records");
    let condition = || Reply::refusal(412, "AppendPositionConditionNotMet", "No.");
    for (there, length, arrived) in [("records", 17, true), ("RECORDS", 17, false), ("records", 24, false)] {
        let service =
            Service::script([Reply::Lost, condition(), Reply::properties(length), Reply::content(there)]);
        let appended = blobs(&service).append("j", &records, 10, "id").await;
        assert_eq!(appended.is_ok(), arrived, "{there} {length}");
        let asked = service.asked();
        assert!(asked[..2].iter().all(|request| request.contains("appendpos: 10")), "{asked:?}");
        assert!(asked[..2].iter().all(|request| request.contains("lease-id: id")), "{asked:?}");
    }
    // without a lost answer the condition means what it says
    let service = Service::script([condition()]);
    assert_eq!(blobs(&service).append("j", &records, 10, "id").await.unwrap_err().reason, Reason::Condition);
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_write_counts_when_the_blob_is_what_was_written_and_only_then() {
    let bytes = Bytes::from_static(b"state");
    for (there, arrived) in [("state", true), ("somebody's", false)] {
        let condition = Reply::refusal(412, "ConditionNotMet", "No.");
        let service = Service::script([Reply::Lost, condition, Reply::content(there)]);
        let put = blobs(&service).put("s", &bytes, Some(&"\"7\"".into()), Some("id")).await;
        assert_eq!(put.is_ok(), arrived, "{there}");
        let asked = service.asked();
        assert!(asked[..2].iter().all(|r| r.contains("if-match: \"7\"") && r.contains("lease-id: id")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_is_emptied_only_as_it_was_read_so_that_a_late_request_cannot_empty_the_next_one() {
    let condition = || Reply::refusal(412, "ConditionNotMet", "No.");
    for (length, emptied) in [(0, true), (12, false)] {
        let service = Service::script([Reply::Lost, condition(), Reply::properties(length)]);
        let made = blobs(&service).put_empty_log("j", Some(&"\"7\"".into()), Some("id"), Some("{}")).await;
        assert_eq!(made.is_ok(), emptied);
        let asked = service.asked();
        assert!(asked[..2].iter().all(|r| r.contains("if-match: \"7\"") && r.contains("lease-id: id")));
        assert!(asked[0].contains("x-ms-meta-lazuli_holder: {}"), "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlives_a_break_of_the_network_that_is_shorter_than_it() {
    let service = Service::always(Reply::Done);
    let lease = Arc::new(Lease::new("id".into(), LEASE, "https://acct/s".into(), Instant::now()));
    let (keeper, names) = (lease.clone(), ["j".to_owned(), "s".to_owned()]);
    let heart = tokio::spawn({
        let blobs = blobs(&service);
        async move { keeper.keep(blobs, names).await }
    });
    tokio::time::sleep(Duration::from_secs(100)).await;
    lease.ensure_held().unwrap();
    service.answer_always(Reply::Lost);
    tokio::time::sleep(Duration::from_secs(15)).await;
    lease.ensure_held().unwrap();
    service.answer_always(Reply::Done);
    tokio::time::sleep(Duration::from_secs(100)).await;
    lease.ensure_held().unwrap();

    service.answer_always(Reply::Lost);
    tokio::time::sleep(Duration::from_secs(41)).await;
    let error = lease.ensure_held().unwrap_err();
    assert_eq!(
        told(&error),
        "LZ2017: the lock of the state https://acct/s ran out: Azure Blob could not be reached for 30 s to renew it\n  \
         what was recorded before is in the journal; run `lazuli apply` when the other run is over"
    );
    // back again, it is nobody's to renew: somebody else may have taken it
    service.answer_always(Reply::Done);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(lease.ensure_held().is_err() && heart.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_refused_is_lost_at_once() {
    let service = Service::always(Reply::refusal(409, "LeaseIsBrokenAndCannotBeRenewed", "Broken."));
    let lease = Arc::new(Lease::new("id".into(), LEASE, "https://acct/s".into(), Instant::now()));
    lease.keep(blobs(&service), ["j".to_owned(), "s".to_owned()]).await;
    let text = lease.ensure_held().unwrap_err().to_string();
    assert!(text.contains("was taken away from this run") && text.contains("409 LeaseIsBroken"), "{text}");
}
