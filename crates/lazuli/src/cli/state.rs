//! `state …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use lazuli_core::Address;

use super::duration;

const STATE_MV_EXAMPLES: &str = "\
Examples:
  lazuli state mv resource.logs module.audit.resource.logs
  lazuli state mv resource.logs 'resource.logs[0]'
  lazuli state mv cluster.blue cluster.green --dry-run

A `moved` block in the configuration does the same with the next apply, and for everybody who has the configuration.";

const STATE_RM_EXAMPLES: &str = "\
Examples:
  lazuli state rm resource.logs
  lazuli state rm 'cluster.prod.worker_pool[\"general\"].node[\"3\"]' --dry-run

It prints the `import` blocks that take it back. A `removed` block in the configuration does the same with the next apply.";

const STATE_REKEY_EXAMPLES: &str = "\
Examples:
  LAZULI_NEW_PASSPHRASE=... lazuli state rekey
  lazuli state rekey --key-file new.key
  lazuli state rekey --user-key

The present key is given as always. Plans that were saved before are refused afterwards.";

/// `state …`
#[derive(Debug, Clone, Subcommand)]
pub enum State {
    /// List the addresses in the state
    List {
        /// Only this one and what is below it
        #[arg(value_name = "ADDRESS")]
        address: Option<Address>,
    },
    /// Show what is recorded of one resource
    Show {
        /// The resource
        #[arg(value_name = "ADDRESS")]
        address: Address,
    },
    /// Give something another address; nothing happens in Azure
    #[command(after_help = STATE_MV_EXAMPLES)]
    Mv(StateMv),
    /// Forget something and leave it in Azure
    #[command(after_help = STATE_RM_EXAMPLES)]
    Rm(StateRm),
    /// Print the state as it lies on disk, encrypted
    Pull,
    /// Put a pulled state or a backup in place of the state
    Push(StatePush),
    /// Seal the state and its backups with a new key
    #[command(after_help = STATE_REKEY_EXAMPLES)]
    Rekey(StateRekey),
}

/// `state mv`
#[derive(Debug, Clone, Args)]
pub struct StateMv {
    /// A resource, an instance, a module, a cluster or a part of one
    #[arg(value_name = "FROM")]
    pub from: Address,
    /// Its new address, where nothing is yet
    #[arg(value_name = "TO")]
    pub to: Address,
    /// Say what would move and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the state is locked.
    #[command(flatten)]
    pub lock: LockOptions,
}

/// `state rm`
#[derive(Debug, Clone, Args)]
pub struct StateRm {
    /// What to forget, with everything below it
    #[arg(value_name = "ADDRESS", required = true)]
    pub addresses: Vec<Address>,
    /// Say what would be forgotten and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the state is locked.
    #[command(flatten)]
    pub lock: LockOptions,
}

/// `state push`
#[derive(Debug, Clone, Args)]
pub struct StatePush {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also when it is of another state, not newer, or when a run did not finish
    #[arg(long)]
    pub force: bool,
    /// How the state is locked.
    #[command(flatten)]
    pub lock: LockOptions,
}

/// `state rekey`
#[derive(Debug, Clone, Args)]
pub struct StateRekey {
    /// The new key is this file: at least 32 bytes that nobody can guess
    #[arg(long, value_name = "FILE", conflicts_with = "user_key")]
    pub key_file: Option<PathBuf>,
    /// The new key is that of this computer's user
    #[arg(long)]
    pub user_key: bool,
    /// How the state is locked.
    #[command(flatten)]
    pub lock: LockOptions,
}

/// How a state is locked.
#[derive(Debug, Clone, Args)]
pub struct LockOptions {
    /// How long to wait for the state's lock, such as 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
}
