//! What a machine does at its first boot: cloud-init reads the user-data, kubeadm makes a cluster or joins one.
//!
//! Whatever goes wrong ends in the serial console, in the words of the program that gives up, and no node appears.

mod args;
mod cloud_init;
mod config;
mod console;
mod discovery;
mod flags;
mod init;
mod join;
mod node;
mod objects;
mod pki;

pub(super) use node::{NO_NETWORK, condition, mirror_pods};
pub(super) use objects::signature;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::machine::{Facts, Kubelet, scaled};
use super::trust::Trust;
use crate::world::World;

/// How an attempt ends.
enum Outcome {
    /// Nothing to do with Kubernetes.
    NoKubernetes,
    /// The node is there.
    Joined(Box<Kubelet>),
    /// kubeadm gives up, saying this.
    Failed(Vec<String>),
    /// kubeadm waits so long (in real milliseconds) and tries again; what it would say if it gave up.
    Again { real_ms: u64, tries: u32, lines: Vec<String> },
}

fn failed(line: impl Into<String>) -> Outcome {
    Outcome::Failed(vec![line.into()])
}

/// The machine has started: its user-data is read, once.
pub(crate) fn boot(world: &mut World, key: &str, now: u64) {
    let Some(machine) = world.get(key) else { return };
    let facts = Facts::of(world, machine);
    let Some(first) = machine.machine.as_ref().and_then(|machine| machine.boot.clone()) else { return };
    let user_data = STANDARD.decode(first.user_data.trim()).unwrap_or_default();
    let outcome = attempt(world, &facts, &user_data, first.speed, now);
    let (lines, kubelet) = match outcome {
        Outcome::Again { real_ms, tries, .. } if first.attempts < tries => {
            world.edit(key, |resource| {
                if let Some(boot) = resource.machine.as_mut().and_then(|machine| machine.boot.as_mut()) {
                    boot.attempts += 1;
                    boot.due_ms = Some(now + scaled(boot.speed, real_ms));
                }
            });
            return;
        }
        Outcome::NoKubernetes => (Vec::new(), None),
        Outcome::Joined(kubelet) => {
            let line = match kubelet.is_control_plane && kubelet.promote_ms.is_none() {
                true => "Your Kubernetes control-plane has initialized successfully!".to_owned(),
                false => "This node has joined the cluster".to_owned(),
            };
            (vec![line], Some(*kubelet))
        }
        Outcome::Failed(lines) | Outcome::Again { lines, .. } => (given_up(lines), None),
    };
    world.edit(key, |resource| {
        let Some(machine) = resource.machine.as_mut() else { return };
        machine.boot = None;
        machine.node = kubelet;
        let seconds = first.delay_ms.saturating_mul(first.speed.max(1)) as f64 / 1000.0;
        let mut say = |line: &str| machine.console.push(format!("[{seconds:>8.1}] cloud-init[1187]: {line}"));
        lines.iter().flat_map(|line| line.lines()).for_each(&mut say);
        machine.console.extend(console::end_of_boot(&facts.name, seconds));
    });
}

/// What the console shows after kubeadm, or cloud-init before it, has given up.
fn given_up(mut lines: Vec<String>) -> Vec<String> {
    if lines.iter().any(|line| line.starts_with("error execution phase")) {
        lines.push("To see the stack trace of this error execute with --v=5 or higher".to_owned());
        lines.push("util.py[WARNING]: Failed running /var/lib/cloud/instance/scripts/runcmd [1]".to_owned());
        lines.push("cc_scripts_user.py[WARNING]: Failed to run module scripts_user (scripts in /var/lib/cloud/instance/scripts)".to_owned());
    }
    lines
}

fn attempt(world: &mut World, facts: &Facts, user_data: &[u8], speed: u64, now: u64) -> Outcome {
    let prepared = match cloud_init::read(user_data) {
        Ok(prepared) => prepared,
        Err(cloud_init::Failure(lines)) => return Outcome::Failed(lines),
    };
    let Some(words) = prepared.kubeadm else { return Outcome::NoKubernetes };
    let phase = |why: String| failed(format!("error execution phase preflight: {why}"));
    let documents = match config::read(&words, &prepared.files) {
        Ok(documents) => documents,
        Err(why) => return phase(why),
    };
    let flags = match flags::Flags::read(&prepared.files) {
        Ok(flags) => flags,
        Err(lines) => return Outcome::Failed(lines),
    };
    let machine = Machine { facts, files: prepared.files, flags, speed };
    match words[0].as_str() {
        "init" => init::run(world, machine, documents, now),
        _ => join::run(world, machine, documents, now),
    }
}

/// A machine on which kubeadm runs.
struct Machine<'a> {
    facts: &'a Facts,
    files: cloud_init::Files,
    flags: flags::Flags,
    speed: u64,
}

impl Machine<'_> {
    /// The version of the programs on the disk: the image says it, or a script that was written, or nobody.
    fn version(&self) -> Option<String> {
        self.facts.image_version.clone().or_else(|| {
            let scripts = self.files.values().filter(|text| !text.contains("apiVersion"));
            scripts.flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))).find_map(
                |word| {
                    let is_version = word.starts_with("v1.") && super::machine::parse_version(word).is_some();
                    is_version.then(|| word.to_owned())
                },
            )
        })
    }

    /// Whether containerd is told of a template, by a file of its own or by a script.
    fn has_cni_template(&self) -> bool {
        let is_of_containerd = |path: &str| path.starts_with("/etc/containerd/") || path.ends_with(".sh");
        let configured =
            self.files.iter().any(|(path, text)| is_of_containerd(path) && text.contains("conf_template"));
        configured || self.files.keys().any(|path| path.starts_with("/etc/cni/net.d/"))
    }

    /// The kubelet that runs from now on.
    fn kubelet(&self, host: &str, name: &str, version: &str, port: Option<u16>, now: u64) -> Kubelet {
        Kubelet {
            host: host.to_ascii_lowercase(),
            name: name.to_owned(),
            is_control_plane: port.is_some(),
            version: version.to_owned(),
            port: port.unwrap_or(0),
            has_cni_template: self.has_cni_template(),
            since_ms: now,
            promote_ms: None,
            authority: Trust::default(),
        }
    }
}
