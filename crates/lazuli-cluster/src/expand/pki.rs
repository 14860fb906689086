//! The keys of a cluster: made once, kept in the state.

use lazuli_core::resource::{ProviderName, ResourceId, ResourceType};
use lazuli_core::{Address, Value};

use super::boot::Pki;
use super::part::{Part, Site, VERSION_OWN, object};
use crate::names;
use crate::roster::Records;

/// How long certificate authorities are good for.
const YEARS: i64 = 10;

/// How far the service account key of a cluster is to be rotated: as far as it is recorded, or as somebody asks for it. In
/// between, every control-plane node is replaced, since each step waits for all API servers.
pub fn rotation(cluster: &Address, records: Records<'_>) -> i64 {
    let key = Pki::of(cluster).service_account;
    let recorded = records.world.resources.get(&key);
    let so_far = recorded.and_then(|key| key.inputs.pointer("/properties/rotation")?.as_i64()).unwrap_or(0);
    let asked = records.renewals.get(&key).and_then(|steps| steps.parse().ok());
    asked.unwrap_or(so_far).max(so_far)
}

pub(super) fn expand(site: &Site<'_>, records: Records<'_>, parts: &mut Vec<Part>) {
    let Pki { cluster_ca, etcd_ca, front_proxy_ca, service_account } = Pki::of(&site.cluster.address);
    let authority = |address: &Address, common_name: &str| {
        vec![("commonName", Value::string(common_name)), ("validityYears", Value::int(YEARS))]
            .into_iter()
            .chain((*address == cluster_ca).then(|| ("server", Value::string(server(site)))))
            .chain(
                (*address == cluster_ca)
                    .then(|| ("transport", Value::string(site.cluster.api_server.transport.as_str()))),
            )
            .collect::<Vec<_>>()
    };
    for (address, name, common_name) in [
        (&cluster_ca, "cluster_ca", "kubernetes"),
        (&etcd_ca, "etcd_ca", "etcd-ca"),
        (&front_proxy_ca, "front_proxy_ca", "front-proxy-ca"),
    ] {
        parts.push(key(
            site,
            address,
            "certificateAuthorities",
            name,
            Value::object(authority(address, common_name)),
        ));
    }
    let rotation = match rotation(&site.cluster.address, records) {
        0 => object([]),
        steps => object([("rotation", Value::int(steps))]),
    };
    parts.push(key(site, &service_account, "serviceAccountKeys", "service_account", rotation));
}

/// Where the API is, as nodes and clients know it.
pub(super) fn server(site: &Site<'_>) -> String {
    format!("{}:{}", site.fqdn, site.cluster.api_server.port)
}

fn key(site: &Site<'_>, address: &Address, ty: &str, name: &str, properties: Value) -> Part {
    let root = ResourceType::new("Lazuli.Tls/clusters", VERSION_OWN);
    let id: ResourceId = names::resource(&site.group, &root, &site.cluster.name).child(ty, name);
    let ty = ResourceType::new(&format!("Lazuli.Tls/clusters/{ty}"), VERSION_OWN);
    site.part(address.clone(), ty, id, site.cluster.span)
        .by(ProviderName::Tls)
        .body([("properties", properties)])
        .done()
}
