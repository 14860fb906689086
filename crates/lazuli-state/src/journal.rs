//! The local journal: appended by many, flushed by one.
//!
//! Whoever appends puts its record into a queue and waits. A single flush at a time writes all that is queued as one
//! batch, makes it durable, applies it to the world and wakes all who waited; what came meanwhile is the next batch.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use lazuli_core::journal::{Journal, JournalError, Record};
use lazuli_core::recorded::RecordedWorld;
use tokio::sync::oneshot;

use crate::file::{folder_of, sync_folder};
use crate::frame::{self, JournalHeader};
use crate::lock::Lock;
use crate::replay::Replay;
use crate::seal::{Keyring, Sealer};

/// A journal in a local file.
#[derive(Debug)]
pub struct LocalJournal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    header: JournalHeader,
    keyring: Arc<Keyring>,
    /// The lock, as long as the run has it.
    held: Weak<Lock>,
    queue: Mutex<Queue>,
    idle: Condvar,
    log: Mutex<Log>,
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
struct Log {
    file: Option<File>,
    replay: Replay,
    header_of_key_written: bool,
    /// True while a flush runs and for ever after one that failed.
    failed: bool,
    records: u64,
}

impl LocalJournal {
    /// A journal at `path`, created with its first record, for a run that starts at `world`.
    pub(crate) fn new(
        path: &Path,
        header: JournalHeader,
        keyring: Arc<Keyring>,
        held: Weak<Lock>,
        world: RecordedWorld,
    ) -> Self {
        let replay = Replay::new(world);
        let log = Log { file: None, replay, header_of_key_written: false, failed: false, records: 0 };
        let shared = Shared {
            path: path.to_owned(),
            header,
            keyring,
            held,
            queue: Mutex::default(),
            idle: Condvar::new(),
            log: Mutex::new(log),
        };
        LocalJournal { shared: Arc::new(shared) }
    }

    /// Shows the world as it is after all durable records.
    pub fn with_world<T>(&self, look: impl FnOnce(&RecordedWorld) -> T) -> T {
        look(lock(&self.shared.log).replay.world())
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
        let mut log = lock(&self.shared.log);
        log.file = None;
        (std::mem::take(&mut log.replay).into_world(), log.records)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refuse(reason: impl std::fmt::Display) -> JournalError {
    JournalError { reason: reason.to_string() }
}

#[async_trait::async_trait]
impl Journal for LocalJournal {
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
            let result = self.flush(&batch).map_err(refuse);
            if let Err(error) = &result {
                lock(&self.queue).closed.get_or_insert_with(|| error.reason.clone());
            }
            let mut log = lock(&self.log);
            let mut waiters = Vec::with_capacity(batch.len());
            for Waiting { record, done, .. } in batch {
                if result.is_ok() {
                    log.replay.apply(record);
                    log.records += 1;
                }
                waiters.push(done);
            }
            drop(log);
            for done in waiters {
                let _ = done.send(result.clone()); // nobody waits any more: the run was stopped
            }
        }
    }

    /// After a failure nothing is known of what the file holds, and no record may follow: every later flush fails too.
    fn flush(&self, batch: &[Waiting]) -> std::io::Result<()> {
        let mut log = lock(&self.log);
        if std::mem::replace(&mut log.failed, true) {
            return Err(std::io::Error::other("an earlier record could not be written"));
        }
        let held =
            self.held.upgrade().ok_or_else(|| std::io::Error::other("the run has given up its lock"))?;
        held.ensure_held().map_err(std::io::Error::other)?;
        let mut text = String::new();
        let is_new = log.file.is_none();
        let file = match log.file.take() {
            Some(file) => file,
            None => {
                text.push_str(&frame::line(&frame::json(&self.header)));
                create(&self.path)?
            }
        };
        let sealer = batch.iter().find_map(|w| w.sealer.as_deref()).filter(|_| !log.header_of_key_written);
        let entries = batch.iter().map(|w| w.entry.as_str());
        text.push_str(&frame::line(&frame::batch(entries, sealer.map(Sealer::header))));
        log.header_of_key_written |= sealer.is_some();
        (&file).write_all(text.as_bytes())?;
        file.sync_data()?;
        if is_new {
            sync_folder(folder_of(&self.path)).map_err(std::io::Error::other)?;
        }
        log.file = Some(file);
        log.failed = false;
        Ok(())
    }
}

/// A new file that only its owner can read; what a run left behind without a single durable record is overwritten.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
