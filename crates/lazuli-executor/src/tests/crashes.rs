//! Laws 3 and 4: stopped at any record, a run that goes on ends in the configured world.

use std::sync::Arc;

use lazuli_core::journal::Record;
use lazuli_core::recorded::RecordedWorld;
use tokio::sync::{mpsc, watch};

use super::fake::{Memory, OneCloud, Scene, Thing, Things, thing};
use crate::settle::{record, settle};
use crate::{Cancel, execute};

fn first_shape() -> Vec<Thing> {
    vec![
        thing("network", &[], 4.0),
        thing("subnet", &["network"], 3.0),
        Thing { lock: Some("lb"), ..thing("balancer", &[], 2.0) },
        Thing { lock: Some("lb"), ..thing("rule", &["balancer"], 2.0) },
        thing("machine", &["subnet", "rule"], 9.0),
        thing("instant", &["machine"], 0.0),
    ]
}

fn second_shape() -> Vec<Thing> {
    let mut things = first_shape();
    things.retain(|t| t.name != "machine" && t.name != "instant");
    things.push(thing("other", &["subnet"], 1.0));
    things
}

/// Stops a run when so many records are durable; returns whether it came that far.
async fn stopped_run(scene: &Scene) -> bool {
    let (tell, _told) = mpsc::unbounded_channel();
    let (_keep, cancel) = watch::channel(Cancel::Go);
    tokio::select! {
        () = scene.journal.stopped.notified() => true, // everything in memory is gone
        _ = execute(scene.run(scene.plan()), tell, cancel) => false,
    }
}

/// What `apply` does first: looks at what is unfinished, and writes down what it finds.
async fn settled(scene: &Scene, world: RecordedWorld) -> RecordedWorld {
    let found = settle(&world, &OneCloud(scene.cloud.clone()), true, |_| &[], &|_, _| {}).await;
    let mut replay = lazuli_state::Replay::new(world);
    record(&found).into_iter().for_each(|r: Record| replay.apply(r));
    replay.into_world()
}

fn expect_converged(scene: &Scene, world: &RecordedWorld, point: usize) {
    let mut wanted: Vec<_> = scene.things.things.iter().map(|t| t.name.clone()).collect();
    wanted.sort();
    let recorded: Vec<_> = world.resources.keys().map(|a| a.segments()[1].name.clone()).collect();
    assert_eq!(scene.cloud.names(), wanted, "stopped after {point} records");
    assert_eq!(recorded, wanted, "stopped after {point} records");
    assert!(world.deposed.is_empty());
    assert!(world.resources.values().all(|r| r.pending.is_none()), "stopped after {point} records");
}

async fn crash_everywhere(before: Vec<Thing>, after: Vec<Thing>) -> usize {
    crash_at_each(&before, &after, true).await;
    crash_at_each(&before, &after, false).await
}

/// Returns after how many records a run is over.
async fn crash_at_each(before: &[Thing], after: &[Thing], cloud_goes_on: bool) -> usize {
    for point in 0.. {
        let mut scene = Scene::new(before.to_vec());
        scene.world = scene.apply().await.world;
        scene.things = Things::new(after.to_vec());
        Arc::get_mut(&mut scene.cloud).unwrap().goes_on = cloud_goes_on;
        scene.cloud.seconds.lock().unwrap().extend(after.iter().map(|t| (t.name.clone(), t.seconds)));
        scene.journal = Arc::new(Memory { stops_after: Some(point), ..Memory::default() });
        let stopped = stopped_run(&scene).await;
        for _ in 0..20 {
            tokio::task::yield_now().await; // until what ran is gone
        }
        let left = scene.after();
        scene.world = settled(&scene, left).await;
        scene.journal = Arc::default();
        let ended = scene.apply().await;
        assert!(ended.report.is_complete(), "stopped after {point} records: {:?}", ended.report.endings);
        expect_converged(&scene, &ended.world, point);
        if !stopped {
            return point;
        }
    }
    unreachable!()
}

#[tokio::test(start_paused = true)]
async fn a_first_apply_stopped_at_any_record_converges() {
    assert_eq!(
        crash_everywhere(Vec::new(), first_shape()).await,
        17,
        "intent, acceptance, end of six steps, one without acceptance"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_stopped_at_any_record_converges() {
    crash_everywhere(first_shape(), second_shape()).await;
}

#[tokio::test(start_paused = true)]
async fn a_destroy_stopped_at_any_record_converges() {
    crash_everywhere(first_shape(), Vec::new()).await;
}
