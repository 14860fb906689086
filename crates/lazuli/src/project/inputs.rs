//! Everything a configuration is made of, as one value: a saved plan carries it, so that an apply evaluates exactly what
//! was planned.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::Answers;
use crate::cli::{Given, Variables};

/// The largest configuration file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Texts and values, as they were read.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Configuration files by name, in the order of their names.
    pub files: Vec<(String, String)>,
    /// The files of the modules that are called, by directory relative to that of the configuration; filled while
    /// parsing.
    #[serde(default)]
    pub modules: BTreeMap<String, Vec<(String, String)>>,
    /// Where the command was started: what `path.cwd` means.
    #[serde(default)]
    pub started_in: String,
    /// Files of variables that are loaded by themselves, later ones over earlier ones.
    pub variable_files: Vec<(String, String)>,
    /// Values from the environment, by name.
    pub environment: BTreeMap<String, String>,
    /// Values from the command line, later ones over earlier ones.
    pub given: Vec<GivenText>,
    /// Files that expressions read, by path relative to the directory; filled while evaluating.
    pub read: BTreeMap<String, Vec<u8>>,
    /// What expressions asked about files and folders; filled while evaluating.
    #[serde(default)]
    pub answers: Answers,
    /// When these were read, which is when the plan was made: RFC 3339, UTC.
    #[serde(default)]
    pub time: String,
}

/// Values from the command line, as they were read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GivenText {
    /// `--var name=value`
    Value {
        /// The variable.
        name: String,
        /// Its value; may be a secret.
        value: String,
    },
    /// `--var-file`
    File {
        /// Its name as given.
        name: String,
        /// What stands in it.
        text: String,
    },
}

impl std::fmt::Debug for Inputs {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// Why the inputs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    /// The directory.
    #[error("the directory {} cannot be read: {source}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file.
    #[error("{} cannot be read: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file that is no text.
    #[error(
        "{} is not UTF-8: byte {offset}, in line {line}, is 0x{byte:02x}, which cannot stand there",
        .path.display()
    )]
    NotText {
        /// Which.
        path: PathBuf,
        /// How many bytes before it are fine.
        offset: usize,
        /// Its line, counted from one.
        line: usize,
        /// The byte.
        byte: u8,
    },
    /// No configuration.
    #[error("there is no configuration in {}: no file ends in .hcl", .path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
}

impl Inputs {
    /// Reads the configuration of a directory with the variables given.
    ///
    /// # Errors
    /// When the directory or a file cannot be read, or there is no configuration.
    pub fn read(
        dir: &Path,
        variables: &Variables,
        environment: BTreeMap<String, String>,
    ) -> Result<Inputs, InputsError> {
        let names = names(dir)?;
        let files = configuration(dir, "", &names)?;
        let automatic = names
            .iter()
            .filter(|n| *n == "lazuli.vars.hcl")
            .chain(names.iter().filter(|n| n.ends_with(".auto.vars.hcl")));
        let variable_files = automatic
            .map(|name| Ok((name.clone(), text(&dir.join(name))?)))
            .collect::<Result<Vec<_>, _>>()?;
        let read = |given: &Given| match given {
            Given::Value(given) => {
                Ok(GivenText::Value { name: given.name.clone(), value: given.value.clone() })
            }
            Given::File(path) => Ok(GivenText::File { name: path.display().to_string(), text: text(path)? }),
        };
        let given = variables.given.iter().map(read).collect::<Result<_, _>>()?;
        let (started_in, time) = (started_in(), crate::host::now());
        Ok(Inputs { files, started_in, variable_files, environment, given, time, ..Inputs::default() })
    }

    /// Reads the configuration of a module that is called, by its directory relative to `dir`.
    ///
    /// # Errors
    /// When the directory or a file cannot be read, or there is no configuration.
    pub fn module(dir: &Path, directory: &str) -> Result<Vec<(String, String)>, InputsError> {
        let path = dir.join(directory);
        configuration(&path, directory, &names(&path)?)
    }
}

/// The configuration files of a directory, with the names people know them by.
fn configuration(dir: &Path, shown: &str, names: &[String]) -> Result<Vec<(String, String)>, InputsError> {
    let files: Vec<&String> = names.iter().filter(|name| is_configuration(name)).collect();
    if files.is_empty() {
        return Err(InputsError::Empty { path: dir.to_owned() });
    }
    let name = |name: &str| if shown.is_empty() { name.to_owned() } else { format!("{shown}/{name}") };
    files.into_iter().map(|file| Ok((name(file), text(&dir.join(file))?))).collect()
}

/// The directory a command was started in, `--chdir` left aside.
fn started_in() -> String {
    crate::host::started_in().map_or_else(|| ".".to_owned(), |dir| dir.display().to_string())
}

impl Inputs {
    /// True when the directory `dir` these were read from holds another configuration than `saved`: another text, there
    /// or in a module, or other values in the files of variables that are loaded by themselves.
    pub fn differs_from(&self, dir: &Path, saved: &Inputs) -> bool {
        let module = |(directory, files): (&String, &Vec<(String, String)>)| {
            !Inputs::module(dir, directory).is_ok_and(|now| now == *files)
        };
        self.files != saved.files
            || self.variable_files != saved.variable_files
            || saved.modules.iter().any(module)
    }
}

/// The names of the files in a directory, sorted.
fn names(dir: &Path) -> Result<Vec<String>, InputsError> {
    let failed = |source| InputsError::Directory { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Ok(name) = entry.file_name().into_string()
            && !entry.path().is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn is_configuration(name: &str) -> bool {
    name.ends_with(".hcl")
        && !name.ends_with(".vars.hcl")
        && !name.ends_with(".test.hcl")
        && !name.starts_with('.')
}

/// The text of a configuration file as the parser wants it: lines may end as on Windows; everything behind sees one
/// kind of line end.
fn text(path: &Path) -> Result<String, InputsError> {
    let text = read_text(path)?;
    Ok(if text.contains('\r') { text.replace("\r\n", "\n") } else { text })
}

/// The text of a configuration file.
///
/// # Errors
/// When it cannot be read, is larger than 64 MiB, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, InputsError> {
    let failed = |source| InputsError::File { path: path.to_owned(), source };
    // What names no size, such as a pipe or a device, may have no end.
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!("it has more than the {} MiB that are allowed", MAX_FILE >> 20);
        return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message)));
    }
    utf8(path, bytes)
}

/// Bytes as text.
///
/// # Errors
/// When they are not UTF-8.
pub fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, InputsError> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        InputsError::NotText {
            path: path.to_owned(),
            offset,
            line: 1 + bytes[..offset].iter().filter(|byte| **byte == b'\n').count(),
            byte: bytes.get(offset).copied().unwrap_or(0),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configuration_is_read_as_configuration() {
        assert!(is_configuration("main.hcl"));
        for name in ["lazuli.vars.hcl", "x.auto.vars.hcl", "x.test.hcl", ".hidden.hcl", "main.tf", "hcl"] {
            assert!(!is_configuration(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_an_end_is_too_large() {
        let refused = read_text(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(refused.contains("more than the 64 MiB"), "{refused}");
    }
}
