//! Create, change, drift: one resource at a time.

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use crate::world::{Block, Config, World, block, text};

fn network(tags: Json) -> Block {
    block(
        "net.vnet",
        "Test/networks/vnet",
        json!({"location": "East US", "tags": tags, "properties": {"space": ["10.0.0.0/16"]}}),
    )
}

fn subnet() -> Block {
    block(
        "net.subnet",
        "Test/networks/${net.vnet#name}/subnets/a",
        json!({"properties": {"prefix": "10.0.0.0/24"}}),
    )
}

fn machine() -> Block {
    block(
        "app.vm",
        "Test/machines/vm",
        json!({"location": "eastus", "properties": {"subnet": "${net.subnet#id}", "image": "ubuntu"}}),
    )
}

fn small(tags: Json) -> Config {
    Config::new([machine(), subnet(), network(tags)]).output("serial", "${app.vm#properties.serialNumber}")
}

/// One thing with these properties.
fn thing(properties: Json) -> Config {
    Config::new([block("a.thing", "Test/things/x", json!({"properties": properties}))])
}

fn group(properties: Json) -> Config {
    Config::new([block("a.group", "Test/groups/g", json!({"properties": properties}))])
}

#[test]
fn a_new_configuration_is_created_in_order_of_its_references() {
    assert_snapshot!(text::plan(&World::default().plan(&small(json!({"env": "prod"})))));
}

#[test]
fn nothing_happens_when_nothing_changed_although_the_cloud_spells_things_its_own_way() {
    let config = small(json!({"env": "prod"}));
    assert_snapshot!(text::plan(&World::with(&[&config]).plan(&config)));
}

#[test]
fn the_configuration_and_somebody_else_change_the_same_object_and_each_is_named() {
    let mut world = World::with(&[&small(json!({"env": "prod", "team": "a"}))]);
    world.cloud.edit("Test/networks/vnet", "/properties/space", json!(["10.0.0.0/16", "10.9.0.0/16"]));
    assert_snapshot!(text::plan(&world.plan(&small(json!({"env": "test"})))));
}

#[test]
fn drift_alone_is_set_back_and_called_drift() {
    let config = small(json!({"env": "prod"}));
    let mut world = World::with(&[&config]);
    world.cloud.edit("Test/networks/vnet", "/tags/env", json!("dev"));
    assert_snapshot!(text::plan(&world.plan(&config)));
    world.apply(&config);
    assert!(world.plan(&config).is_empty());
}

#[test]
fn what_the_cloud_normalises_or_does_not_return_is_no_difference() {
    let config = thing(json!({"spelling": "loud", "swallowed": "gone", "nested": {"swallowed": 1}}));
    let world = World::with(&[&config]);
    assert!(world.cloud.paths().contains(&"Test/things/x"));
    assert!(world.plan(&config).is_empty());
}

#[test]
fn a_change_of_what_the_cloud_normalises_or_does_not_return_is_seen() {
    let world = World::with(&[&thing(json!({"spelling": "loud", "swallowed": "gone"}))]);
    assert_snapshot!(text::plan(&world.plan(&thing(json!({"spelling": "soft", "swallowed": "again"})))));
}

#[test]
fn a_property_that_is_taken_away_goes_and_foreign_ones_stay() {
    let mut world = World::with(&[&thing(json!({"a": 1, "b": {"c": 2, "d": 3}}))]);
    world.cloud.edit("Test/things/x", "/properties/b", json!({"c": 2, "d": 3, "theirs": true}));
    let config = thing(json!({"a": 1}));
    assert_snapshot!(text::plan(&world.plan(&config)));
    world.apply(&config);
    assert!(world.plan(&config).is_empty());
}

#[test]
fn arrays_without_order_may_come_back_in_any_and_are_compared_by_content() {
    let config = thing(json!({"bag": ["a", "b", "b"]}));
    let mut world = World::with(&[&config]);
    world.cloud.edit("Test/things/x", "/properties/bag", json!(["b", "a", "b"]));
    assert!(world.plan(&config).is_empty());
    world.cloud.edit("Test/things/x", "/properties/bag", json!(["b", "a", "a"]));
    assert_snapshot!(text::plan(&world.plan(&config)));
}

#[test]
fn ids_and_locations_compare_without_regard_to_case_and_file_paths_do_not() {
    let config = Config::new([
        block("a.other", "Test/things/other", json!({})),
        block(
            "a.thing",
            "Test/things/x",
            json!({"location": "East US 2", "properties": {"uses": "${a.other#id}", "mount": "/var/Lib"}}),
        ),
    ]);
    let mut world = World::with(&[&config]);
    let shouted =
        world.cloud.get(&world.recorded.resources[&"a.other".parse().unwrap()].id).unwrap()["id"].clone();
    let shouted = shouted.as_str().unwrap().to_uppercase();
    world.cloud.edit("Test/things/x", "/properties/uses", json!(shouted));
    world.cloud.edit("Test/things/x", "/location", json!("EastUS2"));
    assert!(world.plan(&config).is_empty());
    world.cloud.edit("Test/things/x", "/properties/mount", json!("/var/lib"));
    assert!(!world.plan(&config).is_empty());
}

#[test]
fn an_element_that_somebody_else_put_into_a_shared_array_is_left_alone() {
    let config = group(json!({"rules": [{"name": "ours", "port": 22, "direction": "Inbound"}]}));
    let mut world = World::with(&[&config]);
    let theirs =
        json!([{"name": "theirs", "port": 80}, {"name": "OURS", "port": 22, "direction": "inbound"}]);
    world.cloud.edit("Test/groups/g", "/properties/rules", theirs);
    assert!(world.plan(&config).is_empty());
}

#[test]
fn own_elements_of_a_shared_array_are_changed_added_and_removed_by_name() {
    let mut world = World::with(&[&group(json!({"rules": [
        {"name": "stays", "port": 1}, {"name": "changes", "port": 2}, {"name": "goes", "port": 3}
    ]}))]);
    world.cloud.edit(
        "Test/groups/g",
        "/properties/rules",
        json!([{"name": "theirs", "port": 80}, {"name": "changes", "port": 2}, {"name": "stays", "port": 9}, {"name": "goes", "port": 3}]),
    );
    let config = group(json!({"rules": [
        {"name": "new", "port": 4}, {"name": "changes", "port": 20}, {"name": "stays", "port": 1}
    ]}));
    assert_snapshot!(text::plan(&world.plan(&config)));
    world.apply(&config);
    assert!(world.plan(&config).is_empty());
}

#[test]
fn an_element_that_appears_in_an_array_that_is_ours_alone_goes_again() {
    let config = group(json!({"own": [{"name": "a", "port": 1}]}));
    let mut world = World::with(&[&config]);
    world.cloud.edit(
        "Test/groups/g",
        "/properties/own",
        json!([{"name": "a", "port": 1}, {"name": "b", "port": 2}]),
    );
    assert_snapshot!(text::plan(&world.plan(&config)));
}

#[test]
fn an_element_whose_name_is_not_known_yet_is_a_change_of_the_array() {
    let world = World::with(&[&group(json!({"rules": [{"name": "a", "port": 1}]}))]);
    assert_snapshot!(text::plan(&world.plan(&group(json!({"rules": [{"name": "${?}", "port": 1}]})))));
}

#[test]
fn write_only_parts_are_not_compared() {
    let config = |password: &str| {
        Config::new([block(
            "a.vm",
            "Test/machines/m",
            json!({"properties": {"size": 1, "password": password}}),
        )])
    };
    let world = World::with(&[&config("${!one}")]);
    assert!(world.plan(&config("${!two}")).is_empty());
}

#[test]
fn secrets_of_the_record_are_hidden_in_what_goes() {
    let world = World::with(&[&thing(json!({"key": "${!hunter2}", "size": 1}))]);
    for next in [thing(json!({"size": 2})), thing(json!({"size": 1, "key": "plain"})), Config::new([])] {
        let plan = world.plan(&next);
        assert!(!format!("{plan:?}").contains("hunter2"), "{plan:?}");
    }
}

#[test]
fn a_secret_read_from_a_recorded_resource_stays_one() {
    let config = Config::new([
        block("a.key", "Test/things/key", json!({"properties": {"secret": "${!hunter2}"}})),
        block("a.user", "Test/things/user", json!({"properties": {"copy": "${a.key#properties.secret}"}})),
    ]);
    let plan = World::with(&[&config]).plan(&config.clone().output("leak", "${a.key#properties.secret}"));
    assert!(plan.outputs[0].sensitive && !format!("{plan:?}").contains("hunter2"), "{plan:?}");
}

#[test]
fn an_ignored_path_is_neither_set_back_nor_overwritten_by_another_change() {
    let config = |size: u32| {
        Config::new([block(
            "a.thing",
            "Test/things/x",
            json!({"tags": {"owner": "me", "env": "p"}, "properties": {"size": size}}),
        )
        .ignoring("tags.owner")])
    };
    let mut world = World::with(&[&config(1)]);
    world.cloud.edit("Test/things/x", "/tags/owner", json!("policy"));
    assert!(world.plan(&config(1)).is_empty());
    assert_snapshot!(text::plan(&world.apply(&config(2))));
    let id = &world.recorded.resources[&"a.thing".parse().unwrap()].id;
    assert_eq!(world.cloud.get(id).unwrap()["tags"]["owner"], "policy");
}

#[test]
fn what_an_earlier_run_left_unfinished_is_finished_and_nobody_is_blamed() {
    let config = thing(json!({"size": 1}));
    let mut world = World::with(&[&config]);
    let record = world.recorded.resources.get_mut(&"a.thing".parse().unwrap()).unwrap();
    record.pending =
        Some(lazuli_core::recorded::Pending { operation: lazuli_core::plan::Operation::Create, url: None });
    record.observed = Json::Null;
    world.cloud.edit("Test/things/x", "/properties/size", json!(7));
    assert_snapshot!(text::plan(&world.plan(&config)));
    world.cloud.lose("Test/things/x");
    assert_snapshot!(text::plan(&world.plan(&config)));
}

#[test]
fn an_object_whose_last_operation_failed_is_sent_again() {
    let config = thing(json!({"size": 1}));
    let mut world = World::with(&[&config]);
    world.cloud.edit("Test/things/x", "/properties/provisioningState", json!("Failed"));
    assert_snapshot!(text::plan(&world.plan(&config)));
}

#[test]
fn what_was_deleted_outside_is_created_again_and_the_reader_is_told() {
    let config = small(json!({}));
    let mut world = World::with(&[&config]);
    world.cloud.lose("Test/machines/vm");
    assert_snapshot!(text::plan(&world.plan(&config)));
}

#[test]
fn what_is_unknown_before_a_create_is_known_when_the_object_exists() {
    let identity = || block("a.identity", "Test/things/identity", json!({}));
    let grant = || {
        block(
            "a.grant",
            "Test/grants/g",
            json!({"properties": {"principal": "${a.identity#properties.serialNumber}"}}),
        )
    };
    let config = Config::new([identity(), grant()]);
    let mut world = World::default();
    assert_snapshot!(text::plan(&world.plan(&config)));
    world.apply(&Config::new([identity()]));
    let plan = world.plan(&config);
    assert!(plan.changes.iter().all(|c| c.after.as_ref().unwrap().is_wholly_known()), "{plan:?}");
    world.apply(&config);
    assert!(world.plan(&config).is_empty());
}

#[test]
fn what_every_write_makes_anew_is_known_only_while_its_object_is_not_written() {
    let config = |size: u32, note: &str| {
        let one = block("a.one", "Test/things/one", json!({"properties": {"size": size}}));
        let user = json!({"tags": {"of": "${a.one#etag}", "state": "${a.one#properties.provisioningState}", "note": note}});
        Config::new([one, block("b.user", "Test/things/user", user)]).output("etag", "${a.one#etag}")
    };
    let mut world = World::with(&[&config(1, "x")]);
    assert!(world.plan(&config(1, "x")).is_empty());
    assert_snapshot!("only_the_reader_changes", text::plan(&world.plan(&config(1, "y"))));
    assert_snapshot!("both_change", text::plan(&world.apply(&config(2, "z"))));
    assert!(world.plan(&config(2, "z")).is_empty());
}

#[test]
fn an_ignored_entry_stays_as_it_is_although_the_tags_are_a_map() {
    let config = |env: &str| {
        Config::new([block(
            "a.thing",
            "Test/things/x",
            json!({"tags": {"${map}": true, "owner": "me", "env": env}}),
        )
        .ignoring("tags.owner")])
    };
    let mut world = World::with(&[&config("p")]);
    world.cloud.edit("Test/things/x", "/tags/owner", json!("policy"));
    assert_snapshot!(text::plan(&world.apply(&config("q"))));
    let id = &world.recorded.resources[&"a.thing".parse().unwrap()].id;
    assert_eq!(world.cloud.get(id).unwrap()["tags"], json!({"owner": "policy", "env": "q"}));
}

#[test]
fn without_a_refresh_the_record_is_believed() {
    let config = small(json!({"env": "prod"}));
    let mut world = World::with(&[&config]);
    world.cloud.lose("Test/machines/vm");
    let how = crate::world::How { refresh: false, ..Default::default() };
    assert!(world.try_plan(&config, &how).unwrap().is_empty());
    assert!(!world.try_plan(&small(json!({"env": "test"})), &how).unwrap().is_empty());
}

#[test]
fn a_refresh_only_plan_says_what_differs_and_has_no_steps() {
    let config = small(json!({"env": "prod"}));
    let mut world = World::with(&[&config]);
    world.cloud.lose("Test/machines/vm");
    world.cloud.edit("Test/networks/vnet", "/tags/env", json!("dev"));
    let how = crate::world::How { mode: lazuli_core::plan::PlanMode::RefreshOnly, ..Default::default() };
    assert_snapshot!(text::plan(&world.try_plan(&config, &how).unwrap()));
}

#[test]
fn what_the_configuration_and_somebody_else_changed_is_told_with_all_three_values() {
    let config = |size: u32, extra: serde_json::Value| {
        Config::new([block(
            "a.x",
            "Test/things/x",
            json!({"properties": {"size": size, "other": 1, "gone": extra}}),
        )])
    };
    let mut world = World::with(&[&config(1, json!("g"))]);
    world.cloud.edit("Test/things/x", "/properties/size", json!(99));
    world.cloud.edit("Test/things/x", "/properties/other", json!(7));
    world.cloud.edit("Test/things/x", "/properties/gone", json!("theirs"));
    assert_snapshot!("three_sides", text::plan(&world.plan(&config(2, json!(null)))));
    // Both came to the same: nothing to tell.
    world.cloud.edit("Test/things/x", "/properties/other", json!(1));
    world.cloud.edit("Test/things/x", "/properties/gone", json!("g"));
    assert!(world.plan(&config(99, json!("g"))).is_empty());
}
