//! `cluster repair`: a plan that replaces what has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_cluster::roster::Renewals;
use lazuli_cluster::spec::{Amount, HealthCheck};
use lazuli_core::plan::Summary;
use lazuli_core::{Address, Diagnostic};
use lazuli_kubernetes::status::{ClusterStatus, is_lost};
use time::OffsetDateTime;

use super::check::certificates_end_soon;
use super::look::{Looked, look};
use crate::cli::{ClusterRepair, Goal};
use crate::commands::{Exit, Outcome, apply};
use crate::failure::Failure;
use crate::interrupt::{self, Going};
use crate::render::events;
use crate::terminal::Printer;
use crate::{host, planning};

pub(super) async fn run(args: &ClusterRepair, printer: &Arc<Printer>) -> Outcome {
    let looked = look(args.name.as_deref(), &args.options.variables, printer).await?;
    let name = looked.cluster.name.clone();
    let status = match &looked.status {
        Ok(status) => status,
        Err(error) => {
            let error = error.message.clone();
            let address = looked.cluster.address.clone();
            let pools = ["control_plane", "worker_pool"].map(|pool| address.child(pool));
            let has = |pool: &Address| looked.world.resources.keys().any(|known| known.is_within(pool));
            let nodes: Vec<Address> = pools.into_iter().filter(has).collect();
            looked.close().await;
            return in_azure(&name, (address, nodes), &error, args, printer).await;
        }
    };
    let wanted = Wanted::of(&looked)?;
    let mut failed = failed(&looked, status, &wanted.health, OffsetDateTime::now_utc())?;
    let targets = &args.options.target;
    failed.retain(|node, _| targets.is_empty() || targets.iter().any(|target| node.is_within(target)));
    let goes: Vec<Address> = failed.keys().filter(|node| !wanted.nodes.contains(*node)).cloned().collect();
    for node in goes {
        let reason = failed.remove(&node).unwrap_or_default();
        printer.message(&format!(
            "{node}: {reason}. The configuration has no place for it any more: `lazuli apply` takes it away."
        ));
    }
    wanted.same_version(&looked, failed.keys())?;
    looked.close().await;
    if failed.is_empty() {
        match printer.json() {
            true => printer.event(events::change_summary(Summary::default(), "apply")),
            false => printer.result(&format!("Nothing of {name} has failed.\n")),
        }
        return Ok(Exit::Done);
    }
    for (node, reason) in &failed {
        printer.message(&format!("{node}: {reason}"));
    }
    let goal = Goal { replace: failed.into_keys().collect(), alone: true, ..Goal::default() };
    apply::repair(&goal, &args.options, args.auto_approve, printer).await
}

/// Of a cluster that does not answer, what is missing in Azure may be why: that is set back, and none of its nodes is
/// touched.
async fn in_azure(
    name: &str,
    (address, nodes): (Address, Vec<Address>),
    error: &str,
    args: &ClusterRepair,
    printer: &Arc<Printer>,
) -> Outcome {
    printer.message(&format!("{name} does not answer, so nobody can say how its nodes are: {error}"));
    printer.message("What it has in Azure besides nodes is looked at, and set back:");
    let mut options = args.options.clone();
    if options.target.is_empty() {
        options.target = vec![address];
    }
    options.exclude.extend(nodes);
    apply::repair(&Goal::default(), &options, args.auto_approve, printer).await?;
    interrupt::goes_on(Going::Holding);
    let after = look(args.name.as_deref(), &args.options.variables, printer).await?;
    let answers = after.status.as_ref().map(|_| ()).map_err(|error| error.message.clone());
    after.close().await;
    match answers {
        Ok(()) => {
            printer.message(&format!("{name} answers. `lazuli cluster check` says how it is."));
            Ok(Exit::Done)
        }
        Err(error) => {
            let problem = Diagnostic::error("LZ3052", format!("{name} still does not answer: {error}"));
            Err(Failure::of(problem.help(
                "its network, load balancer and rules are as configured, so look at the machines of its control plane: are \
                 they running (`az vm list -d`), and what does their boot log say? docs/recovery.md says what to do when etcd \
                 has lost its quorum",
            )))
        }
    }
}

/// What the configuration says of the cluster.
struct Wanted {
    /// When a node counts as failed.
    health: HealthCheck,
    /// Its Kubernetes version.
    version: String,
    /// The nodes it has.
    nodes: BTreeSet<Address>,
}

impl Wanted {
    fn of(looked: &Looked) -> Result<Wanted, Failure> {
        let Looked { setting, world, .. } = looked;
        let renewals = Renewals::new();
        let blueprint = planning::blueprint(
            &setting.project,
            &setting.accounts,
            world,
            &renewals,
            false,
            &host::environment,
        )?;
        let own = blueprint.clusters().find(|expansion| expansion.cluster.address == looked.cluster.address);
        let own = own.ok_or_else(|| {
            let message = format!("{} is not in the configuration", looked.cluster.address);
            Failure::of(
                Diagnostic::error("LZ3052", message)
                    .help("what is not in the configuration is deleted, not repaired"),
            )
        })?;
        let nodes = own.parts.iter().filter_map(|part| part.declaration.address.parent()).collect();
        let cluster = &own.cluster;
        Ok(Wanted { health: cluster.health_check, version: cluster.profile.kubernetes.to_string(), nodes })
    }

    /// A node that is made anew has the version of the configuration, so that must be the one the old node has.
    fn same_version<'a>(
        &self,
        looked: &Looked,
        mut nodes: impl Iterator<Item = &'a Address>,
    ) -> Result<(), Failure> {
        let of = |node: &Address| {
            let recorded = looked.world.resources.get(&node.child("registration"))?;
            recorded
                .inputs
                .pointer("/properties/configuration/kubernetesVersion")?
                .as_str()
                .map(str::to_owned)
        };
        let other = nodes.find_map(|node| of(node).filter(|version| *version != self.version));
        let Some(version) = other else { return Ok(()) };
        let message = format!(
            "the failed nodes have Kubernetes {version} and the configuration {}: an upgrade is pending, and a \
             repair would begin it with them",
            self.version
        );
        Err(Failure::of(Diagnostic::error("LZ3052", message).help(format!(
            "upgrade with `lazuli apply`, which replaces them too, or repair with version {version} in the configuration"
        ))))
    }
}

/// The nodes to be replaced, with the reason of each.
fn failed(
    looked: &Looked,
    status: &ClusterStatus,
    health: &HealthCheck,
    now: OffsetDateTime,
) -> Result<BTreeMap<Address, String>, Failure> {
    let mut failed = BTreeMap::new();
    let mut aged = BTreeSet::new();
    let mut pools: BTreeMap<Address, (usize, usize)> = BTreeMap::new();
    for member in &looked.cluster.members {
        let node = status.nodes.iter().find(|node| node.name == member.node);
        let reason = match node {
            None => Some("it is not in the cluster".to_owned()),
            Some(node) if is_lost(node, health.unhealthy_after) => Some("it is out of order".to_owned()),
            Some(node) if certificates_end_soon(node, now) => {
                aged.insert(member.address.clone());
                Some("its certificates end soon".to_owned())
            }
            Some(_) => None,
        };
        let pool =
            pools.entry(member.address.parent().unwrap_or_else(|| member.address.clone())).or_default();
        pool.1 += 1;
        if let Some(reason) = reason {
            pool.0 += usize::from(!aged.contains(&member.address));
            failed.insert(member.address.clone(), reason);
        }
    }
    for (pool, (out, all)) in &pools {
        let most = match health.max_unhealthy {
            Amount::Nodes(nodes) => nodes as usize,
            Amount::Percent(percent) => all * percent as usize / 100,
        };
        // One may always be replaced: small pools would never be repaired otherwise.
        if *out > most.max(1) {
            let message = format!(
                "{out} of {all} nodes of {pool} have failed, more than health_check.max_unhealthy allows"
            );
            let problem = Diagnostic::error("LZ3052", message).help(
                "so many at once are rarely the nodes' fault: look for what they share (a zone, the network, an image). To replace them anyway, raise `max_unhealthy`",
            );
            return Err(Failure::of(problem));
        }
    }
    Ok(failed)
}
