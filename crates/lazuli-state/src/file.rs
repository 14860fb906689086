//! Files that are either the old or the new one, whatever happens.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::error::StateError;

/// How many random characters end the name of a file that is being written: `.lazuli.state-Xy12Zz`.
const RANDOM: usize = 6;

/// The folder a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes what was created, renamed or removed in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StateError> {
    if cfg!(windows) {
        return Ok(()); // Windows has no such call; a rename is durable with its volume's journal
    }
    File::open(folder).and_then(|f| f.sync_all()).map_err(StateError::io("make durable", folder))
}

/// Makes the name of a folder durable, with those of the folders above it as far as this user may look at them. It may be
/// there already and not be durable: a run may have been killed after it made it.
pub(crate) fn create_folder(folder: &Path) -> Result<(), StateError> {
    std::fs::create_dir_all(folder).map_err(StateError::io("create", folder))?;
    sync_folder(folder_of(folder))?;
    let above = folder.ancestors().skip(2).filter(|above| !above.as_os_str().is_empty());
    above.for_each(|above| drop(sync_folder(above)));
    Ok(())
}

/// Removes what runs that were killed had not finished writing, of those files in `folder` that are `ours`. Nobody may
/// be writing one of them now.
pub(crate) fn remove_unfinished(folder: &Path, ours: impl Fn(&str) -> bool) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let target = name.to_str().and_then(|name| name.strip_prefix('.')?.rsplit_once('-'));
        if target.is_some_and(|(target, random)| random.len() == RANDOM && ours(target)) {
            let _ = std::fs::remove_file(entry.path()); // one too many harms nobody
        }
    }
}

/// A durable file of mode 0600 in the folder of `path`, not yet in its place.
pub(crate) fn prepare(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, StateError> {
    let wrap = StateError::io("write", path);
    let write = || {
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        prefix.push("-");
        let mut builder = tempfile::Builder::new();
        let mut temporary = builder.prefix(&prefix).rand_bytes(RANDOM).tempfile_in(folder_of(path))?;
        temporary.write_all(bytes)?;
        temporary.as_file().sync_all()?;
        Ok(temporary)
    };
    write().map_err(wrap)
}

/// Replaces `path`: afterwards it is whole and durable; after a crash it is the old one or the new one. Mode 0600.
///
/// # Errors
/// When the file or its folder cannot be written. The old file is still there then.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    prepare(path, bytes)?.persist(path).map_err(|e| StateError::io("write", path)(e.error))?;
    sync_folder(folder_of(path))
}

/// Replaces an existing file like [`write_atomic`], and keeps its permissions.
///
/// # Errors
/// When the file or its folder cannot be written. The old file is still there then.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let permissions = std::fs::metadata(path).map_err(StateError::io("read", path))?.permissions();
    let temporary = prepare(path, bytes)?;
    temporary.as_file().set_permissions(permissions).map_err(StateError::io("write", path))?;
    temporary.persist(path).map_err(|e| StateError::io("write", path)(e.error))?;
    sync_folder(folder_of(path))
}

/// Creates `path` whole and durable unless it exists already; true when it was created.
///
/// # Errors
/// When the file or its folder cannot be written.
pub(crate) fn create_atomic(path: &Path, bytes: &[u8]) -> Result<bool, StateError> {
    match prepare(path, bytes)?.persist_noclobber(path) {
        Ok(_) => sync_folder(folder_of(path)).map(|()| true),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(StateError::io("write", path)(e.error)),
    }
}

/// The bytes of a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StateError::io("read", path)(e)),
    }
}

/// Removes a file durably, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), StateError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(folder_of(path)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(StateError::io("remove", path)(e)),
    }
}
