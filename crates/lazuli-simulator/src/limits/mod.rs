//! Token buckets: how many requests the simulated Azure takes, and the headers that say how many are left.
//!
//! Belongs here: taking from buckets, and telling what is left. Which buckets a request takes from, and how large Azure
//! documents them to be, is in `buckets`. Where time passes, each virtual machine has the buckets that compute gives it.
//! The others are limited in the file of faults only: each by its size, or all of them as documented.

mod buckets;

use serde::{Deserialize, Serialize};

use crate::error::{ArmError, Origin};
use crate::faults::Faults;
use crate::latency::Pace;
use crate::refusals;
use crate::request::{Request, Response};
use crate::world::World;
use buckets::{Bucket, Of};

/// One token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many requests it takes at once.
    pub capacity: u32,
    /// How many more every second of the real Azure; scaled by the profile.
    pub per_second: f64,
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Level {
    pub(crate) left: f64,
    pub(crate) at_ms: u64,
}

/// Takes a request out of its buckets; 429 when one of them is empty, with the seconds to wait.
pub(crate) fn take(
    world: &mut World,
    faults: &Faults,
    pace: Pace,
    request: &Request,
    now: u64,
) -> Result<(), (ArmError, u32)> {
    let buckets = buckets::of(world, faults, pace, request);
    let limited = || buckets.iter().filter_map(|bucket| Some((bucket, bucket.limit?)));
    for (bucket, limit) in limited() {
        let left = left(world, &bucket.key, limit, pace, now);
        if left < 1.0 {
            let wait = ((1.0 - left) / limit.per_second.max(1e-6)).ceil().clamp(1.0, 3600.0) as u32;
            return Err((refusal(world, request, bucket, limit, wait), wait));
        }
    }
    for (bucket, limit) in limited() {
        let left = left(world, &bucket.key, limit, pace, now) - 1.0;
        world.levels.insert(bucket.key.clone(), Level { left, at_ms: now });
    }
    Ok(())
}

fn left(world: &World, key: &str, limit: Limit, pace: Pace, now: u64) -> f64 {
    let capacity = f64::from(limit.capacity);
    world.levels.get(key).map_or(capacity, |level| {
        let seconds = pace.unscale(now.saturating_sub(level.at_ms)) as f64 / 1000.0;
        (level.left + seconds * limit.per_second).min(capacity)
    })
}

fn refusal(world: &World, request: &Request, bucket: &Bucket, limit: Limit, wait: u32) -> ArmError {
    match bucket.of {
        Of::Subscription | Of::Everybody | Of::Tenant => {
            refusals::throttled_by(world, request.method, wait, bucket.principal.as_deref())
        }
        Of::Graph => ArmError::new(
            429,
            "RateLimiting",
            "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed.",
        ),
        Of::Network => {
            let what = if request.method.mutates() { "Write" } else { "Read" };
            ArmError::network(
                429,
                "TooManyRequests",
                format!(
                    "The request is being throttled as the limit has been reached for operation type - {what}_ObservationWindow_00:05:00. For more information, see - https://aka.ms/arm-throttling."
                ),
            )
        }
        Of::Compute | Of::Machine => too_many(&bucket.name, limit.capacity),
    }
}

/// Compute's own words, without the usual envelope.
fn too_many(policy: &str, capacity: u32) -> ArmError {
    let target = policy.rsplit('/').next().unwrap_or(policy);
    let counted = serde_json::json!({
        "operationGroup": target, "allowedRequestCount": capacity, "measuredRequestCount": capacity + 1,
    });
    let mut error = ArmError::new(
        429,
        "OperationNotAllowed",
        "The server rejected the request because too many requests have been received for this subscription.",
    )
    .because_of("TooManyRequests", target, counted.to_string());
    error.from = Origin::Throttle;
    error
}

/// Adds what is left to an answer.
pub(crate) fn tell(
    world: &World,
    faults: &Faults,
    pace: Pace,
    request: &Request,
    now: u64,
    answer: &mut Response,
) {
    let mut policies = Vec::new();
    for bucket in buckets::of(world, faults, pace, request) {
        let limited = bucket.limit.map(|limit| left(world, &bucket.key, limit, pace, now).max(0.0) as u32);
        let left = limited.unwrap_or(bucket.usual);
        let mut add = |name: String, value: String| answer.headers.push((name, value));
        match bucket.of {
            Of::Subscription => {
                add(format!("x-ms-ratelimit-remaining-subscription-{}", bucket.name), left.to_string())
            }
            Of::Everybody => {
                let what = bucket.name.trim_start_matches("global-");
                add(format!("x-ms-ratelimit-remaining-subscription-global-{what}"), left.to_string());
            }
            Of::Tenant => {
                let what = bucket.name.trim_start_matches("tenant-");
                add(format!("x-ms-ratelimit-remaining-tenant-{what}"), left.to_string());
            }
            Of::Graph => {
                add("x-ms-user-quota-remaining".to_owned(), left.to_string());
                add("x-ms-user-quota-resets-after".to_owned(), "00:00:05".to_owned());
            }
            Of::Compute => policies.push(format!("{};{left}", bucket.name)),
            // Nothing is said of these until they are empty.
            Of::Network | Of::Machine => {}
        }
    }
    if !policies.is_empty() {
        answer.headers.push(("x-ms-ratelimit-remaining-resource".to_owned(), policies.join(",")));
    }
}
