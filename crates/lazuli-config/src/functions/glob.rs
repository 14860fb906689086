//! Patterns of paths. The rules, down to what is refused, are those that Terraform's `fileset` has.

use super::Problem;
use super::paths::clean;
use crate::externals::{FileKind, Files};

/// Folders that one pattern may make us look into.
const MOST_FOLDERS: usize = 100_000;
/// Steps that the comparison of one name with a pattern may take.
const MOST_STEPS: usize = 1_000_000;

/// The clean paths of everything that matches a clean pattern.
pub(super) fn glob(pattern: &str, files: &dyn Files) -> Result<Vec<String>, Problem> {
    let parts: Vec<String> = split(pattern, '/');
    let mut walk = Walk { files, found: Vec::new(), folders: 0 };
    match parts.split_first() {
        Some((first, rest)) if first.is_empty() => walk.down("/", rest)?,
        _ => walk.down(".", &parts)?,
    }
    Ok(walk.found)
}

struct Walk<'f> {
    files: &'f dyn Files,
    found: Vec<String>,
    folders: usize,
}

impl Walk<'_> {
    fn down(&mut self, base: &str, parts: &[String]) -> Result<(), Problem> {
        let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).count();
        let base = parts[..plain].iter().fold(base.to_owned(), |base, part| join(&base, part));
        let Some((part, rest)) = parts[plain..].split_first() else {
            if self.kind(&base).is_some() {
                self.found.push(base);
            }
            return Ok(());
        };
        if self.kind(&base) != Some(FileKind::Folder) {
            return Ok(());
        }
        self.folders += 1;
        if self.folders > MOST_FOLDERS {
            return Err(Problem::new(format!("the pattern leads into more than {MOST_FOLDERS} folders")));
        }
        let Ok(entries) = self.files.list(&base) else { return Ok(()) };
        let names = || entries.iter().map(|(name, _)| name);
        let mut part = part;
        let mut rest = rest;
        let mut outcome = Ok(());
        if part == "**" {
            for (name, kind) in &entries {
                let path = join(&base, name);
                let kind = if *kind == FileKind::Link { self.kind(&path) } else { Some(*kind) };
                match kind {
                    None => continue,
                    Some(FileKind::Folder) => {
                        if rest.is_empty() {
                            self.found.push(path.clone());
                        }
                        outcome = self.down(&path, &parts[plain..]);
                    }
                    Some(_) if rest.is_empty() => self.found.push(path),
                    Some(_) => {}
                }
            }
            // `**` is any number of folders, also none: what follows it is looked for here.
            let Some((next, after)) = rest.split_first() else { return outcome };
            (part, rest) = (next, after);
        }
        for name in names() {
            let mut steps = MOST_STEPS;
            if !matches(part, name, &mut steps)? {
                outcome = Ok(());
                continue;
            }
            let path = join(&base, name);
            if rest.is_empty() {
                self.found.push(path);
                outcome = Ok(());
            } else {
                outcome = self.down(&path, rest);
            }
        }
        outcome
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        self.files.kind(path).ok().flatten()
    }
}

fn join(base: &str, name: &str) -> String {
    clean(&format!("{base}/{name}"))
}

/// The parts between separators that no backslash stands before.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == separator {
            parts.push(String::new());
            continue;
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
            if c == '\\' {
                last.extend(chars.next());
            }
        }
    }
    parts
}

fn bad() -> Problem {
    Problem::at(
        1,
        "this is not a pattern: a bracket is not closed, a range is not complete, or a `\\` stands last",
    )
}

/// The text before a closing bracket and the text after it.
fn closed(pattern: &str, bracket: char) -> Result<(&str, &str), Problem> {
    let mut escaped = false;
    for (at, c) in pattern.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == bracket {
            return Ok((&pattern[..at], &pattern[at + c.len_utf8()..]));
        }
    }
    Err(bad())
}

/// True when a name, one part of a path, matches one part of a pattern.
fn matches(pattern: &str, name: &str, steps: &mut usize) -> Result<bool, Problem> {
    match (pattern, name) {
        ("", "") => return Ok(true),
        ("", _) => return Ok(false),
        (_, "") if pattern != "*" => return Ok(false),
        _ => {}
    }
    let (mut pattern, mut name) = (pattern, name);
    while let (Some(p), Some(n)) = (pattern.chars().next(), name.chars().next()) {
        *steps = steps.saturating_sub(1);
        if *steps == 0 {
            return Err(Problem::at(1, "comparing a name with this pattern takes too long"));
        }
        let after = &pattern[p.len_utf8()..];
        let rest = &name[n.len_utf8()..];
        match p {
            '\\' => match after.chars().next() {
                None => return Err(bad()),
                Some(c) if c == n => (pattern, name) = (&after[c.len_utf8()..], rest),
                Some(_) => return Ok(false),
            },
            '*' if after.is_empty() => return Ok(true),
            '*' => {
                for (at, _) in name.char_indices() {
                    match matches(after, &name[at..], steps) {
                        Ok(true) => return Ok(true),
                        // A mistake after a star is no mistake: the others see it that way.
                        Ok(false) | Err(_) if *steps > 0 => {}
                        other => return other,
                    }
                }
                return Ok(false);
            }
            '[' => {
                let (class, after) = closed(after, ']')?;
                if !in_class(class, n)? {
                    return Ok(false);
                }
                (pattern, name) = (after, rest);
            }
            '{' => {
                let (choices, after) = closed(after, '}')?;
                for choice in split(choices, ',') {
                    if matches(&format!("{choice}{after}"), name, steps)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            '?' => (pattern, name) = (after, rest),
            _ if p == n => (pattern, name) = (after, rest),
            _ => return Ok(false),
        }
    }
    Ok(name.is_empty() && matches!(pattern, "" | "*" | "**"))
}

/// True when a character is one of those between `[` and `]`.
fn in_class(class: &str, c: char) -> Result<bool, Problem> {
    let negated = class.starts_with('^');
    let mut chars = class.chars().skip(usize::from(negated)).peekable();
    if class.is_empty() {
        return Err(bad());
    }
    let mut found = false;
    while let Some(low) = chars.next() {
        let mut bound = |first: char| match first {
            '-' => Err(bad()),
            '\\' => chars.next().ok_or_else(bad),
            other => Ok(other),
        };
        let low = bound(low)?;
        let high = match chars.next_if_eq(&'-') {
            None => low,
            Some(_) => match chars.next().ok_or_else(bad)? {
                '-' => return Err(bad()),
                '\\' => chars.next().ok_or_else(bad)?,
                other => other,
            },
        };
        found |= low <= c && c <= high;
    }
    Ok(found != negated)
}
