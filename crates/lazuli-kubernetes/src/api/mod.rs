//! How the API of a cluster is reached.
//!
//! | module | what |
//! |---|---|
//! | `connect` | [`Connect`]: a client of a server; [`Direct`]: over TCP and TLS |
//! | `clusters` | [`Clusters`]: one client per cluster, signed in with a certificate that is minted for an hour |
//! | `rest` | [`Rest`]: objects as JSON by path: get, list, create, patch, apply, delete |
//! | `error` | [`ApiError`]: refused, unreachable, lost; what of it people are told |
//! | `retry` | [`patient`]: which requests are sent again, and when |
//! | `exec` | [`Exec`]: a command in a container |
//! | `run_command` | [`RunCommand`]: the same through Azure, where there is no line of sight |
//! | `load_balancer` | [`LoadBalancer`]: which control-plane nodes get connections |
//! | `boot_log` | [`BootLog`]: the end of what a machine said while it started |

mod boot_log;
mod clusters;
mod connect;
mod error;
mod exec;
mod load_balancer;
mod rest;
mod retry;
mod run_command;
#[cfg(test)]
mod tests;

pub use boot_log::{BootLog, NoBootLog};
pub use clusters::{Clock, Clusters};
pub use connect::{Addresses, Connect, ConnectError, Direct};
pub use error::ApiError;
pub use exec::{Exec, ExecError, Finished};
pub use load_balancer::{LoadBalancer, NoLoadBalancer};
pub(crate) use rest::PAGE;
pub use rest::{FIELD_MANAGER, Rest, Selector, encode};
pub use retry::{Patience, patient};
pub use run_command::{RunCommand, RunCommandError};
