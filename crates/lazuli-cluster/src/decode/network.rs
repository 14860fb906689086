//! `network`.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::name;
use super::reader::Reader;
use super::rule::rules;
use crate::spec::{DynamicNetwork, Egress, ExistingNetwork, Network, Subnet};

/// The longest prefix Azure takes for a subnet.
pub(super) const SMALLEST_SUBNET: u8 = 29;

pub(super) fn network(read: &mut Reader, block: &Block, cluster_group: &str) -> Option<Network> {
    for peering in block.blocks_named("peering") {
        read.not_supported(peering.span, "`peering`");
    }
    match block.block("existing") {
        Some(existing) => existing_network(read, block, existing, cluster_group),
        None => dynamic(read, block),
    }
}

fn existing_network(
    read: &mut Reader,
    block: &Block,
    existing: &Block,
    cluster_group: &str,
) -> Option<Network> {
    for own in ["cidr", "egress"] {
        if let Some(attribute) = block.attribute(own) {
            read.problem(
                Diagnostic::error(
                    "LZ0215",
                    format!("`{own}` describes a network to be made, but this one exists"),
                )
                .at(attribute.name_span, "take it out, or take `existing` out"),
            );
        }
    }
    for own in ["control_plane_subnet", "worker_subnet"] {
        if let Some(subnet) = block.block(own) {
            read.problem(
                Diagnostic::error(
                    "LZ0215",
                    format!("`{own}` describes a subnet to be made, but this network exists"),
                )
                .at(subnet.span, "name the existing subnet inside `existing` instead"),
            );
        }
    }
    let group = match existing.attribute("resource_group") {
        Some(_) => name::RESOURCE_GROUP.read(read, existing, "resource_group"),
        None => Some(cluster_group.to_owned()),
    };
    let virtual_network = name::VIRTUAL_NETWORK.read(read, existing, "virtual_network");
    let control_plane_subnet = name::SUBNET.read(read, existing, "control_plane_subnet");
    let worker_subnet = name::SUBNET.read(read, existing, "worker_subnet");
    let network = ExistingNetwork {
        resource_group: group?,
        virtual_network: virtual_network?,
        control_plane_subnet: control_plane_subnet?,
        worker_subnet: worker_subnet?,
        span: existing.span,
    };
    if network.control_plane_subnet.eq_ignore_ascii_case(&network.worker_subnet) {
        read.problem(
            Diagnostic::error("LZ0215", "control-plane nodes and workers need a subnet each")
                .at(existing.span_of("worker_subnet"), "the same subnet twice"),
        );
    }
    Some(Network::Existing(network))
}

fn dynamic(read: &mut Reader, block: &Block) -> Option<Network> {
    let egress = match block.attribute("egress") {
        None => Some(Egress::NatGateway),
        Some(attribute) => {
            let choices = [
                ("nat_gateway", Some(Egress::NatGateway)),
                ("load_balancer", None),
                ("user_defined_routing", Some(Egress::UserDefinedRouting)),
                ("none", Some(Egress::None)),
            ];
            match read.choice(block, "egress", &choices) {
                Some(None) => {
                    read.not_supported(attribute.span, "`egress = \"load_balancer\"`");
                    None
                }
                Some(egress) => egress,
                None => None,
            }
        }
    };
    let missing = |read: &mut Reader, what: &str| {
        read.problem(
            Diagnostic::error("LZ0105", format!("`network` needs {what}"))
                .at(block.span, "or `existing`, to use a network that is there already"),
        );
    };
    if block.attribute("cidr").is_none() {
        missing(read, "`cidr`");
    }
    for name in ["control_plane_subnet", "worker_subnet"] {
        if block.block(name).is_none() {
            missing(read, &format!("a block `{name}`"));
        }
    }
    let cidr = read.cidr(block, "cidr");
    let control_plane = block.block("control_plane_subnet").and_then(|b| subnet(read, b));
    let worker = block.block("worker_subnet").and_then(|b| subnet(read, b));
    let (cidr, control_plane, worker) = (cidr?, control_plane?, worker?);
    for (subnet, block) in [(&control_plane, "control_plane_subnet"), (&worker, "worker_subnet")] {
        if !cidr.contains(&subnet.cidr) {
            let text = format!("{} is not part of {cidr}", subnet.cidr);
            read.problem(
                Diagnostic::error("LZ0220", format!("the {block} lies outside of its network"))
                    .at(subnet.span, text),
            );
        }
    }
    if control_plane.cidr.contains(&worker.cidr) || worker.cidr.contains(&control_plane.cidr) {
        read.problem(
            Diagnostic::error(
                "LZ0220",
                format!("the two subnets share addresses: {} and {}", control_plane.cidr, worker.cidr),
            )
            .at(worker.span, format!("{} overlaps", worker.cidr))
            .also_at(control_plane.span, format!("{} is here", control_plane.cidr)),
        );
    }
    Some(Network::Dynamic(Box::new(DynamicNetwork {
        cidr,
        egress: egress?,
        control_plane,
        worker,
        span: block.span,
    })))
}

fn subnet(read: &mut Reader, block: &Block) -> Option<Subnet> {
    let cidr = read.cidr(block, "cidr");
    if let Some(cidr) = cidr.filter(|cidr| cidr.prefix_len() > SMALLEST_SUBNET) {
        read.problem(
            Diagnostic::error(
                "LZ0220",
                format!("{cidr} is too small: Azure keeps 5 addresses of every subnet"),
            )
            .at(block.span_of("cidr"), format!("at least a /{SMALLEST_SUBNET}")),
        );
    }
    let rules = rules(read, block);
    Some(Subnet { cidr: cidr?, rules, span: block.span })
}
