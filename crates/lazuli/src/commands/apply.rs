//! `apply` and `destroy`: plan, show, ask, carry out, report.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::journal::{Journal, Record};
use lazuli_core::plan::{Plan, PlanMode};
use lazuli_core::provider::Provider;
use lazuli_core::recorded::{RecordedOutput, RecordedWorld};
use lazuli_core::resource::ProviderName;
use lazuli_core::{Address, Diagnostic, Diagnostics, encoding};
use lazuli_executor::{Cancel, Event, Providers, Run, execute, settle};
use lazuli_planner::scope::outputs_that_read;
use lazuli_state::OpenState;
use tokio::sync::{mpsc, watch};

use super::begin::Setting;
use super::{Exit, Outcome, plan, tell};
use crate::blueprint::Blueprint;
use crate::claims;
use crate::cli::{Apply, Destroy, Goal, PlanOptions, Variables};
use crate::clouds::Clouds;
use crate::failure::Failure;
use crate::interrupt::{self, Going};
use crate::kinds::{self, AllKinds};
use crate::plan_file::SavedPlan;
use crate::planning::{self, Planned};
use crate::progress::{Clock, Reporter, Schedule, reporter};
use crate::project::Inputs;
use crate::render::{events, report as rendered};
use crate::terminal::{Answer, Printer};
use crate::{host, outcome};

/// How a run is confirmed and what its exit code tells.
#[derive(Debug, Clone, Copy)]
struct Manner {
    auto_approve: bool,
    detailed_exitcode: bool,
    /// After how long a forced destroy gives up.
    give_up: Option<Duration>,
    /// Whether volumes that are to be retained are deleted.
    delete_volumes: bool,
}

pub(super) async fn apply(args: &Apply, printer: &Arc<Printer>) -> Outcome {
    let (auto_approve, detailed_exitcode) = (args.auto_approve, args.detailed_exitcode);
    let manner = Manner { auto_approve, detailed_exitcode, give_up: None, delete_volumes: false };
    match &args.plan_file {
        Some(path) => saved(path, &args.options, manner, printer).await,
        None => fresh(&args.goal, &args.options, manner, printer).await,
    }
}

pub(super) async fn destroy(args: &Destroy, printer: &Arc<Printer>) -> Outcome {
    let (auto_approve, detailed_exitcode) = (args.auto_approve, args.detailed_exitcode);
    let give_up = args.force.then_some(args.force_after);
    let manner = Manner { auto_approve, detailed_exitcode, give_up, delete_volumes: args.delete_volumes };
    fresh(&Goal { destroy: true, ..Goal::default() }, &args.options, manner, printer).await
}

/// Plans and applies the replacement of nodes.
pub(super) async fn repair(
    goal: &Goal,
    options: &PlanOptions,
    auto_approve: bool,
    printer: &Arc<Printer>,
) -> Outcome {
    let manner = Manner { auto_approve, detailed_exitcode: false, give_up: None, delete_volumes: false };
    fresh(goal, options, manner, printer).await
}

/// Plans and applies.
async fn fresh(goal: &Goal, options: &PlanOptions, manner: Manner, printer: &Arc<Printer>) -> Outcome {
    plan::may_write(options)?;
    let setting = Setting::here(&options.variables, printer)?;
    let command = if goal.destroy { "destroy" } else { "apply" };
    let mut state = plan::open(&setting, command, options, printer)?;
    let clouds = Arc::new(setting.clouds(state.world(), options.parallelism.get()).await?);
    finish_earlier_run(&mut state, &clouds, printer).await?;
    let wish = planning::Wish { delete_volumes: manner.delete_volumes, ..plan::wish(goal, options) };
    let planned = plan::make(&setting, &clouds, state.world(), &wish, printer).await?;
    if let Some(path) = &options.out {
        plan::save(&setting, &planned, &clouds, &state, path)?;
    }
    plan::show(&planned, &clouds, &setting.project.sources, options, printer)?;
    if planned.plan.is_empty() {
        if printer.json() {
            printer.event(events::change_summary(planned.plan.summary(), command));
        }
        close(clouds).await;
        return Ok(Exit::Done);
    }
    if !manner.auto_approve {
        let question = match planned.plan.mode {
            PlanMode::Destroy => "Destroy all of this? There is no way back.",
            PlanMode::RefreshOnly => "Record this?",
            PlanMode::Apply => "Apply this?",
        };
        match printer.ask(question) {
            Answer::Yes => {}
            Answer::No => {
                printer.message("Nothing was changed.");
                close(clouds).await;
                return Ok(Exit::Failed);
            }
            Answer::NobodyThere => {
                let problem =
                    Diagnostic::error("LZ3013", "nobody is there to confirm, so nothing was changed");
                return Err(Failure::of(
                    problem.help("use --auto-approve, or save a plan with --out and apply that"),
                ));
            }
        }
    }
    carry_out(&setting, state, clouds, planned, options, manner, printer).await
}

/// Applies a saved plan.
async fn saved(path: &Path, options: &PlanOptions, manner: Manner, printer: &Arc<Printer>) -> Outcome {
    plan::may_write(options)?;
    let saved = SavedPlan::load(path, &planning::keys(&host::environment))?;
    if let Ok(now) = Inputs::read(Path::new("."), &Variables::default(), Default::default())
        && now.differs_from(Path::new("."), &saved.inputs)
    {
        let problem = Diagnostic::error(
            "LZ3012",
            format!("the configuration has changed since {} was saved", path.display()),
        );
        return Err(Failure::of(problem.help("plan again, and look at it before you apply it")));
    }
    let setting = Setting::of(saved.inputs, None, printer)?;
    elsewhere(&setting, &saved.subscriptions, path)?;
    let state = plan::open(&setting, "apply", options, printer)?;
    let world = state.world();
    if world.lineage != saved.plan.lineage || world.serial != saved.plan.serial {
        let problem = Diagnostic::error("LZ3011", format!("the saved plan {} is stale", path.display()));
        let problem = match world.lineage == saved.plan.lineage {
            true => problem.note(format!(
                "it was made for version {} of the state, which is at version {} now",
                saved.plan.serial, world.serial
            )),
            false => problem.note("it was made for another state"),
        };
        return Err(Failure::of(problem.help("plan again, and look at it before you apply it")));
    }
    let clouds = Arc::new(setting.clouds(world, options.parallelism.get()).await?);
    let warnings = planning::partial(&saved.plan).into_iter().collect();
    let planned = Planned {
        plan: saved.plan,
        world: crate::clouds::World { objects: saved.observed, ..Default::default() },
        findings: Default::default(),
        looked: 0,
        elapsed: Default::default(),
        clusters: saved.clusters,
        renewals: saved.renewals,
        claims: saved.claims,
        refreshed: false,
        warnings,
        checks: saved.checks,
    };
    tell(printer, &Failure { diagnostics: planned.warnings.clone(), ..Failure::default() });
    plan::show(&planned, &clouds, &setting.project.sources, options, printer)?;
    carry_out(&setting, state, clouds, planned, options, manner, printer).await
}

/// Refuses a saved plan one of whose accounts leads to another subscription now.
fn elsewhere(setting: &Setting, planned: &BTreeMap<String, String>, path: &Path) -> Result<(), Failure> {
    if let Some(missing) = setting.accounts.values().find_map(|account| account.missing()) {
        return Err(Failure::at(vec![missing.clone()], &setting.project.sources));
    }
    let now = setting.subscriptions();
    let moved = planned.iter().find(|(name, then)| now.get(*name).is_some_and(|now| now != *then));
    let Some((name, then)) = moved else { return Ok(()) };
    let message = format!(
        "cloud account `{name}` leads to another subscription than when {} was saved",
        path.display()
    );
    let problem = Diagnostic::error("LZ3012", message).note(format!("it was {then} then"));
    Err(Failure::of(problem.help("plan again, and look at it before you apply it")))
}

/// Waits for what an earlier run began and writes down what came of it.
pub(super) async fn finish_earlier_run(
    state: &mut OpenState,
    clouds: &Arc<Clouds>,
    printer: &Printer,
) -> Result<(), Failure> {
    let settled = plan::look_at_unfinished(state, clouds, true, printer).await;
    let Some(record) = settle::record(&settled) else { return Ok(state.fold()?) };
    let journal = state.journal()?;
    journal
        .append(record)
        .await
        .map_err(|error| Failure::of(Diagnostic::error("LZ2110", error.to_string())))?;
    drop(journal);
    state.commit()?;
    Ok(())
}

async fn carry_out(
    setting: &Setting,
    mut state: OpenState,
    clouds: Arc<Clouds>,
    planned: Planned,
    options: &PlanOptions,
    manner: Manner,
    printer: &Arc<Printer>,
) -> Outcome {
    let recorded = match planned.claims.is_empty() {
        true => state.world().clone(),
        false => Arc::new(claims::with(state.world(), &planned.claims)),
    };
    let project = setting.project_for_apply()?;
    let blueprint = planning::blueprint(
        &project,
        &setting.accounts,
        &recorded,
        &planned.renewals,
        true,
        &host::environment,
    )?;
    // A saved plan is applied by a run that has looked at nothing yet.
    clouds.learn(&recorded);
    clouds.expect(&blueprint);
    let blueprint = Arc::new(blueprint);
    let plan = Arc::new(planned.plan);
    let journal = state.journal()?;
    let run = Run {
        plan: plan.clone(),
        configuration: blueprint.clone(),
        kinds: Arc::new(AllKinds),
        providers: Arc::new(ProvidersOf(clouds.clone())),
        journal: journal.clone(),
        recorded: recorded.clone(),
        observed: Arc::new(planned.world.objects),
        // Nodes that are made anew have ids that nobody looked at, and nobody looks into a cluster that does not answer.
        looked: planned.refreshed && planned.renewals.is_empty() && planned.world.unreachable.is_empty(),
        hidden: kinds::hidden,
        salt: recorded.lineage.as_bytes().into(),
        now: Arc::new(host::now),
        parallelism: options.parallelism.get(),
        give_up: manner.give_up,
    };
    let reporter = reporter(printer, Schedule::of(&plan, clouds.time_factor), Clock::real());
    interrupt::goes_on(Going::Steps);
    let (cancel_sender, cancel) = watch::channel(Cancel::Go);
    let signals = tokio::spawn(listen(cancel_sender, reporter.clone()));
    let (sender, receiver) = mpsc::unbounded_channel();
    let telling = tokio::spawn(tell_steps(receiver, plan.clone(), reporter.clone()));
    let report = execute(run, sender, cancel).await;
    signals.abort();
    let _ = telling.await;
    reporter.finish();
    let told = outcome::report(&plan, &report);
    if outcome::left_at_once(&report) {
        tell_end(&told, printer);
        return Ok(Exit::Interrupted);
    }
    let complete = told.is_complete();
    // Outputs speak of the world that was planned: while it is not there, the last ones stay.
    let outputs = match complete {
        true if plan.mode == PlanMode::RefreshOnly => Ok(None),
        true => outputs(&plan, &blueprint, &recorded, &*report.objects).map(Some),
        false => Ok(None),
    };
    // Should nothing be durable any more, what happened is told before that is.
    let mut saved = Ok(());
    if let Ok(Some(outputs)) = &outputs {
        let record = Record::Outputs { outputs: outputs.iter().cloned().collect() };
        saved = journal
            .append(record)
            .await
            .map_err(|error| Failure::of(Diagnostic::error("LZ2110", error.to_string())));
    }
    drop(journal);
    let saved = state.commit().map_err(Failure::from).and(saved);
    close(clouds).await;

    tell_end(&told, printer);
    saved?;
    tell(printer, &Failure::at(blueprint.checked(), &project.sources));
    match outputs.map_err(|found| Failure::at(found, &project.sources))? {
        Some(outputs) => show_outputs(&outputs, printer),
        None if !complete && !recorded.outputs.is_empty() && !printer.json() => {
            printer.message("Outputs stay as they were until an apply does everything.");
        }
        None => {}
    }
    let exit = match (report.cancelled, complete) {
        (true, _) => Exit::Interrupted,
        (false, false) => Exit::Failed,
        (false, true) if manner.detailed_exitcode => Exit::Changes,
        (false, true) => Exit::Done,
    };
    Ok(exit)
}

/// How a run ended, as text or as events.
fn tell_end(told: &rendered::ApplyReport, printer: &Printer) {
    if !printer.json() {
        return printer.result(&format!("\n{}", rendered::text(told, printer.width())));
    }
    for failure in &told.failures {
        let shown = rendered::failure_diagnostic(failure, told.mode);
        printer.event(events::diagnostic(&shown, &Default::default()));
    }
    if !told.is_complete() {
        printer.event(events::unfinished(told));
    }
    printer.event(events::change_summary(told.done, events::operation_of(told.mode)));
}

/// The outputs that are known now; those that read something the plan leaves out stay as they were.
fn outputs(
    plan: &Plan,
    blueprint: &Blueprint,
    recorded: &RecordedWorld,
    known: &dyn Known,
) -> Result<Vec<(Arc<str>, RecordedOutput)>, Diagnostics> {
    let stay = |keep: &dyn Fn(&str) -> bool| {
        let kept = recorded.outputs.iter().filter(|(name, _)| keep(name));
        kept.map(|(name, output)| (name.clone(), output.clone())).collect::<BTreeMap<_, _>>()
    };
    if plan.mode == PlanMode::Destroy {
        let gone = |name: &str| plan.outputs.iter().any(|o| &*o.name == name && o.after.is_none());
        return Ok(stay(&|name| !gone(name)).into_iter().collect());
    }
    let keep = outputs_that_read(blueprint, &plan.left_out);
    let mut all = stay(&|name| keep.contains(name));
    for output in blueprint.outputs(&InPlan { plan, known })? {
        if !keep.contains(&output.name)
            && let Ok(value) = encoding::to_json(&output.value)
        {
            all.insert(output.name, RecordedOutput { value, sensitive: output.sensitive });
        }
    }
    Ok(all.into_iter().collect())
}

/// What is known of what a plan is about: what it leaves out may not be as the configuration says.
struct InPlan<'a> {
    plan: &'a Plan,
    known: &'a dyn Known,
}

impl Known for InPlan<'_> {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        if self.plan.left_out.contains(address) { None } else { self.known.object(address) }
    }

    fn epoch(&self) -> u64 {
        // Apart from what was computed while everything was known.
        self.known.epoch() + u64::from(!self.plan.left_out.is_empty())
    }
}

fn show_outputs(outputs: &[(Arc<str>, RecordedOutput)], printer: &Printer) {
    if outputs.is_empty() {
        return;
    }
    if printer.json() {
        printer.event(events::outputs(
            outputs.iter().map(|(name, output)| (&**name, &output.value, output.sensitive)),
        ));
    } else {
        let outputs = outputs.iter().cloned().collect();
        printer.result(&format!("\nOutputs\n{}", crate::render::state::outputs(&outputs, printer.width())));
    }
}

/// Ctrl-C once stops, twice leaves.
async fn listen(cancel: watch::Sender<Cancel>, reporter: Arc<dyn Reporter>) {
    let mut asked = interrupt::asked();
    for (times, request, text) in [
        (1, Cancel::Stop, "Stopping: what is running is finished and recorded. Ctrl-C again leaves at once."),
        (2, Cancel::Now, "Leaving."),
    ] {
        if asked.wait_for(|asked| *asked >= times).await.is_err() {
            return;
        }
        reporter.say(text);
        if cancel.send(request).is_err() {
            return;
        }
    }
}

/// Hands the executor's events to the reporter.
async fn tell_steps(
    mut events: mpsc::UnboundedReceiver<Event>,
    plan: Arc<Plan>,
    reporter: Arc<dyn Reporter>,
) {
    while let Some(event) = events.recv().await {
        outcome::tell(&event, &plan, &*reporter);
    }
}

/// The providers of a run.
pub(super) struct ProvidersOf(pub(super) Arc<Clouds>);

impl Providers for ProvidersOf {
    fn provider(&self, name: ProviderName, account: &str) -> Option<Arc<dyn Provider>> {
        match name {
            ProviderName::Azure => {
                self.0.provider(account).map(|provider| Arc::new(provider.clone()) as Arc<dyn Provider>)
            }
            ProviderName::Kubernetes => Some(Arc::new(self.0.inside.kubernetes.clone())),
            ProviderName::Tls => Some(Arc::new(self.0.inside.tls.clone())),
        }
    }
}

/// Stops simulators, when nobody uses them any more.
pub(super) async fn close(clouds: Arc<Clouds>) {
    if let Ok(clouds) = Arc::try_unwrap(clouds) {
        clouds.close().await;
    }
}
