//! What a set is called and made of.

use std::fmt;

use lazuli_core::Json;
use serde_json::json;

use crate::manifests::Objects;

/// The name of a set: its kind and its own name, `addon/metrics-server`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetName {
    kind: &'static str,
    name: String,
}

/// Not the body or the type of a set of objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASet {
    /// A type whose resources are no sets.
    #[error("resources of type `{0}` are no sets of objects")]
    Type(String),
    /// No `objects`.
    #[error("a set of objects needs `properties.objects`, a map of manifests")]
    NoObjects,
    /// A key that is none.
    #[error("`{0}` is not the key of an object: it looks like `apps/v1/Deployment/kube-system/coredns`")]
    Key(String),
}

impl SetName {
    /// The set of a resource: the last part of its type (`layers`, `addons`, `roleBindings`, `namespaces`, in any case)
    /// and its name.
    ///
    /// # Errors
    /// When resources of this type are no sets.
    pub fn new(ty: &str, name: &str) -> Result<Self, NotASet> {
        let last = ty.rsplit('/').next().unwrap_or(ty);
        let kind = match last.to_ascii_lowercase().as_str() {
            "layers" => "layer",
            "addons" => "addon",
            "rolebindings" => "rolebinding",
            "namespaces" => "namespace",
            _ => return Err(NotASet::Type(ty.to_owned())),
        };
        Ok(SetName { kind, name: name.to_owned() })
    }

    /// The name as a label's value and as part of a config map's name: what fits and is lower case as it is, else
    /// shortened and told apart by a digest.
    pub fn slug(&self) -> String {
        // 63 characters for a label's value.
        const MOST: usize = 63;
        let plain: String = self
            .name
            .chars()
            .map(|c| match c {
                'a'..='z' | '0'..='9' | '-' => c,
                'A'..='Z' => c.to_ascii_lowercase(),
                _ => '-',
            })
            .collect();
        let whole = format!("{}.{plain}", self.kind);
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let fits = edge(plain.chars().next()) && edge(plain.chars().last()) && whole.len() <= MOST;
        if plain == self.name && fits {
            return whole;
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, self.name.as_bytes());
        let digest: String = digest.as_ref().iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        let room = MOST - self.kind.len() - digest.len() - 2;
        let short: String = plain.trim_matches('-').chars().take(room).collect();
        match short.trim_end_matches('-') {
            "" => format!("{}.{digest}", self.kind),
            short => format!("{}.{short}-{digest}", self.kind),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        SetName::new(&format!("{kind}s"), name).ok()
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A set: what is to be in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSet {
    /// Its name.
    pub name: SetName,
    /// The manifests by key.
    pub objects: Objects,
    /// Whether applying waits until everything in it is ready.
    pub wait: bool,
}

impl ObjectSet {
    /// The set of a resource's body, `{"properties": {"objects": {…}, "wait": true}}`.
    ///
    /// # Errors
    /// When there are no objects in it, or one under something that is no key.
    pub fn from_body(name: SetName, body: &Json) -> Result<Self, NotASet> {
        let objects =
            body.pointer("/properties/objects").and_then(Json::as_object).ok_or(NotASet::NoObjects)?;
        if let Some(key) = objects.keys().find(|key| Key::parse(key).is_none()) {
            return Err(NotASet::Key(key.clone()));
        }
        Ok(ObjectSet {
            name,
            objects: objects.iter().map(|(key, object)| (key.clone(), object.clone())).collect(),
            wait: body.pointer("/properties/wait").and_then(Json::as_bool).unwrap_or(true),
        })
    }
}

/// The body of a set as it is in the cluster.
pub(super) fn body(objects: &Objects, wait: bool) -> Json {
    json!({ "properties": { "objects": objects, "wait": wait } })
}

/// The parts of an object's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// `v1` or `apps/v1`.
    pub(crate) api_version: String,
    /// The kind.
    pub(crate) kind: String,
    /// The namespace; `None` for cluster-wide objects.
    pub(crate) namespace: Option<String>,
    /// The name.
    pub(crate) name: String,
}

impl Key {
    /// From `apps/v1/Deployment/kube-system/coredns`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let (api_version, rest) = match parts.len() {
            4 => (parts[0].to_owned(), &parts[1..]),
            5 => (format!("{}/{}", parts[0], parts[1]), &parts[2..]),
            _ => return None,
        };
        let namespace = (rest[1] != "-").then(|| rest[1].to_owned());
        Some(Key { api_version, kind: rest[0].to_owned(), namespace, name: rest[2].to_owned() })
    }

    /// The group: empty for the core.
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// The key as in [`Objects`].
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.as_deref().unwrap_or("-");
        write!(f, "{}/{}/{namespace}/{}", self.api_version, self.kind, self.name)
    }
}

impl Key {
    /// For people: `Deployment kube-system/coredns`.
    pub(crate) fn words(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }
}

/// Which object a key of [`Objects`] is of, whatever version of its kind: `apps/Deployment/kube-system/coredns`; `None`
/// for what is no key.
pub fn identity(key: &str) -> Option<String> {
    let key = Key::parse(key)?;
    let namespace = key.namespace.as_deref().unwrap_or("-");
    Some(format!("{}/{}/{namespace}/{}", key.group(), key.kind, key.name))
}

/// A key of [`Objects`] for people: `Deployment kube-system/coredns`; `None` for what is no key.
pub fn words(key: &str) -> Option<String> {
    Some(Key::parse(key)?.words())
}
