//! `cluster.NAME.…` in expressions: what it is, and on which resources it hangs.

use lazuli_core::{Address, Path, Type, Value};

use crate::expand::{Expansion, Pki};
use crate::spec::{Cluster, Egress, Network};

/// The cluster as expressions see it; what Azure invents is unknown, with its source.
pub fn object(expansion: &Expansion) -> Value {
    let cluster = &expansion.cluster;
    let endpoint = format!("https://{}:{}", expansion.fqdn, cluster.api_server.port);
    let supplied = |address: Address, path: &str| {
        let path = path.split('.').fold(Path::root(), |path, name| path.name(name));
        Value::unknown_from(address, path, Type::String)
    };
    let nodes = expansion.nodes.iter().map(|node| {
        let address: Path = "properties.ipConfigurations[\"pipConfig\"].properties.privateIPAddress"
            .parse()
            .unwrap_or_default();
        let facts = [
            ("zone", node.zone.as_ref().map_or_else(Value::null, |zone| Value::string(zone.as_str()))),
            ("pool", Value::string(node.pool.as_str())),
            ("private_ip", Value::unknown_from(node.nic.clone(), address, Type::String)),
        ];
        (node.name.clone(), Value::object(facts))
    });
    let nat_public_ip = match outbound_ip(cluster) {
        Some(ip) => supplied(cluster.address.child("network").child(ip), "properties.ipAddress"),
        None => Value::null_of(Type::String),
    };
    let principal = cluster.address.child("identity").child("principal");
    let id = format!("{}/lazuli/clusters/{}", expansion.ids.resource_group, cluster.name);
    let mut attributes = vec![
        ("id", Value::string(id)),
        ("name", Value::string(cluster.name.as_str())),
        ("endpoint", Value::string(endpoint)),
        ("fqdn", Value::string(expansion.fqdn.as_str())),
        ("kubernetes_version", Value::string(cluster.profile.kubernetes.to_string())),
        ("virtual_network_id", Value::string(expansion.ids.virtual_network.as_str())),
        ("control_plane_subnet_id", Value::string(expansion.ids.control_plane_subnet.as_str())),
        ("worker_subnet_id", Value::string(expansion.ids.worker_subnet.as_str())),
        ("nat_public_ip", nat_public_ip),
        ("identity_principal_id", supplied(principal, "properties.principalId")),
        ("nodes", Value::object(nodes)),
    ];
    if expansion.is_whole() {
        let authority = Pki::of(&cluster.address).cluster_ca;
        // Minted when it is asked for: never a part of the record.
        let kubeconfig = Value::unknown_from(authority.clone(), Path::root().name(KUBECONFIG), Type::String);
        attributes.push(("ca_certificate", supplied(authority, "properties.certificate")));
        attributes.push((KUBECONFIG, kubeconfig.sensitive()));
    }
    Value::object(attributes)
}

/// The attribute with which administrators reach the cluster. Its value comes from who can sign it: it is unknown here, and
/// stands for the attribute of this name of the cluster's authority.
pub const KUBECONFIG: &str = "kubeconfig";

/// The address through which workers leave, where the cluster has one for that.
fn outbound_ip(cluster: &Cluster) -> Option<&'static str> {
    let Network::Dynamic(network) = &cluster.network else { return None };
    match network.egress {
        Egress::NatGateway => Some("nat_public_ip"),
        Egress::LoadBalancer => Some("outbound_public_ip"),
        Egress::UserDefinedRouting | Egress::None => None,
    }
}

/// The resources that an attribute hangs on: who uses it depends on them.
pub fn needs(expansion: &Expansion, attribute: &str) -> Vec<Address> {
    let cluster = &expansion.cluster;
    let network = |part: &str| vec![cluster.address.child("network").child(part)];
    match attribute {
        "endpoint" | KUBECONFIG if expansion.is_whole() => {
            vec![cluster.control_plane.address(&cluster.address).keyed("node", "1").child("member")]
        }
        "ca_certificate" if expansion.is_whole() => vec![Pki::of(&cluster.address).cluster_ca],
        "endpoint" | "fqdn" => {
            let part = if cluster.api_server.private.is_some() { "private_dns_record" } else { "public_ip" };
            vec![cluster.address.child("api_server").child(part)]
        }
        "virtual_network_id" => network("virtual_network"),
        "control_plane_subnet_id" => network("control_plane_subnet"),
        "worker_subnet_id" => network("worker_subnet"),
        "nat_public_ip" => outbound_ip(cluster).map_or_else(Vec::new, network),
        "identity_principal_id" => vec![cluster.address.child("identity").child("principal")],
        "nodes" => expansion.nodes.iter().map(|node| node.nic.clone()).collect(),
        _ => Vec::new(),
    }
}
