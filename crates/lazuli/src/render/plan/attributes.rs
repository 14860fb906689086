//! The attributes that differ: which are worth showing, and in which words.

use std::collections::{BTreeMap, BTreeSet};

use anstream::adapter::strip_str;
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Cause, Change, PathChange};

use crate::render::layout::{self, columns};
use crate::render::style::{self, paint};
use crate::render::value;

/// The most columns of a recorded value beside an attribute.
const RECORDED_WIDTH: usize = 30;

/// How ids are written: those of the cluster's own resource group without what they all begin with.
#[derive(Debug, Clone, Default)]
pub(super) struct Wording {
    /// `/subscriptions/…/resourcegroups/…/providers/` in lower case; `None` writes every id in full.
    prefix: Option<String>,
}

impl Wording {
    /// The resource group most of the changes are in is the cluster's.
    pub(super) fn of(changes: &[&Change]) -> Self {
        let mut groups: BTreeMap<String, usize> = BTreeMap::new();
        for id in changes.iter().filter_map(|change| change.id.as_ref()) {
            let id = id.as_str().to_ascii_lowercase();
            let Some(end) = id.find("/providers/").filter(|_| id.contains("/resourcegroups/")) else {
                continue;
            };
            *groups.entry(id[..end + "/providers/".len()].to_owned()).or_default() += 1;
        }
        Wording { prefix: groups.into_iter().max_by_key(|(_, number)| *number).map(|(prefix, _)| prefix) }
    }

    /// The text with `…/networkInterfaces/x-nic` for ids of the resource group.
    pub(super) fn short(&self, text: &str) -> String {
        let Some(prefix) = &self.prefix else { return text.to_owned() };
        let lower = text.to_ascii_lowercase();
        let (mut out, mut done) = (String::new(), 0);
        for (start, _) in lower.match_indices(prefix.as_str()) {
            let rest = start + prefix.len();
            let Some(namespace) = text[rest..].find('/') else { continue };
            out.push_str(&text[done..start]);
            out.push('…');
            done = rest + namespace;
        }
        out.push_str(&text[done..]);
        out
    }
}

/// Every attribute of a change that differs.
pub(super) fn all(change: &Change, wording: &Wording, width: usize) -> Vec<String> {
    lines(change, change.paths.iter().collect(), wording, width)
}

/// How many objects of a layer or an add-on change.
pub(super) fn objects(change: &Change) -> usize {
    let object = |path: &PathChange| match path.path.steps() {
        [PathStep::Name(first), PathStep::Name(second), PathStep::Name(object), ..]
            if &**first == "properties" && &**second == "objects" =>
        {
            Some(object.to_string())
        }
        _ => None,
    };
    change.paths.iter().filter_map(object).collect::<BTreeSet<_>>().len()
}

/// The attributes of a renamed object that differ by more than the name, and that `told` does not tell already.
pub(super) fn beyond_names(
    change: &Change,
    names: Option<(&str, &str)>,
    told: &[String],
    wording: &Wording,
    width: usize,
) -> Vec<String> {
    let renamed = |text: String| names.map_or(text.clone(), |(old, new)| text.replace(old, new));
    let side = |value: &Option<lazuli_core::Value>| match value {
        Some(value) => lazuli_core::encoding::to_json(value).ok().map(|json| renamed(json.to_string())),
        None => Some(String::new()),
    };
    // Elements named by an id go under the old one and come under the new one.
    let mut gone: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut kept: Vec<&PathChange> = Vec::new();
    for path in &change.paths {
        match (side(&path.before), side(&path.after)) {
            (Some(before), Some(after)) if before == after => {}
            (Some(before), _) if path.after.is_none() => {
                *gone.entry((renamed(path.path.to_string()), before)).or_default() += 1;
                kept.push(path);
            }
            _ => kept.push(path),
        }
    }
    let mut matched: BTreeMap<(String, String), usize> = BTreeMap::new();
    kept.retain(|path| {
        let Some(after) = side(&path.after).filter(|_| path.before.is_none()) else { return true };
        let key = (renamed(path.path.to_string()), after);
        let pair = gone.get(&key).is_some_and(|number| *number > 0);
        if pair {
            *gone.entry(key.clone()).or_default() -= 1;
            *matched.entry(key).or_default() += 1;
        }
        !pair
    });
    kept.retain(|path| {
        let Some(before) = side(&path.before).filter(|_| path.after.is_none()) else { return true };
        let Some(number) = matched.get_mut(&(renamed(path.path.to_string()), before)) else { return true };
        let pair = *number > 0;
        *number = number.saturating_sub(1);
        !pair
    });
    kept.retain(|path| !told.iter().any(|reason| tells(reason, path)));
    lines(change, kept, wording, width)
}

/// True when a reason such as `instance_type A -> B` says what an attribute becomes.
fn tells(reason: &str, path: &PathChange) -> bool {
    /// Shorter texts could be anything.
    const SHORTEST: usize = 4;
    let tail = |value: &Option<lazuli_core::Value>| {
        let value = value.as_ref().filter(|value| !value.is_sensitive())?;
        let text = value.as_str()?;
        let tail = text.rsplit('/').next().unwrap_or(text);
        (tail.len() >= SHORTEST).then(|| tail.to_owned())
    };
    let (Some(old), Some(new)) = (tail(&path.before), tail(&path.after)) else { return false };
    reason.split(", ").filter_map(|part| part.split_once(" -> ")).any(|(from, to)| {
        let ends = |text: &str, tail: &str| {
            text == tail || text.ends_with(&format!("/{tail}")) || text.ends_with(&format!(" {tail}"))
        };
        ends(from, &old) && ends(to, &new)
    })
}

fn lines(change: &Change, paths: Vec<&PathChange>, wording: &Wording, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mixed = change.paths.iter().any(|p| p.cause == Cause::Configuration);
    for path in paths {
        let head = if path.path.steps().is_empty() {
            "the object".to_owned()
        } else {
            wording.short(&path.path.to_string())
        };
        let mut notes = String::new();
        if path.forces_replacement {
            notes.push_str("   # forces replacement");
        }
        match &path.recorded {
            Some(recorded) => {
                let was = layout::cut(&value::inline(recorded), RECORDED_WIDTH).into_owned();
                notes.push_str(&format!("   # was {was}, changed outside of Lazuli too"));
            }
            None if mixed && path.cause == Cause::Drift => notes.push_str("   # changed outside of Lazuli"),
            None => {}
        }
        let styled = if path.forces_replacement { style::ALERT } else { style::FAINT };
        let scalar =
            value::scalar_change(path.before.as_ref(), path.after.as_ref()).map(|s| wording.short(&s));
        match scalar
            .filter(|s| columns(&head) + 2 + columns(&strip_str(s).to_string()) + columns(&notes) <= width)
        {
            Some(scalar) => lines.push(format!("{head}  {scalar}{}", paint(styled, &notes))),
            None => {
                lines.push(format!("{head}{}", paint(styled, &notes)));
                let differences =
                    value::difference(path.before.as_ref(), path.after.as_ref(), width.saturating_sub(2));
                lines.extend(differences.iter().map(|line| format!("  {}", wording.short(&line.styled()))));
            }
        }
    }
    lines
}
