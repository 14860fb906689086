//! Ids of resources as the configuration alone tells them: what clusters are decoded with, before anything is read.

use lazuli_config::{DeclarationKind, Instances, Root};
use lazuli_core::address::Key;
use lazuli_core::configuration::{Known, KnownObject};
use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_core::{Address, Value};

use super::Blueprint;
use super::seen::Seen;

/// How many parents a resource may have above it. References in a circle, which are refused elsewhere, end here too.
const DEPTH: u8 = 8;
/// What an id hangs on.
const NAMING: [&str; 5] = ["type", "cloud_account", "resource_group", "parent_id", "name"];

/// Of every resource and data source its id, and nothing else.
pub(super) struct Ids<'a> {
    blueprint: &'a Blueprint,
    depth: u8,
}

impl<'a> Ids<'a> {
    pub(super) fn of(blueprint: &'a Blueprint) -> Self {
        Ids { blueprint, depth: DEPTH }
    }
}

impl Known for Ids<'_> {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        let id = self.blueprint.written_id(address, self.depth)?;
        let value = Value::object([("id", Value::string(id.as_str()))]);
        Some(KnownObject { value, complete: false })
    }

    /// Apart from the epochs of a plan, which count from zero.
    fn epoch(&self) -> u64 {
        u64::from(u32::MAX - u32::from(self.depth))
    }
}

impl Blueprint {
    /// The id a block gives its resource, when the configuration alone tells it.
    fn written_id(&self, address: &Address, depth: u8) -> Option<ResourceId> {
        let above = Ids { blueprint: self, depth: depth.checked_sub(1)? };
        let (module, kind, name, key) = parts_of(address)?;
        let unit = self.evaluator.at(module.as_ref())?;
        let block = unit.module().declarations(kind).get(&name)?;
        let root = Root { module, kind, name: block.name.text.clone() };
        let instances = self.instances(&root);
        let instance = match (&*instances, &key) {
            (Instances::Single, None) => None,
            (Instances::Keyed(all), Some(key)) => Some(all.iter().find(|instance| instance.key == *key)?),
            _ => return None,
        };
        let mut naming = block.clone();
        naming.block.body.attributes.retain(|attribute| NAMING.contains(&&*attribute.name.text));
        naming.block.body.blocks.clear();
        // What is wrong with it is said where it is evaluated itself.
        let seen = Seen { blueprint: self, known: &above };
        let resource = unit.resource(&naming, &seen, instance).ok()?;
        let ty = ResourceType { name: resource.type_name.clone(), api_version: resource.api_version.clone() };
        self.id(kind == DeclarationKind::Data, &resource, &ty).ok()?
    }
}

/// The module, the kind, the name and the key of the block an address belongs to; `None` for parts of clusters.
fn parts_of(address: &Address) -> Option<(Option<Address>, DeclarationKind, String, Option<Key>)> {
    let segments = address.segments();
    let [.., word, name] = &segments[..] else { return None };
    let kind = match word.name.as_str() {
        "resource" => DeclarationKind::Resource,
        "data" => DeclarationKind::Data,
        _ => return None,
    };
    let mut module: Option<Address> = None;
    for call in segments[..segments.len() - 2].chunks(2) {
        let [word, call] = call else { return None };
        if word.name != "module" {
            return None;
        }
        let below = match &module {
            None => Address::root("module", &call.name),
            Some(above) => above.child("module").child(&call.name),
        };
        module = Some(call.key.as_ref().map_or(below.clone(), |key| below.instance(key)));
    }
    Some((module, kind, name.name.clone(), name.key.clone()))
}
