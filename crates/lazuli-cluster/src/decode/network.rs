//! `network`.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::name;
use super::reader::Reader;
use super::rule::rules;
use crate::spec::{DynamicNetwork, Egress, ExistingNetwork, Network, Peering, Subnet};

/// The longest prefix Azure takes for a subnet.
pub(super) const SMALLEST_SUBNET: u8 = 29;

pub(super) fn network(read: &mut Reader, block: &Block, cluster_group: &str) -> Option<Network> {
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
    for peering in block.blocks_named("peering") {
        read.problem(
            Diagnostic::error(
                "LZ0215",
                "`peering` would change the network, but an existing one is only read",
            )
            .at(peering.span, "take it out, and let who owns that network peer it"),
        );
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
        Some(_) => {
            let choices = [
                ("nat_gateway", Egress::NatGateway),
                ("load_balancer", Egress::LoadBalancer),
                ("user_defined_routing", Egress::UserDefinedRouting),
                ("none", Egress::None),
            ];
            read.choice(block, "egress", &choices)
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
    let peerings = peerings(read, block);
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
        peerings,
        span: block.span,
    })))
}

fn peerings(read: &mut Reader, network: &Block) -> Vec<Peering> {
    let mut peerings: Vec<Peering> = Vec::new();
    for block in network.blocks_named("peering") {
        let name = block.label().to_owned();
        let span = block.labels.first().map_or(block.span, |label| label.span);
        if !name::PEERING.check(read, &name, span) {
            continue;
        }
        if name == "own" {
            read.problem(
                Diagnostic::error("LZ0225", "`own` cannot be the name of a peering")
                    .at(span, "the DNS link of the cluster's own network has it"),
            );
            continue;
        }
        let twice = peerings.iter().find(|other| other.name.eq_ignore_ascii_case(&name));
        if let Some(other) = twice {
            read.problem(
                Diagnostic::error("LZ0201", format!("the peering `{name}` is there twice"))
                    .at(span, "again here")
                    .also_at(other.span, "first here"),
            );
            continue;
        }
        let manage_remote = read.truth(block, "manage_remote");
        let Some(remote) = read.text(block, "virtual_network_id") else { continue };
        if !is_network_id(&remote) {
            read.problem(
                Diagnostic::error("LZ0223", "`virtual_network_id` must be the id of a virtual network").at(
                    block.span_of("virtual_network_id"),
                    "/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…",
                ),
            );
            continue;
        }
        let same = peerings.iter().find(|other| other.remote.eq_ignore_ascii_case(&remote));
        if let Some(other) = same {
            read.problem(
                Diagnostic::error(
                    "LZ0223",
                    format!("the peerings `{}` and `{name}` lead to the same network", other.name),
                )
                .at(block.span_of("virtual_network_id"), "Azure allows one between two networks")
                .also_at(other.span, "the other one"),
            );
            continue;
        }
        peerings.push(Peering { name, remote, manage_remote, span: block.span });
    }
    peerings
}

fn is_network_id(id: &str) -> bool {
    let parts: Vec<&str> = id.split('/').collect();
    let shape = [
        "",
        "subscriptions",
        "",
        "resourceGroups",
        "",
        "providers",
        "Microsoft.Network",
        "virtualNetworks",
        "",
    ];
    parts.len() == shape.len()
        && parts.iter().skip(1).all(|part| !part.is_empty())
        && shape.iter().zip(&parts).all(|(want, part)| want.is_empty() || want.eq_ignore_ascii_case(part))
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
