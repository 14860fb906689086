//! Ctrl-C, and kills at any moment.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use crate::configurations::SMALL;
use crate::workbench::{Ran, Workbench, told};

/// Starts an apply and sends a signal once so many lines of progress were seen that `enough` says so.
fn interrupted(bench: &Workbench, signal: &str, mut enough: impl FnMut(&str) -> bool) -> Ran {
    let mut child = bench.command(&["apply", "--auto-approve"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut heard = String::new();
    let mut sent = false;
    for line in lines.by_ref().map_while(Result::ok) {
        heard = heard + &line + "\n";
        if !sent && enough(&line) {
            send(&child, signal);
            sent = true;
        }
    }
    let mut output = child.wait_with_output().unwrap();
    output.stderr = heard.into_bytes();
    bench.ran(output)
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn ctrl_c_lets_what_runs_finish_and_the_next_apply_goes_on() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let is_machine = |line: &str| line.contains("control_plane.node[\"1\"].vm") && line.contains("creating");
    let ran = interrupted(&bench, "INT", is_machine);
    assert_eq!(ran.status, Some(130), "{ran}");
    let (_, end) = ran.stdout.split_once("\n\nApplied ").unwrap();
    let (end, _) = end.split_once("\n\nOutputs").unwrap();
    let numberless: String = end.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    told("interrupted", format!("Applied {}", numberless.replace("##", "#")));
    assert!(ran.stderr.contains("Stopping: what is running is finished and recorded."), "{ran}");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 1, "what ran was finished");
    bench.nothing_is_orphaned();

    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_loses_nothing() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let mut child = bench.command(&["apply", "--auto-approve"]).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains("creating cluster.small.control_plane.node[\"1\"].vm") || line.contains("Stopping") {
            send(&child, "INT");
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    let plan = bench.does("plan");
    assert!(plan.stderr.contains("stopped without finishing"), "{plan}");
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    for after in [1, 4, 9, 14, 20, 27, 33, 40] {
        let bench = Workbench::with(SMALL);
        let mut seen = 0;
        let killed = interrupted(&bench, "KILL", |_| {
            seen += 1;
            seen == after
        });
        assert!(killed.status.is_none() || killed.status == Some(0), "after {after} lines: {killed}");
        let plan = bench.does("plan");
        if plan.stderr.contains("stopped without finishing") {
            assert!(plan.stderr.contains("The last apply ("), "{plan}");
        }
        bench.applies();
        assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 2, "after {after} lines");
        bench.is_settled();
        bench.does("destroy --auto-approve");
        assert_eq!(bench.world().len(), 1, "after {after} lines");
    }
}
