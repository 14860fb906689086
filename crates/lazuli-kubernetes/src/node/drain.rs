//! Evicts the pods of a node, as `kubectl drain` does, and waits until they are gone.
//!
//! Evictions are built by hand: the API server ignores a field it does not know, and with it the options of one that is
//! misspelt.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use lazuli_core::Json;
use lazuli_core::provider::Watch;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::pods::{DrainRules, Fate, daemon_set, fate};
use crate::api::{ApiError, Rest, Selector, encode};

/// How long to wait after a disruption budget has said no.
const BUDGET: Duration = Duration::from_secs(5);

/// How often to look whether a pod is gone.
const LOOK: Duration = Duration::from_secs(1);

/// How many pods a progress line names.
const NAMED: usize = 2;

/// A pod that is still there, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// `namespace/name`.
    pub pod: String,
    /// What keeps it: a disruption budget's words, or that it is still stopping.
    pub why: String,
}

/// Why a node is not empty.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DrainError {
    /// The API refused, or could not be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A pod was refused for another reason than a disruption budget.
    #[error("{pod} cannot be evicted: {error}")]
    Refused {
        /// `namespace/name`.
        pod: String,
        /// The answer.
        error: ApiError,
    },
    /// Pods that may not go; nothing was evicted.
    #[error("nothing was evicted, because these pods may not go: {}", Sentence(.0))]
    Forbidden(Vec<Left>),
    /// The time is over.
    #[error("{} left after {} s: {}", count(.left.len()), .after.as_secs(), Sentence(.left))]
    TimedOut {
        /// What is still there.
        left: Vec<Left>,
        /// The time it had.
        after: Duration,
    },
}

struct Sentence<'a>(&'a [Left]);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, left) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{} ({})", left.pod, left.why)?;
        }
        Ok(())
    }
}

fn count(pods: usize) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}

/// How a node is drained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drain {
    /// What may go.
    pub(super) rules: DrainRules,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// The node's kubelet is silent: pods get a second and their end is not waited for, since nobody can tell of it.
    pub(super) unreachable: bool,
}

impl Drain {
    /// Evicts all pods that must leave `node` and returns when they are gone. The node must be cordoned.
    pub(super) async fn run(self, rest: &Rest, node: &str, watch: &dyn Watch) -> Result<(), DrainError> {
        let deadline = Instant::now() + self.timeout;
        let field = format!("spec.nodeName={node}");
        let pods = rest.list("/api/v1/pods", Selector { fields: Some(&field), labels: None }).await?;
        let leaving = self.leaving(rest, pods).await?;
        let version = eviction_version(rest).await?;
        let board = Board::new(leaving.iter().map(name), watch);
        let evictions = leaving.iter().map(|pod| self.evict(rest, pod, &version, deadline, &board));
        for result in join_all(evictions).await {
            result?;
        }
        match board.left() {
            left if left.is_empty() => Ok(()),
            left => Err(DrainError::TimedOut { left, after: self.timeout }),
        }
    }

    /// The pods to evict; none when one of them may not go.
    async fn leaving(self, rest: &Rest, pods: Vec<Json>) -> Result<Vec<Json>, DrainError> {
        let (mut leaving, mut forbidden) = (Vec::new(), Vec::new());
        let mut sets = BTreeMap::new();
        for pod in pods {
            let has_daemon_set = match daemon_set(&pod) {
                None => false,
                Some(set) => {
                    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
                    let path = format!("/apis/apps/v1/namespaces/{namespace}/daemonsets/{}", encode(set));
                    match sets.get(&path) {
                        Some(known) => *known,
                        None => {
                            let exists = rest.get(&path).await?.is_some();
                            sets.insert(path, exists);
                            exists
                        }
                    }
                }
            };
            match fate(&pod, has_daemon_set, self.unreachable, self.rules) {
                Fate::Evict => leaving.push(pod),
                Fate::Stay => {}
                Fate::Forbidden(why) => forbidden.push(Left { pod: name(&pod), why }),
            }
        }
        if forbidden.is_empty() { Ok(leaving) } else { Err(DrainError::Forbidden(forbidden)) }
    }

    /// Evicts one pod; returns when it is gone or the time is over.
    async fn evict(
        self,
        rest: &Rest,
        pod: &Json,
        version: &str,
        deadline: Instant,
        board: &Board<'_>,
    ) -> Result<(), DrainError> {
        let (path, name) = (path(pod), name(pod));
        let mut options = json!({"preconditions": {"uid": pod["metadata"]["uid"]}});
        if self.unreachable {
            options["gracePeriodSeconds"] = 1.into();
        }
        let eviction = json!({
            "apiVersion": version,
            "kind": "Eviction",
            "metadata": {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]},
            "deleteOptions": options,
        });
        loop {
            match rest.create(&format!("{path}/eviction"), &eviction).await {
                Ok(_) => break board.says(&name, "is stopping"),
                Err(error) if error.is_not_found() || error.is_conflict() => {} // gone, or another one has its name
                Err(error) if error.is_passing() || is_terminating(&error) => board.says(&name, &why(&error)),
                Err(error) => return Err(DrainError::Refused { pod: name, error }),
            }
            match look(rest, &path, pod).await {
                Look::Gone => {
                    board.gone(&name);
                    return Ok(());
                }
                Look::Stopping => break board.says(&name, "is stopping"),
                Look::There => {}
            }
            if Instant::now() + BUDGET > deadline {
                return Ok(());
            }
            sleep(BUDGET).await;
        }
        while !self.unreachable && look(rest, &path, pod).await != Look::Gone {
            if Instant::now() + LOOK > deadline {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        board.gone(&name);
        Ok(())
    }
}

/// The version of evictions that the API server knows: `policy/v1`, but in old ones.
async fn eviction_version(rest: &Rest) -> Result<String, ApiError> {
    let list = rest.get("/api/v1").await?.unwrap_or_default();
    let resources = list["resources"].as_array().into_iter().flatten();
    let found = resources.into_iter().find(|resource| resource["name"] == "pods/eviction");
    let part = |key: &str| found?[key].as_str();
    Ok(match (part("group"), part("version")) {
        (Some(group), Some(version)) => format!("{group}/{version}"),
        _ => "policy/v1".to_owned(),
    })
}

/// What a look at a pod shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Gone,
    Stopping,
    There,
}

async fn look(rest: &Rest, path: &str, pod: &Json) -> Look {
    match rest.get(path).await {
        Ok(None) => Look::Gone,
        Ok(Some(found)) if found["metadata"]["uid"] != pod["metadata"]["uid"] => Look::Gone,
        Ok(Some(found)) if found["metadata"]["deletionTimestamp"].is_string() => Look::Stopping,
        // Who cannot be asked now is asked again.
        Ok(Some(_)) | Err(_) => Look::There,
    }
}

/// What keeps a pod: the budget names itself in the causes.
fn why(error: &ApiError) -> String {
    match error.causes().first() {
        Some(cause) => (*cause).to_owned(),
        None => error.to_string(),
    }
}

fn is_terminating(error: &ApiError) -> bool {
    let ApiError::Refused(status) = error else { return false };
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.any(|cause| cause.reason == "NamespaceTerminating")
}

fn name(pod: &Json) -> String {
    let part = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", part("namespace"), part("name"))
}

fn path(pod: &Json) -> String {
    let part = |key: &str| encode(pod["metadata"][key].as_str().unwrap_or_default());
    format!("/api/v1/namespaces/{}/pods/{}", part("namespace"), part("name"))
}

/// Who is still there, told whenever it changes.
struct Board<'a> {
    pods: Mutex<BTreeMap<String, String>>,
    told: Mutex<String>,
    watch: &'a dyn Watch,
}

impl<'a> Board<'a> {
    fn new(pods: impl Iterator<Item = String>, watch: &'a dyn Watch) -> Self {
        let board = Board {
            pods: Mutex::new(pods.map(|pod| (pod, String::new())).collect()),
            told: Mutex::default(),
            watch,
        };
        board.tell();
        board
    }

    fn says(&self, pod: &str, why: &str) {
        let changed = self.locked().insert(pod.to_owned(), why.to_owned()).is_none_or(|before| before != why);
        if changed {
            self.tell();
        }
    }

    fn gone(&self, pod: &str) {
        self.locked().remove(pod);
        self.tell();
    }

    fn left(&self) -> Vec<Left> {
        let pods = self.locked();
        pods.iter().map(|(pod, why)| Left { pod: pod.clone(), why: why.clone() }).collect()
    }

    /// `draining: 3 pods left; shop/web-0: the disruption budget web needs 2 healthy pods and has 2 currently`
    fn tell(&self) {
        let text = {
            let pods = self.locked();
            let mut text = format!("draining: {} left", count(pods.len()));
            let blocked = pods.iter().filter(|(_, why)| !why.is_empty() && *why != "is stopping");
            for (pod, why) in blocked.take(NAMED) {
                text.push_str(&format!("; {pod}: {why}"));
            }
            text
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != text {
            self.watch.progress(&text);
            *told = text;
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
