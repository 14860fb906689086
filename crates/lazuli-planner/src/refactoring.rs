//! What a configuration says about addresses rather than about objects: `moved`, `removed` and `import`.

use std::collections::BTreeMap;

use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Span};

/// Moves, removals and imports, resolved to addresses of single resources.
#[derive(Debug, Clone, Default)]
pub struct Refactoring {
    /// By the address something has from now on, the address under which it is recorded.
    pub moves: BTreeMap<Address, Address>,
    /// What is declared no longer and stays in the world; everything within counts.
    pub forget: Vec<Address>,
    /// Objects that exist and are taken over.
    pub imports: BTreeMap<Address, Import>,
}

impl Refactoring {
    /// Nothing of the kind.
    pub const NONE: Refactoring =
        Refactoring { moves: BTreeMap::new(), forget: Vec::new(), imports: BTreeMap::new() };

    /// True for what is to stay in the world although nothing declares it.
    pub(crate) fn forgets(&self, address: &Address) -> bool {
        self.forget.iter().any(|forgotten| address.is_within(forgotten))
    }
}

/// An object that is taken over.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Its id.
    pub id: ResourceId,
    /// Where it is written; nowhere when a command says it.
    pub span: Option<Span>,
}
