//! Attributes and blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::{Diagnostic, Span};

use super::{Parsed, Parser, expectation};
use crate::codes;
use crate::syntax::{Attribute, Block, Body, Name};
use crate::token::Kind;

/// For how many attributes there is room in a block at once, so that their list seldom moves.
const USUAL_ATTRIBUTES: usize = 8;

/// The attributes of a body so far, by name.
pub(crate) type Seen = BTreeMap<Arc<str>, Span>;

impl Parser<'_, '_> {
    /// Items and nothing else.
    pub(crate) fn only_items(&mut self, seen: &mut Seen, into: &mut Body) -> Parsed<()> {
        self.items(seen, into)?;
        match self.peek() {
            Kind::End => Ok(()),
            _ => Err(self.unexpected("there is no block that it could close")),
        }
    }

    /// A block without its braces.
    pub(crate) fn only_header(&mut self) -> Parsed<Block> {
        if self.peek() != Kind::Name {
            return Err(self.unexpected("expected the name of a block"));
        }
        let name = self.taken_name();
        let (labels, span) = self.labels(&name, Kind::End)?;
        Ok(Block { name, labels, span, body: Body::default() })
    }

    /// Items up to the end of the piece, or up to a `}` inside a block.
    fn items(&mut self, seen: &mut Seen, into: &mut Body) -> Parsed<()> {
        loop {
            match self.peek() {
                Kind::LineEnd => {
                    self.take();
                }
                Kind::End | Kind::CloseBrace => return Ok(()),
                Kind::Name => {
                    let name = self.taken_name();
                    if self.peek() == Kind::Equals {
                        self.attribute(name, seen, into)?;
                    } else {
                        let block = self.deeper(|parser| parser.block(name))?;
                        into.blocks.push(block);
                    }
                    if !matches!(self.peek(), Kind::LineEnd | Kind::End) {
                        return Err(self.unexpected(expectation::LINE_END));
                    }
                }
                _ => return Err(self.unexpected("expected a name: of an argument or of a block")),
            }
        }
    }

    fn taken_name(&mut self) -> Name {
        let token = self.take();
        let start = self.start_of(&token);
        Name { text: self.name(token.text), span: self.span_from(start) }
    }

    /// `= value` after a name.
    fn attribute(&mut self, name: Name, seen: &mut Seen, into: &mut Body) -> Parsed<()> {
        let equals = self.take();
        if matches!(self.peek(), Kind::LineEnd | Kind::End) {
            let start = self.start_of(&equals);
            let message = format!("`{}` has no value", name.text);
            return Err(self.mistake(start, start + 1, &message, "expected a value after this"));
        }
        let value = self.expression()?;
        match seen.get(&name.text) {
            Some(first) => {
                let diagnostic = twice(&name, *first);
                self.report(diagnostic);
            }
            None => {
                seen.insert(name.text.clone(), name.span);
                into.attributes.push(Attribute { name, value });
            }
        }
        Ok(())
    }

    /// Labels and body after a name.
    fn block(&mut self, name: Name) -> Parsed<Block> {
        let (labels, span) = self.labels(&name, Kind::OpenBrace)?;
        let open = self.take();
        let open = self.start_of(&open);
        let mut body = Body::default();
        if self.peek() == Kind::LineEnd {
            body.attributes.reserve(USUAL_ATTRIBUTES);
            self.items(&mut Seen::new(), &mut body)?;
        } else if self.peek() == Kind::Name {
            // On one line there is room for one argument.
            let name = self.taken_name();
            if self.peek() != Kind::Equals {
                let (start, end) = (name.span.start as usize, name.span.end as usize);
                let message = format!("the block `{}` stands on the line of the block around it", name.text);
                return Err(self.mistake(start, end, &message, "expected on a line of its own"));
            }
            self.attribute(name, &mut Seen::new(), &mut body)?;
            if self.peek() == Kind::LineEnd {
                let end = self.start();
                let message = "a block that begins with an argument on its line does not end there";
                return Err(self.mistake(
                    open,
                    end,
                    message,
                    "expected `}` at the end, or a line end after `{`",
                ));
            }
        }
        self.expect(Kind::CloseBrace, "expected `}`: on one line a block has at most one argument")?;
        body.attributes.shrink_to_fit();
        body.blocks.shrink_to_fit();
        Ok(Block { name, labels, span, body })
    }

    /// Labels up to what ends them, and the place of name and labels together.
    fn labels(&mut self, name: &Name, end: Kind) -> Parsed<(Vec<Name>, Span)> {
        let mut labels: Vec<Name> = Vec::with_capacity(1);
        loop {
            match self.peek() {
                Kind::Name => labels.push(self.taken_name()),
                Kind::OpenQuote => labels.push(self.quoted_label()?),
                kind if kind == end => break,
                _ => return Err(self.unexpected(expectation::ITEM)),
            }
        }
        labels.shrink_to_fit();
        let span = labels.last().map_or(name.span, |last| name.span.to(last.span));
        Ok((labels, span))
    }

    fn quoted_label(&mut self) -> Parsed<Name> {
        let quote = self.take();
        let start = self.start_of(&quote);
        let text = match self.peek() {
            Kind::Text => {
                let token = self.take();
                self.unescaped(&token)?
            }
            _ => String::new(),
        };
        if self.peek() == Kind::OpenSequence {
            return Err(self.unexpected("a label is plain text"));
        }
        self.expect(Kind::CloseQuote, "expected the end of the label")?;
        Ok(Name { text: self.name(&text), span: self.span_from(start) })
    }
}

/// Says that an attribute was there before.
pub(crate) fn twice(name: &Name, first: Span) -> Diagnostic {
    Diagnostic::error(codes::ATTRIBUTE_TWICE, format!("`{}` is written twice", name.text))
        .at(name.span, "second time")
        .also_at(first, "first time")
}
