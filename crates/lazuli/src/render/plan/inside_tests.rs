//! What is inside of clusters, as people see it in plans.

use anstream::adapter::strip_str;
use insta::assert_snapshot;
use lazuli_core::plan::{Action, Change, PlanMode, Reason};
use lazuli_core::resource::ProviderName;
use serde_json::{Value as Json, json};

use super::{Context, text};
use crate::render::specimens::{address, at, change, cluster, path, plan};

const GROUP: &str =
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-platform/providers";

fn inside(part: &str, ty: &str, title: &str, name: &str, action: Action, body: Json) -> Change {
    let namespace = if part.starts_with("pki") { "Lazuli.Tls" } else { "Lazuli.Kubernetes" };
    let ty = format!("{namespace}/clusters/{ty}");
    let mut change = change(&format!("cluster.prod.{part}"), &ty, title, name, action, body);
    change.provider = ProviderName::Kubernetes;
    let kind = ty.rsplit('/').next().unwrap_or_default();
    change.id = Some(lazuli_core::resource::ResourceId::new(format!(
        "{GROUP}/{namespace}/clusters/prod/{kind}/{name}"
    )));
    change
}

/// A cluster with what is inside of it.
fn whole(azure: Action, within: Action) -> Vec<Change> {
    let mut changes = cluster(azure, 2);
    for (key, ty, title) in [
        ("cluster_ca", "certificateAuthorities", "certificate authority"),
        ("etcd_ca", "certificateAuthorities", "certificate authority"),
        ("front_proxy_ca", "certificateAuthorities", "certificate authority"),
        ("service_account", "serviceAccountKeys", "service account key"),
    ] {
        changes.push(inside(&format!("pki.{key}"), ty, title, key, azure, json!({})));
    }
    let objects =
        json!({"properties": {"objects": {"v1/ConfigMap/kube-system/a": {}, "v1/Secret/kube-system/b": {}}}});
    let settings = json!({"properties": {"kubernetesVersion": "v1.34.2"}});
    for (name, ty, title, body) in [
        ("settings", "settings", "settings", &settings),
        ("cloud_provider", "layers", "layer", &objects),
        ("network", "layers", "layer", &objects),
        ("components", "settings", "settings", &settings),
    ] {
        changes.push(inside(&format!("layer[\"{name}\"]"), ty, title, name, within, body.clone()));
    }
    changes.push(inside("addon[\"metrics\"]", "addons", "add-on", "metrics", within, objects));
    let machines: Vec<String> = changes
        .iter()
        .filter(|change| change.address.as_str().ends_with(".vm"))
        .map(|change| change.address.as_str().to_owned())
        .collect();
    for vm in machines {
        let node = vm.strip_prefix("cluster.prod.").and_then(|vm| vm.strip_suffix(".vm")).unwrap();
        let name = at(&mut changes, &vm).id.as_ref().unwrap().name().to_owned();
        let part = |part: &str, ty: &str, title: &str| {
            inside(&format!("{node}.{part}"), ty, title, &name, within, json!({"properties": {"node": name}}))
        };
        changes.push(part("registration", "registrations", "registration"));
        changes.push(part("member", "members", "node"));
    }
    changes
}

fn shown(changes: Vec<Change>, mode: PlanMode) -> String {
    let mut plan = plan(changes);
    plan.mode = mode;
    strip_str(&text(&plan, &Context { time_factor: 1.0, ..Context::default() }, 100, false)).to_string()
}

#[test]
fn what_is_inside_of_a_new_cluster_takes_few_lines() {
    assert_snapshot!(shown(whole(Action::Create, Action::Create), PlanMode::Apply));
}

#[test]
fn that_everything_inside_ends_with_its_cluster_is_said_once() {
    let mut changes = whole(Action::Delete, Action::Forget);
    for change in changes.iter_mut().filter(|change| change.action == Action::Forget) {
        change.reason = Some(Reason::EndsWith(address("cluster.prod.pki.cluster_ca")));
    }
    let page = shown(changes, PlanMode::Destroy);
    assert_eq!(page.matches("ends with its cluster").count(), 1, "{page}");
    assert_snapshot!(page);
}

#[test]
fn of_a_layer_changed_objects_are_counted() {
    let mut changes = whole(Action::NoOp, Action::NoOp);
    let mut objects = |name: &str, number: usize| {
        let layer = at(&mut changes, &format!("cluster.prod.layer[\"{name}\"]"));
        layer.action = Action::Update;
        let change = |i| {
            path(
                &format!("properties.objects.\"v1/ConfigMap/kube-system/c{i}\".data.x"),
                Some(json!("old")),
                Some(json!("new")),
            )
        };
        layer.paths = (0..number).map(change).collect();
    };
    objects("network", 2);
    objects("cloud_provider", 30);
    assert_snapshot!(shown(changes, PlanMode::Apply));
}

/// The specimen of an upgrade: what a person decides by.
#[test]
fn an_upgrade() {
    let at_version = lazuli_core::source::Location { file: "main.hcl".into(), line: 8, column: 5 };
    let versions = || ("v1.33.6", "v1.34.2");
    let mut changes = whole(Action::NoOp, Action::NoOp);
    for change in &mut changes {
        let text = change.address.as_str().to_owned();
        if text.contains("layer[") {
            change.action = Action::Update;
            change.changed_at = Some(at_version.clone());
            let (before, after) = versions();
            change.paths = match text.contains("settings") || text.contains("components") {
                true => vec![path("properties.kubernetesVersion", Some(json!(before)), Some(json!(after)))],
                false => vec![path(
                    "properties.objects.\"v1/ConfigMap/kube-system/a\".data.x",
                    Some(json!("old")),
                    Some(json!("new")),
                )],
            };
        }
        if !text.contains(".node[") {
            continue;
        }
        change.action = Action::ReplaceCreateFirst;
        change.reason = Some(Reason::Succession("kubernetes.version 1.33.6 -> 1.34.2".to_owned()));
        change.changed_at = Some(at_version.clone());
        change.previous_id = change.id.clone();
        let id = change.id.as_ref().unwrap().as_str();
        change.id = Some(lazuli_core::resource::ResourceId::new(
            id.replace("-a41c", "-0be9").replace("-77d0", "-1c2d"),
        ));
        if text.ends_with(".member") {
            let body = json!({"properties": {"node": "x", "drainTimeoutSeconds": 600}});
            change.before = Some(lazuli_core::encoding::from_json(&body));
        }
    }
    let mut plan = plan(changes);
    let order: Vec<u32> = plan
        .steps
        .iter()
        .filter(|step| step.address.as_str().ends_with(".vm"))
        .map(|step| step.number)
        .collect();
    plan.edges.extend(order.windows(2).map(|pair| lazuli_core::plan::Edge {
        before: pair[0],
        after: pair[1],
        because: "rolling: one at a time".into(),
    }));
    assert_snapshot!(
        strip_str(&text(&plan, &Context { time_factor: 1.0, ..Context::default() }, 100, false)).to_string()
    );
}

#[test]
fn a_change_says_how_much_of_the_cluster_it_touches() {
    let told = |change: &dyn Fn(&mut Vec<Change>)| {
        let mut changes = whole(Action::NoOp, Action::NoOp);
        change(&mut changes);
        let page = shown(changes, PlanMode::Apply);
        let line = page.lines().find(|line| line.trim_start().starts_with("impact")).unwrap_or("(none)");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let set = |changes: &mut Vec<Change>, address: &str, action: Action| {
        at(changes, &format!("cluster.prod.{address}")).action = action;
    };
    let lines = [
        told(&|_| {}),
        told(&|all| set(all, "addon[\"metrics\"]", Action::Create)),
        told(&|all| set(all, "layer[\"network\"]", Action::Update)),
        told(&|all| set(all, "worker_pool[\"general\"].node[\"1\"].vm", Action::Delete)),
        told(&|all| set(all, "worker_pool[\"general\"].node[\"1\"].vm", Action::ReplaceCreateFirst)),
        told(&|all| set(all, "control_plane.node[\"1\"].vm", Action::ReplaceCreateFirst)),
        told(&|all| {
            set(all, "control_plane.node[\"1\"].vm", Action::ReplaceCreateFirst);
            set(all, "worker_pool[\"general\"].node[\"1\"].vm", Action::ReplaceCreateFirst);
        }),
    ];
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_adopted_says_by_what_it_is_known() {
    let mut changes = whole(Action::NoOp, Action::NoOp);
    let settings = at(&mut changes, "cluster.prod.layer[\"settings\"]");
    settings.action = Action::Adopt;
    let page = shown(changes, PlanMode::Apply);
    assert!(page.contains("exists already in this state's cluster: will be adopted"), "{page}");
    assert!(!page.contains("lineage"), "what is in a cluster carries none: {page}");
}
