//! What a cluster's own controllers write in Azure: no surprise to anybody.

use lazuli_core::path::PathStep;
use lazuli_core::plan::{Drift, DriftKind};

/// How many digits of a service's id the cloud provider named its rules by, before it named them by a hash.
const SERVICE_ID: usize = 31;

/// True for an element that somebody added and that a controller of a cluster makes: routes of pods, what load balancers of
/// services need, disks of volumes, rules that let traffic to services in.
pub fn is_of_a_controller(drift: &Drift) -> bool {
    let DriftKind::Added { path } = &drift.what else { return false };
    let [_, PathStep::Name(array), PathStep::Key(key), ..] = path.steps() else { return true };
    &**array != "securityRules" || is_of_a_service(key)
}

/// `k8s-azure-lb_allow_IPv4_…`; `a` and the beginning of a service's id, then protocol, port and source.
fn is_of_a_service(rule: &str) -> bool {
    let by_id = || {
        let id = rule.strip_prefix('a')?.split('-').next()?;
        Some(id.len() == SERVICE_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    rule.starts_with("k8s-azure-") || by_id().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use lazuli_core::plan::{Drift, DriftKind};

    use super::is_of_a_controller;

    #[test]
    fn rules_of_services_and_routes_of_pods_are_no_surprise() {
        let added = |path: &str| {
            let what = DriftKind::Added { path: path.parse().unwrap() };
            let address = "cluster.prod.network.worker_nsg".parse().unwrap();
            is_of_a_controller(&Drift { address, title: "".into(), what })
        };
        assert!(!added("properties.securityRules[\"allow_ssh\"]"));
        assert!(!added("properties.securityRules[\"abc-allow\"]"));
        assert!(added("properties.securityRules[\"k8s-azure-lb_allow_IPv4_556f7044\"]"));
        assert!(added("properties.securityRules[\"a0123456789abcdef0123456789abcde-TCP-80-Internet\"]"));
        assert!(added("properties.routes[\"prod-general-1-77d0\"]"));
        assert!(added("properties.storageProfile.dataDisks[\"1\"]"));
    }
}
