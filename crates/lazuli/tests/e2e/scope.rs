//! Partial plans: `--target` and `--exclude`; plans that only record: `--refresh-only`.

use serde_json::json;

use crate::cloud;
use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{Workbench, told};

const NETWORK: &str = "2025-05-01";

/// A table and a route in it, another table; an output of each.
fn tables(tag: &str) -> String {
    let table = |label: &str| {
        format!(
            "resource \"{label}\" {{\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
             location = \"eastus2\"\n  name = \"{label}\"\n  tags = {{ mark = \"{tag}\" }}\n}}\n\
             output \"{label}\" {{\n  value = resource.{label}.tags.mark\n}}\n"
        )
    };
    format!(
        "{ACCOUNT}{}{}resource \"route\" {{\n  type = \"Microsoft.Network/routeTables/routes@2025-05-01\"\n  \
         parent_id = resource.one.id\n  name = \"out\"\n  properties = {{ addressPrefix = \"0.0.0.0/0\", nextHopType = \"Internet\" }}\n}}\n",
        table("one"),
        table("two"),
    )
}

#[test]
fn a_target_is_applied_with_what_it_depends_on_and_a_full_apply_does_the_rest() {
    let bench = Workbench::with(&tables("a"));
    told("target_plan", bench.does("plan --target resource.route"));
    let (ran, sent) = bench.sent_by(|bench| bench.does("apply --auto-approve --target resource.route"));
    told("target_apply", ran);
    assert_eq!(sent, ["PUT routeTables/one", "PUT routes/out"]);
    assert_eq!(bench.does("output --json").document(), json!({"one": {"value": "a", "sensitive": false}}));
    let again = bench.run("plan --target resource.route --detailed-exitcode");
    assert_eq!(again.status, Some(0), "{again}");
    assert_eq!(bench.run("plan --detailed-exitcode").status, Some(2));
    bench.applies();
    bench.is_settled();
}

#[test]
fn what_is_excluded_stays_as_it_is_with_its_outputs_and_saved_plans_remember_it() {
    let bench = Workbench::with(&tables("a"));
    bench.applies();
    bench.write("main.hcl", &tables("b"));
    told("exclude_plan", bench.does("plan --exclude resource.two --out part.plan"));
    let shown = bench.does("show part.plan --json").document();
    assert_eq!(shown["complete"], false);
    assert_eq!(shown["x_left_out"], json!(["resource.two"]));
    let (ran, sent) = bench.sent_by(|bench| bench.does("apply part.plan"));
    assert!(ran.stderr.contains("LZ1014"), "{ran}");
    assert_eq!(sent, ["PUT routeTables/one"]);
    assert_eq!(
        bench.does("output --json").document(),
        json!({"one": {"value": "b", "sensitive": false}, "two": {"value": "a", "sensitive": false}})
    );
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT routeTables/two"]);
    bench.is_settled();
}

#[test]
fn a_partial_destroy_takes_users_along() {
    let bench = Workbench::with(&tables("a"));
    bench.applies();
    told("target_destroy_plan", bench.does("plan --destroy --target resource.one"));
    let (_, sent) = bench.sent_by(|bench| bench.does("destroy --auto-approve --exclude resource.route"));
    assert_eq!(sent, ["DELETE routeTables/two"]);
    assert_eq!(bench.recorded().len(), 2);
    let (_, sent) = bench.sent_by(|bench| bench.does("destroy --auto-approve --target resource.one"));
    assert_eq!(sent, ["DELETE routeTables/one", "DELETE routes/out"]);
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn parts_of_a_cluster_are_targets() {
    let bench = Workbench::with(SMALL);
    let (_, sent) = bench.sent_by(|bench| bench.does("apply --auto-approve --target cluster.small.network"));
    assert!(sent.iter().all(|request| !request.contains("virtualMachines")), "{sent:?}");
    bench.nothing_is_orphaned();
    let pool = "cluster.small.worker_pool[\"general\"]";
    bench.applies();
    bench.is_settled();
    let ran = bench.run_with(&["destroy", "--auto-approve", "--target", pool]);
    assert_eq!(ran.status, Some(0), "{ran}");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 1);
    let ran = bench.run_with(&["apply", "--auto-approve", "--target", pool]);
    assert_eq!(ran.status, Some(0), "{ran}");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 2);
    bench.is_settled();
}

#[test]
fn an_address_that_nothing_has_is_refused_with_the_closest_one() {
    let bench = Workbench::with(SMALL);
    told(
        "target_unknown",
        bench.run("plan --target cluster.smal --target cluster.small.netwrk --exclude resource.nothing"),
    );
    told("replace_left_out", {
        bench.applies();
        bench.run(
            "plan --replace cluster.small.network.route_table --exclude cluster.small.network.route_table",
        )
    });
}

#[test]
fn what_changed_outside_is_recorded_and_nothing_is_sent() {
    let bench = Workbench::with(&tables("a"));
    bench.applies();
    let quiet = bench.run("plan --refresh-only --detailed-exitcode");
    assert_eq!(quiet.status, Some(0), "{quiet}");
    told("refresh_nothing", quiet);

    let (one, two) = (bench.recorded()["resource.one"].clone(), bench.recorded()["resource.two"].clone());
    cloud::change(&bench, &one, NETWORK, |body| body["tags"]["mark"] = json!("theirs"));
    cloud::delete(&bench, &two, NETWORK);
    let plan = bench.run("plan --refresh-only --detailed-exitcode");
    assert_eq!(plan.status, Some(2), "{plan}");
    told("refresh_plan", plan);
    let (ran, sent) = bench.sent_by(|bench| bench.does("apply --refresh-only --auto-approve"));
    told("refresh_apply", ran);
    assert_eq!(sent, [""; 0]);
    assert_eq!(bench.recorded().keys().collect::<Vec<_>>(), ["resource.one", "resource.route"]);
    assert_eq!(bench.run("plan --refresh-only --detailed-exitcode").status, Some(0));

    // The configuration still wants otherwise.
    told("refresh_then_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT routeTables/one", "PUT routeTables/two"]);
    bench.is_settled();
}

#[test]
fn a_saved_refresh_records_what_was_seen_then() {
    let bench = Workbench::with(&tables("a"));
    bench.applies();
    let one = bench.recorded()["resource.one"].clone();
    cloud::change(&bench, &one, NETWORK, |body| body["tags"]["mark"] = json!("theirs"));
    bench.does("plan --refresh-only --out seen.plan --target resource.one");
    bench.does("apply seen.plan");
    bench.write("main.hcl", &tables("theirs"));
    let (_, sent) = bench.sent_by(|bench| bench.does("apply --auto-approve --target resource.one"));
    assert_eq!(sent, [""; 0], "the configuration says the same by now");
}
