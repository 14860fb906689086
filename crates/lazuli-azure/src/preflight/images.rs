//! Images: whether a version is there for a region, and what machines it suits.

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::terms::Plan;
use super::{elements, region, text};
use crate::arm::Silent;
use crate::provider::AzureProvider;

const COMPUTE_VERSION: &str = "2025-04-01";
const GALLERY_VERSION: &str = "2024-03-03";
/// In place of a version: whatever is newest.
const LATEST: &str = "latest";

/// What a machine's image reference names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageName {
    /// An offer of the marketplace.
    Marketplace {
        /// Who publishes it.
        publisher: String,
        /// The product.
        offer: String,
        /// The plan of the product.
        sku: String,
        /// A version or `latest`.
        version: String,
    },
    /// An image of a community gallery.
    Community {
        /// The public name of the gallery.
        gallery: String,
        /// The image definition.
        image: String,
        /// A version or `latest`.
        version: String,
    },
    /// A version, definition or managed image with an id of its own.
    Own(String),
}

/// What is known of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Whether the version can be used in the region.
    pub present: bool,
    /// Versions that can, oldest first, where Azure lists them.
    pub versions: Vec<String>,
    /// `x64` or `Arm64`.
    pub architecture: Option<String>,
    /// `V1` or `V2`.
    pub generation: Option<String>,
    /// The plan of the marketplace it is sold under.
    pub plan: Option<Plan>,
    /// How many requests it took to know.
    pub requests: usize,
}

impl ImageName {
    /// Reads an `imageReference`; `None` when it names an image in a way that cannot be looked up.
    pub fn of(reference: &Json) -> Option<ImageName> {
        let field = |key: &str| reference.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
        if let Some(id) = field("communityGalleryImageId") {
            let parts: Vec<&str> = id.split('/').filter(|part| !part.is_empty()).collect();
            let [_, gallery, _, image, rest @ ..] = parts.as_slice() else { return None };
            let version = rest.get(1).copied().unwrap_or(LATEST);
            return Some(ImageName::Community {
                gallery: (*gallery).to_owned(),
                image: (*image).to_owned(),
                version: version.to_owned(),
            });
        }
        if let Some(id) = field("id") {
            return Some(ImageName::Own(id.to_owned()));
        }
        Some(ImageName::Marketplace {
            publisher: field("publisher")?.to_owned(),
            offer: field("offer")?.to_owned(),
            sku: field("sku")?.to_owned(),
            version: field("version").unwrap_or(LATEST).to_owned(),
        })
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ImageName::Marketplace { publisher, offer, sku, version } => {
                write!(f, "{publisher}:{offer}:{sku}:{version}")
            }
            ImageName::Community { gallery, image, version } => {
                write!(f, "{image} {version} (community gallery {gallery})")
            }
            ImageName::Own(id) => f.write_str(id),
        }
    }
}

impl AzureProvider {
    /// Whether an image can be used in a region.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn image(&self, location: &str, name: &ImageName) -> Result<Image, ProviderError> {
        let root = format!("{}/providers/Microsoft.Compute/locations/{location}", self.subscription_path());
        match name {
            ImageName::Marketplace { publisher, offer, sku, version } => {
                let path = format!(
                    "{root}/publishers/{publisher}/artifacttypes/vmimage/offers/{offer}/skus/{sku}/versions"
                );
                let versions = self.versions(&path, COMPUTE_VERSION).await?;
                let mut image = Image { versions, requests: 1, ..Image::default() };
                let Some(wanted) = wanted(&image.versions, version) else { return Ok(image) };
                let path = format!("{path}/{wanted}");
                let found = self.look_up(self.arm.url(&path, COMPUTE_VERSION, &[])).await?;
                image.requests += 1;
                Ok(image.found(found))
            }
            ImageName::Community { gallery, image: definition, version } => {
                let path = format!("{root}/communityGalleries/{gallery}/images/{definition}");
                let Some(found) = self.look_up(self.arm.url(&path, GALLERY_VERSION, &[])).await? else {
                    return Ok(Image { requests: 1, ..Image::default() });
                };
                let versions = self.versions(&format!("{path}/versions"), GALLERY_VERSION).await?;
                let image = Image { versions, requests: 2, ..Image::default() };
                let present = wanted(&image.versions, version).is_some();
                Ok(image.found(Some(found).filter(|_| present)))
            }
            ImageName::Own(id) => self.own_image(location, id).await,
        }
    }

    /// An image of somebody's own: a version is replicated to regions, a managed image lies in one.
    async fn own_image(&self, location: &str, id: &str) -> Result<Image, ProviderError> {
        let lower = id.to_ascii_lowercase();
        let version = if lower.contains("/galleries/") { GALLERY_VERSION } else { COMPUTE_VERSION };
        let mut image = Image { requests: 1, ..Image::default() };
        let Some(found) = self.look_up(self.arm.url(id, version, &[])).await? else { return Ok(image) };
        let targets = elements(&found, "/properties/publishingProfile/targetRegions");
        let mut regions: Vec<String> = targets.map(|target| text(target, "/name")).collect();
        if regions.is_empty() {
            regions.push(text(&found, "/location"));
        }
        let present = regions.iter().any(|name| region(name) == region(location));
        let definition = lower.find("/versions/").map(|at| &id[..at]);
        let described = match definition {
            Some(definition) => {
                image.requests += 1;
                self.look_up(self.arm.url(definition, version, &[])).await?
            }
            None => Some(found),
        };
        Ok(Image { present, ..image.found(described) })
    }

    async fn versions(&self, path: &str, api_version: &str) -> Result<Vec<String>, ProviderError> {
        let listed = self.arm.list(self.arm.url(path, api_version, &[]), &Silent).await?;
        let items = listed.map(|listed| listed.items).unwrap_or_default();
        let mut versions: Vec<String> = items.iter().map(|item| text(item, "/name")).collect();
        versions.sort_by_key(|version| numbers(version));
        Ok(versions)
    }
}

impl Image {
    fn found(mut self, described: Option<Json>) -> Image {
        let Some(described) = described else { return self };
        let said = |pointer: &str| Some(text(&described, pointer)).filter(|text| !text.is_empty());
        self.present = true;
        self.architecture = said("/properties/architecture");
        self.generation = said("/properties/hyperVGeneration");
        self.plan = described.pointer("/properties/plan").and_then(Plan::of);
        self
    }
}

/// The version that is meant, among those there are.
fn wanted<'a>(versions: &'a [String], version: &str) -> Option<&'a String> {
    match version {
        LATEST => versions.last(),
        _ => versions.iter().find(|v| v.as_str() == version),
    }
}

/// `1.34.2` as numbers, so that 10 comes after 9.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_read_in_each_of_their_forms() {
        for (reference, expected) in [
            (
                json!({"communityGalleryImageId": "/CommunityGalleries/g/Images/i/Versions/1.34.2"}),
                "i 1.34.2 (community gallery g)",
            ),
            (
                json!({"communityGalleryImageId": "/communityGalleries/g/images/i"}),
                "i latest (community gallery g)",
            ),
            (json!({"publisher": "p", "offer": "o", "sku": "s"}), "p:o:s:latest"),
            (json!({"id": "/subscriptions/s/i"}), "/subscriptions/s/i"),
            (json!({"sharedGalleryImageId": "/SharedGalleries/g/images/i"}), "none"),
            (json!({"publisher": "p"}), "none"),
        ] {
            let name = ImageName::of(&reference).map_or("none".to_owned(), |name| name.to_string());
            assert_eq!(name, expected, "{reference}");
        }
    }

    #[test]
    fn the_newest_version_is_the_highest_number() {
        let versions = ["1.9.0".to_owned(), "1.10.0".to_owned()];
        assert!(numbers(&versions[0]) < numbers(&versions[1]));
        assert_eq!(wanted(&versions, "latest"), Some(&versions[1]));
        assert_eq!(wanted(&versions, "1.9.0"), Some(&versions[0]));
        assert_eq!(wanted(&versions, "1.9.1"), None);
    }
}
