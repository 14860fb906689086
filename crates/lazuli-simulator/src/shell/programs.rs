//! The usual programs, as far as scripts for machines use them.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Files, Machine, Ran};

/// As `base64` breaks its lines.
const LINE: usize = 76;
/// No script unpacks more than this.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// Runs a program; `None` when there is no such program.
pub(super) fn run(
    words: &[String],
    stdin: &[u8],
    files: &mut Files,
    machine: &mut dyn Machine,
) -> Option<Ran> {
    let (name, arguments) = words.split_first()?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let flag = |flag: &str| arguments.contains(&flag);
    Some(match name.as_str() {
        "echo" => Ran::wrote(format!("{}\n", arguments.join(" "))),
        "printf" => printf(&arguments),
        "[" => test(&arguments),
        "cat" => read(&arguments, stdin, files, machine, name).map_or_else(|ran| ran, Ran::wrote),
        "cp" => match arguments.as_slice() {
            [from, to] => match read(&[from], stdin, files, machine, name) {
                Ok(bytes) => {
                    files.insert((*to).to_owned(), bytes);
                    Ran::default()
                }
                Err(ran) => ran,
            },
            _ => Ran::failed(1, "cp: two files are needed\n"),
        },
        "rm" => {
            let gone: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
            let is_gone = |path: &str| {
                gone.iter()
                    .any(|of| path == *of || path.strip_prefix(of).is_some_and(|rest| rest.starts_with('/')))
            };
            files.retain(|path, _| !is_gone(path));
            Ran::default()
        }
        "base64" | "gzip" | "wc" | "tr" | "sed" | "head" | "tail" => {
            let mut rest: Vec<&str> = arguments.clone();
            let mut option = |name: &str| {
                let at = rest.iter().position(|word| *word == name)?;
                rest.remove(at);
                Some(if at < rest.len() { rest.remove(at) } else { "" })
            };
            let (bytes, lines) = match name.as_str() {
                "head" | "tail" => (option("-c"), option("-n")),
                "tr" => (option("-d"), None),
                "sed" => (option("-n"), None),
                _ => (None, None),
            };
            let paths: Vec<&str> = rest.into_iter().filter(|word| !word.starts_with('-')).collect();
            let input = match read(&paths, stdin, files, machine, name) {
                Ok(input) => input,
                Err(ran) => return Some(ran),
            };
            match name.as_str() {
                "base64" if flag("-d") => decoded(&input),
                "base64" => Ran::wrote(encoded(&input)),
                "gzip" if flag("-d") => unpacked(&input),
                "gzip" => packed(&input),
                "wc" => Ran::wrote(format!("{}\n", input.len())),
                "tr" => {
                    let characters = bytes.unwrap_or("").replace("\\n", "\n");
                    Ran::wrote(
                        input.into_iter().filter(|b| !characters.as_bytes().contains(b)).collect::<Vec<_>>(),
                    )
                }
                "sed" => substituted(bytes.unwrap_or(""), &String::from_utf8_lossy(&input)),
                name => Ran::wrote(part(name == "head", bytes, lines, &input)),
            }
        }
        _ => return machine.program(words, files),
    })
}

/// What stands in files, or what comes in when none is named.
fn read(
    paths: &[&str],
    stdin: &[u8],
    files: &Files,
    machine: &dyn Machine,
    program: &str,
) -> Result<Vec<u8>, Ran> {
    if paths.is_empty() {
        return Ok(stdin.to_vec());
    }
    let mut all = Ran::default();
    for path in paths {
        match files.get(*path).cloned().or_else(|| machine.file(path)) {
            Some(bytes) => all.stdout.extend(bytes),
            None => {
                all.stderr.extend(format!("{program}: {path}: No such file or directory\n").into_bytes());
                all.status = 1;
            }
        }
    }
    if all.status == 0 { Ok(all.stdout) } else { Err(all) }
}

fn printf(arguments: &[&str]) -> Ran {
    match arguments {
        ["%s", words @ ..] => Ran::wrote(words.concat()),
        [format] => Ran::wrote(format.replace("\\n", "\n")),
        _ => Ran::failed(1, "printf: only %s is known here\n"),
    }
}

fn test(arguments: &[&str]) -> Ran {
    let number = |word: &str| word.trim().parse::<i64>().unwrap_or(0);
    let holds = match arguments {
        [one, "=", other, "]"] => one == other,
        [one, "!=", other, "]"] => one != other,
        [one, "-gt", other, "]"] => number(one) > number(other),
        [one, "-lt", other, "]"] => number(one) < number(other),
        [one, "-eq", other, "]"] => number(one) == number(other),
        ["-n", word, "]"] => !word.is_empty(),
        ["-z", word, "]"] => word.is_empty(),
        _ => return Ran::failed(2, "[: this test is not known here\n"),
    };
    Ran { status: i32::from(!holds), ..Ran::default() }
}

fn encoded(input: &[u8]) -> String {
    let text = STANDARD.encode(input);
    let lines = text.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    lines.map(|line| format!("{line}\n")).collect()
}

fn decoded(input: &[u8]) -> Ran {
    let text: Vec<u8> = input.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_or_else(|_| Ran::failed(1, "base64: invalid input\n"), Ran::wrote)
}

fn packed(input: &[u8]) -> Ran {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer.write_all(input).and_then(|()| packer.finish());
    packed.map_or_else(|error| Ran::failed(1, &format!("gzip: {error}\n")), Ran::wrote)
}

fn unpacked(input: &[u8]) -> Ran {
    let mut bytes = Vec::new();
    match MultiGzDecoder::new(input).take(UNPACKED_BYTES).read_to_end(&mut bytes) {
        Ok(_) => Ran::wrote(bytes),
        Err(_) => Ran::failed(1, "gzip: stdin: not in gzip format\n"),
    }
}

/// `s/pattern/replacement/p` of `sed -n`: the lines in which something was replaced.
fn substituted(command: &str, input: &str) -> Ran {
    let parts: Vec<&str> = command.split('/').collect();
    let ["s", pattern, replacement, "p"] = parts.as_slice() else {
        return Ran::failed(1, "sed: only s/…/…/p is known here\n");
    };
    let found = input.lines().filter_map(|line| {
        let rest = match pattern.strip_prefix('^') {
            Some(pattern) => after(line, pattern)?,
            None => return line.contains(pattern).then(|| line.replacen(pattern, replacement, 1)),
        };
        Some(format!("{replacement}{rest}"))
    });
    Ran::wrote(found.map(|line| format!("{line}\n")).collect::<String>())
}

/// What follows the longest beginning of a line that fits a pattern of characters, each of which may be repeated (`*`).
fn after<'l>(line: &'l str, pattern: &str) -> Option<&'l str> {
    let mut rest = line;
    let mut pattern = pattern.chars().peekable();
    while let Some(c) = pattern.next() {
        if pattern.next_if_eq(&'*').is_some() {
            rest = rest.trim_start_matches(c);
        } else {
            rest = rest.strip_prefix(c)?;
        }
    }
    Some(rest)
}

/// The first bytes or lines, or the last ones; those from a place on when it is written `+3`.
fn part(is_head: bool, bytes: Option<&str>, lines: Option<&str>, input: &[u8]) -> Vec<u8> {
    let number = |text: &str| text.trim_start_matches('+').parse::<usize>().unwrap_or(0);
    match (bytes, lines) {
        (Some(count), _) if is_head => input[..number(count).min(input.len())].to_vec(),
        (Some(from), _) if from.starts_with('+') => {
            input[number(from).saturating_sub(1).min(input.len())..].to_vec()
        }
        (Some(count), _) => input[input.len().saturating_sub(number(count))..].to_vec(),
        (None, lines) => {
            let all: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
            let count = lines.map_or(10, number).min(all.len());
            let kept = if is_head { &all[..count] } else { &all[all.len() - count..] };
            kept.concat()
        }
    }
}
