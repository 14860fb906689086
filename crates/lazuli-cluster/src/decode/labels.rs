//! Labels and taints of nodes.

use std::collections::BTreeMap;

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::reader::{Reader, shown};
use crate::spec::Taint;

const KEY: &str = "a key is an optional DNS name and /, then at most 63 letters, digits, - _ .";
const VALUE: &str = "a value is at most 63 letters, digits, - _ ., a letter or digit at both ends";

pub(super) fn labels(read: &mut Reader, block: &Block) -> BTreeMap<String, String> {
    let labels = read.text_map(block, "labels");
    for (key, value) in &labels {
        let wrong = match (is_key(key), is_value(value)) {
            (false, _) => KEY,
            (true, false) => VALUE,
            (true, true) => continue,
        };
        let shown = shown(block, "labels", format!("{key} = {value}"));
        read.problem(
            Diagnostic::error("LZ0217", format!("`{shown}` cannot be a label of a node"))
                .at(block.span_of("labels"), wrong),
        );
    }
    labels
}

pub(super) fn taints(read: &mut Reader, block: &Block) -> Vec<Taint> {
    let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"].map(|effect| (effect, effect));
    let mut taints = Vec::new();
    for taint in block.blocks_named("taint") {
        let effect = read.choice(taint, "effect", &effects);
        let (key, value) = (taint.label().to_owned(), read.text(taint, "value").unwrap_or_default());
        if !is_key(&key) || !is_value(&value) {
            let wrong = if is_key(&key) { VALUE } else { KEY };
            let shown = shown(taint, "value", format!("{key}={value}"));
            read.problem(
                Diagnostic::error("LZ0217", format!("`{shown}` cannot be a taint of a node"))
                    .at(taint.span, wrong),
            );
        }
        if let Some(effect) = effect {
            taints.push(Taint { key, value, effect: effect.to_owned() });
        }
    }
    taints
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let dns = |prefix: &str| {
        prefix.len() <= 253
            && prefix.split('.').all(|word| {
                is_word(word)
                    && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            })
    };
    is_word(name) && prefix.is_none_or(dns)
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_word(value)
}

/// 1 to 63 letters, digits, `-`, `_`, `.`, a letter or digit at both ends.
fn is_word(word: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&word.len())
        && word.starts_with(ends)
        && word.ends_with(ends)
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
