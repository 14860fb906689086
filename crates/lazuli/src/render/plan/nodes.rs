//! The nodes of a pool. Interface, machine and disks of a node are one item; nodes that fare alike are told together.

use std::collections::{BTreeMap, HashMap};

use lazuli_core::plan::{Action, Change, Plan};

use super::facts;
use super::place::Place;
use super::rows::{self, Item};
use crate::render::layout::{columns, count, flow};
use crate::render::style::{self, paint};

/// Up to how many nodes are named one by one.
const NAMED: usize = 12;

/// A node with what happens to its parts.
struct Node<'a> {
    address: &'a str,
    /// The machine's name afterwards (before, of a delete).
    name: String,
    /// The machine's name so far, when it gets another.
    previous: Option<String>,
    zone: Option<String>,
    parts: Vec<&'a (Place, &'a Change)>,
}

/// The items of a pool's nodes.
pub(super) fn items<'a>(plan: &Plan, parts: &[&(Place, &Change)], width: usize) -> Vec<Item<'a>> {
    let nodes = collect(parts);
    // Nodes with the same lines below them, in order of first appearance.
    let mut groups: Vec<(Vec<String>, Vec<&Node<'_>>)> = Vec::new();
    let mut index = HashMap::new();
    for node in &nodes {
        let lines = what_happens(plan, node, width);
        let place = *index.entry(lines.clone()).or_insert_with(|| {
            groups.push((lines, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(node);
    }
    groups.into_iter().flat_map(|(lines, nodes)| group_items(plan, lines, &nodes, width)).collect()
}

fn collect<'a>(parts: &[&'a (Place, &'a Change)]) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = Vec::new();
    for part in parts {
        let Some(address) = part.0.node.as_deref() else { continue };
        match nodes.last_mut() {
            Some(node) if node.address == address => node.parts.push(part),
            _ => nodes.push(Node {
                address,
                name: String::new(),
                previous: None,
                zone: None,
                parts: vec![part],
            }),
        }
    }
    for node in &mut nodes {
        let machine = node.parts.iter().find(|(_, c)| &*c.ty.name == "Microsoft.Compute/virtualMachines");
        let (_, change) = machine.unwrap_or(&node.parts[0]);
        node.name = change.id.as_ref().map_or(node.address, |id| id.name()).to_owned();
        node.previous = change.previous_id.as_ref().map(|id| id.name().to_owned());
        node.zone = node.parts.iter().find_map(|(_, change)| facts::zone(change));
    }
    nodes
}

/// The one action of all parts of a node, when it is a creation or a deletion.
fn single_action(node: &Node<'_>) -> Option<Action> {
    let action = node.parts.first()?.1.action;
    let same = node.parts.iter().all(|(_, c)| c.action == action);
    (same && matches!(action, Action::Create | Action::Delete)).then_some(action)
}

/// What is to be said of a node besides its name, its own names taken out so that it can be compared.
fn what_happens(plan: &Plan, node: &Node<'_>, width: usize) -> Vec<String> {
    if let Some(action) = single_action(node) {
        let mut lines = vec![action.symbol().to_owned()];
        // The same reason is not told for every part.
        for (_, change) in &node.parts {
            lines.extend(rows::why(plan, change).map(|why| anonymous(&why, node)));
        }
        lines.dedup();
        return lines;
    }
    let mut lines = Vec::new();
    for (place, change) in &node.parts {
        let detail = rows::detail(plan, change, &place.part.name, width.saturating_sub(4));
        lines.extend(detail.iter().map(|line| anonymous(line, node)));
    }
    lines
}

fn anonymous(line: &str, node: &Node<'_>) -> String {
    let mut line = line.replace(node.address, "<node>").replace(&node.name, "<name>");
    if let Some(previous) = &node.previous {
        line = line.replace(previous, "<old name>");
    }
    line
}

fn group_items<'a>(plan: &Plan, lines: Vec<String>, nodes: &[&Node<'_>], width: usize) -> Vec<Item<'a>> {
    let Some(action) = nodes.first().and_then(|node| single_action(node)) else {
        return altered(plan, lines, nodes, width);
    };
    let mut shown: Vec<String> = listing(action, nodes, width);
    shown.extend(lines.into_iter().skip(1).map(|why| format!("    {why}")));
    vec![Item::Detail(shown)]
}

/// Nodes that are changed in place or in part.
fn altered<'a>(plan: &Plan, lines: Vec<String>, nodes: &[&Node<'_>], width: usize) -> Vec<Item<'a>> {
    if let [node] = nodes {
        let item = |(_, change): &&(Place, &Change)| {
            Item::Detail(rows::detail(plan, change, change.address.as_str(), width))
        };
        return node.parts.iter().map(item).collect();
    }
    let action = nodes[0].parts.iter().map(|(_, c)| c.action).max_by_key(|a| weight(*a));
    let mut shown = listing(action.unwrap_or(Action::Update), nodes, width);
    shown.extend(lines.into_iter().map(|line| format!("    {line}")));
    vec![Item::Detail(shown)]
}

/// What a node is said to undergo when its parts undergo different things.
fn weight(action: Action) -> u8 {
    match action {
        Action::ReplaceDeleteFirst | Action::ReplaceCreateFirst => 5,
        Action::Delete => 4,
        Action::Create => 3,
        Action::Update | Action::Adopt => 2,
        Action::NoOp | Action::Read | Action::Move | Action::Forget => 1,
    }
}

/// Names with zones in a row where they fit, else a line per zone; of many nodes, the first and the last name.
fn listing(action: Action, nodes: &[&Node<'_>], width: usize) -> Vec<String> {
    let symbol = action.symbol();
    let painted = |line: &str| paint(style::of_action(action), line);
    let row: Vec<String> = nodes.iter().map(|node| format!("{symbol} {}", named(node, true))).collect();
    let row = row.join("   ");
    if columns(&row) <= width && nodes.len() <= NAMED {
        return vec![painted(&row)];
    }
    let mut zones: BTreeMap<Option<&str>, Vec<&Node<'_>>> = BTreeMap::new();
    for node in nodes {
        zones.entry(node.zone.as_deref()).or_default().push(node);
    }
    let mut lines = Vec::new();
    for (zone, members) in zones {
        let mut head = format!("{symbol} ");
        if let Some(zone) = zone {
            head.push_str(&format!("zone {zone}: "));
        }
        if let ([first, .., last], true) = (members.as_slice(), nodes.len() > NAMED) {
            let number = count(members.len(), "node");
            lines.push(painted(&format!(
                "{head}{number}   {} … {}",
                named(first, false),
                named(last, false)
            )));
            continue;
        }
        let names: Vec<String> = members.iter().map(|node| named(node, false)).collect();
        let margin = " ".repeat(columns(&head));
        for (i, line) in flow(names, "   ", width.saturating_sub(columns(&head))).iter().enumerate() {
            lines.push(painted(&format!("{}{line}", if i == 0 { &head } else { &margin })));
        }
    }
    lines
}

fn named(node: &Node<'_>, with_zone: bool) -> String {
    let zone = node.zone.as_ref().filter(|_| with_zone).map(|zone| format!(" (zone {zone})"));
    let zone = zone.unwrap_or_default();
    match &node.previous {
        Some(previous) if *previous != node.name => format!("{previous} -> {}{zone}", node.name),
        _ => format!("{}{zone}", node.name),
    }
}
