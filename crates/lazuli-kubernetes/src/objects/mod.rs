//! Sets of objects in a cluster: a layer, an add-on, a namespace, a role binding.
//!
//! A set is applied by server-side apply as the field manager `lazuli`, in an order that works, waited for, and pruned
//! of what it no longer has. Every object carries the label `lazuli.dev/set`; only what carries the label of the set is
//! ever deleted or replaced. What belongs to a set is written down in a config map in `kube-system` before the first
//! change, so that a set can be looked at and taken away without any other record, also after a crash.
//!
//! | module | what |
//! |---|---|
//! | [`set`] | what a set is called and made of |
//! | [`put`](mod@put), [`delete`](mod@delete), [`observe`](mod@observe) | applying, deleting and looking at sets |
//! | `apply` | one object: server-side apply, and what cannot be changed in place |
//! | [`ownership`] | that nothing of others is taken over |
//! | `order` | what comes before what |
//! | `ready`, `why` | when an object is ready, and why it is not |
//! | `inventory` | the config map |
//! | `wire`, `api_resource` | requests and their paths |

pub(crate) mod api_resource;
pub(crate) mod apply;
pub mod delete;
mod inventory;
pub mod observe;
mod order;
pub mod ownership;
pub mod put;
pub(crate) mod ready;
pub mod set;
mod why;
pub(crate) mod wire;

pub use delete::delete;
pub(crate) use inventory::INVENTORY_LABEL;
pub(crate) use observe::all;
pub use observe::{Observed, observe, observe_all};
pub use ownership::foreign;
pub use put::{Patience, put};
pub use set::{NotASet, ObjectSet, SetName};

/// The label by which an object says which set it belongs to.
pub const SET_LABEL: &str = "lazuli.dev/set";
