//! Questions without a plan: an expression that stands in no file, for the console; one declaration, for an import.

use std::collections::HashMap;

use lazuli_config::syntax::Expr;
use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::Desired;
use lazuli_core::{Address, Diagnostics, Value};
use lazuli_planner::known::{Exists, object_of};

use super::Blueprint;
use super::seen::Seen;

/// The objects of declarations as they are recorded, with what the configuration says of them now.
pub struct AsRecorded<'a> {
    blueprint: &'a Blueprint,
    recorded: &'a RecordedWorld,
    places: HashMap<&'a Address, usize>,
    objects: HashMap<Address, Option<KnownObject>>,
}

impl<'a> AsRecorded<'a> {
    /// Nothing evaluated yet.
    pub fn new(blueprint: &'a Blueprint, recorded: &'a RecordedWorld) -> Self {
        let places = blueprint.declarations().iter().enumerate().map(|(i, d)| (&d.address, i)).collect();
        AsRecorded { blueprint, recorded, places, objects: HashMap::new() }
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// All mistakes in it, and in the blocks it refers to.
    pub fn evaluate(&mut self, expr: &Expr) -> Result<Value, Diagnostics> {
        let references = self.blueprint.evaluator.references_of(expr, None);
        let needed = self.blueprint.dependencies(&references, None);
        self.reach(needed.into_iter().map(|d| d.on).collect())?;
        self.blueprint.evaluator.expression(expr, &Seen { blueprint: self.blueprint, known: self }, None)
    }

    /// What is desired of a declaration, by its place.
    ///
    /// # Errors
    /// All mistakes in it, and in the blocks it refers to.
    pub fn desired(&mut self, place: usize) -> Result<Desired, Diagnostics> {
        let declaration = &self.blueprint.declarations()[place];
        self.reach(declaration.dependencies.iter().map(|d| d.on.clone()).collect())?;
        self.blueprint.evaluate(place, self)
    }

    /// Evaluates declarations, those they depend on first. Without recursion: a chain of resources may be long.
    fn reach(&mut self, wanted: Vec<Address>) -> Result<(), Diagnostics> {
        let mut stack: Vec<(Address, bool)> = wanted.into_iter().map(|address| (address, false)).collect();
        while let Some((address, ready)) = stack.pop() {
            let Some(place) = self.places.get(&address).copied() else { continue };
            if ready {
                let desired = self.blueprint.evaluate(place, self)?;
                let record = self.recorded.resources.get(&address);
                let exists = record.map_or(Exists::No, |record| Exists::Stays(&record.observed));
                let sensitive = record.map_or(&[][..], |record| &record.sensitive);
                let object = object_of(&address, &desired, exists, sensitive);
                self.objects.insert(address, Some(object));
            } else if !self.objects.contains_key(&address) {
                self.objects.insert(address.clone(), None);
                stack.push((address, true));
                let declaration = &self.blueprint.declarations()[place];
                stack.extend(declaration.dependencies.iter().map(|d| (d.on.clone(), false)));
            }
        }
        Ok(())
    }
}

impl Known for AsRecorded<'_> {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        self.objects.get(address).cloned().flatten()
    }

    fn epoch(&self) -> u64 {
        self.objects.len() as u64
    }
}
