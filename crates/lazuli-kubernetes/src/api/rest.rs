//! Objects as JSON, by path.

use std::fmt;

use http::{Method, Request, header};
use lazuli_core::Json;
use serde_json::json;

use super::error::ApiError;

/// The name under which Lazuli owns fields.
pub const FIELD_MANAGER: &str = "lazuli";

/// How many objects one page of a list holds.
pub(crate) const PAGE: usize = 500;

/// Which objects of a list are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selector<'a> {
    /// Such as `spec.nodeName=web-1`.
    pub fields: Option<&'a str>,
    /// Such as `app=web`.
    pub labels: Option<&'a str>,
}

/// A cluster's API as JSON by path, such as `/api/v1/nodes/web-1`. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    client: kube::Client,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

impl From<kube::Client> for Rest {
    fn from(client: kube::Client) -> Self {
        Rest { client }
    }
}

impl Rest {
    /// The client below.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// Reads an object; `None` when it does not exist.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn get(&self, path: &str) -> Result<Option<Json>, ApiError> {
        found(self.send(Method::GET, path, None).await)
    }

    /// All objects of a list, read in pages.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn list(&self, path: &str, selector: Selector<'_>) -> Result<Vec<Json>, ApiError> {
        let (mut items, mut next) = (Vec::new(), String::new());
        loop {
            let mut url = format!("{path}?limit={PAGE}");
            for (key, value) in [
                ("fieldSelector", selector.fields),
                ("labelSelector", selector.labels),
                ("continue", Some(next.as_str()).filter(|token| !token.is_empty())),
            ] {
                if let Some(value) = value {
                    url = format!("{url}&{key}={}", encode(value));
                }
            }
            let mut page = self.send(Method::GET, &url, None).await?;
            match page["items"].take() {
                Json::Array(more) => items.extend(more),
                Json::Null => {}
                other => return Err(ApiError::Malformed(format!("{path}: items is {other}"))),
            }
            next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            if next.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Makes an object in the list `path`.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn create(&self, path: &str, object: &Json) -> Result<Json, ApiError> {
        let url = format!("{path}?fieldManager={FIELD_MANAGER}");
        self.send(Method::POST, &url, Some((JSON, object))).await
    }

    /// Sends an object in place of the one that is there.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn replace(&self, path: &str, object: &Json) -> Result<Json, ApiError> {
        let url = format!("{path}?fieldManager={FIELD_MANAGER}");
        self.send(Method::PUT, &url, Some((JSON, object))).await
    }

    /// Changes an object by a JSON merge patch: `null` takes a field away.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn merge(&self, path: &str, patch: &Json) -> Result<Json, ApiError> {
        let url = format!("{path}?fieldManager={FIELD_MANAGER}");
        self.send(Method::PATCH, &url, Some(("application/merge-patch+json", patch))).await
    }

    /// Server-side apply: the fields of `object` become ours, also those that others own; `dry_run` only says what would
    /// come of it.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn apply(&self, path: &str, object: &Json, dry_run: bool) -> Result<Json, ApiError> {
        let dry = if dry_run { "&dryRun=All" } else { "" };
        let url = format!("{path}?fieldManager={FIELD_MANAGER}&force=true{dry}");
        self.send(Method::PATCH, &url, Some(("application/apply-patch+yaml", object))).await
    }

    /// Deletes an object with `options`, such as `{"gracePeriodSeconds": 1}`; false when it was not there.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn delete(&self, path: &str, options: &Json) -> Result<bool, ApiError> {
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        if let (Some(body), Some(options)) = (body.as_object_mut(), options.as_object()) {
            body.extend(options.clone());
        }
        Ok(found(self.send(Method::DELETE, path, Some((JSON, &body))).await)?.is_some())
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<(&str, &Json)>,
    ) -> Result<Json, ApiError> {
        let mut request = Request::builder().method(method).uri(url).header(header::ACCEPT, JSON);
        let bytes = match body {
            Some((media, body)) => {
                request = request.header(header::CONTENT_TYPE, media);
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        let request = request.body(bytes).map_err(|e| ApiError::Malformed(format!("{url}: {e}")))?;
        Ok(self.client.request(request).await?)
    }
}

const JSON: &str = "application/json";

fn found(result: Result<Json, ApiError>) -> Result<Option<Json>, ApiError> {
    match result {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The text as a part of a query or path.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
