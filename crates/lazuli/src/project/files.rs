//! What expressions read from the machine: every question is asked once, so that all expressions see the same answer, and
//! the answers are kept for a saved plan.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazuli_config::{FileKind, Files, Moment};
use serde::{Deserialize, Serialize};

/// The largest file that an expression may read, in bytes.
const MOST: u64 = 64 << 20;

/// Answers about files and folders, by path relative to the directory of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// What lies at a path; nothing, if that is the answer.
    #[serde(default)]
    pub kinds: BTreeMap<String, Option<Kind>>,
    /// What is in a folder.
    #[serde(default)]
    pub folders: BTreeMap<String, Vec<(String, Kind)>>,
    /// The directory of the configuration.
    #[serde(default)]
    pub directory: Option<String>,
    /// The user's home.
    #[serde(default)]
    pub home: Option<String>,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
}

impl From<Kind> for FileKind {
    fn from(kind: Kind) -> FileKind {
        match kind {
            Kind::File => FileKind::File,
            Kind::Folder => FileKind::Folder,
            Kind::Link => FileKind::Link,
            Kind::Other => FileKind::Other,
        }
    }
}

impl From<std::fs::FileType> for Kind {
    fn from(found: std::fs::FileType) -> Kind {
        match found {
            found if found.is_file() => Kind::File,
            found if found.is_dir() => Kind::Folder,
            found if found.is_symlink() => Kind::Link,
            _ => Kind::Other,
        }
    }
}

/// The machine as expressions see it.
pub(super) struct Machine {
    /// Where paths begin; `None` for a saved plan, which knows only what was asked when it was made.
    pub(super) dir: Option<PathBuf>,
    pub(super) plan_time: Option<Arc<str>>,
    pub(super) apply: Option<Moment>,
    read: Mutex<BTreeMap<String, Vec<u8>>>,
    answers: Mutex<Answers>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn told(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "this is a folder".to_owned(),
        _ => error.to_string(),
    }
}

impl Machine {
    pub(super) fn new(dir: Option<&Path>, read: BTreeMap<String, Vec<u8>>, answers: Answers) -> Self {
        Machine {
            dir: dir.map(Path::to_owned),
            plan_time: None,
            apply: None,
            read: Mutex::new(read),
            answers: Mutex::new(answers),
        }
    }

    /// The files that were read so far.
    pub(super) fn files_read(&self) -> BTreeMap<String, Vec<u8>> {
        locked(&self.read).clone()
    }

    /// The answers that were given so far.
    pub(super) fn answers(&self) -> Answers {
        locked(&self.answers).clone()
    }

    fn dir(&self) -> Result<&Path, String> {
        self.dir.as_deref().ok_or_else(|| "the plan was saved without it".to_owned())
    }
}

impl Files for Machine {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let mut read = locked(&self.read);
        if let Some(bytes) = read.get(path) {
            return Ok(bytes.as_slice().into());
        }
        let file = std::fs::File::open(self.dir()?.join(path)).map_err(|error| told(&error))?;
        let mut bytes = Vec::new();
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| told(&error))?;
        if bytes.len() as u64 > MOST {
            return Err(format!("it is larger than {} MiB", MOST >> 20));
        }
        Ok(read.entry(path.to_owned()).or_insert(bytes).as_slice().into())
    }

    fn kind(&self, path: &str) -> Result<Option<FileKind>, String> {
        let mut answers = locked(&self.answers);
        if let Some(kind) = answers.kinds.get(path) {
            return Ok(kind.map(FileKind::from));
        }
        let kind = match std::fs::metadata(self.dir()?.join(path)) {
            Ok(found) => Some(Kind::from(found.file_type())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(told(&error)),
        };
        answers.kinds.insert(path.to_owned(), kind);
        Ok(kind.map(FileKind::from))
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, FileKind)>, String> {
        let mut answers = locked(&self.answers);
        if !answers.folders.contains_key(folder) {
            let entries = std::fs::read_dir(self.dir()?.join(folder)).map_err(|error| told(&error))?;
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry.map_err(|error| told(&error))?;
                // A name that is no text cannot be that of a value.
                if let Ok(name) = entry.file_name().into_string() {
                    names.push((name, Kind::from(entry.file_type().map_err(|error| told(&error))?)));
                }
            }
            names.sort_by(|a, b| a.0.cmp(&b.0));
            answers.folders.insert(folder.to_owned(), names);
        }
        let names = answers.folders.get(folder).into_iter().flatten();
        Ok(names.map(|(name, kind)| (name.clone(), FileKind::from(*kind))).collect())
    }

    fn directory(&self) -> Result<String, String> {
        let mut answers = locked(&self.answers);
        if answers.directory.is_none() {
            let path = std::path::absolute(self.dir()?).map_err(|error| told(&error))?;
            answers.directory = Some(path.to_string_lossy().into_owned());
        }
        Ok(answers.directory.clone().unwrap_or_default())
    }

    fn home(&self) -> Result<String, String> {
        let mut answers = locked(&self.answers);
        if answers.home.is_none() {
            self.dir()?;
            let home = std::env::home_dir().ok_or("the home directory is not known")?;
            answers.home = Some(home.to_string_lossy().into_owned());
        }
        Ok(answers.home.clone().unwrap_or_default())
    }

    fn plan_time(&self) -> Option<Arc<str>> {
        self.plan_time.clone()
    }

    fn apply(&self) -> Option<Moment> {
        self.apply.clone()
    }
}
