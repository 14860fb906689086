//! How long things take: the request itself, the work after it, and between two looks at it.

use lazuli_simulator::Profile;

use super::everything::objects;
use crate::cloud::{Cloud, MINUTE};

/// Milliseconds of the request and of the work of a PUT, at least and at most, as they were observed.
type Span = (u64, u64);

const OBSERVED: &[(&str, Span, Span)] = &[
    ("Microsoft.Resources/resourceGroups", (600, 2400), (0, 0)),
    ("Microsoft.Network/virtualNetworks", (1000, 2000), (1000, 3000)),
    ("Microsoft.Network/virtualNetworks/subnets", (1000, 2000), (1000, 3000)),
    ("Microsoft.Network/networkSecurityGroups", (1000, 2000), (1000, 3000)),
    ("Microsoft.Network/routeTables", (1000, 2000), (1000, 3000)),
    ("Microsoft.Network/publicIPAddresses", (4000, 4400), (0, 1000)),
    ("Microsoft.Network/natGateways", (2900, 3500), (1000, 10_000)),
    ("Microsoft.Network/loadBalancers", (1000, 3000), (0, 0)),
    ("Microsoft.Network/networkInterfaces", (1000, 3000), (0, 0)),
    ("Microsoft.Compute/disks", (2000, 2500), (100, 300)),
    ("Microsoft.Compute/virtualMachines", (2000, 5000), (27_000, 120_000)),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", (700, 1200), (0, 0)),
    ("Microsoft.Authorization/roleAssignments", (500, 2000), (0, 0)),
    ("Microsoft.Network/privateDnsZones", (1000, 2000), (5000, 35_000)),
    ("Microsoft.Network/privateDnsZones/virtualNetworkLinks", (1000, 2000), (5000, 35_000)),
];

#[test]
fn each_type_takes_as_long_as_it_was_seen_to_take() {
    let mut cloud = Cloud::new(Profile::Realistic);
    for object in objects() {
        let kind = object.kind();
        let answer = cloud.put(&object.path, &object.body);
        assert!(answer.status < 300, "{}: {:?}", object.path, answer.body);
        if let Some((_, accept, work)) = OBSERVED.iter().find(|(name, ..)| *name == kind) {
            let within = |span: &Span, ms: u64| (span.0..=span.1).contains(&ms);
            // What is drawn has tails on both sides.
            let accept = (accept.0 / 4, accept.1 * 3 / 2);
            assert!(within(&accept, answer.accept_ms), "{kind}: accepted in {} ms", answer.accept_ms);
            cloud.pass(answer.accept_ms);
            if let Some(poll) = answer.header("Azure-AsyncOperation").map(str::to_owned) {
                let mut waited = 0;
                // More often than every four seconds, compute throttles.
                let pause = if kind == "Microsoft.Compute/virtualMachines" { 4000 } else { 100 };
                while cloud.get(&poll).value()["status"] == "InProgress" {
                    cloud.pass(pause);
                    waited += pause;
                }
                let work = (work.0.saturating_sub(400) / 4, work.1 * 3 / 2 + 200);
                assert!(within(&work, waited), "{kind}: worked for {waited} ms");
            }
        }
        cloud.pass(10 * MINUTE);
        cloud.log_in();
    }
}
