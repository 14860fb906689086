//! The lock: two leases under one id, taken, renewed by a heartbeat, lost or given back.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::refusal::{Reason, Refusal};
use super::requests::Blobs;
use crate::error::StateError;

/// A renewal is tried this often while none succeeds.
const AGAIN: Duration = Duration::from_secs(2);

/// The lease of a run on both of its blobs.
#[derive(Debug)]
pub(super) struct Lease {
    /// The run's id as well: what `force-unlock` is given.
    pub(super) id: String,
    duration: Duration,
    /// For messages.
    place: PathBuf,
    standing: Mutex<Standing>,
}

#[derive(Debug)]
struct Standing {
    /// Until when it surely lasts.
    until: Instant,
    /// How it was lost, once it is.
    lost: Option<String>,
}

impl Lease {
    /// A lease that was just taken; `asked` is when.
    pub(super) fn new(id: String, duration: Duration, place: PathBuf, asked: Instant) -> Self {
        let standing = Standing { until: asked + duration, lost: None };
        Lease { id, duration, place, standing: Mutex::new(standing) }
    }

    /// Fails when it is lost, or may be because it could not be renewed in time.
    pub(super) fn ensure_held(&self) -> Result<(), StateError> {
        let mut standing = self.standing();
        if standing.lost.is_none() && Instant::now() >= standing.until {
            let seconds = self.duration.as_secs();
            standing.lost =
                Some(format!("ran out: Azure Blob could not be reached for {seconds} s to renew it"));
        }
        match &standing.lost {
            None => Ok(()),
            Some(why) => Err(self.lost_error(why.clone())),
        }
    }

    /// The error for a refused write; remembers when that says that the lease is lost.
    pub(super) fn error(&self, refusal: Refusal, doing: &'static str, place: &std::path::Path) -> StateError {
        if refusal.reason != Reason::LeaseLost {
            return refusal.into_error(doing, place);
        }
        self.lose(&refusal);
        let why = self.standing().lost.clone().unwrap_or_default();
        self.lost_error(why)
    }

    /// Renews both leases until that is refused, or nothing was heard until they ran out.
    pub(super) async fn keep(&self, blobs: Arc<Blobs>, names: [String; 2]) {
        loop {
            let began = Instant::now();
            let limit = (self.duration / 3).min(Duration::from_secs(8));
            let pause = match self.renew(&blobs, &names, limit).await {
                Ok(()) => {
                    self.standing().until = began + self.duration;
                    self.duration / 3
                }
                Err(refusal) if matches!(refusal.reason, Reason::LeaseLost | Reason::NoBlob) => {
                    self.lose(&refusal);
                    return;
                }
                Err(_) => AGAIN,
            };
            if self.ensure_held().is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn renew(&self, blobs: &Blobs, names: &[String; 2], limit: Duration) -> Result<(), Refusal> {
        for name in names {
            blobs.renew(name, &self.id, limit).await?;
        }
        Ok(())
    }

    fn lose(&self, refusal: &Refusal) {
        let why = format!("was taken away from this run, or ran out ({})", refusal.answer);
        self.standing().lost.get_or_insert(why);
    }

    fn lost_error(&self, why: String) -> StateError {
        StateError::LockLost { state: self.place.clone(), why }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
