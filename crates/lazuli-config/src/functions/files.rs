//! Files of the configuration directory.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::{Type, Value};
use ring::digest;

use super::digest::{SHA1, base64_of, hex_of, md5_hex};
use super::glob::glob;
use super::paths::{clean, path_of, relative};
use super::{Answer, Body, Function, Kind, Known, Problem, nullable, p, text};
use crate::convert;
use crate::externals::{FileKind, Files};
use crate::text::string;

const PATH: &[super::Parameter] = &[p("path", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::files("file", PATH, Kind::String, "The text of a file.", |a, files| {
        Ok(string(&text_of(&path_of(a, files)?, files)?))
    }),
    Function::files("filebase64", PATH, Kind::String, "The bytes of a file in base64.", |a, files| {
        Ok(Value::from(STANDARD.encode(&*read(a, files)?)))
    }),
    Function::files("filemd5", PATH, Kind::String, "The MD5 of a file in hexadecimal.", |a, files| {
        Ok(Value::from(md5_hex(&read(a, files)?)))
    }),
    Function::files("filesha1", PATH, Kind::String, "The SHA-1 of a file in hexadecimal.", |a, files| {
        Ok(Value::from(hex_of(SHA1, &read(a, files)?)))
    }),
    Function::files("filesha256", PATH, Kind::String, "The SHA-256 of a file in hexadecimal.", |a, files| {
        Ok(Value::from(hex_of(&digest::SHA256, &read(a, files)?)))
    }),
    Function::files("filesha512", PATH, Kind::String, "The SHA-512 of a file in hexadecimal.", |a, files| {
        Ok(Value::from(hex_of(&digest::SHA512, &read(a, files)?)))
    }),
    Function::files(
        "filebase64sha256",
        PATH,
        Kind::String,
        "The SHA-256 of a file in base64.",
        |a, files| Ok(Value::from(base64_of(&digest::SHA256, &read(a, files)?))),
    ),
    Function::files(
        "filebase64sha512",
        PATH,
        Kind::String,
        "The SHA-512 of a file in base64.",
        |a, files| Ok(Value::from(base64_of(&digest::SHA512, &read(a, files)?))),
    ),
    Function::files("fileexists", PATH, Kind::Bool, "Whether there is such a file.", exists),
    Function::files(
        "fileset",
        &[p("folder", Kind::String), p("pattern", Kind::String)],
        Kind::Set,
        "The files in a folder whose paths match a pattern of *, **, ?, […] and {…,…}.",
        fileset,
    )
    .typed(|_| Ok(Type::Set(Arc::new(Type::String)))),
    Function::new(
        "templatefile",
        &[p("path", Kind::String), p("vars", Kind::Any)],
        Kind::Any,
        "The text of a file as a template, in which the names are those of `vars`.",
        |_| Err(Problem::new("templates cannot be rendered here")), // impossible: the body is set next
    )
    .with_body(Body::TemplateFile)
    .nullable()
    .known(Known::Itself),
    Function::new(
        "templatestring",
        &[nullable("template", Kind::Any), p("vars", Kind::Any)],
        Kind::String,
        "The text that a reference leads to as a template, in which the names are those of `vars`.",
        |_| Err(Problem::new("templates cannot be rendered here")), // impossible: the body is set next
    )
    .with_body(Body::TemplateString)
    .known(Known::Itself),
];

fn read(arguments: &[Value], files: &dyn Files) -> Result<Arc<[u8]>, Problem> {
    read_at(&path_of(arguments, files)?, files)
}

fn read_at(path: &str, files: &dyn Files) -> Result<Arc<[u8]>, Problem> {
    files.read(path).map_err(|reason| Problem::at(0, format!("{path}: {reason}")))
}

/// The text of a file.
pub(crate) fn text_of(path: &str, files: &dyn Files) -> Result<String, Problem> {
    String::from_utf8(read_at(path, files)?.to_vec())
        .map_err(|_| Problem::at(0, "the file is not UTF-8 text; filebase64() reads any file"))
}

/// The path and the text of the template that the first argument names.
pub(crate) fn template(arguments: &[Value], files: &dyn Files) -> Result<(String, String), Problem> {
    let path = path_of(arguments, files)?;
    let text = text_of(&path, files)?;
    Ok((path, text))
}

fn exists(arguments: &[Value], files: &dyn Files) -> Answer {
    let path = path_of(arguments, files)?;
    match files.kind(&path).map_err(|reason| Problem::at(0, format!("{path}: {reason}")))? {
        None => Ok(Value::from(false)),
        Some(FileKind::File) => Ok(Value::from(true)),
        Some(FileKind::Folder) => Err(Problem::at(0, format!("{path} is a folder, not a file"))),
        Some(_) => Err(Problem::at(0, format!("{path} is neither a file nor a folder"))),
    }
}

fn fileset(arguments: &[Value], files: &dyn Files) -> Answer {
    let folder = clean(text(arguments, 0)); // `~` is a name here
    let pattern = clean(&format!("{folder}/{}", text(arguments, 1)));
    let mut found = Vec::new();
    for path in glob(&pattern, files)? {
        let kind = files.kind(&path).map_err(|reason| Problem::new(format!("{path}: {reason}")))?;
        if kind == Some(FileKind::File) {
            found.push(string(&relative(&folder, &path)));
        }
    }
    Ok(convert::set(Type::String, found))
}
