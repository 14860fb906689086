//! The scripts are run by a real shell, with a `curl` and a `crictl` that only pretend.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use lazuli_core::resource::ResourceId;
use serde_json::json;
use time::OffsetDateTime;

use super::{RunCommand, RunCommandError, Tunnel};
use crate::api::{Exec, Rest};
use crate::keyring::ClusterId;

struct Machine {
    folder: tempfile::TempDir,
    runs: Mutex<Vec<usize>>,
    /// What comes of scripts on the first machine.
    first: Option<RunCommandError>,
    /// Which machines were asked, and which are to be asked last.
    asked: Mutex<Vec<String>>,
    last: Mutex<Vec<String>>,
    /// When scripts are sent.
    now: Option<OffsetDateTime>,
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
        Machine {
            folder,
            runs: Mutex::default(),
            first: None,
            asked: Mutex::default(),
            last: Mutex::default(),
            now: None,
        }
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
        let now = self.now;
        let now = Arc::new(move || now.unwrap_or_else(OffsetDateTime::now_utc));
        Tunnel { root, ..Tunnel::new(run, ClusterId::of(&id).unwrap(), 7443, now) }
    }

    fn scripts(&self) -> usize {
        self.runs.lock().unwrap().len()
    }

    /// Which machines were asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// What the agent's folders hold that has something in it.
    fn kept_by_the_agent(&self) -> Vec<String> {
        let download = self.folder.path().join("waagent/run-command/download");
        let folders = std::fs::read_dir(download).unwrap().map(|folder| folder.unwrap().path());
        let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let files = files.map(|file| file.unwrap()).filter(|file| file.metadata().unwrap().len() > 0);
        files.map(|file| file.file_name().into_string().unwrap()).collect()
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
        let mut names = ["prod-1", "prod-2"];
        names.sort_by_key(|name| self.last.lock().unwrap().iter().any(|last| last == name));
        names.iter().map(|name| ResourceId::new(format!("/vm/{name}"))).collect()
    }

    fn put_last(&self, machine: &ResourceId) {
        self.last.lock().unwrap().push(machine.name().to_owned());
    }

    async fn run(&self, machine: &ResourceId, script: &str) -> Result<String, RunCommandError> {
        self.asked.lock().unwrap().push(machine.name().to_owned());
        if let Some(error) = self.first.clone().filter(|_| machine.name() == "prod-1") {
            return Err(error);
        }
        // As the agent does it.
        let download = self.folder.path().join(format!("waagent/run-command/download/{}", self.scripts()));
        std::fs::create_dir_all(&download).unwrap();
        let file = download.join("script.sh");
        std::fs::write(&file, script).unwrap();
        let path = format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display());
        let home: &Path = self.folder.path();
        let output = Command::new("sh")
            .arg(&file)
            .env("PATH", path)
            .env("HOME", home)
            .env("MACHINE", machine.name())
            .output()
            .unwrap();
        std::fs::write(download.join("stdout"), &output.stdout).unwrap();
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
    // What the last script wrote cannot go before the agent has read it.
    assert_eq!(machine.kept_by_the_agent(), ["stdout"]);
    let runs = machine.runs.lock().unwrap();
    assert!(runs.len() > 10 && runs.iter().all(|length| *length < 64_000), "{runs:?}");
    let called = machine.file("called");
    assert!(called.contains("https://kubernetes:7443/api/v1/things?fieldManager=lazuli"), "{called}");
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

/// What a request of a method comes to when the first machine fails, and which machines it was sent to.
async fn tried(
    machine: Machine,
    method: &str,
) -> (Result<serde_json::Value, crate::api::ApiError>, Vec<String>) {
    let machine = Arc::new(machine);
    let rest = Rest::from(machine.tunnel().client());
    let send = async || match method {
        "GET" => rest.get("/x").await.map(Option::unwrap_or_default),
        "PATCH" => rest.merge("/x", &json!(1)).await,
        _ => rest.create("/x", &json!(1)).await,
    };
    let result = send().await;
    let asked = machine.asked();
    // From then on the one that failed is asked last.
    send().await.unwrap();
    assert_eq!(machine.asked(), ["prod-2"], "{method}");
    (result, asked)
}

/// A curl that is answered with a status on the first machine and with 200 on the second.
fn failing(status: u16) -> String {
    let answer = format!(
        r#"{{"kind":"Status","reason":"Conflict","code":{status},"message":"transport is closing"}}"#
    );
    let options = "while [ $# -gt 0 ]; do case $1 in -o) out=$2;; esac; shift; done";
    format!(
        "code=200; [ $MACHINE = prod-2 ] || code={status}\n{options}\nprintf '%s' '{answer}' >$out; printf $code"
    )
}

#[tokio::test]
async fn when_one_machine_fails_the_next_one_is_asked_where_that_does_no_harm() {
    let both = ["prod-1", "prod-2"];
    let off = RunCommandError::NotRun("the machine is off".to_owned());
    let hung = RunCommandError::Unknown("the agent is silent".to_owned());
    for (first, method, asked) in [
        (&off, "GET", &both[..]),
        (&off, "POST", &both),
        (&hung, "GET", &both),
        (&hung, "PATCH", &both),
        (&hung, "POST", &both[..1]),
    ] {
        let machine = Machine { first: Some(first.clone()), ..Machine::make(&failing(200), "") };
        let (result, were_asked) = tried(machine, method).await;
        assert_eq!(were_asked, asked, "{first} {method}");
        assert_eq!(result.is_ok(), asked.len() == 2, "{first} {method}: {result:?}");
    }
}

#[tokio::test]
async fn an_api_server_that_has_left_etcd_is_not_the_only_one_that_is_asked() {
    for (status, method, asked) in [
        (500, "GET", 2),
        (502, "GET", 2),
        (503, "GET", 2),
        (504, "GET", 2),
        (500, "PATCH", 2),
        (500, "POST", 1),
        (503, "POST", 2),
    ] {
        let (result, were_asked) = tried(Machine::make(&failing(status), ""), method).await;
        assert_eq!(were_asked.len(), asked, "{status} {method}");
        assert_eq!(result.is_ok(), asked == 2, "{status} {method}: {result:?}");
    }
    // A refusal is an answer.
    let machine = Arc::new(Machine::make(&failing(409), ""));
    let refused = Rest::from(machine.tunnel().client()).get("/x").await.unwrap_err();
    assert!(refused.is_conflict() && machine.asked().len() == 1, "{refused:?}");
}

#[tokio::test]
async fn what_an_agent_runs_long_after_it_was_sent_does_nothing() {
    let sent = OffsetDateTime::now_utc() - time::Duration::hours(1);
    let machine = Arc::new(Machine { now: Some(sent), ..Machine::make(ECHO, "") });
    let error = Rest::from(machine.tunnel().client()).create("/x", &json!(1)).await.unwrap_err();
    assert!(format!("{error:?}").starts_with("Unreachable"), "{error:?}");
    assert!(error.to_string().contains("look at the clocks"), "{error}");
    assert!(!machine.folder.path().join("called").exists(), "it was sent all the same");
    assert_eq!(machine.kept_by_the_agent(), ["stdout", "stdout"]);
}
