//! Token buckets: how many requests the simulated Azure takes, and the headers that say how many are left.
//!
//! Belongs here: what a request takes from, and what is left. Where time passes, each virtual machine has the buckets
//! that compute gives it. Everything else is limited in the file of faults only; without that the headers show the
//! documented size of Azure's buckets.

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

/// Resource Graph counts its own questions.
const GRAPH: &str = "Microsoft.ResourceGraph/queries";

fn is_graph(request: &Request) -> bool {
    request.path.to_ascii_lowercase().starts_with("/providers/microsoft.resourcegraph/")
}

/// What compute lets be asked of one machine: the group of operations and its bucket.
const WRITES: (&str, Limit) = ("VMOperations", a_minute(12, 4));
const READS: (&str, Limit) = ("LowCostGet", a_minute(36, 12));
const POLLS: (&str, Limit) = ("GetOperation", a_minute(45, 15));

const fn a_minute(capacity: u32, refill: u32) -> Limit {
    Limit { capacity, per_second: refill as f64 / 60.0 }
}

/// The bucket of the machine that a request is about, directly or as the poll of an operation: its name and its size.
fn of_machine(world: &World, request: &Request) -> Option<(String, &'static str, Limit)> {
    let path = request.path.to_ascii_lowercase();
    let (_, below) = path.split_once("/providers/microsoft.compute/")?;
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    let (machine, (group, limit)) = match parts.as_slice() {
        ["virtualmachines", name, ..] => {
            let collection = path.len() - below.len() + "virtualmachines/".len();
            let key = path.get(..collection + name.len())?.to_owned();
            // Reading the console is a POST, but changes nothing.
            let changes = request.method.mutates() && !path.ends_with("/retrievebootdiagnosticsdata");
            (key, if changes { WRITES } else { READS })
        }
        ["locations", _, "operations", id] => {
            let operation = world.operation(id)?;
            operation.root.contains("/virtualmachines/").then(|| (operation.root.clone(), POLLS))?
        }
        _ => return None,
    };
    Some((format!("{group} {machine}"), group, limit))
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
    let graph = is_graph(request).then_some(GRAPH);
    let names =
        std::iter::once(gateway).chain(graph).chain(of_compute(request).iter().map(|(name, _)| *name));
    let limits: Vec<(&str, Limit)> =
        names.filter_map(|name| Some((name, *faults.limits.get(name)?))).collect();
    for (name, limit) in &limits {
        let left = left(world, name, *limit, pace, now);
        if left < 1.0 {
            let wait = ((1.0 - left) / limit.per_second.max(1e-6)).ceil().clamp(1.0, 3600.0) as u32;
            let error = match *name == gateway {
                true => refusals::throttled_by(world, request.method, wait),
                false if *name == GRAPH => graph_is_tired(),
                false => too_many(name, limit.capacity),
            };
            return Err((error, wait));
        }
    }
    let machine = of_machine(world, request).filter(|_| pace.speed() > 0);
    if let Some((name, group, limit)) = machine {
        let left = left(world, &name, limit, pace, now) - 1.0;
        if left < 0.0 {
            let wait = (-left / limit.per_second).ceil().clamp(1.0, 3600.0) as u32;
            return Err((too_many(group, limit.capacity), wait));
        }
        world.levels.insert(name, Level { left, at_ms: now });
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

/// Resource Graph's words.
fn graph_is_tired() -> ArmError {
    ArmError::new(
        429,
        "RateLimiting",
        "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed.",
    )
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
    if is_graph(request) {
        let left = limited(GRAPH).unwrap_or(14);
        add("x-ms-user-quota-remaining".to_owned(), left.to_string());
        add("x-ms-user-quota-resets-after".to_owned(), "00:00:05".to_owned());
    }
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
