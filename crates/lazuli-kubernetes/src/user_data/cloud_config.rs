//! The `#cloud-config` document: which files, which disk, what runs.
//!
//! cloud-init goes by kind, not by order in the document: `bootcmd`, files, disks, mounts, and `runcmd` at the end. So
//! no file may be written below a mount.

use std::collections::BTreeMap;

use serde::Serialize;
use zeroize::{Zeroize, Zeroizing};

use super::steps::Step;
use super::{
    BootSecrets, ETCD_MOUNT, NodeBoot, UserDataError, azure_json, kubeadm, kubelet, pod_network, proxy, steps,
};

const HEADER: &str = "#cloud-config\n";
/// A link of our own to etcd's disk, which Azure names by its kind of controller.
const ETCD_DEVICE: &str = "/dev/disk/lazuli/etcd";
const ETCD_LABEL: &str = "lazuli_etcd";

#[derive(Serialize)]
struct CloudConfig {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bootcmd: Vec<Vec<&'static str>>,
    write_files: Vec<File>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    disk_setup: BTreeMap<&'static str, Partitions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fs_setup: Vec<FileSystem>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mounts: Vec<Vec<String>>,
    runcmd: Vec<Vec<&'static str>>,
}

#[derive(Serialize)]
struct File {
    path: String,
    owner: &'static str,
    permissions: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Partitions {
    table_type: &'static str,
    layout: bool,
    overwrite: bool,
}

#[derive(Serialize)]
struct FileSystem {
    device: &'static str,
    partition: &'static str,
    filesystem: &'static str,
    label: &'static str,
    overwrite: bool,
    extra_opts: Vec<&'static str>,
}

impl Drop for File {
    fn drop(&mut self) {
        self.content.zeroize();
    }
}

/// The whole document.
pub(super) fn document(node: &NodeBoot, secrets: &BootSecrets) -> Result<Zeroizing<String>, UserDataError> {
    let mut config = CloudConfig {
        bootcmd: Vec::new(),
        write_files: files(node, secrets)?,
        disk_setup: BTreeMap::new(),
        fs_setup: Vec::new(),
        mounts: Vec::new(),
        runcmd: vec![vec!["bash", steps::BOOT_PATH]],
    };
    if node.role.is_control_plane() {
        give_etcd_its_disk(&mut config);
    }
    let text = Zeroizing::new(super::json::text(&config));
    Ok(Zeroizing::new(format!("{HEADER}{}", text.as_str())))
}

/// One partition over the whole disk, found by cloud-init ("auto") because its name depends on the kind of disk, and
/// mounted by label, which no later boot can confuse. Nothing is overwritten: the disk is new, or it is not ours.
fn give_etcd_its_disk(config: &mut CloudConfig) {
    config.bootcmd.push(vec!["bash", "-c", steps::FIND_ETCD_DISK, "find-etcd-disk", ETCD_DEVICE]);
    let partitions = Partitions { table_type: "gpt", layout: true, overwrite: false };
    config.disk_setup.insert(ETCD_DEVICE, partitions);
    config.fs_setup.push(FileSystem {
        device: ETCD_DEVICE,
        partition: "auto",
        filesystem: "ext4",
        label: ETCD_LABEL,
        overwrite: false,
        extra_opts: vec!["-E", "lazy_itable_init=1,lazy_journal_init=1"],
    });
    let source = format!("LABEL={ETCD_LABEL}");
    let mount = [&source, ETCD_MOUNT, "ext4", "defaults,noatime,nofail", "0", "2"];
    config.mounts.push(mount.map(str::to_owned).to_vec());
}

fn files(node: &NodeBoot, secrets: &BootSecrets) -> Result<Vec<File>, UserDataError> {
    let root = |path: &str, permissions, content: String| File {
        path: path.to_owned(),
        owner: "root:root",
        permissions,
        content,
    };
    let mut files = vec![
        root("/etc/kubernetes/azure.json", "0600", azure_json::file(node)),
        root("/etc/modules-load.d/lazuli.conf", "0644", "overlay\nbr_netfilter\n".into()),
        root("/etc/sysctl.d/99-lazuli.conf", "0644", SYSCTL.into()),
        root(kubelet::ENV_PATH, "0644", kubelet::environment(node)?),
        root("/etc/systemd/system/kubelet.service.d/20-lazuli.conf", "0644", kubelet::drop_in(node)),
        root("/run/lazuli/kubeadm.yaml", "0600", kubeadm::file(node, secrets)?),
        root(steps::BOOT_PATH, "0700", steps::BOOT.into()),
    ];
    for (path, permissions, text) in secrets.files() {
        files.push(root(path, permissions, text.to_owned()));
    }
    for (path, permissions, text) in proxy::files(node)?.into_iter().chain(pod_network::files(node)) {
        files.push(root(path, permissions, text));
    }
    for Step { path, script } in steps::all(node)? {
        files.push(root(path, "0700", script));
    }
    Ok(files)
}

/// Traffic of pods crosses bridges and is forwarded by the node.
const SYSCTL: &str = "net.bridge.bridge-nf-call-iptables = 1\n\
                      net.bridge.bridge-nf-call-ip6tables = 1\n\
                      net.ipv4.ip_forward = 1\n";
