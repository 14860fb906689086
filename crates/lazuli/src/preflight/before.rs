//! What must be right before there can be a plan: resource groups exist and suit, the subnets of an existing network are
//! secured and can be routed.

use std::collections::BTreeSet;

use lazuli_cluster::expand::Expansion;
use lazuli_cluster::spec::{Cni, Network};
use lazuli_core::resource::Mode;
use lazuli_core::{Diagnostic, Diagnostics};

use super::verdict::Findings;
use crate::blueprint::Blueprint;
use crate::clouds::{Clouds, World};
use crate::failure::refused;

/// The accounts can sign in and the resource groups exist.
pub(crate) async fn groups(
    clouds: &Clouds,
    blueprint: &Blueprint,
    skip: bool,
) -> Result<Findings, Diagnostics> {
    let mut findings = Findings::default();
    if skip {
        return Ok(findings);
    }
    let mut problems = Diagnostics::new();
    let mut seen = BTreeSet::new();
    for (account, group, expansion) in blueprint.groups() {
        if !seen.insert((account.clone(), group.to_lowercase())) {
            continue;
        }
        let Some(provider) = clouds.provider(&account) else { continue };
        findings.requests += 1;
        match provider.resource_group(&group).await {
            Ok(found) => {
                findings.passed += 1;
                let region = &expansion.cluster.region;
                if !found.location.eq_ignore_ascii_case(region) {
                    findings.warnings.push(Diagnostic::warning("LZ1010", format!(
                        "resource group {group} lies in {}, the cluster in {region}: changes fail while either region is down",
                        found.location
                    )));
                }
            }
            Err(error) if error.code == "ResourceGroupNotFound" => problems.push(
                Diagnostic::error("LZ1010", format!("the resource group `{group}` does not exist"))
                    .at(expansion.cluster.span, format!("{} is to live in it", expansion.cluster.address))
                    .note("Lazuli never creates or deletes resource groups")
                    .help(format!(
                        "create it: az group create --name {group} --location {}",
                        expansion.cluster.region
                    )),
            ),
            Err(error) => problems.push(refused(
                &format!("reading the resource group {group} (cloud_account.{account})"),
                &error,
            )),
        }
    }
    if problems.is_empty() { Ok(findings) } else { Err(problems) }
}

/// Both subnets of an existing network have a security group, and a route table where pods need one.
pub(crate) fn existing_networks(
    blueprint: &Blueprint,
    world: &World,
    findings: &mut Findings,
) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    for expansion in blueprint.clusters() {
        let subnets = expansion
            .parts
            .iter()
            .filter(|part| part.declaration.mode == Mode::Data && part.desired.ty.name.ends_with("/subnets"));
        problems.extend(without_route_table(expansion, world));
        for part in subnets {
            let Some(object) = part.desired.id.as_ref().and_then(|id| world.objects.get(id)) else {
                continue;
            };
            let id = part.desired.id.as_ref().map_or("", |id| id.name());
            if object.pointer("/properties/networkSecurityGroup/id").is_some() {
                findings.passed += 1;
                continue;
            }
            let problem = Diagnostic::error(
                "LZ1011",
                format!("the existing subnet `{id}` has no network security group"),
            );
            let problem = problem
                .help("associate one with it in Azure: an existing network is never changed by Lazuli");
            problems.push(match part.declaration.origin {
                Some(span) => problem.at(span, "nodes would be unprotected in it"),
                None => problem,
            });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Where routes carry the packets of pods, the nodes of both subnets must share the table that they are written to.
fn without_route_table(expansion: &Expansion, world: &World) -> Option<Diagnostic> {
    let Network::Existing(network) = &expansion.cluster.network else { return None };
    if expansion.cluster.profile.cni != Cni::AzureRoutes {
        return None;
    }
    let table = |subnet| {
        let found = world.objects.get(subnet)?;
        Some(found.pointer("/properties/routeTable/id").and_then(|id| id.as_str()).map(str::to_lowercase))
    };
    let ids = &expansion.ids;
    // What cannot be read is told elsewhere.
    let (control_plane, workers) = (table(&ids.control_plane_subnet)?, table(&ids.worker_subnet)?);
    let message = match (control_plane, workers) {
        (Some(control_plane), Some(workers)) if control_plane == workers => return None,
        (Some(_), Some(_)) => "the existing subnets have different route tables".to_owned(),
        (None, None) => "the existing subnets have no route table".to_owned(),
        (None, Some(_)) => without(&network.control_plane_subnet),
        (Some(_), None) => without(&network.worker_subnet),
    };
    Some(
        Diagnostic::error("LZ1019", message)
            .at(network.span, "pods on different nodes could not reach each other")
            .note("cni = \"azure_routes\": the cloud provider writes a route for each node into the subnets' table")
            .help("associate one route table with both subnets in Azure, or choose cni = \"manifests\""),
    )
}

fn without(subnet: &str) -> String {
    format!("the existing subnet `{subnet}` has no route table")
}
