//! `validate`: everything that can be found wrong without state, network or credentials.

use lazuli_cluster::roster::Renewals;
use lazuli_core::diagnostic::Severity;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Diagnostic, Diagnostics, Sources};

use super::begin::Setting;
use super::{Exit, Outcome, tell};
use crate::cli::Validate;
use crate::failure::Failure;
use crate::planning;
use crate::render::diagnostic;
use crate::terminal::Printer;

pub(super) fn run(args: &Validate, printer: &Printer) -> Outcome {
    if !printer.json() {
        check(args, printer)?;
        printer.result("The configuration is valid.\n");
        return Ok(Exit::Done);
    }
    let (exit, failure) = match check(args, printer) {
        Ok((warnings, sources)) => (Exit::Done, Failure { diagnostics: warnings, sources }),
        Err(failure) => (Exit::Failed, failure),
    };
    printer.document(&diagnostic::validation(&failure.diagnostics, &failure.sources));
    Ok(exit)
}

fn check(args: &Validate, printer: &Printer) -> Result<(Diagnostics, Sources), Failure> {
    let setting = Setting::here(&args.variables, printer)?;
    // Names hang on the lineage; any will do to check them.
    let world = RecordedWorld {
        lineage: "00000000-0000-0000-0000-000000000000".to_owned(),
        ..RecordedWorld::default()
    };
    let no_environment = |_: &str| None;
    let blueprint = planning::blueprint(
        &setting.project,
        &setting.accounts,
        &world,
        &Renewals::new(),
        false,
        &no_environment,
    )?;
    planning::draft(&setting.project, &blueprint)?;
    blueprint.refactoring(&world).map_err(|found| Failure::at(found, &setting.project.sources))?;
    // The registry belongs to a computer and its user: elsewhere, as in a pipeline that only checks, the configuration
    // is as valid. Who wants to sign in gets an error.
    let missing = setting.accounts.values().filter_map(|account| account.missing().cloned());
    let missing = missing.map(|problem| Diagnostic { severity: Severity::Warning, ..problem });
    let found: Diagnostics = blueprint.warnings.iter().cloned().chain(missing).collect();
    if !printer.json() {
        tell(printer, &Failure::at(found.clone(), &setting.project.sources));
    }
    let all = setting.project.warnings.iter().cloned().chain(found).collect();
    Ok((all, setting.project.sources))
}
