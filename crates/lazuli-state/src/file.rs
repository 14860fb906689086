//! Files that are either the old or the new one, whatever happens.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::error::StateError;

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

/// A durable file of mode 0600 in the folder of `path`, not yet in its place.
pub(crate) fn prepare(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, StateError> {
    let wrap = StateError::io("write", path);
    let write = || {
        let mut temporary = tempfile::Builder::new().prefix(".lazuli-").tempfile_in(folder_of(path))?;
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
