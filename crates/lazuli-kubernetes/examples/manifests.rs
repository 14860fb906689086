//! Prints Lazuli's own manifests for a Kubernetes version as JSON documents, one a line: `manifests 1.34.2`.
//! For `ci/manifests.sh`.

use std::io::Write;

use lazuli_kubernetes::manifests::{
    BindingSpec, BindingTarget, ClusterFacts, DefaultClass, NamespaceSpec, PodNetwork, cloud_provider,
    namespace, network_azure_routes, role_binding, storage_azuredisk,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let version = std::env::args().nth(1).ok_or("usage: manifests VERSION")?;
    let facts = ClusterFacts {
        name: "sample".to_owned(),
        kubernetes: version.parse()?,
        control_planes: 3,
        control_plane_taints: Vec::new(),
        pod_cidr: "192.168.0.0/16".to_owned(),
        network: PodNetwork::AzureRoutes,
        proxy: None,
    };
    let class = DefaultClass { sku: "Premium_LRS".to_owned(), zone_redundant: true };
    let team = NamespaceSpec {
        name: "team-a".to_owned(),
        cpu: Some("8".to_owned()),
        memory: Some("32Gi".to_owned()),
        gpu: Some(0),
        ..NamespaceSpec::default()
    };
    let binding = BindingSpec {
        name: "admins".to_owned(),
        target: BindingTarget::Cluster,
        role: "cluster-admin".to_owned(),
        users: vec!["eve".to_owned()],
        groups: vec!["ops".to_owned()],
        service_accounts: vec!["ci:deployer".to_owned()],
    };
    let sets = [
        cloud_provider(&facts),
        network_azure_routes(&facts),
        storage_azuredisk(&facts, Some(&class))?,
        namespace(&team),
        role_binding(&binding)?,
    ];
    let mut out = std::io::stdout().lock();
    for manifest in sets.iter().flat_map(|set| set.values()) {
        writeln!(out, "{manifest}")?;
    }
    Ok(())
}
