//! `import`: takes an object over into the state at once, or writes configuration for what is there.

mod generate;
mod one;
mod pki;
mod told;
mod writer;

use std::sync::Arc;

use lazuli_state::OpenState;

use super::Outcome;
use super::begin::Setting;
use crate::cli::Import;
use crate::failure::Failure;
use crate::terminal::Printer;
use crate::{host, planning};

/// How many requests may run at a time.
const PARALLEL: usize = 64;

pub(super) async fn run(args: &Import, printer: &Arc<Printer>) -> Outcome {
    match (&args.address, &args.id, &args.pki, &args.generate, &args.resource_group) {
        (Some(address), Some(id), ..) => one::run(address, id, args, printer).await,
        (Some(address), None, Some(folder), ..) => pki::run(address, folder, args, printer).await,
        (_, _, _, Some(file), Some(group)) => generate::run(file, group, args, printer).await,
        _ => Ok(super::Exit::Failed), // impossible: the command line asks for one of them
    }
}

/// Locks and reads the state.
fn open(setting: &Setting, args: &Import, printer: &Printer) -> Result<OpenState, Failure> {
    let backend = setting.state.backend(&host::environment)?;
    let keys = planning::keys(&host::environment);
    planning::open_state(&backend, "import", args.lock.lock_timeout, keys, &|text| printer.message(text))
}
