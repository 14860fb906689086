//! How much of a cluster a plan touches, in one word: what people decide by before they look at details.

use std::collections::BTreeSet;
use std::fmt;

use lazuli_core::Address;
use lazuli_core::address::Key;
use lazuli_core::plan::{Action, Change};
use lazuli_core::resource::Mode;

/// How much of a cluster that exists a plan touches, the least first. What would need a new cluster is no impact: it is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// Nothing that runs notices: tags, bindings, quotas of namespaces, and what only comes into being.
    None,
    /// Something changes in place: settings, layers, add-ons, labels and taints of nodes, what Azure has around them.
    InPlace,
    /// Nodes of these pools are drained and go without a successor.
    Leaving(BTreeSet<String>),
    /// Nodes of these pools are replaced.
    Rolling(BTreeSet<String>),
    /// Nodes of the control plane are replaced, one by one.
    ControlPlane,
    /// Nodes of the control plane are replaced, then those of these pools.
    Everything(BTreeSet<String>),
}

/// The impact of a plan's changes on a cluster; `None` when the plan makes it, takes it down or leaves it alone.
pub fn impact<'a>(
    cluster: &Address,
    changes: impl IntoIterator<Item = &'a Change> + Clone,
) -> Option<Impact> {
    // What is only read was there before the cluster.
    let all = || changes.clone().into_iter().filter(|change| change.mode == Mode::Managed);
    let own = || all().filter(|change| change.address.is_within(cluster) && change.action != Action::NoOp);
    let existed = |change: &Change| {
        matches!(change.action, Action::NoOp | Action::Update | Action::Move) || change.action.is_replace()
    };
    let stays = all().any(|change| change.address.is_within(cluster) && existed(change));
    // One whose control plane is still to be made does not run, whatever an earlier run made of it.
    let servers = || all().filter(|change| is_server(cluster, change));
    let begins = servers().next().is_some() && !servers().any(existed);
    if !stays || begins || own().next().is_none() {
        return None;
    }
    let mut pools = BTreeSet::new();
    let mut leaving = BTreeSet::new();
    let mut control_plane = false;
    let mut in_place = false;
    for change in own() {
        let segments = change.address.segments();
        let inner = &segments[cluster.segments().len()..];
        let Some(first) = inner.first() else { continue };
        match (change.action, &*first.name) {
            (action, "control_plane") if action.is_replace() => control_plane = true,
            (action, "worker_pool") if action.is_replace() => pools.extend(first.key.as_ref().map(name_of)),
            (Action::Delete, "control_plane") => _ = leaving.insert("control plane".to_owned()),
            (Action::Delete, "worker_pool") => {
                leaving.extend(first.key.as_ref().map(|key| format!("pool {}", name_of(key))));
            }
            (Action::Update, "rbac_binding" | "namespace") | (Action::Delete, "rbac_binding") => {}
            (Action::Update, _) => in_place |= !only_tags(change),
            (Action::Delete, _) => in_place = true,
            (action, _) => in_place |= action.is_replace(),
        }
    }
    Some(match (control_plane, pools.is_empty()) {
        (true, true) => Impact::ControlPlane,
        (true, false) => Impact::Everything(pools),
        (false, false) => Impact::Rolling(pools),
        (false, true) if !leaving.is_empty() => Impact::Leaving(leaving),
        (false, true) if in_place => Impact::InPlace,
        (false, true) => Impact::None,
    })
}

/// True for a member of the control plane.
fn is_server(cluster: &Address, change: &Change) -> bool {
    change.address.as_str().ends_with(".member") && change.address.is_within(&cluster.child("control_plane"))
}

fn name_of(key: &Key) -> String {
    match key {
        Key::Name(name) => name.clone(),
        Key::Index(index) => index.to_string(),
    }
}

fn only_tags(change: &Change) -> bool {
    change.paths.iter().all(|path| path.path.is_under("tags"))
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |pools: &BTreeSet<String>| {
            let word = if pools.len() == 1 { "pool" } else { "pools" };
            format!("{word} {}", pools.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        match self {
            Impact::None => f.write_str("none, nothing that runs notices"),
            Impact::InPlace => f.write_str("in place, no node is replaced"),
            Impact::Leaving(from) => {
                write!(
                    f,
                    "nodes are drained and leave {}",
                    from.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
                )
            }
            Impact::Rolling(pools) => write!(f, "rolling, {}", named(pools)),
            Impact::ControlPlane => f.write_str("rolling, the control plane one by one"),
            Impact::Everything(pools) => write!(f, "rolling, control plane first, then {}", named(pools)),
        }
    }
}

#[cfg(test)]
mod tests;
