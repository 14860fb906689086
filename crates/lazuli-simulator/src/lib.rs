#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! A simulated Azure: Entra tokens and Azure Resource Manager, over TLS on loopback.
//!
//! The heart is [`handle`], a pure function from a [`World`], a [`Request`] and a moment to a [`Response`]; it has
//! no sockets, no clock and no randomness but a seeded generator inside the world. Around it lies a thin shell:
//! a durable world file, TLS with a certificate authority of its own, and an HTTP server.
//!
//! This crate depends on no other crate of the workspace: a misreading of Azure must not be able to agree with
//! itself. What it knows of Azure is one declarative table in `catalog`.

mod apiserver;
mod arm;
mod assertion;
mod catalog;
mod clock;
mod commit;
mod delivery;
mod error;
mod faults;
mod gateway;
mod ids;
mod in_process;
mod json;
mod kubernetes;
mod latency;
mod limits;
mod random;
mod recording;
mod refusals;
mod request;
mod seed;
mod server;
mod shell;
mod simulator;
mod tls;
mod world;
mod world_file;

pub use arm::{Settings, handle};
pub use catalog::{Successes, published, successes};
pub use faults::{Answer, Fault, Faults};
pub use in_process::InProcess;
pub use kubernetes::User;
pub use latency::{Pace, Profile};
pub use limits::Limit;
pub use request::{Body, Delivery, Method, Request, Response};
pub use seed::{Application, Lock, Planted, Quota, Seed, SeedError, SeedFile, SeededGroup};
pub use simulator::{RunningSimulator, Simulator, SimulatorError, SimulatorOptions, print_env};
pub use tls::{TlsError, TlsIdentity};
pub use world::{
    Change, ClosedSize, Conditions, Credentials, Denial, Effect, Grant, Policy, Room, Sold, Told, World,
};
pub use world_file::{WorldFile, WorldFileError};
