//! Why a command stops, with everything that is needed to say so.

use std::path::{Path, PathBuf};

use lazuli_core::provider::ProviderError;
use lazuli_core::{Diagnostic, Diagnostics, Sources};
use lazuli_simulator::SimulatorError;
use lazuli_state::StateError;

use crate::project::InputsError;
use crate::project::load::Rejected;

/// What a command could not do, and the texts its diagnostics point into.
#[derive(Debug, Default)]
pub struct Failure {
    /// What to say.
    pub diagnostics: Diagnostics,
    /// The texts.
    pub sources: Sources,
}

impl Failure {
    /// One diagnostic without a place.
    pub fn of(diagnostic: Diagnostic) -> Self {
        Failure { diagnostics: vec![diagnostic], sources: Sources::default() }
    }

    /// Diagnostics that point into `sources`.
    pub fn at(diagnostics: Diagnostics, sources: &Sources) -> Self {
        Failure { diagnostics, sources: sources.clone() }
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(problem: Box<Diagnostic>) -> Self {
        Failure::of(*problem)
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Failure { diagnostics: rejected.diagnostics, sources: rejected.sources }
    }
}

/// The directory as somebody who stands where the command was started would name it, `--chdir` being what leads there.
fn as_named(path: PathBuf) -> PathBuf {
    let (Some(start), Ok(here)) = (crate::host::started_in(), std::env::current_dir()) else { return path };
    if path != Path::new(".") || start == here {
        return path;
    }
    here.strip_prefix(&start).map(Path::to_path_buf).unwrap_or(here)
}

impl From<InputsError> for Failure {
    fn from(error: InputsError) -> Self {
        let error = match error {
            InputsError::Empty { path } => InputsError::Empty { path: as_named(path) },
            other => other,
        };
        let diagnostic = Diagnostic::error("LZ3001", error.to_string());
        Failure::of(match error {
            InputsError::Empty { .. } => {
                diagnostic.help("run `lazuli init` to start a project, or name its directory with --chdir")
            }
            InputsError::NotText { .. } => diagnostic.help("save the file as UTF-8"),
            InputsError::Directory { .. } | InputsError::File { .. } => diagnostic,
        })
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Failure::of(Diagnostic::error(error.code(), error.to_string()).help(error.help()))
    }
}

impl From<SimulatorError> for Failure {
    fn from(error: SimulatorError) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Failure::of(Diagnostic::error("LZ3002", format!("the simulated Azure cannot be started: {text}")))
    }
}

/// What Azure answered, while nothing had been changed yet.
pub fn refused(doing: &str, error: &ProviderError) -> Diagnostic {
    let mut answer = error.to_string();
    if let Some(id) = &error.correlation_id {
        answer = format!("{answer}\ncorrelation id {id}");
    }
    let diagnostic = Diagnostic::error("LZ3003", format!("{doing} failed"))
        .fact("Azure", answer)
        .fact("state", "nothing was changed");
    match &error.advice {
        Some(advice) => diagnostic.fact("next", advice.clone()),
        None => diagnostic,
    }
}
