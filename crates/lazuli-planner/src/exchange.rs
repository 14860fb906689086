//! Addresses that stay declared and name other addresses' objects now: an element taken out of the front of a list, two
//! keys exchanged. Objects are matched by id, so they move instead of being made anew.

use std::collections::{HashMap, HashSet};

use lazuli_core::Address;
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Mode, ResourceId};

use crate::draft::Draft;
use crate::make::Request;

/// Who takes over whose object.
#[derive(Debug, Default)]
pub(crate) struct Exchange<'a> {
    /// By the place of the declaration that desires it, what is recorded under another address.
    takes: HashMap<usize, &'a Recorded>,
    /// The addresses they are recorded under.
    taken: HashSet<&'a Address>,
}

impl<'a> Exchange<'a> {
    /// Finds what is recorded under one address and desired under another, when one of them is declared and recorded: from
    /// an address that is gone to a new one is a plain move. An id that is not known before other things are made takes
    /// part in nothing.
    pub(crate) fn find(draft: &Draft, request: &Request<'a>) -> Self {
        let places = &draft.graph.places;
        let misplaced: HashMap<&ResourceId, &Recorded> = (request.recorded.resources.values())
            .filter(|recorded| recorded.mode == Mode::Managed)
            .filter(|recorded| {
                let wants = places.get(&recorded.address).map(|place| draft.desired[*place].id.as_ref());
                wants.is_none_or(|wants| wants.is_some_and(|id| *id != recorded.id))
            })
            .map(|recorded| (&recorded.id, recorded))
            .collect();
        let mut exchange = Exchange::default();
        if misplaced.is_empty() {
            return exchange;
        }
        let managed = request.configuration.declarations().iter().enumerate();
        for (place, declaration) in managed.filter(|(_, d)| d.mode == Mode::Managed) {
            let wanted = draft.desired[place].id.as_ref().and_then(|id| misplaced.get(id)).copied();
            let stays = |recorded: &Recorded| {
                request.recorded.resources.contains_key(&declaration.address)
                    || places.contains_key(&recorded.address)
                        && !request.refactoring.moves.contains_key(&declaration.address)
            };
            if let Some(recorded) = wanted.filter(|recorded| stays(recorded))
                && exchange.taken.insert(&recorded.address)
            {
                exchange.takes.insert(place, recorded);
            }
        }
        exchange
    }

    /// What a declaration takes over.
    pub(crate) fn takes(&self, place: usize) -> Option<&'a Recorded> {
        self.takes.get(&place).copied()
    }

    /// True when what is recorded under the address is another declaration's now.
    pub(crate) fn gives(&self, address: &Address) -> bool {
        self.taken.contains(address)
    }
}
