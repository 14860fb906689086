//! The write-ahead log of an apply, as the executor sees it. Who writes it where is `lazuli-state`'s business.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::plan::Operation;
use crate::recorded::{Recorded, RecordedOutput};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A mutating request is about to be sent. Durable before it leaves.
    Intent {
        /// The step's number in the plan.
        step: u32,
        /// What is about to be done.
        operation: Operation,
        /// The resource as it will be recorded when all goes well, what only the provider knows left empty; of a
        /// delete, the resource as it is recorded now.
        resource: Box<Recorded>,
        /// True when a resource already recorded at this address is set aside as deposed (create before destroy),
        /// or, of a delete, when it is a deposed one that is deleted.
        deposed: bool,
    },
    /// The provider accepted the request and told where to ask for its outcome. Durable before polling.
    Accepted {
        /// The step's number.
        step: u32,
        /// The operation's URL, verbatim.
        url: String,
    },
    /// The step is done. Durable before anything that depends on it starts.
    Done {
        /// The step's number.
        step: u32,
        /// The resource as it is now; `None` after a delete or when it is forgotten.
        resource: Option<Box<Recorded>>,
    },
    /// The step failed and it is certain that nothing exists or changed because of it.
    Undone {
        /// The step's number.
        step: u32,
    },
    /// The step failed and what it left behind is not known: the resource stays pending and is read on the next run.
    Uncertain {
        /// The step's number.
        step: u32,
    },
    /// Resources that changed their address, or whose observation was refreshed, without any request.
    Adjusted {
        /// Addresses whose object is set aside as deposed, because another one has the address from now on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        set_aside: Vec<Address>,
        /// Addresses that are no longer used.
        removed: Vec<Address>,
        /// Resources as they are now.
        resources: Vec<Recorded>,
    },
    /// The outputs after the run.
    Outputs {
        /// All of them, by name.
        outputs: BTreeMap<Arc<str>, RecordedOutput>,
    },
}

/// Why a record could not be made durable.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the journal cannot be written: {reason}")]
pub struct JournalError {
    /// What the operating system or the backend said.
    pub reason: String,
}

/// A durable, append-only log.
#[async_trait::async_trait]
pub trait Journal: Send + Sync {
    /// Appends a record and returns when it is durable. Many callers may wait at once; one flush serves them all.
    ///
    /// # Errors
    /// When the record may not be durable. Nothing that relies on it may be done then.
    async fn append(&self, record: Record) -> Result<(), JournalError>;
}
