//! `import`.

use std::path::PathBuf;

use clap::Args;
use lazuli_core::Address;

use super::{LockOptions, Variables};

pub(super) const EXAMPLES: &str = "\
Examples:
  lazuli import resource.logs /subscriptions/.../resourceGroups/rg/providers/Microsoft.Network/routeTables/logs
  lazuli import 'cluster.prod.worker_pool[\"general\"].node[\"3\"].vm' /subscriptions/.../virtualMachines/...
  lazuli import --generate existing.hcl --resource-group rg --pki keys
  lazuli import cluster.prod --pki keys

Nothing changes in Azure. An `import` block in the configuration does the same with the next apply.";

/// `import`
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// A resource that the configuration declares; with --pki, a cluster
    #[arg(value_name = "ADDRESS", required_unless_present = "generate")]
    pub address: Option<Address>,
    /// The id of the object it takes over
    #[arg(value_name = "ID", requires = "address", required_unless_present_any = ["generate", "pki"])]
    pub id: Option<String>,
    /// A directory with the keys of the cluster, as kubeadm has them in /etc/kubernetes/pki
    #[arg(long, value_name = "DIR", conflicts_with = "id")]
    pub pki: Option<PathBuf>,
    /// Write configuration with `import` blocks for what is in a resource group to this new file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "id"], requires = "resource_group")]
    pub generate: Option<PathBuf>,
    /// The resource group
    #[arg(long, value_name = "NAME", requires = "generate")]
    pub resource_group: Option<String>,
    /// The cloud account it is in, when the configuration declares several
    #[arg(long, value_name = "NAME", requires = "generate")]
    pub account: Option<String>,
    /// How the state is locked.
    #[command(flatten)]
    pub lock: LockOptions,
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}
