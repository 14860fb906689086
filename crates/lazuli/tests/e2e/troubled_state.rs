//! States that are locked or damaged.

use std::time::Duration;

use lazuli_state::{Backend, KeySources, OpenOptions};

use crate::configurations::SMALL;
use crate::workbench::{Workbench, told};

#[test]
fn a_locked_state_names_who_holds_it_since_when_and_how_to_wait() {
    let bench = Workbench::with(SMALL);
    let options = OpenOptions {
        command: "apply".to_owned(),
        who: "ada@build-7".to_owned(),
        now: "2026-11-22T14:05:10Z".to_owned(),
        lock_timeout: Duration::ZERO,
        keys: KeySources::default(),
    };
    let held = Backend::local(bench.path("lazuli.state")).open(options, None).unwrap();
    for line in ["plan", "apply --auto-approve", "destroy --auto-approve"] {
        let refused = bench.run(line);
        assert_eq!(refused.status, Some(1), "{refused}");
        if line == "plan" {
            let text = refused.to_string();
            assert!(text.contains("2026-11-22T14:05:10Z"), "since when: {text}");
            told("locked", text);
        }
    }
    // Looking takes no lock.
    bench.does("state list");
    bench.does("validate");
    assert!(bench.sent().is_empty());

    let mut waiting = bench.command(&["plan", "--lock-timeout", "5m"]).spawn().unwrap();
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(waiting.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut lines, &mut said).unwrap();
    assert!(said.contains("ada@build-7") && said.starts_with("Waiting"), "{said}");
    drop(held);
    assert!(waiting.wait_with_output().unwrap().status.success());
}

/// A project whose state has a backup.
fn applied_twice() -> Workbench {
    let bench = Workbench::with(SMALL);
    bench.applies();
    bench.edit(
        "main.hcl",
        "resource_group = \"rg\"",
        "resource_group = \"rg\"\n  tags           = { twice = \"yes\" }",
    );
    bench.applies();
    bench
}

#[test]
fn a_damaged_state_is_refused_untouched_and_its_backup_named() {
    let bench = applied_twice();
    let whole = bench.bytes("lazuli.state");
    let sent = bench.sent().len();
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    let damages: [(&str, Vec<u8>); 5] = [
        ("truncated", whole[..middle].to_vec()),
        ("flipped", flipped),
        ("empty", Vec::new()),
        ("no_state", b"hello\n".to_vec()),
        ("tail_missing", whole[..whole.len() - 3].to_vec()),
    ];
    for (name, bytes) in damages {
        std::fs::write(bench.path("lazuli.state"), &bytes).unwrap();
        for line in ["plan", "apply --auto-approve", "destroy --auto-approve", "state list"] {
            let refused = bench.run(line);
            assert_eq!(refused.status, Some(1), "{name}: {refused}");
            assert!(refused.stderr.contains("lazuli.state.backup."), "{name}: {refused}");
            if line == "plan" {
                told(&format!("damaged_{name}"), refused);
            }
        }
        assert_eq!(bench.bytes("lazuli.state"), bytes, "{name}");
    }
    assert_eq!(bench.sent().len(), sent, "nothing was touched");

    std::fs::copy(bench.path("lazuli.state.backup.1"), bench.path("lazuli.state")).unwrap();
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_state_that_is_not_the_one_it_should_be_is_refused() {
    let bench = applied_twice();
    bench.edit("main.hcl", "twice = \"yes\"", "twice = \"no\"");
    bench.applies();
    let state = bench.bytes("lazuli.state");
    let sent = bench.sent().len();
    let refused = |name: &str, hint: &str| {
        for line in ["plan", "apply --auto-approve", "destroy --auto-approve", "state list", "output", "show"]
        {
            let refused = bench.run(line);
            assert_eq!(refused.status, Some(1), "{name}: {refused}");
            assert!(refused.stderr.contains(hint), "{name}: {refused}");
            if line == "plan" {
                told(&format!("state_{name}"), refused);
            }
        }
    };
    std::fs::copy(bench.path("lazuli.state.backup.1"), bench.path("lazuli.state")).unwrap();
    refused("older", "cp lazuli.state.backup.2 lazuli.state");
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    refused("missing", "cp lazuli.state.backup.2 lazuli.state");
    bench.write("lazuli.state", "{\n\"format_version\":99,\n\"serial\":3\n}\n");
    refused("newer", "use the Lazuli that wrote it");
    std::fs::write(bench.path("lazuli.state"), &state).unwrap();

    // The journal of another state.
    let other = Workbench::with(SMALL);
    other.write(".lazuli/lineage", "99999999-2222-4333-8444-555555555555\n");
    let options = OpenOptions {
        command: "apply".to_owned(),
        who: "ada@build-7".to_owned(),
        now: "2026-11-22T14:05:10Z".to_owned(),
        lock_timeout: Duration::ZERO,
        keys: KeySources::default(),
    };
    let mut open = Backend::local(other.path("lazuli.state")).open(options, None).unwrap();
    let journal = open.journal().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let record = lazuli_core::journal::Record::Undone { step: 0 };
    runtime.block_on(lazuli_core::journal::Journal::append(&*journal, record)).unwrap();
    std::fs::copy(other.path(".lazuli/journal"), bench.path(".lazuli/journal")).unwrap();
    refused("foreign_journal", "move .lazuli/journal away");
    std::fs::remove_file(bench.path(".lazuli/journal")).unwrap();
    assert_eq!(bench.sent().len(), sent, "nothing was touched");
    bench.is_settled();
}

#[test]
fn a_state_cannot_be_read_without_its_key() {
    let mut bench = Workbench::with(SMALL);
    bench.set("LAZULI_PASSPHRASE", "first");
    bench.applies();
    bench.is_settled();
    bench.set("LAZULI_PASSPHRASE", "second");
    let refused = bench.run("plan");
    assert_eq!(refused.status, Some(1));
    told("wrong_passphrase", refused);
}
