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
    /// A flag of a control-plane component that Lazuli or kubeadm sets, or that breaks the cluster.
    #[error("the {component} argument `{name}` cannot be given in `extra_args`: {instead}")]
    ReservedComponentArg {
        /// `api_server`, `controller_manager` or `scheduler`.
        component: &'static str,
        /// The flag.
        name: String,
        /// Who sets it, and what to do.
        instead: &'static str,
    },
    /// Not a flag of a control-plane component.
    #[error(
        "`{name}` cannot be an argument of the {component}: a name is lower-case letters, digits and hyphens without \
         leading dashes, and a value is one line"
    )]
    BadComponentArg {
        /// `api_server`, `controller_manager` or `scheduler`.
        component: &'static str,
        /// The flag.
        name: String,
    },
    /// Not the name of a feature gate.
    #[error("`{0}` cannot be a feature gate: a name is letters and digits, such as MemoryQoS")]
    BadFeatureGate(String),
    /// Not a name or address that a certificate can carry.
    #[error("`{0}` cannot be in `cert_sans`: write a host name (which may begin with `*.`) or an IP address")]
    BadCertSan(String),
    /// Not the address of a proxy. It is not shown: it may hold a password.
    #[error(
        "`proxy.{0}` is not what a proxy setting can be: write an address such as http://proxy:3128, and hosts or \
         networks in `no_proxy`, without spaces, commas, quotes or backslashes"
    )]
    BadProxy(&'static str),
    /// Secrets of one role for a node of another.
    #[error(
        "node {node}: its secrets are those of another role; this is a mistake in Lazuli, please report it"
    )]
    WrongSecrets {
        /// The node.
        node: String,
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
        "node {node}: the user-data would be {bytes} bytes, compressed, and Azure takes at most {MAX_BYTES}; \
         pre_bootstrap_commands and post_bootstrap_commands are {commands} bytes before they are compressed: let those \
         fetch a script, or put it into the image"
    )]
    TooLarge {
        /// The node.
        node: String,
        /// Size of the document, compressed.
        bytes: usize,
        /// Size of the user's commands, not compressed.
        commands: usize,
    },
}

const LABEL_RULE: &str = "letters, digits, - _ . with a letter or digit at both ends, at most 63 characters; a key may \
                          have a DNS name and a slash in front";
