//! Files to syntax trees, by as many threads as the caller has: what comes out is what one would have made.
//!
//! The items of all files are dealt out in pieces, which hang on the text alone, and joined in the order written.
//! Threads are the caller's: nothing here starts any.

use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use lazuli_core::{Diagnostics, FileId, Span};

use crate::parse::{Tools, is_broken, split_file, too_many};
use crate::parser::{Seen, twice};
use crate::scan::MAX_TOKENS;
use crate::split::{Chunk, Split};
use crate::syntax::Body;

/// About how much text is parsed in one go, in bytes: a millisecond of work, more than a thread costs.
const PIECE: usize = 1 << 16;

/// Calls some work on threads at the same time, on at most as many as the number says, and returns when every call has.
/// One call must be made; more make it quicker. Expressions are parsed recursively: a thread needs a stack of 8 MiB.
pub type Workers<'w> = &'w dyn Fn(usize, &(dyn Fn() + Sync));

/// No thread but this one.
pub fn alone(_: usize, work: &(dyn Fn() + Sync)) {
    work();
}

/// Items of a file that are parsed in one go.
struct Piece {
    /// Which file.
    file: usize,
    chunks: Range<usize>,
    parsed: OnceLock<(Body, Diagnostics)>,
}

/// A file as a body.
pub(crate) fn parse_file(text: &str, file: FileId) -> (Body, Diagnostics) {
    parse_files(&[(file, text)], &alone).pop().unwrap_or_default()
}

/// Each file as a body, with what is wrong in it.
pub(crate) fn parse_files<T: AsRef<str> + Sync>(
    files: &[(FileId, T)],
    workers: Workers<'_>,
) -> Vec<(Body, Diagnostics)> {
    let splits: Vec<Split> = files.iter().map(|(file, text)| split_file(text.as_ref(), *file)).collect();
    let tokens: Vec<AtomicUsize> = files.iter().map(|_| AtomicUsize::new(0)).collect();
    let pieces: Vec<Piece> = splits.iter().enumerate().flat_map(|(at, s)| pieces(at, &s.chunks)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tools = Tools::default();
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ((file, text), chunks) = (&files[piece.file], &splits[piece.file].chunks);
            let parsed =
                tools.parse(text.as_ref(), *file, &chunks[piece.chunks.clone()], &tokens[piece.file]);
            let _ = piece.parsed.set(parsed); // nobody else has this piece
        }
    };
    workers(pieces.len(), &work);
    let mut of_files: Vec<Vec<(Body, Diagnostics)>> = files.iter().map(|_| Vec::new()).collect();
    for piece in pieces {
        of_files[piece.file].extend(piece.parsed.into_inner());
    }
    let joined = of_files.into_iter().zip(splits).zip(tokens).zip(files);
    joined
        .map(|(((parts, split), tokens), (file, _))| match tokens.into_inner() > MAX_TOKENS {
            true => (Body::default(), vec![too_many(Span::new(*file, 0, 0))]),
            false => join(parts, split.diagnostics),
        })
        .collect()
}

/// Cuts the items of a file into pieces.
fn pieces(file: usize, chunks: &[Chunk]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, chunk) in chunks.iter().enumerate() {
        if chunk.range.end - chunks[start].range.start >= PIECE || at + 1 == chunks.len() {
            pieces.push(Piece { file, chunks: start..at + 1, parsed: OnceLock::new() });
            start = at + 1;
        }
    }
    pieces
}

/// The parts of a file in the order written; an attribute counts once.
fn join(parts: Vec<(Body, Diagnostics)>, mut diagnostics: Diagnostics) -> (Body, Diagnostics) {
    let mut body = Body::default();
    let mut seen = Seen::new();
    body.blocks.reserve_exact(parts.iter().map(|(part, _)| part.blocks.len()).sum());
    for (part, found) in parts {
        diagnostics.extend(found);
        body.blocks.extend(part.blocks);
        for attribute in part.attributes {
            match seen.entry(attribute.name.text.clone()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(attribute.name.span);
                    body.attributes.push(attribute);
                }
                Entry::Occupied(_) if is_broken(&attribute.value) => {}
                Entry::Occupied(first) => diagnostics.push(twice(&attribute.name, *first.get())),
            }
        }
    }
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
    (body, diagnostics)
}
