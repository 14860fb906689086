//! The objects that sets put into clusters: each has one owner, and none is taken from others.

use std::collections::{BTreeMap, HashMap};

use lazuli_core::encoding::to_json;
use lazuli_core::plan::{Action, Change, Plan};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Declaration, Desired, ProviderName};
use lazuli_core::{Diagnostic, Diagnostics, Json, Value};
use lazuli_kubernetes::keyring::ClusterId;
use lazuli_kubernetes::manifests::Objects;
use lazuli_kubernetes::objects::set;

use super::{Inside, answers};
use crate::clouds::World;

/// Refuses an object that two sets of a cluster are to have: each would undo what the other writes, and deleting one
/// would delete the other's. `all` are declarations with what is desired of them.
pub fn shared<'a>(all: impl Iterator<Item = (&'a Declaration, &'a Desired)>) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let mut owners: HashMap<(ClusterId, String), &Declaration> = HashMap::new();
    for (declaration, desired) in all {
        let cluster = desired.id.as_ref().filter(|_| desired.provider == ProviderName::Kubernetes);
        let Some(cluster) = cluster.and_then(ClusterId::of) else { continue };
        for key in objects(&desired.body).into_iter().flat_map(|objects| objects.keys()) {
            let Some(identity) = set::identity(key) else { continue };
            let Some(other) = owners.insert((cluster.clone(), identity), declaration) else { continue };
            let words = set::words(key).unwrap_or_default();
            let message = format!("{} and {} both have {words}", other.address, declaration.address);
            let mut problem = Diagnostic::error("LZ1006", message)
                .about(declaration.address.clone())
                .help("take it out of one of them: each would undo what the other writes");
            if let Some(span) = declaration.origin {
                problem = problem.at(span, "here");
            }
            if let Some(span) = other.origin.filter(|span| Some(*span) != declaration.origin) {
                problem = problem.also_at(span, "and here");
            }
            problems.push(problem);
        }
    }
    problems
}

/// The manifests of a set, by key.
fn objects(body: &Value) -> Option<&lazuli_core::Entries> {
    body.get("properties")?.get("objects")?.as_entries()
}

impl Inside {
    /// Refuses sets that would take over objects of others, as an apply would: asked of the clusters that answer, about
    /// the sets that a plan changes.
    pub async fn of_others(&self, plan: &Plan, recorded: &RecordedWorld, world: &World) -> Diagnostics {
        let answering = answers(recorded);
        let away = |cluster: &ClusterId| world.unreachable.iter().any(|(other, _)| other == cluster);
        let mut problems = Diagnostics::new();
        for change in plan.changes.iter().filter(|change| adds(change)) {
            let Some(id) = &change.id else { continue };
            if !ClusterId::of(id).is_some_and(|cluster| answering.contains(&cluster) && !away(&cluster)) {
                continue;
            }
            let wanted = new(change);
            if wanted.is_empty() {
                continue;
            }
            let problem = match self.kubernetes.foreign(&change.ty, id, &wanted).await {
                Ok(None) => continue,
                Ok(Some(found)) => found,
                // It answered a moment ago. An apply asks once more, and before it writes anything.
                Err(_) => continue,
            };
            let message = format!("{} is to have what is not Lazuli's: {}", change.address, problem.message);
            let diagnostic = Diagnostic::error("LZ1002", message).about(change.address.clone());
            let diagnostic = match &change.origin {
                Some(origin) => diagnostic.note(format!("declared at {origin}")),
                None => diagnostic,
            };
            problems.push(match problem.advice {
                Some(advice) => diagnostic.help(advice),
                None => diagnostic,
            });
        }
        problems
    }
}

/// True for a change that may bring objects into a cluster.
fn adds(change: &Change) -> bool {
    change.provider == ProviderName::Kubernetes
        && (matches!(change.action, Action::Create | Action::Update | Action::Adopt)
            || change.action.is_replace())
}

/// The objects that a set does not have so far, as far as they are known.
fn new(change: &Change) -> Objects {
    let before: BTreeMap<String, ()> = change
        .before
        .as_ref()
        .and_then(objects)
        .into_iter()
        .flat_map(|objects| objects.keys().map(|key| (key.to_string(), ())))
        .collect();
    let after = change.after.as_ref().and_then(objects).into_iter().flatten();
    let new = after.filter(|(key, _)| !before.contains_key(&***key));
    new.map(|(key, object)| (key.to_string(), to_json(object).unwrap_or(Json::Null))).collect()
}
