use lazuli_core::journal::Record;
use lazuli_core::kind::Kind;
use lazuli_core::plan::Action;
use lazuli_core::recorded::{Pending, Recorded, RecordedWorld};
use lazuli_core::{Path, Value};
use serde_json::json;

use super::fake::{GeneralKinds, OneCloud, Scene, address, change, id, thing};
use crate::adjust::adjustments;
use crate::record::{add_hidden, sensitive_paths};
use crate::resolve::is_as_sent;
use crate::settle::{Finding, record, settle};
use crate::write_only::split;

fn texts(paths: &[Path]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn write_only_parts_are_taken_out_and_only_a_salted_digest_stays() {
    let kind = Kind { write_only: &["profile.password", "users.key"], ..Kind::GENERAL };
    let body = json!({"profile": {"password": "p", "name": "n"}, "users": [{"name": "bob", "key": "k"}, {"key": "k"}]});
    let (mut first, mut second) = (body.clone(), body);
    let digests = split(&mut first, &kind, b"salt");
    assert_eq!(first, json!({"profile": {"name": "n"}, "users": [{"name": "bob"}, {}]}));
    assert_eq!(
        texts(&digests.keys().cloned().collect::<Vec<_>>()),
        ["profile.password", "users[1].key", "users[\"bob\"].key"]
    );
    let other = split(&mut second, &kind, b"other salt");
    assert!(digests.iter().all(|(path, digest)| other[path] != *digest && digest.len() == 64));
}

#[test]
fn sensitive_parts_are_found_by_name_or_hide_their_whole_array() {
    let secret = || Value::string("s").sensitive();
    let named = |name: &str| Value::object([("name", Value::string(name)), ("key", secret())]);
    let value = Value::object([
        ("plain", Value::int(1)),
        ("named", Value::tuple([named("a"), named("b")])),
        ("anonymous", Value::tuple([Value::int(1), secret()])),
        ("all", Value::object([("x", Value::int(1))]).sensitive()),
    ]);
    let mut paths = sensitive_paths(&value);
    assert_eq!(texts(&paths), ["all", "anonymous", "named[\"a\"].key", "named[\"b\"].key"]);
    add_hidden(
        &json!({"all": {"x": 1}, "keys": [{"k": 1}], "map": {"m": {"k": 1}}}),
        &["all.x", "keys.k", "map.*.k"],
        &mut paths,
    );
    assert_eq!(texts(&paths[4..]), ["keys[0].k", "map.m.k"]);
    let mut filled_in = Vec::new();
    let objects = json!({"v1/Secret/default/token": {"data": 1}, "v1/ConfigMap/default/token": {"data": 1}});
    add_hidden(&json!({"objects": objects}), &["objects.v1/Secret/*"], &mut filled_in);
    assert_eq!(texts(&filled_in), ["objects.\"v1/Secret/default/token\""]);
}

#[test]
fn what_was_sent_is_found_again_whatever_the_service_adds() {
    let sent = json!({"location": "eastus2", "properties": {"n": 1, "none": null, "list": [{"a": 1}]}});
    let with = |state: &str, n: i64| json!({"location": "EastUS2", "id": "/x", "properties": {"n": n, "provisioningState": state, "list": [{"a": 1, "b": 2}]}});
    assert!(is_as_sent(&sent, &with("Succeeded", 1)));
    assert!(!is_as_sent(&sent, &with("Creating", 1)));
    assert!(!is_as_sent(&sent, &with("Succeeded", 2)));
}

fn recorded(name: &str, needs: &[&str]) -> Recorded {
    let scene = Scene::new(vec![thing(name, needs, 0.0)]);
    let step = &scene.plan().steps[0];
    Recorded {
        address: step.address.clone(),
        mode: lazuli_core::resource::Mode::Managed,
        provider: step.provider,
        account: step.account.clone(),
        ty: step.ty.clone(),
        id: id(name),
        inputs: json!({"properties": {}}),
        observed: json!({}),
        dependencies: step.dependencies.clone(),
        sensitive: Vec::new(),
        write_only: std::collections::BTreeMap::new(),
        prevent_destroy: false,
        slot: None,
        pending: None,
        created_at: String::new(),
        updated_at: String::new(),
    }
}

fn world(resources: Vec<Recorded>) -> RecordedWorld {
    let resources = resources.into_iter().map(|r| (r.address.clone(), r)).collect();
    RecordedWorld { resources, ..RecordedWorld::default() }
}

#[test]
fn moves_and_what_is_forgotten_are_recorded_before_the_first_step() {
    let mut world = world(vec![recorded("old", &[]), recorded("user", &["old"]), recorded("dropped", &[])]);
    world.deposed.push(recorded("set-aside", &[]));
    let mut plan = Scene::new(Vec::new()).plan();
    let mut moved = change(&address("new"), Action::Move, None);
    moved.previous_address = Some(address("old"));
    plan.changes = vec![
        moved,
        change(&address("dropped"), Action::Forget, None),
        change(&address("set-aside"), Action::Forget, None),
    ];
    let adjusted = adjustments(&plan, &world, &Default::default(), &GeneralKinds);
    let mut replay = lazuli_state::Replay::new(world);
    adjusted.records.into_iter().for_each(|r| replay.apply(r));
    let after = replay.into_world();
    assert_eq!(
        after.resources.keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["resource.new", "resource.user"]
    );
    assert_eq!(after.resources[&address("user")].dependencies, [address("new")]);
    assert!(after.deposed.is_empty());
}

#[test]
fn what_a_refresh_found_is_recorded_as_what_was_sent_and_what_exists() {
    use lazuli_core::plan::{Drift, DriftKind, PlanMode};
    let world = world(vec![recorded("changed", &[]), recorded("same", &[])]);
    let mut plan = Scene::new(Vec::new()).plan();
    plan.mode = PlanMode::RefreshOnly;
    plan.drift = vec![Drift {
        address: address("changed"),
        title: "thing".into(),
        what: DriftKind::Changed {
            path: "tags.env".parse().unwrap(),
            recorded: None,
            observed: Some(Value::string("theirs")),
        },
    }];
    let object = json!({"tags": {"env": "theirs"}, "etag": "2"});
    let observed = [(id("changed"), object.clone())].into();
    let adjusted = adjustments(&plan, &world, &observed, &GeneralKinds);
    let mut replay = lazuli_state::Replay::new(world.clone());
    adjusted.records.into_iter().for_each(|r| replay.apply(r));
    let after = replay.into_world();
    assert_eq!(after.resources[&address("changed")].inputs["tags"], json!({"env": "theirs"}));
    assert_eq!(after.resources[&address("changed")].observed, object);
    assert_eq!(after.resources[&address("same")], world.resources[&address("same")]);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_is_told_apart() {
    use lazuli_core::plan::Operation::{Create, Delete, Update};
    let pending = |name: &str, operation, url: Option<&str>| Recorded {
        pending: Some(Pending { operation, url: url.map(Into::into) }),
        ..recorded(name, &[])
    };
    let world = world(vec![
        pending("a-made", Create, Some("u")),
        pending("b-never-arrived", Create, None),
        pending("c-creating", Create, None),
        pending("d-updated", Update, None),
        pending("e-gone", Delete, None),
        pending("f-there", Delete, None),
        pending("g-running", Create, Some("u")),
        recorded("quiet", &[]),
    ]);
    let scene = Scene::new(Vec::new());
    let ready = json!({"properties": {"provisioningState": "Succeeded", "token": "t"}});
    for name in ["a-made", "d-updated", "f-there"] {
        scene.cloud.objects.lock().unwrap().insert(id(name).as_str().into(), ready.clone());
    }
    let creating = json!({"properties": {"provisioningState": "Creating"}});
    scene.cloud.objects.lock().unwrap().insert(id("c-creating").as_str().into(), creating);
    let settled =
        settle(&world, &OneCloud(scene.cloud.clone()), false, |_| &["properties.token"], &|_, _| {}).await;
    let findings: Vec<_> = settled.iter().map(|s| s.finding.clone()).collect();
    assert_eq!(
        findings,
        [
            Finding::Finished,
            Finding::NothingThere,
            Finding::Unfinished,
            Finding::Finished,
            Finding::Finished,
            Finding::StillThere,
            Finding::Running
        ]
    );
    let Some(Record::Adjusted { removed, resources, .. }) = record(&settled) else { panic!() };
    assert_eq!(removed, [address("b-never-arrived"), address("e-gone")]);
    assert_eq!(resources.iter().filter(|r| r.pending.is_none()).count(), 2);
    assert_eq!(
        texts(&resources[0].sensitive),
        ["properties.token"],
        "a secret that is read here is a secret"
    );
}

fn begun(name: &str, operation: lazuli_core::plan::Operation, url: Option<&str>) -> Recorded {
    Recorded { pending: Some(Pending { operation, url: url.map(Into::into) }), ..recorded(name, &[]) }
}

#[tokio::test(start_paused = true)]
async fn what_never_got_a_successor_has_its_place_again() {
    let before = recorded("a-before", &[]);
    let mut world = world(vec![begun("a", lazuli_core::plan::Operation::Create, None)]);
    world.deposed.push(Recorded { address: address("a"), ..before.clone() });
    let scene = Scene::new(Vec::new());
    let settled = settle(&world, &OneCloud(scene.cloud.clone()), false, |_| &[], &|_, _| {}).await;
    assert_eq!(settled[0].finding, Finding::NothingThere);
    let Some(Record::Adjusted { removed, resources, .. }) = record(&settled) else { panic!() };
    assert!(removed.is_empty());
    assert_eq!(resources.iter().map(|r| &r.id).collect::<Vec<_>>(), [&before.id]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_nobody_can_be_asked_about_is_not_taken_for_over() {
    use lazuli_core::plan::Operation::{Create, Delete, Update};
    let names = ["a-failed", "b-deleting", "c-updating"];
    let world = world(vec![
        begun("a-failed", Create, Some("u")),
        begun("b-deleting", Delete, Some("u")),
        begun("c-updating", Update, Some("u")),
        begun("d-creating", Create, Some("u")),
    ]);
    let scene = Scene::new(Vec::new());
    for (name, state) in names.into_iter().zip(["Failed", "Deleting", "Updating"]) {
        let object = json!({"properties": {"provisioningState": state}});
        scene.cloud.objects.lock().unwrap().insert(id(name).as_str().into(), object);
    }
    *scene.cloud.speechless.lock().unwrap() = true;
    let settled = settle(&world, &OneCloud(scene.cloud.clone()), true, |_| &[], &|_, _| {}).await;
    let findings: Vec<_> = settled.iter().map(|s| &s.finding).collect();
    assert_eq!(*findings[0], Finding::Unfinished, "the object says itself that it is over");
    for finding in &findings[1..] {
        assert!(matches!(finding, Finding::Unreadable(Some(e)) if e.code == "Http503"), "{finding:?}");
    }
    let Some(Record::Adjusted { removed, resources, .. }) = record(&settled) else { panic!() };
    assert!(removed.is_empty(), "what the provider may still be making is not forgotten");
    assert_eq!(resources.iter().map(|r| r.address.clone()).collect::<Vec<_>>(), [address("a-failed")]);

    *scene.cloud.speechless.lock().unwrap() = false;
    let settled = settle(&world, &OneCloud(scene.cloud.clone()), true, |_| &[], &|_, _| {}).await;
    let findings: Vec<_> = settled.into_iter().map(|s| s.finding).collect();
    use Finding::{NothingThere, StillThere, Unfinished};
    assert_eq!(findings, [Unfinished, StillThere, Unfinished, NothingThere]);
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_a_run_was_killed_is_looked_for_again() {
    use lazuli_core::plan::Operation::Create;
    let world = world(vec![begun("late", Create, None), begun("never", Create, None)]);
    let scene = Scene::new(Vec::new());
    let object = json!({"properties": {"provisioningState": "Creating"}});
    scene.cloud.late.lock().unwrap().insert("late".into(), (3, object));
    let began = tokio::time::Instant::now();
    let settled = settle(&world, &OneCloud(scene.cloud.clone()), true, |_| &[], &|_, _| {}).await;
    assert_eq!(began.elapsed().as_secs(), 3, "both are waited for together");
    assert_eq!(settled[0].finding, Finding::Unfinished);
    assert_eq!(settled[1].finding, Finding::NothingThere);
    let Some(Record::Adjusted { removed, .. }) = record(&settled) else { panic!() };
    assert_eq!(removed, [address("never")]);
}
