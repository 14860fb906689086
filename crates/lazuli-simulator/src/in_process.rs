//! A simulated Azure inside the process, without sockets: requests go in and answers come out, as late as they would.
//!
//! On a paused runtime its time is the runtime's: an hour of Azure passes as fast as it can be computed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::arm::{self, Settings};
use crate::clock::Clock;
use crate::delivery::PIECES;
use crate::faults::Faults;
use crate::request::{Delivery, Request, Response};
use crate::seed::Seed;
use crate::simulator::{SimulatorError, credentials};
use crate::world::{Credentials, World};

/// When its time begins, in milliseconds since 1970: the first moment of 2026, so that runs are repeatable.
const BEGIN_MS: u64 = 1_767_225_600_000;

/// A simulated Azure that lives as long as this value.
#[derive(Debug)]
pub struct InProcess {
    world: Mutex<World>,
    settings: Mutex<Settings>,
    clock: Clock,
}

impl InProcess {
    /// A new world. `seed` decides every invented identifier and delay; `seed_world` is what exists before. Must be
    /// called on the tokio runtime whose clock it is to follow.
    ///
    /// # Errors
    /// When the simulated Azure refuses what is to exist before.
    pub fn start(seed: u64, seed_world: &Seed, settings: Settings) -> Result<Self, SimulatorError> {
        let clock = Clock::at(BEGIN_MS);
        let mut world = World::new(credentials(seed_world)?, seed);
        seed_world.apply(&mut world, clock.now_ms())?;
        Ok(Self { world: Mutex::new(world), settings: Mutex::new(settings), clock })
    }

    /// From here on these faults strike and no others.
    pub fn set_faults(&self, faults: Faults) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).faults = faults;
    }

    /// Carries out a request and answers after as long as the service would take; `None` when the connection is cut. An
    /// answer that stalls never comes.
    ///
    /// The world moves at once: whoever stops waiting has sent the request all the same.
    pub async fn send(&self, request: &Request) -> Option<Response> {
        let response = {
            let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
            arm::handle(&mut self.world(), &settings, request, self.clock.now_ms())
        };
        if response.accept_ms > 0 {
            tokio::time::sleep(Duration::from_millis(response.accept_ms)).await;
        }
        match response.delivery {
            Delivery::Answer => Some(response),
            Delivery::Drop | Delivery::Reset => None,
            Delivery::Slow { pause_ms } => {
                tokio::time::sleep(Duration::from_millis(pause_ms * PIECES as u64)).await;
                Some(response)
            }
            Delivery::Hold | Delivery::Stall => std::future::pending().await,
        }
    }

    /// Who may log in.
    pub fn credentials(&self) -> Credentials {
        self.world().credentials().clone()
    }

    /// Everything that exists, by id, as its writers left it.
    pub fn objects(&self) -> BTreeMap<String, Value> {
        let mut world = self.world();
        world.advance(self.clock.now_ms());
        world.all("", None).map(|resource| (resource.id.clone(), resource.body.clone())).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
