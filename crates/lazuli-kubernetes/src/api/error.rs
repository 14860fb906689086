//! What can go wrong with a request, and what of it people are told.

use std::error::Error;

use kube::core::Status;
use lazuli_core::provider::{Outcome, ProviderError};

use super::connect::ConnectError;

/// Why a request was not answered as hoped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// The API server refused it.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// It certainly did not get there.
    #[error("the API of the cluster cannot be reached: {reason}")]
    Unreachable {
        /// What the network said.
        reason: String,
        /// Waiting does not help, such as with a certificate of somebody else.
        lasting: bool,
    },
    /// The answer was lost: it may have been carried out.
    #[error("the answer of the cluster's API was lost: {reason}")]
    Lost {
        /// What the network said.
        reason: String,
    },
    /// The answer cannot be read.
    #[error("the cluster's API gave an answer that cannot be read: {0}")]
    Malformed(String),
    /// There is no client.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl ApiError {
    /// The HTTP status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            ApiError::Refused(status) if status.code != 0 => Some(status.code),
            _ => None,
        }
    }

    /// True when there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// True when there is such an object already.
    pub fn is_already_exists(&self) -> bool {
        matches!(self, ApiError::Refused(status) if status.is_already_exists())
    }

    /// True when somebody else changed the object meanwhile.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409) && !self.is_already_exists()
    }

    /// True when another attempt later may go well: the cluster is not there yet, or not able to answer now.
    pub fn is_passing(&self) -> bool {
        match self {
            ApiError::Unreachable { lasting, .. } => !lasting,
            ApiError::Lost { .. } => true,
            ApiError::Refused(status) => matches!(status.code, 429 | 500 | 502..=504),
            ApiError::Malformed(_) | ApiError::Connect(_) => false,
        }
    }

    /// What the causes of a refusal say, one a line: a disruption budget, a field.
    pub fn causes(&self) -> Vec<&str> {
        match self {
            ApiError::Refused(status) => {
                let causes = status.details.iter().flat_map(|details| &details.causes);
                causes.map(|cause| cause.message.as_str()).filter(|text| !text.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The error as the executor knows it, of a request that would change something.
    pub fn changing(self) -> ProviderError {
        let outcome = match &self {
            ApiError::Lost { .. } | ApiError::Malformed(_) => Outcome::Unknown,
            ApiError::Refused(status) if status.code >= 500 && status.code != 503 => Outcome::Unknown,
            _ => Outcome::Nothing,
        };
        self.with(outcome)
    }

    /// The error as the executor knows it, of a request that only looks.
    pub fn looking(self) -> ProviderError {
        self.with(Outcome::Nothing)
    }

    fn with(self, outcome: Outcome) -> ProviderError {
        let own = |code: &str| ProviderError::own(code, self.to_string(), outcome);
        match &self {
            ApiError::Refused(status) => {
                let code = if status.reason.is_empty() { "Refused" } else { &status.reason };
                let mut message = status.message.clone();
                for cause in self.causes().into_iter().filter(|cause| !status.message.contains(*cause)) {
                    message.push_str("; ");
                    message.push_str(cause);
                }
                let mut error = ProviderError::own(code, message, outcome);
                error.status = self.status();
                match advice(status) {
                    Some(advice) => error.advise(advice),
                    None => error,
                }
            }
            ApiError::Unreachable { lasting: true, .. } => own("ClusterNotTrusted").advise(
                "Something else answers at this address, or the cluster was made with other keys: look where its name \
                 leads, and whether the state is the cluster's own.",
            ),
            ApiError::Unreachable { .. } => own("ClusterUnreachable").advise(
                "Look whether the control-plane nodes run, whether this machine's address is in \
                 api_server.authorized_ranges, and, when the API is private, whether this machine is in its network \
                 (or set transport = \"run_command\"). Then run the same command again.",
            ),
            ApiError::Lost { .. } => own("AnswerLost").advise("Run the same command again: it looks first."),
            ApiError::Malformed(_) => own("MalformedAnswer"),
            ApiError::Connect(ConnectError::NoKeys(_)) => own("NoClusterKeys").advise(
                "The cluster's keys are part of its state. Use the state the cluster was made with, or give its keys \
                 with import --pki.",
            ),
            ApiError::Connect(_) => own("NoClient"),
        }
    }
}

fn advice(status: &Status) -> Option<&'static str> {
    match status.code {
        401 => Some(
            "The cluster does not know the certificate authority of this state, or this machine's clock is wrong: \
             compare the time here and there.",
        ),
        403 => Some("An admission webhook or policy of the cluster forbids it: its message names it."),
        429 | 500 | 502..=504 => {
            Some("The control plane has trouble: look at its nodes, then run the same command again.")
        }
        _ => None,
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => ApiError::Refused(status),
            kube::Error::SerdeError(e) => ApiError::Malformed(e.to_string()),
            kube::Error::FromUtf8(e) => ApiError::Malformed(e.to_string()),
            other => {
                let (reason, trouble) = (innermost(&other), trouble(&other));
                match trouble {
                    Trouble::Lost => ApiError::Lost { reason },
                    unsent => ApiError::Unreachable { reason, lasting: unsent == Trouble::Untrusted },
                }
            }
        }
    }
}

/// What happened to a request without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection was made.
    Unsent,
    /// The server is not the cluster's.
    Untrusted,
    /// It may have got there.
    Lost,
}

/// Tells by the errors behind the error.
pub(super) fn trouble(error: &(dyn Error + 'static)) -> Trouble {
    let mut found = Trouble::Lost;
    for error in chain(error) {
        if error.downcast_ref::<rustls::Error>().is_some_and(lasting) {
            return Trouble::Untrusted;
        }
        let connect =
            error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect());
        let refused = error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused);
        if connect || refused {
            found = Trouble::Unsent;
        }
    }
    found
}

/// The error and those behind it. An `io::Error` is not the source of what it wraps, but hides it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    }
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = behind(error);
        Some(error)
    })
}

fn lasting(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))
}

/// The last error of the chain says it best: `Connection refused (os error 111)`.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
