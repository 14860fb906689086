//! A node as a member of its cluster: kept as wanted.
//!
//! | module | what |
//! |---|---|
//! | `joining` | waited for until it is ready |
//! | `leaving` | let go in order |

mod joining;
mod leaving;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};

use super::desired::Member;
use super::lists::Lists;
use super::registration::{NODES, node_path};
use super::shape;
use crate::api::{ApiError, Exec, LoadBalancer, Rest};
use crate::keyring::{ClusterId, ClusterKeys};
use crate::settings::Trust;

pub(crate) use joining::{create, make_room};
pub(crate) use leaving::delete;

/// The first and the longest wait between two looks at a node: a little longer each time.
const LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// How often a patch is tried while others change the node too.
const CONFLICTS: u32 = 5;

/// A cluster as the steps on its nodes need it.
pub(crate) struct Cluster {
    pub(crate) id: ClusterId,
    pub(crate) rest: Rest,
    pub(crate) keys: ClusterKeys,
    pub(crate) exec: Arc<dyn Exec>,
    pub(crate) load_balancer: Arc<dyn LoadBalancer>,
    /// Its nodes that are to go.
    pub(crate) leaving: BTreeSet<String>,
    pub(crate) lists: Lists,
    pub(crate) now: crate::api::Clock,
    /// How long pods may take to leave, where that is not what the node was made with.
    pub(crate) drain_timeout: Option<Duration>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({})", self.id)
    }
}

impl Cluster {
    /// The authorities that its nodes are to trust.
    pub(crate) fn trust(&self) -> Trust {
        let front_proxy = self.keys.front_proxy_ca.as_ref();
        Trust {
            rotation: self.keys.cluster_ca_rotation,
            bundle: self.keys.cluster_ca.certificate_pem.clone(),
            front_proxy_rotation: self.keys.front_proxy_ca_rotation,
            front_proxy_bundle: front_proxy.map_or_else(String::new, |ca| ca.certificate_pem.clone()),
        }
    }

    async fn nodes(&self, age: Duration) -> Result<Arc<Vec<Json>>, ApiError> {
        self.lists.latest(&self.id, &self.rest, NODES, age).await
    }
}

fn gone(node: &str) -> ProviderError {
    ProviderError::own("NodeGone", format!("the node {node} vanished while it was written"), Outcome::Unknown)
}

/// Labels, taints, cordon: in place.
pub(crate) async fn update(
    cluster: &Cluster,
    body: &Json,
    previous: Option<&Json>,
) -> Result<Json, ProviderError> {
    let member = Member::of(body)?;
    // Without a previous body nothing is taken away but a cordon.
    let previous = previous.map(Member::of).transpose()?.unwrap_or_else(|| member.clone());
    let path = node_path(&member.node);
    for _ in 0..CONFLICTS {
        let node =
            cluster.rest.get(&path).await.map_err(ApiError::changing)?.ok_or_else(|| gone(&member.node))?;
        let mut patch = shape::record(Some(&body["properties"]));
        if let Some(shape) = shape::patch(&member, Some(&previous), &node) {
            join(&mut patch, shape);
        }
        match cluster.rest.merge(&path, &patch).await {
            Ok(node) => return shape::observed(&node).ok_or_else(|| gone(&member.node)),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.changing()),
        }
    }
    let message = format!("others keep changing the node {}: its taints could not be written", member.node);
    Err(ProviderError::own("Conflict", message, Outcome::Nothing))
}

/// Lays one merge patch over another.
fn join(base: &mut Json, over: Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                join(base.entry(key).or_insert(Json::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// A member as observed; `None` when the node is not there or not a member. `recorded` is what the state says that it was
/// made with, for a node that has lost its own record of that.
pub(crate) fn observed(node: Option<&Json>, recorded: Option<&Json>) -> Option<Json> {
    let node = node?;
    shape::observed(node).or_else(|| shape::observed_again(node, recorded?))
}

#[cfg(test)]
mod tests;
