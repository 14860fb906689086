//! What expressions may know of a resource while a plan is made.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use lazuli_core::configuration::{Known, KnownObject};
use lazuli_core::encoding::from_json;
use lazuli_core::path::PathStep;
use lazuli_core::plan::Action;
use lazuli_core::resource::{Desired, ResourceId};
use lazuli_core::value::Content;
use lazuli_core::{Address, Hashing, Json, Path, Type, Value};

use crate::marks::mark;

/// The objects of the declarations reached so far.
pub(crate) struct Reached<'a> {
    places: &'a HashMap<Address, usize, Hashing>,
    entries: Vec<OnceLock<Entry<'a>>>,
    epoch: u64,
}

/// What an object is made from, and the object once somebody asked for it: most are never asked for.
struct Entry<'a> {
    id: Option<ResourceId>,
    type_name: Arc<str>,
    body: Value,
    exists: Exists<'a>,
    sensitive: &'a [Path],
    object: OnceLock<KnownObject>,
}

impl<'a> Reached<'a> {
    pub(crate) fn new(places: &'a HashMap<Address, usize, Hashing>, epoch: u64) -> Self {
        let entries = (0..places.len()).map(|_| OnceLock::new()).collect();
        Reached { places, entries, epoch }
    }

    /// Makes the object of a declaration known as [`object_of`] gives it; the first time counts.
    pub(crate) fn reach(&self, place: usize, desired: &Desired, exists: Exists<'a>, sensitive: &'a [Path]) {
        let Desired { id, ty, body, .. } = desired;
        let (id, type_name, body) = (id.clone(), ty.name.clone(), body.clone());
        let entry = Entry { id, type_name, body, exists, sensitive, object: OnceLock::new() };
        let _ = self.entries[place].set(entry);
    }
}

impl Known for Reached<'_> {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        let entry = self.entries[*self.places.get(address)?].get()?;
        let Entry { id, type_name, body, exists, sensitive, .. } = entry;
        let object = || made_of(address, id.as_ref(), type_name, body, *exists, sensitive);
        Some(entry.object.get_or_init(object).clone())
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// What every write of an object gives another value, wherever it stands in it: known only when this plan writes nothing.
pub const NEW_WITH_EVERY_WRITE: [&str; 3] = ["etag", "provisioningState", "systemData"];

/// What there is of a resource, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub enum Exists<'a> {
    /// Nothing that counts: it is still to be made, or to be read.
    No,
    /// The object, which stays as it is.
    Stays(&'a Json),
    /// The object, which this plan writes: [`NEW_WITH_EVERY_WRITE`] of it is not known.
    Written(&'a Json),
}

impl<'a> Exists<'a> {
    /// What an action makes of what is there.
    pub fn after(action: Action, object: Option<&'a Json>) -> Self {
        match (action, object) {
            (Action::Create | Action::Read | Action::ReplaceCreateFirst | Action::ReplaceDeleteFirst, _)
            | (_, None) => Exists::No,
            (Action::Update | Action::Adopt, Some(object)) => Exists::Written(object),
            (Action::NoOp | Action::Move | Action::Forget | Action::Delete, Some(object)) => {
                Exists::Stays(object)
            }
        }
    }

    /// The object.
    pub fn object(self) -> Option<&'a Json> {
        match self {
            Exists::No => None,
            Exists::Stays(object) | Exists::Written(object) => Some(object),
        }
    }
}

/// The object as it will be: what exists (nothing, before a create), overlaid with what is desired.
///
/// What is desired wins, so that an expression that was known before the world was looked at has the same value after.
///
/// `sensitive` are the paths of the record that hold secrets: what is read from them is marked.
pub fn object_of(
    address: &Address,
    desired: &Desired,
    exists: Exists<'_>,
    sensitive: &[Path],
) -> KnownObject {
    made_of(address, desired.id.as_ref(), &desired.ty.name, &desired.body, exists, sensitive)
}

fn made_of(
    address: &Address,
    id: Option<&ResourceId>,
    type_name: &Arc<str>,
    body: &Value,
    exists: Exists<'_>,
    sensitive: &[Path],
) -> KnownObject {
    let found = exists.object().map(|object| mark(from_json(object), sensitive));
    let mut value = match (found, exists) {
        (Some(found), Exists::Written(_)) => overlay(&rewritten(&found, address, &Path::root()), body),
        (Some(found), _) => overlay(&found, body),
        (None, _) => body.clone(),
    };
    if let Some(id) = id {
        static NAMES: LazyLock<[Arc<str>; 3]> = LazyLock::new(|| ["id", "name", "type"].map(Arc::from));
        let [of_id, of_name, of_type] = &*NAMES;
        let name = Value::string(id.name());
        let facts = [
            (of_id.clone(), Value::string(id.shared())),
            (of_name.clone(), name),
            (of_type.clone(), Value::string(type_name.clone())),
        ];
        value = overlay(&value, &Value::object(facts));
    }
    KnownObject { value, complete: exists.object().is_some() }
}

/// The value with everything unknown that a write gives another value. Tags are of users alone.
fn rewritten(value: &Value, address: &Address, path: &Path) -> Value {
    match value.content() {
        Content::Object(members) => {
            let member = |(name, member): (&Arc<str>, &Value)| {
                let path = path.name(name.clone());
                let member = match &**name {
                    name if NEW_WITH_EVERY_WRITE.contains(&name) => {
                        Value::unknown_from(address.clone(), path, Type::Any).marked_as(member)
                    }
                    "tags" => member.clone(),
                    _ => rewritten(member, address, &path),
                };
                (name.clone(), member)
            };
            Value::object(members.iter().map(member)).marked_as(value)
        }
        Content::Tuple(items) => {
            let item = |(index, item): (usize, &Value)| {
                let step = match item.get("name").and_then(Value::as_str) {
                    Some(name) => PathStep::Key(name.into()),
                    None => PathStep::Index(index),
                };
                rewritten(item, address, &path.then(step))
            };
            Value::tuple(items.iter().enumerate().map(item)).marked_as(value)
        }
        _ => value.clone(),
    }
}

/// `top` over `base`: objects member by member, arrays of named elements element by element, everything else replaced.
fn overlay(base: &Value, top: &Value) -> Value {
    match (base.content(), top.content()) {
        (Content::Object(below), Content::Object(above) | Content::Map(_, above)) => {
            let merged = above.iter().map(|(name, value)| match below.get(name) {
                Some(existing) => (name.clone(), overlay(existing, value)),
                None => (name.clone(), value.clone()),
            });
            Value::object((**below).clone().into_iter().chain(merged)).marked_as(top)
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
