//! What is only read.

use insta::assert_snapshot;
use serde_json::json;

use crate::world::{Block, Config, How, World, block, data, text};

fn reader() -> Block {
    block("a.user", "Test/things/user", json!({"properties": {"n": "${data.net#properties.n}"}}))
}

#[test]
fn what_exists_is_read_while_the_plan_is_made() {
    let mut world = World::default();
    world.cloud.set("Test/things/net", json!({"properties": {"n": 7}}));
    assert_snapshot!(text::plan(&world.apply(&Config::new([data("data.net", "Test/things/net"), reader()]))));
}

#[test]
fn what_does_not_exist_is_an_error() {
    let config = Config::new([data("data.net", "Test/things/net"), reader()]);
    assert_snapshot!(World::default().refused(&config, &How::default()));
}

#[test]
fn what_this_plan_makes_is_read_when_it_is_made() {
    let config = Config::new([
        block("a.net", "Test/things/net", json!({"properties": {"n": 7}})),
        data("data.net", "Test/things/net").depends_on("a.net"),
        reader(),
    ]);
    let mut world = World::default();
    assert_snapshot!(text::plan(&world.apply(&config)));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn what_this_plan_changes_is_read_after_the_change_and_anything_else_now() {
    let config = |n: u32, other: u32| {
        Config::new([
            block("a.net", "Test/things/net", json!({"properties": {"n": n}})),
            block("a.other", "Test/things/other", json!({"properties": {"n": other}})),
            data("data.net", "Test/things/net").depends_on("a.net").depends_on("a.other"),
            reader(),
        ])
    };
    let mut world = World::with(&[&config(1, 1)]);
    // A change of something it merely depends on makes nothing unknown.
    assert_snapshot!("another_changes", text::plan(&world.plan(&config(1, 2))));
    assert_snapshot!("itself_changes", text::plan(&world.apply(&config(2, 2))));
    assert!(world.plan(&config(2, 2)).is_empty());
}

#[test]
fn an_id_that_becomes_known_late_was_not_looked_at_and_is_read_during_the_apply() {
    let mut world = World::with(&[&Config::new([block("a.net", "Test/things/net", json!({}))])]);
    world.cloud.set("Test/things/n1", json!({"properties": {"n": 7}}));
    let config = Config::new([
        block("a.net", "Test/things/net", json!({})),
        data("data.net", "Test/things/${a.net#properties.serialNumber}"),
        reader(),
    ]);
    assert_snapshot!(text::plan(&world.apply(&config)));
}

#[test]
fn what_is_managed_no_longer_but_still_read_is_let_go_and_not_deleted() {
    let net = || block("a.net", "Test/things/net", json!({"properties": {"n": 7}}));
    let mut world = World::with(&[&Config::new([net()])]);
    assert_snapshot!(
        "at_another_address",
        text::plan(&world.plan(&Config::new([data("data.net", "Test/things/net")])))
    );
    assert_snapshot!(
        "at_the_same_address",
        text::plan(&world.apply(&Config::new([data("a.net", "Test/things/net")])))
    );
    assert_eq!(world.cloud.paths(), ["Test/things/net"]);
}

#[test]
fn what_was_only_read_is_never_deleted() {
    let mut world = World::with(&[&Config::new([block("a.net", "Test/things/net", json!({}))])]);
    world.recorded.resources.values_mut().for_each(|r| r.mode = lazuli_core::resource::Mode::Data);
    for how in [How::default(), crate::world::destroying()] {
        let plan = world.try_plan(&Config::new([]), &how).unwrap();
        assert!(
            plan.changes.iter().all(|c| c.action == lazuli_core::plan::Action::Forget)
                && plan.steps.is_empty()
        );
    }
}
