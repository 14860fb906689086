//! World files: what survives a crash, and what a crash leaves behind.

use std::io::Write;

use lazuli_simulator::{Credentials, Profile, World, WorldFile, WorldFileError};

use crate::cloud::{Cloud, compute, machine, net};

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
