//! `--json`: events, one object per line.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};

use serde_json::{Value as Json, json};

use crate::configurations::SMALL;
use crate::workbench::{Ran, Workbench, told};

/// The contract's types.
const TYPES: [&str; 12] = [
    "version",
    "diagnostic",
    "planned_change",
    "change_summary",
    "preflight",
    "step_start",
    "step_progress",
    "step_complete",
    "step_errored",
    "unfinished",
    "outputs",
    "done",
];

fn checked(ran: &Ran) -> Vec<Json> {
    assert_eq!(ran.stderr, "", "nothing but events");
    let events = ran.events();
    for event in &events {
        assert!(TYPES.contains(&event["type"].as_str().unwrap()), "{event}");
        assert!(event["@timestamp"].as_str().unwrap().ends_with('Z'), "{event}");
    }
    events
}

fn of_type<'a>(events: &'a [Json], ty: &str) -> Vec<&'a Json> {
    events.iter().filter(|event| event["type"] == ty).collect()
}

#[test]
fn a_plan_and_an_apply_are_told_as_events() {
    let bench = Workbench::with(SMALL);
    let plan = checked(&bench.does("--json plan"));
    assert_eq!(plan[0]["type"], "version");
    assert_eq!(of_type(&plan, "planned_change").len(), 30);
    let changes = json!({"add": 30, "change": 0, "remove": 0, "import": 0, "move": 0});
    let summary = of_type(&plan, "change_summary");
    assert_eq!((&summary[0]["changes"], &summary[0]["operation"]), (&changes, &json!("plan")));

    let apply = checked(&bench.does("--json apply --auto-approve"));
    let addresses = |ty: &str| -> BTreeSet<String> {
        of_type(&apply, ty).iter().map(|event| event["address"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(addresses("step_start").len(), 30);
    assert_eq!(addresses("step_start"), addresses("step_complete"));
    assert_eq!(addresses("step_start"), addresses("planned_change"));
    let summaries = of_type(&apply, "change_summary");
    assert_eq!((&summaries[1]["changes"], &summaries[1]["operation"]), (&changes, &json!("apply")));
    assert_eq!(of_type(&apply, "outputs").len(), 1);
    let done = apply.last().unwrap();
    assert_eq!((&done["type"], &done["exit_code"]), (&json!("done"), &json!(0)));

    let settled = checked(&bench.does("--json apply --auto-approve"));
    assert_eq!(settled.last().unwrap()["type"], "done", "a run that had nothing to do ends like any other");
    let destroy = checked(&bench.does("--json destroy --auto-approve"));
    let summaries = of_type(&destroy, "change_summary");
    assert_eq!(
        (&summaries[1]["changes"]["remove"], &summaries[1]["operation"]),
        (&json!(21), &json!("destroy"))
    );
}

#[test]
fn mistakes_and_failures_are_told_as_events() {
    let mut bench = Workbench::with(SMALL);
    bench.faults(&json!([{"method": "PUT", "path": "/natGateways/", "answer": {"status": 409, "code": "QuotaExceeded", "message": "No more."}}]));
    let ran = bench.run("--json apply --auto-approve");
    assert_eq!(ran.status, Some(1));
    let events = checked(&ran);
    let errored = of_type(&events, "step_errored");
    assert_eq!(errored[0]["address"], "cluster.small.network.nat_gateway");
    assert!(errored[0]["message"].as_str().unwrap().contains("QuotaExceeded"));
    assert_eq!(of_type(&events, "diagnostic").len(), 1);
    assert_eq!(events.last().unwrap()["exit_code"], 1);

    bench.edit("main.hcl", "worker_pool", "worker_pol");
    let ran = bench.run("--json plan");
    assert_eq!(ran.status, Some(1));
    checked(&ran);
    told("event_of_a_mistake", ran.stdout);
}

#[test]
fn a_repair_without_anything_to_do_begins_and_ends_like_every_run() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let types: Vec<String> = bench
        .does("cluster repair --json --auto-approve")
        .events()
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, ["version", "change_summary", "done"]);
    assert_eq!(bench.does("cluster repair --auto-approve").stdout, "Nothing of small has failed.\n");
}

#[test]
fn a_simulator_says_its_address_to_programs() {
    let bench = Workbench::new();
    let mut child = bench.command(&["simulator", "serve", "--json"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let event: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(event["type"], "serving");
    assert!(event["endpoint"].as_str().unwrap().starts_with("https://localhost:"), "{event}");
    assert!(std::path::Path::new(event["ca_file"].as_str().unwrap()).is_file(), "{event}");
}
