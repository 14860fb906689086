//! What can be wrong with a node's user-data.

use super::MAX_BYTES;

/// Why a node's user-data cannot be rendered. No variant carries the text of a command: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataError {
    /// A flag of the kubelet that Lazuli or kubeadm sets.
    #[error("node {node}: the kubelet argument `{name}` cannot be given in `extra_args`: {instead}")]
    ReservedKubeletArg {
        /// The node.
        node: String,
        /// The flag.
        name: String,
        /// Who sets it, and what to do.
        instead: &'static str,
    },
    /// A flag that systemd would not hand on as it is.
    #[error(
        "node {node}: `{name} = {value:?}` cannot be a kubelet argument: the name is lower-case letters, digits and \
         hyphens without leading dashes, the value has no spaces, quotes or backslashes"
    )]
    BadKubeletArg {
        /// The node.
        node: String,
        /// The flag.
        name: String,
        /// Its value.
        value: String,
    },
    /// A label that Kubernetes would refuse.
    #[error("node {node}: `{key} = {value:?}` cannot be a label of a node: {LABEL_RULE}")]
    BadLabel {
        /// The node.
        node: String,
        /// The label's key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A taint that Kubernetes would refuse.
    #[error("node {node}: `{key} = {value:?}` cannot be a taint of a node: {LABEL_RULE}")]
    BadTaint {
        /// The node.
        node: String,
        /// The taint's key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A command with a NUL character, which no shell can be given.
    #[error("node {node}: {list}[{index}] holds a NUL character, which a shell cannot be given: remove it")]
    BadCommand {
        /// The node.
        node: String,
        /// `pre_bootstrap_commands` or `post_bootstrap_commands`.
        list: &'static str,
        /// Which one, from 0.
        index: usize,
    },
    /// More than Azure takes.
    #[error(
        "node {node}: the user-data would be {bytes} bytes and Azure takes at most {MAX_BYTES}; {commands} of them \
         are pre_bootstrap_commands and post_bootstrap_commands: let those fetch a script, or put it into the image"
    )]
    TooLarge {
        /// The node.
        node: String,
        /// Size of the document.
        bytes: usize,
        /// How much of it are the user's commands.
        commands: usize,
    },
}

const LABEL_RULE: &str = "letters, digits, - _ . with a letter or digit at both ends, at most 63 characters; a key may \
                          have a DNS name and a slash in front";
