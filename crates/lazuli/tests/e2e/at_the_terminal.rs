//! Somebody at a terminal, who is asked for a passphrase.

#![cfg(unix)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::configurations::SMALL;
use crate::workbench::Workbench;

/// A terminal with somebody at it, and the program that talks to it.
struct Terminal {
    person: File,
    child: Child,
    /// What the program and the echo wrote.
    seen: String,
}

impl Terminal {
    fn run(bench: &Workbench, arguments: &[&str]) -> Terminal {
        let person: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let path = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let child = bench.command(arguments).stdin(open()).stderr(open()).spawn().unwrap();
        Terminal { person: person.into(), child, seen: String::new() }
    }

    /// Reads until the program says something.
    fn hears(&mut self, text: &str) -> &mut Self {
        let mut bytes = [0; 256];
        while !self.seen.contains(text) {
            let read = self.person.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        self.seen.clear();
        self
    }

    fn types(&mut self, text: &str) -> &mut Self {
        self.person.write_all(text.as_bytes()).unwrap();
        self
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.person).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end: the exit code, and what was seen since the last thing heard.
    fn ends(mut self) -> (Option<i32>, String, String) {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let code = self.child.wait().unwrap().code();
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = self.person.read(&mut bytes) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        (code, out, self.seen)
    }
}

fn sealed() -> Workbench {
    let mut bench = Workbench::with(SMALL);
    bench.set("LAZULI_PASSPHRASE", "correct horse");
    bench.applies();
    bench.set("LAZULI_PASSPHRASE", "");
    bench
}

#[test]
fn a_passphrase_is_asked_for_and_does_not_appear() {
    let bench = sealed();
    let mut terminal = Terminal::run(&bench, &["plan"]);
    terminal.hears("Passphrase (is not shown): ");
    assert!(!terminal.echoes());
    terminal.types("a slip\n").hears("That is not it. Passphrase (is not shown): ").types("correct horse\n");
    let (code, out, seen) = terminal.ends();
    assert_eq!(code, Some(0), "{seen}");
    assert!(out.contains("No changes"), "{out}");
    assert!(!seen.contains("horse"), "{seen}");
}

#[test]
fn who_presses_ctrl_c_at_the_passphrase_gets_the_terminal_back() {
    let bench = sealed();
    let mut terminal = Terminal::run(&bench, &["apply"]);
    terminal.hears("Passphrase (is not shown): ");
    let pid = terminal.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    terminal.hears("Interrupted before the first step: nothing was changed in Azure.");
    assert!(terminal.echoes());
    assert_eq!(terminal.ends().0, Some(130));
}

#[test]
fn nobody_is_asked_with_no_input() {
    let bench = sealed();
    let (code, _, seen) = Terminal::run(&bench, &["plan", "--no-input"]).ends();
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("LZ2005") && seen.contains("run on a terminal without --no-input"), "{seen}");
}

#[test]
fn a_new_passphrase_is_typed_twice() {
    let bench = sealed();
    for (again, code) in [("other horse", Some(1)), ("new horse", Some(0))] {
        let mut terminal = Terminal::run(&bench, &["state", "rekey"]);
        terminal.hears("New passphrase (is not shown): ").types("new horse\n");
        terminal.hears("The same again: ").types(&format!("{again}\n"));
        if code == Some(0) {
            terminal.hears("Passphrase (is not shown): ").types("correct horse\n");
        }
        let (ended, out, seen) = terminal.ends();
        assert_eq!(ended, code, "{out}{seen}");
    }
    let mut terminal = Terminal::run(&bench, &["plan"]);
    terminal.hears("Passphrase").types("new horse\n");
    assert_eq!(terminal.ends().0, Some(0));
}
