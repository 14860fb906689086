//! When an object is ready, and waiting for it.

use futures::FutureExt;
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};
use tokio::time::{Instant, sleep};

use super::apply::{PACE, Work};
use super::put::each;
use super::set::Key;
use super::why;

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    /// Not yet, and how far it is: `1 of 3`.
    Not(String),
    /// It never will be.
    Failed(String),
}

/// Waits until all of these are ready; says which are not.
pub(crate) async fn wait(work: &Work<'_>, keys: &[&Key]) -> Result<(), ProviderError> {
    let mut left: Vec<&Key> = keys.iter().copied().filter(|key| takes_time(key)).collect();
    let mut said = String::new();
    while !left.is_empty() {
        let looks = each(&left, |key| look(work, key).boxed()).await?;
        let mut waiting = Vec::new();
        for (key, readiness) in left.iter().zip(looks) {
            match readiness {
                Readiness::Ready => {}
                Readiness::Not(how) => waiting.push((*key, how)),
                Readiness::Failed(how) => {
                    let message =
                        format!("{} failed: {how}{}", key.words(), why::not_ready(work.wire, key).await);
                    return Err(ProviderError::own("Failed", message, Outcome::Unknown)
                        .advise("Correct the manifest, then apply again: it goes on from here."));
                }
            }
        }
        let Some((first, how)) = waiting.first() else { return Ok(()) };
        if Instant::now() + PACE > work.deadline {
            return Err(too_late(work, &waiting).await);
        }
        let text = match waiting.len() {
            1 => format!("waiting for {}: {how}", first.words()),
            some => format!("waiting for {}: {how}, and {} more", first.words(), some - 1),
        };
        if text != said {
            work.watch.progress(&text);
            said = text;
        }
        left = waiting.into_iter().map(|(key, _)| key).collect();
        sleep(PACE).await;
    }
    Ok(())
}

async fn too_late(work: &Work<'_>, waiting: &[(&Key, String)]) -> ProviderError {
    /// More would not help.
    const EXPLAINED: usize = 3;
    let mut lines = Vec::new();
    for (key, how) in waiting.iter().take(EXPLAINED) {
        lines.push(format!("{} is not ready: {how}{}", key.words(), why::not_ready(work.wire, key).await));
    }
    if let Some(more) = waiting.len().checked_sub(EXPLAINED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more are not ready"));
    }
    ProviderError::own("NotReady", lines.join("\n"), Outcome::Unknown)
        .advise("Everything is applied; nothing was pruned. When the cause is gone, apply again: it goes on from here.")
}

async fn look(work: &Work<'_>, key: &Key) -> Result<Readiness, ProviderError> {
    let Some(path) = work.paths.object(work.wire, key).await? else {
        return Ok(Readiness::Not("its kind is not served".to_owned()));
    };
    Ok(match work.patiently(key, || work.wire.get(&path)).await? {
        Some(object) => readiness(&object),
        None => Readiness::Not("it is not there".to_owned()),
    })
}

fn takes_time(key: &Key) -> bool {
    matches!(
        (key.group(), key.kind.as_str()),
        ("apps", "Deployment" | "DaemonSet" | "StatefulSet")
            | ("batch", "Job")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("apiregistration.k8s.io", "APIService")
    )
}

/// How far this object is.
pub(super) fn readiness(object: &Json) -> Readiness {
    let status = &object["status"];
    let number = |value: &Json| value.as_i64().unwrap_or(0);
    if number(&object["metadata"]["generation"]) > number(&status["observedGeneration"])
        && matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet" | "StatefulSet"))
    {
        return Readiness::Not("its controller has not seen the change yet".to_owned());
    }
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" => deployment(object, replicas),
        "DaemonSet" => {
            let wanted = number(&status["desiredNumberScheduled"]);
            if object["spec"]["updateStrategy"]["type"] != "OnDelete"
                && number(&status["updatedNumberScheduled"]) < wanted
            {
                let updated = number(&status["updatedNumberScheduled"]);
                return Readiness::Not(format!("{updated} of {wanted} pods are of the new version"));
            }
            pods(number(&status["numberAvailable"]), wanted)
        }
        "StatefulSet" => {
            if object["spec"]["updateStrategy"]["type"] != "OnDelete"
                && status["updateRevision"] != status["currentRevision"]
                && number(&status["updatedReplicas"]) < replicas
            {
                let updated = number(&status["updatedReplicas"]);
                return Readiness::Not(format!("{updated} of {replicas} pods are of the new version"));
            }
            pods(number(&status["readyReplicas"]), replicas)
        }
        "Job" => match (condition(object, "Complete"), condition(object, "Failed")) {
            (Some((true, _)), _) => Readiness::Ready,
            (_, Some((true, message))) => Readiness::Failed(message),
            _ => Readiness::Not(format!("{} pods at work", number(&status["active"]))),
        },
        "CustomResourceDefinition" => {
            if let Some((false, message)) = condition(object, "NamesAccepted") {
                return Readiness::Failed(message);
            }
            wants(object, "Established")
        }
        "APIService" => wants(object, "Available"),
        _ => Readiness::Ready,
    }
}

/// A Deployment is ready when all pods are of the new version and as many are available as its own rollout asks for
/// (`maxUnavailable`): a second replica may have no node to run on yet.
fn deployment(object: &Json, replicas: i64) -> Readiness {
    let status = &object["status"];
    let number = |name: &str| status[name].as_i64().unwrap_or(0);
    if let Some((false, message)) = condition(object, "Progressing") {
        return Readiness::Not(message);
    }
    let updated = number("updatedReplicas");
    if updated < replicas {
        return Readiness::Not(format!("{updated} of {replicas} pods are of the new version"));
    }
    if number("replicas") > updated {
        return Readiness::Not(format!(
            "{} pods of the old version are still there",
            number("replicas") - updated
        ));
    }
    let spare = match &object["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] {
        Json::String(percent) => {
            let percent: i64 = percent.trim_end_matches('%').parse().unwrap_or(0);
            replicas * percent / 100
        }
        number => number.as_i64().unwrap_or(0),
    };
    // At least one must run, or waiting means nothing.
    let wanted = (replicas - spare).max(replicas.min(1));
    pods(number("availableReplicas"), wanted)
}

fn pods(there: i64, wanted: i64) -> Readiness {
    match there >= wanted {
        true => Readiness::Ready,
        false => Readiness::Not(format!("{there} of {wanted} pods are ready")),
    }
}

fn wants(object: &Json, ty: &str) -> Readiness {
    match condition(object, ty) {
        Some((true, _)) => Readiness::Ready,
        Some((false, message)) => Readiness::Not(message),
        None => Readiness::Not(format!("not {} yet", ty.to_lowercase())),
    }
}

/// A condition: whether it is true, and what it says. One that is unknown is as if it were not there.
fn condition(object: &Json, ty: &str) -> Option<(bool, String)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == ty)?;
    let holds = match found["status"].as_str()? {
        "True" => true,
        "False" => false,
        _ => return None,
    };
    let text = found["message"].as_str().filter(|text| !text.is_empty()).or(found["reason"].as_str());
    Some((holds, text.unwrap_or("no reason given").to_owned()))
}
