//! What exists in a world before the first request: credentials, resource groups, and whatever a seed file adds.
//!
//! A seed only adds what is absent, so applying it again after a restart changes nothing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::arm;
use crate::world::{Conditions, World};

/// What a new world starts with.
#[derive(Clone, PartialEq)]
pub struct Seed {
    /// Tenant id.
    pub tenant: String,
    /// Subscription id.
    pub subscription: String,
    /// Client id of the service principal.
    pub client_id: String,
    /// Its secret; a random one is made with the world when absent.
    pub client_secret: Option<String>,
    /// Everything else that exists.
    pub world: SeedFile,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            tenant: "11111111-1111-1111-1111-111111111111".to_owned(),
            subscription: "00000000-0000-0000-0000-000000000000".to_owned(),
            client_id: "33333333-3333-3333-3333-333333333333".to_owned(),
            client_secret: None,
            world: SeedFile::default(),
        }
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed")
            .field("tenant", &self.tenant)
            .field("subscription", &self.subscription)
            .field("client_id", &self.client_id)
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

/// The shape of a seed file (JSON).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedFile {
    /// Resource groups.
    pub resource_groups: Vec<SeededGroup>,
    /// Resources, in an order in which they can be created.
    pub resources: Vec<Planted>,
    /// Limits.
    pub quotas: Vec<Quota>,
    /// Management locks.
    pub locks: Vec<Lock>,
    /// Provider namespaces for which the subscription is not registered.
    pub unregistered_providers: Vec<String>,
    /// Applications that may sign in, besides the one of the world.
    pub applications: Vec<Application>,
    /// Who may do what, which policies hold, which sizes are not for sale.
    pub conditions: Conditions,
}

/// An application that may sign in.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its client id.
    pub client_id: String,
    /// Its secret, when it has one.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Whether that secret has expired.
    #[serde(default)]
    pub secret_expired: bool,
    /// Its certificates, PEM.
    #[serde(default)]
    pub certificates: Vec<String>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// A resource group that exists before.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededGroup {
    /// Its name.
    pub name: String,
    /// Its location.
    pub location: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Map<String, Value>,
}

/// A resource that exists before, as a PUT would make it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    /// Its resource id.
    pub id: String,
    /// The api-version of the body.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The body of the PUT.
    pub body: Value,
}

/// A limit, such as `cores` or `standardDSv5Family`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Where it holds.
    pub location: String,
    /// What it limits, as `usages` lists it.
    pub name: String,
    /// How many there may be.
    pub limit: u64,
}

/// A management lock that exists before.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The id of what is locked.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`.
    pub level: String,
}

/// Why a seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file cannot be read.
    #[error("the seed file {path} cannot be read")]
    Unreadable {
        /// The seed file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file does not have the right shape.
    #[error("the seed file {path} is not what a seed file looks like")]
    Invalid {
        /// The seed file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The simulated Azure refuses what the seed asks for.
    #[error("the simulated Azure refuses to start with {id}: {code}: {message}")]
    Refused {
        /// The resource id.
        id: String,
        /// Azure's error code.
        code: String,
        /// Azure's message.
        message: String,
    },
    /// The world belongs to another subscription or tenant.
    #[error("the world holds subscription {found}, not {wanted}; use another world file")]
    OtherSubscription {
        /// What the world holds.
        found: String,
        /// What the seed says.
        wanted: String,
    },
}

impl SeedFile {
    /// Reads a seed file.
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let text =
            std::fs::read(path).map_err(|source| SeedError::Unreadable { path: path.to_owned(), source })?;
        serde_json::from_slice(&text).map_err(|source| SeedError::Invalid { path: path.to_owned(), source })
    }
}

impl Seed {
    /// Adds to the world whatever of the seed is absent. `now` is in milliseconds since 1970.
    pub fn apply(&self, world: &mut World, now: u64) -> Result<(), SeedError> {
        let found = world.credentials();
        if !found.subscription.eq_ignore_ascii_case(&self.subscription) {
            return Err(SeedError::OtherSubscription {
                found: found.subscription.clone(),
                wanted: self.subscription.clone(),
            });
        }
        world.add_applications(&self.world.applications);
        let subscription = world.subscription_id();
        for group in &self.world.resource_groups {
            let id = format!("{subscription}/resourceGroups/{}", group.name);
            let body = json!({ "location": group.location, "tags": group.tags });
            plant(world, now, &id, "2025-04-01", &body)?;
        }
        for quota in &self.world.quotas {
            world.set_quota(&quota.location, &quota.name, quota.limit);
        }
        for resource in &self.world.resources {
            let version = resource.api_version.as_deref().unwrap_or("2025-05-01");
            plant(world, now, &resource.id, version, &resource.body)?;
        }
        for lock in &self.world.locks {
            let id = format!("{}/providers/Microsoft.Authorization/locks/{}", lock.scope, lock.name);
            plant(world, now, &id, "2020-05-01", &json!({ "properties": { "level": lock.level } }))?;
        }
        if self.world.conditions != Conditions::default() {
            world.set_conditions(self.world.conditions.clone());
        }
        // Registering is something clients do; a restart must not undo it.
        if world.is_untouched() {
            for namespace in &self.world.unregistered_providers {
                world.set_registered(namespace, false, now);
            }
        }
        Ok(())
    }
}

fn plant(world: &mut World, now: u64, id: &str, version: &str, body: &Value) -> Result<(), SeedError> {
    arm::plant(world, now, id, version, body).map_err(|refused| SeedError::Refused {
        id: id.to_owned(),
        code: refused.code,
        message: refused.message,
    })
}
