//! A small world for tests: a configuration of JSON bodies with references, a cloud that refuses what Azure refuses, and
//! an apply that follows a plan step by step.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

pub mod cloud;
pub mod config;
pub mod kinds;
pub mod text;

use std::collections::{BTreeSet, HashMap};

use lazuli_core::plan::{Plan, PlanMode, Scope};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Diagnostic, Json};
use lazuli_planner::{Draft, Observed, Refactoring, Request, make};

pub use cloud::Cloud;
pub use config::{Block, Config, block, data};

pub fn refreshing() -> How {
    How { mode: PlanMode::RefreshOnly, ..How::default() }
}

/// Only these and what they need.
pub fn targeting(addresses: &[&str]) -> How {
    let targets = addresses.iter().map(|a| a.parse().unwrap()).collect();
    How { scope: Scope { targets, ..Scope::default() }, ..How::default() }
}

/// Not these, nor what depends on them.
pub fn excluding(addresses: &[&str]) -> How {
    let excludes = addresses.iter().map(|a| a.parse().unwrap()).collect();
    How { scope: Scope { excludes, ..Scope::default() }, ..How::default() }
}

/// A state and a cloud.
pub struct World {
    pub recorded: RecordedWorld,
    pub cloud: Cloud,
}

impl Default for World {
    fn default() -> Self {
        let recorded = RecordedWorld { lineage: "mine".into(), serial: 1, ..RecordedWorld::default() };
        World { recorded, cloud: Cloud::default() }
    }
}

/// How to plan.
pub struct How {
    pub mode: PlanMode,
    pub refresh: bool,
    pub replace: BTreeSet<Address>,
    pub scope: Scope,
    pub refactoring: Refactoring,
}

impl Default for How {
    fn default() -> Self {
        How {
            mode: PlanMode::Apply,
            refresh: true,
            replace: BTreeSet::new(),
            scope: Scope::default(),
            refactoring: Refactoring::NONE,
        }
    }
}

pub fn destroying() -> How {
    How { mode: PlanMode::Destroy, ..How::default() }
}

impl World {
    pub fn try_plan(&self, config: &Config, how: &How) -> Result<Plan, Vec<Diagnostic>> {
        let draft = Draft::new(config)?;
        let looks = draft.looks(&self.recorded);
        let objects: HashMap<ResourceId, Json> = looks
            .iter()
            .filter_map(|look| Some((look.wanted.id.clone(), self.cloud.get(&look.wanted.id)?.clone())))
            .collect();
        let observed = if how.refresh { Observed::Objects(&objects) } else { Observed::Nothing };
        make(
            &draft,
            &Request {
                configuration: config,
                kinds: &kinds::Table,
                recorded: &self.recorded,
                observed,
                mode: how.mode,
                replace: &how.replace,
                scope: &how.scope,
                refactoring: &how.refactoring,
                locate: &|_| None,
            },
        )
    }

    pub fn plan(&self, config: &Config) -> Plan {
        self.try_plan(config, &How::default()).unwrap_or_else(|found| panic!("{}", text::diagnostics(&found)))
    }

    /// Why there is no plan.
    pub fn refused(&self, config: &Config, how: &How) -> String {
        text::diagnostics(&self.try_plan(config, how).expect_err("a refusal"))
    }

    /// Plans and applies, with everything checked that must hold of every plan.
    pub fn apply(&mut self, config: &Config) -> Plan {
        let plan = self.plan(config);
        self.carry_out(config, &plan).unwrap_or_else(|why| panic!("{why}\n{}", text::plan(&plan)));
        plan
    }

    pub fn with(configs: &[&Config]) -> World {
        let mut world = World::default();
        for config in configs {
            world.apply(config);
        }
        world
    }
}
