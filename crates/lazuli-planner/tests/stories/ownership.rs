//! Moves, adoption, and objects of others.

use insta::assert_snapshot;
use serde_json::json;

use crate::world::{Block, Config, How, World, block, data, destroying, text};

fn tagged(address: &str, size: u32) -> Block {
    block(address, "Test/things/x", json!({"tags": {"lazuli_lineage": "mine"}, "properties": {"size": size}}))
}

#[test]
fn another_address_for_the_same_id_is_a_move() {
    let user = |on: &str| {
        block("a.user", "Test/things/user", json!({"properties": {"on": format!("${{{on}#id}}")}}))
    };
    let mut world = World::with(&[&Config::new([tagged("a.old", 1), user("a.old")])]);
    let config = Config::new([tagged("a.new", 1), user("a.new")]);
    assert_snapshot!("plain", text::plan(&world.plan(&config)));
    assert_snapshot!(
        "with_a_change",
        text::plan(&world.plan(&Config::new([tagged("a.new", 2), user("a.new")])))
    );
    world.apply(&config);
    assert!(world.plan(&config).is_empty());
}

#[test]
fn what_exists_and_carries_our_lineage_is_adopted_with_its_differences() {
    let mut world = World::default();
    world.cloud.set("Test/things/x", json!({"tags": {"lazuli_lineage": "mine"}, "properties": {"size": 1}}));
    let config = Config::new([tagged("a.x", 2)]);
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn what_exists_and_is_not_ours_is_refused_with_the_import_block() {
    let mut world = World::default();
    let config = Config::new([tagged("a.x", 2)]);
    world.cloud.set("Test/things/x", json!({"properties": {"size": 1}}));
    assert_snapshot!("of_nobody", world.refused(&config, &How::default()));
    world.cloud.set("Test/things/x", json!({"tags": {"lazuli_lineage": "theirs"}}));
    assert_snapshot!("of_another_state", world.refused(&config, &How::default()));
}

#[test]
fn a_new_name_that_is_taken_by_an_object_of_others_is_refused_too() {
    let named = |name: &str| Config::new([block("a.x", &format!("Test/things/{name}"), json!({"tags": {}}))]);
    let mut world = World::with(&[&named("one")]);
    world.cloud.set("Test/things/two", json!({"tags": {"owner": "them"}}));
    assert_snapshot!(world.refused(&named("two"), &How::default()));
}

#[test]
fn what_cannot_carry_tags_is_adopted_only_below_an_object_of_ours() {
    let child =
        || block("a.child", "Test/things/x/children/c", json!({"properties": {"n": 1}})).depends_on("a.x");
    let mut world = World::with(&[&Config::new([tagged("a.x", 1)])]);
    world.cloud.set("Test/things/x/children/c", json!({"properties": {"n": 1}}));
    assert_snapshot!("below_ours", text::plan(&world.plan(&Config::new([tagged("a.x", 1), child()]))));
    let mut world = World::default();
    world.cloud.set("Test/things/x/children/c", json!({"properties": {"n": 1}}));
    let alone = block("a.child", "Test/things/x/children/c", json!({"properties": {"n": 1}}));
    assert_snapshot!("below_others", world.refused(&Config::new([alone]), &How::default()));
}

#[test]
fn what_is_ours_but_cannot_be_changed_in_place_is_not_adopted() {
    let mut world = World::default();
    world.cloud.set("Test/things/x", json!({"tags": {"lazuli_lineage": "mine"}, "properties": {"fixed": 1}}));
    let body = json!({"tags": {"lazuli_lineage": "mine"}, "properties": {"fixed": 2}});
    assert_snapshot!(world.refused(&Config::new([block("a.x", "Test/things/x", body)]), &How::default()));
}

#[test]
fn what_another_state_took_over_is_neither_set_back_nor_replaced_nor_deleted() {
    let plain = |name: &str| Config::new([block("a.x", &format!("Test/things/{name}"), json!({"tags": {}}))]);
    let mut world = World::with(&[&plain("one")]);
    world.cloud.edit("Test/things/one", "/tags", json!({"Lazuli_Lineage": "theirs"}));
    assert_snapshot!("taken_over", world.refused(&plain("one"), &How::default()));
    let said = |config: &Config, how: &How| world.refused(config, how);
    for (config, how) in [
        (plain("two"), How::default()),
        (Config::new([]), How::default()),
        (plain("one"), destroying()),
        (plain("one"), How { replace: ["a.x".parse().unwrap()].into(), ..How::default() }),
    ] {
        assert!(said(&config, &how).starts_with("LZ1009 a.x"), "{}", said(&config, &how));
    }
    let read = Config::new([data("b.x", "Test/things/one")]);
    assert_snapshot!("given_up_by_reading_it", text::plan(&world.plan(&read)));
    world.cloud.edit("Test/things/one", "/tags", json!({"lazuli_lineage": "mine"}));
    assert!(world.plan(&plain("one")).is_empty());
}

#[test]
fn what_was_set_aside_and_taken_over_is_not_deleted_either() {
    let mut world = World::with(&[&Config::new([tagged("a.x", 1)])]);
    let old = world.recorded.resources.remove(&"a.x".parse().unwrap()).unwrap();
    world.recorded.deposed.push(old);
    world.cloud.edit("Test/things/x", "/tags/lazuli_lineage", json!("theirs"));
    for how in [How::default(), destroying()] {
        let said = world.refused(&Config::new([]), &how);
        assert!(said.starts_with("LZ1009 a.x"), "{said}");
    }
}

#[test]
fn what_others_add_to_a_shared_array_is_told_left_alone_and_taken_in_by_a_refresh() {
    let rule = |name: &str| json!({"name": name, "direction": "In"});
    let own = json!({"properties": {"rules": [rule("ours")]}});
    let config = Config::new([block("net.group", "Test/groups/g", own)]);
    let mut world = World::with(&[&config]);
    world.cloud.edit("Test/groups/g", "/properties/rules", json!([rule("ours"), rule("theirs")]));
    let plan = world.plan(&config);
    assert!(plan.is_empty());
    let told = text::plan(&plan);
    assert!(told.contains("drift net.group properties.rules[\"theirs\"]: added by others"), "{told}");
    let refresh = How { mode: lazuli_core::plan::PlanMode::RefreshOnly, ..How::default() };
    let plan = world.try_plan(&config, &refresh).unwrap();
    world.carry_out(&config, &plan).unwrap();
    assert!(world.plan(&config).drift.is_empty());
    // One that is a resource of its own is ours.
    let id = lazuli_core::resource::ResourceId::new("Test/groups/g/rules/child");
    let mut child = rule("child");
    child["id"] = json!(id.as_str());
    world.cloud.edit("Test/groups/g", "/properties/rules", json!([rule("ours"), rule("theirs"), child]));
    assert_eq!(world.plan(&config).drift.len(), 1);
}
