//! Bounds that no honest configuration reaches, so that a dishonest one is an error and not a hang.

use lazuli_core::Value;

/// Expressions evaluated in one call.
pub(crate) const STEPS: u64 = 5_000_000;
/// Bytes of one string.
pub(crate) const STRING: usize = 16 << 20;
/// Parts of one value, shared ones counted as often as they stand there.
pub(crate) const PARTS: usize = 2_000_000;
/// Values in values in values.
pub(crate) const DEPTH: usize = 200;

/// The steps it takes a function to read an argument, so that large values cost more than small ones.
pub(crate) fn work_of_argument(value: &Value) -> u64 {
    match value.as_str() {
        Some(text) => work_of_text(text),
        None => value.children().size_hint().0 as u64 / 32,
    }
}

/// The steps it takes a function to make a value; more than to read one, because it stays in memory.
pub(crate) fn work_of_result(value: &Value) -> u64 {
    match value.as_str() {
        Some(text) => work_of_text(text),
        None => value.children().size_hint().0 as u64 / 4,
    }
}

/// The steps it takes to read or write a text.
pub(crate) fn work_of_text(text: &str) -> u64 {
    text.len() as u64 / 16
}

/// The steps it takes to look at every part of two values: to compare them or to find what their types have in common.
pub(crate) fn work_of_pair(one: &Value, other: &Value) -> u64 {
    let (mut parts, mut more) = (0, 0);
    let _ = within(one, 0, &mut parts); // beyond the limits it is as expensive as can be
    let _ = within(other, 0, &mut more);
    (parts + more) as u64 / 8
}

/// Which limit a value exceeds, if any.
pub(crate) fn exceeded(value: &Value) -> Option<String> {
    let mut parts = 0;
    match within(value, 0, &mut parts) {
        Ok(()) => None,
        Err(Exceeded::Depth) => Some(format!("a value is nested deeper than {DEPTH} levels")),
        Err(Exceeded::Parts) => Some(format!("a value has more than {PARTS} parts")),
    }
}

enum Exceeded {
    Depth,
    Parts,
}

fn within(value: &Value, depth: usize, parts: &mut usize) -> Result<(), Exceeded> {
    if depth > DEPTH {
        return Err(Exceeded::Depth);
    }
    for child in value.children() {
        *parts += 1;
        if *parts > PARTS {
            return Err(Exceeded::Parts);
        }
        within(child, depth + 1, parts)?;
    }
    Ok(())
}
