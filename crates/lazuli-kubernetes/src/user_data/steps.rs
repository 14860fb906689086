//! What the first boot runs: shell scripts, in order of name.
//!
//! The scripts that do not depend on the node are files in the folder `steps`. To come with the bootstrap:
//! `/run/lazuli/steps/30-kubeadm.sh`, between the preparation and the user's last commands.

use super::{ETCD_MOUNT, NodeBoot, UserDataError};

/// Runs the steps and leaves word of how it went.
pub(super) const BOOT: &str = include_str!("steps/boot.sh");
/// Where [`BOOT`] is on the node.
pub(super) const BOOT_PATH: &str = "/run/lazuli/boot.sh";
/// Links etcd's disk to the path in its first argument. Not a step: it runs before files are written, at every boot.
pub(super) const FIND_ETCD_DISK: &str = include_str!("steps/find-etcd-disk.sh");

const PREPARE: &str = include_str!("steps/prepare.sh");

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
    let after = commands(node, "post_bootstrap_commands", &node.post_bootstrap)?
        .map(|script| Step { path: "/run/lazuli/steps/40-post-bootstrap.sh", script });
    Ok(before.into_iter().chain([prepare]).chain(after).collect())
}

fn prepare(node: &NodeBoot) -> String {
    let etcd = if node.role.is_control_plane() { ETCD_MOUNT } else { "" };
    format!("kubernetes={}\netcd={}\n{PREPARE}", quoted(&node.kubernetes.tag()), quoted(etcd))
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
