//! Commands that only look.

use crate::configurations::SMALL;
use crate::workbench::{Workbench, told};

#[test]
fn what_was_applied_can_be_looked_at() {
    let bench = Workbench::with(SMALL);
    told("output_before", bench.run("output"));
    told("state_list_before", bench.run("state list"));
    told("show_before", bench.run("show"));
    bench.applies();
    told("show", bench.does("show"));
    told("output", bench.does("output"));
    told("output_json", bench.does("output --json"));
    assert_eq!(
        bench.does("output endpoint --raw").stdout,
        bench.does("output --json").document()["endpoint"]["value"].as_str().unwrap()
    );
    told("output_unknown", bench.run("output endpiont"));
    told("state_list", bench.does("state list"));
    told("state_list_network", bench.does("state list cluster.small.network"));
    let node = bench.run_with(&["state", "show", "cluster.small.worker_pool[\"general\"].node[\"1\"].vm"]);
    told("state_show", filtered(&node.to_string()));
    told("state_show_unknown", bench.run("state show cluster.small.netwrok.nat_gateway"));
    let state = bench.state();
    assert_eq!(state["format_version"], "1.0");
    assert_eq!(state["values"]["root_module"]["resources"].as_array().map_or(0, Vec::len), 30);
}

/// What Azure invents is not the same in every run.
fn filtered(text: &str) -> String {
    let is_invented =
        |line: &&str| ["etag", "vmId", "resourceGuid", "timeCreated"].iter().any(|word| line.contains(word));
    text.lines().filter(|line| !is_invented(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_plan_can_be_looked_at_again_and_read_by_tools() {
    let bench = Workbench::with(SMALL);
    bench.does("plan --out monday.plan");
    told("show_plan", bench.does("show monday.plan"));
    let document = bench.does("show monday.plan --json").document();
    assert!(document["format_version"].is_string());
    let changes = document["resource_changes"].as_array().unwrap();
    assert_eq!(changes.len(), 30);
    for change in changes {
        assert_eq!(change["change"]["actions"], serde_json::json!(["create"]), "{change}");
        assert!(change["change"]["before"].is_null() && change["change"]["after"].is_object(), "{change}");
    }
    assert_eq!(document["output_changes"]["endpoint"]["actions"], serde_json::json!(["create"]));
    for field in ["prior_state", "configuration", "checks"] {
        assert!(document.get(field).is_some(), "show --json has no {field}");
    }
}

#[test]
fn a_saved_plan_tells_tools_how_its_checks_stand() {
    let checks = "\ncheck \"small\" {\n  assert {\n    condition     = 1 > 2\n    error_message = \"few\"\n  }\n}\n\n\
                  check \"fine\" {\n  assert {\n    condition     = true\n    error_message = \"never\"\n  }\n}\n\n\
                  check \"odd\" {\n  assert {\n    condition     = tonumber(\"x\") > 1\n    error_message = \"never\"\n  }\n}\n";
    let bench = Workbench::with(&format!("{SMALL}{checks}"));
    bench.does("plan --out monday.plan");
    let document = bench.does("show monday.plan --json").document();
    let of = |name: &str| {
        let all = document["checks"].as_array().unwrap().clone();
        all.into_iter().find(|check| check["address"]["name"] == name).unwrap()
    };
    assert_eq!(
        of("small"),
        serde_json::json!({
            "address": { "kind": "check", "name": "small", "to_display": "check.small" },
            "status": "fail",
            "instances": [{
                "address": { "to_display": "check.small" }, "status": "fail", "problems": [{ "message": "few" }],
            }],
        })
    );
    assert_eq!(of("fine")["status"], "pass");
    assert_eq!(of("odd")["status"], "error");
}

#[test]
fn a_graph_can_be_drawn() {
    let bench = Workbench::with(SMALL);
    let graph = bench.does("graph --format dot");
    assert!(graph.stdout.starts_with("digraph"), "{graph}");
    told("graph", graph);
    bench.does("plan --out monday.plan");
    assert_eq!(bench.does("graph --plan monday.plan").stdout, bench.does("graph").stdout);
    let svg = bench.does("graph --plan monday.plan --format svg").stdout;
    assert!(svg.starts_with("<svg ") && svg.contains("create small-vnet"), "{svg}");
    let document = bench.does("graph --plan monday.plan --json").document();
    let (steps, edges) = (document["steps"].as_array().unwrap(), document["edges"].as_array().unwrap());
    assert_eq!(svg.matches("<g class=").count(), steps.len());
    assert!(!edges.is_empty() && edges.iter().all(|edge| edge["before"].is_u64()), "{document}");
}

#[test]
fn a_plan_and_a_state_become_reports_for_browsers_and_replace_nothing_else() {
    let bench = Workbench::with(SMALL);
    let before = bench.text("main.hcl");
    let refused = bench.run("plan --html main.hcl");
    assert_eq!((refused.status, bench.text("main.hcl")), (Some(1), before), "{refused}");
    told("report_refused", refused);

    bench.does("plan --html plan.html --out monday.plan");
    let report = bench.text("plan.html");
    for said in ["<h1>Plan</h1>", "+ small-cp-1-", "zone 1", "to add, 0 to change", "Every attribute"] {
        assert!(report.contains(said), "{said}: {report}");
    }
    bench.does("show --html again.html monday.plan");
    assert!(bench.text("again.html").contains("to add, 0 to change"));

    bench.does("apply --auto-approve --html plan.html --json");
    bench.does("show --html state.html");
    let report = bench.text("state.html");
    assert!(report.contains("<h1>State</h1>") && report.contains("small-cp-1-"), "{report}");
    bench.does("destroy --auto-approve --html plan.html");
    assert!(bench.text("plan.html").contains("<h1>Plan to destroy</h1>"));
}

#[test]
fn validate_is_content_and_needs_nothing() {
    let bench = Workbench::with(SMALL);
    told("validate", bench.does("validate"));
    let document = bench.does("validate --json").document();
    assert_eq!((&document["valid"], &document["error_count"]), (&true.into(), &0.into()));
    bench.edit("main.hcl", "instance_type = \"Standard_D8s_v5\"", "instance_typ = \"Standard_D8s_v5\"");
    let refused = bench.run("validate --json");
    assert_eq!(refused.status, Some(1));
    told("validate_json_refused", refused);
    assert!(!bench.path("lazuli.state").exists() && !bench.path(".lazuli/simulator-sandbox.world").exists());
}

#[test]
fn a_new_project_plans_at_once() {
    let bench = Workbench::new();
    told("init", bench.does("init demo"));
    assert_eq!(bench.run("--chdir demo plan --detailed-exitcode").status, Some(2));
    let refused = bench.run("--chdir demo plan --var workers=0");
    assert_eq!(refused.status, Some(1));
    told("init_no_workers", refused);
}

#[test]
fn every_template_plans_at_once_and_is_never_written_over() {
    for template in ["quickstart", "private-api", "static-placement", "two-pools"] {
        let bench = Workbench::new();
        bench.does(&format!("init --template {template} demo"));
        assert_eq!(bench.run("--chdir demo plan --detailed-exitcode").status, Some(2), "{template}");
        assert!(bench.text("demo/.gitignore").contains(".lazuli/"));
        let again = bench.run(&format!("init --template {template} demo"));
        assert_eq!(again.status, Some(1));
    }
    let bench = Workbench::new();
    told("init_unknown_template", bench.run("init --template quikstart demo"));
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let bench = Workbench::with(SMALL);
    for (line, code) in [
        ("version", 0),
        ("plan", 0),
        ("plan --detailed-exitcode", 2),
        ("plan --var nope=1", 1),
        ("plan --no-such-flag", 64),
        ("plann", 64),
        ("", 64),
        ("apply", 1),
        ("apply --auto-approve --detailed-exitcode", 2),
        ("apply --auto-approve --detailed-exitcode", 0),
        ("plan --detailed-exitcode", 0),
        ("plan --refresh=false --detailed-exitcode", 0),
        ("plan --destroy --detailed-exitcode", 2),
        ("output nothing", 1),
        ("state show resource.nothing", 1),
        ("--chdir nowhere plan", 1),
        ("destroy --auto-approve --detailed-exitcode", 2),
        ("destroy --auto-approve --detailed-exitcode", 0),
    ] {
        let ran = bench.run(line);
        assert_eq!(ran.status, Some(code), "lazuli {line}\n{ran}");
    }
    told("nobody_to_ask", bench.run("apply"));
}

#[test]
fn the_console_answers_line_by_line_and_knows_what_was_applied() {
    let bench = Workbench::with(SMALL);
    let asked =
        "1 + 1\n\ncluster.small.fqdn\nnope\nkeys(cluster.small.nodes)\ncluster.small.nat_public_ip != null\n";
    told("console_before", bench.asks("console", asked));
    bench.applies();
    told("console", bench.asks("console", asked));
    told("console_json", bench.asks("console --json", asked));
}

#[test]
fn the_console_needs_no_configuration() {
    let bench = Workbench::new();
    let answered =
        bench.asks("console", "cidrsubnet(\"10.0.0.0/16\", 8, 3)\n[for z in [1, 2] : \"z${z}\"]\n");
    assert_eq!((answered.status, &*answered.stdout), (Some(0), "\"10.0.3.0/24\"\n[\"z1\", \"z2\"]\n"));
    assert!(!bench.path("lazuli.state").exists());
    let answered = bench.asks("console", "type([1, \"a\"])\ntype(toset([\"a\"]))\n");
    assert_eq!(answered.stdout, "tuple([number, string])\nset(string)\n");
    let answered = bench.asks("console --json", "type({ a = tolist([1]) })\n");
    assert_eq!(answered.stdout, "{\"type\":\"type\",\"value\":[\"object\",{\"a\":[\"list\",\"number\"]}]}\n");
}
