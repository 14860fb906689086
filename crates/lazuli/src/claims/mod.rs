//! What the controllers of a cluster made in Azure, when the cluster goes: steps of the plan, or said to be left.
//!
//! It is not recorded while the cluster lives: workloads come and go. A plan that destroys a cluster looks for it and
//! plans with it as if it were recorded, so that the journal, reports and a forced destroy treat it as anything else.
//!
//! | module | what |
//! |---|---|
//! | `left` | what is said of what stays |

mod left;

use std::collections::BTreeSet;

use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, ProviderName, ResourceId, ResourceType};
use lazuli_core::{Address, Diagnostics, Json};
use lazuli_kubernetes::api::ApiError;
use lazuli_kubernetes::claims::{self, Claims, SERVICES, VOLUMES};
use lazuli_kubernetes::keyring::ClusterId;

use crate::clouds::{Clouds, World};
use crate::inside;

const API_VERSION: &str = "2026-11-01";

/// What was found in the clusters that a plan destroys.
#[derive(Debug, Default)]
pub struct Found {
    /// What is to go, as if it were recorded: before everything that keeps its cluster alive.
    pub records: Vec<Recorded>,
    /// What stays, and what could not be asked.
    pub warnings: Diagnostics,
}

/// A cluster that goes.
struct Doomed<'a> {
    /// The record of its authority: it can be asked as long as that is there.
    authority: &'a Recorded,
    address: Address,
    id: ClusterId,
}

/// Looks into every cluster that a plan destroys.
pub async fn of_doomed(
    plan: &Plan,
    recorded: &RecordedWorld,
    world: &World,
    clouds: &Clouds,
    delete_volumes: bool,
) -> Found {
    let mut found = Found::default();
    for cluster in doomed(plan, recorded) {
        match ask(&cluster, recorded, world, clouds).await {
            Some(Ok(claims)) => {
                let (go, stay): (Vec<_>, Vec<_>) =
                    claims.volumes.iter().partition(|volume| delete_volumes || volume.goes());
                let services = claims.services.iter().map(|service| {
                    let key = format!("{}/{}", service.namespace, service.name);
                    (SERVICES, cluster.address.keyed("service", &key), service.id(), service.body())
                });
                let volumes = go.iter().map(|volume| {
                    (
                        VOLUMES,
                        cluster.address.keyed("volume", &volume.name),
                        volume.name.clone(),
                        volume.body(),
                    )
                });
                let before = kept_alive_by(&cluster, recorded);
                found
                    .records
                    .extend(services.chain(volumes).map(|claimed| record(&cluster, claimed, &before)));
                found.warnings.extend(left::kept(cluster.id.name(), &stay));
            }
            Some(Err(why)) => {
                let answered = inside::answers(recorded).contains(&cluster.id);
                let warning =
                    left::unasked(&cluster.authority.id, &why, clouds, &cluster.authority.account, recorded);
                found
                    .warnings
                    .extend(warning.await.filter(|seen| answered || seen.sees_any).map(|seen| seen.warning));
            }
            None => {}
        }
    }
    found
}

/// The clusters whose authority is deleted, and with it everything.
fn doomed<'a>(plan: &Plan, recorded: &'a RecordedWorld) -> Vec<Doomed<'a>> {
    let deleted = plan.changes.iter().filter(|change| change.action == Action::Delete);
    let authorities = deleted.filter_map(|change| {
        let authority = recorded.resources.get(&change.address)?;
        let is_one =
            authority.id.name() == "cluster_ca" && authority.ty.name.ends_with("/certificateAuthorities");
        let address = authority.address.parent()?.parent()?;
        is_one.then_some(Doomed { authority, address, id: ClusterId::of(&authority.id)? })
    });
    authorities.collect()
}

/// `None` for a cluster of which no machine was ever made.
async fn ask(
    cluster: &Doomed<'_>,
    recorded: &RecordedWorld,
    world: &World,
    clouds: &Clouds,
) -> Option<Result<Claims, String>> {
    if let Some((_, error)) = world.unreachable.iter().find(|(id, _)| *id == cluster.id) {
        return Some(Err(error.message.clone()));
    }
    let mut machines = recorded.resources.values().filter(|r| r.address.as_str().ends_with(".vm"));
    machines.find(|machine| machine.address.is_within(&cluster.address))?;
    let client = match clouds.inside.kubernetes.clusters().client(&cluster.id).await {
        Ok(client) => client,
        Err(error) => return Some(Err(error.to_string())),
    };
    Some(claims::list(&client).await.map_err(|error: ApiError| error.to_string()))
}

/// What everything else of the cluster waits for when it is deleted: nothing of the cluster uses these.
fn kept_alive_by(cluster: &Doomed<'_>, recorded: &RecordedWorld) -> Vec<Address> {
    let parts = || {
        let all = recorded.resources.values().filter(|r| r.address.is_within(&cluster.address));
        all.filter(|r| r.mode == Mode::Managed && r.provider != ProviderName::Kubernetes)
    };
    let used: BTreeSet<&Address> = parts().flat_map(|part| &part.dependencies).collect();
    parts().map(|part| &part.address).filter(|address| !used.contains(address)).cloned().collect()
}

fn record(
    cluster: &Doomed<'_>,
    (ty, address, name, body): (&str, Address, String, Json),
    before: &[Address],
) -> Recorded {
    let authority = cluster.authority;
    let group = authority.id.as_str().split("/providers/").next().unwrap_or_default();
    let (kind, label) = (ty.rsplit('/').next().unwrap_or_default(), authority.id.segment("clusters"));
    let cluster_name = label.unwrap_or_default();
    Recorded {
        address,
        mode: Mode::Managed,
        provider: ProviderName::Kubernetes,
        account: authority.account.clone(),
        ty: ResourceType::new(ty, API_VERSION),
        id: ResourceId::new(format!(
            "{group}/providers/Lazuli.Kubernetes/clusters/{cluster_name}/{kind}/{name}"
        )),
        inputs: body.clone(),
        observed: body,
        dependencies: before.to_vec(),
        sensitive: Vec::new(),
        write_only: Default::default(),
        prevent_destroy: false,
        slot: None,
        pending: None,
        created_at: authority.created_at.clone(),
        updated_at: authority.updated_at.clone(),
    }
}

/// The records that an interrupted destroy left of what is not planned now: they are dropped, since the cluster lives on
/// or it is gone.
pub fn leftovers(recorded: &RecordedWorld, planned: &[Recorded]) -> Vec<Address> {
    let claimed = recorded.resources.values().filter(|r| [SERVICES, VOLUMES].contains(&&*r.ty.name));
    let left = claimed.map(|r| &r.address).filter(|address| !planned.iter().any(|p| p.address == **address));
    left.cloned().collect()
}

/// The record with what was found in clusters that go.
pub fn with(recorded: &RecordedWorld, planned: &[Recorded]) -> RecordedWorld {
    let mut world = recorded.clone();
    world.resources.extend(planned.iter().map(|claimed| (claimed.address.clone(), claimed.clone())));
    world
}
