//! `cluster …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{PlanOptions, Variables, some_time};

const KUBECONFIG_EXAMPLES: &str = "\
Examples:
  lazuli cluster kubeconfig prod --out prod.kubeconfig && kubectl --kubeconfig prod.kubeconfig get nodes
  lazuli cluster kubeconfig prod --valid 30m > ~/.kube/config
  lazuli cluster kubeconfig demo --server https://127.0.0.1:8443     a tunnel, or `lazuli simulator serve`

The certificate is minted now and ends by itself; nothing of it is recorded. Whoever has it is administrator until then.";

const KEYS_EXAMPLES: &str = "\
Examples:
  lazuli cluster keys prod --out prod.pki
  lazuli import --generate prod.hcl --resource-group rg --pki prod.pki     when the state is lost

The directory is new and for its owner only, its files named as in /etc/kubernetes/pki.";

const REPAIR_EXAMPLES: &str = "\
Examples:
  lazuli cluster repair prod             shows the plan that replaces what has failed, and asks
  lazuli cluster repair prod --auto-approve

Replaced are nodes that are gone or have been out of order for longer than health_check.unhealthy_after, and
control-plane nodes whose certificates end within 30 days. More than health_check.max_unhealthy of a pool is not a failure
of nodes: then nothing is replaced.";

/// `cluster …`
#[derive(Debug, Clone, Subcommand)]
pub enum Cluster {
    /// List the clusters in the state
    List,
    /// Show nodes, versions, zones, health
    Status(Named),
    /// Print a kubeconfig for administrators, valid for a short time
    #[command(after_help = KUBECONFIG_EXAMPLES)]
    Kubeconfig(Kubeconfig),
    /// Write the keys of a cluster to a new directory, to be kept apart from the state
    #[command(after_help = KEYS_EXAMPLES)]
    Keys(Keys),
    /// Check whether a cluster is well; changes nothing, exits with 1 when it is not
    Check(Named),
    /// Replace nodes that have failed
    #[command(after_help = REPAIR_EXAMPLES)]
    Repair(Box<Repair>),
}

/// Which cluster.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Its name or address; may be left out when there is only one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}

/// `cluster kubeconfig`
#[derive(Debug, Clone, Args)]
pub struct Kubeconfig {
    /// The cluster's name or address; may be left out when there is only one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How long it can be used
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = some_time)]
    pub valid: Duration,
    /// Write it to this file, for its owner only, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// For kubectl: print a certificate alone, in the form it asks programs for
    #[arg(long, hide = true, conflicts_with_all = ["out", "server"])]
    pub exec_credential: bool,
    /// Another address of the API server; its certificate stays that of the cluster's own host name
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// `cluster keys`
#[derive(Debug, Clone, Args)]
pub struct Keys {
    /// The cluster's name or address; may be left out when there is only one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The directory, which must not exist yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `cluster repair`
#[derive(Debug, Clone, Args)]
pub struct Repair {
    /// The cluster's name or address; may be left out when there is only one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// How the plan is made.
    #[command(flatten)]
    pub options: PlanOptions,
}
