//! `simulator …`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const SIMULATOR_EXAMPLES: &str = "\
Examples:
  lazuli simulator serve --world demo.json
  lazuli simulator serve --profile hostile --seed 7
  lazuli simulator serve --world demo.json --print-env > env.sh

It serves until Ctrl-C. For az and SDKs: the last line in one terminal, `. ./env.sh` in another.";

/// `simulator …`
#[derive(Debug, Clone, Subcommand)]
pub enum Simulator {
    /// Serve a simulated Azure for other clients
    #[command(after_help = SIMULATOR_EXAMPLES)]
    Serve(Serve),
}

/// `simulator serve`
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The file that keeps the world; made when it does not exist, in memory when left out
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// How long things take and how much goes wrong
    #[arg(long, value_enum, default_value = "fast")]
    pub profile: SimulatorProfile,
    /// The seed of everything that looks random
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Faults to inject, as JSON
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// What exists before: groups, resources, quotas, locks, applications, permissions, as JSON
    #[arg(long, value_name = "FILE")]
    pub seed_world: Option<PathBuf>,
    /// Print the environment that az, SDKs and kubectl need to talk to it
    #[arg(long)]
    pub print_env: bool,
}

/// How a simulated Azure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimulatorProfile {
    /// Without delay.
    Instant,
    /// Twenty times faster than Azure.
    Fast,
    /// As slow as Azure.
    Realistic,
    /// With throttling, lost answers and failures.
    Hostile,
}
