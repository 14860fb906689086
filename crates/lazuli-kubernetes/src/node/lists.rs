//! Lists that many waiting steps share: a thousand nodes that are waited for must not list a thousand nodes each.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazuli_core::Json;
use tokio::time::Instant;

use crate::api::{ApiError, Rest, Selector};
use crate::keyring::ClusterId;

/// How much older a list may be for each object in it: 1,000 nodes are listed at most every five seconds.
const PER_OBJECT: Duration = Duration::from_millis(5);

type Answer = Result<Arc<Vec<Json>>, ApiError>;
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// Lists by cluster and path, with when they were read. Clones share them.
#[derive(Clone, Default)]
pub struct Lists {
    slots: Arc<Mutex<HashMap<(ClusterId, &'static str), Slot>>>,
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lists")
    }
}

impl Lists {
    /// The list `path`, not older than `age` (longer for long lists); whoever asks meanwhile gets the same.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked; that answer is shared too.
    pub async fn latest(
        &self,
        cluster: &ClusterId,
        rest: &Rest,
        path: &'static str,
        age: Duration,
    ) -> Answer {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry((cluster.clone(), path)).or_default())
        };
        let mut kept = slot.lock().await;
        if let Some((when, answer)) = kept.as_ref() {
            let objects = answer.as_ref().map_or(0, |list| u32::try_from(list.len()).unwrap_or(u32::MAX));
            if when.elapsed() < age.max(PER_OBJECT.saturating_mul(objects)) {
                return answer.clone();
            }
        }
        let answer = rest.list(path, Selector::default()).await.map(Arc::new);
        *kept = Some((Instant::now(), answer.clone()));
        answer
    }
}
