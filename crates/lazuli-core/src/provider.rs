//! What carries steps out. The executor and the commands call it; the planner never does.

use std::time::Duration;

use crate::Json;
use crate::journal::JournalError;
use crate::plan::Operation;
use crate::resource::{ResourceId, ResourceType};

/// A service in which resources live, seen through one cloud account.
#[async_trait::async_trait]
pub trait Provider: Send + Sync {
    /// Looks at many objects at once, with a number of requests that grows with types and resource groups, not with objects.
    ///
    /// # Errors
    /// When the service cannot be asked; an object that does not exist is not an error.
    async fn observe(&self, wanted: &[Wanted]) -> Result<Observation, ProviderError>;

    /// Reads one object; `None` when it does not exist.
    ///
    /// # Errors
    /// When the service cannot be asked.
    async fn read(&self, ty: &ResourceType, id: &ResourceId) -> Result<Option<Json>, ProviderError>;

    /// Creates or changes an object and returns it as it is afterwards, when the operation has ended.
    ///
    /// # Errors
    /// [`ProviderError::outcome`] says whether anything may have happened.
    async fn put(&self, request: Put<'_>, watch: &dyn Watch) -> Result<Json, ProviderError>;

    /// Deletes an object and returns when it is gone; an object that does not exist is success.
    ///
    /// # Errors
    /// [`ProviderError::outcome`] says whether anything may have happened.
    async fn delete(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        watch: &dyn Watch,
    ) -> Result<(), ProviderError>;

    /// Waits until an operation that an earlier run began has ended, well or badly, or is forgotten by the service: what
    /// came of it is then read from the object.
    ///
    /// # Errors
    /// When the service cannot be asked: the operation may still be going on.
    async fn resume(&self, url: &str, watch: &dyn Watch) -> Result<(), ProviderError>;
}

/// An object to be observed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Its type.
    pub ty: ResourceType,
    /// Its id.
    pub id: ResourceId,
}

/// What was observed.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The objects that exist, by id.
    pub objects: std::collections::HashMap<ResourceId, Json>,
    /// How many requests it took.
    pub requests: usize,
}

/// A create or an update.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// Create or update.
    pub operation: Operation,
    /// The type.
    pub ty: &'a ResourceType,
    /// The id.
    pub id: &'a ResourceId,
    /// Everything Lazuli wants of the object, secrets in clear: it goes to the wire and nowhere else.
    pub body: &'a Json,
    /// The body that was last sent, for an update: what is in it and no longer in `body` is taken away; what is in
    /// neither belongs to others and is kept.
    pub previous: Option<&'a Json>,
}

/// What a provider tells while a step runs.
#[async_trait::async_trait]
pub trait Watch: Send + Sync {
    /// The service accepted the request; returns when that is durable. Called before the first poll.
    async fn accepted(&self, url: &str) -> Result<(), JournalError>;

    /// How it goes, for people: `VM creating`, `waiting for prod-vnet`.
    fn progress(&self, text: &str);

    /// Returns when the run was asked to stop, and never before. Who only waits for others then ends with
    /// [`ProviderError::interrupted`]; what a service has accepted goes on without us and is waited for.
    async fn stopping(&self) {
        std::future::pending().await
    }
}

/// Whether a failed request may have done something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Certainly nothing.
    Nothing,
    /// Possibly something: read before deciding anything.
    Unknown,
}

/// The code of steps that were no longer waited for.
const INTERRUPTED: &str = "Interrupted";

/// Why a provider could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{code}: {message}", .status.map_or_else(String::new, |s| format!("{s} ")))]
pub struct ProviderError {
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The service's code, such as `ZonalAllocationFailed`; of Lazuli's own findings a short word such as `Timeout`.
    pub code: String,
    /// The service's words.
    pub message: String,
    /// The id support asks for.
    pub correlation_id: Option<String>,
    /// Where the answer is found again in the service's logs, when there was one.
    pub answered: Option<Box<Answered>>,
    /// What to do next, in one or two sentences, when that is known.
    pub advice: Option<Box<str>>,
    /// Whether anything may have happened.
    pub outcome: Outcome,
    /// How long the service asked to wait, when it did.
    pub retry_after: Option<Duration>,
}

/// Where an answer is found again in the service's logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The service's own id of the one request.
    pub request_id: Option<String>,
    /// When it answered, as its `Date` header says.
    pub time: Option<String>,
}

impl ProviderError {
    /// An error of Lazuli's own finding.
    pub fn own(code: &str, message: impl Into<String>, outcome: Outcome) -> Self {
        ProviderError {
            status: None,
            code: code.to_owned(),
            message: message.into(),
            correlation_id: None,
            answered: None,
            advice: None,
            outcome,
            retry_after: None,
        }
    }

    /// The end of a step that was no longer waited for because its run was asked to stop.
    pub fn interrupted(outcome: Outcome) -> Self {
        ProviderError::own(INTERRUPTED, "no longer waited for, since the run was stopped", outcome)
    }

    /// Whether it is the end of a step that was no longer waited for.
    pub fn is_interruption(&self) -> bool {
        self.status.is_none() && self.code == INTERRUPTED
    }

    /// The same error with what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<Box<str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}
