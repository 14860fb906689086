//! Access control: which actions are needed for what, and whether somebody has them.
//!
//! Azure asks for the right to act on an object, and for the right to *use* every object it refers to: who makes a
//! network interface needs `subnets/join/action` on its subnet. Data and pure functions.

use std::collections::BTreeSet;

/// What reference to an object needs on it, of types that have no table: the others say it themselves.
const LINKED: &[(&str, &str)] = &[
    ("Microsoft.Network/loadBalancers/probes", "Microsoft.Network/loadBalancers/probes/join/action"),
    ("Microsoft.Network/ddosProtectionPlans", "Microsoft.Network/ddosProtectionPlans/join/action"),
    (
        "Microsoft.Compute/capacityReservationGroups",
        "Microsoft.Compute/capacityReservationGroups/deploy/action",
    ),
];

/// What a virtual network is referred to for, by the type that refers to it.
const NETWORK_LINKED: &[(&str, &str)] = &[
    (
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "Microsoft.Network/virtualNetworks/join/action",
    ),
    (
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "Microsoft.Network/virtualNetworks/peer/action",
    ),
];

/// The types a cluster's own network is made of, and which a cluster in an existing network does not write.
pub const NETWORK_TYPES: &[&str] = &[
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/routeTables",
    "Microsoft.Network/natGateways",
];

/// What making objects of a type does by the way: a machine's disks come and go with it.
const IMPLIED: &[(&str, &[&str])] = &[(
    "Microsoft.Compute/virtualMachines",
    &["Microsoft.Compute/disks/read", "Microsoft.Compute/disks/write", "Microsoft.Compute/disks/delete"],
)];

/// What a cluster needs where its network exists already: to read it, to join its subnets, and to give the cluster's
/// identity its role there.
pub const EXISTING_NETWORK: &[&str] = &[
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.Network/virtualNetworks/subnets/read",
];

/// What the parts of a cluster's own network need of each other.
pub const OWN_NETWORK: &[&str] = &[
    "Microsoft.Network/natGateways/join/action",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/publicIPAddresses/join/action",
    "Microsoft.Network/routeTables/join/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
];

/// What is read of every resource group before anything is planned.
pub const GROUP_READS: &[&str] = &[
    "Microsoft.Authorization/denyAssignments/read",
    "Microsoft.Authorization/locks/read",
    "Microsoft.Authorization/permissions/read",
    "Microsoft.PolicyInsights/checkPolicyRestrictions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
];

/// What is read of the subscription before anything is planned: quotas, sizes, images, free names, registered providers.
pub const SUBSCRIPTION_READS: &[&str] = &[
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Compute/locations/communityGalleries/images/read",
    "Microsoft.Compute/locations/communityGalleries/images/versions/read",
    "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read",
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Compute/skus/read",
    "Microsoft.Network/locations/checkDnsNameAvailability/read",
    "Microsoft.Network/locations/usages/read",
    "Microsoft.Resources/subscriptions/providers/read",
    "Microsoft.Resources/subscriptions/read",
];

/// What is read of the subscription besides when objects of a type are made.
const TYPE_READS: &[(&str, &str)] =
    &[("Microsoft.Storage/storageAccounts", "Microsoft.Storage/checkNameAvailability/read")];

/// What machines that name a plan of the marketplace need read.
pub const TERMS_READ: &str =
    "Microsoft.MarketplaceOrdering/offertypes/publishers/offers/plans/agreements/read";

/// What is read of the subscription before objects of a type are made, besides [`SUBSCRIPTION_READS`].
pub fn reads_for(ty: &str) -> Option<&'static str> {
    TYPE_READS.iter().find(|(name, _)| name.eq_ignore_ascii_case(ty)).map(|(_, action)| *action)
}

/// The namespaces a subscription must have registered for a cluster.
pub const NAMESPACES: &[&str] = &["Microsoft.Compute", "Microsoft.ManagedIdentity", "Microsoft.Network"];

/// What is needed to make, change and delete objects of a type.
pub fn manage(ty: &str) -> [String; 3] {
    ["read", "write", "delete"].map(|verb| format!("{ty}/{verb}"))
}

/// What making objects of a type does by the way.
pub fn implied(ty: &str) -> &'static [&'static str] {
    IMPLIED.iter().find(|(name, _)| name.eq_ignore_ascii_case(ty)).map_or(&[], |(_, actions)| actions)
}

/// What an object of the type `from` needs on an object of the type `to` it refers to.
pub fn linked(from: &str, to: &str) -> Option<&'static str> {
    let by_use = NETWORK_LINKED.iter().find(|(ty, _)| {
        ty.eq_ignore_ascii_case(from) && to.eq_ignore_ascii_case("Microsoft.Network/virtualNetworks")
    });
    let by_type = || LINKED.iter().find(|(ty, _)| ty.eq_ignore_ascii_case(to)).map(|(_, action)| *action);
    by_use.map(|(_, action)| *action).or(crate::kinds::by_name(to).joined_by).or_else(by_type)
}

/// The type of the object an id names; `None` when it names none.
pub fn type_of(id: &str) -> Option<String> {
    const PROVIDERS: &str = "/providers/";
    let at = id.to_ascii_lowercase().rfind(PROVIDERS)?;
    let rest = id.get(at + PROVIDERS.len()..)?;
    let mut segments = rest.split('/');
    let namespace = segments.next().filter(|namespace| namespace.contains('.'))?;
    let rest: Vec<&str> = segments.collect();
    let (types, names): (Vec<_>, Vec<_>) = rest.iter().enumerate().partition(|(place, _)| place % 2 == 0);
    if types.is_empty() || types.len() != names.len() || names.iter().any(|(_, name)| name.is_empty()) {
        return None;
    }
    Some(types.iter().fold(namespace.to_owned(), |ty, (_, segment)| ty + "/" + segment))
}

/// One grant of an effective permission: what it allows, less what it takes away again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Patterns of actions; `*` stands for anything.
    pub actions: Vec<String>,
    /// Patterns that are taken out of them.
    pub not_actions: Vec<String>,
    /// The condition of the role assignment, in Azure's words.
    pub condition: Option<String>,
}

impl Grant {
    fn allows(&self, action: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, action));
        any(&self.actions) && !any(&self.not_actions)
    }

    /// Whether the condition may be about an action. A condition that lists the actions it is about, without patterns, is
    /// about no others.
    fn is_conditional(&self, action: &str) -> bool {
        self.condition.as_ref().is_some_and(|condition| {
            let condition = condition.to_ascii_lowercase();
            let is_listed = condition.contains("actionmatches") && !condition.contains('*');
            !is_listed || condition.contains(&action.to_ascii_lowercase())
        })
    }
}

/// Everything somebody may do in a scope: any grant is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted(pub Vec<Grant>);

impl Granted {
    /// Whether an action is allowed.
    pub fn allows(&self, action: &str) -> bool {
        self.0.iter().any(|grant| grant.allows(action))
    }

    /// Whether an action is allowed without regard to any condition.
    pub fn allows_always(&self, action: &str) -> bool {
        self.0.iter().any(|grant| grant.allows(action) && !grant.is_conditional(action))
    }

    /// What of `needed` is not allowed.
    pub fn missing<'a>(&self, needed: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        needed.into_iter().filter(|action| !self.allows(action)).cloned().collect()
    }
}

/// Whether an action fits a pattern, whatever the case of both.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_read_as_azure_reads_them() {
        for (pattern, action, expected) in [
            ("*", "Microsoft.Network/virtualNetworks/write", true),
            ("*/read", "Microsoft.Network/virtualNetworks/read", true),
            ("*/read", "Microsoft.Network/virtualNetworks/write", false),
            ("Microsoft.Network/*", "microsoft.network/virtualnetworks/SUBNETS/join/action", true),
            (
                "Microsoft.Network/*/join/action",
                "Microsoft.Network/virtualNetworks/subnets/join/action",
                true,
            ),
            ("Microsoft.Network/*/join/action", "Microsoft.Network/virtualNetworks/subnets/read", false),
            ("Microsoft.Network", "Microsoft.Network/virtualNetworks/read", false),
            ("Microsoft.Network/virtualNetworks/read", "Microsoft.Network/virtualNetworks/read", true),
            ("a*ba", "aba", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn what_one_grant_takes_away_another_may_give() {
        let contributor = Grant {
            actions: vec!["*".into()],
            not_actions: vec![
                "Microsoft.Authorization/*/Delete".into(),
                "Microsoft.Authorization/*/Write".into(),
            ],
            condition: None,
        };
        let write = "Microsoft.Authorization/roleAssignments/write";
        let mut granted = Granted(vec![contributor]);
        assert!(granted.allows("Microsoft.Compute/virtualMachines/write"));
        assert!(granted.allows("Microsoft.Authorization/roleAssignments/read"));
        assert!(!granted.allows(write));
        let needed = [write.to_owned(), "Microsoft.Compute/skus/read".to_owned()];
        assert_eq!(granted.missing(&needed), BTreeSet::from([write.to_owned()]));
        granted.0.push(Grant {
            actions: vec!["Microsoft.Authorization/roleAssignments/*".into()],
            ..Grant::default()
        });
        assert!(granted.allows(write));
        assert!(!Granted::default().allows(write));
    }

    #[test]
    fn a_condition_is_about_the_actions_it_lists_or_about_all() {
        let write = "Microsoft.Authorization/roleAssignments/write";
        let read = "Microsoft.Authorization/roleAssignments/read";
        let listed =
            format!("((!(ActionMatches{{'{write}'}})) OR (@Request[x] ForAnyOfAnyValues:GuidEquals {{y}}))");
        for (condition, expected) in [
            (None, (true, true)),
            (Some(listed), (false, true)),
            (Some("@Resource[x] StringEquals 'y'".to_owned()), (false, false)),
            (Some("((!(ActionMatches{'Microsoft.Authorization/*'})))".to_owned()), (false, false)),
        ] {
            let grant = Grant { actions: vec!["*".into()], condition, ..Grant::default() };
            let granted = Granted(vec![grant]);
            assert!(granted.allows(write) && granted.allows(read));
            assert_eq!((granted.allows_always(write), granted.allows_always(read)), expected, "{granted:?}");
        }
    }

    #[test]
    fn the_type_is_read_from_the_end_of_an_id() {
        let group = "/subscriptions/s/resourceGroups/g";
        for (id, expected) in [
            (
                "/providers/Microsoft.Network/virtualNetworks/v/subnets/s",
                Some("Microsoft.Network/virtualNetworks/subnets"),
            ),
            (
                "/providers/Microsoft.Network/virtualNetworks/v/providers/Microsoft.Authorization/locks/l",
                Some("Microsoft.Authorization/locks"),
            ),
            ("/PROVIDERS/Microsoft.Network/routeTables/R", Some("Microsoft.Network/routeTables")),
            ("", None),
            ("/providers/Microsoft.Network", None),
            ("/providers/Microsoft.Network/virtualNetworks", None),
            ("/providers/text/of/something", None),
        ] {
            assert_eq!(type_of(&format!("{group}{id}")).as_deref(), expected, "{id}");
        }
    }

    #[test]
    fn a_network_is_joined_or_peered_with_by_who_refers_to_it() {
        let network = "Microsoft.Network/virtualNetworks";
        let link = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";
        let peering = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
        assert_eq!(linked(link, network), Some("Microsoft.Network/virtualNetworks/join/action"));
        assert_eq!(linked(peering, network), Some("Microsoft.Network/virtualNetworks/peer/action"));
        assert_eq!(linked("Microsoft.Network/networkInterfaces", network), None);
    }

    #[test]
    fn what_is_joined_says_so_itself_or_has_no_table() {
        let subnet = "Microsoft.Network/virtualNetworks/subnets";
        assert_eq!(
            linked("Microsoft.Network/networkInterfaces", subnet),
            Some("Microsoft.Network/virtualNetworks/subnets/join/action")
        );
        assert!(
            linked("Microsoft.Network/virtualNetworks", "microsoft.network/ddosprotectionplans").is_some()
        );
        for (ty, action) in LINKED {
            assert_eq!(crate::kinds::by_name(ty).name, "", "{ty} has a table: {action} belongs there");
        }
    }

    proptest! {
        /// A pattern made from an action by replacing a piece with a star fits it.
        #[test]
        fn a_star_stands_for_any_piece(action in "[a-c/]{0,12}", from in 0usize..12, to in 0usize..12) {
            let (from, to) = (from.min(to).min(action.len()), from.max(to).min(action.len()));
            let pattern = format!("{}*{}", &action[..from], &action[to..]);
            prop_assert!(fits(&pattern, &action));
            prop_assert!(fits(&action, &action));
        }
    }
}
