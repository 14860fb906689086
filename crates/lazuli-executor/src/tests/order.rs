use std::sync::Arc;

use lazuli_core::plan::Action;
use tokio::time::Instant;

use super::fake::{Fault, Scene, Thing, thing};
use crate::queue::{Offer, Queue};

fn locked(name: &str, lock: &'static str, seconds: f64) -> Thing {
    Thing { lock: Some(lock), ..thing(name, &[], seconds) }
}

#[tokio::test(start_paused = true)]
async fn a_step_starts_when_what_it_needs_is_done_and_no_later() {
    let scene = Scene::new(vec![
        thing("network", &[], 4.0),
        thing("subnet", &["network"], 3.0),
        thing("address", &[], 9.0),
        thing("machine", &["subnet", "address"], 40.0),
    ]);
    let plan = scene.plan();
    let ended = scene.carry_out(plan.clone()).await;
    assert!(ended.report.is_complete());
    assert_eq!(ended.report.elapsed.as_secs(), 49, "the longest chain and nothing more");
    insta::assert_snapshot!(ended.lines(&plan));
}

#[tokio::test(start_paused = true)]
async fn events_tell_waiting_progress_and_failure() {
    let scene = Scene::new(vec![
        locked("subnet-a", "network", 3.0),
        locked("subnet-b", "network", 2.0),
        thing("machine", &["subnet-b"], 1.0),
        thing("disk", &[], 1.0),
    ]);
    scene.cloud.break_once("subnet-b", Fault::Refused);
    let plan = scene.plan();
    let ended = scene.carry_out(plan.clone()).await;
    insta::assert_snapshot!(ended.lines(&plan));
}

#[tokio::test(start_paused = true)]
async fn no_more_steps_run_at_once_than_allowed_and_the_longest_way_goes_first() {
    let mut things = vec![thing("a-short", &[], 1.0), thing("b-short", &[], 1.0), thing("c-long", &[], 8.0)];
    things.push(thing("d-root", &[], 2.0));
    things.push(thing("e-leaf", &["d-root"], 7.0));
    let mut scene = Scene::new(things);
    scene.parallelism = 2;
    let plan = scene.plan();
    let ended = scene.carry_out(plan.clone()).await;
    assert_eq!(scene.cloud.most_at_once(), 2);
    assert_eq!(ended.started(&plan), ["d-root", "c-long", "e-leaf", "a-short", "b-short"]);
}

#[tokio::test(start_paused = true)]
async fn steps_with_one_lock_never_run_together_and_others_are_not_held_up() {
    let things = (0..6).map(|i| locked(&format!("subnet-{i}"), "network", 2.0));
    let mut scene = Scene::new(things.chain([thing("disk", &[], 1.0)]).collect());
    scene.parallelism = 3;
    let began = Instant::now();
    let ended = scene.apply().await;
    assert!(ended.report.is_complete());
    assert_eq!(began.elapsed().as_secs(), 12, "one after the other");
    assert_eq!(scene.cloud.most_at_once(), 2, "one of the lock, and the disk");
}

#[tokio::test(start_paused = true)]
async fn deletes_go_backwards() {
    let mut scene = Scene::new(vec![thing("network", &[], 0.0), thing("machine", &["network"], 0.0)]);
    scene.world = scene.apply().await.world;
    scene.journal = Arc::default();
    scene.things = super::fake::Things::new(Vec::new());
    let ended = scene.apply().await;
    assert!(ended.report.is_complete());
    assert_eq!(scene.cloud.log()[2..], ["delete machine", "delete network"]);
    assert!(ended.world.resources.is_empty());
    assert!(scene.plan().changes.iter().all(|c| c.action == Action::Delete));
}

#[test]
fn a_parked_step_comes_back_when_its_lock_is_free_even_when_the_holder_failed() {
    let scene = Scene::new(vec![locked("a", "l", 2.0), locked("b", "l", 1.0), thing("c", &["a"], 1.0)]);
    let mut queue = Queue::new(&scene.plan());
    assert_eq!(queue.offer(), Some(Offer::Start(0)));
    assert_eq!(queue.offer(), Some(Offer::Parked { step: 1, on: 0 }));
    assert_eq!(queue.offer(), None);
    assert_eq!(queue.failed(0), [2]);
    assert_eq!(queue.offer(), Some(Offer::Start(1)));
    queue.done(1);
    assert_eq!(queue.offer(), None);
}
