//! A plan in the shape of `terraform show -json`, so that policy and cost tools can read it.
//!
//! Deliberate differences: sensitive values are null in `before` and `after` (where they are says `*_sensitive`), and
//! fields Terraform does not have begin with `x_`: the steps, the edges between them, ids and places. `values` are
//! the objects as Azure is sent them (`location`, `tags`, `properties`, …). `terraform_version` names the release whose
//! shape this is: some tools refuse a document without it. `lazuli_version` says who wrote it.

use std::collections::BTreeMap;

use lazuli_core::Value;
use lazuli_core::address::{Address, Key, Segment};
use lazuli_core::path::{Path, PathStep};
use lazuli_core::plan::{Action, Change, OutputChange, PathChange, Plan, Reason};
use lazuli_core::resource::Mode;
use lazuli_core::value::Content;
use serde_json::{Map, Value as Json, json};

use super::drift_json;

/// The version of the shape.
const FORMAT: &str = "1.2";
/// Terraform's release with that shape.
pub(super) const TERRAFORM: &str = "1.11.4";

/// What a document says besides the plan.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// When the plan was made, RFC 3339.
    pub timestamp: Option<String>,
    /// Values of variables by name, sensitive ones left out.
    pub variables: BTreeMap<String, Json>,
    /// Results of `check` blocks and conditions, in Terraform's shape.
    pub checks: Vec<Json>,
}

/// The document of a plan. `version` is Lazuli's own.
pub fn document(plan: &Plan, extras: &Extras, version: &str) -> Json {
    let variables: Map<String, Json> =
        extras.variables.iter().map(|(name, value)| (name.clone(), json!({"value": value}))).collect();
    let mut document = json!({
        "format_version": FORMAT,
        "terraform_version": TERRAFORM,
        "lazuli_version": version,
        "variables": variables,
        "planned_values": {
            "outputs": outputs(plan, |o| o.after.clone()),
            "root_module": root_module(plan, Side::After),
        },
        "resource_changes": plan.changes.iter().map(resource_change).collect::<Vec<_>>(),
        "resource_drift": plan.drift.chunk_by(|a, b| a.address == b.address)
            .filter_map(|found| drift_json::resource_drift(plan, found)).collect::<Vec<_>>(),
        "output_changes": plan.outputs.iter()
            .map(|o| (o.name.to_string(), output_change(o))).collect::<Map<_, _>>(),
        "prior_state": {
            "format_version": "1.0",
            "terraform_version": TERRAFORM,
            "values": {
                "outputs": outputs(plan, |o| o.before.as_ref().map(lazuli_core::encoding::from_json)),
                "root_module": root_module(plan, Side::Before),
            },
        },
        "configuration": configuration(plan),
        "checks": extras.checks,
        "applyable": !plan.is_empty(),
        "complete": plan.left_out.is_empty(),
        "errored": false,
        "x_mode": plan.mode,
        "x_lineage": plan.lineage,
        "x_serial": plan.serial,
        "x_scope": plan.scope,
        "x_left_out": plan.left_out,
        "x_drift": plan.drift.iter().map(drift_json::plain).collect::<Vec<_>>(),
        "x_steps": plan.steps.iter().map(|s| json!({
            "number": s.number,
            "address": s.address,
            "operation": s.operation,
            "expected_seconds": s.expected,
            "timeout_seconds": s.timeout,
            "lock": s.lock,
            "deposed": s.deposed,
        })).collect::<Vec<_>>(),
        "x_edges": plan.edges,
    });
    if let (Some(fields), Some(at)) = (document.as_object_mut(), &extras.timestamp) {
        fields.insert("timestamp".into(), json!(at));
    }
    document
}

/// Terraform's words for an action.
pub fn actions(change: &Change) -> &'static [&'static str] {
    match change.action {
        Action::NoOp | Action::Move => &["no-op"],
        Action::Create => &["create"],
        Action::Update => &["update"],
        Action::ReplaceDeleteFirst => &["delete", "create"],
        Action::ReplaceCreateFirst => &["create", "delete"],
        Action::Delete => &["delete"],
        Action::Read => &["read"],
        Action::Adopt if change.paths.is_empty() => &["no-op"],
        Action::Adopt => &["update"],
        Action::Forget => &["forget"],
    }
}

fn resource_change(change: &Change) -> Json {
    let mut body = Map::new();
    body.insert("actions".into(), json!(actions(change)));
    body.insert("before".into(), before(change).map_or(Json::Null, redacted));
    body.insert("after".into(), change.after.as_ref().map_or(Json::Null, redacted));
    body.insert("after_unknown".into(), mask(change.after.as_ref(), &Value::is_unknown));
    body.insert("before_sensitive".into(), mask(before(change), &Value::is_sensitive));
    body.insert("after_sensitive".into(), mask(change.after.as_ref(), &Value::is_sensitive));
    let forcing = change.paths.iter().filter(|p| p.forces_replacement).map(|p| path(&p.path));
    let forcing: Vec<Json> = forcing.collect();
    if !forcing.is_empty() {
        body.insert("replace_paths".into(), forcing.into());
    }
    if change.action == Action::Adopt {
        body.insert("importing".into(), json!({"id": change.id}));
    }

    let mut json = identity(&change.address, change.mode, change);
    if let Some(previous) = &change.previous_address {
        json.insert("previous_address".into(), json!(previous));
    }
    json.insert("change".into(), body.into());
    if let Some(reason) = action_reason(change) {
        json.insert("action_reason".into(), json!(reason));
    }
    json.insert("x_title".into(), json!(&*change.title));
    json.insert("x_id".into(), json!(change.id));
    json.insert("x_reason".into(), json!(change.reason));
    json.insert("x_origin".into(), json!(change.origin));
    if let Some(at) = &change.changed_at {
        json.insert("x_changed_at".into(), json!(at));
    }
    json.insert("x_paths".into(), change.paths.iter().map(path_change).collect());
    Json::Object(json)
}

/// An attribute that differs, and who made it differ: `configuration`, `drift` (somebody else), or `both`.
pub fn path_change(change: &PathChange) -> Json {
    let mut json = json!({
        "path": change.path,
        "forces_replacement": change.forces_replacement,
        "cause": if change.recorded.is_some() { json!("both") } else { json!(change.cause) },
    });
    if let (Some(fields), Some(recorded)) = (json.as_object_mut(), &change.recorded) {
        fields.insert("recorded".into(), redacted(recorded));
    }
    json
}

/// What exists before; of what does not change, that is what exists after.
fn before(change: &Change) -> Option<&Value> {
    let unchanged = matches!(change.action, Action::NoOp | Action::Move);
    change.before.as_ref().or(change.after.as_ref().filter(|_| unchanged))
}

fn action_reason(change: &Change) -> Option<&'static str> {
    match (change.action, change.reason.as_ref()?) {
        (Action::Delete, Reason::NotInConfiguration) => Some("delete_because_no_resource_config"),
        (Action::Read, Reason::DependsOnUnknown) => Some("read_because_config_unknown"),
        (action, Reason::Asked) if action.is_replace() => Some("replace_by_request"),
        (action, Reason::Triggered(_)) if action.is_replace() => Some("replace_by_triggers"),
        (action, Reason::Unfinished) if action.is_replace() => Some("replace_because_tainted"),
        (action, Reason::Follows(_) | Reason::Succession(_)) if action.is_replace() => {
            Some("replace_by_triggers")
        }
        (action, _) if action.is_replace() => Some("replace_because_cannot_update"),
        _ => None,
    }
}

/// The fields that say which resource it is.
pub(super) fn identity(address: &Address, mode: Mode, change: &Change) -> Map<String, Json> {
    let mut json = Map::new();
    json.insert("address".into(), json!(address));
    let segments = address.segments();
    let module = module_segments(&segments);
    if !module.is_empty() {
        json.insert("module_address".into(), json!(module_address(module)));
    }
    json.insert("mode".into(), json!(mode));
    json.insert("type".into(), json!(&*change.ty.name));
    if let Some(last) = segments.last() {
        json.insert("name".into(), json!(last.name));
        match &last.key {
            Some(Key::Index(index)) => json.insert("index".into(), json!(index)),
            Some(Key::Name(name)) => json.insert("index".into(), json!(name)),
            None => None,
        };
    }
    json.insert("provider_name".into(), json!(change.provider));
    json
}

/// The leading `module.…` parts, two segments each (`module`, name).
fn module_segments(segments: &[Segment]) -> &[Segment] {
    let mut end = 0;
    while segments.get(end).is_some_and(|s| s.name == "module" && s.key.is_none()) && end + 2 < segments.len()
    {
        end += 2;
    }
    &segments[..end]
}

fn module_address(segments: &[Segment]) -> String {
    let part = |s: &Segment| format!("{}{}", s.name, s.key.as_ref().map(Key::to_string).unwrap_or_default());
    segments.iter().map(part).collect::<Vec<_>>().join(".")
}

/// Before or after the apply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

#[derive(Default)]
struct Module {
    resources: Vec<Json>,
    children: BTreeMap<String, Module>,
}

impl Module {
    fn json(self, address: Option<&str>) -> Json {
        let mut json = Map::new();
        if let Some(address) = address {
            json.insert("address".into(), json!(address));
        }
        if !self.resources.is_empty() {
            json.insert("resources".into(), self.resources.into());
        }
        if !self.children.is_empty() {
            let children = self.children.into_iter().map(|(address, module)| module.json(Some(&address)));
            json.insert("child_modules".into(), children.collect());
        }
        Json::Object(json)
    }
}

fn root_module(plan: &Plan, side: Side) -> Json {
    let mut root = Module::default();
    for change in &plan.changes {
        let (address, value) = match side {
            Side::Before => (change.previous_address.as_ref().unwrap_or(&change.address), before(change)),
            Side::After if change.action == Action::Forget => continue,
            Side::After => (&change.address, change.after.as_ref()),
        };
        let Some(value) = value else { continue };
        let segments = address.segments();
        let modules = module_segments(&segments);
        let mut module = &mut root;
        for end in (2..=modules.len()).step_by(2) {
            module = module.children.entry(module_address(&modules[..end])).or_default();
        }
        let mut json = identity(address, change.mode, change);
        json.insert("schema_version".into(), json!(0));
        json.insert("values".into(), redacted(value));
        json.insert("sensitive_values".into(), mask(Some(value), &Value::is_sensitive));
        json.remove("module_address");
        module.resources.push(Json::Object(json));
    }
    root.json(None)
}

fn outputs(plan: &Plan, value: impl Fn(&OutputChange) -> Option<Value>) -> Json {
    plan.outputs
        .iter()
        .filter_map(|o| {
            let value = value(o)?;
            let mut json = Map::new();
            json.insert("sensitive".into(), json!(o.sensitive));
            let shown = if o.sensitive { Json::Null } else { redacted(&value) };
            if !value.is_unknown() {
                json.insert("value".into(), shown);
            }
            Some((o.name.to_string(), Json::Object(json)))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn output_change(output: &OutputChange) -> Json {
    let actions = match (&output.before, &output.after) {
        _ if !output.changes() => "no-op",
        (None, _) => "create",
        (_, None) => "delete",
        _ => "update",
    };
    let show = |value: &Value| if output.sensitive { Json::Null } else { redacted(value) };
    json!({
        "actions": [actions],
        "before": output.before.as_ref().map(|b| show(&lazuli_core::encoding::from_json(b))),
        "after": output.after.as_ref().map(show),
        "after_unknown": mask(output.after.as_ref(), &Value::is_unknown),
        "before_sensitive": output.sensitive,
        "after_sensitive": output.sensitive,
    })
}

/// What the plan knows of the configuration: which resources are in it, and where.
fn configuration(plan: &Plan) -> Json {
    let declared = plan.changes.iter().filter(|c| c.after.is_some());
    let resources: Vec<Json> = declared
        .map(|change| {
            let mut json = identity(&change.address, change.mode, change);
            json.remove("index");
            json.insert("provider_config_key".into(), json!(&*change.account));
            json.insert("schema_version".into(), json!(0));
            json.insert("x_origin".into(), json!(change.origin));
            Json::Object(json)
        })
        .collect();
    json!({"root_module": {"resources": resources}})
}

fn path(path: &Path) -> Json {
    let step = |step: &PathStep| match step {
        PathStep::Name(text) | PathStep::Key(text) => json!(&**text),
        PathStep::Index(index) => json!(index),
    };
    path.steps().iter().map(step).collect()
}

/// Plain JSON: unknown members of objects left out, unknown elements and everything sensitive null.
pub fn redacted(value: &Value) -> Json {
    if value.is_sensitive() {
        return Json::Null;
    }
    match value.content() {
        Content::Unknown(_) => Json::Null,
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            items.iter().map(redacted).collect()
        }
        Content::Map(_, entries) | Content::Object(entries) => entries
            .iter()
            .filter(|(_, v)| !v.is_unknown())
            .map(|(k, v)| (k.to_string(), redacted(v)))
            .collect::<Map<_, _>>()
            .into(),
        _ => lazuli_core::encoding::to_json(value).unwrap_or(Json::Null), // impossible: a known scalar
    }
}

/// Where a property holds: `true` at a value that has it, else the structure with `false` members left out.
pub(super) fn mask(value: Option<&Value>, holds: &dyn Fn(&Value) -> bool) -> Json {
    let Some(value) = value else { return Json::Bool(false) };
    if holds(value) {
        return Json::Bool(true);
    }
    // What a sensitive value is made of is not shown either.
    if value.is_sensitive() {
        return Json::Bool(false);
    }
    if let Some(items) = value.as_sequence() {
        return items.iter().map(|item| mask(Some(item), holds)).collect();
    }
    let Some(entries) = value.as_entries() else { return Json::Bool(false) };
    entries
        .iter()
        .map(|(key, value)| (key.to_string(), mask(Some(value), holds)))
        .filter(|(_, mask)| *mask != Json::Bool(false))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::specimens::{address, at, change, node, output, path, plan, rule_update, value};
    use lazuli_core::Type;
    use lazuli_core::plan::{Drift, DriftKind};

    fn mixed() -> Plan {
        let mut changes =
            node("general", "prod-general-1-77d0", 1, Action::ReplaceDeleteFirst, "Standard_D8s_v5");
        changes[0].action = Action::NoOp;
        let vm = at(&mut changes, "cluster.prod.worker_pool[\"general\"].node[\"1\"].vm");
        vm.reason = Some(Reason::Asked);
        vm.paths = vec![path("properties.hardwareProfile.vmSize", Some(json!("a")), Some(json!("b")))];
        vm.paths[0].forces_replacement = true;
        vm.after = Some(Value::object([
            ("location", Value::string("eastus2")),
            ("list", Value::tuple([Value::int(1), Value::unknown_of(Type::String)])),
            ("secret", Value::string("hunter2").sensitive()),
            (
                "properties",
                Value::object([
                    ("vmId", Value::unknown_of(Type::String)),
                    ("osProfile", Value::object([("customData", Value::string("hunter2").sensitive())])),
                ]),
            ),
        ]));
        let storage = "Microsoft.Storage/storageAccounts";
        let mut adopted = change(
            "resource.found",
            storage,
            "storage account",
            "found",
            Action::Adopt,
            json!({"kind": "StorageV2"}),
        );
        adopted.previous_address = Some(address("resource.old"));
        changes.push(adopted);
        changes.push(change(
            "module.net.resource.logs[\"a\"]",
            storage,
            "storage account",
            "logs",
            Action::Create,
            json!({"kind": "StorageV2"}),
        ));
        let mut plan = plan(changes);
        plan.outputs = vec![
            output("endpoint", Some(json!("a")), Some(value(json!("b"))), false),
            output("kubeconfig", Some(json!("hunter2")), Some(Value::string("hunter2")), true),
            output("later", None, Some(Value::unknown_of(Type::String)), false),
        ];
        plan.drift = vec![Drift {
            address: address("resource.found"),
            title: "storage account".into(),
            what: DriftKind::Changed {
                path: "kind".parse().unwrap(),
                recorded: Some(value(json!("a"))),
                observed: None,
            },
        }];
        plan
    }

    #[test]
    fn the_document_has_terraforms_shape_and_no_secret() {
        let document = document(&mixed(), &Extras::default(), "0.1.0");
        assert!(!document.to_string().contains("hunter"));
        insta::assert_json_snapshot!(document);
    }

    #[test]
    fn policy_tools_find_what_they_look_for() {
        let document = document(&plan(rule_update()), &Extras::default(), "0.1.0");
        for field in
            ["terraform_version", "format_version", "planned_values", "resource_changes", "configuration"]
        {
            assert!(document.get(field).is_some(), "{field}");
        }
        let updated = document["resource_changes"].as_array().unwrap().iter();
        let updated: Vec<_> = updated.filter(|c| c["change"]["actions"] == json!(["update"])).collect();
        assert_eq!(updated.len(), 1);
        assert_eq!(updated[0]["type"], "Microsoft.Network/networkSecurityGroups");
    }
}
