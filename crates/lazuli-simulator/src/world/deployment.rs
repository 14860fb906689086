//! A template deployment that is under way: what it makes, in which order, and how far it is.
//!
//! Belongs here: the data. Not here: how a template is read and carried out (`arm::deployments`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use crate::latency::Pace;

/// What a deployment has to remember between its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deployment {
    /// How fast the cloud was when it was asked.
    pub(crate) pace: Pace,
    /// The values of the parameters, until the end: some are secret.
    pub(crate) parameters: Value,
    /// As the template writes them.
    pub(crate) variables: Value,
    /// As the template writes them.
    pub(crate) outputs: Value,
    pub(crate) steps: Vec<Step>,
}

/// One resource of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The id of what is made.
    pub(crate) id: String,
    /// Its name in templates that name their resources.
    pub(crate) symbol: Option<String>,
    pub(crate) api_version: String,
    /// The body, as the template writes it.
    pub(crate) body: Value,
    /// Where the loops stood, by name.
    pub(crate) loops: Vec<(String, i64)>,
    /// The keys of what must be there first.
    pub(crate) after: Vec<String>,
    pub(crate) progress: Progress,
    /// Not to be tried before.
    pub(crate) not_before_ms: u64,
    pub(crate) started_ms: Option<u64>,
    pub(crate) ended_ms: Option<u64>,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    Waiting,
    /// The operation that makes it is under way.
    Running {
        operation: String,
        status: u16,
    },
    Succeeded {
        status: u16,
    },
    Failed {
        status: u16,
        failure: Failure,
    },
}
