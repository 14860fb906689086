//! `account …`: the registry of cloud accounts.

mod permissions;
mod registry;
mod secret;
mod validate;

use std::path::PathBuf;
use std::sync::Arc;

use lazuli_core::Diagnostic;

use super::{Exit, Outcome};
use crate::accounts::registry::path;
use crate::cli::Account;
use crate::failure::Failure;
use crate::host;
use crate::terminal::Printer;

pub(super) async fn run(args: &Account, printer: &Arc<Printer>) -> Outcome {
    match args {
        Account::Add(args) => registry::add(args, printer),
        Account::List => registry::list(printer),
        Account::Show { name } => registry::show(name, printer),
        Account::Edit(args) => registry::edit(args, printer),
        Account::Remove { name, auto_approve } => registry::remove(name, *auto_approve, printer),
        Account::Validate(args) => validate::run(args, printer).await,
        Account::Permissions(args) => permissions::run(args, printer).await,
    }
}

/// Where the registry is.
fn file() -> Result<PathBuf, Failure> {
    path(&host::environment).ok_or_else(|| {
        let problem = Diagnostic::error("LZ3030", "there is no folder for the registry of cloud accounts");
        Failure::of(problem.help("set LAZULI_CONFIG_DIR, or HOME"))
    })
}
