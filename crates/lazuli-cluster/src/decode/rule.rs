//! `rule`: the user's rules in a subnet's security group.

use std::net::IpAddr;

use ipnet::IpNet;
use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Value};

use super::name;
use super::reader::{Reader, shown};
use crate::expand::{API_RULE, API_RULE_PRIORITY};
use crate::spec::Rule;

pub(super) fn rules(read: &mut Reader, subnet: &Block) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for block in subnet.blocks_named("rule") {
        let Some(rule) = rule(read, block) else { continue };
        if &*subnet.name == "control_plane_subnet" {
            beside_our_own(read, block, &rule);
        }
        if let Some(other) = rules.iter().find(|r| same_place(r, &rule)) {
            read.problem(
                Diagnostic::error(
                    "LZ0216",
                    format!(
                        "rules `{}` and `{}` have the same priority {}",
                        other.name,
                        rule.name,
                        shown(block, "priority", rule.priority)
                    ),
                )
                .at(block.span_of("priority"), "must be unique in its direction"),
            );
        }
        if let Some(other) = rules.iter().find(|r| r.name.eq_ignore_ascii_case(&rule.name)) {
            read.problem(
                Diagnostic::error("LZ0216", format!("there are two rules `{}`", other.name))
                    .at(block.span, "Azure does not tell upper and lower case apart in names"),
            );
        }
        rules.push(rule);
    }
    rules
}

fn same_place(a: &Rule, b: &Rule) -> bool {
    a.priority == b.priority && a.direction == b.direction
}

/// The control plane's group has a rule of Lazuli's.
fn beside_our_own(read: &mut Reader, block: &Block, rule: &Rule) {
    if rule.priority == i64::from(API_RULE_PRIORITY) && rule.direction == "Inbound" {
        read.problem(
            Diagnostic::error(
                "LZ0216",
                format!("priority {API_RULE_PRIORITY} inbound belongs to Lazuli's own rule"),
            )
            .at(block.span_of("priority"), "choose another one"),
        );
    }
    if rule.name.eq_ignore_ascii_case(API_RULE) {
        read.problem(
            Diagnostic::error("LZ0216", format!("`{API_RULE}` is the name of Lazuli's own rule"))
                .at(block.span, "choose another one")
                .help("api_server.authorized_ranges says who may reach the Kubernetes API"),
        );
    }
}

fn rule(read: &mut Reader, block: &Block) -> Option<Rule> {
    let span = block.labels.first().map_or(block.span, |label| label.span);
    let good_name = name::RULE.check(read, block.label(), span);
    let priority = read.int(block, "priority", 100..=4096);
    let direction = read.choice(block, "direction", &[("inbound", "Inbound"), ("outbound", "Outbound")]);
    let access = read.choice(block, "access", &[("allow", "Allow"), ("deny", "Deny")]);
    let protocols = [("tcp", "Tcp"), ("udp", "Udp"), ("icmp", "Icmp"), ("any", "*"), ("*", "*")];
    let protocol = read.choice(block, "protocol", &protocols);
    let [source, destination] = ["source", "destination"].map(|side| addresses(read, block, side));
    let [source_ports, destination_ports] =
        ["source_ports", "destination_ports"].map(|side| ports(read, block, side));
    let description = read.text(block, "description");
    Some(Rule {
        name: good_name.then(|| block.label().to_owned())?,
        priority: priority?,
        direction: direction?,
        access: access?,
        protocol: protocol?,
        source: source?,
        source_ports: source_ports?,
        destination: destination?,
        destination_ports: destination_ports?,
        description,
    })
}

/// Addresses, which may still be unknown one by one; how many there are must be known. None at all means every address,
/// but only when nothing was written: an empty list must not open what somebody wanted closed.
fn addresses(read: &mut Reader, block: &Block, side: &str) -> Option<Vec<Value>> {
    let Some(attribute) = block.attribute(side) else { return Some(Vec::new()) };
    let Some(values) = attribute.value.as_sequence() else {
        read.not_known(attribute, &format!("how many addresses `{side}` has"));
        return None;
    };
    refuse_empty(read, block, side, values.is_empty(), "address")?;
    let mut good = true;
    for value in values.iter().filter(|value| !value.is_unknown()) {
        let text = value.as_str().unwrap_or("null");
        if value.is_null() || !(is_address(text) || text == "*" && values.len() == 1) {
            read.problem(
                Diagnostic::error(
                    "LZ0223",
                    format!("`{}` cannot stand in `{side}`", shown(block, side, text)),
                )
                .at(attribute.span, "addresses, networks or service tags; \"*\" only alone"),
            );
            good = false;
        }
    }
    good.then(|| values.to_vec())
}

/// An address, a network, or the name of a service tag.
fn is_address(text: &str) -> bool {
    match text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(':') {
        true => text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok(),
        false => {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        }
    }
}

fn ports(read: &mut Reader, block: &Block, side: &str) -> Option<Vec<String>> {
    let Some(attribute) = block.attribute(side) else { return Some(Vec::new()) };
    let span = attribute.span;
    let known = attribute.value.is_wholly_known();
    let ports = read.texts(block, side);
    if !known {
        return None;
    }
    refuse_empty(read, block, side, ports.is_empty(), "port")?;
    let number = |text: &str| text.parse::<u16>().ok();
    let is_port = |text: &str| match text.split_once('-') {
        Some((first, last)) => matches!((number(first), number(last)), (Some(a), Some(b)) if a <= b),
        None => number(text).is_some() || text == "*" && ports.len() == 1,
    };
    let mut good = true;
    for odd in ports.iter().filter(|port| !is_port(port)) {
        read.problem(
            Diagnostic::error("LZ0223", format!("`{}` cannot stand in `{side}`", shown(block, side, odd)))
                .at(span, "ports such as \"443\" or \"30000-32767\"; \"*\" only alone"),
        );
        good = false;
    }
    good.then_some(ports)
}

fn refuse_empty(read: &mut Reader, block: &Block, side: &str, empty: bool, what: &str) -> Option<()> {
    if !empty {
        return Some(());
    }
    read.problem(
        Diagnostic::error("LZ0216", format!("`{side}` of rule `{}` is empty", block.label()))
            .at(block.span_of(side), format!("no {what} at all: the rule would never apply"))
            .help(format!("leave `{side}` out to mean every {what}, or leave the rule out")),
    );
    None
}
