//! Sealing bytes: AES-256-GCM with a fresh nonce each time, bound to a context.
//!
//! A *sealed text* is what stands inside a state or a journal. An *envelope* is a whole file, such as a saved plan: one
//! line in clear that says what it is and how the key is found, then the sealed bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::key::{Derived, Header, KeySources, fill_random};

/// A key, ready to seal and open.
pub struct Sealer {
    header: Header,
    key: LessSafeKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.header.source.name())
    }
}

impl Sealer {
    /// A new key from the first source there is; a user's own key is made when there is none yet.
    ///
    /// # Errors
    /// When there is no source, or it cannot be used.
    pub fn create(sources: &KeySources) -> Result<Sealer, StateError> {
        let (header, derived) = Header::create(sources)?;
        Sealer::of(header, &derived)
    }

    /// The key a header was made with.
    ///
    /// # Errors
    /// When the source it names was not given, or is another one.
    pub fn open(header: &Header, sources: &KeySources) -> Result<Sealer, StateError> {
        let derived = header.unlock(sources)?;
        Sealer::of(header.clone(), &derived)
    }

    fn of(header: Header, derived: &Derived) -> Result<Sealer, StateError> {
        let key = UnboundKey::new(&AES_256_GCM, &derived.key[..])
            .map_err(|_| StateError::Altered { what: "the encryption header" })?; // impossible: 32 bytes
        Ok(Sealer { header, key: LessSafeKey::new(key) })
    }

    /// How the key is found again.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Nonce, ciphertext and tag. Only the same key and `context` open them.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn seal_bytes(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, StateError> {
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let mut body = plain.to_vec();
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
            .map_err(|_| StateError::Altered { what: "the plain text" })?; // impossible: far below 64 GiB
        Ok([&nonce[..], &body, tag.as_ref()].concat())
    }

    /// What [`Sealer::seal_bytes`] was given; `None` when anything of it differs.
    pub fn open_bytes(&self, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(context), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    /// [`Sealer::seal_bytes`] as base64.
    pub(crate) fn seal_text(&self, plain: &[u8], context: &str) -> Result<String, StateError> {
        Ok(encode_base64(&self.seal_bytes(plain, context.as_bytes())?))
    }

    /// The opposite of [`Sealer::seal_text`].
    pub(crate) fn open_text(&self, sealed: &str, context: &str) -> Option<Vec<u8>> {
        self.open_bytes(&decode_base64(sealed)?, context.as_bytes())
    }

    /// A whole file, encrypted; `context` can be read without the key and cannot be altered.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn seal(&self, plain: &[u8], context: &Context) -> Result<Vec<u8>, StateError> {
        let first = FirstLine { context: context.clone(), encryption: self.header.clone() };
        let mut file = serde_json::to_vec(&first).map_err(|_| damaged())?; // impossible: plain data
        let sealed = self.seal_bytes(plain, &file)?;
        file.push(b'\n');
        file.extend_from_slice(&sealed);
        Ok(file)
    }
}

/// What a sealed file is about, in clear: enough to refuse a stale one without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// What it is: `plan`.
    #[serde(rename = "lazuli")]
    pub what: String,
    /// The version of its format.
    pub format_version: u32,
    /// The state it belongs to.
    pub lineage: String,
    /// The version of that state.
    pub serial: u64,
}

#[derive(Serialize, Deserialize)]
struct FirstLine {
    #[serde(flatten)]
    context: Context,
    encryption: Header,
}

fn damaged() -> StateError {
    StateError::Altered { what: "the file" }
}

/// What a sealed file is about and how its key is found, without opening it; `None` when it is no sealed file.
pub fn peek(file: &[u8]) -> Option<(Context, Header)> {
    let line = file.get(..file.iter().position(|b| *b == b'\n')?)?;
    let first: FirstLine = serde_json::from_slice(line).ok()?;
    Some((first.context, first.encryption))
}

/// Opens a sealed file.
///
/// # Errors
/// When it is no sealed file, the key is missing or wrong, or any bit of it was altered.
pub fn open(file: &[u8], sources: &KeySources) -> Result<(Context, Vec<u8>), StateError> {
    let (context, header) = peek(file).ok_or_else(damaged)?;
    let end = file.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
    let plain =
        Sealer::open(&header, sources)?.open_bytes(&file[end + 1..], &file[..end]).ok_or_else(damaged)?;
    Ok((context, plain))
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// One sealer for a state: opened from its header or made when the first secret comes.
#[derive(Debug)]
pub(crate) struct Keyring {
    sources: KeySources,
    sealer: std::sync::Mutex<Option<std::sync::Arc<Sealer>>>,
}

impl Keyring {
    pub(crate) fn new(sources: KeySources) -> Self {
        Keyring { sources, sealer: std::sync::Mutex::default() }
    }

    /// Another one with the same sources, in which nothing is open yet.
    pub(crate) fn afresh(&self) -> Keyring {
        Keyring::new(self.sources.clone())
    }

    /// The sealer of a header; a header seen before costs nothing.
    pub(crate) fn open(&self, header: &Header) -> Result<std::sync::Arc<Sealer>, StateError> {
        let mut kept = self.sealer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sealer) = &*kept
            && sealer.header == *header
        {
            return Ok(sealer.clone());
        }
        let opened = std::sync::Arc::new(Sealer::open(header, &self.sources)?);
        Ok(kept.insert(opened).clone())
    }

    /// The sealer in use, else a new one.
    pub(crate) fn current(&self) -> Result<std::sync::Arc<Sealer>, StateError> {
        let mut kept = self.sealer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sealer) = &*kept {
            return Ok(sealer.clone());
        }
        let made = std::sync::Arc::new(Sealer::create(&self.sources)?);
        Ok(kept.insert(made).clone())
    }
}
