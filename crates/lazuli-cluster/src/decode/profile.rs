//! `cluster_profile`.

use ipnet::Ipv4Net;
use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Diagnostics};
use semver::Version;

use super::reader::Reader;
use crate::spec::{Cni, Image, Profile};

const REFERENCE_IMAGE: &str = "capi-ubun2-2404";
/// `192.168.0.0/16`
const POD_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(192, 168, 0, 0), 16);
/// `10.96.0.0/12`, kubeadm's default.
const SERVICE_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 96, 0, 0), 12);

/// Decodes a profile.
///
/// # Errors
/// Everything that is wrong with it.
pub fn profile(block: &Block) -> Result<Profile, Diagnostics> {
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
            service_cidr = read.cidr(network, "service_cidr");
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
    match (image, kubernetes, pod_cidr, service_cidr, cni) {
        (Some(image), Some(kubernetes), Some(pod_cidr), Some(service_cidr), Some(cni))
            if read.problems.is_empty() =>
        {
            Ok(Profile {
                name: block.label().into(),
                image,
                kubernetes,
                pod_cidr,
                service_cidr,
                cni,
                kubelet_args,
                span: block.span,
            })
        }
        _ => Err(read.problems),
    }
}

fn overlap(read: &mut Reader, network: &Block, pods: Ipv4Net, services: Ipv4Net) {
    if pods.contains(&services) || services.contains(&pods) {
        read.problem(
            Diagnostic::error(
                "LZ0207",
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
        (None, Some(id), None) => Some(Image::Gallery(id)),
        (None, None, Some(market)) => Some(Image::Marketplace {
            publisher: read.text(market, "publisher")?,
            offer: read.text(market, "offer")?,
            sku: read.text(market, "sku")?,
            version: read.text(market, "version")?,
            plan: read.truth(market, "plan"),
        }),
        _ => {
            read.problem(
                Diagnostic::error(
                    "LZ0212",
                    "a profile has one image: image, gallery_image_id or marketplace",
                )
                .at(os.span, "more than one is given"),
            );
            None
        }
    }
}

fn version(read: &mut Reader, kubernetes: &Block) -> Option<Version> {
    let version: Version = read.parsed(kubernetes, "version", "a version such as 1.34.2")?;
    if version.major == 1 && version.minor >= 22 {
        return Some(version);
    }
    read.problem(
        Diagnostic::error(
            "LZ0211",
            format!("Kubernetes {version} is too old: kubeadm's configuration of 1.22 or newer is needed"),
        )
        .at(kubernetes.span_of("version"), "too old"),
    );
    None
}
