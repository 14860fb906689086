//! Keys and tokens of a cluster are nowhere in clear: not in what is written, not in what is shown, not in the log.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::configurations::SMALL;
use crate::workbench::Workbench;

/// How a private key begins, also inside of base64 at each of its three offsets, and a packed user-data.
const SIGNS: [&str; 5] =
    ["PRIVATE KEY", "UFJJVkFURSBLRVkt", "BSSVZBVEUgS0VZL", "QUklWQVRFIEtFWS", "H4sIAAAA"];

/// What must be found nowhere of what is in some files: private keys, by the first line of their PEM. Half of it is the same
/// for all keys on one curve.
fn keys(texts: &str) -> BTreeSet<String> {
    let after =
        |mark: &'static str| texts.split(mark).skip(1).map(|rest| rest.get(..64).unwrap_or(rest).to_owned());
    after("PRIVATE KEY-----\\n").filter(|key| !key.starts_with('"') && !key.contains('-')).collect()
}

/// A bootstrap token: six characters, a point, sixteen.
fn token(text: &str) -> Option<&str> {
    let of_token = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    let bytes = text.as_bytes();
    let starts =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'.').filter_map(|(at, _)| at.checked_sub(6));
    let mut found = starts.filter(|start| {
        let (id, secret) = (bytes.get(*start..start + 6), bytes.get(start + 7..start + 23));
        let all = |part: Option<&[u8]>| part.is_some_and(|part| part.iter().all(of_token));
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        all(id) && all(secret) && !before.is_some_and(in_word) && !bytes.get(start + 23).is_some_and(in_word)
    });
    found.next().and_then(|start| text.get(start..start + 23))
}

fn assert_clean(what: &str, text: &str, keys: &BTreeSet<String>) {
    if let Some(sign) = SIGNS
        .into_iter()
        .chain(PASSWORD)
        .chain(keys.iter().map(String::as_str))
        .find(|sign| text.contains(sign))
    {
        let at = text.find(sign).unwrap_or(0);
        let from = text[..at].char_indices().rev().nth(200).map_or(0, |(at, _)| at);
        panic!("{what} holds a secret ({sign}) after …{}", &text[from..at]);
    }
    assert_eq!(token(text), None, "{what} holds a bootstrap token");
}

/// The files of a project, but for the world of the simulator: that is Azure and the nodes.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.ends_with(".tls") {
            files(&path, found);
        } else if path.is_file()
            && !name.starts_with("simulator-")
            && !name.ends_with(".hcl")
            && name != "db.yaml"
        {
            found.push((name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()));
        }
    }
}

/// Applies until the first machine is made, then ends at once: the journal stays.
fn killed_after_the_first_machine(bench: &Workbench) -> String {
    let mut child = bench.command(&["apply", "--auto-approve", "--json"]).spawn().unwrap();
    let errors = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || std::io::read_to_string(errors).unwrap());
    let mut shown = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        shown = shown + &line + "\n";
        if line.contains("step_complete") && line.contains("control_plane.node[\\\"1\\\"].vm") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    shown + &log.join().unwrap()
}

/// An add-on with a password, which is changed later.
const ADDON: &str = r#"
  addon "db" {
    manifests = ["db.yaml"]
    values    = { password = var.password }
  }
}

variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2-first"
}

cluster "small" {"#;
const MANIFEST: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: default}
stringData: {password: "${password}"}
---
apiVersion: v1
kind: Secret
metadata: {name: literal, namespace: default}
stringData: {password: hunter2-literal}
"#;
/// The password's beginning, and as base64.
const PASSWORD: [&str; 2] = ["hunter2", "aHVudGVyMi"];

#[test]
fn nothing_that_is_written_or_shown_holds_a_secret_of_a_cluster() {
    let three = SMALL.replacen("    count         = 1", "    count         = 3", 1);
    let mut bench =
        Workbench::with(&three.replacen("}\n\ncluster \"small\" {", ADDON.trim_start_matches('\n'), 1));
    bench.write("db.yaml", MANIFEST);
    bench.set("LAZULI_LOG", "trace");
    let mut found = vec![("an interrupted apply".to_owned(), killed_after_the_first_machine(&bench))];
    assert!(bench.path(".lazuli/journal").exists());
    files(&bench.path(""), &mut found);
    for line in [
        "apply --auto-approve --json",
        "plan --out same.plan",
        "show",
        "show --json",
        "state list",
        "state pull",
        "graph",
        "output --json",
        "cluster status small",
        "cluster check small",
    ] {
        let ran = bench.does(line);
        found.push((line.to_owned(), ran.stdout + &ran.stderr));
    }
    for part in ["pki.cluster_ca", "pki.service_account", "control_plane.node[\"1\"].vm"] {
        let ran = bench.run_with(&["state", "show", &format!("cluster.small.{part}")]);
        assert_eq!(ran.status, Some(0), "{ran}");
        found.push((format!("state show {part}"), ran.stdout + &ran.stderr));
    }
    bench.edit("main.hcl", "1.34.2", "1.35.0");
    bench.edit("main.hcl", "hunter2-first", "hunter2-second");
    for line in [
        "plan --html plan.html",
        "plan --out next.plan --json",
        "show next.plan --json",
        "show --html state.html",
        "graph --plan next.plan",
        "graph --plan next.plan --format svg",
    ] {
        let ran = bench.does(line);
        found.push((line.to_owned(), ran.stdout + &ran.stderr));
    }
    files(&bench.path(""), &mut found);
    found.push(("the recording".to_owned(), std::fs::read_to_string(bench.recording()).unwrap()));

    // What was scanned is in memory: its owner may have the keys now.
    bench.does("cluster keys --out pki");
    let mut written = Vec::new();
    files(&bench.path("pki"), &mut written);
    let owned: Vec<String> = written.iter().map(|(_, text)| text.replace('\n', "\\n")).collect();
    let keys = keys(&(owned.concat() + &std::fs::read_to_string(bench.world_copy()).unwrap()));
    assert!(
        keys.len() >= 7,
        "of the cluster, of etcd, of the front proxy, of accounts, and of each API server: {}",
        keys.len()
    );
    for (what, text) in &found {
        assert_clean(what, text, &keys);
    }
    assert!(found.iter().any(|(_, text)| text.contains("bootstrap-token-")), "requests are in the log");
    // Whoever asks for a kubeconfig gets one: the scan sees a key when there is one.
    let kubeconfig = bench.does("cluster kubeconfig small").stdout;
    assert!(SIGNS.into_iter().any(|sign| kubeconfig.contains(sign)));
}

#[test]
fn the_scan_knows_a_token_when_it_sees_one() {
    assert_eq!(token("token: \"abcdef.0123456789abcdef\""), Some("abcdef.0123456789abcdef"));
    assert_eq!(token("see lazuli.0123456789abcdef0 and a/config.yamlyamlyamlyaml"), None);
}
