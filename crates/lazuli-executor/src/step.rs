//! One step: evaluate, keep the promise, make the intent durable, ask the provider, make the outcome durable.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lazuli_core::journal::{JournalError, Record};
use lazuli_core::plan::{Operation, Step};
use lazuli_core::provider::{Outcome, Provider, ProviderError, Put, Watch};
use lazuli_core::recorded::{Pending, Recorded};
use lazuli_core::resource::{Desired, ProviderName, ResourceId};
use lazuli_core::{Address, Json, Value, encoding};
use lazuli_planner::keep::keep;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Failure, Left, StepError};
use crate::event::{Event, EventKind};
use crate::execute::{Cancel, Run};
use crate::objects::Objects;
use crate::record::{Draft, add_hidden, sensitive_paths};
use crate::resolve::{Sight, is_as_sent, look_until_rest};
use crate::{ownership, promise, secrets, write_only};

mod give_up;

/// What all steps of a run share.
pub(crate) struct Context {
    pub(crate) run: Run,
    pub(crate) places: HashMap<Address, usize>,
    pub(crate) moved: BTreeMap<Address, Recorded>,
    /// Addresses whose recorded object has another address now, or is set aside.
    pub(crate) left: BTreeSet<Address>,
    /// Objects whose address another one has now.
    pub(crate) set_aside: Vec<Recorded>,
    /// The ids of what is recorded as ours.
    pub(crate) owned: HashSet<ResourceId>,
    pub(crate) objects: Arc<Objects>,
    pub(crate) events: UnboundedSender<Event>,
    pub(crate) cancel: watch::Receiver<Cancel>,
    pub(crate) began: Instant,
}

/// How a request to a provider ended.
enum Answer<T> {
    Ok(T),
    Refused(ProviderError),
    Unknown(StepError),
}

/// What became of a step that did not fail.
pub(crate) enum Performed {
    Done,
    /// A delete that a forced destroy gave up: its object is no longer recorded, whether it exists or not.
    GivenUp(Failure),
}

/// Carries a step out; when it returns, its outcome is durable.
pub(crate) async fn perform(context: &Context, number: u32) -> Result<Performed, Failure> {
    let step = &context.run.plan.steps[number as usize];
    let Some(provider) = context.run.providers.provider(step.provider, &step.account) else {
        let text = format!("there is no cloud account `{}` for {}", step.account, step.address);
        return Err(StepError::Plan(text).untouched());
    };
    let done = match step.operation {
        Operation::Create | Operation::Update => put(context, step, &*provider).await,
        Operation::Delete => return give_up::delete(context, step, &*provider).await,
        Operation::Read => read(context, step, &*provider).await,
    };
    done.map(|()| Performed::Done)
}

impl Context {
    pub(crate) fn tell(&self, step: u32, kind: EventKind) {
        let _ = self.events.send(Event { at: self.began.elapsed(), step, kind }); // nobody listens: nobody is told
    }

    /// Returns when the run was asked to stop, and never when nobody can ask any more.
    async fn stopping(&self) {
        if self.cancel.clone().wait_for(|asked| *asked != Cancel::Go).await.is_err() {
            std::future::pending().await
        }
    }

    async fn append(&self, record: Record) -> Result<(), StepError> {
        Ok(self.run.journal.append(record).await?)
    }

    /// The record of what exists at a step's address now, under its new address when it was moved.
    fn recorded(&self, step: &Step) -> Option<&Recorded> {
        let stayed = || self.run.recorded.resources.get(&step.address);
        let stayed = || stayed().filter(|_| !self.left.contains(&step.address));
        self.moved.get(&step.address).or_else(stayed)
    }

    /// The record of exactly the object a step deletes.
    fn recorded_object(&self, step: &Step) -> Option<&Recorded> {
        let is_it = |r: &&Recorded| step.id.as_ref().is_none_or(|id| *id == r.id);
        let left = self.run.recorded.deposed.iter().chain(&self.set_aside);
        let left = left.filter(|d| d.address == step.address);
        self.recorded(step).filter(is_it).or_else(|| left.into_iter().find(is_it))
    }

    /// What is desired now, checked against what the plan showed.
    fn evaluate(&self, step: &Step) -> Result<(Desired, ResourceId), StepError> {
        let Some(place) = self.places.get(&step.address) else {
            return Err(StepError::Plan(format!("{} is not in the configuration", step.address)));
        };
        let mut desired =
            self.run.configuration.evaluate(*place, &*self.objects).map_err(StepError::Evaluation)?;
        let same = |name: &str, planned: &str, now: &str| {
            if planned == now {
                return Ok(());
            }
            let path = lazuli_core::Path::root().name(name);
            Err(StepError::Promise { path, planned: planned.to_owned(), now: now.to_owned() })
        };
        same("type", &step.ty.to_string(), &desired.ty.to_string())?;
        same("account", &step.account, &desired.account)?;
        let planned_id = step.id.as_ref().map_or("(known after apply)", |id| id.as_str());
        let Some(id) = desired.id.clone() else {
            same("id", planned_id, "still not known")?;
            return Err(StepError::Plan(format!("the id of {} is not known", step.address)));
        };
        if step.id.as_ref().is_some_and(|planned| *planned != id) {
            same("id", planned_id, id.as_str())?;
        }
        let lifecycle = self.run.configuration.declarations().get(*place).map(|d| &d.lifecycle);
        let ignored = lifecycle.map_or(&[][..], |lifecycle| &lifecycle.ignore);
        if step.operation == Operation::Update && !ignored.is_empty() {
            // as the planner did, from the same object: what others set there is what was shown
            let recorded = || self.recorded(step).map(|recorded| &recorded.observed);
            if let Some(object) = self.run.observed.get(&id).or_else(recorded) {
                desired.body = keep(&desired.body, ignored, object);
            }
        }
        match &step.planned {
            Some(planned) => promise::check(planned, &desired.body)?,
            None => promise::check(&Value::unknown_of(lazuli_core::Type::Any), &desired.body)?,
        }
        Ok((desired, id))
    }

    fn hidden(&self, recorded: &mut Recorded) {
        let patterns = (self.run.hidden)(&recorded.ty);
        add_hidden(&recorded.observed, patterns, &mut recorded.sensitive);
    }
}

/// Lets a provider tell how a step goes.
struct StepWatch<'a> {
    context: &'a Context,
    step: u32,
    accepted: AtomicBool,
    url: std::sync::Mutex<Option<String>>,
}

impl<'a> StepWatch<'a> {
    fn new(context: &'a Context, step: u32) -> Self {
        StepWatch { context, step, accepted: AtomicBool::new(false), url: std::sync::Mutex::default() }
    }

    /// Whether to wait for an object that is still being worked on, after an error. Not when nothing can be made durable.
    fn waits_for_rest(&self, error: &StepError) -> bool {
        if matches!(error, StepError::Provider(error) if error.code == "JournalFailed") {
            return false;
        }
        self.progress("what became of it was not told; it is still being worked on: waiting");
        true
    }

    fn url(&self) -> Option<String> {
        self.url.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[async_trait::async_trait]
impl Watch for StepWatch<'_> {
    async fn accepted(&self, url: &str) -> Result<(), JournalError> {
        self.accepted.store(true, Ordering::Release);
        *self.url.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(url.to_owned());
        self.context.run.journal.append(Record::Accepted { step: self.step, url: url.to_owned() }).await
    }

    fn progress(&self, text: &str) {
        self.context.tell(self.step, EventKind::Progress { text: text.to_owned() });
    }

    async fn stopping(&self) {
        self.context.stopping().await;
    }
}

/// Waits for a provider, at most as long as the step may take.
async fn answer<T>(
    timeout: Duration,
    watch: &StepWatch<'_>,
    request: impl Future<Output = Result<T, ProviderError>>,
) -> Answer<T> {
    match tokio::time::timeout(timeout, request).await {
        Ok(Ok(value)) => Answer::Ok(value),
        // what was accepted may have happened, whatever the provider says of it
        Ok(Err(error)) if error.outcome == Outcome::Nothing && !watch.accepted.load(Ordering::Acquire) => {
            Answer::Refused(error)
        }
        Ok(Err(error)) => Answer::Unknown(StepError::Provider(Box::new(error))),
        Err(_) => Answer::Unknown(StepError::Timeout(timeout)),
    }
}

async fn put(context: &Context, step: &Step, provider: &dyn Provider) -> Result<(), Failure> {
    let (desired, id) = context.evaluate(step).map_err(StepError::untouched)?;
    let updates = step.operation == Operation::Update;
    // Keys are made once, and a cluster's own provider says what is somebody else's in it.
    if !updates && step.provider == ProviderName::Azure {
        ownership::claim(context, step, &desired, &id, provider).await.map_err(StepError::untouched)?;
    }
    let before = context.recorded(step).filter(|_| updates);
    let body = encoding::to_json(&desired.body)
        .map_err(|e| StepError::Plan(format!("{e}: {:?}", e.0.source)).untouched())?; // impossible: checked above
    let mut inputs = body.clone();
    let kind = context.run.kinds.kind(&desired.ty);
    let write_only = write_only::split(&mut inputs, kind, &context.run.salt);
    let mut sensitive = sensitive_paths(&desired.body);
    sensitive.retain(|path| !kind.write_only.iter().any(|pattern| path.is_under(pattern)));
    let mode = context
        .run
        .plan
        .changes
        .get(step.change as usize)
        .map_or(lazuli_core::resource::Mode::Managed, |c| c.mode);
    let now = (context.run.now)();
    let draft = Draft { step, mode, desired: &desired, id: &id, before, now };
    let mut recorded = draft.recorded(inputs, write_only, sensitive);
    if let Some(before) = before {
        // what was observed before is in the record, and with it what was sensitive then
        let old = before.sensitive.iter().filter(|old| !recorded.sensitive.contains(old));
        let old: Vec<_> = old.cloned().collect();
        recorded.sensitive.extend(old);
        context.hidden(&mut recorded);
    }
    let intent = Record::Intent {
        step: step.number,
        operation: step.operation,
        resource: Box::new(recorded.clone()),
        deposed: step.deposed && !updates,
    };
    context.append(intent).await.map_err(StepError::untouched)?;

    let watch = StepWatch::new(context, step.number);
    let previous = before.map(|b| &b.inputs);
    let request = Put { operation: step.operation, ty: &desired.ty, id: &id, body: &body, previous };
    let hidden = |mut error: ProviderError| {
        secrets::hide(&mut error, &desired.body, recorded.write_only.keys());
        error
    };
    let sent = async { provider.put(request, &watch).await.map_err(hidden) };
    let until = Instant::now() + Duration::from_secs(step.timeout);
    match answer(Duration::from_secs(step.timeout), &watch, sent).await {
        Answer::Ok(observed) => made(context, step, &desired, recorded, observed).await,
        Answer::Refused(error) => refuse(context, step, error).await,
        Answer::Unknown(error) => {
            let wait = |object: &Json| {
                let ours = updates || !is_anothers(context, &watch, &recorded, object);
                ours && watch.waits_for_rest(&error)
            };
            let sight = look_until_rest(provider, &desired.ty, &id, until, wait).await;
            match sight {
                Sight::Present(observed)
                    if !updates && is_anothers(context, &watch, &recorded, &observed) =>
                {
                    // What was sent has not arrived. Should it still, the object says then that it is ours.
                    let error = says_whose(error, &id, &observed);
                    end(context, Record::Undone { step: step.number }, error, Left::Unknown).await
                }
                Sight::Present(observed) if arrived(step, before, &recorded, &observed) => {
                    made(context, step, &desired, recorded, observed).await
                }
                Sight::Present(observed) if !updates => {
                    // It exists and is ours, finished or not: recorded as begun, so that the next run goes on with it.
                    recorded.observed = observed;
                    context.hidden(&mut recorded);
                    recorded.pending = Some(Pending { operation: step.operation, url: watch.url() });
                    let resource = Some(Box::new(recorded));
                    let record = Record::Done { step: step.number, resource };
                    end(context, record, error, Left::Exists).await
                }
                Sight::Present(_) => uncertain(context, step, error, Left::PerhapsChanged).await,
                Sight::Absent => uncertain(context, step, error, Left::NotSeen).await,
                Sight::Unreadable(_) => uncertain(context, step, error, Left::Unknown).await,
            }
        }
    }
}

/// True when an object that has the id was never ours, and nobody has accepted that it becomes so.
fn is_anothers(context: &Context, watch: &StepWatch<'_>, recorded: &Recorded, observed: &Json) -> bool {
    let lineage = &context.run.plan.lineage;
    !context.owned.contains(&recorded.id)
        && watch.url().is_none()
        && ownership::is_not_what_was_sent(&recorded.inputs, observed, lineage)
}

/// An error of a create with whose the object is that has the id.
fn says_whose(error: StepError, id: &ResourceId, object: &Json) -> StepError {
    let exists = StepError::Exists { id: id.clone(), owner: ownership::owner(object) };
    match error {
        StepError::Provider(mut error) => {
            error.message.push_str(&format!("; {exists}"));
            error.advice = exists.advice().map(Into::into);
            StepError::Provider(error)
        }
        _ => exists,
    }
}

/// True when reading proves that the request arrived and is finished. What cannot be seen proves nothing: a write-only
/// value that changed, or a part that was taken away.
fn arrived(step: &Step, before: Option<&Recorded>, recorded: &Recorded, observed: &Json) -> bool {
    let visible = match step.operation {
        Operation::Update => {
            step.removed.is_empty() && before.is_some_and(|b| b.write_only == recorded.write_only)
        }
        _ => true,
    };
    visible && is_as_sent(&recorded.inputs, observed)
}

async fn made(
    context: &Context,
    step: &Step,
    desired: &Desired,
    mut recorded: Recorded,
    observed: Json,
) -> Result<(), Failure> {
    recorded.observed = observed;
    context.hidden(&mut recorded);
    // known before it is durable, and asked for only after: dependents start when this step has returned
    context.objects.made(&step.address, desired, &recorded.observed, &recorded.sensitive);
    let record = Record::Done { step: step.number, resource: Some(Box::new(recorded)) };
    context.append(record).await.map_err(|error| Failure { error, left: Left::Exists })
}

/// Makes the intent to delete durable.
async fn intend_to_delete<'a>(context: &'a Context, step: &Step) -> Result<&'a Recorded, Failure> {
    let Some(recorded) = context.recorded_object(step) else {
        return Err(StepError::Plan(format!("{} is not in the state", step.address)).untouched());
    };
    let intent = Record::Intent {
        step: step.number,
        operation: Operation::Delete,
        resource: Box::new(recorded.clone()),
        deposed: step.deposed,
    };
    context.append(intent).await.map_err(StepError::untouched)?;
    Ok(recorded)
}

async fn delete(
    context: &Context,
    step: &Step,
    provider: &dyn Provider,
    timeout: Duration,
) -> Result<(), Failure> {
    let recorded = intend_to_delete(context, step).await?;
    let gone = Record::Done { step: step.number, resource: None };
    let watch = StepWatch::new(context, step.number);
    let until = Instant::now() + timeout;
    match answer(timeout, &watch, provider.delete(&recorded.ty, &recorded.id, &watch)).await {
        Answer::Ok(()) => context.append(gone).await.map_err(|error| Failure { error, left: Left::NotSeen }),
        Answer::Refused(error) => refuse(context, step, error).await,
        Answer::Unknown(error) => {
            let wait = |_: &Json| watch.waits_for_rest(&error);
            match look_until_rest(provider, &recorded.ty, &recorded.id, until, wait).await {
                Sight::Absent => {
                    context.append(gone).await.map_err(|error| Failure { error, left: Left::NotSeen })
                }
                Sight::Present(_) => uncertain(context, step, error, Left::StillThere).await,
                Sight::Unreadable(_) => uncertain(context, step, error, Left::Unknown).await,
            }
        }
    }
}

async fn read(context: &Context, step: &Step, provider: &dyn Provider) -> Result<(), Failure> {
    let (desired, id) = context.evaluate(step).map_err(StepError::untouched)?;
    let timeout = Duration::from_secs(step.timeout);
    let observed = match tokio::time::timeout(timeout, provider.read(&desired.ty, &id)).await {
        Ok(Ok(Some(observed))) => observed,
        Ok(Ok(None)) => return Err(StepError::Missing.untouched()),
        Ok(Err(error)) => return Err(StepError::Provider(Box::new(error)).untouched()),
        Err(_) => return Err(StepError::Timeout(timeout).untouched()),
    };
    let inputs = encoding::to_json(&desired.body)
        .map_err(|e| StepError::Plan(format!("{e}: {:?}", e.0.source)).untouched())?; // impossible: checked above
    let sensitive = sensitive_paths(&desired.body);
    let mode = context
        .run
        .plan
        .changes
        .get(step.change as usize)
        .map_or(lazuli_core::resource::Mode::Data, |c| c.mode);
    let before = context.recorded(step);
    let draft = Draft { step, mode, desired: &desired, id: &id, before, now: (context.run.now)() };
    let mut recorded = draft.recorded(inputs, BTreeMap::new(), sensitive);
    recorded.observed = observed;
    context.hidden(&mut recorded);
    context.objects.made(&step.address, &desired, &recorded.observed, &recorded.sensitive);
    let unchanged =
        before.is_some_and(|b| Recorded { updated_at: recorded.updated_at.clone(), ..b.clone() } == recorded);
    if unchanged {
        return Ok(()); // a read that finds what is recorded changes no byte of the state
    }
    let record = Record::Done { step: step.number, resource: Some(Box::new(recorded)) };
    context.append(record).await.map_err(StepError::untouched)
}

async fn refuse(context: &Context, step: &Step, error: ProviderError) -> Result<(), Failure> {
    end(context, Record::Undone { step: step.number }, StepError::Provider(Box::new(error)), Left::Untouched)
        .await
}

async fn uncertain(context: &Context, step: &Step, error: StepError, left: Left) -> Result<(), Failure> {
    end(context, Record::Uncertain { step: step.number }, error, left).await
}

/// Records how a failed step ended. Should even that fail, the intent stands and the next run reads: the step's own
/// error is the one worth telling.
async fn end(context: &Context, record: Record, error: StepError, left: Left) -> Result<(), Failure> {
    let left = if context.append(record).await.is_ok() { left } else { Left::Unknown };
    Err(Failure { error, left })
}
