//! Values and their differences as text. What is sensitive is never shown, not even by its length.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use anstyle::Style;
use lazuli_core::Entries;
use lazuli_core::value::{Content, Value};
use similar::{ChangeTag, TextDiff};

use super::layout::{clean, columns};
use super::style::{self, paint};

/// Shown in place of a sensitive value.
pub const SENSITIVE: &str = "(sensitive value)";

/// Unchanged lines shown around a change of a text.
const CONTEXT: usize = 2;

/// A value on one line.
pub fn inline(value: &Value) -> String {
    let mut text = String::new();
    write_inline(value, &mut text);
    text
}

fn write_inline(value: &Value, text: &mut String) {
    if let Some(leaf) = leaf(value) {
        text.push_str(&leaf);
        return;
    }
    if let Some(entries) = value.as_entries() {
        text.push_str("{ ");
        for (i, (key, value)) in entries.iter().enumerate() {
            let _ = write!(text, "{}{} = ", if i == 0 { "" } else { ", " }, name(key));
            write_inline(value, text);
        }
        text.push_str(" }");
    } else {
        text.push('[');
        for (i, value) in value.children().enumerate() {
            text.push_str(if i == 0 { "" } else { ", " });
            write_inline(value, text);
        }
        text.push(']');
    }
}

/// The text of a value that has no elements to show; `None` for the others.
fn leaf(value: &Value) -> Option<String> {
    if value.is_sensitive() {
        return Some(SENSITIVE.to_owned());
    }
    Some(match value.content() {
        Content::Null(_) => "null".to_owned(),
        Content::Bool(truth) => truth.to_string(),
        Content::Number(number) => number.to_string(),
        Content::String(text) => quoted(text),
        Content::Unknown(unknown) => match &unknown.source {
            Some(source) => format!("(known after {})", source.address),
            None => "(known after apply)".to_owned(),
        },
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            return if items.is_empty() { Some("[]".to_owned()) } else { None };
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            return if entries.is_empty() { Some("{}".to_owned()) } else { None };
        }
    })
}

fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    // JSON leaves DEL and the C1 controls as they are
    clean(&json).into_owned()
}

fn name(key: &str) -> String {
    let word = !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !key.as_bytes()[0].is_ascii_digit();
    if word { key.to_owned() } else { quoted(key) }
}

/// A value over as many lines as it needs at a width, elements indented by two; the first line begins what `head`
/// says, such as `tags = `.
pub fn lines(head: &str, value: &Value, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    write_lines(head, value, 0, width, &mut lines);
    lines
}

fn write_lines(head: &str, value: &Value, indent: usize, width: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    if let (false, Some(text)) = (value.is_sensitive(), value.as_str().filter(|text| text.contains('\n'))) {
        lines.push(format!("{margin}{head}<<"));
        lines.extend(text.lines().map(|line| format!("{margin}  {}", clean(line))));
        return;
    }
    let short = inline(value);
    // An object that fits on a line reads well there only when it is small.
    let compact = leaf(value).is_some() || value.children().all(|child| leaf(child).is_some());
    if leaf(value).is_some() || (compact && indent + columns(head) + columns(&short) <= width) {
        lines.push(format!("{margin}{head}{short}"));
    } else if let Some(entries) = value.as_entries() {
        lines.push(format!("{margin}{head}{{"));
        for (key, value) in entries.iter() {
            write_lines(&format!("{} = ", name(key)), value, indent + 2, width, lines);
        }
        lines.push(format!("{margin}}}"));
    } else {
        lines.push(format!("{margin}{head}["));
        for value in value.children() {
            write_lines("", value, indent + 2, width, lines);
        }
        lines.push(format!("{margin}]"));
    }
}

/// A line of a difference, not indented and not styled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// `-`, `+`, `~` of a member that changes, or a blank for context.
    pub symbol: char,
    /// The text after the symbol.
    pub text: String,
}

impl DiffLine {
    fn new(symbol: char, text: impl Into<String>) -> Self {
        DiffLine { symbol, text: text.into() }
    }

    /// The line with its style.
    pub fn styled(&self) -> String {
        let style: Style = match self.symbol {
            '+' => style::ADD,
            '-' => style::REMOVE,
            '~' => style::CHANGE,
            _ => style::FAINT,
        };
        paint(style, format!("{} {}", self.symbol, self.text).trim_end())
    }
}

/// `"a" -> "b"`, `+ "b"` or `- "a"`: the change of something without elements, in one line; `None` for the others.
pub fn scalar_change(before: Option<&Value>, after: Option<&Value>) -> Option<String> {
    let short = |value: &Value| {
        let long = clear_text(value).is_some_and(|text| text.contains('\n'));
        if long { None } else { leaf(value) }
    };
    Some(match (before, after) {
        (Some(before), Some(after)) => format!("{} -> {}", short(before)?, short(after)?),
        (None, Some(after)) => paint(style::ADD, &format!("+ {}", short(after)?)),
        (Some(before), None) => paint(style::REMOVE, &format!("- {}", short(before)?)),
        (None, None) => return None,
    })
}

/// True when two values say the same, whatever their types are called.
pub fn same(one: &Value, other: &Value) -> bool {
    let json = |value| {
        lazuli_core::encoding::to_json(value).ok().map(|json| lazuli_core::encoding::from_json(&json))
    };
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

/// What differs between two values of an attribute; `None` where it is not there.
pub fn difference(before: Option<&Value>, after: Option<&Value>, width: usize) -> Vec<DiffLine> {
    if let (Some(before), Some(after)) = (before, after) {
        if let (Some(old), Some(new)) = (clear_text(before), clear_text(after))
            && (old.contains('\n') || new.contains('\n'))
        {
            return text_difference(old, new);
        }
        if let (Some(old), Some(new)) = (plain_elements(before), plain_elements(after)) {
            return element_difference(old, new);
        }
        if let (Some(old), Some(new)) = (clear_entries(before), clear_entries(after)) {
            let mut same = 0;
            let mut lines = Vec::new();
            member_difference("", old, new, width, &mut lines, &mut same);
            if same > 0 {
                lines.push(DiffLine::new(' ', format!("({same} unchanged)")));
            }
            return lines;
        }
    }
    let width = width.saturating_sub(2);
    let side = |symbol, value: Option<&Value>| {
        let lines = value.map_or_else(Vec::new, |value| lines("", value, width));
        lines.into_iter().map(move |line| DiffLine::new(symbol, line)).collect::<Vec<_>>()
    };
    [side('-', before), side('+', after)].concat()
}

fn clear_text(value: &Value) -> Option<&str> {
    if value.is_sensitive() { None } else { value.as_str() }
}

/// The members of a structure that is not hidden as a whole.
fn clear_entries(value: &Value) -> Option<&Entries> {
    value.as_entries().filter(|entries| !value.is_sensitive() && !entries.is_empty())
}

/// The members that differ, by their names below `within`; counts those that do not.
fn member_difference(
    within: &str,
    old: &Entries,
    new: &Entries,
    width: usize,
    out: &mut Vec<DiffLine>,
    same: &mut usize,
) {
    let keys: BTreeSet<&Arc<str>> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let head = format!("{within}{}", name(key));
        let whole = |symbol, value: &Value| {
            let lines = lines(&format!("{head} = "), value, width.saturating_sub(2));
            lines.into_iter().map(move |line| DiffLine::new(symbol, line))
        };
        match (old.get(key), new.get(key)) {
            (Some(before), Some(after)) if self::same(before, after) => *same += 1,
            (Some(before), Some(after)) => {
                if let (Some(old), Some(new)) = (clear_entries(before), clear_entries(after)) {
                    member_difference(&format!("{head}."), old, new, width, out, same);
                } else if let Some(change) = scalar_change(Some(before), Some(after)) {
                    out.push(DiffLine::new('~', format!("{head} = {change}")));
                } else {
                    out.push(DiffLine::new('~', head));
                    let inner = difference(Some(before), Some(after), width.saturating_sub(2));
                    out.extend(inner.into_iter().map(|l| DiffLine::new(l.symbol, format!("  {}", l.text))));
                }
            }
            (Some(before), None) => out.extend(whole('-', before)),
            (None, Some(after)) => out.extend(whole('+', after)),
            (None, None) => {}
        }
    }
}

/// The elements of a sequence of clear, known scalars.
fn plain_elements(value: &Value) -> Option<&[Value]> {
    let plain = |v: &Value| !v.is_sensitive() && !v.is_unknown() && v.children().next().is_none();
    value.as_sequence().filter(|items| !value.is_sensitive() && items.iter().all(plain))
}

fn element_difference(old: &[Value], new: &[Value]) -> Vec<DiffLine> {
    let old: Vec<String> = old.iter().map(inline).collect();
    let new: Vec<String> = new.iter().map(inline).collect();
    let (old_refs, new_refs): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&old_refs, &new_refs);
    let mut same = 0;
    let mut lines = Vec::new();
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => same += 1,
            ChangeTag::Delete => lines.push(DiffLine::new('-', change.value())),
            ChangeTag::Insert => lines.push(DiffLine::new('+', change.value())),
        }
    }
    if same > 0 {
        lines.push(DiffLine::new(' ', format!("({same} unchanged)")));
    }
    lines
}

fn text_difference(old: &str, new: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for (i, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        let start = group.first().map_or(0, |op| op.old_range().start);
        if i > 0 || start > 0 {
            lines.push(DiffLine::new(' ', format!("… line {}", start + 1)));
        }
        for op in group {
            for change in diff.iter_changes(op) {
                let symbol = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                let end = if change.missing_newline() { "   (no newline at the end)" } else { "" };
                let line = change.value();
                let line = line.strip_suffix('\n').unwrap_or(line);
                lines.push(DiffLine::new(symbol, format!("{}{end}", clean(line))));
            }
        }
    }
    // A last line without an end is only worth a word where that is what changed.
    if old.ends_with('\n') == new.ends_with('\n') {
        for line in &mut lines {
            if let Some(text) = line.text.strip_suffix("   (no newline at the end)") {
                line.text = text.to_owned();
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use lazuli_core::Type;
    use serde_json::json;

    use super::*;

    fn value(json: serde_json::Value) -> Value {
        lazuli_core::encoding::from_json(&json)
    }

    fn shown(lines: &[DiffLine]) -> String {
        lines.iter().map(|line| format!("{} {}\n", line.symbol, line.text)).collect()
    }

    #[test]
    fn a_value_reads_like_configuration() {
        let address: lazuli_core::Address = "cluster.prod.identity.principal".parse().unwrap();
        let value = Value::object([
            ("name", Value::string("a\"b\u{1b}")),
            ("secret", Value::string("hunter2").sensitive()),
            ("id", Value::unknown_from(address, "properties.principalId".parse().unwrap(), Type::String)),
            ("later", Value::unknown_of(Type::String)),
            ("zones", value(json!(["1", "2"]))),
            ("x y", value(json!({"empty": {}, "none": null, "on": true, "n": 1.5}))),
        ]);
        insta::assert_snapshot!(inline(&value));
        insta::assert_snapshot!(lines("body = ", &value, 40).join("\n"));
    }

    #[test]
    fn only_elements_that_differ_are_shown() {
        let diff = difference(
            Some(&value(json!(["10.0.0.0/8", "203.0.113.0/24"]))),
            Some(&value(json!(["10.0.0.0/8", "198.51.100.0/24"]))),
            80,
        );
        assert_eq!(shown(&diff), "- \"203.0.113.0/24\"\n+ \"198.51.100.0/24\"\n  (1 unchanged)\n");
    }

    #[test]
    fn only_members_that_differ_are_shown() {
        let old = value(json!({"a": "1", "b": "2", "c": {"x": [1, 2], "y": true, "z": null}, "d": "4"}));
        let new =
            value(json!({"b": "3", "c": {"x": [1, 3], "y": true, "z": {"n": 1}}, "d": "4", "e f": "5"}));
        let diff = difference(Some(&old), Some(&new), 80);
        insta::assert_snapshot!(shown(&diff), @r#"
        - a = "1"
        ~ b = "2" -> "3"
        ~ c.x
        -   2
        +   3
            (1 unchanged)
        ~ c.z
        -   null
        +   { n = 1 }
        + "e f" = "5"
          (2 unchanged)
        "#);
    }

    #[test]
    fn a_long_text_shows_the_lines_that_differ() {
        let old: String = (1..=20).map(|i| format!("line {i}\n")).collect();
        let new = old.replace("line 10\n", "line ten\n");
        let diff = difference(Some(&Value::string(old)), Some(&Value::string(new)), 80);
        insta::assert_snapshot!(shown(&diff));
    }

    #[test]
    fn a_sensitive_text_shows_nothing_of_itself() {
        let old = Value::string("a\nb\nc").sensitive();
        let new = Value::string("a\nb\nd");
        assert_eq!(
            shown(&difference(Some(&old), Some(&new.clone().sensitive()), 80)),
            "- (sensitive value)\n+ (sensitive value)\n"
        );
        assert!(!shown(&difference(Some(&old), Some(&new), 80)).contains("c\n"));
    }
}
