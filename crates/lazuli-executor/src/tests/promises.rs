use lazuli_core::configuration::Known as _;
use lazuli_core::provider::Outcome;
use lazuli_core::value::Unknown;
use lazuli_core::{Type, Value};
use proptest::prelude::*;

use super::fake::{Fault, Scene, Thing, Things, address, number, password, thing};
use crate::Ending;
use crate::promise::check;

#[tokio::test(start_paused = true)]
async fn what_was_unknown_is_known_when_its_step_starts() {
    let scene = Scene::new(vec![thing("first", &[], 1.0), thing("b", &["first"], 1.0)]);
    let ended = scene.apply().await;
    assert_eq!(ended.world.resources[&address("b")].inputs["properties"]["first"], number(5));
    assert_eq!(ended.world.resources[&address("b")].dependencies, [address("first")]);
    let known = ended.report.objects.object(&address("b")).unwrap();
    assert!(known.complete);
    assert_eq!(known.value.get("name"), Some(&Value::string("b")));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_would_send_something_else_than_planned_fails_before_it_sends() {
    let mut scene =
        Scene::new(vec![Thing { body: Value::object([("size", Value::int(1))]), ..thing("a", &[], 1.0) }]);
    let plan = scene.plan();
    scene.things =
        Things::new(vec![Thing { body: Value::object([("size", Value::int(2))]), ..thing("a", &[], 1.0) }]);
    let ended = scene.carry_out(plan).await;
    let Ending::Failed { failure, .. } = &ended.report.endings[0] else { panic!() };
    assert_eq!(failure.error.to_string(), "size is not what the plan showed: it was 1 and is now 2");
    assert_eq!(failure.error.code(), "LZ2002");
    assert!(scene.cloud.log().is_empty());
    assert!(scene.journal.records.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_still_lacks_a_value_fails_before_it_sends() {
    let mut body = thing("a", &["b"], 1.0);
    body.needs.clear(); // no edge: the plan is wrong
    let scene = Scene::new(vec![body]);
    let ended = scene.apply().await;
    let Ending::Failed { failure, .. } = &ended.report.endings[0] else { panic!() };
    assert_eq!(
        failure.error.to_string(),
        "properties.b is not what the plan showed: it was (known after resource.b) and is now (known after resource.b)"
    );
}

#[tokio::test(start_paused = true)]
async fn write_only_and_sensitive_parts_are_sent_and_not_recorded_in_clear() {
    let scene = Scene::new(vec![Thing { body: password("hunter2"), ..thing("a", &[], 1.0) }]);
    let ended = scene.apply().await;
    let recorded = &ended.world.resources[&address("a")];
    let text = format!("{:?}", scene.journal.records.lock().unwrap());
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(recorded.write_only.len(), 1);
    assert!(recorded.sensitive.is_empty(), "what is not stored needs no encryption");
    assert!(recorded.inputs["properties"].as_object().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_others_set_where_changes_are_ignored_is_sent_as_it_was_shown() {
    let body = |size: i64| {
        let tags = object(vec![("owner", Value::string("us"))]);
        Value::object([("tags", tags), ("size", Value::int(size))])
    };
    let ignoring = |size: i64| {
        let ignore = vec!["tags.owner".parse().unwrap()];
        Things::new(vec![Thing { body: body(size), ignore, ..thing("a", &[], 1.0) }])
    };
    for seen in [true, false] {
        let mut scene = Scene::new(vec![thing("a", &[], 1.0)]);
        scene.things = ignoring(1);
        scene.world = scene.apply().await.world;
        assert_eq!(
            scene.world.resources[&address("a")].inputs["tags"]["owner"],
            "us",
            "a create ignores nothing"
        );
        scene.journal = std::sync::Arc::default();
        let changed = serde_json::json!({"tags": {"owner": "policy"}, "size": 1, "properties": {}});
        let id = lazuli_core::resource::ResourceId::new("/g/a");
        scene.world.resources.get_mut(&address("a")).unwrap().observed = changed.clone();
        scene.cloud.objects.lock().unwrap().insert("/g/a".into(), changed.clone());
        scene.things = ignoring(2);
        let recorded = scene.world.resources.get_mut(&address("a")).unwrap();
        recorded.pending = Some(lazuli_core::recorded::Pending {
            operation: lazuli_core::plan::Operation::Update, // the test planner updates it
            url: None,
        });
        let mut plan = scene.plan();
        let kept = lazuli_planner::keep::keep(&body(2), &scene.things.things[0].ignore, &changed);
        plan.steps[0].planned = Some(kept);
        let mut run = scene.run(plan);
        if !seen {
            run.observed = std::sync::Arc::default();
        }
        let (tell, _told) = tokio::sync::mpsc::unbounded_channel();
        let (_keep, cancel) = tokio::sync::watch::channel(crate::Cancel::Go);
        let report = crate::execute(run, tell, cancel).await;
        assert!(report.is_complete(), "{:?}", report.endings);
        let object = scene.cloud.objects.lock().unwrap()[id.as_str()].clone();
        assert_eq!((&object["tags"]["owner"], &object["size"]), (&"policy".into(), &2.into()));
        assert_eq!(scene.after().resources[&address("a")].inputs["tags"]["owner"], "policy");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_service_repeats_of_a_secret_is_told_to_nobody() {
    let key = object(vec![("key", Value::string("hunter2").sensitive())]);
    let unmarked = object(vec![("password", Value::string("hunter2"))]); // write-only by its kind
    for secret in [key, unmarked] {
        for outcome in [Outcome::Nothing, Outcome::Unknown] {
            let body = object(vec![("properties", secret.clone())]);
            let scene = Scene::new(vec![Thing { body, ..thing("a", &[], 1.0) }]);
            scene.cloud.break_once("a", Fault::Repeats(outcome));
            let plan = scene.plan();
            let ended = scene.carry_out(plan.clone()).await;
            let Ending::Failed { failure, .. } = &ended.report.endings[0] else { panic!() };
            assert_eq!(failure.error.to_string(), "Bad: `(sensitive value)` is not allowed");
            assert!(!format!("{:?}", failure.error).contains("hunter2"), "{:?}", failure.error);
            assert!(!ended.lines(&plan).contains("hunter2"));
        }
    }
}

fn object(entries: Vec<(&'static str, Value)>) -> Value {
    Value::object(entries)
}

#[test]
fn a_promise_is_kept_by_what_fills_its_unknown_parts_and_by_nothing_else() {
    let prefixed =
        Value::unknown(Unknown { prefix: "10.".into(), not_null: true, ..Unknown::of(Type::String) });
    let planned = object(vec![("a", Value::int(1)), ("b", prefixed)]);
    let with = |b: Value| object(vec![("a", Value::int(1)), ("b", b)]);
    assert!(check(&planned, &with(Value::string("10.0.0.4"))).is_ok());
    for broken in [Value::string("192.0.2.1"), Value::null(), Value::unknown_of(Type::String)] {
        assert!(check(&planned, &with(broken)).is_err());
    }
    let more = object(vec![("a", Value::int(1)), ("b", Value::string("10.1")), ("c", Value::null())]);
    assert_eq!(
        check(&planned, &more).unwrap_err().to_string(),
        "c is not what the plan showed: it was not there and is now null"
    );
    assert!(check(&planned, &object(vec![("a", Value::int(1))])).is_err());
    let secret = object(vec![("p", Value::string("hunter2").sensitive())]);
    let other = object(vec![("p", Value::string("hunter3"))]);
    let within = |text: &str| object(vec![("list", Value::tuple([Value::string(text)]).sensitive())]);
    for (planned, now) in [(&secret, &other), (&other, &secret), (&within("hunter2"), &within("hunter3"))] {
        let error = check(planned, now).unwrap_err().to_string();
        assert!(!error.contains("hunter") && error.contains("(sensitive value)"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sensitive_stays_so_while_it_can_be_seen() {
    let body = |secret: Value| Value::object([("properties", Value::object([("key", secret)]))]);
    let mut scene =
        Scene::new(vec![Thing { body: body(Value::string("hunter2").sensitive()), ..thing("a", &[], 1.0) }]);
    scene.world = scene.apply().await.world;
    assert_eq!(scene.world.resources[&address("a")].sensitive.len(), 1);
    scene.journal = std::sync::Arc::default();
    scene.things = Things::new(vec![Thing { body: body(Value::string("open")), ..thing("a", &[], 1.0) }]);
    scene.world.resources.get_mut(&address("a")).unwrap().pending =
        Some(lazuli_core::recorded::Pending { operation: lazuli_core::plan::Operation::Update, url: None });
    scene.apply().await;
    let records = scene.journal.records.lock().unwrap();
    let lazuli_core::journal::Record::Intent { resource, .. } = &records[0] else { panic!() };
    assert_eq!(resource.observed["properties"]["key"], "hunter2");
    assert_eq!(resource.sensitive.len(), 1, "the old value is encrypted in the journal");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::null()),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::int),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::tuple),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(Value::object),
        ]
    })
}

proptest! {
    #[test]
    fn a_plan_that_was_saved_and_read_promises_the_same(value in any_value(), other in any_value()) {
        let text = serde_json::to_string(&value).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(check(&read, &value).is_ok());
        let same = serde_json::to_string(&other).unwrap() == text;
        prop_assert_eq!(check(&read, &other).is_ok(), same);
    }
}
