//! What the API server answers, before it is written to a connection.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::status::Refusal;
use super::watch::Watch;

/// An answer, or the beginning of a longer conversation.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        body: ReplyBody,
    },
    /// Events, until the client has enough.
    Watch(Box<Watch>),
    /// A command in a container; its output goes over a WebSocket.
    Exec(Exec),
}

/// The command of an exec request whose pod and container exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exec {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) argv: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum ReplyBody {
    Json(Value),
    /// Discovery has a content type of its own.
    Typed(&'static str, Value),
    /// An object as it is kept: shared, not copied.
    Object(Arc<Value>),
    /// A list of objects as they are kept.
    List {
        head: Value,
        items: Vec<Arc<Value>>,
    },
    Text(String),
}

#[derive(Serialize)]
struct List<'a> {
    kind: &'a Value,
    #[serde(rename = "apiVersion")]
    api_version: &'a Value,
    metadata: &'a Value,
    items: &'a [Arc<Value>],
}

impl Reply {
    pub(crate) fn json(status: u16, value: Value) -> Self {
        Self::Answer { status, body: ReplyBody::Json(value) }
    }

    pub(crate) fn object(status: u16, object: Arc<Value>) -> Self {
        Self::Answer { status, body: ReplyBody::Object(object) }
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::Answer { status, body: ReplyBody::Text(text.to_owned()) }
    }

    /// The JSON of an answer; `null` for anything else.
    #[cfg(test)]
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Answer { body, .. } => serde_json::from_slice(&body.bytes()).unwrap_or_default(),
            Self::Watch(_) | Self::Exec(_) => Value::Null,
        }
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Answer { status, .. } => *status,
            Self::Watch(_) => 200,
            Self::Exec(_) => 101,
        }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::json(refusal.code, refusal.body())
    }
}

impl ReplyBody {
    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text/plain; charset=utf-8",
            Self::Typed(kind, _) => kind,
            Self::Json(_) | Self::Object(_) | Self::List { .. } => "application/json",
        }
    }

    /// The body as it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let written = match self {
            Self::Text(text) => return text.clone().into_bytes(),
            Self::Json(value) | Self::Typed(_, value) => serde_json::to_vec(value),
            Self::Object(object) => serde_json::to_vec(object),
            Self::List { head, items } => serde_json::to_vec(&List {
                kind: &head["kind"],
                api_version: &head["apiVersion"],
                metadata: &head["metadata"],
                items,
            }),
        };
        written.unwrap_or_else(|error| {
            json!({ "kind": "Status", "message": error.to_string() }).to_string().into_bytes()
        })
    }
}
