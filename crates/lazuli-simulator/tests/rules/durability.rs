//! World files: what survives a crash, and what a crash leaves behind.

use std::io::Write;

use lazuli_simulator::{Credentials, Profile, World, WorldFile, WorldFileError};
use proptest::prelude::*;
use serde_json::json;

use crate::cloud::{Cloud, GROUP, address, compute, machine, net, network, nic};

fn nobody() -> World {
    let credentials = Credentials {
        tenant: String::new(),
        subscription: String::new(),
        client_id: String::new(),
        client_secret: String::new(),
    };
    World::new(credentials, 0)
}

#[test]
fn a_world_read_from_its_records_is_the_world_that_wrote_them() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let mut copy: World =
        serde_json::from_str(&serde_json::to_string(&cloud.world).expect("JSON")).expect("a world");
    cloud.world.take_changes();
    cloud.make_network();
    cloud.make_nic("nic-a");
    cloud.put(&compute("virtualMachines/a"), &machine("a"));
    let changes = serde_json::to_string(&cloud.world.take_changes()).expect("JSON");
    copy.replay(serde_json::from_str(&changes).expect("changes"));
    // The machine is still being made; both worlds finish it, without a word between them.
    cloud.pass(600_000);
    let mut other =
        Cloud { world: copy, settings: cloud.settings.clone(), now: cloud.now, token: cloud.token.clone() };
    for path in [compute("virtualMachines/a"), net("networkInterfaces/nic-a"), net("virtualNetworks/net")] {
        assert_eq!(other.get(&path).value(), cloud.get(&path).value());
    }
    assert_eq!(
        other.get(&compute("virtualMachines/a")).value()["properties"]["provisioningState"],
        "Succeeded"
    );
}

#[test]
fn a_deployment_goes_on_in_a_world_that_is_read_again() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let mut copy: World =
        serde_json::from_str(&serde_json::to_string(&cloud.world).expect("JSON")).expect("a world");
    cloud.world.take_changes();
    let deployment = format!("{GROUP}/providers/Microsoft.Resources/deployments/first");
    let resource = |kind: &str, name: &str, mut body: serde_json::Value| {
        body["type"] = json!(format!("Microsoft.Network/{kind}"));
        body["apiVersion"] = json!("2025-05-01");
        body["name"] = json!(name);
        body
    };
    let mut second = resource("networkInterfaces", "nic", nic("nodes"));
    second["dependsOn"] = json!(["net"]);
    let template = json!({ "resources": [resource("virtualNetworks", "net", network(&[("nodes", "10.0.0.0/24")])), second] });
    let body = json!({ "properties": { "mode": "Incremental", "template": template } });
    assert_eq!(cloud.put(&deployment, &body).status, 201);
    cloud.get(&deployment);
    let changes = serde_json::to_string(&cloud.world.take_changes()).expect("JSON");
    copy.replay(serde_json::from_str(&changes).expect("changes"));
    cloud.pass(600_000);
    let mut other =
        Cloud { world: copy, settings: cloud.settings.clone(), now: cloud.now, token: cloud.token.clone() };
    for path in [deployment.clone(), net("networkInterfaces/nic"), format!("{deployment}/operations")] {
        assert_eq!(other.get(&path).value(), cloud.get(&path).value());
    }
    assert_eq!(other.get(&deployment).value()["properties"]["provisioningState"], "Succeeded");
    // What it did on a read is written down before anybody hears of it.
    assert!(!cloud.world.take_changes().is_empty());
}

#[test]
fn reads_and_refusals_write_nothing() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.world.take_changes();
    cloud.get(&net("virtualNetworks/net"));
    cloud.get(&net("virtualNetworks/none"));
    cloud.put(&net("networkInterfaces/nic"), &crate::cloud::nic("none"));
    assert!(cloud.world.take_changes().is_empty());
}

#[test]
fn one_process_holds_a_world_and_only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/world.json");
    let (file, _) = WorldFile::open(&path, nobody).expect("a world file");
    let refused = WorldFile::open(&path, nobody).expect_err("it is taken");
    assert!(matches!(refused, WorldFileError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("deep/world.json"), "{refused}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(file);
    WorldFile::open(&path, || panic!("the world exists")).expect("a world file");
}

#[test]
fn a_torn_last_line_is_dropped_and_a_broken_one_in_between_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.json");
    drop(WorldFile::open(&path, nobody).expect("a world file"));
    let append = |text: &str| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("a file");
        file.write_all(text.as_bytes()).expect("a write");
    };
    append(r#"{"changes":[{"counters":{"dra"#);
    drop(WorldFile::open(&path, || panic!("the world exists")).expect("a world file"));
    append("{\"changes\":[{\"counters\":{\"dra\n");
    let refused = WorldFile::open(&path, || panic!("the world exists")).expect_err("it is broken");
    assert!(matches!(refused, WorldFileError::Corrupt { line: 2, .. }), "{refused}");
}

/// One request of a random history over few names, so that histories collide with themselves.
#[test]
fn what_a_power_loss_left_as_zeros_is_dropped_with_what_was_appended_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.json");
    drop(WorldFile::open(&path, nobody).expect("a world file"));
    let whole = std::fs::read(&path).expect("a file");
    for tail in [&[0; 10][..], b"\0\0\0\0\0\"}]}\n{\"changes\":[]}\n", b"{\"changes\":[\0\0\0\0\n"] {
        std::fs::write(&path, [&whole, tail].concat()).expect("a file");
        drop(WorldFile::open(&path, || panic!("the world exists")).expect("a world file"));
        assert_eq!(std::fs::read(&path).expect("a file"), whole);
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Put(usize, bool),
    Delete(usize),
    Wait(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => (0..PATHS, any::<bool>()).prop_map(|(path, other)| Deed::Put(path, other)),
        2 => (0..PATHS).prop_map(Deed::Delete),
        3 => (0_u64..90_000).prop_map(Deed::Wait),
    ];
    proptest::collection::vec(deed, 1..60)
}

const PATHS: usize = 8;

fn target(path: usize, other: bool) -> (String, serde_json::Value) {
    let subnet = |prefix: &str| json!({ "properties": { "addressPrefix": prefix } });
    let mut labelled = address();
    labelled["properties"]["dnsSettings"] =
        json!({ "domainNameLabel": if other { "label-one" } else { "label-two" } });
    let mut sized = machine("a");
    sized["properties"]["hardwareProfile"]["vmSize"] =
        json!(if other { "Standard_D2s_v5" } else { "Standard_D4s_v5" });
    let more: &[(&str, &str)] = if other {
        &[("nodes", "10.0.0.0/24"), ("more", "10.0.1.0/24")]
    } else {
        &[("nodes", "10.0.0.0/24")]
    };
    match path {
        0 => (net("virtualNetworks/net"), network(more)),
        1 => (
            net("virtualNetworks/net/subnets/extra"),
            subnet(if other { "10.0.4.0/24" } else { "10.0.5.0/24" }),
        ),
        2 => (net("networkInterfaces/nic-a"), nic("nodes")),
        3 => (net("networkInterfaces/nic-b"), nic(if other { "extra" } else { "nodes" })),
        4 => (net("publicIPAddresses/ip-a"), labelled),
        5 => (net("publicIPAddresses/ip-b"), labelled),
        6 => (compute("virtualMachines/a"), sized),
        _ => (
            compute("disks/a-etcd"),
            json!({ "location": "eastus2", "properties": { "diskSizeGB": 8, "creationData": { "createOption": "Empty" } } }),
        ),
    }
}

/// Everything a client can see.
fn seen(cloud: &mut Cloud) -> serde_json::Value {
    cloud.log_in();
    let mut seen = Vec::new();
    for kind in [
        "Network/virtualNetworks",
        "Network/networkInterfaces",
        "Network/publicIPAddresses",
        "Compute/virtualMachines",
        "Compute/disks",
    ] {
        seen.push(cloud.get(&format!("{GROUP}/providers/Microsoft.{kind}")).value().clone());
    }
    let usages = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Compute/locations/eastus2/usages";
    seen.push(cloud.get(usages).value().clone());
    serde_json::Value::Array(seen)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A crash at any request loses nothing that was answered, and the reborn world goes on exactly as the
    /// undisturbed one would have.
    #[test]
    fn a_world_reborn_after_a_crash_is_the_same_world(history in deeds(), crash_at in 0_usize..60) {
        let mut cloud = Cloud::new(Profile::Realistic);
        cloud.world.take_changes();
        let snapshot = serde_json::to_string(&cloud.world).expect("JSON");
        let mut records: Vec<String> = Vec::new();
        for (number, deed) in history.into_iter().enumerate() {
            if number == crash_at {
                let mut reborn: World = serde_json::from_str(&snapshot).expect("a world");
                for record in &records {
                    reborn.replay(serde_json::from_str(record).expect("changes"));
                }
                let mut other = Cloud { world: reborn, settings: cloud.settings.clone(), now: cloud.now, token: String::new() };
                let before = seen(&mut cloud);
                prop_assert_eq!(before, seen(&mut other));
                cloud = other;
            }
            match deed {
                Deed::Wait(ms) => cloud.pass(ms),
                Deed::Put(path, other) => {
                    let (id, body) = target(path, other);
                    prop_assert!(cloud.put(&id, &body).status < 500);
                }
                Deed::Delete(path) => prop_assert!(cloud.delete(&target(path, true).0).status < 500),
            }
            records.push(serde_json::to_string(&cloud.world.take_changes()).expect("JSON"));
        }
    }
}
