use insta::assert_snapshot;
use lazuli_core::plan::Operation;
use serde_json::json;

use super::super::verdict::told;
use super::super::work::example::{GROUP, work, works};
use super::*;

fn vnet() -> String {
    format!("{GROUP}/providers/{NETWORKS}/hub")
}

/// A network `hub` with a subnet `nodes` of 11 addresses, some of them in use.
fn objects(used: usize, more: Json) -> Objects {
    let mut subnet = json!({"name": "nodes", "properties": {
        "addressPrefix": "10.0.1.0/28",
        "ipConfigurations": (0..used).map(|n| json!({"id": n.to_string()})).collect::<Vec<_>>(),
    }});
    for (key, value) in more.as_object().unwrap() {
        subnet["properties"][key] = value.clone();
    }
    let network = json!({"properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16", "fd00::/48"]},
        "subnets": [subnet],
        "virtualNetworkPeerings": [{"properties": {
            "remoteVirtualNetwork": {"id": "/subscriptions/s/resourceGroups/o/providers/Microsoft.Network/virtualNetworks/office"},
            "remoteAddressSpace": {"addressPrefixes": ["192.168.0.0/16"]},
        }}],
    }});
    Objects::from([(ResourceId::new(vnet()), network)])
}

fn nic(operation: Operation, name: &str) -> Work {
    let subnet = format!("{}/subnets/nodes", vnet());
    let body = json!({"properties": {"ipConfigurations": [{"properties": {"subnet": {"id": subnet}}}]}});
    work(operation, NICS, name, body)
}

#[test]
fn subnets_need_room_for_nodes_and_surge() {
    let mut lines = Vec::new();
    let swap = || vec![nic(Operation::Create, "new"), nic(Operation::Delete, "old")];
    for (used, all, order) in [
        (0, vec![nic(Operation::Create, "a")], &[][..]),
        (11, vec![nic(Operation::Create, "a")], &[]),
        (11, swap(), &[(0, 1)]),
        (11, swap(), &[(1, 0)]),
        (11, swap(), &[]),
    ] {
        let mut verdict = Verdict::default();
        subnets(&works(all, order), &objects(used, json!({})), &mut verdict);
        lines.push(format!("{used} in use, {order:?}\n{}", told(verdict)));
    }
    assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn fixed_addresses_are_not_those_that_azure_keeps() {
    let fixed = |address: &str| {
        let mut nic = nic(Operation::Create, "a");
        let configuration = &mut nic.body["properties"]["ipConfigurations"][0]["properties"];
        configuration["privateIPAllocationMethod"] = json!("Static");
        configuration["privateIPAddress"] = json!(address);
        let mut verdict = Verdict::default();
        subnets(&works(vec![nic], &[]), &objects(0, json!({})), &mut verdict);
        verdict.problems.len()
    };
    let found: Vec<usize> =
        ["10.0.1.0", "10.0.1.3", "10.0.1.4", "10.0.1.14", "10.0.1.15", "10.0.2.4"].map(fixed).into();
    assert_eq!(found, [1, 1, 0, 0, 1, 1]);
}

#[test]
fn nothing_is_put_into_a_delegated_subnet() {
    let delegated = json!({"delegations": [{"properties": {"serviceName": "Microsoft.Web/serverFarms"}}]});
    let mut verdict = Verdict::default();
    subnets(&works(vec![nic(Operation::Create, "a")], &[]), &objects(0, delegated), &mut verdict);
    assert_snapshot!(told(verdict));
}

#[test]
fn subnets_networks_and_peerings_need_ranges_of_their_own() {
    let mut lines = Vec::new();
    let subnet = |range: &str| {
        work(Operation::Create, SUBNETS, "hub/new", json!({"properties": {"addressPrefix": range}}))
    };
    let network = |range: &str| {
        work(
            Operation::Create,
            NETWORKS,
            "other",
            json!({"properties": {"addressSpace": {"addressPrefixes": [range]}}}),
        )
    };
    let peering = || {
        let remote = json!({"properties": {"remoteVirtualNetwork": {"id": vnet()}}});
        work(Operation::Create, PEERINGS, "other/to-hub", remote)
    };
    for all in [
        vec![subnet("10.0.2.0/24")],
        vec![subnet("10.1.0.0/24")],
        vec![subnet("10.0.1.8/29")],
        vec![network("169.254.10.0/24")],
        vec![network("10.9.0.0/16"), peering()],
        vec![network("10.0.0.0/24"), peering()],
    ] {
        let mut verdict = Verdict::default();
        ranges(&works(all, &[]), &objects(0, json!({})), &mut verdict);
        lines.push(told(verdict));
    }
    assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn pods_and_services_stay_clear_of_the_network_and_its_peers() {
    let mut lines = Vec::new();
    for (pods, services) in [
        ("10.244.0.0/16", "10.96.0.0/12"),
        ("10.0.128.0/17", "10.96.0.0/12"),
        ("192.168.0.0/16", "10.96.0.0/12"),
    ] {
        let placed = Placed {
            cluster: "cluster.inner".parse().unwrap(),
            span: None,
            network: ResourceId::new(vnet()),
            pods: pods.parse().unwrap(),
            services: services.parse().unwrap(),
        };
        let mut verdict = Verdict::default();
        placements(&[placed], &objects(0, json!({})), &mut verdict);
        lines.push(told(verdict));
    }
    assert_snapshot!(lines.join("\n\n"));
}
