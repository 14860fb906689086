//! Long-running operations: Azure accepts a request, and is asked until it is done.
//!
//! The rules are those of ARM's asynchronous operations: `Azure-AsyncOperation` before `Location` before
//! `properties.provisioningState`; addresses are used verbatim; the states that end are Succeeded, Failed and Canceled.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Failure};
use super::client::{ArmClient, Call};
use super::paging::foreign;
use super::retry::Purpose;

/// When the service names no wait: a quick look, since much is done at once, then a second, and slower from there.
const QUICK: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);
/// However short a wait the service asks for.
const SHORTEST: Duration = Duration::from_millis(10);

/// Between polls the object itself is looked at, the first time after this part of the time such an operation usually
/// takes, and again after this part of the time it has taken so far.
const FIRST_LOOK: f64 = 1.0 / 3.0;
const NEXT_LOOK: f64 = 1.0 / 8.0;

/// How an operation is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The first wait when the service names none.
    first: Duration,
    /// The one after it.
    second: Duration,
    /// Between looks at the object.
    apart: Duration,
    /// How long such an operation usually takes.
    expected: Duration,
}

impl Pace {
    const USUAL: Pace = Pace { first: QUICK, second: SECOND, apart: SECOND, expected: Duration::ZERO };
    /// Virtual machines are throttled one by one: operations when asked about more often than every 4 s, reads of the
    /// machine when there are more than 12 a minute.
    const SLOW: Pace = Pace {
        first: Duration::from_secs(4),
        second: Duration::from_secs(4),
        apart: Duration::from_secs(5),
        expected: Duration::ZERO,
    };

    /// The pace for a type whose operations of that kind usually take so many seconds.
    pub(crate) fn of(type_name: &str, expected: f64) -> Self {
        let vm = type_name.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines");
        let expected = Duration::try_from_secs_f64(expected).unwrap_or_default();
        Pace { expected, ..if vm { Pace::SLOW } else { Pace::USUAL } }
    }

    /// The pace for an operation of which only the address is known.
    pub(crate) fn of_address(url: &Url) -> Self {
        let compute = url.path().to_ascii_lowercase().contains("/microsoft.compute/");
        if compute { Pace::SLOW } else { Pace::USUAL }
    }

    /// When to look at the object again, or for the first time, once an operation has taken so long.
    fn next_look(self, elapsed: Duration) -> Duration {
        match elapsed.is_zero() {
            true => self.expected.mul_f64(FIRST_LOOK).max(self.apart),
            false => elapsed + elapsed.mul_f64(NEXT_LOOK).max(self.apart),
        }
    }
}

/// The time until an operation is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    time: Duration,
    /// Whether the service has named it.
    named: bool,
}

impl Wait {
    pub(crate) const NONE: Wait = Wait { time: Duration::ZERO, named: false };
}

/// What an object looks like at the end of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It says that it has been made or changed, or that this failed.
    Settled,
    /// It does not exist.
    Gone,
}

/// The object of an operation: where it is, and what it looks like at the end.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) url: Url,
    pub(crate) end: End,
}

/// Where an operation stands.
#[derive(Debug)]
pub(crate) enum State {
    Running,
    Succeeded,
    Failed(ProviderError),
}

/// Where to ask: `None` when the answer is already the end.
pub(crate) fn address(answer: &Answer) -> Option<&str> {
    answer.operation.as_deref().or(if answer.status == 202 { answer.location.as_deref() } else { None })
}

/// True for a state that is not the end.
pub(crate) fn is_running(state: &str) -> bool {
    !["succeeded", "failed", "canceled", "cancelled"].iter().any(|end| state.eq_ignore_ascii_case(end))
}

/// What an answer to a poll says.
pub(crate) fn state(answer: &Answer) -> State {
    if answer.status == 202 {
        return State::Running;
    }
    let text = answer.body.get("status").and_then(Json::as_str).or_else(|| answer.provisioning_state());
    match text {
        None => State::Succeeded,
        Some(text) if is_running(text) => State::Running,
        Some(text) if text.eq_ignore_ascii_case("succeeded") => State::Succeeded,
        Some(text) => State::Failed(ended(answer, text)),
    }
}

/// The error of an operation, or an object, that ended badly.
pub(crate) fn ended(answer: &Answer, state: &str) -> ProviderError {
    let canceled = state.to_ascii_lowercase().starts_with("cancel");
    match answer.body.get("error").filter(|error| error.is_object()) {
        Some(error) => answer.refusal_from(error, None).into_error(Outcome::Unknown),
        None => {
            let mut error = answer.refusal_from(&Json::Null, None).into_error(Outcome::Unknown);
            error.code = if canceled { "OperationCanceled" } else { "ProvisioningFailed" }.to_owned();
            error.message =
                format!("Azure accepted the request and then ended it as `{state}` without a reason");
            error.advice = Some("The activity log of the resource has the reason; then apply again.".into());
            error
        }
    }
}

impl ArmClient {
    /// An address an earlier run was given.
    pub(crate) fn trusted(&self, address: &str) -> Result<Url, ProviderError> {
        super::url::trusted(&self.endpoint, address).ok_or_else(|| {
            let mut error = foreign(address);
            error.outcome = Outcome::Unknown;
            error
        })
    }

    /// Tells the address to `watch`, then asks there until the operation has ended. `accepted` is the answer that began it.
    pub(crate) async fn follow(
        &self,
        accepted: &Answer,
        address: &str,
        pace: Pace,
        object: &Object,
        watch: &dyn Watch,
    ) -> Result<(), ProviderError> {
        let url = self.trusted(address)?;
        watch.accepted(url.as_str()).await.map_err(|error| {
            ProviderError::own("JournalFailed", error.to_string(), Outcome::Unknown)
                .advise("Azure is carrying the operation out; the next run reads what became of it.")
        })?;
        let already =
            accepted.provisioning_state().is_some_and(|state| state.eq_ignore_ascii_case("succeeded"));
        let first = match accepted.retry_after {
            Some(named) => Wait { time: named, named: true },
            None => Wait { time: if already { SHORTEST } else { pace.first }, named: false },
        };
        // The object says nothing when it looked finished from the beginning, or is what is asked anyway.
        let object = Some(object).filter(|object| !already && object.url != url);
        self.poll(url, first, pace, object, watch).await?.map(drop)
    }

    /// Asks until the operation has ended, the first time after `first`; how it ended is inside, with the last answer. The
    /// error outside is that it cannot be asked about.
    pub(crate) async fn poll(
        &self,
        mut url: Url,
        first: Wait,
        pace: Pace,
        mut object: Option<&Object>,
        watch: &dyn Watch,
    ) -> Result<Result<Json, ProviderError>, ProviderError> {
        let began = Instant::now();
        let mut look = began + pace.next_look(Duration::ZERO);
        let mut wait = first;
        let mut own = pace.second;
        loop {
            let due = Instant::now() + wait.time.max(SHORTEST);
            let mut finished = false;
            while let Some(seen) = object.filter(|_| wait.named && look < due) {
                tokio::time::sleep_until(look).await;
                look = began + pace.next_look(began.elapsed());
                finished = self.looks_finished(seen).await;
                if finished {
                    object = None; // a hint and no more, so that it is followed once: the operation knows
                }
            }
            if !finished {
                tokio::time::sleep_until(due).await;
            }
            let answer = self.send(Call::get(url.clone(), Purpose::Poll), &watch).await.map_err(unread)?;
            match state(&answer) {
                State::Running => {}
                State::Succeeded => return Ok(Ok(answer.body)),
                State::Failed(error) => return Ok(Err(error)),
            }
            if let Some(moved) = answer.location.as_deref().filter(|_| answer.status == 202) {
                url = super::url::trusted(&self.endpoint, moved).unwrap_or(url);
            }
            wait = Wait { time: answer.retry_after.unwrap_or(own), named: answer.retry_after.is_some() };
            own = (own + own / 2).min(LONGEST);
        }
    }
}

impl ArmClient {
    /// Whether an object looks as it will at the end. Costs a read that nobody needs, so it is left out while few are left.
    async fn looks_finished(&self, object: &Object) -> bool {
        let call = Call::get(object.url.clone(), Purpose::Read);
        match (self.glance(&call).await, object.end) {
            (Some(Ok(answer)), End::Settled) => {
                answer.is_success() && answer.provisioning_state().is_some_and(|state| !is_running(state))
            }
            (Some(Ok(answer)), End::Gone) => answer.status == 404 && answer.refusal().says_absent(),
            (Some(Err(_)) | None, _) => false,
        }
    }
}

/// The status could not be read: the operation itself may well go on.
fn unread((failure, _): (Failure, bool)) -> ProviderError {
    let gone = failure.refusal().is_some_and(|refusal| matches!(refusal.status, Some(404 | 410)));
    let mut error = failure.into_error(true, true);
    if gone {
        error.code = GONE.to_owned();
        error.message = format!("Azure no longer knows the operation: {}", error.message);
    } else {
        error.message =
            format!("Azure accepted the request, but what became of it cannot be asked: {}", error.message);
    }
    error
}

/// The code of an operation that can no longer be asked about.
pub(crate) const GONE: &str = "OperationGone";
