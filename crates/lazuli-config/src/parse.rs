//! Text to syntax tree, reporting every mistake and keeping everything that is right.
//!
//! Each item of a file is parsed alone; one that fails and is a block is taken apart and its items parsed alone, and
//! so on, so that two mistakes in one block are two reports.

use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lazuli_core::{Diagnostic, Diagnostics, FileId, Sources, Span};

use crate::codes;
use crate::parser::{Names, Parsed, Parser, Piece, Seen};
use crate::scan::{MAX_TOKENS, name_length};
use crate::split::{Chunk, Split, split};
use crate::syntax::{Attribute, Body, Expr, ExprKind, Name};
use crate::text::normalize;
use crate::token::Token;

/// Files larger than this are refused: nobody writes them and offsets must fit 32 bits.
const MAX_FILE: usize = 64 << 20;

/// Blocks are taken apart no deeper than this when they have mistakes.
const MAX_BLOCKS: usize = 32;

/// The items of a file, not parsed yet.
pub(crate) fn split_file(text: &str, file: FileId) -> Split {
    match text.len() > MAX_FILE {
        true => Split { chunks: Vec::new(), diagnostics: vec![too_large(file)] },
        false => split(text, byte_order_mark(text)..text.len(), file),
    }
}

/// What a thread uses again for every piece.
#[derive(Default)]
pub(crate) struct Tools<'t> {
    names: Names,
    /// The list of tokens of the item before.
    buffer: Vec<Token<'t>>,
}

impl<'t> Tools<'t> {
    /// Parses some items of a file. `tokens` counts those of the whole file; beyond [`MAX_TOKENS`] nothing is parsed.
    pub(crate) fn parse(
        &mut self,
        text: &'t str,
        file: FileId,
        chunks: &[Chunk],
        tokens: &AtomicUsize,
    ) -> (Body, Diagnostics) {
        let mut body = Body::default();
        let mut reader = Reader { text, file, tools: self, tokens, diagnostics: Vec::new() };
        reader.chunks(chunks, 0, &mut body);
        (body, reader.diagnostics)
    }
}

/// One expression, such as a line of the console or the value of a variable on the command line.
///
/// # Errors
/// When the text is not an expression.
pub fn parse_expression(sources: &mut Sources, name: &str, text: &str) -> Result<Expr, Diagnostics> {
    let file = sources.add(name, text);
    let split = split(text, 0..text.len(), file);
    if !split.diagnostics.is_empty() {
        return Err(split.diagnostics);
    }
    whole(text, file, 0, |piece, names, diagnostics| Parser::new(piece, names, diagnostics).only_expression())
}

/// A text with `${…}` and `%{…}` in it, such as a file that `templatefile` reads: everything stands for itself, as in a
/// heredoc.
///
/// # Errors
/// When what stands in the sequences cannot be parsed, or a directive does not end.
pub fn parse_template(sources: &mut Sources, name: &str, text: &str) -> Result<Expr, Diagnostics> {
    let file = sources.add(name, text);
    template(text, file)
}

/// A text that is among the sources already as a template.
pub(crate) fn template(text: &str, file: FileId) -> Result<Expr, Diagnostics> {
    whole(text, file, byte_order_mark(text), |piece, names, diagnostics| {
        Parser::of_template(piece, names, diagnostics).only_template()
    })
}

fn whole(
    text: &str,
    file: FileId,
    start: usize,
    parse: impl FnOnce(Piece<'_>, &mut Names, &mut Diagnostics) -> Parsed<Expr>,
) -> Result<Expr, Diagnostics> {
    if text.len() > MAX_FILE {
        return Err(vec![too_large(file)]);
    }
    let mut diagnostics = Vec::new();
    let piece = Piece { text, file, start, end: text.len() };
    let parsed = parse(piece, &mut Names::default(), &mut diagnostics);
    match parsed {
        Ok(expr) if diagnostics.is_empty() => Ok(expr),
        Ok(_) => Err(diagnostics),
        Err(mistake) => {
            diagnostics.push(*mistake);
            Err(diagnostics)
        }
    }
}

/// The bytes of a mark at the beginning of a text that says nothing but that it is Unicode.
fn byte_order_mark(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// Says that a text that begins at a place has too many tokens.
pub(crate) fn too_many(begin: Span) -> Diagnostic {
    let message = format!("the text has more than {MAX_TOKENS} words and signs");
    Diagnostic::error(codes::SYNTAX_LIMIT, message)
        .at(begin, "in what begins here")
        .help("put large data into a file and read it with jsondecode(file(…))")
}

fn too_large(file: FileId) -> Diagnostic {
    let message = format!("the file is larger than {} MiB", MAX_FILE >> 20);
    Diagnostic::error(codes::SYNTAX_LIMIT, message).at(Span::new(file, 0, 0), "")
}

struct Reader<'r, 't> {
    text: &'t str,
    file: FileId,
    tools: &'r mut Tools<'t>,
    /// How many tokens of the file have been read.
    tokens: &'r AtomicUsize,
    diagnostics: Diagnostics,
}

impl Reader<'_, '_> {
    /// Parses the items of a part of the text into `into`.
    fn parse(&mut self, range: Range<usize>, seen: &mut Seen, into: &mut Body) -> Parsed<()> {
        let piece = Piece { text: self.text, file: self.file, start: range.start, end: range.end };
        let buffer = std::mem::take(&mut self.tools.buffer);
        let mut parser = Parser::reusing(buffer, piece, &mut self.tools.names, &mut self.diagnostics);
        let tokens = self.tokens.fetch_add(parser.len(), Ordering::Relaxed) + parser.len();
        let parsed = parser.bounded(tokens).and_then(|()| parser.only_items(seen, into));
        self.tools.buffer = parser.into_tokens();
        parsed
    }

    fn chunks(&mut self, chunks: &[Chunk], depth: usize, into: &mut Body) {
        let mut seen = Seen::new();
        for chunk in chunks {
            let (attributes, blocks) = (into.attributes.len(), into.blocks.len());
            // What is spoilt is reported: its parts are looked at, never the whole.
            let mistake = if chunk.spoilt {
                None
            } else {
                match self.parse(chunk.range.clone(), &mut seen, into) {
                    Ok(()) => continue,
                    Err(mistake) => Some(mistake),
                }
            };
            into.attributes.truncate(attributes);
            into.blocks.truncate(blocks);
            if self.tokens.load(Ordering::Relaxed) > MAX_TOKENS {
                return; // whoever joins the pieces says it
            }
            match chunk.inner.clone() {
                Some(inner) if depth < MAX_BLOCKS && !inner.is_empty() => {
                    self.taken_apart(&chunk.range, inner, depth, mistake, into);
                }
                _ => {
                    self.diagnostics.extend(mistake.map(|mistake| *mistake));
                    self.stand_in(chunk.range.clone(), &mut seen, into);
                }
            }
        }
    }

    /// The attribute was written, if badly: nobody should hear that it is missing.
    fn stand_in(&mut self, range: Range<usize>, seen: &mut Seen, into: &mut Body) {
        let Some(name) = self.attribute_name(range) else { return };
        if let Entry::Vacant(vacant) = seen.entry(name.text.clone()) {
            vacant.insert(name.span);
            let value = broken(name.span);
            into.attributes.push(Attribute { name, value });
        }
    }

    /// A block that does not parse: its header alone, then its items alone. The mistake is what to say when neither is
    /// wrong; `None` when it was said.
    fn taken_apart(
        &mut self,
        range: &Range<usize>,
        inner: Range<usize>,
        depth: usize,
        mistake: Option<Box<Diagnostic>>,
        into: &mut Body,
    ) {
        let before = self.diagnostics.len();
        let piece = Piece { text: self.text, file: self.file, start: range.start, end: inner.start - 1 };
        let Ok(mut block) = Parser::new(piece, &mut self.tools.names, &mut self.diagnostics).only_header()
        else {
            self.diagnostics.extend(mistake.map(|mistake| *mistake));
            return;
        };
        // The brackets were reported when the whole was split.
        let Split { chunks, .. } = split(self.text, inner, self.file);
        self.chunks(&chunks, depth + 1, &mut block.body);
        if self.diagnostics.len() == before {
            // Every part is right and the whole is not: how the parts stand together, or the depth, is wrong.
            self.diagnostics.extend(mistake.map(|mistake| *mistake));
        }
        into.blocks.push(block);
    }

    fn attribute_name(&mut self, range: Range<usize>) -> Option<Name> {
        let source = self.text.get(range.clone())?;
        let length = name_length(source);
        let is_attribute = source[length..].trim_start().starts_with('=');
        if length == 0 || !is_attribute {
            return None;
        }
        let span = Span::new(self.file, range.start, range.start + length);
        Some(Name { text: Arc::from(&*normalize(&source[..length])), span })
    }
}

/// Stands for an expression that is wrong or missing, which is reported already.
pub(crate) fn broken(span: Span) -> Expr {
    Expr { span, kind: ExprKind::Template(Vec::new()) }
}

/// True for the stand-in of an attribute value that could not be parsed: its mistake is reported already.
pub(crate) fn is_broken(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Template(parts) if parts.is_empty())
}
