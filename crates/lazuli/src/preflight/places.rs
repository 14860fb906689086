//! Where things are to be: in a region there is, joined to networks there are, stored as there is a SKU for.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use lazuli_azure::kinds;
use lazuli_core::provider::ProviderError;
use lazuli_core::resource::ResourceId;
use lazuli_core::suggestion::closest;

use super::addresses::Objects;
use super::quotas::{Region, Usages};
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works};

const NETWORKS: &str = "Microsoft.Network/virtualNetworks";
const PEERINGS: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";

/// Regions by account.
pub type Regions = BTreeMap<Arc<str>, Result<Vec<String>, ProviderError>>;

/// Whether networks exist, by account and id.
pub type Networks = BTreeMap<(Arc<str>, String), Result<bool, ProviderError>>;

/// Accounts whose regions are worth asking for: something is to be made in a region whose quotas nobody has seen.
pub fn unproven(works: &Works, usages: &Usages) -> BTreeSet<Arc<str>> {
    let known = |region: &Region| usages.get(region).is_some_and(Result::is_ok);
    let regions = located(works).filter(|(_, region)| !known(region));
    regions.map(|(_, (account, _))| account).collect()
}

/// Every region is one of Azure's.
pub fn regions(works: &Works, found: &Regions, verdict: &mut Verdict) {
    let mut by_region: BTreeMap<Region, Vec<&Work>> = BTreeMap::new();
    for (work, region) in located(works) {
        by_region.entry(region).or_default().push(work);
    }
    for (account, answer) in found {
        let known = match answer {
            Ok(known) => known,
            Err(error) => {
                verdict.unread(format!("the regions of cloud_account.{account}"), error);
                continue;
            }
        };
        let strange = by_region.iter().filter(|((of, name), _)| {
            of == account && !known.iter().any(|region| region.eq_ignore_ascii_case(name))
        });
        let mut fine = true;
        for ((_, name), works) in strange {
            fine = false;
            let message = format!("the subscription has no region `{name}`");
            let problem = refusal("LZ1038", message, works.iter().copied());
            verdict.refuse(match closest(name, known.iter().map(String::as_str)) {
                Some(close) => problem.help(format!("did you mean `{close}`?")),
                None => problem.help("az account list-locations --query [].name lists them"),
            });
        }
        if fine {
            verdict.pass();
        }
    }
}

/// What is made and says where, with that region; what is everywhere is left out.
fn located(works: &Works) -> impl Iterator<Item = (&Work, Region)> {
    works.all.iter().filter(|work| work.creates()).filter_map(|work| {
        let region = work.region().filter(|region| !region.is_empty() && region != "global")?;
        Some((work, (work.account.clone(), region)))
    })
}

/// What needs a location names one.
pub fn locations(works: &Works, verdict: &mut Verdict) {
    let needs = |work: &&Work| work.creates() && kinds::by_name(&work.ty).is_located();
    for work in works.all.iter().filter(needs).filter(|work| !work.has_location) {
        let message = format!("{} says no `location`, and a {} needs one", work.address, work.ty);
        verdict.refuse(
            refusal("LZ1038", message, [work])
                .help("add location = \"eastus2\", or the region of what it belongs to"),
        );
    }
}

/// The networks that peerings join and lie in, as far as the plan does not make them and nobody has seen them.
pub fn needed(works: &Works, objects: &Objects) -> BTreeSet<(Arc<str>, String)> {
    let made: HashSet<ResourceId> =
        works.writes(NETWORKS).map(|work| ResourceId::new(work.id.as_str())).collect();
    let joined = works.created(PEERINGS).flat_map(|work| ends(work).map(|id| (work.account.clone(), id)));
    let unseen = joined.filter(|(_, id)| !made.contains(id) && !objects.contains_key(id));
    unseen.map(|(account, id)| (account, id.as_str().to_lowercase())).collect()
}

/// Every network that is to be joined is there.
pub fn networks(works: &Works, found: &Networks, verdict: &mut Verdict) {
    for ((account, id), answer) in found {
        let id = ResourceId::new(id.as_str());
        match answer {
            Ok(true) => verdict.pass(),
            Ok(false) => {
                let users = works
                    .created(PEERINGS)
                    .filter(|work| work.account == *account && ends(work).any(|end| end == id));
                let message = format!("there is no virtual network `{}` to be peered with", id.name());
                verdict.refuse(
                    refusal("LZ1039", message, users)
                        .fact("id", id.to_string())
                        .help("check the id: az network vnet show --ids ID; a network of this configuration is named by reference"),
                );
            }
            Err(error) => verdict.unread(format!("the virtual network {}", id.name()), error),
        }
    }
}

/// Both networks of a peering.
fn ends(work: &Work) -> impl Iterator<Item = ResourceId> {
    let remote = work.text("/properties/remoteVirtualNetwork/id").map(ResourceId::new);
    remote.into_iter().chain(ResourceId::new(work.id.as_str()).parent())
}

/// Where all SKUs of a type are known, it is one of them.
pub fn skus(works: &Works, verdict: &mut Verdict) {
    for work in works.all.iter().filter(|work| work.creates()) {
        let kind = kinds::by_name(&work.ty);
        let Some(sku) = work.text("/sku/name").filter(|_| !kind.skus.is_empty()) else { continue };
        if kind.skus.iter().any(|known| known.eq_ignore_ascii_case(sku)) {
            verdict.pass();
            continue;
        }
        let problem = refusal("LZ1040", format!("there is no {} of the SKU `{sku}`", kind.title), [work])
            .fact("SKUs", kind.skus.join(", "));
        verdict.refuse(match closest(sku, kind.skus.iter().copied()) {
            Some(close) => problem.help(format!("did you mean `{close}`?")),
            None => problem.help("choose one of these"),
        });
    }
}
