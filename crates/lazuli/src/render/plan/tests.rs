//! Whole plans as people see them.

use std::time::Duration;

use anstream::adapter::strip_str;
use insta::assert_snapshot;
use lazuli_core::plan::{Action, Cause, Change, Drift, DriftKind, Edge, Operation, Plan, PlanMode, Reason};
use lazuli_core::{Type, Value};
use serde_json::json;

use super::{Context, Preflight, Refresh, text};
use crate::render::specimens::{
    address, at, change, cluster, machine, node, output, path, plan, rule_update, value,
};

fn context() -> Context {
    Context {
        refresh: Some(Refresh { resources: 0, requests: 3, elapsed: Duration::from_millis(200) }),
        simulated: vec!["cloud_account.sandbox".to_owned()],
        clusters: [(
            "cluster.prod".to_owned(),
            vec!["eastus2".to_owned(), "rg-platform".to_owned(), "Kubernetes 1.34.2".to_owned()],
        )]
        .into(),
        preflight: None,
        time_factor: 1.0,
    }
}

fn shown(plan: &Plan, width: usize) -> String {
    strip_str(&text(plan, &context(), width, false)).to_string()
}

fn bare(plan: &Plan) -> String {
    strip_str(&text(plan, &Context { time_factor: 1.0, ..Context::default() }, 100, false)).to_string()
}

fn worker(slot: usize, part: &str) -> String {
    format!("cluster.prod.worker_pool[\"general\"].node[\"{slot}\"].{part}")
}

/// A worker's machine replaced by one of another size and name.
fn resized(changes: &mut [Change], slot: usize) {
    let vm = at(changes, &worker(slot, "vm"));
    vm.action = Action::ReplaceCreateFirst;
    vm.reason = Some(Reason::Succession("instance_type Standard_D8s_v5 -> Standard_D16s_v5".to_owned()));
    vm.previous_id = vm.id.clone();
    let name = format!("prod-general-{slot}-c0de");
    vm.id = Some(lazuli_core::resource::ResourceId::new(format!(
        "/subscriptions/s/resourceGroups/rg-platform/providers/Microsoft.Compute/virtualMachines/{name}"
    )));
    vm.after = Some(value(machine("Standard_D16s_v5", (slot - 1) % 3 + 1, false)));
    let mut size = path(
        "properties.hardwareProfile.vmSize",
        Some(json!("Standard_D8s_v5")),
        Some(json!("Standard_D16s_v5")),
    );
    size.forces_replacement = true;
    let old = format!("prod-general-{slot}-77d0");
    let host = path("properties.osProfile.computerName", Some(json!(old)), Some(json!(name)));
    vm.paths = vec![size, host];
}

#[test]
fn a_new_cluster() {
    let mut new = plan(cluster(Action::Create, 6));
    new.outputs = vec![
        output(
            "endpoint",
            None,
            Some(value(json!("https://prod-3f2a91c7.eastus2.cloudapp.azure.com:6443"))),
            false,
        ),
        output("kubeconfig", None, Some(Value::unknown_of(Type::String)), true),
    ];
    let context = Context {
        preflight: Some(Preflight {
            passed: 14,
            requests: 23,
            facts: vec![
                "vCPU quota eastus2   DSv5 family 60 of 100 after apply, +8 during upgrades   total 60 of 350".to_owned(),
            ],
            warnings: vec![
                "NAT gateway of SKU Standard lives in one zone; workers of other zones lose egress with it  (network.egress, main.hcl:31)".to_owned(),
            ],
        }),
        ..context()
    };
    assert_snapshot!(strip_str(&text(&new, &context, 110, false)).to_string());
}

#[test]
fn a_new_cluster_at_80_columns() {
    let page = shown(&plan(cluster(Action::Create, 6)), 80);
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_snapshot!(page);
}

#[test]
fn five_hundred_workers_do_not_print_five_hundred_lines() {
    let page = shown(&plan(cluster(Action::Create, 500)), 100);
    assert!(page.lines().count() < 40);
    assert_snapshot!(page);
}

#[test]
fn every_attribute_unfolded() {
    let mut changes = node("general", "prod-general-1-77d0", 1, Action::Create, "Standard_D8s_v5");
    changes[1].after = Some(Value::object([
        ("location", Value::string("eastus2")),
        (
            "properties",
            Value::object([
                ("osProfile", Value::object([("customData", Value::string("#cloud-config").sensitive())])),
                ("principalId", Value::unknown_of(Type::String)),
                ("script", Value::string("#!/bin/sh\necho hello\n")),
            ]),
        ),
    ]));
    let page = text(&plan(changes), &Context { time_factor: 1.0, ..Context::default() }, 100, true);
    assert_snapshot!(strip_str(&page).to_string());
}

#[test]
fn an_update_of_one_rule() {
    assert_snapshot!(bare(&plan(rule_update())));
}

#[test]
fn long_texts_show_the_lines_that_differ_and_secrets_nothing() {
    let mut changes = cluster(Action::NoOp, 0);
    let vnet = at(&mut changes, "cluster.prod.network.virtual_network");
    vnet.action = Action::Update;
    let old: String = (1..=30).map(|i| format!("key{i} = value{i}\n")).collect();
    let new = old.replace("value17", "other");
    let mut secret = path("properties.password", Some(json!("hunter1")), Some(json!("hunter2")));
    secret.before = secret.before.map(Value::sensitive);
    secret.after = secret.after.map(Value::sensitive);
    let mut unknown = path("properties.principalId", Some(json!("a")), None);
    unknown.after = Some(Value::unknown_from(
        address("cluster.prod.identity.principal"),
        "properties.principalId".parse().unwrap(),
        Type::String,
    ));
    vnet.paths = vec![
        path("properties.config", Some(json!(old)), Some(json!(new))),
        secret,
        unknown,
        path("tags.team", None, Some(json!("platform"))),
        path("properties.gone", Some(json!({"a": 1, "b": [1, 2]})), None),
    ];
    let page = bare(&plan(changes));
    assert!(!page.contains("hunter"));
    assert_snapshot!(page);
}

#[test]
fn a_replacement_of_one_machine_with_its_reason() {
    let mut changes = cluster(Action::NoOp, 6);
    resized(&mut changes, 3);
    let nic = at(&mut changes, &worker(3, "nic"));
    nic.action = Action::ReplaceCreateFirst;
    nic.reason = Some(Reason::Follows(address(&worker(3, "vm"))));
    assert_snapshot!(bare(&plan(changes)));
}

#[test]
fn machines_that_are_replaced_alike_are_told_once() {
    let mut changes = cluster(Action::NoOp, 40);
    for slot in 1..=40 {
        resized(&mut changes, slot);
    }
    let mut plan = plan(changes);
    rolling(&mut plan, 4);
    assert_snapshot!(bare(&plan));
}

#[test]
fn a_pool_that_waits_for_another_one_tells_its_own_window() {
    let mut changes = cluster(Action::NoOp, 6);
    for slot in 1..=6 {
        resized(&mut changes, slot);
    }
    let mut plan = plan(changes);
    rolling(&mut plan, 2);
    let other = plan.steps.len() as u32;
    let mut step = plan.steps[0].clone();
    step.address = address("cluster.prod.control_plane.node[\"3\"].vm");
    step.number = other;
    let first: Vec<u32> =
        plan.steps.iter().filter(|s| s.operation == Operation::Create).map(|s| s.number).take(2).collect();
    plan.steps.push(step);
    plan.edges.extend(first.into_iter().map(|after| Edge {
        before: other,
        after,
        because: "rolling: cluster.prod.control_plane comes first".into(),
    }));
    assert!(bare(&plan).contains("expand first, 2 extra"), "{}", bare(&plan));
}

/// Every replaced machine waits for the one `window` before it.
fn rolling(plan: &mut Plan, window: usize) {
    let first: Vec<u32> =
        plan.steps.iter().filter(|s| s.operation == Operation::Create).map(|s| s.number).collect();
    let pairs = first.iter().zip(first.iter().skip(window));
    plan.edges.extend(pairs.map(|(before, after)| Edge {
        before: before + 1,
        after: *after,
        because: "rolling: the one before comes first".into(),
    }));
}

/// As the planner tells it: everything that is named after the machine differs.
fn renamed(changes: &mut [Change], slot: usize) {
    const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-platform";
    let (old, new) = (format!("prod-general-{slot}-77d0"), format!("prod-general-{slot}-c0de"));
    let id = |ty: &str, name: &str| format!("{GROUP}/providers/{ty}/{name}");
    let replace = |change: &mut Change, suffix: &str| {
        let ty = change.ty.name.to_string();
        change.action = Action::ReplaceCreateFirst;
        change.previous_id = change.id.clone();
        let (old, new) = (id(&ty, &format!("{old}{suffix}")), id(&ty, &format!("{new}{suffix}")));
        change.id = Some(lazuli_core::resource::ResourceId::new(new.clone()));
        change.paths = vec![path("id", Some(json!(old)), Some(json!(new)))];
        change.paths[0].forces_replacement = true;
    };
    let nic = at(changes, &worker(slot, "nic"));
    replace(nic, "-nic");
    nic.reason = Some(Reason::Follows(address(&worker(slot, "vm"))));
    let vm = at(changes, &worker(slot, "vm"));
    replace(vm, "");
    vm.reason = Some(Reason::Succession("instance_type Standard_D8s_v5 -> Standard_D16s_v5".to_owned()));
    let interface = |name: &str| {
        let id = id("Microsoft.Network/networkInterfaces", &format!("{name}-nic"));
        (format!("properties.networkProfile.networkInterfaces[\"{id}\"]"), json!({"id": id, "primary": true}))
    };
    let ((old_at, old_nic), (new_at, new_nic)) = (interface(&old), interface(&new));
    let text = |at: &str, old: &str, new: &str| path(at, Some(json!(old)), Some(json!(new)));
    let mut data = text("properties.osProfile.customData", "secret one", "secret two");
    data.before = data.before.map(Value::sensitive);
    data.after = data.after.map(Value::sensitive);
    let subnet = |name: &str| id("Microsoft.Network/virtualNetworks", &format!("prod-vnet/subnets/{name}"));
    vm.paths.extend([
        path(&old_at, Some(old_nic), None),
        path(&new_at, None, Some(new_nic)),
        text("properties.hardwareProfile.vmSize", "Standard_D8s_v5", "Standard_D16s_v5"),
        text("properties.osProfile.computerName", &old, &new),
        text("properties.storageProfile.osDisk.name", &format!("{old}-os"), &format!("{new}-os")),
        text("properties.subnet", &subnet("a"), &subnet("b")),
        data,
    ]);
}

#[test]
fn of_replaced_nodes_only_what_differs_beyond_their_names_is_told() {
    let mut changes = cluster(Action::NoOp, 5);
    for slot in 1..=3 {
        renamed(&mut changes, slot);
    }
    let plan = plan(changes);
    let page = bare(&plan);
    assert!(!page.contains("secret"));
    for hidden in ["computerName", "osDisk", "networkInterfaces", "/subscriptions/", "vmSize"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    assert_snapshot!(page);
    // -v hides nothing but secrets
    let context = Context { time_factor: 1.0, ..Context::default() };
    let page = strip_str(&text(&plan, &context, 100, true)).to_string();
    assert!(!page.contains("secret "));
    for shown in
        ["computerName", "osDisk", "networkInterfaces", "/subscriptions/", "vmSize", ".node[\"1\"].nic"]
    {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn scaling_out_and_a_machine_that_somebody_deleted() {
    let mut changes = cluster(Action::NoOp, 3);
    let vm = at(&mut changes, &worker(2, "vm"));
    (vm.action, vm.reason, vm.before) = (Action::Create, Some(Reason::DeletedOutside), None);
    for slot in 4..=5 {
        let name = format!("prod-general-{slot}-77d0");
        changes.extend(node("general", &name, slot, Action::Create, "Standard_D8s_v5"));
    }
    let mut plan = plan(changes);
    plan.drift = vec![Drift {
        address: address(&worker(2, "vm")),
        title: "virtual machine".into(),
        what: DriftKind::Deleted,
    }];
    assert_snapshot!(bare(&plan));
}

#[test]
fn a_node_whose_machine_somebody_deleted_is_replaced_as_one() {
    let mut changes = cluster(Action::NoOp, 3);
    renamed(&mut changes, 2);
    let vm = at(&mut changes, &worker(2, "vm"));
    (vm.action, vm.reason, vm.before) = (Action::Create, Some(Reason::DeletedOutside), None);
    (vm.previous_id, vm.paths) = (None, Vec::new());
    at(&mut changes, &worker(2, "nic")).reason =
        Some(Reason::Succession("its virtual machine was deleted outside of Lazuli".to_owned()));
    assert_snapshot!(bare(&plan(changes)));
}

fn drifted() -> Plan {
    let mut changes = rule_update();
    let group = at(&mut changes, "cluster.prod.network.control_plane_nsg");
    group.reason = Some(Reason::Drift);
    group.paths = vec![path(
        "properties.securityRules[\"allow_apiserver\"].properties.sourceAddressPrefix",
        Some(json!("*")),
        Some(json!("203.0.113.0/24")),
    )];
    group.paths[0].cause = Cause::Drift;
    let mut plan = plan(changes);
    let changed = |part: &str, path: &str, recorded: serde_json::Value, observed: serde_json::Value| Drift {
        address: address(&format!("cluster.prod.network.{part}")),
        title: "network security group".into(),
        what: DriftKind::Changed {
            path: path.parse().unwrap(),
            recorded: Some(value(recorded)),
            observed: Some(value(observed)),
        },
    };
    plan.drift = vec![
        changed(
            "control_plane_nsg",
            "properties.securityRules[\"allow_apiserver\"].properties.sourceAddressPrefix",
            json!("203.0.113.0/24"),
            json!("*"),
        ),
        changed("worker_nsg", "tags.team", json!("platform"), json!("infra")),
    ];
    plan
}

#[test]
fn drift_and_what_becomes_of_it() {
    assert_snapshot!(bare(&drifted()));
}

#[test]
fn a_refresh_only_plan_says_what_will_be_recorded() {
    let mut plan = drifted();
    plan.mode = PlanMode::RefreshOnly;
    plan.changes.iter_mut().for_each(|c| c.action = Action::NoOp);
    plan.steps.clear();
    assert_snapshot!(bare(&plan));
}

#[test]
fn taking_everything_down() {
    let mut changes = cluster(Action::Delete, 6);
    changes.iter_mut().for_each(|c| c.reason = Some(Reason::Destroy));
    let mut plan = plan(changes);
    plan.mode = PlanMode::Destroy;
    plan.outputs = vec![output("endpoint", Some(json!("https://prod")), None, false)];
    assert_snapshot!(bare(&plan));
}

#[test]
fn nothing_to_do() {
    assert_snapshot!(shown(&plan(cluster(Action::NoOp, 6)), 80));
    let mut destroy = plan(Vec::new());
    destroy.mode = PlanMode::Destroy;
    assert_snapshot!(bare(&destroy), @"No changes. There is nothing to destroy.");
}

#[test]
fn other_resources_moves_and_farewells() {
    let storage = |text: &str, name: &str, action| {
        let body = json!({"location": "eastus2", "sku": {"name": "Standard_ZRS"}, "kind": "StorageV2"});
        change(text, "Microsoft.Storage/storageAccounts", "storage account", name, action, body)
    };
    let mut moved = storage("resource.logs[\"a\"]", "prodlogsa", Action::Move);
    moved.previous_address = Some(address("resource.old"));
    let mut gone = storage("resource.gone", "prodgone", Action::Delete);
    gone.reason = Some(Reason::NotInConfiguration);
    let mut forgotten = storage("resource.kept", "prodkept", Action::Forget);
    forgotten.reason = Some(Reason::NotInConfiguration);
    let mut adopted = storage("resource.found", "prodfound", Action::Adopt);
    adopted.paths = vec![path("tags.team", Some(json!("a")), Some(json!("b")))];
    let mut read = storage("data.hub", "vnet-hub", Action::Read);
    read.reason = Some(Reason::DependsOnUnknown);
    let mut changes =
        vec![moved, gone, forgotten, adopted, read, storage("resource.new", "prodnew", Action::Create)];
    changes.extend((0..100).map(|i| {
        storage(&format!("module.net.resource.many[{i}]"), &format!("prodmany{i}"), Action::Create)
    }));
    assert_snapshot!(bare(&plan(changes)));
}

#[test]
fn outputs_that_change() {
    let mut plan = plan(Vec::new());
    plan.outputs = vec![
        output("count", Some(json!(3)), Some(value(json!(5))), false),
        output("gone", Some(json!("x")), None, false),
        output(
            "nodes",
            Some(json!({"a": {"zone": "1"}, "b": {"zone": "2"}, "c": {"zone": "3"}})),
            Some(value(json!({"a": {"zone": "1"}, "c": {"zone": "1"}, "d": {"zone": "2"}}))),
            false,
        ),
        output("new", None, Some(value(json!({"a": [1, 2]}))), false),
        output("same", Some(json!("x")), Some(value(json!("x"))), false),
        output("secret", Some(json!("hunter1")), Some(value(json!("hunter2"))), true),
    ];
    let page = bare(&plan);
    assert!(!page.contains("hunter"));
    assert_snapshot!(page);
}

#[test]
fn colour_never_changes_the_words() {
    let styled = text(&drifted(), &context(), 100, false);
    assert_ne!(styled, strip_str(&styled).to_string());
    assert!(!shown(&drifted(), 100).contains('\u{1b}'));
}

#[test]
fn what_others_added_is_left_alone_and_a_lost_machine_takes_one_line() {
    let mut changes = cluster(Action::NoOp, 3);
    let slot = |part: &str| worker(2, part);
    for part in ["vm", "nic"] {
        let gone = at(&mut changes, &slot(part));
        (gone.action, gone.reason, gone.before) = (Action::Create, Some(Reason::DeletedOutside), None);
    }
    let mut plan = plan(changes);
    let drift = |text: &str, what: DriftKind| Drift { address: address(text), title: "x".into(), what };
    plan.drift = vec![
        drift(
            "cluster.prod.network.control_plane_nsg",
            DriftKind::Added { path: "properties.securityRules[\"allow_ssh\"]".parse().unwrap() },
        ),
        drift(&slot("member"), DriftKind::Deleted),
        drift(&slot("nic"), DriftKind::Deleted),
        drift(&slot("registration"), DriftKind::Deleted),
        drift(&slot("vm"), DriftKind::Deleted),
    ];
    let page = shown(&plan, 140);
    assert!(page.contains("rule \"allow_ssh\" added by someone else   left alone (not ours)"), "{page}");
    assert!(page.contains(".vm   deleted outside, 3 things of it follow   will be created again"), "{page}");
    assert_eq!(
        page.matches("deleted outside").count(),
        1 + page.matches("deleted outside of").count(),
        "{page}"
    );
}
