//! The least-privilege roles a configuration needs: what its resources are, and what they refer to, as actions of access
//! control in the resource groups concerned. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_azure::permissions::{
    EXISTING_NETWORK, GROUP_READS, NETWORK_TYPES, OWN_NETWORK, SUBSCRIPTION_READS, TERMS_READ, implied,
    linked, manage, reads_for, type_of,
};
use lazuli_core::resource::{Declaration, Desired, Mode, ProviderName};
use lazuli_core::{Address, Value};

/// What somebody must be allowed in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What to call it: the resource group's name, or `subscription`.
    pub name: String,
    /// The account whose credentials are meant.
    pub account: Arc<str>,
    /// The id of the resource group or subscription.
    pub scope: String,
    /// The actions, sorted.
    pub actions: BTreeSet<String>,
    /// Whether only preflight wants it.
    pub only_reads: bool,
}

/// A cluster, as far as its network's place is concerned.
#[derive(Debug, Clone)]
pub struct Home {
    /// The cluster.
    pub cluster: Address,
    /// The id of its resource group.
    pub group: String,
    /// Whether its network exists already.
    pub is_static: bool,
}

/// Where the networks of clusters are to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As the configuration says.
    AsWritten,
    /// Made with the cluster.
    Dynamic,
    /// There before; the name of its resource group, when that is another one.
    Static(Option<String>),
}

/// The roles of a configuration: one for each resource group, sorted, those of clusters first; then one for each
/// subscription, for what preflight reads there.
pub fn roles(resources: &[(&Declaration, &Desired)], homes: &[Home], place: &Place) -> Vec<Role> {
    let mut needs = Needs::default();
    for (declaration, desired) in
        resources.iter().filter(|(_, desired)| desired.provider == ProviderName::Azure)
    {
        let home = homes.iter().find(|home| declaration.address.is_within(&home.cluster));
        match (home, place) {
            (Some(home), Place::Static(network)) if !home.is_static => {
                needs.as_static(declaration, desired, home, network.as_deref());
            }
            (Some(home), Place::Dynamic) if home.is_static => needs.as_dynamic(declaration, desired, home),
            _ => needs.as_written(declaration, desired),
        }
    }
    let mut roles = needs.roles(homes);
    for role in roles.iter_mut().filter(|role| role.only_reads) {
        let ours = resources.iter().map(|(declaration, desired)| (declaration.mode, *desired));
        let made = ours.filter(|(mode, desired)| *mode == Mode::Managed && desired.account == role.account);
        role.actions.extend(made.flat_map(|(_, desired)| besides(desired)).map(str::to_owned));
    }
    roles
}

/// What preflight reads of the subscription besides, because of this object.
fn besides(desired: &Desired) -> impl Iterator<Item = &'static str> {
    let is_machine = desired.ty.name.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines");
    let names_a_plan = is_machine && desired.body.get("plan").is_some();
    let terms = names_a_plan.then_some(TERMS_READ);
    reads_for(&desired.ty.name).into_iter().chain(terms)
}

/// Actions by account and scope; scopes compare without regard to case.
#[derive(Debug, Default)]
struct Needs(BTreeMap<(Arc<str>, String), (String, BTreeSet<String>)>);

impl Needs {
    fn add(&mut self, account: &Arc<str>, scope: &str, actions: impl IntoIterator<Item = impl Into<String>>) {
        let key = (account.clone(), scope.to_lowercase());
        let (_, set) = self.0.entry(key).or_insert_with(|| (scope.to_owned(), BTreeSet::new()));
        set.extend(actions.into_iter().map(Into::into));
    }

    fn as_written(&mut self, declaration: &Declaration, desired: &Desired) {
        let Some(id) = &desired.id else { return };
        if let Some(scope) = scope_of(id.as_str()) {
            self.add(&desired.account, &scope, own(declaration.mode, &desired.ty.name));
        }
        for (to, action) in links(desired) {
            if let Some(scope) = scope_of(&to) {
                self.add(&desired.account, &scope, [action]);
            }
        }
    }

    /// A part of a cluster whose network is to be there before.
    fn as_static(
        &mut self,
        declaration: &Declaration,
        desired: &Desired,
        home: &Home,
        network: Option<&str>,
    ) {
        let is_network = |ty: &str| NETWORK_TYPES.iter().any(|network| network.eq_ignore_ascii_case(ty));
        let there = match (network, home.group.rsplit_once('/')) {
            (Some(name), Some((groups, _))) => format!("{groups}/{name}"),
            _ => home.group.clone(),
        };
        self.add(&desired.account, &there, EXISTING_NETWORK.iter().copied());
        if is_network(&desired.ty.name) {
            return;
        }
        self.add(&desired.account, &home.group, own(declaration.mode, &desired.ty.name));
        let links =
            links(desired).into_iter().filter(|(to, _)| !type_of(to).is_some_and(|ty| is_network(&ty)));
        self.add(&desired.account, &home.group, links.map(|(_, action)| action));
    }

    /// A part of a cluster whose network is to be made with it.
    fn as_dynamic(&mut self, declaration: &Declaration, desired: &Desired, home: &Home) {
        let network = NETWORK_TYPES.iter().flat_map(|ty| manage(ty));
        let network = network.chain(OWN_NETWORK.iter().map(|action| (*action).to_owned()));
        self.add(&desired.account, &home.group, network);
        if declaration.mode == Mode::Managed {
            self.add(&desired.account, &home.group, own(declaration.mode, &desired.ty.name));
            self.add(&desired.account, &home.group, links(desired).into_iter().map(|(_, action)| action));
        }
    }

    fn roles(self, homes: &[Home]) -> Vec<Role> {
        let of_cluster = |scope: &str| homes.iter().any(|home| home.group.eq_ignore_ascii_case(scope));
        let mut subscriptions = BTreeMap::new();
        let mut roles: Vec<Role> = Vec::new();
        for ((account, _), (scope, mut actions)) in self.0 {
            let is_group = scope.contains("/resourceGroups/");
            if let Some(subscription) = scope.split('/').nth(2).map(|id| format!("/subscriptions/{id}")) {
                subscriptions.insert((account.clone(), subscription.to_lowercase()), subscription);
            }
            if is_group {
                actions.extend(GROUP_READS.iter().map(|action| (*action).to_owned()));
            }
            let name = if is_group {
                scope.rsplit('/').next().unwrap_or_default()
            } else {
                "subscription resources"
            };
            roles.push(Role { name: name.to_owned(), account, scope, actions, only_reads: false });
        }
        roles.sort_by_key(|role| !of_cluster(&role.scope));
        roles.extend(subscriptions.into_iter().map(|((account, _), scope)| Role {
            name: "subscription".to_owned(),
            account,
            scope,
            actions: SUBSCRIPTION_READS.iter().map(|action| (*action).to_owned()).collect(),
            only_reads: true,
        }));
        roles
    }
}

/// What an object itself needs.
fn own(mode: Mode, ty: &str) -> Vec<String> {
    match mode {
        Mode::Data => vec![format!("{ty}/read")],
        Mode::Managed => {
            manage(ty).into_iter().chain(implied(ty).iter().map(|action| (*action).to_owned())).collect()
        }
    }
}

/// The objects that one refers to, each with what that needs. What belongs to the object itself needs nothing more.
fn links(desired: &Desired) -> BTreeSet<(String, &'static str)> {
    let own = desired.id.as_ref().map(|id| format!("{}/", id.as_str().to_lowercase()));
    let mut found = BTreeSet::new();
    texts(&desired.body, &mut |text| {
        let foreign = own.as_ref().is_none_or(|own| !text.to_lowercase().starts_with(own));
        if let Some(action) = type_of(text).filter(|_| foreign).and_then(|to| linked(&desired.ty.name, &to)) {
            found.insert((text.to_owned(), action));
        }
    });
    found
}

/// Every text in a value, the names of attributes too: identities are named by them.
fn texts(value: &Value, tell: &mut dyn FnMut(&str)) {
    if let Some(text) = value.as_str() {
        tell(text);
    }
    for name in value.as_entries().into_iter().flat_map(|entries| entries.keys()) {
        tell(name);
    }
    for child in value.children() {
        texts(child, tell);
    }
}

/// The resource group an id lies in, else its subscription.
fn scope_of(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.split('/').collect();
    match segments.as_slice() {
        ["", subscriptions, id, groups, group, ..]
            if subscriptions.eq_ignore_ascii_case("subscriptions")
                && groups.eq_ignore_ascii_case("resourceGroups") =>
        {
            Some(format!("/subscriptions/{id}/resourceGroups/{group}"))
        }
        ["", subscriptions, id, ..] if subscriptions.eq_ignore_ascii_case("subscriptions") => {
            Some(format!("/subscriptions/{id}"))
        }
        _ => None,
    }
}
