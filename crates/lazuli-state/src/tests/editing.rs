use lazuli_core::Address;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::NodeSlot;
use proptest::prelude::*;

use super::sample::resource;
use crate::edit::{EditError, forget, relocate};

fn at(text: &str) -> Address {
    text.parse().unwrap()
}

fn recorded(address: &str, dependencies: &[&str]) -> Recorded {
    let mut recorded = resource("x");
    recorded.address = at(address);
    recorded.dependencies = dependencies.iter().map(|d| at(d)).collect();
    if let Some((node, _)) = address.split_once("].nic").or(address.split_once("].vm")) {
        let (address, name) = (at(&format!("{node}]")), format!("node-{}", node.len()));
        recorded.slot = Some(NodeSlot { address, generation: 2, name, zone: None });
    }
    recorded
}

fn world(resources: &[(&str, &[&str])]) -> RecordedWorld {
    let resources = resources.iter().map(|(a, d)| (at(a), recorded(a, d)));
    let mut world = RecordedWorld {
        lineage: "l".into(),
        serial: 4,
        resources: resources.collect(),
        ..RecordedWorld::default()
    };
    let slots = world.resources.values().filter_map(|r| r.slot.clone());
    world.roster = slots.map(|slot| (slot.address.clone(), slot)).collect();
    world
}

/// A bit of everything.
fn estate() -> RecordedWorld {
    let mut world = world(&[
        ("resource.a", &[]),
        ("resource.b[0]", &["resource.a"]),
        ("resource.b[1]", &["resource.a", "resource.b[0]"]),
        ("resource.c[\"k\"]", &["resource.b[1]"]),
        ("module.m.resource.a", &["resource.a"]),
        ("module.m.resource.z", &["module.m.resource.a"]),
        ("module.n[0].resource.a", &["module.m.resource.a"]),
        ("cluster.x.network.nat", &[]),
        ("cluster.x.worker_pool[\"p\"].node[\"1\"].nic", &["cluster.x.network.nat"]),
        ("cluster.x.worker_pool[\"p\"].node[\"1\"].vm", &["cluster.x.worker_pool[\"p\"].node[\"1\"].nic"]),
    ]);
    world.deposed.push(recorded("cluster.x.network.nat", &[]));
    world
}

#[test]
fn a_move_goes_where_it_is_sent_or_says_why_not() {
    let mut lines = String::new();
    for (from, to) in [
        ("resource.a", "resource.new"),
        ("resource.a", "resource.a[0]"),
        ("resource.a", "module.m.resource.new"),
        ("resource.b[0]", "resource.b"),
        ("resource.b", "resource.new"),
        ("resource.b", "resource.new[0]"),
        ("resource.c[\"k\"]", "resource.c[\"other\"]"),
        ("module.m", "module.new"),
        ("module.m", "module.m[0]"),
        ("module.m", "module.n.module.m"),
        ("module.n[0]", "module.n"),
        ("module.n", "module.new"),
        ("cluster.x", "cluster.y"),
        ("cluster.x", "module.m.cluster.x"),
        ("cluster.x.worker_pool[\"p\"]", "cluster.x.worker_pool[\"q\"]"),
        ("cluster.x.worker_pool[\"p\"].node[\"1\"]", "cluster.x.worker_pool[\"p\"].node[\"2\"]"),
        ("resource.a", "resource.a"),
        ("resource.a", "resource.b[1]"),
        ("resource.a", "resource.b"),
        ("resource.nothing", "resource.new"),
        ("resource.a", "module.new"),
        ("cluster.x", "resource.new"),
        ("cluster.x", "cluster.x.network"),
        ("module.m", "module.m.module.inner"),
        ("module.m", "module.n[0]"),
        ("cluster.x.network.nat", "cluster.x.network.other"),
        ("cluster.x.worker_pool[\"p\"].node[\"1\"].vm", "cluster.x.worker_pool[\"p\"].node[\"2\"].vm"),
    ] {
        let told = match relocate(&estate(), &at(from), &at(to)) {
            Ok(moved) => moved.resources.iter().map(|(_, to)| to.to_string()).collect::<Vec<_>>().join(", "),
            Err(error) => format!("refused: {error}"),
        };
        lines += &format!("{from} to {to}\n    {told}\n");
    }
    insta_like(&lines, include_str!("moves.txt"));
}

/// Compares with a text beside this file; with `LAZULI_WRITE=1` writes it.
fn insta_like(found: &str, expected: &str) {
    if std::env::var_os("LAZULI_WRITE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/moves.txt"), found).unwrap();
        return;
    }
    assert_eq!(found, expected);
}

#[test]
fn everything_that_names_what_was_moved_follows_and_nodes_keep_their_names() {
    let moved = relocate(&estate(), &at("cluster.x"), &at("module.m.cluster.y")).unwrap();
    assert_eq!((moved.resources.len(), moved.deposed), (3, 1));
    let vm = &moved.world.resources[&at("module.m.cluster.y.worker_pool[\"p\"].node[\"1\"].vm")];
    let node = at("module.m.cluster.y.worker_pool[\"p\"].node[\"1\"]");
    assert_eq!(vm.dependencies, [node.child("nic")]);
    let slot = vm.slot.as_ref().unwrap();
    let before = &estate().roster[&at("cluster.x.worker_pool[\"p\"].node[\"1\"]")];
    assert_eq!(*slot, NodeSlot { address: node.clone(), ..before.clone() });
    assert_eq!(moved.world.roster[&node], *slot);
    assert_eq!(moved.world.roster[&before.address], *before, "a name made of that slot must not come again");
    assert_eq!(moved.world.deposed[0].address, at("module.m.cluster.y.network.nat"));

    let moved = relocate(&estate(), &at("resource.b[0]"), &at("resource.first")).unwrap();
    assert_eq!(
        moved.world.resources[&at("resource.b[1]")].dependencies,
        [at("resource.a"), at("resource.first")]
    );
}

#[test]
fn what_is_forgotten_leaves_its_order_behind() {
    let forgotten = forget(&estate(), &[at("resource.b")]).unwrap();
    assert_eq!(forgotten.resources.len(), 2);
    assert_eq!(forgotten.world.resources[&at("resource.c[\"k\"]")].dependencies, [at("resource.a")]);
    let error = forget(&estate(), &[at("resource.a"), at("resource.nope")]).unwrap_err();
    assert_eq!(error, EditError::Unknown(at("resource.nope")));
}

#[test]
fn a_node_that_is_forgotten_as_a_whole_can_come_back_under_its_name() {
    let node = at("cluster.x.worker_pool[\"p\"].node[\"1\"]");
    let part = forget(&estate(), &[node.child("vm")]).unwrap();
    assert_eq!(part.world.roster[&node].generation, 2);
    let whole = forget(&estate(), &[at("cluster.x")]).unwrap();
    assert_eq!(whole.world.roster[&node].generation, 1);
    assert_eq!((whole.resources.len(), whole.deposed.len()), (3, 1));
}

proptest! {
    #[test]
    fn there_and_back_again_is_where_it_was(from in 0usize..8, to in 0usize..6) {
        let all = estate();
        let from = ["resource.a", "resource.b", "resource.c", "module.m", "module.n", "cluster.x", "resource.b[1]",
            "cluster.x.worker_pool[\"p\"]"][from];
        let to = ["resource.new", "module.m.resource.new", "module.new", "cluster.new", "resource.new[\"k\"]",
            "cluster.x.worker_pool[\"new\"]"][to];
        if let Ok(there) = relocate(&all, &at(from), &at(to)) {
            prop_assert_eq!(there.world.resources.len(), all.resources.len());
            let back = relocate(&there.world, &at(to), &at(from)).unwrap();
            prop_assert_eq!(back.world.resources, all.resources);
            prop_assert_eq!(back.world.deposed, all.deposed);
        }
    }
}
