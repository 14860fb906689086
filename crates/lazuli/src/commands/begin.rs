//! What commands have in common before they do their own: the project, its accounts, its state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lazuli_cluster::roster::Renewals;
use lazuli_config::Moment;
use lazuli_core::recorded::RecordedWorld;
use lazuli_planner::Draft;

use super::tell;
use crate::accounts::{self, DeclaredAccount};
use crate::backend::StatePlace;
use crate::blueprint::Blueprint;
use crate::blueprint::build::Ground;
use crate::cli::{Variables, variables_of_environment};
use crate::clouds::Clouds;
use crate::failure::Failure;
use crate::host;
use crate::planning;
use crate::project::load::Rejected;
use crate::project::{Inputs, Project};
use crate::terminal::Printer;

/// A project with its accounts and the place of its state.
pub(super) struct Setting {
    pub(super) project: Project,
    pub(super) accounts: BTreeMap<Arc<str>, DeclaredAccount>,
    pub(super) state: StatePlace,
}

impl Setting {
    /// Reads the current directory.
    pub(super) fn here(variables: &Variables, printer: &Printer) -> Result<Setting, Failure> {
        let inputs = Inputs::read(Path::new("."), variables, variables_of_environment(std::env::vars_os()))?;
        Setting::of(inputs, Some(Path::new(".")), printer)
    }

    /// Takes inputs that were read before.
    pub(super) fn of(inputs: Inputs, dir: Option<&Path>, printer: &Printer) -> Result<Setting, Failure> {
        let project = Project::load(inputs, dir).map_err(everything_wrong)?;
        tell(printer, &Failure::at(project.warnings.clone(), &project.sources));
        let accounts = planning::accounts(&project).map_err(|failure| {
            let Failure { diagnostics, sources } = failure;
            everything_wrong(Rejected { diagnostics, sources, evaluator: project.evaluator.clone() })
        })?;
        let state = StatePlace::of(&project)?;
        Ok(Setting { project, accounts, state })
    }

    /// The subscription each account leads to.
    pub(super) fn subscriptions(&self) -> BTreeMap<String, String> {
        let leads =
            |account: &DeclaredAccount| account.naming(&host::environment).subscription_id.to_string();
        self.accounts.iter().map(|(name, account)| (name.to_string(), leads(account))).collect()
    }

    /// The project as it is evaluated from now on, while it is applied.
    pub(super) fn project_for_apply(&self) -> Result<Project, Failure> {
        let seed: Vec<u8> =
            [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().flat_map(|id| *id.as_bytes()).collect();
        let moment = Moment { time: host::now().into(), seed: seed.into() };
        self.project.for_apply(moment).map_err(everything_wrong)
    }

    /// Opens the accounts that the configuration or the record uses.
    pub(super) async fn clouds(&self, recorded: &RecordedWorld, parallel: usize) -> Result<Clouds, Failure> {
        let mut used: BTreeSet<Arc<str>> = recorded.resources.values().map(|r| r.account.clone()).collect();
        used.extend(recorded.deposed.iter().map(|r| r.account.clone()));
        let anything = self.project.evaluator.modules().modules().any(|(_, module)| {
            !(module.clusters.is_empty() && module.resources.is_empty() && module.data.is_empty())
        });
        let needed: Vec<_> = self.accounts.values().filter(|a| anything || used.contains(&a.name)).collect();
        let missing: Vec<_> = needed.iter().filter_map(|account| account.missing().cloned()).collect();
        if !missing.is_empty() {
            return Err(Failure::at(missing, &self.project.sources));
        }
        Clouds::open(needed, &self.state.folder(), parallel, &host::environment).await
    }
}

/// All mistakes at once: what is wrong with blocks is looked for also when names or values are wrong.
pub(super) fn everything_wrong(rejected: Rejected) -> Failure {
    let Rejected { mut diagnostics, sources, evaluator } = rejected;
    let accounts = accounts::declared(&evaluator, &host::environment).unwrap_or_else(|found| {
        diagnostics.extend(found);
        BTreeMap::new()
    });
    let (recorded, renewals) = (RecordedWorld::default(), Renewals::new());
    let naming = accounts.iter().map(|(name, account)| (name.clone(), account.naming(&host::environment)));
    let ground = Ground {
        evaluator,
        accounts: naming.collect(),
        recorded: &recorded,
        renewals: &renewals,
        boots: false,
    };
    let found = Blueprint::build(&ground).and_then(|blueprint| Draft::new(&blueprint).map(drop)).err();
    lazuli_config::merge(&mut diagnostics, found.unwrap_or_default());
    Failure { diagnostics, sources }
}
