//! When a request is sent again, and after how long. The table at the end of this module's `reason` is the whole rule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::answer::{Answer, Failure, Refusal};

/// What a request is for; the same answer means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look.
    Read,
    /// To look at what has just been made: it may not be visible everywhere yet.
    ReadAfterCreate,
    /// To ask how an operation goes on.
    Poll,
    /// To create or change.
    Write,
    /// To delete.
    Delete,
}

impl Purpose {
    /// True when the request changes something.
    pub(crate) fn is_mutating(self) -> bool {
        matches!(self, Purpose::Write | Purpose::Delete)
    }
}

/// Why a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Too many requests.
    Throttled,
    /// The service failed.
    Server,
    /// Another operation holds what is to be changed.
    Busy,
    /// A new identity is not known everywhere yet.
    Replication,
    /// A new object is not visible everywhere yet.
    NotVisible,
    /// The request did not get through, and sending it again is safe.
    Connection,
}

/// How long requests may be tried again in all, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Too many requests, server failures.
    pub service: Duration,
    /// Another operation on the same thing.
    pub busy: Duration,
    /// Still in use by what is being deleted.
    pub in_use: Duration,
    /// A new identity that is not known yet.
    pub replication: Duration,
    /// A new object that is not visible yet.
    pub not_visible: Duration,
    /// No connection, for requests.
    pub connection: Duration,
    /// No connection, while asking about an operation that goes on without us.
    pub polling: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            service: Duration::from_secs(300),
            busy: Duration::from_secs(600),
            in_use: Duration::from_secs(180),
            replication: Duration::from_secs(120),
            not_visible: Duration::from_secs(60),
            connection: Duration::from_secs(6),
            polling: Duration::from_secs(300),
        }
    }
}

impl Reason {
    /// The time that may be spent on it.
    pub(crate) fn budget(self, purpose: Purpose, patience: &Patience) -> Duration {
        match self {
            Reason::Throttled | Reason::Server => patience.service,
            Reason::Busy => patience.busy,
            Reason::Replication => patience.replication,
            Reason::NotVisible => patience.not_visible,
            Reason::Connection if purpose == Purpose::Poll => patience.polling,
            Reason::Connection => patience.connection,
        }
    }

    /// The first and the longest wait when the service names none.
    fn pace(self) -> (Duration, Duration) {
        let seconds =
            |first: f64, longest: u64| (Duration::from_secs_f64(first), Duration::from_secs(longest));
        match self {
            Reason::Throttled => seconds(2.0, 30),
            Reason::Server => seconds(1.0, 30),
            Reason::Busy => seconds(2.0, 10),
            Reason::Replication => seconds(3.0, 10),
            Reason::NotVisible => seconds(0.5, 5),
            Reason::Connection => seconds(0.5, 10),
        }
    }

    /// What people are told meanwhile.
    pub(crate) fn text(self, wait: Duration) -> String {
        let why = match self {
            Reason::Throttled => "Azure says too many requests",
            Reason::Server => "Azure had a failure",
            Reason::Busy => "another operation is in progress on it",
            Reason::Replication => "Entra does not know the new identity everywhere yet",
            Reason::NotVisible => "it is not visible yet",
            Reason::Connection => "no connection",
        };
        format!("{why}; trying again in {} s", wait.as_secs_f64().ceil())
    }
}

/// Whether to send a request again. Quota, policy, authorization, locks and every other refusal: never; what is still in
/// use when it is deleted is the deletion's business.
pub(crate) fn reason(purpose: Purpose, failure: &Failure) -> Option<Reason> {
    match failure {
        Failure::Refused(refusal) => refused(purpose, refusal),
        Failure::Unsent { lasting, .. } => (!lasting).then_some(Reason::Connection),
        Failure::Lost(_) => (!purpose.is_mutating()).then_some(Reason::Connection),
    }
}

fn refused(purpose: Purpose, refusal: &Refusal) -> Option<Reason> {
    let code = refusal.code.as_str();
    match (refusal.status?, purpose) {
        (429, _) if code.starts_with("RetryableError") => Some(Reason::Busy),
        (429, _) => Some(Reason::Throttled),
        (408 | 500 | 502..=504, _) => Some(Reason::Server),
        (409, _) if code == "AnotherOperationInProgress" || code.starts_with("RetryableError") => {
            Some(Reason::Busy)
        }
        (400, Purpose::Write) if code == "PrincipalNotFound" => Some(Reason::Replication),
        (404, Purpose::ReadAfterCreate) if code != "ResourceGroupNotFound" => Some(Reason::NotVisible),
        (403, Purpose::ReadAfterCreate) => Some(Reason::NotVisible),
        _ => None,
    }
}

/// The refusal, when it is for too many requests.
pub(crate) fn throttled(answer: &Answer) -> Option<Refusal> {
    let refusal = (answer.status == 429).then(|| answer.refusal())?;
    (refused(Purpose::Read, &refusal) == Some(Reason::Throttled)).then_some(refusal)
}

/// The codes with which Azure refuses to delete what something else uses. Only who deletes knows whether to wait.
pub(crate) fn is_in_use(code: &str) -> bool {
    (code.starts_with("InUse") && code.ends_with("CannotBeDeleted"))
        || code == "NicInUse"
        || code == "PublicIPAddressCannotBeDeleted"
}

/// The wait before attempt `attempt` + 1, counted from 1. What the service asks for is waited in full.
pub(crate) fn wait(reason: Reason, attempt: u32, asked: Option<Duration>, jitter: &Jitter) -> Duration {
    let (first, longest) = reason.pace();
    let own = first.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(longest);
    jitter.stretch(asked.unwrap_or(own))
}

/// Spreads waits a little so that many clients do not come back at the same instant; deterministic from its seed.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Jitter(AtomicU64::new(seed))
    }

    /// The duration, longer by up to a tenth.
    pub(crate) fn stretch(&self, duration: Duration) -> Duration {
        // SplitMix64: a counter, scrambled.
        let step = 0x9E37_79B9_7F4A_7C15_u64;
        let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        duration + duration.mul_f64((z >> 40) as f64 / (1_u64 << 24) as f64 / 10.0)
    }
}
