//! The journal of a run: appended by many, flushed by one, wherever it is kept.
//!
//! Whoever appends puts its record into a queue and waits. A single flush at a time writes all that is queued as one
//! batch, makes it durable, applies it to the world and wakes all who waited; what came meanwhile is the next batch.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use lazuli_core::journal::{Journal, JournalError, Record};
use lazuli_core::recorded::RecordedWorld;
use tokio::sync::oneshot;

use crate::frame::{self, JournalHeader};
use crate::replay::Replay;
use crate::seal::{Keyring, Sealer};
use crate::store::{Held, Log};

/// The journal of a run.
#[derive(Debug)]
pub struct RunJournal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    header: JournalHeader,
    keyring: Arc<Keyring>,
    /// The lock, as long as the run has it.
    held: Weak<dyn Held>,
    queue: Mutex<Queue>,
    idle: Condvar,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    flushing: bool,
    /// Set once: the journal takes nothing any more, and why.
    closed: Option<String>,
}

#[derive(Debug)]
struct Waiting {
    entry: String,
    record: Record,
    sealer: Option<Arc<Sealer>>,
    done: oneshot::Sender<Result<(), JournalError>>,
}

/// What only the flush touches.
#[derive(Debug)]
struct Written {
    log: Option<Box<dyn Log>>,
    replay: Replay,
    header_of_key_written: bool,
    /// True while a flush runs and for ever after one that failed.
    failed: bool,
    records: u64,
}

impl RunJournal {
    /// A journal, created with its first record, for a run that starts at `world`.
    pub(crate) fn new(
        header: JournalHeader,
        keyring: Arc<Keyring>,
        held: Weak<dyn Held>,
        world: RecordedWorld,
    ) -> Self {
        let replay = Replay::new(world);
        let written = Written { log: None, replay, header_of_key_written: false, failed: false, records: 0 };
        let shared = Shared {
            header,
            keyring,
            held,
            queue: Mutex::default(),
            idle: Condvar::new(),
            written: Mutex::new(written),
        };
        RunJournal { shared: Arc::new(shared) }
    }

    /// Shows the world as it is after all durable records.
    pub fn with_world<T>(&self, look: impl FnOnce(&RecordedWorld) -> T) -> T {
        look(lock(&self.shared.written).replay.world())
    }

    /// Waits for the flush that runs, refuses all further records, and gives the world after the durable ones and
    /// their number.
    pub(crate) fn close(&self) -> (RecordedWorld, u64) {
        let mut queue = lock(&self.shared.queue);
        queue.closed.get_or_insert_with(|| "the run is over".to_owned());
        while queue.flushing {
            queue = self.shared.idle.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        let mut written = lock(&self.shared.written);
        written.log = None;
        (std::mem::take(&mut written.replay).into_world(), written.records)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refuse(reason: impl std::fmt::Display) -> JournalError {
    JournalError { reason: reason.to_string() }
}

#[async_trait::async_trait]
impl Journal for RunJournal {
    async fn append(&self, record: Record) -> Result<(), JournalError> {
        let shared = &self.shared;
        let sealer =
            if frame::has_secrets(&record) { Some(shared.keyring.current().map_err(refuse)?) } else { None };
        let header = &shared.header;
        let entry =
            frame::entry(&record, &header.lineage, header.serial, sealer.as_deref()).map_err(refuse)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(refuse)?;
        let (done, durable) = oneshot::channel();
        {
            let mut queue = lock(&shared.queue);
            if let Some(reason) = &queue.closed {
                return Err(refuse(reason));
            }
            queue.waiting.push(Waiting { entry, record, sealer, done });
            if !queue.flushing {
                queue.flushing = true;
                let shared = shared.clone();
                runtime.spawn_blocking(move || shared.flush_all());
            }
        }
        durable.await.unwrap_or_else(|_| Err(refuse("the run ended before the record was durable")))
    }
}

impl Shared {
    /// Flushes batch after batch until nobody waits.
    fn flush_all(&self) {
        loop {
            let batch = {
                let mut queue = lock(&self.queue);
                if queue.waiting.is_empty() {
                    queue.flushing = false;
                    self.idle.notify_all();
                    return;
                }
                std::mem::take(&mut queue.waiting)
            };
            let result = self.flush(&batch);
            if let Err(error) = &result {
                lock(&self.queue).closed.get_or_insert_with(|| error.reason.clone());
            }
            let mut written = lock(&self.written);
            let mut waiters = Vec::with_capacity(batch.len());
            for Waiting { record, done, .. } in batch {
                if result.is_ok() {
                    written.replay.apply(record);
                    written.records += 1;
                }
                waiters.push(done);
            }
            drop(written);
            for done in waiters {
                let _ = done.send(result.clone()); // nobody waits any more: the run was stopped
            }
        }
    }

    /// After a failure nothing is known of what the journal holds, and no record may follow: every later flush fails too.
    fn flush(&self, batch: &[Waiting]) -> Result<(), JournalError> {
        let mut written = lock(&self.written);
        if std::mem::replace(&mut written.failed, true) {
            return Err(refuse("an earlier record could not be written"));
        }
        let held = self.held.upgrade().ok_or_else(|| refuse("the run has given up its lock"))?;
        held.ensure_held().map_err(refuse)?;
        let mut text = String::new();
        let mut log = match written.log.take() {
            Some(log) => log,
            None => {
                text.push_str(&frame::line(&frame::json(&self.header)));
                held.begin_journal()
            }
        };
        let sealer =
            batch.iter().find_map(|w| w.sealer.as_deref()).filter(|_| !written.header_of_key_written);
        let entries = batch.iter().map(|w| w.entry.as_str());
        text.push_str(&frame::line(&frame::batch(entries, sealer.map(Sealer::header))));
        written.header_of_key_written |= sealer.is_some();
        log.append(text.as_bytes()).map_err(refuse)?;
        written.log = Some(log);
        written.failed = false;
        Ok(())
    }
}
