//! Schemas (OpenAPI v3), as far as clients need them: that patches can be validated and tried out.

use serde_json::{Map, Value, json};

use super::cluster::Cluster;
use super::reply::Reply;
use super::resources::{self, Resource};
use super::status::Refusal;

/// Answers everything under `/openapi/v3`.
pub(crate) fn handle(cluster: &Cluster, rest: &[&str]) -> Result<Reply, Refusal> {
    let all = resources::all(&cluster.store);
    if rest.is_empty() {
        let mut paths = Map::new();
        for resource in &all {
            let path = root(resource);
            let url = format!("/openapi/v3/{path}?hash={}", all.len());
            paths.insert(path, json!({ "serverRelativeURL": url }));
        }
        return Ok(Reply::json(200, json!({ "paths": paths })));
    }
    let wanted = rest.join("/");
    let mut paths = Map::new();
    for resource in all.iter().filter(|resource| root(resource) == wanted) {
        let within = if resource.is_namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("/{wanted}{within}/{}/{{name}}", resource.plural);
        paths.insert(path, json!({ "patch": operation(resource, "patch") }));
    }
    if paths.is_empty() {
        return Err(Refusal::no_such_resource());
    }
    let info = json!({ "title": "Kubernetes", "version": cluster.control().version });
    let document =
        json!({ "openapi": "3.0.0", "info": info, "paths": paths, "components": { "schemas": {} } });
    Ok(Reply::json(200, document))
}

fn root(resource: &Resource) -> String {
    match &*resource.group {
        "" => format!("api/{}", resource.version),
        group => format!("apis/{group}/{}", resource.version),
    }
}

fn operation(resource: &Resource, action: &str) -> Value {
    let parameter = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } });
    json!({
        "operationId": format!("{action}{}{}", resource.version, resource.kind),
        "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation"), parameter("force")],
        "responses": { "200": { "description": "OK" } },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": { "group": resource.group, "version": resource.version, "kind": resource.kind },
    })
}
