//! Ctrl-C, and kills at any moment.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use crate::configurations::SMALL;
use crate::workbench::{Ran, Workbench, told};

/// Runs, and calls `stop` with the process once `enough` says of a line of progress that it is time.
fn stopped(
    bench: &Workbench,
    arguments: &[&str],
    mut enough: impl FnMut(&str) -> bool,
    stop: impl FnOnce(&mut Child),
) -> Ran {
    let mut child = bench.command(arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut heard = String::new();
    let mut stop = Some(stop);
    for line in lines.by_ref().map_while(Result::ok) {
        heard = heard + &line + "\n";
        if stop.is_some() && enough(&line) {
            stop.take().into_iter().for_each(|stop| stop(&mut child));
        }
    }
    let mut output = child.wait_with_output().unwrap();
    output.stderr = heard.into_bytes();
    bench.ran(output)
}

/// Kills a run after so many lines of progress, and says whether it was still running.
fn killed(bench: &Workbench, arguments: &[&str], after: usize) -> bool {
    let mut seen = 0;
    let enough = |_: &str| {
        seen += 1;
        seen == after
    };
    let ran = stopped(bench, arguments, enough, |child| child.kill().unwrap());
    assert!(ran.status.is_none() || ran.status == Some(0), "{arguments:?} after {after} lines: {ran}");
    ran.status.is_none()
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Ctrl-C.
fn interrupt(child: &mut Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn ctrl_c_lets_what_runs_finish_and_the_next_apply_goes_on() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let is_machine = |line: &str| line.contains("control_plane.node[\"1\"].vm") && line.contains("creating");
    let ran = stopped(&bench, &APPLY, is_machine, interrupt);
    assert_eq!(ran.status, Some(130), "{ran}");
    // How many steps were done hangs on the moment.
    for said in ["Interrupted: ", "not started. Nothing else is running.", "`lazuli apply` goes on from here"]
    {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    assert!(ran.stderr.contains("Stopping: what is running is finished and recorded."), "{ran}");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 1, "what ran was finished");
    bench.nothing_is_orphaned();

    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    bench.applies();
    bench.is_settled();
}

#[test]
fn ctrl_c_ends_the_waiting_for_a_node_and_the_next_apply_goes_on_with_the_same_one() {
    let patience = "    update {\n      min_ready_seconds = 900\n    }\n";
    let pool = "  worker_pool \"general\" {\n";
    let bench = Workbench::with(&SMALL.replace(pool, &format!("{pool}{patience}")));
    let waits =
        |line: &str| line.contains("creating cluster.small.worker_pool[\"general\"].node[\"1\"].member");
    let begun = std::cell::Cell::new(None);
    let ran = stopped(&bench, &APPLY, waits, |child| {
        begun.set(Some(std::time::Instant::now()));
        interrupt(child);
    });
    let took = begun.get().expect("nobody waited for a node").elapsed();
    assert!(took.as_secs() < 60, "it was waited for: {took:?}");
    assert_eq!(ran.status, Some(130), "{ran}");
    told("stopped_while_waiting", report_of(&ran));
    let machines = bench.existing("Microsoft.Compute/virtualMachines");

    bench.edit("main.hcl", "min_ready_seconds = 900", "min_ready_seconds = 0");
    bench.applies();
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines"), machines, "nothing was replaced");
    bench.is_settled();
}

/// An add-on whose only pod finds no node.
const STUCK: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck, namespace: default}
spec:
  selector: {matchLabels: {app: stuck}}
  template:
    metadata: {labels: {app: stuck}}
    spec:
      nodeSelector: {disk: fast}
      containers: [{name: stuck, image: registry.example/stuck:1}]
"#;

#[test]
fn an_add_on_that_was_not_waited_for_to_the_end_is_not_done() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    bench.write("stuck.yaml", STUCK);
    let profile = "cluster_profile \"base\" {\n";
    let addon = "  addon \"stuck\" {\n    manifests = [\"stuck.yaml\"]\n  }\n";
    bench.edit("main.hcl", profile, &format!("{profile}{addon}"));
    let waits = |line: &str| line.contains("creating cluster.small.addon[\"stuck\"]");
    let ran = stopped(&bench, &APPLY, waits, interrupt);
    assert_eq!(ran.status, Some(130), "{ran}");
    let plan = bench.run("plan --detailed-exitcode");
    assert_eq!(plan.status, Some(2), "{plan}");
    assert!(plan.stdout.contains("stuck"), "{plan}");

    bench.edit("stuck.yaml", "      nodeSelector: {disk: fast}\n", "");
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_loses_nothing() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let mut child = bench.command(&APPLY).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains("creating cluster.small.control_plane.node[\"1\"].vm") || line.contains("Stopping") {
            interrupt(&mut child);
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    let plan = bench.does("plan");
    assert!(plan.stderr.contains("stopped without finishing"), "{plan}");
    bench.applies();
    bench.is_settled();
}

/// One step at a time, so that the same is done in every run when the signal comes.
const ONE_BY_ONE: [&str; 4] = ["apply", "--auto-approve", "--parallelism", "1"];

/// What is in progress when it is stopped.
fn is_machine(line: &str) -> bool {
    line.contains("control_plane.node[\"1\"].vm") && line.contains("creating")
}

fn report_of(ran: &Ran) -> String {
    let from = ran.stdout.find("\nApplied ").or_else(|| ran.stdout.find("\nDestroyed "));
    ran.stdout[from.unwrap_or_else(|| panic!("no report: {ran}"))..].to_owned()
}

#[test]
fn the_report_of_a_stopped_run_and_of_the_one_that_goes_on() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    // As pipelines do it.
    let terminate = |child: &mut Child| {
        let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(status.success());
    };
    let stopped_run = stopped(&bench, &ONE_BY_ONE, is_machine, terminate);
    assert_eq!(stopped_run.status, Some(130), "{stopped_run}");
    told("stopped_report", report_of(&stopped_run));
    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    told("resumed_apply", bench.applies());
    bench.is_settled();
}

#[test]
fn a_stopped_run_says_in_json_what_it_did_not_do() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let arguments = [&ONE_BY_ONE[..], &["--json"]].concat();
    let mut child = bench.command(&arguments).spawn().unwrap();
    let mut end = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        match event["type"].as_str().unwrap() {
            "step_start" if event["address"].as_str().unwrap().ends_with("control_plane.node[\"1\"].vm") => {
                interrupt(&mut child);
            }
            "unfinished" | "change_summary" | "done" => end.push(line),
            _ => {}
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    told("stopped_json", end[1..].join("\n"));
}

#[test]
fn the_report_of_a_run_that_was_left_at_once() {
    let bench = Workbench::with(&SMALL.replace("\"instant\"", "\"fast\""));
    let mut child = bench.command(&ONE_BY_ONE).spawn().unwrap();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if is_machine(&line) || line.contains("Stopping") {
            interrupt(&mut child);
        }
    }
    let ran = bench.ran(child.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(130));
    told("left_report", report_of(&ran));
    bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let mut times = 0;
    for after in [1, 4, 9, 14, 20, 27, 33, 40] {
        let bench = Workbench::with(SMALL);
        let was_killed = killed(&bench, &APPLY, after);
        times += usize::from(was_killed);
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
    assert!(times > 3, "most of the runs are killed in time");
}

#[test]
fn a_killed_destroy_is_finished_by_the_next() {
    let bench = Workbench::with(SMALL);
    let mut times = 0;
    for after in [1, 5, 9, 14, 20, 26] {
        bench.applies();
        times += usize::from(killed(&bench, &["destroy", "--auto-approve"], after));
        bench.does("plan --destroy");
        bench.does("destroy --auto-approve");
        assert_eq!(bench.world().len(), 1, "after {after} lines");
        assert!(bench.recorded().is_empty(), "after {after} lines");
    }
    assert!(times > 2, "most of the runs are killed in time");
}

#[test]
fn a_killed_replacement_ends_with_one_node_where_one_was() {
    let address = "cluster.small.worker_pool[\"general\"].node[\"1\"]";
    let mut times = 0;
    for after in [1, 2, 3, 4, 5, 6, 7] {
        let bench = Workbench::with(SMALL);
        bench.applies();
        times += usize::from(killed(&bench, &["apply", "--auto-approve", "--replace", address], after));
        bench.does("plan");
        bench.applies();
        let machines = bench.existing("Microsoft.Compute/virtualMachines");
        assert_eq!(machines.len(), 2, "after {after} lines: {machines:?}");
        assert_eq!(bench.existing("Microsoft.Network/networkInterfaces").len(), 2, "after {after} lines");
        bench.is_settled();
    }
    assert!(times > 2, "most of the runs are killed in time");
}

#[test]
fn what_a_killed_run_leaves_holds_no_secret_in_clear() {
    let secret = "correct-horse-battery-staple";
    let tagged = SMALL
        .replace("  network {\n", "  tags           = { hint = \"is-${var.password}\" }\n\n  network {\n");
    let variable = "variable \"password\" {\n  type      = string\n  sensitive = true\n}\n";
    let mut journals = 0;
    for after in [6, 16, 26, 32] {
        let mut bench = Workbench::with(&format!("{tagged}\n{variable}"));
        bench.set("LAZULI_VAR_password", secret);
        journals += usize::from(killed(&bench, &APPLY, after) && bench.path(".lazuli/journal").exists());
        let journal = bench.path(".lazuli/journal");
        for path in [journal, bench.path("lazuli.state")].iter().filter(|path| path.exists()) {
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            for marker in [secret, "#cloud-config", "I2Nsb3VkLWNvbmZpZ"] {
                assert!(!text.contains(marker), "{marker} in {}", path.display());
            }
        }
        bench.applies();
        bench.is_settled();
    }
    assert!(journals > 1, "most of the runs leave a journal");
}

/// Runs until some text is heard on standard error, however a line ends there, and presses Ctrl-C.
fn stopped_at(bench: &Workbench, arguments: &[&str], text: &str) -> Ran {
    let mut command = bench.command(arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let nobody_answers = child.stdin.take();
    let mut stderr = child.stderr.take().unwrap();
    let (mut heard, mut byte, mut pressed) = (Vec::new(), [0], false);
    while stderr.read(&mut byte).unwrap() > 0 {
        heard.push(byte[0]);
        if !pressed && heard.ends_with(text.as_bytes()) {
            pressed = true;
            interrupt(&mut child);
        }
    }
    assert!(pressed, "{}", String::from_utf8_lossy(&heard));
    let mut output = child.wait_with_output().unwrap();
    drop(nobody_answers);
    output.stderr = heard;
    bench.ran(output)
}

#[test]
fn ctrl_c_at_the_question_changes_nothing_and_says_so() {
    let bench = Workbench::with(SMALL);
    let ran = stopped_at(&bench, &["apply"], "Only `yes` is accepted: ");
    assert_eq!(ran.status, Some(130), "{ran}");
    told("stopped_at_the_question", &ran.stderr);
    assert!(bench.sent().is_empty(), "{:?}", bench.sent());
    assert!(!bench.path(".lazuli/lock.json").exists(), "the lock was given back");
    bench.applies();
    let ran = stopped_at(&bench, &["destroy"], "Only `yes` is accepted: ");
    assert_eq!(ran.status, Some(130), "{ran}");
    assert!(ran.stderr.contains("`lazuli destroy` begins anew"), "{ran}");
    bench.is_settled();
}

#[test]
fn ctrl_c_while_azure_is_looked_at_ends_at_once_and_with_json_by_events() {
    let mut bench = Workbench::with(SMALL);
    bench.applies();
    bench.faults(&serde_json::json!([{"method": "GET", "answer": {"throttle": {"retry_after": 500}}}]));
    bench.set("LAZULI_LOG", "lazuli_azure=debug");
    let stop = |arguments: &[&str]| stopped_at(&bench, arguments, "request is sent again");
    for (arguments, said) in [
        (&["plan"][..], "nothing was changed. `lazuli plan` begins anew."),
        (&["apply", "--auto-approve"], "before the first step: nothing was changed in Azure"),
        (
            &["import", "--generate", "new.hcl", "--resource-group", "rg-small"],
            "the same command begins anew",
        ),
    ] {
        let ran = stop(arguments);
        assert_eq!(ran.status, Some(130), "{arguments:?}: {ran}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {ran}");
    }
    let ran = stop(&["plan", "--json"]);
    assert_eq!(ran.status, Some(130), "{ran}");
    told("stopped_while_looking_json", &ran.stdout);
    assert!(!bench.path(".lazuli/lock.json").exists(), "the lock was given back");
}

#[test]
fn ctrl_c_ends_waiting_for_a_lock() {
    let bench = Workbench::with(SMALL);
    let mut command = bench.command(&["apply"]);
    let mut holder = command.stdin(Stdio::piped()).spawn().unwrap();
    let _nobody_answers = holder.stdin.take();
    let mut stderr = BufReader::new(holder.stderr.take().unwrap());
    stderr.read_until(b':', &mut Vec::new()).unwrap(); // it asks, so it has the lock
    let ran = stopped_at(&bench, &["plan", "--lock-timeout", "5m"], "Waiting for the state's lock");
    assert_eq!(ran.status, Some(130), "{ran}");
    assert!(ran.stderr.contains("Interrupted: nothing was changed."), "{ran}");
    interrupt(&mut holder);
    assert_eq!(holder.wait().unwrap().code(), Some(130));
}

#[test]
fn ctrl_c_in_the_console_is_an_exit_code_and_no_death() {
    let bench = Workbench::with(SMALL);
    let mut command = bench.command(&["console"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut somebody = child.stdin.take().unwrap(); // who goes on standing there
    somebody.write_all(b"1 + 1\n").unwrap();
    let mut answer = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"2\n");
    interrupt(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(somebody);
}
