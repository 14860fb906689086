//! Commands that edit a state, carry it elsewhere, change its key, or take its lock away.

use std::time::Duration;

use lazuli_state::{Backend, KeySources, OpenOptions};
use serde_json::{Value as Json, json};

use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{Ran, Workbench, repository, told};

fn table(label: &str, name: &str, more: &str) -> String {
    format!(
        "resource \"{label}\" {{\n  {more}\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  \
         resource_group = \"rg\"\n  location = \"eastus2\"\n  name = {name}\n}}\n"
    )
}

/// Two route tables, the second made after the first.
fn tables() -> Workbench {
    let two = [table("one", "\"one\"", ""), table("two", "\"two\"", "tags = { of = resource.one.name }")];
    let bench = Workbench::with(&format!("{ACCOUNT}{}", two.concat()));
    bench.applies();
    bench
}

fn backups(bench: &Workbench) -> usize {
    let entries = std::fs::read_dir(bench.path("")).unwrap();
    entries.filter(|e| e.as_ref().unwrap().file_name().to_str().unwrap().contains(".backup.")).count()
}

fn refused(bench: &Workbench, arguments: &[&str]) -> Ran {
    let before = (bench.bytes("lazuli.state"), backups(bench));
    let ran = bench.run_with(arguments);
    assert_eq!(ran.status, Some(1), "{ran}");
    assert_eq!(before, (bench.bytes("lazuli.state"), backups(bench)), "{ran}");
    ran
}

#[test]
fn what_is_moved_in_the_state_and_the_configuration_stays_as_it_is() {
    let bench = tables();
    let dry = bench.does("state mv resource.one resource.first --dry-run");
    told("mv_dry_run", &dry);
    assert_eq!(backups(&bench), 0);
    told("mv_one", bench.does("state mv resource.one resource.first"));
    // Without the configuration the next plan makes it anew: it says so.
    bench.write(
        "main.hcl",
        &bench.text("main.hcl").replace("resource.one", "resource.first").replace("\"one\" {", "\"first\" {"),
    );
    bench.is_settled();

    bench.does("state mv resource.first resource.first[0]");
    bench.edit("main.hcl", "resource \"first\" {", "resource \"first\" {\n  count = 1");
    bench.edit("main.hcl", "resource.first.name", "resource.first[0].name");
    bench.is_settled();
    let (_, sent) = bench.sent_by(|bench| {
        bench.does("state mv resource.first[0] resource.first");
        bench.does("state mv resource.first resource.one");
        bench.run("state list")
    });
    assert_eq!(sent, [""; 0]);
    // Four edits within a moment, four backups.
    assert_eq!(backups(&bench), 4);
    assert_eq!(bench.does("state list").stdout, "resource.one\nresource.two\n");
    let document = bench.does("state mv resource.two resource.second --json").document();
    assert_eq!(
        document,
        json!({
            "moved": [{"from": "resource.two", "to": "resource.second"}], "deposed": 0, "dry_run": false,
            "written": true, "serial": 6, "backup": "lazuli.state.backup.5",
        })
    );
}

#[test]
fn a_move_that_cannot_be_is_refused_and_says_why() {
    let bench = tables();
    told("mv_unknown", refused(&bench, &["state", "mv", "resource.onne", "resource.first"]));
    told("mv_occupied", refused(&bench, &["state", "mv", "resource.one", "resource.two"]));
    told("mv_other_kind", refused(&bench, &["state", "mv", "resource.one", "module.one"]));
    told("mv_within_itself", refused(&bench, &["state", "mv", "resource.one", "resource.one.inner"]));
}

#[test]
fn a_whole_cluster_moves_with_its_nodes_and_their_names() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let machines = bench.existing("Microsoft.Compute/virtualMachines");
    told("mv_cluster", bench.does("state mv cluster.small cluster.large"));
    let text = bench.text("main.hcl");
    let text = text.replace("cluster \"small\" {", "cluster \"large\" {\n  name = \"small\"");
    bench.write("main.hcl", &text.replace("cluster.small", "cluster.large"));
    bench.is_settled();
    assert_eq!(machines, bench.existing("Microsoft.Compute/virtualMachines"));
    bench.run_with(&[
        "state",
        "mv",
        "cluster.large.worker_pool[\"general\"]",
        "cluster.large.worker_pool[\"other\"]",
    ]);
    let slot = &bench
        .does("state show cluster.large.worker_pool[\"other\"].node[\"1\"].vm --json")
        .document()["slot"];
    assert_eq!(slot["address"], "cluster.large.worker_pool[\"other\"].node[\"1\"]");
    assert!(slot["name"].as_str().unwrap().starts_with("small-general-1-"), "{slot}");
}

#[test]
fn a_module_is_moved_as_a_whole() {
    let bench = Workbench::new();
    std::fs::create_dir(bench.path("m")).unwrap();
    bench.write(
        "m/main.hcl",
        &table("t", "\"t\"", "cloud_account = var.account")
            .replace("resource \"t\"", "variable \"account\" {\n}\nresource \"t\""),
    );
    let module = |name: &str| {
        format!("{ACCOUNT}module \"{name}\" {{\n  source = \"./m\"\n  account = cloud_account.sandbox\n}}\n")
    };
    bench.write("main.hcl", &module("old"));
    bench.applies();
    bench.does("state mv module.old module.new");
    bench.write("main.hcl", &module("new"));
    bench.is_settled();
}

#[test]
fn what_is_forgotten_stays_in_azure_and_is_taken_back_by_what_was_printed() {
    let bench = tables();
    told("rm_dry_run", bench.does("state rm resource.one --dry-run"));
    let (ran, sent) = bench.sent_by(|bench| bench.does("state rm resource.one"));
    assert_eq!(sent, [""; 0]);
    told("rm", &ran);
    assert_eq!(bench.does("state list").stdout, "resource.two\n");
    take_back(&bench, &ran);

    told("rm_unknown", refused(&bench, &["state", "rm", "resource.two", "resource.nope"]));
    let document = bench.does("state rm resource.one resource.two --json").document();
    assert_eq!(document["forgotten"].as_array().map(Vec::len), Some(2));
    assert!(document["imports"].as_str().unwrap().starts_with("import {\n  to = resource.one\n"));
    assert_eq!((&document["written"], &document["dry_run"]), (&json!(true), &json!(false)));
}

/// Puts the import blocks that were printed into the configuration and expects that nothing is made again.
fn take_back(bench: &Workbench, ran: &Ran) {
    let from = ran.stdout.find("import {").unwrap();
    let to = ran.stdout.rfind("}\n").unwrap() + 2;
    bench.write("taken_back.hcl", &ran.stdout[from..to]);
    let (applied, sent) = bench.sent_by(Workbench::applies);
    let made: Vec<&String> = sent.iter().filter(|line| !line.starts_with("PUT")).collect();
    assert!(made.is_empty(), "{applied}\n{sent:#?}");
    assert!(applied.stdout.contains("Applied. 0 added"), "{applied}\n{sent:#?}");
    std::fs::remove_file(bench.path("taken_back.hcl")).unwrap();
    bench.is_settled();
}

#[test]
fn a_forgotten_cluster_comes_back_with_the_same_nodes() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let machines = bench.existing("Microsoft.Compute/virtualMachines");
    let ran = bench.does("state rm cluster.small");
    take_back(&bench, &ran);
    assert_eq!(machines, bench.existing("Microsoft.Compute/virtualMachines"));
}

#[test]
fn what_is_pulled_can_be_pushed_and_nothing_else() {
    let mut bench = tables();
    let pulled = bench.does("state pull");
    assert_eq!(pulled.stdout.as_bytes(), bench.bytes("lazuli.state"));
    assert_eq!(bench.does("state pull --json").stdout, pulled.stdout);
    told("push_same", bench.asks("state push -", &pulled.stdout));
    bench.does("state rm resource.two");
    let older = &pulled.stdout;
    bench.write("older.state", older);
    told("push_older", refused(&bench, &["state", "push", "older.state"]));
    bench.write("half.state", &older[..older.len() / 2]);
    told("push_half", refused(&bench, &["state", "push", "half.state"]));
    bench.write("newer.state", "{\"format_version\": 99, \"serial\": 7}");
    told("push_newer", refused(&bench, &["state", "push", "newer.state", "--force"]));
    told("push_nothing", refused(&bench, &["state", "push", "nothing.state"]));
    let other = Workbench::with(&format!("{ACCOUNT}{}", table("one", "\"one\"", "")));
    other.write(".lazuli/lineage", "99999999-2222-4333-8444-555555555555\n");
    other.applies();
    std::fs::copy(other.path("lazuli.state"), bench.path("other.state")).unwrap();
    told("push_foreign", refused(&bench, &["state", "push", "other.state"]));

    let forced = bench.does("state push older.state --force");
    told("push_forced", &forced);
    bench.is_settled();
    assert_eq!(bench.does("state list").stdout, "resource.one\nresource.two\n");
    let document = bench.does("state push older.state --force --json").document();
    assert_eq!((&document["serial"], &document["from"]), (&json!(4), &json!("older.state")));

    // A state that was made elsewhere with the same key is taken as it is.
    bench.set("LAZULI_PASSPHRASE", "of no use here");
    let mut there = Workbench::with(&bench.text("main.hcl"));
    there.set("LAZULI_PASSPHRASE", "of no use here");
    let state = bench.does("state pull").stdout;
    assert_eq!(there.asks("state push -", &state).status, Some(0));
    assert_eq!(there.bytes("lazuli.state"), state.as_bytes());
    told("pull_nothing", Workbench::with(ACCOUNT).run("state pull"));
}

const SECRET: &str = "correct-horse-battery-staple";

/// A configuration with a secret in its state.
fn secretive() -> Workbench {
    let mut bench = Workbench::with(&format!(
        "{ACCOUNT}variable \"password\" {{\n  sensitive = true\n}}\n\
         output \"password\" {{\n  value = var.password\n  sensitive = true\n}}\n{}",
        table("one", "\"one\"", "tags = { hint = var.password }")
    ));
    bench.set("LAZULI_VAR_password", SECRET);
    bench
}

#[test]
fn a_new_key_opens_the_state_and_its_backups_and_the_old_one_nothing() {
    let mut bench = secretive();
    bench.set("LAZULI_PASSPHRASE", "first");
    let nothing = bench.run("state rekey --user-key");
    assert!(nothing.status == Some(1) && nothing.stderr.contains("LZ3021"), "{nothing}");
    assert!(!bench.path("lazuli.state").exists());
    bench.applies();
    bench.edit("main.hcl", "tags = { hint", "tags = { more = 1, hint");
    bench.applies();
    bench.does("plan --out monday.plan");
    told("rekey_no_key", refused(&bench, &["state", "rekey"]));
    bench.set("LAZULI_NEW_PASSPHRASE", "second");
    told("rekey", bench.does("state rekey"));
    told("rekey_old_key", refused(&bench, &["state", "list"]));
    bench.set("LAZULI_PASSPHRASE", "second");
    assert_eq!(bench.does("output password --raw").stdout, SECRET);
    for backup in ["lazuli.state.backup.1", "lazuli.state.backup.2"] {
        bench.does(&format!("show {backup}"));
    }
    told("rekey_saved_plan", bench.run("apply monday.plan"));
    bench.is_settled();

    // To a key file, and to the user's own key.
    bench.write("new.key", "0123456789abcdef0123456789abcdef\n");
    told("rekey_key_file", bench.does("state rekey --key-file new.key"));
    bench.set("LAZULI_KEY_FILE", "new.key");
    let document = bench.does("state rekey --user-key --json").document();
    assert_eq!((&document["key"], &document["sealed"]), (&json!("user's own key"), &json!(true)));
    assert_eq!(document["backups"]["resealed"].as_array().map(Vec::len), Some(3));
    std::fs::remove_file(bench.path("new.key")).unwrap();
    assert_eq!(bench.does("output password --raw").stdout, SECRET);
}

#[test]
fn a_saved_plan_of_a_key_that_is_still_there_is_stale_after_a_change_of_keys() {
    let mut bench = secretive();
    bench.applies();
    bench.does("plan --out monday.plan");
    bench.set("LAZULI_NEW_PASSPHRASE", "second");
    bench.does("state rekey");
    bench.set("LAZULI_PASSPHRASE", "second");
    let refused = bench.run("apply monday.plan");
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("is stale"), "{refused}");
}

#[test]
fn a_state_of_the_first_format_is_read_and_goes_on_as_the_present_one() {
    let mut bench = Workbench::with(ACCOUNT);
    for (from, to) in [("format-1.state", "lazuli.state"), ("format-1.key", "old.key")] {
        std::fs::copy(repository().join("testdata/state").join(from), bench.path(to)).unwrap();
    }
    bench.set("LAZULI_KEY_FILE", "old.key");
    assert_eq!(bench.does("output password --raw").stdout, format!("say {SECRET}"));
    assert_eq!(bench.does("state list").stdout.lines().count(), 18);
    bench.does("state mv resource.vault resource.safe");
    let state = bench.text("lazuli.state");
    assert!(state.starts_with("{\n\"format_version\":2,\n"), "{}", &state[..40]);
    assert!(bench.text("lazuli.state.backup.1").starts_with("{\n\"format_version\":1,\n"));
    assert_eq!(bench.does("output password --raw").stdout, format!("say {SECRET}"));
    assert_eq!(bench.does("show lazuli.state.backup.1").status, Some(0));
}

#[test]
fn a_lock_is_taken_away_only_when_that_is_meant() {
    let bench = tables();
    told("unlock_free", bench.does("force-unlock anything"));
    let here = lazuli::host::who();
    let (_, host) = here.rsplit_once('@').unwrap();
    let options = OpenOptions {
        command: "apply".to_owned(),
        who: format!("ada@{host}"),
        now: "2026-11-22T14:05:10Z".to_owned(),
        lock_timeout: Duration::ZERO,
        keys: KeySources::default(),
    };
    let mut held = Backend::local(bench.path("lazuli.state")).open(options, None).unwrap();
    let told_id = bench.run("plan").stderr;
    let (_, id) = told_id.split_once("lock id ").unwrap();
    let id = id.split(')').next().unwrap();
    let calm = |ran: Ran| {
        let text = ran.to_string().replace(&format!("@{host}"), "@[HOST]");
        text.replace(&std::process::id().to_string(), "[PID]")
    };
    told("unlock_other", calm(refused(&bench, &["force-unlock", "0"])));
    told("unlock_running", calm(refused(&bench, &["force-unlock", id])));
    told("unlock_forced", calm(bench.run_with(&["force-unlock", id, "--force"])));
    bench.applies();
    let world = (**held.world()).clone();
    assert_eq!(held.replace(world).unwrap_err().code(), "LZ2017");
    let left = bench.does(&format!("force-unlock {id} --json")).document();
    assert_eq!(left, json!({"was_held": false, "holder": Json::Null}));
}

#[test]
fn a_run_that_was_killed_leaves_a_name_and_no_lock() {
    let bench = tables();
    let left = json!({"id": "x", "who": "ada@build-7", "pid": 1, "since": "2026-11-22T14:05:10Z", "command": "apply"});
    bench.write(".lazuli/lock.json", &left.to_string());
    told("unlock_left", bench.does("force-unlock x"));
}

#[cfg(unix)]
#[test]
fn a_run_that_loses_its_lock_stops_and_the_next_one_finishes() {
    use std::io::{BufRead, BufReader};
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let mut child = bench.command(&["apply", "--auto-approve"]).spawn().unwrap();
    let mut heard = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if line.contains("creating") && !heard.contains("creating") {
            let holder: Json = serde_json::from_slice(&bench.bytes(".lazuli/lock.json")).unwrap();
            bench.does(&format!("force-unlock {} --force", holder["id"].as_str().unwrap()));
        }
        heard += &line;
        heard += "\n";
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{heard}");
    assert!(heard.contains("taken away from this run"), "{heard}");
    assert!(!bench.path("lazuli.state").exists(), "it wrote nothing");
    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    bench.applies();
    bench.is_settled();
}
