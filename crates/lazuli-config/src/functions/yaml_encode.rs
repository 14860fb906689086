//! Values as YAML, with the same quotes, breaks and indentation as Terraform.

use std::fmt::Write as _;

use lazuli_core::Value;
use lazuli_core::value::Content;

use super::{Answer, Problem};
use crate::limits;

/// Quoted text is broken at blanks beyond this column.
const WIDTH: usize = 80;
/// Longer keys stand after a `?`.
const SIMPLE_KEY: usize = 128;

/// The value as a YAML document.
pub(super) fn encode(value: &Value) -> Answer {
    let mut writer = Writer { text: String::new(), line: 0 };
    writer.node(value, 0, false)?;
    let plain = matches!(value.content(), Content::Null(_) | Content::Bool(_) | Content::Number(_));
    if !writer.text.ends_with('\n') {
        writer.text.push('\n');
    }
    if plain {
        writer.text.push_str("...\n"); // nothing can follow by mistake
    }
    Ok(Value::from(writer.text))
}

struct Writer {
    text: String,
    /// Where the line begins.
    line: usize,
}

impl Writer {
    fn line_break(&mut self) {
        self.text.push('\n');
        self.line = self.text.len();
    }

    /// A new line with an indentation, unless the line is empty or holds only that.
    fn indent(&mut self, indent: usize) {
        if self.text.len() > self.line {
            self.line_break();
        }
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn column(&self) -> usize {
        self.text[self.line..].chars().count()
    }

    /// A value. `started` says that the first line is begun and a mapping or sequence may begin in it.
    fn node(&mut self, value: &Value, indent: usize, started: bool) -> Result<(), Problem> {
        if self.text.len() > limits::STRING {
            return Err(Problem::new("the result is too long"));
        }
        match value.content() {
            Content::Null(_) => self.text.push_str("null"),
            Content::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Content::Number(number) => self.text.push_str(&number.to_string()),
            Content::String(text) => self.string(text, indent, false),
            Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
                if items.is_empty() {
                    self.text.push_str("[]");
                }
                let mut started = started;
                for item in items.iter() {
                    if !std::mem::take(&mut started) {
                        self.indent(indent);
                    }
                    self.text.push_str("- ");
                    self.node(item, indent + 2, true)?;
                }
            }
            Content::Map(_, entries) | Content::Object(entries) => {
                if entries.is_empty() {
                    self.text.push_str("{}");
                }
                let mut started = started;
                for (name, item) in entries.iter() {
                    if !std::mem::take(&mut started) {
                        self.indent(indent);
                    }
                    self.entry(name, item, indent)?;
                }
            }
            Content::Unknown(_) => return Err(Problem::new("a part is not known")), // impossible: wholly known
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, value: &Value, indent: usize) -> Result<(), Problem> {
        let is_simple = name.len() <= SIMPLE_KEY && !name.contains(is_break);
        if !is_simple {
            self.text.push_str("? ");
            self.string(name, indent + 2, false);
            self.indent(indent);
            self.text.push_str(": ");
            return self.node(value, indent + 2, true);
        }
        self.string(name, indent, true);
        self.text.push(':');
        match value.content() {
            Content::Map(_, entries) | Content::Object(entries) if !entries.is_empty() => {
                self.node(value, indent + 2, false)
            }
            // Sequences in mappings are not indented.
            Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) if !items.is_empty() => {
                self.node(value, indent, false)
            }
            _ => {
                self.text.push(' ');
                self.node(value, indent + 2, false)
            }
        }
    }

    /// Text: as a block when it has several lines and a block can hold it, else in quotes.
    fn string(&mut self, text: &str, indent: usize, key: bool) {
        if !key && text.contains('\n') && fits_block(text) {
            self.block(text, indent.max(2));
        } else {
            self.quoted(text, indent.max(2), !key);
        }
    }

    fn block(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.text.push('2');
        }
        let mut from_end = text.chars().rev();
        let (last, before) = (from_end.next(), from_end.next());
        match (last.is_some_and(is_break), before) {
            (false, _) => self.text.push('-'),
            (true, None) => self.text.push('+'),
            (true, Some(c)) if is_break(c) => self.text.push('+'),
            _ => {}
        }
        self.line_break();
        let mut at_line_start = true;
        for c in text.chars() {
            if c == '\n' {
                self.line_break();
                at_line_start = true;
                continue;
            }
            if std::mem::take(&mut at_line_start) {
                self.indent(indent);
            }
            self.text.push(c);
            if is_break(c) {
                self.line = self.text.len();
                at_line_start = true;
            }
        }
    }

    fn quoted(&mut self, text: &str, indent: usize, may_break: bool) {
        // A mark of the byte order makes every character an escape: so it is elsewhere.
        let all = text.starts_with('\u{feff}');
        self.text.push('"');
        let mut after_blank = false;
        let mut chars = text.chars().enumerate().peekable();
        let count = text.chars().count();
        let mut column = self.column();
        while let Some((at, c)) = chars.next() {
            let start = self.text.len();
            if all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                escape(c, &mut self.text);
                after_blank = false;
            } else if c == ' ' {
                if may_break && !after_blank && column > WIDTH && at > 0 && at + 1 < count {
                    self.indent(indent);
                    column = indent;
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.text.push('\\');
                        column += 1;
                    }
                    after_blank = true;
                    continue;
                }
                self.text.push(c);
                after_blank = true;
            } else {
                self.text.push(c);
                after_blank = false;
            }
            column += self.text[start..].chars().count();
        }
        self.text.push('"');
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What stands for itself. Characters beyond the first plane do not, as elsewhere.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// True when a literal block can hold the text: no blank before a break or at the end, nothing unprintable.
fn fits_block(text: &str) -> bool {
    let mut blank = false;
    for c in text.chars() {
        if !is_printable(c) || (blank && is_break(c)) {
            return false;
        }
        blank = c == ' ';
    }
    !blank && !text.starts_with('\u{feff}')
}

fn escape(c: char, text: &mut String) {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        c => {
            let code = u32::from(c);
            let _ = match code {
                0..=0xff => write!(text, "\\x{code:02X}"),
                0x100..=0xffff => write!(text, "\\u{code:04X}"),
                _ => write!(text, "\\U{code:08X}"),
            };
            return;
        }
    };
    text.push('\\');
    text.push(short);
}
