//! Compressed text.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;
use flate2::read::MultiGzDecoder;
use lazuli_core::Value;

use super::deflate::deflate;
use super::encoding::base64_bytes;
use super::{Answer, Function, Kind, Problem, p, text};
use crate::limits;
use crate::text::string;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "base64gzip",
        &[p("text", Kind::String)],
        Kind::String,
        "The text compressed with gzip, in base64.",
        |a| Ok(Value::from(STANDARD.encode(gzip(text(a, 0).as_bytes())))),
    ),
    Function::new(
        "base64gunzip",
        &[p("base64", Kind::String)],
        Kind::String,
        "The text that base64gzip() compressed.",
        gunzip,
    ),
];

/// RFC 1952: no name, no time, an unknown system.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(bytes);
    let mut zipped = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    zipped.extend(deflate(bytes));
    zipped.extend(crc.sum().to_le_bytes());
    zipped.extend(crc.amount().to_le_bytes());
    zipped
}

fn gunzip(arguments: &[Value]) -> Answer {
    let bytes = base64_bytes(arguments, 0)?;
    // A few bytes may stand for gigabytes: no more than a string may have is unpacked.
    let mut text = Vec::new();
    let most = limits::STRING as u64 + 1;
    MultiGzDecoder::new(&*bytes)
        .take(most)
        .read_to_end(&mut text)
        .map_err(|_| Problem::at(0, "the bytes are not gzip, or damaged"))?;
    if text.len() > limits::STRING {
        return Err(Problem::at(0, format!("unpacked it is longer than {} MiB", limits::STRING >> 20)));
    }
    let text = String::from_utf8(text).map_err(|_| Problem::at(0, "the bytes are not UTF-8 text"))?;
    Ok(string(&text))
}
