//! The whole of Lazuli, from text to a durable state, against a provider that answers at once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lazuli::blueprint::Blueprint;
use lazuli::blueprint::build::Ground;
use lazuli::planning;
use lazuli::project::{Inputs, Project};
use lazuli::render;
use lazuli_azure::AzureKinds;
use lazuli_cluster::roster::Renewals;
use lazuli_core::Json;
use lazuli_core::plan::{Operation, Plan, PlanMode};
use lazuli_core::provider::{Observation, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{ProviderName, ResourceId, ResourceType};
use lazuli_executor::{Cancel, Providers, Run, execute};
use lazuli_planner::{Draft, Observed, Refactoring, Request, make};
use lazuli_state::{Backend, KeySources, OpenOptions, OpenState};
use tokio::sync::{mpsc, watch};

use crate::Act;

/// How many steps run at the same time: the default of the command line.
const PARALLELISM: usize = lazuli_executor::execute::PARALLELISM;

/// Does one act in a folder with a configuration and perhaps a state.
pub(crate) fn child(act: Act, folder: &Path) {
    let inputs = Inputs { files: files(folder), ..Inputs::default() };
    let Ok(project) = Project::load(inputs, None) else { panic!("the configuration is right") };
    let state = open(folder);
    let provider = Instantly { objects: objects(state.world()) };
    let mode = if act == Act::Destroy { PlanMode::Destroy } else { PlanMode::Apply };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (plan, observed) = runtime.block_on(plan(&project, state.world(), &provider, mode));
    match act {
        Act::Plan => assert_eq!(plan.steps.len(), plan.changes.len()),
        Act::NoOp => assert!(plan.is_empty() && !plan.changes.is_empty()),
        Act::Shown => {
            let context = render::plan::Context { time_factor: 1.0, ..Default::default() };
            println!("{}", render::plan::text(&plan, &context, 100, false));
        }
        Act::Events => {
            for change in plan.changes.iter().filter_map(render::events::planned_change) {
                println!("{change}");
            }
            println!("{}", render::events::plan_summary(&plan));
        }
        Act::Apply | Act::Destroy => {
            runtime.block_on(apply(&project, state, plan, observed, provider));
            return;
        }
    }
    std::mem::forget((plan, project)); // as the command does
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "hcl")).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("text"))).collect()
}

fn open(folder: &Path) -> OpenState {
    let options = OpenOptions {
        command: "bench".into(),
        who: "bench@host".into(),
        now: "2026-11-22T14:00:00Z".into(),
        lock_timeout: Duration::ZERO,
        keys: KeySources::default(),
    };
    Backend::local(folder.join("lazuli.state")).open(options, None).expect("a state")
}

/// What exists: what the record says.
fn objects(world: &RecordedWorld) -> HashMap<ResourceId, Json> {
    world.resources.values().map(|recorded| (recorded.id.clone(), recorded.observed.clone())).collect()
}

fn blueprint(project: &Project, recorded: &RecordedWorld) -> Blueprint {
    let accounts = planning::accounts(project).unwrap_or_default();
    let ground = Ground {
        evaluator: Arc::clone(&project.evaluator),
        accounts: accounts.iter().map(|(name, account)| (name.clone(), account.naming(&|_| None))).collect(),
        recorded,
        renewals: &Renewals::new(),
        boots: false,
    };
    Blueprint::build(&ground).expect("a blueprint")
}

async fn plan(
    project: &Project,
    recorded: &RecordedWorld,
    provider: &Instantly,
    mode: PlanMode,
) -> (Plan, HashMap<ResourceId, Json>) {
    let blueprint = blueprint(project, recorded);
    let draft = Draft::new(&blueprint).expect("a draft");
    let wanted: Vec<Wanted> = draft.looks(recorded).into_iter().map(|look| look.wanted).collect();
    let observed = provider.observe(&wanted).await.expect("an answer").objects;
    let request = Request {
        configuration: &blueprint,
        kinds: &AzureKinds,
        recorded,
        observed: Observed::Objects(&observed),
        mode,
        replace: &Default::default(),
        scope: &Default::default(),
        refactoring: &Refactoring::NONE,
        locate: &|span| project.sources.location(span),
    };
    let plan = make(&draft, &request).expect("a plan");
    (plan, observed)
}

/// As the command does it: evaluated anew, every step through the journal, the state written at the end.
async fn apply(
    project: &Project,
    mut state: OpenState,
    plan: Plan,
    observed: HashMap<ResourceId, Json>,
    provider: Instantly,
) {
    let moment = lazuli_config::Moment { time: "2026-11-22T14:00:00Z".into(), seed: Arc::from(&b"seed"[..]) };
    let Ok(project) = project.for_apply(moment) else { panic!("it was right before") };
    let recorded = state.world().clone();
    let blueprint = Arc::new(blueprint(&project, &recorded));
    let journal = state.journal().expect("a journal");
    let run = Run {
        plan: Arc::new(plan),
        configuration: blueprint,
        kinds: Arc::new(AzureKinds),
        providers: Arc::new(Only(Arc::new(provider))),
        journal: journal.clone(),
        recorded,
        observed: Arc::new(observed),
        looked: true,
        hidden: |_| &[],
        salt: Arc::from(&b"salt"[..]),
        now: Arc::new(lazuli::host::now),
        parallelism: PARALLELISM,
        give_up: None,
    };
    let (tell, mut told) = mpsc::unbounded_channel();
    let listener = tokio::spawn(async move { while told.recv().await.is_some() {} });
    let (_keep, cancel) = watch::channel(Cancel::Go);
    let report = execute(run, tell, cancel).await;
    assert!(report.is_complete());
    listener.await.expect("it ends with the run");
    drop(journal);
    assert!(state.commit().expect("a state").written);
}

/// The provider that answers at once: what is sent comes back, with what only the provider knows.
struct Instantly {
    objects: HashMap<ResourceId, Json>,
}

#[async_trait::async_trait]
impl Provider for Instantly {
    async fn observe(&self, wanted: &[Wanted]) -> Result<Observation, ProviderError> {
        let found = |wanted: &Wanted| Some((wanted.id.clone(), self.objects.get(&wanted.id)?.clone()));
        Ok(Observation { objects: wanted.iter().filter_map(found).collect(), requests: 1 })
    }

    async fn read(&self, _: &ResourceType, id: &ResourceId) -> Result<Option<Json>, ProviderError> {
        Ok(self.objects.get(id).cloned())
    }

    async fn put(&self, request: Put<'_>, _: &dyn Watch) -> Result<Json, ProviderError> {
        let mut object = request.body.clone();
        object["id"] = request.id.as_str().into();
        object["name"] = request.id.name().into();
        object["properties"]["provisioningState"] = "Succeeded".into();
        object["properties"]["made"] = format!("made-{}", request.id.name()).into();
        assert_eq!(request.operation, Operation::Create);
        Ok(object)
    }

    async fn delete(&self, _: &ResourceType, _: &ResourceId, _: &dyn Watch) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn resume(&self, _: &str, _: &dyn Watch) -> Result<(), ProviderError> {
        Ok(())
    }
}

struct Only(Arc<Instantly>);

impl Providers for Only {
    fn provider(&self, _: ProviderName, _: &str) -> Option<Arc<dyn Provider>> {
        Some(self.0.clone())
    }
}
