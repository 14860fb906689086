//! The file of registered accounts: TOML, for its owner's eyes only, replaced as a whole, one writer at a time. What a
//! person wrote between the lines stays.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Diagnostics};
use lazuli_state::file::write_atomic;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::Environment;
use super::entry::{Entry, FIELDS};
use super::given::Given;

const FILE: &str = "accounts.toml";

/// How long another writer is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// What a new file begins with.
const PREAMBLE: &str = "# Cloud accounts of Lazuli, by `lazuli account`. Secrets are encrypted or given by reference, never in clear.\n";

/// The registered accounts.
#[derive(Debug, Clone)]
pub struct Registry {
    path: PathBuf,
    document: DocumentMut,
}

/// Where the registry is: `$LAZULI_CONFIG_DIR/accounts.toml`, by default in the folder the operating system has for
/// configuration; `None` when that cannot be told.
pub fn path(environment: Environment<'_>) -> Option<PathBuf> {
    let folder = |name: &str| environment(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let usual = || {
        let home = || folder("HOME").map(|home| home.join(".config"));
        folder("XDG_CONFIG_HOME")
            .or_else(|| folder("APPDATA"))
            .or_else(home)
            .map(|config| config.join("lazuli"))
    };
    folder("LAZULI_CONFIG_DIR").or_else(usual).map(|folder| folder.join(FILE))
}

/// Names that stand in commands and in configuration without quoting anything.
pub fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && name.len() <= 64
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl Registry {
    /// Reads the registry; an empty one when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or it is no TOML.
    pub fn read(path: &Path) -> Result<Registry, Box<Diagnostic>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unusable(path, format!("cannot be read: {error}"))),
        };
        private(path)?;
        // What the parser says holds a piece of the file, which may be anything: only the place is told.
        let document = text.parse::<DocumentMut>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            unusable(path, format!("is not TOML at line {line}: {}", error.message()))
        })?;
        Ok(Registry { path: path.to_owned(), document })
    }

    /// Changes the registry under its lock: what `change` leaves is written, unless it fails.
    ///
    /// # Errors
    /// When the registry cannot be read, locked or written, and those of `change`.
    pub fn change<T>(
        path: &Path,
        change: impl FnOnce(&mut Registry) -> Result<T, Box<Diagnostic>>,
    ) -> Result<T, Box<Diagnostic>> {
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder).map_err(|error| unusable(folder, format!("cannot be made: {error}")))?;
        // A link stays one: what it leads to is replaced.
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let _lock = lock(&real.with_extension("lock"))?;
        let mut registry = Registry::read(&real)?;
        let changed = change(&mut registry)?;
        let mut text = registry.document.to_string();
        if registry.document.is_empty() && text.trim().is_empty() || !real.exists() {
            text.insert_str(0, PREAMBLE);
        }
        write_atomic(&real, text.as_bytes()).map_err(|error| unusable(&real, error.to_string()))?;
        Ok(changed)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.accounts().map(|t| t.iter().map(|(name, _)| name).collect()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    fn accounts(&self) -> Option<&dyn TableLike> {
        self.document.get("account").and_then(Item::as_table_like)
    }

    /// A registered account; `None` when there is none of that name.
    ///
    /// # Errors
    /// When what stands there cannot be understood.
    pub fn get(&self, name: &str) -> Result<Option<Entry>, Box<Diagnostic>> {
        let Some(item) = self.accounts().and_then(|accounts| accounts.get(name)) else { return Ok(None) };
        let wrong = |what: String| unusable(&self.path, format!("says of account `{name}`: {what}"));
        let table = item.as_table_like().ok_or_else(|| wrong("it is no table".to_owned()))?;
        entry(table).map(Some).map_err(wrong)
    }

    /// A registered account.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be understood.
    pub fn find(&self, name: &str) -> Result<Entry, Box<Diagnostic>> {
        self.get(name)?.ok_or_else(|| Box::new(self.unknown(name)))
    }

    /// Says that there is no account of a name.
    pub fn unknown(&self, name: &str) -> Diagnostic {
        let names = self.names();
        let problem = Diagnostic::error("LZ3031", format!("no cloud account `{name}` is registered"));
        match closest(name, names.iter().copied()) {
            Some(close) => problem.help(format!("did you mean `{close}`?")),
            None if names.is_empty() => problem.help(format!(
                "{} holds none yet; register one: lazuli account add {name}",
                self.path.display()
            )),
            None => problem.help(format!("registered are: {}", names.join(", "))),
        }
    }

    /// Puts an account there, new or in place of the one of that name; what else stands in its table stays.
    pub fn put(&mut self, name: &str, entry: &Entry) {
        let accounts = self.document.entry("account").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        let Some(accounts) = accounts.as_table_like_mut() else { return }; // impossible: it was read as one
        if accounts.get(name).and_then(Item::as_table_like).is_none() {
            accounts.insert(name, Item::Table(Table::new()));
        }
        let Some(table) = accounts.get_mut(name).and_then(Item::as_table_like_mut) else { return }; // as above
        for field in FIELDS {
            set(table, field, entry.get(field).map(Value::from));
        }
        set(table, "secret", entry.secret.as_ref().map(of_given));
    }

    /// Takes an account out.
    pub fn remove(&mut self, name: &str) {
        if let Some(accounts) = self.document.get_mut("account").and_then(Item::as_table_like_mut) {
            accounts.remove(name);
        }
    }
}

/// Sets a value and keeps the remark beside it; nothing is touched that is the same.
fn set(table: &mut dyn TableLike, key: &str, new: Option<Value>) {
    let Some(mut new) = new else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if old.to_string().trim() == new.to_string().trim() => {}
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => drop(table.insert(key, value(new))),
    }
}

fn of_given(given: &Given) -> Value {
    let mut table = InlineTable::new();
    let of = |text: &str| Value::from(text);
    table.insert(
        given.kind(),
        match given {
            Given::Environment(name) => of(name),
            Given::File(path) => of(&path.to_string_lossy()),
            Given::Command(words) => Value::Array(words.iter().collect::<Array>()),
            Given::Sealed(sealed) => of(sealed),
        },
    );
    Value::InlineTable(table)
}

fn entry(table: &dyn TableLike) -> Result<Entry, String> {
    let mut entry = Entry::default();
    for (key, item) in table.iter() {
        if key == "secret" {
            entry.secret = Some(given(item)?);
            continue;
        }
        let Some(field) = FIELDS.into_iter().find(|field| *field == key) else {
            let hint = closest(key, FIELDS.into_iter().chain(["secret"]))
                .map_or_else(String::new, |close| format!("; did you mean `{close}`?"));
            return Err(format!("there is no `{key}`{hint}"));
        };
        let text = item.as_str().ok_or_else(|| format!("`{key}` must be a text"))?;
        entry.fields.insert(field, text.to_owned());
    }
    Ok(entry)
}

fn given(item: &Item) -> Result<Given, String> {
    const WAYS: &str = "`secret` must be one of { env = \"NAME\" }, { file = \"PATH\" }, { command = [\"PROGRAM\", …] }; \
                        `lazuli account edit NAME --secret-stdin` encrypts one";
    let table = item.as_table_like().filter(|table| table.len() == 1).ok_or(WAYS)?;
    let text = |key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    let words = || {
        let words = table.get("command")?.as_array()?;
        words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    let command = || words().filter(|words| !words.is_empty()).map(Given::Command);
    let given = text("env").map(Given::Environment);
    let given = given.or_else(|| text("file").map(|path| Given::File(path.into()))).or_else(command);
    given.or_else(|| text("sealed").map(Given::Sealed)).ok_or_else(|| WAYS.to_owned())
}

/// Refuses a file that others may read or write: it says who may do what in Azure, and how.
fn private(path: &Path) -> Result<(), Box<Diagnostic>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if let Ok(metadata) = std::fs::metadata(path) {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                let problem = unusable(path, format!("can be read or written by others (mode {mode:04o})"));
                return Err(Box::new(problem.help(format!("make it private: chmod 600 {}", path.display()))));
            }
        }
    }
    let _ = path;
    Ok(())
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// The lock of a registry, held until it is dropped.
fn lock(path: &Path) -> Result<File, Box<Diagnostic>> {
    let failed = |error: std::io::Error| unusable(path, format!("cannot be locked: {error}"));
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_TIMEOUT => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(Box::new(
                    unusable(path, "is held by another `lazuli account`".to_owned())
                        .help("wait for it to end, then try again"),
                ));
            }
        }
    }
}

fn unusable(path: &Path, what: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error("LZ3030", format!("the registry of cloud accounts {} {what}", path.display())))
}

/// Everything that is wrong with an account, as diagnostics.
pub fn refused(name: &str, problems: Vec<String>) -> Diagnostics {
    let one = |problem| {
        Diagnostic::error("LZ3032", format!("cloud account `{name}` cannot be like that: {problem}"))
    };
    problems.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests;
