//! Configuration text and positions in it.
//!
//! Positions are byte offsets; lines and columns are computed only when something is shown.

use std::sync::{Arc, OnceLock};

/// A file of a [`Sources`], by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `file` from `start` to `end`; offsets beyond 4 GiB saturate (files are limited long before).
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { file, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The smallest span that covers both; `self` when they lie in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One configuration file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as people know it: relative to the configuration directory.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Where lines start, found when first asked for.
    lines: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// The line of a byte, from zero, and where that line starts.
    fn line(&self, offset: u32) -> (usize, u32) {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect()
        });
        let line = lines.partition_point(|start| *start <= offset).saturating_sub(1);
        (line, lines.get(line).copied().unwrap_or(0))
    }
}

/// Every file a run has read, in the order it was read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// A position for people: file name, line and column, both counted from one; columns count characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// File name as in [`SourceFile::name`].
    pub file: Arc<str>,
    /// Line, from one.
    pub line: u32,
    /// Column in characters, from one.
    pub column: u32,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { name: name.into(), text: text.into(), lines: OnceLock::new() });
        id
    }

    /// The file of an id; `None` for an id of another `Sources`.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// All files in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        (0u32..).map(FileId).zip(&self.files)
    }

    /// The text under a span; empty when the span does not fit.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).and_then(|f| f.text.get(span.start as usize..span.end as usize)).unwrap_or("")
    }

    /// Where a span starts, for people.
    pub fn location(&self, span: Span) -> Option<Location> {
        let file = self.file(span.file)?;
        let (line, line_start) = file.line(span.start);
        let column = file.text.get(line_start as usize..span.start as usize)?.chars().count() + 1;
        Some(Location {
            file: file.name.clone(),
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Sources, Span};

    #[test]
    fn places_are_told_in_lines_and_characters() {
        let mut sources = Sources::default();
        let file = sources.add("main.hcl", "a = 1\nbé = 2\n\nc");
        let at = |start| sources.location(Span::new(file, start, start)).map(|l| (l.line, l.column));
        assert_eq!(at(0), Some((1, 1)));
        assert_eq!(at(6), Some((2, 1)));
        assert_eq!(at(9), Some((2, 3)));
        assert_eq!(at(15), Some((4, 1)));
        assert_eq!(at(16), Some((4, 2)));
        assert_eq!(at(99), None);
    }
}
