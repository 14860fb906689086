//! The one way to the world that connections share: under its lock, and on the disk before anybody hears of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::commit::{Cloud, Committer};
use crate::world::World;
use crate::world_file::WorldFile;

/// The world, its clock and its file.
#[derive(Debug)]
pub(crate) struct Gateway {
    cloud: Arc<Mutex<Cloud>>,
    clock: Clock,
    committer: Option<Committer>,
    /// Changes whenever a cluster did.
    moved: watch::Sender<()>,
}

impl Gateway {
    pub(crate) fn new(cloud: Arc<Mutex<Cloud>>, clock: Clock, committer: Option<Committer>) -> Self {
        Self { cloud, clock, committer, moved: watch::channel(()).0 }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Hears of every change in a cluster.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Does something with the world, without waiting for the disk.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut World, u64) -> T) -> T {
        let mut cloud = self.lock();
        self.carry_out(&mut cloud.world, act)
    }

    /// Does something with the world and waits until all of it is on the disk; `mutates` says that it may have changed
    /// more than follows from the clock.
    ///
    /// # Errors
    /// What the disk said.
    pub(crate) async fn run<T>(
        &self,
        mutates: bool,
        act: impl FnOnce(&mut World, u64) -> T,
    ) -> Result<T, String> {
        let (outcome, number) = {
            let mut cloud = self.lock();
            let outcome = self.carry_out(&mut cloud.world, act);
            if let Some(committer) = &self.committer
                && (mutates || cloud.world.must_record())
            {
                let changes = cloud.world.take_changes();
                if !changes.is_empty() {
                    let line = WorldFile::line(&changes).map_err(|error| error.to_string())?;
                    cloud.taken += 1;
                    committer.queue(cloud.taken, line);
                }
            }
            (outcome, cloud.taken)
        };
        // Reads wait too: nobody may see what a crash could still undo.
        if let Some(committer) = &self.committer {
            committer.wait(number).await?;
        }
        Ok(outcome)
    }

    fn carry_out<T>(&self, world: &mut World, act: impl FnOnce(&mut World, u64) -> T) -> T {
        let before = revisions(world);
        let outcome = act(world, self.clock.now_ms());
        if revisions(world) != before {
            self.moved.send_replace(());
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn revisions(world: &World) -> u64 {
    world.clusters.values().map(|cluster| cluster.store.version()).sum()
}
