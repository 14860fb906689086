//! The sizes, families and zones this cloud offers: few, but shaped like the real list.

use serde_json::{Value, json};

use crate::world::ClosedSize;

/// The version behind `latest` of every image.
pub(crate) const LATEST_IMAGE: &str = "22.04.202608150";
/// The limit of vCPUs per region and family unless the seed sets one.
pub(crate) const DEFAULT_CORES: u64 = 100_000;

/// The quota of virtual CPUs of spot machines, which count towards no other.
pub(crate) const SPOT: &str = "lowPriorityCores";

/// One virtual machine size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) cores: u64,
    pub(crate) memory_gib: u64,
}

/// Prefix, infix, suffix, family, GiB per core, core counts.
type Series = (&'static str, &'static str, &'static str, u64, &'static [u64]);

const V5: &[u64] = &[2, 4, 8, 16, 32, 48, 64, 96];

const SERIES: &[Series] = &[
    ("Standard_A", "_v2", "standardAv2Family", 2, &[2, 4, 8]),
    ("Standard_B", "s", "standardBSFamily", 2, &[2]),
    ("Standard_B", "ms", "standardBSFamily", 4, &[2, 4, 8, 12, 16, 20]),
    ("Standard_B", "s_v2", "standardBsv2Family", 4, &[2, 4, 8, 16, 32]),
    ("Standard_D", "_v5", "standardDv5Family", 4, V5),
    ("Standard_D", "s_v5", "standardDSv5Family", 4, V5),
    ("Standard_D", "as_v5", "standardDASv5Family", 4, V5),
    ("Standard_D", "ds_v5", "standardDDSv5Family", 4, V5),
    ("Standard_D", "ps_v5", "standardDPSv5Family", 4, &[2, 4, 8, 16, 32, 48, 64]),
    ("Standard_E", "_v5", "standardEv5Family", 8, V5),
    ("Standard_E", "s_v5", "standardESv5Family", 8, V5),
    ("Standard_E", "as_v5", "standardEASv5Family", 8, V5),
    ("Standard_E", "ds_v5", "standardEDSv5Family", 8, V5),
    ("Standard_NC", "as_T4_v3", "Standard NCASv3_T4 Family", 7, &[4, 8, 16, 64]),
];

/// Regions without availability zones.
const ZONELESS: &[&str] = &[
    "westus",
    "northcentralus",
    "westcentralus",
    "canadaeast",
    "ukwest",
    "francesouth",
    "australiasoutheast",
];

/// Regions this cloud lists: name and display name.
pub(crate) const REGIONS: &[(&str, &str)] = &[
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("southcentralus", "South Central US"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
    ("centralus", "Central US"),
    ("northcentralus", "North Central US"),
    ("westcentralus", "West Central US"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("brazilsouth", "Brazil South"),
    ("northeurope", "North Europe"),
    ("westeurope", "West Europe"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("francecentral", "France Central"),
    ("germanywestcentral", "Germany West Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("norwayeast", "Norway East"),
    ("swedencentral", "Sweden Central"),
    ("polandcentral", "Poland Central"),
    ("italynorth", "Italy North"),
    ("spaincentral", "Spain Central"),
    ("southeastasia", "Southeast Asia"),
    ("eastasia", "East Asia"),
    ("japaneast", "Japan East"),
    ("koreacentral", "Korea Central"),
    ("centralindia", "Central India"),
    ("australiaeast", "Australia East"),
    ("australiasoutheast", "Australia Southeast"),
    ("southafricanorth", "South Africa North"),
    ("uaenorth", "UAE North"),
    ("qatarcentral", "Qatar Central"),
    ("israelcentral", "Israel Central"),
];

impl Size {
    fn is_old(&self) -> bool {
        self.family == "standardAv2Family"
    }

    fn is_burstable(&self) -> bool {
        self.family.starts_with("standardB")
    }

    pub(crate) fn is_accelerated(&self) -> bool {
        !self.is_burstable() && !self.is_old()
    }

    pub(crate) fn encrypts_at_host(&self) -> bool {
        !self.is_old()
    }

    pub(crate) fn architecture(&self) -> &'static str {
        if self.name.contains("ps_v5") { "Arm64" } else { "x64" }
    }

    pub(crate) fn generations(&self) -> &'static str {
        match (self.is_old(), self.architecture()) {
            (true, _) => "V1",
            (false, "Arm64") => "V2",
            (false, _) => "V1,V2",
        }
    }

    pub(crate) fn data_disks(&self) -> u64 {
        (self.cores * 2).clamp(4, 32)
    }

    pub(crate) fn interfaces(&self) -> u64 {
        if self.cores < 8 { 2 } else { 4 }
    }

    fn has_local_disk(&self) -> bool {
        self.name.contains("ds_v5")
    }

    /// Room for an ephemeral OS disk in the cache.
    pub(crate) fn cache_gib(&self) -> u64 {
        if self.has_local_disk() { self.cores * 25 } else { 0 }
    }

    /// Room for an ephemeral OS disk on the temporary disk.
    pub(crate) fn resource_disk_gib(&self) -> u64 {
        if self.has_local_disk() { self.cores * 75 / 2 } else { 0 }
    }
}

/// Every size, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = Size> {
    SERIES.iter().flat_map(|(prefix, suffix, family, memory, counts)| {
        counts.iter().map(move |cores| Size {
            name: format!("{prefix}{cores}{suffix}"),
            family: (*family).to_owned(),
            cores: *cores,
            memory_gib: cores * memory,
        })
    })
}

/// The size of that name, compared without regard to case.
pub(crate) fn find(name: &str) -> Option<Size> {
    SERIES.iter().find_map(|(prefix, suffix, family, memory, counts)| {
        let head = name.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
        let rest = &name[head.len()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let cores: u64 = rest[..digits].parse().ok()?;
        (rest[digits..].eq_ignore_ascii_case(suffix) && counts.contains(&cores)).then(|| Size {
            name: format!("{prefix}{cores}{suffix}"),
            family: (*family).to_owned(),
            cores,
            memory_gib: cores * memory,
        })
    })
}

pub(crate) fn names() -> String {
    all().map(|size| size.name).collect::<Vec<_>>().join(",")
}

/// Families, each once.
pub(crate) fn families() -> Vec<&'static str> {
    let mut families: Vec<&str> = SERIES.iter().map(|series| series.2).collect();
    families.dedup();
    families
}

pub(crate) fn is_premium(size: &str) -> bool {
    // The letters after the number of cores: `D4s` of `Standard_D4s_v5`, `NC4as` of `Standard_NC4as_T4_v3`.
    size.split('_').nth(1).is_some_and(|head| head.ends_with('s'))
}

/// Availability zones of a region; regions this cloud has never heard of have three.
pub(crate) fn zones(location: &str) -> &'static [&'static str] {
    if ZONELESS.contains(&location) { &[] } else { &["1", "2", "3"] }
}

/// One entry of `Microsoft.Compute/skus` for a region.
pub(crate) fn entry(size: &Size, location: &str, closed: &[ClosedSize]) -> Value {
    let capability = |name: &str, value: String| json!({ "name": name, "value": value });
    let yes = |is: bool| if is { "True".to_owned() } else { "False".to_owned() };
    let closed = closed.iter().filter(|closed| {
        closed.name.eq_ignore_ascii_case(&size.name) && crate::ids::location(&closed.location) == location
    });
    let restrictions: Vec<Value> = closed
        .map(|closed| {
            json!({
                "type": if closed.zones.is_empty() { "Location" } else { "Zone" },
                "values": [location],
                "restrictionInfo": { "locations": [location], "zones": closed.zones },
                "reasonCode": "NotAvailableForSubscription",
            })
        })
        .collect();
    json!({
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.trim_start_matches("Standard_"),
        "family": size.family,
        "locations": [location],
        "locationInfo": [{ "location": location, "zones": zones(location), "zoneDetails": [] }],
        "capabilities": [
            capability("vCPUs", size.cores.to_string()),
            capability("vCPUsAvailable", size.cores.to_string()),
            capability("MemoryGB", size.memory_gib.to_string()),
            capability("MaxDataDiskCount", size.data_disks().to_string()),
            capability("MaxNetworkInterfaces", size.interfaces().to_string()),
            capability("HyperVGenerations", size.generations().to_owned()),
            capability("CpuArchitectureType", size.architecture().to_owned()),
            capability("PremiumIO", yes(is_premium(&size.name))),
            capability("AcceleratedNetworkingEnabled", yes(size.is_accelerated())),
            capability("EphemeralOSDiskSupported", yes(size.has_local_disk())),
            capability("CachedDiskBytes", (size.cache_gib() << 30).to_string()),
            capability("MaxResourceVolumeMB", (size.resource_disk_gib() << 10).to_string()),
            capability("EncryptionAtHostSupported", yes(size.encrypts_at_host())),
            capability("LowPriorityCapable", yes(!size.is_burstable())),
        ],
        "restrictions": restrictions,
    })
}
