//! The bytes of a journal: lines of `length digest payload`. The first says to which version of which state it
//! belongs; each further one is a batch of records that was made durable together.
//!
//! A batch is one line so that it is there as a whole or not at all: whoever waits for a record waits for its batch,
//! and a torn last line therefore holds nothing that anybody relied on. Anything else that does not fit is damage.

use std::fmt::Write as _;

use lazuli_core::journal::Record;
use lazuli_core::recorded::Recorded;
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::key::Header;
use crate::lock::Holder;
use crate::seal::{Keyring, Sealer};
use crate::secrets::{self, Leaf};

/// The version of the format that is written.
pub const FORMAT_VERSION: u64 = 1;

/// Eight digits of length, a space, sixteen digits of digest, a space.
const PREFIX: usize = 8 + 1 + 16 + 1;

/// Blocks that were allocated and never written read as zeros.
const ZEROS: [u8; 8] = [0; 8];

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHeader {
    /// The version of the format.
    pub journal: u64,
    /// The state it belongs to.
    pub lineage: String,
    /// The version of that state.
    pub serial: u64,
    /// The run that writes it.
    pub run: Holder,
}

#[derive(Deserialize)]
struct Batch {
    encryption: Option<Header>,
    records: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    record: Record,
    sealed: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    record: &'a Record,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// A line: length, digest, payload.
pub(crate) fn line(payload: &str) -> String {
    let mut line = String::with_capacity(PREFIX + payload.len() + 1);
    let _ = write!(line, "{:08x} {} ", payload.len(), short_digest(payload.as_bytes())); // into memory
    line.push_str(payload);
    line.push('\n');
    line
}

fn short_digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(16);
    for byte in &digest::digest(&digest::SHA256, bytes).as_ref()[..8] {
        let _ = write!(text, "{byte:02x}"); // into memory
    }
    text
}

fn context(lineage: &str, serial: u64) -> String {
    format!("lazuli journal {lineage} {serial}")
}

/// Whether the record holds something that must not be written in clear.
pub(crate) fn has_secrets(record: &Record) -> bool {
    match record {
        Record::Intent { resource, .. } | Record::Done { resource: Some(resource), .. } => {
            secrets::has_secrets(resource)
        }
        Record::Adjusted { resources, .. } => resources.iter().any(secrets::has_secrets),
        Record::Outputs { outputs } => outputs.values().any(|o| o.sensitive),
        Record::Done { resource: None, .. }
        | Record::Accepted { .. }
        | Record::Undone { .. }
        | Record::Uncertain { .. } => false,
    }
}

fn places(record: &mut Record) -> Vec<&mut Recorded> {
    match record {
        Record::Intent { resource, .. } | Record::Done { resource: Some(resource), .. } => vec![resource],
        Record::Adjusted { resources, .. } => resources.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// A record as it stands in a batch; its secrets sealed when it has any.
pub(crate) fn entry(
    record: &Record,
    lineage: &str,
    serial: u64,
    sealer: Option<&Sealer>,
) -> Result<String, StateError> {
    let Some(sealer) = sealer.filter(|_| has_secrets(record)) else {
        return Ok(json(&Written { record, sealed: None }));
    };
    let mut clear = record.clone();
    let mut leaves: Vec<Leaf> = Vec::new();
    for (i, recorded) in places(&mut clear).into_iter().enumerate() {
        secrets::take(recorded, i, &mut leaves);
    }
    if let Record::Outputs { outputs } = &mut clear {
        for (i, output) in outputs.values_mut().enumerate() {
            secrets::take_output(output, i, &mut leaves);
        }
    }
    let sealed = sealer.seal_text(json(&leaves).as_bytes(), &context(lineage, serial))?;
    Ok(json(&Written { record: &clear, sealed: Some(sealed) }))
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() // impossible to fail: plain data with text keys
}

/// A batch's payload from finished entries.
pub(crate) fn batch<'a>(entries: impl Iterator<Item = &'a str>, encryption: Option<&Header>) -> String {
    let mut text = String::from("{");
    if let Some(header) = encryption {
        let _ = write!(text, "\"encryption\":{},", json(header)); // into memory
    }
    text.push_str("\"records\":[");
    for (i, entry) in entries.enumerate() {
        text.push_str(if i == 0 { "" } else { "," });
        text.push_str(entry);
    }
    text.push_str("]}");
    text
}

/// A journal that was read.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) header: JournalHeader,
    pub(crate) records: Vec<Record>,
}

/// Why bytes are not a journal.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A line is not as it was written.
    Damaged { offset: usize, found: String },
    /// A newer format.
    Newer(u64),
    /// The sealed parts cannot be opened.
    Key(StateError),
}

/// Reads a journal; `None` when not even its first line became durable, so that it holds nothing.
pub(crate) fn decode(bytes: &[u8], keyring: &Keyring) -> Result<Option<Journal>, Refusal> {
    let mut journal: Option<Journal> = None;
    let mut sealer = None;
    let mut offset = 0;
    while offset < bytes.len() {
        let (here, rest) = (offset, &bytes[offset..]);
        let damaged = |found: &str| Refusal::Damaged { offset: here, found: found.to_owned() };
        let Some(payload) = payload(rest) else {
            if is_torn(rest) {
                break;
            }
            return Err(damaged("a record does not fit its checksum"));
        };
        offset += PREFIX + payload.len() + 1;
        let Some(journal) = &mut journal else {
            let header: JournalHeader =
                serde_json::from_slice(payload).map_err(|e| damaged(&e.to_string()))?;
            if header.journal > FORMAT_VERSION {
                return Err(Refusal::Newer(header.journal));
            }
            journal = Some(Journal { header, records: Vec::new() });
            continue;
        };
        let batch: Batch = serde_json::from_slice(payload).map_err(|e| damaged(&e.to_string()))?;
        if let Some(header) = &batch.encryption {
            sealer = Some(keyring.open(header).map_err(Refusal::Key)?);
        }
        let context = context(&journal.header.lineage, journal.header.serial);
        for mut entry in batch.records {
            if let Some(sealed) = &entry.sealed {
                let opened = sealer.as_ref().and_then(|s| s.open_text(sealed, &context));
                opened
                    .and_then(|plain| serde_json::from_slice::<Vec<Leaf>>(&plain).ok())
                    .and_then(|leaves| unseal(&mut entry.record, leaves))
                    .ok_or_else(|| damaged("an encrypted part was altered"))?;
            }
            journal.records.push(entry.record);
        }
    }
    Ok(journal)
}

fn unseal(record: &mut Record, leaves: Vec<Leaf>) -> Option<()> {
    let hidden = secrets::put_back(leaves, &mut places(record))?;
    for (i, value) in hidden {
        let Record::Outputs { outputs } = &mut *record else { return None };
        outputs.values_mut().nth(i)?.value = value;
    }
    Some(())
}

/// The payload of the line at the front, when the line is whole.
fn payload(rest: &[u8]) -> Option<&[u8]> {
    let (prefix, after) = rest.split_at_checked(PREFIX)?;
    let payload = after.get(..declared(prefix)?)?;
    let fits = after.get(payload.len()) == Some(&b'\n')
        && prefix[8] == b' '
        && prefix[25] == b' '
        && prefix[9..25] == *short_digest(payload).as_bytes();
    fits.then_some(payload)
}

fn declared(prefix: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(prefix.get(..8)?).ok()?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if plain { usize::from_str_radix(digits, 16).ok() } else { None }
}

/// True when what is left looks like a write that did not come to its end: cut off, or blocks that were never written.
fn is_torn(rest: &[u8]) -> bool {
    let later = rest.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| &rest[i + 1..]);
    if later.clone().any(|line| payload(line).is_some()) {
        return false;
    }
    let cut_off =
        !rest.ends_with(b"\n") && declared(rest).is_none_or(|length| rest.len() < PREFIX + length + 1);
    // Of the first and the last block the record may have a few bytes only; no digit and no line end is one flipped bit
    // away from a zero.
    let edge = |byte: Option<&u8>| byte == Some(&0);
    cut_off || edge(rest.first()) || edge(rest.last()) || rest.windows(ZEROS.len()).any(|w| w == ZEROS)
}
