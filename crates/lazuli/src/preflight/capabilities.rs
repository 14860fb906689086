//! What a machine's size and image can do, against what is asked of them.

use std::collections::BTreeMap;

use lazuli_azure::preflight::images::{Image, ImageName};
use lazuli_azure::preflight::sizes::Size;
use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::quotas::Region;
use super::sizes::{self, SizesOf, machines};
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works};

const NICS: &str = "Microsoft.Network/networkInterfaces";

/// Images of regions.
pub type ImagesOf = BTreeMap<(Region, ImageName), Result<Image, ProviderError>>;

/// The image of a machine, as it can be looked up.
pub fn image_of(work: &Work) -> Option<(Region, ImageName)> {
    let reference = work.body.pointer("/properties/storageProfile/imageReference")?;
    Some(((work.account.clone(), work.region()?), ImageName::of(reference)?))
}

/// Every image is there, in the version and the region that are asked for.
pub fn images(works: &Works, found: &ImagesOf, verdict: &mut Verdict) {
    for (key, answer) in found {
        let ((_, region), name) = key;
        match answer {
            Ok(image) if image.present => verdict.pass(),
            Ok(image) => {
                let users =
                    works.created(sizes::MACHINES).filter(|work| image_of(work).as_ref() == Some(key));
                let problem = refusal("LZ1027", format!("there is no image {name} in {region}"), users);
                verdict.refuse(match close(name, &image.versions) {
                    versions if versions.is_empty() => problem.help(
                        "check publisher, offer, sku, gallery and image names; a gallery's version must be replicated to the region",
                    ),
                    versions => problem.fact("versions", versions.join(", ")).help("choose one of these versions"),
                });
            }
            Err(error) => verdict.unread(format!("the image {name}"), error),
        }
    }
}

/// The newest versions, those of the same minor first.
fn close(name: &ImageName, versions: &[String]) -> Vec<String> {
    const SHOWN: usize = 4;
    let wanted = match name {
        ImageName::Marketplace { version, .. } | ImageName::Community { version, .. } => version.as_str(),
        ImageName::Own(_) => "",
    };
    let minor = wanted.rsplit_once('.').map_or(wanted, |(minor, _)| minor);
    let (same, other): (Vec<&String>, Vec<&String>) =
        versions.iter().rev().partition(|version| version.starts_with(&format!("{minor}.")));
    same.into_iter().chain(other).take(SHOWN).cloned().collect()
}

/// Every size can do what its machines ask.
pub fn check(works: &Works, sizes: &SizesOf, images: &ImagesOf, verdict: &mut Verdict) {
    let mut by_reason: BTreeMap<(String, String), Vec<&Work>> = BTreeMap::new();
    let mut able: BTreeMap<&str, bool> = BTreeMap::new();
    for work in machines(works) {
        let Some(size) = sizes::of(work, sizes) else { continue };
        let image = image_of(work).and_then(|key| images.get(&key)?.as_ref().ok());
        let asked = Asked::of(work, works);
        let reasons = lacking(&asked, size, image.filter(|_| work.creates()));
        *able.entry(&size.name).or_insert(true) &= reasons.is_empty();
        for reason in reasons {
            by_reason.entry((size.name.clone(), reason)).or_default().push(work);
        }
    }
    able.values().filter(|able| **able).for_each(|_| verdict.pass());
    for ((size, reason), works) in by_reason {
        let problem = refusal("LZ1026", format!("the VM size `{size}` {reason}"), works);
        verdict.refuse(problem.help("choose a size that can, or do not ask for it"));
    }
}

/// What a machine asks of its size.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Asked {
    accelerated_networking: bool,
    encryption_at_host: bool,
    spot: bool,
    /// Storage types of its disks.
    disks: Vec<String>,
    data_disks: u64,
    interfaces: u64,
    /// The size of an ephemeral OS disk in GiB, with its placement.
    ephemeral: Option<(u64, Option<String>)>,
}

impl Asked {
    fn of(work: &Work, works: &Works) -> Asked {
        let at = |pointer: &str| work.body.pointer(pointer);
        let array = |pointer: &str| at(pointer).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let interfaces = array("/properties/networkProfile/networkInterfaces");
        let data = array("/properties/storageProfile/dataDisks");
        let os = at("/properties/storageProfile/osDisk");
        let is_accelerated = |interface: &Json| {
            let id = interface.get("id").and_then(Json::as_str).unwrap_or_default();
            let interface = works.writes(NICS).find(|work| work.id.eq_ignore_ascii_case(id));
            interface.and_then(|nic| nic.body.pointer("/properties/enableAcceleratedNetworking")?.as_bool())
                == Some(true)
        };
        let local = os.filter(|os| os.pointer("/diffDiskSettings/option").is_some());
        Asked {
            accelerated_networking: interfaces.iter().any(is_accelerated),
            encryption_at_host: at("/properties/securityProfile/encryptionAtHost").and_then(Json::as_bool)
                == Some(true),
            spot: work.text("/properties/priority") == Some("Spot"),
            disks: os
                .into_iter()
                .chain(data)
                .filter_map(|disk| {
                    disk.pointer("/managedDisk/storageAccountType")?.as_str().map(str::to_owned)
                })
                .collect(),
            data_disks: data.len() as u64,
            interfaces: interfaces.len() as u64,
            ephemeral: local.map(|os| {
                let size = os.get("diskSizeGB").and_then(Json::as_u64).unwrap_or(30);
                let placement = os.pointer("/diffDiskSettings/placement").and_then(Json::as_str);
                (size, placement.map(str::to_owned))
            }),
        }
    }
}

/// What a size or its image cannot do. What Azure does not say is not judged.
fn lacking(asked: &Asked, size: &Size, image: Option<&Image>) -> Vec<String> {
    let lacks = |capability: &str| size.is(capability) == Some(false);
    let mut found = Vec::new();
    let mut when = |lacking: bool, reason: &str| {
        if lacking {
            found.push(reason.to_owned());
        }
    };
    when(
        asked.accelerated_networking && lacks("AcceleratedNetworkingEnabled"),
        "has no accelerated networking, and a network interface asks for it",
    );
    when(
        asked.encryption_at_host && lacks("EncryptionAtHostSupported"),
        "cannot encrypt at the host, and `encryption_at_host` asks for it",
    );
    when(asked.spot && lacks("LowPriorityCapable"), "is not sold as spot");
    let premium = |sku: &String| sku.starts_with("Premium_") || sku.starts_with("PremiumV2_");
    when(
        asked.disks.iter().any(premium) && lacks("PremiumIO"),
        "cannot use premium disks, and a disk asks for Premium_LRS or the like",
    );
    if let Some(most) = size.number("MaxDataDiskCount").filter(|most| asked.data_disks > *most) {
        when(true, &format!("takes {most} data disks, and {} are asked for", asked.data_disks));
    }
    if let Some(most) = size.number("MaxNetworkInterfaces").filter(|most| asked.interfaces > *most) {
        when(true, &format!("takes {most} network interfaces, and {} are asked for", asked.interfaces));
    }
    if let Some((gib, placement)) = &asked.ephemeral {
        let room = match placement.as_deref() {
            Some("ResourceDisk") => resource_disk(size),
            Some("CacheDisk") => cache_disk(size),
            _ => cache_disk(size).max(resource_disk(size)),
        };
        when(lacks("EphemeralOSDiskSupported"), "has no room for an ephemeral OS disk");
        if let Some(room) = room.filter(|room| gib > room && !lacks("EphemeralOSDiskSupported")) {
            when(
                true,
                &format!("has room for an ephemeral OS disk of {room} GiB, and {gib} GiB are asked for"),
            );
        }
    }
    if let Some(image) = image {
        let architecture = size.capabilities.get("CpuArchitectureType");
        if let (Some(has), Some(wants)) = (architecture, &image.architecture)
            && !has.eq_ignore_ascii_case(wants)
        {
            when(true, &format!("is {has}, and the image is for {wants}"));
        }
        if let (Some(has), Some(wants)) = (size.capabilities.get("HyperVGenerations"), &image.generation)
            && !has.split(',').any(|generation| generation.trim().eq_ignore_ascii_case(wants))
        {
            when(true, &format!("boots images of generation {has}, and the image is of generation {wants}"));
        }
    }
    found
}

/// The cache of a size, in GiB.
fn cache_disk(size: &Size) -> Option<u64> {
    size.number("CachedDiskBytes").map(|bytes| bytes >> 30)
}

/// The temporary disk of a size, in GiB.
fn resource_disk(size: &Size) -> Option<u64> {
    size.number("MaxResourceVolumeMB").map(|mib| mib >> 10)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{GROUP, work, works};
    use super::*;

    fn size(capabilities: &[(&str, &str)]) -> Size {
        let capability = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Size {
            name: "S".into(),
            capabilities: capabilities.iter().map(capability).collect(),
            ..Size::default()
        }
    }

    #[test]
    fn what_a_size_cannot_do_is_named() {
        let image = |architecture: &str, generation: &str| {
            Some(Image {
                present: true,
                architecture: Some(architecture.into()),
                generation: Some(generation.into()),
                ..Image::default()
            })
        };
        let x64 = || image("x64", "V2");
        let asked = Asked::default;
        let ephemeral = |gib, placement: Option<&str>| Asked {
            ephemeral: Some((gib, placement.map(str::to_owned))),
            ..asked()
        };
        let premium = Asked { disks: vec!["Premium_LRS".into()], ..asked() };
        let accelerated = Asked { accelerated_networking: true, ..asked() };
        let encrypted = Asked { encryption_at_host: true, ..asked() };
        let many = Asked { data_disks: 5, interfaces: 3, ..asked() };
        let spot = Asked { spot: true, ..asked() };
        let limits: &[(&str, &str)] = &[("MaxDataDiskCount", "4"), ("MaxNetworkInterfaces", "2")];
        let local: &[(&str, &str)] = &[
            ("EphemeralOSDiskSupported", "True"),
            ("CachedDiskBytes", "53687091200"),
            ("MaxResourceVolumeMB", "153600"),
        ];
        let mut lines = Vec::new();
        for (asked, capabilities, image) in [
            (asked(), &[][..], x64()),
            (accelerated, &[("AcceleratedNetworkingEnabled", "False")], x64()),
            (encrypted, &[("EncryptionAtHostSupported", "False")], x64()),
            (spot, &[("LowPriorityCapable", "False")], x64()),
            (premium.clone(), &[("PremiumIO", "False")], x64()),
            (premium, &[("PremiumIO", "True")], x64()),
            (many, limits, x64()),
            (ephemeral(128, None), local, x64()),
            (ephemeral(128, Some("CacheDisk")), local, x64()),
            (ephemeral(30, None), &[("EphemeralOSDiskSupported", "False")], x64()),
            (asked(), &[("CpuArchitectureType", "Arm64")], x64()),
            (asked(), &[("HyperVGenerations", "V1")], x64()),
            (asked(), &[("HyperVGenerations", "V1,V2")], x64()),
            (asked(), &[("CpuArchitectureType", "Arm64")], None),
        ] {
            let found = lacking(&asked, &size(capabilities), image.as_ref());
            lines.push(format!(
                "{capabilities:?}: {}",
                if found.is_empty() { "fine".into() } else { found.join("; ") }
            ));
        }
        assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_a_machine_asks_is_read_from_it_and_its_interfaces() {
        let nic = format!("{GROUP}/providers/Microsoft.Network/networkInterfaces/nic");
        let machine = json!({"properties": {
            "priority": "Spot",
            "securityProfile": {"encryptionAtHost": true},
            "storageProfile": {
                "osDisk": {"diskSizeGB": 64, "diffDiskSettings": {"option": "Local"}},
                "dataDisks": [{"managedDisk": {"storageAccountType": "Premium_LRS"}}],
            },
            "networkProfile": {"networkInterfaces": [{"id": nic}]},
        }});
        let plan = works(
            vec![
                work(
                    Operation::Create,
                    NICS,
                    "nic",
                    json!({"properties": {"enableAcceleratedNetworking": true}}),
                ),
                work(Operation::Create, sizes::MACHINES, "vm", machine),
            ],
            &[],
        );
        let expected = Asked {
            accelerated_networking: true,
            encryption_at_host: true,
            spot: true,
            disks: vec!["Premium_LRS".into()],
            data_disks: 1,
            interfaces: 1,
            ephemeral: Some((64, None)),
        };
        assert_eq!(Asked::of(&plan.all[1], &plan), expected);
    }

    #[test]
    fn a_version_that_is_not_there_names_those_that_are() {
        let machine = json!({"properties": {"storageProfile": {"imageReference": {
            "communityGalleryImageId": "/CommunityGalleries/g/Images/ubuntu/Versions/1.34.99",
        }}}});
        let plan = works(vec![work(Operation::Create, sizes::MACHINES, "vm", machine)], &[]);
        let key = image_of(&plan.all[0]).unwrap();
        let versions = ["1.33.4", "1.34.1", "1.34.2", "1.35.0", "1.35.1"].map(str::to_owned).into();
        let mut verdict = Verdict::default();
        for image in [
            Image { versions, ..Image::default() },
            Image::default(),
            Image { present: true, ..Image::default() },
        ] {
            images(&plan, &BTreeMap::from([(key.clone(), Ok(image))]), &mut verdict);
        }
        assert_snapshot!(told(verdict));
    }
}
