//! `cluster …`: the clusters of the state, how they are, and repairing them.

mod check;
mod keys;
mod kubeconfig;
mod look;
mod private;
mod recorded;
mod repair;

use std::sync::Arc;

use super::{Exit, Outcome, state};
use crate::cli::Cluster;
use crate::render::cluster as rendered;
use crate::terminal::Printer;

use look::look;
use recorded::{RecordedCluster, all, named};

pub(super) async fn run(command: &Cluster, printer: &Arc<Printer>) -> Outcome {
    match command {
        Cluster::List => list(printer),
        Cluster::Status(args) => {
            let looked = look(args.name.as_deref(), &args.variables, printer).await?;
            match printer.json() {
                true => printer.document(&rendered::status_json(&looked.shown())),
                false => printer.result(&rendered::status(&looked.shown(), printer.width())),
            }
            looked.close().await;
            Ok(Exit::Done)
        }
        Cluster::Kubeconfig(args) => kubeconfig::run(args, printer),
        Cluster::Keys(args) => keys::run(args, printer),
        Cluster::Check(args) => {
            let looked = look(args.name.as_deref(), &args.variables, printer).await?;
            let checks = check::checks(&looked);
            let name = looked.cluster.name.clone();
            looked.close().await;
            match printer.json() {
                true => printer.document(&rendered::checks_json(&name, &checks)),
                false => printer.result(&rendered::checks(&name, &checks, printer.width())),
            }
            Ok(if rendered::is_well(&checks) { Exit::Done } else { Exit::Failed })
        }
        Cluster::Repair(args) => repair::run(args, printer).await,
    }
}

fn list(printer: &Printer) -> Outcome {
    let world = state::read()?;
    let clusters: Vec<rendered::Listed> = all(&world).iter().map(RecordedCluster::listed).collect();
    match printer.json() {
        true => printer.document(&rendered::list_json(&clusters)),
        false if clusters.is_empty() => {
            printer.message("There are no clusters: none has been applied yet.");
        }
        false => printer.result(&rendered::list(&clusters, printer.width())),
    }
    Ok(Exit::Done)
}
