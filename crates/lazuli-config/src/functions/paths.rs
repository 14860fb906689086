//! Paths, with `/` between their parts on every system.

use lazuli_core::Value;

use super::{Answer, Function, Kind, Problem, p, text};
use crate::externals::Files;
use crate::text::string;

const PATH: &[super::Parameter] = &[p("path", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("basename", PATH, Kind::String, "The last part of a path.", |a| {
        Ok(string(base(text(a, 0))))
    }),
    Function::new("dirname", PATH, Kind::String, "A path without its last part.", |a| {
        let path = text(a, 0);
        Ok(string(&clean(&path[..path.rfind('/').map_or(0, |slash| slash + 1)])))
    }),
    Function::files(
        "pathexpand",
        PATH,
        Kind::String,
        "A path whose leading `~` is the home directory.",
        |a, files| expanded(text(a, 0), files).map(|path| string(&path)),
    ),
    Function::files(
        "abspath",
        PATH,
        Kind::String,
        "A path as an absolute one, without `.` and `..`.",
        abspath,
    ),
];

fn abspath(arguments: &[Value], files: &dyn Files) -> Answer {
    let path = text(arguments, 0);
    if path.starts_with('/') {
        return Ok(string(&clean(path)));
    }
    let directory = files.directory().map_err(Problem::new)?;
    Ok(string(&clean(&format!("{directory}/{path}"))))
}

/// The path of a file to read, with the home directory for a leading `~`, without detours.
pub(super) fn path_of(arguments: &[Value], files: &dyn Files) -> Result<String, Problem> {
    Ok(clean(&expanded(text(arguments, 0), files)?))
}

fn expanded(path: &str, files: &dyn Files) -> Result<String, Problem> {
    let Some(rest) = path.strip_prefix('~') else { return Ok(path.to_owned()) };
    if !rest.is_empty() && !rest.starts_with(['/', '\\']) {
        return Err(Problem::at(0, "the home directories of others are not known; expected ~ or ~/…"));
    }
    let home = files.home().map_err(|reason| Problem::at(0, reason))?;
    Ok(if rest.is_empty() { home } else { clean(&format!("{home}/{rest}")) })
}

fn base(path: &str) -> &str {
    match (path, path.trim_end_matches('/')) {
        ("", _) => ".",
        (_, "") => "/",
        (_, trimmed) => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// The shortest path that leads to the same place: without `.`, double slashes, and names followed by `..`.
pub(super) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    match (absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// How to get from one clean path to another; both relative or both absolute.
pub(super) fn relative(from: &str, to: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| "..");
    let way: Vec<&str> = up.chain(to[shared..].iter().map(String::as_str)).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}
