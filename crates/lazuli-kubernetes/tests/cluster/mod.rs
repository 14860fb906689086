//! A tiny API server in memory, and what listens to progress. It knows what the tests need: objects by path, lists with
//! label selectors, server-side apply by one manager, deletes with finalizers, discovery of what it was told.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use lazuli_core::journal::JournalError;
use lazuli_core::provider::Watch;
use serde_json::{Value, json};

#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    /// What was last applied, for taking fields away.
    applied: BTreeMap<String, Value>,
    version: u64,
    log: Vec<String>,
    /// API version to plural, kind, whether in namespaces.
    kinds: Vec<(String, String, String, bool)>,
    /// Answers to give once instead: method and path, status, message.
    failures: Vec<(String, u16, String)>,
    /// Workloads and definitions are ready at once.
    ready: bool,
}

impl Server {
    pub(crate) fn new() -> Self {
        let server = Server::default();
        for namespace in ["default", "kube-system"] {
            let path = format!("/api/v1/namespaces/{namespace}");
            server.put(
                &path,
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            );
        }
        server.0.lock().unwrap().ready = true;
        server
    }

    /// Workloads stay as they are until a test changes them.
    pub(crate) fn slow(self) -> Self {
        self.0.lock().unwrap().ready = false;
        self
    }

    pub(crate) fn client(&self) -> kube::Client {
        let state = self.0.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let state = state.clone();
            async move {
                let (parts, body) = request.into_parts();
                let bytes = body.collect_bytes().await?;
                let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
                let query = parts.uri.query().unwrap_or_default();
                let (status, answer) = state.lock().unwrap().handle(
                    &parts.method,
                    &decoded(parts.uri.path()),
                    &decoded(query),
                    body,
                );
                let response = Response::builder()
                    .status(status)
                    .header("content-type", "application/json")
                    .body(Body::from(answer.to_string().into_bytes()))?;
                Ok::<_, tower::BoxError>(response)
            }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.0.lock().unwrap().store(path, object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.get(path).unwrap();
        change(&mut object);
        self.put(path, object);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path);
    }

    pub(crate) fn serve(&self, api_version: &str, plural: &str, kind: &str, namespaced: bool) {
        let kind = (api_version.into(), plural.into(), kind.into(), namespaced);
        self.0.lock().unwrap().kinds.push(kind);
    }

    /// The next request like this (`PATCH /api/…`) is refused.
    pub(crate) fn fail(&self, request: &str, status: u16, message: &str) {
        self.0.lock().unwrap().failures.push((request.into(), status, message.into()));
    }

    /// Requests that would change something, since the last time this was asked.
    pub(crate) fn changes(&self) -> Vec<String> {
        let log = std::mem::take(&mut self.0.lock().unwrap().log);
        log.into_iter().filter(|line| !line.starts_with("GET")).collect()
    }

    /// All requests since the last time this was asked.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }
}

type Answer = (u16, Value);

fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": message,
    });
    (code, status)
}

impl State {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        }
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn handle(&mut self, method: &Method, path: &str, query: &str, body: Value) -> Answer {
        let line = format!("{method} {path}");
        self.log.push(line.clone());
        if let Some(index) = self.failures.iter().position(|(request, _, _)| *request == line) {
            let (_, status, message) = self.failures.remove(index);
            return refusal(status, "InternalError", &message);
        }
        match *method {
            Method::GET => self.read(path, query),
            Method::PATCH => self.apply(path, body),
            Method::PUT => match self.objects.get(path) {
                None => refusal(404, "NotFound", "not found"),
                Some(live) if live["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] => {
                    refusal(409, "Conflict", "the object has been modified")
                }
                Some(_) => (200, self.store(path, body)),
            },
            Method::DELETE => self.delete(path, &body),
            _ => refusal(405, "MethodNotAllowed", "not here"),
        }
    }

    fn read(&mut self, path: &str, query: &str) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let below = if parts[0] == "api" { 2 } else { 3 };
        if parts.len() == below {
            let api_version = parts[1..].join("/");
            let resources: Vec<Value> = self
                .kinds
                .iter()
                .filter(|(of, ..)| *of == api_version)
                .map(|(_, name, kind, namespaced)| json!({"name": name, "kind": kind, "namespaced": namespaced}))
                .collect();
            return match resources.is_empty() {
                true => refusal(404, "NotFound", "no such group"),
                false => (200, json!({"kind": "APIResourceList", "resources": resources})),
            };
        }
        if (parts.len() - below).is_multiple_of(2) {
            return match self.objects.get(path) {
                Some(object) => (200, object.clone()),
                None => refusal(404, "NotFound", &format!("{path} not found")),
            };
        }
        let prefix = format!("{path}/");
        let labels = parameter(query, "labelSelector");
        let wanted: Vec<(&str, Option<&str>)> = labels
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('=').map_or((part, None), |(label, value)| (label, Some(value))))
            .collect();
        let about = parameter(query, "fieldSelector");
        let about = about.split(',').find_map(|part| part.strip_prefix("involvedObject.name="));
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|(path, _)| path.strip_prefix(&prefix).is_some_and(|name| !name.contains('/')))
            .map(|(_, object)| object)
            .filter(|object| {
                wanted.iter().all(|(label, value)| {
                    let live = object["metadata"]["labels"][*label].as_str();
                    value.map_or(live.is_some(), |value| live == Some(value))
                })
            })
            .filter(|object| about.is_none_or(|name| object["involvedObject"]["name"] == name))
            .collect();
        (200, json!({"kind": "List", "metadata": {}, "items": items}))
    }

    fn apply(&mut self, path: &str, body: Value) -> Answer {
        let namespace = path.split_once("/namespaces/").and_then(|(_, rest)| Some(rest.split_once('/')?.0));
        if namespace.is_some_and(|name| !self.objects.contains_key(&format!("/api/v1/namespaces/{name}"))) {
            return refusal(404, "NotFound", "namespace not found");
        }
        let live = self.objects.get(path).cloned();
        if let Some(live) = &live {
            let changed = |pointer: &str| {
                live.pointer(pointer).is_some() && body.pointer(pointer) != live.pointer(pointer)
            };
            if body["kind"] == "Deployment" && changed("/spec/selector") {
                return refusal(422, "Invalid", "spec.selector: Invalid value: field is immutable");
            }
            if body["kind"] == "StorageClass" && changed("/parameters") {
                return refusal(
                    422,
                    "Invalid",
                    "parameters: Forbidden: updates to parameters are forbidden.",
                );
            }
            if body["kind"] == "PersistentVolumeClaim" && changed("/spec") {
                return refusal(422, "Invalid", "spec: Forbidden: spec is immutable after creation");
            }
        }
        let mut object = live.clone().unwrap_or_else(|| json!({}));
        if let Some(before) = self.applied.insert(path.to_owned(), body.clone()) {
            take_away(&mut object, &before, &body);
        }
        overlay(&mut object, &body);
        if live.as_ref() == Some(&object) {
            return (200, object);
        }
        let generation = object["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
        object["metadata"]["generation"] = json!(generation);
        object["metadata"]["managedFields"] = json!([{"manager": "lazuli"}]);
        if self.ready {
            object["status"] = ready(&object, generation);
        }
        (200, self.store(path, object))
    }

    fn delete(&mut self, path: &str, options: &Value) -> Answer {
        let Some(mut live) = self.objects.get(path).cloned() else {
            return refusal(404, "NotFound", "not found");
        };
        let uid = &options["preconditions"]["uid"];
        if !uid.is_null() && *uid != live["metadata"]["uid"] {
            return refusal(409, "Conflict", "the UID in the precondition does not match");
        }
        if live["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty()) {
            live["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            return (200, self.store(path, live));
        }
        self.objects.remove(path);
        self.applied.remove(path);
        if live["kind"] == "Namespace" {
            let below = format!("/namespaces/{}/", live["metadata"]["name"].as_str().unwrap());
            self.objects.retain(|path, _| !path.contains(&below));
        }
        (200, json!({"kind": "Status", "status": "Success"}))
    }
}

/// The status of an object that is ready.
pub(crate) fn ready(object: &Value, generation: u64) -> Value {
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    match object["kind"].as_str().unwrap() {
        "Deployment" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "availableReplicas": replicas,
        }),
        "DaemonSet" => json!({
            "observedGeneration": generation, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2,
            "numberAvailable": 2,
        }),
        "CustomResourceDefinition" => json!({"conditions": [{"type": "Established", "status": "True"}]}),
        _ => Value::Null,
    }
}

/// Takes away what was applied before and is not now.
fn take_away(live: &mut Value, before: &Value, now: &Value) {
    let (Some(fields), Some(before)) = (live.as_object_mut(), before.as_object()) else { return };
    for (name, value) in before {
        match (now.get(name), fields.get_mut(name)) {
            (None, _) => {
                fields.remove(name);
            }
            (Some(now), Some(there)) => take_away(there, value, now),
            _ => {}
        }
    }
}

fn overlay(live: &mut Value, applied: &Value) {
    match (live.as_object_mut(), applied.as_object()) {
        (Some(fields), Some(more)) => {
            for (name, value) in more {
                overlay(fields.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        _ => *live = applied.clone(),
    }
}

fn parameter(query: &str, name: &str) -> String {
    let found = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_default().to_owned()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'%', [a, b, after @ ..]) = (first, tail) {
            let hex = [*a, *b];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Hears what is said.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

#[async_trait::async_trait]
impl Watch for Heard {
    async fn accepted(&self, _url: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn progress(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}
