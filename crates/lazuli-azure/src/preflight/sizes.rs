//! VM sizes: where they are offered, what keeps the subscription from them, and what they can do.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::{elements, region, text, texts};
use crate::arm::Silent;
use crate::provider::AzureProvider;

const VERSION: &str = "2021-07-01";

/// A VM size in a region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Size {
    /// `Standard_D4s_v5`.
    pub name: String,
    /// The quota it counts towards: `standardDSv5Family`.
    pub family: String,
    /// The zones it is offered in, before restrictions.
    pub zones: BTreeSet<String>,
    /// `vCPUs`, `PremiumIO`, `HyperVGenerations` and so on.
    pub capabilities: BTreeMap<String, String>,
    /// Why the whole region is closed for it: `NotAvailableForSubscription`, `QuotaId`.
    pub closed: Option<String>,
    /// Zones that are closed for it, with the reason.
    pub closed_zones: BTreeMap<String, String>,
}

impl Size {
    /// A capability as a number; `None` when Azure does not say it.
    pub fn number(&self, capability: &str) -> Option<u64> {
        self.capabilities.get(capability)?.parse().ok()
    }

    /// A capability that is `True` or `False`; `None` when Azure does not say it.
    pub fn is(&self, capability: &str) -> Option<bool> {
        self.capabilities.get(capability).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// How many virtual CPUs a machine of this size has.
    pub fn cores(&self) -> u64 {
        self.number("vCPUs").unwrap_or(0)
    }

    /// The zones the subscription may use it in.
    pub fn open_zones(&self) -> impl Iterator<Item = &String> {
        self.zones.iter().filter(|zone| self.closed.is_none() && !self.closed_zones.contains_key(*zone))
    }
}

impl AzureProvider {
    /// The VM sizes of a region. The service knows no other filter, so this is one large answer.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn sizes(&self, location: &str) -> Result<Vec<Size>, ProviderError> {
        let path = format!("{}/providers/Microsoft.Compute/skus", self.subscription_path());
        let filter = format!("location eq '{location}'");
        let url = self.arm.url(&path, VERSION, &[("$filter", &filter)]);
        let listed = self.arm.list(url, &Silent).await?;
        let items = listed.map(|listed| listed.items).unwrap_or_default();
        let machines = items.iter().filter(|item| text(item, "/resourceType") == "virtualMachines");
        Ok(machines.map(|item| size(item, location)).collect())
    }
}

fn size(item: &Json, location: &str) -> Size {
    let here =
        elements(item, "/locationInfo").find(|info| region(&text(info, "/location")) == region(location));
    let mut size = Size {
        name: text(item, "/name"),
        family: text(item, "/family"),
        zones: here.map(|info| texts(info, "/zones")).unwrap_or_default().into_iter().collect(),
        capabilities: elements(item, "/capabilities")
            .map(|capability| (text(capability, "/name"), text(capability, "/value")))
            .collect(),
        ..Size::default()
    };
    for restriction in elements(item, "/restrictions") {
        let reason = text(restriction, "/reasonCode");
        match text(restriction, "/type").as_str() {
            "Location" => size.closed = Some(reason),
            "Zone" => {
                let zones = texts(restriction, "/restrictionInfo/zones");
                size.closed_zones.extend(zones.into_iter().map(|zone| (zone, reason.clone())));
            }
            _ => {}
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn restrictions_close_a_region_or_single_zones() {
        let entry = |restrictions: Json| {
            json!({
                "resourceType": "virtualMachines", "name": "Standard_D4s_v5", "family": "standardDSv5Family",
                "locationInfo": [{"location": "EastUS2", "zones": ["1", "2", "3"]}],
                "capabilities": [{"name": "vCPUs", "value": "4"}, {"name": "PremiumIO", "value": "True"}],
                "restrictions": restrictions,
            })
        };
        let open = |restrictions: Json| {
            let size = size(&entry(restrictions), "eastus2");
            assert_eq!((size.cores(), size.is("PremiumIO"), size.is("Other")), (4, Some(true), None));
            size.open_zones().cloned().collect::<Vec<_>>().join(",")
        };
        assert_eq!(open(json!([])), "1,2,3");
        let zone = json!([{"type": "Zone", "reasonCode": "NotAvailableForSubscription",
            "restrictionInfo": {"locations": ["eastus2"], "zones": ["2"]}}]);
        assert_eq!(open(zone), "1,3");
        let whole = json!([{"type": "Location", "reasonCode": "QuotaId", "values": ["eastus2"]}]);
        assert_eq!(open(whole), "");
    }
}
