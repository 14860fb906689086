//! Opening the state: under its lock, with the keys that the environment names.

use std::path::PathBuf;
use std::time::Duration;

use lazuli_state::lock::{Holder, OnWait};
use lazuli_state::{Backend, KeySources, OpenOptions, OpenState, StateError};

use crate::accounts::Environment;
use crate::failure::Failure;
use crate::interrupt::{self, Going};

/// Where the state lies when nobody says.
pub const STATE: &str = "lazuli.state";

/// Locks and reads the state.
///
/// # Errors
/// When another run holds it, or it cannot be used.
pub fn open_state(
    backend: &Backend,
    command: &str,
    wait: Duration,
    keys: KeySources,
    say: &dyn Fn(&str),
) -> Result<OpenState, Failure> {
    locked(command, wait, keys, say, |options, on_wait| backend.open(options, Some(on_wait)))
}

/// Does something that takes the state's lock, and says when it has to wait for it.
///
/// # Errors
/// Those of `act`.
pub fn locked<T>(
    command: &str,
    wait: Duration,
    keys: KeySources,
    say: &dyn Fn(&str),
    act: impl FnOnce(OpenOptions, OnWait<'_>) -> Result<T, StateError>,
) -> Result<T, Failure> {
    let options = OpenOptions {
        command: command.to_owned(),
        who: crate::host::who(),
        now: crate::host::now(),
        lock_timeout: wait,
        keys,
    };
    let mut said = false;
    let mut looking = None;
    let mut on_wait = |holder: Option<&Holder>| {
        looking.get_or_insert_with(|| interrupt::going(Going::Looking)); // who waits holds nothing
        if !std::mem::replace(&mut said, true) {
            let who = holder.map_or_else(
                || "another run".to_owned(),
                |h| format!("{} (pid {}, {}, since {})", h.who, h.pid, h.command, h.since),
            );
            say(&format!("Waiting for the state's lock, held by {who}."));
        }
    };
    let done = act(options, &mut on_wait);
    drop(looking);
    Ok(done?)
}

/// The keys an encrypted state may need, from the environment.
pub fn keys(environment: Environment<'_>) -> KeySources {
    KeySources {
        passphrase: environment("LAZULI_PASSPHRASE").filter(|text| !text.is_empty()).map(Into::into),
        key_file: environment("LAZULI_KEY_FILE").map(PathBuf::from),
        user_folder: crate::host::data_folder(environment),
        ask: crate::passphrase::person(),
        shared: false,
    }
}
