//! Character sets of mail's early days: seven bits, and marks where another table begins.

use super::charset::{other_bytes, other_text};

/// ISO-2022-JP: ASCII, JIS X 0208 and half-width katakana.
pub(super) fn jis_bytes(text: &str) -> Option<Vec<u8>> {
    const ASCII: &[u8] = b"\x1b(B";
    let mut bytes = Vec::new();
    let mut table = ASCII;
    for c in text.chars() {
        let (wanted, encoded) = match c {
            '\x0e' | '\x0f' | '\x1b' => return None, // would be taken for a mark
            c if c.is_ascii() => (ASCII, vec![c as u8]),
            '\u{ff61}'..='\u{ff9f}' => {
                (b"\x1b(I".as_slice(), vec![u8::try_from(u32::from(c) - 0xff61).ok()? + 0x21])
            }
            c => match *other_bytes(encoding_rs::EUC_JP, c.encode_utf8(&mut [0; 4]))? {
                [high @ 0xa1..=0xfe, low @ 0xa1..=0xfe] => {
                    (b"\x1b$B".as_slice(), vec![high & 0x7f, low & 0x7f])
                }
                _ => return None,
            },
        };
        if wanted != table {
            bytes.extend(wanted);
            table = wanted;
        }
        bytes.extend(encoded);
    }
    if table != ASCII {
        bytes.extend(ASCII);
    }
    Some(bytes)
}

/// RFC 1843: pairs of GB 2312 with the high bits off, between `~{` and `~}`.
pub(super) fn hz_bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut wide = false;
    for c in text.chars() {
        if c.is_ascii() {
            if std::mem::take(&mut wide) {
                bytes.extend(b"~}");
            }
            let escape = (c == '~').then_some(b'~');
            bytes.extend(escape.into_iter().chain([c as u8]));
            continue;
        }
        let encoded = match c {
            '€' => vec![0xa2, 0xe3], // one byte in GBK
            c => other_bytes(encoding_rs::GBK, c.encode_utf8(&mut [0; 4]))?,
        };
        let [high @ 0xa1..=0xfe, low @ 0xa1..=0xfe] = *encoded else { return None };
        if !std::mem::replace(&mut wide, true) {
            bytes.extend(b"~{");
        }
        bytes.extend([high & 0x7f, low & 0x7f]);
    }
    Some(bytes) // as others write it: the last pair is not followed by `~}`
}

pub(super) fn hz_text(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut wide = false;
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return Some(text),
            [b'~', b'{', after @ ..] => {
                wide = true;
                after
            }
            [b'~', b'}', after @ ..] => {
                wide = false;
                after
            }
            [b'~', b'~', after @ ..] => {
                text.push('~');
                after
            }
            [b'~', b'\n', after @ ..] => after,
            [b'~' | 0x80.., ..] => return None,
            [high, low, after @ ..] if wide => {
                text += &other_text(encoding_rs::GBK, &[high | 0x80, low | 0x80])?;
                after
            }
            [_] if wide => return None,
            [byte, after @ ..] => {
                text.push(char::from(*byte));
                after
            }
        };
    }
}
