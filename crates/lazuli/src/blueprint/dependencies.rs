//! References of blocks → what the planner is to wait for.

use std::sync::Arc;

use lazuli_cluster::attributes;
use lazuli_config::{
    Declaration as Block, DeclarationKind, Evaluator, Instance, Instances, Reference, ReferenceKey,
};
use lazuli_core::address::Key;
use lazuli_core::resource::{Bond, Dependency, Trigger};
use lazuli_core::{Address, Diagnostic, Diagnostics, Path, Span};

use super::Blueprint;

impl Blueprint {
    /// What every block of a module waits for because of those who call it, and what one of its blocks does.
    pub(super) fn awaited(&self, unit: &Evaluator, block: &Block) -> Vec<Dependency> {
        let mut dependencies = self.dependencies(&unit.awaited(), None);
        let whole = |(on, span): (Address, Span)| Dependency {
            because: format!("waits for {on}").into(),
            on,
            span: Some(span),
            bond: Bond::Reference,
        };
        dependencies.extend(unit.awaited_modules(block).into_iter().map(whole));
        dependencies
    }

    /// What has a block, or the copy of it that `instance` is, replaced by changing.
    pub(super) fn triggers(
        &self,
        unit: &Evaluator,
        block: &Block,
        instance: Option<&Instance>,
    ) -> Result<Vec<Trigger>, Diagnostics> {
        let mut triggers = Vec::new();
        let mut problems = Diagnostics::new();
        for expr in &block.meta.lifecycle.replace_triggered_by {
            let references = match expr.is_reference() {
                true => unit.references_of(expr, instance.map(|instance| &instance.key)),
                false => Vec::new(),
            };
            let mut here = Vec::new();
            for reference in &references {
                let path = match reference.root.kind {
                    DeclarationKind::Resource => reference.attribute.clone(),
                    DeclarationKind::Cluster => Path::root(), // whatever parts the attribute hangs on
                    _ => continue,
                };
                let on = self.dependencies(std::slice::from_ref(reference), instance);
                here.extend(on.into_iter().map(|d| Trigger { on: d.on, path: path.clone() }));
            }
            if here.is_empty() {
                problems.push(
                    Diagnostic::error("LZ0115", "`replace_triggered_by` names nothing that could change")
                        .at(expr.span, "expected a resource, a cluster, or an attribute of one"),
                );
            }
            triggers.append(&mut here);
        }
        if problems.is_empty() { Ok(triggers) } else { Err(problems) }
    }

    /// The resources a block waits for, or the copy of it that `instance` is.
    pub(super) fn dependencies(
        &self,
        references: &[Reference],
        instance: Option<&Instance>,
    ) -> Vec<Dependency> {
        let mut dependencies = Vec::with_capacity(references.len());
        for reference in references {
            let span = Some(reference.through.as_ref().map_or(reference.span, |(_, span)| *span));
            let address = reference.root.address();
            let because: Arc<str> = match reference.attribute.steps() {
                [] => ["refers to ", address.as_str()].concat().into(),
                _ => format!("refers to {address}.{}", reference.attribute).into(),
            };
            let mut on = |address: Address| {
                dependencies.push(Dependency {
                    on: address,
                    because: because.clone(),
                    span,
                    bond: Bond::Reference,
                });
            };
            let key = match &reference.key {
                Some(ReferenceKey::Literal(key)) => Some(key),
                Some(ReferenceKey::Instance) => instance.map(|instance| &instance.key),
                None => None,
            };
            match reference.root.kind {
                DeclarationKind::CloudAccount | DeclarationKind::ClusterProfile => {}
                DeclarationKind::Cluster => self.on_cluster(reference, key, &mut on),
                DeclarationKind::Resource | DeclarationKind::Data => {
                    match (key, &*self.instances(&reference.root)) {
                        (_, Instances::Single) => on(address),
                        (Some(key), Instances::Keyed(all)) => on(address.instance(&converted(key, all))),
                        (None, Instances::Keyed(all)) => {
                            all.iter().for_each(|i| on(address.instance(&i.key)))
                        }
                    }
                }
            }
        }
        dependencies
    }

    fn on_cluster(&self, reference: &Reference, key: Option<&Key>, on: &mut dyn FnMut(Address)) {
        let named = self.named.get(&reference.root).map_or(&[][..], Vec::as_slice);
        let meant = named.iter().map(|place| &self.clusters[*place]).filter(|c| {
            let of = |instance: &Instance, key: &Key| {
                converted(key, std::slice::from_ref(instance)) == instance.key
            };
            key.is_none_or(|key| c.instance.as_ref().is_some_and(|instance| of(instance, key)))
        });
        for cluster in meant {
            match reference.attribute.steps().first() {
                Some(lazuli_core::path::PathStep::Name(attribute)) => {
                    attributes::needs(&cluster.expansion, attribute).into_iter().for_each(&mut *on);
                }
                _ => on(cluster.address.clone()),
            }
        }
    }
}

/// A key as the copies of a block have theirs: what is indexed converts `"1"` to `1` and back.
pub(super) fn converted(key: &Key, copies: &[Instance]) -> Key {
    match (key, copies.first().map(|copy| &copy.key)) {
        (Key::Index(index), Some(Key::Name(_))) => Key::Name(index.to_string()),
        (Key::Name(name), Some(Key::Index(_))) => name.parse().map_or_else(|_| key.clone(), Key::Index),
        _ => key.clone(),
    }
}
