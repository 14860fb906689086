//! What expressions read from outside of the configuration: other blocks' objects, and files.

use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::{Address, Diagnostic, Value};

use crate::module::DeclarationKind;

/// A declared block that expressions refer to: `resource.logs`, `cluster.prod`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Root {
    /// The module instance it is declared in, `module.net["a"]`; `None` for the root.
    pub module: Option<Address>,
    /// What kind of block.
    pub kind: DeclarationKind,
    /// Its name.
    pub name: Arc<str>,
}

impl Root {
    /// The block's address, without the key of a copy.
    pub fn address(&self) -> Address {
        match &self.module {
            None => Address::root(self.kind.word(), &self.name),
            Some(module) => module.child(self.kind.word()).child(&self.name),
        }
    }
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(module) = &self.module {
            write!(f, "{module}.")?;
        }
        write!(f, "{}.{}", self.kind.word(), self.name)
    }
}

/// Why there is no value.
#[derive(Debug)]
pub enum Unavailable {
    /// The reason was reported already: whatever depends on it fails without another word.
    Reported,
    /// The reason; it is given the place of the reference when it has none.
    Because(Box<Diagnostic>),
}

/// The objects of resources, data and clusters. Asked only for what an expression touches, so a value should be
/// ready or cheap to make.
pub trait Externals {
    /// The object of a block: an object when the block is single, a tuple under `count`, an object of objects under
    /// `for_each`. Only blocks of the kinds resource, data and cluster are asked for, and only declared ones.
    ///
    /// # Errors
    /// When there is none.
    fn value(&self, root: &Root) -> Result<Value, Unavailable>;

    /// The same for one copy, or for a block that is single, and perhaps of what lies at `names` in it only: with how many
    /// of the names are gone already. `None` for whoever cannot do better than [`Externals::value`], and for a copy that
    /// there is not.
    ///
    /// Without it every reference to one of many copies would put all of them together.
    fn one(&self, _root: &Root, _key: Option<&Key>, _names: &[&Arc<str>]) -> Option<(Value, usize)> {
        None
    }

    /// A number that changes whenever any value might have changed, and that no other `Externals` used with the same
    /// evaluator ever returns. With it, local values that read externals are kept from call to call.
    fn generation(&self) -> Option<u64> {
        None
    }

    /// A number that changes whenever what says how many copies of a module there are may have changed. Copies are
    /// counted once for each.
    fn edition(&self) -> u64 {
        0
    }
}

/// No externals: what reads one fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoExternals;

impl Externals for NoExternals {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        Err(Unavailable::Because(Box::new(Diagnostic::error(
            crate::codes::NOT_KNOWN,
            format!("{root} cannot be read here"),
        ))))
    }
}

/// What functions read from outside of the configuration: files with `file()` and its relatives, folders, and the time.
/// Paths are relative to the configuration directory. Whoever implements it answers the same question always the same.
pub trait Files: Send + Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// A sentence for people, such as `no such file`.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;

    /// What lies at a path, links followed; `None` when there is nothing.
    ///
    /// # Errors
    /// A sentence for people, such as `permission denied`.
    fn kind(&self, path: &str) -> Result<Option<FileKind>, String> {
        Ok(self.read(path).is_ok().then_some(FileKind::File))
    }

    /// The names in a folder and what each is, links not followed.
    ///
    /// # Errors
    /// A sentence for people.
    fn list(&self, _folder: &str) -> Result<Vec<(String, FileKind)>, String> {
        Err("folders cannot be read here".into())
    }

    /// The configuration directory as an absolute path.
    ///
    /// # Errors
    /// A sentence for people.
    fn directory(&self) -> Result<String, String> {
        Err("the configuration directory is not known here".into())
    }

    /// The user's home as an absolute path: what `~` means.
    ///
    /// # Errors
    /// A sentence for people.
    fn home(&self) -> Result<String, String> {
        Err("the home directory is not known here".into())
    }

    /// When the plan was made, as RFC 3339 text in UTC; `None` when that is not known.
    fn plan_time(&self) -> Option<Arc<str>> {
        None
    }

    /// The apply that is under way; `None` while planning.
    fn apply(&self) -> Option<Moment> {
        None
    }
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; only in the list of a folder.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

/// An apply: what functions that are worth something else every time make their values from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When it began, as RFC 3339 text in UTC.
    pub time: Arc<str>,
    /// Bytes that no other apply has.
    pub seed: Arc<[u8]>,
}

/// No files.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Err("files cannot be read here".into())
    }
}

/// One of the copies that `count` or `for_each` make: what `count.index`, `each.key` and `each.value` are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The key in its address.
    pub key: Key,
    /// `each.value`; the index under `count`.
    pub value: Value,
}
