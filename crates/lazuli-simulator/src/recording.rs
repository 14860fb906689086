//! Records of mutating requests and of answers for contract tests, one JSON line each, without secrets.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::request::{Body, Request, Response};
use crate::world_file::private;

/// What stands in a recording where a client sent something secret; valid Base64.
const REDACTED: &str = "cmVkYWN0ZWQ=";

#[derive(Debug)]
pub(crate) struct Recording(Mutex<File>);

impl Recording {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        private(OpenOptions::new().create(true).append(true)).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Appends one request, if it mutates something under Azure Resource Manager.
    pub(crate) fn note(&self, request: &Request, status: u16) -> std::io::Result<()> {
        let lower = request.path.to_ascii_lowercase();
        let is_arm = lower.starts_with("/subscriptions/") || lower.starts_with("/providers/");
        // Questions that Azure wants posted change nothing.
        let is_question =
            ["/checkpolicyrestrictions", "/checknameavailability"].iter().any(|end| lower.ends_with(end));
        if !request.method.mutates() || !is_arm || is_question {
            return Ok(());
        }
        let mut body = request.json().unwrap_or(Value::Null);
        redact(&mut body);
        let mut line = json!({
            "method": request.method.as_str(),
            "path": request.path,
            "api_version": request.query("api-version"),
            "status": status,
            "body": body,
        })
        .to_string();
        line.push('\n');
        self.write(&line)
    }

    /// Appends what an answer shows, if it may show resources in whole. Answers of Azure hold no secrets but tokens, and
    /// those are none of Azure Resource Manager's.
    pub(crate) fn note_answer(&self, request: &Request, response: &Response) -> std::io::Result<()> {
        let is_arm = request.path.to_ascii_lowercase().starts_with("/subscriptions/");
        let (true, 200 | 201, Body::Json(body)) = (is_arm, response.status, &response.body) else {
            return Ok(());
        };
        let version = request.query("api-version");
        let line = json!({ "api_version": version, "status": response.status, "body": body });
        self.write(&format!("{line}\n"))
    }

    fn write(&self, line: &str) -> std::io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                if matches!(name.as_str(), "customData" | "userData" | "adminPassword") && inner.is_string() {
                    *inner = json!(REDACTED);
                } else {
                    redact(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}
