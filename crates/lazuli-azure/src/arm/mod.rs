//! The ARM client: requests, errors, retries, paging and long-running operations.
//!
//! It knows the protocol and no resource type.

mod answer;
mod client;
pub(crate) mod operation;
mod paging;
pub(crate) mod retry;
mod throttle;
mod url;

pub(crate) use answer::{Answer, Failure, Refusal};
pub(crate) use client::{ArmClient, Call, Silent, Tell};
pub use retry::Patience;
pub(crate) use retry::{Purpose, is_in_use};
pub use throttle::Throttles;
pub(crate) use url::{collection, is_loopback};

#[cfg(test)]
mod tests;
