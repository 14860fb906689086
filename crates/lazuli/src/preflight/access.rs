//! Whoever signed in may do exactly what the steps do, and use every object the steps refer to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use lazuli_azure::permissions::{Granted, linked, type_of};
use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::verdict::{Verdict, refusal};
use super::work::{Work, Works, listed, scope_of};

/// What assigning roles needs; few may do it, and how to get it is a story of its own.
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

/// A place where somebody may do something: an account, and the id of a group, subscription or object.
pub type Place = (Arc<str>, String);

/// Permissions as Azure tells them, by place.
pub type Grants = BTreeMap<Place, Result<Granted, ProviderError>>;

/// An action that a step needs.
#[derive(Debug, Clone)]
pub struct Need<'a> {
    /// `Microsoft.Network/virtualNetworks/subnets/join/action`.
    pub action: String,
    /// The object it is needed on.
    pub target: String,
    /// Whether that object exists already, so that rights on it alone are possible.
    pub exists: bool,
    /// Who needs it.
    pub work: &'a Work,
}

impl Need<'_> {
    /// The resource group or subscription where the right is looked for first.
    pub fn group(&self) -> Place {
        (self.work.account.clone(), scope_of(&self.target))
    }

    /// The object itself, where a right may be granted too.
    pub fn object(&self) -> Place {
        (self.work.account.clone(), self.target.clone())
    }
}

/// Every action that the steps need.
pub fn needed(works: &Works) -> Vec<Need<'_>> {
    let made: HashSet<String> =
        works.all.iter().filter(|work| work.creates()).map(|work| work.id.to_ascii_lowercase()).collect();
    // By itself or with what contains it.
    let is_made = |id: &str| {
        let id = id.to_ascii_lowercase();
        made.contains(&id) || id.match_indices('/').any(|(end, _)| made.contains(&id[..end]))
    };
    let mut needs = Vec::new();
    for work in &works.all {
        let verbs: &[&str] = if work.deletes() { &["delete"] } else { &["read", "write"] };
        let extends = scope_of(&work.id);
        // What is made has no rights of its own; its parent may.
        let target = match work.creates() {
            true => parent(&work.id).unwrap_or(extends),
            false => work.id.clone(),
        };
        for verb in verbs {
            let exists = !is_made(&target) && target != scope_of(&target);
            needs.push(Need { action: format!("{}/{verb}", work.ty), target: target.clone(), exists, work });
        }
        let mut seen = BTreeSet::new();
        each_id(&work.body, &mut |id| {
            let own = id.get(..work.id.len()).is_some_and(|head| head.eq_ignore_ascii_case(&work.id));
            if own || !seen.insert(id.to_ascii_lowercase()) {
                return;
            }
            if let Some(action) = type_of(id).and_then(|ty| linked(&work.ty, &ty)) {
                let exists = !is_made(id);
                needs.push(Need { action: action.to_owned(), target: id.to_owned(), exists, work });
            }
        });
    }
    needs
}

/// The needs that the grants so far do not meet.
pub fn missing<'a>(needs: &[Need<'a>], grants: &Grants) -> Vec<Need<'a>> {
    let allowed = |need: &Need<'_>| {
        [need.group(), need.object()].iter().any(|place| match grants.get(place) {
            Some(Ok(granted)) => granted.allows(&need.action),
            _ => false,
        })
    };
    // What cannot be read is not judged.
    let judged = |need: &Need<'_>| matches!(grants.get(&need.group()), Some(Ok(_)));
    needs.iter().filter(|need| judged(need) && !allowed(need)).cloned().collect()
}

/// The needs that are met under a condition only: nobody but Azure can tell whether it holds.
fn conditional<'a>(needs: &[Need<'a>], grants: &Grants) -> Vec<Need<'a>> {
    let met = |need: &Need<'_>, how: fn(&Granted, &str) -> bool| {
        [need.group(), need.object()]
            .iter()
            .any(|place| matches!(grants.get(place), Some(Ok(granted)) if how(granted, &need.action)))
    };
    let is_conditional = |need: &&Need<'_>| met(need, Granted::allows) && !met(need, Granted::allows_always);
    needs.iter().filter(is_conditional).cloned().collect()
}

/// Tells what is allowed under a condition, one warning for each place.
fn tell_conditional(needs: &[Need<'_>], grants: &Grants, verdict: &mut Verdict) {
    let mut by_place: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for need in conditional(needs, grants) {
        by_place.entry(need.group()).or_default().insert(need.action);
    }
    for (place, actions) in by_place {
        verdict.warn(
            "LZ1035",
            format!(
                "could not be checked: {} in {}: the role that allows it has a condition, which only Azure can judge",
                actions.into_iter().collect::<Vec<_>>().join(", "),
                short(&place.1)
            ),
        );
    }
}

/// Every place has its rights; `grants` holds the groups and the objects that were asked about besides.
pub fn check(needs: &[Need<'_>], grants: &Grants, verdict: &mut Verdict) {
    let missing = missing(needs, grants);
    tell_conditional(needs, grants, verdict);
    let mut by_place: BTreeMap<(Place, bool), Vec<&Need<'_>>> = BTreeMap::new();
    for need in &missing {
        let unread = matches!(grants.get(&need.object()), Some(Err(_)));
        if !unread {
            let assigns = need.action.eq_ignore_ascii_case(ASSIGN);
            by_place.entry((need.group(), assigns)).or_default().push(need);
        }
    }
    let groups: BTreeSet<Place> = needs.iter().map(Need::group).collect();
    for place in &groups {
        match grants.get(place) {
            Some(Err(error)) => verdict.unread(format!("permissions in {}", short(&place.1)), error),
            _ if by_place.keys().any(|(there, _)| there == place) => {}
            _ => verdict.pass(),
        }
    }
    for ((place, assigns), needs) in by_place {
        let actions: BTreeSet<&str> = needs.iter().map(|need| need.action.as_str()).collect();
        let works = || needs.iter().map(|need| need.work);
        let scope = short(&place.1);
        if assigns {
            let message = format!("the account may not assign roles in {scope}");
            verdict.refuse(refusal("LZ1034", message, works()).fact("missing", ASSIGN).help(format!(
                "let an Owner or User Access Administrator of {scope} apply, or give the account that role there: \
                 az role assignment create --role \"Role Based Access Control Administrator\" --assignee CLIENT_ID --scope {}",
                place.1
            )));
            continue;
        }
        let targets: BTreeSet<&str> = needs
            .iter()
            .filter(|need| need.exists)
            .map(|need| need.target.rsplit('/').next().unwrap_or_default())
            .collect();
        let on = match targets.is_empty() {
            true => String::new(),
            false => format!(" (on {})", listed(targets)),
        };
        let message = match actions.len() {
            1 => format!("the account lacks a permission in {scope}{on}"),
            number => format!("the account lacks {number} permissions in {scope}{on}"),
        };
        verdict.refuse(
            refusal("LZ1022", message, works())
                .fact("missing", actions.into_iter().collect::<Vec<_>>().join("\n"))
                .help(format!("give the account a role with these actions on {}", place.1)),
        );
    }
}

/// `rg-platform`, or the subscription.
fn short(scope: &str) -> String {
    match scope.split('/').nth(4) {
        Some(group) => format!("the resource group {group}"),
        None => "the subscription".to_owned(),
    }
}

/// The object that contains another, or that it extends.
fn parent(id: &str) -> Option<String> {
    let (head, rest) = id.rsplit_once("/providers/")?;
    let segments: Vec<&str> = rest.split('/').collect();
    match segments.len() {
        0..=2 => None,
        3 => head.contains("/providers/").then(|| head.to_owned()),
        _ => Some(format!("{head}/providers/{}", segments[..segments.len() - 2].join("/"))),
    }
}

/// Every resource id in a body, as a value or as the key of an object.
fn each_id(body: &Json, visit: &mut impl FnMut(&str)) {
    let is_id = |text: &str| text.get(..15).is_some_and(|head| head.eq_ignore_ascii_case("/subscriptions/"));
    match body {
        Json::String(text) if is_id(text) => visit(text),
        Json::Array(items) => items.iter().for_each(|item| each_id(item, visit)),
        Json::Object(entries) => {
            for (key, value) in entries {
                if is_id(key) {
                    visit(key);
                }
                each_id(value, visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_azure::permissions::Grant;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{GROUP, work, works};
    use super::*;

    const SUBNET: &str =
        "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/nodes";

    fn plan() -> Works {
        let nic = json!({"properties": {"ipConfigurations": [{"properties": {"subnet": {"id": SUBNET}}}]}});
        works(
            vec![
                work(Operation::Create, "Microsoft.Network/networkInterfaces", "nic", nic),
                work(Operation::Delete, "Microsoft.Compute/disks", "old", json!({})),
                work(Operation::Create, "Microsoft.Authorization/roleAssignments", "r", json!({})),
            ],
            &[],
        )
    }

    fn granted(actions: &[&str], not: &[&str]) -> Result<Granted, ProviderError> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Ok(Granted(vec![Grant { actions: texts(actions), not_actions: texts(not), condition: None }]))
    }

    #[test]
    fn steps_need_their_verbs_and_what_they_refer_to() {
        let plan = plan();
        let needs = needed(&plan);
        let told: Vec<String> = needs
            .iter()
            .map(|need| format!("{} in {} exists={}", need.action, need.group().1, need.exists))
            .collect();
        assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn rights_are_found_in_the_group_or_on_the_object() {
        let plan = plan();
        let needs = needed(&plan);
        let place = |scope: &str| ("main".into(), scope.to_owned());
        let net = "/subscriptions/s/resourceGroups/net";
        let contributor = || granted(&["*"], &["Microsoft.Authorization/*/Write"]);
        let mut grants: Grants =
            BTreeMap::from([(place(GROUP), contributor()), (place(net), granted(&["*/read"], &[]))]);
        let mut verdict = Verdict::default();
        check(&needs, &grants, &mut verdict);
        assert_snapshot!(told(verdict));

        grants
            .insert(place(SUBNET), granted(&["Microsoft.Network/virtualNetworks/subnets/join/action"], &[]));
        grants.insert(place(GROUP), granted(&["*"], &[]));
        let mut verdict = Verdict::default();
        check(&needs, &grants, &mut verdict);
        assert_snapshot!(told(verdict));
    }

    #[test]
    fn a_right_under_a_condition_is_told() {
        let plan = plan();
        let needs = needed(&plan);
        let groups = needs.iter().map(|need| {
            let mut granted = granted(&["*"], &[]).unwrap();
            granted.0[0].condition =
                Some("((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR x)".into());
            (need.group(), Ok(granted))
        });
        let mut verdict = Verdict::default();
        check(&needs, &groups.collect(), &mut verdict);
        assert_snapshot!(told(verdict));
    }

    #[test]
    fn what_cannot_be_read_is_not_judged() {
        let plan = plan();
        let needs = needed(&plan);
        let error = ProviderError {
            status: Some(403),
            ..ProviderError::own("AuthorizationFailed", "no", lazuli_core::provider::Outcome::Nothing)
        };
        let groups = needs.iter().map(|need| (need.group(), Err(error.clone()))).collect();
        let mut verdict = Verdict::default();
        check(&needs, &groups, &mut verdict);
        assert_snapshot!(told(verdict));
    }

    #[test]
    fn parents_are_what_contains_or_what_is_extended() {
        let vnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/v");
        for (id, expected) in [
            (vnet.clone(), None),
            (format!("{vnet}/subnets/s"), Some(vnet.clone())),
            (format!("{vnet}/providers/Microsoft.Authorization/roleAssignments/r"), Some(vnet.clone())),
            (format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments/r"), None),
        ] {
            assert_eq!(parent(&id), expected, "{id}");
        }
    }
}
