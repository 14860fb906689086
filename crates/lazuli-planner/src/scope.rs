//! What a partial plan is about: `--target` and `--exclude` over what is declared and what is recorded.
//!
//! What is made needs what it refers to; what goes needs its users to go, or to let go, first. So a target brings along
//! what it depends on, and of something that is to be deleted whoever uses it; what is excluded keeps back what depends on
//! it, and everything that an excluded object still uses.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use lazuli_core::configuration::Configuration;
use lazuli_core::plan::{OutputChange, Scope};
use lazuli_core::recorded::{Recorded, RecordedOutput, RecordedWorld};
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Diagnostic, Diagnostics};

use crate::draft::Draft;
use crate::make::Planned;
use crate::settle::{deletes, refers};

/// Something that may be in a plan: a declaration by its place, or a record that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Member<'a> {
    Place(usize),
    Record(&'a Address),
}

/// What a plan leaves out.
#[derive(Debug, Default)]
pub(crate) struct LeftOut<'a>(HashSet<Member<'a>>);

impl<'a> LeftOut<'a> {
    /// True for a declaration that is left out.
    pub(crate) fn place(&self, place: usize) -> bool {
        !self.0.is_empty() && self.0.contains(&Member::Place(place))
    }

    /// True for a record without a declaration that is left out.
    pub(crate) fn record(&self, address: &Address) -> bool {
        !self.0.is_empty() && self.0.contains(&Member::Record(address))
    }

    /// True for an object set aside that is left out: it goes when it is named itself.
    pub(crate) fn deposed(address: &Address, scope: &Scope) -> bool {
        let named = |names: &BTreeSet<Address>| names.iter().any(|named| address.is_within(named));
        !scope.targets.is_empty() && !named(&scope.targets) || named(&scope.excludes)
    }
}

/// What is declared and what is recorded, with who needs whom.
struct Parts<'a> {
    draft: Option<&'a Draft>,
    /// By place, the declarations that refer to it.
    dependents: Vec<Vec<usize>>,
    members: Vec<Member<'a>>,
    /// Names of members: what is declared, and what it is recorded under.
    names: HashMap<Member<'a>, Vec<&'a Address>>,
    /// The member that a record belongs to.
    owners: HashMap<&'a Address, Member<'a>>,
    records: HashMap<Member<'a>, &'a Recorded>,
    /// By recorded address: who is recorded as depending on it.
    users: HashMap<&'a Address, Vec<&'a Address>>,
    /// Who is recorded with an id.
    holders: HashMap<&'a ResourceId, Member<'a>>,
    /// The declaration that desires an id.
    wanted: HashMap<&'a ResourceId, Member<'a>>,
}

/// What an apply leaves out; `owner` tells the declaration that a record belongs to.
pub(crate) fn of_apply<'a>(
    draft: &'a Draft,
    declared: &[&'a Address],
    world: &'a RecordedWorld,
    scope: &Scope,
    owner: &dyn Fn(&Recorded) -> Option<usize>,
) -> LeftOut<'a> {
    if scope.is_whole() {
        return LeftOut::default();
    }
    let mut parts = Parts::new(Some(draft), world, owner);
    for (place, address) in declared.iter().enumerate() {
        parts.name(Member::Place(place), address);
    }
    for (place, desired) in draft.desired.iter().enumerate() {
        if let Some(id) = &desired.id {
            parts.wanted.entry(id).or_insert(Member::Place(place));
        }
    }
    let brings = |parts: &Parts<'a>, member: Member<'a>| {
        let mut needed = parts.needs(member);
        needed.retain(|on| !scope.alone || !parts.records.contains_key(on));
        needed
    };
    parts.left_out(scope, &brings, &|parts, member| parts.needed_by(member))
}

/// What a destroy leaves out: users go before what they use.
pub(crate) fn of_destroy<'a>(world: &'a RecordedWorld, scope: &Scope) -> LeftOut<'a> {
    of_records(world, scope, &Parts::users_of, &Parts::uses)
}

/// What a refresh leaves out.
pub(crate) fn of_refresh<'a>(world: &'a RecordedWorld, scope: &Scope) -> LeftOut<'a> {
    of_records(world, scope, &Parts::uses, &Parts::users_of)
}

/// Who has to be in a plan with a member, or out of it.
type Along<'s, 'a> = &'s dyn Fn(&Parts<'a>, Member<'a>) -> Vec<Member<'a>>;

fn of_records<'a>(
    world: &'a RecordedWorld,
    scope: &Scope,
    brings: Along<'_, 'a>,
    keeps: Along<'_, 'a>,
) -> LeftOut<'a> {
    match scope.is_whole() {
        true => LeftOut::default(),
        false => Parts::new(None, world, &|_| None).left_out(scope, brings, keeps),
    }
}

impl<'a> Parts<'a> {
    fn new(
        draft: Option<&'a Draft>,
        world: &'a RecordedWorld,
        owner: &dyn Fn(&Recorded) -> Option<usize>,
    ) -> Self {
        let mut parts = Parts {
            draft,
            dependents: dependents(draft),
            members: Vec::new(),
            names: HashMap::new(),
            owners: HashMap::new(),
            records: HashMap::new(),
            users: HashMap::new(),
            holders: HashMap::new(),
            wanted: HashMap::new(),
        };
        for recorded in world.resources.values() {
            let member = owner(recorded).map_or(Member::Record(&recorded.address), Member::Place);
            parts.name(member, &recorded.address);
            parts.owners.insert(&recorded.address, member);
            parts.records.insert(member, recorded);
            parts.holders.insert(&recorded.id, member);
            for on in &recorded.dependencies {
                parts.users.entry(on).or_default().push(&recorded.address);
            }
        }
        parts
    }

    fn name(&mut self, member: Member<'a>, address: &'a Address) {
        let names = self.names.entry(member).or_default();
        if names.is_empty() {
            self.members.push(member);
        }
        names.push(address);
    }

    fn left_out(&self, scope: &Scope, brings: Along<'_, 'a>, keeps: Along<'_, 'a>) -> LeftOut<'a> {
        let mut left: HashSet<Member<'a>> = HashSet::new();
        if !scope.targets.is_empty() {
            let within = self.closure(&scope.targets, brings);
            left.extend(self.members.iter().filter(|member| !within.contains(*member)));
        }
        left.extend(self.closure(&scope.excludes, keeps));
        LeftOut(left)
    }

    /// What is named, and everything that comes along.
    fn closure(&self, named: &BTreeSet<Address>, along: Along<'_, 'a>) -> HashSet<Member<'a>> {
        let is_named = |member: &&Member<'a>| {
            let names = self.names.get(*member).into_iter().flatten();
            names.copied().any(|name| named.iter().any(|named| name.is_within(named)))
        };
        let mut next: Vec<Member<'a>> = self.members.iter().filter(is_named).copied().collect();
        let mut found = HashSet::new();
        while let Some(member) = next.pop() {
            if found.insert(member) {
                next.extend(along(self, member));
            }
        }
        found
    }

    /// Of a declaration what it refers to and who has its id now; of a record that goes, who uses it.
    fn needs(&self, member: Member<'a>) -> Vec<Member<'a>> {
        let (Member::Place(place), Some(draft)) = (member, self.draft) else { return self.users_of(member) };
        let links = draft.graph.dependencies[place].iter().filter(|link| link.reference);
        let holder = draft.desired[place].id.as_ref().and_then(|id| self.holders.get(id)).copied();
        links.map(|link| Member::Place(link.on)).chain(holder).collect()
    }

    /// Of a declaration who refers to it; and what its object, which stays as it is, holds or uses.
    fn needed_by(&self, member: Member<'a>) -> Vec<Member<'a>> {
        let goes = |used: &Member<'a>| matches!(used, Member::Record(_));
        let mut kept: Vec<Member<'a>> = self.uses(member).into_iter().filter(goes).collect();
        kept.extend(self.records.get(&member).and_then(|record| self.wanted.get(&record.id)));
        if let Member::Place(place) = member {
            kept.extend(self.dependents.get(place).into_iter().flatten().copied().map(Member::Place));
        }
        kept
    }

    fn users_of(&self, member: Member<'a>) -> Vec<Member<'a>> {
        let users = self.records.get(&member).and_then(|record| self.users.get(&record.address));
        users.into_iter().flatten().filter_map(|user| self.owners.get(user)).copied().collect()
    }

    fn uses(&self, member: Member<'a>) -> Vec<Member<'a>> {
        let record = self.records.get(&member).into_iter();
        let used = record.flat_map(|record| &record.dependencies);
        used.filter_map(|on| self.owners.get(on)).copied().collect()
    }
}

fn dependents(draft: Option<&Draft>) -> Vec<Vec<usize>> {
    let Some(draft) = draft else { return Vec::new() };
    let mut dependents = vec![Vec::new(); draft.graph.dependencies.len()];
    for (place, links) in draft.graph.dependencies.iter().enumerate() {
        for link in links.iter().filter(|link| link.reference) {
            dependents[link.on].push(place);
        }
    }
    dependents
}

/// Objects that would go although something that is left out uses them: Azure refuses that half-way, so the plan does
/// before.
pub(crate) fn used_by_left_out(planned: &[Planned<'_>], left_out: &BTreeSet<Address>) -> Diagnostics {
    let mut users: HashMap<&Address, Vec<&Recorded>> = HashMap::new();
    for user in planned.iter().filter_map(|p| p.recorded).filter(|r| left_out.contains(&r.address)) {
        for on in &user.dependencies {
            users.entry(on).or_default().push(user);
        }
    }
    let mut problems = Diagnostics::new();
    for (p, used) in planned.iter().filter(|p| deletes(&p.change)).filter_map(|p| Some((p, p.recorded?))) {
        let users = users.get(&used.address).into_iter().flatten().filter(|user| refers(user, used));
        for user in users {
            let (address, user) = (&p.change.address, &user.address);
            let what = if p.change.action.is_replace() { "replaced" } else { "deleted" };
            let message =
                format!("{address} would be {what}, but {user} uses it and this plan leaves it out");
            problems.push(
                Diagnostic::error("LZ1013", message)
                    .about(address.clone())
                    .help(format!("plan both, with --target '{user}' as well, or leave {address} out too")),
            );
        }
    }
    problems
}

/// The outputs that read something of these resources.
pub fn outputs_that_read(
    configuration: &dyn Configuration,
    resources: &BTreeSet<Address>,
) -> BTreeSet<Arc<str>> {
    if resources.is_empty() {
        return BTreeSet::new();
    }
    let reads = |on: &Address| resources.iter().any(|resource| resource.is_within(on));
    let outputs = configuration.reads_of_outputs().into_iter();
    outputs.filter(|(_, on)| on.iter().any(reads)).map(|(name, _)| name).collect()
}

/// An output that stays as it is.
pub(crate) fn kept_output(name: &Arc<str>, output: &RecordedOutput) -> OutputChange {
    let value = lazuli_core::encoding::from_json(&output.value).with_sensitivity(output.sensitive);
    OutputChange {
        name: name.clone(),
        before: Some(output.value.clone()),
        after: Some(value),
        sensitive: output.sensitive,
    }
}
