//! Clusters as they are laid out: the API server above the network, the pools in it, nodes in the columns of their zones.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::address::Address;
use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::RecordedWorld;

use super::{Canvas, Label, class, width_of};
use crate::render::names;
use crate::render::plan::place::{Place, Section};
use crate::render::plan::zone;

/// The width of everything in a cluster, in pixels.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 12.0;
const HEAD: f64 = 24.0;
const CHIP: f64 = 22.0;
const SPACE: f64 = 6.0;
/// More nodes than these in one place are squares without names.
const NAMED: usize = 12;
const SQUARE: f64 = 12.0;

/// Something that is drawn.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// Its address.
    pub address: &'a Address,
    /// What people call it.
    pub name: String,
    /// What happens to it; [`Action::NoOp`] of what is there and stays.
    pub action: Action,
    /// Of a machine, its zone.
    pub zone: Option<String>,
}

/// The parts of a plan.
pub fn of_plan(plan: &Plan) -> Vec<Part<'_>> {
    let part = |change: &'_ lazuli_core::plan::Change| {
        (names::object(&change.address, change.id.as_ref()), zone(change))
    };
    plan.changes
        .iter()
        .map(|change| {
            let (name, zone) = part(change);
            Part { address: &change.address, name, action: change.action, zone }
        })
        .collect()
}

/// The parts of a state.
pub fn of_world(world: &RecordedWorld) -> Vec<Part<'_>> {
    let part = |recorded: &'_ lazuli_core::recorded::Recorded| {
        let zone = recorded.slot.as_ref().and_then(|slot| slot.zone.clone());
        (names::object(&recorded.address, Some(&recorded.id)), zone)
    };
    let parts = world.resources.values().map(|recorded| {
        let (name, zone) = part(recorded);
        Part { address: &recorded.address, name, action: Action::NoOp, zone }
    });
    parts.collect()
}

/// A node: its machine, and what happens to any part of it.
struct Node {
    name: String,
    action: Action,
    zone: String,
}

/// Everything of one cluster, by its heading.
#[derive(Default)]
struct Cluster<'a> {
    chips: BTreeMap<Section, Vec<&'a Part<'a>>>,
    pools: BTreeMap<Section, BTreeMap<String, Node>>,
}

/// The picture of clusters, and of what is beside them; `None` when there is nothing to be drawn.
pub fn topology(parts: &[Part<'_>]) -> Option<String> {
    let mut clusters: BTreeMap<(bool, Option<String>), Cluster<'_>> = BTreeMap::new();
    for part in parts {
        let place = Place::of(part.address);
        let cluster = clusters.entry((place.cluster.is_none(), place.cluster.clone())).or_default();
        match place.node {
            None => {
                let section = match place.section {
                    // Of a pool and no node, such as an availability set.
                    Section::ControlPlane | Section::WorkerPool(_) => Section::Network,
                    section => section,
                };
                cluster.chips.entry(section).or_default().push(part);
            }
            Some(node) => {
                let nodes = cluster.pools.entry(place.section).or_default();
                let node = nodes.entry(node).or_insert_with(|| Node {
                    name: part.name.clone(),
                    action: Action::NoOp,
                    zone: String::new(),
                });
                let is_machine = place.part.name == "vm";
                if is_machine {
                    node.name.clone_from(&part.name);
                    node.zone = part.zone.clone().unwrap_or_default();
                }
                // What happens to the machine counts; what happens to something at it is a change of the node.
                match part.action {
                    Action::NoOp => {}
                    action if is_machine => node.action = action,
                    _ if node.action == Action::NoOp => node.action = Action::Update,
                    _ => {}
                }
            }
        }
    }
    if clusters.is_empty() {
        return None;
    }
    let mut canvas = Canvas::default();
    let mut y = MARGIN;
    for ((_, name), cluster) in &clusters {
        y = draw(&mut canvas, y, name.as_deref().unwrap_or("other resources"), cluster) + MARGIN;
    }
    legend(&mut canvas, y);
    Some(canvas.finish("Clusters with their networks, pools, zones and nodes"))
}

/// Draws a cluster from `top` on and says where it ends. Frames come before what is in them, so heights are found first.
fn draw(canvas: &mut Canvas, top: f64, name: &str, cluster: &Cluster<'_>) -> f64 {
    let inner = WIDTH - 2.0 * MARGIN;
    let height = |section: &Section, width: f64| {
        cluster.chips.get(section).map_or(0.0, |chips| HEAD + flow(chips, width).1 + SPACE)
    };
    let above = [Section::ApiServer];
    let below = [Section::Identity, Section::InCluster, Section::Other];
    let zones: BTreeSet<&str> =
        cluster.pools.values().flat_map(BTreeMap::values).map(|node| node.zone.as_str()).collect();
    let column = (inner - 2.0 * MARGIN) / zones.len().max(1) as f64;
    let pools: Vec<(&Section, f64)> =
        cluster.pools.keys().map(|s| (s, pool_height(&cluster.pools[s], &zones, column))).collect();
    let network = match (height(&Section::Network, inner), pools.is_empty()) {
        (0.0, true) => 0.0,
        (chips, _) => {
            let zone_heads = if pools.is_empty() { 0.0 } else { HEAD };
            chips.max(HEAD) + zone_heads + pools.iter().map(|(_, height)| height + SPACE).sum::<f64>() + SPACE
        }
    };
    let outside = |sections: &[Section]| {
        let heights = sections.iter().map(|s| height(s, inner)).filter(|height| *height > 0.0);
        heights.map(|height| height + MARGIN).sum::<f64>()
    };
    let network_space = if network > 0.0 { network + MARGIN } else { 0.0 };
    let total = HEAD + outside(&above) + network_space + outside(&below);
    canvas.frame((MARGIN, top), (WIDTH, total), "cluster", name);
    let x = 2.0 * MARGIN;
    let mut y = top + HEAD;
    for section in &above {
        y = chips(canvas, cluster, section, (x, y), inner);
    }
    if network > 0.0 {
        canvas.frame((x, y), (inner, network), "net", "network");
        let mut at = y + HEAD;
        if let Some(parts) = cluster.chips.get(&Section::Network) {
            at = put(canvas, parts, (x, at), inner) + SPACE;
        }
        if !pools.is_empty() {
            for (index, zone) in zones.iter().enumerate() {
                let left = x + MARGIN + index as f64 * column;
                let head = if zone.is_empty() { "no zone".to_owned() } else { format!("zone {zone}") };
                canvas.frame((left + 2.0, at), (column - 4.0, y + network - at - SPACE), "zone", &head);
            }
            at += HEAD;
            for (section, height) in &pools {
                let nodes = &cluster.pools[*section];
                let title = format!("{} ({})", section.title(), nodes.len());
                canvas.frame((x + MARGIN, at), (inner - 2.0 * MARGIN, *height), "pool", &title);
                draw_nodes(canvas, nodes, &zones, (x + MARGIN, at + HEAD), column);
                at += height + SPACE;
            }
        }
        y += network + MARGIN;
    }
    for section in &below {
        y = chips(canvas, cluster, section, (x, y), inner);
    }
    top + total
}

/// A framed section of chips, and where it ends.
fn chips(
    canvas: &mut Canvas,
    cluster: &Cluster<'_>,
    section: &Section,
    (x, y): (f64, f64),
    width: f64,
) -> f64 {
    let Some(parts) = cluster.chips.get(section) else { return y };
    let (_, height) = flow(parts, width);
    canvas.frame((x, y), (width, HEAD + height + SPACE), "pool", &section.title());
    put(canvas, parts, (x, y + HEAD), width) + SPACE + MARGIN
}

/// `+ prod-vnet`: what happens is told without colours too.
fn worded(action: Action, name: &str) -> String {
    format!("{} {name}", action.symbol()).trim_start().to_owned()
}

/// Where chips of these texts go when they flow in this width, and how high that is.
fn flow(parts: &[&Part<'_>], width: f64) -> (Vec<(f64, f64, f64)>, f64) {
    let (mut x, mut y) = (SPACE, 0.0);
    let mut places = Vec::new();
    for part in parts {
        let chip = (width_of(&worded(part.action, &part.name), 11.0) + 14.0).min(width - 2.0 * SPACE).round();
        if x + chip > width - SPACE {
            (x, y) = (SPACE, y + CHIP + SPACE);
        }
        places.push((x, y, chip));
        x += chip + SPACE;
    }
    (places, y + CHIP)
}

fn put(canvas: &mut Canvas, parts: &[&Part<'_>], (x, y): (f64, f64), width: f64) -> f64 {
    let (places, height) = flow(parts, width);
    for (part, (left, down, wide)) in parts.iter().zip(places) {
        canvas.label(&Label {
            x: x + left,
            y: y + down,
            width: wide,
            height: CHIP,
            class: class(part.action),
            text: &worded(part.action, &part.name),
            title: part.address.as_str(),
        });
    }
    y + height
}

/// How many nodes stand side by side in a column, and how large one is.
fn grid(number: usize, column: f64) -> (usize, f64, f64) {
    let inner = column - 2.0 * SPACE;
    match number {
        0..=NAMED => (1, inner, CHIP),
        _ => (((inner + 3.0) / (SQUARE + 3.0)).max(1.0) as usize, SQUARE, SQUARE),
    }
}

fn pool_height(nodes: &BTreeMap<String, Node>, zones: &BTreeSet<&str>, column: f64) -> f64 {
    let tallest = zones.iter().map(|zone| {
        let number = nodes.values().filter(|node| node.zone == *zone).count();
        let (beside, _, height) = grid(number, column);
        number.div_ceil(beside) as f64 * (height + 3.0)
    });
    HEAD + tallest.fold(0.0, f64::max) + SPACE
}

fn draw_nodes(
    canvas: &mut Canvas,
    nodes: &BTreeMap<String, Node>,
    zones: &BTreeSet<&str>,
    (x, y): (f64, f64),
    column: f64,
) {
    for (index, zone) in zones.iter().enumerate() {
        let mut members: Vec<(&String, &Node)> =
            nodes.iter().filter(|(_, node)| node.zone == *zone).collect();
        // As people count: node 2 before node 10.
        members.sort_by_key(|(address, _)| (address.len(), *address));
        let (beside, width, height) = grid(members.len(), column);
        for (at, (address, node)) in members.iter().enumerate() {
            let name = worded(node.action, &node.name);
            canvas.label(&Label {
                x: x + index as f64 * column + SPACE + (at % beside) as f64 * (width + 3.0),
                y: y + (at / beside) as f64 * (height + 3.0),
                width,
                height,
                class: class(node.action),
                text: if beside == 1 { &name } else { "" },
                title: &format!("{name}\n{address}"),
            });
        }
    }
}

fn legend(canvas: &mut Canvas, y: f64) {
    let kinds = [
        (Action::Create, "created"),
        (Action::Update, "changed"),
        (Action::ReplaceDeleteFirst, "replaced"),
        (Action::Delete, "deleted"),
        (Action::Read, "read"),
        (Action::NoOp, "as it is"),
    ];
    let mut x = MARGIN;
    for (action, words) in kinds {
        let text = worded(action, words);
        let width = width_of(&text, 11.0) + 14.0;
        canvas.label(&Label { x, y, width, height: CHIP, class: class(action), text: &text, title: words });
        x += width + SPACE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::specimens::{address, cluster, plan};

    #[test]
    fn a_cluster_with_its_pools_in_their_zones() {
        insta::assert_snapshot!("topology", topology(&of_plan(&plan(cluster(Action::Create, 3)))).unwrap());
        assert_eq!(topology(&[]), None);
    }

    #[test]
    fn a_thousand_nodes_are_squares_and_names_are_only_text() {
        let addresses: Vec<Address> = (1..=1000)
            .map(|n| address(&format!("cluster.big.worker_pool[\"<b>&\"].node[\"{n}\"].vm")))
            .collect();
        let parts: Vec<Part<'_>> = addresses
            .iter()
            .map(|address| Part { address, name: "</svg><script>".into(), action: Action::NoOp, zone: None })
            .collect();
        let picture = topology(&parts).unwrap();
        assert_eq!(picture.matches("<rect").count(), 1 + 4 + 1000 + 6, "{}", &picture[..600]);
        assert!(!picture.contains("<script") && !picture.contains("<b>"), "{picture}");
        assert!(picture.len() < 400_000, "{}", picture.len());
    }
}
