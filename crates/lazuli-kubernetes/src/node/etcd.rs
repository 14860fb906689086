//! etcd, spoken to by `etcdctl` in its own pods.

use std::time::Duration;

use lazuli_core::Json;
use tokio::time::{Instant, sleep};

use super::quorum::EtcdMember;
use crate::api::{Exec, ExecError, Finished};

/// What every command begins with: the member of the same pod, and the certificate that kubeadm makes for health checks.
const ETCDCTL: [&str; 9] = [
    "etcdctl",
    "--endpoints",
    "https://127.0.0.1:2379",
    "--cacert",
    "/etc/kubernetes/pki/etcd/ca.crt",
    "--cert",
    "/etc/kubernetes/pki/etcd/healthcheck-client.crt",
    "--key",
    "/etc/kubernetes/pki/etcd/healthcheck-client.key",
];

/// How long a change is tried again that etcd refuses because a member is not connected everywhere yet.
const SETTLE: Duration = Duration::from_secs(60);

/// How often it is tried.
const AGAIN: Duration = Duration::from_secs(5);

/// Why etcd was not reached or would not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EtcdError {
    /// No pod of etcd could be asked.
    #[error("etcd cannot be asked on any control-plane node: {0}")]
    NoAnswer(String),
    /// It refused.
    #[error("etcd refused `{command}`: {message}")]
    Refused {
        /// The command's words after `etcdctl`.
        command: String,
        /// What it said.
        message: String,
    },
    /// An answer of another form.
    #[error("`etcdctl {command}` gave an answer that cannot be read: {reason}")]
    Malformed {
        /// The command's words.
        command: String,
        /// What is wrong.
        reason: String,
    },
    /// Nobody leads.
    #[error("etcd has no leader")]
    NoLeader,
}

/// The members as one of them sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) all: Vec<EtcdMember>,
    pub(super) leader: Option<u64>,
}

impl Members {
    pub(super) fn named(&self, node: &str) -> Option<&EtcdMember> {
        self.all.iter().find(|member| member.name == node)
    }

    /// The member on a node of a list: the one with its name, or one without a name at one of its addresses.
    pub(super) fn on(&self, node: &str, nodes: &[Json]) -> Option<&EtcdMember> {
        let at_home = |member: &&EtcdMember| {
            let found = nodes.iter().find(|found| found["metadata"]["name"] == node);
            let addresses = found.and_then(|found| found["status"]["addresses"].as_array());
            let mut addresses = addresses.into_iter().flatten();
            !member.has_started() && addresses.any(|address| address["address"] == member.host.as_str())
        };
        self.named(node).or_else(|| self.all.iter().find(at_home))
    }
}

/// The members of a cluster's etcd, asked on one of these control-plane nodes.
///
/// # Errors
/// When etcd cannot be asked on any of them.
pub async fn etcd_members(exec: &dyn Exec, nodes: Vec<String>) -> Result<Vec<EtcdMember>, EtcdError> {
    Ok(Etcd::new(exec, nodes).members().await?.all)
}

/// `etcdctl` on one of several nodes.
pub(super) struct Etcd<'a> {
    exec: &'a dyn Exec,
    /// The nodes to ask, the best first.
    nodes: Vec<String>,
}

impl<'a> Etcd<'a> {
    pub(super) fn new(exec: &'a dyn Exec, nodes: Vec<String>) -> Self {
        Etcd { exec, nodes }
    }

    /// All members, whether each answers, and who leads.
    pub(super) async fn members(&self) -> Result<Members, EtcdError> {
        let list = self.json(&["member", "list", "-w", "json"]).await?;
        // Both end badly when a member is silent, and say all the same what the others answered.
        let health = self.any(&["endpoint", "health", "--cluster", "-w", "json"]).await?;
        let status = self.any(&["endpoint", "status", "--cluster", "-w", "json"]).await?;
        Ok(Members { all: members(&list, &health), leader: leader(&status) })
    }

    /// Hands the leadership from the member on `leader_node` to another.
    pub(super) async fn move_leader(&self, leader_node: &str, to: u64) -> Result<(), EtcdError> {
        let command = ["move-leader", &format!("{to:x}")];
        let ended = self.on(leader_node, &command).await.map_err(|e| EtcdError::NoAnswer(e.to_string()))?;
        ended_well(&command, ended).map(|_| ())
    }

    /// Removes a member, asked of another one. A member that has just started is not connected everywhere yet, and etcd
    /// then takes the cluster for unhealthy: that passes.
    pub(super) async fn remove(&self, id: u64) -> Result<(), EtcdError> {
        let begun = Instant::now();
        let id = format!("{id:x}");
        let command = ["member", "remove", &id];
        loop {
            let ended = self.first(&command).await?;
            let message = format!("{}{}", ended.stdout, ended.stderr);
            match ended_well(&command, ended) {
                Err(_) if message.contains("member not found") => return Ok(()),
                Err(_) if is_settling(&message) && begun.elapsed() < SETTLE => sleep(AGAIN).await,
                result => return result.map(|_| ()),
            }
        }
    }

    async fn json(&self, command: &[&str]) -> Result<Json, EtcdError> {
        let text = ended_well(command, self.first(command).await?)?;
        serde_json::from_str(&text)
            .map_err(|e| EtcdError::Malformed { command: command.join(" "), reason: e.to_string() })
    }

    /// What was answered, however the command ended.
    async fn any(&self, command: &[&str]) -> Result<Json, EtcdError> {
        let ended = self.first(command).await?;
        Ok(serde_json::from_str(ended.stdout.trim()).unwrap_or(Json::Null))
    }

    /// Runs a command on the first node where that is possible and the member is not cut off from the others. What a
    /// cut-off member may have done all the same does no harm: whoever changes something looks first.
    async fn first(&self, command: &[&str]) -> Result<Finished, EtcdError> {
        let mut last = Err(EtcdError::NoAnswer("there is none".to_owned()));
        for node in &self.nodes {
            match self.on(node, command).await {
                Ok(finished) if finished.failure.is_some() && is_cut_off(&finished.stderr) => {
                    last = Ok(finished)
                }
                Ok(finished) => return Ok(finished),
                Err(error) if last.is_err() => last = Err(EtcdError::NoAnswer(format!("{node}: {error}"))),
                Err(_) => {}
            }
        }
        last
    }

    async fn on(&self, node: &str, command: &[&str]) -> Result<Finished, ExecError> {
        let words: Vec<&str> = ETCDCTL.iter().chain(command).copied().collect();
        self.exec.exec(&format!("etcd-{node}"), "etcd", &words).await
    }
}

fn ended_well(command: &[&str], ended: Finished) -> Result<String, EtcdError> {
    match ended.failure {
        None => Ok(ended.stdout),
        Some(failure) => {
            // It writes a log before it says what is wrong.
            let error = ended.stderr.lines().rev().find_map(|line| line.strip_prefix("Error: "));
            let said = [error.unwrap_or(&ended.stderr), &ended.stdout, &failure];
            let message = said.into_iter().map(str::trim).find(|text| !text.is_empty());
            let message = message.unwrap_or_default().to_owned();
            Err(EtcdError::Refused { command: command.join(" "), message })
        }
    }
}

/// etcd's words for a member that does not reach a quorum.
fn is_cut_off(message: &str) -> bool {
    ["context deadline exceeded", "connection refused", "no leader", "request timed out"]
        .iter()
        .any(|words| message.contains(words))
}

/// etcd's words for a member that is not connected to all others yet.
fn is_settling(message: &str) -> bool {
    ["unhealthy cluster", "not enough started members", "too many learner"]
        .iter()
        .any(|words| message.contains(words))
}

/// Members by their list and the health of their addresses.
fn members(list: &Json, health: &Json) -> Vec<EtcdMember> {
    let healthy: Vec<&str> = health
        .as_array()
        .into_iter()
        .flatten()
        .filter(|endpoint| endpoint["health"] == true)
        .filter_map(|endpoint| endpoint["endpoint"].as_str())
        .collect();
    let host = |member: &Json| {
        let url = member["peerURLs"].as_array()?.first()?.as_str()?;
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        Some(host.rsplit_once(':').map_or(host, |(host, _)| host).to_owned())
    };
    let of = |member: &Json| {
        let urls = member["clientURLs"].as_array().or_else(|| member["clientURLS"].as_array());
        let mut urls = urls.into_iter().flatten().filter_map(Json::as_str);
        Some(EtcdMember {
            id: member["ID"].as_u64()?,
            name: member["name"].as_str().unwrap_or_default().to_owned(),
            host: host(member).unwrap_or_default(),
            learner: member["isLearner"] == true,
            healthy: urls.any(|url| healthy.contains(&url)),
        })
    };
    list["members"].as_array().into_iter().flatten().filter_map(of).collect()
}

fn leader(status: &Json) -> Option<u64> {
    let all = status.as_array().into_iter().flatten();
    all.filter_map(|endpoint| endpoint["Status"]["leader"].as_u64()).find(|id| *id != 0)
}
