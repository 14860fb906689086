//! Questions about permissions: what `kubectl auth can-i` and `whoami` ask.

use serde_json::{Value, json};

use crate::request::{Method, Request};

use super::access::{self, Attempt};
use super::api::{self, Target};
use super::auth::User;
use super::reply::Reply;
use super::status::Refusal;
use super::store::Store;

/// Answers a review; nothing is kept.
pub(crate) fn review(
    store: &Store,
    request: &Request,
    user: &User,
    target: &Target,
) -> Result<Reply, Refusal> {
    if request.method != Method::Post {
        return Err(Refusal::method_not_allowed());
    }
    let mut body = api::body(request)?;
    body["kind"] = json!(target.resource.kind);
    body["apiVersion"] = json!(target.resource.api_version());
    if target.resource.plural == "selfsubjectreviews" {
        body["status"] = json!({ "userInfo": { "username": user.name, "groups": user.groups } });
        return Ok(Reply::json(201, body));
    }
    let asked = match target.resource.plural.as_ref() {
        "subjectaccessreviews" => User {
            name: body["spec"]["user"].as_str().unwrap_or("").to_owned(),
            groups: body["spec"]["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        },
        _ => user.clone(),
    };
    let spec = &body["spec"];
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let allowed = if spec["nonResourceAttributes"].is_object() {
        let attributes = &spec["nonResourceAttributes"];
        access::check_path(&asked, &text(&attributes["verb"]), &text(&attributes["path"])).is_ok()
    } else {
        let attributes = &spec["resourceAttributes"];
        let resource = match text(&attributes["subresource"]).as_str() {
            "" => text(&attributes["resource"]),
            subresource => format!("{}/{subresource}", text(&attributes["resource"])),
        };
        let attempt = Attempt {
            verb: &text(&attributes["verb"]),
            group: &text(&attributes["group"]),
            resource: &resource,
            namespace: &text(&attributes["namespace"]),
            name: &text(&attributes["name"]),
        };
        access::allows(store, &asked, &attempt)
    };
    body["status"] = json!({ "allowed": allowed });
    Ok(Reply::json(201, body))
}
