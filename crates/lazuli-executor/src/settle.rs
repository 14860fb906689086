//! What an earlier run left unfinished: waited for, read, and written down as it was found.
//!
//! Nothing is changed in the world here, so that `plan` may do it too; what is still to be done, the next plan does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lazuli_core::journal::{JournalError, Record};
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Provider, ProviderError, Watch};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::{Address, Json};

use crate::execute::{Hidden, Providers};
use crate::ownership::is_not_what_was_sent;
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
    /// The provider could not be asked, for the object or for how the operation goes; it stays unfinished.
    Unreadable(Option<ProviderError>),
}

#[derive(Debug, Clone, PartialEq)]
enum After {
    AsItWas,
    Removed,
    Now(Box<Recorded>),
}

/// How long the end of an operation is waited for: longer than any of Azure's usual ones.
const RESUME: Duration = Duration::from_secs(3600);

/// How long to wait before looking again, and again, for what should have been created and is not there: a request that
/// was on its way when an earlier run was killed may be a few seconds from being seen.
const AGAIN: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(750), Duration::from_secs(2)];

/// Looks at everything unfinished, in order of address. With `wait`, operations that the provider accepted are waited
/// for, and what is not there is looked for again; `watch` is told how they go.
pub async fn settle(
    world: &RecordedWorld,
    providers: &dyn Providers,
    wait: bool,
    hidden: Hidden,
    watch: &(dyn Fn(&Address, &str) + Send + Sync),
) -> Vec<Settled> {
    let current = world.resources.values().map(|r| (r, false));
    let all = current.chain(world.deposed.iter().map(|r| (r, true)));
    let mut seen = Vec::new();
    for (recorded, deposed) in all {
        let Some(pending) = &recorded.pending else { continue };
        let provider = providers.provider(recorded.provider, &recorded.account);
        let (mut open, mut sight) = (None, Sight::Unreadable(None));
        if let Some(provider) = &provider {
            open = match &pending.url {
                None => None,
                Some(_) if !wait => Some(Finding::Running),
                Some(url) => {
                    let told = Told { address: &recorded.address, watch };
                    match tokio::time::timeout(RESUME, provider.resume(url, &told)).await {
                        Ok(asked) => asked.err().map(|error| Finding::Unreadable(Some(error))),
                        Err(_) => Some(Finding::Running),
                    }
                }
            };
            sight = look(&**provider, &recorded.ty, &recorded.id).await;
        }
        seen.push(Seen { recorded, deposed, operation: pending.operation, provider, open, sight });
    }
    if wait {
        look_again(&mut seen).await;
    }
    let settled = |seen: Seen<'_>| {
        let Seen { recorded, deposed, operation, open, sight, .. } = seen;
        // Law 5: what has the id and cannot have come of what was sent is somebody else's, which the plan says then.
        let sight = match sight {
            Sight::Present(object)
                if operation == Operation::Create
                    && recorded.pending.as_ref().is_none_or(|p| p.url.is_none())
                    && is_not_what_was_sent(&recorded.inputs, &object, &world.lineage) =>
            {
                Sight::Absent
            }
            sight => sight,
        };
        let (finding, mut after) = judge(recorded, operation, sight, open);
        if let After::Now(found) = &mut after {
            add_hidden(&found.observed, hidden(&found.ty), &mut found.sensitive);
        }
        if after == After::Removed && operation == Operation::Create {
            // It was to take the place of another object, which therefore has its place again.
            let replaced = world.deposed.iter().rfind(|d| d.address == recorded.address);
            after = replaced.map_or(after, |replaced| After::Now(Box::new(replaced.clone())));
        }
        let after = if deposed { After::AsItWas } else { after }; // the plan deletes or forgets it
        Settled { address: recorded.address.clone(), operation, deposed, finding, after }
    };
    seen.into_iter().map(settled).collect()
}

/// An unfinished operation with what was seen of it.
struct Seen<'a> {
    recorded: &'a Recorded,
    deposed: bool,
    operation: Operation,
    provider: Option<Arc<dyn Provider>>,
    /// What to say as long as reading does not show the end; `None` when nothing goes on any more.
    open: Option<Finding>,
    sight: Sight,
}

/// Looks again for what would otherwise be forgotten, all of it after the same waits.
async fn look_again(seen: &mut [Seen<'_>]) {
    let missing = |seen: &Seen<'_>| {
        seen.operation == Operation::Create && seen.sight == Sight::Absent && seen.open.is_none()
    };
    for wait in AGAIN {
        if !seen.iter().any(missing) {
            return;
        }
        tokio::time::sleep(wait).await;
        for seen in seen.iter_mut().filter(|seen| missing(seen)) {
            if let Some(provider) = &seen.provider {
                seen.sight = look(&**provider, &seen.recorded.ty, &seen.recorded.id).await;
            }
        }
    }
}

fn judge(recorded: &Recorded, operation: Operation, sight: Sight, open: Option<Finding>) -> (Finding, After) {
    let as_found = |observed: Json, finished: bool| {
        let pending = if finished { None } else { recorded.pending.clone() };
        After::Now(Box::new(Recorded { observed, pending, ..recorded.clone() }))
    };
    let deletes = operation == Operation::Delete;
    match (sight, open) {
        (Sight::Unreadable(error), _) => (Finding::Unreadable(error), After::AsItWas),
        (Sight::Absent, _) if deletes => (Finding::Finished, After::Removed),
        (Sight::Present(observed), _) if !deletes && is_as_sent(&recorded.inputs, &observed) => {
            (Finding::Finished, as_found(observed, true))
        }
        (Sight::Absent, Some(open)) => (open, After::AsItWas),
        (Sight::Present(observed), Some(open)) if !has_failed(&observed) => (open, After::AsItWas),
        (Sight::Present(_), _) if deletes => (Finding::StillThere, After::AsItWas),
        (Sight::Present(observed), _) => (Finding::Unfinished, as_found(observed, false)),
        (Sight::Absent, None) if operation == Operation::Create => (Finding::NothingThere, After::Removed),
        (Sight::Absent, None) => (Finding::NothingThere, After::AsItWas), // changed and gone: the plan creates it
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
    (!nothing).then(|| Record::Adjusted {
        set_aside: Vec::new(),
        removed: removed.into_iter().collect(),
        resources,
    })
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
