//! `plan`: shows what an apply would do, and saves it when asked.

use std::sync::Arc;

use lazuli_core::plan::{PlanMode, Scope};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Diagnostic, Sources};
use lazuli_executor::settle::{self, Finding, Settled};
use lazuli_state::{OpenState, Replay};

use super::apply::ProvidersOf;
use super::begin::Setting;
use super::{Exit, Outcome, report, tell};
use crate::cli::{self, Goal, PlanOptions};
use crate::clouds::Clouds;
use crate::failure::Failure;
use crate::plan_file::SavedPlan;
use crate::planning::{self, Planned, Wish};
use crate::preflight::verdict::one_line;
use crate::render::events;
use crate::render::layout::count;
use crate::render::plan as rendered;
use crate::terminal::Printer;
use crate::{host, kinds};

pub(super) async fn run(args: &cli::Plan, printer: &Arc<Printer>) -> Outcome {
    may_write(&args.options)?;
    let setting = Setting::here(&args.options.variables, printer)?;
    let state = open(&setting, "plan", &args.options, printer)?;
    let clouds = Arc::new(setting.clouds(state.world(), args.options.parallelism.get()).await?);
    let recorded = unfinished(&state, &clouds, printer).await;
    let planned = make(&setting, &clouds, &recorded, &wish(&args.goal, &args.options), printer).await?;
    if let Some(path) = &args.options.out {
        save(&setting, &planned, &clouds, &state, path)?;
    }
    show(&planned, &clouds, &setting.project.sources, &args.options, printer)?;
    if let Some(path) = args.options.out.as_ref().filter(|_| !printer.json()) {
        printer.result(&format!(
            "\nSaved to {}: apply exactly this with `lazuli apply {}`.\n",
            path.display(),
            path.display()
        ));
    }
    let exit = match planned.plan.is_empty() {
        true => Exit::Done,
        false if args.detailed_exitcode => Exit::Changes,
        false => Exit::Done,
    };
    super::apply::close(clouds).await;
    // The process ends here: taking very much apart value by value is a tenth of a plan, and nobody needs the memory.
    std::mem::forget((planned, setting.project));
    Ok(exit)
}

/// Refuses places for files before anything is done for them.
pub(super) fn may_write(options: &PlanOptions) -> Result<(), Failure> {
    options.out.as_deref().map_or(Ok(()), SavedPlan::may_replace)?;
    options.html.as_deref().map_or(Ok(()), report::may_replace)
}

/// Locks and reads the state.
pub(super) fn open(
    setting: &Setting,
    command: &str,
    options: &PlanOptions,
    printer: &Printer,
) -> Result<OpenState, Failure> {
    let keys = planning::keys(&host::environment);
    let backend = setting.state.backend(&host::environment)?;
    planning::open_state(&backend, command, options.lock_timeout, keys, &|text| printer.message(text))
}

pub(super) fn wish(goal: &Goal, options: &PlanOptions) -> Wish {
    let mode = match (goal.destroy, goal.refresh_only) {
        (true, _) => PlanMode::Destroy,
        (_, true) => PlanMode::RefreshOnly,
        _ => PlanMode::Apply,
    };
    Wish {
        mode,
        scope: Scope {
            targets: if goal.alone { &goal.replace } else { &options.target }.iter().cloned().collect(),
            excludes: options.exclude.iter().cloned().collect(),
            alone: goal.alone,
        },
        no_refresh: !options.refresh,
        replace: goal.replace.iter().cloned().collect(),
        parallel: options.parallelism.get(),
        skip_preflight: options.skip_preflight,
        delete_volumes: false,
    }
}

/// Makes a plan and says its warnings.
pub(super) async fn make(
    setting: &Setting,
    clouds: &Clouds,
    recorded: &RecordedWorld,
    wish: &Wish,
    printer: &Printer,
) -> Result<Planned, Failure> {
    let planned =
        planning::plan(&setting.project, &setting.accounts, clouds, recorded, wish, &host::environment)
            .await?;
    tell(printer, &Failure::at(planned.warnings.clone(), &setting.project.sources));
    Ok(planned)
}

/// Saves a plan with everything it was made from.
pub(super) fn save(
    setting: &Setting,
    planned: &Planned,
    clouds: &Clouds,
    state: &OpenState,
    path: &std::path::Path,
) -> Result<(), Failure> {
    let saved = SavedPlan {
        plan: planned.plan.clone(),
        inputs: setting.project.inputs(),
        renewals: planned.renewals.clone(),
        claims: planned.claims.clone(),
        subscriptions: setting.subscriptions(),
        checks: planned.checks.clone(),
        clusters: planned.clusters.clone(),
        simulated: simulated(clouds),
        time_factor: clouds.time_factor,
        observed: planned.world.objects.clone(),
    };
    let sealer = state.sealer()?;
    saved.save(path, &sealer)
}

/// Shows a plan, as text or as events, and writes its report when one is wanted.
pub(super) fn show(
    planned: &Planned,
    clouds: &Clouds,
    sources: &Sources,
    options: &PlanOptions,
    printer: &Printer,
) -> Result<(), Failure> {
    let context = context(planned, clouds, sources);
    match printer.json() {
        true => tell_plan(planned, sources, printer),
        false => {
            let verbose = printer.verbose() > 0;
            printer.result(&rendered::text(&planned.plan, &context, printer.width(), verbose));
        }
    }
    let Some(path) = &options.html else { return Ok(()) };
    report::of_plan(path, &planned.plan, &context)?;
    if !printer.json() {
        printer.message(&format!("The report is {}.", path.display()));
    }
    Ok(())
}

/// A plan as events.
fn tell_plan(planned: &Planned, sources: &Sources, printer: &Printer) {
    for change in planned.plan.changes.iter().filter_map(events::planned_change) {
        printer.event(change);
    }
    for warning in &planned.findings.warnings {
        printer.event(events::diagnostic(warning, sources));
    }
    printer.event(events::preflight(planned.findings.passed, 0, planned.findings.warnings.len()));
    printer.event(events::plan_summary(&planned.plan));
}

/// What is said around a plan.
fn context(planned: &Planned, clouds: &Clouds, sources: &Sources) -> rendered::Context {
    rendered::Context {
        refresh: planned.refreshed.then_some(rendered::Refresh {
            resources: planned.looked,
            requests: planned.world.requests,
            elapsed: planned.elapsed,
        }),
        simulated: simulated(clouds),
        clusters: planned.clusters.clone(),
        preflight: (planned.findings.passed > 0).then(|| rendered::Preflight {
            passed: planned.findings.passed,
            requests: planned.findings.requests,
            facts: planned.findings.facts.clone(),
            warnings: planned.findings.warnings.iter().map(|warning| one_line(warning, sources)).collect(),
        }),
        time_factor: clouds.time_factor,
    }
}

/// The simulated accounts, as the configuration names them.
fn simulated(clouds: &Clouds) -> Vec<String> {
    clouds.simulated.iter().map(|name| format!("cloud_account.{name}")).collect()
}

/// What an earlier run left unfinished, told; and the record as it is, nothing written.
pub(super) async fn unfinished(state: &OpenState, clouds: &Arc<Clouds>, printer: &Printer) -> RecordedWorld {
    let settled = look_at_unfinished(state, clouds, false, printer).await;
    let mut replay = Replay::new(RecordedWorld::clone(state.world()));
    if let Some(record) = settle::record(&settled) {
        replay.apply(record);
    }
    replay.into_world()
}

/// Looks at what an earlier run left unfinished and tells it.
pub(super) async fn look_at_unfinished(
    state: &OpenState,
    clouds: &Arc<Clouds>,
    wait: bool,
    printer: &Printer,
) -> Vec<Settled> {
    let open = state.unfinished();
    if open.is_empty() {
        return Vec::new();
    }
    if !printer.json() {
        let who = state.leftover().map_or_else(
            || "An earlier run".to_owned(),
            |left| {
                format!(
                    "The last {} ({}, pid {}, {})",
                    left.run.command, left.run.since, left.run.pid, left.run.who
                )
            },
        );
        printer.message(&format!("{who} stopped without finishing {}:", count(open.len(), "step")));
    }
    clouds.learn(state.world());
    let settled =
        settle::settle(state.world(), &ProvidersOf(clouds.clone()), wait, kinds::hidden, &|_, _| {}).await;
    for one in &settled {
        let (address, found) = (one.address.as_str(), found(&one.finding));
        match printer.json() {
            true => {
                let message =
                    format!("an earlier run began to {} it and did not finish: {found}", verb(one.operation));
                let warning = Diagnostic::warning("LZ2102", message).about(one.address.clone());
                printer.event(events::diagnostic(&warning, &Sources::default()));
            }
            false => printer.message(&format!("  {} {address}   {found}", verb(one.operation))),
        }
    }
    settled
}

/// What became of a step that was begun.
fn found(finding: &Finding) -> String {
    match finding {
        Finding::Finished => "Azure finished it".to_owned(),
        Finding::NothingThere => {
            "Azure never received it, or nothing came of it: it is planned again".to_owned()
        }
        Finding::Unfinished => "it exists and is not finished: the plan goes on with it".to_owned(),
        Finding::StillThere => "it still exists: it is planned again".to_owned(),
        Finding::Running => "Azure accepted it and is still at it".to_owned(),
        Finding::Unreadable(None) => "it cannot be read".to_owned(),
        Finding::Unreadable(Some(error)) => format!("it cannot be read: {error}"),
    }
}

fn verb(operation: lazuli_core::plan::Operation) -> &'static str {
    use lazuli_core::plan::Operation;
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Read => "read",
    }
}
