//! Previous generations of the state: `lazuli.state.backup.N`, N rising, the last ten kept, none ever overwritten.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::document;
use crate::error::{GoodBackup, StateError};
use crate::file::{create_atomic, folder_of, read};

/// How many are kept.
const KEPT: usize = 10;

/// All backups of a state, oldest first, with their numbers.
pub(crate) fn list(state: &Path) -> Vec<(u64, PathBuf)> {
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
pub(crate) fn keep(state: &Path) -> Result<Option<PathBuf>, StateError> {
    under_next_number(state, |backup| match std::fs::hard_link(state, backup) {
        Ok(()) => Ok(Some(true)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(Some(false)),
        // a file system without hard links
        Err(_) => read(state)?.map(|bytes| create_atomic(backup, &bytes)).transpose(),
    })
}

/// Keeps these bytes as the newest backup.
pub(crate) fn add(state: &Path, bytes: &[u8]) -> Result<Option<PathBuf>, StateError> {
    under_next_number(state, |backup| create_atomic(backup, bytes).map(Some))
}

/// Calls `place` with the next number until it is free; `place` says `None` when there is nothing to keep.
fn under_next_number(
    state: &Path,
    place: impl Fn(&Path) -> Result<Option<bool>, StateError>,
) -> Result<Option<PathBuf>, StateError> {
    let existing = list(state);
    let mut number = existing.last().map_or(1, |(n, _)| n + 1);
    let name = state.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kept = loop {
        let backup = state.with_file_name(format!("{name}.backup.{number}"));
        match place(&backup)? {
            None => return Ok(None),
            Some(true) => break backup,
            Some(false) => number += 1,
        }
    };
    for (_, old) in existing.iter().take((existing.len() + 1).saturating_sub(KEPT)) {
        let _ = std::fs::remove_file(old); // one too many harms nobody
    }
    Ok(Some(kept))
}

/// The whole backup of this state with the highest version, when that is higher than the state's own.
pub(crate) fn newer_than(state: &Path, lineage: &str, serial: u64) -> Option<GoodBackup> {
    let mut newer: Vec<(u64, PathBuf)> = list(state)
        .into_iter()
        .filter_map(|(_, file)| {
            let head = document::glance(&beginning(&file)?)?;
            (head.lineage == lineage && head.serial > serial).then_some((head.serial, file))
        })
        .collect();
    newer.sort();
    newer.into_iter().rev().find_map(|(serial, file)| {
        let whole = document::check(&std::fs::read(&file).ok()?).is_ok();
        whole.then_some(GoodBackup { file, serial })
    })
}

/// Enough of a file to see which state it is, without reading all of it.
fn beginning(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file).ok()?.take(512).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The newest backup that is whole.
pub fn newest_good(state: &Path) -> Option<GoodBackup> {
    list(state).into_iter().rev().find_map(|(_, file)| {
        let bytes = std::fs::read(&file).ok()?;
        let serial = document::check(&bytes).ok()?.serial;
        Some(GoodBackup { file, serial })
    })
}
