//! What a plan refuses, Azure would have refused too: every case is planned, and then applied without the checks.

mod clusters;
mod resources;

use serde_json::{Value as Json, json};

use crate::configurations::SMALL;
use crate::workbench::{SUBSCRIPTION, Workbench, told};

/// An Azure in which something is in the way.
struct Case {
    name: &'static str,
    /// What is in Azure beforehand.
    seed: Json,
    configuration: String,
    /// The finding.
    finding: &'static str,
    /// Azure's answer to an apply that does not look first.
    refusal: &'static str,
}

fn seeded(configuration: &str, seed: &Json) -> Workbench {
    let configuration = configuration.replacen(
        "profile = \"instant\"",
        "profile    = \"instant\"\n    seed_world = \"azure.json\"",
        1,
    );
    let bench = Workbench::with(&configuration);
    bench.write("azure.json", &seed.to_string());
    bench
}

fn quota(name: &str, limit: u64) -> Json {
    json!({ "quotas": [{ "location": "eastus2", "name": name, "limit": limit }] })
}

fn conditions(conditions: &Json) -> Json {
    json!({ "conditions": conditions })
}

fn granted(actions: &[&str], not_actions: &[&str]) -> Json {
    conditions(&json!({ "grants": [{ "actions": actions, "not_actions": not_actions }] }))
}

fn refused_twice(cases: Vec<Case>) {
    for case in cases {
        let bench = seeded(&case.configuration, &case.seed);
        let plan = bench.run("plan");
        assert_eq!(plan.status, Some(1), "{}: {plan}", case.name);
        assert!(plan.stderr.contains(&format!("error[{}]", case.finding)), "{}: {plan}", case.name);
        told(&format!("preflight_{}", case.name), &plan);
        assert!(bench.sent().is_empty(), "{}: a plan changed something", case.name);

        let apply = bench.run("apply --auto-approve --skip-preflight");
        assert_eq!(apply.status, Some(1), "{}: Azure does not mind: {apply}", case.name);
        assert!(apply.stderr.contains(case.refusal), "{}: {apply}", case.name);
    }
}

#[test]
fn what_is_in_the_way_of_a_cluster_is_known_to_the_plan() {
    refused_twice(clusters::cases());
}

#[test]
fn what_is_in_the_way_of_resources_is_known_to_the_plan() {
    refused_twice(resources::cases());
}

#[test]
fn a_lock_against_deleting_is_known_before_anything_is_deleted() {
    let lock = json!({ "scope": format!("{SUBSCRIPTION}/resourceGroups/rg"), "name": "keep", "level": "CanNotDelete" });
    let bench = seeded(SMALL, &json!({ "locks": [lock] }));
    bench.applies();
    let plan = bench.run("plan --destroy");
    assert_eq!(plan.status, Some(1), "{plan}");
    told("preflight_delete_lock", &plan);
    assert_eq!(bench.run("destroy --auto-approve").status, Some(1));
    let destroy = bench.run("destroy --auto-approve --skip-preflight");
    assert!(destroy.stderr.contains("ScopeLocked"), "{destroy}");
}

#[test]
fn a_replacement_is_refused_when_there_is_no_room_for_one_more() {
    let bench = seeded(SMALL, &quota("standardDSv5Family", 12));
    bench.applies();
    let node = "cluster.small.worker_pool[\"general\"].node[\"1\"]";
    let plan = bench.run_with(&["plan", "--replace", node]);
    assert_eq!(plan.status, Some(1), "{plan}");
    told("preflight_surge", &plan);
    let apply = bench.run_with(&["apply", "--auto-approve", "--skip-preflight", "--replace", node]);
    assert!(apply.stderr.contains("OperationNotAllowed"), "{apply}");
}

#[test]
fn everything_in_the_way_is_told_at_once() {
    let mut seed = quota("cores", 4);
    seed["unregistered_providers"] = json!(["Microsoft.ManagedIdentity"]);
    seed["locks"] = json!([{ "scope": SUBSCRIPTION, "name": "freeze", "level": "ReadOnly" }]);
    told("preflight_all_at_once", seeded(SMALL, &seed).run("plan"));
}

#[test]
fn what_may_not_be_read_is_a_warning() {
    let hidden = [
        "Microsoft.Compute/locations/usages/read",
        "Microsoft.Compute/skus/read",
        "Microsoft.Authorization/locks/read",
        "Microsoft.Authorization/permissions/read",
        "Microsoft.PolicyInsights/*",
    ];
    let bench = seeded(SMALL, &granted(&["*"], &hidden));
    told("preflight_unreadable", bench.does("plan"));
    bench.applies();
}

#[test]
fn what_a_policy_changes_or_only_notes_is_a_warning() {
    let tagged = clusters::small("cluster \"small\" {", "cluster \"small\" {\n  tags = { owner = \"me\" }");
    let policy = |name: &str, effect: &str, more: Json| {
        let mut policy =
            json!({ "name": name, "effect": effect, "types": ["Microsoft.Network/natGateways"] });
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        policy
    };
    let policies = [
        policy("no-owners", "remove", json!({ "field": "tags.owner" })),
        policy(
            "mine",
            "modify",
            json!({ "field": "tags.owner", "value": "you", "types": ["Microsoft.Network/routeTables"] }),
        ),
        policy("europe", "audit", json!({ "field": "location", "denied": ["eastus2"] })),
        policy("no-gateways", "audit", json!({})),
    ];
    let bench = seeded(&tagged, &conditions(&json!({ "policies": policies })));
    told("preflight_policies_that_let_pass", bench.does("plan"));
    bench.applies();
}

#[test]
fn a_right_under_a_condition_is_a_warning() {
    let condition = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEqualsIgnoreCase 'ServicePrincipal'))";
    let grant = json!({ "grants": [{ "actions": ["*"], "condition": condition }] });
    let bench = seeded(SMALL, &conditions(&grant));
    told("preflight_condition", bench.does("plan"));
    bench.applies();
}

#[test]
fn terms_that_are_accepted_are_in_nobodys_way() {
    let mut case = resources::cases().into_iter().find(|case| case.name == "marketplace_terms").unwrap();
    case.seed["conditions"]["sold"][0]["accepted"] = json!(true);
    seeded(&case.configuration, &case.seed).applies();
}

#[test]
fn the_number_of_requests_does_not_grow_with_the_cluster() {
    let asked = |configuration: &str| {
        let plan = Workbench::with(configuration).does("plan").stdout;
        let line = plan.lines().find(|line| line.starts_with("Preflight")).unwrap().to_owned();
        line.split_once('(').unwrap().1.to_owned()
    };
    let large =
        clusters::small("\"general\" {\n    count         = 1", "\"general\" {\n    count         = 60");
    assert_eq!(asked(SMALL), asked(&large));
}

#[test]
fn a_warning_is_an_event_too() {
    let bench = seeded(SMALL, &granted(&["*"], &["Microsoft.Authorization/locks/read"]));
    let events = bench.does("plan --json").events();
    let warning = events.iter().find(|event| event["type"] == "diagnostic").unwrap();
    assert_eq!(warning["code"], "LZ1035", "{warning}");
    let preflight = events.iter().find(|event| event["type"] == "preflight").unwrap();
    assert_eq!(preflight["warnings"], 1);
}

#[test]
fn a_plan_without_changes_asks_next_to_nothing() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    told("preflight_nothing_to_do", bench.does("plan"));
    // Rights, locks and what else a tag needs: the number does not grow with the cluster.
    bench.edit(
        "main.hcl",
        "  resource_group = \"rg\"\n  ssh_key",
        "  resource_group = \"rg\"\n  tags           = { a = \"b\" }\n  ssh_key",
    );
    let plan = bench.does("plan");
    assert!(plan.stdout.contains("checks passed (8 requests)"), "{plan}");
}
