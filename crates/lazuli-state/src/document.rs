//! The bytes of a state file: JSON, one resource to a line, its last member a digest of every byte before it.
//!
//! Members in order: `format_version`, `lineage`, `serial`, `encryption` (only with secrets), `resources`, `deposed`,
//! `roster`, `outputs`, `sealed` (only with secrets), `integrity`.
//!
//! | version | what changed |
//! |---|---|
//! | 1 | the first; `sealed` is bound to lineage and serial |
//! | 2 | `sealed` is bound to every byte before it as well: who has no key cannot edit a state that holds secrets |
//!
//! Older versions are read and become the current one with the next write.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::Address;
use lazuli_core::recorded::{Recorded, RecordedOutput, RecordedWorld};
use lazuli_core::resource::NodeSlot;
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::key::Header;
use crate::seal::Keyring;
use crate::secrets::{self, Leaf};

/// The version of the format that is written.
pub const FORMAT_VERSION: u64 = 2;

/// The first version whose sealed part is bound to everything before it.
const BOUND: u64 = 2;

const INTEGRITY: &str = "\"integrity\":\"sha256:";
const SEALED: &str = "sealed";
const DIGEST_DIGITS: usize = 64;
const END: &str = "\"\n}\n";

/// Why bytes are not a state.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not as they were written.
    Damaged(String),
    /// A newer format.
    Newer(u64),
    /// The sealed part cannot be opened.
    Key(StateError),
}

/// Which version of which state some bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Head {
    format_version: u64,
    /// The state.
    #[serde(default)]
    pub(crate) lineage: String,
    /// Its version.
    pub(crate) serial: u64,
}

#[derive(Deserialize)]
struct Parsed {
    format_version: u64,
    lineage: String,
    serial: u64,
    encryption: Option<Header>,
    resources: Vec<Recorded>,
    deposed: Vec<Recorded>,
    roster: BTreeMap<Address, NodeSlot>,
    outputs: BTreeMap<Arc<str>, RecordedOutput>,
    sealed: Option<String>,
}

/// What the sealed part is bound to; `before` is everything before it.
fn context(version: u64, lineage: &str, serial: u64, before: &[u8]) -> String {
    match version {
        BOUND.. => format!("lazuli state {lineage} {serial} {}", hex(before)),
        _ => format!("lazuli state {lineage} {serial}"),
    }
}

/// The bytes of a state file.
///
/// # Errors
/// When there is a secret in it and no key to seal it with.
pub(crate) fn encode(world: &RecordedWorld, keyring: &Keyring) -> Result<Vec<u8>, StateError> {
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut place = 0;
    let mut clear = |recorded: &mut Cow<'_, Recorded>| {
        if secrets::has_secrets(recorded) {
            secrets::take(recorded.to_mut(), place, &mut leaves);
        }
        place += 1;
    };
    let mut resources: Vec<Cow<'_, Recorded>> = world.resources.values().map(Cow::Borrowed).collect();
    resources.iter_mut().for_each(&mut clear);
    let mut deposed: Vec<Cow<'_, Recorded>> = world.deposed.iter().map(Cow::Borrowed).collect();
    deposed.iter_mut().for_each(&mut clear);
    let mut outputs = Cow::Borrowed(&world.outputs);
    if outputs.values().any(|o| o.sensitive) {
        for (i, output) in outputs.to_mut().values_mut().enumerate() {
            secrets::take_output(output, i, &mut leaves);
        }
    }

    let sealer = if leaves.is_empty() { None } else { Some(keyring.current()?) };
    let mut text = Vec::with_capacity(256 + 1024 * resources.len());
    text.extend_from_slice(format!("{{\n\"format_version\":{FORMAT_VERSION},\n").as_bytes());
    member(&mut text, "lineage", &world.lineage);
    member(&mut text, "serial", &world.serial);
    if let Some(sealer) = &sealer {
        member(&mut text, "encryption", sealer.header());
    }
    lines(&mut text, "resources", &resources);
    lines(&mut text, "deposed", &deposed);
    member(&mut text, "roster", &world.roster);
    member(&mut text, "outputs", &*outputs);
    if let Some(sealer) = &sealer {
        let mut plain = Vec::new();
        write(&mut plain, &leaves);
        let context = context(FORMAT_VERSION, &world.lineage, world.serial, &text);
        member(&mut text, SEALED, &sealer.seal_text(&plain, &context)?);
    }
    let digest = hex(&text);
    text.extend_from_slice(INTEGRITY.as_bytes());
    text.extend_from_slice(digest.as_bytes());
    text.extend_from_slice(END.as_bytes());
    Ok(text)
}

fn write(text: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(&mut *text, value);
    debug_assert!(written.is_ok()); // impossible: plain data with text keys, into memory
}

fn member(text: &mut Vec<u8>, name: &str, value: &impl Serialize) {
    text.extend_from_slice(format!("\"{name}\":").as_bytes());
    write(text, value);
    text.extend_from_slice(b",\n");
}

fn lines(text: &mut Vec<u8>, name: &str, items: &[Cow<'_, Recorded>]) {
    text.extend_from_slice(format!("\"{name}\":[").as_bytes());
    for (i, item) in items.iter().enumerate() {
        text.extend_from_slice(if i == 0 { b"\n" } else { b",\n" });
        write(text, item);
    }
    text.extend_from_slice(if items.is_empty() { b"],\n" } else { b"\n],\n" });
}

fn hex(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Which state the beginning of a document says it is; nothing was checked.
pub(crate) fn glance(beginning: &[u8]) -> Option<Head> {
    let text = String::from_utf8_lossy(beginning);
    let lines: Vec<&str> = text.lines().take(4).collect();
    let head = lines.join("\n");
    serde_json::from_str(&format!("{}}}", head.trim_end_matches(','))).ok()
}

/// Everything before the sealed part of a document that was checked.
fn before_sealed<'a>(bytes: &'a [u8], sealed: &str) -> Option<&'a [u8]> {
    let content = bytes.len().checked_sub(INTEGRITY.len() + DIGEST_DIGITS + END.len())?;
    let member = format!("\"{SEALED}\":\"{sealed}\",\n");
    bytes[..content].strip_suffix(member.as_bytes())
}

/// Checks bytes without a key and returns which state they are.
pub(crate) fn check(bytes: &[u8]) -> Result<Head, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Damaged("it is empty".into()));
    }
    let tail = INTEGRITY.len() + DIGEST_DIGITS + END.len();
    let parts = bytes.len().checked_sub(tail).map(|end| bytes.split_at(end)).and_then(|(content, tail)| {
        let digits = tail.strip_prefix(INTEGRITY.as_bytes())?.strip_suffix(END.as_bytes())?;
        Some((content, digits))
    });
    let head = || serde_json::from_slice::<Head>(bytes);
    let Some((content, digits)) = parts else {
        return Err(match head() {
            Ok(head) if head.format_version > FORMAT_VERSION => Refusal::Newer(head.format_version),
            Ok(_) => Refusal::Damaged(
                "it was edited or cut off: its checksum is not where Lazuli writes it".into(),
            ),
            Err(e) if e.is_eof() => {
                Refusal::Damaged(format!("it ends after {} bytes, in the middle", bytes.len()))
            }
            Err(e) => Refusal::Damaged(format!(
                "it is not what Lazuli writes (line {}, column {})",
                e.line(),
                e.column()
            )),
        });
    };
    if hex(content).as_bytes() != digits {
        return Err(Refusal::Damaged("its checksum does not fit its content".into()));
    }
    match head() {
        Ok(head) if head.format_version > FORMAT_VERSION => Err(Refusal::Newer(head.format_version)),
        Ok(head) if head.format_version == 0 => Err(Refusal::Damaged("its format version is 0".into())),
        Ok(head) => Ok(head),
        Err(e) => Err(Refusal::Damaged(format!("it is not what Lazuli writes: {e}"))),
    }
}

/// The world in a state file's bytes.
pub(crate) fn decode(bytes: &[u8], keyring: &Keyring) -> Result<RecordedWorld, Refusal> {
    check(bytes)?;
    let mut parsed: Parsed = serde_json::from_slice(bytes)
        .map_err(|e| Refusal::Damaged(format!("it is not what Lazuli writes: {e}")))?;
    if let Some(sealed) = parsed.sealed.take() {
        let header = parsed
            .encryption
            .as_ref()
            .ok_or_else(|| Refusal::Damaged("its encryption header is missing".into()))?;
        let sealer = keyring.open(header).map_err(Refusal::Key)?;
        let altered = || Refusal::Damaged("its encrypted part was altered".into());
        let before = before_sealed(bytes, &sealed).ok_or_else(altered)?;
        let context = context(parsed.format_version, &parsed.lineage, parsed.serial, before);
        let plain = sealer.open_text(&sealed, &context).ok_or_else(altered)?;
        let leaves: Vec<Leaf> = serde_json::from_slice(&plain).map_err(|_| altered())?;
        let mut places: Vec<&mut Recorded> = parsed.resources.iter_mut().chain(&mut parsed.deposed).collect();
        let hidden = secrets::put_back(leaves, &mut places).ok_or_else(altered)?;
        for (i, value) in hidden {
            parsed.outputs.values_mut().nth(i).ok_or_else(altered)?.value = value;
        }
    }
    Ok(RecordedWorld {
        lineage: parsed.lineage,
        serial: parsed.serial,
        resources: parsed.resources.into_iter().map(|r| (r.address.clone(), r)).collect(),
        deposed: parsed.deposed,
        roster: parsed.roster,
        outputs: parsed.outputs,
    })
}

/// How the key is found, of a state that holds secrets; `None` without secrets or when the bytes are not a state.
pub fn encryption(bytes: &[u8]) -> Option<Header> {
    #[derive(Deserialize)]
    struct OnlyHeader {
        encryption: Option<Header>,
    }
    serde_json::from_slice::<OnlyHeader>(bytes).ok()?.encryption
}

/// True when bytes begin as a state file does, whatever became of the rest.
pub fn is_one(bytes: &[u8]) -> bool {
    /// The version stands on the first line, or on the first but one.
    const HEAD: usize = 64;
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]);
    head.trim_start().starts_with('{') && head.contains("\"format_version\"")
}
