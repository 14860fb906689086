//! Texts in other forms: base64, JSON, URLs.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use lazuli_core::Value;

use super::{Answer, Function, Kind, Known, Problem, csv, json, nullable, p, text, yaml_decode, yaml_encode};
use crate::text::string;

const S: &[super::Parameter] = &[p("text", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("base64encode", S, Kind::String, "The text's bytes in base64.", |a| {
        Ok(Value::from(STANDARD.encode(text(a, 0))))
    }),
    Function::new("base64decode", S, Kind::String, "The text whose bytes are given in base64.", |a| {
        let decoded = String::from_utf8(base64_bytes(a, 0)?)
            .map_err(|_| Problem::at(0, "the bytes are not UTF-8 text"))?;
        Ok(string(&decoded))
    }),
    Function::new("jsonencode", &[nullable("value", Kind::Any)], Kind::String, "The value as JSON.", |a| {
        a.first().map_or_else(|| Err(Problem::new("expected a value")), json::encode)
    })
    .known(Known::Nothing),
    Function::new("jsondecode", S, Kind::Any, "The value of a JSON text.", |a| json::decode(text(a, 0)))
        .nullable(),
    Function::new("yamlencode", &[nullable("value", Kind::Any)], Kind::String, "The value as YAML.", |a| {
        a.first().map_or_else(|| Err(Problem::new("expected a value")), yaml_encode::encode)
    })
    .nullable(),
    Function::new("yamldecode", S, Kind::Any, "The value of a YAML document.", |a| {
        yaml_decode::decode(text(a, 0))
    })
    .nullable(),
    Function::new(
        "csvdecode",
        S,
        Kind::Any,
        "The rows of a table whose first line names the columns.",
        |a| csv::decode(text(a, 0)),
    )
    .nullable(),
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
    Function::new("urldecode", S, Kind::String, "The text that urlencode() escaped.", url_decode),
];

/// Bits after the last byte do not matter; line ends are allowed anywhere.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes of an argument that is base64.
pub(super) fn base64_bytes(arguments: &[Value], i: usize) -> Result<Vec<u8>, Problem> {
    let mut written = text(arguments, i).as_bytes().to_vec();
    written.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    BASE64.decode(&written).map_err(|_| Problem::at(i, "this is not base64"))
}

fn url_decode(arguments: &[Value]) -> Answer {
    let mut bytes = Vec::new();
    let mut escaped = text(arguments, 0).bytes();
    while let Some(byte) = escaped.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(escaped.next()?).to_digit(16);
                let code = digit().and_then(|high| Some(16 * high + digit()?));
                code.and_then(|code| u8::try_from(code).ok())
                    .ok_or_else(|| Problem::at(0, "expected two hexadecimal digits after `%`"))?
            }
            other => other,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| Problem::at(0, "the bytes are not UTF-8 text"))?;
    Ok(string(&decoded))
}
