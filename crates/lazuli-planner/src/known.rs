//! What expressions may know of a resource while a plan is made.

use std::collections::HashMap;
use std::sync::OnceLock;

use lazuli_core::configuration::{Known, KnownObject};
use lazuli_core::encoding::from_json;
use lazuli_core::resource::Desired;
use lazuli_core::value::Content;
use lazuli_core::{Address, Json, Path, Value};

use crate::marks::mark;

/// The objects of the declarations reached so far.
pub(crate) struct Reached<'a> {
    places: &'a HashMap<Address, usize>,
    entries: Vec<OnceLock<Entry<'a>>>,
    epoch: u64,
}

/// What an object is made from, and the object once somebody asked for it: most are never asked for.
struct Entry<'a> {
    desired: Desired,
    observed: Option<&'a Json>,
    sensitive: &'a [Path],
    object: OnceLock<KnownObject>,
}

impl<'a> Reached<'a> {
    pub(crate) fn new(places: &'a HashMap<Address, usize>, epoch: u64) -> Self {
        let entries = (0..places.len()).map(|_| OnceLock::new()).collect();
        Reached { places, entries, epoch }
    }

    /// Makes the object of a declaration known as [`object_of`] gives it; the first time counts.
    pub(crate) fn reach(
        &self,
        place: usize,
        desired: Desired,
        observed: Option<&'a Json>,
        sensitive: &'a [Path],
    ) {
        let _ = self.entries[place].set(Entry { desired, observed, sensitive, object: OnceLock::new() });
    }
}

impl Known for Reached<'_> {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        let entry = self.entries[*self.places.get(address)?].get()?;
        let object = || object_of(&entry.desired, entry.observed, entry.sensitive);
        Some(entry.object.get_or_init(object).clone())
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// The object as it will be: what exists (nothing, before a create), overlaid with what is desired.
///
/// What is desired wins, so that an expression that was known before the world was looked at has the same value after.
///
/// `sensitive` are the paths of the record that hold secrets: what is read from them is marked.
pub fn object_of(desired: &Desired, observed: Option<&Json>, sensitive: &[Path]) -> KnownObject {
    let mut value = match observed {
        Some(observed) => overlay(&mark(from_json(observed), sensitive), &desired.body),
        None => desired.body.clone(),
    };
    if let Some(id) = &desired.id {
        let name = Value::string(id.name());
        let facts = [
            ("id", Value::string(id.as_str())),
            ("name", name),
            ("type", Value::string(desired.ty.name.clone())),
        ];
        value = overlay(&value, &Value::object(facts));
    }
    KnownObject { value, complete: observed.is_some() }
}

/// `top` over `base`: objects member by member, arrays of named elements element by element, everything else replaced.
fn overlay(base: &Value, top: &Value) -> Value {
    match (base.content(), top.content()) {
        (Content::Object(below), Content::Object(above) | Content::Map(_, above)) => {
            let mut merged = (**below).clone();
            for (name, value) in above.iter() {
                let value = match merged.get(name) {
                    Some(existing) => overlay(existing, value),
                    None => value.clone(),
                };
                merged.insert(name.clone(), value);
            }
            Value::new(Content::Object(merged.into())).marked_as(top)
        }
        (Content::Tuple(below), Content::Tuple(above) | Content::List(_, above)) if named(above) => {
            let element = |wanted: &Value| {
                let name = wanted.get("name");
                below
                    .iter()
                    .find(|e| e.get("name") == name)
                    .map_or_else(|| wanted.clone(), |e| overlay(e, wanted))
            };
            Value::tuple(above.iter().map(element)).marked_as(top)
        }
        _ => top.clone(),
    }
}

fn named(elements: &[Value]) -> bool {
    !elements.is_empty() && elements.iter().all(|e| e.get("name").is_some_and(|name| name.as_str().is_some()))
}
