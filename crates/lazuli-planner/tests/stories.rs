//! What a plan says in every situation people meet, as compact text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "stories/changes.rs"]
mod changes;
#[path = "stories/data.rs"]
mod data;
#[path = "stories/order.rs"]
mod order;
#[path = "stories/ownership.rs"]
mod ownership;
#[path = "stories/refusals.rs"]
mod refusals;
#[path = "stories/replacement.rs"]
mod replacement;
#[path = "stories/scope.rs"]
mod scope;
mod world;
