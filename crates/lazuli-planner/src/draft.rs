//! Everything evaluated once, before the world was looked at.

use std::sync::Arc;

use lazuli_core::configuration::Configuration;
use lazuli_core::provider::Wanted;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Desired, ProviderName};
use lazuli_core::{Diagnostics, Hashing};

use crate::graph::Graph;
use crate::known::{Exists, Reached};

/// The declarations in order, each evaluated with nothing observed.
pub struct Draft {
    pub(crate) graph: Graph,
    pub(crate) desired: Vec<Desired>,
}

/// An object that must be looked at before a plan can be made, with the account it lives in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Look {
    /// Who is asked.
    pub provider: ProviderName,
    /// Through which account.
    pub account: Arc<str>,
    /// What is looked at.
    pub wanted: Wanted,
}

/// Adds what was not found before: a mistake in a value is found by everybody who reads it.
fn add(problems: &mut Diagnostics, found: Diagnostics) {
    for problem in found {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

impl Draft {
    /// Orders and evaluates the declarations of a configuration.
    ///
    /// # Errors
    /// Cycles, or every expression that cannot be evaluated; what depends on a resource that failed is not blamed too.
    pub fn new(configuration: &dyn Configuration) -> Result<Draft, Diagnostics> {
        let declarations = configuration.declarations();
        let graph = Graph::new(declarations)?;
        let mut desired: Vec<Option<Desired>> = vec![None; declarations.len()];
        let mut problems = Diagnostics::new();
        {
            let reached = Reached::new(&graph.places, 1);
            for &place in &graph.order {
                // What it depends on may have failed: that is unknown then, and only its own mistakes are told.
                let stands = graph.dependencies[place].iter().all(|link| desired[link.on].is_some());
                match configuration.evaluate(place, &reached) {
                    Ok(_) if !stands => {}
                    Ok(wanted) => {
                        reached.reach(place, &wanted, Exists::No, &[]);
                        desired[place] = Some(wanted);
                    }
                    Err(found) => add(&mut problems, found),
                }
            }
            add(&mut problems, configuration.outputs(&reached).err().unwrap_or_default());
        }
        match desired.into_iter().collect::<Option<Vec<_>>>() {
            Some(desired) if problems.is_empty() => Ok(Draft { graph, desired }),
            _ => Err(problems),
        }
    }

    /// The objects to look at: everything recorded, and everything desired whose id is known (it may exist already).
    pub fn looks(&self, recorded: &RecordedWorld) -> Vec<Look> {
        let of_record = recorded.resources.values().chain(&recorded.deposed).map(|r| Look {
            provider: r.provider,
            account: r.account.clone(),
            wanted: Wanted { ty: r.ty.clone(), id: r.id.clone() },
        });
        let of_desired = self.desired.iter().filter_map(|d| {
            let wanted = Wanted { ty: d.ty.clone(), id: d.id.clone()? };
            Some(Look { provider: d.provider, account: d.account.clone(), wanted })
        });
        let most = self.desired.len() + recorded.resources.len();
        let mut seen = std::collections::HashSet::with_capacity_and_hasher(most, Hashing::default());
        of_desired
            .chain(of_record)
            .filter(|look| seen.insert((look.provider, look.account.clone(), look.wanted.id.clone())))
            .collect()
    }

    /// What is desired, in the order of the declarations.
    pub fn desired(&self) -> &[Desired] {
        &self.desired
    }
}
