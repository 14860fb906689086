//! `lazuli import`: what exists is taken over at once, or written down as configuration.

use serde_json::json;

use crate::cloud;
use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{SUBSCRIPTION, Workbench, told};

const ROUTES: &str = "2025-05-01";

fn table(name: &str, label: &str, more: &str) -> String {
    format!(
        "resource \"{label}\" {{\n  type           = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
         location       = \"eastus2\"\n  name           = \"{name}\"\n{more}}}\n"
    )
}

fn id(name: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/routeTables/{name}")
}

fn make_table(bench: &Workbench, name: &str, tags: &serde_json::Value) {
    let body = json!({"location": "eastus2", "tags": tags, "properties": {}});
    cloud::make(bench, &id(name), ROUTES, &body);
}

#[test]
fn an_object_is_taken_over_at_once_and_the_next_plan_changes_what_differs() {
    let bench = Workbench::with(&format!(
        "{ACCOUNT}{}{}",
        table("a", "a", "  tags           = { team = \"blue\" }\n"),
        table("b", "b", "")
    ));
    bench.does("plan"); // makes the world
    make_table(&bench, "a", &json!({"team": "red", "theirs": "yes"}));
    make_table(&bench, "b", &json!({}));
    let (ran, sent) = bench.sent_by(|bench| bench.run_with(&["import", "resource.a", &id("a")]));
    told("import_differs", ran);
    assert_eq!(sent, [""; 0]);
    told(
        "import_same",
        bench.run_with(&["import", "resource.b", &id("b").to_uppercase().replace("/SUB", "/sub")]),
    );
    told("import_twice", bench.run_with(&["import", "resource.b", &id("b")]));
    told("import_twice_json", bench.run_with(&["import", "resource.b", &id("b"), "--json"]));
    told("import_then_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT routeTables/a"]);
    bench.is_settled();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn an_import_that_cannot_be_is_refused_and_records_nothing() {
    let bench = Workbench::with(&format!("{ACCOUNT}{}{}", table("a", "a", ""), table("gone", "gone", "")));
    bench.does("plan");
    make_table(&bench, "a", &json!({"lazuli_lineage": "99999999-2222-4333-8444-555555555555"}));
    let refused: String = [
        ("resource.gone", id("gone")),
        ("resource.gone", id("a")),
        ("resource.a", id("a")),
        ("resource.aa", id("a")),
        ("resource.b", id("a")),
    ]
    .iter()
    .map(|(to, id)| bench.run_with(&["import", to, id]).to_string())
    .collect();
    told("import_now_refused", refused);
    assert!(!bench.path("lazuli.state").exists(), "nothing is recorded");
    make_table(&bench, "b", &json!({}));
    bench.write("main.hcl", &format!("{ACCOUNT}{}{}", table("b", "b", ""), table("a", "c", "")));
    assert_eq!(bench.run_with(&["import", "resource.b", &id("b")]).status, Some(0));
    let other = bench.run_with(&["import", "resource.c", &id("b")]);
    let here = bench.run_with(&["import", "resource.b", &id("a")]);
    told("import_recorded_elsewhere", format!("{other}{here}"));
}

#[test]
fn parts_of_a_cluster_come_back_one_by_one() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let before = bench.recorded();
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    for (address, id) in &before {
        let (ran, sent) = bench.sent_by(|bench| bench.run_with(&["import", address, id]));
        assert_eq!((ran.status, sent.len()), (Some(0), 0), "{ran}");
        assert!(ran.stdout.contains("It is as the configuration says."), "{ran}");
    }
    assert_eq!(bench.recorded(), before);
    let plan = bench.run("plan --detailed-exitcode");
    // Outputs are what is left to record.
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{plan}");
    bench.is_settled();
}
