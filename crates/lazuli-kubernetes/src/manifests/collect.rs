//! The documents of a user's manifests, each under its key.

use lazuli_core::Json;

use super::Objects;
use crate::objects::api_resource::known;

/// A document that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not a mapping at all.
    #[error(
        "document {document} is not a Kubernetes object: it is {found}, where `apiVersion`, `kind` and `metadata` were expected"
    )]
    NotAnObject {
        /// Which document, from 1.
        document: usize,
        /// What it is.
        found: &'static str,
    },
    /// A field that every object has is missing.
    #[error("document {document}{} has no `{field}`: every Kubernetes object needs `apiVersion`, `kind` and `metadata.name`", kind.as_ref().map_or_else(String::new, |kind| format!(" (kind {kind})")))]
    Missing {
        /// Which document, from 1.
        document: usize,
        /// Its kind, when it says so.
        kind: Option<String>,
        /// The missing field.
        field: &'static str,
    },
    /// The same object twice.
    #[error(
        "{key} is in documents {first} and {second}: only one of them could be applied; remove the other"
    )]
    Duplicate {
        /// The object.
        key: String,
        /// Where it is first, from 1.
        first: usize,
        /// Where it is again.
        second: usize,
    },
}

/// The key of a manifest: `apps/v1/Deployment/kube-system/coredns`. Without a namespace in the manifest it is `default`
/// for kinds that are known to live in namespaces and `-` for all others.
///
/// # Errors
/// When `apiVersion`, `kind` or `metadata.name` is missing: says which.
pub fn key_of(manifest: &Json) -> Result<String, &'static str> {
    let text =
        |pointer: &str| manifest.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty());
    let api_version = text("/apiVersion").ok_or("apiVersion")?;
    let kind = text("/kind").ok_or("kind")?;
    let name = text("/metadata/name").ok_or("metadata.name")?;
    let namespace = match (known(api_version, kind), text("/metadata/namespace")) {
        (Some(resource), _) if !resource.namespaced => "-",
        (_, Some(namespace)) => namespace,
        (Some(_), None) => "default",
        (None, None) => "-",
    };
    Ok(format!("{api_version}/{kind}/{namespace}/{name}"))
}

/// Documents to objects. Empty documents are left out, lists (`kind: List`) are taken apart, and what lives in a
/// namespace and names none is put into `namespace`.
///
/// # Errors
/// All documents that are no objects, lack a field, or are there twice.
pub fn collect(documents: &[Json], namespace: Option<&str>) -> Result<Objects, Vec<ManifestError>> {
    let mut flat = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        flatten(index + 1, document, &mut flat);
    }
    let local: Vec<(String, String)> = flat.iter().filter_map(|(_, document)| defined(document)).collect();
    let (mut objects, mut places, mut errors) =
        (Objects::new(), std::collections::BTreeMap::new(), Vec::new());
    for (number, document) in flat {
        let mut object = document.clone();
        if let (Some(namespace), true) = (namespace, wants_namespace(&object, &local)) {
            object["metadata"]["namespace"] = Json::from(namespace);
        }
        match key_of(&object) {
            Err(field) => errors.push(missing(number, &object, field)),
            Ok(key) => match places.insert(key.clone(), number) {
                Some(first) => errors.push(ManifestError::Duplicate { key, first, second: number }),
                None => {
                    objects.insert(key, object);
                }
            },
        }
    }
    if errors.is_empty() { Ok(objects) } else { Err(errors) }
}

fn flatten<'a>(number: usize, document: &'a Json, into: &mut Vec<(usize, &'a Json)>) {
    match document.get("items").and_then(Json::as_array) {
        Some(items) if document["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {
            items.iter().for_each(|item| flatten(number, item, into));
        }
        _ if document.is_null() => {}
        _ => into.push((number, document)),
    }
}

/// Group and kind of what lives in namespaces by a definition among the documents.
fn defined(document: &Json) -> Option<(String, String)> {
    (document["kind"] == "CustomResourceDefinition" && document["spec"]["scope"] == "Namespaced")
        .then_some(())?;
    let spec = &document["spec"];
    Some((spec["group"].as_str()?.to_owned(), spec["names"]["kind"].as_str()?.to_owned()))
}

fn wants_namespace(object: &Json, local: &[(String, String)]) -> bool {
    let (Some(api_version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str()) else {
        return false;
    };
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let namespaced = match known(api_version, kind) {
        Some(resource) => resource.namespaced,
        None => local.iter().any(|(of, name)| of == group && name == kind),
    };
    namespaced
        && object["metadata"].is_object()
        && object["metadata"]["namespace"].as_str().is_none_or(str::is_empty)
}

fn missing(document: usize, object: &Json, field: &'static str) -> ManifestError {
    let found = match object {
        Json::Object(_) => {
            let kind = object["kind"].as_str().map(str::to_owned);
            return ManifestError::Missing { document, kind, field };
        }
        Json::Array(_) => "a list",
        Json::String(_) => "a text",
        _ => "a plain value",
    };
    ManifestError::NotAnObject { document, found }
}
