//! A resource of a cluster, and what every module needs to build one.

use std::sync::Arc;

use lazuli_core::resource::{
    Bond, Declaration, Dependency, Desired, Lifecycle, Mode, NodeSlot, ProviderName, ResourceId,
    ResourceType, Rollout, Timeouts,
};
use lazuli_core::{Address, Path, Span, Type, Value};

use super::boot::NodeBoot;
use super::content::Content;
use super::rotation::Rotations;
use crate::names::{self, Account};
use crate::spec::{Cluster, Transport};

pub(super) const VERSION_NETWORK: &str = "2025-05-01";
pub(super) const VERSION_COMPUTE: &str = "2025-04-01";
/// How long a step inside of a cluster may take, in seconds, when its requests go through Run Command.
const RUN_COMMAND: u64 = 60 * 60;
pub(super) const VERSION_PRIVATE_DNS: &str = "2024-06-01";
pub(super) const VERSION_IDENTITY: &str = "2024-11-30";
pub(super) const VERSION_AUTHORIZATION: &str = "2022-04-01";
/// Of Lazuli's own types.
pub(super) const VERSION_OWN: &str = "2026-11-01";

/// A resource of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// How it is declared.
    pub declaration: Declaration,
    /// What is desired of it; parts that other resources supply are unknown, with their source.
    pub desired: Desired,
    /// What is still to be rendered into the body, when all of it is known.
    pub content: Content,
}

impl Part {
    /// Of a virtual machine, what its first boot needs.
    pub fn boot(&self) -> Option<&NodeBoot> {
        match &self.content {
            Content::Boot(boot) => Some(boot),
            _ => None,
        }
    }
}

/// What is expanded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// Keys, nodes' membership and everything inside the cluster too, beside what lives in Azure.
    pub kubernetes: bool,
}

/// What is the same for all parts of a cluster.
pub(super) struct Site<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) account: &'a Account,
    pub(super) group: ResourceId,
    pub(super) lineage: &'a str,
    pub(super) fqdn: String,
    pub(super) rotations: Rotations,
    pub(super) dns_label: String,
    pub(super) features: Features,
}

/// A part under construction.
pub(super) struct Draft<'a> {
    site: &'a Site<'a>,
    part: Part,
}

impl<'a> Site<'a> {
    /// A part with its id, still without a body.
    pub(super) fn part(
        &'a self,
        address: Address,
        ty: ResourceType,
        id: ResourceId,
        span: Span,
    ) -> Draft<'a> {
        let cluster = self.cluster;
        let declaration = Declaration {
            address,
            mode: Mode::Managed,
            dependencies: Vec::new(),
            origin: Some(span),
            lifecycle: Lifecycle { create_before_destroy: false, ..cluster.lifecycle.clone() },
            timeouts: cluster.timeouts,
            rollout: None,
        };
        let desired = Desired {
            provider: ProviderName::Azure,
            account: cluster.account.clone(),
            ty,
            id: Some(id),
            body: Value::object::<&str>([]),
            slot: None,
            succeeds: None,
        };
        Draft { site: self, part: Part { declaration, desired, content: Content::Plain } }
    }

    /// A part directly in the cluster's resource group.
    pub(super) fn grouped(&'a self, address: Address, ty: ResourceType, name: &str, span: Span) -> Draft<'a> {
        let id = names::resource(&self.group, &ty, name);
        self.part(address, ty, id, span)
    }

    /// A part inside the cluster: `ty` says below its id what it is.
    pub(super) fn inside(&'a self, address: Address, ty: &str, name: &str, span: Span) -> Draft<'a> {
        let root = ResourceType::new("Lazuli.Kubernetes/clusters", VERSION_OWN);
        let id = names::resource(&self.group, &root, &self.cluster.name).child(ty, name);
        let ty = ResourceType::new(&format!("{}/{ty}", root.name), VERSION_OWN);
        let mut draft = self.part(address, ty, id, span).by(ProviderName::Kubernetes);
        if self.cluster.api_server.transport == Transport::RunCommand {
            // Every request takes as long as Azure takes to run a script.
            let patient = |configured: Option<u64>| configured.or(Some(RUN_COMMAND));
            let Timeouts { create, update, delete } = self.cluster.timeouts;
            draft.part.declaration.timeouts =
                Timeouts { create: patient(create), update: patient(update), delete: patient(delete) };
        }
        draft
    }

    /// `cluster.prod.GROUP.NAME`
    pub(super) fn address(&self, group: &str, name: &str) -> Address {
        self.cluster.address.child(group).child(name)
    }

    /// The tags of a part: the user's, and Lazuli's own, by which it is recognised.
    pub(super) fn tags(&self, component: &str, of_node: bool) -> Value {
        let mut tags = self.cluster.tags.clone();
        let name = &self.cluster.name;
        tags.insert("lazuli_lineage".into(), Value::string(self.lineage));
        tags.insert("lazuli_cluster".into(), Value::string(name.as_str()));
        tags.insert("lazuli_component".into(), Value::string(component));
        if of_node {
            tags.insert(format!("kubernetes.io_cluster_{name}").into(), Value::string("owned"));
        }
        Value::object(tags)
    }
}

impl Draft<'_> {
    /// Sets the body. Attributes that come from other resources make the part depend on them.
    pub(super) fn body<const N: usize>(mut self, members: [(&str, Value); N]) -> Self {
        self.part.desired.body = Value::object(members);
        self
    }

    /// Sets the body with the location and tags of the cluster.
    pub(super) fn tracked<const N: usize>(mut self, component: &str, members: [(&str, Value); N]) -> Self {
        let of_node = matches!(component, "node");
        let location = ("location", Value::string(self.site.cluster.region.as_str()));
        let common = [location, ("tags", self.site.tags(component, of_node))];
        self.part.desired.body = Value::object(common.into_iter().chain(members));
        self
    }

    /// Sets a body that was made elsewhere.
    pub(super) fn with_body(mut self, body: Value) -> Self {
        self.part.desired.body = body;
        self
    }

    /// Depends on a resource because an attribute refers to it.
    pub(super) fn on(mut self, address: &Address, because: &str) -> Self {
        self.depend(address, because, Bond::Reference);
        self
    }

    /// Is made after a resource without referring to it.
    pub(super) fn after(mut self, address: &Address, because: &str) -> Self {
        self.depend(address, because, Bond::Sequence);
        self
    }

    fn depend(&mut self, address: &Address, because: &str, bond: Bond) {
        let span = self.part.declaration.origin;
        self.part.declaration.dependencies.push(Dependency {
            on: address.clone(),
            because: because.into(),
            span,
            bond,
        });
    }

    /// Belongs to a node.
    pub(super) fn of_node(
        mut self,
        slot: &NodeSlot,
        succeeds: Option<&str>,
        rollout: Rollout,
        create_first: bool,
    ) -> Self {
        self.part.desired.slot = Some(slot.clone());
        self.part.desired.succeeds = succeeds.map(str::to_owned);
        self.part.declaration.rollout = Some(rollout);
        self.part.declaration.lifecycle.create_before_destroy = create_first;
        // `prevent_destroy` guards the cluster; its nodes come and go.
        self.part.declaration.lifecycle.prevent_destroy = false;
        self
    }

    /// Comes and goes: `prevent_destroy` guards the cluster.
    pub(super) fn transient(mut self) -> Self {
        self.part.declaration.lifecycle.prevent_destroy = false;
        self
    }

    /// Is only read.
    pub(super) fn read_only(mut self) -> Self {
        self.part.declaration.mode = Mode::Data;
        self
    }

    /// Has a place in its body that other rooms render.
    pub(super) fn with(mut self, content: Content) -> Self {
        self.part.content = content;
        self
    }

    /// Is carried out by another provider than Azure.
    pub(super) fn by(mut self, provider: ProviderName) -> Self {
        self.part.desired.provider = provider;
        self
    }

    pub(super) fn done(self) -> Part {
        self.part
    }
}

pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::object(members)
}

/// `{ id = … }`, Azure's way to refer to another resource.
pub(super) fn reference(id: &ResourceId) -> Value {
    object([("id", Value::string(id.as_str()))])
}

pub(super) fn strings<I: IntoIterator<Item = S>, S: Into<Arc<str>>>(items: I) -> Value {
    Value::tuple(items.into_iter().map(|item| Value::string(item)))
}

/// An attribute that another resource supplies once it exists.
pub(super) fn supplied(address: &Address, path: &str) -> Value {
    let path = path.split('.').fold(Path::root(), |path, name| path.name(name));
    Value::unknown_from(address.clone(), path, Type::String)
}
