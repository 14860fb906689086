//! Namespaces: what every one of them gets, and how they end with all that is in them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{is_going, name, namespace};
use super::{Round, daemons, root_ca};

pub(super) fn act(round: &mut Round<'_>, ca_pem: &str) {
    let namespaces: Vec<Arc<Value>> = round.store.list("v1/namespaces", None).cloned().collect();
    for found in &namespaces {
        if is_going(found) {
            end(round, name(found));
        } else {
            let now = round.now;
            root_ca(round.store, name(found), ca_pem, now);
        }
    }
}

/// Empties a namespace and, once it is empty, removes it. Pods take their time, claims wait for their pods.
fn end(round: &mut Round<'_>, ending: &str) {
    let resources: Vec<String> = round.store.resources().map(str::to_owned).collect();
    let mut is_empty = true;
    for resource in resources {
        let objects: Vec<Arc<Value>> = round
            .store
            .list(&resource, Some(ending))
            .filter(|object| namespace(object) == ending)
            .cloned()
            .collect();
        for object in objects {
            match resource.as_str() {
                "v1/pods" => {
                    is_empty = false;
                    daemons::go(round, &object);
                }
                "v1/persistentvolumeclaims" | "v1/services" => {
                    is_empty &= !super::cloud::mark(round, &resource, &object);
                }
                _ => drop(round.store.remove(&resource, ending, name(&object))),
            }
        }
    }
    if is_empty {
        round.store.remove("v1/namespaces", "", ending);
    } else {
        round
            .store
            .edit("v1/namespaces", "", ending, |ending| ending["status"]["phase"] = json!("Terminating"));
    }
}
