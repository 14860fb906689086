//! By which way a secret is given, and getting it. A secret is never an argument, never written in clear, never shown.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_azure::Secret;
use lazuli_state::seal::{self, Context};
use lazuli_state::{KeySources, Sealer, StateError};

use super::Environment;

/// How long a command may take to give a secret: a person may have to unlock a password store.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a command is looked at while it runs.
const COMMAND_POLL: Duration = Duration::from_millis(10);

/// More than this is no secret.
const MOST_BYTES: u64 = 64 * 1024;

/// What a sealed secret says it is.
const WHAT: &str = "account";
const FORMAT_VERSION: u32 = 1;

/// The way a secret is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// In an environment variable.
    Environment(String),
    /// In a file.
    File(PathBuf),
    /// By a program and its arguments, run without a shell.
    Command(Vec<String>),
    /// Encrypted, base64.
    Sealed(String),
}

/// What getting secrets needs.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// The environment.
    pub environment: Environment<'a>,
    /// The keys of what is encrypted.
    pub keys: &'a KeySources,
}

impl Given {
    /// Encrypts a secret for the account of that name, with the same keys a state takes.
    ///
    /// # Errors
    /// When there is no key.
    pub fn seal(secret: &Secret, account: &str, keys: &KeySources) -> Result<Given, StateError> {
        let context = Context {
            what: WHAT.to_owned(),
            format_version: FORMAT_VERSION,
            lineage: account.to_owned(),
            serial: 0,
        };
        let sealed = Sealer::create(keys)?.seal(secret.reveal().as_bytes(), &context)?;
        Ok(Given::Sealed(STANDARD.encode(sealed)))
    }

    /// The way, for people: it holds no secret.
    pub fn way(&self) -> String {
        match self {
            Given::Environment(name) => format!("environment variable {name}"),
            Given::File(path) => format!("file {}", path.display()),
            Given::Command(words) => format!("command `{}`", words.join(" ")),
            Given::Sealed(sealed) => {
                let header = STANDARD.decode(sealed).ok().and_then(|file| seal::peek(&file[..]));
                let key = match header {
                    Some((_, header)) if header.wants_passphrase() => "passphrase",
                    Some(_) => "key file",
                    None => "damaged",
                };
                format!("encrypted in the registry ({key})")
            }
        }
    }

    /// Its kind, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Given::Environment(_) => "env",
            Given::File(_) => "file",
            Given::Command(_) => "command",
            Given::Sealed(_) => "sealed",
        }
    }

    /// Gets the secret of the account of that name.
    ///
    /// # Errors
    /// Why it is not to be had, without a word of it.
    pub fn get(&self, account: &str, access: Access<'_>) -> Result<Secret, String> {
        let secret = match self {
            Given::Environment(name) => (access.environment)(name)
                .ok_or_else(|| format!("the environment variable {name} is not set"))?,
            Given::File(path) => {
                let unreadable = |error: &dyn std::fmt::Display| {
                    format!("the file {} cannot be read: {error}", path.display())
                };
                let mut text = String::new();
                let file = std::fs::File::open(path).map_err(|error| unreadable(&error))?;
                file.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
                text
            }
            Given::Command(words) => run(words, COMMAND_TIMEOUT)?,
            Given::Sealed(sealed) => open(sealed, account, access.keys)?,
        };
        let secret = secret.trim();
        if secret.is_empty() {
            return Err(format!("the {} gives nothing", self.way()));
        }
        Ok(Secret::new(secret))
    }
}

fn open(sealed: &str, account: &str, keys: &KeySources) -> Result<String, String> {
    let altered = || {
        "it was altered, or belongs to another account; give it again with `lazuli account edit`".to_owned()
    };
    let file = STANDARD.decode(sealed).map_err(|_| altered())?;
    let (context, plain) = match seal::open(&file, keys) {
        Err(StateError::Altered { .. }) => return Err(altered()),
        opened => opened.map_err(|error| format!("{error}; {}", error.help()))?,
    };
    if context.what != WHAT || context.lineage != account {
        return Err(altered());
    }
    String::from_utf8(plain).map_err(|_| altered())
}

/// What a program prints, when it ends in time and well. What it has to say to people goes where ours goes.
fn run(words: &[String], timeout: Duration) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove("LAZULI_PASSPHRASE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the command `{program}` cannot be started: {error}"))?;
    let output = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|output| output.take(MOST_BYTES).read_to_string(&mut text));
        read.is_some_and(|read| read.is_ok()).then_some(text)
    });
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < timeout => std::thread::sleep(COMMAND_POLL),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the command `{program}` gave nothing within {} s", timeout.as_secs()));
            }
            Err(error) => return Err(format!("the command `{program}` cannot be waited for: {error}")),
        }
    };
    if !status.success() {
        return Err(format!("the command `{program}` failed ({status})"));
    }
    match reader.join() {
        Ok(Some(text)) => Ok(text),
        _ => Err(format!("what the command `{program}` printed is not text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(passphrase: &str) -> KeySources {
        KeySources { passphrase: Some(passphrase.to_owned().into()), ..KeySources::default() }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_sealed_secret_opens_for_its_account_and_key_only() {
        let keys = keys("a passphrase");
        let given = Given::seal(&Secret::new("hunter2"), "main", &keys).unwrap();
        assert!(!format!("{given:?}").contains("hunter2"));
        assert_eq!(given.way(), "encrypted in the registry (passphrase)");
        let environment = |_: &str| None;
        let access = Access { environment: &environment, keys: &keys };
        assert_eq!(given.get("main", access).unwrap().reveal(), "hunter2");
        assert!(given.get("other", access).unwrap_err().contains("altered"));
        let wrong = super::tests::keys("another one");
        let refused = given.get("main", Access { keys: &wrong, ..access }).unwrap_err();
        assert!(!refused.contains("hunter2") && !refused.contains("another one"), "{refused}");
        let Given::Sealed(text) = &given else { panic!() };
        let damaged = Given::Sealed(text.replacen(&text[20..24], "AAAA", 1));
        assert!(damaged.get("main", access).is_err());
    }

    #[test]
    fn a_command_is_run_without_a_shell_and_not_for_ever() {
        assert_eq!(run(&words(&["printf", "%s", "$HOME; `id`"]), COMMAND_TIMEOUT).unwrap(), "$HOME; `id`");
        assert!(run(&words(&["false"]), COMMAND_TIMEOUT).unwrap_err().contains("failed"));
        assert!(run(&words(&["no-such-program-anywhere"]), COMMAND_TIMEOUT).unwrap_err().contains("started"));
        let late = run(&words(&["sleep", "600"]), Duration::from_millis(50)).unwrap_err();
        assert!(late.contains("gave nothing"), "{late}");
    }

    #[test]
    fn what_is_missing_is_named_and_line_ends_do_not_belong_to_a_secret() {
        let keys = KeySources::default();
        let environment = |name: &str| match name {
            "SET" => Some("hunter2\r\n".to_owned()),
            "BLANK" => Some(" \n".to_owned()),
            _ => None,
        };
        let access = Access { environment: &environment, keys: &keys };
        let get = |name: &str| Given::Environment(name.to_owned()).get("main", access);
        assert_eq!(get("SET").unwrap().reveal(), "hunter2");
        assert_eq!(get("BLANK").unwrap_err(), "the environment variable BLANK gives nothing");
        assert_eq!(get("UNSET").unwrap_err(), "the environment variable UNSET is not set");
    }
}
