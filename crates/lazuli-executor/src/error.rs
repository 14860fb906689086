//! Why a step failed, and what exists now.

use std::time::Duration;

use lazuli_core::journal::JournalError;
use lazuli_core::path::Path;
use lazuli_core::provider::ProviderError;
use lazuli_core::resource::ResourceId;
use lazuli_core::{Diagnostic, Diagnostics};

/// A step that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Why.
    pub error: StepError,
    /// What exists because of it.
    pub left: Left,
}

/// Why a step failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StepError {
    /// What is evaluated now is not what the plan showed.
    #[error("{} is not what the plan showed: it was {planned} and is now {now}", place(.path))]
    Promise {
        /// Where in the object.
        path: Path,
        /// As shown; sensitive values are not spelled out.
        planned: String,
        /// As evaluated now; sensitive values are not spelled out.
        now: String,
    },
    /// The configuration cannot be evaluated with what is known now.
    #[error("the configuration cannot be evaluated with what is known now: {}", first(.0))]
    Evaluation(Diagnostics),
    /// The provider refused or failed.
    #[error("{0}")]
    Provider(Box<ProviderError>),
    /// It took longer than it may.
    #[error("it was not finished after {} s", .0.as_secs())]
    Timeout(Duration),
    /// What should be read does not exist.
    #[error("it does not exist")]
    Missing,
    /// What is to be created exists already and is not this state's.
    #[error("{id} exists already: {owner}")]
    Exists {
        /// What has the id.
        id: ResourceId,
        /// Whose it is.
        owner: Owner,
    },
    /// A record could not be made durable, so nothing that relies on it was done.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The plan does not fit the run: a mistake in Lazuli, or a plan that was put together by hand.
    #[error("the plan cannot be carried out: {0}")]
    Plan(String),
}

/// Whose an object is that is not this state's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Owner {
    /// It says nothing of a state.
    #[error("it carries no mark of this state: others made it, or the state that did is lost")]
    Nobody,
    /// It says that it belongs to this one.
    #[error("it belongs to another Lazuli state (lineage {0})")]
    State(String),
}

/// What exists because of a step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing exists or changed because of it.
    Untouched,
    /// The object exists, perhaps not finished; it is recorded and the next apply goes on with it.
    Exists,
    /// It was read and is not there; should it still appear, the next run finds it.
    NotSeen,
    /// The object may be changed, or changed in part; the next run compares it.
    PerhapsChanged,
    /// The object to be deleted is still there; it is recorded and the next apply deletes it.
    StillThere,
    /// It could not be read either: it stays recorded as unfinished and is read on the next run.
    Unknown,
}

fn place(path: &Path) -> String {
    if path.steps().is_empty() { "the object".to_owned() } else { path.to_string() }
}

fn first(diagnostics: &[Diagnostic]) -> &str {
    diagnostics.first().map_or("no reason given", |d| &d.message)
}

impl StepError {
    /// The code with a page in `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            StepError::Exists { .. } => "LZ1002",
            StepError::Promise { .. } => "LZ2002",
            StepError::Provider(_) => "LZ2100",
            StepError::Timeout(_) => "LZ2101",
            StepError::Journal(_) => "LZ2110",
            StepError::Missing => "LZ2111",
            StepError::Evaluation(_) => "LZ2112",
            StepError::Plan(_) => "LZ2113",
        }
    }

    /// What to do next, where that does not depend on what the provider said.
    pub fn advice(&self) -> Option<&'static str> {
        matches!(self, StepError::Exists { .. }).then_some(
            "Give this resource another name, or delete the object when nobody needs it; when the state file was lost, \
             put its newest backup back. Then plan again.",
        )
    }

    /// The failure of a step that has sent nothing yet.
    pub(crate) fn untouched(self) -> Failure {
        Failure { error: self, left: Left::Untouched }
    }
}

impl Failure {
    /// Whether the step was only no longer waited for, because the run was stopped.
    pub fn is_interruption(&self) -> bool {
        matches!(&self.error, StepError::Provider(error) if error.is_interruption())
    }
}

impl Left {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Left::Untouched => "nothing was changed by this step",
            Left::Exists => "the object exists and is recorded; the next apply goes on with it",
            Left::NotSeen => {
                "it was looked for and does not exist; should it still appear, the next apply finds it"
            }
            Left::PerhapsChanged => "the object may be changed in part; the next plan compares it",
            Left::StillThere => "the object still exists and is recorded; the next apply deletes it",
            Left::Unknown => "it could not be read; it is recorded as unfinished and read on the next run",
        }
    }
}
