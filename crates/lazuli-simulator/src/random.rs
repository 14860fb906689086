//! Invented identifiers, drawn from a seed so that a run can be repeated.
//!
//! Nothing here is a source of entropy: the seed is given, everything else follows.

use ring::digest::{SHA256, digest};

/// The SHA-256 of `bytes` in lower-case hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A version-4-shaped identifier that is a pure function of `parts`.
pub(crate) fn guid_of(parts: &[&str]) -> String {
    let mut text = hex(&digest(&SHA256, parts.join("\u{1f}").as_bytes()).as_ref()[..16]);
    text.replace_range(12..13, "4");
    text.replace_range(16..17, "a");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..32])
}

/// A number in `[0, 1)` that is a pure function of the seed, a purpose and a counter.
pub(crate) fn fraction(seed: u64, purpose: &str, counter: u64) -> f64 {
    let hash = digest(&SHA256, format!("{seed}\u{1f}{purpose}\u{1f}{counter}").as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_ref()[..8]);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}
