//! Sensitive leaves: taken out before a record is written, sealed together, put back after it is read.
//!
//! A leaf that was taken leaves `null` behind; the sealed list says where each belongs.

use lazuli_core::Json;
use lazuli_core::path::{Path, PathStep};
use lazuli_core::recorded::{Recorded, RecordedOutput};
use serde::{Deserialize, Serialize};

/// A leaf that was taken out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leaf {
    /// Which object of the document it was in, counted as the document writes them.
    of: usize,
    part: Part,
    /// Where in the part: a JSON pointer; of a write-only digest, its path.
    at: String,
    value: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Inputs,
    Observed,
    WriteOnly,
    Output,
}

/// True when something of it must not be written in clear. Digests count: a short password can be guessed from one.
pub(crate) fn has_secrets(recorded: &Recorded) -> bool {
    !recorded.sensitive.is_empty() || !recorded.write_only.is_empty()
}

/// Takes the sensitive leaves out of the `of`th object.
pub(crate) fn take(recorded: &mut Recorded, of: usize, leaves: &mut Vec<Leaf>) {
    for path in &recorded.sensitive {
        take_at(&mut recorded.inputs, path, (of, Part::Inputs), leaves);
        take_at(&mut recorded.observed, path, (of, Part::Observed), leaves);
    }
    for (path, digest) in &mut recorded.write_only {
        let value = Json::String(std::mem::take(digest));
        leaves.push(Leaf { of, part: Part::WriteOnly, at: path.to_string(), value });
    }
}

/// Takes the value of a hidden output.
pub(crate) fn take_output(output: &mut RecordedOutput, of: usize, leaves: &mut Vec<Leaf>) {
    if output.sensitive {
        leaves.push(Leaf { of, part: Part::Output, at: String::new(), value: output.value.take() });
    }
}

fn take_at(root: &mut Json, path: &Path, place: (usize, Part), leaves: &mut Vec<Leaf>) {
    walk(root, path.steps(), String::new(), &mut |at, leaf| {
        if !leaf.is_null() {
            leaves.push(Leaf { of: place.0, part: place.1, at: at.to_owned(), value: leaf.take() });
        }
    });
}

/// Visits everything a path means; several elements may have the same name.
fn walk(here: &mut Json, steps: &[PathStep], at: String, found: &mut dyn FnMut(&str, &mut Json)) {
    let Some((step, rest)) = steps.split_first() else {
        found(&at, here);
        return;
    };
    match (step, here) {
        (PathStep::Name(name), Json::Object(entries)) => {
            if let Some(next) = entries.get_mut(&**name) {
                walk(next, rest, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        (PathStep::Index(index), Json::Array(items)) => {
            if let Some(next) = items.get_mut(*index) {
                walk(next, rest, format!("{at}/{index}"), found);
            }
        }
        (PathStep::Key(key), Json::Array(items)) => {
            for (i, next) in items.iter_mut().enumerate() {
                if next.get("name").and_then(Json::as_str) == Some(key) {
                    walk(next, rest, format!("{at}/{i}"), found);
                }
            }
        }
        _ => {}
    }
}

/// Puts leaves back, last taken first, and returns those of outputs; `None` when one has no place.
pub(crate) fn put_back(leaves: Vec<Leaf>, resources: &mut [&mut Recorded]) -> Option<Vec<(usize, Json)>> {
    let mut outputs = Vec::new();
    for leaf in leaves.into_iter().rev() {
        if leaf.part == Part::Output {
            outputs.push((leaf.of, leaf.value));
            continue;
        }
        let recorded = resources.get_mut(leaf.of)?;
        match leaf.part {
            Part::Inputs => *recorded.inputs.pointer_mut(&leaf.at)? = leaf.value,
            Part::Observed => *recorded.observed.pointer_mut(&leaf.at)? = leaf.value,
            Part::WriteOnly => {
                let digest = recorded.write_only.get_mut(&leaf.at.parse::<Path>().ok()?)?;
                *digest = leaf.value.as_str()?.to_owned();
            }
            Part::Output => {}
        }
    }
    Some(outputs)
}
