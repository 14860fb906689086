//! What durability costs: records and whole steps per second, with the real journal on the real disk.
//!
//! `cargo bench -p lazuli-executor`; the journal lies in `BENCH_DIR`, else in the folder for temporary files.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_core::configuration::{Configuration, Known, Output};
use lazuli_core::journal::{Journal, JournalError, Record};
use lazuli_core::kind::{Kind, Kinds};
use lazuli_core::plan::{Action, Change, Edge, Operation, Plan, PlanMode, Step};
use lazuli_core::provider::{Observation, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{
    Declaration, Desired, Lifecycle, Mode, ProviderName, ResourceId, ResourceType, Timeouts,
};
use lazuli_core::{Address, Diagnostics, Json, Value};
use lazuli_executor::{Cancel, Providers, Run, execute};
use lazuli_state::{Backend, KeySources, OpenOptions, OpenState};
use tokio::sync::{mpsc, watch};

struct Instantly;

#[async_trait::async_trait]
impl Provider for Instantly {
    async fn observe(&self, _: &[Wanted]) -> Result<Observation, ProviderError> {
        Ok(Observation::default())
    }
    async fn read(&self, _: &ResourceType, _: &ResourceId) -> Result<Option<Json>, ProviderError> {
        Ok(None)
    }
    async fn put(&self, request: Put<'_>, _: &dyn Watch) -> Result<Json, ProviderError> {
        Ok(request.body.clone())
    }
    async fn delete(&self, _: &ResourceType, _: &ResourceId, _: &dyn Watch) -> Result<(), ProviderError> {
        Ok(())
    }
    async fn resume(&self, _: &str, _: &dyn Watch) -> Result<(), ProviderError> {
        Ok(())
    }
}

struct Only;

impl Providers for Only {
    fn provider(&self, _: ProviderName, _: &str) -> Option<Arc<dyn Provider>> {
        Some(Arc::new(Instantly))
    }
}

impl Kinds for Only {
    fn kind(&self, _: &ResourceType) -> &Kind {
        static KIND: Kind = Kind::GENERAL;
        &KIND
    }
}

struct Forgetful;

#[async_trait::async_trait]
impl Journal for Forgetful {
    async fn append(&self, _: Record) -> Result<(), JournalError> {
        Ok(())
    }
}

struct Configured {
    declarations: Vec<Declaration>,
    body: Value,
}

impl Configuration for Configured {
    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }
    fn evaluate(&self, index: usize, _: &dyn Known) -> Result<Desired, Diagnostics> {
        Ok(Desired {
            provider: ProviderName::Azure,
            account: "main".into(),
            ty: ty(),
            id: Some(id(index)),
            body: self.body.clone(),
            slot: None,
            succeeds: None,
        })
    }
    fn outputs(&self, _: &dyn Known) -> Result<Vec<Output>, Diagnostics> {
        Ok(Vec::new())
    }

    fn reads_of_outputs(&self) -> Vec<(Arc<str>, Vec<Address>)> {
        Vec::new()
    }
}

fn ty() -> ResourceType {
    ResourceType::new("Test.Things/things", "2026-01-01")
}

fn id(index: usize) -> ResourceId {
    ResourceId::new(format!("/subscriptions/s/resourceGroups/g/providers/Test.Things/things/r{index}"))
}

fn address(index: usize) -> Address {
    Address::root("resource", &format!("r{index}"))
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Independent,
    Chain,
}

fn plan(count: usize, shape: Shape, world: &RecordedWorld, body: &Value) -> Plan {
    let number = |i: usize| u32::try_from(i).unwrap();
    let change = |i: usize| Change {
        address: address(i),
        previous_address: None,
        mode: Mode::Managed,
        action: Action::Create,
        reason: None,
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ty(),
        title: "thing".into(),
        id: Some(id(i)),
        previous_id: None,
        before: None,
        after: Some(body.clone()),
        paths: Vec::new(),
        origin: None,
        changed_at: None,
    };
    let step = |i: usize| Step {
        number: number(i),
        address: address(i),
        operation: Operation::Create,
        change: number(i),
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ty(),
        id: Some(id(i)),
        planned: Some(body.clone()),
        removed: Vec::new(),
        deposed: false,
        dependencies: Vec::new(),
        lock: None,
        timeout: 600,
        expected: 1.0,
        slot: None,
        prevent_destroy: false,
    };
    let edge = |i: usize| Edge { before: number(i - 1), after: number(i), because: "chain".into() };
    Plan {
        mode: PlanMode::Apply,
        lineage: world.lineage.clone(),
        serial: world.serial,
        changes: (0..count).map(change).collect(),
        drift: Vec::new(),
        steps: (0..count).map(step).collect(),
        edges: if shape == Shape::Chain { (1..count).map(edge).collect() } else { Vec::new() },
        outputs: Vec::new(),
        scope: Default::default(),
        left_out: Default::default(),
    }
}

fn declaration(i: usize) -> Declaration {
    Declaration {
        address: address(i),
        mode: Mode::Managed,
        dependencies: Vec::new(),
        origin: None,
        lifecycle: Lifecycle::default(),
        timeouts: Timeouts::default(),
        rollout: None,
    }
}

fn body() -> Value {
    Value::object([
        ("location", Value::string("eastus2")),
        ("tags", Value::object([("managed-by", Value::string("lazuli"))])),
        (
            "properties",
            Value::object([("size", Value::int(3)), ("name", Value::string("a name of some length"))]),
        ),
    ])
}

fn folder() -> tempfile::TempDir {
    match std::env::var_os("BENCH_DIR") {
        Some(place) => tempfile::tempdir_in(place).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

fn open(folder: &tempfile::TempDir) -> OpenState {
    let options = OpenOptions {
        command: "bench".into(),
        who: "bench@host".into(),
        now: "2026-11-22T14:00:00Z".into(),
        lock_timeout: Duration::ZERO,
        keys: KeySources::default(),
    };
    Backend::local(folder.path().join("lazuli.state")).open(options, None).unwrap()
}

fn row(name: &str, count: usize, elapsed: Duration) {
    #[allow(clippy::cast_precision_loss)] // a table for people
    let each = elapsed.as_secs_f64() * 1e6 / count as f64;
    println!("{name:<44} {count:>7} {:>10.3} s {each:>9.1} µs each", elapsed.as_secs_f64());
}

async fn appends(count: usize) {
    let folder = folder();
    let mut state = open(&folder);
    let journal = state.journal().unwrap();
    let resource = Recorded {
        address: address(0),
        mode: Mode::Managed,
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ty(),
        id: id(0),
        inputs: lazuli_core::encoding::to_json(&body()).unwrap(),
        observed: lazuli_core::encoding::to_json(&body()).unwrap(),
        dependencies: Vec::new(),
        sensitive: Vec::new(),
        write_only: std::collections::BTreeMap::new(),
        prevent_destroy: false,
        slot: None,
        pending: None,
        created_at: String::new(),
        updated_at: String::new(),
    };
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..count {
        let (journal, mut resource) = (journal.clone(), resource.clone());
        resource.address = address(i);
        let record = Record::Done { step: u32::try_from(i).unwrap(), resource: Some(Box::new(resource)) };
        tasks.spawn(async move { journal.append(record).await.unwrap() });
    }
    tasks.join_all().await;
    row("journal appends from parallel tasks", count, began.elapsed());
    let began = Instant::now();
    state.commit().unwrap();
    row("  writing the state they make", count, began.elapsed());
}

async fn steps(count: usize, shape: Shape, durable: bool, parallelism: usize) {
    let folder = folder();
    let mut state = open(&folder);
    let world = state.world().clone();
    let journal: Arc<dyn Journal> = if durable { state.journal().unwrap() } else { Arc::new(Forgetful) };
    let run = Run {
        plan: Arc::new(plan(count, shape, &world, &body())),
        configuration: Arc::new(Configured {
            declarations: (0..count).map(declaration).collect(),
            body: body(),
        }),
        kinds: Arc::new(Only),
        providers: Arc::new(Only),
        journal,
        recorded: world,
        observed: Arc::default(),
        looked: true,
        hidden: |_| &[],
        salt: Arc::from(&b"salt"[..]),
        now: Arc::new(|| "2026-11-22T14:00:00Z".into()),
        parallelism,
        give_up: None,
    };
    let (tell, mut told) = mpsc::unbounded_channel();
    let (_keep, cancel) = watch::channel(Cancel::Go);
    let began = Instant::now();
    let report = execute(run, tell, cancel).await;
    let elapsed = began.elapsed();
    assert!(report.is_complete());
    while told.try_recv().is_ok() {}
    let shape = if shape == Shape::Chain { "chain" } else { "independent" };
    let log = if durable { "real journal" } else { "no journal" };
    row(&format!("{shape} steps, {log}, {parallelism} at once"), count, elapsed);
}

#[tokio::main]
async fn main() {
    println!("{:<44} {:>7} {:>12}", "what", "count", "took");
    appends(2_000).await;
    appends(10_000).await;
    for count in [2_000, 10_000] {
        steps(count, Shape::Independent, false, 10).await;
        steps(count, Shape::Independent, true, 10).await;
        steps(count, Shape::Independent, true, 64).await;
    }
    steps(10_000, Shape::Chain, false, 10).await;
    steps(1_000, Shape::Chain, true, 10).await;
}
