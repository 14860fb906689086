//! The commands, one file each; [`run`] hands over.

mod account;
mod apply;
mod begin;
mod cluster;
mod console;
mod fmt;
mod force_unlock;
mod graph;
mod import;
mod init;
mod output;
mod plan;
mod report;
mod show;
mod simulator;
mod state;
mod stopped;
mod validate;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use lazuli_core::Diagnostic;

use crate::cli::{self, Cli, Command};
use crate::failure::Failure;
use crate::interrupt::{self, Going};
use crate::passphrase;
use crate::render::{diagnostic, events};
use crate::terminal::Printer;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// Not everything was done; it has been said why.
    Failed,
    /// With `--detailed-exitcode`: there are changes.
    Changes,
    /// `fmt --check`: files are not in the canonical format.
    Differences,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Changes => 2,
            Exit::Differences => 3,
            Exit::Interrupted => 130,
        }
    }
}

type Outcome = Result<Exit, Failure>;

/// Runs a command and says what went wrong.
pub fn run(cli: &Cli, printer: &Arc<Printer>) -> u8 {
    log(cli.global.verbose);
    let streams = matches!(
        cli.command,
        Command::Plan(_)
            | Command::Apply(_)
            | Command::Destroy(_)
            | Command::Cluster(cli::Cluster::Repair(_))
    ) && printer.json();
    let began = Instant::now();
    passphrase::allow(!cli.global.no_input);
    // Weak: only who holds a printer alone can finish it.
    let (left, words) = (Arc::downgrade(printer), stopped::words(&cli.command));
    interrupt::listen(move || {
        if let Some(printer) = left.upgrade() {
            stopped::tell(&words, streams, began.elapsed(), &printer);
        }
        std::process::exit(Exit::Interrupted.code().into());
    });
    if streams {
        printer.event(events::version(env!("CARGO_PKG_VERSION")));
    }
    let outcome = dispatch(cli, printer);
    if outcome.is_err() && interrupt::stops() {
        stopped::tell(&stopped::words(&cli.command), streams, began.elapsed(), printer);
        return Exit::Interrupted.code();
    }
    let code = outcome.map_or_else(|failure| fail(printer, &failure), Exit::code);
    if streams {
        printer.event(events::done(code, began.elapsed()));
    }
    code
}

fn dispatch(cli: &Cli, printer: &Arc<Printer>) -> Outcome {
    let _ = crate::host::started_in(); // remembered before it is left
    if let Some(dir) = &cli.global.chdir
        && let Err(error) = std::env::set_current_dir(dir)
    {
        let problem = Diagnostic::error("LZ3001", format!("cannot work in {}: {error}", dir.display()));
        return Err(Failure::of(problem));
    }
    match &cli.command {
        Command::Init(args) => init::run(args, printer),
        Command::Validate(args) => validate::run(args, printer),
        Command::Fmt(args) => fmt::run(args, printer),
        Command::Plan(args) => with_runtime(plan::run(args, printer)),
        Command::Apply(args) => with_runtime(apply::apply(args, printer)),
        Command::Destroy(args) => with_runtime(apply::destroy(args, printer)),
        Command::Show(args) => show::run(args, printer),
        Command::Output(args) => output::run(args, printer),
        Command::Console(args) => console::run(args, printer),
        Command::State(args) => state::run(args, printer),
        Command::Import(args) => with_runtime(import::run(args, printer)),
        Command::ForceUnlock(args) => force_unlock::run(args, printer),
        Command::Account(args) => with_runtime(account::run(args, printer)),
        Command::Cluster(args) => with_runtime(cluster::run(args, printer)),
        Command::Graph(args) => with_runtime(graph::run(args, printer)),
        Command::Simulator(cli::Simulator::Serve(args)) => with_runtime(simulator::serve(args, printer)),
        Command::Version => {
            version(printer);
            Ok(Exit::Done)
        }
        Command::Completions(args) => {
            printer.result(&cli::completion_script(args.shell));
            Ok(Exit::Done)
        }
    }
}

/// Sends what libraries tell to standard error: with `LAZULI_LOG`, or requests with `-vv`.
fn log(verbose: u8) {
    let filter = match crate::host::environment("LAZULI_LOG") {
        Some(filter) if !filter.is_empty() => filter,
        _ if verbose >= 2 => "lazuli_azure=debug,azure_core=debug".to_owned(),
        _ => return,
    };
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    let _ = subscriber.try_init(); // set once for the process
}

fn with_runtime(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let _holding = interrupt::going(Going::Holding);
            let outcome = runtime.block_on(async {
                tokio::select! {
                    biased;
                    outcome = command => outcome,
                    // What the command holds is given back by dropping it.
                    () = interrupt::stopped() => Err(Failure::default()),
                }
            });
            runtime.shutdown_background(); // a thread may still wait for standard input
            outcome
        }
        Err(error) => {
            Err(Failure::of(Diagnostic::error("LZ3004", format!("the run cannot be started: {error}"))))
        }
    }
}

fn version(printer: &Printer) {
    let version = env!("CARGO_PKG_VERSION");
    match printer.json() {
        true => printer.document(&serde_json::json!({"version": version})),
        false => printer.result(&format!("lazuli {version}\n")),
    }
}

fn fail(printer: &Printer, failure: &Failure) -> u8 {
    tell(printer, failure);
    Exit::Failed.code()
}

/// Says diagnostics: as text on standard error, or as events.
fn tell(printer: &Printer, failure: &Failure) {
    if failure.diagnostics.is_empty() {
        return;
    }
    if printer.json() {
        for diagnostic in diagnostic::sorted(&failure.diagnostics, &failure.sources) {
            printer.event(events::diagnostic(diagnostic, &failure.sources));
        }
    } else {
        printer.message(&diagnostic::text(&failure.diagnostics, &failure.sources, printer.message_width()));
    }
}
