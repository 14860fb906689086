//! What the planner and the executor ask of a configuration.
//!
//! Plan and apply evaluate the same pure function; the more [`Known`] knows, the fewer unknown parts the answer has.

use std::sync::Arc;

use crate::address::Address;
use crate::diagnostic::Diagnostics;
use crate::resource::{Declaration, Desired};
use crate::value::Value;

/// A configuration whose blocks have been parsed and expanded into declarations.
pub trait Configuration: Send + Sync {
    /// Everything declared, in a stable order.
    fn declarations(&self) -> &[Declaration];

    /// What is desired of the declaration at `index`.
    ///
    /// # Errors
    /// When an expression of it cannot be evaluated.
    fn evaluate(&self, index: usize, known: &dyn Known) -> Result<Desired, Diagnostics>;

    /// The outputs, in the order they are declared.
    ///
    /// # Errors
    /// When an expression of one cannot be evaluated.
    fn outputs(&self, known: &dyn Known) -> Result<Vec<Output>, Diagnostics>;

    /// The outputs by name with the resources each reads, or what contains these.
    fn reads_of_outputs(&self) -> Vec<(Arc<str>, Vec<Address>)>;
}

/// What is known of resources while a plan is made or applied.
pub trait Known: Sync {
    /// The object as expressions see it; `None` when the resource is not declared or has not been reached yet.
    fn object(&self, address: &Address) -> Option<KnownObject>;

    /// A number that changes whenever an answer may have changed: what was computed from older answers is stale.
    fn epoch(&self) -> u64;
}

/// A resource's object, `{ id, name, location, properties, … }`, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownObject {
    /// What is known of it.
    pub value: Value,
    /// False while the object is not made yet: an attribute that is not in `value` is then unknown rather than missing,
    /// and a structure in it may still get members.
    pub complete: bool,
}

/// An evaluated `output` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Value,
    /// Whether it is hidden.
    pub sensitive: bool,
}
