//! Digests and what is made from them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::Value;
use md5::{Digest as _, Md5};
use ring::digest::{self, Algorithm};

use super::{Answer, Function, Kind, Problem, p, text};

const S: &[super::Parameter] = &[p("text", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("md5", S, Kind::String, "The MD5 of the text in hexadecimal.", |a| {
        Ok(Value::from(md5_hex(text(a, 0).as_bytes())))
    }),
    Function::new("sha1", S, Kind::String, "The SHA-1 of the text in hexadecimal.", |a| {
        Ok(Value::from(hex_of(SHA1, text(a, 0).as_bytes())))
    }),
    Function::new("sha256", S, Kind::String, "The SHA-256 of the text in hexadecimal.", |a| {
        Ok(Value::from(hex_of(&digest::SHA256, text(a, 0).as_bytes())))
    }),
    Function::new("sha512", S, Kind::String, "The SHA-512 of the text in hexadecimal.", |a| {
        Ok(Value::from(hex_of(&digest::SHA512, text(a, 0).as_bytes())))
    }),
    Function::new("base64sha256", S, Kind::String, "The SHA-256 of the text in base64.", |a| {
        Ok(Value::from(base64_of(&digest::SHA256, text(a, 0).as_bytes())))
    }),
    Function::new("base64sha512", S, Kind::String, "The SHA-512 of the text in base64.", |a| {
        Ok(Value::from(base64_of(&digest::SHA512, text(a, 0).as_bytes())))
    }),
    Function::new(
        "uuidv5",
        &[p("namespace", Kind::String), p("name", Kind::String)],
        Kind::String,
        "The UUID of a name in a namespace: dns, url, oid, x500 or a UUID.",
        uuid_v5,
    ),
];

/// For names in UUIDs and checks that others ask for, not for secrets.
pub(super) const SHA1: &Algorithm = &digest::SHA1_FOR_LEGACY_USE_ONLY;

pub(super) fn hex_of(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    hex(digest::digest(algorithm, bytes).as_ref())
}

pub(super) fn base64_of(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    STANDARD.encode(digest::digest(algorithm, bytes))
}

pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 9562, section 5.5.
fn uuid_v5(arguments: &[Value]) -> Answer {
    let namespace = match text(arguments, 0) {
        "dns" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "url" => "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        "oid" => "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
        "x500" => "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
        other => other,
    };
    let Some(mut bytes) = uuid_bytes(namespace) else {
        return Err(Problem::at(0, "expected dns, url, oid, x500 or a UUID"));
    };
    bytes.extend_from_slice(text(arguments, 1).as_bytes());
    let digest = digest::digest(SHA1, &bytes);
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_ref()[..16]);
    Ok(Value::from(uuid_text(id, 5)))
}

/// The bytes as a UUID of a version.
pub(super) fn uuid_text(mut id: [u8; 16], version: u8) -> String {
    id[6] = (id[6] & 0x0f) | (version << 4);
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = hex(&id);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A UUID as people write it: bare, as a URN, in braces, or only its digits.
fn uuid_bytes(written: &str) -> Option<Vec<u8>> {
    if !written.is_ascii() {
        return None;
    }
    let bare = match written.len() {
        45 if written[..9].eq_ignore_ascii_case("urn:uuid:") => &written[9..],
        38 => &written[1..37], // whatever the braces are
        _ => written,
    };
    let groups: Vec<usize> = bare.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] && groups != [32] {
        return None;
    }
    let digits: Vec<u32> =
        bare.chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    digits.chunks_exact(2).map(|pair| u8::try_from(16 * pair[0] + pair[1]).ok()).collect()
}
