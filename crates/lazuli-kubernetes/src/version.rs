//! Kubernetes versions and what follows from them: kubeadm's configuration API, how far the parts of a cluster may be
//! apart, and which upgrades are allowed.
//!
//! Rules only. Which versions an image or a cloud offers is found out elsewhere. Sources: the Kubernetes version skew
//! policy, and the reference of kubeadm's configuration.

use std::fmt;
use std::str::FromStr;

/// A version of Kubernetes that Lazuli can run: 1.22 or newer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(semver::Version);

/// The oldest minor whose kubeadm reads a configuration that Lazuli writes.
const OLDEST_MINOR: u64 = 22;

/// Why something is not a version that Lazuli can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not a version at all.
    #[error("`{text}` is not a Kubernetes version: write all three numbers, such as 1.34.2")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// A version before 1.22, or of another major.
    #[error("Kubernetes {version} cannot be used: Lazuli knows how to run 1.22 and newer")]
    Unsupported {
        /// What was given.
        version: semver::Version,
    },
}

/// A version of kubeadm's configuration API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubeadmApi {
    /// Kubernetes 1.22 to 1.30. Extra arguments are a map.
    V1beta3,
    /// Kubernetes 1.31 and newer. Extra arguments are a list of names and values, timeouts have a place of their own.
    V1beta4,
}

/// A kubelet that the API server may not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkewError {
    /// The kubelet has a newer minor than the API server.
    #[error(
        "a kubelet {kubelet} cannot work with an API server {api_server}: upgrade the control plane first, then its \
         workers"
    )]
    KubeletNewer {
        /// The kubelet's version.
        kubelet: KubernetesVersion,
        /// The API server's version.
        api_server: KubernetesVersion,
    },
    /// The kubelet is too many minors behind.
    #[error(
        "a kubelet {kubelet} is too old for an API server {api_server}: it may be at most {allowed} minor versions \
         behind; upgrade the workers before the control plane goes on"
    )]
    KubeletTooOld {
        /// The kubelet's version.
        kubelet: KubernetesVersion,
        /// The API server's version.
        api_server: KubernetesVersion,
        /// How many minors this kubelet may be behind.
        allowed: u64,
    },
}

/// What a change of version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionChange {
    /// The same version.
    None,
    /// A newer patch of the same minor.
    Patch,
    /// The next minor.
    Minor,
}

/// A change of version that Kubernetes does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// To an older version.
    #[error(
        "Kubernetes cannot go back from {from} to {to}: the data in etcd may already have a newer form; keep {from}, \
         or restore a backup into a new cluster"
    )]
    Downgrade {
        /// The version that runs.
        from: KubernetesVersion,
        /// The version that was asked for.
        to: KubernetesVersion,
    },
    /// Over one or more minors.
    #[error(
        "Kubernetes cannot go from {from} to {to} at once: one minor version at a time, so go to 1.{} first",
        from.minor() + 1
    )]
    SkipsMinor {
        /// The version that runs.
        from: KubernetesVersion,
        /// The version that was asked for.
        to: KubernetesVersion,
    },
}

impl KubernetesVersion {
    /// The minor: 34 of 1.34.2.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// The version as Kubernetes' tools write it: `v1.34.2`.
    pub fn tag(&self) -> String {
        format!("v{}", self.0)
    }

    /// The configuration API to use with this version's kubeadm.
    pub fn kubeadm_api(&self) -> KubeadmApi {
        match self.minor() {
            ..=30 => KubeadmApi::V1beta3,
            _ => KubeadmApi::V1beta4,
        }
    }

    /// True when kubeadm must be told that a control-plane node's kubelet talks to the API server of its own node.
    ///
    /// Otherwise, while control-plane nodes are being replaced, a new kubelet meets an old API server behind the load
    /// balancer, which [`check_kubelet`](Self::check_kubelet) forbids. From 1.36 kubeadm does so always and no longer
    /// knows the gate `ControlPlaneKubeletLocalMode`; before 1.31 it does not know it yet.
    pub fn needs_kubelet_local_mode(&self) -> bool {
        (31..=35).contains(&self.minor())
    }

    /// Whether an API server of this version may serve `kubelet`: not a newer minor, and at most three minors older
    /// (two for a kubelet before 1.25). Ask it of every API server of a cluster, the oldest and the newest.
    pub fn check_kubelet(&self, kubelet: &Self) -> Result<(), SkewError> {
        let (kubelet, api_server) = (kubelet.clone(), self.clone());
        let allowed = if kubelet.minor() < 25 { 2 } else { 3 };
        match self.minor().checked_sub(kubelet.minor()) {
            None => Err(SkewError::KubeletNewer { kubelet, api_server }),
            Some(behind) if behind > allowed => {
                Err(SkewError::KubeletTooOld { kubelet, api_server, allowed })
            }
            Some(_) => Ok(()),
        }
    }

    /// What the change from this version to another is, when it is allowed: never back, one minor at a time.
    pub fn change_to(&self, to: &Self) -> Result<VersionChange, UpgradeError> {
        let both = || (self.clone(), to.clone());
        if to < self {
            let (from, to) = both();
            return Err(UpgradeError::Downgrade { from, to });
        }
        match to.minor() - self.minor() {
            0 if to == self => Ok(VersionChange::None),
            0 => Ok(VersionChange::Patch),
            1 => Ok(VersionChange::Minor),
            _ => {
                let (from, to) = both();
                Err(UpgradeError::SkipsMinor { from, to })
            }
        }
    }
}

impl TryFrom<semver::Version> for KubernetesVersion {
    type Error = VersionError;

    fn try_from(version: semver::Version) -> Result<Self, VersionError> {
        match version.major == 1 && version.minor >= OLDEST_MINOR {
            true => Ok(Self(version)),
            false => Err(VersionError::Unsupported { version }),
        }
    }
}

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    /// Reads `1.34.2` and `v1.34.2`.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        semver::Version::parse(text.strip_prefix('v').unwrap_or(text))
            .map_err(|_| VersionError::Malformed { text: text.to_owned() })?
            .try_into()
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl KubeadmApi {
    /// What stands in `apiVersion`.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1beta3 => "kubeadm.k8s.io/v1beta3",
            Self::V1beta4 => "kubeadm.k8s.io/v1beta4",
        }
    }
}

#[cfg(test)]
mod tests;
