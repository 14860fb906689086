//! Reading attributes of a block, collecting what is wrong with them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use ipnet::Ipv4Net;
use lazuli_core::block::{Attribute, Block};
use lazuli_core::{Diagnostic, Diagnostics, Span, Value};

use crate::spec::Amount;

/// Reads attributes and remembers problems and warnings.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Diagnostics,
    pub(super) warnings: Diagnostics,
}

/// What stands for a secret in messages.
const HIDDEN: &str = "(sensitive value)";

/// Text made from the value of an attribute, fit for a message: hidden when any part of that value is sensitive.
pub(super) fn shown(block: &Block, name: &str, text: impl Display) -> String {
    shown_of(block.value(name).is_some_and(Value::contains_sensitive), text)
}

/// Text fit for a message: hidden when it is secret.
pub(super) fn shown_of(secret: bool, text: impl Display) -> String {
    if secret { HIDDEN.to_owned() } else { text.to_string() }
}

impl Reader {
    pub(super) fn problem(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// The value of an attribute, if written; it must be known, because names and numbers of resources hang on it.
    fn known<'a>(&mut self, block: &'a Block, name: &str) -> Option<&'a Value> {
        let attribute = block.attribute(name)?;
        if attribute.value.is_wholly_known() {
            return Some(&attribute.value);
        }
        self.not_known(attribute, &format!("`{name}`"));
        None
    }

    /// Refuses a value that is known only after apply; `what` of it had to be known.
    pub(super) fn not_known(&mut self, attribute: &Attribute, what: &str) {
        self.problem(
            Diagnostic::error("LZ0222", format!("{what} must be known before anything is applied"))
                .at(attribute.span, "this is known only after apply")
                .help("give it a value that does not depend on a resource that is still to be made"),
        );
    }

    /// Text that becomes part of names, sizes and places: plans and states show those, so it cannot be a secret.
    pub(super) fn text(&mut self, block: &Block, name: &str) -> Option<String> {
        let value = self.known(block, name)?;
        if value.is_sensitive() {
            self.problem(
                Diagnostic::error("LZ0223", format!("`{name}` cannot be sensitive"))
                    .at(block.span_of(name), "it is part of what plans and messages show")
                    .help("use nonsensitive() if it may be shown"),
            );
            return None;
        }
        value.as_str().map(str::to_owned)
    }

    pub(super) fn truth(&mut self, block: &Block, name: &str) -> bool {
        self.known(block, name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn int(
        &mut self,
        block: &Block,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.known(block, name)?;
        match value.as_i64().filter(|int| range.contains(int)) {
            Some(int) => Some(int),
            None => {
                self.problem(
                    Diagnostic::error(
                        "LZ0223",
                        format!("`{name}` must be a whole number from {} to {}", range.start(), range.end()),
                    )
                    .at(block.span_of(name), format!("this is {value:?}")),
                );
                None
            }
        }
    }

    pub(super) fn texts(&mut self, block: &Block, name: &str) -> Vec<String> {
        let values = self.known(block, name).and_then(Value::as_sequence).unwrap_or_default();
        let texts: Vec<String> = values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
        if texts.len() < values.len() {
            self.problem(
                Diagnostic::error("LZ0223", format!("`{name}` must be a list of strings"))
                    .at(block.span_of(name), "one of them is null"),
            );
        }
        texts
    }

    pub(super) fn text_map(&mut self, block: &Block, name: &str) -> BTreeMap<String, String> {
        let entries = self.known(block, name).and_then(Value::as_entries);
        entries
            .into_iter()
            .flatten()
            .filter_map(|(k, v)| Some((k.to_string(), v.as_str()?.to_owned())))
            .collect()
    }

    pub(super) fn parsed<T: FromStr>(&mut self, block: &Block, name: &str, what: &str) -> Option<T> {
        let text = self.text(block, name)?;
        match text.parse() {
            Ok(parsed) => Some(parsed),
            Err(_) => {
                self.problem(
                    Diagnostic::error("LZ0223", format!("`{name}` must be {what}"))
                        .at(block.span_of(name), format!("`{}` is not", shown(block, name, &text))),
                );
                None
            }
        }
    }

    /// A network in CIDR notation whose host bits are zero.
    pub(super) fn cidr(&mut self, block: &Block, name: &str) -> Option<Ipv4Net> {
        let net: Ipv4Net = self.parsed(block, name, "an IPv4 network such as 10.40.0.0/16")?;
        if net.addr() == net.network() {
            return Some(net);
        }
        self.problem(
            Diagnostic::error("LZ0223", format!("`{name}` has bits set beyond its prefix"))
                .at(block.span_of(name), format!("the network is {}", net.trunc())),
        );
        None
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, block: &Block, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(block, name)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let label = match lazuli_core::suggestion::closest(&shown(block, name, &text), words.iter().copied())
        {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => "not one of them".to_owned(),
        };
        self.problem(
            Diagnostic::error("LZ0223", format!("`{name}` must be one of {}", words.join(", ")))
                .at(block.span_of(name), label),
        );
        None
    }

    /// A duration such as `90s`, `10m` or `1h30m`, in seconds.
    pub(super) fn seconds(
        &mut self,
        block: &Block,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let text = self.text(block, name)?;
        let seconds = duration(&text);
        if let Some(seconds) = seconds.filter(|seconds| range.contains(seconds)) {
            return Some(seconds);
        }
        let label = match seconds {
            Some(_) => format!("from {}s to {}s", range.start(), range.end()),
            None => "a number and a unit, such as 90s, 10m or 1h30m".to_owned(),
        };
        let message = format!("`{}` cannot be `{name}`", shown(block, name, &text));
        self.problem(Diagnostic::error("LZ0223", message).at(block.span_of(name), label));
        None
    }

    /// A number of nodes, or a part of them such as `25%`.
    pub(super) fn amount(&mut self, block: &Block, name: &str, most: i64) -> Option<Amount> {
        let text = block.value(name).and_then(|value| value.as_str()).map(str::trim).map(str::to_owned);
        let Some(text) = text else {
            return self
                .int(block, name, 0..=most)
                .and_then(|int| u32::try_from(int).ok())
                .map(Amount::Nodes);
        };
        let text = self.text(block, name).map(|_| text)?;
        let read = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(Amount::Percent),
            None => text.parse().ok().filter(|n| i64::from(*n) <= most).map(Amount::Nodes),
        };
        if read.is_none() {
            let message = format!("`{}` cannot be `{name}`", shown(block, name, &text));
            self.problem(
                Diagnostic::error("LZ0223", message)
                    .at(block.span_of(name), "a number of nodes, or a part of them such as \"25%\""),
            );
        }
        read
    }

    /// Refuses a block whose label another one has already.
    pub(super) fn twice(&mut self, what: &str, name: &str, span: Span, first: Span) {
        self.problem(
            Diagnostic::error("LZ0201", format!("the {what} `{name}` is declared twice"))
                .at(span, "again here")
                .also_at(first, "first here"),
        );
    }
}

/// Seconds of `1h30m`.
fn duration(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut seconds: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest[digits..].chars().next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    Some(seconds)
}
