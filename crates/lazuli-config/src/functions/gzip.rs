//! Compressed text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Crc, Decompress, FlushDecompress, Status};
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
    let damaged = || Problem::at(0, "the bytes are not gzip, or damaged");
    let mut text = Vec::new();
    let mut rest = bytes.as_slice();
    // One file after the other may be packed; what they hold is one text.
    loop {
        let start = text.len();
        let body = after_header(rest).ok_or_else(damaged)?;
        let read = inflate(body, &mut text)?.ok_or_else(damaged)?;
        let (trailer, after) = body.get(read..).and_then(|b| b.split_at_checked(8)).ok_or_else(damaged)?;
        let mut crc = Crc::new();
        crc.update(&text[start..]);
        if trailer != [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat() {
            return Err(damaged());
        }
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    let text = String::from_utf8(text).map_err(|_| Problem::at(0, "the bytes are not UTF-8 text"))?;
    Ok(string(&text))
}

/// What follows the header of a gzip file.
fn after_header(bytes: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = bytes.split_at_checked(10)?;
    let [0x1f, 0x8b, 8, flags, ..] = *header else { return None };
    if flags & 4 != 0 {
        let (length, after) = rest.split_at_checked(2)?;
        rest = after.get(usize::from(u16::from_le_bytes([length[0], length[1]]))..)?;
    }
    for text in [8, 16] {
        if flags & text != 0 {
            rest = rest.get(rest.iter().position(|byte| *byte == 0)? + 1..)?;
        }
    }
    if flags & 2 == 0 { Some(rest) } else { rest.get(2..) }
}

/// Unpacks a stream and says how many bytes it took; `None` when it is damaged. A few bytes may stand for gigabytes: no
/// more is unpacked than a string may have.
fn inflate(packed: &[u8], text: &mut Vec<u8>) -> Result<Option<usize>, Problem> {
    const STEP: usize = 64 << 10;
    let mut stream = Decompress::new(false);
    loop {
        if text.len() > limits::STRING {
            return Err(Problem::at(0, format!("unpacked it is longer than {} MiB", limits::STRING >> 20)));
        }
        text.reserve(STEP);
        let (before, room) = (stream.total_in(), text.len());
        let read = usize::try_from(before).unwrap_or(usize::MAX);
        let Some(rest) = packed.get(read..) else { return Ok(None) };
        match stream.decompress_vec(rest, text, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Ok(usize::try_from(stream.total_in()).ok()),
            Ok(_) if stream.total_in() > before || text.len() > room => {}
            _ => return Ok(None),
        }
    }
}
