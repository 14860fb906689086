//! Answers and what they say when they refuse.

use std::time::Duration;

use azure_core::http::headers::{HeaderName, Headers};
use lazuli_core::Json;
use lazuli_core::provider::{Answered, Outcome, ProviderError};

/// An answer of Azure Resource Manager.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body; null when there is none.
    pub(crate) body: Json,
    /// The `Azure-AsyncOperation` header.
    pub(crate) operation: Option<String>,
    /// The `Location` header.
    pub(crate) location: Option<String>,
    /// `retry-after-ms`, `x-ms-retry-after-ms` or `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// `x-ms-correlation-request-id`.
    pub(crate) correlation_id: Option<String>,
    /// `x-ms-request-id`.
    pub(crate) request_id: Option<String>,
    /// `Date`.
    pub(crate) date: Option<String>,
    /// How many requests it took.
    pub(crate) requests: usize,
}

/// A refusal by Azure.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// HTTP status; `None` when it was the end of an operation.
    pub(crate) status: Option<u16>,
    /// Azure's code.
    pub(crate) code: String,
    /// Azure's words, details included.
    pub(crate) message: String,
    pub(crate) correlation_id: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

/// Why a request did not end well.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Azure answered and refused.
    Refused(Refusal),
    /// The request certainly never left; `lasting` when trying again cannot help.
    Unsent { error: ProviderError, lasting: bool },
    /// The request may have arrived, its answer is lost.
    Lost(ProviderError),
}

impl Answer {
    /// Reads status, headers and body.
    pub(crate) fn new(status: u16, headers: &Headers, body: &[u8]) -> Self {
        let text = |name: &'static str| headers.get_optional_string(&HeaderName::from_static(name));
        let body = if body.iter().all(u8::is_ascii_whitespace) {
            Json::Null
        } else {
            // A proxy's page in place of JSON is kept as text: it names the proxy.
            serde_json::from_slice(body)
                .unwrap_or_else(|_| Json::String(clip(&String::from_utf8_lossy(body))))
        };
        Answer {
            status,
            body,
            operation: text("azure-asyncoperation"),
            location: text("location"),
            retry_after: retry_after(&text),
            correlation_id: text("x-ms-correlation-request-id"),
            request_id: text("x-ms-request-id"),
            date: text("date"),
            requests: 1,
        }
    }

    /// True for 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// `properties.provisioningState`.
    pub(crate) fn provisioning_state(&self) -> Option<&str> {
        self.body.pointer("/properties/provisioningState").and_then(Json::as_str)
    }

    /// What an answer with an error status says.
    pub(crate) fn refusal(&self) -> Refusal {
        self.refusal_from(&self.body, Some(self.status))
    }

    /// What an error object says: with the `error` wrapper or without (compute's throttling has none).
    pub(crate) fn refusal_from(&self, error: &Json, status: Option<u16>) -> Refusal {
        let inner = match error.get("error") {
            Some(inner) if inner.is_object() => inner,
            _ => error,
        };
        let text = |key: &str| inner.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
        let code = text("code")
            .map_or_else(|| status.map_or("Failed".to_owned(), |s| format!("Http{s}")), str::to_owned);
        let mut message = text("message").map_or_else(|| unspoken(error, status), str::to_owned);
        if let Some(target) = text("target").filter(|target| !message.contains(*target)) {
            message.push_str(&format!(" (target: {target})"));
        }
        add_details(inner, &code, &mut message);
        Refusal {
            status,
            code,
            message,
            correlation_id: self.correlation_id.clone(),
            request_id: self.request_id.clone(),
            date: self.date.clone(),
            retry_after: self.retry_after,
        }
    }
}

/// The details say what is really wrong; those that only repeat are left out.
fn add_details(error: &Json, code: &str, message: &mut String) {
    for detail in error.get("details").and_then(Json::as_array).into_iter().flatten() {
        let text = |key: &str| detail.get(key).and_then(Json::as_str).unwrap_or_default();
        let (inner_code, words) = (text("code"), text("message"));
        if words.is_empty() || message.contains(words) {
            continue;
        }
        let label = if inner_code.is_empty() || inner_code == code { "" } else { inner_code };
        message.push_str(&format!("; {label}{}{words}", if label.is_empty() { "" } else { ": " }));
    }
}

/// When Azure, or something on the way, answered without words.
fn unspoken(body: &Json, status: Option<u16>) -> String {
    match (body, status) {
        (Json::String(text), _) => format!("the answer is not JSON: {text}"),
        (_, Some(status)) => format!("status {status} without an explanation"),
        (_, None) => "no explanation was given".to_owned(),
    }
}

fn clip(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn retry_after(text: &impl Fn(&'static str) -> Option<String>) -> Option<Duration> {
    let milliseconds = ["retry-after-ms", "x-ms-retry-after-ms"]
        .into_iter()
        .find_map(|name| text(name)?.trim().parse().ok().map(Duration::from_millis));
    milliseconds.or_else(|| text("retry-after")?.trim().parse().ok().map(Duration::from_secs))
}

impl Refusal {
    /// The error for the caller.
    pub(crate) fn into_error(self, outcome: Outcome) -> ProviderError {
        let advice = advice(&self.code);
        ProviderError {
            status: self.status,
            code: self.code,
            message: self.message,
            correlation_id: self.correlation_id,
            answered: Some(Box::new(Answered { request_id: self.request_id, time: self.date })),
            advice: advice.map(Into::into),
            outcome,
            retry_after: self.retry_after,
        }
    }
}

impl Failure {
    /// The error for the caller. `uncertain`: an earlier attempt may have done something.
    pub(crate) fn into_error(self, mutating: bool, uncertain: bool) -> ProviderError {
        let mut error = match self {
            Failure::Refused(refusal) => {
                let acted = mutating && refusal.may_have_acted();
                refusal.into_error(if acted { Outcome::Unknown } else { Outcome::Nothing })
            }
            Failure::Unsent { error, .. } | Failure::Lost(error) => error,
        };
        if uncertain {
            error.outcome = Outcome::Unknown;
        }
        if !mutating {
            error.outcome = Outcome::Nothing;
        }
        error
    }

    /// The refusal, when Azure refused.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Failure::Refused(refusal) => Some(refusal),
            Failure::Unsent { .. } | Failure::Lost(_) => None,
        }
    }
}

impl Refusal {
    /// True when the object, or what it is below, does not exist; a missing resource group, subscription or type is
    /// another matter.
    pub(crate) fn says_absent(&self) -> bool {
        const OTHER: [&str; 5] = [
            "ResourceGroupNotFound",
            "SubscriptionNotFound",
            "InvalidSubscriptionId",
            "InvalidResourceType",
            "InvalidResourceNamespace",
        ];
        self.status == Some(404) && !OTHER.contains(&self.code.as_str())
    }

    /// True when it is Resource Manager itself that wants fewer requests, not what is behind it.
    pub(crate) fn is_by_gateway(&self) -> bool {
        ["Subscription", "Tenant"].iter().any(|who| self.code.starts_with(who))
    }

    /// A server's failure or a timeout says nothing about whether the request took effect.
    pub(crate) fn may_have_acted(&self) -> bool {
        self.status.is_none_or(|status| status == 408 || status >= 500)
    }
}

/// What to do about the codes people meet most.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "ResourceGroupNotFound" => {
            "Lazuli never makes resource groups: create it, or correct its name or the subscription."
        }
        "SubscriptionNotFound" | "InvalidSubscriptionId" => {
            "Check `subscription_id` and that the signed-in principal may see it."
        }
        "AuthorizationFailed" | "LinkedAuthorizationFailed" => {
            "Ask for a role with this action on this scope; a role granted just now takes some minutes."
        }
        "RequestDisallowedByPolicy" => {
            "Change the configuration so that the policy allows it, or ask for an exemption."
        }
        "ScopeLocked" => "Remove the lock (`az lock list`), then apply again.",
        "MissingSubscriptionRegistration" => {
            "Register the resource provider: `az provider register --namespace …`."
        }
        "ZonalAllocationFailed"
        | "AllocationFailed"
        | "OverconstrainedAllocationRequest"
        | "OverconstrainedZonalAllocationRequest"
        | "SkuNotAvailable" => {
            "Azure has no room for this size there now: apply again later, or choose another zone or size."
        }
        "QuotaExceeded" | "PublicIPCountLimitReached" => {
            "Ask for more quota in the portal, then apply again."
        }
        "InvalidAuthenticationToken" | "ExpiredAuthenticationToken" | "AuthenticationFailed" => {
            "Sign in again and check this machine's clock."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use azure_core::http::headers::Headers;

    fn refusal(status: u16, body: &str) -> super::Refusal {
        Answer::new(status, &Headers::new(), body.as_bytes()).refusal()
    }

    #[test]
    fn errors_are_read_with_and_without_their_wrapper() {
        let wrapped = refusal(404, r#"{"error":{"code":"ResourceNotFound","message":"gone","details":[]}}"#);
        assert_eq!((wrapped.code.as_str(), wrapped.message.as_str()), ("ResourceNotFound", "gone"));
        let bare = refusal(
            429,
            r#"{"code":"OperationNotAllowed","message":"too many","details":[{"code":"TooManyRequests","target":"x","message":"800"}]}"#,
        );
        assert_eq!(bare.code, "OperationNotAllowed");
        assert_eq!(bare.message, "too many; TooManyRequests: 800");
    }

    #[test]
    fn targets_are_told() {
        let refusal = refusal(
            409,
            r#"{"error":{"code":"PropertyChangeNotAllowed","target":"osDisk.name","message":"no"}}"#,
        );
        assert_eq!(refusal.message, "no (target: osDisk.name)");
    }

    #[test]
    fn a_page_of_a_proxy_is_quoted() {
        let refusal = refusal(502, "<html>\n <b>squid</b></html>");
        assert_eq!(refusal.code, "Http502");
        assert_eq!(refusal.message, "the answer is not JSON: <html> <b>squid</b></html>");
    }
}
