use std::sync::Arc;
use std::time::Duration;

use lazuli_core::plan::Operation;
use tokio::sync::watch;

use super::fake::{Fault, Memory, Scene, Thing, address, password, thing};
use crate::{Cancel, Counts, Ending, Left, StepError};

fn left(ending: &Ending) -> (&'static str, Left) {
    match ending {
        Ending::Failed { failure, .. } => (failure.error.code(), failure.left),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_what_needs_it_and_nothing_else() {
    let scene = Scene::new(vec![
        thing("a", &[], 1.0),
        thing("b", &["a"], 1.0),
        thing("c", &["b"], 1.0),
        thing("other", &[], 5.0),
        thing("last", &["other"], 5.0),
    ]);
    scene.cloud.break_once("a", Fault::Refused);
    let ended = scene.apply().await;
    assert_eq!(ended.report.counts(), Counts { done: 2, failed: 1, skipped: 2, ..Counts::default() });
    assert!(matches!(ended.report.endings[2], Ending::Skipped { because: 0 }));
    assert_eq!(left(&ended.report.endings[0]), ("LZ2100", Left::Untouched));
    assert_eq!(scene.cloud.names(), ["last", "other"]);
    assert_eq!(ended.world.resources.len(), 2, "what certainly does not exist is not recorded");
    assert!(!ended.report.cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_resolved_by_reading() {
    let mut scene = Scene::new(vec![thing("a", &[], 1.0), thing("b", &["a"], 1.0)]);
    scene.cloud.break_once("a", Fault::AnswerLost);
    let ended = scene.apply().await;
    assert!(ended.report.is_complete(), "{:?}", ended.report.endings);
    assert!(ended.world.resources.values().all(|r| r.pending.is_none()));

    scene.world = ended.world;
    scene.journal = Arc::default();
    scene.things = super::fake::Things::new(Vec::new());
    scene.cloud.break_once("b", Fault::AnswerLost);
    assert!(scene.apply().await.report.is_complete());
    assert!(scene.cloud.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_stays_in_question_until_the_next_run() {
    let scene = Scene::new(vec![thing("a", &[], 1.0)]);
    scene.cloud.break_once("a", Fault::RequestLost);
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[0]), ("LZ2100", Left::NotSeen));
    assert!(ended.world.resources[&address("a")].pending.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_ends_failed_is_recorded_and_not_tainted() {
    let mut scene = Scene::new(vec![thing("a", &[], 1.0), thing("b", &["a"], 1.0)]);
    scene.cloud.break_once("a", Fault::EndsFailed);
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[0]), ("LZ2100", Left::Exists));
    let recorded = &ended.world.resources[&address("a")];
    assert_eq!(recorded.observed["properties"]["provisioningState"], "Failed");
    assert_eq!(recorded.pending.as_ref().unwrap().url.as_deref(), Some("https://poll/a"));

    scene.world = ended.world;
    scene.journal = Arc::default();
    assert!(scene.apply().await.report.is_complete());
    assert_eq!(scene.cloud.log(), ["create a", "update a", "create b"], "never deleted");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_too_long_is_read_and_recorded() {
    let scene = Scene::new(vec![Thing { timeout: 30, ..thing("a", &[], 1.0) }]);
    scene.cloud.break_once("a", Fault::Hangs);
    let ended = scene.apply().await;
    assert_eq!(ended.report.elapsed, Duration::from_secs(30));
    assert_eq!(left(&ended.report.endings[0]), ("LZ2101", Left::NotSeen));
    let pending = ended.world.resources[&address("a")].pending.clone().unwrap();
    assert_eq!((pending.operation, pending.url.as_deref()), (Operation::Create, Some("https://poll/a")));
}

#[tokio::test(start_paused = true)]
async fn what_can_not_even_be_read_stays_unfinished() {
    let mut scene = Scene::new(vec![thing("a", &[], 1.0)]);
    scene.world = scene.apply().await.world;
    scene.journal = Arc::default();
    scene.things = super::fake::Things::new(Vec::new());
    scene.cloud.break_once("a", Fault::RequestLost);
    *scene.cloud.unreadable.lock().unwrap() = true;
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[0]), ("LZ2100", Left::Unknown));
    assert_eq!(ended.world.resources[&address("a")].pending.as_ref().unwrap().operation, Operation::Delete);
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_password_may_not_have_arrived_is_not_taken_for_done() {
    let mut scene = Scene::new(vec![Thing { body: password("old"), ..thing("a", &[], 1.0) }]);
    scene.world = scene.apply().await.world;
    scene.journal = Arc::default();
    scene.things = super::fake::Things::new(vec![Thing { body: password("new"), ..thing("a", &[], 1.0) }]);
    scene.world.resources.get_mut(&address("a")).unwrap().pending =
        Some(lazuli_core::recorded::Pending { operation: Operation::Update, url: None }); // the test planner updates it
    scene.cloud.break_once("a", Fault::RequestLost);
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[0]), ("LZ2100", Left::PerhapsChanged));
    assert!(
        ended.world.resources[&address("a")].write_only.is_empty(),
        "neither the old nor the new one is certain"
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_first_signal_nobody_is_waited_for_and_the_next_run_goes_on() {
    let mut scene = Scene::new(vec![thing("a", &[], 0.0), thing("b", &["a"], 1.0), thing("c", &[], 20.0)]);
    scene.cloud.break_once("a", Fault::WaitsForOthers);
    let (ask, cancel) = watch::channel(Cancel::Go);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        ask.send(Cancel::Stop).unwrap();
        std::future::pending::<()>().await;
    });
    let ended = scene.carry_out_until(scene.plan(), cancel).await;
    let counts = Counts { done: 1, interrupted: 1, not_started: 1, ..Counts::default() };
    assert_eq!(ended.report.counts(), counts);
    assert!(ended.report.cancelled);
    assert!(matches!(ended.report.endings[0], Ending::Interrupted { elapsed } if elapsed.as_secs() == 2));
    assert_eq!(ended.report.elapsed.as_secs(), 20, "what a service has accepted is waited for");

    scene.world = ended.world;
    scene.journal = Arc::default();
    assert!(scene.apply().await.report.is_complete());
    assert_eq!(scene.cloud.names(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_first_signal_nothing_starts_and_what_runs_is_recorded() {
    let scene = Scene::new(vec![thing("a", &[], 5.0), thing("b", &["a"], 5.0), thing("c", &[], 20.0)]);
    let (ask, cancel) = watch::channel(Cancel::Go);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        ask.send(Cancel::Stop).unwrap();
        std::future::pending::<()>().await;
    });
    let ended = scene.carry_out_until(scene.plan(), cancel).await;
    assert_eq!(ended.report.counts(), Counts { done: 2, not_started: 1, ..Counts::default() });
    assert!(ended.report.cancelled);
    assert_eq!(ended.report.elapsed.as_secs(), 20);
    assert!(ended.world.resources.values().all(|r| r.pending.is_none()));
}

#[tokio::test(start_paused = true)]
async fn after_the_second_signal_it_leaves_at_once_and_the_intents_stand() {
    let scene = Scene::new(vec![thing("a", &[], 5.0), thing("b", &["a"], 5.0)]);
    let (ask, cancel) = watch::channel(Cancel::Go);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        ask.send(Cancel::Now).unwrap();
    });
    let ended = scene.carry_out_until(scene.plan(), cancel).await;
    assert_eq!(ended.report.counts(), Counts { abandoned: 1, not_started: 1, ..Counts::default() });
    assert_eq!(ended.report.elapsed.as_secs(), 2);
    assert!(ended.world.resources[&address("a")].pending.is_some());
}

#[tokio::test(start_paused = true)]
async fn without_a_durable_intent_nothing_is_sent() {
    let mut scene = Scene::new(vec![thing("a", &[], 1.0), thing("b", &["a"], 1.0), thing("c", &["b"], 1.0)]);
    scene.journal = Arc::new(Memory { fails_after: Some(3), ..Memory::default() });
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[1]), ("LZ2110", Left::Untouched));
    assert_eq!(scene.cloud.log(), ["create a"]);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_a_provider_fails_its_step_and_is_recorded_as_unknown() {
    let scene = Scene::new(vec![thing("a", &[], 1.0), thing("b", &[], 1.0)]);
    scene.cloud.break_once("a", Fault::Panics);
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[0]), ("LZ2113", Left::Unknown));
    assert!(matches!(ended.report.endings[1], Ending::Done { .. }));
    assert!(ended.world.resources[&address("a")].pending.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_only_read_must_exist() {
    let scene = Scene::new(vec![Thing { data: true, ..thing("vnet", &[], 0.0) }, thing("a", &["vnet"], 0.0)]);
    let ended = scene.apply().await;
    assert_eq!(left(&ended.report.endings[0]), ("LZ2111", Left::Untouched));
    assert!(
        matches!(&ended.report.endings[0], Ending::Failed { failure, .. } if matches!(failure.error, StepError::Missing))
    );

    let object = serde_json::json!({"properties": {"number": 77}});
    scene.cloud.objects.lock().unwrap().insert("/g/vnet".into(), object);
    let ended = scene.apply().await;
    assert!(ended.report.is_complete());
    assert_eq!(ended.world.resources[&address("a")].inputs["properties"]["vnet"], super::fake::number(77));
    let first = ended.world;
    let again = Scene { world: first.clone(), journal: Arc::default(), ..scene };
    assert_eq!(again.apply().await.world, first);
    assert!(
        again.journal.records.lock().unwrap().is_empty(),
        "a read that finds what is recorded writes nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_forced_destroy_tries_again_and_then_forgets_what_stays_stuck() {
    let mut scene = Scene::new(vec![thing("a", &[], 1.0), thing("b", &["a"], 1.0), thing("c", &["b"], 1.0)]);
    scene.world = scene.apply().await.world;
    scene.journal = Arc::default();
    scene.things = super::fake::Things::new(Vec::new());
    scene.cloud.jam("b");
    scene.cloud.break_once("c", Fault::Refused);
    scene.give_up = Some(Duration::from_secs(900));
    let ended = scene.apply().await;
    assert_eq!(ended.report.counts(), Counts { done: 2, given_up: 1, ..Counts::default() });
    let Ending::GivenUp { failure, .. } = &ended.report.endings[1] else {
        panic!("{:?}", ended.report.endings)
    };
    assert_eq!(failure.left, Left::Untouched);
    assert!(ended.report.elapsed >= Duration::from_secs(900), "b was tried until then");
    assert_eq!(scene.cloud.names(), ["b"], "what others need was deleted all the same");
    assert!(ended.world.resources.is_empty(), "what was given up is forgotten");
}
