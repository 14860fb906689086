//! How a cluster is: its nodes, etcd, what runs in `kube-system`, what would stop a drain. Only reads.
//!
//! | module | what |
//! |---|---|
//! | `node` | one node, from its object (pure) |
//! | `workload` | what is not ready, and budgets that allow nothing (pure) |

mod node;
mod workload;

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use time::OffsetDateTime;

use crate::api::{ApiError, Clusters, Rest, Selector};
use crate::keyring::ClusterId;
use crate::node::{EtcdMember, etcd_members};

pub use node::{Condition, NodeStatus, is_lost, node};
pub use workload::{Budget, Workload, budget, workload};

/// How a cluster is.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterStatus {
    /// The API server's version, `v1.34.2`.
    pub version: String,
    /// The nodes by name.
    pub nodes: Vec<NodeStatus>,
    /// The members of etcd, or why they could not be asked.
    pub etcd: Result<Vec<EtcdMember>, String>,
    /// What runs in `kube-system` and is not as it should be.
    pub not_ready: Vec<Workload>,
    /// Budgets under which no pod may be evicted now.
    pub blocking: Vec<Budget>,
}

/// Looks at a cluster.
///
/// # Errors
/// When its API cannot be asked.
pub async fn look(clusters: &Clusters, cluster: &ClusterId) -> Result<ClusterStatus, ProviderError> {
    let client = clusters.client(cluster).await.map_err(|error| ApiError::from(error).looking())?;
    let rest = Rest::from(client.clone());
    let asked = async {
        let version = rest.get("/version").await?.unwrap_or(Json::Null);
        let all = Selector::default();
        let lists = futures::future::try_join_all([
            rest.list("/api/v1/nodes", all),
            rest.list("/apis/apps/v1/namespaces/kube-system/deployments", all),
            rest.list("/apis/apps/v1/namespaces/kube-system/daemonsets", all),
            rest.list("/apis/policy/v1/poddisruptionbudgets", all),
        ]);
        let mut lists = lists.await?.into_iter();
        let mut next = || lists.next().unwrap_or_default();
        let (nodes, deployments, daemon_sets, budgets) = (next(), next(), next(), next());
        Ok::<_, ApiError>((version, nodes, deployments, daemon_sets, budgets))
    };
    let (version, nodes, deployments, daemon_sets, budgets) =
        asked.await.map_err(|error: ApiError| error.looking())?;
    let now = clusters.now();
    let mut nodes: Vec<NodeStatus> = nodes.iter().filter_map(|object| node(object, now)).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let control_plane = nodes.iter().filter(|node| node.control_plane);
    let control_plane: Vec<String> = control_plane.map(|node| node.name.clone()).collect();
    let exec = clusters.exec(cluster, client);
    let etcd = etcd_members(&*exec, control_plane).await.map_err(|error| error.to_string());
    let workloads = deployments.iter().map(|d| ("Deployment", d));
    let workloads = workloads.chain(daemon_sets.iter().map(|d| ("DaemonSet", d)));
    Ok(ClusterStatus {
        version: version["gitVersion"].as_str().unwrap_or_default().to_owned(),
        nodes,
        etcd,
        not_ready: workloads.filter_map(|(kind, object)| workload(kind, object)).collect(),
        blocking: budgets.iter().filter_map(budget).collect(),
    })
}

/// A time of Kubernetes: RFC 3339.
fn moment(text: &Json) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.as_str()?, &time::format_description::well_known::Rfc3339).ok()
}
