//! Where output goes: results to standard output, everything else to standard error; colours, width, the one question.
//!
//! A closed pipe is no error: what is running must go on and be recorded, so later writes are simply dropped.
//! What is written is in `render`; this module never decides a word of it, except for the question.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstream::{AutoStream, ColorChoice};
use lazuli_core::Json;
use time::OffsetDateTime;

use crate::cli::{Color, Global};
use crate::interrupt;
use crate::render::events;

/// The width of output that goes to no terminal.
const PIPE_WIDTH: usize = 100;

/// Writes what commands have to say.
pub struct Printer {
    results: Stream,
    messages: Stream,
    json: bool,
    verbose: u8,
    may_ask: bool,
    clock: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
}

/// One of the two outputs.
struct Stream {
    writer: Mutex<Writer>,
    terminal: bool,
    width: usize,
}

struct Writer {
    out: Box<dyn Write + Send>,
    failure: Option<io::Error>,
}

/// What somebody said when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `yes`.
    Yes,
    /// Anything else.
    No,
    /// Nobody can be asked: `--no-input`, `--json`, or nothing to read from.
    NobodyThere,
}

impl Printer {
    /// A printer on the process's own outputs.
    pub fn new(global: &Global) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let out = Stream::new(
            stdout.is_terminal(),
            terminal_size::terminal_size_of(&stdout).map(|(w, _)| w.0.into()),
            Box::new(AutoStream::new(stdout, color_choice(global.color, &io::stdout()))),
        );
        let err = Stream::new(
            stderr.is_terminal(),
            terminal_size::terminal_size_of(&stderr).map(|(w, _)| w.0.into()),
            Box::new(AutoStream::new(stderr, color_choice(global.color, &io::stderr()))),
        );
        Printer {
            results: out,
            messages: err,
            json: global.json,
            verbose: global.verbose,
            may_ask: !global.no_input && !global.json,
            clock: Box::new(OffsetDateTime::now_utc),
        }
    }

    /// True when results are to be JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// How often `-v` was given.
    pub fn verbose(&self) -> u8 {
        self.verbose
    }

    /// Columns for results.
    pub fn width(&self) -> usize {
        self.results.width
    }

    /// Columns for messages.
    pub fn message_width(&self) -> usize {
        self.messages.width
    }

    /// True when progress may move on the terminal instead of being told line by line.
    pub fn live(&self) -> bool {
        self.messages.terminal && !self.json && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Writes a result, styles and line ends included, to standard output.
    pub fn result(&self, text: &str) {
        self.results.write(text);
    }

    /// Writes a file's text to standard output, byte by byte: what looks like a style is part of it.
    pub fn verbatim(&self, text: &str) {
        let mut writer = self.results.lock();
        if writer.failure.is_none() {
            let mut out = io::stdout().lock();
            writer.failure = out.write_all(text.as_bytes()).and_then(|()| out.flush()).err();
        }
    }

    /// Writes something that is no result to standard error, and a line end when it has none.
    pub fn message(&self, text: &str) {
        if text.ends_with('\n') {
            self.messages.write(text);
        } else {
            self.messages.write(&format!("{text}\n"));
        }
    }

    /// Writes an event, with the time, as one line to standard output.
    pub fn event(&self, event: Json) {
        self.results.write(&format!("{}\n", events::stamped(event, (self.clock)())));
    }

    /// Writes a JSON document to standard output.
    pub fn document(&self, document: &Json) {
        self.results.write(&format!("{document:#}\n"));
    }

    /// True unless asking was forbidden.
    pub fn may_ask(&self) -> bool {
        self.may_ask
    }

    /// Asks on standard error and reads a line of standard input. Only `yes` is yes.
    pub fn ask(&self, question: &str) -> Answer {
        if !self.may_ask {
            return Answer::NobodyThere;
        }
        self.messages.write(&format!("\n{question}\n  Only `yes` is accepted: "));
        let answer = answer(interrupt::line());
        self.messages.write(if io::stdin().is_terminal() { "" } else { "\n" });
        answer
    }

    /// Flushes; call it last.
    ///
    /// # Errors
    /// The first write that failed, such as a full disk. A reader that went away is no error.
    pub fn finish(self) -> io::Result<()> {
        self.results.finish()?;
        self.messages.finish()
    }
}

impl Stream {
    fn new(terminal: bool, width: Option<usize>, out: Box<dyn Write + Send>) -> Self {
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let width = width.or_else(columns).filter(|w| *w >= 20).unwrap_or(PIPE_WIDTH);
        Stream { writer: Mutex::new(Writer { out, failure: None }), terminal, width }
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, text: &str) {
        let mut writer = self.lock();
        if writer.failure.is_some() || text.is_empty() {
            return;
        }
        let result = writer.out.write_all(text.as_bytes()).and_then(|()| writer.out.flush());
        writer.failure = result.err();
    }

    fn finish(self) -> io::Result<()> {
        let writer = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        match writer.failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

fn color_choice(wanted: Color, stream: &impl anstream::stream::RawStream) -> ColorChoice {
    match wanted {
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto => AutoStream::choice(stream),
    }
}

fn answer(line: io::Result<String>) -> Answer {
    match line {
        Err(_) => Answer::NobodyThere,
        Ok(line) if line.is_empty() => Answer::NobodyThere,
        Ok(line) if line.trim() == "yes" => Answer::Yes,
        Ok(_) => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printer(out: Box<dyn Write + Send>) -> (Printer, Captured) {
        let err = Captured::default();
        let printer = Printer {
            results: Stream::new(false, Some(80), out),
            messages: Stream::new(false, Some(80), Box::new(err.clone())),
            json: true,
            verbose: 0,
            may_ask: false,
            clock: Box::new(|| OffsetDateTime::UNIX_EPOCH),
        };
        (printer, err)
    }

    #[test]
    fn results_and_messages_do_not_mix() {
        let out = Captured::default();
        let (printer, err) = printer(Box::new(out.clone()));
        printer.result("a result\n");
        printer.message("a message");
        printer.event(serde_json::json!({"type": "done"}));
        assert_eq!(out.text(), "a result\n{\"@timestamp\":\"1970-01-01T00:00:00Z\",\"type\":\"done\"}\n");
        assert_eq!(err.text(), "a message\n");
        assert!(printer.finish().is_ok());
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        for (kind, fine) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let (printer, _) = printer(Box::new(Failing(kind)));
            printer.result("x");
            printer.result("y");
            assert_eq!(printer.finish().is_ok(), fine, "{kind:?}");
        }
    }

    #[test]
    fn only_yes_is_yes() {
        for (typed, expected) in [
            ("yes\n", Answer::Yes),
            ("  yes \r\n", Answer::Yes),
            ("y\n", Answer::No),
            ("YES\n", Answer::No),
            ("\n", Answer::No),
            ("", Answer::NobodyThere),
        ] {
            assert_eq!(answer(Ok(typed.to_owned())), expected, "{typed:?}");
        }
    }

    #[test]
    fn nobody_is_asked_when_asking_is_not_allowed() {
        let (printer, err) = printer(Box::new(Captured::default()));
        assert_eq!(printer.ask("Apply this?"), Answer::NobodyThere);
        assert_eq!(err.text(), "");
    }
}
