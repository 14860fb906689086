//! What Lazuli puts into a cluster, and what it says of the user's manifests.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

use std::collections::BTreeMap;

use lazuli_core::Json;
use lazuli_kubernetes::manifests::{
    BindingSpec, BindingTarget, ClusterFacts, DefaultClass, NamespaceSpec, Objects, PodNetwork,
    cloud_provider, collect, key_of, lint_early, namespace, network_azure_routes, role_binding,
    storage_azuredisk,
};
use lazuli_kubernetes::user_data::{Proxy, Taint, TaintEffect};
use serde_json::json;

fn facts(version: &str, network: PodNetwork) -> ClusterFacts {
    ClusterFacts {
        name: "prod".into(),
        kubernetes: version.parse().unwrap(),
        control_planes: 3,
        control_plane_taints: vec![Taint {
            key: "team".into(),
            value: "platform".into(),
            effect: TaintEffect::NoSchedule,
        }],
        pod_cidr: "192.168.0.0/16".into(),
        network,
        proxy: None,
    }
}

fn premium(zone_redundant: bool) -> DefaultClass {
    DefaultClass { sku: "Premium_LRS".into(), zone_redundant }
}

fn container<'a>(objects: &'a Objects, key: &str, index: usize) -> &'a Json {
    objects[key].pointer(&format!("/spec/template/spec/containers/{index}")).unwrap()
}

#[test]
fn the_cloud_provider_with_routes() {
    insta::assert_json_snapshot!(cloud_provider(&facts("1.34.2", PodNetwork::AzureRoutes)));
}

#[test]
fn the_network_with_routes() {
    insta::assert_json_snapshot!(network_azure_routes(&facts("1.34.2", PodNetwork::AzureRoutes)));
}

#[test]
fn storage_on_azure_disks() {
    let facts = facts("1.34.2", PodNetwork::Manifests);
    insta::assert_json_snapshot!(storage_azuredisk(&facts, Some(&premium(false))).unwrap());
}

#[test]
fn the_cloud_provider_keeps_off_an_overlay_network() {
    let with = cloud_provider(&facts("1.34.2", PodNetwork::AzureRoutes));
    let without = cloud_provider(&facts("1.34.2", PodNetwork::Manifests));
    let args = |objects: &Objects| {
        let args = &container(objects, "apps/v1/Deployment/kube-system/cloud-controller-manager", 0)["args"];
        serde_json::from_value::<Vec<String>>(args.clone()).unwrap()
    };
    let only =
        |a: Vec<String>, b: Vec<String>| a.into_iter().filter(|arg| !b.contains(arg)).collect::<Vec<_>>();
    assert_eq!(
        only(args(&without), args(&with)),
        ["--allocate-node-cidrs=false", "--configure-cloud-routes=false"]
    );
    assert_eq!(
        only(args(&with), args(&without)),
        [
            "--allocate-node-cidrs=true",
            "--configure-cloud-routes=true",
            "--cluster-cidr=192.168.0.0/16",
            "--route-reconciliation-period=10s"
        ]
    );
}

#[test]
fn images_follow_the_version() {
    let versions = ["1.22.0", "1.31.9", "1.32.0", "1.34.2", "1.36.1", "1.40.0"];
    let images: BTreeMap<&str, Vec<String>> = versions
        .into_iter()
        .map(|version| {
            let facts = facts(version, PodNetwork::Manifests);
            let mut objects = cloud_provider(&facts);
            objects.extend(storage_azuredisk(&facts, None).unwrap());
            let containers =
                objects.values().filter_map(|o| o.pointer("/spec/template/spec/containers")?.as_array());
            (version, containers.flatten().map(|c| c["image"].as_str().unwrap().to_owned()).collect())
        })
        .collect();
    insta::assert_json_snapshot!(images);
}

#[test]
fn what_talks_to_azure_does_it_through_the_proxy_and_nothing_else_changes() {
    let direct = facts("1.34.2", PodNetwork::AzureRoutes);
    let proxy = Proxy {
        http: None,
        https: Some("http://proxy:3128".into()),
        no_proxy: vec!["169.254.169.254".into(), "10.96.0.0/12".into()],
    };
    let behind = ClusterFacts { proxy: Some(proxy), ..direct.clone() };
    let all = |facts: &ClusterFacts| {
        let mut objects = cloud_provider(facts);
        objects.extend(storage_azuredisk(facts, None).unwrap());
        objects
    };
    let (direct, mut behind) = (all(&direct), all(&behind));
    for (key, place) in [
        ("apps/v1/Deployment/kube-system/cloud-controller-manager", 0),
        ("apps/v1/Deployment/kube-system/csi-azuredisk-controller", 4),
    ] {
        let container = &mut behind.get_mut(key).unwrap()["spec"]["template"]["spec"]["containers"][place];
        assert_eq!(
            container.as_object_mut().unwrap().remove("env").unwrap(),
            json!([{"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
                {"name": "NO_PROXY", "value": "169.254.169.254,10.96.0.0/12"}]),
            "{key}"
        );
    }
    assert_eq!(behind, direct);
}

#[test]
fn replicas_that_share_a_port_of_their_node_say_so() {
    let mut objects = cloud_provider(&facts("1.34.2", PodNetwork::AzureRoutes));
    objects.extend(storage_azuredisk(&facts("1.34.2", PodNetwork::AzureRoutes), None).unwrap());
    for (key, object) in objects.iter().filter(|(key, _)| key.starts_with("apps/v1/Deployment/")) {
        let spec = &object["spec"]["template"]["spec"];
        let ports: Vec<_> =
            spec["containers"].as_array().unwrap().iter().filter(|c| c["ports"].is_array()).collect();
        assert!(spec["hostNetwork"] != true || !ports.is_empty(), "{key}");
    }
}

#[test]
fn one_control_plane_node_has_one_replica_of_each_controller() {
    let mut small = facts("1.34.2", PodNetwork::Manifests);
    small.control_planes = 1;
    let replicas = |facts: &ClusterFacts| {
        cloud_provider(facts)["apps/v1/Deployment/kube-system/cloud-controller-manager"]["spec"]["replicas"]
            .clone()
    };
    assert_eq!((replicas(&small), replicas(&facts("1.34.2", PodNetwork::Manifests))), (json!(1), json!(2)));
}

#[test]
fn zone_redundant_disks_are_those_that_azure_has() {
    assert_eq!(premium(true).disk().unwrap(), "Premium_ZRS");
    let none = DefaultClass { sku: "PremiumV2_LRS".into(), zone_redundant: true };
    assert!(none.disk().unwrap_err().to_string().contains("use Premium_LRS or StandardSSD_LRS"));
}

#[test]
fn our_own_early_layers_pass_our_own_look() {
    let facts = facts("1.34.2", PodNetwork::AzureRoutes);
    for layer in
        [cloud_provider(&facts), network_azure_routes(&facts), storage_azuredisk(&facts, None).unwrap()]
    {
        assert_eq!(lint_early(&layer), []);
    }
}

#[test]
fn what_would_wait_for_ready_nodes_forever_is_named() {
    let mut layer = cloud_provider(&facts("1.34.2", PodNetwork::Manifests));
    let tolerations = |tolerations: Json, layer: &mut Objects, key: &str| {
        layer.get_mut(key).unwrap()["spec"]["template"]["spec"]["tolerations"] = tolerations;
    };
    let agent = "apps/v1/DaemonSet/kube-system/cloud-node-manager";
    let equal = json!([{"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "", "effect": "NoSchedule"}]);
    tolerations(equal, &mut layer, agent);
    let controller = "apps/v1/Deployment/kube-system/cloud-controller-manager";
    tolerations(json!([{"operator": "Exists", "effect": "NoExecute"}]), &mut layer, controller);
    let text: Vec<String> = lint_early(&layer).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn namespaces_with_and_without_limits() {
    let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    let all = NamespaceSpec {
        name: "team-a".into(),
        cpu: Some("8".into()),
        memory: Some("32Gi".into()),
        gpu: Some(0),
        labels,
    };
    insta::assert_json_snapshot!(namespace(&all));
    let none = namespace(&NamespaceSpec { name: "open".into(), ..NamespaceSpec::default() });
    assert_eq!(none.keys().collect::<Vec<_>>(), ["v1/Namespace/-/open"]);
}

#[test]
fn bindings_everywhere_and_in_a_namespace() {
    let binding = |target, role: &str, accounts: &[&str]| BindingSpec {
        name: "admins".into(),
        target,
        role: role.into(),
        users: vec!["eve".into()],
        groups: vec!["ops".into()],
        service_accounts: accounts.iter().map(|a| (*a).to_owned()).collect(),
    };
    let here = || BindingTarget::Namespace("team-a".into());
    insta::assert_json_snapshot!([
        role_binding(&binding(BindingTarget::Cluster, "cluster-admin", &["ci:deployer"])).unwrap(),
        role_binding(&binding(here(), "Role/reader", &[])).unwrap(),
    ]);
    let nobody = BindingSpec { users: vec![], groups: vec![], ..binding(here(), "view", &[]) };
    let errors = [
        role_binding(&binding(BindingTarget::Cluster, "Role/reader", &[])).unwrap_err(),
        role_binding(&binding(here(), "view", &["deployer"])).unwrap_err(),
        role_binding(&nobody).unwrap_err(),
    ];
    insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"));
}

#[test]
fn keys_of_manifests() {
    let object = |api: &str, kind: &str, namespace: Option<&str>| {
        key_of(&json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x", "namespace": namespace}}))
    };
    assert_eq!(object("apps/v1", "Deployment", Some("a")).unwrap(), "apps/v1/Deployment/a/x");
    assert_eq!(object("v1", "ConfigMap", None).unwrap(), "v1/ConfigMap/default/x");
    // Charts write a namespace even where there is none.
    assert_eq!(
        object("rbac.authorization.k8s.io/v1", "ClusterRole", Some("a")).unwrap(),
        "rbac.authorization.k8s.io/v1/ClusterRole/-/x"
    );
    assert_eq!(object("odd.example/v1", "Odd", None).unwrap(), "odd.example/v1/Odd/-/x");
    assert_eq!(object("", "Odd", None), Err("apiVersion"));
}

#[test]
fn documents_of_a_user_become_objects() {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "odds.odd"},
        "spec": {"group": "odd", "scope": "Namespaced", "names": {"kind": "Odd"}},
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}},
        {"apiVersion": "odd/v1", "kind": "Odd", "metadata": {"name": "b"}},
    ]});
    let objects = collect(&[Json::Null, definition, list], Some("tools")).unwrap();
    assert_eq!(
        objects.keys().collect::<Vec<_>>(),
        [
            "apiextensions.k8s.io/v1/CustomResourceDefinition/-/odds.odd",
            "odd/v1/Odd/tools/b",
            "v1/ServiceAccount/tools/a"
        ]
    );
    assert_eq!(objects["odd/v1/Odd/tools/b"]["metadata"]["namespace"], "tools");
}

#[test]
fn mistakes_in_manifests_are_all_reported() {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let nameless = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}});
    let kindless = json!({"apiVersion": "v1", "metadata": {"name": "a"}});
    let errors = collect(&[map.clone(), nameless, kindless, json!("text"), map], None).unwrap_err();
    insta::assert_snapshot!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}
