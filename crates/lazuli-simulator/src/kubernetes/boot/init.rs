//! `kubeadm init`: certificates are checked, a cluster begins.

use serde_json::{Value, json};

use super::config::Documents;
use super::{Machine, Outcome, failed, node, objects, pki};
use crate::kubernetes::machine::parse_version;
use crate::kubernetes::reach::{self, Reached};
use crate::kubernetes::trust::Trust;
use crate::kubernetes::{Cluster, ControlPlane, Etcd, bootstrap, seed_of, yaml};
use crate::world::World;

pub(super) fn run(world: &mut World, machine: Machine<'_>, documents: Documents, now: u64) -> Outcome {
    let (cluster, init) = (documents.cluster.unwrap_or_default(), documents.init.unwrap_or_default());
    let facts = machine.facts;
    let Some(version) = parse_version(&cluster.kubernetes_version) else {
        let asked = &cluster.kubernetes_version;
        return failed(format!(
            "error execution phase preflight: version \"{asked}\" doesn't match patterns for neither semantic version nor labels (stable, latest, ...)"
        ));
    };
    let version_text = format!("v{}.{}.{}", version.0, version.1, version.2);
    if let Some(problem) = version_problem(&machine, version, &init.api_version) {
        return failed(problem);
    }
    if cluster.etcd.external.is_some() {
        return failed(
            "error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR ExternalEtcdVersion]: external etcd is not reachable from a simulated machine",
        );
    }
    let port = init.local_api_endpoint.bind_port.unwrap_or(6443);
    let (host, endpoint_port) = endpoint(&cluster.control_plane_endpoint, &facts.address, port);
    if let Err(why) = pki::check(&machine.files, now) {
        return failed(why);
    }
    if world.clusters.contains_key(&host)
        && world.nodes_of(&host).any(|(_, kubelet)| kubelet.is_control_plane)
    {
        return failed(format!(
            "error execution phase upload-config/kubeadm: the API server at https://{host}:{endpoint_port} serves another cluster: x509: certificate signed by unknown authority"
        ));
    }
    if !cluster.control_plane_endpoint.is_empty()
        && let Some(why) = unreachable(world, &machine, &host, endpoint_port, port)
    {
        return Outcome::Failed(vec![
            "[api-check] The API server is not healthy after 4m0s".to_owned(),
            format!(
                "error execution phase wait-control-plane: failed to call API: Get \"https://{host}:{endpoint_port}/livez?timeout=10s\": {why}"
            ),
        ]);
    }
    let name = registered_name(&init.node_registration.name, &facts.name);
    let service = first_address(&cluster.networking.service_subnet);
    let mut names = serving_names(&cluster.networking.dns_domain, &name, &host, &service, &facts.address);
    names.extend(cluster.api_server.cert_sans.iter().cloned());
    let seed = world.derived_guid("cluster", world.get(&facts.key).map_or(0, |machine| machine.serial));
    let leaf = match pki::serving(&machine.files, names, &format!("{seed} {name}"), now) {
        Ok(leaf) => leaf,
        Err(why) => return failed(why),
    };
    let text =
        |file: &str| machine.files.get(&format!("{}/{file}", pki::FOLDER)).cloned().unwrap_or_default();
    let manager = &cluster.controller_manager.extra_args;
    if let Err(why) = pki::check_signing(&machine.files, manager.get(pki::SIGNING_FLAG)) {
        return failed(why);
    }
    let mut control = ControlPlane {
        version: version_text.clone(),
        ca_pem: text("ca.crt"),
        etcd: Etcd::new(&seed, &name, &facts.address, machine.speed, now),
        ..ControlPlane::default()
    };
    control.etcd.trust(&name, Trust::of(&text("etcd/ca.crt")));
    control.servers.insert(name.clone(), leaf);
    control.running.insert(name.clone());
    control.state.speed = machine.speed;
    control.state.azure = azure(&machine);
    if manager.get("allocate-node-cidrs") == Some("true") {
        let range = manager.get("cluster-cidr").unwrap_or(&cluster.networking.pod_subnet);
        control.state.pod_cidr = range.to_owned();
    }
    let cluster_name = manager.get("cluster-name").unwrap_or(&cluster.cluster_name);
    control.state.cluster_name =
        if cluster_name.is_empty() { "kubernetes".to_owned() } else { cluster_name.to_owned() };
    world.remove_cluster(&host);
    let seed = seed_of(&world.seed.to_string(), &host);
    let made = world.put_cluster(Cluster::new(&host, control, &seed));
    let mut kubelet = machine.kubelet(&host, &name, &version_text, Some(port), now);
    kubelet.authority = Trust::of(&text("ca.crt"));
    let endpoint = format!("{host}:{endpoint_port}");
    let file = documents_of(&machine, "ClusterConfiguration");
    bootstrap(made, &service, now);
    objects::plant(
        &mut made.store,
        &objects::Facts {
            version: &version_text,
            endpoint: &endpoint,
            ca_pem: &text("ca.crt"),
            cluster_configuration: configuration(file, &version_text, &endpoint, &cluster.cluster_name),
            kubelet_configuration: documents.kubelet,
            proxy_configuration: documents.proxy,
            service_address: &service,
            dns_domain: domain(&cluster.networking.dns_domain),
        },
        now,
    );
    for token in init.bootstrap_tokens.iter().flatten() {
        objects::token(&mut made.store, &token.token, now);
    }
    let registration = node::Registration {
        facts,
        kubelet: &kubelet,
        labels: machine.flags.node_labels(&init.node_registration),
        taints: machine.flags.node_taints(&init.node_registration, true),
        is_cloud_external: machine.flags.is_cloud_external(&init.node_registration),
    };
    node::register(&mut made.store, &registration, now);
    node::mirror_pods(&mut made.store, facts, &kubelet, now);
    Outcome::Joined(Box::new(kubelet))
}

/// kubeadm makes clusters of its own minor version or the one before, and reads the configuration it knows.
pub(super) fn version_problem(machine: &Machine<'_>, wanted: (u32, u32, u32), api: &str) -> Option<String> {
    let own_text = machine.version().unwrap_or_else(|| format!("v{}.{}.{}", wanted.0, wanted.1, wanted.2));
    let own = parse_version(&own_text)?;
    if api.ends_with("/v1beta4") && own.1 < 31 {
        return Some(format!(
            "error execution phase preflight: no kind \"InitConfiguration\" is registered for version \"{api}\" in scheme \"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/scheme/scheme.go:33\""
        ));
    }
    if wanted.1 > own.1 {
        return Some(format!(
            "error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR KubernetesVersion]: this version of kubeadm only supports deploying clusters with the control plane version <= {own_text}. Current version: v{}.{}.{}",
            wanted.0, wanted.1, wanted.2
        ));
    }
    if wanted.1 + 1 < own.1 {
        return Some(format!(
            "error execution phase preflight: this version of kubeadm only supports deploying clusters with the control plane version >= 1.{}.0. Current version: v{}.{}.{}",
            own.1.saturating_sub(1),
            wanted.0,
            wanted.1,
            wanted.2
        ));
    }
    None
}

/// Why the endpoint does not lead to this machine; a name in /etc/hosts does without.
fn unreachable(world: &World, machine: &Machine<'_>, host: &str, port: u16, own_port: u16) -> Option<String> {
    if machine.files.values().any(|text| text.contains("/etc/hosts") && text.contains(host)) {
        return None;
    }
    match reach::machines_behind(world, host, port) {
        Reached::NoSuchHost => Some(no_such_host(host)),
        Reached::NoRule { address } => Some(no_answer(&address, port)),
        Reached::Machines { address, machines } => {
            let is_own = machines.contains(&(machine.facts.key.clone(), own_port));
            (!is_own).then(|| no_answer(&address, port))
        }
    }
}

pub(super) fn no_such_host(host: &str) -> String {
    format!("dial tcp: lookup {host} on 127.0.0.53:53: no such host")
}

pub(super) fn no_answer(address: &str, port: u16) -> String {
    format!("dial tcp {address}:{port}: i/o timeout")
}

/// Host (in lower case) and port of an endpoint.
pub(super) fn endpoint(text: &str, address: &str, port: u16) -> (String, u16) {
    match text.rsplit_once(':') {
        Some((host, port_text)) => (host.to_ascii_lowercase(), port_text.parse().unwrap_or(port)),
        None if text.is_empty() => (address.to_owned(), port),
        None => (text.to_ascii_lowercase(), port),
    }
}

pub(super) fn registered_name(wanted: &str, host: &str) -> String {
    if wanted.is_empty() { host.to_owned() } else { wanted.to_ascii_lowercase() }
}

fn domain(text: &str) -> &str {
    if text.is_empty() { "cluster.local" } else { text }
}

/// The names and addresses kubeadm puts into an API server's certificate.
pub(super) fn serving_names(
    dns_domain: &str,
    node: &str,
    host: &str,
    service: &str,
    address: &str,
) -> Vec<String> {
    let domain = domain(dns_domain);
    let mut names: Vec<String> =
        ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", "127.0.0.1"]
            .map(str::to_owned)
            .to_vec();
    names.push(format!("kubernetes.default.svc.{domain}"));
    names.extend(
        [node, host, service, address].iter().filter(|name| !name.is_empty()).map(|name| (*name).to_owned()),
    );
    names.sort();
    names.dedup();
    names
}

/// The first address of a range for services: the API's own.
pub(super) fn first_address(subnet: &str) -> String {
    let range = if subnet.is_empty() { "10.96.0.0/12" } else { subnet };
    match range.parse::<ipnet::Ipv4Net>() {
        Ok(net) => std::net::Ipv4Addr::from(u32::from(net.network()) + 1).to_string(),
        Err(_) => "10.96.0.1".to_owned(),
    }
}

/// What the cloud's controllers go by; the secrets that the file may hold stay on the disk.
fn azure(machine: &Machine<'_>) -> Value {
    const KEPT: [&str; 9] = [
        "resourceGroup",
        "location",
        "securityGroupName",
        "securityGroupResourceGroup",
        "routeTableName",
        "routeTableResourceGroup",
        "loadBalancerName",
        "loadBalancerResourceGroup",
        "vnetName",
    ];
    let file = machine.files.iter().find(|(path, _)| path.ends_with("/azure.json"));
    let file: Value = file.and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default();
    let kept = KEPT.iter().filter_map(|field| Some(((*field).to_owned(), file.get(*field)?.clone())));
    Value::Object(kept.filter(|(_, value)| value != "").collect())
}

fn documents_of(machine: &Machine<'_>, kind: &str) -> Option<Value> {
    machine
        .files
        .values()
        .filter(|text| text.contains("kubeadm.k8s.io/"))
        .filter_map(|text| yaml::documents(text, yaml::Repeated::Refused).ok())
        .flatten()
        .find(|document| document["kind"] == kind)
}

/// What kubeadm uploads: the configuration with its defaults.
fn configuration(written: Option<Value>, version: &str, endpoint: &str, cluster_name: &str) -> Value {
    let mut value = written
        .unwrap_or_else(|| json!({ "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration" }));
    value["kubernetesVersion"] = json!(version);
    value["controlPlaneEndpoint"] = json!(endpoint);
    crate::json::default(
        &mut value,
        "clusterName",
        if cluster_name.is_empty() { "kubernetes" } else { cluster_name },
    );
    crate::json::default(&mut value, "certificatesDir", pki::FOLDER);
    crate::json::default(&mut value, "imageRepository", "registry.k8s.io");
    crate::json::default(&mut value, "apiServer", json!({}));
    crate::json::default(&mut value, "controllerManager", json!({}));
    crate::json::default(&mut value, "scheduler", json!({}));
    crate::json::default(&mut value, "dns", json!({}));
    crate::json::default(&mut value, "etcd.local.dataDir", "/var/lib/etcd");
    crate::json::default(&mut value, "networking.dnsDomain", "cluster.local");
    crate::json::default(&mut value, "networking.serviceSubnet", "10.96.0.0/12");
    value
}
