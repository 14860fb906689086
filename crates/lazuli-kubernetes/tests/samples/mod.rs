//! Nodes of a cluster as it could be, for tests and for the check against cloud-init's own code.

use lazuli_kubernetes::keyring::{ClusterKeys, Server, Transport};
use lazuli_kubernetes::pki::{CertificateAuthority, ServiceAccountKey};
use lazuli_kubernetes::user_data::{
    AzureFacts, BootSecrets, Endpoint, NodeBoot, NodeRole, Proxy, Taint, TaintEffect,
};

/// All nodes, by the names of `examples/render.rs`.
#[allow(dead_code, reason = "not every program that has the samples wants all of them")]
pub(crate) fn all() -> Vec<(&'static str, NodeBoot)> {
    vec![
        ("first", first()),
        ("further", further()),
        ("worker", worker()),
        ("private-first", private(first())),
        ("private-further", private(further())),
        ("private-worker", private(worker())),
        ("packed", packed()),
    ]
}

/// The keys of the cluster: always the same ones, in use nowhere.
pub(crate) fn keys() -> ClusterKeys {
    let (certificate, key) = (include_str!("ca.crt"), include_str!("ca.key"));
    let ca = CertificateAuthority::from_pem(certificate, key).unwrap();
    ClusterKeys {
        server: Server { host: first().endpoint.host, port: 6443 },
        transport: Transport::Direct,
        cluster_ca: ca.clone(),
        cluster_ca_rotation: 0,
        etcd_ca: Some(ca.clone()),
        front_proxy_ca: Some(ca),
        front_proxy_ca_rotation: 0,
        service_account: Some(ServiceAccountKey::from_pem(key).unwrap()),
    }
}

/// The same while the cluster's authority is rotated: another one is trusted.
#[allow(dead_code, reason = "not every program that has the samples wants all of them")]
pub(crate) fn keys_with_another() -> ClusterKeys {
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let another = CertificateAuthority::new("kubernetes", 10, now).unwrap().certificate_pem;
    let keys = keys();
    ClusterKeys { cluster_ca: keys.cluster_ca.clone().trusting(std::iter::once(another.trim_end())), ..keys }
}

/// A node's secrets.
#[allow(dead_code, reason = "not every program that has the samples wants all of them")]
pub(crate) fn secrets(node: &NodeBoot) -> BootSecrets {
    BootSecrets::of(&keys(), node.role, &node.name).unwrap()
}

/// The same node in a cluster with everything else: an older Kubernetes, a private API, Azure's routes, a proxy.
pub(crate) fn private(node: NodeBoot) -> NodeBoot {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
    NodeBoot {
        kubernetes: "1.30.14".parse().unwrap(),
        endpoint: Endpoint { host: "api.prod.internal".into(), port: 6443 },
        api_server_private: true,
        azure_routes: true,
        feature_gates: [("MemoryQoS".to_owned(), true), ("AnyVolumeDataSource".to_owned(), false)].into(),
        api_server_args: map(&[
            ("audit-log-maxage", "7"),
            ("oidc-issuer-url", "https://login.example.com/a b"),
        ]),
        cert_sans: vec!["*.prod.example.com".into(), "10.40.0.4".into(), "127.0.0.1".into()],
        controller_manager_args: map(&[("node-monitor-grace-period", "30s")]),
        scheduler_args: map(&[("feature-gates", "MemoryQoS=false")]),
        two_authorities: false,
        proxy: Some(Proxy {
            http: None,
            https: Some("http://team:hunter2&$HOME@proxy:3128".into()),
            no_proxy: vec!["10.40.0.0/16".into(), ".example.com".into(), "localhost".into()],
        }),
        ..node
    }
}

/// One whose commands are long.
pub(crate) fn packed() -> NodeBoot {
    NodeBoot { post_bootstrap: (0..1000).map(|i| format!("echo {i}")).collect(), ..worker() }
}

pub(crate) fn first() -> NodeBoot {
    NodeBoot {
        name: "prod-cp-1-k3f9a".into(),
        cluster: "prod".into(),
        role: NodeRole::FirstControlPlane,
        kubernetes: "1.34.2".parse().unwrap(),
        endpoint: Endpoint { host: "prod-4f2a.westeurope.cloudapp.azure.com".into(), port: 6443 },
        pod_cidr: "192.168.0.0/16".into(),
        service_cidr: "10.96.0.0/12".into(),
        api_server_private: false,
        azure_routes: false,
        feature_gates: Default::default(),
        api_server_args: Default::default(),
        cert_sans: Vec::new(),
        controller_manager_args: Default::default(),
        scheduler_args: Default::default(),
        two_authorities: false,
        proxy: None,
        labels: [("team".to_owned(), "platform".to_owned())].into(),
        taints: vec![Taint {
            key: "node-role.kubernetes.io/control-plane".into(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
        }],
        kubelet_args: [("v".to_owned(), "2".to_owned())].into(),
        pre_bootstrap: Vec::new(),
        post_bootstrap: Vec::new(),
        azure: AzureFacts {
            cloud: "AzurePublicCloud".into(),
            tenant_id: "11111111-1111-1111-1111-111111111111".into(),
            subscription_id: "22222222-2222-2222-2222-222222222222".into(),
            resource_group: "rg-prod".into(),
            location: "westeurope".into(),
            network_resource_group: "rg-prod".into(),
            virtual_network: "prod-vnet".into(),
            worker_subnet: "prod-node-subnet".into(),
            worker_security_group: Some(network("rg-prod", "networkSecurityGroups/prod-node-nsg")),
            route_table: Some(network("rg-prod", "routeTables/prod-node-routetable")),
            identity_client_id: "33333333-3333-3333-3333-333333333333".into(),
        },
    }
}

fn network(group: &str, rest: &str) -> lazuli_core::resource::ResourceId {
    lazuli_core::resource::ResourceId::new(format!(
        "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Network/{rest}"
    ))
}

/// One that takes workloads: it has no taints.
pub(crate) fn further() -> NodeBoot {
    NodeBoot {
        name: "prod-cp-2-x81qd".into(),
        role: NodeRole::FurtherControlPlane,
        taints: Vec::new(),
        ..first()
    }
}

/// In an existing network of another resource group.
pub(crate) fn worker() -> NodeBoot {
    let first = first();
    NodeBoot {
        name: "prod-gpu-1-m20vz".into(),
        role: NodeRole::Worker,
        labels: [
            ("example.com/gpu", "a100"),
            ("node-role.kubernetes.io/gpu", ""),
            ("node.kubernetes.io/pool", "gpu"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        taints: vec![
            Taint { key: "gpu".into(), value: "yes".into(), effect: TaintEffect::NoSchedule },
            Taint { key: "spot".into(), value: String::new(), effect: TaintEffect::PreferNoSchedule },
        ],
        kubelet_args: [("eviction-hard", "memory.available<500Mi,nodefs.available<10%"), ("max-pods", "60")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        pre_bootstrap: vec![
            "echo \"it's {{ not }} a template: ${HOME} %s \\ ü 🦀 \u{7f}\u{85}\u{2028}\"".into(),
            "cat >/etc/apt/apt.conf.d/90proxy <<'EOF'\nAcquire::http::Proxy \"http://proxy:3128\";\nEOF"
                .into(),
        ],
        post_bootstrap: vec!["touch /etc/node-is-ours".into()],
        azure: AzureFacts {
            network_resource_group: "rg-network".into(),
            virtual_network: "hub".into(),
            worker_subnet: "workers".into(),
            worker_security_group: Some(network("rg-network", "networkSecurityGroups/workers-nsg")),
            route_table: Some(network("rg-routes", "routeTables/hub-routes")),
            ..first.azure.clone()
        },
        ..first
    }
}
