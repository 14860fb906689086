//! What the API has to offer: discovery in one document (v2) and in many (legacy).

use serde_json::{Value, json};

use crate::request::{Method, Request};

use super::api;
use super::cluster::Cluster;
use super::reply::Reply;
use super::resources::{self, Resource};
use super::status::Refusal;

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2_BETA: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// A group with its versions, newest first, and their resources.
type Groups = Vec<(String, Vec<(String, Vec<Resource>)>)>;

/// Answers everything under `/api` and `/apis` that is no resource.
pub(crate) fn handle(cluster: &Cluster, request: &Request, segments: &[&str]) -> Result<Reply, Refusal> {
    if !matches!(request.method, Method::Get | Method::Head) {
        return Err(Refusal::method_not_allowed());
    }
    let groups = groups(cluster);
    let accept = request.header("accept").unwrap_or("");
    match segments {
        ["api" | "apis"] if accept.contains("as=APIGroupDiscoveryList") => {
            let is_core = segments == ["api"];
            let items: Vec<Value> = groups
                .iter()
                .filter(|(group, _)| group.is_empty() == is_core)
                .map(|(group, versions)| aggregated(group, versions))
                .collect();
            let (kind, version) = match accept.contains("v=v2;") {
                true => (V2, "apidiscovery.k8s.io/v2"),
                false => (V2_BETA, "apidiscovery.k8s.io/v2beta1"),
            };
            let body = json!({ "kind": "APIGroupDiscoveryList", "apiVersion": version, "metadata": {}, "items": items });
            Ok(api::typed(kind, body))
        }
        ["api"] => Ok(Reply::json(
            200,
            json!({ "kind": "APIVersions", "versions": ["v1"],
                    "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": format!("{}:6443", cluster.host()) }] }),
        )),
        ["apis"] => {
            let named = groups.iter().filter(|(group, _)| !group.is_empty());
            let list: Vec<Value> = named.map(|(group, versions)| legacy_group(group, versions)).collect();
            Ok(Reply::json(200, json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": list })))
        }
        ["apis", group] => {
            let (group, versions) =
                groups.iter().find(|(name, _)| name == group).ok_or_else(Refusal::no_such_resource)?;
            let mut body = legacy_group(group, versions);
            body["kind"] = json!("APIGroup");
            body["apiVersion"] = json!("v1");
            Ok(Reply::json(200, body))
        }
        ["api", version] => legacy_list(&groups, "", version),
        ["apis", group, version] => legacy_list(&groups, group, version),
        _ => Err(Refusal::no_such_resource()),
    }
}

fn groups(cluster: &Cluster) -> Groups {
    let mut groups = Groups::new();
    for resource in resources::all(&cluster.store) {
        let at = match groups.iter().position(|(name, _)| *name == resource.group) {
            Some(at) => at,
            None => {
                groups.push((resource.group.to_string(), Vec::new()));
                groups.len() - 1
            }
        };
        let versions = &mut groups[at].1;
        match versions.iter_mut().find(|(version, _)| *version == resource.version) {
            Some((_, list)) => list.push(resource),
            None => versions.push((resource.version.to_string(), vec![resource])),
        }
    }
    groups
}

fn aggregated(group: &str, versions: &[(String, Vec<Resource>)]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|(version, list)| {
            let resources: Vec<Value> = list.iter().map(aggregated_resource).collect();
            json!({ "version": version, "resources": resources, "freshness": "Current" })
        })
        .collect();
    let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
    json!({ "metadata": metadata, "versions": versions })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind =
        |group: &str, version: &str, kind: &str| json!({ "group": group, "version": version, "kind": kind });
    let mut entry = json!({
        "resource": resource.plural, "responseKind": kind(&resource.group, &resource.version, &resource.kind),
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.kind.to_lowercase(), "verbs": resource.verbs(),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    let categories = categories(resource);
    if !categories.is_empty() {
        entry["categories"] = json!(categories);
    }
    let subresources: Vec<Value> = resource
        .subresources
        .iter()
        .map(|name| {
            let (group, version, of, verbs) = subresource(resource, name);
            json!({ "subresource": name, "responseKind": kind(group, version, of), "verbs": verbs })
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = json!(subresources);
    }
    entry
}

/// Group, version, kind and verbs of a subresource.
fn subresource<'a>(
    resource: &'a Resource,
    name: &str,
) -> (&'a str, &'a str, &'a str, &'static [&'static str]) {
    match name {
        "eviction" => ("policy", "v1", "Eviction", &["create"]),
        "exec" => ("", "v1", "PodExecOptions", &["create", "get"]),
        "scale" => ("autoscaling", "v1", "Scale", &["get", "patch", "update"]),
        "log" => (&resource.group, &resource.version, &resource.kind, &["get"]),
        "finalize" => (&resource.group, &resource.version, &resource.kind, &["update"]),
        _ => (&resource.group, &resource.version, &resource.kind, &["get", "patch", "update"]),
    }
}

fn categories(resource: &Resource) -> &'static [&'static str] {
    let is_in_all = matches!(
        &*resource.plural,
        "pods"
            | "services"
            | "daemonsets"
            | "deployments"
            | "replicasets"
            | "statefulsets"
            | "jobs"
            | "cronjobs"
    );
    if is_in_all && !resource.is_custom { &["all"] } else { &[] }
}

fn legacy_group(group: &str, versions: &[(String, Vec<Resource>)]) -> Value {
    let entry =
        |version: &String| json!({ "groupVersion": format!("{group}/{version}"), "version": version });
    let list: Vec<Value> = versions.iter().map(|(version, _)| entry(version)).collect();
    json!({ "name": group, "versions": list, "preferredVersion": list.first() })
}

fn legacy_list(groups: &Groups, group: &str, version: &str) -> Result<Reply, Refusal> {
    let versions = groups.iter().find(|(name, _)| name == group).map(|(_, versions)| versions);
    let (_, list) = versions
        .and_then(|versions| versions.iter().find(|(name, _)| name == version))
        .ok_or_else(Refusal::no_such_resource)?;
    let mut entries = Vec::new();
    for resource in list {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.kind.to_lowercase(),
            "namespaced": resource.is_namespaced, "kind": resource.kind, "verbs": resource.verbs(),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = json!(resource.short_names);
        }
        let categories = categories(resource);
        if !categories.is_empty() {
            entry["categories"] = json!(categories);
        }
        entries.push(entry);
        for name in &resource.subresources {
            let (of_group, of_version, kind, verbs) = subresource(resource, name);
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "",
                "namespaced": resource.is_namespaced, "kind": kind, "verbs": verbs,
            });
            if of_group != resource.group {
                entry["group"] = json!(of_group);
                entry["version"] = json!(of_version);
            }
            entries.push(entry);
        }
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(Reply::json(
        200,
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries }),
    ))
}
