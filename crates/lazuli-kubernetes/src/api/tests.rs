use std::time::Duration;

use lazuli_core::provider::Outcome;
use serde_json::json;
use tokio::time::Instant;

use super::{ApiError, Selector};
use crate::scripted::{Api, Reply, budget, ok, refuse};

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_up_is_sent_again_and_a_lost_create_is_not() {
    let api = Api::new();
    let busy = || refuse(503, "ServiceUnavailable", "starting");
    api.on("GET /a", [Reply::Unreachable, busy(), Reply::Lost, ok(json!({"found": true}))]);
    api.on("POST /b", [Reply::Unreachable, busy(), Reply::Lost, ok(json!({}))]);
    api.on("POST /pods/web-0/eviction", [budget(), ok(json!({}))]);
    api.on("GET /internal", [refuse(500, "InternalError", "etcdserver: leader changed"), ok(json!({}))]);
    api.on("PATCH /conflict", [refuse(409, "Conflict", "the object has been modified")]);
    let rest = api.rest();
    assert_eq!(rest.get("/a").await.unwrap(), Some(json!({"found": true})));
    let lost = rest.create("/b", &json!({})).await.unwrap_err();
    assert!(matches!(lost, ApiError::Lost { .. }), "{lost:?}");
    assert_eq!(lost.changing().outcome, Outcome::Unknown);
    let refused = rest.create("/pods/web-0/eviction", &json!({})).await.unwrap_err();
    assert_eq!(refused.causes(), ["The disruption budget web needs 2 healthy pods and has 2 currently"]);
    assert!(rest.get("/internal").await.unwrap().is_some());
    assert!(rest.merge("/conflict", &json!({})).await.unwrap_err().is_conflict());
    insta::assert_snapshot!(api.told("").join("\n"));
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_reached_is_given_up_after_a_while_with_advice() {
    let api = Api::new();
    api.on("GET /a", [Reply::Unreachable]);
    let begun = Instant::now();
    let error = api.rest().get("/a").await.unwrap_err();
    assert!(begun.elapsed() <= Duration::from_secs(15) && begun.elapsed() > Duration::from_secs(3));
    assert!(error.is_passing());
    let error = error.looking();
    insta::assert_snapshot!(format!("{error}\n{}", error.advice.clone().unwrap_or_default()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_after_a_long_silence_is_asked_for_once_more() {
    let api = Api::new();
    api.on("GET /a", [Reply::Silent, ok(json!({"found": true}))]);
    api.on("POST /b", [Reply::Silent, ok(json!({}))]);
    assert!(api.rest().get("/a").await.unwrap().is_some());
    assert!(matches!(api.rest().create("/b", &json!({})).await, Err(ApiError::Lost { .. })));
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_page_by_page() {
    let api = Api::new();
    api.on(
        "GET /api/v1/pods",
        [
            ok(json!({"metadata": {"continue": "a/b="}, "items": [{"n": 1}, {"n": 2}]})),
            ok(json!({"metadata": {}, "items": [{"n": 3}]})),
        ],
    );
    let selector = Selector { fields: Some("spec.nodeName=web-1"), labels: None };
    assert_eq!(api.rest().list("/api/v1/pods", selector).await.unwrap().len(), 3);
    assert_eq!(
        api.told(""),
        [
            "0 s GET /api/v1/pods?limit=500&fieldSelector=spec.nodeName%3Dweb-1",
            "0 s GET /api/v1/pods?limit=500&fieldSelector=spec.nodeName%3Dweb-1&continue=a%2Fb%3D",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_not_there_is_no_error() {
    let api = Api::new();
    api.on("DELETE /a", [ok(json!({})), refuse(404, "NotFound", "gone")]);
    assert!(api.rest().delete("/a", &json!({"gracePeriodSeconds": 1})).await.unwrap());
    assert!(!api.rest().delete("/a", &json!({})).await.unwrap());
    assert_eq!(
        api.sent()[0].2,
        json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 1})
    );
}
