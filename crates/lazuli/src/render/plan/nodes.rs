//! The nodes of a pool. Interface, machine and disks of a node are one item; nodes that fare alike are told together.

use std::collections::{BTreeMap, HashMap};

use lazuli_core::plan::{Action, Change, Plan, Reason};

use super::attributes::{self, Wording};
use super::facts;
use super::place::Place;
use super::rollout;
use super::rows::{self, Item};
use crate::render::layout::{columns, count, flow, wrap};
use crate::render::style::{self, paint};

/// Up to how many nodes are named one by one.
const NAMED: usize = 12;
/// What is said of a node is this far to the right of its name.
const INDENT: usize = 4;
const MACHINE: &str = "Microsoft.Compute/virtualMachines";

/// An object of a node with its place.
type Part<'a> = &'a (Place, &'a Change);

/// A node with what happens to its parts.
struct Node<'a> {
    address: &'a str,
    /// The machine's name afterwards (before, of a delete).
    name: String,
    /// The machine's name so far, when it gets another.
    previous: Option<String>,
    zone: Option<String>,
    parts: Vec<Part<'a>>,
}

/// What nodes that are told together have in common; names are left out of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Fate {
    action: Action,
    reasons: Vec<String>,
    /// That they force the replacement, and where they are written.
    marks: Vec<String>,
    lines: Vec<String>,
}

/// The items of a pool's nodes.
pub(super) fn items(plan: &Plan, parts: &[&(Place, &Change)], wording: &Wording, width: usize) -> Vec<Item> {
    let nodes = collect(parts);
    // In order of first appearance.
    let mut groups: Vec<(Fate, Vec<&Node<'_>>)> = Vec::new();
    let mut index = HashMap::new();
    for node in &nodes {
        let fate = fate(plan, node, wording, width);
        let place = *index.entry(fate.clone()).or_insert_with(|| {
            groups.push((fate, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(node);
    }
    groups.into_iter().map(|(fate, nodes)| Item::Lines(told(&fate, &nodes, width))).collect()
}

fn collect<'a>(parts: &[Part<'a>]) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = Vec::new();
    // What a replacement left behind shares the address of its successor, and is another node.
    let is_left_over = |part: Part<'_>| part.1.reason == Some(Reason::Deposed);
    for part in parts {
        let Some(address) = part.0.node.as_deref() else { continue };
        let same = |node: &&mut Node<'a>| {
            node.address == address && is_left_over(node.parts[0]) == is_left_over(part)
        };
        match nodes.iter_mut().rev().take(2).find(same) {
            Some(node) => node.parts.push(part),
            None => nodes.push(Node {
                address,
                name: String::new(),
                previous: None,
                zone: None,
                parts: vec![part],
            }),
        }
    }
    for node in &mut nodes {
        let machine = node.parts.iter().find(|(_, change)| &*change.ty.name == MACHINE);
        let (_, change) = machine.unwrap_or(&node.parts[0]);
        node.name = change.id.as_ref().map_or(node.address, |id| id.name()).to_owned();
        node.previous = facts::former_name(change).map(str::to_owned);
        if node.previous.is_none() {
            // Of a machine that is gone, its interface still tells the name.
            node.previous = node.parts.iter().find_map(|(_, part)| {
                let suffix = part.id.as_ref()?.name().strip_prefix(node.name.as_str())?;
                facts::former_name(part)?.strip_suffix(suffix).map(str::to_owned)
            });
        }
        node.zone = node.parts.iter().find_map(|(_, change)| facts::zone(change));
    }
    nodes
}

fn fate(plan: &Plan, node: &Node<'_>, wording: &Wording, width: usize) -> Fate {
    let actions = node.parts.iter().map(|(_, change)| change.action);
    let action = actions.max_by_key(|action| weight(*action)).unwrap_or(Action::NoOp);
    let (like, unlike): (Vec<Part<'_>>, Vec<Part<'_>>) =
        node.parts.iter().copied().partition(|(_, change)| change.action == action);
    let mut reasons = Vec::new();
    let mut marks = Vec::new();
    for (_, change) in &like {
        // That the parts of a node go together needs no words.
        let within =
            matches!(&change.reason, Some(Reason::Follows(of)) if of.as_str().starts_with(node.address));
        let why = rows::reason(plan, change).filter(|why| !within && !reasons.contains(why));
        if why.is_some() {
            let new = rows::marks(change).into_iter().filter(|mark| !marks.contains(mark));
            marks.extend(new.collect::<Vec<_>>());
        }
        reasons.extend(why);
    }
    let mut lines = Vec::new();
    if !matches!(action, Action::Create | Action::Delete) {
        lines = alike(node, &like, &reasons, wording, width.saturating_sub(INDENT));
    }
    for (place, change) in unlike {
        // That a node is no member any more when its cluster is gone needs no words.
        if rows::ends_with_cluster(change) {
            continue;
        }
        // What has no object any more, or none yet, is part of the replacement.
        if action.is_replace() && matches!(change.action, Action::Create | Action::Delete) {
            continue;
        }
        let symbol = paint(style::of_action(change.action), change.action.symbol());
        let why = rows::reason(plan, change).map(|why| format!("   {why}")).unwrap_or_default();
        lines.push(format!("{symbol} {}{why}", place.part.name));
        let inner =
            attributes::beyond_names(change, names(node), &[], wording, width.saturating_sub(2 * INDENT));
        lines.extend(inner.into_iter().map(|line| format!("    {line}")));
    }
    // Of a node whose machine is gone nothing is left to drain.
    let is_gone = node.parts.iter().any(|(_, change)| match &change.reason {
        Some(Reason::DeletedOutside) => true,
        Some(Reason::Succession(why)) => why.contains("deleted outside"),
        _ => false,
    });
    if let Some(departure) = rollout::departure(&node.parts).filter(|_| !is_gone) {
        let text = if action.is_replace() { format!("the old one: {departure}") } else { departure };
        lines.insert(0, text);
    }
    let anonymous = |line: String| anonymous(&line, node);
    Fate {
        action,
        reasons: reasons.into_iter().map(anonymous).collect(),
        marks,
        lines: lines.into_iter().map(anonymous).collect(),
    }
}

/// The attributes of parts that share an action. What is the same for all of them, or only of the machine, needs no label.
fn alike(
    node: &Node<'_>,
    parts: &[&(Place, &Change)],
    told: &[String],
    wording: &Wording,
    width: usize,
) -> Vec<String> {
    let mut sets: Vec<(Vec<String>, Vec<Part<'_>>)> = Vec::new();
    // What a new machine is told when it joins follows from why it is new.
    let joins =
        |part: &Part<'_>| part.1.action.is_replace() && part.1.ty.name.starts_with("Lazuli.Kubernetes/");
    for part in parts.iter().filter(|part| told.is_empty() || !joins(part)) {
        let lines = attributes::beyond_names(part.1, names(node), told, wording, width);
        match sets.iter_mut().find(|(known, _)| *known == lines) {
            Some((_, members)) => members.push(part),
            None => sets.push((lines, vec![part])),
        }
    }
    let mut out = Vec::new();
    for (lines, members) in &sets {
        let machine = matches!(members.as_slice(), [(_, change)] if &*change.ty.name == MACHINE);
        if lines.is_empty() {
            continue;
        }
        if machine || sets.len() == 1 {
            out.extend(lines.iter().cloned());
            continue;
        }
        let labels: Vec<&str> = members.iter().map(|(place, _)| place.part.name.as_str()).collect();
        out.push(labels.join(", "));
        out.extend(lines.iter().map(|line| format!("  {line}")));
    }
    out
}

fn names<'n>(node: &'n Node<'_>) -> Option<(&'n str, &'n str)> {
    node.previous.as_deref().map(|previous| (previous, node.name.as_str()))
}

fn anonymous(line: &str, node: &Node<'_>) -> String {
    let mut line = line.replace(node.address, "<node>").replace(&node.name, "<name>");
    if let Some(previous) = &node.previous {
        line = line.replace(previous, "<old name>");
    }
    line
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

/// The nodes, then what they have in common; of a single node the reason is on its line.
fn told(fate: &Fate, nodes: &[&Node<'_>], width: usize) -> Vec<String> {
    let mut lines = listing(fate.action, nodes, width);
    let below = |text: &str| format!("{}{text}", " ".repeat(INDENT));
    let room = width.saturating_sub(INDENT);
    let real = |line: &String| match nodes {
        [node] => {
            let line = line.replace("<node>", node.address).replace("<name>", &node.name);
            line.replace("<old name>", node.previous.as_deref().unwrap_or(&node.name))
        }
        _ => line.clone(),
    };
    let reasons = real(&fate.reasons.join(", "));
    let why: Vec<String> = std::iter::once(reasons.clone()).chain(fate.marks.clone()).collect();
    let why = if reasons.is_empty() { String::new() } else { why.join("   ") };
    let used = match nodes {
        [node] => columns(fate.action.symbol()) + 1 + columns(&named(node, true)),
        _ => width,
    };
    match lines.first_mut() {
        Some(first) if !why.is_empty() && used + 3 + columns(&why) <= width => {
            first.push_str(&format!("   {why}"));
        }
        _ if columns(&why) <= room => lines.extend((!why.is_empty()).then(|| below(&why))),
        _ => {
            let wrapped = wrap(&reasons, room);
            let (last, first) = wrapped.split_last().map_or(("", &[][..]), |(last, first)| (last, first));
            lines.extend(first.iter().map(|line| below(line)));
            let end = std::iter::once(last.to_owned()).chain(fate.marks.clone());
            lines.extend(flow(end, "   ", room).iter().map(|line| below(line)));
        }
    }
    lines.extend(fate.lines.iter().map(|line| below(&real(line))));
    lines
}

/// Names with zones in a row where they fit, else a line per zone, or per node where names change; of many nodes, the
/// first and the last name.
fn listing(action: Action, nodes: &[&Node<'_>], width: usize) -> Vec<String> {
    let symbol = action.symbol();
    let painted = |line: &str| paint(style::of_action(action), line);
    let each: Vec<String> = nodes.iter().map(|node| format!("{symbol} {}", named(node, true))).collect();
    if nodes.len() <= NAMED {
        if nodes.iter().any(|node| node.previous.is_some()) {
            return each.iter().map(|line| painted(line)).collect();
        }
        let row = each.join("   ");
        if columns(&row) <= width {
            return vec![painted(&row)];
        }
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
            lines.push(painted(&format!("{head}{number}   {} … {}", known_as(first), known_as(last))));
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

/// The name people know: the one so far.
fn known_as<'n>(node: &'n Node<'_>) -> &'n str {
    node.previous.as_deref().unwrap_or(&node.name)
}

fn named(node: &Node<'_>, with_zone: bool) -> String {
    let zone = node.zone.as_ref().filter(|_| with_zone).map(|zone| format!(" (zone {zone})"));
    let zone = zone.unwrap_or_default();
    match &node.previous {
        Some(previous) => format!("{previous} -> {}{zone}", node.name),
        None => format!("{}{zone}", node.name),
    }
}
