//! A cloud that refuses what Azure refuses, and an apply that follows a plan and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::encoding::to_json;
use lazuli_core::kind::Kinds;
use lazuli_core::plan::{Action, Operation, Plan, PlanMode, Step};
use lazuli_core::recorded::{Recorded, RecordedOutput};
use lazuli_core::resource::{Desired, Mode, ResourceId};
use lazuli_core::value::Content;
use lazuli_core::{Address, Json, Path, Value};
use lazuli_planner::known::{Exists, object_of};
use lazuli_planner::refresh::taken_in;
use serde_json::json;

use super::World;
use super::config::{Config, ROOT};
use super::kinds::KINDS;

/// Objects by lower-case id.
#[derive(Default, Clone)]
pub struct Cloud {
    objects: BTreeMap<String, (String, Json)>,
    made: usize,
    written: usize,
}

impl Cloud {
    pub fn get(&self, id: &ResourceId) -> Option<&Json> {
        self.objects.get(&id.as_str().to_lowercase()).map(|(_, object)| object)
    }

    /// Somebody else makes or changes an object: `path` is `Test/things/x`.
    pub fn set(&mut self, path: &str, object: Json) {
        let id = format!("{ROOT}{path}");
        self.objects.insert(id.to_lowercase(), (id, object));
    }

    /// Somebody else changes a part of an object.
    pub fn edit(&mut self, path: &str, pointer: &str, value: Json) {
        let id = format!("{ROOT}{path}").to_lowercase();
        *self.objects.get_mut(&id).unwrap().1.pointer_mut(pointer).unwrap() = value;
    }

    /// Somebody else deletes an object, whatever uses it.
    pub fn lose(&mut self, path: &str) {
        self.objects.remove(&format!("{ROOT}{path}").to_lowercase());
    }

    /// Somebody else tries to delete an object, as far as it lets itself be deleted.
    pub fn try_to_lose(&mut self, id: &ResourceId) {
        let _ = self.delete(id);
    }

    pub fn paths(&self) -> Vec<&str> {
        self.objects.values().map(|(id, _)| &id[ROOT.len()..]).collect()
    }

    fn put(
        &mut self,
        ty: &str,
        id: &ResourceId,
        body: &Json,
        previous: Option<&Json>,
    ) -> Result<Json, String> {
        let mut mentioned = Vec::new();
        ids(body, &mut mentioned);
        if let Some(missing) = mentioned.iter().find(|id| !self.objects.contains_key(&id.to_lowercase())) {
            return Err(format!("{id} refers to {missing}, which does not exist"));
        }
        let key = id.as_str().to_lowercase();
        let made = &mut self.made;
        let (_, object) = self.objects.entry(key).or_insert_with(|| {
            *made += 1;
            let properties = json!({"serialNumber": format!("n{made}"), "provisioningState": "Succeeded"});
            (
                id.to_string(),
                json!({"id": id.as_str(), "name": id.name(), "type": ty, "properties": properties}),
            )
        });
        merge(object, body, previous);
        self.written += 1;
        object["etag"] = format!("w{}", self.written).into();
        let kind = KINDS.iter().find(|kind| kind.name == ty);
        for path in kind.iter().flat_map(|kind| kind.write_only) {
            remove(object, path);
        }
        // Azure has its own ways with what it is told.
        if let Some(shout) = object.pointer_mut("/properties/spelling") {
            *shout = shout.as_str().map(str::to_uppercase).unwrap_or_default().into();
        }
        remove(object, "properties.swallowed");
        if let Some(Json::String(location)) = object.get_mut("location") {
            *location = location.to_lowercase().replace(' ', "");
        }
        Ok(object.clone())
    }

    fn delete(&mut self, id: &ResourceId) -> Result<(), String> {
        let key = id.as_str().to_lowercase();
        let below = format!("{key}/");
        for (user, object) in
            self.objects.iter().filter(|(user, _)| **user != key && !user.starts_with(&below))
        {
            let mut mentioned = Vec::new();
            ids(&object.1, &mut mentioned);
            if mentioned.iter().any(|m| m.to_lowercase() == key || m.to_lowercase().starts_with(&below)) {
                return Err(format!("{id} is in use by {user}"));
            }
        }
        self.objects.retain(|other, _| *other != key && !other.starts_with(&below));
        Ok(())
    }
}

fn ids(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::String(text) if text.starts_with(ROOT) => found.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| ids(item, found)),
        Json::Object(members) => {
            members.iter().filter(|(name, _)| *name != "id").for_each(|(_, member)| ids(member, found));
        }
        _ => {}
    }
}

/// `body` over `object`; what was sent before and no longer is goes.
fn merge(object: &mut Json, body: &Json, previous: Option<&Json>) {
    match (object, body) {
        (Json::Object(object), Json::Object(body)) => {
            if let Some(Json::Object(previous)) = previous {
                for (name, _) in previous.iter().filter(|(name, _)| !body.contains_key(*name)) {
                    object.remove(name);
                }
            }
            for (name, value) in body {
                merge(object.entry(name).or_insert(Json::Null), value, previous.and_then(|p| p.get(name)));
            }
        }
        (Json::Array(object), Json::Array(body)) if body.iter().all(|e| e.get("name").is_some()) => {
            let named =
                |elements: &[Json]| -> Vec<Json> { elements.iter().map(|e| e["name"].clone()).collect() };
            let before = previous.and_then(Json::as_array).map(|p| named(p)).unwrap_or_default();
            let wanted = named(body);
            object.retain(|e| wanted.contains(&e["name"]) || !before.contains(&e["name"]));
            for element in body {
                match object.iter_mut().find(|e| e["name"] == element["name"]) {
                    Some(found) => merge(found, element, None),
                    None => object.push(element.clone()),
                }
            }
        }
        (object, body) => *object = body.clone(),
    }
}

fn remove(json: &mut Json, path: &str) {
    match path.split_once('.') {
        Some((name, rest)) => {
            if let Some(member) = json.get_mut(name) {
                remove(member, rest);
            }
        }
        None => {
            if let Some(members) = json.as_object_mut() {
                members.remove(path);
            }
        }
    }
}

/// What is known while a plan is carried out.
struct Now<'a> {
    objects: HashMap<&'a Address, KnownObject>,
}

impl Known for Now<'_> {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        self.objects.get(address).cloned()
    }

    fn epoch(&self) -> u64 {
        0
    }
}

impl World {
    /// Follows the plan; refuses what the cloud refuses and what breaks a law.
    pub fn carry_out(&mut self, config: &Config, plan: &Plan) -> Result<(), String> {
        check_edges(plan)?;
        self.adjust(plan);
        let mut now = Now { objects: HashMap::new() };
        let mut done: HashSet<(&Address, u32)> = HashSet::new();
        for step in &plan.steps {
            let change = &plan.changes[step.change as usize];
            match step.operation {
                Operation::Delete => self.delete(step)?,
                Operation::Read => {}
                Operation::Create | Operation::Update => {
                    let at = self.reach(config, &mut now, Some(&change.address))?;
                    let desired = config.evaluate(at, &now).map_err(|d| format!("{d:?}"))?;
                    let body = promised(step, &desired, &config.declarations()[at].lifecycle.ignore)?;
                    self.put(step, &desired, &body)?;
                    done.insert((&change.address, step.number));
                    now.objects.clear();
                }
            }
        }
        if plan.mode == PlanMode::Apply {
            self.reach(config, &mut now, None)?;
            let outputs = config.outputs(&now).map_err(|d| format!("{d:?}"))?;
            let kept = lazuli_planner::scope::outputs_that_read(config, &plan.left_out);
            self.recorded.outputs.retain(|name, _| kept.contains(name));
            let outputs = outputs.into_iter().filter(|o| !kept.contains(&o.name));
            let outputs: Vec<_> = outputs
                .map(|o| {
                    (o.name, RecordedOutput { value: to_json(&o.value).unwrap(), sensitive: o.sensitive })
                })
                .collect();
            self.recorded.outputs.extend(outputs);
        } else if plan.mode == PlanMode::Destroy {
            let gone = plan.outputs.iter().filter(|o| o.after.is_none());
            gone.for_each(|o| drop(self.recorded.outputs.remove(&o.name)));
        }
        self.recorded.serial += 1;
        Ok(())
    }

    /// Makes everything known up to a declaration, and gives its place.
    fn reach<'a>(
        &self,
        config: &'a Config,
        now: &mut Now<'a>,
        until: Option<&Address>,
    ) -> Result<usize, String> {
        let draft = lazuli_planner::graph::Graph::new(config.declarations()).map_err(|d| format!("{d:?}"))?;
        for &place in &draft.order {
            let address = &config.declarations()[place].address;
            if Some(address) == until {
                return Ok(place);
            }
            let Ok(desired) = config.evaluate(place, now) else { continue };
            let sensitive = self.recorded.resources.get(address).map_or(&[][..], |r| &r.sensitive);
            let found = desired.id.as_ref().and_then(|id| self.cloud.get(id));
            let exists = found.map_or(Exists::No, Exists::Stays);
            now.objects.insert(address, object_of(address, &desired, exists, sensitive));
        }
        Ok(usize::MAX)
    }

    /// What a plan says of records only.
    fn adjust(&mut self, plan: &Plan) {
        for drift in plan.drift.iter().filter(|_| plan.mode == PlanMode::RefreshOnly) {
            let Some(record) = self.recorded.resources.get_mut(&drift.address) else { continue };
            let Some(object) = self.cloud.get(&record.id) else { continue };
            *record = taken_in(record, object, [drift], super::kinds::Table.kind(&record.ty));
        }
        for change in plan.changes.iter().filter(|c| c.action == Action::Forget) {
            let is_it = |r: &Recorded| r.address == change.address && Some(&r.id) == change.id.as_ref();
            self.recorded.resources.retain(|_, r| !is_it(r));
            self.recorded.deposed.retain(|d| !is_it(d));
        }
        let moves: BTreeMap<&Address, &Address> =
            plan.changes.iter().filter_map(|c| Some((c.previous_address.as_ref()?, &c.address))).collect();
        let moving: Vec<Recorded> =
            moves.keys().filter_map(|from| self.recorded.resources.remove(*from)).collect();
        for record in self.recorded.resources.values_mut().filter(|_| !moves.is_empty()) {
            for on in record.dependencies.iter_mut() {
                *on = moves.get(on).map_or_else(|| on.clone(), |to| (*to).clone());
            }
        }
        for mut record in moving {
            record.address = moves[&record.address].clone();
            for on in record.dependencies.iter_mut() {
                *on = moves.get(on).map_or_else(|| on.clone(), |to| (*to).clone());
            }
            // whose address another one has now is set aside
            self.recorded.deposed.extend(self.recorded.resources.insert(record.address.clone(), record));
        }
    }

    fn put(&mut self, step: &Step, desired: &Desired, body: &Value) -> Result<(), String> {
        let id = desired.id.clone().ok_or("the id is not known")?;
        let sent = to_json(body).map_err(|e| format!("{}: {e}", step.address))?;
        if step.operation == Operation::Create && self.cloud.get(&id).is_some() {
            return Err(format!("{id} is to be created and exists"));
        }
        if step.deposed {
            let old = self.recorded.resources.remove(&step.address).ok_or("nothing to set aside")?;
            self.recorded.deposed.push(old);
        }
        let before = self.recorded.resources.get(&step.address);
        let previous = before.filter(|_| step.operation == Operation::Update).map(|r| r.inputs.clone());
        let observed = self.cloud.put(&step.ty.name, &id, &sent, previous.as_ref())?;
        let kind = KINDS.iter().find(|kind| *kind.name == *step.ty.name);
        let mut inputs = sent;
        for path in kind.iter().flat_map(|kind| kind.write_only) {
            remove(&mut inputs, path);
        }
        let mut sensitive = Vec::new();
        secrets(body, &Path::root(), &mut sensitive);
        let recorded = Recorded {
            address: step.address.clone(),
            mode: Mode::Managed,
            provider: step.provider,
            account: step.account.clone(),
            ty: step.ty.clone(),
            id,
            inputs,
            observed,
            dependencies: step.dependencies.clone(),
            sensitive,
            write_only: BTreeMap::new(),
            prevent_destroy: step.prevent_destroy,
            slot: step.slot.clone(),
            pending: None,
            created_at: String::new(),
            updated_at: String::new(),
        };
        self.recorded.resources.insert(step.address.clone(), recorded);
        Ok(())
    }

    fn delete(&mut self, step: &Step) -> Result<(), String> {
        let id = step.id.as_ref().ok_or("a delete without an id")?;
        let record = if step.deposed {
            let at = self.recorded.deposed.iter().position(|d| d.address == step.address && d.id == *id);
            self.recorded.deposed.remove(at.ok_or_else(|| format!("{} is not set aside", step.address))?)
        } else {
            self.recorded
                .resources
                .remove(&step.address)
                .ok_or_else(|| format!("{} is not recorded", step.address))?
        };
        let users: Vec<_> = self
            .recorded
            .resources
            .values()
            .filter(|r| r.dependencies.contains(&step.address) && r.id != record.id && !step.deposed)
            .filter(|r| mentions(r, &record) && self.cloud.get(&r.id).is_some())
            .map(|r| r.address.to_string())
            .collect();
        if !users.is_empty() {
            return Err(format!("{} is deleted while {users:?} refer to it", step.address));
        }
        self.cloud.delete(id)
    }
}

fn mentions(user: &Recorded, used: &Recorded) -> bool {
    let mut found = Vec::new();
    ids(&user.inputs, &mut found);
    found.iter().any(|id| ResourceId::new(id.as_str()) == used.id)
}

/// Law 1: what was known when the plan was made is what is sent.
fn promised(step: &Step, desired: &Desired, ignored: &[Path]) -> Result<Value, String> {
    let planned = step.planned.as_ref().ok_or("a write without a body")?;
    if step.id.is_some() && step.id != desired.id {
        return Err(format!("{}: another id than planned", step.address));
    }
    resolve(planned, &desired.body, &Path::root(), ignored)
        .map_err(|path| format!("{}: {path} is another one than planned", step.address))
}

fn resolve(planned: &Value, evaluated: &Value, path: &Path, ignored: &[Path]) -> Result<Value, Path> {
    if ignored.iter().any(|i| path.starts_with(i)) {
        return Ok(planned.clone());
    }
    match (planned.content(), evaluated.content()) {
        (Content::Unknown(_), _) => Ok(evaluated.clone()),
        (Content::Object(a) | Content::Map(_, a), Content::Object(b) | Content::Map(_, b)) => {
            let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            let mut members = Vec::new();
            for name in names {
                let path = path.name(name.clone());
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => members.push((name.clone(), resolve(a, b, &path, ignored)?)),
                    (Some(a), None) if ignored.contains(&path) => members.push((name.clone(), a.clone())),
                    (None, Some(_)) if ignored.contains(&path) => {}
                    _ => return Err(path),
                }
            }
            Ok(Value::object(members).with_sensitivity(planned.is_sensitive()))
        }
        (Content::Tuple(a), Content::Tuple(b)) if a.len() == b.len() => {
            let items: Result<Vec<_>, _> =
                a.iter().zip(b.iter()).map(|(a, b)| resolve(a, b, path, ignored)).collect();
            Ok(Value::tuple(items?))
        }
        _ if planned == evaluated => Ok(planned.clone()),
        _ => Err(path.clone()),
    }
}

fn secrets(value: &Value, path: &Path, found: &mut Vec<Path>) {
    if value.is_sensitive() {
        found.push(path.clone());
    } else if let Some(members) = value.as_entries() {
        members.iter().for_each(|(name, member)| secrets(member, &path.name(name.clone()), found));
    }
}

/// Numbers are places, edges lead forward, nothing is lost.
pub fn check_edges(plan: &Plan) -> Result<(), String> {
    for (place, step) in plan.steps.iter().enumerate() {
        if step.number as usize != place {
            return Err(format!("step {place} has number {}", step.number));
        }
    }
    if let Some(edge) =
        plan.edges.iter().find(|e| e.before >= e.after || e.after as usize >= plan.steps.len())
    {
        return Err(format!("an edge leads back: {edge:?}"));
    }
    let wanted: usize = plan
        .changes
        .iter()
        .map(|c| match c.action {
            Action::NoOp | Action::Move | Action::Forget => 0,
            Action::ReplaceCreateFirst | Action::ReplaceDeleteFirst => 2,
            _ => 1,
        })
        .sum();
    if wanted == plan.steps.len() { Ok(()) } else { Err(format!("{} steps of {wanted}", plan.steps.len())) }
}
