//! Where the key comes from: a passphrase, a key file, or a key of this computer's user made on first use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hkdf};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::StateError;
use crate::file;
use crate::seal::{decode_base64, encode_base64};

/// What a passphrase costs to try: memory in KiB and passes of argon2id.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 2;

/// More than this is not spent on a header: it may have been written by somebody else.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;

/// How often a passphrase is asked for until one opens what is sealed.
const ATTEMPTS: usize = 3;

/// Somebody who can be asked for a passphrase. Told how often that was in vain; nothing when there is no answer.
#[derive(Clone)]
pub struct Ask(pub Arc<dyn Fn(usize) -> Option<Zeroizing<String>> + Send + Sync>);

/// The keys a run was given. What a new state takes: the passphrase, else the key file, else the user's own key.
#[derive(Clone, Default)]
pub struct KeySources {
    /// `LAZULI_PASSPHRASE`.
    pub passphrase: Option<Zeroizing<String>>,
    /// `LAZULI_KEY_FILE`.
    pub key_file: Option<PathBuf>,
    /// The folder in the operating system's data folder where the user's own key is kept.
    pub user_folder: Option<PathBuf>,
    /// Who can be asked for a passphrase when there is none.
    pub ask: Option<Ask>,
    /// Whether others must be able to open what is sealed, so that the user's own key is refused.
    pub shared: bool,
}

impl std::fmt::Debug for KeySources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySources")
            .field("passphrase", &self.passphrase.as_ref().map(|_| "(sensitive value)"))
            .field("key_file", &self.key_file)
            .field("user_folder", &self.user_folder)
            .finish()
    }
}

/// How the key is found again. It names the source and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", rename_all = "snake_case")]
pub(crate) enum Source {
    /// A passphrase, through argon2id.
    Passphrase { memory_kib: u32, passes: u32 },
    /// A file the user names.
    KeyFile,
    /// The file in the operating system's data folder.
    UserKey,
}

/// The source of the key, a salt, and a value by which a wrong key is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    cipher: String,
    #[serde(flatten)]
    pub(crate) source: Source,
    salt: String,
    check: String,
}

pub(crate) const CIPHER: &str = "aes-256-gcm";

/// The key for encryption, with the value that recognises it.
pub(crate) struct Derived {
    pub(crate) key: Zeroizing<[u8; 32]>,
    check: [u8; 16],
}

impl Source {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Source::Passphrase { .. } => "passphrase",
            Source::KeyFile => "key file",
            Source::UserKey => "user's own key",
        }
    }
}

impl Header {
    /// True when only a passphrase can open it: the one case in which a person may be asked.
    pub fn wants_passphrase(&self) -> bool {
        matches!(self.source, Source::Passphrase { .. })
    }

    /// A new header for the first source there is, and its key.
    pub(crate) fn create(sources: &KeySources) -> Result<(Header, Derived), StateError> {
        let source = match sources {
            KeySources { passphrase: Some(_), .. } => {
                Source::Passphrase { memory_kib: MEMORY_KIB, passes: PASSES }
            }
            KeySources { key_file: Some(_), .. } => Source::KeyFile,
            KeySources { shared: true, .. } => return Err(StateError::KeyNotShared),
            KeySources { user_folder: Some(folder), .. } => {
                make_user_key(folder)?;
                Source::UserKey
            }
            _ => {
                return Err(StateError::KeyMissing {
                    source_name: "key",
                    wanted: "set LAZULI_PASSPHRASE or LAZULI_KEY_FILE; there is a secret to be kept and no folder for a key of your own".into(),
                });
            }
        };
        let mut salt = [0; 16];
        fill_random(&mut salt)?;
        let derived = derive(&source, &salt, sources)?;
        let check = encode_base64(&derived.check);
        Ok((Header { cipher: CIPHER.into(), source, salt: encode_base64(&salt), check }, derived))
    }

    /// The key this header was made with.
    pub(crate) fn unlock(&self, sources: &KeySources) -> Result<Derived, StateError> {
        let altered = || StateError::Altered { what: "the encryption header" };
        if self.cipher != CIPHER {
            return Err(altered());
        }
        let salt = decode_base64(&self.salt).ok_or_else(altered)?;
        let check = decode_base64(&self.check).ok_or_else(altered)?;
        let wrong = || StateError::WrongKey { source_name: self.source.name() };
        let ask = sources.ask.as_ref().filter(|_| self.wants_passphrase() && sources.passphrase.is_none());
        let Some(Ask(ask)) = ask else {
            let derived = derive(&self.source, &salt, sources)?;
            return if check == derived.check { Ok(derived) } else { Err(wrong()) };
        };
        for attempt in 0..ATTEMPTS {
            let sources = KeySources { passphrase: ask(attempt), ..KeySources::default() };
            let derived = derive(&self.source, &salt, &sources)?;
            if check == derived.check {
                return Ok(derived);
            }
        }
        Err(wrong())
    }
}

fn derive(source: &Source, salt: &[u8], sources: &KeySources) -> Result<Derived, StateError> {
    let root = match source {
        Source::Passphrase { memory_kib, passes } => {
            let Some(passphrase) = &sources.passphrase else {
                return Err(missing(
                    source,
                    "set LAZULI_PASSPHRASE, or run on a terminal without --no-input, where it is asked for"
                        .into(),
                ));
            };
            stretch(passphrase, salt, *memory_kib, *passes)?
        }
        Source::KeyFile => match &sources.key_file {
            Some(file) => read_key(file, source)?,
            None => {
                return Err(missing(source, "set LAZULI_KEY_FILE to the file it was encrypted with".into()));
            }
        },
        Source::UserKey if sources.shared => return Err(StateError::KeyNotShared),
        Source::UserKey => match &sources.user_folder {
            Some(folder) => read_key(&user_key(folder), source)?,
            None => return Err(missing(source, "the key of the user who made it is needed".into())),
        },
    };
    let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&root[..]);
    let mut derived = Derived { key: Zeroizing::new([0; 32]), check: [0; 16] };
    expand(&pseudo_random, b"lazuli encryption", &mut derived.key[..])?;
    expand(&pseudo_random, b"lazuli check", &mut derived.check)?;
    Ok(derived)
}

fn missing(source: &Source, wanted: String) -> StateError {
    StateError::KeyMissing { source_name: source.name(), wanted }
}

fn stretch(
    passphrase: &str,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
) -> Result<Zeroizing<Vec<u8>>, StateError> {
    let altered = || StateError::Altered { what: "the encryption header" };
    if memory_kib > MOST_MEMORY_KIB || passes > MOST_PASSES {
        return Err(altered());
    }
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| altered())?;
    let mut root = Zeroizing::new(vec![0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut root)
        .map_err(|_| altered())?;
    Ok(root)
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(from: &hkdf::Prk, label: &[u8], into: &mut [u8]) -> Result<(), StateError> {
    let filled = from.expand(&[label], Length(into.len())).and_then(|okm| okm.fill(into));
    filled.map_err(|_| StateError::Altered { what: "the encryption header" }) // impossible: lengths are small
}

pub(crate) fn fill_random(into: &mut [u8]) -> Result<(), StateError> {
    SystemRandom::new().fill(into).map_err(|_| StateError::Io {
        doing: "read random bytes from",
        path: PathBuf::from("the operating system"),
        source: std::io::Error::other("no randomness"),
    })
}

fn user_key(folder: &Path) -> PathBuf {
    folder.join("state.key")
}

fn make_user_key(folder: &Path) -> Result<(), StateError> {
    let path = user_key(folder);
    file::create_folder(folder)?;
    if path.exists() {
        return file::sync_folder(folder); // whoever made it may have been killed before it was durable
    }
    let mut key = Zeroizing::new([0; 32]);
    fill_random(&mut key[..])?;
    let text = Zeroizing::new(format!("{}\n", encode_base64(&key[..])));
    file::create_atomic(&path, text.as_bytes()).map(|_| ())
}

/// The digest of a key file's content; of a user's own key, only when nobody else can read it.
fn read_key(path: &Path, source: &Source) -> Result<Zeroizing<Vec<u8>>, StateError> {
    let Some(content) = file::read(path)?.map(Zeroizing::new) else {
        return Err(missing(source, format!("the key file {} is not there", path.display())));
    };
    let content = content.trim_ascii_end();
    let refuse = |found: &str| StateError::KeyFile { file: path.to_owned(), found: found.to_owned() };
    if content.len() < 32 {
        return Err(refuse("it holds less than 32 bytes"));
    }
    #[cfg(unix)]
    if *source == Source::UserKey {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_err(StateError::io("read", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(refuse("others can read it; make it private with chmod 600"));
        }
    }
    Ok(Zeroizing::new(digest::digest(&digest::SHA256, content).as_ref().to_vec()))
}
