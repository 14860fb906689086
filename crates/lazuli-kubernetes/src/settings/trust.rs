//! The authorities that a cluster is to trust.

/// The authorities that the nodes of a cluster are to trust, certificates in PEM, that of the one which signs first; and how
/// many steps each was rotated, 0 when it never was.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// How often the cluster's authority was rotated.
    pub rotation: i64,
    /// Of the cluster's authority.
    pub bundle: String,
    /// How often the front proxy's authority was rotated.
    pub front_proxy_rotation: i64,
    /// Of the front proxy's authority; empty when nobody knows it.
    pub front_proxy_bundle: String,
}
