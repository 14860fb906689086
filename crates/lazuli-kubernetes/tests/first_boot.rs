//! The scripts of a first boot, run in folders of their own with programs that only pretend.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod samples;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use lazuli_kubernetes::user_data::{BootSecrets, NodeBoot, render};
use serde_json::Value;

/// The document, unpacked where it is packed.
fn document(node: &NodeBoot) -> Value {
    let keys = if node.two_authorities { samples::keys_with_another() } else { samples::keys() };
    let data = render(node, &BootSecrets::of(&keys, node.role, &node.name).unwrap()).unwrap();
    let mut text = String::new();
    match data.as_bytes().starts_with(&[0x1f, 0x8b]) {
        true => flate2::read::GzDecoder::new(data.as_bytes()).read_to_string(&mut text).unwrap(),
        false => data.as_bytes().read_to_string(&mut text).unwrap(),
    };
    serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap()).unwrap()
}

fn file(node: &NodeBoot, path: &str) -> Option<String> {
    let config = document(node);
    let files = config["write_files"].as_array().unwrap();
    files.iter().find(|f| f["path"] == path).map(|f| f["content"].as_str().unwrap().to_owned())
}

#[test]
fn traces_of_the_keys_are_gone_from_the_disk_and_the_rest_stays() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path.trim_start_matches('/'));
    let write = |path: &str, text: &str| {
        std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        std::fs::write(at(path), text).unwrap();
    };
    let gone = [
        "/var/lib/cloud/instances/i-1/user-data.txt",
        "/var/lib/cloud/instances/i-1/user-data.txt.i",
        "/var/lib/cloud/instances/i-1/cloud-config.txt",
        "/var/lib/cloud/instances/i-1/obj.pkl",
        "/run/cloud-init/combined-cloud-config.json",
        "/run/lazuli/kubeadm.yaml",
        "/run/lazuli/steps/30-kubeadm.sh",
    ];
    let kept = [
        "/var/lib/cloud/instances/i-1/sem/config_runcmd",
        "/run/lazuli/boot.sh",
        "/etc/kubernetes/pki/ca.key",
    ];
    gone.iter().chain(&kept).for_each(|path| write(path, "KEY"));
    let ovf = "<ns1:a>\n<ns1:HostName>n</ns1:HostName><ns1:CustomData>S0VZ\nS0VZ</ns1:CustomData>\n</ns1:a>";
    write("/var/lib/waagent/ovf-env.xml", ovf);
    let script = file(&samples::first(), "/run/lazuli/steps/90-remove-traces.sh").unwrap();
    let folder = root.path().to_str().unwrap();
    let script =
        script.replace("/var/lib", &format!("{folder}/var/lib")).replace("/run/", &format!("{folder}/run/"));
    let done = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(gone.iter().all(|path| !at(path).exists()));
    assert!(kept.iter().all(|path| at(path).exists()));
    let left = std::fs::read_to_string(at("/var/lib/waagent/ovf-env.xml")).unwrap();
    assert_eq!(left, "<ns1:a>\n<ns1:HostName>n</ns1:HostName><ns1:CustomData></ns1:CustomData>\n</ns1:a>");
}

#[test]
fn a_shell_can_read_every_script() {
    for (_, node) in samples::all() {
        let config = document(&node);
        let files = config["write_files"].as_array().unwrap();
        let scripts = files.iter().filter(|f| f["path"].as_str().unwrap().ends_with(".sh"));
        let boot = config["bootcmd"].as_array().into_iter().flatten().map(|command| &command[2]);
        for script in scripts.map(|f| &f["content"]).chain(boot) {
            let done = Command::new("bash").args(["-n", "-c", script.as_str().unwrap()]).output().unwrap();
            assert!(done.status.success() && done.stderr.is_empty(), "{script}: {done:?}");
        }
    }
}

#[test]
fn commands_reach_the_shell_as_they_were_written_and_the_first_failure_ends_them() {
    let commands = ["echo \"it's\" '\\' $((1+1))", "-x", "echo ü🦀 'a\nb'", "exit 7", "echo never"];
    let node = NodeBoot { pre_bootstrap: commands.map(str::to_owned).to_vec(), ..samples::worker() };
    let script = file(&node, "/run/lazuli/steps/10-pre-bootstrap.sh").unwrap();
    let run = |script: &str| Command::new("bash").args(["-euo", "pipefail", "-c", script]).output().unwrap();
    let failed = run(&script);
    assert_eq!(failed.status.code(), Some(127), "there is no command `-x`");
    let done = run(&script.replace("'-x'", "'true'"));
    assert_eq!(done.status.code(), Some(7));
    insta::assert_snapshot!(String::from_utf8(done.stdout).unwrap(), @r"
    lazuli: pre_bootstrap_commands[0]
    it's \ 2
    lazuli: pre_bootstrap_commands[1]
    lazuli: pre_bootstrap_commands[2]
    ü🦀 a
    b
    lazuli: pre_bootstrap_commands[3]
    lazuli: pre_bootstrap_commands[3] ended with status 7
    ");
}

/// Runs the boot script with these steps in a folder instead of `/run/lazuli`.
fn boot(steps: &[(&str, &str)]) -> (tempfile::TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().to_str().unwrap();
    std::fs::create_dir(folder.path().join("steps")).unwrap();
    for (name, script) in steps {
        std::fs::write(folder.path().join("steps").join(name), script).unwrap();
    }
    let script = file(&samples::first(), "/run/lazuli/boot.sh").unwrap();
    let script = script.replace("/run/lazuli", run).replace("/var/log", run).replace("/dev/tty", run);
    let done = Command::new("bash").args(["-c", &script]).output().unwrap();
    (folder, done)
}

#[test]
fn a_boot_whose_steps_go_well_is_marked_prepared() {
    let (folder, done) = boot(&[("20-b.sh", "echo two"), ("10-a.sh", "echo one")]);
    assert!(done.status.success(), "{done:?}");
    assert!(folder.path().join("prepared").exists() && !folder.path().join("failed").exists());
    let log = std::fs::read_to_string(folder.path().join("lazuli.log")).unwrap();
    assert!(log.find("one").unwrap() < log.find("two").unwrap(), "{log}");
}

#[test]
fn a_boot_with_a_failing_step_stops_there_and_is_marked_failed_with_the_log() {
    let steps = [("10-a.sh", "echo fine"), ("20-b.sh", "false\necho never"), ("40-c.sh", "echo never")];
    let (folder, done) = boot(&steps);
    assert_eq!(done.status.code(), Some(1));
    assert!(!folder.path().join("prepared").exists());
    let failed = std::fs::read_to_string(folder.path().join("failed")).unwrap();
    assert!(failed.starts_with("lazuli: this node could not be prepared; "), "{failed}");
    assert!(failed.contains("fine") && failed.ends_with("20-b.sh ended with status 1\n"), "{failed}");
    assert!(!failed.contains("never"), "{failed}");
    assert_eq!(String::from_utf8(done.stdout).unwrap(), failed, "cloud-init's own log has it as well");
}

/// A machine: a folder that stands in for the disk, with programs that write down how they were called.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Machine(tempfile::tempdir().unwrap());
        for program in ["kubelet", "systemctl", "swapoff", "modprobe", "sysctl", "mountpoint"] {
            machine.program(program, "");
        }
        machine.program("kubeadm", "[ \"$1\" != version ] || echo v1.30.14");
        machine.program(
            "containerd",
            "[ \"$1 $2\" != 'config dump' ] || cat \"$ROOT\"/etc/containerd/config.toml",
        );
        machine.program("../opt/cni/bin/bridge", "");
        // Nobody waits: the clock goes on by what was to be slept.
        machine.program("date", "cat \"$ROOT\"/clock");
        machine.program("sleep", "echo $(($(cat \"$ROOT\"/clock) + $1)) >\"$ROOT\"/clock");
        machine.write("/clock", "0\n");
        machine.write("/etc/hosts", "127.0.0.1 localhost\n");
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    fn program(&self, name: &str, does: &str) {
        let path = format!("/bin/{name}");
        self.write(
            &path.replace("/bin/../", "/"),
            &format!("#!/bin/sh\necho \"${{0##*/}} $*\" >>\"$ROOT\"/calls\n{does}\n"),
        );
        let path = self.at(&path.replace("/bin/../", "/"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes the node's files below `/etc`, and runs one of its steps.
    fn run(&self, node: &NodeBoot, step: &str) -> Output {
        for file in document(node)["write_files"].as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            if path.starts_with("/etc/") {
                self.write(path, file["content"].as_str().unwrap());
            }
        }
        let root = self.0.path().to_str().unwrap();
        let script = file(node, &format!("/run/lazuli/steps/{step}")).unwrap();
        // The template is named as it is on a node; everything else is in the folder.
        let folders = [
            "/etc/containerd",
            "/etc/hosts",
            "/opt/cni",
            "/etc/sysctl.d",
            "/var/lib/etcddisk",
            "/etc/kubernetes",
            "/etc/lazuli",
        ];
        let script =
            folders.iter().fold(script, |script, path| script.replace(path, &format!("{root}{path}")));
        let path =
            std::env::join_paths([self.at("/bin").as_path(), Path::new("/usr/bin"), Path::new("/bin")])
                .unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &script]).env("PATH", path).env("ROOT", root);
        bash.output().unwrap()
    }
}

#[test]
fn containerd_takes_the_template_of_the_pod_network_beside_what_it_was_told_before() {
    let prepared = |config: &str| {
        let machine = Machine::new();
        machine.write("/etc/containerd/config.toml", config);
        // Twice, as after a crash of the machine.
        for _ in 0..2 {
            let done = machine.run(&samples::private(samples::worker()), "20-prepare.sh");
            assert!(done.status.success(), "{done:?}");
        }
        assert!(machine.read("calls").ends_with(
            "systemctl enable containerd\nsystemctl restart containerd\nsystemctl enable kubelet\n"
        ));
        machine.read("/etc/containerd/config.toml")
    };
    let plain = "imports = [\"/else/*.toml\"]\nversion = 2\n[plugins.\"io.containerd.grpc.v1.cri\".runc.options]\nSystemdCgroup = true\n";
    let said = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dir = '/opt/cni/bin'\nconf_template = ''\n[plugins.'io.containerd.cri.v1.runtime']\nSystemdCgroup = true\n";
    insta::assert_snapshot!([prepared(plain), prepared(said)].join("--\n"), @r#"
    imports = ["/else/*.toml"]
    version = 2
    [plugins."io.containerd.grpc.v1.cri".runc.options]
    SystemdCgroup = true

    [plugins."io.containerd.grpc.v1.cri".cni]
    conf_template = "/etc/cni/lazuli.conflist.template"
    --
    version = 3
    [plugins.'io.containerd.cri.v1.runtime'.cni]
    conf_template = "/etc/cni/lazuli.conflist.template"
    bin_dir = '/opt/cni/bin'
    [plugins.'io.containerd.cri.v1.runtime']
    SystemdCgroup = true
    "#);
}

#[test]
fn an_image_that_does_not_fit_is_told_with_what_is_wrong() {
    let node = samples::private(samples::worker());
    let said = |prepare: &dyn Fn(&Machine)| {
        let machine = Machine::new();
        machine.write("/etc/containerd/config.toml", "version = 2\n");
        prepare(&machine);
        let done = machine.run(&node, "20-prepare.sh");
        assert!(!done.status.success(), "{done:?}");
        let said = String::from_utf8(done.stdout).unwrap();
        said.replace(machine.0.path().to_str().unwrap(), "")
    };
    let all = [
        said(&|machine| machine.program("kubeadm", "echo v1.29.0")),
        said(&|machine| machine.write("/etc/containerd/config.toml", "version = 1\n")),
        said(&|machine| {
            // Another file wins, as containerd 1 has it.
            let once = "[ -e \"$ROOT\"/asked ] || { touch \"$ROOT\"/asked; echo SystemdCgroup = true; }";
            let template = "echo conf_template = /etc/cni/lazuli.conflist.template";
            machine.program("containerd", &format!("{once}; {template}"));
        }),
        said(&|machine| machine.program("containerd", "")),
        said(&|machine| std::fs::remove_file(machine.at("/opt/cni/bin/bridge")).unwrap()),
    ];
    insta::assert_snapshot!(all.concat(), @r"
    lazuli: the image has kubeadm v1.29.0, the profile asks for v1.30.14
    lazuli: /etc/containerd/config.toml has version '1', not 2 or 3
    lazuli: containerd lost its systemd cgroups (SystemdCgroup) when /etc/containerd/config.toml was given a CNI template
    lazuli: containerd does not take /etc/cni/lazuli.conflist.template for its CNI template: does another file that /etc/containerd/config.toml imports configure its CRI plugin?
    lazuli: the image has no CNI plugins in /opt/cni/bin
    ");
}

#[test]
fn a_control_plane_node_behind_an_internal_load_balancer_finds_itself_by_name() {
    let hosts = |node: NodeBoot, kubeadm_fails: bool| {
        let machine = Machine::new();
        if kubeadm_fails {
            machine.program("kubeadm", "exit 1");
        }
        let done = machine.run(&node, "30-kubeadm.sh");
        assert_eq!(done.status.success(), !kubeadm_fails, "{done:?}");
        machine.read("/etc/hosts").contains("127.0.0.1 api.prod.internal")
    };
    let private = samples::private;
    assert!(hosts(private(samples::first()), false));
    assert!(hosts(private(samples::first()), true), "before kubeadm, which needs it");
    assert!(hosts(private(samples::further()), false));
    assert!(!hosts(private(samples::further()), true), "after kubeadm, which needs the others until then");
    assert!(!hosts(private(samples::worker()), false));
    assert!(!hosts(samples::first(), false));
}

#[test]
fn kube_proxy_begins_anew_once_the_node_finds_itself_by_name() {
    let removed = |node: NodeBoot| {
        let machine = Machine::new();
        let named = "*' ps '*kube-proxy*) grep -q internal \"$ROOT\"/etc/hosts && echo abc; echo def";
        machine.program("crictl", &format!("case \" $* \" in {named} ;; esac"));
        let done = machine.run(&node, "30-kubeadm.sh");
        assert!(done.status.success(), "{done:?}");
        let calls = machine.read("/calls");
        let removals =
            calls.lines().filter_map(|call| call.split_once(" rm -f ").map(|(_, id)| id.to_owned()));
        removals.collect::<Vec<_>>()
    };
    assert_eq!(removed(samples::private(samples::further())), ["abc", "def"]);
    assert!(removed(samples::further()).is_empty());
    assert!(removed(samples::private(samples::worker())).is_empty());
}

/// The calls of programs but the clock's.
fn calls(machine: &Machine) -> Vec<String> {
    let calls = machine.read("/calls");
    calls.lines().filter(|call| !call.starts_with("date")).map(str::to_owned).collect()
}

#[test]
fn a_join_that_fails_is_undone_and_tried_again() {
    for (node, has_etcd) in [(samples::worker(), false), (samples::further(), true)] {
        let machine = Machine::new();
        machine.write("/var/lib/etcddisk/etcd/member/snap/db", "half");
        machine.program(
            "kubeadm",
            "[ \"$1\" != join ] || [ \"$(grep -c 'kubeadm join' \"$ROOT\"/calls)\" -ge 3 ]",
        );
        let done = machine.run(&node, "30-kubeadm.sh");
        assert!(done.status.success(), "{done:?}");
        let (join, reset) = ("kubeadm join --config /run/lazuli/kubeadm.yaml", "kubeadm reset --force");
        assert_eq!(calls(&machine), [join, reset, "sleep 10", join, reset, "sleep 20", join]);
        assert_eq!(machine.at("/var/lib/etcddisk/etcd").exists(), !has_etcd, "a member must start empty");
        assert!(machine.at("/var/lib/etcddisk").exists());
    }
}

#[test]
fn while_two_authorities_are_trusted_kubeadm_goes_on_with_both_and_the_signing_one_survives_a_reset() {
    let machine = Machine::new();
    let (prepare, reset) = ("join phase control-plane-prepare all", "reset --force");
    // Files as kubeadm leaves them; the first attempt fails after that.
    machine.program(
        "kubeadm",
        &format!(
            "pki=\"$ROOT\"/etc/kubernetes/pki\ncase \"$*\" in\n'{reset}') rm -rf \"$pki\" ;;\n'{prepare}'*)\n  \
             [ -s \"$pki\"/signing-ca.crt ] || exit 1\n  echo BOTH >\"$pki\"/ca.crt\n  \
             printf 'clusters:\\n- cluster:\\n    certificate-authority-data: Rk lSU1Q=\\n    server: s\\n' >\"$ROOT\"/etc/kubernetes/admin.conf ;;\n\
             *--skip-phases*) [ -e \"$ROOT\"/second ] || {{ touch \"$ROOT\"/second; exit 1; }} ;;\nesac"
        ),
    );
    let node = NodeBoot { two_authorities: true, ..samples::further() };
    let done = machine.run(&node, "30-kubeadm.sh");
    assert!(done.status.success(), "{done:?}");
    let config = "--config /run/lazuli/kubeadm.yaml";
    let attempt = [
        format!("kubeadm join phase preflight {config}"),
        format!("kubeadm {prepare} {config}"),
        format!("kubeadm join {config} --skip-phases preflight,control-plane-prepare"),
    ];
    let between = [format!("kubeadm {reset}"), "sleep 10".to_owned()];
    assert_eq!(calls(&machine), [&attempt[..], &between, &attempt].concat());
    assert_eq!(
        machine.read("/etc/kubernetes/admin.conf"),
        "clusters:\n- cluster:\n    certificate-authority-data: Qk9USAo=\n    server: s\n"
    );
    let signing = machine.read("/etc/kubernetes/pki/signing-ca.crt");
    assert_eq!(signing, samples::keys().cluster_ca.certificate_pem, "the one that signs, alone");
}

#[test]
fn a_join_that_always_fails_is_given_up_with_what_it_said_last() {
    let machine = Machine::new();
    // An attempt of its own takes five minutes: kubeadm waits for the API by itself.
    machine.program(
        "kubeadm",
        "[ \"$1\" != join ] || { echo $(($(cat \"$ROOT\"/clock) + 200)) >\"$ROOT\"/clock; echo 'no route'; exit 3; }",
    );
    let done = machine.run(&samples::worker(), "30-kubeadm.sh");
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        said.ends_with("no route\nlazuli: kubeadm ended with status 3 again and again for 10 minutes\n"),
        "{said}"
    );
    assert_eq!(calls(&machine).iter().filter(|call| call.starts_with("kubeadm join")).count(), 3, "{said}");
}

#[test]
fn images_of_the_first_node_are_fetched_again_and_its_keys_are_never_taken_away() {
    let pull = "kubeadm config images pull --config /run/lazuli/kubeadm.yaml";
    let init = "kubeadm init --config /run/lazuli/kubeadm.yaml --skip-token-print";
    let machine = Machine::new();
    machine.program("kubeadm", "[ \"$1\" != config ] || [ \"$(grep -c pull \"$ROOT\"/calls)\" -ge 2 ]");
    assert!(machine.run(&samples::first(), "30-kubeadm.sh").status.success());
    assert_eq!(calls(&machine), [pull, "sleep 10", pull, init]);

    let machine = Machine::new();
    machine.program("kubeadm", "exit 1");
    assert!(!machine.run(&samples::first(), "30-kubeadm.sh").status.success());
    let calls = calls(&machine);
    assert_eq!(calls.iter().filter(|call| *call == pull).count(), 5);
    assert_eq!(calls.last().unwrap(), init, "it says itself what is wrong");
    assert!(!calls.iter().any(|call| call.contains("reset")));
}
