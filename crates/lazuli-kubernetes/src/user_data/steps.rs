//! What the first boot runs: shell scripts, in order of name.
//!
//! The scripts are files in the folder `steps`; what depends on the node stands before them as variables.

use super::{ETCD_MOUNT, NodeBoot, NodeRole, UserDataError, pod_network};

/// Runs the steps and leaves word of how it went.
pub(super) const BOOT: &str = include_str!("steps/boot.sh");
/// Where [`BOOT`] is on the node.
pub(super) const BOOT_PATH: &str = "/run/lazuli/boot.sh";
/// Links etcd's disk to the path in its first argument. Not a step: it runs before files are written, at every boot.
pub(super) const FIND_ETCD_DISK: &str = include_str!("steps/find-etcd-disk.sh");

const PREPARE: &str = include_str!("steps/prepare.sh");
const INIT: &str = include_str!("steps/init.sh");
const TWO_AUTHORITIES: &str = include_str!("steps/two-authorities.sh");
const JOIN: &str = include_str!("steps/join.sh");
const REMOVE_TRACES: &str = include_str!("steps/remove-traces.sh");

/// A script that the first boot runs.
pub(super) struct Step {
    /// Where it is on the node.
    pub(super) path: &'static str,
    /// Its text.
    pub(super) script: String,
}

/// All steps of a node.
pub(super) fn all(node: &NodeBoot) -> Result<Vec<Step>, UserDataError> {
    let before = commands(node, "pre_bootstrap_commands", &node.pre_bootstrap)?
        .map(|script| Step { path: "/run/lazuli/steps/10-pre-bootstrap.sh", script });
    let prepare = Step { path: "/run/lazuli/steps/20-prepare.sh", script: prepare(node) };
    let kubeadm = Step { path: "/run/lazuli/steps/30-kubeadm.sh", script: kubeadm(node) };
    let after = commands(node, "post_bootstrap_commands", &node.post_bootstrap)?
        .map(|script| Step { path: "/run/lazuli/steps/40-post-bootstrap.sh", script });
    let traces = (node.role == NodeRole::FirstControlPlane)
        .then(|| Step { path: "/run/lazuli/steps/90-remove-traces.sh", script: REMOVE_TRACES.to_owned() });
    Ok(before.into_iter().chain([prepare, kubeadm]).chain(after).chain(traces).collect())
}

fn prepare(node: &NodeBoot) -> String {
    let etcd = if node.role.is_control_plane() { ETCD_MOUNT } else { "" };
    let cni = if node.azure_routes { pod_network::TEMPLATE_PATH } else { "" };
    let kubernetes = quoted(&node.kubernetes.tag());
    format!("kubernetes={kubernetes}\netcd={}\ncni={}\n{PREPARE}", quoted(etcd), quoted(cni))
}

/// The step that makes or joins the cluster. Only a control-plane node behind an internal load balancer meets itself
/// there.
fn kubeadm(node: &NodeBoot) -> String {
    let (host, script) = match node.role {
        NodeRole::FirstControlPlane => (node.api_server_private, INIT),
        NodeRole::FurtherControlPlane => (node.api_server_private, JOIN),
        NodeRole::Worker => (false, JOIN),
    };
    let host = if host { node.endpoint.host.as_str() } else { "" };
    let etcd = if node.role == NodeRole::FurtherControlPlane { ETCD_MOUNT } else { "" };
    let before = match node.two_authorities && node.role == NodeRole::FurtherControlPlane {
        true => TWO_AUTHORITIES,
        false => "",
    };
    format!("host={}\netcd={}\n{before}{script}", quoted(host), quoted(etcd))
}

/// The script that runs a list of the user's commands. They are named by their place and never shown: the log is read
/// by more people than the configuration.
fn commands(
    node: &NodeBoot,
    list: &'static str,
    commands: &[String],
) -> Result<Option<String>, UserDataError> {
    if let Some(index) = commands.iter().position(|command| command.contains('\0')) {
        return Err(UserDataError::BadCommand { node: node.name.clone(), list, index });
    }
    if commands.is_empty() {
        return Ok(None);
    }
    let mut script = format!("list={list}\n{}", include_str!("steps/commands.sh"));
    for (index, command) in commands.iter().enumerate() {
        script.push_str(&format!("run {index} {}\n", quoted(command)));
    }
    Ok(Some(script))
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
