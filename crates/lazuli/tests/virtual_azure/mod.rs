//! Whole runs in virtual time: configuration, plan, execution and a state on disk, against a simulated Azure without
//! sockets. Time is tokio's paused clock, so an apply of ten minutes takes a moment and is always the same one.
//!
//! ```ignore
//! virtual_azure::block_on(async {
//!     let azure = VirtualAzure::new(&Azure::default());
//!     let applied = azure.apply(&configuration).await;
//!     assert!(applied.report.is_complete());
//!     assert!(azure.apply(&configuration).await.plan.is_empty());
//! });
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness that cannot go on should stop"
)]
#![allow(dead_code, reason = "tests and benches use different parts")]

pub(crate) mod bounds;
mod client;
#[path = "../contract/mod.rs"]
mod contract;
pub(crate) mod inside;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lazuli::claims;
use lazuli::clouds::Clouds;
use lazuli::failure::Failure;
use lazuli::inside::{Inside, Routes};
use lazuli::kinds::{self, AllKinds};
use lazuli::planning::{self, Wish};
use lazuli::project::{Inputs, Project};
use lazuli::render::diagnostic;
use lazuli_azure::AzureProvider;
use lazuli_core::configuration::Configuration;
use lazuli_core::encoding;
use lazuli_core::journal::{Journal, Record};
use lazuli_core::plan::{Plan, PlanMode};
use lazuli_core::provider::Provider;
use lazuli_core::recorded::RecordedOutput;
use lazuli_core::resource::ProviderName;
use lazuli_executor::{Cancel, Event, Providers, Report, Run, execute, settle};
use lazuli_simulator::{Faults, InProcess, Pace, Profile, Seed, SeedFile, SeededGroup, Settings};
use lazuli_state::{Backend, KeySources, OpenState};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

pub(crate) use client::{Client, Request};

/// Names of nodes hang on the lineage: with a given one they are the same in every run.
const LINEAGE: &str = "11111111-2222-4333-8444-555555555555";

/// How the simulated Azure behaves and how the run goes.
#[derive(Clone)]
pub(crate) struct Azure {
    pub(crate) profile: Profile,
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) groups: Vec<(&'static str, &'static str)>,
    pub(crate) parallelism: usize,
}

impl Default for Azure {
    fn default() -> Self {
        Azure {
            profile: Profile::Realistic,
            seed: 1,
            faults: Faults::default(),
            groups: vec![("rg-quickstart", "eastus2"), ("rg", "eastus2")],
            parallelism: lazuli_executor::execute::PARALLELISM,
        }
    }
}

/// A simulated Azure and the folder of a project with its state. Runs one after the other go on from both.
pub(crate) struct VirtualAzure {
    client: Arc<Client>,
    parallelism: usize,
    folder: TempDir,
}

/// What a run did.
pub(crate) struct Ran {
    pub(crate) plan: Arc<Plan>,
    pub(crate) report: Report,
    /// What was told meanwhile, in order.
    pub(crate) events: Vec<Event>,
    /// What it sent, in order, with the moment in the run.
    pub(crate) requests: Vec<Request>,
    /// What it sent to the API servers of clusters, in order.
    pub(crate) inside: Vec<inside::Request>,
    /// How many of them sent something that was compared with Azure's published types, and how many resources in answers
    /// were.
    pub(crate) checked: (usize, usize),
    /// How many of them looked at what exists, as the plan tells it.
    pub(crate) refreshed_with: usize,
    /// The time between the first request of the plan and the last event, in Azure's time.
    pub(crate) elapsed: Duration,
}

/// Runs a future with a paused clock that jumps whenever nothing else can be done.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

impl VirtualAzure {
    /// A new Azure and an empty state. Must be called inside [`block_on`].
    pub(crate) fn new(azure: &Azure) -> Self {
        let group = |(name, location): &(&str, &str)| SeededGroup {
            name: (*name).to_owned(),
            location: (*location).to_owned(),
            tags: Default::default(),
        };
        let world =
            SeedFile { resource_groups: azure.groups.iter().map(group).collect(), ..SeedFile::default() };
        let settings = Settings {
            pace: Pace { profile: azure.profile, ..Pace::default() },
            faults: azure.faults.clone(),
            ..Settings::default()
        };
        let simulated = InProcess::start(azure.seed, &Seed { world, ..Seed::default() }, settings);
        // In memory where there is such a place: waiting for a disk is not what is tested here.
        let memory = std::path::Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder =
            tempfile::Builder::new().prefix("lazuli-virtual-").tempdir_in(place).expect("a temporary folder");
        std::fs::create_dir_all(folder.path().join(".lazuli")).expect("a folder");
        std::fs::write(folder.path().join(".lazuli/lineage"), LINEAGE).expect("a file");
        let client = Arc::new(Client::new(simulated.expect("the simulated Azure starts")));
        VirtualAzure { client, parallelism: azure.parallelism, folder }
    }

    /// Puts a file beside the configuration.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    /// Plans and applies a configuration of one file.
    pub(crate) async fn apply(&self, configuration: &str) -> Ran {
        self.run(configuration, PlanMode::Apply).await.unwrap_or_else(|failure| panic!("{}", text(&failure)))
    }

    /// Destroys everything that is recorded.
    pub(crate) async fn destroy(&self, configuration: &str) -> Ran {
        self.run(configuration, PlanMode::Destroy)
            .await
            .unwrap_or_else(|failure| panic!("{}", text(&failure)))
    }

    /// Finishes what an earlier run left, plans, applies and saves the state, as the commands do.
    pub(crate) async fn run(&self, configuration: &str, mode: PlanMode) -> Result<Ran, Failure> {
        self.run_until(configuration, mode, |_| false).await
    }

    /// The same, with a Ctrl-C at the first event that `stops` says yes to.
    pub(crate) async fn run_until(
        &self,
        configuration: &str,
        mode: PlanMode,
        stops: impl Fn(&Event) -> bool,
    ) -> Result<Ran, Failure> {
        let began = Instant::now();
        self.client.begin_run();
        let dir = self.folder.path();
        std::fs::write(dir.join("main.hcl"), configuration).expect("a file");
        let inputs = Inputs::read(dir, &Default::default(), BTreeMap::new())?;
        let project = Project::load(inputs, Some(dir))?;
        let accounts = planning::accounts(&project)?;
        let (connect, now) = (inside::Simulated(self.client.clone()), inside::clock(&self.client));
        let inside = Inside::new(Arc::new(connect), Routes::default(), now);
        let clouds = Clouds::of(accounts.keys().map(|name| (name.clone(), self.provider())), inside);
        let clouds = Arc::new(clouds);
        let backend = Backend::local(dir.join(planning::STATE));
        let keys = KeySources {
            passphrase: None,
            key_file: None,
            user_folder: Some(dir.join("keys")),
            ask: None,
            shared: false,
        };
        let mut state = planning::open_state(&backend, "apply", Duration::ZERO, keys, &|_| {})?;
        finish_earlier_run(&mut state, &clouds).await?;
        let recorded = state.world().clone();
        clouds.learn(&recorded);
        let wish = Wish { mode, ..Wish::plain(self.parallelism) };
        let planned = planning::plan(&project, &accounts, &clouds, &recorded, &wish, &|_| None).await?;
        let blueprint =
            planning::blueprint(&project, &accounts, &recorded, &planned.renewals, true, &|_| None)?;
        clouds.learn(&recorded);
        clouds.expect(&blueprint);
        let recorded = Arc::new(claims::with(&recorded, &planned.claims));
        let plan = Arc::new(planned.plan);
        let refreshed_with = planned.world.requests;
        let blueprint = Arc::new(blueprint);
        let journal = state.journal()?;
        let run = Run {
            plan: plan.clone(),
            configuration: blueprint.clone(),
            kinds: Arc::new(AllKinds),
            providers: Arc::new(ProvidersOf(clouds)),
            journal: journal.clone(),
            recorded: recorded.clone(),
            observed: Arc::new(planned.world.objects),
            looked: planned.refreshed && planned.renewals.is_empty(),
            hidden: kinds::hidden,
            salt: recorded.lineage.as_bytes().into(),
            now: Arc::new(lazuli::host::now),
            parallelism: self.parallelism,
            give_up: None,
        };
        let (ask, cancel) = watch::channel(Cancel::Go);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let listening = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                if stops(&event) {
                    ask.send_replace(Cancel::Stop);
                }
                events.push(event);
            }
            events
        };
        let (report, events) = tokio::join!(execute(run, sender, cancel), listening);
        if mode == PlanMode::Apply && report.is_complete() {
            let outputs = blueprint.outputs(&*report.objects);
            let outputs = outputs.map_err(|found| Failure::at(found, &project.sources))?;
            let recorded = outputs.into_iter().map(|output| {
                let value = encoding::to_json(&output.value).expect("a known value");
                (output.name, RecordedOutput { value, sensitive: output.sensitive })
            });
            journal.append(Record::Outputs { outputs: recorded.collect() }).await.expect("a durable record");
        }
        drop(journal);
        state.commit()?;
        let requests = self.client.requests();
        let inside = self.client.inside.requests();
        let checked = self.client.checked();
        Ok(Ran { plan, report, events, requests, inside, checked, refreshed_with, elapsed: began.elapsed() })
    }

    /// From here on these faults strike and no others.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.client.azure.set_faults(faults);
    }

    /// From here on these faults strike requests to the API servers of clusters and no others.
    pub(crate) fn set_faults_inside(&self, faults: Vec<inside::Fault>) {
        self.client.inside.set_faults(faults);
    }

    /// A client of a cluster's API that may do everything and that no fault strikes.
    pub(crate) fn kubernetes(&self, host: &str) -> kube::Client {
        inside::undisturbed(&self.client, host)
    }

    /// The host names of the API servers of all clusters.
    pub(crate) fn clusters(&self) -> Vec<String> {
        self.client.azure.clusters()
    }

    /// All objects of a resource (`v1/pods`) in a cluster, seen from outside of time.
    pub(crate) fn objects_inside(&self, host: &str, resource: &str) -> Vec<Arc<Json>> {
        self.client.azure.objects_inside(host, resource)
    }

    /// Whether most of the voters of a cluster's etcd run; `None` when there is no such cluster.
    pub(crate) fn has_quorum(&self, host: &str) -> Option<bool> {
        self.client.azure.has_quorum(host)
    }

    /// The nodes whose member a cluster's etcd knows.
    pub(crate) fn etcd_members(&self, host: &str) -> Vec<String> {
        self.client.azure.etcd_members(host)
    }

    /// Deletes something behind Lazuli's back. `target` is its id with the API version.
    pub(crate) async fn delete_outside(&self, target: &str) {
        client::delete(&self.client, target).await;
    }

    /// Everything that exists now in the simulated Azure, by id.
    pub(crate) fn objects(&self) -> BTreeMap<String, Json> {
        self.client.azure.objects()
    }

    /// The ids of everything that exists now except resource groups.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.objects().into_keys().filter(|id| id.contains("/providers/")).collect()
    }

    fn provider(&self) -> AzureProvider {
        client::provider(&self.client, self.parallelism)
    }
}

async fn finish_earlier_run(state: &mut OpenState, clouds: &Arc<Clouds>) -> Result<(), Failure> {
    clouds.learn(state.world());
    let settled =
        settle::settle(state.world(), &ProvidersOf(clouds.clone()), true, kinds::hidden, &|_, _| {}).await;
    if let Some(record) = settle::record(&settled) {
        state.journal()?.append(record).await.expect("a durable record");
        state.commit()?;
    }
    Ok(())
}

/// An example of the repository.
pub(crate) fn example(name: &str) -> String {
    let path = format!("{}/../../examples/{name}/main.hcl", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the example")
}

/// So many resources that depend on nothing.
pub(crate) fn route_tables(count: usize) -> String {
    format!(
        r#"
cloud_account "sandbox" {{
  simulator {{}}
}}
resource "table" {{
  count          = {count}
  cloud_account  = cloud_account.sandbox
  type           = "Microsoft.Network/routeTables@2025-05-01"
  resource_group = "rg"
  name           = "rt-${{count.index}}"
  location       = "eastus2"
}}
"#
    )
}

/// What a failure says, as a person would read it.
pub(crate) fn text(failure: &Failure) -> String {
    diagnostic::text(&failure.diagnostics, &failure.sources, 100)
}

struct ProvidersOf(Arc<Clouds>);

impl Providers for ProvidersOf {
    fn provider(&self, name: ProviderName, account: &str) -> Option<Arc<dyn Provider>> {
        match name {
            ProviderName::Azure => self.0.provider(account).map(|p| Arc::new(p.clone()) as Arc<dyn Provider>),
            ProviderName::Kubernetes => Some(Arc::new(self.0.inside.kubernetes.clone())),
            ProviderName::Tls => Some(Arc::new(self.0.inside.tls.clone())),
        }
    }
}
