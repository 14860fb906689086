//! How many requests Azure takes, shared by all who ask the same subscription.
//!
//! | module | what |
//! |---|---|
//! | [`bucket`] | what is left of one bucket, by what Azure told (pure) |
//! | [`gate`] | after a refusal: everybody of a class waits, then comes back a few at a time (pure) |
//! | [`sort`] | which class a request belongs to, which buckets an answer tells of (pure) |
//! | [`budget`] | all buckets and gates of a subscription (pure) |
//!
//! Here: the queues. Requests of a class are admitted one after the other, so that nobody waits for ever.

mod bucket;
mod budget;
mod gate;
mod sort;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::http::Method;
use azure_core::http::headers::Headers;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::Instant;
use url::Url;

use super::client::Tell;
use budget::{Admission, Budget, Wait};
pub(crate) use sort::Sort;

/// A wait that people hear of.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// The throttles of a process, one for each subscription: accounts of the same one share what Azure allows.
#[derive(Debug, Clone, Default)]
pub struct Throttles(Arc<Mutex<HashMap<String, Arc<Throttle>>>>);

impl Throttles {
    pub(crate) fn of(&self, resource_manager: &Url, subscription: &str) -> Arc<Throttle> {
        let key = format!("{resource_manager}{subscription}").to_ascii_lowercase();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }
}

/// What all clients of a subscription know of its limits.
#[derive(Debug)]
pub(crate) struct Throttle {
    began: Instant,
    budget: Mutex<Budget>,
    /// Told whenever a request has ended.
    ended: watch::Sender<()>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle {
            began: Instant::now(),
            budget: Mutex::default(),
            ended: watch::Sender::new(()),
            turns: Mutex::default(),
        }
    }
}

impl Throttle {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// When Azure has refused its class for longer than `patience`: so long it would have to wait.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        sort: &Sort,
        patience: Duration,
        tell: &dyn Tell,
    ) -> Result<Permit, Duration> {
        let mut told = false;
        // First among its own kind, so that who waits for a limit of virtual machines keeps no network waiting.
        let _own = self.turn(sort.own(), sort, &mut told, tell).await;
        loop {
            self.wait(sort, patience, &mut told, tell, |budget, now| budget.wait_of_own(sort, now)).await?;
            let turn = self.turn(sort.verb.name(), sort, &mut told, tell).await;
            self.wait(sort, patience, &mut told, tell, |budget, now| budget.wait_of_verb(sort, now)).await?;
            let now = self.now();
            if let Some(admission) = self.budget().admit(sort, now) {
                return Ok(Permit { throttle: self.clone(), admission: Some(admission) });
            }
            drop(turn); // meanwhile another has taken what is left for its own kind
        }
    }

    /// Whether there is so much left that requests nobody needs may be sent.
    pub(crate) fn is_plentiful(&self, sort: &Sort) -> bool {
        self.budget().is_plentiful(sort, self.now())
    }

    async fn wait(
        &self,
        sort: &Sort,
        patience: Duration,
        told: &mut bool,
        tell: &dyn Tell,
        ask: impl Fn(&Budget, Duration) -> Option<Wait>,
    ) -> Result<(), Duration> {
        let mut ended = self.ended.subscribe();
        loop {
            ended.borrow_and_update();
            let now = self.now();
            let Some(wait) = ask(&self.budget(), now) else { return Ok(()) };
            let moment = match wait {
                Wait::Closed(until) | Wait::Low(until) => Some(until),
                Wait::Answer => None,
            };
            let rest = moment.map_or(Duration::ZERO, |moment| moment.saturating_sub(now));
            if matches!(wait, Wait::Closed(_)) && rest > patience {
                return Err(rest);
            }
            if rest >= WORTH_TELLING && !std::mem::replace(told, true) {
                tell.tell(&sort.text(wait, rest));
            }
            let changed = ended.changed();
            match moment {
                Some(moment) => drop(tokio::time::timeout_at(self.began + moment, changed).await),
                None => drop(changed.await),
            }
        }
    }

    /// Waits for a turn in the queue of that name.
    async fn turn(&self, name: &str, sort: &Sort, told: &mut bool, tell: &dyn Tell) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(name.to_owned()).or_default().clone()
        };
        let mut turn = pin!(turn.lock_owned());
        if let Ok(turn) = tokio::time::timeout(WORTH_TELLING, turn.as_mut()).await {
            return turn;
        }
        if !std::mem::replace(told, true) {
            tell.tell(&sort.in_line());
        }
        turn.await
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that may be sent. Dropping it says that it ended without an answer.
#[derive(Debug)]
pub(crate) struct Permit {
    throttle: Arc<Throttle>,
    admission: Option<Admission>,
}

impl Permit {
    /// It is answered.
    pub(crate) fn answered(mut self, headers: &Headers) {
        let left = sort::left(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.end(|budget, admission, now| budget.answered(admission, &left, now));
    }

    /// It is refused for too many requests: everybody of its class waits.
    pub(crate) fn refused(mut self, by_gateway: bool, wait: Duration) {
        self.end(|budget, admission, now| budget.refused(admission, by_gateway, wait, now));
    }

    fn end(&mut self, act: impl FnOnce(&mut Budget, Admission, Duration)) {
        if let Some(admission) = self.admission.take() {
            let now = self.throttle.now();
            act(&mut self.throttle.budget(), admission, now);
            self.throttle.ended.send_replace(());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(|budget, admission, now| budget.ended(admission, now));
    }
}

/// The class of a request.
pub(crate) fn sort(method: Method, url: &Url) -> Sort {
    Sort::of(method.as_ref(), url.path())
}
