//! The keys of a cluster: made once, kept in the state.

use lazuli_core::resource::{ProviderName, ResourceId, ResourceType};
use lazuli_core::{Address, Value};

use super::boot::Pki;
use super::part::{Part, Site, VERSION_OWN};
use super::rotation::Rotations;
use crate::names;

/// How long certificate authorities are good for.
const YEARS: i64 = 10;

pub(super) fn expand(site: &Site<'_>, parts: &mut Vec<Part>) {
    let Pki { cluster_ca, etcd_ca, front_proxy_ca, service_account } = Pki::of(&site.cluster.address);
    let Rotations { of_cluster_ca, of_etcd_ca, of_front_proxy_ca, of_service_account } = site.rotations;
    let authority = |address: &Address, common_name: &str, rotation: i64| {
        vec![("commonName", Value::string(common_name)), ("validityYears", Value::int(YEARS))]
            .into_iter()
            .chain((*address == cluster_ca).then(|| ("server", Value::string(server(site)))))
            .chain(
                (*address == cluster_ca)
                    .then(|| ("transport", Value::string(site.cluster.api_server.transport.as_str()))),
            )
            .chain(rotated(rotation))
            .collect::<Vec<_>>()
    };
    for (address, name, common_name, rotation) in [
        (&cluster_ca, "cluster_ca", "kubernetes", of_cluster_ca),
        (&etcd_ca, "etcd_ca", "etcd-ca", of_etcd_ca),
        (&front_proxy_ca, "front_proxy_ca", "front-proxy-ca", of_front_proxy_ca),
    ] {
        parts.push(key(
            site,
            address,
            "certificateAuthorities",
            name,
            Value::object(authority(address, common_name, rotation)),
        ));
    }
    let properties = Value::object(rotated(of_service_account));
    parts.push(key(site, &service_account, "serviceAccountKeys", "service_account", properties));
}

/// Nothing for a key that was never rotated: it says what it always said.
fn rotated(steps: i64) -> Option<(&'static str, Value)> {
    (steps > 0).then(|| ("rotation", Value::int(steps)))
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
