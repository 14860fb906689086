//! The command line: every command, flag and value, and nothing else. What commands do is in `commands`.
//!
//! A flag is defined here only when something obeys it.

mod account;
mod cluster;
mod import;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use lazuli_core::Address;

pub use account::{
    Account, Change, Edit, Fields, Permissions, Placement, SecretFlags, Validate as ValidateAccount,
};
pub use cluster::{
    Cluster, Keys as ClusterKeys, Kubeconfig as ClusterKubeconfig, Named as NamedCluster,
    Repair as ClusterRepair,
};
pub use import::Import;

/// The exit code of a command line that is not understood.
pub const USAGE: u8 = 64;

/// The prefix of environment variables that set variables of the configuration: `LAZULI_VAR_workers=3`.
const VARIABLE_PREFIX: &str = "LAZULI_VAR_";

const EXAMPLES: &str = "\
Examples:
  lazuli init demo                     a first project, against a simulated Azure
  lazuli --chdir demo plan             what would change
  lazuli --chdir demo apply            make it so
  lazuli plan --out monday.plan && lazuli apply monday.plan
  lazuli plan --detailed-exitcode      for scripts: 0 no changes, 1 error, 2 changes
  lazuli destroy                       take it all down again

Environment:
  LAZULI_VAR_<name>    a variable's value
  LAZULI_PASSPHRASE, LAZULI_KEY_FILE    the key of an encrypted state, and of secrets of registered accounts
  LAZULI_NEW_PASSPHRASE    the new one, for `state rekey`
  LAZULI_LOG           log filter, such as debug or lazuli_azure=trace
  LAZULI_CONFIG_DIR    the folder of the registered accounts
  AZURE_*              the usual credentials
  NO_COLOR             no colours

Exit codes: 0 success, 1 error, 2 changes (--detailed-exitcode), 3 differences (fmt --check), 64 wrong usage, 130 interrupted.";

const FMT_EXAMPLES: &str = "\
Examples:
  lazuli fmt                           every .hcl file here; prints the names of those that change
  lazuli fmt --check --recursive       for pipelines: changes nothing, exit 3 when something would
  lazuli fmt --diff --check            what would change
  lazuli fmt - < main.hcl              for editors
";

const PLAN_EXAMPLES: &str = "\
Examples:
  lazuli plan
  lazuli plan --var workers=5 --out monday.plan
  lazuli plan --replace 'cluster.prod.worker_pool[\"general\"].node[\"3\"].vm'
  lazuli plan --target cluster.prod.network
  lazuli plan --refresh-only           what somebody changed outside of Lazuli
";

const APPLY_EXAMPLES: &str = "\
Examples:
  lazuli apply                         shows the plan and asks
  lazuli apply --auto-approve          for pipelines
  lazuli apply monday.plan             exactly what was planned, without a question

Ctrl-C stops after what is running; a second one leaves at once. `lazuli apply` then goes on where it stopped.";

const CONSOLE_EXAMPLES: &str = "\
Examples:
  lazuli console
  echo 'cidrsubnet(\"10.0.0.0/16\", 8, 3)' | lazuli console
  lazuli console --json < expressions.txt

Resources have the values that were recorded last; nothing is asked of Azure. `exit` or Ctrl-D ends it.";

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

const SIMULATOR_EXAMPLES: &str = "\
Examples:
  lazuli simulator serve --world demo.json
  lazuli simulator serve --profile hostile --seed 7
  lazuli simulator serve --world demo.json --print-env > env.sh

It serves until Ctrl-C. For az and SDKs: the last line in one terminal, `. ./env.sh` in another.";

/// Plans, applies and destroys self-managed Kubernetes clusters on Azure.
#[derive(Debug, Clone, Parser)]
#[command(name = "lazuli", version, about, after_help = EXAMPLES, propagate_version = false)]
#[command(disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// What goes for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Work in this directory
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// JSON on standard output: a document or, of longer work, one event per line
    #[arg(long, global = true)]
    pub json: bool,
    /// Show every attribute; twice: requests too
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Start a new project that plans at once
    Init(Init),
    /// Check the configuration without any network
    Validate(Validate),
    /// Put configuration files into the canonical format
    #[command(after_help = FMT_EXAMPLES)]
    Fmt(Fmt),
    /// Show what would change
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(Plan),
    /// Change the world to match the configuration
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(Apply),
    /// Take down everything that was applied
    Destroy(Destroy),
    /// Show a saved plan, or the state
    Show(Show),
    /// Show outputs
    Output(Output),
    /// Evaluate expressions, one per line
    #[command(after_help = CONSOLE_EXAMPLES)]
    Console(Console),
    /// Look into the state and repair it
    #[command(subcommand)]
    State(State),
    /// Take over what exists: into the state, or as new configuration
    #[command(after_help = import::EXAMPLES)]
    Import(Import),
    /// Take the lock away from a run that hangs
    ForceUnlock(ForceUnlock),
    /// The registry of cloud accounts
    #[command(subcommand)]
    Account(Box<Account>),
    /// Clusters: how they are, how to reach them, repairing them
    #[command(subcommand)]
    Cluster(Cluster),
    /// Draw the steps of a plan and what waits for what
    Graph(Graph),
    /// The simulated Azure
    #[command(subcommand)]
    Simulator(Simulator),
    /// Show the version
    Version,
    /// Print a completion script for a shell
    Completions(Completions),
}

/// `init`
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// What to start from
    #[arg(long, value_name = "NAME", default_value = "quickstart")]
    pub template: String,
    /// Where; made when it does not exist
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `validate`
#[derive(Debug, Clone, Args)]
pub struct Validate {
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}

/// `fmt`
#[derive(Debug, Clone, Args)]
pub struct Fmt {
    /// Write nothing; exit with 3 when there is something to change
    #[arg(long)]
    pub check: bool,
    /// Show what changes
    #[arg(long)]
    pub diff: bool,
    /// Folders in folders too
    #[arg(long)]
    pub recursive: bool,
    /// Files and folders; `-` is standard input, the working directory when left out
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

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
}

/// How a plan is made.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Planning options")]
pub struct PlanOptions {
    /// Save the plan here, to apply or show it later
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
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

/// Values of variables, in the order of the command line: later ones win, whichever of the two flags gives them.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// What was given.
    pub given: Vec<Given>,
}

/// Values given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// `--var name=value`
    Value(Assignment),
    /// `--var-file FILE`
    File(PathBuf),
}

/// The flags of [`Variables`].
#[derive(Args)]
#[command(next_help_heading = "Variables")]
struct VariableFlags {
    /// A variable's value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    var: Vec<Assignment>,
    /// A file of values; may be repeated, and later ones of both flags win
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
}

impl FromArgMatches for Variables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let VariableFlags { var, var_file } = VariableFlags::from_arg_matches(matches)?;
        let places = |id: &str| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
        let values = places("var").into_iter().zip(var.into_iter().map(Given::Value));
        let files = places("var_file").into_iter().zip(var_file.into_iter().map(Given::File));
        let mut given: Vec<(usize, Given)> = values.chain(files).collect();
        given.sort_by_key(|(place, _)| *place);
        Ok(Variables { given: given.into_iter().map(|(_, given)| given).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Variables::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Variables {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args_for_update(command)
    }
}

/// `name=value`
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Before the equals sign.
    pub name: String,
    /// After it; may be a secret.
    pub value: String,
}

impl std::fmt::Debug for Assignment {
    /// Never prints the value: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

/// `show`
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// A saved plan or a state file; the current state when left out
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `output`
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Only this one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The bare text without quotes or newline, for scripts
    #[arg(long, requires = "name", conflicts_with = "json")]
    pub raw: bool,
}

/// `console`
#[derive(Debug, Clone, Args)]
pub struct Console {
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}

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

/// `force-unlock`
#[derive(Debug, Clone, Args)]
pub struct ForceUnlock {
    /// The id of the lock, as the refused command told it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Also from a process that still runs
    #[arg(long)]
    pub force: bool,
}

/// `graph`
#[derive(Debug, Clone, Args)]
pub struct Graph {
    /// How to draw
    #[arg(long, value_enum, default_value = "dot")]
    pub format: GraphFormat,
    /// A saved plan; a new one is made when left out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["var", "var_file"])]
    pub plan: Option<PathBuf>,
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For Graphviz.
    Dot,
    /// For Markdown that draws Mermaid.
    Mermaid,
}

/// `simulator …`
#[derive(Debug, Clone, Subcommand)]
pub enum Simulator {
    /// Serve a simulated Azure for other clients
    #[command(after_help = SIMULATOR_EXAMPLES)]
    Serve(Serve),
}

/// `simulator serve`
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The file that keeps the world; made when it does not exist, in memory when left out
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// How long things take and how much goes wrong
    #[arg(long, value_enum, default_value = "fast")]
    pub profile: SimulatorProfile,
    /// The seed of everything that looks random
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Faults to inject, as JSON
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// What exists before: groups, resources, quotas, locks, applications, permissions, as JSON
    #[arg(long, value_name = "FILE")]
    pub seed_world: Option<PathBuf>,
    /// Print the environment that az, SDKs and kubectl need to talk to it
    #[arg(long)]
    pub print_env: bool,
}

/// How a simulated Azure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimulatorProfile {
    /// Without delay.
    Instant,
    /// Twenty times faster than Azure.
    Fast,
    /// As slow as Azure.
    Realistic,
    /// With throttling, lost answers and failures.
    Hostile,
}

/// `completions`
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Understands a command line, program name first.
///
/// # Errors
/// What to print and how to leave: help and version are "errors" of exit code 0.
pub fn parse<I, T>(arguments: I) -> Result<Cli, Stop>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    Cli::try_parse_from(arguments).map_err(|error| Stop {
        code: if error.use_stderr() { USAGE } else { 0 },
        text: error.render().ansi().to_string(),
    })
}

/// Why a command line leads to no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The exit code: 0 for help and version (they go to standard output), 64 otherwise.
    pub code: u8,
    /// What to print, with styles.
    pub text: String,
}

/// The completion script of a shell.
pub fn completion_script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lazuli", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The variables that an environment sets, by name: `LAZULI_VAR_workers` sets `workers`. Values that are not UTF-8 are
/// left out.
pub fn variables_of_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> BTreeMap<String, String> {
    let variable = |(name, value): (OsString, OsString)| {
        let name = name.to_str()?.strip_prefix(VARIABLE_PREFIX)?.to_owned();
        if name.is_empty() { None } else { Some((name, value.into_string().ok()?)) }
    };
    environment.into_iter().filter_map(variable).collect()
}

fn assignment(text: &str) -> Result<Assignment, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(Assignment { name: name.trim().to_owned(), value: value.to_owned() })
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// `90`, `90s`, `5m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("`{text}` is not a duration such as 30s, 5m or 1h30m");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| refuse())?;
        let (unit, after) = match rest.as_bytes().get(digits) {
            Some(b'h') => (3600, &rest[digits + 1..]),
            Some(b'm') => (60, &rest[digits + 1..]),
            Some(b's') => (1, &rest[digits + 1..]),
            _ => return Err(refuse()),
        };
        total = number.checked_mul(unit).and_then(|s| total.checked_add(s)).ok_or_else(refuse)?;
        rest = after;
    }
    if text.is_empty() { Err(refuse()) } else { Ok(Duration::from_secs(total)) }
}

#[cfg(test)]
mod tests;
