//! What is known of each of Lazuli's own resource types: keys, and what is inside a cluster. Data only.

use lazuli_core::kind::{EndsWith, Expected, Kind, Kinds, Lock};
use lazuli_core::resource::ResourceType;

/// The kinds of the providers `kubernetes` and `tls`.
#[derive(Debug, Clone, Copy, Default)]
pub struct KubernetesKinds;

impl Kinds for KubernetesKinds {
    fn kind(&self, ty: &ResourceType) -> &Kind {
        KINDS.iter().find(|kind| kind.name.eq_ignore_ascii_case(&ty.name)).unwrap_or(&OTHER)
    }
}

/// True for a type of these providers.
pub fn is_own(ty: &ResourceType) -> bool {
    ["lazuli.kubernetes/", "lazuli.tls/"].iter().any(|namespace| {
        ty.name.get(..namespace.len()).is_some_and(|start| start.eq_ignore_ascii_case(namespace))
    })
}

/// Every type that has a table of its own.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter()
}

/// Nothing in a cluster can be reached without its authority, nor is anything of it left when the cluster goes.
const WITH_THE_CLUSTER: Option<EndsWith> =
    Some(EndsWith { root: "Lazuli.Tls/clusters", ty: "certificateAuthorities", name: "cluster_ca" });

static OTHER: Kind = Kind { forces_replacement: &[], lock: Lock::Free, ..Kind::GENERAL };

/// A key. It lives in the state, so nothing takes long.
const KEY: Kind = Kind {
    forces_replacement: &[],
    read_only: &[
        "properties.certificate",
        "properties.nextPrivateKey",
        "properties.nextPublicKey",
        "properties.notAfter",
        "properties.previousPublicKey",
        "properties.privateKey",
        "properties.publicKey",
        "properties.publicKeyHash",
    ],
    expected: expected(0.1, 0.1, 0.1),
    ..Kind::GENERAL
};

/// Something inside a cluster.
const INSIDE: Kind = Kind { forces_replacement: &[], ends_with: WITH_THE_CLUSTER, ..Kind::GENERAL };

/// A node's part in the cluster. Nothing forces a replacement: a new node has another name, and to drain one that stays
/// would help nobody.
const MEMBER: Kind = Kind {
    title: "node",
    forces_replacement: &[
        "properties.node",
        "properties.version",
        "properties.zone",
        "properties.providerId",
    ],
    read_only: &["properties.ready"],
    unordered: &["properties.taints"],
    ..INSIDE
};

/// Times in seconds.
const fn expected(create: f64, update: f64, delete: f64) -> Expected {
    Expected { create, update, delete }
}

static KINDS: &[Kind] = &[
    Kind {
        name: "Lazuli.Tls/clusters/certificateAuthorities",
        title: "certificate authority",
        forces_replacement: &["properties.commonName"],
        ..KEY
    },
    Kind { name: "Lazuli.Tls/clusters/serviceAccountKeys", title: "service account key", ..KEY },
    Kind {
        name: "Lazuli.Kubernetes/clusters/registrations",
        title: "registration",
        read_only: &["properties.joined", "properties.expires"],
        expected: expected(0.5, 0.5, 0.5),
        ..INSIDE
    },
    Kind { name: "Lazuli.Kubernetes/clusters/members", expected: expected(75.0, 1.0, 60.0), ..MEMBER },
    Kind {
        name: "Lazuli.Kubernetes/clusters/controlPlaneMembers",
        title: "control-plane node",
        // etcd changes its members one at a time.
        lock: Lock::Parent,
        expected: expected(120.0, 1.0, 45.0),
        ..MEMBER
    },
    Kind {
        name: "Lazuli.Kubernetes/clusters/settings",
        title: "settings",
        expected: expected(1.0, 1.0, 0.5),
        ..INSIDE
    },
    Kind {
        name: "Lazuli.Kubernetes/clusters/layers",
        title: "layer",
        expected: expected(8.0, 30.0, 10.0),
        ..INSIDE
    },
    Kind {
        name: "Lazuli.Kubernetes/clusters/addons",
        title: "add-on",
        expected: expected(20.0, 30.0, 10.0),
        ..INSIDE
    },
    Kind {
        name: "Lazuli.Kubernetes/clusters/roleBindings",
        title: "role binding",
        expected: expected(0.5, 0.5, 0.5),
        ..INSIDE
    },
    Kind {
        name: "Lazuli.Kubernetes/clusters/namespaces",
        title: "namespace",
        expected: expected(0.5, 0.5, 20.0),
        ..INSIDE
    },
    // What the cluster's controllers made in Azure outlives the cluster unless it goes first.
    Kind {
        name: crate::claims::SERVICES,
        title: "load balancer of Service",
        forces_replacement: &[],
        expected: expected(60.0, 60.0, 40.0),
        ..Kind::GENERAL
    },
    Kind {
        name: crate::claims::VOLUMES,
        title: "volume",
        forces_replacement: &[],
        expected: expected(10.0, 10.0, 40.0),
        ..Kind::GENERAL
    },
];

#[cfg(test)]
mod tests {
    use lazuli_core::kind::{Kinds, Lock};
    use lazuli_core::resource::{ResourceId, ResourceType};

    use super::{KubernetesKinds, all, is_own};

    const CLUSTER: &str = "/subscriptions/s/resourceGroups/rg/providers/Lazuli.Kubernetes/clusters/prod";

    #[test]
    fn everything_inside_a_cluster_ends_with_its_authority_and_the_keys_and_what_is_in_azure_do_not() {
        for kind in all() {
            let ty = kind.name.rsplit('/').next().unwrap();
            let ends = kind.ends_with.and_then(|e| e.of(&ResourceId::new(format!("{CLUSTER}/{ty}/x"))));
            let authority = CLUSTER.replace("Kubernetes", "Tls") + "/certificateAuthorities/cluster_ca";
            let outlives = [crate::claims::SERVICES, crate::claims::VOLUMES].contains(&kind.name);
            let inside = kind.name.starts_with("Lazuli.Kubernetes/") && !outlives;
            assert_eq!(ends, inside.then(|| ResourceId::new(authority)), "{}", kind.name);
        }
    }

    #[test]
    fn types_are_found_whatever_their_case_and_others_are_none_of_these() {
        let ty = |name: &str| ResourceType::new(name, "2026-11-01");
        assert_eq!(
            KubernetesKinds.kind(&ty("lazuli.kubernetes/Clusters/controlplanemembers")).lock,
            Lock::Parent
        );
        assert!(is_own(&ty("Lazuli.Tls/clusters/serviceAccountKeys")));
        assert!(!is_own(&ty("Microsoft.Network/virtualNetworks")) && !is_own(&ty("Lazuli")));
    }

    #[test]
    fn every_type_has_a_title_of_its_own_and_a_place_in_the_table_once() {
        let mut names: Vec<&str> = all().map(|kind| kind.name).collect();
        let mut titles: Vec<&str> = all().map(|kind| kind.title).collect();
        for list in [&mut names, &mut titles] {
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), all().count());
        }
    }
}
