//! Files of the configuration directory.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::Value;

use super::digest::hex;
use super::{Answer, Body, Function, Kind, Problem, p, text};
use crate::externals::Files;
use crate::text::string;

const PATH: &[super::Parameter] = &[p("path", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("file", PATH, Kind::String, "The text of a file.", unreachable)
        .with_body(Body::Files(file)),
    Function::new("filebase64", PATH, Kind::String, "The bytes of a file in base64.", unreachable)
        .with_body(Body::Files(|a, files| Ok(Value::from(STANDARD.encode(&*read(a, files)?))))),
    Function::new("fileexists", PATH, Kind::Bool, "Whether there is such a file.", unreachable)
        .with_body(Body::Files(|a, files| Ok(Value::from(files.read(text(a, 0)).is_ok())))),
    Function::new("filesha256", PATH, Kind::String, "The SHA-256 of a file in hexadecimal.", unreachable)
        .with_body(Body::Files(|a, files| {
            Ok(Value::from(hex(ring::digest::digest(&ring::digest::SHA256, &read(a, files)?).as_ref())))
        })),
];

/// Stands in a table entry whose body is set after.
fn unreachable(_: &[Value]) -> Answer {
    Err(Problem::new("files cannot be read here"))
}

fn read(arguments: &[Value], files: &dyn Files) -> Result<Arc<[u8]>, Problem> {
    let path = text(arguments, 0);
    files.read(path).map_err(|reason| Problem::at(0, format!("{path}: {reason}")))
}

fn file(arguments: &[Value], files: &dyn Files) -> Answer {
    let bytes = read(arguments, files)?;
    match std::str::from_utf8(&bytes) {
        Ok(content) => Ok(string(content)),
        Err(_) => Err(Problem::at(0, "the file is not UTF-8 text; filebase64() reads any file")),
    }
}
