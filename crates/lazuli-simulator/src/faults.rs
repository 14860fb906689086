//! Planned misfortune: faults read from a file, and the random ones of the hostile profile.
//!
//! Belongs here: which fault strikes which request. The counters live in the world, so a restart goes on counting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::ArmError;
use crate::latency::Profile;
use crate::limits::Limit;
use crate::random;
use crate::request::{Method, Request};
use crate::world::World;

/// Every planned fault; the first one that strikes a request decides.
///
/// ```json
/// {"faults": [
///   {"method": "PUT", "path": "/virtualMachines/*-cp-", "nth": 2,
///    "answer": {"operation_fails": {"code": "AllocationFailed", "message": "Allocation failed."}}},
///   {"method": "PUT", "path": "/natGateways/", "answer": "drop_after_accept", "times": 1},
///   {"method": "GET", "path": "/subnets", "after": 3, "answer": {"throttle": {"retry_after": 5}}},
///   {"path": "/disks/", "answer": {"status": 409, "code": "SkuNotAvailable", "message": "…"}}
/// ],
/// "limits": {"writes": {"capacity": 20, "per_second": 2.0}}}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// The faults, in order of precedence.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Token buckets by what they count: `reads`, `writes`, `deletes`, or a policy of compute such as
    /// `Microsoft.Compute/PutVM3Min`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Limit>,
}

/// One planned fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests with this verb; any verb when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path holds this text, in any casing; `*` stands for anything.
    #[serde(default)]
    pub path: String,
    /// Strike the n-th matching request only, counting from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Let this many matching requests pass first.
    #[serde(default)]
    pub after: u64,
    /// Strike this often; without limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens to the struck request.
    pub answer: Answer,
}

/// What happens to a struck request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The request never reaches the cloud: the connection is cut.
    DropBeforeAccept,
    /// The request is carried out, then the connection is cut.
    DropAfterAccept,
    /// The request never reaches the cloud and is never answered: whoever watches the simulator has the client there.
    HoldBeforeAccept,
    /// The request is carried out and never answered.
    HoldAfterAccept,
    /// The request is accepted, and its operation ends as failed. A synchronous request is refused with 409.
    OperationFails {
        /// Azure's error code.
        code: String,
        /// Azure's message.
        message: String,
    },
    /// 429.
    Throttle {
        /// Seconds of the real Azure; scaled by the profile.
        retry_after: u32,
    },
    /// Refused at once.
    #[serde(untagged)]
    Refuse {
        /// HTTP status.
        status: u16,
        /// Azure's error code.
        code: String,
        /// Azure's message.
        message: String,
    },
}

impl Faults {
    /// Reads the JSON of a faults file.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Fault {
    fn matches(&self, request: &Request) -> bool {
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(request.method.as_str()))
            && holds(&request.path.to_ascii_lowercase(), &self.path.to_ascii_lowercase())
    }

    fn strikes(&self, hit: u64) -> bool {
        match self.nth {
            Some(nth) => hit == nth,
            None => hit > self.after && self.times.is_none_or(|times| hit <= self.after + times),
        }
    }
}

/// Whether the parts of `pattern` between `*` occur in `text` one after the other.
fn holds(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// The fault that strikes this request, if any. Every matching fault counts the request.
pub(crate) fn decide(world: &mut World, faults: &Faults, request: &Request) -> Option<Answer> {
    let mut struck = None;
    for fault in &faults.faults {
        if fault.matches(request) {
            let name = random::sha256_hex(serde_json::to_string(fault).unwrap_or_default().as_bytes());
            let hit = world.hit_fault(&name[..16]);
            if struck.is_none() && fault.strikes(hit) {
                struck = Some(fault.answer.clone());
            }
        }
    }
    struck
}

/// How many seconds a hostile Azure wants to hear nothing.
pub(crate) const HOSTILE_WAIT: u32 = 10;

/// The random refusals of the hostile profile.
pub(crate) fn hostility(world: &World, profile: Profile, request: &Request) -> Option<ArmError> {
    if profile != Profile::Hostile {
        return None;
    }
    let luck = random::fraction(world.seed, request.method.as_str(), world.requests);
    let throttled = if request.method.mutates() { 0.06 } else { 0.03 };
    if luck < throttled {
        return Some(throttled_by(world, request.method, HOSTILE_WAIT));
    }
    let network_write =
        request.method.mutates() && request.path.to_ascii_lowercase().contains("/microsoft.network/");
    (network_write && luck < throttled + 0.06).then(|| {
        let id = random::guid_of(&["foreign operation", &world.requests.to_string()]);
        crate::arm::another_operation(&format!(
            "https://management.azure.com{}/providers/Microsoft.Network/locations/eastus/operations/{id}?api-version=2025-05-01",
            world.subscription_id()
        ))
    })
}

/// 429 in the gateway's words; the caller adds `Retry-After`.
pub(crate) fn throttled_by(world: &World, method: Method, seconds: u32) -> ArmError {
    let what = match method {
        Method::Get | Method::Head => "read",
        Method::Delete => "delete",
        _ => "write",
    };
    ArmError::gateway(
        429,
        "SubscriptionRequestsThrottled",
        format!(
            "Number of '{what}' requests for subscription '{}' actor '{}' exceeded. Please try again after '{seconds}' seconds.",
            world.identity.subscription,
            world.caller()
        ),
    )
}
