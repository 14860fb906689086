//! Inputs parsed and their variables given.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lazuli_config::{Evaluator, Moment, Origin, VariableInput, load, parse_variables};
use lazuli_core::diagnostic::has_errors;
use lazuli_core::{Diagnostics, Sources};

use super::cores::cores;
use super::files::Machine;
use super::inputs::GivenText;
use super::{Inputs, InputsError, required_version};

/// A configuration ready to be evaluated.
pub struct Project {
    /// Every text that diagnostics may point into.
    pub sources: Sources,
    /// The parsed configuration with its variables.
    pub evaluator: Arc<Evaluator>,
    /// Warnings so far.
    pub warnings: Diagnostics,
    /// Without the files of the root module: they are the first of the sources.
    inputs: Inputs,
    root_files: usize,
    machine: Arc<Machine>,
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
        Project::sound(Project::glance(inputs, dir)?)
    }

    /// The same project while it is applied: what is unknown only because no apply is under way is known in it.
    ///
    /// # Errors
    /// Nothing that a plan has not found before.
    pub fn for_apply(&self, moment: Moment) -> Result<Project, Rejected> {
        Project::sound(Project::parsed(self.inputs(), self.machine.dir.as_deref(), Some(moment))?)
    }

    fn sound((project, of_values): (Project, Diagnostics)) -> Result<Project, Rejected> {
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
        Project::parsed(inputs, dir, None)
    }

    fn parsed(
        mut inputs: Inputs,
        dir: Option<&Path>,
        apply: Option<Moment>,
    ) -> Result<(Project, Diagnostics), Rejected> {
        let mut sources = Sources::default();
        let files = std::mem::take(&mut inputs.files); // the sources have them from now on
        let root_files = files.len();
        let texts = files.into_iter().map(|(name, text)| (Arc::from(name), text)).collect();
        let mut called = std::mem::take(&mut inputs.modules);
        let mut read = |directory: &str| module(&mut called, dir, directory);
        let (modules, mut diagnostics) = load(&mut sources, texts, &mut read, &cores);
        inputs.modules = called;
        let modules = modules.started_in(&inputs.started_in);
        let mut of_values = Diagnostics::new();
        let settings = modules.modules().map(|(_, module)| &module.settings);
        for required in settings.filter_map(|settings| settings.required_version.as_ref()) {
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
        let mut file = |name: &str, text: &str, values: &mut Vec<VariableInput>| {
            let (mut of_file, found) = parse_variables(&mut sources, modules.root(), name, text);
            values.append(&mut of_file);
            of_values.extend(found);
        };
        for (name, text) in &inputs.variable_files {
            file(name, text, &mut values);
        }
        for given in &inputs.given {
            match given {
                GivenText::Value { name, value } => {
                    values.push(VariableInput::text(name, value, Origin::Flag));
                }
                GivenText::File { name, text } => file(name, text, &mut values),
            }
        }
        let mut machine = Machine::new(dir, inputs.read.clone(), inputs.answers.clone());
        machine.plan_time = (!inputs.time.is_empty()).then(|| Arc::from(inputs.time.as_str()));
        machine.apply = apply;
        let machine = Arc::new(machine);
        let (evaluator, found) = Evaluator::new(modules, &values, machine.clone());
        of_values.extend(found);
        let evaluator = Arc::new(evaluator);
        if has_errors(&diagnostics) {
            let diagnostics = diagnostics.into_iter().chain(of_values).collect();
            return Err(Rejected { diagnostics, sources, evaluator });
        }
        Ok((Project { sources, evaluator, warnings: diagnostics, inputs, root_files, machine }, of_values))
    }

    /// The inputs, with every file that expressions have read so far and everything else they asked.
    pub fn inputs(&self) -> Inputs {
        let (read, answers) = (self.machine.files_read(), self.machine.answers());
        let files = self.sources.files().take(self.root_files);
        let files = files.map(|(_, file)| (file.name.to_string(), file.text.to_string())).collect();
        Inputs { files, read, answers, ..self.inputs.clone() }
    }
}

/// The files of a module that is called: as they were saved, or else as they are.
fn module(
    called: &mut BTreeMap<String, Vec<(String, String)>>,
    dir: Option<&Path>,
    directory: &str,
) -> Result<Vec<(Arc<str>, String)>, String> {
    if !called.contains_key(directory) {
        let dir = dir.ok_or("the plan was saved without it")?;
        let files = Inputs::module(dir, directory).map_err(|error| match error {
            InputsError::Empty { .. } => "no file in it ends in .hcl".to_owned(),
            InputsError::Directory { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "there is no such directory".to_owned()
            }
            other => other.to_string(),
        })?;
        called.insert(directory.to_owned(), files);
    }
    let files = called.get(directory).map_or(&[][..], Vec::as_slice);
    Ok(files.iter().map(|(name, text)| (Arc::from(name.as_str()), text.clone())).collect())
}
