//! Encodings and digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::Value;
use ring::digest;

use super::{Answer, Function, Kind, Problem, json, nullable, p, text};
use crate::text::string;

const S: &[super::Parameter] = &[p("text", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("base64encode", S, Kind::String, "The text's bytes in base64.", |a| {
        Ok(Value::from(STANDARD.encode(text(a, 0))))
    }),
    Function::new("base64decode", S, Kind::String, "The text whose bytes are given in base64.", |a| {
        let bytes = STANDARD.decode(text(a, 0)).map_err(|_| Problem::at(0, "this is not base64"))?;
        let decoded = String::from_utf8(bytes).map_err(|_| Problem::at(0, "the bytes are not UTF-8 text"))?;
        Ok(string(&decoded))
    }),
    Function::new("jsonencode", &[nullable("value", Kind::Any)], Kind::String, "The value as JSON.", |a| {
        a.first().map_or_else(|| Err(Problem::new("expected a value")), json::encode)
    }),
    Function::new("jsondecode", S, Kind::Any, "The value of a JSON text.", |a| json::decode(text(a, 0))),
    Function::new("urlencode", S, Kind::String, "The text with what a URL cannot hold escaped.", |a| {
        let mut encoded = String::new();
        for byte in text(a, 0).bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    encoded.push(byte as char)
                }
                b' ' => encoded.push('+'),
                other => encoded.push_str(&format!("%{other:02X}")),
            }
        }
        Ok(Value::from(encoded))
    }),
    Function::new("sha256", S, Kind::String, "The SHA-256 of the text in hexadecimal.", |a| {
        Ok(Value::from(hex(digest::digest(&digest::SHA256, text(a, 0).as_bytes()).as_ref())))
    }),
    Function::new("sha512", S, Kind::String, "The SHA-512 of the text in hexadecimal.", |a| {
        Ok(Value::from(hex(digest::digest(&digest::SHA512, text(a, 0).as_bytes()).as_ref())))
    }),
    Function::new("sha1", S, Kind::String, "The SHA-1 of the text in hexadecimal.", |a| {
        Ok(Value::from(
            hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text(a, 0).as_bytes()).as_ref()),
        ))
    }),
    Function::new("base64sha256", S, Kind::String, "The SHA-256 of the text in base64.", |a| {
        Ok(Value::from(STANDARD.encode(digest::digest(&digest::SHA256, text(a, 0).as_bytes()))))
    }),
    Function::new("base64sha512", S, Kind::String, "The SHA-512 of the text in base64.", |a| {
        Ok(Value::from(STANDARD.encode(digest::digest(&digest::SHA512, text(a, 0).as_bytes()))))
    }),
    Function::new(
        "uuidv5",
        &[p("namespace", Kind::String), p("name", Kind::String)],
        Kind::String,
        "The UUID of a name in a namespace: dns, url, oid, x500 or a UUID.",
        uuid_v5,
    ),
];

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
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let mut id = digest.as_ref()[..16].to_vec();
    id[6] = (id[6] & 0x0f) | 0x50;
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = hex(&id);
    Ok(Value::from(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])))
}

fn uuid_bytes(written: &str) -> Option<Vec<u8>> {
    let groups: Vec<usize> = written.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] || !written.is_ascii() {
        return None;
    }
    let digits: String = written.chars().filter(|c| *c != '-').collect();
    (0..16).map(|i| u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}
