//! Clusters as people and machines are shown them: lists, status, checks.

use lazuli_core::Json;
use lazuli_kubernetes::node::EtcdMember;
use lazuli_kubernetes::status::{Condition, NodeStatus};
use serde_json::json;

use super::layout::{columns, pad, wrap};
use super::style::{self, paint};

/// A cluster in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Where its API is.
    pub endpoint: String,
    /// `v1.34.2`
    pub version: String,
    /// Nodes of its control plane.
    pub control_plane: usize,
    /// Workers.
    pub workers: usize,
}

/// A cluster that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Where its API is.
    pub endpoint: String,
    /// The version wanted, `v1.34.2`.
    pub version: String,
    /// Why its API could not be asked.
    pub unreachable: Option<String>,
    /// The API server's version.
    pub api_version: Option<String>,
    /// The members of etcd, or why nobody knows.
    pub etcd: Option<Result<Vec<EtcdMember>, String>>,
    /// Its nodes, Lazuli's first.
    pub nodes: Vec<ShownNode>,
}

/// A node, as recorded and as seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownNode {
    /// Its name.
    pub name: String,
    /// Its address; `None` of one that is not Lazuli's.
    pub address: Option<String>,
    /// True for the control plane.
    pub control_plane: bool,
    /// The version wanted.
    pub wanted: String,
    /// As the cluster says it is; `None` when it is not there.
    pub seen: Option<NodeStatus>,
}

/// One check of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// The facts.
    pub text: String,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing.
    Warning,
    /// Not as it should be.
    Bad,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Warning => "warning",
            Verdict::Bad => "error",
        }
    }
}

/// True when no check found anything wrong.
pub fn is_well(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict != Verdict::Bad)
}

/// The list for people.
pub fn list(clusters: &[Listed], width: usize) -> String {
    let heading = ["NAME", "VERSION", "CONTROL PLANE", "WORKERS", "ADDRESS", "ENDPOINT"].map(str::to_owned);
    let row = |c: &Listed| {
        let (control_plane, workers) = (c.control_plane.to_string(), c.workers.to_string());
        [c.name.clone(), c.version.clone(), control_plane, workers, c.address.clone(), c.endpoint.clone()]
    };
    let _ = width; // an endpoint that is cut is of no use
    table(std::iter::once(heading).chain(clusters.iter().map(row)))
}

/// The list for machines.
pub fn list_json(clusters: &[Listed]) -> Json {
    let cluster = |c: &Listed| {
        json!({
            "name": c.name, "address": c.address, "endpoint": c.endpoint, "kubernetes_version": c.version,
            "control_plane_nodes": c.control_plane, "worker_nodes": c.workers,
        })
    };
    clusters.iter().map(cluster).collect()
}

/// A cluster for people.
pub fn status(cluster: &Shown, width: usize) -> String {
    let mut out = format!("{}   {}\n", paint(style::STRONG, &cluster.name), cluster.endpoint);
    match (&cluster.unreachable, &cluster.api_version) {
        (Some(why), _) => {
            for line in
                wrap(&format!("The API server cannot be asked, so this is what the state says: {why}"), width)
            {
                out.push_str(&format!("{line}\n"));
            }
        }
        (None, Some(version)) => out.push_str(&format!("Kubernetes {version}, wanted {}\n", cluster.version)),
        (None, None) => {}
    }
    match &cluster.etcd {
        Some(Ok(members)) => {
            let voters = members.iter().filter(|member| !member.learner).count();
            let healthy = members.iter().filter(|member| member.healthy && !member.learner).count();
            out.push_str(&format!("etcd {healthy} of {voters} members healthy, quorum {}\n", voters / 2 + 1));
        }
        Some(Err(why)) => out.push_str(&format!("etcd cannot be asked: {why}\n")),
        None => {}
    }
    out.push('\n');
    let heading = ["NODE", "ROLE", "ZONE", "VERSION", "STATUS"].map(str::to_owned);
    let row = |node: &ShownNode| {
        let role = if node.control_plane { "control plane" } else { "worker" };
        let (zone, version) = node.seen.as_ref().map_or(("", ""), |seen| (&seen.zone, &seen.version));
        let version = match (version, node.wanted.as_str()) {
            ("", wanted) => format!("({wanted})"),
            (found, wanted) if wanted.is_empty() || found == wanted => found.to_owned(),
            (found, wanted) => format!("{found} (wanted {wanted})"),
        };
        [
            node.name.clone(),
            role.to_owned(),
            zone.to_owned(),
            version,
            state(node, cluster.unreachable.is_some()),
        ]
    };
    out.push_str(&table(std::iter::once(heading).chain(cluster.nodes.iter().map(row))));
    out
}

fn state(node: &ShownNode, unasked: bool) -> String {
    let Some(seen) = &node.seen else {
        return if unasked { "not asked".to_owned() } else { "not in the cluster".to_owned() };
    };
    let mut words = match &seen.ready {
        Condition::Ready => "Ready".to_owned(),
        Condition::NotReady { seconds, reason, .. } => format!("NotReady for {seconds} s: {reason}"),
    };
    if seen.cordoned {
        words.push_str(", cordoned");
    }
    if node.address.is_none() {
        words.push_str(", not Lazuli's");
    }
    words
}

/// A cluster for machines.
pub fn status_json(cluster: &Shown) -> Json {
    let node = |node: &ShownNode| {
        let (ready, reason) = match node.seen.as_ref().map(|seen| &seen.ready) {
            Some(Condition::Ready) => (json!(true), Json::Null),
            Some(Condition::NotReady { reason, .. }) => (json!(false), json!(reason)),
            None => (Json::Null, Json::Null),
        };
        json!({
            "name": node.name, "address": node.address, "control_plane": node.control_plane,
            "wanted_version": node.wanted, "ready": ready, "reason": reason,
            "version": node.seen.as_ref().map(|seen| &seen.version),
            "zone": node.seen.as_ref().map(|seen| &seen.zone),
            "cordoned": node.seen.as_ref().map(|seen| seen.cordoned),
        })
    };
    let member = |member: &EtcdMember| json!({"name": member.name, "healthy": member.healthy, "learner": member.learner});
    json!({
        "name": cluster.name, "address": cluster.address, "endpoint": cluster.endpoint,
        "kubernetes_version": cluster.version, "api_version": cluster.api_version,
        "reachable": cluster.unreachable.is_none(), "unreachable_because": cluster.unreachable,
        "etcd": cluster.etcd.as_ref().and_then(|etcd| etcd.as_ref().ok()).map(|all| all.iter().map(member).collect::<Json>()),
        "nodes": cluster.nodes.iter().map(node).collect::<Json>(),
    })
}

/// Checks for people.
pub fn checks(name: &str, checks: &[Check], width: usize) -> String {
    let wide = checks.iter().map(|check| columns(&check.what)).max().unwrap_or(0);
    let mut out = String::new();
    for check in checks {
        let (mark, look) = match check.verdict {
            Verdict::Good => ("✓", style::ADD),
            Verdict::Warning => ("!", style::CHANGE),
            Verdict::Bad => ("✗", style::REMOVE),
        };
        let lines = wrap(&check.text, width.saturating_sub(wide + 6).max(20));
        for (place, line) in lines.iter().enumerate() {
            match place {
                0 => out.push_str(&format!(" {} {}  {line}\n", paint(look, mark), pad(&check.what, wide))),
                _ => out.push_str(&format!("   {}  {line}\n", " ".repeat(wide))),
            }
        }
    }
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad).count();
    match bad {
        0 => out.push_str(&format!("\n{name} is well.\n")),
        1 => out.push_str(&format!("\n{name} is not well: 1 problem.\n")),
        bad => out.push_str(&format!("\n{name} is not well: {bad} problems.\n")),
    }
    out
}

/// Checks for machines.
pub fn checks_json(name: &str, checks: &[Check]) -> Json {
    let check =
        |check: &Check| json!({"check": check.what, "status": check.verdict.word(), "message": check.text});
    json!({"name": name, "healthy": is_well(checks), "checks": checks.iter().map(check).collect::<Json>()})
}

/// Rows in columns, two blanks between them.
fn table<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let wide: Vec<usize> =
        (0..N).map(|at| rows.iter().map(|row| columns(&row[at])).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&wide).map(|(cell, wide)| pad(cell, *wide)).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
