//! Deny assignments: what nobody, or not whoever signed in, may do, whatever roles they have.

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::{elements, text, texts};
use crate::arm::Silent;
use crate::permissions::Grant;
use crate::provider::AzureProvider;

const VERSION: &str = "2022-04-01";
/// Stands for everybody in a list of principals.
const EVERYONE: &str = "00000000-0000-0000-0000-000000000000";

/// A deny assignment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DenyAssignment {
    /// Its name.
    pub name: String,
    /// The id of what it is set on, with everything below it unless [`only_there`](Self::only_there).
    pub scope: String,
    /// Whether what lies below its scope is free of it.
    pub only_there: bool,
    /// What is denied: each entry its actions less what it takes out again.
    pub denied: Vec<Grant>,
    /// Whether it holds for whoever signed in; `None` when only their groups could tell.
    pub binds: Option<bool>,
}

impl AzureProvider {
    /// The deny assignments on a resource group, on anything in it, and above it.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn deny_assignments(&self, scope: &str) -> Result<Vec<DenyAssignment>, ProviderError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/denyAssignments");
        let listed = self.arm.list(self.arm.url(&path, VERSION, &[]), &Silent).await?;
        let items = listed.map(|listed| listed.items).unwrap_or_default();
        if items.is_empty() {
            return Ok(Vec::new());
        }
        // The token is there already; it says who asks.
        let own = self.sign_in().await.ok().and_then(|principal| principal.object_id);
        Ok(items.iter().map(|item| read(item, own.as_deref())).collect())
    }
}

fn read(item: &Json, own: Option<&str>) -> DenyAssignment {
    let denied = elements(item, "/properties/permissions").map(|entry| Grant {
        actions: texts(entry, "/actions"),
        not_actions: texts(entry, "/notActions"),
        condition: Some(text(entry, "/condition")).filter(|condition| !condition.is_empty()),
    });
    DenyAssignment {
        name: text(item, "/properties/denyAssignmentName"),
        scope: text(item, "/properties/scope"),
        only_there: item.pointer("/properties/doNotApplyToChildScopes").and_then(Json::as_bool) == Some(true),
        denied: denied.collect(),
        binds: binds(item, own),
    }
}

/// Whether an assignment holds for `own`: it is named and not excepted. Groups are not looked into.
fn binds(item: &Json, own: Option<&str>) -> Option<bool> {
    let holds = |list: &str| {
        let mut unsure = false;
        for principal in elements(item, list) {
            let id = text(principal, "/id");
            if id == EVERYONE || own.is_some_and(|own| own.eq_ignore_ascii_case(&id)) {
                return Some(true);
            }
            unsure |= own.is_none() || text(principal, "/type").eq_ignore_ascii_case("Group");
        }
        (!unsure).then_some(false)
    };
    match (holds("/properties/principals"), holds("/properties/excludePrincipals")) {
        (Some(false), _) | (_, Some(true)) => Some(false),
        (Some(true), Some(false)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everybody_less_the_exceptions_is_bound_and_groups_leave_it_open() {
        let one = |id: &str, ty: &str| json!({ "id": id, "type": ty });
        let everyone = || one(EVERYONE, "SystemDefined");
        for (principals, exceptions, expected) in [
            (vec![everyone()], vec![], Some(true)),
            (vec![everyone()], vec![one("me", "ServicePrincipal")], Some(false)),
            (vec![everyone()], vec![one("other", "ServicePrincipal")], Some(true)),
            (vec![everyone()], vec![one("team", "Group")], None),
            (vec![one("ME", "User")], vec![], Some(true)),
            (vec![one("other", "User")], vec![], Some(false)),
            (vec![one("team", "Group")], vec![], None),
        ] {
            let item = json!({ "properties": { "principals": principals, "excludePrincipals": exceptions } });
            assert_eq!(binds(&item, Some("me")), expected, "{item}");
        }
        let item = json!({ "properties": { "principals": [one("other", "User")] } });
        assert_eq!(binds(&item, None), None, "who asks is not known");
    }
}
