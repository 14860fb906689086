//! What an earlier run left unfinished: waited for, read, and written down as it was found.
//!
//! Nothing is changed in the world here, so that `plan` may do it too; what is still to be done, the next plan does.

use std::collections::BTreeSet;

use lazuli_core::journal::{JournalError, Record};
use lazuli_core::plan::Operation;
use lazuli_core::provider::{ProviderError, Watch};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::{Address, Json};

use crate::execute::{Hidden, Providers};
use crate::record::add_hidden;
use crate::resolve::{Sight, is_as_sent, look};

/// An unfinished operation with what was found of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The resource.
    pub address: Address,
    /// What was begun.
    pub operation: Operation,
    /// True for an object set aside by a replacement.
    pub deposed: bool,
    /// What was found.
    pub finding: Finding,
    after: After,
}

/// What was found of an unfinished operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It arrived and is finished.
    Finished,
    /// The provider never received it, or nothing came of it: it will be done again when it is still wanted.
    NothingThere,
    /// The object exists and is not as it was sent, or not at rest: the next plan goes on with it.
    Unfinished,
    /// The object to be deleted is still there.
    StillThere,
    /// The provider accepted it and it is still going on.
    Running,
    /// The provider could not be asked; it stays unfinished.
    Unreadable(Option<ProviderError>),
}

#[derive(Debug, Clone, PartialEq)]
enum After {
    AsItWas,
    Removed,
    Now(Box<Recorded>),
}

/// Looks at everything unfinished, in order of address. With `wait`, operations that the provider accepted are waited
/// for; `watch` is told how they go.
pub async fn settle(
    world: &RecordedWorld,
    providers: &dyn Providers,
    wait: bool,
    hidden: Hidden,
    watch: &(dyn Fn(&Address, &str) + Send + Sync),
) -> Vec<Settled> {
    let current = world.resources.values().map(|r| (r, false));
    let all = current.chain(world.deposed.iter().map(|r| (r, true)));
    let mut settled = Vec::new();
    for (recorded, deposed) in all {
        let Some(pending) = &recorded.pending else { continue };
        let mut running = pending.url.is_some();
        let sight = match providers.provider(recorded.provider, &recorded.account) {
            None => Sight::Unreadable(None),
            Some(provider) => {
                if let (Some(url), true) = (&pending.url, wait) {
                    // Whether it went well or is forgotten by now: what exists is read below either way.
                    let _ = provider.resume(url, &Told { address: &recorded.address, watch }).await;
                    running = false;
                }
                look(&*provider, &recorded.ty, &recorded.id).await
            }
        };
        let (finding, mut after) = judge(recorded, pending.operation, sight, running);
        if let After::Now(found) = &mut after {
            add_hidden(&found.observed, hidden(&found.ty), &mut found.sensitive);
        }
        let after = if deposed { After::AsItWas } else { after }; // the plan deletes or forgets it
        settled.push(Settled {
            address: recorded.address.clone(),
            operation: pending.operation,
            deposed,
            finding,
            after,
        });
    }
    settled
}

fn judge(recorded: &Recorded, operation: Operation, sight: Sight, running: bool) -> (Finding, After) {
    let as_found = |observed: Json, finished: bool| {
        let pending = if finished { None } else { recorded.pending.clone() };
        After::Now(Box::new(Recorded { observed, pending, ..recorded.clone() }))
    };
    match (operation, sight) {
        (_, Sight::Unreadable(error)) => (Finding::Unreadable(error), After::AsItWas),
        (Operation::Delete, Sight::Absent) => (Finding::Finished, After::Removed),
        (_, Sight::Absent) if running => (Finding::Running, After::AsItWas),
        (Operation::Delete, Sight::Present(observed)) if running && !has_failed(&observed) => {
            (Finding::Running, After::AsItWas)
        }
        (Operation::Delete, Sight::Present(_)) => (Finding::StillThere, After::AsItWas),
        (Operation::Create, Sight::Absent) => (Finding::NothingThere, After::Removed),
        (_, Sight::Absent) => (Finding::NothingThere, After::AsItWas), // changed and gone: the plan creates it
        (_, Sight::Present(observed)) if is_as_sent(&recorded.inputs, &observed) => {
            (Finding::Finished, as_found(observed, true))
        }
        (_, Sight::Present(observed)) if running && !has_failed(&observed) => {
            (Finding::Running, After::AsItWas)
        }
        (_, Sight::Present(observed)) => (Finding::Unfinished, as_found(observed, false)),
    }
}

/// True when an object says itself that what was under way has come to nothing.
fn has_failed(observed: &Json) -> bool {
    let state = observed.pointer("/properties/provisioningState").and_then(Json::as_str);
    state.is_some_and(|state| ["failed", "canceled"].iter().any(|end| state.eq_ignore_ascii_case(end)))
}

/// The record that writes down what was found; `None` when nothing is to be written.
pub fn record(settled: &[Settled]) -> Option<Record> {
    let removed: BTreeSet<_> =
        settled.iter().filter(|s| s.after == After::Removed).map(|s| s.address.clone()).collect();
    let resources: Vec<Recorded> = settled
        .iter()
        .filter_map(|s| match &s.after {
            After::Now(recorded) => Some((**recorded).clone()),
            After::AsItWas | After::Removed => None,
        })
        .collect();
    let nothing = removed.is_empty() && resources.is_empty();
    (!nothing).then(|| Record::Adjusted { removed: removed.into_iter().collect(), resources })
}

struct Told<'a> {
    address: &'a Address,
    watch: &'a (dyn Fn(&Address, &str) + Send + Sync),
}

#[async_trait::async_trait]
impl Watch for Told<'_> {
    async fn accepted(&self, _url: &str) -> Result<(), JournalError> {
        Ok(()) // it is recorded already
    }

    fn progress(&self, text: &str) {
        (self.watch)(self.address, text);
    }
}
