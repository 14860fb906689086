//! Taking a secret from a person or a script, and asking for what is missing.

use std::io::Read as _;

use console::Term;
use lazuli_azure::Secret;
use lazuli_core::Diagnostic;

use crate::accounts::given::Given;
use crate::cli::SecretFlags;
use crate::failure::Failure;
use crate::terminal::Printer;
use crate::{host, interrupt, passphrase, planning};

/// More than this is no secret.
const MOST_BYTES: u64 = 64 * 1024;

/// The way that the flags give the secret of an account; `None` when they give none.
pub(super) fn given(flags: &SecretFlags, account: &str) -> Result<Option<Given>, Failure> {
    Ok(if flags.secret_stdin {
        let mut text = zeroize::Zeroizing::new(String::new());
        let read = std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text);
        read.map_err(|error| refused(account, &format!("standard input cannot be read: {error}")))?;
        Some(sealed(&text, account)?)
    } else if let Some(name) = &flags.secret_env {
        Some(Given::Environment(name.clone()))
    } else if let Some(path) = &flags.secret_file {
        Some(Given::File(std::path::absolute(path).unwrap_or_else(|_| path.clone())))
    } else {
        flags.secret_command.clone().map(Given::Command)
    })
}

/// A secret, encrypted with the keys a state takes.
pub(super) fn sealed(secret: &str, account: &str) -> Result<Given, Failure> {
    if secret.trim().is_empty() {
        return Err(refused(account, "the secret is empty"));
    }
    let keys = planning::keys(&host::environment);
    Ok(Given::seal(&Secret::new(secret.trim()), account, &keys)?)
}

fn refused(account: &str, what: &str) -> Failure {
    Failure::of(Diagnostic::error("LZ3032", format!("cloud account `{account}` cannot be like that: {what}")))
}

/// Somebody who can be asked.
pub(super) struct Person(Term);

impl Person {
    /// The one at the terminal; `None` when nobody is to be asked.
    pub(super) fn here(printer: &Printer) -> Option<Person> {
        use std::io::IsTerminal as _;
        let term = Term::stderr();
        (printer.may_ask() && std::io::stdin().is_terminal() && term.is_term()).then_some(Person(term))
    }

    /// Asks for a text; an empty answer is `default`.
    pub(super) fn text(&self, question: &str, default: Option<&str>) -> Result<Option<String>, Failure> {
        let hint = default.map_or_else(String::new, |default| format!(" [{default}]"));
        self.0.write_str(&format!("{question}{hint}: ")).map_err(gone)?;
        let answer = interrupt::line().map_err(gone)?;
        let answer = answer.trim();
        Ok(if answer.is_empty() { default.map(str::to_owned) } else { Some(answer.to_owned()) })
    }

    /// Asks for a secret, which does not appear.
    pub(super) fn secret(&self, question: &str) -> Result<zeroize::Zeroizing<String>, Failure> {
        passphrase::secret(&format!("{question} (is not shown): ")).map_err(gone)
    }
}

fn gone(error: std::io::Error) -> Failure {
    Failure::of(Diagnostic::error("LZ3032", format!("nobody answers at the terminal: {error}")))
}
