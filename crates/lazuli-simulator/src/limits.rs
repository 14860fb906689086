//! Token buckets: how many requests the simulated Azure takes, and the headers that say how many are left.
//!
//! Belongs here: what a request takes from, and what is left. Without limits in the file of faults the headers show the
//! documented size of Azure's buckets, and nothing is refused.

use serde::{Deserialize, Serialize};

use crate::error::{ArmError, Origin};
use crate::faults::Faults;
use crate::latency::Pace;
use crate::refusals;
use crate::request::{Method, Request, Response};
use crate::world::World;

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

/// `reads`, `writes` or `deletes`: what Resource Manager counts.
fn of_gateway(method: Method) -> &'static str {
    match method {
        Method::Get | Method::Head => "reads",
        Method::Delete => "deletes",
        Method::Put | Method::Patch | Method::Post => "writes",
    }
}

/// What compute counts, with what is left of it when nobody limits it.
fn of_compute(request: &Request) -> &'static [(&'static str, u32)] {
    let path = request.path.to_ascii_lowercase();
    if path.contains("/microsoft.compute/locations/") && path.contains("operations/") {
        return &[
            ("Microsoft.Compute/GetOperation3Min", 14_999),
            ("Microsoft.Compute/GetOperation30Min", 29_999),
        ];
    }
    if path.contains("/microsoft.compute/disks/") && request.method.mutates() {
        return &[("Microsoft.Compute/CreateUpdateDisks3Min", 2997)];
    }
    if !path.contains("/microsoft.compute/virtualmachines/") {
        return &[];
    }
    match request.method {
        Method::Get | Method::Head => {
            &[("Microsoft.Compute/LowCostGet3Min", 3999), ("Microsoft.Compute/LowCostGet30Min", 31_999)]
        }
        Method::Delete => {
            &[("Microsoft.Compute/DeleteVM3Min", 239), ("Microsoft.Compute/DeleteVM30Min", 1199)]
        }
        _ => &[("Microsoft.Compute/PutVM3Min", 239), ("Microsoft.Compute/PutVM30Min", 1198)],
    }
}

/// Takes a request out of its buckets; 429 when one of them is empty, with the seconds to wait.
pub(crate) fn take(
    world: &mut World,
    faults: &Faults,
    pace: Pace,
    request: &Request,
    now: u64,
) -> Result<(), (ArmError, u32)> {
    let gateway = of_gateway(request.method);
    let names = std::iter::once(gateway).chain(of_compute(request).iter().map(|(name, _)| *name));
    let limits: Vec<(&str, Limit)> =
        names.filter_map(|name| Some((name, *faults.limits.get(name)?))).collect();
    for (name, limit) in &limits {
        let left = left(world, name, *limit, pace, now);
        if left < 1.0 {
            let wait = ((1.0 - left) / limit.per_second.max(1e-6)).ceil().clamp(1.0, 3600.0) as u32;
            let error = match *name == gateway {
                true => refusals::throttled_by(world, request.method, wait),
                false => too_many(name, limit.capacity),
            };
            return Err((error, wait));
        }
    }
    for (name, limit) in limits {
        let left = left(world, name, limit, pace, now) - 1.0;
        world.levels.insert(name.to_owned(), Level { left, at_ms: now });
    }
    Ok(())
}

fn left(world: &World, name: &str, limit: Limit, pace: Pace, now: u64) -> f64 {
    let capacity = f64::from(limit.capacity);
    world.levels.get(name).map_or(capacity, |level| {
        let seconds = pace.unscale(now.saturating_sub(level.at_ms)) as f64 / 1000.0;
        (level.left + seconds * limit.per_second).min(capacity)
    })
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
    let limited = |name: &str| {
        let limit = faults.limits.get(name)?;
        Some(left(world, name, *limit, pace, now).max(0.0) as u32)
    };
    let mut add = |name: String, value: String| answer.headers.push((name, value));
    let policies: Vec<String> = of_compute(request)
        .iter()
        .map(|(name, usual)| format!("{name};{}", limited(name).unwrap_or(*usual)))
        .collect();
    if !policies.is_empty() {
        add("x-ms-ratelimit-remaining-resource".to_owned(), policies.join(","));
    }
    let kind = of_gateway(request.method);
    let usual = if kind == "reads" { (249, 3749) } else { (199, 2999) };
    add(
        format!("x-ms-ratelimit-remaining-subscription-{kind}"),
        limited(kind).unwrap_or(usual.0).to_string(),
    );
    add(format!("x-ms-ratelimit-remaining-subscription-global-{kind}"), usual.1.to_string());
}
