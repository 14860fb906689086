//! Variants of the architecture: each is made, is settled, and goes without a trace.

use serde_json::Value as Json;

use crate::configurations::SMALL;
use crate::workbench::{Workbench, told};

/// Makes a cluster, looks at it, and removes it again.
fn comes_and_goes(bench: &Workbench, look: impl FnOnce(&Workbench)) {
    let before = bench.world().keys().cloned().collect::<Vec<_>>();
    bench.applies();
    bench.is_settled();
    look(bench);
    bench.does("destroy --auto-approve");
    let left: Vec<String> = bench.world().into_keys().filter(|id| !before.contains(id)).collect();
    assert_eq!(left, Vec::<String>::new(), "something is left");
}

/// The small cluster with changes, in a world in which nothing but its resource group is.
fn small(edits: &[(&str, &str)]) -> Workbench {
    let bench = Workbench::with(SMALL);
    for (from, to) in edits {
        bench.edit("main.hcl", from, to);
    }
    bench.does("plan");
    bench
}

/// The names of a type that exist.
fn names(bench: &Workbench, ty: &str) -> Vec<String> {
    bench.existing(ty).iter().map(|id| id.rsplit('/').next().unwrap().to_owned()).collect()
}

fn body(bench: &Workbench, name: &str) -> Json {
    let world = bench.world();
    let found = world.iter().find(|(id, _)| id.ends_with(&format!("/{name}")));
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", world.keys())).1["body"].clone()
}

const NETWORK: &str = "    cidr = \"10.40.0.0/16\"\n";
const CONTROL_PLANE: &str = "  control_plane {\n";

fn private(more: &str) -> String {
    format!("  api_server {{\n    access = \"private\"\n{more}  }}\n\n{CONTROL_PLANE}")
}

#[test]
fn a_private_api_has_no_public_address_and_is_reached_by_name_from_a_peered_network() {
    let bench = Workbench::example("private-api");
    told("private_api_plan", bench.does("plan"));
    comes_and_goes(&bench, |bench| {
        assert_eq!(names(bench, "Microsoft.Network/publicIPAddresses"), ["pip-inner-natgw"]);
        assert_eq!(bench.does("output endpoint").stdout.trim(), "\"https://apiserver.inner.internal:6443\"");
        for network in ["inner-vnet", "vnet-hub"] {
            let peerings = &body(bench, network)["properties"]["virtualNetworkPeerings"];
            assert_eq!(peerings.as_array().unwrap().len(), 1, "{network}");
        }
        let links = names(bench, "Microsoft.Network/privateDnsZones/virtualNetworkLinks");
        assert_eq!(links, ["inner-hub-link", "inner-vnet-link"]);
        let frontend = &body(bench, "inner-internal-lb")["properties"]["frontendIPConfigurations"][0];
        assert_eq!(frontend["properties"]["privateIPAddress"], "10.60.0.10");
    });
}

#[test]
fn nodes_leave_by_a_load_balancer() {
    let bench = small(&[(NETWORK, &format!("{NETWORK}    egress = \"load_balancer\"\n"))]);
    comes_and_goes(&bench, |bench| {
        assert_eq!(names(bench, "Microsoft.Network/loadBalancers"), ["small", "small-public-lb"]);
        let addresses = names(bench, "Microsoft.Network/publicIPAddresses");
        assert_eq!(addresses, ["pip-small-apiserver", "pip-small-node-outbound"]);
        assert_eq!(names(bench, "Microsoft.Network/natGateways"), [""; 0]);
    });
}

#[test]
fn a_private_cluster_without_egress_has_no_public_address_at_all() {
    for egress in ["none", "user_defined_routing"] {
        let bench = small(&[
            (NETWORK, &format!("{NETWORK}    egress = \"{egress}\"\n")),
            (CONTROL_PLANE, &private("")),
        ]);
        comes_and_goes(&bench, |bench| {
            assert_eq!(names(bench, "Microsoft.Network/publicIPAddresses"), [""; 0], "{egress}");
            assert_eq!(names(bench, "Microsoft.Network/loadBalancers"), ["small-internal-lb"], "{egress}");
        });
    }
}

#[test]
fn a_private_control_plane_leaves_by_the_load_balancer_of_the_workers() {
    let bench = small(&[
        (NETWORK, &format!("{NETWORK}    egress = \"load_balancer\"\n")),
        (CONTROL_PLANE, &private("    authorized_ranges = [\"10.0.0.0/8\"]\n")),
    ]);
    comes_and_goes(&bench, |bench| {
        let outbound = names(bench, "Microsoft.Network/publicIPAddresses");
        assert_eq!(outbound, ["pip-small-node-outbound"]);
        let rule = &body(bench, "small-cp-nsg")["properties"]["securityRules"][0]["properties"];
        assert_eq!(rule["sourceAddressPrefixes"], serde_json::json!(["10.0.0.0/8", "10.40.0.0/16"]));
    });
}

#[test]
fn where_there_are_no_zones_there_are_availability_sets() {
    let zones = |size: &str| format!("instance_type = \"{size}\"\n    zones = []\n");
    let bench = small(&[
        ("instance_type = \"Standard_D4s_v5\"\n", &zones("Standard_D4s_v5")),
        ("instance_type = \"Standard_D8s_v5\"\n", &zones("Standard_D8s_v5")),
    ]);
    comes_and_goes(&bench, |bench| {
        let sets = names(bench, "Microsoft.Compute/availabilitySets");
        assert_eq!(sets, ["small_control-plane-as", "small_general-as"]);
        assert!(bench.world().values().all(|resource| resource["body"].get("zones").is_none()));
    });
}

#[test]
fn spot_machines_encryption_at_the_host_and_an_identity_that_exists() {
    let robot = "resource \"robot\" {\n  type = \"Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30\"\n  resource_group = \"rg\"\n  location = \"eastus2\"\n  name = \"robot\"\n}\n";
    let size = "instance_type = \"Standard_D8s_v5\"\n";
    let bench = Workbench::with(&format!("{SMALL}{robot}"));
    bench.edit(
        "main.hcl",
        size,
        &format!(
            "{size}    encryption_at_host = true\n    zones = []\n    spot {{\n      max_price = -1\n    }}\n"
        ),
    );
    bench.edit(
        "main.hcl",
        CONTROL_PLANE,
        &format!("  identity {{\n    existing = resource.robot.id\n  }}\n{CONTROL_PLANE}"),
    );
    bench.does("plan");
    comes_and_goes(&bench, |bench| {
        let machines = bench.existing("Microsoft.Compute/virtualMachines");
        let worker = machines.iter().find(|id| id.contains("-general-")).unwrap();
        let worker = body(bench, &worker.rsplit('/').next().unwrap().to_lowercase());
        assert_eq!(worker["properties"]["priority"], "Spot");
        assert_eq!(worker["properties"]["securityProfile"]["encryptionAtHost"], true);
        assert_eq!(worker["properties"].get("availabilitySet"), None, "Azure takes no spot machine into one");
        assert_eq!(names(bench, "Microsoft.ManagedIdentity/userAssignedIdentities"), ["robot"]);
    });
}

#[test]
fn an_api_stays_where_its_nodes_know_it() {
    let bench = small(&[]);
    bench.applies();
    bench.edit("main.hcl", CONTROL_PLANE, &private(""));
    let refused = bench.run("plan");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.stderr.contains("error[LZ0246]: cluster.small cannot change a public API into a private one")
    );
    bench.does("destroy --auto-approve");

    bench.applies();
    let details = |lines: &str| format!("    access = \"private\"\n    private {{\n{lines}    }}\n");
    bench.edit("main.hcl", "    access = \"private\"\n", &details("      dns_zone = \"k8s.corp\"\n"));
    told("private_api_moves", bench.run("plan"));
    bench.edit("main.hcl", "dns_zone = \"k8s.corp\"", "ip = \"10.40.0.9\"");
    let refused = bench.run("plan");
    assert!(refused.stderr.contains("cannot change the address of its API"), "{refused}");
}

/// A private API whose name is in a DNS zone of another resource group.
pub(crate) fn zone_elsewhere() -> Workbench {
    let bench = Workbench::example("static-placement");
    let zone = r#", {
      "id": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-net/providers/Microsoft.Network/privateDnsZones/k8s.corp",
      "api_version": "2024-06-01",
      "body": { "location": "global" }
    }
  ]
}"#;
    let world = bench.text("azure.json");
    bench.write(
        "azure.json",
        &format!("{}{zone}", world.trim_end().trim_end_matches('}').trim_end().trim_end_matches(']')),
    );
    let private = "    access = \"private\"\n    private {\n      ip = \"10.80.0.200\"\n      dns_zone = \"k8s.corp\"\n      dns_resource_group = \"rg-net\"\n    }\n";
    bench.edit("main.hcl", CONTROL_PLANE, &format!("  api_server {{\n{private}  }}\n\n{CONTROL_PLANE}"));
    bench
}

#[test]
fn a_private_cluster_in_a_network_and_a_zone_of_others_writes_one_record() {
    let bench = zone_elsewhere();
    bench.does("plan");
    comes_and_goes(&bench, |bench| {
        assert_eq!(names(bench, "Microsoft.Network/publicIPAddresses"), [""; 0]);
        assert_eq!(names(bench, "Microsoft.Network/privateDnsZones/virtualNetworkLinks"), [""; 0]);
    });
    let is_there = |path: &String| path.contains("/rg-net/") && !path.contains("/roleAssignments/");
    let mut written: Vec<String> = bench.sent().into_iter().map(|sent| sent.path).filter(is_there).collect();
    written.dedup();
    assert_eq!(written.len(), 1, "{written:?}");
    assert!(written[0].ends_with("/privateDnsZones/k8s.corp/A/apiserver"), "{written:?}");
}
