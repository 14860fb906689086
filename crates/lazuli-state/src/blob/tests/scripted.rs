//! A service that answers as it is told, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request};
use azure_core::time::OffsetDateTime;

use crate::blob::{LEASE, Place};

#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Whatever the request wanted.
    Done,
    /// The answer is lost.
    Lost,
    /// Nothing, for ever.
    Silence,
}

impl Reply {
    pub(super) fn refusal(status: u16, code: &'static str, message: &str) -> Reply {
        let headers = vec![("x-ms-error-code", code.to_owned()), ("x-ms-request-id", "42".to_owned())];
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}\nRequestId:42\n</Message></Error>"
        );
        Reply::Answer(status, headers, body)
    }

    pub(super) fn properties(length: u64) -> Reply {
        let headers = vec![("etag", "\"9\"".to_owned()), ("content-length", length.to_string())];
        Reply::Answer(200, headers, String::new())
    }

    pub(super) fn content(text: &str) -> Reply {
        let range = format!("bytes 0-{}/{}", text.len() - 1, text.len());
        let length = text.len().to_string();
        let headers =
            vec![("etag", "\"9\"".to_owned()), ("content-range", range), ("content-length", length)];
        Reply::Answer(206, headers, text.to_owned())
    }
}

#[derive(Debug)]
pub(super) struct Service {
    script: Mutex<VecDeque<Reply>>,
    always: Mutex<Option<Reply>>,
    asked: Mutex<Vec<String>>,
}

impl Service {
    /// Answers each request with the next of these.
    pub(super) fn script(replies: impl IntoIterator<Item = Reply>) -> Arc<Service> {
        let script = Mutex::new(replies.into_iter().collect());
        Arc::new(Service { script, always: Mutex::default(), asked: Mutex::default() })
    }

    /// Answers every request with this.
    pub(super) fn always(reply: Reply) -> Arc<Service> {
        let service = Service::script([]);
        service.answer_always(reply);
        service
    }

    pub(super) fn answer_always(&self, reply: Reply) {
        *self.always.lock().unwrap() = Some(reply);
    }

    /// The requests so far, with their conditions.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn place(self: &Arc<Self>) -> Place {
        Place {
            endpoint: "https://acct.blob.core.windows.net".parse().unwrap(),
            container: "states".into(),
            key: "prod.state".into(),
            credential: Arc::new(Anybody),
            http: self.clone(),
            lease: LEASE,
        }
    }
}

#[async_trait]
impl HttpClient for Service {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut text = format!("{:?} {}", request.method(), request.url());
        for (name, value) in request.headers().iter() {
            text += &format!("\n{}: {}", name.as_str(), value.as_str());
        }
        self.asked.lock().unwrap().push(text);
        let next = self.script.lock().unwrap().pop_front().or_else(|| self.always.lock().unwrap().clone());
        let (status, headers, body) = match next.expect("another request than the script has") {
            Reply::Answer(status, headers, body) => (status, headers, body),
            Reply::Done => {
                (if request.method() == Method::Put { 200 } else { 206 }, Vec::new(), String::new())
            }
            Reply::Lost => return Err(azure_core::Error::with_message(ErrorKind::Io, "connection reset")),
            Reply::Silence => std::future::pending().await,
        };
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(name, value);
        }
        Ok(AsyncRawResponse::from_bytes(status.into(), all, body))
    }
}

/// Lets everybody in.
#[derive(Debug)]
struct Anybody;

#[async_trait]
impl TokenCredential for Anybody {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let later = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new("token", later))
    }
}
