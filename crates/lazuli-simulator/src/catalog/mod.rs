//! The catalogue: one declarative row per resource type, and what every row can say.
//!
//! A row holds how Azure answers (status codes, asynchronous headers, delays), what the type may refer to, what
//! cannot change, and four small functions for what only this type does. The engine in `arm` reads rows and
//! nothing else about types. Source: the recorded wire traffic in the protocol notes; see `docs/architecture.md`.

pub(crate) mod capacity;
pub(crate) mod compute;
mod compute_rows;
pub(crate) mod counts;
mod disk;
mod dns;
mod fit;
mod identity;
mod loadbalancer;
mod network;
mod network_rows;
mod nic;
pub mod published;
mod ranges;
mod services;
pub(crate) mod skus;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::error::ArmError;
use crate::latency::{Delay, Pace};
use crate::world::{Resource, World};
use crate::{ids, json};

/// One resource type.
pub(crate) struct Kind {
    /// `Microsoft.Network/virtualNetworks`; empty in the row for unknown types.
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    /// Whether `location` is required and tags are kept.
    pub(crate) located: bool,
    /// Status of a PUT that creates.
    pub(crate) created: u16,
    /// Status of a PUT (or PATCH) that updates.
    pub(crate) updated: u16,
    pub(crate) put: Flow,
    pub(crate) delete: Flow,
    /// What a PATCH may change.
    pub(crate) patch: Patching,
    /// Whether the answer to a PUT says in `Location`, without host, where the resource is.
    pub(crate) says_where: bool,
    /// Whether a synchronous DELETE answers with what was deleted.
    pub(crate) delete_shows: bool,
    /// Whether bodies carry an etag.
    pub(crate) etag: bool,
    /// Whether bodies carry `provisioningState`.
    pub(crate) has_state: bool,
    /// Whether a write holds the resource (the root, for elements) until its operation ends.
    pub(crate) locks: bool,
    /// The array of the parent's properties that holds this type.
    pub(crate) embedded: Option<&'static str>,
    /// Arrays that survive a PUT which leaves them out.
    pub(crate) sticky: &'static [&'static str],
    pub(crate) references: &'static [Reference],
    pub(crate) in_use: Option<InUse>,
    /// A child type that must be gone first.
    pub(crate) blocking_child: Option<&'static str>,
    /// Paths whose change Azure refuses.
    pub(crate) immutable: &'static [&'static str],
    /// Paths that clients cannot set; computed ones are carried over from the existing resource.
    pub(crate) read_only: &'static [&'static str],
    /// Checks a body about to be stored and completes it as the service does.
    pub(crate) fill: fn(&mut Draft<'_>) -> Result<(), ArmError>,
    /// Runs when a PUT has succeeded.
    pub(crate) settled: fn(&mut World, &str, u64),
    /// Runs when the resource is gone.
    pub(crate) gone: fn(&mut World, &Resource),
    /// Adds what is derived from other resources to an answer.
    pub(crate) show: fn(&World, &Resource, &mut Value),
    pub(crate) put_accept: Delay,
    pub(crate) put_work: Delay,
    pub(crate) delete_accept: Delay,
    pub(crate) delete_work: Delay,
}

/// Which provider's manners a type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Network,
    PrivateDns,
    Compute,
    Disk,
    Storage,
    Other,
}

/// What a PATCH may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patching {
    Anything,
    /// The network provider's `TagsObject` and its like.
    Tags,
    /// There is no PATCH.
    Nothing,
}

/// Whether and how an answer is asynchronous.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flow {
    Sync,
    Async {
        headers: Headers,
        /// The first answer already says `Succeeded`.
        settled: bool,
        body: FirstBody,
        /// Seconds in the first answer, when it says any.
        retry_after: Option<u32>,
        /// Seconds in the answers to polls.
        poll_after: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headers {
    Operation,
    /// `Location` alone.
    Location,
    Both,
}

/// What the first answer to an asynchronous PUT shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstBody {
    Whole,
    /// The few properties a disk shows.
    Partial,
    /// `{}`.
    Nothing,
    /// Not even that.
    Empty,
}

impl Flow {
    pub(crate) const fn put(retry_after: Option<u32>) -> Self {
        let poll_after = match retry_after {
            Some(seconds) => seconds,
            None => 10,
        };
        Self::Async {
            headers: Headers::Operation,
            settled: false,
            body: FirstBody::Whole,
            retry_after,
            poll_after,
        }
    }

    pub(crate) const fn delete() -> Self {
        Self::Async {
            headers: Headers::Both,
            settled: false,
            body: FirstBody::Whole,
            retry_after: Some(10),
            poll_after: 10,
        }
    }
}

/// A place where a type names another resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    pub(crate) path: &'static str,
    /// Whether both must be in one region.
    pub(crate) same_region: bool,
}

pub(crate) const fn near(path: &'static str) -> Reference {
    Reference { path, same_region: true }
}

pub(crate) const fn anywhere(path: &'static str) -> Reference {
    Reference { path, same_region: false }
}

/// How a delete is refused while something still refers to the resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InUse {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    /// With `{id}`, `{name}` and `{user}` to be filled in.
    pub(crate) message: &'static str,
}

/// A body about to be stored.
pub(crate) struct Draft<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) now: u64,
    pub(crate) pace: Pace,
    pub(crate) id: &'a str,
    pub(crate) body: &'a mut Value,
    pub(crate) existing: Option<&'a Resource>,
}

impl Draft<'_> {
    pub(crate) fn location(&self) -> String {
        json::text(self.body, "location").unwrap_or("").to_owned()
    }

    /// Sets a computed value once; afterwards it is carried over.
    pub(crate) fn invent(&mut self, path: &str) {
        if json::get(self.body, path).is_none() {
            let guid = self.world.guid(path);
            json::set(self.body, path, Value::String(guid));
        }
    }
}

pub(crate) fn fill_nothing(_: &mut Draft<'_>) -> Result<(), ArmError> {
    Ok(())
}
pub(crate) fn settle_nothing(_: &mut World, _: &str, _: u64) {}
pub(crate) fn go_quietly(_: &mut World, _: &Resource) {}
pub(crate) fn show_nothing(_: &World, _: &Resource, _: &mut Value) {}

/// A synchronous type nothing is known about: stored as sent, answered at once.
pub(crate) const GENERIC: Kind = Kind {
    name: "",
    family: Family::Other,
    located: false,
    created: 201,
    updated: 200,
    put: Flow::Sync,
    delete: Flow::Sync,
    patch: Patching::Anything,
    says_where: false,
    delete_shows: false,
    etag: false,
    has_state: true,
    locks: false,
    embedded: None,
    sticky: &[],
    references: &[],
    in_use: None,
    blocking_child: None,
    immutable: &[],
    read_only: &[],
    fill: fill_nothing,
    settled: settle_nothing,
    gone: go_quietly,
    show: show_nothing,
    put_accept: Delay::ms(800, 2000),
    put_work: Delay::NONE,
    delete_accept: Delay::ms(800, 2000),
    delete_work: Delay::NONE,
};

static UNKNOWN: Kind = GENERIC;

fn rows() -> impl Iterator<Item = &'static Kind> {
    network_rows::ROWS
        .iter()
        .chain(compute_rows::ROWS)
        .chain(identity::ROWS)
        .chain(dns::ROWS)
        .chain(services::ROWS)
}

static BY_NAME: LazyLock<HashMap<String, &'static Kind>> =
    LazyLock::new(|| rows().map(|row| (row.name.to_ascii_lowercase(), row)).collect());

static ELEMENTS: LazyLock<HashMap<&'static str, Vec<(&'static str, &'static Kind)>>> = LazyLock::new(|| {
    let mut elements: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows() {
        if let (Some(collection), Some((parent, _))) = (row.embedded, row.name.rsplit_once('/')) {
            elements.entry(parent).or_default().push((collection, row));
        }
    }
    elements
});

/// The built-in roles: name and GUID.
pub(crate) fn identity_roles() -> &'static [(&'static str, &'static str)] {
    &identity::BUILT_IN_ROLES
}

/// The row of a type, in whatever casing; unknown types get the generic row.
pub(crate) fn find(kind: &str) -> &'static Kind {
    BY_NAME.get(&kind.to_ascii_lowercase()).copied().unwrap_or(&UNKNOWN)
}

/// The status codes with which the simulated Azure says that all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successes {
    /// Of a PUT that creates.
    pub created: u16,
    /// Of a PUT that updates.
    pub updated: u16,
    /// Of a DELETE of something that is there.
    pub deleted: u16,
}

/// The codes of a type that has a row, whatever the case of its name.
pub fn successes(kind: &str) -> Option<Successes> {
    let row = find(kind);
    let deleted = if matches!(row.delete, Flow::Sync) { 200 } else { 202 };
    (!row.name.is_empty()).then_some(Successes { created: row.created, updated: row.updated, deleted })
}

/// The types embedded in arrays of this one.
pub(crate) fn elements(row: &Kind) -> &'static [(&'static str, &'static Kind)] {
    ELEMENTS.get(row.name).map_or(&[], Vec::as_slice)
}

/// Ids of the embedded elements of a body.
pub(crate) fn element_ids<'a>(
    row: &Kind,
    id: &'a str,
    body: &'a Value,
) -> impl Iterator<Item = String> + use<'a> {
    elements(row).iter().flat_map(move |(collection, _)| {
        json::list(body, &format!("properties.{collection}"))
            .iter()
            .filter_map(|element| element["name"].as_str())
            .map(move |name| format!("{id}/{collection}/{name}"))
            .collect::<Vec<_>>()
    })
}

/// Who (the resource itself or one of its elements) refers to whom, as written.
pub(crate) fn references_of(row: &Kind, id: &str, body: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for reference in row.references {
        let collection = reference
            .path
            .split_once("[]")
            .and_then(|(head, _)| head.strip_prefix("properties."))
            .filter(|collection| elements(row).iter().any(|(name, _)| name == collection));
        json::each(body, reference.path, &mut |element, target| {
            let source = match (collection, element.and_then(|element| element["name"].as_str())) {
                (Some(collection), Some(name)) => format!("{id}/{collection}/{name}"),
                _ => id.to_owned(),
            };
            found.push((source, target.to_owned()));
        });
    }
    found
}

/// Whether `id` names an element embedded in another resource; then the key of that resource.
pub(crate) fn root_of(kind: &str, id: &str) -> String {
    if find(kind).embedded.is_some() { ids::key(ids::parent_id(id)) } else { ids::key(id) }
}
