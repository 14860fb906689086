//! Who sits where, over the life of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, NodeSlot};
use lazuli_core::{Address, Json, Value};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::Renewals;
use crate::expand::Expansion;
use crate::names;
use crate::spec::Cluster;
use crate::testing::{CLUSTER, PROFILE, cluster, decode, edited, expanded, expanded_inside, nothing};

fn node(slot: u32) -> Address {
    Address::root("cluster", "prod").keyed("worker_pool", "general").keyed("node", &slot.to_string())
}

fn workers(expansion: &Expansion) -> Vec<NodeSlot> {
    let pool = Address::root("cluster", "prod").keyed("worker_pool", "general");
    let vms =
        expansion.parts.iter().filter(|part| &*part.desired.ty.name == "Microsoft.Compute/virtualMachines");
    vms.filter(|vm| vm.declaration.address.is_within(&pool))
        .map(|vm| vm.desired.slot.clone().unwrap())
        .collect()
}

fn reasons(expansion: &Expansion) -> Vec<String> {
    let vms =
        expansion.parts.iter().filter(|part| &*part.desired.ty.name == "Microsoft.Compute/virtualMachines");
    vms.filter_map(|vm| {
        Some(format!("{}: {}", vm.desired.slot.as_ref()?.address, vm.desired.succeeds.as_ref()?))
    })
    .collect()
}

fn zones(expansion: &Expansion) -> String {
    workers(expansion).iter().map(|slot| slot.zone.clone().unwrap()).collect::<Vec<_>>().join(" ")
}

/// The part of a body that is known, as the state keeps it.
fn inputs(body: &Value) -> Json {
    let known = body.map_unknown(&mut |_| Some(Value::null()));
    lazuli_core::encoding::to_json(&known).unwrap()
}

/// What the state remembers once an expansion has been applied; of parts that `reached` refuses, what it remembered.
fn apply(world: &mut RecordedWorld, expansion: &Expansion, reached: impl Fn(&Address) -> bool) {
    let wanted: BTreeSet<&Address> = expansion.parts.iter().map(|part| &part.declaration.address).collect();
    // What goes, goes backwards: the machine first, then what it stands on.
    let goes_early = |address: &Address| address.as_str().ends_with(".vm");
    let to_the_end = expansion.parts.iter().all(|part| reached(&part.declaration.address));
    world.resources.retain(|address, _| wanted.contains(address) || !(to_the_end || goes_early(address)));
    for part in expansion.parts.iter().filter(|part| part.declaration.mode == Mode::Managed) {
        let (address, desired) = (part.declaration.address.clone(), &part.desired);
        if !reached(&address) {
            continue;
        }
        if let Some(slot) = &desired.slot {
            world.roster.insert(slot.address.clone(), slot.clone());
        }
        let recorded = Recorded {
            address: address.clone(),
            mode: part.declaration.mode,
            provider: desired.provider,
            account: desired.account.clone(),
            ty: desired.ty.clone(),
            id: desired.id.clone().unwrap(),
            inputs: inputs(&desired.body),
            observed: Json::Null,
            dependencies: Vec::new(),
            sensitive: Vec::new(),
            write_only: BTreeMap::new(),
            prevent_destroy: false,
            slot: desired.slot.clone(),
            pending: None,
            created_at: String::new(),
            updated_at: String::new(),
        };
        world.resources.insert(address, recorded);
    }
}

/// The state after a cluster has been made.
fn made(cluster: &Cluster) -> RecordedWorld {
    let mut world = nothing();
    let expansion = expanded(cluster, &world, &Renewals::new());
    apply(&mut world, &expansion, |_| true);
    world
}

fn plan(cluster: &Cluster, world: &RecordedWorld) -> Expansion {
    expanded(cluster, world, &Renewals::new())
}

#[test]
fn new_nodes_are_spread_over_the_zones_lowest_first() {
    let mut cluster = cluster(CLUSTER);
    cluster.workers[0].count = 7;
    assert_eq!(zones(&plan(&cluster, &nothing())), "1 2 3 1 2 3 1");
    cluster.workers[0].zones = vec!["2".into(), "3".into()];
    assert_eq!(zones(&plan(&cluster, &nothing())), "2 3 2 3 2 3 2");
}

#[test]
fn what_is_made_stays_as_it_is() {
    let cluster = cluster(CLUSTER);
    let world = made(&cluster);
    let again = plan(&cluster, &world);
    assert_eq!(again.parts, plan(&cluster, &nothing()).parts);
    assert_eq!(reasons(&again), [""; 0]);
}

#[test]
fn scaling_in_takes_the_highest_slots_and_their_names_never_come_back() {
    let mut cluster = cluster(CLUSTER);
    let mut world = made(&cluster);
    let before = workers(&plan(&cluster, &world));
    cluster.workers[0].count = 1;
    let smaller = plan(&cluster, &world);
    assert_eq!(workers(&smaller), before[..1]);
    apply(&mut world, &smaller, |_| true);
    cluster.workers[0].count = 3;
    let after = workers(&plan(&cluster, &world));
    assert_eq!(after[0], before[0]);
    for (old, new) in before.iter().zip(&after).skip(1) {
        assert_eq!(new.generation, 2);
        assert_ne!(new.name, old.name);
    }
}

#[test]
fn nodes_stay_where_they_are_when_a_zone_is_added() {
    let mut cluster = cluster(CLUSTER);
    cluster.workers[0].zones = vec!["1".into()];
    let mut world = made(&cluster);
    cluster.workers[0].zones = vec!["1".into(), "2".into(), "3".into()];
    cluster.workers[0].count = 5;
    let grown = plan(&cluster, &world);
    assert_eq!(zones(&grown), "1 1 1 2 3");
    assert_eq!(reasons(&grown), [""; 0]);
    apply(&mut world, &grown, |_| true);
    // A node that is made anew stays in its zone too, full as it is.
    let renewals = Renewals::from([(node(2), "asked for".to_owned())]);
    let renewed = expanded(&cluster, &world, &renewals);
    assert_eq!(zones(&renewed), "1 1 1 2 3");
    assert_eq!(reasons(&renewed), ["cluster.prod.worker_pool[\"general\"].node[\"2\"]: asked for"]);
    assert_eq!(workers(&renewed)[1].generation, 2);
}

#[test]
fn nodes_move_when_their_pool_gets_zones_or_loses_them() {
    let mut cluster = cluster(CLUSTER);
    cluster.workers[0].zones = Vec::new();
    let mut world = made(&cluster);
    assert!(workers(&plan(&cluster, &world)).iter().all(|slot| slot.zone.is_none() && slot.generation == 1));
    cluster.workers[0].zones = vec!["1".into(), "2".into()];
    let zoned = plan(&cluster, &world);
    assert_eq!(zones(&zoned), "1 2 1");
    assert!(reasons(&zoned).iter().all(|reason| reason.ends_with("its pool has zones now")));
    apply(&mut world, &zoned, |_| true);
    cluster.workers[0].zones = Vec::new();
    let back = plan(&cluster, &world);
    assert!(workers(&back).iter().all(|slot| slot.zone.is_none() && slot.generation == 3));
}

#[test]
fn only_nodes_of_a_zone_that_leaves_the_list_move() {
    let mut cluster = cluster(CLUSTER);
    cluster.workers[0].count = 6;
    let world = made(&cluster);
    cluster.workers[0].zones = vec!["1".into(), "3".into()];
    let moved = plan(&cluster, &world);
    assert_eq!(zones(&moved), "1 1 3 1 3 3");
    assert_eq!(
        reasons(&moved),
        ["2", "5"].map(|slot| format!(
            "cluster.prod.worker_pool[\"general\"].node[\"{slot}\"]: zone 2 is no longer one of its zones"
        ))
    );
}

/// Why the first worker is made anew after a change of the cluster.
fn because(change: impl FnOnce(&mut Cluster)) -> Option<String> {
    let mut cluster = cluster(CLUSTER);
    let world = made(&cluster);
    change(&mut cluster);
    let after = plan(&cluster, &world);
    let vm = after.parts.iter().find(|part| part.declaration.address == node(1).child("vm")).unwrap();
    let generation = vm.desired.slot.as_ref().unwrap().generation;
    assert_eq!(generation, if vm.desired.succeeds.is_some() { 2 } else { 1 });
    vm.desired.succeeds.clone()
}

#[test]
fn an_attribute_a_machine_cannot_change_makes_a_new_node_and_says_so() {
    let told = |change: fn(&mut Cluster)| because(change).unwrap();
    assert_eq!(
        told(|c| c.workers[0].instance_type = "Standard_D16s_v5".into()),
        "instance_type Standard_D8s_v5 -> Standard_D16s_v5"
    );
    assert_eq!(told(|c| c.workers[0].os_disk.size_gb = 256), "os_disk.size_gb 128 -> 256");
    assert_eq!(told(|c| c.workers[0].spot = Some(Value::int(-1))), "priority Regular -> Spot");
    assert_eq!(told(|c| c.workers[0].encryption_at_host = true), "encryption_at_host false -> true");
    assert_eq!(told(|c| c.region = "westeurope".into()), "region eastus2 -> westeurope");
    assert_eq!(
        told(|c| c.resource_group = "rg-other".into()),
        "resource_group rg-platform -> rg-other, subnet …/virtualNetworks/prod-vnet/subnets/prod-worker-subnet -> …/virtualNetworks/prod-vnet/subnets/prod-worker-subnet"
    );
    assert!(
        told(|c| c.profile.kubernetes = semver::Version::new(1, 35, 0))
            .ends_with(" -> …/Images/capi-ubun2-2404/Versions/1.35.0")
    );
    assert!(told(|c| c.profile.image = crate::spec::Image::Gallery("/a".into())).ends_with("-> /a"));
}

#[test]
fn a_rotated_key_makes_the_nodes_anew_that_hang_on_it_and_a_step_asked_for_twice_is_one_step() {
    for (name, title, on_workers) in [
        ("service_account", "service account key", false),
        ("etcd_ca", "etcd certificate authority", false),
        ("front_proxy_ca", "front proxy certificate authority", false),
        ("cluster_ca", "cluster certificate authority", true),
    ] {
        rotates(name, title, on_workers);
    }
}

fn rotates(name: &str, title: &str, on_workers: bool) {
    let cluster = cluster(CLUSTER);
    let mut world = nothing();
    let new = expanded_inside(&cluster, &world, &Renewals::new());
    apply(&mut world, &new, |_| true);
    let key = Address::root("cluster", "prod").child("pki").child(name);
    let workers: u32 = cluster.workers.iter().map(|pool| pool.count).sum();
    let number = cluster.control_plane.count + if on_workers { workers } else { 0 };
    for steps in 1..=3 {
        let renewals: Renewals = [(key.clone(), steps.to_string())].into();
        let asked = expanded_inside(&cluster, &world, &renewals);
        let told = reasons(&asked);
        assert_eq!(told.len(), number as usize, "{told:?}");
        let because = format!("{title} is rotated");
        let fits = |why: &String| (on_workers || why.contains("control_plane")) && why.ends_with(&because);
        assert!(told.iter().all(fits), "{told:?}");
        // Stopped when the key had been told: the same nodes are left, whoever asks.
        let mut stopped = world.clone();
        apply(&mut stopped, &asked, |address| *address == key);
        for renewals in [&renewals, &Renewals::new()] {
            assert_eq!(reasons(&expanded_inside(&cluster, &stopped, renewals)), told);
        }
        apply(&mut world, &asked, |_| true);
        for renewals in [&renewals, &Renewals::new()] {
            assert_eq!(
                reasons(&expanded_inside(&cluster, &world, renewals)),
                [""; 0],
                "step {steps} is done"
            );
        }
    }
}

#[test]
fn other_changes_leave_nodes_alone() {
    assert_eq!(because(|c| drop(c.tags.insert("cost".into(), Value::string("42")))), None);
    assert_eq!(because(|c| c.workers[0].update.window = 3), None);
    assert_eq!(because(|c| c.control_plane.instance_type = "Standard_D2s_v5".into()), None);
    assert_eq!(because(|c| c.resource_group = "RG-Platform".into()), None);
}

#[test]
fn a_plan_that_comes_or_goes_replaces_the_machine() {
    let image = |plan| crate::spec::Image::Marketplace {
        publisher: "p".into(),
        offer: "o".into(),
        sku: "s".into(),
        version: "1".into(),
        plan,
    };
    let mut cluster = cluster(CLUSTER);
    cluster.profile.image = image(false);
    let world = made(&cluster);
    cluster.profile.image = image(true);
    assert!(reasons(&plan(&cluster, &world))[0].ends_with("image plan none -> s:o:p"));
    let world = made(&cluster);
    cluster.profile.image = image(false);
    assert!(reasons(&plan(&cluster, &world))[0].ends_with("image plan s:o:p -> none"));
}

#[test]
fn a_sensitive_price_is_compared_and_not_told() {
    let mut cluster = cluster(CLUSTER);
    cluster.workers[0].spot = Some(Value::string("7").sensitive());
    let world = made(&cluster);
    assert_eq!(reasons(&plan(&cluster, &world)), [""; 0]);
    cluster.workers[0].spot = Some(Value::string("8").sensitive());
    assert!(reasons(&plan(&cluster, &world))[0].ends_with("-> (sensitive value)"));
}

/// A newer release writes attributes that an older one left to Azure.
#[test]
fn a_field_that_an_older_release_did_not_write_replaces_nothing() {
    let cluster = cluster(CLUSTER);
    let whole = made(&cluster);
    let fields = [
        ("/properties/storageProfile/osDisk", "managedDisk"),
        ("/properties/storageProfile/osDisk", "diskSizeGB"),
        ("/properties/storageProfile", "osDisk"),
        ("/properties/osProfile", "linuxConfiguration"),
        ("/properties/storageProfile/imageReference", "communityGalleryImageId"),
        ("/properties", "diagnosticsProfile"),
        ("", "tags"),
        ("", "location"),
    ];
    for (parent, field) in fields {
        let mut world = whole.clone();
        for recorded in world.resources.values_mut().filter(|r| r.address.as_str().ends_with(".vm")) {
            let parent = recorded.inputs.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.remove(field).unwrap_or_else(|| panic!("{field} was recorded"));
        }
        assert_eq!(reasons(&plan(&cluster, &world)), [""; 0], "{field}");
    }
}

#[test]
fn a_replacement_that_was_interrupted_goes_on_under_the_same_name() {
    let mut cluster = cluster(CLUSTER);
    let mut world = made(&cluster);
    cluster.workers[0].instance_type = "Standard_D16s_v5".into();
    let begun = plan(&cluster, &world);
    // The new network interface was made, then the machine failed.
    apply(&mut world, &begun, |address| *address == node(1).child("nic"));
    let resumed = plan(&cluster, &world);
    assert_eq!(workers(&resumed), workers(&begun));
    assert_eq!(
        reasons(&resumed)[0],
        "cluster.prod.worker_pool[\"general\"].node[\"1\"]: its replacement was begun and not finished"
    );
}

#[test]
fn a_node_whose_record_is_newer_than_the_roster_still_gets_a_new_name() {
    let cluster = cluster(CLUSTER);
    let mut world = made(&cluster);
    world.roster.clear();
    let renewals = Renewals::from([(node(1), "asked for".to_owned())]);
    assert_eq!(workers(&expanded(&cluster, &world, &renewals))[0].generation, 2);
}

#[test]
fn nodes_of_another_subnet_are_made_anew() {
    let text = edited(CLUSTER, crate::testing::OWN_NETWORK, crate::testing::EXISTING_NETWORK);
    let world = made(&cluster(&text));
    let same = cluster(&edited(&text, "vnet-hub", "VNET-Hub"));
    assert_eq!(reasons(&plan(&same, &world)), [""; 0], "ids compare without regard to case");
    let other = cluster(&edited(&text, "snet-workers", "snet-other"));
    let told = reasons(&plan(&other, &world));
    assert_eq!(told.len(), 3);
    assert!(
        told[0].starts_with("cluster.prod.worker_pool[\"general\"].node[\"1\"]: subnet …/virtualNetworks/vnet-hub/subnets/snet-workers -> "),
        "{}",
        told[0]
    );
}

#[test]
fn pools_that_look_alike_get_different_names() {
    let pool = |name: &str| {
        format!("  worker_pool \"{name}\" {{\n    count = 3\n    instance_type = \"Standard_D8s_v5\"\n  }}\n")
    };
    let text = format!("{}{}{}}}\n", CLUSTER.strip_suffix("}\n").unwrap(), pool("a"), pool("a-1"));
    let expansion = plan(&decode(PROFILE, &text).cluster.unwrap(), &nothing());
    let names: BTreeSet<&str> = expansion.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names.len(), 12);
}

/// One day in the life of a pool.
#[derive(Debug, Clone)]
enum Day {
    Count(u32),
    Zones(Vec<&'static str>),
    Renew(Vec<u32>),
    InstanceType(&'static str),
    Quiet,
}

fn day() -> impl Strategy<Value = (Day, bool)> {
    let day = prop_oneof![
        (0u32..8).prop_map(Day::Count),
        subsequence(vec!["1", "2", "3"], 1..=3).prop_map(Day::Zones),
        subsequence(vec![1u32, 2, 3, 4, 5], 1..=5).prop_map(Day::Renew),
        prop_oneof![Just("Standard_D8s_v5"), Just("Standard_D16s_v5")].prop_map(Day::InstanceType),
        Just(Day::Quiet),
    ];
    // One apply in four stops before the machines.
    (day, proptest::bool::weighted(0.25))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_keeps_its_laws_over_its_life(life in proptest::collection::vec(day(), 1..12)) {
        let mut cluster = cluster(CLUSTER);
        let mut world = made(&cluster);
        let mut ever: BTreeMap<String, (Address, u32)> = BTreeMap::new();
        let mut seated: BTreeMap<Address, NodeSlot> = workers(&plan(&cluster, &world))
            .into_iter()
            .map(|slot| (slot.address.clone(), slot))
            .collect();
        for (day, interrupted) in life {
            let mut renewals = Renewals::new();
            let pool = &mut cluster.workers[0];
            match day {
                Day::Count(count) => pool.count = count,
                Day::Zones(zones) => pool.zones = zones.into_iter().map(str::to_owned).collect(),
                Day::Renew(slots) => {
                    renewals = slots.into_iter().map(|slot| (node(slot), "asked for".to_owned())).collect();
                }
                Day::InstanceType(size) => pool.instance_type = size.to_owned(),
                Day::Quiet => {}
            }
            let (count, zones) = (pool.count, pool.zones.clone());
            let expansion = expanded(&cluster, &world, &renewals);
            prop_assert_eq!(&expansion.parts, &expanded(&cluster, &world, &renewals).parts);
            let slots = workers(&expansion);
            prop_assert_eq!(
                slots.iter().map(|slot| slot.address.clone()).collect::<Vec<_>>(),
                (1..=count).map(node).collect::<Vec<_>>()
            );
            let mut in_zone: BTreeMap<&str, usize> = zones.iter().map(|zone| (zone.as_str(), 0)).collect();
            for slot in &slots {
                *in_zone.get_mut(slot.zone.as_deref().unwrap()).expect("one of the pool's zones") += 1;
            }
            let fewest = in_zone.values().min().copied().unwrap_or(0);
            for slot in &slots {
                // Names: one node each, for ever.
                let holder = ever.entry(slot.name.clone()).or_insert((slot.address.clone(), slot.generation));
                prop_assert_eq!(&*holder, &(slot.address.clone(), slot.generation));
                let last = world.roster.get(&slot.address).map_or(0, |last| last.generation);
                let zone = slot.zone.as_deref().unwrap();
                let before = seated.get(&slot.address);
                match before {
                    Some(before) if before.generation == slot.generation => prop_assert_eq!(before, slot),
                    _ => prop_assert!(slot.generation > last),
                }
                // Zones: kept while they are in the list, else where there were fewest.
                match before.and_then(|before| before.zone.as_ref()) {
                    Some(kept) if zones.contains(kept) => prop_assert_eq!(zone, kept),
                    _ => prop_assert!(in_zone[zone] - 1 <= fewest),
                }
            }
            apply(&mut world, &expansion, |address| !interrupted || !address.as_str().ends_with(".vm"));
            let gone = |slot: &NodeSlot| !["vm", "nic"].iter().any(|p| world.resources.contains_key(&slot.address.child(p)));
            seated.retain(|_, slot| !gone(slot));
            seated.extend(slots.iter().map(|slot| (slot.address.clone(), slot.clone())));
            // Applied, or taken up again after an interruption: the same nodes.
            prop_assert_eq!(workers(&plan(&cluster, &world)), slots);
        }
    }

    #[test]
    fn a_slot_sees_no_suffix_twice(lineage in "[a-z0-9-]{1,36}", first in 1u32..1000, step in 1u32..65_536) {
        let suffix = |generation| names::suffix(&lineage, "cluster.prod.control_plane", "1", generation);
        prop_assert_ne!(suffix(first), suffix(first + step));
        prop_assert_eq!(suffix(first).len(), 4);
    }
}
