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
    /// The suffix of host names of public addresses: `cloudapp.azure.com` in the public cloud; empty in a cloud of somebody
    /// else, where nobody here knows it.
    pub dns_suffix: String,
}

impl Account {
    /// Which Azure this is, as its cloud provider for Kubernetes calls it. The suffix tells: every Azure has its own.
    pub fn cloud(&self) -> &'static str {
        match self.dns_suffix.as_str() {
            "cloudapp.usgovcloudapi.net" => "AzureUSGovernmentCloud",
            "cloudapp.chinacloudapi.cn" => "AzureChinaCloud",
            _ => PUBLIC_CLOUD,
        }
    }

    /// True for a cloud of somebody else. A cluster's cloud provider and disk driver would not know where to sign in there.
    pub fn is_custom(&self) -> bool {
        self.dns_suffix.is_empty()
    }

    /// True for the Azure of everybody, the only one that has community galleries of Cluster API.
    pub fn is_public(&self) -> bool {
        self.cloud() == PUBLIC_CLOUD
    }
}

const PUBLIC_CLOUD: &str = "AzurePublicCloud";

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
    format!("{:04x}", folded(lineage, pool, slot).wrapping_add(generation.wrapping_mul(STEP)) & 0xffff)
}

const STEP: u32 = 0x9e37;

fn folded(lineage: &str, pool: &str, slot: &str) -> u32 {
    let hash = fnv1a(&format!("{lineage}/{pool}/{slot}"));
    (hash >> 16) ^ hash
}

/// The generation of the node with this suffix: [`suffix`] the other way round, 1 to 65,536. `None` for what is no suffix.
pub fn generation_of(lineage: &str, pool: &str, slot: &str, suffix: &str) -> Option<u32> {
    // The inverse of the step modulo 65,536, by Newton's method: every round doubles the number of right bits.
    const INVERSE: u32 = {
        let mut inverse: u32 = 1;
        let mut round = 0;
        while round < 5 {
            inverse = inverse.wrapping_mul(2u32.wrapping_sub(STEP.wrapping_mul(inverse)));
            round += 1;
        }
        inverse
    };
    let found = u32::from_str_radix(suffix, 16).ok().filter(|_| suffix.len() == 4)?;
    let generation = found.wrapping_sub(folded(lineage, pool, slot)).wrapping_mul(INVERSE) & 0xffff;
    Some(if generation == 0 { 0x1_0000 } else { generation })
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
    use super::{Account, dns_label, fqdn, generation_of, suffix};

    #[test]
    fn the_generation_of_a_node_is_read_from_its_name() {
        for generation in (1..=65_536).step_by(97).chain([1, 2, 65_535, 65_536]) {
            let name = suffix("11111111", "cluster.prod.control_plane", "3", generation);
            let read = generation_of("11111111", "cluster.prod.control_plane", "3", &name);
            assert_eq!(read, Some(generation));
        }
        assert_eq!(generation_of("1", "cluster.prod", "1", "zzzz"), None);
        assert_eq!(generation_of("1", "cluster.prod", "1", "12"), None);
    }

    #[test]
    fn the_cloud_provider_is_told_which_azure_it_is_in() {
        let of = |suffix: &str| Account {
            subscription_id: String::new(),
            tenant_id: String::new(),
            dns_suffix: suffix.into(),
        };
        let table = [
            ("cloudapp.azure.com", "AzurePublicCloud", true),
            ("cloudapp.usgovcloudapi.net", "AzureUSGovernmentCloud", false),
            ("cloudapp.chinacloudapi.cn", "AzureChinaCloud", false),
        ];
        for (suffix, cloud, public) in table {
            assert_eq!((of(suffix).cloud(), of(suffix).is_public()), (cloud, public));
        }
    }

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
