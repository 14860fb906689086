//! Work that ends early when its run is asked to stop.

use std::time::Duration;

use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::sleep;

/// What work still gets when its run is asked to stop: what is nearly done is recorded as done.
const GRACE: Duration = Duration::from_secs(5);

/// Does some work, and leaves it where it is soon after the run was asked to stop; `outcome` says what may have come of it.
///
/// Inside of clusters nearly all time goes by with waiting for others, up to half an hour, and nothing goes on there
/// without us. Every step can be begun again at whatever point it was left, since a crash may leave it anywhere.
pub(crate) async fn unless_stopped<T>(
    watch: &dyn Watch,
    outcome: Outcome,
    work: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let stopped = async {
        watch.stopping().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        done = work => done,
        () = stopped => Err(ProviderError::interrupted(outcome)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lazuli_core::journal::JournalError;
    use lazuli_core::provider::{Outcome, Watch};
    use tokio::time::{Instant, sleep};

    use super::{GRACE, unless_stopped};

    /// Asks to stop after a time.
    struct StopsAfter(Duration);

    #[async_trait::async_trait]
    impl Watch for StopsAfter {
        async fn accepted(&self, _url: &str) -> Result<(), JournalError> {
            Ok(())
        }

        fn progress(&self, _text: &str) {}

        async fn stopping(&self) {
            sleep(self.0).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_nearly_done_is_done_and_the_rest_is_left() {
        let stop = StopsAfter(Duration::from_secs(60));
        for (seconds, is_done) in [(10, true), (60 + GRACE.as_secs() - 1, true), (1800, false)] {
            let begun = Instant::now();
            let work = async {
                sleep(Duration::from_secs(seconds)).await;
                Ok(())
            };
            let ended = unless_stopped(&stop, Outcome::Unknown, work).await;
            assert_eq!(ended.is_ok(), is_done, "{seconds} s: {ended:?}");
            assert!(ended.is_ok_and(|()| true) || begun.elapsed() == Duration::from_secs(60) + GRACE);
        }
    }
}
