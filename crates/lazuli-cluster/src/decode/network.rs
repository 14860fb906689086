//! `network`.

use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Value};

use super::reader::Reader;
use crate::spec::{DynamicNetwork, Egress, ExistingNetwork, Network, Rule, Subnet};

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
    let network = ExistingNetwork {
        resource_group: read.text(existing, "resource_group").unwrap_or_else(|| cluster_group.to_owned()),
        virtual_network: read.text(existing, "virtual_network")?,
        control_plane_subnet: read.text(existing, "control_plane_subnet")?,
        worker_subnet: read.text(existing, "worker_subnet")?,
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
                Diagnostic::error("LZ0207", format!("the {block} lies outside of its network"))
                    .at(subnet.span, text),
            );
        }
    }
    if control_plane.cidr.contains(&worker.cidr) || worker.cidr.contains(&control_plane.cidr) {
        read.problem(
            Diagnostic::error(
                "LZ0207",
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
    let cidr = read.cidr(block, "cidr")?;
    if cidr.prefix_len() > 29 {
        read.problem(
            Diagnostic::error(
                "LZ0207",
                format!("{cidr} is too small: Azure keeps 5 addresses of every subnet"),
            )
            .at(block.span_of("cidr"), "at least a /29"),
        );
    }
    let mut rules: Vec<Rule> = Vec::new();
    for nested in block.blocks_named("rule") {
        let Some(rule) = rule(read, nested) else { continue };
        if let Some(other) =
            rules.iter().find(|r| r.priority == rule.priority && r.direction == rule.direction)
        {
            read.problem(
                Diagnostic::error(
                    "LZ0216",
                    format!(
                        "rules `{}` and `{}` have the same priority {}",
                        other.name, rule.name, rule.priority
                    ),
                )
                .at(nested.span_of("priority"), "must be unique in its direction"),
            );
        }
        rules.push(rule);
    }
    Some(Subnet { cidr, rules, span: block.span })
}

fn rule(read: &mut Reader, block: &Block) -> Option<Rule> {
    let priority = read.int(block, "priority", 100..=4096);
    let direction = read.choice(block, "direction", &[("inbound", "Inbound"), ("outbound", "Outbound")]);
    let access = read.choice(block, "access", &[("allow", "Allow"), ("deny", "Deny")]);
    let protocols = [("tcp", "Tcp"), ("udp", "Udp"), ("icmp", "Icmp"), ("any", "*"), ("*", "*")];
    let protocol = read.choice(block, "protocol", &protocols);
    if priority.is_some_and(|p| p == i64::from(crate::expand::API_RULE_PRIORITY))
        && direction == Some("Inbound")
    {
        read.problem(
            Diagnostic::error(
                "LZ0216",
                format!("priority {} inbound belongs to Lazuli's own rule", crate::expand::API_RULE_PRIORITY),
            )
            .at(block.span_of("priority"), "choose another one"),
        );
    }
    let values = |name: &str| {
        block.value(name).and_then(Value::as_sequence).map(<[Value]>::to_vec).unwrap_or_default()
    };
    Some(Rule {
        name: block.label().to_owned(),
        priority: priority?,
        direction: direction?,
        access: access?,
        protocol: protocol?,
        source: values("source"),
        source_ports: read.texts(block, "source_ports"),
        destination: values("destination"),
        destination_ports: read.texts(block, "destination_ports"),
        description: read.text(block, "description"),
    })
}
