//! How far the keys of a cluster are rotated.

use lazuli_core::{Address, Value};

use super::boot::Pki;
use crate::roster::Records;

/// How many steps a key is rotated in: the next one is trusted, it signs, the old one is trusted no more.
const STEPS: i64 = 3;

/// A key whose nodes are made anew with each step of its rotation.
#[derive(Debug, Clone, Copy)]
pub struct RotatedKey {
    /// What a registration calls how far the key was rotated when its node was made.
    pub member: &'static str,
    /// What a plan calls the key.
    pub title: &'static str,
    /// True when workers hang on it, too: the others are nobody's business but the control plane's.
    pub on_workers: bool,
}

impl RotatedKey {
    /// The key of this name below `pki`: `cluster_ca`.
    pub fn named(name: &str) -> Option<&'static RotatedKey> {
        KEYS.iter().find(|(key, _)| *key == name).map(|(_, key)| key)
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = &'static RotatedKey> {
        KEYS.iter().map(|(_, key)| key)
    }
}

static KEYS: [(&str, RotatedKey); 4] = [
    (
        "cluster_ca",
        RotatedKey {
            member: "clusterAuthorityRotation",
            title: "cluster certificate authority",
            on_workers: true,
        },
    ),
    (
        "etcd_ca",
        RotatedKey {
            member: "etcdAuthorityRotation",
            title: "etcd certificate authority",
            on_workers: false,
        },
    ),
    (
        "front_proxy_ca",
        RotatedKey {
            member: "frontProxyAuthorityRotation",
            title: "front proxy certificate authority",
            on_workers: false,
        },
    ),
    (
        "service_account",
        RotatedKey { member: "serviceAccountRotation", title: "service account key", on_workers: false },
    ),
];

/// How many steps the keys of a cluster are to be rotated in all: as many as are recorded, or as somebody asks for. In
/// between, the nodes that hang on a key are replaced, since each step waits for all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rotations {
    pub(super) of_cluster_ca: i64,
    pub(super) of_etcd_ca: i64,
    pub(super) of_front_proxy_ca: i64,
    pub(super) of_service_account: i64,
}

impl Rotations {
    pub(super) fn of(cluster: &Address, records: Records<'_>) -> Rotations {
        let steps = |key: &Address| {
            let recorded = records.world.resources.get(key);
            let so_far = recorded.and_then(|key| key.inputs.pointer("/properties/rotation")?.as_i64());
            let so_far = so_far.unwrap_or(0);
            let asked = records.renewals.get(key).and_then(|steps| steps.parse().ok());
            asked.unwrap_or(so_far).max(so_far)
        };
        let pki = Pki::of(cluster);
        Rotations {
            of_cluster_ca: steps(&pki.cluster_ca),
            of_etcd_ca: steps(&pki.etcd_ca),
            of_front_proxy_ca: steps(&pki.front_proxy_ca),
            of_service_account: steps(&pki.service_account),
        }
    }

    /// True while two cluster authorities are trusted.
    pub(super) fn has_two_authorities(self) -> bool {
        self.of_cluster_ca % STEPS != 0
    }

    /// What a registration remembers: nothing of keys that were never rotated.
    pub(super) fn remembered(self, is_control_plane: bool) -> impl Iterator<Item = (&'static str, Value)> {
        let steps = [self.of_cluster_ca, self.of_etcd_ca, self.of_front_proxy_ca, self.of_service_account];
        RotatedKey::all()
            .zip(steps)
            .filter(move |(key, steps)| *steps > 0 && (key.on_workers || is_control_plane))
            .map(|(key, steps)| (key.member, Value::int(steps)))
    }
}
