//! Names, ids and the API host name: functions of the configuration, known before anything exists.

use lazuli_core::resource::{ResourceId, ResourceType};
use uuid::Uuid;

/// What a cluster must know of its cloud account to name things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The subscription's id.
    pub subscription_id: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// The suffix of host names of public addresses: `cloudapp.azure.com` in the public cloud.
    pub dns_suffix: String,
}

/// The name space of ids Lazuli derives; an arbitrary constant that never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f2d_9c1e_54b7_4c0d_9a63_8e1f_27d5_b0a4);

/// The id of a resource group.
pub fn resource_group(account: &Account, name: &str) -> ResourceId {
    ResourceId::new(format!("/subscriptions/{}/resourceGroups/{name}", account.subscription_id))
}

/// The id of a resource directly in a group.
pub fn resource(group: &ResourceId, ty: &ResourceType, name: &str) -> ResourceId {
    ResourceId::new(format!("{group}/providers/{}/{name}", ty.name))
}

/// The first label of the API's host name: the cluster's name and a hash that keeps it apart from other clusters of that
/// name in the region. The hash is FNV-1a over `subscription/group/address name`.
pub fn dns_label(cluster: &str, account: &Account, group: &str, public_ip: &str) -> String {
    format!("{cluster}-{:x}", fnv1a(&format!("{}/{group}/{public_ip}", account.subscription_id)))
}

/// The API's host name.
pub fn fqdn(label: &str, region: &str, account: &Account) -> String {
    format!("{label}.{region}.{}", account.dns_suffix).to_lowercase()
}

/// The name of a node's virtual machine: never used twice, because the suffix hangs on the generation.
pub fn node(cluster: &str, pool: &str, slot: &str, suffix: &str) -> String {
    format!("{cluster}-{pool}-{slot}-{suffix}")
}

/// Four hex digits from the lineage of the state, the pool, the slot and the generation. The generation moves a hash of
/// the others by an odd step, so that one slot sees all 65,536 suffixes before one of them comes back.
pub fn suffix(lineage: &str, pool: &str, slot: &str, generation: u32) -> String {
    const STEP: u32 = 0x9e37;
    let hash = fnv1a(&format!("{lineage}/{pool}/{slot}"));
    let folded = (hash >> 16) ^ hash;
    format!("{:04x}", folded.wrapping_add(generation.wrapping_mul(STEP)) & 0xffff)
}

/// The name of a role assignment: the same for the same scope, identity and role.
pub fn role_assignment(scope: &ResourceId, identity: &ResourceId, role: &str) -> String {
    let text = format!("{scope}|{identity}|{role}").to_lowercase();
    Uuid::new_v5(&NAMESPACE, text.as_bytes()).to_string()
}

/// FNV-1a, 32 bits.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::{Account, dns_label, fqdn};

    #[test]
    fn the_api_host_name_is_known_before_anything_exists() {
        let account = Account {
            subscription_id: "00000000-0000-0000-0000-000000000000".into(),
            tenant_id: String::new(),
            dns_suffix: "cloudapp.azure.com".into(),
        };
        let label = dns_label("my-cluster", &account, "my-rg", "pip-my-cluster-apiserver");
        assert_eq!(fqdn(&label, "eastus", &account), "my-cluster-39421c96.eastus.cloudapp.azure.com");
    }
}
