//! `moved`, `removed` and `import`: what the configuration says about addresses.

use serde_json::json;

use crate::cloud;
use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{SUBSCRIPTION, Workbench, told};

const ROUTES: &str = "2025-05-01";

fn table(name: &str, label: &str, more: &str) -> String {
    format!(
        "resource \"{label}\" {{\n  {more}\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  \
         resource_group = \"rg\"\n  location = \"eastus2\"\n  name = {name}\n}}\n"
    )
}

fn id(name: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/routeTables/{name}")
}

#[test]
fn what_moves_into_a_module_is_not_made_again() {
    let bench =
        Workbench::with(&format!("{ACCOUNT}{}{}", table("\"one\"", "one", ""), table("\"two\"", "two", "")));
    bench.applies();
    std::fs::create_dir(bench.path("tables")).unwrap();
    bench.write(
        "tables/main.hcl",
        &format!("variable \"names\" {{\n}}\n{}", table("each.key", "table", "for_each = var.names")),
    );
    bench.write(
        "main.hcl",
        &format!(
            "{ACCOUNT}module \"tables\" {{\n  source = \"./tables\"\n  names = toset([\"one\", \"second\"])\n}}\n\
             moved {{\n  from = resource.one\n  to = module.tables.resource.table[\"one\"]\n}}\n\
             moved {{\n  from = resource.two\n  to = resource.former\n}}\n\
             moved {{\n  from = resource.former\n  to = module.tables.resource.table[\"second\"]\n}}\n"
        ),
    );
    told("moved_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    // The second has another name as well: it moves, and is replaced.
    assert_eq!(sent, ["DELETE routeTables/two", "PUT routeTables/second"]);
    assert_eq!(
        bench.does("state list").stdout,
        "module.tables.resource.table[\"one\"]\nmodule.tables.resource.table[\"second\"]\n"
    );
    bench.is_settled();
}

#[test]
fn a_block_that_gets_a_count_keeps_its_object_whatever_its_name_is_now() {
    let bench = Workbench::with(&format!("{ACCOUNT}{}", table("\"t\"", "t", "")));
    bench.applies();
    bench.write("main.hcl", &format!("{ACCOUNT}{}", table("\"t${count.index}\"", "t", "count = 2")));
    told("counted_plan", bench.does("plan"));
    bench.applies();
    bench.is_settled();
    bench.write("main.hcl", &format!("{ACCOUNT}{}", table("\"t0\"", "t", "")));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["DELETE routeTables/t1"]);
    bench.is_settled();
}

#[test]
fn a_cluster_moves_into_a_module_with_its_nodes() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let before = bench.recorded().len();
    std::fs::create_dir(bench.path("k")).unwrap();
    let text = bench.text("main.hcl");
    let profile = text.find("cluster_profile").unwrap();
    let inner = text[profile..].replace("cloud_account.sandbox", "var.account");
    bench.write("k/main.hcl", &format!("variable \"account\" {{\n}}\n{inner}"));
    bench.write(
        "main.hcl",
        &format!(
            "{}module \"k\" {{\n  source = \"./k\"\n  account = cloud_account.sandbox\n}}\n\
             moved {{\n  from = cluster.small\n  to = module.k.cluster.small\n}}\n\
             output \"endpoint\" {{\n  value = module.k.endpoint\n}}\n",
            &text[..profile]
        ),
    );
    let (ran, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{ran}");
    let recorded = bench.recorded();
    assert_eq!(recorded.len(), before);
    assert!(recorded.keys().all(|address| address.starts_with("module.k.cluster.small.")), "{recorded:?}");
    bench.is_settled();
    bench.edit(
        "k/main.hcl",
        "count         = 1\n    instance_type = \"Standard_D8s_v5\"",
        "count         = 2\n    instance_type = \"Standard_D8s_v5\"",
    );
    bench.applies();
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 3);
    bench.is_settled();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn what_is_removed_without_destroying_stays_in_azure_and_is_forgotten() {
    let both = format!("{ACCOUNT}{}{}", table("\"stays\"", "stays", ""), table("\"goes\"", "goes", ""));
    let bench = Workbench::with(&both);
    bench.applies();
    bench.write(
        "main.hcl",
        &format!(
            "{ACCOUNT}removed {{\n  from = resource.stays\n  lifecycle {{\n    destroy = false\n  }}\n}}\n\
             removed {{\n  from = resource.goes\n}}\n"
        ),
    );
    told("removed_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["DELETE routeTables/goes"]);
    assert_eq!(bench.does("state list").stdout, "");
    assert_eq!(bench.existing("Microsoft.Network/routeTables"), [id("stays")]);
}

#[test]
fn what_exists_is_taken_over() {
    let own = table("\"own\"", "own", "");
    let bench = Workbench::with(&format!("{ACCOUNT}{own}"));
    bench.applies();
    for name in ["a", "b"] {
        let tags = if name == "a" { json!({"theirs": "yes"}) } else { json!({}) };
        let body = json!({"location": "eastus2", "tags": tags, "properties": {}});
        cloud::make(&bench, &id(name), ROUTES, &body);
    }
    let imports = format!(
        "import {{\n  for_each = toset([\"a\", \"b\"])\n  to = resource.t[each.key]\n  id = \"{}\"\n}}\n",
        id("${each.key}")
    );
    let config = |imports: &str| {
        format!(
            "{ACCOUNT}{own}{}{imports}",
            table("each.key", "t", "for_each = toset([\"a\", \"b\"])\n  tags = { theirs = \"yes\" }")
        )
    };
    bench.write("main.hcl", &config(""));
    assert!(bench.run("plan").stderr.contains("LZ1002"));
    bench.write("main.hcl", &config(&imports));
    told("imported_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT routeTables/b"], "the other is as it is written");
    bench.is_settled();
    // It is Lazuli's now.
    bench.write("main.hcl", &config(""));
    bench.is_settled();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn an_import_that_cannot_be_is_refused_while_planning() {
    let import = |to: &str, name: &str| format!("import {{\n  to = {to}\n  id = \"{}\"\n}}\n", id(name));
    let bench = Workbench::with(&format!(
        "{ACCOUNT}{}{}{}{}",
        table("\"one\"", "one", ""),
        table("\"two\"", "two", ""),
        import("resource.one", "one"),
        import("resource.two", "twoo"),
    ));
    told("import_refused", bench.run("plan"));
    bench.edit("main.hcl", "to = resource.two", "to = resource.two[0]");
    told("import_undeclared", bench.run("validate"));
}

/// A module with one table for each name.
fn tables_module(bench: &Workbench) {
    std::fs::create_dir(bench.path("tables")).unwrap();
    bench.write(
        "tables/main.hcl",
        &format!("variable \"names\" {{\n}}\n{}", table("each.key", "table", "for_each = var.names")),
    );
}

#[test]
fn an_object_under_another_address_is_recognised_without_being_told() {
    let bench = Workbench::with(&format!(
        "{ACCOUNT}{}{}",
        table("\"t${count.index}\"", "counted", "count = 2"),
        table("\"plain\"", "plain", ""),
    ));
    bench.applies();
    tables_module(&bench);
    // The copies by number become copies by key with other keys, one goes into a module, and the case of a name changes.
    bench.write(
        "main.hcl",
        &format!(
            "{ACCOUNT}{}module \"m\" {{\n  source = \"./tables\"\n  names = toset([\"Plain\"])\n}}\n",
            table("each.value", "keyed", "for_each = { first = \"t1\", second = \"t0\" }"),
        ),
    );
    told("recognised_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0]);
    assert_eq!(
        bench.does("state list").stdout,
        "module.m.resource.table[\"Plain\"]\nresource.keyed[\"first\"]\nresource.keyed[\"second\"]\n"
    );
    bench.is_settled();
}

#[test]
fn a_cluster_with_another_label_or_in_a_module_is_recognised_without_being_told() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let before = bench.recorded().len();
    bench.edit("main.hcl", "cluster \"small\" {", "cluster \"tiny\" {\n  name = \"small\"");
    bench.edit("main.hcl", "cluster.small", "cluster.tiny");
    let (ran, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{ran}");
    assert!(bench.recorded().keys().all(|address| address.starts_with("cluster.tiny.")));

    std::fs::create_dir(bench.path("k")).unwrap();
    let text = bench.text("main.hcl");
    let profile = text.find("cluster_profile").unwrap();
    let inner = text[profile..].replace("cloud_account.sandbox", "var.account");
    bench.write("k/main.hcl", &format!("variable \"account\" {{\n}}\n{inner}"));
    bench.write(
        "main.hcl",
        &format!(
            "{}module \"k\" {{\n  source = \"./k\"\n  for_each = toset([\"a\"])\n  account = cloud_account.sandbox\n}}\n\
             output \"endpoint\" {{\n  value = module.k[\"a\"].endpoint\n}}\n",
            &text[..profile]
        ),
    );
    let (ran, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{ran}");
    let recorded = bench.recorded();
    assert_eq!(recorded.len(), before);
    assert!(
        recorded.keys().all(|address| address.starts_with("module.k[\"a\"].cluster.tiny.")),
        "{recorded:?}"
    );
    bench.is_settled();
}

#[test]
fn the_first_of_a_list_goes_and_only_its_object_is_deleted() {
    let list = |names: &str| {
        let tables = table("local.names[count.index]", "t", "count = length(local.names)");
        format!("{ACCOUNT}locals {{\n  names = {names}\n}}\n{tables}")
    };
    let bench = Workbench::with(&list(r#"["one", "two", "three"]"#));
    bench.applies();
    bench.write("main.hcl", &list(r#"["two", "three"]"#));
    told("shifted_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["DELETE routeTables/one"]);
    bench.is_settled();
    bench.write("main.hcl", &list(r#"["three", "two", "four"]"#));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT routeTables/four"]);
    bench.is_settled();
    bench.nothing_is_orphaned();
    assert_eq!(bench.recorded()["resource.t[0]"], id("three"));
}
