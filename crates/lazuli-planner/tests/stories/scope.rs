//! `--target` and `--exclude`: partial plans.

use insta::assert_snapshot;
use lazuli_core::plan::PlanMode;
use serde_json::json;

use crate::world::{Block, Config, How, World, block, excluding, refreshing, targeting, text};

fn thing(address: &str, properties: serde_json::Value) -> Block {
    let name = address.rsplit('.').next().unwrap();
    block(address, &format!("Test/things/{name}"), json!({"properties": properties}))
}

/// `user` refers to `base`; `other` to nothing; `n.a` and `n.b` lie in one container.
fn config(size: u32) -> Config {
    Config::new([
        thing("x.base", json!({"size": size})),
        thing("x.user", json!({"size": size, "on": "${x.base#id}"})),
        thing("x.other", json!({"size": size})),
        thing("n.m.a", json!({"size": size})),
        thing("n.m.b", json!({"size": size})),
    ])
    .output("base", "${x.base#properties.size}")
    .output("both", "of ${x.base#properties.serialNumber} and ${x.other#properties.serialNumber}")
}

fn partly(world: &World, config: &Config, how: &How) -> String {
    let plan = world.try_plan(config, how).unwrap_or_else(|found| panic!("{}", text::diagnostics(&found)));
    let left: Vec<String> = plan.left_out.iter().map(ToString::to_string).collect();
    format!("{}left out: {}\n", text::plan(&plan), left.join(", "))
}

#[test]
fn a_target_brings_along_what_it_depends_on_and_nothing_else() {
    assert_snapshot!(partly(&World::default(), &config(1), &targeting(&["x.user"])));
}

#[test]
fn a_container_is_everything_within() {
    assert_snapshot!(partly(&World::default(), &config(1), &targeting(&["n.m"])));
}

#[test]
fn what_is_excluded_keeps_back_what_depends_on_it() {
    assert_snapshot!(partly(&World::default(), &config(1), &excluding(&["x.base", "n.m.a"])));
}

#[test]
fn outputs_that_read_what_is_left_out_stay_as_they_were() {
    let mut world = World::with(&[&config(1)]);
    let how = targeting(&["x.base"]);
    assert_snapshot!(partly(&world, &config(2), &how));
    let before = world.recorded.outputs.clone();
    let plan = world.try_plan(&config(2), &how).unwrap();
    world.carry_out(&config(2), &plan).unwrap();
    assert_eq!(world.recorded.outputs["base"].value, json!(2));
    assert_eq!(world.recorded.outputs["both"], before["both"]);
    assert!(world.try_plan(&config(2), &how).unwrap().is_empty());
    world.apply(&config(2));
    assert!(world.plan(&config(2)).is_empty());
}

#[test]
fn what_is_no_longer_declared_goes_when_it_is_a_target_and_its_users_go_or_let_go_with_it() {
    let world = World::with(&[&config(1)]);
    let without = Config::new([thing("x.user", json!({"size": 1})), thing("x.other", json!({"size": 2}))]);
    assert_snapshot!("target", partly(&world, &without, &targeting(&["x.base"])));
    assert_snapshot!("exclude", partly(&world, &without, &excluding(&["x.user"])));
}

#[test]
fn a_replacement_that_something_left_out_still_uses_is_refused() {
    let config = |fixed: u32, name: &str| {
        Config::new([
            block("x.base", &format!("Test/things/{name}"), json!({"properties": {"fixed": fixed}})),
            thing("x.user", json!({"on": "${x.base#id}"})),
        ])
    };
    let world = World::with(&[&config(1, "one")]);
    assert_snapshot!(world.refused(&config(1, "two"), &targeting(&["x.base"])));
}

#[test]
fn what_has_another_address_now_and_is_left_out_keeps_the_old_one() {
    let named = |address: &str| {
        Config::new([block(address, "Test/things/same", json!({})), thing("x.other", json!({}))])
    };
    let mut world = World::with(&[&named("x.old")]);
    assert_snapshot!("other", partly(&world, &named("x.new"), &targeting(&["x.other"])));
    assert_snapshot!("old_address", partly(&world, &named("x.new"), &targeting(&["x.old"])));
    let plan = world.try_plan(&named("x.new"), &excluding(&["x.new"])).unwrap();
    assert!(plan.is_empty(), "{}", text::plan(&plan));
    world.apply(&named("x.new"));
}

#[test]
fn a_partial_destroy_takes_users_along_and_an_exclusion_keeps_what_is_used() {
    let mut world = World::with(&[&config(1)]);
    let destroy = |how: How| How { mode: PlanMode::Destroy, ..how };
    assert_snapshot!("destroy_target", partly(&world, &config(1), &destroy(targeting(&["x.base"]))));
    assert_snapshot!("destroy_exclude", partly(&world, &config(1), &destroy(excluding(&["x.user"]))));
    let plan = world.try_plan(&config(1), &destroy(excluding(&["x.user"]))).unwrap();
    world.carry_out(&config(1), &plan).unwrap();
    assert_eq!(world.cloud.paths(), ["Test/things/base", "Test/things/user"]);
    assert_eq!(world.recorded.outputs.keys().map(|name| &**name).collect::<Vec<_>>(), ["base"]);
}

#[test]
fn a_refresh_records_what_others_did_and_the_next_plan_sets_it_back() {
    let group = |rules: serde_json::Value| {
        Config::new([block("x.group", "Test/groups/g", json!({"properties": {"own": rules, "size": 1}}))])
    };
    let config = group(json!([{"name": "a", "to": 1}, {"name": "b", "to": 2}]));
    let mut world = World::with(&[&config]);
    world.cloud.edit(
        "Test/groups/g",
        "/properties/own",
        json!([{"name": "A", "to": 9}, {"name": "new", "to": 3}]),
    );
    world.cloud.edit("Test/groups/g", "/properties/size", json!(5));
    let plan = world.try_plan(&config, &refreshing()).unwrap();
    assert_snapshot!("refresh", text::plan(&plan));
    world.carry_out(&config, &plan).unwrap();
    assert!(world.try_plan(&config, &refreshing()).unwrap().is_empty());
    assert_snapshot!("after_refresh", text::plan(&world.plan(&config)));
    let accepted = Config::new([block(
        "x.group",
        "Test/groups/g",
        json!({"properties": {"own": [{"name": "a", "to": 9}, {"name": "new", "to": 3}], "size": 5}}),
    )]);
    assert!(world.plan(&accepted).is_empty());
}

#[test]
fn leaving_one_of_two_blocks_out_does_not_make_them_two_objects() {
    let config = Config::new([
        block("x.a", "Test/things/same", json!({})),
        block("x.b", "Test/things/same", json!({})),
    ]);
    let said = World::default().refused(&config, &excluding(&["x.a"]));
    assert!(said.starts_with("LZ1006"), "{said}");
}
