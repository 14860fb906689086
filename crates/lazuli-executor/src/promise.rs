//! Law 1: what is evaluated at apply is what the plan showed, wherever the plan showed something.

use std::sync::Arc;

use lazuli_core::Value;
use lazuli_core::path::{Path, PathStep};
use lazuli_core::value::Content;

use crate::error::StepError;

/// Checks that `now` keeps the promise of `planned`: equal in every known part, no member more or less, and wholly known.
///
/// # Errors
/// [`StepError::Promise`] with the first place where they differ.
pub fn check(planned: &Value, now: &Value) -> Result<(), StepError> {
    compare(planned, now, &mut Vec::new())
}

fn compare(planned: &Value, now: &Value, at: &mut Vec<PathStep>) -> Result<(), StepError> {
    let broken = |at: &[PathStep]| {
        Err(StepError::Promise {
            path: at.iter().cloned().collect::<Path>(),
            planned: show(planned),
            now: show(now),
        })
    };
    if now.is_unknown() {
        return broken(at);
    }
    match (planned.content(), now.content()) {
        (Content::Unknown(unknown), content) => {
            let prefix = now.as_str().is_none_or(|text| text.starts_with(&*unknown.prefix));
            let null = unknown.not_null && matches!(content, Content::Null(_));
            if !prefix || null || !now.is_wholly_known() {
                return broken(at);
            }
            Ok(())
        }
        (Content::Null(_), Content::Null(_)) => Ok(()),
        (Content::Bool(a), Content::Bool(b)) if a == b => Ok(()),
        (Content::Number(a), Content::Number(b)) if a == b => Ok(()),
        (Content::String(a), Content::String(b)) if a == b => Ok(()),
        _ => match (planned.as_entries(), now.as_entries()) {
            (Some(a), Some(b)) => {
                for (name, value) in a.iter() {
                    at.push(PathStep::Name(name.clone()));
                    match b.get(name) {
                        Some(now) => compare(value, now, at)?,
                        None => return Err(gone(value, at, true)),
                    }
                    at.pop();
                }
                match b.iter().find(|(name, _)| !a.contains_key(*name)) {
                    Some((name, value)) => {
                        at.push(PathStep::Name(Arc::clone(name)));
                        Err(gone(value, at, false))
                    }
                    None => Ok(()),
                }
            }
            _ => match (planned.as_sequence(), now.as_sequence()) {
                (Some(a), Some(b)) if a.len() == b.len() => {
                    for (i, (a, b)) in a.iter().zip(b).enumerate() {
                        at.push(PathStep::Index(i));
                        compare(a, b, at)?;
                        at.pop();
                    }
                    Ok(())
                }
                _ => broken(at),
            },
        },
    }
}

/// A member that only one side has.
fn gone(value: &Value, at: &[PathStep], was_planned: bool) -> StepError {
    let (shown, nothing) = (show(value), "not there".to_owned());
    let path = at.iter().cloned().collect();
    if was_planned {
        StepError::Promise { path, planned: shown, now: nothing }
    } else {
        StepError::Promise { path, planned: nothing, now: shown }
    }
}

/// A value on one line, never a sensitive one, never a long one.
pub(crate) fn show(value: &Value) -> String {
    const MOST: usize = 80;
    let text = format!("{value:?}");
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain(['…']).collect() }
}
