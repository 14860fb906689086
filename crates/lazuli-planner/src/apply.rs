//! Towards the configuration: one walk over the declarations, dependencies first, then what is left of the record.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use lazuli_core::Diagnostics;
use lazuli_core::plan::{Action, Change, Drift, Plan};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Declaration, Desired, Mode, ProviderName, ResourceId};
use lazuli_core::{Address, Diagnostic, Hashing};

use crate::decide::{self, Case, Decision, Gone, Sight};
use crate::draft::Draft;
use crate::exchange::Exchange;
use crate::follow;
use crate::foreign;
use crate::keep::keep;
use crate::known::{Exists, Reached};
use crate::make::{Planned, Request, deposed, drift_of, of_record, outputs_after_apply, stays};
use crate::scope::{self, LeftOut};
use crate::{order, protect, settle};

struct Walk<'a> {
    draft: &'a Draft,
    request: &'a Request<'a>,
    declarations: &'a [Declaration],
    reached: Reached<'a>,
    /// Records whose address is no longer declared, by id: who desires such an id now has moved there.
    homeless: HashMap<&'a ResourceId, &'a Recorded>,
    moved: HashSet<&'a Address>,
    exchange: Exchange<'a>,
    /// What is decided so far, by place.
    slots: Vec<Option<Planned<'a>>>,
    /// `--target` and `--exclude`.
    left_out: LeftOut<'a>,
    /// Who manages an id in this plan.
    managed: HashMap<(ProviderName, ResourceId), usize, Hashing>,
    /// The ids of everything recorded, made when somebody asks.
    recorded_ids: OnceCell<HashSet<&'a ResourceId>>,
    /// True when something is replaced under the same id, so that what lies below it has to follow.
    replaces_in_place: bool,
    problems: Diagnostics,
}

pub(crate) fn apply(draft: &Draft, request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let mut walk = Walk::new(draft, request);
    for &place in &draft.graph.order {
        if let Err(found) = walk.visit(place) {
            walk.problems.extend(found);
        }
    }
    let left_out = walk.addresses_left_out();
    let outputs = match request.configuration.outputs(&walk.reached) {
        Ok(outputs) => outputs_after_apply(request, outputs, &left_out),
        Err(found) => {
            if walk.problems.is_empty() {
                walk.problems.extend(found);
            }
            Vec::new()
        }
    };
    walk.orphans();
    let Walk { slots, mut problems, reached, managed, .. } = walk;
    drop((reached, managed)); // of many resources much memory, which the steps can use
    #[allow(clippy::filter_map_identity, reason = "unlike flatten(), it takes the list over as it is")]
    let planned: Vec<Planned<'_>> = slots.into_iter().filter_map(|slot| slot).collect();
    problems.extend(scope::used_by_left_out(&planned, &left_out));
    if problems.is_empty() {
        problems.extend(settle::occupied(&planned));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut drift: Vec<Drift> =
        planned.iter().filter(|p| p.place.is_some()).flat_map(|p| drift_of(&p.change)).collect();
    let here = planned.iter().filter(|p| p.place.is_some() && p.change.mode == Mode::Managed);
    drift.extend(here.flat_map(|p| foreign::of(request, p, p.change.after.as_ref())));
    drift.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(Plan { left_out, ..order::plan(planned, Some(&draft.graph), request, drift, outputs)? })
}

impl<'a> Walk<'a> {
    fn new(draft: &'a Draft, request: &'a Request<'a>) -> Self {
        let declarations = request.configuration.declarations();
        let records = request.recorded.resources.values();
        let mut walk = Walk {
            draft,
            request,
            declarations,
            reached: Reached::new(&draft.graph.places, 2),
            homeless: records
                .filter(|r| r.mode == Mode::Managed && !draft.graph.places.contains_key(&r.address))
                .map(|r| (&r.id, r))
                .collect(),
            moved: HashSet::new(),
            exchange: match request.scope.is_whole() {
                true => Exchange::find(draft, request),
                false => Exchange::default(), // half of an exchange cannot be carried out
            },
            left_out: LeftOut::default(),
            slots: (0..declarations.len()).map(|_| None).collect(),
            managed: HashMap::with_capacity_and_hasher(declarations.len(), Hashing::default()),
            recorded_ids: OnceCell::new(),
            replaces_in_place: false,
            problems: Diagnostics::new(),
        };
        if !request.scope.is_whole() {
            let mut owners = HashMap::new();
            for place in 0..declarations.len() {
                let (here, former) = walk.records(place, draft.desired[place].id.as_ref());
                owners.extend(here.or(former).map(|record| (&record.address, place)));
            }
            let declared: Vec<&Address> = declarations.iter().map(|d| &d.address).collect();
            let owner = |record: &Recorded| owners.get(&record.address).copied();
            walk.left_out = scope::of_apply(draft, &declared, request.recorded, request.scope, &owner);
        }
        walk
    }

    /// What the state says of a declaration, and what it says of it under another address.
    fn records(&self, place: usize, id: Option<&ResourceId>) -> (Option<&'a Recorded>, Option<&'a Recorded>) {
        if let Some(other) = self.exchange.takes(place) {
            return (None, Some(other));
        }
        let declaration = &self.declarations[place];
        let records = &self.request.recorded.resources;
        let here = records.get(&declaration.address).filter(|r| r.mode == declaration.mode);
        let here = here.filter(|r| r.mode == Mode::Data || !self.exchange.gives(&r.address));
        let former = match (here, declaration.mode) {
            (None, Mode::Managed) => {
                let by_id = || id.and_then(|id| self.homeless.get(id)).copied();
                self.told(&declaration.address).or_else(by_id)
            }
            _ => None,
        };
        (here, former)
    }

    /// What is left out stays as it is recorded, whatever is desired of it.
    fn leave_out(&mut self, place: usize) -> Result<(), Diagnostics> {
        let draft = self.draft;
        self.claim(place, &draft.desired[place])?;
        let (here, former) = self.records(place, self.draft.desired[place].id.as_ref());
        self.moved.extend(former.map(|record| &record.address));
        if let Some(record) = here.or(former).filter(|_| self.request.scope.alone) {
            // Targets refer to it as it is.
            let exists = Exists::after(Action::NoOp, Some(&record.observed));
            self.reached.reach(place, &draft.desired[place], exists, &record.sensitive);
        }
        self.slots[place] = here.or(former).map(|record| stays(self.request, record));
        Ok(())
    }

    /// Everything left out, under the addresses it is declared and recorded with.
    fn addresses_left_out(&self) -> BTreeSet<Address> {
        if self.request.scope.is_whole() {
            return BTreeSet::new();
        }
        let places = (0..self.declarations.len()).filter(|place| self.left_out.place(*place));
        let declared = places.clone().map(|place| &self.declarations[place].address);
        let recorded = places.filter_map(|place| Some(&self.slots[place].as_ref()?.change.address));
        let orphans = self.request.recorded.resources.keys().filter(|a| self.left_out.record(a));
        declared.chain(recorded).chain(orphans).cloned().collect()
    }

    fn visit(&mut self, place: usize) -> Result<(), Diagnostics> {
        if self.left_out.place(place) {
            return self.leave_out(place);
        }
        let declaration = &self.declarations[place];
        let links = &self.draft.graph.dependencies[place];
        if links.iter().any(|link| self.slots[link.on].is_none() && !self.left_out.place(link.on)) {
            return Ok(()); // what it depends on has its own error
        }
        let mut desired = self.evaluate(place)?;
        let (here, former) = self.records(place, desired.id.as_ref());
        self.claim(place, &desired)?;
        let before = here.or(former);
        let observed = self.sight(place, &desired, before);
        let case = self.case(place, &desired, before, observed);
        let title = case.kind.title;
        let mut decision = self.decide(place, &case).map_err(|problem| vec![*problem])?;
        if let Some(former) = former {
            self.moved.insert(&former.address);
            if decision.action == Action::NoOp {
                decision.action = Action::Move;
            }
        }
        let object = match observed {
            Sight::Present(object) => Some(object),
            Sight::Absent | Sight::NotLooked => before.map(|r| &r.observed),
        };
        let exists = Exists::after(decision.action, object);
        if let Some(object) = exists.object().filter(|_| !declaration.lifecycle.ignore.is_empty()) {
            desired.body = keep(&desired.body, &declaration.lifecycle.ignore, object);
        }
        self.reached.reach(place, &desired, exists, before.map_or(&[], |r| &r.sensitive));
        self.plan(place, desired, before, former, title, decision);
        Ok(())
    }

    /// The record that a `moved` block says to be that of an address.
    fn told(&self, address: &Address) -> Option<&'a Recorded> {
        let from = self.request.refactoring.moves.get(address)?;
        self.request.recorded.resources.get(from).filter(|r| r.mode == Mode::Managed)
    }

    /// What is desired, evaluated again only when the draft left something open.
    fn evaluate(&self, place: usize) -> Result<Desired, Diagnostics> {
        let first = &self.draft.desired[place];
        if first.id.is_some() && first.body.is_wholly_known() {
            return Ok(first.clone());
        }
        self.request.configuration.evaluate(place, &self.reached)
    }

    /// One object has one owner.
    fn claim(&mut self, place: usize, desired: &Desired) -> Result<(), Diagnostics> {
        let (Mode::Managed, Some(id)) = (self.declarations[place].mode, &desired.id) else { return Ok(()) };
        let Some(other) = self.managed.insert((desired.provider, id.clone()), place) else { return Ok(()) };
        let (this, other) = (&self.declarations[place], &self.declarations[other]);
        let message = format!("{} and {} are the same object, {id}", other.address, this.address);
        let mut diagnostic = Diagnostic::error("LZ1006", message)
            .about(this.address.clone())
            .help("give one of them another name, or take it away");
        if let Some(span) = this.origin {
            diagnostic = diagnostic.at(span, "declared here");
        }
        if let Some(span) = other.origin {
            diagnostic = diagnostic.also_at(span, "and here");
        }
        Err(vec![diagnostic])
    }

    fn sight(&self, place: usize, desired: &Desired, recorded: Option<&Recorded>) -> Sight<'a> {
        let Some(id) = &desired.id else { return Sight::NotLooked };
        match self.request.observed.sight(id) {
            // Nobody looked at an id that became known only now.
            Sight::Absent
                if self.draft.desired[place].id.is_none() && recorded.is_none_or(|r| r.id != *id) =>
            {
                Sight::NotLooked
            }
            // What has the id now is our own under another address: it goes first, or is the same object twice.
            Sight::Present(_) if recorded.is_none_or(|r| r.id != *id) && self.is_recorded(place, id) => {
                Sight::Absent
            }
            sight => sight,
        }
    }

    /// True for the id of something that is managed and recorded; what is only read may well be recorded elsewhere.
    fn is_recorded(&self, place: usize, id: &ResourceId) -> bool {
        let world = self.request.recorded;
        let ids = || {
            let records = world.resources.values().chain(&world.deposed);
            records.filter(|r| r.mode == Mode::Managed).map(|r| &r.id).collect()
        };
        self.declarations[place].mode == Mode::Managed && self.recorded_ids.get_or_init(ids).contains(id)
    }

    fn case<'c>(
        &self,
        place: usize,
        desired: &'c Desired,
        recorded: Option<&'a Recorded>,
        observed: Sight<'a>,
    ) -> Case<'c>
    where
        'a: 'c,
    {
        let declaration = &self.declarations[place];
        let appears = recorded.is_none_or(|r| Some(&r.id) != desired.id.as_ref())
            && matches!(observed, Sight::Present(_));
        Case {
            declaration,
            desired,
            kind: self.request.kinds.kind(&desired.ty),
            recorded,
            observed,
            predecessor: recorded.map_or(Sight::Absent, |r| self.request.observed.of_record(r)),
            lineage: &self.request.recorded.lineage,
            asked_to_replace: self.request.replace.iter().any(|asked| declaration.address.is_within(asked)),
            import: self.request.refactoring.imports.get(&declaration.address),
            lies_below_ours: appears && self.above(desired).any(is_ours),
        }
    }

    fn decide(&self, place: usize, case: &Case<'_>) -> Result<Decision, Box<Diagnostic>> {
        if case.declaration.mode == Mode::Data {
            let changes = case
                .desired
                .id
                .as_ref()
                .and_then(|id| self.managed.get(&(case.desired.provider, id.clone())))
                .and_then(|place| self.slots[*place].as_ref())
                .is_some_and(|p| !matches!(p.change.action, Action::NoOp | Action::Move));
            let waits = self.draft.graph.dependencies[place].iter().any(|link| {
                self.slots[link.on].as_ref().is_some_and(|p| !matches!(p.change.action, Action::NoOp))
            });
            return decide::data(case, changes, waits);
        }
        let mut decision = decide::managed(case)?;
        if self.replaces_in_place
            && let Some(above) = self.above(case.desired).find(|p| in_place(&p.change))
        {
            follow::follow(&mut decision, case, &above.change.address);
        }
        let before =
            self.draft.graph.dependencies[place].iter().filter_map(|link| self.slots[link.on].as_ref());
        if case.recorded.is_some()
            && let Some(trigger) = follow::trigger(case.declaration, before.map(|p| &p.change))
        {
            follow::triggered(&mut decision, case, trigger);
        }
        match protect::not_replaced(case, &decision) {
            Some(problem) => Err(Box::new(problem)),
            None => Ok(decision),
        }
    }

    /// The managed resources of this plan whose ids the desired id lies below.
    fn above(&self, desired: &Desired) -> impl Iterator<Item = &Planned<'a>> {
        let id = desired.id.as_ref().map_or("", |id| id.as_str());
        id.rmatch_indices('/').filter(|(at, _)| *at > 0).filter_map(move |(at, _)| {
            let above = self.managed.get(&(desired.provider, ResourceId::new(&id[..at])))?;
            self.slots[*above].as_ref()
        })
    }

    fn plan(
        &mut self,
        place: usize,
        desired: Desired,
        before: Option<&'a Recorded>,
        former: Option<&'a Recorded>,
        title: &str,
        decision: Decision,
    ) {
        let declaration = &self.declarations[place];
        let previous = before.filter(|r| decision.action.is_replace() && Some(&r.id) != desired.id.as_ref());
        let change = Change {
            address: declaration.address.clone(),
            previous_address: former.map(|f| f.address.clone()),
            mode: declaration.mode,
            action: decision.action,
            reason: decision.reason,
            provider: desired.provider,
            account: desired.account,
            ty: desired.ty,
            title: title.into(),
            id: desired.id,
            previous_id: previous.map(|r| r.id.clone()),
            before: decision.before,
            after: (declaration.mode == Mode::Managed).then_some(desired.body),
            paths: decision.paths,
            origin: declaration.origin.and_then(|span| (self.request.locate)(span)),
            changed_at: None,
        };
        self.replaces_in_place |= in_place(&change);
        let slot = desired.slot;
        self.slots[place] =
            Some(Planned { change, slot, place: Some(place), recorded: before, deposed: false });
    }

    /// What is recorded and no longer declared, and what earlier replacements left behind.
    fn orphans(&mut self) {
        let read: HashSet<&ResourceId> = self
            .draft
            .desired
            .iter()
            .zip(self.declarations)
            .filter(|(_, declaration)| declaration.mode == Mode::Data)
            .filter_map(|(desired, _)| desired.id.as_ref())
            .collect();
        let places = &self.draft.graph.places;
        let mut left = Vec::new();
        let mut kept = Vec::new();
        for recorded in self.request.recorded.resources.values() {
            let place = places.get(&recorded.address);
            let declared = place.is_some_and(|place| {
                recorded.mode == Mode::Data || self.declarations[*place].mode == Mode::Managed
            });
            // Its address has another object now.
            let displaced = declared && place.is_some_and(|place| self.exchange.takes(*place).is_some());
            if declared && !displaced || self.moved.contains(&recorded.address) {
                continue;
            }
            if self.left_out.record(&recorded.address) {
                left.push(Some(stays(self.request, recorded)));
                continue;
            }
            let gone = match read.contains(&recorded.id) {
                true => Gone::OnlyRead,
                false if self.request.refactoring.forgets(&recorded.address) => Gone::Forgotten,
                false => Gone::Undeclared,
            };
            let sight = self.request.observed.of_record(recorded);
            match decide::orphan(recorded, sight, gone, &self.request.recorded.lineage) {
                Ok(_) if protect::keeps(recorded, sight, gone) => kept.push(&recorded.address),
                Ok(decision) => left.push(Some(of_record(self.request, recorded, decision, displaced))),
                Err(problem) => self.problems.push(*problem),
            }
        }
        self.problems.extend(protect::kept(&kept, false));
        left.extend(deposed(self.request, &mut self.problems).into_iter().map(Some));
        self.slots.extend(left);
    }
}

/// True for a replacement that keeps its id.
fn in_place(change: &Change) -> bool {
    change.action == Action::ReplaceDeleteFirst && change.previous_id.is_none()
}

/// True for an object that exists and is Lazuli's.
fn is_ours(planned: &Planned<'_>) -> bool {
    planned.recorded.is_some() || planned.change.action == Action::Adopt
}
