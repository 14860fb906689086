//! Text in other character sets, by the names that IANA has registered.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::{EncoderResult, Encoding};
use lazuli_core::Value;

use super::code_pages::{CODE_PAGES, EBCDIC};
use super::encoding::base64_bytes;
use super::{Answer, Function, Kind, Problem, p, seven_bit, text};
use crate::text::string;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "textencodebase64",
        &[p("text", Kind::String), p("encoding", Kind::String)],
        Kind::String,
        "The text in a character set such as UTF-16LE, and that in base64.",
        encode,
    ),
    Function::new(
        "textdecodebase64",
        &[p("base64", Kind::String), p("encoding", Kind::String)],
        Kind::String,
        "The text whose bytes in a character set such as UTF-16LE are given in base64.",
        decode,
    ),
];

/// How a character set is read and written.
enum Charset {
    Utf8,
    /// With a mark of the byte order at its beginning, written high byte first.
    Utf16,
    Utf16Le,
    Utf16Be,
    Ascii,
    /// Every byte is the character of that number, but for these.
    Latin(&'static [(u8, char)]),
    /// ASCII and an upper half, with a difference to it if any.
    CodePage(&'static str, Option<(u8, char)>),
    Ebcdic(&'static str, Option<(u8, char)>),
    /// 7-bit GB 2312 between `~{` and `~}`.
    Hz,
    /// 7-bit JIS, each part of it after an escape.
    Jis,
    Other(&'static Encoding),
}

const TURKISH: &[(u8, char)] =
    &[(0xd0, 'Ğ'), (0xdd, 'İ'), (0xde, 'Ş'), (0xf0, 'ğ'), (0xfd, 'ı'), (0xfe, 'ş')];

/// The character set of a registered name or alias, in any case.
fn charset(name: &str) -> Option<Charset> {
    let name = name.trim().to_ascii_lowercase();
    let page = |name, other| Some(Charset::CodePage(name, other));
    let ebcdic = |name, other| Some(Charset::Ebcdic(name, other));
    let canonical = NAMES.iter().find(|names| names.iter().any(|n| n.eq_ignore_ascii_case(&name)))?;
    match canonical[0] {
        "UTF-8" => Some(Charset::Utf8),
        "UTF-16" => Some(Charset::Utf16),
        "UTF-16LE" => Some(Charset::Utf16Le),
        "UTF-16BE" => Some(Charset::Utf16Be),
        "US-ASCII" => Some(Charset::Ascii),
        "ISO-8859-1" => Some(Charset::Latin(&[])),
        "ISO-8859-9" => Some(Charset::Latin(TURKISH)),
        "HZ-GB-2312" => Some(Charset::Hz),
        "ISO-2022-JP" => Some(Charset::Jis),
        "IBM00858" => page("IBM850", Some((0xd5, '€'))),
        "IBM01140" => ebcdic("IBM037", Some((0x9f, '€'))),
        "ISO-8859-6-E" | "ISO-8859-6-I" => Some(Charset::Other(encoding_rs::ISO_8859_6)),
        "ISO-8859-8-E" | "ISO-8859-8-I" => Some(Charset::Other(encoding_rs::ISO_8859_8)),
        other => {
            if let Some((name, _)) = CODE_PAGES.iter().find(|(name, _)| *name == other) {
                return page(name, None);
            }
            if let Some((name, _)) = EBCDIC.iter().find(|(name, _)| *name == other) {
                return ebcdic(name, None);
            }
            Encoding::for_label(other.as_bytes()).map(Charset::Other)
        }
    }
}

/// Registered names with their aliases.
const NAMES: &[&[&str]] = &[
    &["UTF-8", "csUTF8"],
    &["UTF-16", "csUTF16"],
    &["UTF-16LE", "csUTF16LE"],
    &["UTF-16BE", "csUTF16BE"],
    &[
        "US-ASCII",
        "iso-ir-6",
        "ANSI_X3.4-1968",
        "ANSI_X3.4-1986",
        "ISO_646.irv:1991",
        "ISO646-US",
        "us",
        "IBM367",
        "cp367",
        "csASCII",
    ],
    &[
        "ISO-8859-1",
        "ISO_8859-1:1987",
        "iso-ir-100",
        "ISO_8859-1",
        "latin1",
        "l1",
        "IBM819",
        "CP819",
        "csISOLatin1",
    ],
    &["ISO-8859-2", "ISO_8859-2:1987", "iso-ir-101", "ISO_8859-2", "latin2", "l2", "csISOLatin2"],
    &["ISO-8859-3", "ISO_8859-3:1988", "iso-ir-109", "ISO_8859-3", "latin3", "l3", "csISOLatin3"],
    &["ISO-8859-4", "ISO_8859-4:1988", "iso-ir-110", "ISO_8859-4", "latin4", "l4", "csISOLatin4"],
    &["ISO-8859-5", "ISO_8859-5:1988", "iso-ir-144", "ISO_8859-5", "cyrillic", "csISOLatinCyrillic"],
    &[
        "ISO-8859-6",
        "ISO_8859-6:1987",
        "iso-ir-127",
        "ISO_8859-6",
        "ECMA-114",
        "ASMO-708",
        "arabic",
        "csISOLatinArabic",
    ],
    &["ISO-8859-6-E", "ISO_8859-6-E", "csISO88596E"],
    &["ISO-8859-6-I", "ISO_8859-6-I", "csISO88596I"],
    &[
        "ISO-8859-7",
        "ISO_8859-7:1987",
        "iso-ir-126",
        "ISO_8859-7",
        "ELOT_928",
        "ECMA-118",
        "greek",
        "greek8",
        "csISOLatinGreek",
    ],
    &["ISO-8859-8", "ISO_8859-8:1988", "iso-ir-138", "ISO_8859-8", "hebrew", "csISOLatinHebrew"],
    &["ISO-8859-8-E", "ISO_8859-8-E", "csISO88598E"],
    &["ISO-8859-8-I", "ISO_8859-8-I", "csISO88598I"],
    &["ISO-8859-9", "ISO_8859-9:1989", "iso-ir-148", "ISO_8859-9", "latin5", "l5", "csISOLatin5"],
    &["ISO-8859-10", "iso-ir-157", "l6", "ISO_8859-10:1992", "csISOLatin6", "latin6"],
    &["ISO-8859-13", "csISO885913"],
    &[
        "ISO-8859-14",
        "iso-ir-199",
        "ISO_8859-14:1998",
        "ISO_8859-14",
        "latin8",
        "iso-celtic",
        "l8",
        "csISO885914",
    ],
    &["ISO-8859-15", "ISO_8859-15", "Latin-9", "csISO885915"],
    &["ISO-8859-16", "iso-ir-226", "ISO_8859-16:2001", "ISO_8859-16", "latin10", "l10", "csISO885916"],
    &["windows-874", "cswindows874"],
    &["windows-1250", "cswindows1250"],
    &["windows-1251", "cswindows1251"],
    &["windows-1252", "cswindows1252"],
    &["windows-1253", "cswindows1253"],
    &["windows-1254", "cswindows1254"],
    &["windows-1255", "cswindows1255"],
    &["windows-1256", "cswindows1256"],
    &["windows-1257", "cswindows1257"],
    &["windows-1258", "cswindows1258"],
    &["KOI8-R", "csKOI8R"],
    &["KOI8-U", "csKOI8U"],
    &["macintosh", "mac", "csMacintosh"],
    &["Shift_JIS", "MS_Kanji", "csShiftJIS"],
    &["EUC-JP", "Extended_UNIX_Code_Packed_Format_for_Japanese", "csEUCPkdFmtJapanese"],
    &["ISO-2022-JP", "csISO2022JP"],
    &["EUC-KR", "csEUCKR"],
    &["GBK", "CP936", "MS936", "windows-936", "csGBK"],
    &["GB18030", "csGB18030"],
    &["HZ-GB-2312"],
    &["Big5", "csBig5"],
    &["IBM437", "cp437", "437", "csPC8CodePage437"],
    &["IBM850", "cp850", "850", "csPC850Multilingual"],
    &["IBM852", "cp852", "852", "csPCp852"],
    &["IBM855", "cp855", "855", "csIBM855"],
    &["IBM00858", "CCSID00858", "CP00858", "PC-Multilingual-850+euro", "csIBM00858"],
    &["IBM860", "cp860", "860", "csIBM860"],
    &["IBM862", "cp862", "862", "csPC862LatinHebrew"],
    &["IBM863", "cp863", "863", "csIBM863"],
    &["IBM865", "cp865", "865", "csIBM865"],
    &["IBM866", "cp866", "866", "csIBM866"],
    &["IBM037", "cp037", "ebcdic-cp-us", "ebcdic-cp-ca", "ebcdic-cp-wt", "ebcdic-cp-nl", "csIBM037"],
    &["IBM1047", "IBM-1047", "csIBM1047"],
    &["IBM01140", "CCSID01140", "CP01140", "ebcdic-us-37+euro", "csIBM01140"],
];

fn charset_of(arguments: &[Value]) -> Result<Charset, Problem> {
    charset(text(arguments, 1)).ok_or_else(|| {
        let message = "this is not a supported character set; UTF-16LE, ISO-8859-1 and windows-1252 are such";
        Problem::at(1, message)
    })
}

fn encode(arguments: &[Value]) -> Answer {
    let bytes = bytes_of(&charset_of(arguments)?, text(arguments, 0))
        .ok_or_else(|| Problem::at(0, "the character set does not have all of these characters"))?;
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn decode(arguments: &[Value]) -> Answer {
    let charset = charset_of(arguments)?;
    let decoded = text_of(&charset, &base64_bytes(arguments, 0)?)
        .filter(|text| !text.contains('\u{fffd}'))
        .ok_or_else(|| Problem::at(0, "the bytes mean nothing in this character set"))?;
    Ok(string(&decoded))
}

/// The table of a single-byte character set.
fn table(charset: &Charset) -> Option<Vec<char>> {
    let latin = || (0..=255).map(char::from);
    let (mut table, other): (Vec<char>, Option<(u8, char)>) = match charset {
        Charset::Latin(others) => {
            let of = |byte: u8| others.iter().find(|(b, _)| *b == byte).map_or(char::from(byte), |(_, c)| *c);
            ((0..=255).map(of).collect(), None)
        }
        Charset::CodePage(name, other) => {
            let (_, upper) = CODE_PAGES.iter().find(|(n, _)| n == name)?;
            (latin().take(128).chain(upper.chars()).collect(), *other)
        }
        Charset::Ebcdic(name, other) => {
            let (_, all) = EBCDIC.iter().find(|(n, _)| n == name)?;
            (all.chars().collect(), *other)
        }
        _ => return None,
    };
    if let Some((byte, c)) = other {
        table[usize::from(byte)] = c;
    }
    Some(table)
}

fn bytes_of(charset: &Charset, text: &str) -> Option<Vec<u8>> {
    let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    match charset {
        Charset::Utf8 => Some(text.as_bytes().to_vec()),
        Charset::Utf16 => Some([&[0xfe, 0xff], &*units(u16::to_be_bytes)].concat()),
        Charset::Utf16Le => Some(units(u16::to_le_bytes)),
        Charset::Utf16Be => Some(units(u16::to_be_bytes)),
        Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
        Charset::Hz => seven_bit::hz_bytes(text),
        Charset::Jis => seven_bit::jis_bytes(text),
        Charset::Other(encoding) => other_bytes(encoding, text),
        single => {
            let table = table(single)?;
            text.chars().map(|c| table.iter().position(|t| *t == c)?.try_into().ok()).collect()
        }
    }
}

fn text_of(charset: &Charset, bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok().filter(|_| bytes.len().is_multiple_of(2))
    };
    match charset {
        Charset::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
        Charset::Utf16 => match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
            all => utf16(all, u16::from_be_bytes),
        },
        Charset::Utf16Le => utf16(bytes, u16::from_le_bytes),
        Charset::Utf16Be => utf16(bytes, u16::from_be_bytes),
        Charset::Ascii => bytes.is_ascii().then(|| bytes.iter().map(|b| char::from(*b)).collect()),
        Charset::Hz => seven_bit::hz_text(bytes),
        Charset::Jis => other_text(encoding_rs::ISO_2022_JP, bytes),
        Charset::Other(encoding) => other_text(encoding, bytes),
        single => {
            let table = table(single)?;
            Some(bytes.iter().map(|byte| table[usize::from(*byte)]).collect())
        }
    }
}

/// The bytes of a text in one of the encodings of browsers.
pub(super) fn other_bytes(encoding: &'static Encoding, text: &str) -> Option<Vec<u8>> {
    if text.chars().any(|c| is_gap(encoding, c) || (c == '\u{80}' && encoding == encoding_rs::SHIFT_JIS)) {
        return None;
    }
    let mut encoder = encoding.new_encoder();
    let mut bytes = Vec::with_capacity(encoder.max_buffer_length_from_utf8_without_replacement(text.len())?);
    let mut rest = text;
    loop {
        // Room for what is left, and the loop ends: every turn reads on.
        bytes.reserve(encoder.max_buffer_length_from_utf8_without_replacement(rest.len())?);
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = &rest[read..];
        match result {
            EncoderResult::InputEmpty => return Some(bytes),
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(c) => bytes.extend(left_out(encoding, c)?),
        }
    }
}

/// The text of bytes in one of the encodings of browsers.
pub(super) fn other_text(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let chinese = encoding == encoding_rs::GBK || encoding == encoding_rs::GB18030;
    let private = |c| matches!(c, '\u{e000}'..='\u{f8ff}');
    if text.chars().any(|c| is_gap(encoding, c) || (chinese && private(c))) {
        return None;
    }
    // A decoder of GBK takes four bytes for a character that GBK does not have.
    let fits = encoding != encoding_rs::GBK || other_bytes(encoding, &text).is_some();
    fits.then(|| text.into_owned())
}

/// True for characters that browsers let pass and the character set does not have.
fn is_gap(encoding: &'static Encoding, c: char) -> bool {
    let japanese = [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP];
    match c {
        '\u{80}'..='\u{9f}' => encoding.is_single_byte(),
        '¥' | '‾' => japanese.contains(&encoding),
        _ => false,
    }
}

/// What the encoders of browsers leave out and their decoders know: JIS X 0212 in EUC-JP, Hong Kong's part of Big5.
fn left_out(encoding: &'static Encoding, c: char) -> Option<&'static [u8]> {
    type Table = HashMap<char, Vec<u8>>;
    static EUC_JP: LazyLock<Table> = LazyLock::new(|| table_of(encoding_rs::EUC_JP, &[0x8f]));
    static BIG5: LazyLock<Table> = LazyLock::new(|| table_of(encoding_rs::BIG5, &[]));
    fn table_of(encoding: &'static Encoding, lead: &[u8]) -> Table {
        let pairs = (0x81..=0xfe_u8).flat_map(|high| (0x40..=0xfe_u8).map(move |low| [high, low]));
        let mut table = Table::new();
        for pair in pairs {
            let bytes = [lead, &pair].concat();
            if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(&bytes)
                && let Some(c) = text.chars().next().filter(|c| !c.is_ascii())
                && text.chars().count() == 1
            {
                table.entry(c).or_insert(bytes);
            }
        }
        table
    }
    let table = match encoding {
        e if e == encoding_rs::EUC_JP => &EUC_JP,
        e if e == encoding_rs::BIG5 => &BIG5,
        _ => return None,
    };
    table.get(&c).map(Vec::as_slice)
}
