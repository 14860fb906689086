//! A scripted API server for tests: answers in memory, on a paused clock.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::client::Body;
use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::provider::Watch;
use serde_json::json;
use tokio::time::Instant;

use crate::api::{Exec, ExecError, Finished, Patience, Rest, patient};

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer(u16, Json),
    /// Nothing listens there.
    Unreachable,
    /// The connection breaks after the request was sent.
    Lost,
    /// The same, after a minute.
    Silent,
}

/// A success.
pub(crate) fn ok(body: Json) -> Reply {
    Reply::Answer(200, body)
}

/// A refusal.
pub(crate) fn refuse(code: u16, reason: &str, message: &str) -> Reply {
    Reply::Answer(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
            "reason": reason, "message": message}),
    )
}

/// What a disruption budget answers.
pub(crate) fn budget() -> Reply {
    Reply::Answer(
        429,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 429,
            "message": "Cannot evict pod as it would violate the pod's disruption budget.",
            "reason": "TooManyRequests", "details": {"causes": [{"reason": "DisruptionBudget",
                "message": "The disruption budget web needs 2 healthy pods and has 2 currently"}]}}),
    )
}

/// A list.
pub(crate) fn list(items: Vec<Json>) -> Reply {
    ok(json!({"kind": "List", "metadata": {}, "items": items}))
}

#[derive(Default)]
struct Script {
    replies: HashMap<String, VecDeque<Reply>>,
    sent: Vec<(u64, String, Json)>,
}

/// Answers by method and path; the last answer to a request is given again and again, and what is in no script does not
/// exist (404), but writes succeed and return what was sent.
#[derive(Clone, Default)]
pub(crate) struct Api {
    script: Arc<Mutex<Script>>,
    begun: Option<Instant>,
}

impl Api {
    pub(crate) fn new() -> Self {
        Api { script: Arc::default(), begun: Some(Instant::now()) }
    }

    /// Adds answers to `GET /api/v1/nodes`, without the query.
    pub(crate) fn on(&self, request: &str, replies: impl IntoIterator<Item = Reply>) -> &Self {
        self.script.lock().unwrap().replies.entry(request.to_owned()).or_default().extend(replies);
        self
    }

    /// What was sent: at which second, method and path with query, body.
    pub(crate) fn sent(&self) -> Vec<(u64, String, Json)> {
        self.script.lock().unwrap().sent.clone()
    }

    /// The sent requests that begin so, one a line with their seconds.
    pub(crate) fn told(&self, prefix: &str) -> Vec<String> {
        let sent = self.sent();
        let lines = sent.iter().filter(|(_, line, _)| line.starts_with(prefix));
        lines.map(|(at, line, _)| format!("{at} s {line}")).collect()
    }

    pub(crate) fn client(&self) -> kube::Client {
        patient(self.client_without_patience(), Patience::default())
    }

    pub(crate) fn client_without_patience(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { api.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn rest(&self) -> Rest {
        Rest::from(self.client())
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await.unwrap();
        let body: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        let line = format!("{} {}", parts.method, parts.uri);
        let key = line.split('?').next().unwrap_or_default().to_owned();
        let at = self.begun.unwrap().elapsed().as_secs();
        let next = || {
            let mut script = self.script.lock().unwrap();
            script.sent.push((at, line, body.clone()));
            match script.replies.get_mut(&key) {
                Some(replies) if replies.len() > 1 => replies.pop_front().unwrap(),
                Some(replies) => replies.front().unwrap().clone(),
                None if parts.method == "GET" => refuse(404, "NotFound", "not found"),
                None => ok(body),
            }
        };
        match next() {
            Reply::Silent => {
                tokio::time::sleep(std::time::Duration::from_secs(60)).await;
                Err(std::io::Error::from(std::io::ErrorKind::TimedOut))
            }
            Reply::Answer(code, body) => {
                Ok(Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap())
            }
            Reply::Unreachable => Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)),
            Reply::Lost => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        }
    }
}

/// Remembers what is told while a step runs.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Told {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Watch for Told {
    async fn accepted(&self, _url: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn progress(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// etcd as its `etcdctl` shows it, with the node names as names and the members' places as addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeEtcd {
    state: Arc<Mutex<EtcdState>>,
}

#[derive(Debug, Default)]
pub(crate) struct EtcdState {
    /// Name, id, learner, healthy.
    pub(crate) members: Vec<(String, u64, bool, bool)>,
    pub(crate) leader: u64,
    /// Refusals to give to the next changes.
    pub(crate) refusals: VecDeque<&'static str>,
    /// Nodes whose member runs and does not reach the others.
    pub(crate) cut_off: Vec<&'static str>,
    /// Nodes that nobody can log in to; their members are well.
    pub(crate) silent: Vec<&'static str>,
    /// Changes: `cp-1: member remove 2`.
    pub(crate) changes: Vec<String>,
}

impl FakeEtcd {
    /// Members with ids from 1; the first one leads.
    pub(crate) fn of(names: &[&str]) -> Self {
        let etcd = FakeEtcd::default();
        for (name, id) in names.iter().zip(1..) {
            etcd.state().members.push(((*name).to_owned(), id, false, true));
        }
        etcd.state().leader = 1;
        etcd
    }

    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, EtcdState> {
        self.state.lock().unwrap()
    }
}

#[async_trait::async_trait]
impl Exec for FakeEtcd {
    async fn exec(&self, pod: &str, container: &str, command: &[&str]) -> Result<Finished, ExecError> {
        assert_eq!(container, "etcd");
        let mut state = self.state();
        let node = pod.strip_prefix("etcd-").unwrap();
        let runs = state.members.iter().any(|(name, _, _, healthy)| name == node && *healthy);
        if !runs || state.silent.contains(&node) {
            return Err(ExecError::Broken {
                pod: pod.into(),
                command: "etcdctl".into(),
                reason: "no pod".into(),
            });
        }
        if state.cut_off.contains(&node) {
            let log = r#"{"level":"warn","msg":"retrying"}"#;
            return Ok(Finished {
                stderr: format!("{log}\nError: context deadline exceeded\n"),
                failure: Some("command terminated with exit code 1".to_owned()),
                ..Finished::default()
            });
        }
        let words = &command[9..];
        let url = |id: u64| format!("https://10.0.0.{id}:2379");
        let said = |json: Json| Ok(Finished { stdout: json.to_string(), ..Finished::default() });
        match words {
            ["member", "list", ..] => {
                let members: Vec<Json> = state
                    .members
                    .iter()
                    .map(|(name, id, learner, _)| {
                        let mut member = json!({
                            "ID": id, "name": name, "clientURLs": [url(*id)],
                            "peerURLs": [format!("https://10.0.0.{id}:2380")],
                        });
                        if *learner {
                            member["isLearner"] = true.into();
                        }
                        member
                    })
                    .collect();
                said(json!({"header": {}, "members": members}))
            }
            ["endpoint", "health", ..] => said(
                state
                    .members
                    .iter()
                    .map(|(_, id, _, healthy)| json!({"endpoint": url(*id), "health": healthy}))
                    .collect(),
            ),
            ["endpoint", "status", ..] => {
                said(json!([{"Endpoint": url(1), "Status": {"leader": state.leader}}]))
            }
            [verb, rest @ ..] => {
                state.changes.push(format!("{node}: {verb} {}", rest.join(" ")));
                if let Some(refusal) = state.refusals.pop_front() {
                    let failure = Some("command terminated with exit code 1".to_owned());
                    return Ok(Finished { stderr: refusal.to_owned(), failure, ..Finished::default() });
                }
                let id = u64::from_str_radix(rest.last().unwrap(), 16).unwrap();
                match *verb {
                    "move-leader" => state.leader = id,
                    _ => state.members.retain(|member| member.1 != id),
                }
                Ok(Finished::default())
            }
            [] => unreachable!(),
        }
    }
}
