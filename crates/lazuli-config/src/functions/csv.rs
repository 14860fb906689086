//! Tables as text: RFC 4180, the first line with the names of the columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::types::Field;
use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Problem};
use crate::limits;
use crate::text::{normalize, string};

/// The rows of a table as objects, all values text.
pub(super) fn decode(text: &str) -> Answer {
    let mut reader = Reader { rest: text, line: 0 };
    let Some(header) = reader.record()? else {
        return Err(Problem::at(0, "expected a first line with the names of the columns"));
    };
    let names: Vec<Arc<str>> = header.iter().map(|name| Arc::from(&*normalize(name))).collect();
    let mut fields = BTreeMap::new();
    for name in &names {
        if fields.insert(name.clone(), Field::required(Type::String)).is_some() {
            return Err(Problem::at(0, format!("two columns have the name {name:?}")));
        }
    }
    let mut rows = Vec::new();
    while let Some(record) = reader.record()? {
        if record.len() != names.len() {
            let (expected, found) = (names.len(), record.len());
            return Err(reader.wrong(&format!("expected {expected} fields, found {found}")));
        }
        if rows.len() * names.len() > limits::PARTS {
            return Err(reader.wrong(&format!("the table has more than {} fields", limits::PARTS)));
        }
        let entries = names.iter().cloned().zip(record.iter().map(|text| string(text)));
        rows.push(Value::new(Content::Object(Arc::new(entries.collect()))));
    }
    Ok(Value::new(Content::List(Type::Object(Arc::new(fields)), Arc::new(rows))))
}

struct Reader<'t> {
    rest: &'t str,
    /// Lines read so far.
    line: usize,
}

impl<'t> Reader<'t> {
    fn wrong(&self, what: &str) -> Problem {
        Problem::at(0, format!("line {}: {what}", self.line))
    }

    /// The next line without its end, and whether it has one.
    fn line(&mut self) -> Option<(&'t str, bool)> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, rest, ended) = match self.rest.split_once('\n') {
            Some((line, rest)) => (line, rest, true),
            None => (self.rest, "", false),
        };
        self.rest = rest;
        Some((line.strip_suffix('\r').unwrap_or(line), ended))
    }

    /// The fields of the next line that is not empty; a field in quotes may go on in further lines.
    fn record(&mut self) -> Result<Option<Vec<String>>, Problem> {
        let mut line = loop {
            match self.line() {
                None => return Ok(None),
                Some(("", true)) => {}
                Some(("", false)) => return Ok(None),
                Some(line) => break line,
            }
        };
        let mut fields = Vec::new();
        loop {
            let Some(quoted) = line.0.strip_prefix('"') else {
                let (field, rest) = match line.0.split_once(',') {
                    Some((field, rest)) => (field, Some(rest)),
                    None => (line.0, None),
                };
                if field.contains('"') {
                    return Err(self.wrong("a quote in a field that does not begin with one"));
                }
                fields.push(field.to_owned());
                match rest {
                    Some(rest) => line.0 = rest,
                    None => return Ok(Some(fields)),
                }
                continue;
            };
            let mut field = String::new();
            line.0 = quoted;
            let more = loop {
                let Some((part, rest)) = line.0.split_once('"') else {
                    field += line.0;
                    if line.1 {
                        field.push('\n');
                    }
                    line = self.line().ok_or_else(|| self.wrong("a field in quotes has no end"))?;
                    continue;
                };
                field += part;
                if let Some(rest) = rest.strip_prefix('"') {
                    field.push('"');
                    line.0 = rest;
                } else if let Some(rest) = rest.strip_prefix(',') {
                    line.0 = rest;
                    break true;
                } else if rest.is_empty() {
                    break false;
                } else {
                    return Err(self.wrong("expected a comma or the end of the line after a closing quote"));
                }
            };
            fields.push(field);
            if !more {
                return Ok(Some(fields));
            }
        }
    }
}
