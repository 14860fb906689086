//! Nodes of a cluster: how they come in and how they leave.
//!
//! | module | what |
//! |---|---|
//! | `desired` | what is wanted of a node (pure) |
//! | `registration` | the permission to join: token and certificates made before the machine, Node object removed after it |
//! | `token` | the objects that let a node join (pure) |
//! | `member` | waits until a node is ready, keeps its labels, lets it go |
//! | `readiness` | is it ready, and if not, why not (pure) |
//! | `shape` | labels, taints, cordon: what to patch, what is there (pure) |
//! | `drain` | evicts the pods, as `kubectl drain` does |
//! | `pods` | which pods must go (pure) |
//! | `control_plane` | etcd: joined yet, leave it |
//! | `etcd` | `etcdctl` in the pods of etcd |
//! | `quorum` | which change of members etcd survives (pure) |
//! | `lists` | lists that many waiting steps share |
//! | `boot` | what is read from the log of a first boot |
//! | `volumes` | volumes that stay with their node |

mod boot;
mod control_plane;
mod desired;
mod drain;
mod etcd;
mod lists;
pub(crate) mod member;
mod pods;
mod quorum;
mod readiness;
pub(crate) mod registration;
mod shape;
mod token;
mod volumes;

pub use desired::{Member, MemberTaint, Registration, Role};
pub use drain::{DrainError, Left};
pub use etcd::{EtcdError, etcd_members};
pub use lists::Lists;
pub use pods::{DrainRules, Fate, fate};
pub use quorum::{Change, EtcdMember, QuorumError, check, successor};
pub use readiness::{Readiness, judge};
