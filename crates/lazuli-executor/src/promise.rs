//! Law 1: what is evaluated at apply is what the plan showed, wherever the plan showed something.

use lazuli_core::path::{Path, PathStep};
use lazuli_core::value::Content;
use lazuli_core::{Entries, Value};

use crate::error::StepError;

/// Checks that `now` keeps the promise of `planned`: equal in every known part, no member more or less, and wholly known.
///
/// # Errors
/// [`StepError::Promise`] with the first place where they differ.
pub fn check(planned: &Value, now: &Value) -> Result<(), StepError> {
    compare(planned, now, false, &mut Vec::new())
}

/// `hidden` says that something around is sensitive: whatever is in it is not spelled out either.
fn compare(planned: &Value, now: &Value, hidden: bool, at: &mut Vec<PathStep>) -> Result<(), StepError> {
    let hidden = hidden || planned.is_sensitive() || now.is_sensitive();
    if now.is_unknown() {
        return broken(Some(planned), Some(now), hidden, at);
    }
    match (planned.content(), now.content()) {
        (Content::Unknown(unknown), content) => {
            let prefix = now.as_str().is_none_or(|text| text.starts_with(&*unknown.prefix));
            let null = unknown.not_null && matches!(content, Content::Null(_));
            if prefix && !null && now.is_wholly_known() {
                return Ok(());
            }
        }
        (Content::Null(_), Content::Null(_)) => return Ok(()),
        (Content::Bool(a), Content::Bool(b)) if a == b => return Ok(()),
        (Content::Number(a), Content::Number(b)) if a == b => return Ok(()),
        (Content::String(a), Content::String(b)) if a == b => return Ok(()),
        _ => {
            if let (Some(planned), Some(now)) = (planned.as_entries(), now.as_entries()) {
                return compare_members(planned, now, hidden, at);
            }
            if let (Some(a), Some(b)) = (planned.as_sequence(), now.as_sequence())
                && a.len() == b.len()
            {
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    at.push(PathStep::Index(i));
                    compare(a, b, hidden, at)?;
                    at.pop();
                }
                return Ok(());
            }
        }
    }
    broken(Some(planned), Some(now), hidden, at)
}

fn compare_members(
    planned: &Entries,
    now: &Entries,
    hidden: bool,
    at: &mut Vec<PathStep>,
) -> Result<(), StepError> {
    for (name, value) in planned {
        at.push(PathStep::Name(name.clone()));
        match now.get(name) {
            Some(now) => compare(value, now, hidden, at)?,
            None => return broken(Some(value), None, hidden, at),
        }
        at.pop();
    }
    match now.iter().find(|(name, _)| !planned.contains_key(name)) {
        Some((name, value)) => {
            at.push(PathStep::Name(name.clone()));
            broken(None, Some(value), hidden, at)
        }
        None => Ok(()),
    }
}

fn broken(
    planned: Option<&Value>,
    now: Option<&Value>,
    hidden: bool,
    at: &[PathStep],
) -> Result<(), StepError> {
    let spell = |value: Option<&Value>| match value {
        None => "not there".to_owned(),
        Some(_) if hidden => "another (sensitive value)".to_owned(),
        Some(value) => show(value),
    };
    let planned =
        if hidden && planned.is_some() { "one (sensitive value)".to_owned() } else { spell(planned) };
    Err(StepError::Promise { path: at.iter().cloned().collect::<Path>(), planned, now: spell(now) })
}

/// A value on one line, never a sensitive one, never a long one.
pub(crate) fn show(value: &Value) -> String {
    const MOST: usize = 80;
    let text = format!("{value:?}");
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain(['…']).collect() }
}
