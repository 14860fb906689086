//! What expressions see of other blocks.

use std::sync::{Arc, PoisonError};

use lazuli_cluster::attributes::KUBECONFIG;
use lazuli_cluster::expand::Expansion;
use lazuli_config::{DeclarationKind, Externals, Instance, Instances, Root, Unavailable};
use lazuli_core::address::Key;
use lazuli_core::configuration::{Known, KnownObject};
use lazuli_core::value::{Content, Source};
use lazuli_core::{Address, Path, Type, Unknown, Value};
use lazuli_kubernetes::pki::asking_kubeconfig;

use super::Blueprint;
use super::dependencies::converted;

/// The blocks of a blueprint, as far as they are known.
pub(super) struct Seen<'a> {
    pub(super) blueprint: &'a Blueprint,
    pub(super) known: &'a dyn Known,
}

impl Externals for Seen<'_> {
    fn value(&self, root: &Root) -> Result<Value, Unavailable> {
        let of = |address: &Address| match root.kind {
            DeclarationKind::Cluster => self.cluster(address),
            _ => self.object(address),
        };
        let address = root.address();
        match &*self.blueprint.instances(root) {
            Instances::Single => Ok(of(&address)),
            Instances::Keyed(instances) => {
                Ok(self.together(root, instances, |key| of(&address.instance(key))))
            }
        }
    }

    fn one(&self, root: &Root, key: Option<&Key>, names: &[&Arc<str>]) -> Option<(Value, usize)> {
        let address = match (key, &*self.blueprint.instances(root)) {
            (None, Instances::Single) => root.address(),
            (Some(key), Instances::Keyed(all)) => {
                let key = converted(key, all);
                if !is_among(&key, all) {
                    return None;
                }
                root.address().instance(&key)
            }
            _ => return None,
        };
        let Some(object) = self.known.object(&address) else {
            return Some((Value::unknown_from(address, Path::root(), Type::Any), 0));
        };
        if object.complete {
            return Some((object.value, 0));
        }
        match known_leaf(&object.value, names) {
            Some(leaf) => Some((leaf, names.len())),
            None => Some((open(&object.value, &address, &Path::root()), 0)),
        }
    }

    fn generation(&self) -> Option<u64> {
        Some((self.blueprint.edition << 32) | (self.known.epoch() & 0xffff_ffff))
    }

    fn edition(&self) -> u64 {
        self.blueprint.edition
    }
}

/// True for the key of one of the copies of a block, which are in order of key.
fn is_among(key: &Key, copies: &[Instance]) -> bool {
    match key {
        Key::Index(index) => {
            usize::try_from(*index).ok().and_then(|i| copies.get(i)).is_some_and(|c| c.key == *key)
        }
        Key::Name(name) => {
            let order = |copy: &Instance| match &copy.key {
                Key::Index(_) => std::cmp::Ordering::Less,
                Key::Name(other) => other.cmp(name),
            };
            copies.binary_search_by(order).is_ok()
        }
    }
}

/// What lies at a path of names in an object that is still to be made, when nothing can come into it any more.
fn known_leaf(object: &Value, names: &[&Arc<str>]) -> Option<Value> {
    let mut here = object;
    let mut sensitive = here.is_sensitive();
    for name in names {
        here = here.get(name)?;
        sensitive |= here.is_sensitive();
    }
    let may_grow = names.is_empty() || here.as_entries().is_some() || here.as_sequence().is_some();
    (!may_grow).then(|| here.clone().with_sensitivity(sensitive))
}

fn key_text(key: &Key) -> String {
    match key {
        Key::Index(index) => index.to_string(),
        Key::Name(name) => name.clone(),
    }
}

impl Seen<'_> {
    /// The objects of all copies of a block; made once, when all of them are known.
    fn together(&self, root: &Root, instances: &[Instance], of: impl Fn(&Key) -> Value) -> Value {
        let epoch = self.known.epoch();
        let kept = || self.blueprint.together.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = kept().get(root).filter(|(at, _)| *at == epoch) {
            return value.clone();
        }
        let objects = instances.iter().map(|i| (&i.key, of(&i.key)));
        let value = match instances.first().map(|i| &i.key) {
            Some(Key::Index(_)) => Value::tuple(objects.map(|(_, object)| object)),
            _ => Value::object(objects.map(|(key, object)| (key_text(key), object))),
        };
        let address = root.address();
        let is_known = |i: &Instance| self.known.object(&address.instance(&i.key)).is_some();
        if root.kind != DeclarationKind::Cluster && instances.iter().all(is_known) {
            kept().insert(root.clone(), (epoch, value.clone()));
        }
        value
    }

    pub(super) fn cluster(&self, address: &Address) -> Value {
        let place = self.blueprint.places.get(address);
        let cluster = place.map(|place| &self.blueprint.clusters[*place]);
        // One that is not expanded has mistakes of its own, or is declared nowhere: both are said already.
        let missing = || Value::unknown_from(address.clone(), Path::root(), Type::Any);
        cluster.map_or_else(missing, |c| with_kubeconfig(supplied(&c.object, self.known), &c.expansion))
    }

    pub(super) fn object(&self, address: &Address) -> Value {
        match self.known.object(address) {
            Some(KnownObject { value, complete: true }) => value,
            Some(KnownObject { value, complete: false }) => open(&value, address, &Path::root()),
            None => Value::unknown_from(address.clone(), Path::root(), Type::Any),
        }
    }
}

/// The cluster with its kubeconfig, once the certificate in it is known. It holds no secret, and is hidden all the same: it
/// tells the way in.
fn with_kubeconfig(object: Value, cluster: &Expansion) -> Value {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(endpoint), Some(ca)) = (text("endpoint"), text("ca_certificate")) else { return object };
    let kubeconfig = asking_kubeconfig(&cluster.cluster.name, &endpoint, &ca);
    super::evaluate::set(&object, &[KUBECONFIG], |_| Value::string(kubeconfig.clone()).sensitive())
}

/// Replaces every part that is exactly an attribute of a resource by that attribute, where it is known.
pub(super) fn supplied(value: &Value, known: &dyn Known) -> Value {
    value.map_unknown(&mut |unknown| {
        let source = unknown.source.as_ref().filter(|source| source.exact)?;
        let object = known.object(&source.address)?;
        object.value.at(&source.path).filter(|found| found.is_wholly_known() && !found.is_null()).cloned()
    })
}

/// An object that is not made yet: what the configuration says of it is known, everything else is still to come.
fn open(value: &Value, address: &Address, path: &Path) -> Value {
    let Some(entries) = value.as_entries() else { return value.clone() };
    let member = |(name, member): (&Arc<str>, &Value)| {
        let here = path.name(name.clone());
        let member = match member.content() {
            // Nothing adds tags but the configuration.
            _ if &**name == "tags" && path.steps().is_empty() => member.clone(),
            Content::Object(_) | Content::Map(..) => open(member, address, &here),
            Content::Tuple(items) if items.iter().any(|item| item.as_entries().is_some()) => {
                Value::unknown_from(address.clone(), here, Type::Any)
            }
            _ => member.clone(),
        };
        (name.clone(), member)
    };
    let members = entries.iter().map(member).collect();
    let source = Some(Source { address: address.clone(), path: path.clone(), exact: true });
    Value::unknown(Unknown { not_null: true, source, members, ..Unknown::of(Type::Any) }).marked_as(value)
}
