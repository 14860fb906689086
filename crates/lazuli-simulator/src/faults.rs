//! Planned misfortune: faults read from a file.
//!
//! Belongs here: which fault strikes which request. The counters live in the world, so a restart goes on counting. What
//! Azure says then is in `refusals`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::Limit;
use crate::random;
use crate::request::Request;
use crate::world::World;

/// Every planned fault; the first one that strikes a request decides.
///
/// ```json
/// {"faults": [
///   {"method": "PUT", "path": "/virtualMachines/*-cp-", "nth": 2,
///    "answer": {"operation_fails": {"code": "AllocationFailed", "message": "Allocation failed."}}},
///   {"method": "PUT", "path": "/natGateways/", "answer": "drop_after_accept", "times": 1},
///   {"method": "GET", "path": "/subnets", "after": 3, "answer": {"throttle": {"retry_after": 5}}},
///   {"path": "/disks/", "answer": {"status": 409, "code": "SkuNotAvailable", "message": "…"}},
///   {"method": "PUT", "path": "/subnets/", "answer": {"server_error": {"status": 503, "after_accept": true}}},
///   {"method": "GET", "path": "/subnets", "answer": {"stale_read": {"seconds": 10}}},
///   {"method": "POST", "path": "/virtualMachines/*-cp-1/runCommand", "answer": "agent_hangs"},
///   {"path": "/operations/", "answer": {"slow_body": {"pause_ms": 200}}}
/// ],
/// "limits": {"writes": {"capacity": 20, "per_second": 2.0}}}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// The faults, in order of precedence.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Token buckets by what they count: `reads`, `writes`, `deletes` of one principal, the same with `global-` before
    /// them of all together and with `tenant-` of what lies in no subscription, a policy of compute such as
    /// `Microsoft.Compute/PutVM3Min`, `Microsoft.Network/reads`, or `Microsoft.ResourceGraph/queries`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Limit>,
    /// Whether every bucket that `limits` does not name is as large as Azure documents it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub documented_limits: bool,
    /// Whether the URLs of operations are signed, as Azure's are since 2023: close to 4 KB long, and of no use unless
    /// they come back to the letter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed_urls: bool,
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
    /// The request never reaches the cloud: the connection is reset, and with it every other request on it.
    ResetBeforeAccept,
    /// The request is carried out, then the connection is reset, and with it every other request on it.
    ResetAfterAccept,
    /// The request is accepted, and its operation ends as failed. A synchronous request is refused with 409.
    OperationFails {
        /// Azure's error code.
        code: String,
        /// Azure's message.
        message: String,
    },
    /// The request is accepted, and its operation ends as canceled. A synchronous request is refused with 409.
    OperationCanceled,
    /// A script of Run Command is accepted and never run: the agent of the machine hangs. Azure waits for it for an hour and
    /// a half of the simulator's clock, not scaled, and says then that it failed. It strikes nothing else.
    AgentHangs,
    /// 429.
    Throttle {
        /// Seconds of the real Azure, scaled by the profile; no `Retry-After` at all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// 409 `AnotherOperationInProgress`: somebody else changes what the request would change.
    AnotherOperation,
    /// 429 `RetryableErrorDueToAnotherOperation`: the same, as some services say it.
    RetryableAnotherOperation,
    /// 400 `PrincipalNotFound`: the directory's news have not reached access control yet.
    PrincipalNotFound,
    /// 401 `ExpiredAuthenticationToken`, now and whenever the same token comes again.
    ExpiredToken,
    /// A failure of the service or of a gateway on the way.
    ServerError {
        /// 500, 502, 503 or 504.
        status: u16,
        /// The request has been carried out all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        after_accept: bool,
        /// Seconds of the real Azure, scaled by the profile; no `Retry-After` when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// A read shows what was there before the last write. Of nothing else, and it strikes nothing that was not written.
    StaleRead {
        /// How long after a write, in seconds of the simulator's clock, not scaled.
        seconds: u64,
    },
    /// The request is carried out; the answer's body comes in small pieces.
    SlowBody {
        /// Milliseconds before each piece, not scaled.
        pause_ms: u64,
    },
    /// The request is carried out; the answer's body stops half way, and the connection stays open.
    StalledBody,
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
