//! What is refused, with its code, place and words; and what is accepted with a warning.

use insta::assert_snapshot;
use lazuli_core::Address;
use lazuli_core::resource::Lifecycle;

use crate::spec::{Amount, Egress, HealthCheck, Image, Network, Transport, Update, UpdatePools};
use crate::testing::{CLUSTER, EXISTING_NETWORK, OWN_NETWORK, PROFILE, cluster, decode, decode_at, edited};

/// What is said of the cluster after one edit.
fn refusal(from: &str, to: &str) -> String {
    decode(PROFILE, &edited(CLUSTER, from, to)).cluster.expect_err("it is refused")
}

/// What is said of a profile after one edit.
fn profile_refusal(from: &str, to: &str) -> String {
    decode(&edited(PROFILE, from, to), CLUSTER).cluster.expect_err("it is refused")
}

/// What is said of the cluster with more lines in its first subnet, control plane or worker pool.
fn with_rule(rule: &str) -> String {
    let line = "      cidr = \"10.40.0.0/24\"\n";
    refusal(line, &format!("{line}{rule}"))
}
fn with_control_plane(lines: &str) -> String {
    let line = "    instance_type = \"Standard_D4s_v5\"\n";
    refusal(line, &format!("{line}{lines}"))
}
fn with_pool(lines: &str) -> String {
    let line = "    instance_type = \"Standard_D8s_v5\"\n";
    refusal(line, &format!("{line}{lines}"))
}
/// A cluster with more blocks at its end.
fn extended(lines: &str) -> String {
    format!("{}{lines}}}\n", CLUSTER.strip_suffix("}\n").unwrap())
}

#[test]
fn the_smallest_cluster_gets_the_defaults() {
    let cluster = cluster(CLUSTER);
    assert_eq!(cluster.name, "prod");
    assert_eq!(cluster.control_plane.count, 3);
    assert_eq!(cluster.control_plane.zones, ["1", "2", "3"]);
    assert_eq!(cluster.control_plane.taints[0].key, "node-role.kubernetes.io/control-plane");
    assert_eq!(cluster.control_plane.etcd_disk.as_ref().unwrap().size_gb, 256);
    assert_eq!(cluster.workers[0].os_disk.size_gb, 128);
    assert_eq!(cluster.workers[0].update, Update::DEFAULT);
    assert_eq!(cluster.api_server.port, 6443);
    assert_eq!(cluster.profile.image, Image::Reference("capi-ubun2-2404".into()));
    let Network::Dynamic(network) = cluster.network else { panic!("a network of its own") };
    assert_eq!(network.egress, Egress::NatGateway);
    assert_eq!(decode(PROFILE, CLUSTER).warnings, "");
}

#[test]
fn control_plane_nodes_make_a_quorum() {
    let said = [0, 2, 4, 7].map(|n| with_control_plane(&format!("    count = {n}\n"))).concat();
    assert_snapshot!(said, @r"
    LZ0208 0 control-plane nodes cannot hold an etcd quorum
      count = ‹0›  use 1, 3 or 5
    LZ0208 2 control-plane nodes cannot hold an etcd quorum
      count = ‹2›  use 1, 3 or 5
    LZ0208 4 control-plane nodes cannot hold an etcd quorum
      count = ‹4›  use 1, 3 or 5
    LZ0208 7 control-plane nodes cannot hold an etcd quorum
      count = ‹7›  use 1, 3 or 5
    ");
}

#[test]
fn tags_that_belong_to_others_are_refused() {
    assert_snapshot!(
        refusal(
            r#"{"team": "platform"}"#,
            r#"{"Microsoft-x": "1", "lazuli_cluster": "2", "a/b": "3", "team": "4", "Team": "5"}"#
        ),
        @r#"
    LZ0214 the tag `Microsoft-x` is reserved
      tags = ‹{"Microsoft-x": "1", "lazuli_cluster": "2", "a/b": "3", "team": "4", "Team": "5"}›  keys that begin with `microsoft` belong to Azure
    LZ0214 `a/b` cannot be the key of a tag
      tags = ‹{"Microsoft-x": "1", "lazuli_cluster": "2", "a/b": "3", "team": "4", "Team": "5"}›  1 to 512 characters, none of < > % & \ ? /
    LZ0214 the tag `lazuli_cluster` is reserved
      tags = ‹{"Microsoft-x": "1", "lazuli_cluster": "2", "a/b": "3", "team": "4", "Team": "5"}›  keys that begin with `lazuli_` belong to Lazuli
    LZ0214 the tags `Team` and `team` are the same one
      tags = ‹{"Microsoft-x": "1", "lazuli_cluster": "2", "a/b": "3", "team": "4", "Team": "5"}›  Azure does not tell upper and lower case apart in keys
    "#
    );
    assert_snapshot!(refusal(r#"{"team": "platform"}"#, "unknown"), @r"
    LZ0222 the names of `tags` must be known before anything is applied
      tags = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    ");
    let many: Vec<String> = (0..46).map(|n| format!("\"t{n}\": \"\"")).collect();
    assert!(refusal(r#"{"team": "platform"}"#, &format!("{{{}}}", many.join(", "))).contains("46 tags"));
    let long = format!("{{\"team\": \"{}\"}}", "x".repeat(257));
    assert!(refusal(r#"{"team": "platform"}"#, &long).starts_with("LZ0214 the value of the tag `team`"));
}

#[test]
fn a_pool_needs_a_zone_that_exists() {
    assert_snapshot!(with_control_plane("    zones = [\"1\", \"4\"]\n"), @r#"
    LZ0221 there is no zone "4"
      zones = ‹["1", "4"]›  zones are "1", "2" and "3"
    "#);
    assert_snapshot!(with_control_plane("    zones = [\"2\", \"1\", \"2\"]\n"), @r#"
    LZ0221 zone "2" is named twice
      zones = ‹["2", "1", "2"]›  each zone once: nodes are spread evenly over them
    "#);
    assert_snapshot!(with_pool("    zones = unknown\n"), @r"
    LZ0222 `zones` must be known before anything is applied
      zones = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    ");
}

#[test]
fn addresses_are_kept_apart() {
    assert_snapshot!(refusal("10.40.16.0/20", "10.40.0.128/25"), @r"
    LZ0220 the two subnets share addresses: 10.40.0.0/24 and 10.40.0.128/25
      ‹worker_subnet› {  10.40.0.128/25 overlaps
      ‹control_plane_subnet› {  10.40.0.0/24 is here
    ");
    assert_snapshot!(refusal("10.40.16.0/20", "10.41.16.0/20"), @r"
    LZ0220 the worker_subnet lies outside of its network
      ‹worker_subnet› {  10.41.16.0/20 is not part of 10.40.0.0/16
    ");
    let network =
        "  network {\n    pod_cidr = \"10.40.128.0/17\"\n    service_cidr = \"10.0.0.0/12\"\n  }\n}\n";
    let profile = format!("{}{network}", PROFILE.strip_suffix("}\n").unwrap());
    assert_snapshot!(decode(&profile, CLUSTER).cluster.unwrap_err(), @r#"
    LZ0220 the network (10.40.0.0/16) and pods (10.40.128.0/17) would share addresses
      ‹network› {  10.40.0.0/16 overlaps the addresses of pods
      ‹cluster_profile "base"› {  pods are at 10.40.128.0/17
      help: choose network.cidr and the profile's pod_cidr and service_cidr apart
    "#);
    let clash = profile.replace("10.0.0.0/12", "10.32.0.0/12");
    assert_snapshot!(decode(&clash, CLUSTER).cluster.unwrap_err(), @r#"
    LZ0220 pods (10.40.128.0/17) and services (10.32.0.0/12) would share addresses
      pod_cidr = ‹"10.40.128.0/17"›  overlaps the addresses of services
      help: choose pod_cidr and service_cidr apart
    "#);
    assert_snapshot!(
        decode(&profile.replace("10.0.0.0/12", "11.0.0.0/8"), CLUSTER).cluster.unwrap_err(),
        @r#"
    LZ0220 11.0.0.0/8 is too large for services
      service_cidr = ‹"11.0.0.0/8"›  at most a /12
    "#
    );
}

#[test]
fn networks_are_written_as_networks_and_large_enough() {
    assert_snapshot!(refusal("10.40.16.0/20", "10.40.17.0/20"), @r#"
    LZ0223 `cidr` has bits set beyond its prefix
      cidr = ‹"10.40.17.0/20"›  the network is 10.40.16.0/20
    "#);
    assert_snapshot!(refusal("10.40.16.0/20", "somewhere"), @r#"
    LZ0223 `cidr` must be an IPv4 network such as 10.40.0.0/16
      cidr = ‹"somewhere"›  `somewhere` is not
    "#);
    assert_snapshot!(refusal("10.40.16.0/20", "10.40.16.0/30"), @r#"
    LZ0220 10.40.16.0/30 is too small: Azure keeps 5 addresses of every subnet
      cidr = ‹"10.40.16.0/30"›  at least a /29
    "#);
    let pool = "    count = 3\n";
    let small = edited(CLUSTER, "10.40.16.0/20", "10.40.16.0/29");
    let crowd = edited(&small, pool, "    count = 3\n    update {\n      max_surge = 2\n    }\n");
    assert_snapshot!(decode(PROFILE, &crowd).cluster.unwrap_err(), @r"
    LZ0220 10.40.16.0/29 has room for 3 nodes, and 5 are needed during a rolling change
      ‹worker_subnet› {  too small
    ");
    assert!(decode(PROFILE, &small).cluster.is_err());
    let contract =
        edited(&small, pool, "    count = 3\n    update {\n      strategy = \"contract_first\"\n    }\n");
    assert!(decode(PROFILE, &contract).cluster.is_ok(), "no node more than three");
    assert_snapshot!(refusal(pool, "    count = 400\n"), @r#"
    LZ0220 192.168.0.0/16 has room for the pods of 256 nodes, and 405 are needed during a rolling change
      ‹cluster_profile "base"› {  every node takes a /24 of pod_cidr
      help: every node of every pool counts, and max_surge nodes more
    "#);
    let pods = format!(
        "{}  network {{\n    pod_cidr = \"192.168.0.0/22\"\n  }}\n}}\n",
        PROFILE.strip_suffix("}\n").unwrap()
    );
    assert_snapshot!(decode(&pods, CLUSTER).cluster.unwrap_err(), @r#"
    LZ0220 192.168.0.0/22 has room for the pods of 4 nodes, and 8 are needed during a rolling change
      ‹cluster_profile "base"› {  every node takes a /24 of pod_cidr
      help: every node of every pool counts, and max_surge nodes more
    "#);
}

#[test]
fn names_obey_azure_and_kubernetes() {
    assert_snapshot!(refusal("cluster \"prod\"", "cluster \"Prod_1\""), @r#"
    LZ0225 `Prod_1` cannot be the name of a cluster
      ‹cluster "Prod_1"› {  2 to 44 lower-case letters, digits and hyphens, a letter first
      help: set `name` when the label of the block cannot be the name in Azure
    "#);
    assert_snapshot!(refusal("\"rg-platform\"", "\"/subscriptions/s/resourceGroups/rg-platform\""), @r#"
    LZ0225 `/subscriptions/s/resourceGroups/rg-platform` cannot be the name of a resource group
      resource_group = ‹"/subscriptions/s/resourceGroups/rg-platform"›  1 to 90 letters, digits and - _ . ( ), not ending with a full stop
      help: give the name, not the id: perhaps "rg-platform"
    "#);
    assert_snapshot!(refusal("eastus2", "east-us"), @r#"
    LZ0225 `east-us` cannot be the name of a region
      region = ‹"east-us"›  letters and digits, such as eastus2
    "#);
    for name in ["1prod", "p", "prod-", "préd", &"p".repeat(45)] {
        let text = edited(CLUSTER, "  cloud_account", &format!("  name = \"{name}\"\n  cloud_account"));
        assert!(decode(PROFILE, &text).cluster.unwrap_err().starts_with("LZ0225"), "{name}");
    }
    assert_snapshot!(refusal("\"general\"", "\"cp\""), @r#"
    LZ0225 `cp` cannot be the name of a worker pool
      worker_pool ‹"cp"› {  names of control-plane nodes have it
    "#);
    assert_snapshot!(refusal("\"general\"", "\"GPU\""), @r#"
    LZ0225 `GPU` cannot be the name of a worker pool
      worker_pool ‹"GPU"› {  1 to 24 lower-case letters, digits and hyphens, a letter first
    "#);
    let long =
        edited(CLUSTER, "  cloud_account", &format!("  name = \"{}\"\n  cloud_account", "p".repeat(44)));
    let long = edited(&long, "general", "a-pool-of-24-characters-");
    let long = edited(&long, "characters-", "characters1");
    assert_snapshot!(decode(PROFILE, &long).cluster.unwrap_err(), @r#"
    LZ0225 names of nodes such as `pppppppppppppppppppppppppppppppppppppppppppp-a-pool-of-24-characters1-3-0000` are longer than the 63 characters Kubernetes allows
      ‹worker_pool "a-pool-of-24-characters1"› {  shorten the name of the pool or of the cluster
    "#);
    assert_eq!(cluster(&edited(CLUSTER, "eastus2", "East US 2")).region, "eastus2");
}

#[test]
fn clusters_of_one_block_have_a_name_each() {
    let address: Address = "cluster.prod[\"eu\"]".parse().unwrap();
    let decode = |text: &str| decode_at(PROFILE, text, address.clone(), Lifecycle::default()).cluster;
    assert_snapshot!(decode(CLUSTER).unwrap_err(), @r#"
    LZ0225 clusters made by count or for_each need a `name` each
      ‹cluster "prod"› {  all of them would be called the same
      help: for example name = "prod-${each.key}"
    "#);
    assert!(decode(&edited(CLUSTER, "  cloud_account", "  name = \"prod-eu\"\n  cloud_account")).is_ok());
}

#[test]
fn the_key_is_the_public_one() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKey team";
    assert_snapshot!(refusal(key, "-----BEGIN OPENSSH PRIVATE KEY-----\\nabc"), @r#"
    LZ0223 `ssh_key` must be a public key as OpenSSH writes it
      ‹ssh_key› = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"  this is a private key: give the public one
      help: for example file("id_ed25519.pub")
    "#);
    assert!(refusal(key, "nonsense").contains("not a public key"));
}

#[test]
fn rules_have_places_of_their_own() {
    let rule = |name: &str, priority: i64, more: &str| {
        format!(
            "      rule \"{name}\" {{\n        priority = {priority}\n        direction = \"inbound\"\n        access = \"allow\"\n        protocol = \"tcp\"\n{more}      }}\n"
        )
    };
    assert_snapshot!(with_rule(&rule("a", 99, "")), @r"
    LZ0223 `priority` must be a whole number from 100 to 4096
      priority = ‹99›  this is 99
    ");
    assert_snapshot!(with_rule(&format!("{}{}", rule("a", 2300, ""), rule("A", 2300, ""))), @r#"
    LZ0216 rules `a` and `A` have the same priority 2300
      priority = ‹2300›  must be unique in its direction
    LZ0216 there are two rules `a`
      ‹rule "A"› {  Azure does not tell upper and lower case apart in names
    "#);
    assert_snapshot!(with_rule(&rule("allow_apiserver", 2201, "")), @r#"
    LZ0216 priority 2201 inbound belongs to Lazuli's own rule
      priority = ‹2201›  choose another one
    LZ0216 `allow_apiserver` is the name of Lazuli's own rule
      ‹rule "allow_apiserver"› {  choose another one
      help: api_server.authorized_ranges says who may reach the Kubernetes API
    "#);
    assert_snapshot!(with_rule(&rule("no spaces", 2300, "        source_ports = [\"22-21\", \"ssh\"]\n")), @r#"
    LZ0225 `no spaces` cannot be the name of a rule
      rule ‹"no spaces"› {  1 to 80 letters, digits and - _ ., a letter or digit first, no - or . last
    LZ0223 `22-21` cannot stand in `source_ports`
      source_ports = ‹["22-21", "ssh"]›  ports such as "443" or "30000-32767"; "*" only alone
    LZ0223 `ssh` cannot stand in `source_ports`
      source_ports = ‹["22-21", "ssh"]›  ports such as "443" or "30000-32767"; "*" only alone
    "#);
    let line = "      cidr = \"10.40.16.0/20\"\n";
    let on_workers = edited(CLUSTER, line, &format!("{line}{}", rule("allow_apiserver", 2201, "")));
    assert!(decode(PROFILE, &on_workers).cluster.is_ok(), "Lazuli has no rule for workers");
}

#[test]
fn a_rule_never_opens_more_than_it_says() {
    let rule = |source: &str| {
        with_rule(&format!(
            "      rule \"a\" {{\n        priority = 2300\n        direction = \"inbound\"\n        access = \"allow\"\n        protocol = \"tcp\"\n        source = {source}\n      }}\n"
        ))
    };
    assert_snapshot!(rule("unknown"), @r"
    LZ0222 how many addresses `source` has must be known before anything is applied
      source = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    ");
    assert_snapshot!(rule("[]"), @r"
    LZ0216 `source` of rule `a` is empty
      source = ‹[]›  no address at all: the rule would never apply
      help: leave `source` out to mean every address, or leave the rule out
    ");
    assert_snapshot!(rule("[\"10.0.0.0/33\", null, \"*\"]"), @r#"
    LZ0223 `10.0.0.0/33` cannot stand in `source`
      source = ‹["10.0.0.0/33", null, "*"]›  addresses, networks or service tags; "*" only alone
    LZ0223 `null` cannot stand in `source`
      source = ‹["10.0.0.0/33", null, "*"]›  addresses, networks or service tags; "*" only alone
    LZ0223 `*` cannot stand in `source`
      source = ‹["10.0.0.0/33", null, "*"]›  addresses, networks or service tags; "*" only alone
    "#);
}

#[test]
fn one_unknown_address_may_stand_in_a_rule() {
    let line = "      cidr = \"10.40.0.0/24\"\n";
    let rule = "      rule \"a\" {\n        priority = 2300\n        direction = \"inbound\"\n        access = \"allow\"\n        protocol = \"any\"\n        source = [\"unknown\", \"VirtualNetwork\", \"10.0.0.0/8\"]\n        destination_ports = [\"22\", \"30000-32767\"]\n      }\n";
    assert!(decode(PROFILE, &edited(CLUSTER, line, &format!("{line}{rule}"))).cluster.is_ok());
}

#[test]
fn what_names_hang_on_must_be_known() {
    assert_snapshot!(refusal("region = \"eastus2\"", "region = unknown"), @r"
    LZ0222 `region` must be known before anything is applied
      region = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    ");
    assert_snapshot!(refusal("    count = 3", "    count = unknown"), @r"
    LZ0222 `count` must be known before anything is applied
      count = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    ");
    assert_snapshot!(with_pool("    update {\n      max_surge = unknown\n    }\n"), @r"
    LZ0222 `max_surge` must be known before anything is applied
      max_surge = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    ");
}

#[test]
fn a_network_is_the_clusters_own_or_exists() {
    let mixed = EXISTING_NETWORK.replace(
        "    existing {",
        "    cidr = \"10.40.0.0/16\"\n    egress = \"none\"\n    worker_subnet {\n      cidr = \"10.40.1.0/24\"\n    }\n    existing {",
    );
    assert_snapshot!(refusal(OWN_NETWORK, &mixed), @r#"
    LZ0215 `cidr` describes a network to be made, but this one exists
      ‹cidr› = "10.40.0.0/16"  take it out, or take `existing` out
    LZ0215 `egress` describes a network to be made, but this one exists
      ‹egress› = "none"  take it out, or take `existing` out
    LZ0215 `worker_subnet` describes a subnet to be made, but this network exists
      ‹worker_subnet› {  name the existing subnet inside `existing` instead
    "#);
    assert_snapshot!(refusal(OWN_NETWORK, &EXISTING_NETWORK.replace("snet-cp", "SNET-workers")), @r#"
    LZ0215 control-plane nodes and workers need a subnet each
      worker_subnet = ‹"snet-workers"›  the same subnet twice
    "#);
    assert_snapshot!(refusal(OWN_NETWORK, &EXISTING_NETWORK.replace("vnet-hub", "/subscriptions/s/vnet-hub").replace("snet-cp", "-")), @r#"
    LZ0225 `/subscriptions/s/vnet-hub` cannot be the name of a virtual network
      virtual_network = ‹"/subscriptions/s/vnet-hub"›  2 to 64 letters, digits and - _ ., a letter or digit first, no - or . last
      help: give the name, not the id: perhaps "vnet-hub"
    LZ0225 `-` cannot be the name of a subnet
      control_plane_subnet = ‹"-"›  1 to 80 letters, digits and - _ ., a letter or digit first, no - or . last
    "#);
    assert_snapshot!(refusal(OWN_NETWORK, "  network {\n  }\n"), @r"
    LZ0105 `network` needs `cidr`
      ‹network› {  or `existing`, to use a network that is there already
    LZ0105 `network` needs a block `control_plane_subnet`
      ‹network› {  or `existing`, to use a network that is there already
    LZ0105 `network` needs a block `worker_subnet`
      ‹network› {  or `existing`, to use a network that is there already
    ");
    let ranges =
        format!("{EXISTING_NETWORK}  api_server {{\n    authorized_ranges = [\"203.0.113.0/24\"]\n  }}\n");
    assert_snapshot!(refusal(OWN_NETWORK, &ranges), @r"
    LZ0215 `authorized_ranges` would not be enforced: security groups of an existing network are only read
      ‹api_server› {  authorized_ranges is set here
      help: put the ranges into that network's security group, and take `authorized_ranges` out
    ");
}

#[test]
fn a_pool_that_could_never_be_updated_is_refused() {
    let update = |lines: &str| with_pool(&format!("    update {{\n{lines}    }}\n"));
    assert_snapshot!(update("      max_surge = 0\n      max_unavailable = 0\n"), @r"
    LZ0218 with max_surge and max_unavailable both 0 no node could ever be replaced
      ‹update› {  raise one of them
    ");
    assert_snapshot!(update("      strategy = \"contract_first\"\n      max_surge = 2\n"), @r#"
    LZ0218 `max_surge` contradicts the strategy contract_first
      max_surge = ‹2›  must be 0
      help: strategy = "custom" goes by max_surge and max_unavailable alone
    "#);
    assert_snapshot!(update("      strategy = \"expand_first\"\n      max_surge = 0\n"), @r#"
    LZ0218 `max_surge` contradicts the strategy expand_first
      max_surge = ‹0›  must be at least 1
      help: strategy = "custom" goes by max_surge and max_unavailable alone
    "#);
    assert_snapshot!(update("      strategy = \"expand\"\n      max_surge = \"10%\"\n      max_unavailable = 1.5\n"), @r#"
    LZ0223 `strategy` must be one of expand_first, contract_first, custom
      strategy = ‹"expand"›  not one of them
    LZ0223 `max_unavailable` must be a whole number from 0 to 1000
      max_unavailable = ‹1.5›  this is 1.5
    "#);
}

#[test]
fn the_strategy_and_the_numbers_give_a_window() {
    let update = |lines: &str| {
        let block = format!("    count = 3\n    update {{\n{lines}    }}\n");
        let update = cluster(&edited(CLUSTER, "    count = 3\n", &block)).workers[0].update;
        (update.create_first, update.window)
    };
    assert_eq!(update(""), (true, 1));
    assert_eq!(update("      max_surge = 3\n"), (true, 3));
    assert_eq!(update("      max_surge = 0\n      max_unavailable = 2\n"), (false, 2));
    assert_eq!(
        update("      strategy = \"expand_first\"\n      max_surge = 2\n      max_unavailable = 0\n"),
        (true, 2)
    );
    assert_eq!(update("      strategy = \"contract_first\"\n      max_unavailable = 2\n"), (false, 2));
    assert_eq!(update("      strategy = \"contract_first\"\n"), (false, 1));
}

#[test]
fn labels_taints_disks_and_prices_are_checked() {
    assert_snapshot!(
        with_pool("    labels = {\"-a\": \"b\", \"team\": \"a b\"}\n    taint \"a/b/c\" {\n      effect = \"NoSchedul\"\n    }\n    os_disk {\n      size_gb = 8\n      type = \"UltraSSD_LRS\"\n    }\n    spot {\n      max_price = -2\n    }\n"),
        @r#"
    LZ0223 `effect` must be one of NoSchedule, PreferNoSchedule, NoExecute
      effect = ‹"NoSchedul"›  did you mean "NoSchedule"?
    LZ0217 `a/b/c=` cannot be a taint of a node
      ‹taint "a/b/c"› {  a key is an optional DNS name and /, then at most 63 letters, digits, - _ .
    LZ0223 `size_gb` must be a whole number from 30 to 4095
      size_gb = ‹8›  this is 8
    LZ0223 `type` must be one of Premium_LRS, Premium_ZRS, StandardSSD_LRS, StandardSSD_ZRS, Standard_LRS
      type = ‹"UltraSSD_LRS"›  not one of them
    LZ0223 `max_price` must be more than 0, or -1 for the usual price
      max_price = ‹-2›  this is -2
    LZ0217 `-a = b` cannot be a label of a node
      labels = ‹{"-a": "b", "team": "a b"}›  a key is an optional DNS name and /, then at most 63 letters, digits, - _ .
    LZ0217 `team = a b` cannot be a label of a node
      labels = ‹{"-a": "b", "team": "a b"}›  a value is at most 63 letters, digits, - _ ., a letter or digit at both ends
    "#
    );
}

#[test]
fn everything_about_what_runs_in_a_cluster_is_read() {
    let more = "  update_pools = \"parallel\"\n  api_server {\n    transport = \"run_command\"\n  }\n  proxy {\n    https = \"http://proxy:3128\"\n    no_proxy = [\"10.0.0.0/8\"]\n  }\n  health_check {\n    node_startup_timeout = \"1h30m\"\n    unhealthy_after = \"90s\"\n    max_unhealthy = \"3\"\n  }\n  rbac_binding \"admins\" {\n    kind = \"RoleBinding\"\n    role = \"edit\"\n    namespace = \"team-a\"\n    groups = [\"g\"]\n    service_accounts = [\"ci/deployer\"]\n  }\n  namespace \"team-a\" {\n    cpu = \"500m\"\n    memory = \"32Gi\"\n    gpu = 0\n    labels = {\"a\": \"b\"}\n  }\n";
    let text = edited(
        &extended(more),
        "    count = 3\n",
        "    count = 3\n    cordon = [\"3\", \"1\"]\n    update {\n      max_surge = \"40%\"\n      drain_timeout = \"5m\"\n      min_ready_seconds = 30\n    }\n",
    );
    let inner = "  kubernetes {\n    version = \"1.34.2\"\n    feature_gates = {\"A\": true, \"B\": false}\n    api_server {\n      extra_args = {\"v\": \"2\"}\n      cert_sans = [\"api.example.com\", \"10.0.0.1\"]\n    }\n    scheduler {\n      extra_args = {\"v\": \"3\"}\n    }\n  }\n  cloud_provider {\n    manifests = [\"ccm.yaml\"]\n  }\n  storage {\n    default_class {\n      zone_redundant = true\n    }\n  }\n  addon \"metrics\" {\n    manifests = [\"m.yaml\"]\n    namespace = \"kube-system\"\n    values = {\"replicas\": 2}\n  }\n";
    let profile = edited(PROFILE, "  kubernetes {\n    version = \"1.34.2\"\n  }\n", inner);
    let decoded = decode(&profile, &text);
    assert_eq!(decoded.warnings, "");
    let cluster = decoded.cluster.unwrap();
    let pool = &cluster.workers[0];
    let update = Update { create_first: true, window: 2, min_ready_seconds: 30, drain_timeout: 300 };
    assert_eq!((pool.update, pool.cordon.as_slice()), (update, ["1".to_owned(), "3".to_owned()].as_slice()));
    let check =
        HealthCheck { node_startup_timeout: 5400, unhealthy_after: 90, max_unhealthy: Amount::Nodes(3) };
    assert_eq!((cluster.health_check, cluster.update_pools), (check, UpdatePools::Parallel));
    assert_eq!(cluster.api_server.transport, Transport::RunCommand);
    assert_eq!(cluster.bindings[0].service_accounts, [("ci".to_owned(), "deployer".to_owned())]);
    assert_eq!(cluster.namespaces[0].cpu.as_deref(), Some("500m"));
    assert_eq!(cluster.proxy.unwrap().no_proxy, ["10.0.0.0/8"]);
    let profile = &cluster.profile;
    assert_eq!(profile.storage.default_class.as_ref().unwrap().sku, "Premium_ZRS");
    assert_eq!(profile.feature_gates.len() + profile.cert_sans.len() + profile.api_server_args.len(), 5);
    assert_eq!(profile.addons[0].manifests.values["replicas"], lazuli_core::Value::int(2));
}

#[test]
fn mistakes_about_what_runs_in_a_cluster_are_found() {
    let more = "  proxy {\n    https = \"http://user:pw@proxy\"\n  }\n  health_check {\n    unhealthy_after = \"5\"\n    max_unhealthy = \"140%\"\n  }\n  rbac_binding \"a\" {\n    kind = \"ClusterRoleBinding\"\n    role = \"edit\"\n    namespace = \"x\"\n  }\n  rbac_binding \"a\" {\n    kind = \"RoleBinding\"\n    role = \"edit\"\n    service_accounts = [\"deployer\"]\n  }\n  namespace \"default\" {\n    memory = \"32GB\"\n  }\n";
    assert_snapshot!(decode(PROFILE, &extended(more)).cluster.unwrap_err());
    assert_snapshot!(with_pool("    cordon = [\"4\"]\n"));
    let inner = "  kubernetes {\n    version = \"1.34.2\"\n    feature_gates = {\"A\": \"maybe\"}\n    scheduler {\n      extra_args = {\"--v\": \"3\"}\n    }\n    api_server {\n      cert_sans = [\"a b\"]\n    }\n  }\n  network {\n    cni = \"manifests\"\n  }\n  storage {\n    csi = \"none\"\n    manifests = [\"x.yaml\"]\n    default_class {\n      sku = \"Standard_LRS\"\n      zone_redundant = true\n    }\n  }\n  addon \"m\" {\n    manifests = []\n  }\n  addon \"m\" {\n    manifests = [\"a\", \"a\"]\n    values = 3\n  }\n";
    let profile = edited(PROFILE, "  kubernetes {\n    version = \"1.34.2\"\n  }\n", inner);
    assert_snapshot!(decode(&profile, CLUSTER).cluster.unwrap_err());
}

#[test]
fn a_cluster_whose_nodes_could_not_reach_its_api_is_warned_about() {
    let closed = edited(
        CLUSTER,
        "    cidr = \"10.40.0.0/16\"\n",
        "    cidr = \"10.40.0.0/16\"\n    egress = \"none\"\n",
    );
    assert_snapshot!(decode(PROFILE, &closed).warnings, @r#"
    LZ0219 nodes without egress cannot reach the API at its public address to join the cluster
      ‹network› {  egress = "none"
      help: choose api_server.access = "private", egress = "nat_gateway", or "user_defined_routing" with routes of your own
    "#);
}

#[test]
fn somebody_must_run_workloads() {
    let pool = "  worker_pool \"general\" {\n    count = 3\n    instance_type = \"Standard_D8s_v5\"\n  }\n";
    assert_snapshot!(refusal(pool, ""), @r#"
    LZ0219 no node could run workloads: there is no worker_pool
      ‹cluster "prod"› {  add a worker_pool, or set control_plane.schedulable = true
    "#);
    let alone = edited(CLUSTER, pool, "");
    let alone = edited(&alone, "_D4s_v5\"\n", "_D4s_v5\"\n    schedulable = true\n");
    assert!(decode(PROFILE, &alone).cluster.is_ok());
}

#[test]
fn the_identity_and_the_ranges_are_what_they_should_be() {
    let more = "  identity {\n    existing = \"my-identity\"\n  }\n  api_server {\n    port = 0\n    authorized_ranges = [\"203.0.113.0/24\", \"office\", null]\n  }\n";
    assert_snapshot!(decode(PROFILE, &extended(more)).cluster.unwrap_err(), @r#"
    LZ0223 `port` must be a whole number from 1 to 65535
      port = ‹0›  this is 0
    LZ0223 `authorized_ranges` must be a list of strings
      authorized_ranges = ‹["203.0.113.0/24", "office", null]›  one of them is null
    LZ0223 `office` is not an IPv4 address or network
      authorized_ranges = ‹["203.0.113.0/24", "office", null]›  for example 203.0.113.0/24
    LZ0223 `existing` must be the id of a user-assigned identity
      existing = ‹"my-identity"›  /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…
    "#);
    let host = "  api_server {\n    authorized_ranges = [\"203.0.113.7/24\", \"203.0.113.7\"]\n  }\n";
    assert_snapshot!(decode(PROFILE, &extended(host)).cluster.unwrap_err(), @r#"
    LZ0223 `203.0.113.7/24` is an address in a network, not a network
      authorized_ranges = ‹["203.0.113.7/24", "203.0.113.7"]›  the network is 203.0.113.0/24
    "#);
    let id =
        "/subscriptions/s/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";
    let good = extended(&format!("  identity {{\n    existing = \"{id}\"\n  }}\n"));
    assert_eq!(cluster(&good).existing_identity.as_deref(), Some(id));
}

#[test]
fn a_profile_has_one_image_and_a_version_kubeadm_knows() {
    assert_snapshot!(profile_refusal("1.34.2", "1.21.0"), @r#"
    LZ0223 Kubernetes 1.21.0 is too old: kubeadm's configuration of 1.22 or newer is needed
      version = ‹"1.21.0"›  too old
    "#);
    assert_snapshot!(profile_refusal("1.34.2", "v1.34"), @r#"
    LZ0223 `version` must be a version such as 1.34.2
      version = ‹"v1.34"›  `v1.34` is not
    "#);
    let os = "  os {\n    image = \"capi-ubun2-2404\"\n    gallery_image_id = \"x\"\n  }\n  kubernetes {\n";
    assert_snapshot!(profile_refusal("  kubernetes {\n", os), @r"
    LZ0224 a profile has one image: image, gallery_image_id or marketplace
      ‹os› {  more than one is given
    ");
    for id in ["/foo", "/subscriptions/s", "/CommunityGalleries/g/Images", "/sharedGalleries/g//i", "/"] {
        let os = format!("  os {{\n    gallery_image_id = \"{id}\"\n  }}\n  kubernetes {{\n");
        assert!(profile_refusal("  kubernetes {\n", &os).starts_with("LZ0223 `gallery_image_id`"), "{id}");
    }
    assert_snapshot!(profile_refusal("  kubernetes {\n", "  os {\n    gallery_image_id = \"x\"\n  }\n  kubernetes {\n"), @r#"
    LZ0223 `gallery_image_id` must be the id of an image version
      gallery_image_id = ‹"x"›  /subscriptions/…/galleries/…/images/…/versions/…, or /CommunityGalleries/…
    "#);
    assert_snapshot!(profile_refusal("  kubernetes {\n", "  network {\n    cni = \"azure_route\"\n  }\n  kubernetes {\n"), @r#"
    LZ0223 `cni` must be one of azure_routes, manifests
      cni = ‹"azure_route"›  did you mean "azure_routes"?
    "#);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = CLUSTER
        .replace("eastus2", "east-us")
        .replace("ssh-ed25519 AAAA", "AAAA")
        .replace("\"team\"", "\"azure-team\"")
        .replace("10.40.0.0/24", "10.40.0.1/24")
        .replace("10.40.16.0/20", "x")
        .replace("    instance_type = \"Standard_D4s_v5\"", "    count = 2\n    instance_type = unknown\n    zones = []\n    etcd_disk {\n      size_gb = 1\n      type = \"Premium\"\n    }")
        .replace("    count = 3", "    count = -1\n    labels = {\"\": \"\"}\n    update {\n      max_surge = 0\n      max_unavailable = 0\n    }");
    assert_snapshot!(decode(PROFILE, &text).cluster.unwrap_err(), @r#"
    LZ0225 `east-us` cannot be the name of a region
      region = ‹"east-us"›  letters and digits, such as eastus2
    LZ0223 `ssh_key` must be a public key as OpenSSH writes it
      ‹ssh_key› = "AAAAC3NzaC1lZDI1NTE5AAAAIKey team"  not a public key
      help: for example file("id_ed25519.pub")
    LZ0214 the tag `azure-team` is reserved
      tags = ‹{"azure-team": "platform"}›  keys that begin with `azure` belong to Azure
    LZ0223 `cidr` has bits set beyond its prefix
      cidr = ‹"10.40.0.1/24"›  the network is 10.40.0.0/24
    LZ0223 `cidr` must be an IPv4 network such as 10.40.0.0/16
      cidr = ‹"x"›  `x` is not
    LZ0208 2 control-plane nodes cannot hold an etcd quorum
      count = ‹2›  use 1, 3 or 5
    LZ0223 `size_gb` must be a whole number from 4 to 32767
      size_gb = ‹1›  this is 1
    LZ0223 `type` must be one of Premium_LRS, Premium_ZRS, PremiumV2_LRS, StandardSSD_LRS, StandardSSD_ZRS, Standard_LRS
      type = ‹"Premium"›  not one of them
    LZ0222 `instance_type` must be known before anything is applied
      instance_type = ‹unknown›  this is known only after apply
      help: give it a value that does not depend on a resource that is still to be made
    LZ0223 `count` must be a whole number from 0 to 1000
      count = ‹-1›  this is -1
    LZ0218 with max_surge and max_unavailable both 0 no node could ever be replaced
      ‹update› {  raise one of them
    LZ0217 ` = ` cannot be a label of a node
      labels = ‹{"": ""}›  a key is an optional DNS name and /, then at most 63 letters, digits, - _ .
    "#);
}

#[test]
fn commands_are_kept_out_of_debug_output() {
    let text = edited(
        CLUSTER,
        "    count = 3\n",
        "    count = 3\n    pre_bootstrap_commands = [\"login s3cret\"]\n",
    );
    let cluster = cluster(&text);
    assert_eq!(cluster.workers[0].pre_bootstrap.0, ["login s3cret"]);
    assert!(!format!("{cluster:?}").contains("s3cret"));
}

#[test]
fn every_code_has_a_page() {
    let crate_folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let decode = std::fs::read_dir(crate_folder.join("src/decode")).unwrap();
    for file in
        decode.map(|entry| entry.unwrap().path()).filter(|path| path.is_file() && !path.ends_with("tests.rs"))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("\"LZ0") {
            let code = &text[at + 1..at + 7];
            let page = crate_folder.join(format!("../../docs/errors/{code}.md"));
            assert!(page.is_file(), "{code} of {}", file.display());
        }
    }
}

#[test]
fn a_secret_is_in_no_message() {
    let secret = "sensitive(\"Hunter/2\")";
    let cluster = |from: &str, to: String| refusal(from, &to);
    let said = [
        profile_refusal("\"1.34.2\"", secret),
        profile_refusal("\"1.34.2\"", "sensitive(\"1.2.3\")"),
        cluster("\"eastus2\"", secret.into()),
        cluster("\"rg-platform\"", secret.into()),
        cluster("\"10.40.0.0/16\"", "sensitive(\"10.99.0.1/16\")".into()),
        cluster(
            "{\"team\": \"platform\"}",
            "sensitive({\"azure-hunter2\": \"1\", \"Hunter2\": \"1\", \"hunter2\": \"1\", \"hunter2?\": \"1\"})".into(),
        ),
        cluster("  region =", "  name = sensitive(\"Hunter2\")\n  region =".into()),
        cluster("  region =", "  update_pools = sensitive(\"paralle1\")\n  region =".into()),
        cluster("  control_plane {", "  api_server {\n    authorized_ranges = sensitive([\"hunter2\"])\n  }\n  control_plane {".into()),
        with_control_plane("    count = sensitive(4)\n"),
        with_control_plane("    count = sensitive(777)\n"),
        with_pool("    zones = sensitive([\"hunter2\"])\n"),
        with_pool("    labels = sensitive({\"-hunter2\": \"hunter2-\"})\n"),
        with_pool("    taint \"x\" {\n      value = sensitive(\"hunter2-\")\n      effect = \"NoSchedule\"\n    }\n"),
        with_rule(
            "      rule \"a\" {\n        priority = 200\n        direction = \"inbound\"\n        access = \"allow\"\n        protocol = \"tcp\"\n        source = sensitive([\"hunter 2\"])\n        source_ports = sensitive([\"hunter2\"])\n      }\n",
        ),
    ]
    .concat();
    // What the source itself says is in `‹›`; a secret never stands there in a file.
    let words: String = said.split('‹').map(|part| part.rsplit('›').next().unwrap_or(part)).collect();
    let words = words.to_lowercase();
    for secret in ["hunter", "1.2.3", "10.99", "777", "did you mean", "4 control"] {
        assert!(!words.contains(secret), "{secret} in\n{said}");
    }
    assert_snapshot!(said);
}

/// A cluster with these lines in `api_server`.
fn api(lines: &str) -> String {
    extended(&format!("  api_server {{\n{lines}  }}\n"))
}

#[test]
fn a_private_api_has_an_address_and_a_name_that_are_known() {
    let private = |lines: &str| cluster(&api(lines)).api_server.private.unwrap();
    let default = private("    access = \"private\"\n");
    assert_eq!((default.ip.to_string().as_str(), default.zone.as_str()), ("10.40.0.254", "prod.internal"));
    let own = private(
        "    access = \"private\"\n    private {\n      ip = \"10.40.0.10\"\n      dns_zone = \"K8s.Corp.Example\"\n      dns_resource_group = \"rg-dns\"\n    }\n",
    );
    assert_eq!((own.ip.to_string().as_str(), own.zone.as_str()), ("10.40.0.10", "k8s.corp.example"));
    assert_eq!(own.zone_group.as_deref(), Some("rg-dns"));
}

#[test]
fn a_private_api_is_refused_an_address_that_is_not_free_for_it() {
    let said = ["10.40.0.3", "10.40.0.255", "10.40.16.10", "fd00::1"].map(|ip| {
        let lines = format!("    access = \"private\"\n    private {{\n      ip = \"{ip}\"\n    }}\n");
        decode(PROFILE, &api(&lines)).cluster.unwrap_err()
    });
    assert_snapshot!(said.concat(), @r#"
    LZ0220 the API server cannot have the address 10.40.0.3
      ip = ‹"10.40.0.3"›  Azure keeps the first 4 addresses and the last one of 10.40.0.0/24
      ‹control_plane_subnet› {  the subnet
    LZ0220 the API server cannot have the address 10.40.0.255
      ip = ‹"10.40.0.255"›  Azure keeps the first 4 addresses and the last one of 10.40.0.0/24
      ‹control_plane_subnet› {  the subnet
    LZ0220 the API server cannot have the address 10.40.16.10
      ip = ‹"10.40.16.10"›  it must lie in the subnet of the control plane, 10.40.0.0/24
      ‹control_plane_subnet› {  the subnet
    LZ0223 `ip` must be an IPv4 address such as 10.40.0.10
      ip = ‹"fd00::1"›  `fd00::1` is not
    "#);
    let existing = |lines: &str| decode(PROFILE, &edited(&api(lines), OWN_NETWORK, EXISTING_NETWORK)).cluster;
    assert_snapshot!(existing("    access = \"private\"\n").unwrap_err(), @r#"
    LZ0105 a private API server in an existing network needs `private.ip`
      ‹api_server› {  which address of the control plane's subnet is free is not known here
      help: ask for a free address and write: private { ip = "…" }
    "#);
    let with_ip = "    access = \"private\"\n    private {\n      ip = \"10.80.0.10\"\n    }\n";
    assert!(existing(with_ip).is_ok());
}

#[test]
fn a_private_api_and_its_zone_are_wholly_described_or_not_at_all() {
    let said = [
        "    private {\n      ip = \"10.40.0.10\"\n    }\n",
        "    access = \"private\"\n    private {\n      dns_resource_group = \"rg-dns\"\n    }\n",
        "    access = \"private\"\n    private {\n      dns_zone = \"internal\"\n    }\n",
    ]
    .map(|lines| decode(PROFILE, &api(lines)).cluster.unwrap_err());
    assert_snapshot!(said.concat(), @r#"
    LZ0223 `private` says where a private API server is, and this one is public
      ‹private› {  has no meaning here
      help: set access = "private", or take the block out
    LZ0105 `dns_resource_group` needs `dns_zone`
      dns_resource_group = ‹"rg-dns"›  which zone of that resource group is it?
      help: without both, the cluster makes a private DNS zone of its own
    LZ0225 `internal` cannot be the name of a private DNS zone
      dns_zone = ‹"internal"›  2 to 34 labels of letters, digits and hyphens with full stops between, such as prod.internal
    "#);
}

/// A cluster with more lines in its network.
fn in_network(lines: &str) -> String {
    let line = "    cidr = \"10.40.0.0/16\"\n";
    edited(CLUSTER, line, &format!("{line}{lines}"))
}

#[test]
fn peerings_lead_to_networks_that_exist_once() {
    let hub = "/subscriptions/s/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-hub";
    let peering = |name: &str, id: &str| {
        format!("    peering \"{name}\" {{\n      virtual_network_id = \"{id}\"\n    }}\n")
    };
    let good = cluster(&in_network(&peering("hub", hub)));
    let Network::Dynamic(network) = good.network else { panic!("a network of its own") };
    assert_eq!((network.peerings[0].remote.as_str(), network.peerings[0].manage_remote), (hub, false));
    let subnet = format!("{hub}/subnets/a");
    let said = [
        peering("hub", &subnet),
        peering("hub", hub) + &peering("HUB", "/subscriptions/x"),
        peering("hub", hub) + &peering("again", &hub.to_uppercase()),
        peering("-", hub),
        peering("own", hub),
    ]
    .map(|lines| decode(PROFILE, &in_network(&lines)).cluster.unwrap_err());
    assert_snapshot!(said.concat(), @r#"
    LZ0223 `virtual_network_id` must be the id of a virtual network
      virtual_network_id = ‹"/subscriptions/s/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/a"›  /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…
    LZ0201 the peering `HUB` is there twice
      peering ‹"HUB"› {  again here
      ‹peering "hub"› {  first here
    LZ0223 the peerings `hub` and `again` lead to the same network
      virtual_network_id = ‹"/SUBSCRIPTIONS/S/RESOURCEGROUPS/RG-NET/PROVIDERS/MICROSOFT.NETWORK/VIRTUALNETWORKS/VNET-HUB"›  Azure allows one between two networks
      ‹peering "hub"› {  the other one
    LZ0225 `-` cannot be the name of a peering
      peering ‹"-"› {  1 to 80 letters, digits and - _ ., a letter or digit first, no - or . last
    LZ0225 `own` cannot be the name of a peering
      peering ‹"own"› {  the DNS link of the cluster's own network has it
    "#);
    let existing =
        edited(EXISTING_NETWORK, "    existing {\n", &format!("{}    existing {{\n", peering("hub", hub)));
    assert_snapshot!(refusal(OWN_NETWORK, &existing), @r#"
    LZ0215 `peering` would change the network, but an existing one is only read
      ‹peering "hub"› {  take it out, and let who owns that network peer it
    "#);
}

#[test]
fn without_zones_there_are_availability_sets_but_not_for_spot_machines() {
    let line = "    instance_type = \"Standard_D8s_v5\"\n";
    let without = cluster(&edited(CLUSTER, line, &format!("{line}    zones = []\n")));
    assert!(without.workers[0].has_availability_set() && !without.control_plane.has_availability_set());
    let spot = cluster(&edited(CLUSTER, line, &format!("{line}    zones = []\n    spot {{\n    }}\n")));
    assert!(!spot.workers[0].has_availability_set());
}

#[test]
fn the_subnet_of_the_control_plane_has_room_for_a_private_api_too() {
    // Three addresses for one node and the one that takes its place.
    let small = |more: &str| {
        let text = edited(CLUSTER, "10.40.0.0/24", "10.40.0.0/29");
        let text = edited(&text, "_D4s_v5\"\n", "_D4s_v5\"\n    count = 3\n");
        decode(PROFILE, &format!("{}{more}}}\n", text.strip_suffix("}\n").unwrap())).cluster.unwrap_err()
    };
    assert!(small("").contains("room for 3 nodes"));
    assert!(small("  api_server {\n    access = \"private\"\n  }\n").contains("room for 2 nodes"));
}
