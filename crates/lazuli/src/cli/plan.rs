//! `plan`, `apply`, `destroy`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use lazuli_core::Address;

use super::{Variables, duration};

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  lazuli plan
  lazuli plan --var workers=5 --out monday.plan
  lazuli plan --replace 'cluster.prod.worker_pool[\"general\"].node[\"3\"].vm'
  lazuli plan --target cluster.prod.network
  lazuli plan --refresh-only           what somebody changed outside of Lazuli
";

pub(super) const APPLY_EXAMPLES: &str = "\
Examples:
  lazuli apply                         shows the plan and asks
  lazuli apply --auto-approve          for pipelines
  lazuli apply monday.plan             exactly what was planned, without a question

Ctrl-C stops after what is running; a second one leaves at once. `lazuli apply` then goes on where it stopped.";

/// `plan`
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Exit with 2 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Which plan.
    #[command(flatten)]
    pub goal: Goal,
    /// How it is made.
    #[command(flatten)]
    pub options: PlanOptions,
}

/// `apply`
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// A plan saved by `plan --out`; needs no question
    #[arg(value_name = "PLANFILE", conflicts_with_all = [
        "destroy", "refresh_only", "refresh", "replace", "target", "exclude", "var", "var_file", "out",
    ])]
    pub plan_file: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Exit with 2 when there were changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Which plan.
    #[command(flatten)]
    pub goal: Goal,
    /// How it is made.
    #[command(flatten)]
    pub options: PlanOptions,
}

/// `destroy`
#[derive(Debug, Clone, Args)]
pub struct Destroy {
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Exit with 2 when there were changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Give up on what stays stuck: forget it, and list what is left with the commands that remove it
    #[arg(long)]
    pub force: bool,
    /// With --force: how long what is stuck is tried, from the beginning of the run
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration, requires = "force")]
    pub force_after: Duration,
    /// Delete also volumes whose reclaim policy is to retain them
    #[arg(long)]
    pub delete_volumes: bool,
    /// How the plan is made.
    #[command(flatten)]
    pub options: PlanOptions,
}

/// Which plan is wanted.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What to plan")]
pub struct Goal {
    /// Plan to destroy everything
    #[arg(long)]
    pub destroy: bool,
    /// Replace this resource although nothing asks for it; may be repeated
    #[arg(long, value_name = "ADDRESS", conflicts_with = "destroy")]
    pub replace: Vec<Address>,
    /// Plan only to record what somebody changed outside of Lazuli; nothing changes in the world
    #[arg(long, conflicts_with_all = ["destroy", "replace", "refresh"])]
    pub refresh_only: bool,
    /// Plan nothing but what is replaced: what `cluster repair` wants.
    #[arg(skip)]
    pub alone: bool,
}

/// How a plan is made.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Planning options")]
pub struct PlanOptions {
    /// Save the plan here, to apply or show it later
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the plan as a report for browsers here, in one file with a picture of the clusters
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Only this resource, or everything within this cluster, module or pool, and what it depends on; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<Address>,
    /// Everything but this and what depends on it; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<Address>,
    /// Look at the world first; --refresh=false trusts the state
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    #[arg(default_value = "true", default_missing_value = "true")]
    pub refresh: bool,
    /// How many steps or reads may run at the same time
    #[arg(long, value_name = "N", default_value = "64")]
    pub parallelism: NonZeroUsize,
    /// How long to wait for the state's lock, such as 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
    /// Do not check resource groups and existing networks against Azure
    #[arg(long)]
    pub skip_preflight: bool,
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}
