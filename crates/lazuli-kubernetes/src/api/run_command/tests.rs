//! The scripts are run by a real shell, with a `curl` and a `crictl` that only pretend.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use lazuli_core::resource::ResourceId;
use serde_json::json;

use super::{RunCommand, RunCommandError, Tunnel};
use crate::api::{Exec, Rest};
use crate::keyring::ClusterId;

struct Machine {
    folder: tempfile::TempDir,
    runs: Mutex<Vec<usize>>,
    /// The first machine does not run.
    off: bool,
}

impl Machine {
    fn make(curl: &str, crictl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("bin/curl", &format!("#!/bin/sh\n{curl}"));
        write("bin/crictl", &format!("#!/bin/sh\n{crictl}"));
        write(
            "etc/kubernetes/admin.conf",
            "users:\n- user:\n    client-certificate-data: Y2VydA==\n    client-key-data: a2V5\n",
        );
        Machine { folder, runs: Mutex::default(), off: false }
    }

    fn new(curl: &str, crictl: &str) -> Arc<Self> {
        Arc::new(Self::make(curl, crictl))
    }

    fn tunnel(self: &Arc<Self>) -> Tunnel {
        let id = ResourceId::new(
            "/subscriptions/s/resourceGroups/g/providers/Lazuli.Kubernetes/clusters/prod/members/x",
        );
        let run: Arc<dyn RunCommand> = Arc::clone(self) as Arc<dyn RunCommand>;
        let root = self.folder.path().to_str().unwrap().into();
        Tunnel { root, ..Tunnel::new(run, ClusterId::of(&id).unwrap()) }
    }

    fn left(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("run/lazuli")).map_or(0, Iterator::count)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

#[async_trait::async_trait]
impl RunCommand for Machine {
    async fn machines(&self, _cluster: &ClusterId) -> Vec<ResourceId> {
        vec![ResourceId::new("/vm/prod-1"), ResourceId::new("/vm/prod-2")]
    }

    async fn run(&self, machine: &ResourceId, script: &str) -> Result<String, RunCommandError> {
        if self.off && machine.name() == "prod-1" {
            return Err(RunCommandError::NotRun("the machine is off".to_owned()));
        }
        let path = format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display());
        let home: &Path = self.folder.path();
        let output =
            Command::new("sh").arg("-c").arg(script).env("PATH", path).env("HOME", home).output().unwrap();
        self.runs.lock().unwrap().push(script.len());
        let said = String::from_utf8(output.stdout).unwrap();
        Ok(said[said.len().saturating_sub(4096)..].to_owned())
    }
}

/// Writes down how it was called, and answers with the file it was sent between two braces.
const ECHO: &str = r#"printf '%s\n' "$@" >$HOME/called
while [ $# -gt 0 ]; do case $1 in
  -o) out=$2;; --data-binary) in=${2#@};; --cert) cp $2 $HOME/cert;; --key) cp $2 $HOME/key;;
esac; shift; done
{ printf '{"sent":'; cat $in; printf '}'; } >$out; printf 201"#;

#[tokio::test]
async fn requests_large_and_small_go_through_a_shell_and_back() {
    let machine = Machine::new(ECHO, "");
    let rest = Rest::from(machine.tunnel().client());
    for length in [0, 10, 200_000] {
        // hardly compressible, so that it takes several pieces
        let mut seed = 1_u64;
        let noise: String = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'!' + u8::try_from((seed >> 33) % 90).unwrap())
            })
            .collect();
        let object = json!({"text": noise, "quote": "it's $HOME"});
        assert_eq!(rest.create("/api/v1/things", &object).await.unwrap(), json!({"sent": object}));
    }
    assert_eq!((machine.file("cert"), machine.file("key")), ("cert".into(), "key".into()));
    assert_eq!(machine.left(), 0, "nothing is left on the node");
    let runs = machine.runs.lock().unwrap();
    assert!(runs.len() > 10 && runs.iter().all(|length| *length < 64_000), "{runs:?}");
    let called = machine.file("called");
    assert!(called.contains("https://kubernetes:6443/api/v1/things?fieldManager=lazuli"), "{called}");
    assert!(called.contains("content-type: application/json"), "{called}");
}

#[tokio::test]
async fn who_is_not_reached_on_the_node_is_unreachable_and_the_rest_is_lost() {
    let ask = async |curl: &str| {
        let machine = Machine::new(curl, "");
        let error = Rest::from(machine.tunnel().client()).get("/api/v1/nodes").await.unwrap_err();
        format!("{error:?}")
    };
    let refused = ask("echo 'curl: (7) Failed to connect' >&2; exit 7").await;
    assert!(refused.starts_with("Unreachable") && refused.contains("Failed to connect"), "{refused}");
    let late = ask("echo 'curl: (28) Operation timed out' >&2; exit 28").await;
    assert!(late.starts_with("Lost"), "{late}");
}

#[tokio::test]
async fn a_command_in_a_container_brings_both_outputs_and_its_end() {
    let crictl =
        r#"case "$*" in *" ps "*) echo abc;; *) echo "args: $*"; echo "etcdserver: no" >&2; exit 3;; esac"#;
    let machine = Machine::new("", crictl);
    let ended =
        machine.tunnel().exec("etcd-prod-2", "etcd", &["etcdctl", "member", "remove", "it's"]).await.unwrap();
    assert_eq!(ended.stderr, "etcdserver: no");
    assert!(ended.stdout.ends_with("exec abc etcdctl member remove it's"), "{}", ended.stdout);
    assert_eq!(ended.failure.as_deref(), Some("command terminated with exit code 3"));
    let none = machine.tunnel().exec("etcd-prod-9", "etcd", &["etcdctl"]).await.unwrap_err();
    assert!(none.to_string().contains("prod-9 is no machine of the control plane"), "{none}");
}

#[tokio::test]
async fn when_one_machine_is_off_the_next_one_is_asked() {
    let machine = Arc::new(Machine { off: true, ..Machine::make(ECHO, "") });
    let rest = Rest::from(machine.tunnel().client());
    assert_eq!(rest.create("/x", &json!(1)).await.unwrap(), json!({"sent": 1}));
}
