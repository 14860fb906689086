//! What API servers tell those that are added to the cluster: whose clients to accept. Each puts its authorities in, and takes
//! none out.

use serde_json::{Value, json};

use super::Round;
use crate::kubernetes::ControlPlane;
use crate::kubernetes::trust::{certificates, hashes};

const MAPS: &str = "v1/configmaps";
const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";

pub(super) fn act(round: &mut Round<'_>, control: &ControlPlane) {
    let found = round.store.get(MAPS, NAMESPACE, NAME);
    let mut data = found.map_or_else(empty, |map| map["data"].clone());
    for leaf in control.servers.values() {
        add(&mut data, "client-ca-file", leaf.authorities(&control.ca_pem));
        add(&mut data, "requestheader-client-ca-file", &leaf.front_proxy_pem);
    }
    match found {
        Some(map) if map["data"] == data => {}
        Some(_) => drop(round.store.edit(MAPS, NAMESPACE, NAME, |map| map["data"] = data)),
        None => {
            let map = json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": NAME, "namespace": NAMESPACE }, "data": data });
            round.store.create(MAPS, map, round.now);
        }
    }
}

fn empty() -> Value {
    json!({
        "requestheader-allowed-names": "[\"front-proxy-client\"]",
        "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
        "requestheader-group-headers": "[\"X-Remote-Group\"]",
        "requestheader-username-headers": "[\"X-Remote-User\"]",
    })
}

fn add(data: &mut Value, name: &str, bundle: &str) {
    let mut text = data[name].as_str().unwrap_or_default().to_owned();
    for certificate in certificates(bundle) {
        // The same text, almost always.
        if !text.contains(certificate) && !hashes(&text).contains(&hashes(certificate).concat()) {
            text.push_str(certificate);
            text.push('\n');
        }
    }
    if !text.is_empty() {
        data[name] = json!(text);
    }
}
