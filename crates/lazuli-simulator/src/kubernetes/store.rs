//! The objects of a cluster, as etcd keeps them: one revision counter for all, and a log of what changed.
//!
//! Belongs here: keys, revisions, the log, what is not yet on the disk. Not here: any rule about objects; whoever
//! writes has checked them (`write`) or is the cluster itself (controllers).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound::{Included, Unbounded};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::random;

/// How many events a watch may lag behind before it has to list again.
const LOG: usize = 100_000;

/// Which object: the resource (`v1/pods`, `apps/v1/deployments`), the namespace (empty for cluster-wide), the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: resource.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Added,
    Modified,
    Deleted,
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The revision that made it.
    pub(crate) version: u64,
    pub(crate) kind: EventKind,
    pub(crate) key: Key,
    /// The object afterwards; of a deleted one as it was, with the revision of its deletion.
    pub(crate) object: Arc<Value>,
    /// The object before.
    pub(crate) previous: Option<Arc<Value>>,
}

type Objects = BTreeMap<(String, String), Arc<Value>>;

/// All objects of one cluster.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    /// What invented identifiers follow from.
    seed: String,
    /// The current revision.
    version: u64,
    #[serde(with = "listed")]
    objects: BTreeMap<String, Objects>,
    /// Everything up to this revision is forgotten by the log.
    #[serde(skip)]
    forgotten: Option<u64>,
    #[serde(skip)]
    log: VecDeque<Event>,
    #[serde(skip)]
    dirty: BTreeSet<Key>,
}

impl Store {
    /// An empty store. `seed` decides every uid in it.
    pub(crate) fn new(seed: &str) -> Self {
        Self { seed: seed.to_owned(), version: 1, forgotten: Some(0), ..Self::default() }
    }

    /// The current revision: the `resourceVersion` of a list made now.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(resource)?.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Objects of a resource in the order of namespace and name; of one namespace, or of all for `None`.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        self.list_from(resource, namespace, ("", ""))
    }

    /// As [`Store::list`], beginning with the object at or after a (namespace, name).
    pub(crate) fn list_from<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&'a str>,
        from: (&str, &str),
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        let from = from.max((namespace.unwrap_or(""), ""));
        let from = (from.0.to_owned(), from.1.to_owned());
        self.objects
            .get(resource)
            .into_iter()
            .flat_map(move |objects| objects.range((Included(from.clone()), Unbounded)))
            .take_while(move |((of, _), _)| namespace.is_none_or(|namespace| of == namespace))
            .map(|(_, object)| object)
    }

    /// How many objects of a resource there are.
    #[cfg(test)]
    pub(crate) fn count(&self, resource: &str) -> usize {
        self.objects.get(resource).map_or(0, BTreeMap::len)
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.objects.values().map(BTreeMap::len).sum()
    }

    /// The resources of which there are objects.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().map(String::as_str)
    }

    /// Adds a new object: gives it a uid, a creation timestamp, generation 1 and a revision.
    pub(crate) fn create(&mut self, resource: &str, mut object: Value, now_ms: u64) -> Arc<Value> {
        let uid = random::guid_of(&[&self.seed, "uid", &(self.version + 1).to_string()]);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), json!(uid));
            metadata.insert("creationTimestamp".to_owned(), json!(moment(now_ms)));
            if object.get("spec").is_some_and(|_| resource != "v1/nodes" && resource != "v1/namespaces")
                && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            {
                metadata.insert("generation".to_owned(), json!(1));
            }
        }
        self.put(resource, object)
    }

    /// Adds or replaces an object under a new revision; its key is what its metadata says.
    pub(crate) fn put(&mut self, resource: &str, mut object: Value) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or("").to_owned();
        let key = Key { resource: resource.to_owned(), namespace: text("namespace"), name: text("name") };
        let object = Arc::new(object);
        let previous = self
            .objects
            .entry(resource.to_owned())
            .or_default()
            .insert((key.namespace.clone(), key.name.clone()), Arc::clone(&object));
        let kind = if previous.is_some() { EventKind::Modified } else { EventKind::Added };
        self.note(kind, key, Arc::clone(&object), previous);
        object
    }

    /// Changes an object if it exists; a change that changes nothing leaves the revision as it is.
    ///
    /// A changed `spec` counts up `metadata.generation` where the object has one.
    pub(crate) fn edit(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Arc<Value>> {
        let before = Arc::clone(self.get(resource, namespace, name)?);
        let mut after = Value::clone(&before);
        change(&mut after);
        if after == *before {
            return Some(before);
        }
        if let Some(generation) = before["metadata"]["generation"].as_u64()
            && after.get("spec") != before.get("spec")
        {
            after["metadata"]["generation"] = json!(generation + 1);
        }
        Some(self.put(resource, after))
    }

    /// Removes an object at once, whatever its finalizers say.
    pub(crate) fn remove(&mut self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let objects = self.objects.get_mut(resource)?;
        let previous = objects.remove(&(namespace.to_owned(), name.to_owned()))?;
        if objects.is_empty() {
            self.objects.remove(resource);
        }
        self.version += 1;
        let mut last = Value::clone(&previous);
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let last = Arc::new(last);
        let key = Key::new(resource, namespace, name);
        self.note(EventKind::Deleted, key, Arc::clone(&last), Some(previous));
        Some(last)
    }

    /// What happened after a revision, oldest first; `None` when the log no longer reaches back that far.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Event>> {
        if version < self.forgotten.unwrap_or(self.version) {
            return None;
        }
        let from = self.log.partition_point(|event| event.version <= version);
        Some(self.log.range(from..))
    }

    fn note(&mut self, kind: EventKind, key: Key, object: Arc<Value>, previous: Option<Arc<Value>>) {
        if self.forgotten.is_none() {
            self.forgotten = Some(self.version - 1); // read from a file, which keeps no log
        }
        self.dirty.insert(key.clone());
        self.log.push_back(Event { version: self.version, kind, key, object, previous });
        if self.log.len() > LOG
            && let Some(event) = self.log.pop_front()
        {
            self.forgotten = Some(event.version);
        }
    }

    /// Whether something is not recorded yet.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// What is now so of everything that changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<(Key, Option<Arc<Value>>)> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty
            .into_iter()
            .map(|key| {
                let object = self.get(&key.resource, &key.namespace, &key.name).cloned();
                (key, object)
            })
            .collect()
    }

    /// Takes over recorded changes.
    pub(crate) fn replay(&mut self, version: u64, changes: Vec<(Key, Option<Arc<Value>>)>) {
        self.version = self.version.max(version);
        self.forgotten = None;
        for (key, object) in changes {
            let objects = self.objects.entry(key.resource).or_default();
            match object {
                Some(object) => drop(objects.insert((key.namespace, key.name), object)),
                None => drop(objects.remove(&(key.namespace, key.name))),
            }
        }
        self.objects.retain(|_, objects| !objects.is_empty());
    }
}

/// A moment as Kubernetes prints it.
pub(crate) fn moment(ms: u64) -> String {
    use time::format_description::well_known::Rfc3339;
    OffsetDateTime::from_unix_timestamp((ms / 1000) as i64)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// JSON has no maps with pairs as keys, and the objects say their keys themselves.
mod listed {
    use super::{Arc, BTreeMap, Objects, Value};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        objects: &BTreeMap<String, Objects>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let lists: BTreeMap<&str, Vec<&Arc<Value>>> = objects
            .iter()
            .map(|(resource, objects)| (resource.as_str(), objects.values().collect()))
            .collect();
        lists.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Objects>, D::Error> {
        let lists = BTreeMap::<String, Vec<Arc<Value>>>::deserialize(deserializer)?;
        let text = |object: &Value, name: &str| object["metadata"][name].as_str().unwrap_or("").to_owned();
        Ok(lists
            .into_iter()
            .map(|(resource, list)| {
                let objects = list
                    .into_iter()
                    .map(|object| ((text(&object, "namespace"), text(&object, "name")), object))
                    .collect();
                (resource, objects)
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(namespace: &str, name: &str) -> Value {
        json!({ "metadata": { "namespace": namespace, "name": name }, "spec": {} })
    }

    #[test]
    fn every_write_gets_the_next_revision_and_an_event() {
        let mut store = Store::new("seed");
        let first = store.create("v1/pods", pod("a", "x"), 0);
        assert_eq!(first["metadata"]["resourceVersion"], "2");
        assert_eq!(first["metadata"]["creationTimestamp"], "1970-01-01T00:00:00Z");
        store.edit("v1/pods", "a", "x", |pod| pod["spec"]["nodeName"] = json!("n"));
        store.edit("v1/pods", "a", "x", |pod| pod["spec"]["nodeName"] = json!("n"));
        store.remove("v1/pods", "a", "x");
        let kinds: Vec<_> =
            store.since(1).map(|events| events.map(|e| (e.version, e.kind)).collect()).unwrap_or_default();
        assert_eq!(kinds, [(2, EventKind::Added), (3, EventKind::Modified), (4, EventKind::Deleted)]);
        assert_eq!(store.get("v1/pods", "a", "x"), None);
    }

    #[test]
    fn a_list_keeps_to_its_namespace_and_continues_where_it_stopped() {
        let mut store = Store::new("seed");
        for (namespace, name) in [("a", "x"), ("b", "x"), ("b", "y"), ("c", "x")] {
            store.create("v1/pods", pod(namespace, name), 0);
        }
        let names = |namespace, from| -> Vec<String> {
            store
                .list_from("v1/pods", namespace, from)
                .map(|pod| {
                    format!("{}{}", pod["metadata"]["namespace"], pod["metadata"]["name"]).replace('"', "")
                })
                .collect()
        };
        assert_eq!(names(Some("b"), ("", "")), ["bx", "by"]);
        assert_eq!(names(None, ("b", "y")), ["by", "cx"]);
        assert_eq!((store.count("v1/nodes"), store.count("v1/pods"), store.len()), (0, 4, 4));
    }

    #[test]
    fn a_store_read_back_is_the_same_but_has_no_memory_of_events() {
        let mut store = Store::new("seed");
        store.create("v1/pods", pod("a", "x"), 0);
        store.take_changes();
        let mut read: Store = serde_json::from_value(serde_json::to_value(&store).unwrap()).unwrap();
        store.create("v1/pods", pod("a", "y"), 0);
        store.remove("v1/pods", "a", "x");
        read.replay(store.version(), store.take_changes());
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&store).unwrap());
        assert!(read.since(read.version() - 1).is_none(), "an old watch has to list again");
        let now = read.version();
        read.create("v1/pods", pod("a", "z"), 0);
        assert_eq!(read.since(now).map(Iterator::count), Some(1));
    }
}
