//! Files that only their owner may read.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

use lazuli_core::Diagnostic;

use crate::failure::Failure;

fn refuse(path: &Path, error: &dyn Display) -> Failure {
    Failure::of(Diagnostic::error("LZ3051", format!("{} cannot be written: {error}", path.display())))
}

/// Writes a file that only its owner may read, all of it or nothing.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| refuse(path, &error))?; // mode 0600
    file.write_all(text.as_bytes()).map_err(|error| refuse(path, &error))?;
    file.persist(path).map_err(|error| refuse(path, &error.error))?;
    Ok(())
}

/// Makes a directory that only its owner may enter. Nothing may be there yet.
pub(super) fn folder(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let problem = Diagnostic::error("LZ3051", format!("{} exists already", path.display()));
            Failure::of(problem.help("name a new directory"))
        }
        _ => refuse(path, &error),
    })
}
