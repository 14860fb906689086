//! Text to syntax tree, reporting every mistake and keeping everything that is right.
//!
//! Each item of a file is parsed alone; one that fails and is a block is taken apart and its items parsed alone, and
//! so on, so that two mistakes in one block are two reports.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::parser;
use lazuli_core::{Diagnostic, Diagnostics, FileId, Sources, Span};

use crate::codes;
use crate::lower::Lowering;
use crate::split::{Split, split};
use crate::syntax::{Attribute, Body, Expr, ExprKind, Name};

/// Files larger than this are refused: nobody writes them and offsets must fit 32 bits.
const MAX_FILE: usize = 64 << 20;

/// Blocks are taken apart no deeper than this when they have mistakes.
const MAX_BLOCKS: usize = 32;

/// A file as a body.
pub(crate) fn parse_file(text: &str, file: FileId, names: &mut HashSet<Arc<str>>) -> (Body, Diagnostics) {
    let mut body = Body::default();
    if text.len() > MAX_FILE {
        let message = format!("the file is larger than {} MiB", MAX_FILE >> 20);
        return (body, vec![Diagnostic::error(codes::SYNTAX_LIMIT, message).at(Span::new(file, 0, 0), "")]);
    }
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut parser = Parser { text, file, names, diagnostics: Vec::new() };
    parser.items(start..text.len(), 0, &mut body);
    let mut diagnostics = parser.diagnostics;
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
    (body, diagnostics)
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
    // The parser takes no blank space around an expression; comments and line breaks are welcome in parentheses.
    let lead = text.len() - text.trim_start().len();
    let trimmed = text.trim();
    let mut diagnostics = Vec::new();
    let mut names = HashSet::new();
    match parser::parse_expr(&patched(trimmed, lead, &split.empty_heredocs)) {
        Ok(parsed) => {
            let mut lowering =
                Lowering { text, file, base: lead, names: &mut names, diagnostics: &mut diagnostics };
            let expr = lowering.expr(&parsed);
            if diagnostics.is_empty() { Ok(expr) } else { Err(diagnostics) }
        }
        Err(error) => Err(vec![explain(&error, text, lead, file)]),
    }
}

/// The text that begins at `base`, with every empty heredoc in it replaced by `""` and blanks of the same length.
fn patched<'t>(text: &'t str, base: usize, empty_heredocs: &[Range<usize>]) -> Cow<'t, str> {
    // Sorted by place: a file of many items must not look at all of them for each.
    let first = empty_heredocs.partition_point(|range| range.start < base);
    let inside = empty_heredocs[first..].iter().take_while(|range| range.end <= base + text.len());
    let mut patched = Cow::Borrowed(text);
    for range in inside {
        let blank = format!("\"\"{}", " ".repeat(range.len() - 2));
        patched.to_mut().replace_range(range.start - base..range.end - base, &blank);
    }
    patched
}

struct Parser<'t> {
    text: &'t str,
    file: FileId,
    names: &'t mut HashSet<Arc<str>>,
    diagnostics: Diagnostics,
}

impl Parser<'_> {
    fn lowering(&mut self, base: usize) -> Lowering<'_> {
        Lowering {
            text: self.text,
            file: self.file,
            base,
            names: self.names,
            diagnostics: &mut self.diagnostics,
        }
    }

    fn items(&mut self, range: Range<usize>, depth: usize, into: &mut Body) {
        let Split { chunks, empty_heredocs, diagnostics } = split(self.text, range, self.file);
        // Only the outermost call reports brackets: the inner ones see the same text again.
        if depth == 0 {
            self.diagnostics.extend(diagnostics);
        }
        let mut seen = HashMap::new();
        for chunk in chunks {
            let Some(source) = self.text.get(chunk.range.clone()) else { continue };
            let base = chunk.range.start;
            // What is spoilt is reported: its parts are looked at, never the whole.
            let error = if chunk.spoilt {
                None
            } else {
                match parser::parse_body(&patched(source, base, &empty_heredocs)) {
                    Ok(parsed) => {
                        self.lowering(base).items(&parsed, &mut seen, into);
                        continue;
                    }
                    Err(error) => Some(error),
                }
            };
            match chunk.inner {
                Some(inner) if depth < MAX_BLOCKS && !inner.is_empty() => {
                    self.taken_apart(&chunk.range, inner, depth, error.as_ref(), into);
                }
                _ => {
                    self.diagnostics.extend(error.map(|error| explain(&error, self.text, base, self.file)));
                    self.stand_in(source, base, &mut seen, into);
                }
            }
        }
    }

    /// The attribute was written, if badly: nobody should hear that it is missing.
    fn stand_in(&mut self, source: &str, base: usize, seen: &mut HashMap<Arc<str>, Span>, into: &mut Body) {
        if let Some(name) = self.attribute_name(source, base)
            && seen.insert(name.text.clone(), name.span).is_none()
        {
            let value = Expr { span: name.span, kind: ExprKind::Template(Vec::new()) };
            into.attributes.push(Attribute { name, value });
        }
    }

    /// A block that does not parse: its header alone, then its items alone. The error is what to say when neither is
    /// wrong; `None` when it was said.
    fn taken_apart(
        &mut self,
        range: &Range<usize>,
        inner: Range<usize>,
        depth: usize,
        error: Option<&parser::Error>,
        into: &mut Body,
    ) {
        let before = self.diagnostics.len();
        let header = format!("{}{{}}", self.text.get(range.start..inner.start - 1).unwrap_or(""));
        let mut body = Body::default();
        let block = match parser::parse_body(&header) {
            Ok(parsed) => {
                let mut outer = Body::default();
                self.lowering(range.start).items(&parsed, &mut HashMap::new(), &mut outer);
                outer.blocks.pop()
            }
            Err(_) => None,
        };
        let Some(mut block) = block else {
            self.diagnostics.extend(error.map(|error| explain(error, self.text, range.start, self.file)));
            return;
        };
        self.items(inner.clone(), depth + 1, &mut body);
        if self.diagnostics.len() == before {
            // Every part is right and the whole is not: how the parts stand together, or the depth, is wrong.
            self.diagnostics.extend(error.map(|error| explain(error, self.text, range.start, self.file)));
        }
        block.body = body;
        into.blocks.push(block);
    }

    fn attribute_name(&mut self, source: &str, base: usize) -> Option<Name> {
        let end = source.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?;
        let is_attribute = source[end..].trim_start().starts_with('=');
        if end == 0 || !is_attribute {
            return None;
        }
        let span = Span::new(self.file, base, base + end);
        Some(Name { text: self.lowering(base).name(&source[..end]), span })
    }
}

/// True for the stand-in of an attribute value that could not be parsed: its mistake is reported already.
pub(crate) fn is_broken(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Template(parts) if parts.is_empty())
}

/// What the parser said, in our words, at its place.
fn explain(error: &parser::Error, text: &str, base: usize, file: FileId) -> Diagnostic {
    let at = base + error.location().offset();
    let found = text.get(at..).and_then(|rest| rest.chars().next());
    let width = found.map_or(0, char::len_utf8);
    let span = Span::new(file, at, at + width);
    let said = error.message();
    if said.ends_with("unexpected token")
        && let Some((name, value)) = text[at..].lines().next().and_then(|line| line.split_once('='))
        && value.trim().is_empty()
    {
        let span = Span::new(file, at + name.len(), at + name.len() + 1);
        let message = format!("`{}` has no value", name.trim());
        return Diagnostic::error(codes::SYNTAX, message).at(span, "expected a value after this");
    }
    if let Some(limit) = ["at most 64 nested levels", "at most 128 chained binary operators"]
        .into_iter()
        .find(|limit| said.contains(limit))
    {
        return Diagnostic::error(codes::SYNTAX_LIMIT, "this is nested too deeply")
            .at(span, format!("{limit} are allowed"))
            .help("give a part of it a name in `locals`");
    }
    if said.contains("redefined object key") {
        return Diagnostic::error(codes::SYNTAX, "a key stands twice in an object").at(span, "second time");
    }
    if said.contains("redefined attribute") {
        return Diagnostic::error(codes::ATTRIBUTE_TWICE, "an attribute is written twice")
            .at(span, "second time");
    }
    let message = match found {
        None => "the text ends too early".to_owned(),
        Some('\n' | '\r') => "the line ends too early".to_owned(),
        Some(c) if c.is_control() => "unexpected control character".to_owned(),
        Some(c) if c.is_alphanumeric() || c == '_' => {
            let word: String =
                text[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(40).collect();
            format!("unexpected `{word}`")
        }
        _ if said.starts_with("invalid escape sequence") => "there is no such escape sequence".to_owned(),
        Some('\'') => "unexpected `'`".to_owned(),
        Some(c) => format!("unexpected `{c}`"),
    };
    let diagnostic = Diagnostic::error(codes::SYNTAX, message).at(span, expectation(said));
    if found == Some('\'') { diagnostic.help("strings are written in double quotes") } else { diagnostic }
}

/// The parser's list of what may follow, shortened to what helps.
fn expectation(said: &str) -> String {
    if said.starts_with("invalid expression") {
        return "expected a value here".to_owned();
    }
    if said.starts_with("invalid structure") {
        return "expected `=` and a value, or a block: labels and `{`".to_owned();
    }
    if said.starts_with("invalid escape sequence") {
        return "expected one of \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN".to_owned();
    }
    if said.ends_with("unexpected token") {
        return "this cannot stand here".to_owned();
    }
    match said.split_once("expected ") {
        Some((_, "newline or eof")) => "expected the end of the line, or a complete expression".to_owned(),
        Some((_, list)) => format!("expected {}", list.replace("newline or eof", "the end of the line")),
        None => "this cannot stand here".to_owned(),
    }
}
