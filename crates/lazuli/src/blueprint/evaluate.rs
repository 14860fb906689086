//! A declaration → what is desired of it.

use std::sync::{Arc, PoisonError};

use lazuli_cluster::names;
use lazuli_config::{Evaluator, Instance, Placement, Resource};
use lazuli_core::configuration::{Configuration, Known, Output};
use lazuli_core::kind::Kinds;
use lazuli_core::resource::{Declaration, Desired, ProviderName, ResourceId, ResourceType};
use lazuli_core::value::Content;
use lazuli_core::{Address, Diagnostic, Diagnostics, Value};

use super::seen::{Seen, supplied};
use super::{Blueprint, ClusterBlock, Item, content, ownership};
use crate::kinds::AllKinds;

impl Configuration for Blueprint {
    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    fn evaluate(&self, index: usize, known: &dyn Known) -> Result<Desired, Diagnostics> {
        let promises =
            if self.promised.is_empty() { &[] } else { &self.declarations[index].dependencies[..] };
        for dependency in promises {
            // What does not keep its promise is not built upon.
            if let Some(item) = self.promised.get(&dependency.on) {
                self.promise(*item, known)?;
            }
        }
        match &self.items[index] {
            Item::Block { unit, data, position, instance } => {
                let address = &self.declarations[index].address;
                self.block(address, &self.units[*unit], *data, *position, instance.as_ref(), known)
            }
            Item::Part { cluster, part } => self.part(&self.clusters[*cluster], *part, known),
        }
    }

    fn outputs(&self, known: &dyn Known) -> Result<Vec<Output>, Diagnostics> {
        let seen = Seen { blueprint: self, known };
        let mut outputs = Vec::new();
        let mut problems = Diagnostics::new();
        for output in self.evaluator.module().outputs.iter() {
            match self.evaluator.output(output, &seen) {
                Ok(value) => outputs.push(Output {
                    name: output.name.text.clone(),
                    value,
                    sensitive: output.sensitive,
                }),
                Err(found) => problems.extend(found),
            }
        }
        for item in self.promised.values() {
            lazuli_config::merge(&mut problems, self.promise(*item, known).err().unwrap_or_default());
        }
        for cluster in &self.clusters {
            lazuli_config::merge(&mut problems, self.rules(cluster, known).err().unwrap_or_default());
        }
        let (mut warnings, mut checks) = (Diagnostics::new(), Vec::new());
        for unit in &self.units {
            lazuli_config::merge(&mut problems, unit.late(&seen).err().unwrap_or_default());
            let (found, standing) = unit.checks(&seen);
            warnings.extend(found);
            checks.extend(standing);
        }
        *self.checks.lock().unwrap_or_else(PoisonError::into_inner) = checks;
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = warnings;
        if problems.is_empty() { Ok(outputs) } else { Err(problems) }
    }

    fn reads_of_outputs(&self) -> Vec<(Arc<str>, Vec<Address>)> {
        let outputs = self.evaluator.module().outputs.iter();
        let reads = outputs.map(|output| {
            let exprs = std::iter::once(&output.value).chain(&output.depends_on);
            let references: Vec<_> =
                exprs.flat_map(|expr| self.evaluator.references_of(expr, None)).collect();
            let reads = self.dependencies(&references, None).into_iter().map(|dependency| dependency.on);
            (output.name.text.clone(), reads.collect())
        });
        reads.collect()
    }
}

impl Blueprint {
    /// Checks the postconditions of a block.
    fn promise(&self, item: usize, known: &dyn Known) -> Result<(), Diagnostics> {
        let Item::Block { unit, data, position, instance } = &self.items[item] else { return Ok(()) };
        let module = self.units[*unit].module();
        let blocks = if *data { &module.data } else { &module.resources };
        let Some(block) = blocks.at(*position) else { return Ok(()) }; // impossible: positions come from the same list
        let seen = Seen { blueprint: self, known };
        let this = seen.object(&self.declarations[item].address);
        let rules = &block.meta.lifecycle.postconditions;
        self.units[*unit].conditions(rules, &seen, instance.as_ref(), Some(&this))
    }

    /// Checks the preconditions and the postconditions of a cluster.
    fn rules(&self, cluster: &ClusterBlock, known: &dyn Known) -> Result<(), Diagnostics> {
        let Some(block) = cluster.unit.module().clusters.at(cluster.position) else { return Ok(()) }; // impossible
        let lifecycle = &block.meta.lifecycle;
        if lifecycle.preconditions.is_empty() && lifecycle.postconditions.is_empty() {
            return Ok(());
        }
        let seen = Seen { blueprint: self, known };
        let this = seen.cluster(&cluster.address);
        let instance = cluster.instance.as_ref();
        cluster.unit.conditions(&lifecycle.preconditions, &seen, instance, None)?;
        cluster.unit.conditions(&lifecycle.postconditions, &seen, instance, Some(&this))
    }

    fn block(
        &self,
        address: &Address,
        unit: &Evaluator,
        data: bool,
        position: usize,
        instance: Option<&Instance>,
        known: &dyn Known,
    ) -> Result<Desired, Diagnostics> {
        let module = unit.module();
        let blocks = if data { &module.data } else { &module.resources };
        let Some(declaration) = blocks.at(position) else {
            return Err(Diagnostics::new()); // impossible: positions come from the same list
        };
        let seen = Seen { blueprint: self, known };
        let instance = match instance {
            Some(instance) => Some(unit.current(declaration, instance, &seen)?),
            None => None,
        };
        let instance = instance.as_ref();
        unit.conditions(&declaration.meta.lifecycle.preconditions, &seen, instance, None)?;
        let resource = unit.resource(declaration, &seen, instance)?;
        let ty = ResourceType { name: resource.type_name.clone(), api_version: resource.api_version.clone() };
        let id = self.id(data, &resource, &ty)?;
        if !data {
            ownership::refuse_mark(&resource)?;
        }
        let mut body = resource.body;
        if !data && !self.unmarked.contains(address) {
            body = self.mark.put_on(body, &resource.placement, &ty);
        }
        if let Some(secrets) = &resource.sensitive_properties {
            body = set(&body, &["properties"], |properties| merge(properties, secrets));
        }
        Ok(Desired {
            provider: ProviderName::Azure,
            account: resource.cloud_account,
            ty,
            id,
            body,
            slot: None,
            succeeds: None,
        })
    }

    /// The id, when everything in it is known.
    pub(super) fn id(
        &self,
        data: bool,
        resource: &Resource,
        ty: &ResourceType,
    ) -> Result<Option<ResourceId>, Diagnostics> {
        let refuse = |attribute: &str, text: &str| {
            let problem = Diagnostic::error("LZ0242", format!("`{attribute}` cannot be part of an id"));
            Err(vec![problem.at(resource.block.span_of(attribute), text)])
        };
        let (holder, place) = match &resource.placement {
            Placement::ResourceGroup(group) => ("resource_group", group),
            Placement::Parent(parent) => ("parent_id", parent),
        };
        for (attribute, value) in [("name", &resource.name), (holder, place)] {
            if value.is_sensitive() {
                return refuse(
                    attribute,
                    "sensitive, and ids are shown and recorded: use nonsensitive() if it may be",
                );
            }
            if value.as_str().is_some_and(leads_elsewhere) {
                return refuse(
                    attribute,
                    "the part `.` or `..`, or one of \\ ? # %, would make it the id of something else",
                );
            }
        }
        if leads_elsewhere(&ty.name) {
            return refuse("type", "the part `.` or `..` would make it the id of something else");
        }
        if !data && is_resource_group(&ty.name) {
            let problem = Diagnostic::error("LZ0242", "a resource group cannot be a resource");
            let problem = problem.at(resource.block.span_of("type"), "Lazuli never creates or deletes one");
            return Err(vec![
                problem.help("create it yourself (az group create), and name it in `resource_group`"),
            ]);
        }
        let Some(name) = resource.name.as_str() else { return Ok(None) };
        if name.is_empty() || name.contains('/') {
            return refuse("name", "not empty, and without a slash");
        }
        let rule = AllKinds.kind(ty);
        if !data && !rule.names.allows(name) {
            let problem =
                Diagnostic::error("LZ0225", format!("`{name}` cannot be the name of this {}", rule.title));
            return Err(vec![problem.at(resource.block.span_of("name"), rule.names.says())]);
        }
        match &resource.placement {
            Placement::ResourceGroup(group) => {
                let Some(group) = group.as_str() else { return Ok(None) };
                if group.is_empty() || group.contains('/') {
                    return refuse("resource_group", "the name of a resource group, not an id");
                }
                if ty.name.split('/').count() > 2 {
                    return refuse(
                        "type",
                        "lies below another resource: use parent_id instead of resource_group",
                    );
                }
                let account = self.accounts.get(&resource.cloud_account);
                Ok(account.map(|account| names::resource(&names::resource_group(account, group), ty, name)))
            }
            Placement::Parent(parent) => {
                let Some(parent) = parent.as_str() else { return Ok(None) };
                if !parent.starts_with('/') {
                    return refuse("parent_id", "an id begins with a slash");
                }
                if !is_id(parent) {
                    return refuse("parent_id", "no id of Azure: /subscriptions/…, or /providers/…");
                }
                let parent = ResourceId::new(parent.trim_end_matches('/'));
                let (above, own) = ty.name.rsplit_once('/').unwrap_or(("", &ty.name));
                let parents_type = lazuli_azure::permissions::type_of(parent.as_str()).unwrap_or_default();
                // A nested type continues its parent's id; any other type is attached to it as an extension.
                Ok(Some(match parents_type.eq_ignore_ascii_case(above) && above.contains('/') {
                    true => parent.child(own, name),
                    false => names::resource(&parent, ty, name),
                }))
            }
        }
    }

    fn part(&self, cluster: &ClusterBlock, part: usize, known: &dyn Known) -> Result<Desired, Diagnostics> {
        let part = &cluster.expansion.parts[part];
        let mut desired = part.desired.clone();
        let body = supplied(&desired.body, known);
        desired.body = content::fill(body, part, cluster, known, self.boots)?;
        Ok(desired)
    }
}

/// True for text that an address does not keep as it is: the request would go to another object than the id names.
fn leads_elsewhere(text: &str) -> bool {
    text.contains(['\\', '?', '#', '%']) || text.split('/').any(|part| matches!(part, "." | ".."))
}

/// True for the types of resource groups.
fn is_resource_group(type_name: &str) -> bool {
    ["Microsoft.Resources/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups"]
        .iter()
        .any(|group| type_name.eq_ignore_ascii_case(group))
}

/// The value with what lies at a path of names replaced.
pub(super) fn set(value: &Value, path: &[&str], with: impl FnOnce(&Value) -> Value) -> Value {
    let Some((first, rest)) = path.split_first() else { return with(value) };
    let mut entries = value.as_entries().cloned().unwrap_or_default();
    let before = entries.get(first).cloned().unwrap_or_else(|| Value::object::<&str>([]));
    entries.insert(Arc::from(*first), set(&before, rest, with));
    Value::object(entries).marked_as(value)
}

/// `over` merged into `value`, objects member by member; what comes from `over` is sensitive when it is.
fn merge(value: &Value, over: &Value) -> Value {
    match (value.as_entries(), over.content()) {
        (Some(below), Content::Object(above) | Content::Map(_, above)) => {
            let merged = above.iter().map(|(name, member)| {
                let member = member.clone().marked_as(over);
                let merged =
                    below.get(name).map_or_else(|| member.clone(), |existing| merge(existing, &member));
                (name.clone(), merged)
            });
            Value::object(below.clone().into_iter().chain(merged)).marked_as(value)
        }
        _ => over.clone(),
    }
}

/// True for what can be an id of Azure: names and values in pairs, below a subscription or the tenant.
fn is_id(id: &str) -> bool {
    let parts: Vec<&str> = id.trim_end_matches('/').split('/').collect();
    let [_, root, rest @ ..] = parts.as_slice() else { return false };
    let known = ["subscriptions", "providers"].iter().any(|known| root.eq_ignore_ascii_case(known));
    known && !rest.is_empty() && rest.iter().all(|part| !part.is_empty())
}
