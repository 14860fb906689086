//! The cloud-init document of a node, sent to Azure as a virtual machine's `customData`.
//!
//! It prepares the machine (files, kernel settings, the disk of etcd, the kubelet's flags), runs the user's commands and
//! `kubeadm`, and leaves word of how it went. It holds secrets: a token that is good for one node and a short time, and
//! on the node that makes the cluster the keys of its authorities, which are removed from the disk but for where kubeadm
//! keeps them.
//!
//! On the node:
//!
//! | where | what |
//! |---|---|
//! | `/etc/kubernetes/azure.json` | what the cloud provider is told of Azure |
//! | `/run/lazuli/kubeadm.yaml` | kubeadm's configuration |
//! | `/etc/kubernetes/pki` | the keys that a cluster is made from, on its first node |
//! | `/etc/kubernetes/pki/signing-ca.crt` | on control-plane nodes that are made while the cluster's authority is rotated, the certificate of the one that signs |
//! | `/etc/lazuli/proxy.env`, drop-ins of containerd and the kubelet | the proxy, where there is one |
//! | `/etc/cni/lazuli.conflist.template` | the network of pods, where Azure's routes carry it |
//! | `/etc/lazuli/kubelet.env` | the kubelet's flags, read through a drop-in of its systemd unit |
//! | `/run/lazuli/steps/*.sh` | what the first boot runs, in order of name |
//! | `/run/lazuli/prepared` | there when all steps went well |
//! | `/run/lazuli/failed` | there when one did not, with the end of the log; the same goes to `/dev/ttyS0`, the serial log of Azure's boot diagnostics |
//! | `/var/log/lazuli.log` | what the steps said, in full |
//!
//! Rendering is pure: the same [`NodeBoot`] and the same [`BootSecrets`] give the same bytes. Every document in it is JSON, which is YAML too, so
//! no text of a user can break out of its place. A document that is large is compressed. It may well be called at plan
//! time, with any client id of the usual length and any keys, to hear of mistakes and of a document that is too large
//! before anything is made.

mod azure_json;
mod cloud_config;
mod components;
mod error;
mod json;
mod kubeadm;
mod kubelet;
mod node;
mod pod_network;
mod proxy;
mod secrets;
mod steps;

use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use lazuli_core::Json;
use zeroize::Zeroizing;

pub use error::UserDataError;
pub use kubelet::kubelet_may_set_label;
pub use node::{AzureFacts, Endpoint, NodeBoot, NodeRole, Proxy, Taint, TaintEffect, UnknownEffect};
pub use secrets::{BootSecrets, BootSecretsError};

/// Azure's limit for `customData`, in bytes before base64.
pub const MAX_BYTES: usize = 65_535;
/// A document larger than this is compressed; smaller ones stay readable.
const COMPRESS_ABOVE: usize = 16 * 1024;

/// Where etcd's own disk is mounted on control-plane nodes. The data is one folder below: the root of a new file
/// system is not empty, and kubeadm wants an empty folder.
const ETCD_MOUNT: &str = "/var/lib/etcddisk";

/// While two authorities are trusted, the certificate of the one that signs alone: below the folder that is mounted into
/// the controller manager.
const SIGNING_CERTIFICATE: &str = "/etc/kubernetes/pki/signing-ca.crt";

/// A rendered cloud-init document of at most [`MAX_BYTES`] bytes.
///
/// It holds keys and the user's commands, so its `Debug` shows the size only.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(Zeroizing<Vec<u8>>);

impl UserData {
    /// The document as cloud-init reads it: text, or gzip.
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
///
/// # Errors
/// When something in `node` cannot be, the secrets are of another role, or the document is larger than Azure takes.
pub fn render(node: &NodeBoot, secrets: &BootSecrets) -> Result<UserData, UserDataError> {
    secrets.fit(&node.name, node.role)?;
    let text = cloud_config::document(node, secrets)?;
    let bytes = match text.len() <= COMPRESS_ABOVE {
        true => Zeroizing::new(text.as_bytes().to_vec()),
        false => compressed(text.as_bytes()),
    };
    match bytes.len() <= MAX_BYTES {
        true => Ok(UserData(bytes)),
        false => {
            let commands = node.pre_bootstrap.iter().chain(&node.post_bootstrap).map(String::len).sum();
            Err(UserDataError::TooLarge { node: node.name.clone(), bytes: bytes.len(), commands })
        }
    }
}

/// What `kubeadm init` on a node like this writes into the config map `kubeadm-config`, as far as Lazuli has something to
/// say: the same for all control-plane nodes of a cluster.
///
/// # Errors
/// When an argument of a component cannot be given.
pub fn cluster_configuration(node: &NodeBoot) -> Result<Json, UserDataError> {
    kubeadm::cluster_configuration(node)
}

/// The bytes as gzip, the same for the same bytes.
fn compressed(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let written = writer.write_all(bytes).and_then(|()| writer.finish());
    // Writing to memory does not fail; if it did, the document as it is would be right as well.
    Zeroizing::new(written.unwrap_or_else(|_| bytes.to_vec()))
}
