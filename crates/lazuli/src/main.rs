//! The `lazuli` binary: reads the command line and hands over to a command.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use lazuli::cli::{self, Cli, Command};
use lazuli::terminal::Printer;

/// The exit code of a run that did not do everything it should.
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(stop) => return leave(&stop),
    };
    let printer = Printer::new(&cli.global);
    let code = run(&cli, &printer);
    match printer.finish() {
        Ok(()) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "error: output could not be written: {error}");
            ExitCode::from(code.max(FAILURE))
        }
    }
}

/// Help, version, or what is wrong with the command line.
fn leave(stop: &cli::Stop) -> ExitCode {
    let _ = match stop.code {
        0 => write!(anstream::stdout(), "{}", stop.text),
        _ => write!(anstream::stderr(), "{}", stop.text),
    };
    ExitCode::from(stop.code)
}

fn run(cli: &Cli, printer: &Printer) -> u8 {
    match &cli.command {
        Command::Version if printer.json() => {
            printer.document(&serde_json::json!({"version": env!("CARGO_PKG_VERSION")}));
        }
        Command::Version => printer.result(&format!("lazuli {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Completions(completions) => printer.result(&cli::completion_script(completions.shell)),
        _ => {
            printer.message("error: this command is not built yet");
            return FAILURE;
        }
    }
    0
}
