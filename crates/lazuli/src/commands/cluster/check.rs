//! Whether a cluster is well.

use lazuli_kubernetes::status::{ClusterStatus, Condition, NodeStatus};
use time::{Duration, OffsetDateTime};

use super::look::{Looked, Recorded};
use crate::render::cluster::{Check, Verdict};

/// When to speak of certificates that end.
const SOON: Duration = Duration::days(30);

/// All checks of a cluster that was looked at.
pub(super) fn checks(looked: &Looked) -> Vec<Check> {
    let now = OffsetDateTime::now_utc();
    let mut checks = Vec::new();
    match &looked.status {
        Err(error) => {
            let advice = error.advice.as_deref().map(|advice| format!("; {advice}")).unwrap_or_default();
            checks.push(bad("API server", format!("{}{advice}", error.message)));
        }
        Ok(status) => {
            checks.push(good("API server", format!("answers, version {}", status.version)));
            checks.extend(nodes(&looked.cluster, status));
            checks.push(etcd(status));
            checks.extend(workloads(status));
            checks.extend(certificates(&status.nodes, now));
        }
    }
    checks.extend(authorities(&looked.cluster, now));
    checks
}

/// True for a control-plane node whose certificates end within 30 days.
pub(super) fn certificates_end_soon(node: &NodeStatus, now: OffsetDateTime) -> bool {
    node.certificates_end.is_some_and(|end| end - now < SOON)
}

fn nodes(recorded: &Recorded, status: &ClusterStatus) -> Vec<Check> {
    let mut checks = Vec::new();
    for member in &recorded.members {
        let Some(node) = status.nodes.iter().find(|node| node.name == member.node) else {
            checks.push(bad("node", format!("{} is not in the cluster", member.node)));
            continue;
        };
        if let Condition::NotReady { seconds, reason, .. } = &node.ready {
            checks.push(bad("node", format!("{} has not been ready for {seconds} s: {reason}", node.name)));
        } else if node.version != member.version {
            let text = format!("{} runs {}, wanted is {}", node.name, node.version, member.version);
            checks.push(warn("node", text));
        }
    }
    if checks.is_empty() {
        let (all, version) = (recorded.members.len(), &recorded.version);
        checks.push(good("nodes", format!("{all} of {all} ready, {version}")));
    }
    for node in &status.nodes {
        if !recorded.members.iter().any(|member| member.node == node.name) {
            checks.push(warn("node", format!("{} is not one of Lazuli's", node.name)));
        }
    }
    checks
}

fn etcd(status: &ClusterStatus) -> Check {
    let members = match &status.etcd {
        Ok(members) => members,
        Err(error) => return bad("etcd", error.clone()),
    };
    let voters: Vec<_> = members.iter().filter(|member| !member.learner).collect();
    let healthy = voters.iter().filter(|member| member.healthy).count();
    let (all, needed) = (voters.len(), voters.len() / 2 + 1);
    let sick: Vec<&str> = members.iter().filter(|m| !m.healthy).map(|m| m.name.as_str()).collect();
    let text = match sick.is_empty() {
        true => format!("{healthy} of {all} members healthy, quorum is {needed}"),
        false => format!(
            "{healthy} of {all} members healthy, quorum is {needed}; not healthy: {}",
            sick.join(", ")
        ),
    };
    if healthy < needed || !sick.is_empty() { bad("etcd", text) } else { good("etcd", text) }
}

fn workloads(status: &ClusterStatus) -> Vec<Check> {
    let mut checks: Vec<Check> = status
        .not_ready
        .iter()
        .map(|w| {
            bad("kube-system", format!("{} {} has {} of {} pods ready", w.kind, w.name, w.ready, w.wanted))
        })
        .collect();
    if checks.is_empty() {
        checks.push(good("kube-system", "everything in it is ready".to_owned()));
    }
    let blocking = status.blocking.iter().map(|budget| {
        let text = format!(
            "the disruption budget {} allows no eviction now ({} healthy, {} needed): it would stop a drain",
            budget.name, budget.healthy, budget.needed
        );
        warn("budgets", text)
    });
    checks.extend(blocking);
    checks
}

fn certificates(nodes: &[NodeStatus], now: OffsetDateTime) -> Vec<Check> {
    let soon: Vec<&NodeStatus> = nodes.iter().filter(|node| certificates_end_soon(node, now)).collect();
    let Some(first) = nodes.iter().filter_map(|node| node.certificates_end).min() else { return Vec::new() };
    if soon.is_empty() {
        let text = format!("the first of the control plane's ends on {}", first.date());
        return vec![good("certificates", text)];
    }
    soon.iter()
        .map(|node| {
            let end = node.certificates_end.unwrap_or(now).date();
            let text = format!("{}'s end on {end}: `lazuli cluster repair` replaces the node", node.name);
            if end <= now.date() { bad("certificates", text) } else { warn("certificates", text) }
        })
        .collect()
}

/// One line for all of them while none ends soon.
fn authorities(recorded: &Recorded, now: OffsetDateTime) -> Vec<Check> {
    const WHAT: &str = "certificate authority";
    let text = |(whose, end): &(String, OffsetDateTime)| format!("{whose} ends on {}", end.date());
    let is_soon = |end: OffsetDateTime| end - now < Duration::days(365);
    if !recorded.authorities.iter().any(|(_, end)| is_soon(*end)) {
        let first = recorded.authorities.iter().map(|(_, end)| end).min();
        let number = recorded.authorities.len();
        let text = |end: &OffsetDateTime| format!("the first of {number} ends on {}", end.date());
        return first.map(|end| good(WHAT, text(end))).into_iter().collect();
    }
    let check = |authority: &(String, OffsetDateTime)| match authority.1 - now {
        left if left <= Duration::ZERO => bad(WHAT, text(authority)),
        left if left < Duration::days(365) => warn(WHAT, text(authority)),
        _ => good(WHAT, text(authority)),
    };
    recorded.authorities.iter().map(check).collect()
}

fn good(what: &str, text: String) -> Check {
    Check { what: what.to_owned(), verdict: Verdict::Good, text }
}

fn warn(what: &str, text: String) -> Check {
    Check { what: what.to_owned(), verdict: Verdict::Warning, text }
}

fn bad(what: &str, text: String) -> Check {
    Check { what: what.to_owned(), verdict: Verdict::Bad, text }
}
