//! Sends requests through `azure_core`'s pipeline and tries again where [`super::retry`] allows.

use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::policies::Policy;
use azure_core::http::{
    ClientOptions, Context, HttpClient, Method, Pipeline, PipelineSendOptions, Request, RetryOptions,
    Transport,
};
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use url::Url;

use super::answer::{Answer, Failure};
use super::retry::{self, Jitter, Patience, Purpose};
use super::throttle::{self, Sort, Throttle};
use crate::account::{Endpoints, sign_in};
use crate::transport::TransportError;

/// A request.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<&'a Json>,
    /// Only if the object's etag is still this one.
    pub(crate) if_match: Option<&'a str>,
    pub(crate) purpose: Purpose,
}

impl Call<'_> {
    pub(crate) fn get(url: Url, purpose: Purpose) -> Call<'static> {
        Call { method: Method::Get, url, body: None, if_match: None, purpose }
    }

    pub(crate) fn delete(url: Url) -> Call<'static> {
        Call { method: Method::Delete, url, body: None, if_match: None, purpose: Purpose::Delete }
    }
}

/// Who hears about waits.
pub(crate) trait Tell: Sync {
    fn tell(&self, text: &str);
}

/// Nobody.
pub(crate) struct Silent;

impl Tell for Silent {
    fn tell(&self, _: &str) {}
}

impl Tell for &dyn Watch {
    fn tell(&self, text: &str) {
        self.progress(text);
    }
}

/// The client of one account.
#[derive(Debug)]
pub(crate) struct ArmClient {
    pipeline: Pipeline,
    pub(super) endpoint: Url,
    patience: Patience,
    jitter: Jitter,
    throttle: Arc<Throttle>,
}

impl ArmClient {
    pub(crate) fn new(
        http: Arc<dyn HttpClient>,
        bearer: Arc<dyn Policy>,
        endpoints: &Endpoints,
        patience: Patience,
        seed: u64,
        throttle: Arc<Throttle>,
    ) -> Self {
        let options = ClientOptions {
            transport: Some(Transport::new(http)),
            retry: RetryOptions::none(),
            ..Default::default()
        };
        let pipeline = Pipeline::new(
            Some("lazuli"),
            option_env!("CARGO_PKG_VERSION"),
            options,
            Vec::new(),
            vec![bearer],
            None,
        );
        ArmClient {
            pipeline,
            endpoint: endpoints.resource_manager.clone(),
            patience,
            jitter: Jitter::new(seed),
            throttle,
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str, api_version: &str, query: &[(&str, &str)]) -> Url {
        super::url::resource(&self.endpoint, path, api_version, query)
    }

    /// Sends a request until it is answered with success or there is no point in going on. On failure the flag says
    /// whether an attempt before the last may have done something.
    pub(crate) async fn send(&self, call: Call<'_>, tell: &dyn Tell) -> Result<Answer, (Failure, bool)> {
        let started = tokio::time::Instant::now();
        let mut waited = Duration::ZERO;
        let mut uncertain = false;
        for attempt in 1_u32.. {
            let failure = match self.once(&call, attempt, tell).await {
                Ok(mut answer) if answer.is_success() => {
                    answer.requests = attempt as usize;
                    return Ok(answer);
                }
                Ok(answer) => Failure::Refused(answer.refusal()),
                Err(failure) => failure,
            };
            let Some(reason) = retry::reason(call.purpose, &failure) else {
                return Err((failure, uncertain));
            };
            let asked = failure.refusal().and_then(|refusal| refusal.retry_after);
            let wait = retry::wait(reason, attempt, asked, &self.jitter);
            // A connection that cannot be made costs time by itself: a user behind a firewall is not kept waiting.
            let spent = if matches!(failure, Failure::Unsent { .. }) { started.elapsed() } else { waited };
            if spent + wait > reason.budget(call.purpose, &self.patience) {
                return Err((failure, uncertain));
            }
            uncertain |= failure.refusal().is_some_and(super::Refusal::may_have_acted);
            tracing::debug!(attempt, ?reason, ?wait, "request is sent again");
            // Where Azure allows no more, all of that class wait together, in the throttle.
            if reason != retry::Reason::Throttled {
                tell.tell(&reason.text(wait));
                tokio::time::sleep(wait).await;
            }
            waited += wait;
        }
        // impossible: u32 attempts do not fit into any budget
        Err((Failure::Lost(ProviderError::own("Timeout", "gave up", Outcome::Unknown)), true))
    }

    /// [`ArmClient::send`] with the error for the caller.
    pub(crate) async fn call(&self, call: Call<'_>, tell: &dyn Tell) -> Result<Answer, ProviderError> {
        let mutating = call.purpose.is_mutating();
        self.send(call, tell).await.map_err(|(failure, uncertain)| failure.into_error(mutating, uncertain))
    }

    /// Sends a request that nobody needs, once, if Azure allows plenty more; `None` when it does not.
    pub(super) async fn glance(&self, call: &Call<'_>) -> Option<Result<Answer, Failure>> {
        let sort = throttle::sort(call.method, &call.url);
        match self.throttle.is_plentiful(&sort) {
            true => Some(self.once(call, 1, &Silent).await),
            false => None,
        }
    }

    async fn once(&self, call: &Call<'_>, attempt: u32, tell: &dyn Tell) -> Result<Answer, Failure> {
        let sort = throttle::sort(call.method, &call.url);
        let admitted = self.throttle.admit(&sort, self.patience.service, tell).await;
        let permit =
            admitted.map_err(|rest| Failure::Unsent { error: not_allowed(&sort, rest), lasting: true })?;
        let mut request = Request::new(call.url.clone(), call.method);
        request.insert_header("accept", "application/json");
        if let Some(etag) = call.if_match {
            request.insert_header("if-match", etag.to_owned());
        }
        if let Some(body) = call.body {
            request.insert_header("content-type", "application/json");
            request.set_body(body.to_string());
        } else if call.method == Method::Post {
            request.insert_header("content-length", "0");
        }
        let options = PipelineSendOptions { skip_checks: true, ..Default::default() };
        let sent = self.pipeline.send(&Context::default(), &mut request, Some(options)).await;
        match sent {
            Ok(response) => {
                let headers = response.headers();
                let answer = Answer::new(response.status().into(), headers, response.body().as_ref());
                match retry::throttled(&answer) {
                    None => permit.answered(headers),
                    Some(refusal) => {
                        let wait =
                            retry::wait(retry::Reason::Throttled, attempt, refusal.retry_after, &self.jitter);
                        permit.refused(refusal.is_by_gateway(), wait);
                    }
                }
                Ok(answer)
            }
            Err(error) => Err(unanswered(&error)),
        }
    }
}

/// Sorts out why there is no answer. A failed sign-in means that the request itself never left.
fn unanswered(error: &azure_core::Error) -> Failure {
    let transport = TransportError::below(error);
    if *error.kind() == ErrorKind::Credential {
        return match transport {
            Some(TransportError::Connect { .. } | TransportError::Lost { .. } | TransportError::Name { .. }) => Failure::Unsent {
                error: not_sent(transport).advise(
                    "No token could be fetched: check the network, the proxy (HTTPS_PROXY) and the account's cloud.",
                ),
                lasting: false,
            },
            Some(TransportError::Tls { .. }) => Failure::Unsent { error: not_sent(transport), lasting: true },
            _ => Failure::Unsent { error: sign_in::explain(&error.to_string()), lasting: true },
        };
    }
    match transport {
        Some(TransportError::Lost { .. }) => Failure::Lost(ProviderError::own(
            "ConnectionLost",
            transport.map_or_else(String::new, ToString::to_string),
            Outcome::Unknown,
        )),
        Some(TransportError::Connect { .. } | TransportError::Name { .. }) => {
            Failure::Unsent { error: not_sent(transport), lasting: false }
        }
        Some(_) => Failure::Unsent { error: not_sent(transport), lasting: true },
        None if *error.kind() == ErrorKind::Io => {
            Failure::Lost(ProviderError::own("ConnectionLost", error.to_string(), Outcome::Unknown))
        }
        None => Failure::Unsent {
            error: ProviderError::own("RequestFailed", error.to_string(), Outcome::Nothing),
            lasting: true,
        },
    }
}

fn not_allowed(sort: &Sort, rest: Duration) -> ProviderError {
    let mut error = ProviderError::own("TooManyRequests", sort.refused(rest), Outcome::Nothing).advise(
        "Apply again when that time is over, and find out who else sends so much to this subscription.",
    );
    error.retry_after = Some(rest);
    error
}

fn not_sent(transport: Option<&TransportError>) -> ProviderError {
    let message = transport.map_or_else(String::new, ToString::to_string);
    let (code, advice) = match transport {
        Some(TransportError::Name { .. }) => {
            ("HostNotFound", "Check the network, the name service and the account's cloud.")
        }
        Some(TransportError::Tls { .. }) => (
            "UntrustedServer",
            "If a proxy or a private cloud shows its own certificate, give its authority to the cloud account (`ca`).",
        ),
        Some(TransportError::Connect { .. }) => {
            ("NoConnection", "Check the network and the proxy (HTTPS_PROXY).")
        }
        _ => ("RequestFailed", "This is a defect of Lazuli; please report it."),
    };
    ProviderError::own(code, message, Outcome::Nothing).advise(advice)
}
