//! Requests to the API server as JSON, and its errors as the provider's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Request};
use kube::Client;
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};
use serde_json::json;

use super::FIELD_MANAGER;
use super::api_resource::segment;

/// A client that counts.
pub(crate) struct Wire<'a> {
    client: &'a Client,
    requests: AtomicUsize,
}

const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";

/// Objects in one page of a list.
const PAGE: usize = 500;

impl<'a> Wire<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Wire { client, requests: AtomicUsize::new(0) }
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// What is at the path; `None` when nothing is.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Json>, ProviderError> {
        absent(self.send(Method::GET, path, None, JSON).await)
    }

    /// All objects of a collection, page by page. An API that is not served has none.
    pub(crate) async fn list(&self, path: &str, query: &str) -> Result<Vec<Json>, ProviderError> {
        let (mut items, mut page) = (Vec::new(), String::new());
        loop {
            let and = if query.is_empty() { "" } else { "&" };
            let address = format!("{path}?{query}{and}limit={PAGE}{page}");
            let Some(mut list) = absent(self.send(Method::GET, &address, None, JSON).await)? else {
                return Ok(items);
            };
            if let Json::Array(some) = list["items"].take() {
                items.extend(some);
            }
            match list.pointer("/metadata/continue").and_then(Json::as_str) {
                Some(next) if !next.is_empty() => page = format!("&continue={}", segment(next)),
                _ => return Ok(items),
            }
        }
    }

    /// Server-side apply: what `object` says is so afterwards, whoever said otherwise.
    pub(crate) async fn apply(&self, path: &str, object: &Json) -> Result<Json, ProviderError> {
        let address = format!("{path}?fieldManager={FIELD_MANAGER}&force=true");
        self.send(Method::PATCH, &address, Some(object), APPLY).await
    }

    /// Writes a changed object; fails with a conflict when someone wrote it since it was read.
    pub(crate) async fn replace(&self, path: &str, object: &Json) -> Result<Json, ProviderError> {
        self.send(Method::PUT, &format!("{path}?fieldManager={FIELD_MANAGER}"), Some(object), JSON).await
    }

    /// Begins to delete the object with this uid; true when it was there.
    pub(crate) async fn delete(&self, path: &str, uid: Option<&str>) -> Result<bool, ProviderError> {
        let mut options =
            json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        if let Some(uid) = uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        Ok(absent(self.send(Method::DELETE, path, Some(&options), JSON).await)?.is_some())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        content: &str,
    ) -> Result<Json, ProviderError> {
        let reading = method == Method::GET;
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let mut builder = Request::builder().method(method).uri(path).header(http::header::ACCEPT, JSON);
        if body.is_some() {
            builder = builder.header(http::header::CONTENT_TYPE, content);
        }
        let request = builder
            .body(bytes)
            .map_err(|error| ProviderError::own("BadRequest", error.to_string(), Outcome::Nothing))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.client.request(request).await.map_err(|error| said(error, reading))
    }
}

fn absent<T>(answer: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.status == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The API server's error, or that of the way there.
fn said(error: kube::Error, reading: bool) -> ProviderError {
    let unknown = if reading { Outcome::Nothing } else { Outcome::Unknown };
    match error {
        kube::Error::Api(status) => {
            let code = if status.reason.is_empty() { "Failure".to_owned() } else { status.reason.clone() };
            // A server error may come after the change; a refusal comes before.
            let outcome = if status.code >= 500 { unknown } else { Outcome::Nothing };
            let mut error = ProviderError::own(&code, status.message.clone(), outcome);
            error.status = Some(status.code);
            error.retry_after = status
                .details
                .as_ref()
                .filter(|details| details.retry_after_seconds > 0)
                .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds)));
            error
        }
        other => ProviderError::own("NoAnswer", reasons(&other), unknown)
            .advise("The Kubernetes API did not answer. Look whether its address is reachable from here, then run it again."),
    }
}

/// An error with its causes: the outermost says little of a broken connection.
fn reasons(error: &dyn std::error::Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

/// Whether trying again may help: no answer, too many requests, a server in trouble, a webhook that is not up yet.
pub(crate) fn is_transient(error: &ProviderError) -> bool {
    match error.status {
        None => error.code == "NoAnswer",
        Some(429 | 500 | 502 | 503 | 504) => true,
        Some(_) => false,
    }
}
