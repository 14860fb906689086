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

/// Whether every community image has this version.
pub(crate) fn is_community_version(version: &str) -> bool {
    community().any(|known| known == version)
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
