//! Previous generations of the state: `lazuli.state.backup.N`, N rising, the last ten kept, none ever overwritten.

use std::path::{Path, PathBuf};

use crate::document;
use crate::error::{GoodBackup, StateError};
use crate::file::{create_atomic, folder_of, read};

/// How many are kept.
const KEPT: usize = 10;

/// All backups of a state, oldest first, with their numbers.
fn list(state: &Path) -> Vec<(u64, PathBuf)> {
    let prefix = format!("{}.backup.", state.file_name().unwrap_or_default().to_string_lossy());
    let Ok(entries) = std::fs::read_dir(folder_of(state)) else { return Vec::new() };
    let mut found: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(&prefix)?.parse().ok()?;
            Some((number, state.with_file_name(&name)))
        })
        .collect();
    found.sort();
    found
}

/// Keeps the state file as it is now under the next number, then lets go of the oldest beyond ten.
pub(crate) fn keep(state: &Path) -> Result<(), StateError> {
    let existing = list(state);
    let mut number = existing.last().map_or(1, |(n, _)| n + 1);
    let name = state.file_name().unwrap_or_default().to_string_lossy().into_owned();
    loop {
        let backup = state.with_file_name(format!("{name}.backup.{number}"));
        match std::fs::hard_link(state, &backup) {
            Ok(()) => break,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(_) => {
                // a file system without hard links
                let Some(bytes) = read(state)? else { return Ok(()) };
                if create_atomic(&backup, &bytes)? {
                    break;
                }
            }
        }
        number += 1;
    }
    for (_, old) in existing.iter().take((existing.len() + 1).saturating_sub(KEPT)) {
        let _ = std::fs::remove_file(old); // one too many harms nobody
    }
    Ok(())
}

/// The newest backup that is whole.
pub fn newest_good(state: &Path) -> Option<GoodBackup> {
    list(state).into_iter().rev().find_map(|(_, file)| {
        let bytes = std::fs::read(&file).ok()?;
        let serial = document::check(&bytes).ok()?;
        Some(GoodBackup { file, serial })
    })
}
