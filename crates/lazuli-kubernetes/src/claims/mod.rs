//! What a cluster's own controllers made in Azure: load balancers of Services, disks of volumes. It has to go through
//! Kubernetes while the cluster lives; afterwards nobody would know whose it is.
//!
//! | module | what |
//! |---|---|
//! | `list` | which there are |
//! | `service` | a Service goes, and with it its load balancer |
//! | `volume` | a volume goes, and with it its disk |
//! | `wait` | waiting, and why something stays |

mod list;
mod service;
mod volume;
mod wait;

pub use list::{Claims, Service, Volume, list};
pub(crate) use service::delete as delete_service;
pub(crate) use volume::delete as delete_volume;

/// The type of a Service that has a load balancer.
pub const SERVICES: &str = "Lazuli.Kubernetes/clusters/services";
/// The type of a volume that is a disk.
pub const VOLUMES: &str = "Lazuli.Kubernetes/clusters/volumes";

#[cfg(test)]
mod tests;
