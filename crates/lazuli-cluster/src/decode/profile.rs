//! `cluster_profile`.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Diagnostics};
use semver::Version;

use super::manifests;
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
    let components = block.block("kubernetes");
    let feature_gates = components.map(|b| feature_gates(&mut read, b)).unwrap_or_default();
    let cert_sans = cert_sans(&mut read, components);
    let [api_server_args, controller_manager_args, scheduler_args, kubelet_args] =
        ["api_server", "controller_manager", "scheduler", "kubelet"]
            .map(|component| extra_args(&mut read, components, component));
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
    let cloud_provider = manifests::manifests(&mut read, block.block("cloud_provider"));
    let network = manifests::network(&mut read, block.block("network"), cni);
    let storage = manifests::storage(&mut read, block.block("storage"));
    let addons = manifests::addons(&mut read, block);
    match (image, kubernetes, pod_cidr, service_cidr, cni, storage) {
        (Some(image), Some(kubernetes), Some(pod_cidr), Some(service_cidr), Some(cni), Some(storage))
            if read.problems.is_empty() =>
        {
            let profile = Profile {
                name: block.label().into(),
                image,
                kubernetes,
                pod_cidr,
                service_cidr,
                cni,
                feature_gates,
                api_server_args,
                cert_sans,
                controller_manager_args,
                scheduler_args,
                kubelet_args,
                cloud_provider,
                network,
                storage,
                addons,
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
    if is_image(&id) {
        return Some(Image::Gallery(id));
    }
    read.problem(Diagnostic::error("LZ0223", "`gallery_image_id` must be the id of an image version").at(
        os.span_of("gallery_image_id"),
        "/subscriptions/…/galleries/…/images/…/versions/…, or /CommunityGalleries/…",
    ));
    None
}

/// An id of a subscription's own, or of a gallery that is shared.
fn is_image(id: &str) -> bool {
    let parts: Vec<&str> = id.split('/').collect();
    let ["", kind, rest @ ..] = parts.as_slice() else { return false };
    let named = rest.iter().all(|part| !part.is_empty());
    let shared =
        ["communityGalleries", "sharedGalleries"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    match shared {
        true => named && matches!(rest.len(), 3 | 5),
        // subscription, resource group, provider, type and name
        false => kind.eq_ignore_ascii_case("subscriptions") && named && rest.len() >= 7,
    }
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

/// Names of feature gates with whether they are open.
fn feature_gates(read: &mut Reader, kubernetes: &Block) -> BTreeMap<String, bool> {
    let Some(attribute) = kubernetes.attribute("feature_gates") else { return BTreeMap::new() };
    if !attribute.value.is_wholly_known() {
        read.not_known(attribute, "`feature_gates`");
        return BTreeMap::new();
    }
    if attribute.value.is_null() {
        return BTreeMap::new();
    }
    let gates: Option<BTreeMap<String, bool>> = attribute.value.as_entries().and_then(|entries| {
        entries.iter().map(|(name, open)| Some((name.to_string(), open.as_bool()?))).collect()
    });
    gates.unwrap_or_else(|| {
        read.problem(
            Diagnostic::error("LZ0223", "`feature_gates` must be an object of true and false")
                .at(attribute.span, "for example { InPlacePodVerticalScaling = true }"),
        );
        BTreeMap::new()
    })
}

/// `extra_args` of a component.
fn extra_args(read: &mut Reader, kubernetes: Option<&Block>, component: &str) -> BTreeMap<String, String> {
    let Some(block) = kubernetes.and_then(|b| b.block(component)) else { return BTreeMap::new() };
    let args = read.text_map(block, "extra_args");
    for (name, _) in args.iter().filter(|(name, _)| name.starts_with('-') || name.is_empty()) {
        let (shown, bare) = (shown(block, "extra_args", name), name.trim_start_matches('-'));
        let help = format!("write {} = \"…\"", if bare.is_empty() { "v" } else { bare });
        read.problem(
            Diagnostic::error("LZ0223", format!("`{shown}` is not the name of an argument"))
                .at(block.span_of("extra_args"), "names are written without dashes")
                .help(help),
        );
    }
    args
}

/// Host names and addresses.
fn cert_sans(read: &mut Reader, kubernetes: Option<&Block>) -> Vec<String> {
    let Some(block) = kubernetes.and_then(|b| b.block("api_server")) else { return Vec::new() };
    let sans = read.texts(block, "cert_sans");
    let is_name = |text: &str| {
        let text = text.strip_prefix("*.").unwrap_or(text);
        text.parse::<std::net::IpAddr>().is_ok()
            || text.len() <= 253
                && text.split('.').all(|label| {
                    (1..=63).contains(&label.len())
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                })
    };
    for wrong in sans.iter().filter(|san| !is_name(san)) {
        let shown = shown(block, "cert_sans", wrong);
        read.problem(
            Diagnostic::error("LZ0223", format!("`{shown}` cannot stand in a certificate"))
                .at(block.span_of("cert_sans"), "a host name or an IP address, such as api.example.com"),
        );
    }
    sans
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
