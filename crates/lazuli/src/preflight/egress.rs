//! A NAT gateway lives in one zone: when that zone fails, nodes of other zones lose their way out with it.

use std::collections::BTreeSet;

use lazuli_cluster::expand::Expansion;
use lazuli_core::source::Span;
use lazuli_core::{Address, Diagnostic};

use super::sizes::MACHINES;
use super::verdict::Verdict;

/// NAT gateways.
pub const GATEWAYS: &str = "Microsoft.Network/natGateways";

/// The NAT gateway of a cluster that is made, or gets more nodes behind it.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The resource.
    pub address: Address,
    /// Its SKU: `Standard` is in one zone, whether that is named or not; `StandardV2` in all.
    pub sku: String,
    /// The zones of the nodes behind it.
    pub zones: BTreeSet<String>,
    /// Where it is asked for.
    pub span: Span,
}

/// The gateway of a cluster, when it has one of its own.
pub fn gateway(expansion: &Expansion, span: Span) -> Option<Gateway> {
    let gateway = expansion.parts.iter().find(|part| &*part.desired.ty.name == GATEWAYS)?;
    let servers = expansion.cluster.address.child("control_plane");
    let workers = expansion
        .parts
        .iter()
        .filter(|part| &*part.desired.ty.name == MACHINES && !part.declaration.address.is_within(&servers));
    Some(Gateway {
        address: gateway.declaration.address.clone(),
        sku: gateway.desired.body.get("sku")?.get("name")?.as_str()?.to_owned(),
        zones: workers.filter_map(|worker| worker.desired.slot.as_ref()?.zone.clone()).collect(),
        span,
    })
}

/// No zone takes the way out of another one with it.
pub fn check(gateways: &[Gateway], verdict: &mut Verdict) {
    for gateway in gateways {
        if gateway.zones.len() < 2 || !gateway.sku.eq_ignore_ascii_case("Standard") {
            verdict.pass();
            continue;
        }
        let message =
            "NAT gateway of SKU Standard lives in one zone; workers of other zones lose egress with it";
        let warning = Diagnostic::warning("LZ1058", message)
            .about(gateway.address.clone())
            .at(gateway.span, "network.egress");
        verdict.findings.warnings.push(warning);
    }
}

#[cfg(test)]
mod tests {
    use lazuli_core::source::FileId;

    use super::super::verdict::told;
    use super::*;

    fn of(sku: &str, zones: &[&str]) -> String {
        let mut verdict = Verdict::default();
        let gateway = Gateway {
            address: "cluster.prod.network.nat_gateway".parse().unwrap(),
            sku: sku.to_owned(),
            zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
            span: Span::new(FileId(0), 0, 1),
        };
        check(&[gateway], &mut verdict);
        told(verdict)
    }

    #[test]
    fn a_gateway_of_one_zone_in_front_of_several_is_worth_a_warning() {
        assert!(of("Standard", &["1", "2"]).contains("lives in one zone"));
        for (sku, zones) in [("Standard", &["1"][..]), ("Standard", &[]), ("StandardV2", &["1", "2"])] {
            assert_eq!(of(sku, zones), "passed 1");
        }
    }
}
