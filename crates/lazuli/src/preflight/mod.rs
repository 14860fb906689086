//! What can be known to fail is refused while planning, all of it at once, with the evidence and the cure.
//!
//! First come the resource groups and existing networks, without which no plan can be made. When there is a plan, its
//! steps say what is worth asking: `ask` asks Azure, and one pure function per family decides on the answers. A plan that
//! changes nothing asks nothing. What the account may not read is told as a warning.
//!
//! | module | what |
//! |---|---|
//! | `before` | groups, existing networks |
//! | [`work`] | the steps as data |
//! | [`ask`] | the questions, asked in parallel |
//! | [`verdict`] | passed, facts, warnings, refusals |
//! | [`registration`] | subscription, registered namespaces |
//! | [`access`], [`denials`] | permissions, deny assignments |
//! | [`timeline`], [`quotas`] | how much of a quota is needed at the worst moment |
//! | [`sizes`], [`capabilities`] | VM sizes, zones, images, and what they can do |
//! | [`terms`] | terms of the marketplace |
//! | [`addresses`] | ranges, and room in existing subnets |
//! | [`names`] | DNS labels, storage accounts |
//! | [`egress`] | whether a zone takes the way out of others with it |
//! | [`places`] | regions, networks to be joined, SKUs of storage accounts |
//! | [`locks`], [`policy`] | what forbids and denies |

pub mod access;
pub mod addresses;
pub mod ask;
mod before;
pub mod capabilities;
pub mod denials;
pub mod egress;
pub mod locks;
pub mod names;
pub mod places;
pub mod policy;
pub mod quotas;
pub mod registration;
pub mod sizes;
pub mod terms;
pub mod timeline;
pub mod verdict;
pub mod work;

use lazuli_cluster::expand::Expansion;
use lazuli_cluster::spec::Network;
use lazuli_core::Diagnostics;
use lazuli_core::plan::Plan;

pub(crate) use self::before::{existing_networks, groups};
pub use self::verdict::Findings;
use self::verdict::Verdict;
use self::work::Works;
use crate::blueprint::Blueprint;
use crate::clouds::{Clouds, World};

/// Checks every step of a plan against Azure, `parallel` questions at a time. `so_far` is what was found before there was
/// a plan.
pub(crate) async fn steps(
    plan: &Plan,
    blueprint: &Blueprint,
    world: &World,
    clouds: &Clouds,
    parallel: usize,
    so_far: Findings,
) -> Result<Findings, Diagnostics> {
    let works = Works::of(plan, blueprint, world);
    if works.all.is_empty() {
        return Ok(so_far);
    }
    let answers = ask::ask(&works, &world.objects, clouds, parallel).await;
    let mut verdict = Verdict::from(so_far);
    verdict.findings.requests += answers.requests;
    registration::subscriptions(&answers.subscriptions, &mut verdict);
    registration::check(&works, &answers.registrations, &mut verdict);
    let needs = access::needed(&works);
    access::check(&needs, &answers.grants, &mut verdict);
    denials::check(&needs, &answers.deny_assignments, &mut verdict);
    quotas::check(&works, &answers.usages, &answers.sizes, &mut verdict);
    sizes::check(&works, &answers.sizes, &mut verdict);
    capabilities::images(&works, &answers.images, &mut verdict);
    capabilities::check(&works, &answers.sizes, &answers.images, &mut verdict);
    terms::check(&works, &answers.images, &answers.terms, &mut verdict);
    addresses::ranges(&works, &world.objects, &mut verdict);
    addresses::subnets(&works, &world.objects, &mut verdict);
    addresses::placements(&placed(blueprint, &works), &world.objects, &mut verdict);
    names::check(&works, &answers.names, &mut verdict);
    places::regions(&works, &answers.regions, &mut verdict);
    places::locations(&works, &mut verdict);
    places::networks(&works, &answers.networks, &mut verdict);
    places::skus(&works, &mut verdict);
    egress::check(&gateways(blueprint, &works), &mut verdict);
    locks::check(&works, &answers.locks, &mut verdict);
    policy::check(&works, &answers.policies, &mut verdict);
    verdict.finish()
}

/// The NAT gateways of clusters that get one, or workers behind it.
fn gateways(blueprint: &Blueprint, works: &Works) -> Vec<egress::Gateway> {
    let is_touched = |expansion: &&Expansion| {
        let cluster = &expansion.cluster.address;
        let mut made = works.all.iter().filter(|work| work.creates() && work.address.is_within(cluster));
        let servers = cluster.child("control_plane");
        made.any(|work| {
            work.is(egress::GATEWAYS) || work.is(sizes::MACHINES) && !work.address.is_within(&servers)
        })
    };
    let gateway = |expansion: &Expansion| {
        let cluster = &expansion.cluster;
        let written = blueprint.attribute_of_cluster(&cluster.address, &["network", "egress"]);
        egress::gateway(expansion, written.unwrap_or(cluster.span))
    };
    blueprint.clusters().filter(is_touched).filter_map(gateway).collect()
}

/// Clusters in existing networks that get something new.
fn placed(blueprint: &Blueprint, works: &Works) -> Vec<addresses::Placed> {
    let grows = |cluster: &lazuli_core::Address| {
        works.created(sizes::MACHINES).any(|work| work.address.is_within(cluster))
    };
    blueprint
        .clusters()
        .filter(|expansion| grows(&expansion.cluster.address))
        .filter_map(|expansion| {
            let Network::Existing(existing) = &expansion.cluster.network else { return None };
            Some(addresses::Placed {
                cluster: expansion.cluster.address.clone(),
                span: Some(existing.span),
                network: expansion.ids.virtual_network.clone(),
                pods: expansion.cluster.profile.pod_cidr,
                services: expansion.cluster.profile.service_cidr,
            })
        })
        .collect()
}
