//! Asking for a passphrase at the terminal. It does not appear while it is typed, and Ctrl-C gives the terminal back as it
//! was.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_state::Ask;
use zeroize::Zeroizing;

use crate::interrupt;

static MAY_ASK: AtomicBool = AtomicBool::new(false);

/// What was typed: the same is not asked for twice.
static TYPED: Mutex<Option<Zeroizing<String>>> = Mutex::new(None);

/// Says whether somebody may be asked.
pub fn allow(may_ask: bool) {
    MAY_ASK.store(may_ask, Ordering::SeqCst);
}

/// Who is asked for the passphrase of a state; `None` when nobody may be, or nobody is there.
pub fn person() -> Option<Ask> {
    let there = MAY_ASK.load(Ordering::SeqCst) && io::stdin().is_terminal() && io::stderr().is_terminal();
    there.then(|| Ask(Arc::new(ask)))
}

/// The passphrase; of a further attempt, another one than was typed before.
fn ask(attempt: usize) -> Option<Zeroizing<String>> {
    let mut typed = TYPED.lock().unwrap_or_else(PoisonError::into_inner);
    if attempt == 0 && typed.is_some() {
        return typed.clone();
    }
    let question = if attempt == 0 { "Passphrase" } else { "That is not it. Passphrase" };
    *typed = secret(&format!("{question} (is not shown): ")).ok().filter(|text| !text.is_empty());
    typed.clone()
}

/// Asks for something that does not appear while it is typed.
///
/// # Errors
/// When the terminal cannot be used, or Ctrl-C was pressed.
pub fn secret(question: &str) -> io::Result<Zeroizing<String>> {
    let hidden = echo::off()?;
    let mut out = io::stderr().lock();
    out.write_all(question.as_bytes())?;
    out.flush()?;
    let line = interrupt::line().map(Zeroizing::new);
    drop(hidden);
    out.write_all(b"\n")?;
    Ok(Zeroizing::new(line?.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(unix)]
mod echo {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal as it was; dropping this brings that back.
    pub(super) struct Before(Termios);

    pub(super) fn off() -> io::Result<Before> {
        let before = tcgetattr(io::stdin())?;
        let mut without = before.clone();
        without.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &without)?;
        Ok(Before(before))
    }

    impl Drop for Before {
        fn drop(&mut self) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0); // there is no other way
        }
    }
}

#[cfg(not(unix))]
mod echo {
    use std::io;

    /// There the terminal cannot be told.
    pub(super) fn off() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
