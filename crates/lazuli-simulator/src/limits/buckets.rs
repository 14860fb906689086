//! Which buckets a request takes from, and how large Azure documents them to be.

use super::Limit;
use crate::arm;
use crate::faults::Faults;
use crate::latency::Pace;
use crate::request::{Method, Request};
use crate::world::World;

/// A bucket that a request takes from.
pub(super) struct Bucket {
    pub(super) of: Of,
    /// What the file of faults and the headers call it.
    pub(super) name: String,
    /// Which of the buckets of that name.
    pub(super) key: String,
    /// Without one it is never empty.
    pub(super) limit: Option<Limit>,
    /// What is told to be left when nobody limits it.
    pub(super) usual: u32,
    /// Whose it is.
    pub(super) principal: Option<String>,
}

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Resource Manager, for one principal in the subscription.
    Subscription,
    /// Resource Manager, for all principals of the subscription together.
    Everybody,
    /// Resource Manager, for one principal, of what lies in no subscription.
    Tenant,
    Graph,
    Compute,
    Network,
    /// Compute, of one machine.
    Machine,
}

/// Resource Graph counts its own questions.
const GRAPH: &str = "Microsoft.ResourceGraph/queries";

const fn a_minute(capacity: u32, refill: u32) -> Limit {
    Limit { capacity, per_second: refill as f64 / 60.0 }
}

const fn a_second(capacity: u32, refill: u32) -> Limit {
    Limit { capacity, per_second: refill as f64 }
}

/// So many in five minutes.
const fn in_five_minutes(requests: u32) -> Limit {
    Limit { capacity: requests, per_second: requests as f64 / 300.0 }
}

/// The size Azure documents. All principals together have fifteen times what one has.
fn documented(name: &str) -> Option<Limit> {
    let policy = name
        .strip_prefix("Microsoft.Compute/")
        .map(|policy| policy.trim_end_matches("30Min").trim_end_matches("3Min"));
    Some(match (name, policy) {
        ("reads" | "tenant-reads", _) => a_second(250, 25),
        ("writes" | "deletes" | "tenant-writes" | "tenant-deletes", _) => a_second(200, 10),
        ("global-reads", _) => a_second(3750, 375),
        ("global-writes" | "global-deletes", _) => a_second(3000, 150),
        (GRAPH, _) => Limit { capacity: 15, per_second: 3.0 },
        ("Microsoft.Network/writes", _) => in_five_minutes(1000),
        ("Microsoft.Network/reads", _) => in_five_minutes(10_000),
        ("Microsoft.Network/privateDnsReads", _) => in_five_minutes(500),
        (_, Some("PutVM" | "UpdateVM" | "DeleteVM")) => a_minute(1500, 500),
        (_, Some("LowCostGet")) => a_minute(24_000, 8000),
        (_, Some("HighCostGet")) => a_minute(900, 300),
        (_, Some("GetOperation")) => a_minute(15_000, 5000),
        _ => return None,
    })
}

/// Everything that counts a request.
pub(super) fn of(world: &World, faults: &Faults, pace: Pace, request: &Request) -> Vec<Bucket> {
    let limit = |name: &str| {
        let documented = || documented(name).filter(|_| faults.documented_limits);
        faults.limits.get(name).copied().or_else(documented)
    };
    let is_limited = faults.documented_limits || !faults.limits.is_empty();
    // Reading the token is for those only who need it.
    let principal = is_limited.then(|| arm::principal_of(request).unwrap_or_else(|| world.caller()));
    let bucket = |of: Of, name: &str, usual: u32| Bucket {
        of,
        name: name.to_owned(),
        key: match (of, &principal) {
            (Of::Subscription | Of::Tenant | Of::Graph, Some(principal)) => format!("{name} {principal}"),
            _ => name.to_owned(),
        },
        limit: limit(name),
        usual,
        principal: principal.clone(),
    };
    let path = request.path.to_ascii_lowercase();
    let verb = match request.method {
        Method::Get | Method::Head => "reads",
        Method::Delete => "deletes",
        Method::Put | Method::Patch | Method::Post => "writes",
    };
    let (one, all) = if verb == "reads" { (249, 3749) } else { (199, 2999) };
    let mut buckets = match path.starts_with("/subscriptions/") {
        true => {
            vec![bucket(Of::Subscription, verb, one), bucket(Of::Everybody, &format!("global-{verb}"), all)]
        }
        false => vec![bucket(Of::Tenant, &format!("tenant-{verb}"), one)],
    };
    if path.starts_with("/providers/microsoft.resourcegraph/") {
        buckets.push(bucket(Of::Graph, GRAPH, 14));
    }
    buckets.extend(
        of_compute(&path, request.method).iter().map(|(name, usual)| bucket(Of::Compute, name, *usual)),
    );
    buckets.extend(of_network(&path, request.method).map(|name| bucket(Of::Network, name, 0)));
    buckets.extend(of_machine(world, &path, request.method).filter(|_| pace.speed() > 0));
    buckets
}

/// What compute counts, with what is left of it when nobody limits it.
fn of_compute(path: &str, method: Method) -> &'static [(&'static str, u32)] {
    let Some((_, below)) = path.split_once("/providers/microsoft.compute/") else { return &[] };
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    match (method, parts.as_slice()) {
        (_, ["locations", _, collection, _]) if collection.ends_with("operations") => {
            &[("Microsoft.Compute/GetOperation3Min", 14_999), ("Microsoft.Compute/GetOperation30Min", 29_999)]
        }
        (method, ["disks", ..]) if method.mutates() => &[("Microsoft.Compute/CreateUpdateDisks3Min", 2997)],
        // Lists cost much.
        (Method::Get, ["virtualmachines"]) => {
            &[("Microsoft.Compute/HighCostGet3Min", 159), ("Microsoft.Compute/HighCostGet30Min", 799)]
        }
        (Method::Get | Method::Head, ["virtualmachines", ..]) => {
            &[("Microsoft.Compute/LowCostGet3Min", 3999), ("Microsoft.Compute/LowCostGet30Min", 31_999)]
        }
        (Method::Delete, ["virtualmachines", _]) => {
            &[("Microsoft.Compute/DeleteVM3Min", 239), ("Microsoft.Compute/DeleteVM30Min", 1199)]
        }
        (Method::Patch, ["virtualmachines", _]) => {
            &[("Microsoft.Compute/UpdateVM3Min", 239), ("Microsoft.Compute/UpdateVM30Min", 1199)]
        }
        (_, ["virtualmachines", _, ..]) => {
            &[("Microsoft.Compute/PutVM3Min", 239), ("Microsoft.Compute/PutVM30Min", 1198)]
        }
        _ => &[],
    }
}

/// What the network provider counts, without a word about it.
fn of_network(path: &str, method: Method) -> Option<&'static str> {
    let (_, below) = path.split_once("/providers/microsoft.network/")?;
    match (method.mutates(), below.starts_with("privatednszones")) {
        (true, _) => Some("Microsoft.Network/writes"),
        (false, true) => Some("Microsoft.Network/privateDnsReads"),
        (false, false) => Some("Microsoft.Network/reads"),
    }
}

/// What compute lets be asked of one machine: the group of operations and its bucket.
const WRITES: (&str, Limit) = ("VMOperations", a_minute(12, 4));
const READS: (&str, Limit) = ("LowCostGet", a_minute(36, 12));
const POLLS: (&str, Limit) = ("GetOperation", a_minute(45, 15));

/// The bucket of the machine that a request is about, directly or as the poll of an operation.
fn of_machine(world: &World, path: &str, method: Method) -> Option<Bucket> {
    let (_, below) = path.split_once("/providers/microsoft.compute/")?;
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    let (machine, (group, limit)) = match parts.as_slice() {
        ["virtualmachines", name, ..] => {
            let collection = path.len() - below.len() + "virtualmachines/".len();
            let key = path.get(..collection + name.len())?.to_owned();
            // Reading the console is a POST, but changes nothing.
            let changes = method.mutates() && !path.ends_with("/retrievebootdiagnosticsdata");
            (key, if changes { WRITES } else { READS })
        }
        ["locations", _, "operations", id] => {
            let operation = world.operation(id)?;
            operation.root.contains("/virtualmachines/").then(|| (operation.root.clone(), POLLS))?
        }
        _ => return None,
    };
    let key = format!("{group} {machine}");
    Some(Bucket {
        of: Of::Machine,
        name: group.to_owned(),
        key,
        limit: Some(limit),
        usual: 0,
        principal: None,
    })
}
