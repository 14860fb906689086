//! The retry table, row by row, on a paused clock.

use std::time::Duration;

use lazuli_core::plan::Operation;
use lazuli_core::provider::{Outcome, Provider, ProviderError, Put};
use serde_json::json;

use crate::scripted::{Reply, Script, Told, answer, lost, refuse, unreachable, vnet};

const SECOND: Duration = Duration::from_secs(1);

/// Creates a network against a script and says how long it took.
async fn create(steps: Vec<Reply>) -> (Result<(), ProviderError>, Duration, Vec<String>) {
    let script = Script::new(steps.into_iter().map(|reply| ("PUT", "virtualNetworks/v", reply)));
    let (ty, id) = vnet();
    let told = Told::default();
    let started = tokio::time::Instant::now();
    let body = json!({"location": "eastus"});
    let put = Put { operation: Operation::Create, ty: &ty, id: &id, body: &body, previous: None };
    let result = script.provider().put(put, &told).await.map(|_| ());
    script.finish();
    (result, started.elapsed(), told.texts.into_inner().unwrap())
}

async fn delete(steps: Vec<Reply>) -> (Result<(), ProviderError>, Duration) {
    let script = Script::new(steps.into_iter().map(|reply| ("DELETE", "virtualNetworks/v", reply)));
    let (ty, id) = vnet();
    let started = tokio::time::Instant::now();
    let result = script.provider().delete(&ty, &id, &Told::default()).await;
    script.finish();
    (result, started.elapsed())
}

async fn read(steps: Vec<Reply>) -> (Result<bool, ProviderError>, Duration) {
    let script = Script::new(steps.into_iter().map(|reply| ("GET", "virtualNetworks/v", reply)));
    let (ty, id) = vnet();
    let started = tokio::time::Instant::now();
    let result = script.provider().read(&ty, &id).await.map(|found| found.is_some());
    script.finish();
    (result, started.elapsed())
}

fn done() -> Reply {
    answer(201, json!({"properties": {"provisioningState": "Succeeded"}}))
}

/// Between what was asked for and a tenth more.
fn about(elapsed: Duration, seconds: f64) -> bool {
    (seconds..=seconds * 1.1 + 0.01).contains(&elapsed.as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn throttling_waits_as_long_as_asked() {
    let (result, took, texts) =
        create(vec![refuse(429, "SubscriptionRequestsThrottled").header("retry-after", "17"), done()]).await;
    result.unwrap();
    assert!(about(took, 17.0), "{took:?}");
    assert!(texts[0].starts_with("Azure allows no more writes for 1"), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn milliseconds_are_honoured_before_seconds() {
    let throttled = refuse(429, "SubscriptionRequestsThrottled")
        .header("retry-after", "17")
        .header("retry-after-ms", "250");
    let (result, took, _) = create(vec![throttled, done()]).await;
    result.unwrap();
    assert!(about(took, 0.25), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn throttling_longer_than_our_patience_is_reported_at_once_with_its_wait() {
    let bare = answer(429, json!({"code": "OperationNotAllowed", "message": "too many requests"}));
    let (result, took, _) = create(vec![bare.header("retry-after", "1200")]).await;
    let error = result.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("OperationNotAllowed", Outcome::Nothing));
    assert_eq!(error.retry_after, Some(1200 * SECOND));
    assert!(took < SECOND);
}

#[tokio::test(start_paused = true)]
async fn server_failures_and_timeouts_are_tried_again() {
    for status in [408, 500, 502, 503, 504] {
        let (result, took, _) = create(vec![refuse(status, "InternalServerError"), done()]).await;
        result.unwrap();
        assert!(about(took, 1.0), "{status} {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_another_operation_holds_is_waited_for() {
    for (status, code) in [
        (409, "AnotherOperationInProgress"),
        (429, "RetryableErrorDueToAnotherOperation"),
        (429, "RetryableError"),
    ] {
        let (result, took, texts) = create(vec![refuse(status, code), refuse(status, code), done()]).await;
        result.unwrap();
        assert!(about(took, 6.0), "{code} {took:?}");
        assert!(texts[0].starts_with("another operation is in progress"), "{texts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_is_waited_for_only_while_deleting_and_not_for_ever() {
    for code in [
        "InUseSubnetCannotBeDeleted",
        "NicInUse",
        "PublicIPAddressCannotBeDeleted",
        "InUseNetworkSecurityGroupCannotBeDeleted",
        "InUseRouteTableCannotBeDeleted",
        "InUseNatGatewayCannotBeDeleted",
    ] {
        let (result, took) = delete(vec![refuse(400, code), answer(204, json!(null))]).await;
        result.unwrap();
        assert!(about(took, 3.0), "{took:?}");
        assert!(create(vec![refuse(400, code)]).await.0.is_err());
    }
    let (result, took) = delete(vec![refuse(400, "NicInUse"); 20]).await;
    assert_eq!(result.unwrap_err().code, "NicInUse");
    assert!(took > 150 * SECOND && took <= 180 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_identity_is_waited_for_up_to_two_minutes() {
    let (result, _, texts) =
        create(vec![refuse(400, "PrincipalNotFound"), refuse(400, "PrincipalNotFound"), done()]).await;
    result.unwrap();
    assert!(texts[0].starts_with("Entra does not know the new identity"), "{texts:?}");
    let (result, took, _) = create(vec![refuse(400, "PrincipalNotFound"); 13]).await;
    assert_eq!(result.unwrap_err().code, "PrincipalNotFound");
    assert!(took > 100 * SECOND && took <= 120 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_that_waiting_cannot_cure_are_reported_at_once() {
    for (status, code) in [
        (409, "OperationNotAllowed"),
        (409, "QuotaExceeded"),
        (409, "SkuNotAvailable"),
        (409, "ScopeLocked"),
        (409, "MissingSubscriptionRegistration"),
        (409, "ResourceGroupBeingDeleted"),
        (409, "PropertyChangeNotAllowed"),
        (403, "RequestDisallowedByPolicy"),
        (403, "AuthorizationFailed"),
        (403, "LinkedAuthorizationFailed"),
        (401, "InvalidAuthenticationToken"),
        (400, "InvalidParameter"),
        (404, "ResourceGroupNotFound"),
    ] {
        let (result, took, _) = create(vec![refuse(status, code)]).await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.status, error.code.as_str(), error.outcome),
            (Some(status), code, Outcome::Nothing)
        );
        assert_eq!(took, Duration::ZERO, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_server_failure_is_not_certain() {
    let script = Script::new([
        ("PUT", "/v", refuse(500, "InternalServerError")),
        ("PUT", "/v", refuse(409, "Conflict")),
        ("GET", "/v", refuse(404, "ResourceNotFound")),
    ]);
    let (ty, id) = vnet();
    let body = json!({});
    let put = Put { operation: Operation::Create, ty: &ty, id: &id, body: &body, previous: None };
    let error = script.provider().put(put, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("Conflict", Outcome::Unknown));
    assert_eq!(error.message, "about Conflict; the object does not exist so far");
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_when_the_answer_is_lost_and_writes_never() {
    let (result, _) = read(vec![lost(), answer(200, json!({"id": "x"}))]).await;
    assert!(result.unwrap());

    let script = Script::new([
        ("PUT", "/v", lost()),
        ("GET", "/v", answer(200, json!({"properties": {"provisioningState": "Updating"}}))),
    ]);
    let (ty, id) = vnet();
    let body = json!({});
    let put = Put { operation: Operation::Create, ty: &ty, id: &id, body: &body, previous: None };
    let error = script.provider().put(put, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("ConnectionLost", Outcome::Unknown));
    assert!(error.message.ends_with("the object exists and Azure is working on it"), "{}", error.message);
    assert!(error.advice.unwrap().starts_with("Apply again"));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn no_connection_means_nothing_happened_and_is_said_within_seconds() {
    let (result, took, _) = create(vec![unreachable(); 4]).await;
    let error = result.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("NoConnection", Outcome::Nothing));
    assert!(took < 10 * SECOND, "{took:?}");
    let (result, ..) = create(vec![unreachable(), done()]).await;
    result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_certificate_nobody_vouches_for_is_reported_at_once() {
    let tls = crate::transport::TransportError::Tls { host: "h".into(), reason: "UnknownIssuer".into() };
    let (result, took, _) = create(vec![Reply::Broken(tls)]).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.outcome, took),
        ("UntrustedServer", Outcome::Nothing, Duration::ZERO)
    );
    assert!(error.advice.unwrap().contains("`ca`"));
}

#[tokio::test(start_paused = true)]
async fn absence_is_no_error_and_a_missing_resource_group_is_one() {
    assert!(!read(vec![refuse(404, "ResourceNotFound")]).await.0.unwrap());
    assert!(!read(vec![refuse(404, "NotFound")]).await.0.unwrap());
    let error = read(vec![refuse(404, "ResourceGroupNotFound")]).await.0.unwrap_err();
    assert_eq!(error.message, "resource group `rg`: about ResourceGroupNotFound");
    assert!(delete(vec![refuse(404, "ResourceGroupNotFound")]).await.0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn errors_carry_what_support_asks_for() {
    let refusal = refuse(403, "AuthorizationFailed")
        .header("x-ms-correlation-request-id", "corr")
        .header("x-ms-request-id", "req")
        .header("date", "Sat, 01 Mar 2025 03:00:00 GMT");
    let error = create(vec![refusal]).await.0.unwrap_err();
    assert_eq!(error.correlation_id.as_deref(), Some("corr"));
    let answered = error.answered.as_ref().unwrap();
    assert_eq!(answered.request_id.as_deref(), Some("req"));
    assert_eq!(answered.time.as_deref(), Some("Sat, 01 Mar 2025 03:00:00 GMT"));
    assert_eq!(error.to_string(), "403 AuthorizationFailed: about AuthorizationFailed");
}
