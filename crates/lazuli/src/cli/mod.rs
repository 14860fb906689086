//! The command line: every command, flag and value, and nothing else. What commands do is in `commands`.
//!
//! A flag is defined here only when something obeys it.
//!
//! | module | commands |
//! |---|---|
//! | `plan` | `plan`, `apply`, `destroy`, and how a plan is made |
//! | `variables` | `--var`, `--var-file`, `LAZULI_VAR_…` |
//! | `state` | `state …`, and how a state is locked |
//! | `import`, `account`, `cluster`, `simulator` | those |
//!
//! The others, and what goes for all, are here.

mod account;
mod cluster;
mod import;
mod plan;
mod simulator;
mod state;
mod variables;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub use account::{
    Account, Change, Edit, Fields, Permissions, Placement, SecretFlags, Validate as ValidateAccount,
};
pub use cluster::{
    Cluster, Keys as ClusterKeys, Kubeconfig as ClusterKubeconfig, Named as NamedCluster,
    Repair as ClusterRepair,
};
pub use import::Import;
pub use plan::{Apply, Destroy, Goal, Plan, PlanOptions};
pub use simulator::{Serve, Simulator, SimulatorProfile};
pub use state::{LockOptions, State, StateMv, StatePush, StateRekey, StateRm};
pub use variables::{Assignment, Given, Variables, variables_of_environment};

/// The exit code of a command line that is not understood.
pub const USAGE: u8 = 64;

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

const CONSOLE_EXAMPLES: &str = "\
Examples:
  lazuli console
  echo 'cidrsubnet(\"10.0.0.0/16\", 8, 3)' | lazuli console
  lazuli console --json < expressions.txt

Resources have the values that were recorded last; nothing is asked of Azure. `exit` or Ctrl-D ends it.";

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
    #[command(after_help = plan::PLAN_EXAMPLES)]
    Plan(Plan),
    /// Change the world to match the configuration
    #[command(after_help = plan::APPLY_EXAMPLES)]
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

/// `show`
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// A saved plan or a state file; the current state when left out
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write it as a report for browsers here, in one file with a picture of the clusters
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub html: Option<PathBuf>,
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
    /// A picture for browsers.
    Svg,
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

/// A duration that is longer than nothing.
fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it would have ended already; give a time such as 30m or 8h".to_owned()),
        time => Ok(time),
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
