//! The run: starts what may start, hears of ends, stops when asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::configuration::Configuration;
use lazuli_core::journal::Journal;
use lazuli_core::kind::Kinds;
use lazuli_core::plan::Plan;
use lazuli_core::provider::Provider;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{ProviderName, ResourceId, ResourceType};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::adjust::adjustments;
use crate::error::{Failure, Left, StepError};
use crate::event::{Event, EventKind};
use crate::objects::Objects;
use crate::ownership::recorded_ids;
use crate::queue::{Offer, Queue};
use crate::report::{Ending, Report};
use crate::step::{Context, Performed, perform};

/// Finds what carries steps out.
pub trait Providers: Send + Sync {
    /// The provider of a name, seen through a cloud account.
    fn provider(&self, name: ProviderName, account: &str) -> Option<Arc<dyn Provider>>;
}

/// Of a type, patterns of what its provider returns that is sensitive.
pub type Hidden = fn(&ResourceType) -> &'static [&'static str];

/// All a run needs.
#[derive(Clone)]
pub struct Run {
    /// What to do.
    pub plan: Arc<Plan>,
    /// Evaluated again for each step.
    pub configuration: Arc<dyn Configuration>,
    /// The schemas of resource types.
    pub kinds: Arc<dyn Kinds>,
    /// Who does it.
    pub providers: Arc<dyn Providers>,
    /// The write-ahead log.
    pub journal: Arc<dyn Journal>,
    /// The recorded world the plan was made for.
    pub recorded: Arc<RecordedWorld>,
    /// The observed objects the plan was made for; empty without refresh.
    pub observed: Arc<HashMap<ResourceId, Json>>,
    /// Whether the plan was made just now and its refresh looked at every id that was known before: what is to be created
    /// is then known to be free. False for a saved plan, without refresh, and when the configuration was expanded anew
    /// after looking; each create is then read before it is sent.
    pub looked: bool,
    /// Of a type, patterns of what its provider returns that is sensitive, such as `private_key`.
    pub hidden: Hidden,
    /// Salt for the digests of write-only values; the same for the life of a state.
    pub salt: Arc<[u8]>,
    /// The time, RFC 3339, UTC.
    pub now: Arc<dyn Fn() -> String + Send + Sync>,
    /// How many steps may run at the same time; at least one.
    pub parallelism: usize,
    /// Of a forced destroy: how long after its beginning a delete that fails is given up and its object forgotten.
    pub give_up: Option<Duration>,
}

/// How many steps run at the same time when nobody says. Nearly all of a step's time is Azure's; what Azure allows is the
/// provider's to keep, so this only bounds what is under way when somebody stops a run.
pub const PARALLELISM: usize = 64;

/// What is asked of a run from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// Go on.
    Go,
    /// Start nothing more; let what runs be recorded.
    Stop,
    /// Leave at once. The journal holds what is needed to go on.
    Now,
}

/// Carries out the steps of a plan.
pub async fn execute(
    run: Run,
    events: mpsc::UnboundedSender<Event>,
    mut cancel: watch::Receiver<Cancel>,
) -> Report {
    let began = Instant::now();
    let plan = run.plan.clone();
    let adjusted = adjustments(&plan, &run.recorded, &run.observed, &*run.kinds);
    let objects = Arc::new(Objects::of_plan(&plan, &run.recorded, &run.observed));
    let mut endings = Endings { endings: vec![Ending::NotStarted; plan.steps.len()] };
    for record in adjusted.records {
        if let Err(error) = run.journal.append(record).await {
            let failure = Failure { error: StepError::Journal(error), left: Left::Untouched };
            let endings = endings.endings;
            let error = Some(Arc::new(failure));
            return Report { endings, elapsed: began.elapsed(), cancelled: false, error, objects };
        }
    }
    let places = run.configuration.declarations().iter().enumerate();
    let places = places.map(|(place, declaration)| (declaration.address.clone(), place)).collect();
    let parallelism = run.parallelism.max(1);
    let owned = recorded_ids(&run.recorded);
    let (moved, left, set_aside) = (adjusted.moved, adjusted.left, adjusted.set_aside);
    let context = Context {
        run,
        places,
        moved,
        left,
        set_aside,
        owned,
        objects: objects.clone(),
        events,
        cancel: cancel.clone(),
        began,
    };
    let context = Arc::new(context);

    let mut queue = Queue::new(&plan);
    let mut tasks: JoinSet<Result<Performed, Failure>> = JoinSet::new();
    let mut running: HashMap<tokio::task::Id, (u32, Instant)> = HashMap::new();
    let mut may_start = true;
    let mut hears = true;
    loop {
        let asked = *cancel.borrow_and_update();
        if asked == Cancel::Now {
            for (step, _) in running.values() {
                endings.endings[*step as usize] = Ending::Abandoned;
            }
            tasks.abort_all();
            break;
        }
        while may_start && asked == Cancel::Go && running.len() < parallelism {
            match queue.offer() {
                None => break,
                Some(Offer::Parked { step, on }) => context.tell(step, EventKind::Waiting { on }),
                Some(Offer::Start(step)) => {
                    context.tell(step, EventKind::Started);
                    let shared = context.clone();
                    let task = tasks.spawn(async move { perform(&shared, step).await });
                    running.insert(task.id(), (step, Instant::now()));
                }
            }
        }
        if running.is_empty() {
            break;
        }
        let joined = tokio::select! {
            biased;
            changed = cancel.changed(), if hears => {
                hears = changed.is_ok(); // nobody can ask any more
                continue;
            }
            joined = tasks.join_next_with_id() => joined,
        };
        let (id, result) = match joined {
            None => break, // impossible: something runs
            Some(Ok((id, result))) => (id, result),
            Some(Err(error)) => {
                let text = format!("a mistake in Lazuli stopped it: {error}");
                (error.id(), Err(Failure { error: StepError::Plan(text), left: Left::Unknown }))
            }
        };
        let Some((step, started)) = running.remove(&id) else { continue };
        let elapsed = started.elapsed();
        match result {
            Ok(Performed::Done) => {
                queue.done(step);
                endings.endings[step as usize] = Ending::Done { elapsed };
                context.tell(step, EventKind::Completed { elapsed });
            }
            Ok(Performed::GivenUp(failure)) => {
                queue.done(step);
                let failure = Arc::new(failure);
                context.tell(step, EventKind::Errored { failure: failure.clone(), elapsed });
                endings.endings[step as usize] = Ending::GivenUp { failure, elapsed };
            }
            Err(failure) if failure.is_interruption() => {
                // what needs it was not started because the run was stopped
                queue.failed(step);
                context.tell(step, EventKind::Errored { failure: Arc::new(failure), elapsed });
                endings.endings[step as usize] = Ending::Interrupted { elapsed };
            }
            Err(failure) => {
                may_start &= !matches!(failure.error, StepError::Journal(_)); // nothing can be made durable any more
                endings.failed(step, Arc::new(failure), elapsed, queue.failed(step), &context);
            }
        }
    }
    let cancelled = *cancel.borrow() != Cancel::Go
        && endings
            .endings
            .iter()
            .any(|e| matches!(e, Ending::NotStarted | Ending::Abandoned | Ending::Interrupted { .. }));
    Report { endings: endings.endings, elapsed: began.elapsed(), cancelled, error: None, objects }
}

/// How the steps ended so far.
struct Endings {
    endings: Vec<Ending>,
}

impl Endings {
    fn failed(
        &mut self,
        step: u32,
        failure: Arc<Failure>,
        elapsed: Duration,
        dropped: Vec<u32>,
        context: &Context,
    ) {
        for after in dropped {
            self.endings[after as usize] = Ending::Skipped { because: step };
        }
        context.tell(step, EventKind::Errored { failure: failure.clone(), elapsed });
        self.endings[step as usize] = Ending::Failed { failure, elapsed };
    }
}
