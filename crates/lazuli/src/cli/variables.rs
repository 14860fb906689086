//! Values of variables: flags, files, the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};

/// The prefix of environment variables that set variables of the configuration: `LAZULI_VAR_workers=3`.
const VARIABLE_PREFIX: &str = "LAZULI_VAR_";

/// Values of variables, in the order of the command line: later ones win, whichever of the two flags gives them.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// What was given.
    pub given: Vec<Given>,
}

/// Values given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// `--var name=value`
    Value(Assignment),
    /// `--var-file FILE`
    File(PathBuf),
}

/// The flags of [`Variables`].
#[derive(Args)]
#[command(next_help_heading = "Variables")]
struct VariableFlags {
    /// A variable's value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    var: Vec<Assignment>,
    /// A file of values; may be repeated, and later ones of both flags win
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
}

impl FromArgMatches for Variables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let VariableFlags { var, var_file } = VariableFlags::from_arg_matches(matches)?;
        let places = |id: &str| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
        let values = places("var").into_iter().zip(var.into_iter().map(Given::Value));
        let files = places("var_file").into_iter().zip(var_file.into_iter().map(Given::File));
        let mut given: Vec<(usize, Given)> = values.chain(files).collect();
        given.sort_by_key(|(place, _)| *place);
        Ok(Variables { given: given.into_iter().map(|(_, given)| given).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Variables::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Variables {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args_for_update(command)
    }
}

/// `name=value`
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Before the equals sign.
    pub name: String,
    /// After it; may be a secret.
    pub value: String,
}

impl std::fmt::Debug for Assignment {
    /// Never prints the value: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

/// The variables that an environment sets, by name: `LAZULI_VAR_workers` sets `workers`. Values that are not UTF-8 are
/// left out.
pub fn variables_of_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> BTreeMap<String, String> {
    let variable = |(name, value): (OsString, OsString)| {
        let name = name.to_str()?.strip_prefix(VARIABLE_PREFIX)?.to_owned();
        if name.is_empty() { None } else { Some((name, value.into_string().ok()?)) }
    };
    environment.into_iter().filter_map(variable).collect()
}

fn assignment(text: &str) -> Result<Assignment, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(Assignment { name: name.trim().to_owned(), value: value.to_owned() })
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
