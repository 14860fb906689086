//! What is said of what stays in Azure when a cluster goes.

use std::collections::HashSet;

use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::ResourceId;
use lazuli_core::{Diagnostic, Json};
use lazuli_kubernetes::claims::Volume;

use crate::clouds::Clouds;
use crate::render::layout::count;

/// How many are named.
const NAMED: usize = 20;

/// The tags by which the cloud controller knows what is a cluster's, new and old.
const CLUSTER_TAGS: [&str; 2] = ["k8s-azure-cluster-name", "kubernetes-cluster-name"];

/// The warning about volumes whose reclaim policy is to retain them.
pub(super) fn kept(cluster: &str, volumes: &[&Volume]) -> Option<Diagnostic> {
    if volumes.is_empty() {
        return None;
    }
    let are = if volumes.len() == 1 { "is" } else { "are" };
    let number = count(volumes.len(), "volume");
    let message = format!("cluster {cluster}: {number} {are} kept, by the reclaim policy Retain");
    let mut warning = Diagnostic::warning("LZ1015", message);
    for volume in volumes.iter().take(NAMED) {
        let claim = volume.claim.as_deref().map_or_else(String::new, |claim| format!(" of {claim}"));
        warning = warning.note(format!("kept: {}{claim}, {}: {}", volume.name, volume.size, volume.disk));
    }
    if let Some(more @ 1..) = volumes.len().checked_sub(NAMED) {
        warning = warning.note(format!("and {more} more"));
    }
    Some(
        warning.help(
            "--delete-volumes deletes them with their disks; afterwards: az disk delete --yes --ids <id>",
        ),
    )
}

/// The warning about a cluster that cannot be asked.
pub(super) struct Unasked {
    pub(super) warning: Diagnostic,
    /// Whether Azure shows something that looks like the controllers'.
    pub(super) sees_any: bool,
}

/// Looks in the resource group for what cannot be asked for; `None` when the account is not open.
pub(super) async fn unasked(
    authority: &ResourceId,
    why: &str,
    clouds: &Clouds,
    account: &str,
    recorded: &RecordedWorld,
) -> Option<Unasked> {
    let (cluster, group) = (authority.segment("clusters")?, authority.resource_group()?);
    let message = format!(
        "cluster {cluster} cannot be asked what its controllers made in Azure: load balancers and disks of theirs may \
         be left in {group}"
    );
    let mut warning = Diagnostic::warning("LZ1016", message).note(why.to_owned());
    let mut sees_any = false;
    match clouds.provider(account)?.inventory(group).await {
        Ok(inventory) => {
            let ours: HashSet<&ResourceId> = recorded.resources.values().map(|r| &r.id).collect();
            let others = inventory.objects.iter().filter(|found| !ours.contains(&found.id));
            let made = others.filter(|found| is_made_by_controllers(&found.id, &found.body, cluster));
            let ids: Vec<&ResourceId> = made.map(|found| &found.id).collect();
            sees_any = !ids.is_empty();
            for id in ids.iter().take(NAMED) {
                warning = warning.note(format!("probably left: {id}"));
            }
            if let Some(more @ 1..) = ids.len().checked_sub(NAMED) {
                warning = warning.note(format!("and {more} more"));
            }
            if ids.is_empty() {
                warning = warning.note("nothing that looks like theirs was seen there".to_owned());
            }
        }
        Err(error) => warning = warning.note(format!("what is there cannot be listed: {error}")),
    }
    let tag = CLUSTER_TAGS[0];
    Some(Unasked {
        warning: warning.help(format!(
            "the destroy goes on; look afterwards, disks hold data:\n\
             az network lb list -g {group} --query \"[?name=='{cluster}' || name=='{cluster}-internal' || \
             name=='kubernetes'].id\" -o tsv\n\
             az network public-ip list -g {group} --query \"[?tags.\\\"{tag}\\\"=='{cluster}'].id\" -o tsv\n\
             az disk list -g {group} --query \"[?starts_with(name, 'pvc-')].id\" -o tsv\n\
             and remove what is not needed: az resource delete --ids <id>"
        )),
        sees_any,
    })
}

/// Load balancers, addresses and disks as the cloud controller and the disk driver name and tag them.
fn is_made_by_controllers(id: &ResourceId, body: &Json, cluster: &str) -> bool {
    let tag = |name: &str| body["tags"].get(name).and_then(Json::as_str);
    let type_of = |ty: &str| id.segment(ty).is_some();
    let name = id.name();
    if type_of("disks") {
        return name.starts_with("pvc-") || tag("kubernetes.io-created-for-pv-name").is_some();
    }
    if type_of("publicIPAddresses") {
        return CLUSTER_TAGS.iter().any(|key| tag(key).is_some_and(|of| of.eq_ignore_ascii_case(cluster)));
    }
    let balancers = [
        cluster.to_owned(),
        format!("{cluster}-internal"),
        "kubernetes".into(),
        "kubernetes-internal".into(),
    ];
    type_of("loadBalancers") && balancers.iter().any(|balancer| name.eq_ignore_ascii_case(balancer))
}
