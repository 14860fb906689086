//! Previous generations of the state: `lazuli.state.backup.N`, N rising, the last ten kept, none ever overwritten.

use std::path::PathBuf;

use crate::document;
use crate::error::{GoodBackup, StateError};
use crate::store::{Held, Placed, Store};

/// How many are kept.
const KEPT: usize = 10;

/// How many bytes of a state tell which one it is.
pub(crate) const BEGINNING: u64 = 512;

/// The number in a backup's name.
pub(crate) fn number(name: &str, prefix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// Keeps the state as it is now under the next number, then lets go of the oldest beyond ten.
pub(crate) fn keep(store: &dyn Store, held: &dyn Held) -> Result<Option<PathBuf>, StateError> {
    under_next_number(store, held, |number| held.keep_as_backup(number))
}

/// Keeps these bytes as the newest backup.
pub(crate) fn add(store: &dyn Store, held: &dyn Held, bytes: &[u8]) -> Result<Option<PathBuf>, StateError> {
    under_next_number(store, held, |number| held.add_backup(number, bytes).map(Some))
}

/// Calls `place` with the next number until it is free; `place` says `None` when there is nothing to keep.
fn under_next_number(
    store: &dyn Store,
    held: &dyn Held,
    place: impl Fn(u64) -> Result<Option<Placed>, StateError>,
) -> Result<Option<PathBuf>, StateError> {
    let existing = store.backups()?;
    let mut number = existing.last().map_or(1, |(n, _)| n + 1);
    let kept = loop {
        match place(number)? {
            None => return Ok(None),
            Some(Placed::At(backup)) => break backup,
            Some(Placed::Taken) => number += 1,
        }
    };
    for (_, old) in existing.iter().take((existing.len() + 1).saturating_sub(KEPT)) {
        let _ = held.remove_backup(old); // one too many harms nobody
    }
    Ok(Some(kept))
}

/// The whole backup of this state with the highest version, when that is higher than the state's own.
pub(crate) fn newer_than(
    store: &dyn Store,
    lineage: &str,
    serial: u64,
) -> Result<Option<GoodBackup>, StateError> {
    let all = store.backups()?.into_iter().map(|(_, file)| file).collect();
    let mut newer: Vec<(u64, PathBuf)> = store
        .beginnings(all)?
        .into_iter()
        .filter_map(|(file, beginning)| {
            let head = document::glance(&beginning)?;
            (head.lineage == lineage && head.serial > serial).then_some((head.serial, file))
        })
        .collect();
    newer.sort();
    Ok(newer.into_iter().rev().find_map(|(serial, file)| {
        let whole = document::check(&store.read_backup(&file).ok()??).is_ok();
        whole.then_some(GoodBackup { file, serial })
    }))
}

/// The newest backup that is whole. One that cannot be read is passed over: this is asked when something else is wrong.
pub(crate) fn newest_good(store: &dyn Store) -> Option<GoodBackup> {
    store.backups().ok()?.into_iter().rev().find_map(|(_, file)| {
        let bytes = store.read_backup(&file).ok()??;
        let serial = document::check(&bytes).ok()?.serial;
        Some(GoodBackup { file, serial })
    })
}
