//! Saved plans: one sealed file with everything an apply needs, and nothing readable in it but which state it is for.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use lazuli_cluster::roster::Renewals;
use lazuli_core::plan::Plan;
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::ResourceId;
use lazuli_core::{Diagnostic, Json};
use lazuli_state::file::write_atomic;
use lazuli_state::seal::{self, Context};
use lazuli_state::{KeySources, Sealer, StateError};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::project::Inputs;

const WHAT: &str = "plan";
const FORMAT_VERSION: u32 = 1;

/// What a saved plan holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The plan.
    pub plan: Plan,
    /// The configuration it was made from, with variables and files.
    pub inputs: Inputs,
    /// Nodes that are made anew.
    pub renewals: Renewals,
    /// What the controllers of clusters that go made in Azure.
    #[serde(default)]
    pub claims: Vec<Recorded>,
    /// The subscription that each cloud account led to. Where an account leads is not said by the configuration alone: the
    /// registry and the environment have a say.
    #[serde(default)]
    pub subscriptions: BTreeMap<String, String>,
    /// How `check` blocks stood, in Terraform's shape.
    #[serde(default)]
    pub checks: Vec<Json>,
    /// What identifies its clusters, by their addresses.
    #[serde(default)]
    pub clusters: BTreeMap<String, Vec<String>>,
    /// The cloud accounts that are simulated.
    #[serde(default)]
    pub simulated: Vec<String>,
    /// What real time is to the plan's expectations.
    #[serde(default = "real_time")]
    pub time_factor: f64,
    /// What existed when it was made.
    #[serde(with = "pairs")]
    pub observed: HashMap<ResourceId, Json>,
}

fn real_time() -> f64 {
    1.0
}

/// Ids are no JSON keys: written as pairs, in order.
mod pairs {
    use std::collections::HashMap;

    use lazuli_core::Json;
    use lazuli_core::resource::ResourceId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &HashMap<ResourceId, Json>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut pairs: Vec<(&ResourceId, &Json)> = map.iter().collect();
        pairs.sort_by_key(|(id, _)| id.as_str().to_lowercase());
        pairs.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HashMap<ResourceId, Json>, D::Error> {
        Ok(Vec::<(ResourceId, Json)>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl SavedPlan {
    /// Writes it, sealed, mode 0600.
    ///
    /// # Errors
    /// When there is no key or the file cannot be written.
    pub fn save(&self, path: &Path, sealer: &Sealer) -> Result<(), Failure> {
        SavedPlan::may_replace(path)?;
        let plain = serde_json::to_vec(self).map_err(|error| unusable(path, &error))?;
        let context = Context {
            what: WHAT.to_owned(),
            format_version: FORMAT_VERSION,
            lineage: self.plan.lineage.clone(),
            serial: self.plan.serial,
        };
        write_atomic(path, &sealer.seal(&plain, &context)?)?;
        Ok(())
    }

    /// Refuses a path at which something else than a saved plan lies: a slip must not cost a configuration or a state.
    ///
    /// # Errors
    /// When something else is there.
    pub fn may_replace(path: &Path) -> Result<(), Failure> {
        match std::fs::read(path) {
            Ok(bytes) if !SavedPlan::is_one(&bytes) => {
                let message =
                    format!("{} exists and is no saved plan, so it is not replaced", path.display());
                Err(Failure::of(
                    Diagnostic::error("LZ3010", message).help("give --out another name, such as lazuli.plan"),
                ))
            }
            _ if path.is_dir() => {
                let message = format!("{} is a directory, so no plan can be saved there", path.display());
                Err(Failure::of(
                    Diagnostic::error("LZ3010", message).help("name a file in it, such as lazuli.plan"),
                ))
            }
            _ if path.parent().is_some_and(|above| !above.as_os_str().is_empty() && !above.is_dir()) => {
                let message =
                    format!("the plan cannot be saved as {}: there is no such directory", path.display());
                Err(Failure::of(
                    Diagnostic::error("LZ3010", message).help("make it first, or give --out another name"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// True when a file is a saved plan.
    pub fn is_one(bytes: &[u8]) -> bool {
        seal::peek(bytes).is_some_and(|(context, _)| context.what == WHAT)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the file is no saved plan, is damaged, or the key is missing or wrong.
    pub fn load(path: &Path, keys: &KeySources) -> Result<SavedPlan, Failure> {
        let bytes = std::fs::read(path).map_err(|error| unusable(path, &error))?;
        let Some((context, _)) = seal::peek(&bytes).filter(|(context, _)| context.what == WHAT) else {
            let problem = Diagnostic::error("LZ3010", format!("{} is not a saved plan", path.display()));
            return Err(Failure::of(problem.help("`lazuli plan --out FILE` makes one")));
        };
        if context.format_version > FORMAT_VERSION {
            let problem = Diagnostic::error(
                "LZ3010",
                format!("{} was saved by a newer version of Lazuli", path.display()),
            );
            return Err(Failure::of(problem.help("apply it with that version, or plan again")));
        }
        let (_, plain) = seal::open(&bytes, keys).map_err(|error| of_key(path, error))?;
        serde_json::from_slice(&plain).map_err(|error| unusable(path, &error))
    }
}

/// A key that does not fit is said of the plan, and what may have happened to it.
fn of_key(path: &Path, error: StateError) -> Failure {
    if !matches!(error, StateError::WrongKey { .. } | StateError::KeyMissing { .. }) {
        return error.into();
    }
    let message = format!("the saved plan {} cannot be opened: {error}", path.display());
    Failure::of(Diagnostic::error(error.code(), message).help(
        "plan again when the key was changed since (`lazuli state rekey`); otherwise give the key it was saved with",
    ))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::of(Diagnostic::error(
        "LZ3010",
        format!("the saved plan {} cannot be used: {error}", path.display()),
    ))
}
