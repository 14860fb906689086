//! Images: enough of the marketplace and of community galleries for a client to check that a version exists.

use serde_json::{Value, json};

use super::agreements;
use crate::catalog::skus;
use crate::error::ArmError;
use crate::ids::Target;
use crate::request::Response;
use crate::world::World;

/// Marketplace versions of every image, oldest first.
const MARKETPLACE: [&str; 3] = ["22.04.202606120", "22.04.202607100", skus::LATEST_IMAGE];
/// Kubernetes minors for which every community image has versions, and how many patches each.
const MINORS: std::ops::RangeInclusive<u32> = 30..=37;
const PATCHES: u32 = 10;

/// Whether every marketplace image has this version.
pub(crate) fn is_marketplace_version(version: &str) -> bool {
    MARKETPLACE.contains(&version)
}

/// The gallery of Cluster API, and its images for Linux.
const REFERENCE_GALLERY: &str = "ClusterAPI-f72ceb4f-5159-4c26-a0fe-2ea738f0d019";
const REFERENCE_IMAGES: [&str; 2] = ["capi-ubun2-2204", "capi-ubun2-2404"];

/// Whether an id of a community image, `/CommunityGalleries/…/Images/…/Versions/…`, names one that there is.
pub(crate) fn is_community_image(id: &str) -> bool {
    let parts: Vec<&str> = id.split('/').skip(1).collect();
    let (gallery, image, version) = match parts.as_slice() {
        [_, gallery, _, image] => (gallery, image, "latest"),
        [_, gallery, _, image, _, version] => (gallery, image, *version),
        _ => return false,
    };
    has_image(gallery, image) && (version == "latest" || community().any(|known| known == version))
}

/// Other galleries have every image.
fn has_image(gallery: &str, image: &str) -> bool {
    !gallery.eq_ignore_ascii_case(REFERENCE_GALLERY)
        || REFERENCE_IMAGES.iter().any(|known| known.eq_ignore_ascii_case(image))
}

fn no_image(image: &str) -> ArmError {
    ArmError::new(404, "NotFound", format!("Artifact: VMImage, image '{image}', was not found."))
}

/// Architecture and generation of a marketplace image, as the name of its SKU has it.
pub(crate) fn traits_of(sku: &str) -> (&'static str, &'static str) {
    let sku = sku.to_ascii_lowercase();
    let architecture = if sku.contains("arm64") { "Arm64" } else { "x64" };
    (architecture, if sku.contains("gen1") { "V1" } else { "V2" })
}

fn community() -> impl Iterator<Item = String> {
    MINORS.flat_map(|minor| (0..PATCHES).map(move |patch| format!("1.{minor}.{patch}")))
}

/// Answers reads of images; `None` for everything else. `kind` is in lower case.
pub(super) fn handle(world: &World, target: &Target, kind: &str) -> Option<Result<Response, ArmError>> {
    let location = target.names.first().cloned().unwrap_or_default();
    let scope = &target.scope;
    match kind {
        "microsoft.compute/locations/publishers/artifacttypes/offers/skus/versions" => {
            let entry = |version: &str| {
                let (architecture, generation) = traits_of(&target.names[4]);
                let id = target.names[1..5].join("/");
                let id = format!(
                    "{scope}/Providers/Microsoft.Compute/Locations/{location}/{id}/Versions/{version}"
                );
                let mut entry = json!({ "location": location, "name": version, "id": id });
                // Only a version of its own is described.
                if target.is_item() {
                    entry["properties"] = json!({
                        "osDiskImage": { "operatingSystem": "Linux", "sizeInGb": 30 }, "dataDiskImages": [],
                        "hyperVGeneration": generation, "architecture": architecture, "automaticOSUpgradeProperties": { "automaticOSUpgradeSupported": false },
                    });
                    if let [_, publisher, _, offer, sku, ..] = target.names.as_slice()
                        && let Some(plan) = agreements::plan_of(world, publisher, offer, sku)
                    {
                        entry["properties"]["plan"] = plan;
                    }
                }
                entry
            };
            // Unlike every other list, these are bare arrays.
            Some(one_of(target, MARKETPLACE.iter().map(|version| entry(version)).collect(), |all| {
                Value::Array(all)
            }))
        }
        "microsoft.compute/locations/communitygalleries/images/versions" => {
            let (gallery, image) = (target.names.get(1)?, target.names.get(2)?);
            if !has_image(gallery, image) {
                return Some(Err(no_image(image)));
            }
            let entry = |version: String| {
                json!({
                    "name": version, "location": location, "type": "Microsoft.Compute/Locations/CommunityGalleries/Images/Versions",
                    "identifier": { "uniqueId": format!("/CommunityGalleries/{gallery}/Images/{image}/Versions/{version}") },
                    "properties": { "publishedDate": "2026-01-15T00:00:00+00:00", "excludeFromLatest": false },
                })
            };
            Some(one_of(target, community().map(entry).collect(), |all| json!({ "value": all })))
        }
        "microsoft.compute/locations/communitygalleries/images" if target.is_item() => {
            let (gallery, image) = (target.names.get(1)?, target.name());
            if !has_image(gallery, image) {
                return Some(Err(no_image(image)));
            }
            Some(Ok(Response::json(
                200,
                json!({
                    "name": image, "location": location, "type": "Microsoft.Compute/Locations/CommunityGalleries/Images",
                    "identifier": { "uniqueId": format!("/CommunityGalleries/{gallery}/Images/{image}") },
                    "properties": { "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "architecture": "x64" },
                }),
            )))
        }
        _ => None,
    }
}

/// The entry the target names, or all of them.
fn one_of(
    target: &Target,
    all: Vec<Value>,
    list: impl Fn(Vec<Value>) -> Value,
) -> Result<Response, ArmError> {
    if !target.is_item() {
        return Ok(Response::json(200, list(all)));
    }
    all.into_iter()
        .find(|entry| entry["name"] == target.name())
        .map(|entry| Response::json(200, entry))
        .ok_or_else(|| {
            ArmError::new(
                404,
                "NotFound",
                format!("Artifact: VMImage, version '{}', was not found.", target.name()),
            )
        })
}
