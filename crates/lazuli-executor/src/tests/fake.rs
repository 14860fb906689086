//! A cloud, a configuration, a planner and a journal, all in memory and in virtual time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lazuli_core::configuration::{Configuration, Known, Output};
use lazuli_core::journal::{Journal, JournalError, Record};
use lazuli_core::kind::{Kind, Kinds};
use lazuli_core::plan::{Action, Change, Edge, Operation, Plan, PlanMode, Step};
use lazuli_core::provider::{Observation, Outcome, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{
    Declaration, Dependency, Desired, Lifecycle, Mode, ProviderName, ResourceId, ResourceType, Timeouts,
};
use lazuli_core::{Address, Diagnostics, Json, Path, Type, Value};
use lazuli_state::Replay;
use serde_json::json;
use tokio::sync::{Notify, mpsc, watch};

use crate::{Cancel, Event, EventKind, Providers, Report, Run, execute};

pub(super) fn address(name: &str) -> Address {
    Address::root("resource", name)
}

/// The id of a thing; `a_in_b` lies below `b`.
pub(super) fn id(name: &str) -> ResourceId {
    match name.split_once("_in_") {
        Some((name, above)) => ResourceId::new(format!("/g/{above}/parts/{name}")),
        None => ResourceId::new(format!("/g/{name}")),
    }
}

fn ty() -> ResourceType {
    ResourceType::new("Test.Things/things", "2026-01-01")
}

/// A resource of the test configuration.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) needs: Vec<String>,
    pub(super) seconds: f64,
    pub(super) lock: Option<&'static str>,
    pub(super) body: Value,
    pub(super) data: bool,
    pub(super) timeout: u64,
    pub(super) ignore: Vec<Path>,
}

/// A thing that needs others: of each it takes the number the cloud gave it.
pub(super) fn thing(name: &str, needs: &[&str], seconds: f64) -> Thing {
    let numbers = needs.iter().map(|n| {
        (*n, Value::unknown_from(address(n), "properties.number".parse::<Path>().unwrap(), Type::Number))
    });
    let body = Value::object([("properties", Value::object(numbers))]);
    let needs = needs.iter().map(|n| (*n).to_owned()).collect();
    Thing {
        name: name.into(),
        needs,
        seconds,
        lock: None,
        body,
        data: false,
        timeout: 600,
        ignore: Vec::new(),
    }
}

pub(super) struct Things {
    pub(super) things: Vec<Thing>,
    declarations: Vec<Declaration>,
}

impl Things {
    pub(super) fn new(things: Vec<Thing>) -> Arc<Things> {
        let declare = |t: &Thing| Declaration {
            address: address(&t.name),
            mode: if t.data { Mode::Data } else { Mode::Managed },
            dependencies: t
                .needs
                .iter()
                .map(|n| Dependency {
                    on: address(n),
                    because: "properties".into(),
                    span: None,
                    bond: lazuli_core::resource::Bond::Reference,
                })
                .collect(),
            origin: None,
            lifecycle: Lifecycle { ignore: t.ignore.clone(), ..Lifecycle::default() },
            timeouts: Timeouts::default(),
            rollout: None,
        };
        let declarations = things.iter().map(declare).collect();
        Arc::new(Things { things, declarations })
    }
}

impl Configuration for Things {
    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    fn evaluate(&self, index: usize, known: &dyn Known) -> Result<Desired, Diagnostics> {
        let thing = &self.things[index];
        let body = thing.body.map_unknown(&mut |unknown| {
            let source = unknown.source.as_ref()?;
            known.object(&source.address)?.value.at(&source.path).cloned()
        });
        Ok(Desired {
            provider: ProviderName::Azure,
            account: "main".into(),
            ty: ty(),
            id: Some(id(&thing.name)),
            body,
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

/// What goes wrong with one object, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Refused; nothing happens.
    Refused,
    /// Done, and the answer is lost.
    AnswerLost,
    /// Not done, and nobody can tell.
    RequestLost,
    /// It exists afterwards, in a failed state.
    EndsFailed,
    /// Accepted, and never finished.
    Hangs,
    /// Refused, or nobody can tell, with words that repeat what was sent.
    Repeats(Outcome),
    /// It waits for others, until it is stopped.
    WaitsForOthers,
    /// The code panics.
    Panics,
}

/// A provider whose objects are counted, slow in virtual time, and fail as told.
#[derive(Default)]
pub(super) struct Cloud {
    pub(super) objects: Mutex<BTreeMap<String, Json>>,
    pub(super) reads: Mutex<Vec<String>>,
    pub(super) log: Mutex<Vec<String>>,
    pub(super) seconds: Mutex<HashMap<String, f64>>,
    pub(super) faults: Mutex<HashMap<String, Fault>>,
    jammed: Mutex<std::collections::HashSet<String>>,
    pub(super) unreadable: Mutex<bool>,
    /// Whether nobody can be asked about an operation.
    pub(super) speechless: Mutex<bool>,
    /// What exists only after it was looked for so many times.
    pub(super) late: Mutex<HashMap<String, (usize, Json)>>,
    /// Whether what was accepted is finished although nobody waits for it.
    pub(super) goes_on: bool,
    running: Mutex<(usize, usize)>,
}

type Finish<'a> = Box<dyn FnOnce(&Cloud) + Send + 'a>;

/// Finishes what was accepted when the run is stopped: the cloud goes on without us.
struct GoesOn<'a> {
    cloud: &'a Cloud,
    finish: Option<Finish<'a>>,
}

impl Drop for GoesOn<'_> {
    fn drop(&mut self) {
        if let (true, Some(finish)) = (self.cloud.goes_on, self.finish.take()) {
            finish(self.cloud);
        }
    }
}

struct Busy<'a>(&'a Cloud);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.running.lock().unwrap().0 -= 1;
    }
}

impl Cloud {
    pub(super) fn most_at_once(&self) -> usize {
        self.running.lock().unwrap().1
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().map(|k| k.rsplit('/').next().unwrap().to_owned()).collect()
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// From now on it can neither be changed nor deleted.
    pub(super) fn jam(&self, name: &str) {
        self.jammed.lock().unwrap().insert(name.into());
    }

    pub(super) fn break_once(&self, name: &str, fault: Fault) {
        self.faults.lock().unwrap().insert(name.into(), fault);
    }

    fn store(&self, id: &str, body: &Json, state: &str) -> Json {
        let mut object = body.clone();
        let mut objects = self.objects.lock().unwrap();
        let known = objects.get(id).and_then(|o| o.pointer("/properties/number").cloned());
        object["properties"]["provisioningState"] = state.into();
        object["properties"]["number"] = known.unwrap_or_else(|| id.rsplit('/').next().unwrap().len().into());
        if let Some(properties) = object["properties"].as_object_mut() {
            properties.remove("password");
        }
        objects.insert(id.to_owned(), object.clone());
        object
    }

    async fn work<'a>(
        &'a self,
        verb: &str,
        id: &ResourceId,
        watch: &dyn Watch,
        finish: impl FnOnce(&Cloud) + Send + 'a,
    ) -> Result<Option<Fault>, ProviderError> {
        let name = id.name().to_owned();
        let _busy = {
            let mut running = self.running.lock().unwrap();
            running.0 += 1;
            running.1 = running.1.max(running.0);
            Busy(self)
        };
        self.log.lock().unwrap().push(format!("{verb} {name}"));
        if self.jammed.lock().unwrap().contains(&name) {
            return Err(ProviderError::own("ScopeLocked", "it is locked", Outcome::Nothing));
        }
        let fault = self.faults.lock().unwrap().remove(&name);
        let url = format!("https://poll/{name}");
        match fault {
            Some(Fault::Refused) => return Err(ProviderError::own("Conflict", "no room", Outcome::Nothing)),
            Some(Fault::Repeats(outcome)) => {
                return Err(
                    ProviderError::own("Bad", "`hunter2` is not allowed", outcome).advise("not hunter2")
                );
            }
            Some(Fault::RequestLost) => {
                return Err(ProviderError::own("Reset", "connection reset", Outcome::Unknown));
            }
            Some(Fault::Panics) => panic!("a mistake"),
            Some(Fault::WaitsForOthers) => {
                watch.stopping().await;
                return Err(ProviderError::interrupted(Outcome::Unknown));
            }
            Some(Fault::Hangs) => {
                watch
                    .accepted(&url)
                    .await
                    .map_err(|e| ProviderError::own("Journal", e.to_string(), Outcome::Unknown))?;
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        let seconds = self.seconds.lock().unwrap().get(&name).copied().unwrap_or(0.0);
        if seconds > 0.0 {
            let mut goes_on = GoesOn { cloud: self, finish: Some(Box::new(finish)) };
            watch
                .accepted(&url)
                .await
                .map_err(|e| ProviderError::own("Journal", e.to_string(), Outcome::Unknown))?;
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            goes_on.finish = None;
        }
        Ok(fault)
    }
}

#[async_trait::async_trait]
impl Provider for Cloud {
    async fn observe(&self, _: &[Wanted]) -> Result<Observation, ProviderError> {
        Ok(Observation::default())
    }

    async fn read(&self, _: &ResourceType, id: &ResourceId) -> Result<Option<Json>, ProviderError> {
        if *self.unreadable.lock().unwrap() {
            return Err(ProviderError::own("Reset", "connection reset", Outcome::Nothing));
        }
        self.reads.lock().unwrap().push(id.name().to_owned());
        let mut objects = self.objects.lock().unwrap();
        let mut late = self.late.lock().unwrap();
        if let Some((times, object)) = late.get_mut(id.name()) {
            match times.checked_sub(1) {
                Some(left) => *times = left,
                None => _ = objects.insert(id.as_str().to_owned(), object.clone()),
            }
        }
        Ok(objects.get(id.as_str()).cloned())
    }

    async fn put(&self, request: Put<'_>, watch: &dyn Watch) -> Result<Json, ProviderError> {
        let verb = if request.operation == Operation::Create { "create" } else { "update" };
        let finish = |cloud: &Cloud| {
            cloud.store(request.id.as_str(), request.body, "Succeeded");
        };
        let fault = self.work(verb, request.id, watch, finish).await?;
        let state = if fault == Some(Fault::EndsFailed) { "Failed" } else { "Succeeded" };
        let object = self.store(request.id.as_str(), request.body, state);
        match fault {
            Some(Fault::AnswerLost) => Err(ProviderError::own("Reset", "connection reset", Outcome::Unknown)),
            Some(Fault::EndsFailed) => Err(ProviderError::own("Failed", "it ended failed", Outcome::Unknown)),
            _ => Ok(object),
        }
    }

    async fn delete(
        &self,
        _: &ResourceType,
        id: &ResourceId,
        watch: &dyn Watch,
    ) -> Result<(), ProviderError> {
        let finish = |cloud: &Cloud| {
            cloud.objects.lock().unwrap().remove(id.as_str());
        };
        let fault = self.work("delete", id, watch, finish).await?;
        self.objects.lock().unwrap().remove(id.as_str());
        match fault {
            Some(Fault::AnswerLost) => Err(ProviderError::own("Reset", "connection reset", Outcome::Unknown)),
            _ => Ok(()),
        }
    }

    async fn resume(&self, _: &str, _: &dyn Watch) -> Result<(), ProviderError> {
        if *self.speechless.lock().unwrap() {
            return Err(ProviderError::own("Http503", "try again later", Outcome::Unknown));
        }
        Ok(())
    }
}

pub(super) struct OneCloud(pub(super) Arc<Cloud>);

impl Providers for OneCloud {
    fn provider(&self, _: ProviderName, account: &str) -> Option<Arc<dyn Provider>> {
        (account == "main").then(|| self.0.clone() as Arc<dyn Provider>)
    }
}

/// Keeps records in memory; the machine stops when as many as told are durable.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) records: Mutex<Vec<Record>>,
    pub(super) stops_after: Option<usize>,
    pub(super) fails_after: Option<usize>,
    pub(super) stopped: Notify,
}

#[async_trait::async_trait]
impl Journal for Memory {
    async fn append(&self, record: Record) -> Result<(), JournalError> {
        let dead = {
            let mut records = self.records.lock().unwrap();
            if self.fails_after.is_some_and(|n| records.len() >= n) {
                return Err(JournalError { reason: "no space left on device".into() });
            }
            let dead = self.stops_after.is_some_and(|n| records.len() >= n);
            if !dead {
                records.push(record);
            }
            dead
        };
        if dead {
            self.stopped.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await; // as if another thread made it durable
        Ok(())
    }
}

pub(super) struct GeneralKinds;

static PASSWORD: Kind = Kind { write_only: &["properties.password"], ..Kind::GENERAL };

impl Kinds for GeneralKinds {
    fn kind(&self, _: &ResourceType) -> &Kind {
        &PASSWORD
    }
}

/// As much of a planner as the tests need: what is missing is created, what is unfinished or other is updated, what is
/// not declared is deleted.
pub(super) fn plan(things: &Things, world: &RecordedWorld, cloud: &Cloud) -> Plan {
    let nothing = crate::Objects::default();
    let objects = cloud.objects.lock().unwrap();
    let mut plan = Plan {
        mode: PlanMode::Apply,
        lineage: world.lineage.clone(),
        serial: world.serial,
        changes: Vec::new(),
        drift: Vec::new(),
        steps: Vec::new(),
        edges: Vec::new(),
        outputs: Vec::new(),
        scope: Default::default(),
        left_out: Default::default(),
    };
    let mut forward: HashMap<&str, u32> = HashMap::new();
    for (place, thing) in things.things.iter().enumerate() {
        let here = world.resources.get(&address(&thing.name));
        let seen = objects.get(id(&thing.name).as_str());
        let desired = things.evaluate(place, &nothing).unwrap();
        let action = match (here, seen) {
            _ if thing.data => Action::Read,
            (Some(here), Some(_)) if here.pending.is_none() => Action::NoOp,
            (_, Some(_)) => Action::Update,
            (_, None) => Action::Create,
        };
        let operation = match action {
            Action::NoOp => None,
            Action::Read => Some(Operation::Read),
            Action::Update => Some(Operation::Update),
            _ => Some(Operation::Create),
        };
        let change = change(&address(&thing.name), action, Some(desired.body.clone()));
        if let Some(operation) = operation {
            let number = add(&mut plan, operation, change, thing);
            for before in thing.needs.iter().filter_map(|n| forward.get(n.as_str())) {
                plan.edges.push(Edge { before: *before, after: number, because: "properties".into() });
            }
            forward.insert(&thing.name, number);
        } else {
            plan.changes.push(change);
        }
    }
    let mut deletes: HashMap<Address, u32> = HashMap::new();
    for gone in
        world.resources.values().filter(|r| !things.things.iter().any(|t| address(&t.name) == r.address))
    {
        let change = change(&gone.address, Action::Delete, None);
        let number = add(&mut plan, Operation::Delete, change, &thing(gone.id.name(), &[], 1.0));
        deletes.insert(gone.address.clone(), number);
    }
    for (of, before) in &deletes {
        for after in world.resources[of].dependencies.iter().filter_map(|on| deletes.get(on)) {
            plan.edges.push(Edge { before: *before, after: *after, because: "uses it".into() });
        }
    }
    plan
}

pub(super) fn change(address: &Address, action: Action, after: Option<Value>) -> Change {
    Change {
        address: address.clone(),
        previous_address: None,
        mode: if action == Action::Read { Mode::Data } else { Mode::Managed },
        action,
        reason: None,
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ty(),
        title: "thing".into(),
        id: Some(id(&address.segments()[1].name)),
        previous_id: None,
        before: None,
        after,
        paths: Vec::new(),
        origin: None,
        changed_at: None,
    }
}

pub(super) fn add(plan: &mut Plan, operation: Operation, change: Change, thing: &Thing) -> u32 {
    let number = u32::try_from(plan.steps.len()).unwrap();
    plan.steps.push(Step {
        number,
        address: change.address.clone(),
        operation,
        change: u32::try_from(plan.changes.len()).unwrap(),
        provider: change.provider,
        account: change.account.clone(),
        ty: change.ty.clone(),
        id: change.id.clone(),
        planned: change.after.clone().filter(|_| matches!(operation, Operation::Create | Operation::Update)),
        removed: Vec::new(),
        deposed: false,
        dependencies: thing.needs.iter().map(|n| address(n)).collect(),
        lock: thing.lock.map(Into::into),
        timeout: thing.timeout,
        expected: thing.seconds,
        slot: None,
        prevent_destroy: false,
    });
    plan.changes.push(change);
    number
}

/// One run against a cloud, with all that can be asked of it afterwards.
pub(super) struct Scene {
    pub(super) things: Arc<Things>,
    pub(super) cloud: Arc<Cloud>,
    pub(super) world: RecordedWorld,
    pub(super) journal: Arc<Memory>,
    pub(super) parallelism: usize,
    pub(super) looked: bool,
    pub(super) give_up: Option<Duration>,
}

pub(super) struct Ended {
    pub(super) report: Report,
    pub(super) events: Vec<Event>,
    pub(super) world: RecordedWorld,
}

impl Scene {
    pub(super) fn new(things: Vec<Thing>) -> Scene {
        let cloud = Arc::new(Cloud::default());
        for thing in &things {
            cloud.seconds.lock().unwrap().insert(thing.name.clone(), thing.seconds);
        }
        let world = RecordedWorld { lineage: "l".into(), ..RecordedWorld::default() };
        Scene {
            things: Things::new(things),
            cloud,
            world,
            journal: Arc::default(),
            parallelism: 10,
            looked: true,
            give_up: None,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.things, &self.world, &self.cloud)
    }

    pub(super) fn run(&self, plan: Plan) -> Run {
        let observed = self.cloud.objects.lock().unwrap();
        Run {
            plan: Arc::new(plan),
            configuration: self.things.clone(),
            kinds: Arc::new(GeneralKinds),
            providers: Arc::new(OneCloud(self.cloud.clone())),
            journal: self.journal.clone(),
            recorded: Arc::new(self.world.clone()),
            observed: Arc::new(
                observed.iter().map(|(k, v)| (ResourceId::new(k.as_str()), v.clone())).collect(),
            ),
            looked: self.looked,
            hidden: |_| &["properties.token"],
            salt: Arc::from(&b"salt"[..]),
            now: Arc::new(|| "2026-11-22T14:00:00Z".into()),
            parallelism: self.parallelism,
            give_up: self.give_up,
        }
    }

    pub(super) async fn apply(&self) -> Ended {
        self.carry_out(self.plan()).await
    }

    pub(super) async fn carry_out(&self, plan: Plan) -> Ended {
        let (_keep, cancel) = watch::channel(Cancel::Go);
        self.carry_out_until(plan, cancel).await
    }

    pub(super) async fn carry_out_until(&self, plan: Plan, cancel: watch::Receiver<Cancel>) -> Ended {
        let (tell, mut told) = mpsc::unbounded_channel();
        let report = execute(self.run(plan), tell, cancel).await;
        let mut events = Vec::new();
        while let Ok(event) = told.try_recv() {
            events.push(event);
        }
        Ended { report, events, world: self.after() }
    }

    /// The world after what is durable.
    pub(super) fn after(&self) -> RecordedWorld {
        let mut replay = Replay::new(self.world.clone());
        self.journal.records.lock().unwrap().iter().for_each(|r| replay.apply(r.clone()));
        replay.into_world()
    }
}

impl Ended {
    /// The names of steps in the order they were started.
    pub(super) fn started(&self, plan: &Plan) -> Vec<String> {
        let starts = self.events.iter().filter(|e| matches!(e.kind, EventKind::Started));
        starts.map(|e| plan.steps[e.step as usize].address.segments()[1].name.clone()).collect()
    }

    /// One line per event.
    pub(super) fn lines(&self, plan: &Plan) -> String {
        let name = |step: u32| plan.steps[step as usize].address.segments()[1].name.clone();
        let mut text = String::new();
        for event in &self.events {
            let what = match &event.kind {
                EventKind::Waiting { on } => format!("waits for {}", name(*on)),
                EventKind::Started => "started".into(),
                EventKind::Progress { text } => text.clone(),
                EventKind::Completed { elapsed } => format!("completed in {elapsed:?}"),
                EventKind::Errored { failure, elapsed } => {
                    format!(
                        "failed after {elapsed:?}: {} {} ({:?})",
                        failure.error.code(),
                        failure.error,
                        failure.left
                    )
                }
            };
            text.push_str(&format!("{:>6} {:<8} {what}\n", format!("{:?}", event.at), name(event.step)));
        }
        text
    }
}

pub(super) fn password(text: &str) -> Value {
    Value::object([("properties", Value::object([("password", Value::string(text).sensitive())]))])
}

pub(super) fn number(n: i64) -> Json {
    json!(n)
}
