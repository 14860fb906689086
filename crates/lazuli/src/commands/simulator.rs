//! `simulator serve`: the simulated Azure for other clients, and for runs that must not take it down with them.

use std::path::PathBuf;
use std::sync::Arc;

use lazuli_core::Diagnostic;
use lazuli_simulator::{
    Faults, Pace, Profile, Seed, SeedFile, Simulator, SimulatorOptions, TlsIdentity, print_env,
};

use serde_json::json;

use super::{Exit, Outcome};
use crate::cli::{Serve, SimulatorProfile};
use crate::failure::Failure;
use crate::interrupt::{self, Going};
use crate::terminal::Printer;

pub(super) async fn serve(args: &Serve, printer: &Arc<Printer>) -> Outcome {
    let _serving = interrupt::going(Going::Serving);
    let mut stop = interrupt::asked();
    let unusable = |what: String| Failure::of(Diagnostic::error("LZ3002", what));
    let faults = match &args.faults {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| unusable(format!("{} cannot be read: {e}", path.display())))?;
            Faults::parse(&text).map_err(|e| unusable(format!("{} holds no faults: {e}", path.display())))?
        }
        None => Faults::default(),
    };
    let seed_file = match &args.seed_world {
        Some(path) => {
            SeedFile::read(path).map_err(|e| unusable(format!("{} cannot be used: {e}", path.display())))?
        }
        None => SeedFile::default(),
    };
    let profile = match args.profile {
        SimulatorProfile::Instant => Profile::Instant,
        SimulatorProfile::Fast => Profile::Fast,
        SimulatorProfile::Realistic => Profile::Realistic,
        SimulatorProfile::Hostile => Profile::Hostile,
    };
    // Clients keep trusting a server that comes back: its authority lives beside its world.
    let certificates: Option<PathBuf> = args.world.as_ref().map(|world| world.with_extension("tls"));
    let options = SimulatorOptions {
        pace: Pace { profile, ..Pace::default() },
        seed: args.seed,
        world: args.world.clone(),
        seed_world: Seed { world: seed_file, ..Seed::default() },
        faults,
        listen: args.listen,
        tls: certificates.clone().map_or(TlsIdentity::Ephemeral, TlsIdentity::Persist),
        ..SimulatorOptions::default()
    };
    let mut running = Simulator::start(options).await?;
    let scratch;
    let ca_file = match &certificates {
        Some(folder) => folder.join("ca.pem"),
        None => {
            scratch = std::env::temp_dir().join(format!("lazuli-simulator-{}.pem", running.addr().port()));
            scratch
        }
    };
    std::fs::write(&ca_file, running.ca_pem())
        .map_err(|e| unusable(format!("{} cannot be written: {e}", ca_file.display())))?;
    let ca_file = std::path::absolute(&ca_file).unwrap_or(ca_file);
    let environment = args.print_env.then(|| print_env(&running, &ca_file));
    if printer.json() {
        printer.event(json!({
            "type": "serving", "endpoint": running.endpoint(), "ca_file": ca_file, "environment": environment,
        }));
    } else if let Some(environment) = environment {
        printer.result(&environment);
    }
    printer.message(&format!("Simulated Azure at {}. Ctrl-C stops it.", running.endpoint()));
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(request) = running.next_held() => printer.message(&format!("Held: {request}")),
        }
    }
    running.shutdown().await;
    Ok(Exit::Done)
}
