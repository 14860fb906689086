//! Replacements, and what has to go along with them.

use insta::assert_snapshot;
use lazuli_core::plan::Action;
use serde_json::json;

use crate::world::{Block, Config, How, World, block, targeting, text};

fn group(name: &str) -> Block {
    block("net.group", &format!("Test/groups/{name}"), json!({}))
}

fn subnet() -> Block {
    block("net.subnet", "Test/things/subnet", json!({"properties": {"group": "${net.group#id}"}}))
}

fn machine(image: &str) -> Block {
    block("app.vm", "Test/machines/vm", json!({"properties": {"image": image}}))
}

/// a <- b <- c, all with names of their own.
fn chain(generation: u32) -> [Block; 3] {
    [
        block("x.a", &format!("Test/things/a{generation}"), json!({})),
        block("x.b", &format!("Test/things/b{generation}"), json!({"properties": {"a": "${x.a#id}"}})),
        block("x.c", "Test/things/c", json!({"properties": {"b": "${x.b#id}"}})),
    ]
}

#[test]
fn what_cannot_be_changed_in_place_is_deleted_and_created_again() {
    let mut world = World::with(&[&Config::new([machine("old")])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([machine("new")]))));
    assert!(world.plan(&Config::new([machine("new")])).is_empty());
}

#[test]
fn an_element_that_comes_forces_no_replacement_and_a_change_in_one_does() {
    let disks = |disks: serde_json::Value| {
        Config::new([block("app.vm", "Test/machines/vm", json!({"properties": {"disks": disks}}))])
    };
    let world = World::with(&[&disks(json!([{"lun": 0, "source": "a"}]))]);
    let plan = world.plan(&disks(json!([{"lun": 0, "source": "a"}, {"lun": 1, "source": "b"}])));
    assert_eq!(plan.changes[0].action, Action::Update);
    assert_snapshot!(text::plan(&world.plan(&disks(json!([{"lun": 0, "source": "b"}])))));
}

#[test]
fn a_structure_that_comes_with_something_fixed_in_it_forces_a_replacement() {
    let profile = |body: serde_json::Value| {
        Config::new([block("app.vm", "Test/machines/vm", json!({"properties": body}))])
    };
    let world = World::with(&[&profile(json!({"size": 1}))]);
    assert_eq!(
        world.plan(&profile(json!({"profile": {"admin": "x"}}))).changes[0].action,
        Action::ReplaceDeleteFirst
    );
    assert_eq!(world.plan(&profile(json!({"profile": {"other": "x"}}))).changes[0].action, Action::Update);
    // `properties.imageName` is not `properties.image`.
    assert_eq!(world.plan(&profile(json!({"imageName": {"a": "x"}}))).changes[0].action, Action::Update);
}

#[test]
fn another_name_of_something_unused_is_deleted_first_unless_the_lifecycle_says_otherwise() {
    let world = World::with(&[&Config::new([group("old")])]);
    assert_snapshot!("delete_first", text::plan(&world.plan(&Config::new([group("new")]))));
    assert_snapshot!("create_first", text::plan(&world.plan(&Config::new([group("new").create_first()]))));
}

#[test]
fn what_is_used_by_something_that_stays_is_created_first_under_its_new_name() {
    let mut world = World::with(&[&Config::new([group("old"), subnet()])]);
    let config = Config::new([group("new"), subnet()]);
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn create_first_spreads_to_what_it_is_made_from() {
    let [a, b, c] = chain(1);
    let mut world = World::with(&[&Config::new([a, b, c])]);
    let [a, b, c] = chain(2);
    assert_snapshot!(text::plan(&world.apply(&Config::new([a, b.create_first(), c]))));
}

#[test]
fn create_first_gives_way_to_what_can_only_be_deleted_first() {
    let base = |fixed: u32| block("x.base", "Test/things/base", json!({"properties": {"fixed": fixed}}));
    let user = |name: &str| {
        block("x.user", &format!("Test/things/{name}"), json!({"properties": {"on": "${x.base#id}"}}))
    };
    let mut world = World::with(&[&Config::new([base(1), user("u1").create_first()])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([base(2), user("u2").create_first()]))));
}

#[test]
fn what_lies_below_a_replaced_object_is_replaced_with_it() {
    let network = |location: &str| block("net.vnet", "Test/networks/vnet", json!({"location": location}));
    let subnet = || {
        block(
            "net.subnet",
            "Test/networks/${net.vnet#name}/subnets/a",
            json!({"properties": {"prefix": "p"}}),
        )
    };
    let mut world = World::with(&[&Config::new([network("eastus"), subnet()])]);
    let config = Config::new([network("westus"), subnet()]);
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn a_replacement_that_follows_another_says_so() {
    let identity = |name: &str| block("a.identity", &format!("Test/things/{name}"), json!({}));
    let grant = || {
        block(
            "a.grant",
            "Test/grants/g",
            json!({"properties": {"principal": "${a.identity#properties.serialNumber}"}}),
        )
    };
    let mut world = World::with(&[&Config::new([identity("one"), grant()])]);
    let config = Config::new([identity("two"), grant()]);
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn names_that_become_free_in_a_part_of_a_plan_are_taken_after_their_objects_are_gone() {
    let things = |a: &str, b: &str| {
        Config::new([
            block("x.a", &format!("Test/things/{a}"), json!({})).create_first(),
            block("x.b", &format!("Test/things/{b}"), json!({})).create_first(),
        ])
    };
    let mut world = World::with(&[&things("one", "two")]);
    let part = targeting(&["x.a", "x.b"]);
    let plan = world.try_plan(&things("two", "one"), &part).unwrap();
    world.carry_out(&things("two", "one"), &plan).unwrap();
    assert_snapshot!(text::plan(&plan));
}

#[test]
fn names_that_are_handed_on_are_moves() {
    let things = |names: &[&str]| {
        let block = |(place, name): (usize, &&str)| {
            block(&format!("x.t[{place}]"), &format!("Test/things/{name}"), json!({}))
        };
        Config::new(names.iter().enumerate().map(block))
    };
    let mut world = World::with(&[&things(&["one", "two", "three"])]);
    let stories: [(&str, &[&str]); 4] = [
        ("the_first_goes", &["two", "three"]),
        ("they_are_exchanged", &["three", "two"]),
        ("a_new_one_is_first", &["four", "three", "two"]),
        ("around_with_a_new_name", &["three", "five", "four"]),
    ];
    for (name, names) in stories {
        assert_snapshot!(name, text::plan(&world.apply(&things(names))));
        assert!(world.plan(&things(names)).is_empty());
        assert!(world.recorded.deposed.is_empty());
    }
}

#[test]
fn replacing_can_be_asked_for() {
    let config = Config::new([machine("same"), group("g")]);
    let world = World::with(&[&config]);
    let how = How {
        replace: ["app".to_owned() + ".vm"].iter().map(|a| a.parse().unwrap()).collect(),
        ..How::default()
    };
    assert_snapshot!(text::plan(&world.try_plan(&config, &how).unwrap()));
}

/// A pool of three nodes, each a card and a machine, in their `generation`.
fn pool(generation: u32, create_first: bool) -> Config {
    let mut blocks = Vec::new();
    for slot in 1..=3 {
        let node = format!("cluster.prod.pool[\"p\"].node[\"{slot}\"]");
        let card = block(&format!("{node}.nic"), &format!("Test/things/nic{slot}-{generation}"), json!({}));
        let machine = block(
            &format!("{node}.vm"),
            &format!("Test/machines/vm{slot}-{generation}"),
            json!({"properties": {"nic": format!("${{{node}.nic#id}}")}}),
        );
        for part in [card, machine] {
            let part = part.rolling("cluster.prod.pool[\"p\"]", &node, 1).succeeding("size small -> large");
            blocks.push(if create_first { part.create_first() } else { part });
        }
    }
    Config::new(blocks)
}

#[test]
fn nodes_of_a_pool_are_replaced_one_at_a_time_the_new_one_first() {
    let mut world = World::with(&[&pool(1, true)]);
    assert_snapshot!(text::plan(&world.apply(&pool(2, true))));
    assert!(world.plan(&pool(2, true)).is_empty());
}

#[test]
fn nodes_of_a_pool_are_replaced_one_at_a_time_the_old_one_first() {
    let mut world = World::with(&[&pool(1, false)]);
    assert_snapshot!(text::plan(&world.apply(&pool(2, false))));
}

#[test]
fn a_window_of_two_lets_two_nodes_be_replaced_at_once() {
    let wide = |generation| {
        let mut config = pool(generation, true);
        for block in &mut config.blocks {
            block.declaration.rollout.as_mut().unwrap().window = 2;
        }
        Config::new(config.blocks)
    };
    let plan = World::with(&[&wide(1)]).plan(&wide(2));
    let because: Vec<&str> =
        plan.edges.iter().map(|e| &*e.because).filter(|because| because.starts_with("rolling")).collect();
    assert_eq!(because.len(), 4); // node 3 waits for node 1 with both parts, node 2 for nobody
    assert!(because.iter().all(|b| *b == "rolling: cluster.prod.pool[\"p\"].node[\"1\"] comes first"));
}
