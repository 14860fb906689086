//! `cluster_profile`.

use ipnet::Ipv4Net;
use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Diagnostics};
use semver::Version;

use super::reader::{Reader, shown};
use crate::spec::{Cni, Image, Profile};

const REFERENCE_IMAGE: &str = "capi-ubun2-2404";
/// `192.168.0.0/16`
const POD_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(192, 168, 0, 0), 16);
/// `10.96.0.0/12`, kubeadm's default.
const SERVICE_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 96, 0, 0), 12);

/// Decodes a profile. Warnings come with it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn profile(block: &Block) -> Result<(Profile, Diagnostics), Diagnostics> {
    let mut read = Reader::default();
    let image = image(&mut read, block);
    let kubernetes = block.block("kubernetes").and_then(|b| version(&mut read, b));
    let kubelet = block.block("kubernetes").and_then(|b| b.block("kubelet"));
    let kubelet_args = kubelet.map(|b| read.text_map(b, "extra_args")).unwrap_or_default();
    let (mut pod_cidr, mut service_cidr, mut cni) =
        (Some(POD_CIDR), Some(SERVICE_CIDR), Some(Cni::AzureRoutes));
    if let Some(network) = block.block("network") {
        if network.attribute("pod_cidr").is_some() {
            pod_cidr = read.cidr(network, "pod_cidr");
        }
        if network.attribute("service_cidr").is_some() {
            service_cidr = read.cidr(network, "service_cidr").filter(|c| services(&mut read, network, *c));
        }
        if network.attribute("cni").is_some() {
            cni = read.choice(
                network,
                "cni",
                &[("azure_routes", Cni::AzureRoutes), ("manifests", Cni::Manifests)],
            );
        }
        if let (Some(pods), Some(services)) = (pod_cidr, service_cidr) {
            overlap(&mut read, network, pods, services);
        }
    }
    without_effect(&mut read, block);
    match (image, kubernetes, pod_cidr, service_cidr, cni) {
        (Some(image), Some(kubernetes), Some(pod_cidr), Some(service_cidr), Some(cni))
            if read.problems.is_empty() =>
        {
            let profile = Profile {
                name: block.label().into(),
                image,
                kubernetes,
                pod_cidr,
                service_cidr,
                cni,
                kubelet_args,
                span: block.span,
            };
            Ok((profile, read.warnings))
        }
        _ => Err(read.problems),
    }
}

fn overlap(read: &mut Reader, network: &Block, pods: Ipv4Net, services: Ipv4Net) {
    if pods.contains(&services) || services.contains(&pods) {
        read.problem(
            Diagnostic::error(
                "LZ0220",
                format!("pods ({pods}) and services ({services}) would share addresses"),
            )
            .at(network.span_of("pod_cidr"), "overlaps the addresses of services")
            .help("choose pod_cidr and service_cidr apart"),
        );
    }
}

fn image(read: &mut Reader, block: &Block) -> Option<Image> {
    let Some(os) = block.block("os") else { return Some(Image::Reference(REFERENCE_IMAGE.to_owned())) };
    let gallery = read.text(os, "gallery_image_id");
    let reference = read.text(os, "image");
    let marketplace = os.block("marketplace");
    match (reference, gallery, marketplace) {
        (reference, None, None) => {
            Some(Image::Reference(reference.unwrap_or_else(|| REFERENCE_IMAGE.to_owned())))
        }
        (None, Some(id), None) => gallery_image(read, os, id),
        (None, None, Some(market)) => {
            let [publisher, offer, sku, version] =
                ["publisher", "offer", "sku", "version"].map(|name| read.text(market, name));
            let plan = read.truth(market, "plan");
            Some(Image::Marketplace {
                publisher: publisher?,
                offer: offer?,
                sku: sku?,
                version: version?,
                plan,
            })
        }
        _ => {
            read.problem(
                Diagnostic::error(
                    "LZ0224",
                    "a profile has one image: image, gallery_image_id or marketplace",
                )
                .at(os.span, "more than one is given"),
            );
            None
        }
    }
}

fn gallery_image(read: &mut Reader, os: &Block, id: String) -> Option<Image> {
    if id.starts_with('/') {
        return Some(Image::Gallery(id));
    }
    read.problem(Diagnostic::error("LZ0223", "`gallery_image_id` must be the id of an image version").at(
        os.span_of("gallery_image_id"),
        "/subscriptions/…/galleries/…/images/…/versions/…, or /CommunityGalleries/…",
    ));
    None
}

/// The API server takes no more than 2^20 addresses for services.
fn services(read: &mut Reader, network: &Block, cidr: Ipv4Net) -> bool {
    if cidr.prefix_len() >= 12 {
        return true;
    }
    read.problem(
        Diagnostic::error("LZ0220", format!("{cidr} is too large for services"))
            .at(network.span_of("service_cidr"), "at most a /12"),
    );
    false
}

/// Parts of the language that this version does not act on. An empty list says nothing, so nothing is said about it.
fn without_effect(read: &mut Reader, profile: &Block) {
    let parts: [(&[&str], &[&str]); 7] = [
        (&["kubernetes"], &["feature_gates"]),
        (&["kubernetes", "api_server"], &["extra_args", "cert_sans"]),
        (&["kubernetes", "controller_manager"], &["extra_args"]),
        (&["kubernetes", "scheduler"], &["extra_args"]),
        (&["cloud_provider"], &["manifests"]),
        (&["network"], &["manifests"]),
        (&["storage"], &["csi", "manifests"]),
    ];
    for (path, attributes) in parts {
        let inner = path.iter().try_fold(profile, |block, name| block.block(name));
        for attribute in attributes.iter().filter_map(|name| inner?.attribute(name)) {
            let value = &attribute.value;
            if value.is_unknown() || value.as_str().is_some() || value.children().next().is_some() {
                read.no_effect(attribute.name_span, &format!("`{}.{}`", path.join("."), attribute.name));
            }
        }
    }
    if let Some(class) = profile.block("storage").and_then(|storage| storage.block("default_class")) {
        read.no_effect(class.span, "`storage.default_class`");
    }
    for addon in profile.blocks_named("addon") {
        read.no_effect(addon.span, "`addon`");
    }
}

fn version(read: &mut Reader, kubernetes: &Block) -> Option<Version> {
    let version: Version = read.parsed(kubernetes, "version", "a version such as 1.34.2")?;
    if version.major == 1 && version.minor >= 22 {
        return Some(version);
    }
    read.problem(
        Diagnostic::error(
            "LZ0223",
            format!(
                "Kubernetes {} is too old: kubeadm's configuration of 1.22 or newer is needed",
                shown(kubernetes, "version", version)
            ),
        )
        .at(kubernetes.span_of("version"), "too old"),
    );
    None
}
