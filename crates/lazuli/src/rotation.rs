//! `--replace` of a cluster's keys: that of service accounts is rotated, step by step; authorities stay.
//!
//! All API servers must agree at any moment on whose tokens are good. So a rotation has three steps, each asked for by a
//! person and each carried through to every control-plane node before the next: the next key is trusted, it signs, the
//! old one is trusted no more. A node that replaces another is started with what the step says.

use std::collections::BTreeSet;

use lazuli_cluster::expand::ROTATION;
use lazuli_cluster::roster::Renewals;
use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::ProviderName;
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};
use lazuli_kubernetes::tls::{ROTATION_STEPS, SERVICE_ACCOUNT_KEYS};

use crate::failure::Failure;

const REFUSED: &str = "LZ1017";
const STEP: &str = "LZ1018";

/// The service account keys that `--replace` names, with the steps that each is to be rotated in all.
///
/// # Errors
/// When it names an authority, or a key whose last step has not reached every API server.
pub fn asked(replace: &BTreeSet<Address>, recorded: &RecordedWorld) -> Result<Renewals, Failure> {
    let keys = recorded.resources.values().filter(|r| r.provider == ProviderName::Tls);
    let asked: Vec<&Recorded> =
        keys.filter(|key| replace.iter().any(|asked| key.address.is_within(asked))).collect();
    if let Some(key) = asked.iter().find(|key| &*key.ty.name != SERVICE_ACCOUNT_KEYS) {
        let message = format!(
            "{} cannot be replaced: every node and client of the cluster trusts it and no other",
            key.address
        );
        let problem = Diagnostic::error(REFUSED, message).about(key.address.clone());
        return Err(Failure::of(problem.help("make a new cluster beside it and move what runs there")));
    }
    for key in &asked {
        let behind = behind(key, recorded);
        if let Some(first) = behind.first() {
            let more = match behind.len() {
                1 => String::new(),
                number => format!(" (and {} more)", number - 1),
            };
            let message = format!(
                "{} cannot be rotated further: {first}{more} does not know of the last step yet",
                key.address
            );
            let problem = Diagnostic::error(REFUSED, message).about(key.address.clone());
            return Err(Failure::of(
                problem
                    .help("run `lazuli apply` without --replace until nothing is left to do, then ask again"),
            ));
        }
    }
    let next = |key: &Recorded| (key.address.clone(), (steps(&key.inputs) + 1).to_string());
    Ok(asked.into_iter().map(next).collect())
}

/// The control-plane nodes that were made before the last step of a key.
fn behind(key: &Recorded, recorded: &RecordedWorld) -> Vec<Address> {
    let Some(cluster) = key.address.parent().and_then(|pki| pki.parent()) else { return Vec::new() };
    let steps = steps(&key.inputs);
    let control_plane = cluster.child("control_plane");
    let registrations = recorded
        .resources
        .values()
        .chain(&recorded.deposed)
        .filter(|r| r.address.is_within(&control_plane) && r.ty.name.ends_with("/registrations"));
    let told = |registration: &Recorded| {
        let pointer = format!("/properties/configuration/{ROTATION}");
        registration.inputs.pointer(&pointer).and_then(Json::as_i64).unwrap_or(0)
    };
    registrations.filter(|r| told(r) != steps).filter_map(|r| r.address.parent()).collect()
}

fn steps(inputs: &Json) -> i64 {
    inputs.pointer("/properties/rotation").and_then(Json::as_i64).unwrap_or(0)
}

/// What a person should know of the step that a plan does.
pub fn warnings(plan: &Plan, recorded: &RecordedWorld) -> Diagnostics {
    let updated = plan.changes.iter().filter(|change| change.action == Action::Update);
    let keys = updated.filter(|change| &*change.ty.name == SERVICE_ACCOUNT_KEYS);
    keys.filter_map(|change| {
        let before = recorded.resources.get(&change.address)?;
        let after = change.after.as_ref()?.get("properties")?.get("rotation")?.as_i64()?;
        if after == steps(&before.inputs) {
            return None;
        }
        let next = format!("lazuli apply --replace {}", change.address);
        let (what, help) = match after % ROTATION_STEPS {
            1 => (
                "step 1 of 3: every API server gets to know the next key, the old one goes on signing".to_owned(),
                format!("when this is applied, `{next}` does the next step"),
            ),
            2 => (
                "step 2 of 3: the next key signs, tokens of the old one stay good".to_owned(),
                format!(
                    "when this is applied, wait until nobody has tokens of the old key any more: a day for those that \
                     kubelets renew; Secrets of the type service-account-token are to be deleted and made anew. Then `{next}` \
                     does the last step"
                ),
            ),
            _ => (
                "step 3 of 3: tokens of the old key are good no more".to_owned(),
                format!("the new key has been signing since {} at the earliest", before.updated_at),
            ),
        };
        let warning = Diagnostic::warning(STEP, format!("{} is rotated, {what}", change.address));
        Some(warning.about(change.address.clone()).help(help))
    })
    .collect()
}
