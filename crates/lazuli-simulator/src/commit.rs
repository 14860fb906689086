//! Making changes durable: one thread that writes, many requests that wait for it.
//!
//! Requests that arrive while a write is under way share the next one, so a busy cloud needs fewer of them.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::world::World;
use crate::world_file::WorldFile;

/// The world and the number of the last record taken from it.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) world: World,
    pub(crate) taken: u64,
}

/// How far the disk has got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    written: u64,
    failure: Option<String>,
}

struct Job {
    number: u64,
    line: Vec<u8>,
}

/// The writing side.
#[derive(Debug)]
pub(crate) struct Committer {
    jobs: mpsc::Sender<Job>,
    progress: watch::Receiver<Progress>,
}

/// The thread; joined at shutdown, when it leaves a compact file behind.
pub(crate) type Writer = JoinHandle<()>;

impl Committer {
    /// Starts the writing thread.
    pub(crate) fn start(file: WorldFile, cloud: Arc<Mutex<Cloud>>) -> std::io::Result<(Self, Writer)> {
        let (jobs, queue) = mpsc::channel();
        let (sender, progress) = watch::channel(Progress::default());
        let writer = std::thread::Builder::new()
            .name("simulated-world".to_owned())
            .spawn(move || write_all(file, &queue, &sender, &cloud))?;
        Ok((Self { jobs, progress }, writer))
    }

    /// Queues a record. Called while the world is locked, so records queue in the order they were made.
    pub(crate) fn queue(&self, number: u64, line: Vec<u8>) {
        // A writer that is gone has published its failure; `wait` reports it.
        let _ = self.jobs.send(Job { number, line });
    }

    /// Waits until everything up to `number` is on the disk.
    pub(crate) async fn wait(&self, number: u64) -> Result<(), String> {
        let mut progress = self.progress.clone();
        match progress.wait_for(|progress| progress.written >= number || progress.failure.is_some()).await {
            Ok(progress) if progress.written >= number => Ok(()),
            Ok(progress) => Err(progress.failure.clone().unwrap_or_default()),
            Err(_) => Err("the simulated world is closed".to_owned()),
        }
    }
}

fn write_all(
    mut file: WorldFile,
    queue: &mpsc::Receiver<Job>,
    progress: &watch::Sender<Progress>,
    cloud: &Mutex<Cloud>,
) {
    /// Records after which the file is rewritten, unless the world is large.
    const RECORDS: usize = 2000;
    let mut limit = RECORDS;
    while let Ok(first) = queue.recv() {
        let mut lines = Vec::new();
        let mut number = 0;
        for job in std::iter::once(first).chain(queue.try_iter()) {
            number = job.number;
            lines.push(job.line);
        }
        let mut outcome = file.append(&lines);
        if outcome.is_ok() && file.records() > limit {
            let cloud = cloud.lock().unwrap_or_else(PoisonError::into_inner);
            // Rewriting costs as much as the world is large, so it happens less often in a large world.
            limit = RECORDS.max(cloud.world.size());
            outcome = file.compact(&cloud.world);
        }
        match outcome {
            Ok(()) => progress.send_modify(|progress| progress.written = number),
            Err(error) => {
                let mut message = error.to_string();
                if let Some(source) = std::error::Error::source(&error) {
                    message = format!("{message}: {source}");
                }
                progress.send_modify(|progress| progress.failure = Some(message));
                return;
            }
        }
    }
    if file.records() > 0 {
        let cloud = cloud.lock().unwrap_or_else(PoisonError::into_inner);
        // Every record is on the disk already; a compact file only makes the next start quicker.
        let _ = file.compact(&cloud.world);
    }
}
