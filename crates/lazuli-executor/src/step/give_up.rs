//! Deleting when the run is forced: what stays stuck is tried again until the run's patience is over, then forgotten.

use std::time::Duration;

use lazuli_core::journal::Record;
use lazuli_core::plan::Step;
use lazuli_core::provider::Provider;
use tokio::time::Instant;

use super::{Context, Performed};
use crate::error::{Failure, StepError};
use crate::event::EventKind;

/// How long to wait before a delete that failed is tried again.
const PAUSE: Duration = Duration::from_secs(20);
/// What a delete gets at least, even when the patience of the run is over: most need less.
const LAST_CHANCE: Duration = Duration::from_secs(60);

/// Deletes an object. With [`Run::give_up`](crate::Run::give_up), one that cannot be deleted is forgotten in the end.
pub(super) async fn delete(
    context: &Context,
    step: &Step,
    provider: &dyn Provider,
) -> Result<Performed, Failure> {
    let usual = Duration::from_secs(step.timeout);
    let Some(patience) = context.run.give_up else {
        return super::delete(context, step, provider, usual).await.map(|()| Performed::Done);
    };
    let deadline = context.began + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let failure = match super::delete(context, step, provider, usual.min(left.max(LAST_CHANCE))).await {
            Ok(()) => return Ok(Performed::Done),
            Err(failure)
                if failure.is_interruption()
                    || matches!(failure.error, StepError::Journal(_) | StepError::Plan(_)) =>
            {
                return Err(failure);
            }
            Err(failure) => failure,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // what was undone or uncertain is closed: the record goes with a delete of its own
            super::intend_to_delete(context, step).await?;
            let forgotten = Record::Done { step: step.number, resource: None };
            context.append(forgotten).await.map_err(|error| Failure { error, left: failure.left })?;
            return Ok(Performed::GivenUp(failure));
        }
        let text = format!("{}; tried again, given up in {} s", failure.error, left.as_secs());
        context.tell(step.number, EventKind::Progress { text });
        tokio::select! {
            () = tokio::time::sleep(PAUSE.min(left)) => {}
            () = context.stopping() => return Err(failure),
        }
    }
}
