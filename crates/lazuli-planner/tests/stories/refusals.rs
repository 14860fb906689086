//! What forbids a plan.

use insta::assert_snapshot;
use serde_json::json;

use crate::world::{Block, Config, How, World, block, destroying, targeting, text};

fn thing(address: &str, properties: serde_json::Value) -> Block {
    let name = address.rsplit('.').next().unwrap();
    block(address, &format!("Test/things/{name}"), json!({"properties": properties}))
}

fn refused(blocks: impl IntoIterator<Item = Block>) -> String {
    World::default().refused(&Config::new(blocks), &How::default())
}

#[test]
fn a_cycle_is_told_with_the_place_of_every_reference() {
    assert_snapshot!(refused([
        thing("x.a", json!({"b": "${x.b#id}"})),
        thing("x.b", json!({"c": "${x.c#id}"})),
        thing("x.c", json!({"a": "${x.a#id}"})),
        thing("x.innocent", json!({"a": "${x.a#id}"})),
    ]));
}

#[test]
fn a_resource_that_needs_itself_is_a_cycle() {
    assert_snapshot!(refused([thing("x.a", json!({"me": "${x.a#id}"}))]));
}

#[test]
fn of_several_cycles_through_a_resource_the_shortest_is_told_and_each_group_once() {
    assert_snapshot!(refused([
        thing("x.a", json!({"b": "${x.b#id}", "d": "${x.d#id}"})),
        thing("x.b", json!({"c": "${x.c#id}"})),
        thing("x.c", json!({"a": "${x.a#id}"})),
        thing("x.d", json!({"a": "${x.a#id}"})),
        thing("y.a", json!({"b": "${y.b#id}"})),
        thing("y.b", json!({})).depends_on("y.a"),
    ]));
}

#[test]
fn an_expression_that_fails_is_told_once_and_what_depends_on_it_is_not_blamed() {
    assert_snapshot!(refused([
        thing("x.a", json!({"b": "${x.nowhere#id}"})),
        thing("x.b", json!({"a": "${x.a#id}"}))
    ]));
}

#[test]
fn protection_forbids_to_replace_to_take_the_block_away_and_to_destroy() {
    let protected = |fixed: u32| Config::new([thing("x.a", json!({"fixed": fixed})).protected()]);
    let plain = |fixed: u32| Config::new([thing("x.a", json!({"fixed": fixed}))]);
    let world = World::with(&[&protected(1)]);
    assert_snapshot!("replace", world.refused(&protected(2), &How::default()));
    assert_snapshot!("recorded_protection_counts", world.refused(&plain(2), &How::default()));
    assert_snapshot!("block_gone", world.refused(&Config::new([]), &How::default()));
    assert_snapshot!("destroy", world.refused(&protected(1), &destroying()));
    let unprotected = World::with(&[&plain(1)]);
    assert_snapshot!("declared_protection_counts", unprotected.refused(&protected(2), &How::default()));
    assert!(unprotected.try_plan(&protected(1), &destroying()).is_err());
}

#[test]
fn protection_is_armed_and_disarmed_by_an_apply() {
    let config = |protect: bool| {
        let thing = thing("x.a", json!({"fixed": 1}));
        Config::new([if protect { thing.protected() } else { thing }])
    };
    let mut world = World::with(&[&config(false)]);
    assert_snapshot!(text::plan(&world.apply(&config(true))));
    assert!(world.plan(&config(true)).is_empty());
    world.apply(&config(false));
    assert!(world.plan(&config(false)).is_empty());
    world.apply(&Config::new([]));
    assert!(world.cloud.paths().is_empty());
}

#[test]
fn what_is_in_use_cannot_be_replaced_under_the_same_name() {
    let config = |fixed: u32| {
        Config::new([
            thing("x.base", json!({"fixed": fixed})),
            thing("x.user", json!({"on": "${x.base#id}"})),
        ])
    };
    assert_snapshot!(World::with(&[&config(1)]).refused(&config(2), &How::default()));
}

#[test]
fn what_stops_using_it_in_the_same_plan_does_so_first() {
    let base = |fixed: u32| thing("x.base", json!({"fixed": fixed}));
    let mut world = World::with(&[&Config::new([base(1), thing("x.user", json!({"on": "${x.base#id}"}))])]);
    assert_snapshot!(text::plan(&world.apply(&Config::new([base(2), thing("x.user", json!({"size": 1}))]))));
}

#[test]
fn steps_that_would_wait_for_each_other_are_refused_with_the_way_out() {
    let base = |fixed: u32| thing("x.base", json!({"fixed": fixed}));
    let user = |body: serde_json::Value| thing("x.user", body);
    let world = World::with(&[&Config::new([base(1), user(json!({"on": "${x.base#id}"}))])]);
    let config = Config::new([base(2), user(json!({"serial": "${x.base#properties.serialNumber}"}))]);
    assert_snapshot!(world.refused(&config, &How::default()));
}

#[test]
fn two_blocks_cannot_be_the_same_object() {
    assert_snapshot!(refused([
        block("x.a", "Test/things/Same", json!({})),
        block("x.b", "Test/things/same", json!({})),
    ]));
}

/// Two resources of one configuration exchange names, and something goes on using one of the names.
#[test]
fn a_name_that_is_in_use_cannot_be_handed_to_another_object() {
    let config = |a: &str, b: &str, used: &str| {
        Config::new([
            block("x.a", &format!("Test/things/{a}"), json!({})),
            block("x.b", &format!("Test/things/{b}"), json!({})),
            thing("x.user", json!({"on": format!("${{{used}#id}}")})),
        ])
    };
    let world = World::with(&[&config("one", "two", "x.a")]);
    // as a whole it is an exchange; in a part of a plan nothing moves
    assert_snapshot!(world.refused(&config("two", "one", "x.b"), &targeting(&["x.a", "x.b", "x.user"])));
}
