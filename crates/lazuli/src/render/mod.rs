//! What Lazuli shows: pure functions from data to text or JSON.
//!
//! Text always carries styles; [`crate::terminal::Printer`] strips them where they are not wanted. Text from elsewhere
//! (Azure, the configuration) is cleaned of control characters before it is shown.
//!
//! | module | what |
//! |---|---|
//! | [`style`], [`layout`], [`duration`] | semantic styles; columns and wrapping; times for people |
//! | [`names`] | what to call things that are named by a GUID |
//! | [`value`] | values and their differences |
//! | [`account`], [`account_report`], [`account_roles`] | registered accounts; what they can do; what they need |
//! | [`console`] | what the console answers |
//! | [`diagnostic`] | errors and warnings, like rustc |
//! | [`plan`], [`plan_json`] | a plan for people, and in Terraform's shape |
//! | `drift_json` | what changed outside, in that shape |
//! | [`events`] | the events of `--json` |
//! | [`state`] | what the state remembers; outputs |
//! | [`graph`], [`svg`] | the steps of a plan as a drawing; pictures of them and of clusters |
//! | [`html`] | a plan or a state as a report for browsers |
//! | [`report`] | how an apply ended |

pub mod account;
pub mod account_report;
pub mod account_roles;
pub mod check_json;
pub mod cluster;
pub mod console;
pub mod diagnostic;
mod drift_json;
pub mod duration;
pub mod events;
pub mod graph;
pub mod html;
pub mod layout;
pub mod names;
pub mod plan;
pub mod plan_json;
pub mod report;
pub mod state;
pub mod style;
pub mod svg;
pub mod value;

#[cfg(test)]
pub(crate) mod specimens;
