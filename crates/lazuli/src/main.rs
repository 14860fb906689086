//! The `lazuli` binary: reads the command line and hands over to a command.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use lazuli::terminal::Printer;
use lazuli::{cli, commands};

/// The exit code of a run that did not do everything it should.
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(stop) => return leave(&stop),
    };
    let printer = Arc::new(Printer::new(&cli.global));
    let code = commands::run(&cli, &printer);
    match Arc::into_inner(printer).map(Printer::finish) {
        None | Some(Ok(())) => ExitCode::from(code),
        Some(Err(error)) => {
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
