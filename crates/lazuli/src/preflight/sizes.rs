//! VM sizes: offered in the region, open to the subscription in every zone that is used, and able to do what is asked.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_azure::preflight::sizes::Size;
use lazuli_core::provider::ProviderError;

use super::quotas::Region;
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works, listed};

/// The type of virtual machines.
pub const MACHINES: &str = "Microsoft.Compute/virtualMachines";

const SIZE: &str = "/properties/hardwareProfile/vmSize";

/// The sizes of regions.
pub type SizesOf = BTreeMap<Region, Result<Vec<Size>, ProviderError>>;

/// The regions in which machines are made or get another size.
pub fn regions(works: &Works) -> impl Iterator<Item = Region> + '_ {
    machines(works).filter_map(|work| Some((work.account.clone(), work.region()?)))
}

/// Machines that are made or get another size.
pub fn machines(works: &Works) -> impl Iterator<Item = &Work> {
    works.writes(MACHINES).filter(|work| work.creates() || work.text(SIZE) != before(work))
}

fn before(work: &Work) -> Option<&str> {
    work.before.pointer(SIZE).and_then(lazuli_core::Json::as_str)
}

/// The size of a name, whatever its case.
pub fn find<'a>(sizes: &'a [Size], name: &str) -> Option<&'a Size> {
    sizes.iter().find(|size| size.name.eq_ignore_ascii_case(name))
}

/// The size a machine is to have.
pub fn of<'a>(work: &Work, sizes: &'a SizesOf) -> Option<&'a Size> {
    let region = (work.account.clone(), work.region()?);
    find(sizes.get(&region)?.as_ref().ok()?, work.text(SIZE)?)
}

/// Every size can be had where it is wanted.
pub fn check(works: &Works, sizes: &SizesOf, verdict: &mut Verdict) {
    for (region, answer) in sizes {
        let offered = match answer {
            Ok(offered) => offered,
            Err(error) => {
                verdict.unread(format!("VM sizes of {}", region.1), error);
                continue;
            }
        };
        let mut by_size: BTreeMap<&str, Vec<&Work>> = BTreeMap::new();
        let here = machines(works)
            .filter(|work| work.account == region.0 && work.region().as_deref() == Some(region.1.as_str()));
        for work in here {
            if let Some(size) = work.text(SIZE) {
                by_size.entry(size).or_default().push(work);
            }
        }
        for (name, works) in by_size {
            one(&region.1, name, &works, offered, verdict);
        }
    }
}

fn one(region: &str, name: &str, works: &[&Work], offered: &[Size], verdict: &mut Verdict) {
    // What is wrong is the size: that is what is pointed at.
    let sized: Vec<Work> =
        works.iter().map(|work| Work { span: work.size_span.or(work.span), ..Work::clone(work) }).collect();
    let works: &[&Work] = &sized.iter().collect::<Vec<_>>();
    let zones: BTreeSet<String> = works.iter().flat_map(|work| zones_of(work)).collect();
    let Some(size) = find(offered, name) else {
        let message = format!("the VM size `{name}` is not offered in {region}");
        let names = offered.iter().map(|size| size.name.as_str());
        let problem = refusal("LZ1025", message, works.iter().copied());
        verdict.refuse(match lazuli_core::suggestion::closest(name, names) {
            Some(close) => problem.help(format!("did you mean `{close}`?")),
            None => problem
                .help(format!("choose another size: az vm list-skus --location {region} --output table")),
        });
        return;
    };
    if let Some(reason) = &size.closed {
        let problem = refusal(
            "LZ1025",
            format!("the subscription may not use the VM size `{}` in {region}", size.name),
            works.iter().copied(),
        );
        verdict.refuse(advised(problem.fact("Azure", reason.clone()), size, &zones, offered));
        return;
    }
    let open: BTreeSet<&String> = size.open_zones().collect();
    let closed: Vec<&String> = zones.iter().filter(|zone| !open.contains(zone)).collect();
    if closed.is_empty() {
        verdict.pass();
        return;
    }
    let in_closed =
        works.iter().copied().filter(|work| zones_of(work).iter().any(|zone| closed.contains(&zone)));
    let message = match closed.as_slice() {
        [zone] => format!("the VM size `{}` is not available in zone {zone} of {region}", size.name),
        many => {
            format!("the VM size `{}` is not available in the zones {} of {region}", size.name, listed(many))
        }
    };
    let answers: Vec<String> = closed
        .iter()
        .map(|zone| match size.closed_zones.get(*zone) {
            Some(reason) => format!("zone {zone}: {reason}"),
            None => format!("zone {zone}: not offered"),
        })
        .collect();
    let problem = refusal("LZ1025", message, in_closed).fact("Azure", answers.join("\n"));
    let problem = match open.is_empty() {
        true => problem.fact("zones", "none works for this size"),
        false => problem.fact("zones", format!("{} work", listed(open))),
    };
    verdict.refuse(advised(problem, size, &zones, offered));
}

/// Zones of a machine.
fn zones_of(work: &Work) -> Vec<String> {
    let zones = work.body.get("zones").and_then(lazuli_core::Json::as_array).into_iter().flatten();
    zones.filter_map(|zone| zone.as_str().map(str::to_owned)).collect()
}

fn advised(
    problem: lazuli_core::Diagnostic,
    size: &Size,
    zones: &BTreeSet<String>,
    offered: &[Size],
) -> lazuli_core::Diagnostic {
    let elsewhere = if size.open_zones().next().is_some() { "other zones" } else { "another region" };
    let close = close(size, zones, offered);
    problem.help(match close.as_slice() {
        [] => format!("use {elsewhere}, or ask Azure support to open the size for the subscription"),
        [one] => format!("use {elsewhere}, or `{one}`, which is to be had wherever it is wanted"),
        many => {
            format!("use {elsewhere}, or a size that is to be had wherever it is wanted: {}", many.join(", "))
        }
    })
}

/// Sizes that can be had in all the zones, as large and as alike as possible.
fn close<'a>(size: &Size, zones: &BTreeSet<String>, offered: &'a [Size]) -> Vec<&'a str> {
    const SHOWN: usize = 3;
    // A size's letter says what it is for: D general, E memory, F compute.
    let letter = |size: &Size| size.name.trim_start_matches("Standard_").chars().next();
    let fits = |other: &&Size| {
        let open: BTreeSet<&String> = other.open_zones().collect();
        other.name != size.name
            && other.closed.is_none()
            && other.cores() == size.cores()
            && letter(other) == letter(size)
            && zones.iter().all(|zone| open.contains(zone))
            && (size.is("PremiumIO") != Some(true) || other.is("PremiumIO") == Some(true))
            && other.capabilities.get("CpuArchitectureType") == size.capabilities.get("CpuArchitectureType")
    };
    offered.iter().filter(fits).map(|size| size.name.as_str()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{work, works};
    use super::*;

    fn size(name: &str, closed: Option<&str>, closed_zones: &[&str]) -> Size {
        Size {
            name: name.into(),
            family: "f".into(),
            zones: ["1", "2", "3"].map(str::to_owned).into(),
            capabilities: BTreeMap::from([("vCPUs".into(), "4".into())]),
            closed: closed.map(str::to_owned),
            closed_zones: closed_zones
                .iter()
                .map(|zone| ((*zone).to_owned(), "NotAvailableForSubscription".to_owned()))
                .collect(),
        }
    }

    #[test]
    fn sizes_are_looked_for_where_they_are_wanted() {
        let machine = |name: &str, size: &str, zone: &str| {
            let body = json!({"zones": [zone], "properties": {"hardwareProfile": {"vmSize": size}}});
            work(Operation::Create, MACHINES, name, body)
        };
        let mut lines = Vec::new();
        for (wanted, offered) in [
            ("Standard_D4s_v5", vec![size("Standard_D4s_v5", None, &[])]),
            ("Standard_D4s_v4", vec![size("Standard_D4s_v5", None, &[])]),
            ("Nonsense", vec![size("Standard_D4s_v5", None, &[])]),
            (
                "Standard_D4s_v5",
                vec![
                    size("Standard_D4s_v5", Some("NotAvailableForSubscription"), &[]),
                    size("Standard_D4as_v5", None, &[]),
                    size("Standard_D4ds_v5", None, &["2"]),
                ],
            ),
            ("Standard_D4s_v5", vec![size("Standard_D4s_v5", None, &["2"])]),
        ] {
            let plan = works(vec![machine("a", wanted, "1"), machine("b", wanted, "2")], &[]);
            let found = BTreeMap::from([(("main".into(), "eastus2".to_owned()), Ok(offered))]);
            let mut verdict = Verdict::default();
            check(&plan, &found, &mut verdict);
            lines.push(format!("{wanted}\n{}", told(verdict)));
        }
        assert_snapshot!(lines.join("\n\n"));
    }
}
