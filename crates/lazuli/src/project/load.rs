//! Inputs parsed and their variables given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_config::{Evaluator, Files, Origin, VariableInput, parse, parse_variables};
use lazuli_core::diagnostic::has_errors;
use lazuli_core::{Diagnostics, Sources};

use super::{Inputs, required_version};

/// A configuration ready to be evaluated.
pub struct Project {
    /// Every text that diagnostics may point into.
    pub sources: Sources,
    /// The parsed configuration with its variables.
    pub evaluator: Arc<Evaluator>,
    /// Warnings so far.
    pub warnings: Diagnostics,
    inputs: Inputs,
    files: Arc<ReadFiles>,
}

/// What was found wrong, with the texts it points into.
pub struct Rejected {
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// The texts.
    pub sources: Sources,
    /// What could be understood all the same, to look for more.
    pub evaluator: Arc<Evaluator>,
}

impl Project {
    /// Parses inputs. `dir` is where expressions read files; files in [`Inputs::read`] are taken from there instead.
    ///
    /// # Errors
    /// Everything that is wrong with the files and the variables.
    pub fn load(inputs: Inputs, dir: Option<&Path>) -> Result<Project, Rejected> {
        let (project, of_values) = Project::glance(inputs, dir)?;
        let mut diagnostics = project.warnings;
        diagnostics.extend(of_values);
        if has_errors(&diagnostics) {
            return Err(Rejected { diagnostics, sources: project.sources, evaluator: project.evaluator });
        }
        Ok(Project { warnings: diagnostics, ..project })
    }

    /// Parses inputs, whatever the values of variables: for commands that look only at the settings and the state. What
    /// is wrong with the values comes with the project.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn glance(inputs: Inputs, dir: Option<&Path>) -> Result<(Project, Diagnostics), Rejected> {
        let mut sources = Sources::default();
        let texts =
            inputs.files.iter().map(|(name, text)| (Arc::from(name.as_str()), text.clone())).collect();
        let (module, mut diagnostics) = parse(&mut sources, texts);
        let mut of_values = Diagnostics::new();
        if let Some(required) = &module.settings.required_version {
            diagnostics.extend(required_version::check(
                &required.text,
                required.span,
                env!("CARGO_PKG_VERSION"),
            ));
        }
        let mut values: Vec<VariableInput> = Vec::new();
        for (name, value) in &inputs.environment {
            let origin = Origin::Environment(format!("LAZULI_VAR_{name}").into());
            values.push(VariableInput::text(name, value, origin));
        }
        for (name, text) in &inputs.variable_files {
            let (mut of_file, found) = parse_variables(&mut sources, name, text);
            values.append(&mut of_file);
            of_values.extend(found);
        }
        for (name, value) in &inputs.flags {
            values.push(VariableInput::text(name, value, Origin::Flag));
        }
        let files =
            Arc::new(ReadFiles { dir: dir.map(Path::to_owned), read: Mutex::new(inputs.read.clone()) });
        let (evaluator, found) = Evaluator::new(Arc::new(module), &values, files.clone());
        of_values.extend(found);
        let evaluator = Arc::new(evaluator);
        if has_errors(&diagnostics) {
            let diagnostics = diagnostics.into_iter().chain(of_values).collect();
            return Err(Rejected { diagnostics, sources, evaluator });
        }
        Ok((Project { sources, evaluator, warnings: diagnostics, inputs, files }, of_values))
    }

    /// The inputs, with every file that expressions have read so far.
    pub fn inputs(&self) -> Inputs {
        let read = self.files.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Inputs { read, ..self.inputs.clone() }
    }
}

/// Files that expressions read: each once, so that all expressions see the same bytes.
struct ReadFiles {
    dir: Option<PathBuf>,
    read: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Files for ReadFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = read.get(path) {
            return Ok(bytes.as_slice().into());
        }
        let Some(dir) = &self.dir else { return Err("the plan was saved without it".to_owned()) };
        let bytes = std::fs::read(dir.join(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        })?;
        Ok(read.entry(path.to_owned()).or_insert(bytes).as_slice().into())
    }
}
