//! Watches: what happens to the objects of a selection, from a revision on.

use serde_json::{Value, json};

use crate::request::Request;

use super::api::Target;
use super::resources::Resource;
use super::selector::Selector;
use super::status::Refusal;
use super::store::{EventKind, Store};
use super::table::{self, Include, Shape};

/// Milliseconds between bookmarks.
const BOOKMARK_MS: u64 = 60_000;
/// How long a watch lasts when nobody says, in seconds.
const DEFAULT_SECONDS: u64 = 1800;

/// A watch under way.
#[derive(Debug)]
pub(crate) struct Watch {
    resource: Resource,
    namespace: Option<String>,
    selector: Selector,
    shape: Shape,
    include: Include,
    /// The revision up to which everything has been told.
    version: u64,
    /// Lines that are there from the beginning.
    waiting: Vec<Value>,
    wants_bookmarks: bool,
    next_bookmark_ms: u64,
    /// When it ends.
    pub(crate) until_ms: u64,
    has_ended: bool,
}

impl Watch {
    /// Begins a watch: from the revision that is asked for, or with everything there is now.
    pub(crate) fn begin(
        store: &Store,
        request: &Request,
        target: &Target,
        selector: Selector,
        now_ms: u64,
    ) -> Result<Self, Refusal> {
        let from = match request.query("resourceVersion").unwrap_or("") {
            "" | "0" => None,
            text => Some(text.parse::<u64>().map_err(|_| {
                Refusal::bad_request(format!(
                    "Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
                ))
            })?),
        };
        let seconds = request.query("timeoutSeconds").and_then(|s| s.parse().ok()).unwrap_or(DEFAULT_SECONDS);
        let sends_initial = request.query("sendInitialEvents") == Some("true");
        let mut watch = Self {
            resource: target.resource.clone(),
            namespace: target.within().map(str::to_owned),
            selector,
            shape: Shape::asked(request),
            include: Include::asked(request),
            version: from.unwrap_or_else(|| store.version()),
            waiting: Vec::new(),
            wants_bookmarks: request.query("allowWatchBookmarks") == Some("true"),
            next_bookmark_ms: now_ms + BOOKMARK_MS,
            until_ms: now_ms + seconds.saturating_mul(1000),
            has_ended: false,
        };
        if from.is_none() || sends_initial {
            watch.version = store.version();
            watch.waiting = store
                .list(&target.resource.path(), target.within())
                .filter(|object| watch.selector.matches(object))
                .map(|object| watch.line("ADDED", object, now_ms))
                .collect();
            if sends_initial && watch.wants_bookmarks {
                watch.waiting.push(watch.bookmark(true));
            }
        }
        Ok(watch)
    }

    /// The events that have not been told yet, one JSON value each. The last one may be an error, after which the
    /// watch is over.
    pub(crate) fn events(&mut self, store: &Store, now_ms: u64) -> Vec<Value> {
        let mut lines = std::mem::take(&mut self.waiting);
        if self.has_ended {
            return lines;
        }
        match store.since(self.version) {
            None => {
                self.has_ended = true;
                let message = format!("too old resource version: {} ({})", self.version, store.version());
                lines.push(json!({ "type": "ERROR", "object": Refusal::expired(message).body() }));
            }
            Some(events) => {
                let path = self.resource.path();
                let mine = events
                    .filter(|event| event.key.resource == path)
                    .filter(|event| self.namespace.as_ref().is_none_or(|of| *of == event.key.namespace));
                for event in mine {
                    let was = event.previous.as_ref().is_some_and(|object| self.selector.matches(object));
                    let is = event.kind != EventKind::Deleted && self.selector.matches(&event.object);
                    let kind = match (was, is) {
                        (false, true) => "ADDED",
                        (true, true) => "MODIFIED",
                        (true, false) => "DELETED",
                        (false, false) => continue,
                    };
                    lines.push(self.line(kind, &event.object, now_ms));
                }
                self.version = store.version();
            }
        }
        if self.wants_bookmarks && now_ms >= self.next_bookmark_ms && !self.has_ended {
            self.next_bookmark_ms = now_ms + BOOKMARK_MS;
            lines.push(self.bookmark(false));
        }
        lines
    }

    /// Whether nothing more will come.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.has_ended || now_ms >= self.until_ms
    }

    fn line(&self, kind: &str, object: &std::sync::Arc<Value>, now_ms: u64) -> Value {
        let object = match self.shape {
            Shape::Whole => Value::clone(object),
            Shape::Metadata => table::partial(object),
            Shape::Table => {
                let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                table::render(&self.resource, std::slice::from_ref(object), metadata, self.include, now_ms)
            }
        };
        json!({ "type": kind, "object": object })
    }

    fn bookmark(&self, ends_initial: bool) -> Value {
        let mut metadata = json!({ "resourceVersion": self.version.to_string(), "creationTimestamp": null });
        if ends_initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let mut object = match self.shape {
            Shape::Whole => json!({ "kind": self.resource.kind, "apiVersion": self.resource.api_version() }),
            Shape::Metadata => json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1" }),
            Shape::Table => {
                let metadata = json!({ "resourceVersion": self.version.to_string() });
                return json!({ "type": "BOOKMARK", "object": table::render(&self.resource, &[], metadata, self.include, 0) });
            }
        };
        object["metadata"] = metadata;
        json!({ "type": "BOOKMARK", "object": object })
    }
}
