//! Refusals, in the words of the real API server.

use serde_json::{Value, json};

use super::resources::Resource;

/// A `Status` that says why a request failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    reason: &'static str,
    pub(crate) message: String,
    details: Value,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>, details: Value) -> Self {
        Self { code, reason, message: message.into(), details }
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            body["details"] = self.details.clone();
        }
        body
    }

    /// Names the causes.
    pub(crate) fn with_causes(mut self, causes: Vec<Value>) -> Self {
        if !self.details.is_object() {
            self.details = json!({});
        }
        self.details["causes"] = Value::Array(causes);
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, Value::Null)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized", Value::Null)
    }

    /// `pods "x" is forbidden: why`.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let name_part = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!("{}{name_part} is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message, resource.details(name))
    }

    pub(crate) fn forbidden_path(why: &str) -> Self {
        Self::new(403, "Forbidden", format!("forbidden: {why}"), json!({}))
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(404, "NotFound", message, resource.details(name))
    }

    pub(crate) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource", json!({}))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, json!({}))
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message, resource.details(name))
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::new(409, "Conflict", message, resource.details(name))
    }

    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// Fields that other managers own.
    pub(crate) fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(409, "Conflict", message, json!({})).with_causes(causes)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, Value::Null)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728", Value::Null)
    }

    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message, json!({}))
    }

    /// `Pod "x" is invalid: field: why`.
    pub(crate) fn invalid(resource: &Resource, name: &str, reason: &str, field: &str, why: &str) -> Self {
        let kind = match &*resource.group {
            "" => resource.kind.to_string(),
            group => format!("{}.{group}", resource.kind),
        };
        let message = format!("{kind} \"{name}\" is invalid: {field}: {why}");
        let mut details = resource.details(name);
        details["kind"] = json!(resource.kind);
        Self::new(422, "Invalid", message, details)
            .with_causes(vec![json!({ "reason": reason, "message": why, "field": field })])
    }

    /// Options of a patch that cannot be.
    pub(crate) fn invalid_options(field: &str, why: &str) -> Self {
        let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {field}: {why}");
        Self::new(422, "Invalid", message, json!({ "group": "meta.k8s.io", "kind": "PatchOptions" }))
            .with_causes(vec![json!({ "reason": "FieldValueRequired", "message": why, "field": field })])
    }

    /// An eviction that has to wait. No `Retry-After`, as the real server.
    pub(crate) fn disruption_budget(cause: String) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        Self::new(429, "TooManyRequests", message, json!({}))
            .with_causes(vec![json!({ "reason": "DisruptionBudget", "message": cause })])
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let details = json!({ "causes": [{ "message": message }] });
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"), details)
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(504, "Timeout", "etcdserver: request timed out", json!({}))
    }

    /// What an API server answers whose own etcd has stopped, until it is stopped, too.
    pub(crate) fn without_etcd() -> Self {
        let message = "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp \
                       127.0.0.1:2379: connect: connection refused\"";
        Self::new(500, "", message, json!({}))
    }
}

/// What a deletion or an eviction that leaves nothing to show is answered with.
pub(crate) fn success(code: Option<u16>, details: Value) -> Value {
    let mut body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
    if !details.is_null() {
        body["details"] = details;
    }
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    body
}
