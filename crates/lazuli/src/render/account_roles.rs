//! Roles as `az role definition create` takes them, and what somebody is missing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lazuli_core::Json;
use serde_json::json;

use super::layout::{clean, count};
use super::style::{ADD, ALERT, FAINT, paint};
use crate::roles::Role;

/// What comparing a role with what somebody may do gave.
#[derive(Debug)]
pub struct Compared {
    /// The role.
    pub role: Role,
    /// The actions that are missing; or why that cannot be told.
    pub missing: Result<BTreeSet<String>, String>,
}

impl Compared {
    /// Whether nothing is missing.
    pub fn is_enough(&self) -> bool {
        self.missing.as_ref().is_ok_and(BTreeSet::is_empty)
    }
}

/// A role definition.
pub fn definition(role: &Role) -> Json {
    // Names of roles are unique in a tenant, which may have several subscriptions.
    let subscription = role.scope.split('/').nth(2).unwrap_or_default();
    let short = subscription.get(..8).unwrap_or(subscription);
    let description = match role.only_reads {
        true => "What Lazuli reads of the subscription before it plans: quotas, sizes, registered providers."
            .to_owned(),
        false => format!("What Lazuli needs on {} to plan, apply and destroy one configuration.", role.scope),
    };
    json!({
        "Name": format!("Lazuli {} ({short})", role.name),
        "IsCustom": true,
        "Description": description,
        "Actions": role.actions,
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": [role.scope],
    })
}

/// The definitions that are printed: one as it is, several as a list.
pub fn definitions(roles: &[&Role]) -> Json {
    match roles {
        [one] => definition(one),
        several => several.iter().map(|role| definition(role)).collect(),
    }
}

/// All roles with where they belong, for machines.
pub fn document(roles: &[Role]) -> Json {
    let one = |role: &Role| {
        json!({
            "role": role.name, "cloud_account": role.account, "scope": role.scope, "only_reads": role.only_reads,
            "definition": definition(role),
        })
    };
    json!({ "roles": roles.iter().map(one).collect::<Vec<_>>() })
}

/// How to go on with what was printed.
pub fn advice(roles: &[Role], printed: &[&Role]) -> String {
    let mut text = String::new();
    let others: Vec<&Role> = roles.iter().filter(|role| !printed.iter().any(|p| p == role)).collect();
    if printed.len() > 1 {
        text += "These are several roles; `az role definition create` takes one at a time: --role NAME prints one, --out DIR writes each into a file.\n";
    }
    for role in printed {
        let _ = writeln!(text, "{}: create it, then assign it with --scope {}", role.name, role.scope);
    }
    for role in others {
        let why = match role.only_reads {
            true => "which preflight reads",
            false => "which the configuration needs as well",
        };
        let _ = writeln!(text, "Not printed is the role on {}, {why}: --role '{}'", role.scope, role.name);
    }
    text
}

/// What somebody is missing, for people.
pub fn compared(compared: &[Compared], who: &str) -> String {
    let mut text = String::new();
    for one in compared {
        let scope = &one.role.scope;
        let _ = match &one.missing {
            Ok(missing) if missing.is_empty() => writeln!(
                text,
                "{} {scope}   {} allowed",
                paint(ADD, "ok"),
                count(one.role.actions.len(), "action")
            ),
            Ok(missing) => {
                let needed = count(one.role.actions.len(), "action");
                let _ =
                    writeln!(text, "{} {scope}   {} of {needed} missing", paint(ALERT, "x "), missing.len());
                missing.iter().try_for_each(|action| writeln!(text, "     {action}"))
            }
            Err(why) => writeln!(text, "{} {scope}   {}", paint(ALERT, "x "), clean(why)),
        };
    }
    let end = match compared.iter().all(Compared::is_enough) {
        true => format!("{who} may do everything that this configuration needs.\n"),
        false => {
            let hint = "Create the roles and assign them: lazuli account permissions --out DIR writes them.";
            format!("{who} may not do everything that this configuration needs.\n{}\n", paint(FAINT, hint))
        }
    };
    text + &end
}

/// The same for machines.
pub fn compared_json(compared: &[Compared]) -> Json {
    let one = |one: &Compared| {
        json!({
            "role": one.role.name, "cloud_account": one.role.account, "scope": one.role.scope,
            "only_reads": one.role.only_reads, "needed": one.role.actions,
            "missing": one.missing.as_ref().ok(), "error": one.missing.as_ref().err(),
        })
    };
    json!({ "sufficient": compared.iter().all(Compared::is_enough), "roles": compared.iter().map(one).collect::<Vec<_>>() })
}
