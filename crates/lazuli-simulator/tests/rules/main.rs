//! The rules of the simulated Azure, one story per test, on virtual time and without sockets.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod access;
mod capacity;
mod cloud;
mod contract;
mod deployments;
mod durability;
mod faults;
mod graph;
mod groups;
mod machines;
mod networks;
mod operations;
mod policies;
mod private_dns;
mod protocol;
mod published;
mod reading;
mod writing;
