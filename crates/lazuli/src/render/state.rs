//! What the state remembers, for people and machines. Sensitive parts are never shown; outputs only when asked for
//! by name, as JSON, or raw.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lazuli_core::Value;
use lazuli_core::address::{Address, Segment};
use lazuli_core::path::{Path, PathStep};
use lazuli_core::plan::Operation;
use lazuli_core::recorded::{Recorded, RecordedOutput, RecordedWorld};
use serde_json::{Map, Value as Json, json};

use super::layout::{columns, count, pad};
use super::style::{self, paint};
use super::{names, plan_json, value};

/// `state list`: one address per line, those within `only`.
pub fn list(world: &RecordedWorld, only: Option<&Address>) -> String {
    let mut out = String::new();
    for address in world.resources.keys() {
        if only.is_none_or(|only| address.is_within(only)) {
            let _ = writeln!(out, "{address}");
        }
    }
    out
}

/// `state list --json`.
pub fn list_json(world: &RecordedWorld, only: Option<&Address>) -> Json {
    world.resources.keys().filter(|a| only.is_none_or(|only| a.is_within(only))).map(|a| json!(a)).collect()
}

/// `state show`: everything recorded of a resource.
pub fn show(recorded: &Recorded, width: usize) -> String {
    let mut out = format!("{}\n", paint(style::STRONG, recorded.address.as_str()));
    let mut rows = vec![
        ("type", recorded.ty.to_string()),
        ("id", recorded.id.to_string()),
        ("account", recorded.account.to_string()),
        ("created", recorded.created_at.clone()),
        ("updated", recorded.updated_at.clone()),
    ];
    if let Some(slot) = &recorded.slot {
        let zone = slot.zone.as_ref().map(|z| format!(", zone {z}")).unwrap_or_default();
        rows.push(("node", format!("{}, generation {}{zone}", slot.name, slot.generation)));
    }
    if let Some(pending) = &recorded.pending {
        let operation = match pending.operation {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
            Operation::Read => "read",
        };
        rows.push(("unfinished", format!("{operation}: the next plan looks how it ended")));
    }
    if recorded.prevent_destroy {
        rows.push(("protected", "lifecycle.prevent_destroy".to_owned()));
    }
    let label = rows.iter().map(|(label, _)| columns(label)).max().unwrap_or(0) + 2;
    for (name, text) in rows {
        let _ = writeln!(out, "  {}{text}", paint(style::FAINT, &pad(name, label)));
    }
    if !recorded.dependencies.is_empty() {
        let _ = writeln!(out, "\n  {}", paint(style::STRONG, "depends on"));
        for address in &recorded.dependencies {
            let _ = writeln!(out, "    {address}");
        }
    }
    let applied = marked(&recorded.inputs, &recorded.sensitive);
    let found = marked(&recorded.observed, &recorded.sensitive);
    let _ = writeln!(out, "\n  {}", paint(style::STRONG, "as applied"));
    for line in body(&applied, width.saturating_sub(4)) {
        let _ = writeln!(out, "    {line}");
    }
    // Nothing is told twice.
    if let Some(more) = beyond(&found, &applied, &["id", "name", "type"]) {
        let _ = writeln!(
            out,
            "\n  {}",
            paint(style::STRONG, "as found, where Azure says more or something else")
        );
        for line in body(&more, width.saturating_sub(4)) {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}

/// What `found` says beyond `applied`, members of the first level in `known` left out; `None` when that is nothing.
fn beyond(found: &Value, applied: &Value, known: &[&str]) -> Option<Value> {
    if found.is_sensitive() || applied.is_sensitive() {
        return (!value::same(found, applied)).then(|| found.clone());
    }
    let (Some(entries), Some(told)) = (found.as_entries(), applied.as_entries()) else {
        return (!value::same(found, applied)).then(|| found.clone());
    };
    let mut more = Vec::new();
    for (key, inner) in entries.iter().filter(|(key, _)| !known.contains(&&***key)) {
        let rest = match told.get(key) {
            Some(applied) => beyond(inner, applied, &[]),
            // Azure fills in what is empty.
            None => Some(inner.clone()).filter(|v| v.as_sequence().is_none_or(|items| !items.is_empty())),
        };
        more.extend(rest.map(|rest| (key.clone(), rest)));
    }
    (!more.is_empty()).then(|| Value::object(more))
}

/// The attributes of an object, each on its own lines.
fn body(object: &Value, width: usize) -> Vec<String> {
    match object.as_entries() {
        Some(entries) if !object.is_sensitive() => {
            entries.iter().flat_map(|(key, v)| value::lines(&format!("{key} = "), v, width)).collect()
        }
        _ => value::lines("", object, width),
    }
}

/// `state show --json`.
pub fn show_json(recorded: &Recorded) -> Json {
    let mut json = resource_json(recorded);
    json.insert("api_version".into(), json!(&*recorded.ty.api_version));
    json.insert("account".into(), json!(&*recorded.account));
    json.insert("inputs".into(), plan_json::redacted(&marked(&recorded.inputs, &recorded.sensitive)));
    json.insert("dependencies".into(), json!(recorded.dependencies));
    json.insert("prevent_destroy".into(), json!(recorded.prevent_destroy));
    json.insert("slot".into(), json!(recorded.slot));
    json.insert("pending".into(), json!(recorded.pending.as_ref().map(|p| p.operation)));
    json.insert("created_at".into(), json!(recorded.created_at));
    json.insert("updated_at".into(), json!(recorded.updated_at));
    Json::Object(json)
}

fn resource_json(recorded: &Recorded) -> Map<String, Json> {
    let mut json = Map::new();
    json.insert("address".into(), json!(recorded.address));
    json.insert("mode".into(), json!(recorded.mode));
    json.insert("type".into(), json!(&*recorded.ty.name));
    json.insert("provider_name".into(), json!(recorded.provider));
    json.insert("id".into(), json!(recorded.id));
    json.insert("values".into(), plan_json::redacted(&marked(&recorded.observed, &recorded.sensitive)));
    json.insert("sensitive_paths".into(), json!(recorded.sensitive));
    json
}

/// `show` without a file: what there is, by cluster, and the outputs.
pub fn world(world: &RecordedWorld, width: usize) -> String {
    if world.resources.is_empty() {
        return "The state is empty: nothing is applied.\n".to_owned();
    }
    let mut out = String::new();
    let mut groups: Vec<(String, Vec<&Recorded>)> = Vec::new();
    for (address, recorded) in &world.resources {
        let group = group_of(address);
        match groups.last_mut() {
            Some((name, list)) if *name == group => list.push(recorded),
            _ => groups.push((group, vec![recorded])),
        }
    }
    for (group, resources) in groups {
        let _ = writeln!(out, "{}   {}", paint(style::STRONG, &group), count(resources.len(), "resource"));
        // Below a cluster, addresses are told without it.
        let within = |recorded: &Recorded| match recorded.address.as_str().strip_prefix(&format!("{group}."))
        {
            Some(rest) if group.contains('.') => rest.to_owned(),
            _ => recorded.address.to_string(),
        };
        let widest = |text: &dyn Fn(&Recorded) -> String| {
            resources.iter().map(|r| columns(&text(r))).max().unwrap_or(0)
        };
        let longest = widest(&within).min(width * 3 / 5);
        let names = widest(&object_name).min(width / 3);
        for recorded in resources {
            let mut line =
                format!("  {}  {}", pad(&within(recorded), longest), pad(&object_name(recorded), names));
            // Where a node is, is told once: with its machine.
            let machine = recorded.slot.as_ref().filter(|slot| slot.name == recorded.id.name());
            if let Some(zone) = machine.and_then(|slot| slot.zone.as_ref()) {
                line.push_str(&format!("  zone {zone}"));
            }
            if recorded.pending.is_some() {
                line.push_str("  unfinished");
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out.push('\n');
    }
    if !world.deposed.is_empty() {
        let _ = writeln!(out, "{}", paint(style::STRONG, "Replaced and not deleted yet"));
        for recorded in &world.deposed {
            let _ = writeln!(out, "  {}  {}", recorded.address, recorded.id.name());
        }
        out.push('\n');
    }
    let outputs = outputs(&world.outputs, width);
    if !outputs.is_empty() {
        let _ = write!(out, "{}\n{}\n", paint(style::STRONG, "Outputs"), indented(&outputs));
    }
    let _ = writeln!(
        out,
        "{}, serial {}, lineage {}",
        count(world.resources.len(), "resource"),
        world.serial,
        world.lineage
    );
    out
}

/// The name of an object; of a role assignment, its role.
fn object_name(recorded: &Recorded) -> String {
    let role =
        recorded.inputs.pointer("/properties/roleDefinitionId").and_then(Json::as_str).and_then(names::role);
    role.map_or_else(|| recorded.id.name().to_owned(), str::to_owned)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn group_of(address: &Address) -> String {
    let segments = address.segments();
    let modules = segments.chunks(2).take_while(|pair| pair[0].name == "module").count() * 2;
    let kept = match segments.get(modules) {
        Some(word) if word.name == "cluster" => modules + 2,
        _ if modules > 0 => modules,
        _ => 1,
    };
    let spell = |segment: &Segment| match &segment.key {
        Some(key) => format!("{}{key}", segment.name),
        None => segment.name.clone(),
    };
    segments.iter().take(kept).map(spell).collect::<Vec<_>>().join(".")
}

/// `show --json` of a state, in the shape of Terraform's.
pub fn world_json(world: &RecordedWorld, version: &str) -> Json {
    let outputs: Map<String, Json> = world
        .outputs
        .iter()
        .map(|(name, o)| {
            let value = if o.sensitive { &Json::Null } else { &o.value };
            (name.to_string(), json!({"sensitive": o.sensitive, "value": value}))
        })
        .collect();
    let resources: Vec<Json> = world.resources.values().map(|r| Json::Object(resource_json(r))).collect();
    json!({
        "format_version": "1.0",
        "terraform_version": plan_json::TERRAFORM,
        "lazuli_version": version,
        "values": {"outputs": outputs, "root_module": {"resources": resources}},
        "x_lineage": world.lineage,
        "x_serial": world.serial,
    })
}

/// `output` for people: `name = value`, sensitive ones hidden.
pub fn outputs(outputs: &BTreeMap<Arc<str>, RecordedOutput>, width: usize) -> String {
    let mut out = String::new();
    for (name, output) in outputs {
        let shown = lazuli_core::encoding::from_json(&output.value).with_sensitivity(output.sensitive);
        for line in value::lines(&format!("{name} = "), &shown, width) {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// `output --json`: every output by name, sensitive ones too: who asks for this wants them.
pub fn outputs_json(outputs: &BTreeMap<Arc<str>, RecordedOutput>) -> Json {
    outputs
        .iter()
        .map(|(name, o)| (name.to_string(), json!({"sensitive": o.sensitive, "value": o.value})))
        .collect::<Map<_, _>>()
        .into()
}

/// `output NAME`: the value, asked for by name and so shown.
pub fn output(output: &RecordedOutput, width: usize) -> String {
    let mut text = value::lines("", &lazuli_core::encoding::from_json(&output.value), width).join("\n");
    text.push('\n');
    text
}

/// `output NAME --raw`: the bare text of a string, number or truth value; `None` for anything else.
pub fn output_raw(output: &RecordedOutput) -> Option<String> {
    match &output.value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The value of a JSON document with what lies at the paths marked sensitive.
pub fn marked(json: &Json, sensitive: &[Path]) -> Value {
    let paths: Vec<&[PathStep]> = sensitive.iter().map(Path::steps).collect();
    mark(json, &paths)
}

fn mark(json: &Json, sensitive: &[&[PathStep]]) -> Value {
    if sensitive.iter().any(|path| path.is_empty()) {
        return lazuli_core::encoding::from_json(json).sensitive();
    }
    if sensitive.is_empty() {
        return lazuli_core::encoding::from_json(json);
    }
    // A path that leads nowhere hides too much rather than too little.
    let hits = |step: &PathStep| match (json, step) {
        (Json::Object(_), PathStep::Name(_) | PathStep::Key(_)) => true,
        (Json::Array(items), PathStep::Key(key)) => items.iter().any(|item| is_named(item, key)),
        (Json::Array(_), PathStep::Index(_)) => true,
        _ => false,
    };
    if !sensitive.iter().all(|path| hits(&path[0])) {
        return lazuli_core::encoding::from_json(json).sensitive();
    }
    let below = |matches: &dyn Fn(&PathStep) -> bool| -> Vec<&[PathStep]> {
        sensitive.iter().filter(|p| matches(&p[0])).map(|p| &p[1..]).collect()
    };
    match json {
        Json::Object(entries) => Value::object(entries.iter().map(|(key, json)| {
            let inner =
                below(&|step| matches!(step, PathStep::Name(name) | PathStep::Key(name) if **name == **key));
            (key.as_str(), mark(json, &inner))
        })),
        Json::Array(items) => Value::tuple(items.iter().enumerate().map(|(i, json)| {
            let inner = below(&|step| match step {
                PathStep::Index(index) => *index == i,
                PathStep::Key(key) => is_named(json, key),
                PathStep::Name(_) => false,
            });
            mark(json, &inner)
        })),
        scalar => lazuli_core::encoding::from_json(scalar),
    }
}

fn is_named(json: &Json, name: &str) -> bool {
    json.get("name").and_then(Json::as_str) == Some(name)
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use lazuli_core::recorded::Pending;
    use lazuli_core::resource::{Mode, NodeSlot, ProviderName, ResourceId, ResourceType};

    use super::*;
    use crate::render::specimens::address;

    fn recorded(text: &str, ty: &str, name: &str) -> Recorded {
        Recorded {
            address: address(text),
            mode: Mode::Managed,
            provider: ProviderName::Azure,
            account: "main".into(),
            ty: ResourceType::new(ty, "2025-04-01"),
            id: ResourceId::new(format!("/subscriptions/s/resourceGroups/rg/providers/{ty}/{name}")),
            inputs: json!({"location": "eastus2", "properties": {"password": "hunter2", "keys": [{"name": "a", "value": "hunter2"}]}}),
            observed: json!({"properties": {"password": "hunter2", "provisioningState": "Succeeded"}}),
            dependencies: vec![address("cluster.prod.network.virtual_network")],
            sensitive: vec![
                "properties.password".parse().unwrap(),
                "properties.keys[\"a\"].value".parse().unwrap(),
            ],
            write_only: BTreeMap::new(),
            prevent_destroy: true,
            slot: None,
            pending: None,
            created_at: "2026-11-22T14:05:10Z".to_owned(),
            updated_at: "2026-11-23T08:00:00Z".to_owned(),
        }
    }

    fn world_of_three() -> RecordedWorld {
        let mut vm = recorded(
            "cluster.prod.worker_pool[\"general\"].node[\"10\"].vm",
            "Microsoft.Compute/virtualMachines",
            "prod-general-10-77d0",
        );
        vm.slot = Some(NodeSlot {
            address: address("cluster.prod.worker_pool[\"general\"].node[\"10\"]"),
            generation: 2,
            name: "prod-general-10-77d0".to_owned(),
            zone: Some("1".to_owned()),
        });
        vm.pending = Some(Pending { operation: Operation::Create, url: None });
        let resources = [
            vm,
            recorded(
                "cluster.prod.network.virtual_network",
                "Microsoft.Network/virtualNetworks",
                "prod-vnet",
            ),
            recorded("resource.logs", "Microsoft.Storage/storageAccounts", "prodlogs"),
        ];
        RecordedWorld {
            lineage: "3f2a91c7".to_owned(),
            serial: 12,
            resources: resources.into_iter().map(|r| (r.address.clone(), r)).collect(),
            outputs: [
                ("endpoint".into(), RecordedOutput { value: json!("https://prod:6443"), sensitive: false }),
                ("kubeconfig".into(), RecordedOutput { value: json!("hunter2"), sensitive: true }),
                ("nodes".into(), RecordedOutput { value: json!({"a": {"zone": "1"}}), sensitive: false }),
            ]
            .into(),
            ..RecordedWorld::default()
        }
    }

    #[test]
    fn addresses_are_listed_as_people_count_and_by_what_they_lie_in() {
        let world = world_of_three();
        assert_eq!(
            list(&world, None),
            "cluster.prod.network.virtual_network\ncluster.prod.worker_pool[\"general\"].node[\"10\"].vm\nresource.logs\n"
        );
        assert_eq!(list(&world, Some(&address("resource.logs"))), "resource.logs\n");
        assert_eq!(list(&world, Some(&address("cluster.pro"))), "");
    }

    #[test]
    fn what_is_recorded_of_a_resource() {
        let world = world_of_three();
        let vm = world.resources.values().find(|r| r.slot.is_some()).unwrap();
        let text = strip_str(&show(vm, 80)).to_string();
        assert!(!text.contains("hunter"));
        insta::assert_snapshot!(text);
        let json = show_json(vm);
        assert!(!json.to_string().contains("hunter"));
        insta::assert_json_snapshot!(json);
    }

    #[test]
    fn everything_there_is() {
        let text = strip_str(&world(&world_of_three(), 100)).to_string();
        assert!(!text.contains("hunter"));
        insta::assert_snapshot!(text);
        assert!(!world_json(&world_of_three(), "0.1.0").to_string().contains("hunter"));
        insta::assert_snapshot!(world(&RecordedWorld::default(), 80), @"The state is empty: nothing is applied.");
    }

    #[test]
    fn an_output_is_hidden_until_it_is_asked_for_by_name() {
        let world = world_of_three();
        insta::assert_snapshot!(outputs(&world.outputs, 80));
        assert_eq!(output(&world.outputs["kubeconfig"], 80), "\"hunter2\"\n");
        assert_eq!(output_raw(&world.outputs["endpoint"]).as_deref(), Some("https://prod:6443"));
        assert_eq!(output_raw(&world.outputs["nodes"]), None);
    }

    #[test]
    fn a_sensitive_path_that_leads_nowhere_hides_too_much_rather_than_too_little() {
        let json =
            json!({"a": [{"key": "x", "v": "hunter2"}], "b": "hunter2", "c": {"d": "hunter2"}, "e": 1});
        for path in ["a[\"x\"].v", "b.c", "c[0]"] {
            let shown = value::inline(&marked(&json, &[path.parse().unwrap()]));
            assert_eq!(shown.matches("hunter2").count(), 2, "{path}: {shown}");
        }
    }
}
