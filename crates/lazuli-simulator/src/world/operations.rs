//! Long-running operations: what is under way, and what happens when it ends.
//!
//! An end draws nothing new: whatever it reveals follows from what was decided when the operation was accepted.
//! So a world that is read again after a crash reaches the same state without having written anything.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Deployment, State, World};
use crate::{catalog, ids, kubernetes, random};

/// For how long the end of an operation can be asked for: a day.
pub(crate) const KEPT_MS: u64 = 24 * 3600 * 1000;

/// One operation and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) action: Action,
    /// The id of what is acted on; may be embedded in another resource.
    pub(crate) target: String,
    /// The key of the resource that carries the state.
    pub(crate) root: String,
    pub(crate) url: OperationUrl,
    pub(crate) started_ms: u64,
    pub(crate) done_ms: u64,
    /// The lock domain held until the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<String>,
    /// How it fails, decided when it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// Who refers to whom since this operation: the other side hears of it at its end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) news: BTreeSet<String>,
    /// Seconds of the real Azure between polls.
    pub(crate) retry_after: u32,
    pub(crate) finished: bool,
}

/// What an operation does at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// Settle a created or updated resource.
    Put,
    /// Remove a resource.
    Delete,
    /// Remove an element of a resource.
    DeleteElement { collection: String },
    /// Remove a resource group and all in it.
    DeleteGroup,
    /// Change the power state of a machine.
    Power { to: String },
    /// Show what a script wrote.
    RunCommand { message: String },
    /// Make what a template says. Has many ends: one whenever something of it may have been made.
    Deploy { deployment: Box<Deployment> },
    /// Show an answer that took its time.
    Show { answer: serde_json::Value },
}

/// Why an operation fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    /// It ended as canceled, which is not the same word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) canceled: bool,
}

/// Where the status of an operation is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationUrl {
    Network {
        location: String,
    },
    PrivateDns {
        group: String,
    },
    Compute {
        location: String,
        token: String,
    },
    Disk {
        location: String,
        token: String,
    },
    Group {
        name: String,
    },
    Storage {
        location: String,
    },
    Deployment {
        group: String,
        name: String,
    },
    /// Named by nothing but itself.
    Job,
    Other {
        namespace: String,
        location: String,
    },
}

impl OperationUrl {
    /// The paths (with all query parameters but the api-version) of the status and of the result.
    pub(crate) fn paths(&self, subscription: &str, id: &str) -> (String, String) {
        let at = |namespace: &str, location: &str| {
            format!("{subscription}/providers/{namespace}/locations/{location}")
        };
        match self {
            Self::Network { location } => {
                let base = at("Microsoft.Network", location);
                (format!("{base}/operations/{id}?"), format!("{base}/operationResults/{id}?"))
            }
            Self::PrivateDns { group } => {
                let base = format!("{subscription}/resourceGroups/{group}/providers/Microsoft.Network");
                (
                    format!("{base}/privateDnsOperationStatuses/{id}?"),
                    format!("{base}/privateDnsOperationResults/{id}?"),
                )
            }
            Self::Compute { location, token } => {
                let base = format!("{}/operations/{id}?p={token}&", at("Microsoft.Compute", location));
                (base.clone(), format!("{base}monitor=true&"))
            }
            Self::Disk { location, token } => {
                let base = format!("{}/DiskOperations/{id}?p={token}&", at("Microsoft.Compute", location));
                (base.clone(), format!("{base}monitor=true&"))
            }
            Self::Deployment { group, name } => {
                let base = format!(
                    "{subscription}/resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}/operationStatuses/{id}?"
                );
                (base.clone(), base)
            }
            Self::Group { .. } | Self::Job => {
                let base = format!("{subscription}/operationresults/{id}?");
                (base.clone(), base)
            }
            Self::Storage { location } => {
                let base =
                    format!("{}/asyncoperations/{id}?monitor=true&", at("Microsoft.Storage", location));
                (base.clone(), base)
            }
            Self::Other { namespace, location } => {
                let base = at(namespace, location);
                (format!("{base}/operations/{id}?"), format!("{base}/operationResults/{id}?"))
            }
        }
    }
}

impl World {
    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(&id.to_ascii_lowercase())
    }

    /// Ids (as their owners write them) of what refers to `key`, as far as `key` has heard of it: those that began to in
    /// an operation which is still under way are not among them.
    pub(crate) fn known_users(&self, key: &str) -> impl Iterator<Item = &str> {
        self.users(key).filter(move |user| !self.is_news(user, key))
    }

    /// An entry of [`Operation::news`]: the id of who refers, the key of what is referred to.
    pub(crate) fn news(source: &str, key: &str) -> String {
        format!("{} {key}", ids::key(source))
    }

    fn is_news(&self, user: &str, key: &str) -> bool {
        if self.index.due.is_empty() {
            return false;
        }
        let kind = ids::Target::parse(user).map(|target| target.kind()).unwrap_or_default();
        let operation = self.get(&catalog::root_of(&kind, user)).and_then(|root| root.operation.as_deref());
        operation
            .and_then(|id| self.operation(id))
            .is_some_and(|operation| operation.news.contains(&Self::news(user, key)))
    }

    /// The operation that holds a lock domain.
    pub(crate) fn lock_holder(&self, domain: &str) -> Option<&Operation> {
        self.index.locks.get(domain).and_then(|id| self.operations.get(id))
    }

    /// Records an operation as under way.
    pub(crate) fn begin(&mut self, operation: Operation) {
        if let Some(lock) = &operation.lock {
            self.index.locks.insert(lock.clone(), operation.id.clone());
        }
        if !operation.finished {
            self.index.due.insert((operation.done_ms, operation.id.clone()));
        }
        self.dirty.operations.insert(operation.id.clone());
        self.operations.insert(operation.id.clone(), operation);
    }

    /// Lets everything happen whose time has come, in the order of those times: operations end, machines boot, and
    /// clusters do what they have to do.
    pub(crate) fn advance(&mut self, now: u64) {
        loop {
            kubernetes::notice(self, self.advanced_ms);
            let operation = self.index.due.first().map(|(due, _)| *due);
            let boot = self.index.boots.first().map(|(due, _)| *due);
            let cluster = kubernetes::next(self, self.advanced_ms);
            let Some(due) = [operation, boot, cluster].into_iter().flatten().min().filter(|due| *due <= now)
            else {
                break;
            };
            // What is told late of (a machine gone) happens now, not before what has happened already.
            self.advanced_ms = self.advanced_ms.max(due);
            if operation == Some(due) {
                if let Some((_, id)) = self.index.due.pop_first() {
                    self.finish(&id);
                }
            } else if boot == Some(due) {
                if let Some((_, key)) = self.index.boots.pop_first() {
                    kubernetes::boot(self, &key, self.advanced_ms);
                }
            } else {
                kubernetes::act(self, self.advanced_ms);
            }
        }
        self.advanced_ms = self.advanced_ms.max(now);
    }

    fn finish(&mut self, id: &str) {
        let Some(mut operation) = self.operations.get(id).cloned() else { return };
        if matches!(operation.action, Action::Deploy { .. }) {
            let at = self.advanced_ms.max(operation.done_ms);
            crate::arm::carry_on(self, operation, at);
            // What was begun draws, so it does not follow from the clock alone.
            self.dirty.drew = true;
            return;
        }
        if let Some(lock) = &operation.lock
            && self.index.locks.get(lock).is_some_and(|holder| holder == id)
        {
            self.index.locks.remove(lock);
        }
        if operation.failure.is_none() && operation.action == Action::DeleteGroup {
            operation.failure = self.outside_users(&operation.root);
        }
        operation.finished = true;
        let (root, at) = (operation.root.clone(), operation.done_ms);
        match (&operation.failure, &operation.action) {
            (_, Action::Deploy { .. } | Action::Show { .. }) => {}
            (Some(_), Action::Power { .. } | Action::RunCommand { .. }) => {
                self.settle(&root, id, State::Succeeded)
            }
            (Some(_), Action::DeleteGroup) => self.settle(&root, id, State::Succeeded),
            (Some(failure), _) => {
                let state = if failure.canceled { State::Canceled } else { State::Failed };
                self.settle(&root, id, state);
            }
            (None, Action::Put) => {
                self.settle(&root, id, State::Succeeded);
                if let Some(row) = self.get(&root).map(super::Resource::row) {
                    (row.settled)(self, &root, at);
                }
            }
            (None, Action::Delete) => {
                if let Some(resource) = self.remove(&root) {
                    for child in self.below(&root) {
                        self.remove(&child);
                    }
                    (resource.row().gone)(self, &resource);
                }
            }
            (None, Action::DeleteElement { collection }) => {
                let name = ids::last(&operation.target).to_owned();
                self.edit(&root, |resource| {
                    if let Some(list) = resource.body["properties"][collection.as_str()].as_array_mut() {
                        list.retain(|e| !e["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(&name)));
                    }
                });
                self.settle(&root, id, State::Succeeded);
            }
            (None, Action::DeleteGroup) => {
                for child in self.below(&root) {
                    self.remove(&child);
                }
                self.remove(&root);
            }
            (None, Action::RunCommand { .. }) => self.settle(&root, id, State::Succeeded),
            (None, Action::Power { to }) => {
                self.settle(&root, id, State::Succeeded);
                crate::catalog::compute::power(self, &root, to, at);
            }
        }
        self.dirty.operations.insert(id.to_owned());
        self.operations.insert(id.to_owned(), operation);
    }

    /// Ends an operation now, if its time has come.
    pub(crate) fn finish_if_due(&mut self, id: &str, now: u64) {
        let due = self.operation(id).filter(|operation| !operation.finished && operation.done_ms <= now);
        if let Some(entry) = due.map(|operation| (operation.done_ms, operation.id.clone())) {
            self.index.due.remove(&entry);
            self.finish(&entry.1);
        }
    }

    /// Ends an operation before its time, without anything it would have done.
    pub(crate) fn call_off(&mut self, id: &str, failure: Failure) {
        let Some(mut operation) = self.operation(id).cloned() else { return };
        self.index.due.remove(&(operation.done_ms, operation.id.clone()));
        operation.finished = true;
        operation.failure = Some(failure);
        self.dirty.operations.insert(operation.id.clone());
        self.operations.insert(operation.id.clone(), operation);
    }

    /// How many operations the network provider carries out.
    pub(crate) fn network_operations(&self) -> u64 {
        let of_network = |id: &String| {
            let operation = self.operations.get(id);
            operation.is_some_and(|operation| matches!(operation.url, OperationUrl::Network { .. }))
        };
        self.index.due.iter().filter(|(_, id)| of_network(id)).count() as u64
    }

    /// Calls off the operation that holds a lock domain.
    pub(crate) fn preempt(&mut self, domain: &str) {
        let Some(mut operation) = self.lock_holder(domain).cloned() else { return };
        self.index.locks.remove(domain);
        self.index.due.remove(&(operation.done_ms, operation.id.clone()));
        operation.finished = true;
        operation.failure = Some(Failure {
            code: "OperationPreempted".to_owned(),
            message: "The operation has been preempted by a more recent operation.".to_owned(),
            canceled: false,
        });
        self.dirty.operations.insert(operation.id.clone());
        self.operations.insert(operation.id.clone(), operation);
    }

    /// Moves a resource to its final state; the etag changes when the state does.
    fn settle(&mut self, key: &str, operation: &str, state: State) {
        self.edit(key, |resource| {
            if resource.state != state {
                resource.state = state;
                resource.etag = random::guid_of(&["etag", operation]);
            }
            if resource.operation.as_deref() == Some(operation) {
                resource.operation = None;
            }
        });
    }

    /// A resource outside the group that still uses one inside.
    fn outside_users(&self, group: &str) -> Option<Failure> {
        let inside = format!("{group}/");
        let (user, used) = self.below(group).into_iter().find_map(|key| {
            let row = self.get(&key)?.row();
            let mut targets = vec![key.clone()];
            targets.extend(
                crate::catalog::element_ids(row, &self.get(&key)?.id, &self.get(&key)?.body)
                    .map(|id| ids::key(&id)),
            );
            targets.iter().find_map(|target| {
                let user = self.users(target).find(|user| !ids::key(user).starts_with(&inside))?;
                Some((user.to_owned(), target.clone()))
            })
        })?;
        Some(Failure {
            code: "ResourceGroupDeletionBlocked".to_owned(),
            message: format!(
                "Deletion of resource group '{}' failed as resources with identifiers '{used}' could not be deleted: in use by {user}.",
                ids::last(group)
            ),
            canceled: false,
        })
    }

    /// Drops operations that ended long ago; nobody asks for them any more.
    pub(crate) fn prune(&mut self, now: u64) {
        self.operations.retain(|_, operation| !operation.finished || operation.done_ms + KEPT_MS > now);
    }
}
