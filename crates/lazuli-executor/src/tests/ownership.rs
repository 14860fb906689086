//! Law 5: what is there already and not this state's is not touched.

use std::sync::Arc;

use lazuli_core::plan::Operation;
use lazuli_core::recorded::Pending;
use lazuli_core::{Json, Value};
use serde_json::json;

use super::fake::{Fault, OneCloud, Scene, Thing, address, id, thing};
use crate::settle::{Finding, record, settle};
use crate::{Ending, Left, StepError};

fn tagged(name: &str) -> Thing {
    let tags = Value::object([("lazuli_lineage", Value::string("l"))]);
    let body = Value::object([("tags", tags), ("properties", Value::object([("size", Value::int(1))]))]);
    Thing { body, ..thing(name, &[], 1.0) }
}

/// Puts an object into the cloud; returns it as it lies there.
fn appears(scene: &Scene, name: &str, tags: Json) -> Json {
    let object = json!({"tags": tags, "properties": {"size": 9, "provisioningState": "Succeeded"}});
    scene.cloud.objects.lock().unwrap().insert(id(name).as_str().into(), object.clone());
    object
}

fn there(scene: &Scene, name: &str) -> Json {
    scene.cloud.objects.lock().unwrap()[id(name).as_str()].clone()
}

fn failure(ending: &Ending) -> (&StepError, Left) {
    match ending {
        Ending::Failed { failure, .. } => (&failure.error, failure.left),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_appeared_since_a_plan_was_saved_is_not_overwritten() {
    for (tags, whose) in [
        (
            json!({"team": "data"}),
            "it carries no mark of this state: others made it, or the state that did is lost",
        ),
        (json!({"lazuli_lineage": "other"}), "it belongs to another Lazuli state (lineage other)"),
        (Json::Null, "it carries no mark of this state: others made it, or the state that did is lost"),
    ] {
        let mut scene = Scene::new(vec![tagged("a")]);
        let plan = scene.plan();
        let object = appears(&scene, "a", tags);
        scene.looked = false;
        let ended = scene.carry_out(plan).await;
        let (error, left) = failure(&ended.report.endings[0]);
        assert_eq!(error.to_string(), format!("/g/a exists already: {whose}"));
        assert_eq!((error.code(), left), ("LZ1002", Left::Untouched));
        assert!(error.advice().unwrap().contains("another name"));
        assert_eq!(there(&scene, "a"), object);
        assert!(scene.cloud.log().is_empty(), "nothing was sent");
        assert!(scene.journal.records.lock().unwrap().is_empty(), "and nothing is recorded as ours");
    }
}

#[tokio::test(start_paused = true)]
async fn what_appeared_and_is_ours_is_made_as_it_should_be() {
    let mut scene = Scene::new(vec![tagged("a")]);
    let plan = scene.plan();
    appears(&scene, "a", json!({"Lazuli_Lineage": "l"})); // Azure keeps the spelling it likes
    scene.looked = false;
    assert!(scene.carry_out(plan).await.report.is_complete());
    assert_eq!(there(&scene, "a")["properties"]["size"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_plan_made_just_now_costs_no_read_for_a_create() {
    let mut scene = Scene::new(vec![tagged("a"), tagged("b")]);
    assert!(scene.apply().await.report.is_complete());
    assert!(scene.cloud.reads.lock().unwrap().is_empty());

    let mut plan = scene.plan();
    for (step, name) in plan.steps.iter_mut().zip(["a", "b"]) {
        assert_eq!((step.operation, &step.address), (Operation::Update, &address(name)));
        step.operation = Operation::Create;
        step.id = None; // known only now: nobody can have looked
    }
    scene.journal = Arc::default();
    appears(&scene, "b", json!({}));
    let ended = scene.carry_out(plan).await;
    assert!(matches!(ended.report.endings[0], Ending::Done { .. }), "it carries our tag");
    assert_eq!(failure(&ended.report.endings[1]).0.code(), "LZ1002");
}

#[tokio::test(start_paused = true)]
async fn what_carries_no_tags_is_ours_when_it_lies_below_what_is_ours() {
    let name = |text: &str| Thing { body: Value::object([("size", Value::int(1))]), ..thing(text, &[], 1.0) };
    for (others, exists_below_ours) in [(vec![tagged("net")], true), (vec![], false)] {
        let mut scene = Scene::new(others);
        scene.world = scene.apply().await.world;
        let mut things = scene.things.things.clone();
        things.push(name("s_in_net"));
        scene.things = super::fake::Things::new(things);
        scene.journal = Arc::default();
        let plan = scene.plan();
        let object = json!({"properties": {}});
        scene.cloud.objects.lock().unwrap().insert(id("s_in_net").as_str().into(), object);
        scene.looked = false;
        let ended = scene.carry_out(plan).await;
        assert_eq!(ended.report.is_complete(), exists_below_ours, "{:?}", ended.report.endings);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_not_created() {
    let mut scene = Scene::new(vec![tagged("a")]);
    scene.looked = false;
    *scene.cloud.unreadable.lock().unwrap() = true;
    let ended = scene.apply().await;
    let (error, left) = failure(&ended.report.endings[0]);
    assert_eq!((error.code(), left), ("LZ2100", Left::Untouched));
    assert!(scene.cloud.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_recorded_is_made_again_without_a_look() {
    let mut scene = Scene::new(vec![tagged("a")]);
    scene.world = scene.apply().await.world;
    scene.cloud.objects.lock().unwrap().clear();
    scene.journal = Arc::default();
    scene.looked = false;
    assert!(scene.apply().await.report.is_complete());
    assert!(scene.cloud.reads.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_does_not_make_anothers_object_ours() {
    let scene = Scene::new(vec![tagged("a")]);
    let plan = scene.plan();
    let object = appears(&scene, "a", json!({"team": "data"})); // after looking, before sending
    scene.cloud.break_once("a", Fault::RequestLost);
    let ended = scene.carry_out(plan).await;
    let (error, left) = failure(&ended.report.endings[0]);
    assert_eq!(
        error.to_string(),
        "Reset: connection reset; /g/a exists already: it carries no mark of this state: others made it, or the state that did is lost"
    );
    assert_eq!((error.code(), left), ("LZ2100", Left::Unknown));
    assert!(ended.world.resources.is_empty());
    assert_eq!(there(&scene, "a"), object);
}

#[tokio::test(start_paused = true)]
async fn what_a_kill_left_in_question_and_is_anothers_is_not_recorded_as_ours() {
    let mut scene = Scene::new(vec![tagged("a")]);
    scene.world = scene.apply().await.world;
    let recorded = scene.world.resources.get_mut(&address("a")).unwrap();
    recorded.pending = Some(Pending { operation: Operation::Create, url: None });
    appears(&scene, "a", json!({"team": "data"}));
    let found = settle(&scene.world, &OneCloud(scene.cloud.clone()), true, |_| &[], &|_, _| {}).await;
    assert_eq!(found[0].finding, Finding::NothingThere);
    let Some(lazuli_core::journal::Record::Adjusted { removed, .. }) = record(&found) else { panic!() };
    assert_eq!(removed, [address("a")]);

    scene.journal = Arc::default();
    scene.looked = false;
    let mut plan = scene.plan();
    plan.steps[0].operation = Operation::Create; // as if it had been planned before the object was there
    let ended = scene.carry_out(plan).await;
    assert_eq!(failure(&ended.report.endings[0]).0.code(), "LZ1002", "an intent alone proves nothing");
}
