//! What Azure Blob's refusals mean, and what to do about them.

use std::path::Path;

use azure_core::error::ErrorKind;
use azure_core::http::StatusCode;

use crate::error::StateError;

/// Why a request did nothing, or may have done something.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// What it means.
    pub(super) reason: Reason,
    /// What was answered, for people.
    pub(super) answer: String,
    /// Whether an earlier attempt's answer was lost: it may have done what this one could not.
    pub(super) unsure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// There is no such blob.
    NoBlob,
    /// There is no such container.
    NoContainer,
    /// Somebody else has the lease.
    Leased,
    /// The lease that was named is not, or no longer, the blob's.
    LeaseLost,
    /// What the request was to replace is not there any more, or what it was to make is there.
    Condition,
    /// No answer, or one that promises better ones: worth another try.
    Passing,
    /// Not allowed.
    Forbidden,
    /// The token is not accepted, or there is none.
    SignIn,
    /// An append blob takes no more appends: Azure allows 50,000.
    Full,
    /// Anything else.
    Other,
}

impl Refusal {
    pub(super) fn of(error: &azure_core::Error) -> Refusal {
        let (reason, answer) = match error.kind() {
            ErrorKind::HttpResponse { status, error_code, raw_response } => {
                let code = error_code.as_deref().unwrap_or_default();
                let mut answer = format!("Azure answered {} {code}", u16::from(*status));
                if let Some(raw) = raw_response {
                    let body = String::from_utf8_lossy(raw.body());
                    if let Some(message) = message(&body) {
                        answer = format!("{answer}: {message}");
                    }
                    if let Some(id) = raw.headers().get_optional_str(&"x-ms-request-id".into()) {
                        answer = format!("{answer} (request id {id})");
                    }
                }
                (of_answer(*status, code), answer.trim_end().to_owned())
            }
            ErrorKind::Io | ErrorKind::Connection => (Reason::Passing, innermost(error)),
            ErrorKind::Credential => (Reason::SignIn, innermost(error)),
            _ => (Reason::Other, innermost(error)),
        };
        Refusal { reason, answer, unsure: false }
    }

    pub(super) fn timeout(seconds: u64) -> Refusal {
        let answer = format!("no answer within {seconds} s");
        Refusal { reason: Reason::Passing, answer, unsure: false }
    }

    /// The error of a run that was `doing` something with a blob.
    pub(super) fn into_error(self, doing: &'static str, place: &Path) -> StateError {
        if self.reason == Reason::Condition {
            return StateError::Overwritten { place: place.to_owned() };
        }
        let advice = self.advice();
        StateError::Remote { doing, place: place.to_owned(), answer: self.answer, advice }
    }

    fn advice(&self) -> String {
        let text = match self.reason {
            Reason::NoContainer => {
                "the container must exist before: az storage container create --auth-mode login --account-name ACCOUNT --name CONTAINER"
            }
            Reason::Forbidden => {
                "give the identity of the cloud account the role \"Storage Blob Data Contributor\" on the container (Owner and Contributor do not include it; a new assignment takes up to ten minutes), and see whether the storage account's network rules let this computer in"
            }
            Reason::SignIn => {
                "see that the cloud account named in the backend can sign in, in the tenant of the storage account"
            }
            Reason::Passing => {
                "Azure Blob could not be reached although it was tried again and again: try later"
            }
            Reason::Leased => {
                "somebody has leased this blob for good, in the portal perhaps: end that lease, az storage blob lease break"
            }
            Reason::Full => {
                "the journal has as many parts as Azure allows; run the same again: it goes on from here with an empty one"
            }
            Reason::LeaseLost => "run `lazuli plan` when the other run is over",
            Reason::NoBlob | Reason::Condition | Reason::Other => {
                "check storage_account_name, container_name, key and endpoint of the backend, and that this computer reaches that address"
            }
        };
        text.to_owned()
    }
}

fn of_answer(status: StatusCode, code: &str) -> Reason {
    match (u16::from(status), code) {
        (404, "ContainerNotFound" | "ContainerBeingDeleted") => Reason::NoContainer,
        (404, "BlobNotFound" | "") => Reason::NoBlob,
        (
            409,
            "LeaseAlreadyPresent"
            | "LeaseIsBreakingAndCannotBeAcquired"
            | "LeaseIsBreakingAndCannotBeChanged",
        ) => Reason::Leased,
        (409 | 412, code) if code.starts_with("Lease") => Reason::LeaseLost,
        (409, "BlobAlreadyExists") => Reason::Condition,
        (409, "BlockCountExceedsLimit") => Reason::Full,
        (412, _) => Reason::Condition,
        (408 | 429 | 500 | 502 | 503 | 504, _) => Reason::Passing,
        (401, _) => Reason::SignIn,
        (403, _) => Reason::Forbidden,
        _ => Reason::Other,
    }
}

/// The words in an error's XML, without the trailer with ids and times.
fn message(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("<Message>")?;
    let (text, _) = rest.split_once("</Message>")?;
    text.lines().next().map(str::trim).filter(|text| !text.is_empty())
}

/// The innermost reason: the outer ones only say what the library was doing.
fn innermost(error: &azure_core::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
