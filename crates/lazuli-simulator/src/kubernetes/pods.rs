//! What only pods have: eviction, logs, exec.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::request::Request;

use super::api::{self, Target};
use super::cluster::Cluster;
use super::reply::{Exec, Reply};
use super::status::{Refusal, success};
use super::{deletion, eviction};

fn pod(cluster: &Cluster, target: &Target) -> Result<Arc<Value>, Refusal> {
    let found = cluster.store.get("v1/pods", &target.namespace, &target.name);
    found.cloned().ok_or_else(|| Refusal::not_found(&target.resource, &target.name))
}

/// Evicts a pod, if its disruption budget allows. Only the fields that `Eviction` has are read.
pub(crate) fn evict(
    cluster: &mut Cluster,
    request: &Request,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let body = api::body(request)?;
    let version = body["apiVersion"].as_str().unwrap_or("policy/v1");
    if !matches!(version, "policy/v1" | "policy/v1beta1") {
        return Err(Refusal::bad_request(format!(
            "no kind \"Eviction\" is registered for version \"{version}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        )));
    }
    if let Some(name) = body["metadata"]["name"].as_str()
        && name != target.name
    {
        return Err(Refusal::bad_request("name in URL does not match name in Eviction object"));
    }
    let options = &body["deleteOptions"];
    let pod = pod(cluster, target)?;
    preconditions(target, &pod, options)?;
    let dry_run = api::is_dry_run(request, options)?;
    eviction::ask(&mut cluster.store, &target.resource, &pod, dry_run, now_ms)?;
    if !dry_run {
        let grace = options["gracePeriodSeconds"].as_i64();
        deletion::begin(&mut cluster.store, "v1/pods", &target.namespace, &target.name, grace, now_ms);
    }
    Ok(Reply::json(201, success(Some(201), Value::Null)))
}

/// The conditions under which something may be deleted.
pub(crate) fn preconditions(target: &Target, object: &Value, options: &Value) -> Result<(), Refusal> {
    let metadata = &object["metadata"];
    for (name, label) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let wanted = options["preconditions"][name].as_str();
        let found = metadata[name].as_str().unwrap_or("");
        if let Some(wanted) = wanted
            && wanted != found
        {
            let why = format!(
                "the {label} in the precondition ({wanted}) does not match the {label} in record ({found}). The object \
                 might have been deleted and then recreated"
            );
            return Err(Refusal::conflict(&target.resource, &target.name, &why));
        }
    }
    Ok(())
}

/// The log of a container: simulated containers have little to say.
pub(crate) fn log(cluster: &Cluster, request: &Request, target: &Target) -> Result<Reply, Refusal> {
    let pod = pod(cluster, target)?;
    let container = container(request, target, &pod)?;
    Ok(Reply::text(200, &format!("{container}: simulated, no output\n")))
}

/// Prepares a command in a container.
pub(crate) fn exec(cluster: &Cluster, request: &Request, target: &Target) -> Result<Reply, Refusal> {
    let pod = pod(cluster, target)?;
    let container = container(request, target, &pod)?;
    let argv: Vec<String> =
        request.query.iter().filter(|(name, _)| name == "command").map(|(_, value)| value.clone()).collect();
    if argv.is_empty() {
        return Err(Refusal::bad_request("you must specify at least 1 command for the container"));
    }
    if pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::bad_request(format!("pod {} does not have a host assigned", target.name)));
    }
    let (namespace, pod) = (target.namespace.clone(), target.name.clone());
    Ok(Reply::Exec(Exec { namespace, pod, container, argv }))
}

fn container(request: &Request, target: &Target, pod: &Value) -> Result<String, Refusal> {
    let names: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .collect();
    match request.query("container").filter(|name| !name.is_empty()) {
        Some(name) if names.contains(&name) => Ok(name.to_owned()),
        Some(name) => {
            Err(Refusal::bad_request(format!("container {name} is not valid for pod {}", target.name)))
        }
        None => match names.as_slice() {
            [name] => Ok((*name).to_owned()),
            _ => Err(Refusal::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                target.name,
                names.join(" ")
            ))),
        },
    }
}

/// The outcome of a command, as it is told on the error channel.
pub(crate) fn outcome(exit: i32) -> Value {
    if exit == 0 {
        return json!({ "metadata": {}, "status": "Success" });
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {exit}"),
        "details": { "causes": [{ "reason": "ExitCode", "message": exit.to_string() }] },
    })
}
