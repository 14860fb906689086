//! Decryption with an RSA key.
//!
//! The arithmetic is not of constant time, so somebody who can measure how long it takes many times over might learn the
//! key. Here the key, the text and whoever waits are all on one machine, in one configuration: there is nobody to
//! measure, and no service that would answer twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::Value;
use num_bigint::BigUint;

use super::encoding::base64_bytes;
use super::{Answer, Function, Kind, Problem, p, text};
use crate::text::string;

pub(super) static FUNCTIONS: &[Function] = &[Function::new(
    "rsadecrypt",
    &[p("ciphertext", Kind::String), p("key", Kind::String)],
    Kind::String,
    "The text that was encrypted for an RSA key (PKCS #1 v1.5) and is given in base64; the key is given as PEM.",
    decrypt,
)];

/// Keys of more bits are refused: nobody makes them, and the arithmetic would take minutes.
const MOST_BITS: u64 = 16_384;

fn decrypt(arguments: &[Value]) -> Answer {
    let sealed = base64_bytes(arguments, 0)?;
    let key = Key::of(text(arguments, 1)).map_err(|what| Problem::at(1, what))?;
    let size = usize::try_from(key.modulus.bits().div_ceil(8)).unwrap_or(0);
    let number = BigUint::from_bytes_be(&sealed);
    let refused = || Problem::at(0, "this was not encrypted for this key");
    if sealed.len() > size || number >= key.modulus || size < 11 {
        return Err(refused());
    }
    let plain = number.modpow(&key.exponent, &key.modulus).to_bytes_be();
    // 00 02, at least eight bytes that are not zero, 00, the text; the first zero is not there in a number.
    let padded = plain.strip_prefix(&[2]).filter(|_| plain.len() + 1 == size).ok_or_else(refused)?;
    let end = padded.iter().position(|byte| *byte == 0).filter(|end| *end >= 8).ok_or_else(refused)?;
    let plain = String::from_utf8(padded[end + 1..].to_vec())
        .map_err(|_| Problem::at(0, "the bytes are not UTF-8 text"))?;
    Ok(string(&plain))
}

struct Key {
    modulus: BigUint,
    /// The private one.
    exponent: BigUint,
}

impl Key {
    /// The key of a PEM text: PKCS #1 or PKCS #8.
    fn of(pem: &str) -> Result<Key, String> {
        const EXPECTED: &str = "expected -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----";
        // Marks stand at the beginning of a line.
        let rest = match pem.strip_prefix("-----BEGIN ") {
            Some(rest) => rest,
            None => pem.split_once("\n-----BEGIN ").ok_or(EXPECTED)?.1,
        };
        let (label, rest) = rest.split_once("-----").ok_or(EXPECTED)?;
        let end = format!("\n-----END {label}-----");
        let (body, _) = rest.split_once(&end).ok_or("the key has no end")?;
        if !body.trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
            return Err(EXPECTED.to_owned());
        }
        if body.contains(':') {
            return Err("the key is protected by a passphrase, which cannot be given".to_owned());
        }
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(body).map_err(|_| "the key is damaged: it is not base64")?;
        let damaged = "the key is damaged or no RSA key";
        let key = match label {
            "RSA PRIVATE KEY" => Key::pkcs1(&bytes),
            "PRIVATE KEY" => Key::pkcs8(&bytes),
            other => return Err(format!("this is a {}; {EXPECTED}", other.to_lowercase())),
        };
        let key = key.ok_or(damaged)?;
        if key.modulus.bits() > MOST_BITS {
            return Err(format!("the key has more than {MOST_BITS} bits"));
        }
        if key.modulus.bits() < 2 {
            return Err(damaged.to_owned());
        }
        Ok(key)
    }

    /// RFC 8017, A.1.2: version, modulus, public exponent, private exponent and what makes it fast.
    fn pkcs1(der: &[u8]) -> Option<Key> {
        let (sequence, []) = element(der, 0x30)? else { return None };
        let (_version, rest) = element(sequence, 0x02)?;
        let (modulus, rest) = element(rest, 0x02)?;
        let (_public, rest) = element(rest, 0x02)?;
        let (exponent, _) = element(rest, 0x02)?;
        Some(Key { modulus: BigUint::from_bytes_be(modulus), exponent: BigUint::from_bytes_be(exponent) })
    }

    /// RFC 5208: version, algorithm, and the key in an octet string.
    fn pkcs8(der: &[u8]) -> Option<Key> {
        const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        let (sequence, []) = element(der, 0x30)? else { return None };
        let (_version, rest) = element(sequence, 0x02)?;
        let (algorithm, rest) = element(rest, 0x30)?;
        let (name, _) = element(algorithm, 0x06)?;
        let (key, _) = element(rest, 0x04)?;
        if name == RSA { Key::pkcs1(key) } else { None }
    }
}

/// The content of the DER element that comes first, if it has the tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7f => (usize::from(*short), rest),
        long => {
            let (digits, rest) =
                rest.split_at_checked(usize::from(long & 0x7f)).filter(|(d, _)| d.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length).filter(|_| *found == tag)
}
