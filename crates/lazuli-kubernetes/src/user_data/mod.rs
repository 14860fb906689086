//! The cloud-init document of a node, sent to Azure as a virtual machine's `customData`.
//!
//! It *prepares* the machine: files, kernel settings, the disk of etcd, the kubelet's flags, the user's commands, and
//! word of how it went. It does not make or join a cluster: `kubeadm` is configured but not run, and nothing here is
//! secret. The bootstrap brings certificates, tokens and the step that runs `kubeadm`: one more file in
//! `/run/lazuli/steps`, the others stay as they are.
//!
//! On the node:
//!
//! | where | what |
//! |---|---|
//! | `/etc/kubernetes/azure.json` | what the cloud provider is told of Azure |
//! | `/run/lazuli/kubeadm.yaml` | kubeadm's configuration, without token, keys and CA hashes |
//! | `/etc/lazuli/kubelet.env` | the kubelet's flags, read through a drop-in of its systemd unit |
//! | `/run/lazuli/steps/*.sh` | what the first boot runs, in order of name |
//! | `/run/lazuli/prepared` | there when all steps went well |
//! | `/run/lazuli/failed` | there when one did not, with the end of the log; the same goes to `/dev/ttyS0`, the serial log of Azure's boot diagnostics |
//! | `/var/log/lazuli.log` | what the steps said, in full |
//!
//! Rendering is pure: the same [`NodeBoot`] gives the same bytes. Every document in it is JSON, which is YAML too, so
//! no text of a user can break out of its place. It may well be called at plan time, with any client id of the usual
//! length, to hear of mistakes and of a document that is too large before anything is made.

mod azure_json;
mod cloud_config;
mod error;
mod json;
mod kubeadm;
mod kubelet;
mod node;
mod steps;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use error::UserDataError;
pub use kubelet::kubelet_may_set_label;
pub use node::{AzureFacts, Endpoint, NodeBoot, NodeRole, Taint, TaintEffect, UnknownEffect};

/// Azure's limit for `customData`, in bytes before base64.
pub const MAX_BYTES: usize = 65_535;

/// Where etcd's own disk is mounted on control-plane nodes. The data is one folder below: the root of a new file
/// system is not empty, and kubeadm wants an empty folder.
const ETCD_MOUNT: &str = "/var/lib/etcddisk";

/// A rendered cloud-init document of at most [`MAX_BYTES`] bytes.
///
/// It holds the user's commands, so its `Debug` shows the size only.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(Vec<u8>);

impl UserData {
    /// The document as cloud-init reads it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The document in base64: the value of `properties.osProfile.customData`.
    pub fn custom_data(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({} bytes)", self.0.len())
    }
}

/// Renders the user-data of a node.
pub fn render(node: &NodeBoot) -> Result<UserData, UserDataError> {
    let bytes = cloud_config::document(node)?.into_bytes();
    match bytes.len() <= MAX_BYTES {
        true => Ok(UserData(bytes)),
        false => {
            let commands = node.pre_bootstrap.iter().chain(&node.post_bootstrap).map(String::len).sum();
            Err(UserDataError::TooLarge { node: node.name.clone(), bytes: bytes.len(), commands })
        }
    }
}
