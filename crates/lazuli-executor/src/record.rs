//! Resources as the state remembers them.

use std::collections::BTreeSet;

use lazuli_core::path::{Path, PathStep};
use lazuli_core::plan::Step;
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Desired, Mode, ResourceId};
use lazuli_core::value::Content;
use lazuli_core::{Json, Value};

/// What a record is made from, besides what is observed.
pub(crate) struct Draft<'a> {
    pub(crate) step: &'a Step,
    pub(crate) mode: Mode,
    pub(crate) desired: &'a Desired,
    pub(crate) id: &'a ResourceId,
    pub(crate) before: Option<&'a Recorded>,
    pub(crate) now: String,
}

impl Draft<'_> {
    /// The resource as it will be recorded; `inputs` is the body without its write-only parts.
    pub(crate) fn recorded(
        self,
        inputs: Json,
        write_only: std::collections::BTreeMap<Path, String>,
        sensitive: Vec<Path>,
    ) -> Recorded {
        Recorded {
            address: self.step.address.clone(),
            mode: self.mode,
            provider: self.desired.provider,
            account: self.desired.account.clone(),
            ty: self.desired.ty.clone(),
            id: self.id.clone(),
            inputs,
            observed: self.before.map_or(Json::Null, |b| b.observed.clone()),
            dependencies: self.step.dependencies.clone(),
            sensitive,
            write_only,
            prevent_destroy: self.step.prevent_destroy,
            slot: self.step.slot.clone(),
            pending: None,
            created_at: self.before.map_or_else(|| self.now.clone(), |b| b.created_at.clone()),
            updated_at: self.now,
        }
    }
}

/// The outermost sensitive parts of a value. An array whose elements have no names is sensitive as a whole when any of
/// it is: what a provider returns may have another order.
pub fn sensitive_paths(value: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    collect(value, &Path::root(), &mut found);
    found
}

fn collect(value: &Value, at: &Path, found: &mut Vec<Path>) {
    if value.is_sensitive() {
        found.push(at.clone());
        return;
    }
    match value.content() {
        Content::Map(_, entries) | Content::Object(entries) => {
            for (name, entry) in entries.iter() {
                collect(entry, &at.name(name.clone()), found);
            }
        }
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            if !items.iter().any(Value::contains_sensitive) {
                return;
            }
            let names: BTreeSet<_> = items.iter().filter_map(|i| i.get("name")?.as_str()).collect();
            if names.len() == items.len() {
                for item in items.iter() {
                    let name = item.get("name").and_then(Value::as_str).unwrap_or_default(); // impossible: counted above
                    collect(item, &at.then(PathStep::Key(name.into())), found);
                }
            } else {
                found.push(at.clone());
            }
        }
        _ => {}
    }
}

/// Adds the places in `observed` that match patterns of names; one that ends in `*` stands for all that begin so.
pub(crate) fn add_hidden(observed: &Json, patterns: &[&str], sensitive: &mut Vec<Path>) {
    for pattern in patterns {
        let names: Vec<&str> = pattern.split('.').collect();
        find(observed, &names, Path::root(), sensitive);
    }
}

fn matches(key: &str, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => key == name,
    }
}

fn find(here: &Json, names: &[&str], at: Path, found: &mut Vec<Path>) {
    let Some((name, rest)) = names.split_first() else {
        if !found.iter().any(|outer| at.starts_with(outer)) {
            found.push(at);
        }
        return;
    };
    match here {
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                find(item, names, at.then(PathStep::Index(i)), found);
            }
        }
        Json::Object(entries) => {
            for (key, next) in entries.iter().filter(|(key, _)| matches(key, name)) {
                find(next, rest, at.name(key.as_str()), found);
            }
        }
        _ => {}
    }
}
