//! What a disk holds after a crash: a model of files of which some bytes and some names are not durable yet.
//!
//! As strict as POSIX lets a file system be: `fsync` of a file makes its bytes durable and not its name; `fsync` of a
//! folder makes durable what was created, renamed, linked or removed directly in it. Of what is not durable, any part
//! may be there after a power loss, except that one rename or link is there as a whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One thing a program did, paths relative to the folder that is watched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    Create(PathBuf),
    MakeFolder(PathBuf),
    Write(PathBuf, usize, Vec<u8>),
    Truncate(PathBuf, usize),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Unlink(PathBuf),
    RemoveFolder(PathBuf),
}

/// What a disk writes at once.
const PAGE: usize = 4096;

/// Everything below a folder; `None` for a folder.
pub(crate) type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// A disk, and what of it is durable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    objects: Vec<Object>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable yet, in order.
    pending: Vec<Naming>,
}

#[derive(Debug, Clone)]
enum Object {
    Folder,
    File { now: Vec<u8>, durable: Vec<u8> },
}

#[derive(Debug, Clone)]
enum Naming {
    Named(PathBuf, usize),
    Moved(PathBuf, PathBuf, usize),
    Gone(PathBuf),
}

/// What becomes of bytes that are not durable.
#[derive(Debug, Clone, Copy)]
enum Bytes {
    Lost,
    /// The first half of what was added is there.
    Torn,
    /// The length is there, and the bytes are zeros.
    Zeros,
    /// Every second page is there, the first one is not: pages are written in any order.
    Pages,
}

impl Disk {
    /// A disk on which all of this is durable.
    pub(crate) fn of(image: &Image) -> Self {
        let mut disk = Disk::default();
        for (path, content) in image {
            let object = match content {
                None => Object::Folder,
                Some(bytes) => Object::File { now: bytes.clone(), durable: bytes.clone() },
            };
            disk.objects.push(object);
            disk.names.insert(path.clone(), disk.objects.len() - 1);
        }
        disk.durable_names = disk.names.clone();
        disk
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(path) => self.add(path, Object::File { now: Vec::new(), durable: Vec::new() }),
            Op::MakeFolder(path) => self.add(path, Object::Folder),
            Op::Write(path, at, bytes) => {
                let now = self.bytes(path);
                if now.len() < at + bytes.len() {
                    now.resize(at + bytes.len(), 0);
                }
                now[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Op::Truncate(path, length) => self.bytes(path).resize(*length, 0),
            Op::Sync(path) => self.sync(path),
            Op::Rename(from, to) => {
                let object = self.names.remove(from).expect("the trace says that it is there");
                assert!(matches!(self.objects[object], Object::File { .. }), "folders are not renamed");
                self.names.insert(to.clone(), object);
                self.pending.push(Naming::Moved(from.clone(), to.clone(), object));
            }
            Op::Link(from, to) => {
                let object = self.names[from];
                self.names.insert(to.clone(), object);
                self.pending.push(Naming::Named(to.clone(), object));
            }
            Op::Unlink(path) | Op::RemoveFolder(path) => {
                self.names.remove(path);
                self.pending.push(Naming::Gone(path.clone()));
            }
        }
    }

    fn add(&mut self, path: &Path, object: Object) {
        self.objects.push(object);
        let object = self.objects.len() - 1;
        self.names.insert(path.to_owned(), object);
        self.pending.push(Naming::Named(path.to_owned(), object));
    }

    fn bytes(&mut self, path: &Path) -> &mut Vec<u8> {
        match &mut self.objects[self.names[path]] {
            Object::File { now, .. } => now,
            Object::Folder => panic!("{} is a folder", path.display()),
        }
    }

    fn sync(&mut self, path: &Path) {
        if let Some(object) = self.names.get(path)
            && let Object::File { now, durable } = &mut self.objects[*object]
        {
            durable.clone_from(now);
            return;
        }
        let (durable, pending) = std::mem::take(&mut self.pending).into_iter().partition(|n| n.is_in(path));
        self.pending = pending;
        let durable: Vec<Naming> = durable;
        durable.iter().for_each(|naming| naming.apply(&mut self.durable_names));
    }

    /// Everything that was written, durable or not.
    pub(crate) fn holds(&self) -> Image {
        self.image(&self.names, |now, _| now.to_vec())
    }

    /// The disks there may be after a kill, and after a power loss, at a moment when `next` was about to be done or half
    /// done. Each once, with a name that is the same in every run. After a kill, what was not durable still is not.
    pub(crate) fn after_crash(&self, next: Option<&Op>) -> Vec<(String, Disk)> {
        let mut disks: Vec<(String, Disk)> = Vec::new();
        let mut add = |name: String, disk: Disk| {
            if disks.iter().all(|(_, other)| other.holds() != disk.holds()) {
                disks.push((name, disk));
            }
        };
        add("killed".to_owned(), self.clone());
        if let Some(Op::Write(path, at, bytes)) = next {
            let mut half = self.clone();
            half.apply(&Op::Write(path.clone(), *at, bytes[..bytes.len() / 2].to_vec()));
            add("killed-half-written".to_owned(), half);
        }
        let all = (1_u32 << self.pending.len().min(16)) - 1;
        add("power-nothing-kept".to_owned(), self.after_power_loss(0, Bytes::Lost));
        add("power-torn".to_owned(), self.after_power_loss(all, Bytes::Torn));
        add("power-zeros".to_owned(), self.after_power_loss(all, Bytes::Zeros));
        add("power-pages".to_owned(), self.after_power_loss(all, Bytes::Pages));
        add("power-names-kept".to_owned(), self.after_power_loss(all, Bytes::Lost));
        // Any subset of names; of many, those without one and those with only one of the last ones.
        let subsets: Vec<u32> = match self.pending.len().min(16) {
            few @ 0..=4 => (1..1 << few).collect(),
            many => (0..many).flat_map(|bit| [1 << bit, all & !(1 << bit)]).collect(),
        };
        for kept in subsets {
            add(format!("power-names-{kept:x}"), self.after_power_loss(kept, Bytes::Lost));
        }
        disks
    }

    fn after_power_loss(&self, kept: u32, bytes: Bytes) -> Disk {
        let mut names = self.durable_names.clone();
        for (bit, naming) in self.pending.iter().enumerate() {
            if bit < 16 && kept & 1 << bit != 0 {
                naming.apply(&mut names);
            }
        }
        Disk::of(&self.image(&names, |now, durable| match bytes {
            _ if now == durable => durable.to_vec(),
            Bytes::Lost => durable.to_vec(),
            Bytes::Torn => {
                now[..durable.len().min(now.len()) + now.len().saturating_sub(durable.len()) / 2].to_vec()
            }
            Bytes::Zeros | Bytes::Pages => {
                let mut found = durable.to_vec();
                found.resize(now.len(), 0);
                let pages = found.chunks_mut(PAGE).zip(now.chunks(PAGE)).enumerate();
                let first = durable.len() / PAGE;
                let there =
                    |page: usize| matches!(bytes, Bytes::Pages) && page > first && (page - first) % 2 == 1;
                pages.filter(|(page, _)| there(*page)).for_each(|(_, (old, new))| old.copy_from_slice(new));
                found
            }
        }))
    }

    fn image(&self, names: &BTreeMap<PathBuf, usize>, bytes: impl Fn(&[u8], &[u8]) -> Vec<u8>) -> Image {
        let mut image = Image::new();
        for (path, object) in names {
            // What lies in a folder whose name is lost is lost with it; folders come before what lies in them.
            let parent = path.parent().unwrap_or(Path::new(""));
            if parent != Path::new("") && !matches!(image.get(parent), Some(None)) {
                continue;
            }
            let content = match &self.objects[*object] {
                Object::Folder => None,
                Object::File { now, durable } => Some(bytes(now, durable)),
            };
            image.insert(path.clone(), content);
        }
        image
    }
}

impl Naming {
    fn is_in(&self, folder: &Path) -> bool {
        let lies = |path: &Path| path.parent() == Some(folder);
        match self {
            Naming::Named(path, _) | Naming::Gone(path) => lies(path),
            Naming::Moved(from, to, _) => lies(from) || lies(to),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Naming::Named(path, object) => {
                names.insert(path.clone(), *object);
            }
            Naming::Moved(from, to, object) => {
                if names.get(from) == Some(object) {
                    names.remove(from);
                }
                names.insert(to.clone(), *object);
            }
            Naming::Gone(path) => {
                names.remove(path);
            }
        }
    }
}

/// Reads what the tracer wrote; a last line that was cut off was not begun.
pub(crate) fn parse(trace: &str, folder: &Path) -> Vec<Op> {
    let path = |text: &str| {
        let path = Path::new(text);
        path.strip_prefix(folder).unwrap_or_else(|_| panic!("{text} comes from elsewhere")).to_owned()
    };
    let whole = trace.rfind('\n').map_or("", |end| &trace[..end]);
    let op = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["create", file] => Op::Create(path(file)),
            ["mkdir", folder] => Op::MakeFolder(path(folder)),
            ["write", file, at, hex] => Op::Write(path(file), at.parse().unwrap(), from_hex(hex)),
            ["truncate", file, length] => Op::Truncate(path(file), length.parse().unwrap()),
            ["fsync", file] => Op::Sync(path(file)),
            ["rename", from, to] => Op::Rename(path(from), path(to)),
            ["link", from, to] => Op::Link(path(from), path(to)),
            ["unlink", file] => Op::Unlink(path(file)),
            ["rmdir", folder] => Op::RemoveFolder(path(folder)),
            _ => panic!("no line of a trace: {line}"),
        }
    };
    whole.lines().map(op).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Everything below a folder.
pub(crate) fn read(folder: &Path) -> Image {
    let mut image = Image::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let content = if path.is_dir() { None } else { Some(std::fs::read(&path).unwrap()) };
            image.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    image
}

/// Makes a folder hold exactly this.
pub(crate) fn write(folder: &Path, image: &Image) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::remove_dir_all(folder); // not there yet
    std::fs::create_dir_all(folder).unwrap();
    for (path, content) in image {
        let path = folder.join(path);
        match content {
            None => std::fs::create_dir(&path).unwrap(),
            Some(bytes) => {
                let mut options = std::fs::OpenOptions::new();
                options
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)
                    .unwrap()
                    .write_all(bytes)
                    .unwrap();
            }
        }
    }
}
