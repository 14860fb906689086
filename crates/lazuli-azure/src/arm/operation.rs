//! Long-running operations: Azure accepts a request, and is asked until it is done.
//!
//! The rules are those of ARM's asynchronous operations: `Azure-AsyncOperation` before `Location` before
//! `properties.provisioningState`; addresses are used verbatim; the states that end are Succeeded, Failed and Canceled.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
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

/// How an operation is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The first wait when the service names none.
    first: Duration,
    /// The one after it.
    second: Duration,
}

impl Pace {
    const USUAL: Pace = Pace { first: QUICK, second: SECOND };
    /// Virtual machines are throttled one by one when asked about more often than every 4 s.
    const SLOW: Pace = Pace { first: Duration::from_secs(4), second: Duration::from_secs(4) };

    /// The pace for a type.
    pub(crate) fn of(type_name: &str) -> Self {
        let vm = type_name.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines");
        if vm { Pace::SLOW } else { Pace::USUAL }
    }

    /// The pace for an operation of which only the address is known.
    pub(crate) fn of_address(url: &Url) -> Self {
        let compute = url.path().to_ascii_lowercase().contains("/microsoft.compute/");
        if compute { Pace::SLOW } else { Pace::USUAL }
    }
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
        watch: &dyn Watch,
    ) -> Result<(), ProviderError> {
        let url = self.trusted(address)?;
        watch.accepted(url.as_str()).await.map_err(|error| {
            ProviderError::own("JournalFailed", error.to_string(), Outcome::Unknown)
                .advise("Azure is carrying the operation out; the next run reads what became of it.")
        })?;
        let already =
            accepted.provisioning_state().is_some_and(|state| state.eq_ignore_ascii_case("succeeded"));
        let first = accepted.retry_after.unwrap_or(if already { SHORTEST } else { pace.first });
        self.poll(url, first, pace, watch).await?
    }

    /// Asks until the operation has ended, the first time after `first`; how it ended is inside. The error outside is that
    /// it cannot be asked about.
    pub(crate) async fn poll(
        &self,
        mut url: Url,
        first: Duration,
        pace: Pace,
        watch: &dyn Watch,
    ) -> Result<Result<(), ProviderError>, ProviderError> {
        let mut wait = first.max(SHORTEST);
        let mut own = pace.second;
        loop {
            tokio::time::sleep(wait).await;
            let answer = self.send(Call::get(url.clone(), Purpose::Poll), &watch).await.map_err(unread)?;
            match state(&answer) {
                State::Running => {}
                State::Succeeded => return Ok(Ok(())),
                State::Failed(error) => return Ok(Err(error)),
            }
            if let Some(moved) = answer.location.as_deref().filter(|_| answer.status == 202) {
                url = super::url::trusted(&self.endpoint, moved).unwrap_or(url);
            }
            wait = answer.retry_after.unwrap_or(own).max(SHORTEST);
            own = (own + own / 2).min(LONGEST);
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
