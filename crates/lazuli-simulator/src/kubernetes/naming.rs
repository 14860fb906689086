//! Where an object belongs and how it is called: as the request says, or by a name that is invented.

use serde_json::{Value, json};

use crate::random;

use super::api::Target;
use super::cluster::Cluster;
use super::status::Refusal;

/// Checks, or fills in, the namespace of an object.
pub(crate) fn place(target: &Target, object: &mut Value) -> Result<(), Refusal> {
    let said = object["metadata"]["namespace"].as_str().unwrap_or("");
    if said != target.namespace && !said.is_empty() {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if target.resource.is_namespaced {
        object["metadata"]["namespace"] = json!(target.namespace);
    }
    Ok(())
}

/// Checks, or invents, the name of a new object.
pub(crate) fn name(cluster: &Cluster, target: &Target, object: &mut Value) -> Result<(), Refusal> {
    let said = object["metadata"]["name"].as_str().unwrap_or("");
    if !target.name.is_empty() && !said.is_empty() && said != target.name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({})",
            target.name
        )));
    }
    if !said.is_empty() {
        return Ok(());
    }
    if !target.name.is_empty() {
        object["metadata"]["name"] = json!(target.name);
        return Ok(());
    }
    let Some(prefix) = object["metadata"]["generateName"].as_str() else {
        let why = "Required value: name or generateName is required";
        return Err(Refusal::invalid(&target.resource, "", "FieldValueRequired", "metadata.name", why));
    };
    let seed =
        random::sha256_hex(format!("{}/{prefix}/{}", cluster.host(), cluster.store.version()).as_bytes());
    let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
    let suffix: String = seed
        .bytes()
        .take(5)
        .enumerate()
        .map(|(at, byte)| alphabet[(byte as usize * 7 + at * 5) % alphabet.len()] as char)
        .collect();
    object["metadata"]["name"] = json!(format!("{prefix}{suffix}"));
    Ok(())
}
