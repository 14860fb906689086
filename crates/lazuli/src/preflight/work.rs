//! The steps of a plan as checks look at them: plain data, unknown and secret parts left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_azure::preflight::region;
use lazuli_core::configuration::Configuration;
use lazuli_core::plan::{Edge, Operation, Plan};
use lazuli_core::resource::ProviderName;
use lazuli_core::source::Span;
use lazuli_core::value::Content;
use lazuli_core::{Address, Json, Value, encoding};

use crate::blueprint::Blueprint;
use crate::clouds::World;

/// What one step does to an object of Azure.
#[derive(Debug, Clone)]
pub struct Work {
    /// The place of the step in its plan.
    pub number: u32,
    /// The resource.
    pub address: Address,
    /// The cloud account.
    pub account: Arc<str>,
    /// Create, update or delete.
    pub operation: Operation,
    /// The type's name.
    pub ty: Arc<str>,
    /// The API version that is spoken.
    pub api_version: Arc<str>,
    /// The object's id.
    pub id: String,
    /// What is planned, as far as it is known; null for a delete.
    pub body: Json,
    /// Whether what is planned says where, be that known already or not.
    pub has_location: bool,
    /// What exists; null when nothing does.
    pub before: Json,
    /// Where it is written.
    pub span: Option<Span>,
    /// Of a machine of a cluster, where its size is written.
    pub size_span: Option<Span>,
}

/// Everything a plan does, and in which order.
#[derive(Debug, Default)]
pub struct Works {
    /// The steps that change something in Azure.
    pub all: Vec<Work>,
    /// How many steps the plan has.
    pub steps: usize,
    /// What waits for what, by the steps' numbers.
    pub edges: Vec<Edge>,
}

impl Work {
    /// Whether the step makes something new.
    pub fn creates(&self) -> bool {
        self.operation == Operation::Create
    }

    /// Whether the step takes something away.
    pub fn deletes(&self) -> bool {
        self.operation == Operation::Delete
    }

    /// Whether it is about a type, whatever the case of its name.
    pub fn is(&self, ty: &str) -> bool {
        self.ty.eq_ignore_ascii_case(ty)
    }

    /// The region afterwards, or before a delete: `eastus2`.
    pub fn region(&self) -> Option<String> {
        let of = |body: &Json| body.get("location").and_then(Json::as_str).map(region);
        of(&self.body).or_else(|| of(&self.before))
    }

    /// The id of the resource group, or of the subscription for what lies in none.
    pub fn scope(&self) -> String {
        scope_of(&self.id)
    }

    /// A text of the body.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Json::as_str)
    }

    /// The name of the object.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }
}

/// The id of the resource group of an id, or of its subscription.
pub fn scope_of(id: &str) -> String {
    let segments: Vec<&str> = id.split('/').collect();
    let length = match segments.get(3) {
        Some(word) if word.eq_ignore_ascii_case("resourceGroups") => 5,
        _ => 3,
    };
    segments.iter().take(length).copied().collect::<Vec<_>>().join("/")
}

impl Works {
    /// What a plan does to Azure.
    pub fn of(plan: &Plan, blueprint: &Blueprint, world: &World) -> Works {
        let spans: BTreeMap<&Address, Span> = blueprint
            .declarations()
            .iter()
            .filter_map(|declaration| Some((&declaration.address, declaration.origin?)))
            .collect();
        let steps = plan
            .steps
            .iter()
            .filter(|step| step.provider == ProviderName::Azure && step.operation != Operation::Read);
        let works = steps.filter_map(|step| {
            let id = step.id.as_ref()?;
            Some(Work {
                number: step.number,
                address: step.address.clone(),
                account: step.account.clone(),
                operation: step.operation,
                ty: step.ty.name.clone(),
                api_version: step.ty.api_version.clone(),
                id: id.as_str().to_owned(),
                body: step.planned.as_ref().and_then(known).unwrap_or_default(),
                has_location: step
                    .planned
                    .as_ref()
                    .is_some_and(|planned| planned.is_sensitive() || planned.get("location").is_some()),
                before: world.objects.get(id).cloned().unwrap_or_default(),
                span: spans.get(&step.address).copied(),
                size_span: (&*step.ty.name == super::sizes::MACHINES)
                    .then(|| blueprint.attribute_of_pool(&step.address, "instance_type"))
                    .flatten(),
            })
        });
        Works { all: works.collect(), steps: plan.steps.len(), edges: plan.edges.clone() }
    }

    /// Steps that make or change an object of a type.
    pub fn writes<'a>(&'a self, ty: &'a str) -> impl Iterator<Item = &'a Work> {
        self.all.iter().filter(move |work| !work.deletes() && work.is(ty))
    }

    /// Steps that make an object of a type.
    pub fn created<'a>(&'a self, ty: &'a str) -> impl Iterator<Item = &'a Work> {
        self.writes(ty).filter(|work| work.creates())
    }
}

/// The known part of a value, secrets left out.
fn known(value: &Value) -> Option<Json> {
    if value.is_sensitive() {
        return None;
    }
    match value.content() {
        Content::Unknown(_) => None,
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            Some(Json::Array(items.iter().filter_map(known).collect()))
        }
        Content::Map(_, entries) | Content::Object(entries) => Some(Json::Object(
            entries.iter().filter_map(|(key, value)| Some((key.to_string(), known(value)?))).collect(),
        )),
        _ => encoding::to_json(value).ok(),
    }
}

/// `a`, `a and b`, `a, b and 7 more`.
pub fn listed<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 3;
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.dedup();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if items.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        many => format!("{} and {} more", many[..SHOWN - 1].join(", "), many.len() - (SHOWN - 1)),
    }
}

/// `pattern` as data for tests: works on objects of one group.
#[cfg(test)]
pub(super) mod example {
    use super::*;

    pub(crate) const GROUP: &str = "/subscriptions/s/resourceGroups/rg";

    /// A step on an object in a group of account `main`, in `eastus2`.
    pub(crate) fn work(operation: Operation, ty: &str, name: &str, body: Json) -> Work {
        let (namespace, types) = ty.split_once('/').unwrap();
        let names: Vec<&str> = name.split('/').collect();
        let path: Vec<String> =
            types.split('/').zip(names).map(|(ty, name)| format!("{ty}/{name}")).collect();
        let mut body = body;
        if let Some(object) = body.as_object_mut().filter(|object| !object.contains_key("location")) {
            object.insert("location".into(), "eastus2".into());
        }
        let (body, before) = match operation {
            Operation::Delete => (Json::Null, body),
            _ => (body, Json::Null),
        };
        Work {
            number: 0,
            address: format!("resource.{}", name.replace(['/', '-'], "_")).parse().unwrap(),
            account: "main".into(),
            operation,
            ty: ty.into(),
            api_version: "2025-05-01".into(),
            id: format!("{GROUP}/providers/{namespace}/{}", path.join("/")),
            has_location: body.get("location").is_some(),
            body,
            before,
            span: None,
            size_span: None,
        }
    }

    /// Works in an order given by pairs of places: the second waits for the first.
    pub(crate) fn works(all: Vec<Work>, order: &[(u32, u32)]) -> Works {
        let mut all = all;
        for (number, work) in all.iter_mut().enumerate() {
            work.number = number as u32;
        }
        let edge = |(before, after): &(u32, u32)| Edge { before: *before, after: *after, because: "".into() };
        Works { steps: all.len(), all, edges: order.iter().map(edge).collect() }
    }

    #[test]
    fn scopes_are_groups_or_subscriptions() {
        assert_eq!(
            scope_of("/subscriptions/s/resourceGroups/g/providers/N.N/t/n"),
            "/subscriptions/s/resourceGroups/g"
        );
        assert_eq!(scope_of("/subscriptions/s/providers/N.N/t/n"), "/subscriptions/s");
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(["a", "b", "c", "d"]), "a, b and 2 more");
    }

    #[test]
    fn unknown_and_secret_parts_are_left_out() {
        let value = Value::object([
            ("a", Value::string("x")),
            ("b", Value::string("secret").sensitive()),
            ("c", Value::unknown_of(lazuli_core::Type::String)),
        ]);
        assert_eq!(known(&value), Some(serde_json::json!({"a": "x"})));
    }
}
