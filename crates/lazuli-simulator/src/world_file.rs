//! The world on disk: one snapshot line, then one line per record of changes.
//!
//! Every record is durable before the request that made it is answered. A torn last write is what a crash leaves;
//! it was never answered, so it is dropped. Only one process may hold a world.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::world::{Change, World};

const FORMAT: u32 = 1;

/// Why a world file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorldFileError {
    /// Another process holds the world.
    #[error(
        "the simulated world {path} is in use by another process; stop that one, or use another world file"
    )]
    InUse {
        /// The world file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("the simulated world {path} cannot be {action}")]
    Io {
        /// What was being done, as a participle.
        action: &'static str,
        /// The world file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file does not hold a world.
    #[error(
        "{path}, line {line}, is not part of a simulated world; move the file away to start with an empty one"
    )]
    Corrupt {
        /// The world file.
        path: PathBuf,
        /// The line, counting from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file was written by a newer version.
    #[error("the simulated world {path} has format {found}; this program knows formats up to {FORMAT}")]
    Newer {
        /// The world file.
        path: PathBuf,
        /// The format found.
        found: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Snapshot<W> {
    world: W,
}

#[derive(Serialize, Deserialize)]
struct Record<C> {
    changes: C,
}

/// An open, locked world file.
#[derive(Debug)]
pub struct WorldFile {
    path: PathBuf,
    file: File,
    /// Held for its lock only; the world file itself is replaced when it is compacted.
    _lock: File,
    records: usize,
}

impl WorldFile {
    /// Opens and locks the world at `path`, or makes one with `new`. Both files get mode 0600.
    pub fn open(path: &Path, new: impl FnOnce() -> World) -> Result<(Self, World), WorldFileError> {
        let failed = |action| move |source| WorldFileError::Io { action, path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed("created"))?;
        }
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
            .open(PathBuf::from(lock_path))
            .map_err(failed("locked"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(WorldFileError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed("locked")(source)),
        }
        let file = private(OpenOptions::new().create(true).truncate(false).read(true).write(true))
            .open(path)
            .map_err(failed("opened"))?;
        let mut opened = Self { path: path.to_owned(), file, _lock: lock, records: 0 };
        match opened.read()? {
            // Nothing to fold in: a run that only reads leaves the file as it is.
            Some((world, true)) => Ok((opened, world)),
            Some((world, false)) => opened.compact(&world).map(|()| (opened, world)),
            None => {
                let world = new();
                opened.compact(&world).map(|()| (opened, world))
            }
        }
    }

    /// Where the world lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many records follow the snapshot.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Reads snapshot and records, and says whether the snapshot was all there was; `None` for an empty file.
    fn read(&mut self) -> Result<Option<(World, bool)>, WorldFileError> {
        let path = self.path.clone();
        let failed = |source| WorldFileError::Io { action: "read", path: path.clone(), source };
        let mut reader = BufReader::new(&self.file);
        let mut world: Option<World> = None;
        let mut is_compact = true;
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            let is_whole = line.last() == Some(&b'\n');
            let corrupt = |source| WorldFileError::Corrupt { path: path.clone(), line: number, source };
            match &mut world {
                None => {
                    let snapshot: Snapshot<World> = serde_json::from_slice(&line).map_err(corrupt)?;
                    if snapshot.world.format() > FORMAT {
                        return Err(WorldFileError::Newer { path, found: snapshot.world.format() });
                    }
                    world = Some(snapshot.world);
                }
                // A crash while appending: nobody was answered. Blocks that a power loss left out read as zeros, which
                // JSON never holds, and what follows them was appended together with them.
                Some(_) if !is_whole || line.contains(&0) => {
                    is_compact = false;
                    break;
                }
                Some(world) => {
                    is_compact = false;
                    let record: Record<Vec<Change>> = serde_json::from_slice(&line).map_err(corrupt)?;
                    record.changes.into_iter().for_each(|change| world.apply(change));
                }
            }
        }
        if let Some(world) = &mut world {
            world.rebuild();
        }
        Ok(world.map(|world| (world, is_compact)))
    }

    /// One record as it stands in the file.
    pub(crate) fn line(changes: &[Change]) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = serde_json::to_vec(&Record { changes })?;
        line.push(b'\n');
        Ok(line)
    }

    /// Appends records and waits until they are on the disk.
    pub(crate) fn append(&mut self, lines: &[Vec<u8>]) -> Result<(), WorldFileError> {
        let failed = |source| WorldFileError::Io { action: "written", path: self.path.clone(), source };
        let all = lines.concat();
        self.file.write_all(&all).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.records += lines.len();
        Ok(())
    }

    /// Replaces the file by a snapshot: a new file, synced, renamed over the old one, folder synced.
    pub(crate) fn compact(&mut self, world: &World) -> Result<(), WorldFileError> {
        let failed = |action| {
            let path = self.path.clone();
            move |source| WorldFileError::Io { action, path, source }
        };
        let mut temporary = self.path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let mut file = private(OpenOptions::new().create(true).truncate(true).read(true).write(true))
            .open(&temporary)
            .map_err(failed("compacted"))?;
        let mut bytes = serde_json::to_vec(&Snapshot { world }).map_err(|e| failed("compacted")(e.into()))?;
        bytes.push(b'\n');
        file.write_all(&bytes).map_err(failed("compacted"))?;
        file.sync_all().map_err(failed("compacted"))?;
        std::fs::rename(&temporary, &self.path).map_err(failed("compacted"))?;
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_folder(folder).map_err(failed("compacted"))?;
        file.seek(SeekFrom::End(0)).map_err(failed("compacted"))?;
        self.file = file;
        self.records = 0;
        Ok(())
    }
}

/// Only the owner may read: the file holds the secret of the service principal.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes a rename in a folder durable, where the platform can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
