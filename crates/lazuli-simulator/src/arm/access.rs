//! Access control: what a request needs, what a write needs of the objects it refers to, and who has it.

use serde_json::{Value, json};

use super::Call;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::request::{Method, Request};
use crate::world::{Denial, Grant, World};

/// What referring to an object of a type needs on that object.
const LINKED: &[(&str, &str)] = &[
    ("Microsoft.Network/virtualNetworks/subnets", "join/action"),
    ("Microsoft.Network/networkSecurityGroups", "join/action"),
    ("Microsoft.Network/routeTables", "join/action"),
    ("Microsoft.Network/natGateways", "join/action"),
    ("Microsoft.Network/publicIPAddresses", "join/action"),
    ("Microsoft.Network/loadBalancers/backendAddressPools", "join/action"),
    ("Microsoft.Network/loadBalancers/inboundNatRules", "join/action"),
    ("Microsoft.Network/networkInterfaces", "join/action"),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "assign/action"),
];

/// The permissions that hold in a scope, as `Microsoft.Authorization/permissions` lists them.
pub(super) fn effective(world: &World, scope: &str) -> Vec<Value> {
    let show = |grant: &Grant| {
        let mut shown = json!({
            "actions": grant.actions, "notActions": grant.not_actions, "dataActions": [], "notDataActions": [],
        });
        if let Some(condition) = &grant.condition {
            shown["condition"] = json!(condition);
            shown["conditionVersion"] = json!("2.0");
        }
        shown
    };
    if world.conditions.grants.is_empty() {
        return vec![show(&Grant { actions: vec!["*".to_owned()], ..Grant::default() })];
    }
    at(world, scope).map(show).collect()
}

fn at<'a>(world: &'a World, scope: &str) -> impl Iterator<Item = &'a Grant> + use<'a> {
    let scope = ids::key(scope);
    let subscription = world.subscription_id();
    world.conditions.grants.iter().filter(move |grant| {
        let above = ids::key(grant.scope.as_deref().unwrap_or(&subscription));
        scope == above || scope.starts_with(&format!("{above}/"))
    })
}

/// The deny assignments that hold in a scope.
pub(super) fn denials<'a>(world: &'a World, scope: &str) -> impl Iterator<Item = &'a Denial> + use<'a> {
    let scope = ids::key(scope);
    let subscription = world.subscription_id();
    world.conditions.denials.iter().filter(move |denial| {
        let above = ids::key(denial.scope.as_deref().unwrap_or(&subscription));
        scope == above || scope.starts_with(&format!("{above}/"))
    })
}

/// The deny assignment that forbids an action in a scope.
fn denied<'a>(world: &'a World, scope: &str, action: &str) -> Option<&'a Denial> {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, action));
    denials(world, scope).find(|denial| any(&denial.actions) && !any(&denial.not_actions))
}

/// The id of a deny assignment.
pub(super) fn denial_id(world: &World, denial: &Denial) -> String {
    let subscription = world.subscription_id();
    let scope = denial.scope.as_deref().unwrap_or(&subscription);
    let guid = crate::random::guid_of(&["deny assignment", scope, &denial.name]);
    format!("{scope}/providers/Microsoft.Authorization/denyAssignments/{guid}")
}

fn allows(world: &World, scope: &str, action: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, action));
    world.conditions.grants.is_empty()
        || at(world, scope).any(|grant| any(&grant.actions) && !any(&grant.not_actions))
}

/// `*` stands for anything; the case does not matter.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(found) = rest.find(part) else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

/// What a request needs, and on what: for access control and for the activity log.
pub(super) fn action_of(world: &World, request: &Request) -> Option<(String, String)> {
    let lower = request.path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|segment| !segment.is_empty()).collect();
    let verb = verb_of(request.method);
    let subscription = world.subscription_id();
    match segments.as_slice() {
        ["subscriptions", _, "providers", namespace, verb @ ("register" | "unregister")] => {
            Some((format!("{namespace}/{verb}/action"), subscription))
        }
        ["subscriptions", _, "resourcegroups", _, rest @ ..] if !rest.contains(&"providers") => {
            let group = ids::group_of(&request.path)?;
            Some((
                format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"),
                format!("{subscription}/resourceGroups/{group}"),
            ))
        }
        ["subscriptions", ..] => {
            let target = Target::parse(&request.path).filter(|target| !target.types.is_empty())?;
            let row = crate::catalog::find(&target.kind());
            let kind = if row.name.is_empty() { target.kind() } else { row.name.to_owned() };
            let lower = kind.to_ascii_lowercase();
            let asks =
                lower.ends_with("/checknameavailability") || lower.ends_with("/checkpolicyrestrictions");
            let mut item = target.clone();
            item.types.truncate(target.names.len());
            let scope = if item.names.is_empty() { target.scope } else { item.id() };
            Some((format!("{kind}/{}", if asks { "read" } else { verb }), scope))
        }
        _ => None,
    }
}

fn verb_of(method: Method) -> &'static str {
    match method {
        Method::Get | Method::Head => "read",
        Method::Put | Method::Patch => "write",
        Method::Delete => "delete",
        Method::Post => "action",
    }
}

/// The service principal may make this request. What everybody with any role may read is not looked at.
pub(super) fn check(world: &World, call: &Call<'_>, segments: &[&str]) -> Result<(), ArmError> {
    if world.conditions.grants.is_empty() && world.conditions.denials.is_empty() {
        return Ok(());
    }
    let verb = verb_of(call.request.method);
    let subscription = world.subscription_id();
    let (action, scope) = match segments {
        ["subscriptions"] | ["subscriptions", _] | ["tenants"] => return Ok(()),
        ["subscriptions", _, "providers", _, ..] if segments.len() <= 5 => match segments.get(4) {
            Some(&"register") => (format!("{}/register/action", segments[3]), subscription),
            Some(_) => return of_target(world, call, verb),
            None => ("Microsoft.Resources/subscriptions/providers/read".to_owned(), subscription),
        },
        ["subscriptions", _, "resourcegroups", group, rest @ ..] if !rest.contains(&"providers") => (
            format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"),
            format!("{subscription}/resourceGroups/{group}"),
        ),
        ["subscriptions", _, rest @ ..] if !rest.contains(&"providers") => return Ok(()),
        _ => return of_target(world, call, verb),
    };
    permit(world, &action, &scope)
}

fn of_target(world: &World, call: &Call<'_>, verb: &str) -> Result<(), ArmError> {
    let Some(target) = Target::parse(&call.request.path).filter(|target| !target.types.is_empty()) else {
        return Ok(());
    };
    let kind = target.kind();
    let lower = kind.to_ascii_lowercase();
    // Watching an operation needs no more than having begun it.
    if lower.contains("/locations/operation") {
        return Ok(());
    }
    let verb = if lower.ends_with("/checknameavailability") { "read" } else { verb };
    let mut item = target.clone();
    item.types.truncate(target.names.len());
    let scope = if item.names.is_empty() || lower.contains("/locations/") { target.scope } else { item.id() };
    permit(world, &format!("{kind}/{verb}"), &scope)
}

pub(super) fn permit(world: &World, action: &str, scope: &str) -> Result<(), ArmError> {
    if let Some(denial) = denied(world, scope, action) {
        return Err(ArmError::gateway(
            403,
            "DenyAssignmentAuthorizationFailed",
            format!(
                "The client '{}' with object id '{}' has permission to perform action '{action}' on scope '{scope}'; however, the access is denied because of the deny assignment with name '{}' and Id '{}' at scope '{}'.",
                world.identity.client_id,
                world.caller(),
                denial.name,
                ids::last(&denial_id(world, denial)).replace('-', ""),
                denial.scope.as_deref().unwrap_or(&world.subscription_id())
            ),
        ));
    }
    if allows(world, scope, action) {
        return Ok(());
    }
    let (client, object) = (&world.identity.client_id, world.caller());
    Err(ArmError::gateway(
        403,
        "AuthorizationFailed",
        format!(
            "The client '{client}' with object id '{object}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
        ),
    ))
}

/// The service principal may use everything that a body refers to.
pub(super) fn linked(world: &World, kind: &str, id: &str, body: &Value) -> Result<(), ArmError> {
    if world.conditions.grants.is_empty() && world.conditions.denials.is_empty() {
        return Ok(());
    }
    let mut missing: Vec<(String, String)> = Vec::new();
    each_id(body, &mut |target| {
        let own = ids::key(target).starts_with(&format!("{}/", ids::key(id)));
        let Some(parsed) = Target::parse(target).filter(|parsed| !own && parsed.is_item()) else { return };
        let to = parsed.kind();
        if let Some((ty, verb)) = LINKED.iter().find(|(ty, _)| ty.eq_ignore_ascii_case(&to)) {
            let action = format!("{ty}/{verb}");
            let may = allows(world, target, &action) && denied(world, target, &action).is_none();
            if !may && !missing.iter().any(|(_, scope)| scope == target) {
                missing.push((action, target.to_owned()));
            }
        }
    });
    if missing.is_empty() {
        return Ok(());
    }
    let (actions, scopes): (Vec<String>, Vec<String>) = missing.into_iter().unzip();
    Err(ArmError::gateway(
        403,
        "LinkedAuthorizationFailed",
        format!(
            "The client '{}' with object id '{}' has permission to perform action '{kind}/write' on scope '{id}'; however, it does not have permission to perform action(s) '{}' on the linked scope(s) '{}' (respectively) or the linked scope(s) are invalid.",
            world.identity.client_id,
            world.caller(),
            actions.join("','"),
            scopes.join("','")
        ),
    ))
}

/// Every id in a body, as a value or as the key of an object.
fn each_id(body: &Value, visit: &mut impl FnMut(&str)) {
    match body {
        Value::String(text) if ids::key(text).starts_with("/subscriptions/") => visit(text),
        Value::Array(items) => items.iter().for_each(|item| each_id(item, visit)),
        Value::Object(entries) => {
            for (key, value) in entries {
                if ids::key(key).starts_with("/subscriptions/") {
                    visit(key);
                }
                each_id(value, visit);
            }
        }
        _ => {}
    }
}
