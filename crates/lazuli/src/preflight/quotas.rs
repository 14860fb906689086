//! Quotas: virtual CPUs by family and region, and how many of which type there may be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_azure::checks::Usage;
use lazuli_azure::kinds;
use lazuli_azure::preflight::sizes::Size;
use lazuli_core::Json;
use lazuli_core::kind::Per;
use lazuli_core::provider::ProviderError;

use super::sizes::{self, SizesOf};
use super::timeline::{Demand, demand};
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works};

/// A region of an account.
pub type Region = (Arc<str>, String);

/// The quotas of regions.
pub type Usages = BTreeMap<Region, Result<Vec<Usage>, ProviderError>>;

const DISKS: &str = "Microsoft.Compute/disks";

/// The quota of virtual CPUs of spot machines: they count towards no other.
const SPOT: &str = "lowPriorityCores";
/// The quota of all virtual CPUs of a region.
const TOTAL: &str = "cores";

/// The regions whose quotas matter: those in which something that is counted is made.
pub fn regions(works: &Works) -> BTreeSet<Region> {
    let counted = |work: &&Work| !kinds::quotas(&work.ty).is_empty();
    let takes = works.all.iter().filter(|work| work.creates()).filter(counted);
    takes
        .filter_map(|work| Some((work.account.clone(), work.region()?)))
        .chain(sizes::regions(works))
        .collect()
}

/// What a step adds to quotas, and gives back.
fn weights(work: &Work, sizes: &[Size]) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    if !work.deletes() {
        found.extend(uses(work, &work.body, sizes));
    }
    if !work.creates() {
        found.extend(uses(work, &work.before, sizes).into_iter().map(|(name, amount)| (name, -amount)));
    }
    found
}

/// What an object counts towards quotas. A machine brings its disks, and these count as disks do.
fn uses(work: &Work, body: &Json, sizes: &[Size]) -> Vec<(String, i64)> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let mut found = objects(&work.ty, text("/sku/name"));
    let storage = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    let data = storage.get("dataDisks").and_then(Json::as_array).into_iter().flatten();
    let disks = storage.get("osDisk").into_iter().chain(data).filter(|_| work.is(sizes::MACHINES));
    for disk in disks {
        let sku = disk.pointer("/managedDisk/storageAccountType").and_then(Json::as_str);
        found.extend(sku.map(|sku| objects(DISKS, sku)).unwrap_or_default());
    }
    let counted = kinds::quotas(&work.ty).iter().filter(|quota| quota.per == Per::Core);
    let size = sizes::find(sizes, text("/properties/hardwareProfile/vmSize"));
    for (quota, size) in counted.zip(size) {
        let cores = i64::try_from(size.cores()).unwrap_or(i64::MAX);
        match text("/properties/priority") {
            "Spot" | "Low" => found.push((SPOT.to_owned(), cores)),
            _ => found.extend([(quota.usage.to_owned(), cores), (size.family.clone(), cores)]),
        }
    }
    found
}

/// What one object of a type and SKU counts, object by object.
fn objects(ty: &str, sku: &str) -> Vec<(String, i64)> {
    let counted = kinds::quotas(ty).iter().filter(|quota| quota.per == Per::Object && quota.counts(sku));
    counted.map(|quota| (quota.usage.to_owned(), 1)).collect()
}

/// There is room for everything in every quota, at every moment.
pub fn check(works: &Works, usages: &Usages, sizes: &SizesOf, verdict: &mut Verdict) {
    for (region, answer) in usages {
        let limits = match answer {
            Ok(limits) => limits,
            Err(error) => {
                verdict.unread(format!("quotas of {}", region.1), error);
                continue;
            }
        };
        let known = sizes.get(region).and_then(|sizes| sizes.as_ref().ok()).map_or(&[][..], Vec::as_slice);
        let here =
            |work: &&Work| work.account == region.0 && work.region().as_deref() == Some(region.1.as_str());
        let mut by_quota: BTreeMap<String, Vec<(&Work, i64)>> = BTreeMap::new();
        for work in works.all.iter().filter(here) {
            for (quota, amount) in weights(work, known) {
                by_quota.entry(quota.to_ascii_lowercase()).or_default().push((work, amount));
            }
        }
        for limit in limits {
            let Some(weighed) = by_quota.get(&limit.name.to_ascii_lowercase()) else { continue };
            let amounts: Vec<(u32, i64)> =
                weighed.iter().map(|(work, amount)| (work.number, *amount)).collect();
            let takers = weighed.iter().filter(|(_, amount)| *amount > 0).map(|(work, _)| *work);
            judge(&region.1, limit, demand(works, &amounts), takers, verdict);
        }
        facts(works, &region.1, limits, &by_quota, verdict);
    }
}

fn judge<'a>(
    region: &str,
    limit: &Usage,
    demand: Demand,
    takers: impl Iterator<Item = &'a Work>,
    verdict: &mut Verdict,
) {
    let free = i64::try_from(limit.limit.saturating_sub(limit.used)).unwrap_or(i64::MAX);
    let (code, unit) = match is_cores(&limit.name) {
        true => ("LZ1023", "vCPUs"),
        false => ("LZ1024", ""),
    };
    let unit = |number: i64| if unit.is_empty() { number.to_string() } else { format!("{number} {unit}") };
    let used = i64::try_from(limit.used).unwrap_or(i64::MAX);
    if demand.at_least > free.max(0) {
        let needed = used.saturating_add(demand.at_least);
        let on_the_way = match demand.at_least > demand.after.max(0) {
            true => format!(
                ", {} of them only while others are being replaced",
                demand.at_least - demand.after.max(0)
            ),
            false => String::new(),
        };
        let message = format!("the quota {} of {region} does not suffice", titled(limit));
        verdict.refuse(
            refusal(code, message, takers)
                .fact("limit", unit(i64::try_from(limit.limit).unwrap_or(i64::MAX)))
                .fact("in use", unit(used))
                .fact("needed", format!("{} more{on_the_way}", unit(demand.at_least)))
                .help(format!(
                    "ask Azure for a limit of at least {needed} (portal: Quotas, or `az quota update`), {}, or use another region{}",
                    if on_the_way.is_empty() { "plan less" } else { "replace fewer nodes at a time" },
                    if limit.name.ends_with("Family") { " or family" } else { "" }
                )),
        );
    } else if demand.at_most > free.max(0) {
        verdict.warn(
            code,
            format!(
                "quota {} of {region}: {} free, up to {} needed at a time because new ones may be made before old ones \
                 are gone; if a step is refused, apply again",
                titled(limit),
                free,
                unit(demand.at_most)
            ),
        );
    } else if demand.at_most > 0 {
        verdict.pass();
    }
}

/// One line on virtual CPUs, which people plan with.
fn facts(
    works: &Works,
    region: &str,
    limits: &[Usage],
    by_quota: &BTreeMap<String, Vec<(&Work, i64)>>,
    verdict: &mut Verdict,
) {
    let mut parts = Vec::new();
    for limit in limits.iter().filter(|limit| is_cores(&limit.name)) {
        let Some(weighed) = by_quota.get(&limit.name.to_ascii_lowercase()) else { continue };
        let amounts: Vec<(u32, i64)> = weighed.iter().map(|(work, amount)| (work.number, *amount)).collect();
        let demand = demand(works, &amounts);
        if demand.at_most <= 0 {
            continue;
        }
        let used = i64::try_from(limit.used).unwrap_or(i64::MAX);
        let surge = demand.at_most - demand.after.max(0);
        let name = match limit.name.as_str() {
            TOTAL => "total",
            SPOT => "spot",
            family => family,
        };
        let mut part = format!("{name} {} of {}", used.saturating_add(demand.after), limit.limit);
        if surge > 0 {
            part.push_str(&format!(", +{surge} on the way"));
        }
        parts.push((name == "total", part));
    }
    parts.sort_by_key(|(total, _)| *total);
    if !parts.is_empty() {
        let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
        verdict.fact(format!("vCPUs in {region} after apply   {}", parts.join("   ")));
    }
}

fn is_cores(name: &str) -> bool {
    name == TOTAL || name == SPOT || name.ends_with("Family")
}

/// `Total Regional vCPUs (cores)`
fn titled(limit: &Usage) -> String {
    match limit.title == limit.name || limit.title.is_empty() {
        true => format!("`{}`", limit.name),
        false => format!("`{}` ({})", limit.name, limit.title),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{work, works};
    use super::*;

    fn size() -> Size {
        Size {
            name: "Standard_D4s_v5".into(),
            family: "standardDSv5Family".into(),
            capabilities: BTreeMap::from([("vCPUs".into(), "4".into())]),
            ..Size::default()
        }
    }

    fn machine(operation: Operation, name: &str, priority: &str) -> Work {
        let body = json!({"properties": {
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"}, "priority": priority,
            "storageProfile": {"osDisk": {"managedDisk": {"storageAccountType": "Premium_LRS"}}},
        }});
        work(operation, sizes::MACHINES, name, body)
    }

    fn judged(plan: &Works, limits: &[(&str, u64, u64)]) -> String {
        let region = || ("main".into(), "eastus2".to_owned());
        let limit = |(name, used, limit): &(&str, u64, u64)| Usage {
            name: (*name).into(),
            title: String::new(),
            used: *used,
            limit: *limit,
        };
        let usages = BTreeMap::from([(region(), Ok(limits.iter().map(limit).collect()))]);
        let mut verdict = Verdict::default();
        check(plan, &usages, &BTreeMap::from([(region(), Ok(vec![size()]))]), &mut verdict);
        told(verdict)
    }

    #[test]
    fn new_machines_need_room_in_the_family_and_in_the_region() {
        let plan = works(
            vec![machine(Operation::Create, "a", "Regular"), machine(Operation::Create, "b", "Regular")],
            &[],
        );
        assert_snapshot!(judged(
            &plan,
            &[("cores", 90, 100), ("standardDSv5Family", 4, 8), ("PremiumDiskCount", 0, 9)]
        ));
    }

    #[test]
    fn a_replacement_needs_its_surge_and_no_more() {
        let replaced = [
            machine(Operation::Create, "a2", "Regular"),
            machine(Operation::Delete, "a1", "Regular"),
            machine(Operation::Create, "b2", "Regular"),
            machine(Operation::Delete, "b1", "Regular"),
        ];
        let plan = works(replaced.to_vec(), &[(0, 1), (1, 2), (2, 3)]);
        assert_snapshot!(judged(&plan, &[("cores", 8, 12), ("standardDSv5Family", 8, 8)]));
    }

    #[test]
    fn an_order_that_may_or_may_not_fit_is_a_warning() {
        let plan = works(
            vec![machine(Operation::Create, "a", "Regular"), machine(Operation::Delete, "b", "Regular")],
            &[],
        );
        assert_snapshot!(judged(&plan, &[("cores", 8, 8)]));
    }

    #[test]
    fn spot_machines_count_on_their_own() {
        let plan = works(vec![machine(Operation::Create, "a", "Spot")], &[]);
        assert_snapshot!(judged(
            &plan,
            &[("cores", 8, 8), ("lowPriorityCores", 0, 3), ("virtualMachines", 3, 3)]
        ));
    }

    #[test]
    fn public_addresses_count_twice_when_they_are_standard() {
        let address = |name: &str, sku: &str| {
            work(
                Operation::Create,
                "Microsoft.Network/publicIPAddresses",
                name,
                json!({"sku": {"name": sku}}),
            )
        };
        let plan = works(vec![address("a", "Standard"), address("b", "Basic")], &[]);
        assert_snapshot!(judged(
            &plan,
            &[("PublicIPAddresses", 0, 1), ("StandardSkuPublicIpAddresses", 0, 1)]
        ));
    }
}
