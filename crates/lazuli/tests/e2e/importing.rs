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

/// The cloud accounts of a configuration, without the rest of it.
fn account_of(text: &str) -> String {
    let start = text.find("cloud_account \"").unwrap();
    let end = start + text[start..].find("\n}\n").unwrap() + 3;
    text[start..end].to_owned()
}

/// Applies, throws state and configuration away but for the account, writes configuration for what is there, and applies
/// that: nothing is sent to Azure, and nothing is left to do.
fn comes_back(bench: &Workbench, group: &str) -> String {
    bench.applies();
    let before: std::collections::BTreeSet<String> =
        bench.recorded().into_values().map(|id| id.to_lowercase()).collect();
    let account = account_of(&bench.text("main.hcl"));
    for entry in std::fs::read_dir(bench.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("azure.json") {
            std::fs::remove_file(path).unwrap();
        } else if path.is_dir() && !path.ends_with(".lazuli") {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    // Another state than the one that made them.
    std::fs::write(bench.path(".lazuli/lineage"), "99999999-2222-4333-8444-555555555555\n").unwrap();
    bench.write("main.hcl", &account);
    let (ran, sent) = bench
        .sent_by(|bench| bench.does(&format!("import --generate existing.hcl --resource-group {group}")));
    assert_eq!(sent, [""; 0]);
    assert!(ran.stdout.contains("and changes nothing."), "{ran}\n{}", bench.text("existing.hcl"));
    bench.does("fmt --check");
    let (applied, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{applied}");
    bench.is_settled();
    let after = bench.recorded().into_values().map(|id| id.to_lowercase()).collect();
    assert_eq!(before, after, "{ran}");
    // The blocks have done their work.
    let text = bench.text("existing.hcl");
    let without =
        text.split("\nimport {").map(|part| part.split_once("\n}\n").map_or(part, |(_, rest)| rest));
    let first = text.split("\nimport {").next().unwrap();
    let kept: String = std::iter::once(first).chain(without.skip(1)).collect::<Vec<_>>().join("\n");
    bench.write("existing.hcl", &kept);
    bench.is_settled();
    ran.to_string()
}

#[test]
fn the_quickstart_comes_back_from_azure_alone() {
    let bench = Workbench::example("quickstart");
    let ran = comes_back(&bench, "rg-quickstart");
    told("generate_quickstart", ran);
}

#[test]
fn two_pools_with_rules_spot_machines_and_a_storage_account_come_back() {
    comes_back(&Workbench::example("two-pools"), "rg-two-pools");
}

#[test]
fn a_cluster_in_an_existing_network_comes_back() {
    comes_back(&Workbench::example("static-placement"), "rg-cluster");
}

#[test]
fn what_modules_made_comes_back_as_resources() {
    comes_back(&Workbench::example("modules"), "rg-modules");
}

#[test]
fn the_small_cluster_is_written_like_this() {
    let bench = Workbench::with(SMALL);
    comes_back(&bench, "rg");
    let bench = Workbench::with(SMALL);
    bench.applies();
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    bench.write("main.hcl", ACCOUNT);
    bench.does("import --generate existing.hcl --resource-group rg");
    told("generated_cluster", bench.text("existing.hcl"));
}
