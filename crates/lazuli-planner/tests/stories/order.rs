//! What waits for what when things go.

use insta::assert_snapshot;
use lazuli_core::Address;
use lazuli_core::configuration::Configuration;
use serde_json::json;

use crate::world::{Block, Config, How, World, block, data, destroying, text};

fn base(size: u32) -> Block {
    block("x.base", "Test/things/base", json!({"properties": {"size": size}}))
}

fn user() -> Block {
    block("x.user", "Test/things/user", json!({"properties": {"on": "${x.base#id}"}}))
}

#[test]
fn blocks_that_are_gone_are_deleted_in_the_order_the_record_knows() {
    let last = block("x.last", "Test/things/last", json!({"properties": {"on": "${x.user#id}"}}));
    let mut world = World::with(&[&Config::new([base(1), user(), last])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([]))));
    assert!(world.cloud.paths().is_empty());
}

#[test]
fn what_goes_goes_before_what_it_referred_to_changes() {
    let mut world = World::with(&[&Config::new([base(1), user()])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([base(2)]))));
}

#[test]
fn what_stays_stops_using_something_before_that_goes() {
    let other = || block("x.other", "Test/things/other", json!({}));
    let moved = block("x.user", "Test/things/user", json!({"properties": {"on": "${x.other#id}"}}));
    let mut world = World::with(&[&Config::new([base(1), user(), other()])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([moved, other()]))));
}

/// The space of a network grows, a machine moves to a new subnet in it, the old subnet goes: the wish to delete before
/// the network changes gives way.
#[test]
fn going_before_a_change_gives_way_to_what_must_be() {
    let network =
        |space: &[&str]| block("n.net", "Test/networks/net", json!({"properties": {"space": space}}));
    let subnet = |name: &str| {
        block(
            &format!("n.{name}"),
            &format!("Test/things/{name}"),
            json!({"properties": {"in": "${n.net#id}"}}),
        )
    };
    let machine = |on: &str| {
        block("n.vm", "Test/machines/vm", json!({"properties": {"on": format!("${{n.{on}#id}}")}}))
    };
    let mut world = World::with(&[&Config::new([network(&["a"]), subnet("old"), machine("old")])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([
        network(&["a", "b"]),
        subnet("new"),
        machine("new")
    ]))));
}

#[test]
fn everything_is_destroyed_users_first_also_through_what_is_only_read() {
    let read = data("x.read", "Test/things/base").depends_on("x.base");
    let through = block(
        "x.through",
        "Test/things/through",
        json!({"properties": {"n": "${x.read#properties.serialNumber}"}}),
    );
    let config = Config::new([base(1), read, through, user()]).output("size", "${x.base#properties.size}");
    let mut world = World::with(&[&config]);
    let plan = world.try_plan(&config, &destroying()).unwrap();
    assert_snapshot!(text::plan(&plan));
    world.carry_out(&config, &plan).unwrap();
    assert!(world.cloud.paths().is_empty() && world.recorded.resources.is_empty());
}

#[test]
fn what_somebody_else_deleted_is_only_forgotten() {
    let mut world = World::with(&[&Config::new([base(1), user()])]);
    world.cloud.lose("Test/things/user");
    assert_snapshot!(text::plan(&world.plan(&Config::new([base(1)]))));
}

#[test]
fn an_object_left_over_from_a_replacement_is_deleted_at_last() {
    let config = Config::new([base(1), user()]);
    let mut world = World::with(&[&config]);
    world.cloud.set("Test/things/base-old", json!({}));
    let mut left = world.recorded.resources[&"x.base".parse::<Address>().unwrap()].clone();
    left.id = lazuli_core::resource::ResourceId::new(format!("{}-old", left.id));
    world.recorded.deposed.push(left);
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn records_that_contradict_each_other_do_not_stop_a_destroy() {
    let config = Config::new([base(1), block("x.user", "Test/things/user", json!({}))]);
    let mut world = World::with(&[&config]);
    for (this, other) in [("x.base", "x.user"), ("x.user", "x.base")] {
        let record = world.recorded.resources.get_mut(&this.parse().unwrap()).unwrap();
        record.dependencies = vec![other.parse().unwrap()];
    }
    let plan = world.try_plan(&config, &destroying()).unwrap();
    assert_eq!(plan.steps.len(), 2);
}

#[test]
fn what_only_comes_later_is_deleted_freely() {
    let later = || block("x.later", "Test/things/later", json!({})).after("x.base");
    let config = Config::new([later(), base(1)]);
    let mut world = World::default();
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.try_plan(&config, &destroying()).unwrap().edges.is_empty());
}

#[test]
fn a_dependency_on_a_cluster_means_everything_in_it() {
    let config = Config::new([
        block("app.object", "Test/things/object", json!({})).depends_on("cluster.prod"),
        block("cluster.prod.net", "Test/things/net", json!({})),
        block("cluster.prod.pool[\"a\"].vm", "Test/things/vm", json!({})),
        block("cluster.production.net", "Test/things/another", json!({})),
    ]);
    assert_snapshot!(text::plan(&World::default().plan(&config)));
}

#[test]
fn many_blocks_wait_for_everything_in_a_cluster() {
    let how = How { refresh: false, ..How::default() };
    let inner = (0..50)
        .map(|i| block(&format!("cluster.prod.part[\"{i}\"]"), &format!("Test/things/p{i}"), json!({})));
    let outer = (0..50).map(|i| {
        block(&format!("app.o{i}"), &format!("Test/things/o{i}"), json!({})).depends_on("cluster.prod")
    });
    let plan = World::default().try_plan(&Config::new(inner.chain(outer)), &how).unwrap();
    assert_eq!(plan.edges.len(), 2500);
}

#[test]
fn all_copies_of_a_block_come_before_those_of_another_one_that_refers_to_them_one_by_one() {
    let thing = |address: &str, name: &str| block(address, &format!("Test/things/{name}"), json!({}));
    let config = Config::new([
        thing("b.user[0]", "u0").depends_on("c.used[\"0\"]"),
        thing("b.user[1]", "u1").depends_on("c.used[\"1\"]"),
        thing("c.alone", "alone"),
        thing("c.used[\"0\"]", "0"),
        thing("c.used[\"1\"]", "1"),
    ]);
    let order = |config: &Config| {
        let graph = lazuli_planner::graph::Graph::new(config.declarations()).unwrap();
        graph
            .order
            .iter()
            .map(|place| config.blocks[*place].declaration.address.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(order(&config), ["c.alone", "c.used[\"0\"]", "c.used[\"1\"]", "b.user[0]", "b.user[1]"]);
    // Blocks whose copies refer to each other crosswise have an order of their copies only.
    let crosswise = Config::new([
        thing("a.x[0]", "x0").depends_on("b.y[0]"),
        thing("a.x[1]", "x1"),
        thing("b.y[0]", "y0"),
        thing("b.y[1]", "y1").depends_on("a.x[1]"),
    ]);
    assert_eq!(order(&crosswise), ["a.x[1]", "b.y[0]", "a.x[0]", "b.y[1]"]);
}
