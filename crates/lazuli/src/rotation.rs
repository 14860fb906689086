//! `--replace` of a cluster's keys: they are rotated, step by step.
//!
//! Whoever signs with a key and whoever checks must agree at any moment. So a rotation has three steps, each asked for by
//! a person and each carried through to every node concerned before the next: the next key is trusted, it signs, the old
//! one is trusted no more. A node that replaces another is started with what the step says.

use std::collections::BTreeSet;

use lazuli_cluster::expand::RotatedKey;
use lazuli_cluster::roster::Renewals;
use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::ProviderName;
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};
use lazuli_kubernetes::tls::{CERTIFICATE_AUTHORITIES, ROTATION_STEPS, SERVICE_ACCOUNT_KEYS};

use crate::failure::Failure;

const REFUSED: &str = "LZ1017";
const STEP: &str = "LZ1018";

/// The keys that `--replace` names, with the steps that each is to be rotated in all.
///
/// # Errors
/// When it names a whole cluster, or a key whose last step has not reached every node.
pub fn asked(replace: &BTreeSet<Address>, recorded: &RecordedWorld) -> Result<Renewals, Failure> {
    let mut renewals = Renewals::new();
    for key in recorded.resources.values().filter(|r| r.provider == ProviderName::Tls) {
        let Some(asked) = replace.iter().find(|asked| key.address.is_within(asked)) else { continue };
        let Some((pki, cluster)) = key.address.parent().and_then(|pki| Some((pki.clone(), pki.parent()?)))
        else {
            continue;
        };
        let Some(rotated) = RotatedKey::named(key.id.name()) else { continue };
        let refuse = |about: &Address, message: String, help: &str| {
            Err(Failure::of(Diagnostic::error(REFUSED, message).about(about.clone()).help(help)))
        };
        if !asked.is_within(&pki) {
            return refuse(
                &cluster,
                format!("{cluster} cannot be replaced as a whole"),
                &format!("name nodes, or its keys: --replace {pki}"),
            );
        }
        let nodes = nodes_of(&cluster, rotated, recorded);
        if nodes.is_empty() {
            return refuse(
                &key.address,
                format!("{} cannot be rotated: no node of {cluster} is in the state", key.address),
                "run `lazuli apply` without --replace, which takes them in; then ask again",
            );
        }
        if rotated.on_workers && nodes.iter().any(|node| meets_every_api_server(node)) {
            return refuse(
                &key.address,
                format!(
                    "{} cannot be rotated: before Kubernetes 1.31 the kubelets of control-plane nodes use any API server, \
                     and those of another step would refuse them",
                    key.address
                ),
                "upgrade to Kubernetes 1.31 or newer first",
            );
        }
        let behind: Vec<&&Recorded> =
            nodes.iter().filter(|r| told(r, rotated) != steps(&key.inputs)).collect();
        if let Some(first) = behind.first().and_then(|registration| registration.address.parent()) {
            let more = match behind.len() {
                1 => String::new(),
                number => format!(" (and {} more)", number - 1),
            };
            return refuse(
                &key.address,
                format!(
                    "{} cannot be rotated further: {first}{more} does not know of the last step yet",
                    key.address
                ),
                "run `lazuli apply` without --replace until nothing is left to do, then ask again",
            );
        }
        renewals.insert(key.address.clone(), (steps(&key.inputs) + 1).to_string());
    }
    Ok(renewals)
}

/// The registrations of the nodes that hang on a key.
fn nodes_of<'a>(cluster: &Address, key: &RotatedKey, recorded: &'a RecordedWorld) -> Vec<&'a Recorded> {
    let whose = if key.on_workers { cluster.clone() } else { cluster.child("control_plane") };
    let all = recorded.resources.values().chain(&recorded.deposed);
    all.filter(|r| r.address.is_within(&whose) && r.ty.name.ends_with("/registrations")).collect()
}

/// True for a control-plane node whose kubelet does not keep to the API server beside it. Its certificate may be of the
/// authority that signed before, whoever signs for API servers: that is decided by the controller manager which leads.
fn meets_every_api_server(registration: &Recorded) -> bool {
    let version = registration.inputs.pointer("/properties/configuration/kubernetesVersion");
    let version = version.and_then(Json::as_str).and_then(|text| semver::Version::parse(text).ok());
    let is_worker = registration.inputs.pointer("/properties/role").is_some_and(|role| role == "worker");
    !is_worker && version.is_some_and(|version| (version.major, version.minor) < (1, 31))
}

/// How far a key was rotated when the node of a registration was made.
fn told(registration: &Recorded, key: &RotatedKey) -> i64 {
    let pointer = format!("/properties/configuration/{}", key.member);
    registration.inputs.pointer(&pointer).and_then(Json::as_i64).unwrap_or(0)
}

fn steps(inputs: &Json) -> i64 {
    inputs.pointer("/properties/rotation").and_then(Json::as_i64).unwrap_or(0)
}

/// What a person should know of the step that a plan does.
pub fn warnings(plan: &Plan, recorded: &RecordedWorld) -> Diagnostics {
    let updated = plan.changes.iter().filter(|change| change.action == Action::Update);
    updated
        .filter_map(|change| {
            let is_authority = match &*change.ty.name {
                CERTIFICATE_AUTHORITIES => true,
                SERVICE_ACCOUNT_KEYS => false,
                _ => return None,
            };
            let before = recorded.resources.get(&change.address)?;
            let after = change.after.as_ref()?.get("properties")?.get("rotation")?.as_i64()?;
            if after == steps(&before.inputs) {
                return None;
            }
            let (what, help) = match is_authority {
                true => of_authority(after, &change.address, before),
                false => of_service_account(after, &change.address, before),
            };
            let warning = Diagnostic::warning(STEP, format!("{} is rotated, {what}", change.address));
            Some(warning.about(change.address.clone()).help(help))
        })
        .collect()
}

fn of_service_account(step: i64, key: &Address, before: &Recorded) -> (&'static str, String) {
    let next = format!("lazuli apply --replace {key}");
    match step % ROTATION_STEPS {
        1 => (
            "step 1 of 3: every API server gets to know the next key, the old one goes on signing",
            format!("when this is applied, `{next}` does the next step"),
        ),
        2 => (
            "step 2 of 3: the next key signs, tokens of the old one stay good",
            format!(
                "when this is applied, wait until nobody has tokens of the old key any more: a day for those that \
                 kubelets renew; Secrets of the type service-account-token are to be deleted and made anew. Then `{next}` \
                 does the last step"
            ),
        ),
        _ => (
            "step 3 of 3: tokens of the old key are good no more",
            format!("the new key has been signing since {} at the earliest", before.updated_at),
        ),
    }
}

fn of_authority(step: i64, key: &Address, before: &Recorded) -> (&'static str, String) {
    let next = format!("lazuli apply --replace {key}");
    match step % ROTATION_STEPS {
        1 => (
            "step 1 of 3: every node gets to trust the next authority, the old one goes on signing",
            format!("when this is applied, `{next}` does the next step"),
        ),
        2 => (
            "step 2 of 3: the next authority signs, certificates of the old one stay good",
            format!(
                "when this is applied, give new kubeconfigs and certificates to those who have old ones; then `{next}` \
                 does the last step"
            ),
        ),
        _ => (
            "step 3 of 3: certificates of the old authority are good no more",
            format!(
                "the new one has been signing since {} at the earliest; kubeconfigs from before are refused from now on",
                before.updated_at
            ),
        ),
    }
}
