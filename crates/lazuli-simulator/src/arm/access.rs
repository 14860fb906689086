//! Access control: what the seed allows, asked of every request and of everything its body refers to.
//!
//! A world whose seed says nothing allows everything.

use serde_json::Value;

use super::Call;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::request::Method;
use crate::seed::Permission;
use crate::world::World;

/// What a body may refer to only with a right there: the end of the type, and the action.
const LINKED: &[(&str, &str)] = &[
    ("microsoft.network/virtualnetworks/subnets", "join/action"),
    ("microsoft.network/networksecuritygroups", "join/action"),
    ("microsoft.network/routetables", "join/action"),
    ("microsoft.network/natgateways", "join/action"),
    ("microsoft.network/publicipaddresses", "join/action"),
    ("microsoft.network/loadbalancers/backendaddresspools", "join/action"),
    ("microsoft.network/networkinterfaces", "join/action"),
    ("microsoft.managedidentity/userassignedidentities", "assign/action"),
];

/// What holds in a scope: what was given there or above.
pub(super) fn granted<'a>(world: &'a World, scope: &str) -> impl Iterator<Item = &'a Permission> {
    let scope = ids::key(scope);
    world.permissions.iter().filter(move |permission| {
        let given = permission.scope.as_deref().map(ids::key).unwrap_or_default();
        scope == given || scope.starts_with(&format!("{given}/"))
    })
}

/// Refuses what the caller may not do.
pub(super) fn check(world: &World, call: &Call<'_>) -> Result<(), ArmError> {
    if world.permissions.is_empty() {
        return Ok(());
    }
    let path = call.request.path.trim_end_matches('/');
    let Some((action, scope)) = asked(call.request.method, path) else { return Ok(()) };
    if !allows(world, &scope, &action) {
        return Err(ArmError::gateway(
            403,
            "AuthorizationFailed",
            format!(
                "{} does not have authorization to perform action '{action}' over scope '{scope}' or the scope is \
                 invalid. If access was recently granted, please refresh your credentials.",
                client(world)
            ),
        ));
    }
    if !matches!(call.request.method, Method::Put | Method::Patch) {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let own = format!("{}/", ids::key(path));
    let mut texts = Vec::new();
    collect(&body, &mut texts);
    for text in texts.iter().filter(|text| !ids::key(text).starts_with(&own)) {
        let Some(target) = Target::parse(text).filter(Target::is_item) else { continue };
        let kind = target.kind().to_ascii_lowercase();
        let Some((_, verb)) = LINKED.iter().find(|(linked, _)| *linked == kind) else { continue };
        let needed = format!("{}/{verb}", target.kind());
        if !allows(world, text, &needed) {
            return Err(ArmError::gateway(
                403,
                "LinkedAuthorizationFailed",
                format!(
                    "{} has permission to perform action '{action}' on scope '{scope}'; however, it does not have \
                     permission to perform action(s) '{needed}' on the linked scope(s) '{text}' (respectively) or the \
                     linked scope(s) are invalid.",
                    client(world)
                ),
            ));
        }
    }
    Ok(())
}

fn client(world: &World) -> String {
    format!("The client '{}' with object id '{}'", world.credentials().client_id, world.caller())
}

/// The action a request is, and where; `None` for what nobody needs a right for.
fn asked(method: Method, path: &str) -> Option<(String, String)> {
    let verb = match method {
        Method::Get | Method::Head => "read",
        Method::Put | Method::Patch => "write",
        Method::Delete => "delete",
        Method::Post => "action",
    };
    let lower = path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        // Whoever has a right to anything in a subscription may see the subscription.
        ["subscriptions"] | ["subscriptions", _] | ["tenants"] => return None,
        ["subscriptions", _, "providers"] | ["subscriptions", _, "providers", _] => {
            let scope = path.split("/providers").next().unwrap_or_default().to_owned();
            return Some(("Microsoft.Resources/subscriptions/providers/read".to_owned(), scope));
        }
        ["subscriptions", _, "resourcegroups"] | ["subscriptions", _, "resourcegroups", _] => {
            return Some((
                format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"),
                path.to_owned(),
            ));
        }
        // Where an operation is asked about.
        [.., "locations", _, operations, _]
            if operations.ends_with("operations") || operations.ends_with("operationresults") =>
        {
            return None;
        }
        ["subscriptions", _, "operationresults", ..] => return None,
        _ => {}
    }
    let target = Target::parse(path).filter(|target| !target.types.is_empty())?;
    let scope = if target.is_item() { target.id() } else { target.scope.clone() };
    Some((format!("{}/{verb}", target.kind()), scope))
}

fn allows(world: &World, scope: &str, action: &str) -> bool {
    let any = |patterns: &[String]| {
        patterns.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
    };
    granted(world, scope).any(|permission| any(&permission.actions) && !any(&permission.not_actions))
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|text| {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..]))
        }),
    }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            into.push(key.clone());
            collect(value, into);
        }),
        _ => {}
    }
}
