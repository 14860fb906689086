//! `cloud_provider`, `storage`, `addon` and what else of a profile is made of Kubernetes objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Value};

use super::name;
use super::reader::{Reader, shown};
use crate::spec::{Addon, Cni, Csi, Manifests, Storage, StorageClass};

/// What a class of Azure Disk volumes can be of.
const VOLUMES: [&str; 5] =
    ["Premium_LRS", "PremiumV2_LRS", "StandardSSD_LRS", "Standard_LRS", "UltraSSD_LRS"];

/// The files that an attribute `manifests` names.
pub(super) fn manifests(read: &mut Reader, block: Option<&Block>) -> Manifests {
    let Some(block) = block else { return Manifests::default() };
    let files = read.texts(block, "manifests");
    for (place, file) in files.iter().enumerate() {
        let wrong = match () {
            () if file.trim().is_empty() => "an empty path names no file",
            () if files[..place].contains(file) => "named twice",
            () => continue,
        };
        let shown = shown(block, "manifests", file);
        read.problem(
            Diagnostic::error("LZ0226", format!("`{shown}` cannot be one of the manifests"))
                .at(block.span_of("manifests"), wrong),
        );
    }
    let span = block.attribute("manifests").map(|attribute| attribute.span);
    Manifests { files, span, ..Manifests::default() }
}

/// Who carries packets between pods is either Lazuli's own way, or in manifests that somebody must give.
pub(super) fn network(read: &mut Reader, block: Option<&Block>, cni: Option<Cni>) -> Manifests {
    let manifests = manifests(read, block);
    if let (Some(block), Some(Cni::Manifests)) = (block, cni)
        && manifests.files.is_empty()
    {
        missing(read, block, "cni", "nodes would never become ready");
    }
    manifests
}

pub(super) fn storage(read: &mut Reader, block: Option<&Block>) -> Option<Storage> {
    let default = StorageClass { sku: "Premium_LRS".to_owned(), zone_redundant: false };
    let Some(block) = block else {
        let manifests = Manifests::default();
        return Some(Storage { csi: Csi::AzureDisk, manifests, default_class: Some(default) });
    };
    let csi = match block.attribute("csi") {
        Some(_) => read.choice(
            block,
            "csi",
            &[("azuredisk", Csi::AzureDisk), ("none", Csi::None), ("manifests", Csi::Manifests)],
        ),
        None => Some(Csi::AzureDisk),
    };
    let manifests = manifests(read, Some(block));
    let class = block.block("default_class");
    let default_class = match class {
        Some(class) => storage_class(read, class, default),
        None => Some(default),
    };
    let csi = csi?;
    if csi == Csi::Manifests && manifests.files.is_empty() {
        missing(read, block, "csi", "there would be no volumes");
    }
    if csi == Csi::None && !manifests.files.is_empty() {
        read.problem(
            Diagnostic::error("LZ0226", "manifests are given for storage, and csi = \"none\" wants none")
                .at(block.span_of("manifests"), "who is to install them?")
                .help("set csi = \"manifests\" to bring a driver of your own"),
        );
    }
    if let Some(class) = class.filter(|_| csi != Csi::AzureDisk) {
        read.problem(
            Diagnostic::error(
                "LZ0226",
                "`default_class` belongs to Azure Disk, and the driver is another one",
            )
            .at(class.span, "has no meaning here")
            .help("put the class into the manifests, or set csi = \"azuredisk\""),
        );
    }
    let default_class = default_class.filter(|_| csi == Csi::AzureDisk);
    Some(Storage { csi, manifests, default_class })
}

fn storage_class(read: &mut Reader, block: &Block, default: StorageClass) -> Option<StorageClass> {
    let zone_redundant = read.truth(block, "zone_redundant");
    let choices: Vec<(&str, &str)> = VOLUMES.iter().map(|sku| (*sku, *sku)).collect();
    let sku = match block.attribute("sku") {
        Some(_) => read.choice(block, "sku", &choices)?.to_owned(),
        None => default.sku,
    };
    if !zone_redundant {
        return Some(StorageClass { sku, zone_redundant });
    }
    match sku.as_str() {
        "Premium_LRS" | "StandardSSD_LRS" => {
            Some(StorageClass { sku: sku.replace("_LRS", "_ZRS"), zone_redundant })
        }
        other => {
            read.problem(
                Diagnostic::error("LZ0223", format!("volumes of {other} cannot be zone-redundant")).at(
                    block.span_of("zone_redundant"),
                    "Azure has that for Premium_LRS and StandardSSD_LRS only",
                ),
            );
            None
        }
    }
}

pub(super) fn addons(read: &mut Reader, profile: &Block) -> Vec<Addon> {
    let mut addons: Vec<Addon> = Vec::new();
    for block in profile.blocks_named("addon") {
        let span = block.labels.first().map_or(block.span, |label| label.span);
        let name = block.label().to_owned();
        name::OBJECT.check(read, &name, span);
        if let Some(other) = addons.iter().find(|addon| addon.name == name) {
            read.twice("addon", &name, span, other.span);
        }
        let files = manifests(read, Some(block));
        if files.files.is_empty() && block.value("manifests").is_some_and(Value::is_wholly_known) {
            read.problem(
                Diagnostic::error("LZ0226", format!("the add-on `{name}` has no manifests"))
                    .at(block.span_of("manifests"), "name at least one file"),
            );
        }
        let namespace = match block.attribute("namespace") {
            Some(_) => name::NAMESPACE.read(read, block, "namespace"),
            None => None,
        };
        let values = values(read, block);
        addons.push(Addon { name, manifests: Manifests { namespace, values, ..files }, span: block.span });
    }
    addons
}

/// Variables of templates.
fn values(read: &mut Reader, block: &Block) -> BTreeMap<Arc<str>, Value> {
    let Some(attribute) = block.attribute("values") else { return BTreeMap::new() };
    match attribute.value.as_entries() {
        Some(entries) => {
            let marked =
                entries.iter().map(|(name, value)| (name.clone(), value.clone().marked_as(&attribute.value)));
            marked.collect()
        }
        None if attribute.value.is_null() => BTreeMap::new(),
        None if attribute.value.is_unknown() => {
            read.not_known(attribute, "the names in `values`");
            BTreeMap::new()
        }
        None => {
            read.problem(
                Diagnostic::error("LZ0223", "`values` must be an object")
                    .at(attribute.span, "for example { replicas = 2 }"),
            );
            BTreeMap::new()
        }
    }
}

fn missing(read: &mut Reader, block: &Block, attribute: &str, otherwise: &str) {
    read.problem(
        Diagnostic::error("LZ0226", format!("`{attribute} = \"manifests\"` needs `manifests`"))
            .at(block.span_of(attribute), otherwise)
            .help("name the files, relative to this configuration: manifests = [\"…\"]"),
    );
}
