//! The lines of standard input, with a prompt where somebody types them.

use std::io::{self, BufRead, Read as _, Write as _};

use lazuli_core::Diagnostic;

use crate::failure::Failure;
use crate::terminal::Printer;

/// The longest line, in bytes: the limit of a configuration file would let a pipe fill the memory.
const MAX_LINE: u64 = 16 << 20;

/// A line that was read.
pub(super) enum Line {
    /// Its text, without the line end.
    Text(String),
    /// It cannot be an expression; the next one may be.
    Unfit(Diagnostic),
}

/// The lines of standard input.
pub(super) struct Lines {
    interactive: bool,
    /// Whether the next line goes on with the one before.
    pub(super) open: bool,
    /// Whether nothing was read yet: text may begin with a mark that says it is Unicode.
    first: bool,
}

impl Lines {
    /// With a prompt when they are typed.
    pub(super) fn new(interactive: bool) -> Self {
        Lines { interactive, open: false, first: true }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self, printer: &Printer) -> Result<Option<Line>, Failure> {
        if self.interactive {
            let _ = write!(io::stdout(), "{}", if self.open { "  " } else { "> " });
            let _ = io::stdout().flush();
        }
        let line = read(&mut io::stdin().lock(), MAX_LINE).map_err(|error| {
            Failure::of(Diagnostic::error("LZ3001", format!("standard input cannot be read: {error}")))
        })?;
        if line.is_none() && self.interactive {
            printer.message("");
        }
        Ok(line.map(|line| match line {
            Line::Text(text) if std::mem::take(&mut self.first) => {
                Line::Text(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
            }
            other => other,
        }))
    }
}

/// One line of at most that many bytes.
fn read(input: &mut impl BufRead, most: u64) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(most + 1).read_until(b'\n', &mut bytes)? as u64;
    if read == 0 {
        return Ok(None);
    }
    let ended = bytes.last() == Some(&b'\n');
    if read > most {
        if !ended {
            skip_line(input)?;
        }
        let message = format!("a line of the console is longer than {} MiB", most >> 20);
        return Ok(Some(Line::Unfit(Diagnostic::error("LZ3001", message))));
    }
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => Line::Text(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let byte = error.as_bytes().get(offset).copied().unwrap_or(0);
            let message = format!("the line is not UTF-8: byte {} is 0x{byte:02x}", offset + 1);
            Line::Unfit(Diagnostic::error("LZ3001", message))
        }
    }))
}

/// Passes over the rest of a line without keeping it.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let (there, end) = match input.fill_buf()? {
            [] => return Ok(()),
            there => (there.len(), there.iter().position(|byte| *byte == b'\n')),
        };
        input.consume(end.map_or(there, |end| end + 1));
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut input: &[u8], most: u64) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(line) = read(&mut input, most).unwrap() {
            told.push(match line {
                Line::Text(text) => text,
                Line::Unfit(diagnostic) => diagnostic.message,
            });
        }
        told
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_one_answer_and_the_next_is_read() {
        let long = "a line of the console is longer than 0 MiB";
        assert_eq!(lines(b"1\r\n1234\n12345\n2\n123456789", 5), ["1", "1234", long, "2", long]);
        assert_eq!(lines(b"\"\xff\"\n3", 5), ["the line is not UTF-8: byte 2 is 0xff", "3"]);
        assert_eq!(lines(b"\n\n", 5), ["", ""]);
    }
}
