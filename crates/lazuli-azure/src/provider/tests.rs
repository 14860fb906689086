//! Creating, updating, deleting and resuming, operations included, on a paused clock.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Outcome, Provider, ProviderError, Put};
use serde_json::json;

use crate::scripted::{Script, Told, answer, lost, refuse, unreachable, vm, vnet};

const OPERATION: &str = "https://management.azure.com/subscriptions/s/providers/Microsoft.Network/locations/eastus/operations/1?api-version=2025-05-01&t=6&s=a-_b%2B";

fn state(state: &str) -> Json {
    json!({"etag": "W/\"2\"", "properties": {"provisioningState": state}})
}

async fn put(
    script: &std::sync::Arc<Script>,
    operation: Operation,
    body: Json,
    previous: Option<Json>,
    told: &Told,
) -> Result<Json, ProviderError> {
    let (ty, id) = vnet();
    let put = Put { operation, ty: &ty, id: &id, body: &body, previous: previous.as_ref() };
    script.provider().put(put, told).await
}

#[tokio::test(start_paused = true)]
async fn a_create_is_followed_to_its_end_and_read_once_more() {
    let script = Script::new([
        (
            "PUT",
            "/v?",
            answer(201, state("Updating"))
                .header("azure-asyncoperation", OPERATION)
                .header("location", "https://management.azure.com/other")
                .header("retry-after", "3"),
        ),
        ("GET", "/v?", answer(200, state("Updating"))),
        ("GET", "/v?", answer(200, state("Updating"))),
        ("GET", "/operations/1", answer(200, json!({"status": "InProgress"})).header("retry-after", "10")),
        ("GET", "/v?", refuse(500, "InternalServerError")),
        ("GET", "/v?", answer(200, state("Succeeded"))),
        ("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))),
        ("GET", "/v?", answer(200, state("Succeeded"))),
    ]);
    let told = Told::default();
    let made = put(&script, Operation::Create, json!({"location": "eastus"}), None, &told).await.unwrap();
    assert_eq!(made["etag"], "W/\"2\"");
    let (_, id) = vnet();
    assert_eq!(made["id"], id.as_str());
    let sent = script.finish();
    assert_eq!(sent[0].body, json!({"location": "eastus"}));
    assert_eq!(sent[0].token.as_deref(), Some("Bearer test-token"));
    assert_eq!(sent[3].url, OPERATION, "the address is used verbatim");
    // Azure wants to be asked about the operation after 3 s and then after 10; meanwhile the object shows that it is done.
    let seconds: Vec<f64> =
        sent.iter().map(|sent| (sent.after.as_secs_f64() * 10.0).round() / 10.0).collect();
    assert_eq!(seconds, [0.0, 1.3, 2.3, 3.0, 3.3, 4.3, 4.3, 4.3]);
    assert_eq!(*told.accepted.lock().unwrap(), [OPERATION]);
    assert_eq!(*told.texts.lock().unwrap(), ["virtual network creating"]);
}

#[tokio::test(start_paused = true)]
async fn what_succeeded_already_is_asked_about_at_once() {
    let script = Script::new([
        ("PUT", "/v?", answer(201, state("Succeeded")).header("azure-asyncoperation", OPERATION)),
        ("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))),
        ("GET", "/v?", answer(200, state("Succeeded"))),
    ]);
    put(&script, Operation::Create, json!({}), None, &Told::default()).await.unwrap();
    assert!(script.finish()[2].after < Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_polled_before_the_address_is_durable() {
    let script = Script::new([(
        "PUT",
        "/v?",
        answer(201, state("Updating")).header("azure-asyncoperation", OPERATION),
    )]);
    let told = Told { broken: true, ..Told::default() };
    let error = put(&script, Operation::Create, json!({}), None, &told).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("JournalFailed", Outcome::Unknown));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn without_a_wait_from_azure_polls_take_a_quick_look_then_a_second_and_slow_down_to_ten() {
    let mut steps =
        vec![("PUT", "/v?", answer(201, state("Updating")).header("azure-asyncoperation", OPERATION))];
    steps.extend(vec![("GET", "/operations/1", answer(200, json!({"status": "Running"}))); 8]);
    steps.push(("GET", "/operations/1", answer(200, json!({"status": "succeeded"}))));
    steps.push(("GET", "/v?", answer(200, state("Succeeded"))));
    let script = Script::new(steps);
    put(&script, Operation::Create, json!({}), None, &Told::default()).await.unwrap();
    let sent = script.finish();
    let gaps: Vec<f64> =
        sent[..10].windows(2).map(|two| (two[1].after - two[0].after).as_secs_f64()).collect();
    assert!((0.1..0.2).contains(&gaps[0]));
    assert_eq!(gaps[1].round(), 1.0);
    assert!(gaps.windows(2).all(|two| two[0] <= two[1] + 0.01), "{gaps:?}");
    assert_eq!(gaps[8].round(), 10.0);
}

#[tokio::test(start_paused = true)]
async fn machines_are_not_asked_about_more_often_than_every_four_seconds() {
    let script = Script::new([
        ("PUT", "/vm?", answer(201, state("Creating")).header("azure-asyncoperation", OPERATION)),
        ("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))),
        ("GET", "/vm?", answer(200, state("Succeeded"))),
    ]);
    let (ty, id) = vm();
    let body = json!({});
    let put = Put { operation: Operation::Create, ty: &ty, id: &id, body: &body, previous: None };
    script.provider().put(put, &Told::default()).await.unwrap();
    assert_eq!(script.finish()[1].after.as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_failed_operation_says_azures_words_and_that_something_may_be_left() {
    let failed = json!({"status": "Failed", "error": {"code": "ZonalAllocationFailed", "message": "Allocation failed."}});
    let script = Script::new([
        ("PUT", "/v?", answer(201, state("Updating")).header("azure-asyncoperation", OPERATION)),
        ("GET", "/operations/1", answer(200, failed).header("x-ms-correlation-request-id", "c")),
    ]);
    let error = put(&script, Operation::Create, json!({}), None, &Told::default()).await.unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.status, error.outcome),
        ("ZonalAllocationFailed", None, Outcome::Unknown)
    );
    assert_eq!(error.message, "Allocation failed.");
    assert_eq!(error.correlation_id.as_deref(), Some("c"));
    assert!(error.advice.is_some());
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn both_spellings_of_canceled_are_an_end() {
    for spelling in ["Canceled", "cancelled"] {
        let script = Script::new([
            ("PUT", "/v?", answer(201, state("Updating")).header("azure-asyncoperation", OPERATION)),
            ("GET", "/operations/1", answer(200, json!({"status": spelling}))),
        ]);
        let error = put(&script, Operation::Create, json!({}), None, &Told::default()).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.outcome), ("OperationCanceled", Outcome::Unknown));
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_says_failed_is_an_error_though_its_operation_succeeded() {
    let script = Script::new([
        ("PUT", "/v?", answer(201, state("Updating")).header("azure-asyncoperation", OPERATION)),
        ("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))),
        ("GET", "/v?", answer(200, state("Failed"))),
    ]);
    let error = put(&script, Operation::Create, json!({}), None, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("ProvisioningFailed", Outcome::Unknown));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn without_any_address_the_object_itself_is_asked() {
    let script = Script::new([
        ("PUT", "/v?", answer(201, state("Updating"))),
        ("GET", "/v?", answer(200, state("Updating"))),
        ("GET", "/v?", answer(200, state("Succeeded"))),
        ("GET", "/v?", answer(200, state("Succeeded"))),
    ]);
    let told = Told::default();
    put(&script, Operation::Create, json!({}), None, &told).await.unwrap();
    assert!(told.accepted.lock().unwrap()[0].contains("virtualNetworks/v?api-version=2025-05-01"));
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn a_location_is_followed_where_it_leads() {
    let script = Script::new([
        (
            "DELETE",
            "/v?",
            answer(202, Json::Null)
                .header("location", "/subscriptions/s/operationresults/1")
                .header("retry-after", "15"),
        ),
        ("GET", "/v?", refuse(404, "ResourceNotFound")),
        (
            "GET",
            "/operationresults/1",
            answer(202, Json::Null)
                .header("location", "https://management.azure.com/subscriptions/s/operationresults/2")
                .header("retry-after", "15"),
        ),
        ("GET", "/operationresults/2", answer(204, Json::Null)),
    ]);
    let (ty, id) = vnet();
    script.provider().delete(&ty, &id, &Told::default()).await.unwrap();
    // That the object is gone is a hint: the operation, which is not over, is asked early once and no more.
    let seconds: Vec<u64> = script.finish().iter().map(|sent| sent.after.as_secs()).collect();
    assert_eq!(seconds, [0, 2, 2, 17]);
}

#[tokio::test(start_paused = true)]
async fn the_token_is_not_sent_to_another_host() {
    let script = Script::new([(
        "PUT",
        "/v?",
        answer(201, state("Updating")).header("azure-asyncoperation", "https://evil.example/op"),
    )]);
    let told = Told::default();
    let error = put(&script, Operation::Create, json!({}), None, &told).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("ForeignAddress", Outcome::Unknown));
    assert!(told.accepted.lock().unwrap().is_empty());
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_away_for_a_minute_does_not_fail_what_goes_on_without_us() {
    let mut steps =
        vec![("PUT", "/v?", answer(201, state("Updating")).header("azure-asyncoperation", OPERATION))];
    steps.extend(vec![("GET", "/operations/1", unreachable()); 9]);
    steps.push(("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))));
    steps.push(("GET", "/v?", refuse(404, "ResourceNotFound")));
    steps.push(("GET", "/v?", answer(200, state("Succeeded"))));
    let script = Script::new(steps);
    put(&script, Operation::Create, json!({}), None, &Told::default()).await.unwrap();
    assert!(script.finish().last().unwrap().after > Duration::from_secs(45));
}

#[tokio::test(start_paused = true)]
async fn an_update_merges_into_what_is_there_now_under_its_etag_and_again_after_a_conflict() {
    let now = |etag: &str, foreign: &str| {
        answer(
            200,
            json!({"etag": etag, "location": "eastus", "tags": {"foreign": foreign, "old": "1"},
            "properties": {"provisioningState": "Succeeded", "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}]}}),
        )
    };
    let script = Script::new([
        ("GET", "/v?", now("e1", "x")),
        ("PUT", "/v?", refuse(412, "PreconditionFailed")),
        ("GET", "/v?", now("e2", "y")),
        ("PUT", "/v?", answer(200, state("Succeeded"))),
    ]);
    let told = Told::default();
    let previous = json!({"location": "eastus", "tags": {"old": "1"}});
    let desired = json!({"location": "eastus", "tags": {"new": "2"}});
    put(&script, Operation::Update, desired, Some(previous), &told).await.unwrap();
    let sent = script.finish();
    assert_eq!(sent[1].if_match.as_deref(), Some("e1"));
    assert_eq!(sent[3].if_match.as_deref(), Some("e2"));
    assert_eq!(
        sent[3].body,
        json!({"location": "eastus", "tags": {"foreign": "y", "new": "2"},
            "properties": {"subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}]}})
    );
    assert_eq!(*told.texts.lock().unwrap(), ["somebody else changed it just now; reading it again"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_changes_nothing_sends_nothing() {
    let script = Script::new([(
        "GET",
        "/v?",
        answer(200, json!({"etag": "e", "location": "eastus", "tags": {"a": "b"}})),
    )]);
    let body = json!({"location": "eastus", "tags": {"a": "b"}});
    put(&script, Operation::Update, body, None, &Told::default()).await.unwrap();
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn what_vanished_is_not_made_again_by_an_update() {
    let script = Script::new([("GET", "/v?", refuse(404, "ResourceNotFound"))]);
    let error = put(&script, Operation::Update, json!({}), None, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("NotFound", Outcome::Nothing));
    assert_eq!(error.message, "the virtual network `v` no longer exists");
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_gone_is_success_whichever_way_one_learns_it() {
    let (ty, id) = vnet();
    let gone = || refuse(404, "ResourceNotFound");
    let accepted =
        || answer(202, Json::Null).header("azure-asyncoperation", OPERATION).header("retry-after", "10");
    for steps in [
        vec![("DELETE", "/v?", answer(204, Json::Null))],
        vec![("DELETE", "/v?", answer(200, Json::Null))],
        vec![("DELETE", "/v?", gone())],
        vec![("DELETE", "/v?", lost()), ("GET", "/v?", gone())],
        vec![
            ("DELETE", "/v?", accepted()),
            ("GET", "/v?", gone()),
            ("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))),
        ],
        vec![
            ("DELETE", "/v?", accepted()),
            ("GET", "/v?", gone()),
            ("GET", "/operations/1", gone()),
            ("GET", "/v?", gone()),
        ],
        vec![
            ("DELETE", "/v?", answer(202, Json::Null)),
            ("GET", "/v?", answer(200, state("Deleting"))),
            ("GET", "/v?", gone()),
            ("GET", "/v?", gone()),
        ],
    ] {
        let script = Script::new(steps);
        script.provider().delete(&ty, &id, &Told::default()).await.unwrap();
        script.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_delete_of_what_is_still_there_is_unknown() {
    let script = Script::new([("DELETE", "/v?", lost()), ("GET", "/v?", answer(200, state("Succeeded")))]);
    let (ty, id) = vnet();
    let error = script.provider().delete(&ty, &id, &Told::default()).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::Unknown);
}

#[tokio::test(start_paused = true)]
async fn machines_are_deleted_by_force() {
    let script = Script::new([("DELETE", "forceDeletion=true", answer(204, Json::Null))]);
    let (ty, id) = vm();
    script.provider().delete(&ty, &id, &Told::default()).await.unwrap();
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn an_operation_of_an_earlier_run_is_picked_up() {
    let script = Script::new([
        ("GET", "/operations/1", answer(200, json!({"status": "InProgress"}))),
        ("GET", "/operations/1", answer(200, json!({"status": "Succeeded"}))),
    ]);
    script.provider().resume(OPERATION, &Told::default()).await.unwrap();
    script.finish();

    let failed = json!({"status": "Failed", "error": {"code": "AllocationFailed", "message": "no room"}});
    let script = Script::new([
        ("GET", "/operations/1", answer(200, failed)),
        ("GET", "/operations/1", refuse(404, "NotFound")),
        ("GET", "/operations/1", refuse(403, "AuthorizationFailed")),
    ]);
    script.provider().resume(OPERATION, &Told::default()).await.unwrap();
    script.provider().resume(OPERATION, &Told::default()).await.unwrap();
    let error = script.provider().resume(OPERATION, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("AuthorizationFailed", Outcome::Unknown));
    script.finish();
    assert!(script.provider().resume("https://evil.example/1", &Told::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn accounts_are_checked_before_planning() {
    let script = Script::new([
        (
            "GET",
            "/resourceGroups/rg?",
            answer(
                200,
                json!({"name": "RG", "location": "eastus2", "tags": {"a": "b"}, "properties": {"provisioningState": "Succeeded"}}),
            ),
        ),
        (
            "GET",
            "/resourceGroups/gone?",
            answer(
                404,
                json!({"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'gone' could not be found."}}),
            ),
        ),
        ("GET", "/resourceGroups/going?", answer(200, state("Deleting"))),
        (
            "GET",
            "?api-version=2022-12-01",
            answer(
                200,
                json!({"subscriptionId": "s", "displayName": "Dev", "state": "Disabled", "tenantId": "t"}),
            ),
        ),
    ]);
    let provider = script.provider();
    let group = provider.resource_group("rg").await.unwrap();
    assert_eq!((group.name.as_str(), group.location.as_str()), ("RG", "eastus2"));
    let error = provider.resource_group("gone").await.unwrap_err();
    assert!(error.advice.unwrap().starts_with("Lazuli never makes resource groups"));
    assert_eq!(provider.resource_group("going").await.unwrap_err().code, "ResourceGroupBeingDeleted");
    assert_eq!(provider.subscription().await.unwrap_err().message, "subscription `Dev` is disabled");
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn a_user_that_stays_is_named_at_once_and_one_that_goes_is_waited_for() {
    let (ty, id) = vnet();
    let nic = crate::scripted::id("Microsoft.Network/networkInterfaces/foreign-nic");
    let refusal = || {
        let message = format!("Subnet s is in use by {nic}/ipConfigurations/x and cannot be deleted.");
        answer(400, json!({"error": {"code": "InUseSubnetCannotBeDeleted", "message": message}}))
    };
    let user = |state: &str| {
        answer(
            200,
            json!({"subnet": {"id": format!("{id}/subnets/s")}, "properties": {"provisioningState": state}}),
        )
    };

    let script = Script::new([("DELETE", "/v?", refusal()), ("GET", "/foreign-nic?", user("Succeeded"))]);
    let error = script.provider().delete(&ty, &id, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("InUseSubnetCannotBeDeleted", Outcome::Nothing));
    assert!(error.advice.unwrap().starts_with("`foreign-nic` uses it and is not being deleted"));
    assert_eq!(script.finish()[1].after, Duration::ZERO);

    let script = Script::new([
        ("DELETE", "/v?", refusal()),
        ("GET", "/foreign-nic?", user("Deleting")),
        ("DELETE", "/v?", refusal()),
        ("GET", "/foreign-nic?", refuse(404, "ResourceNotFound")),
        ("DELETE", "/v?", answer(204, Json::Null)),
    ]);
    script.provider().delete(&ty, &id, &Told::default()).await.unwrap();
    assert_eq!(script.finish()[4].after.as_secs(), 9);
}
