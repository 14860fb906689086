//! What must be true whatever strikes.

use std::collections::BTreeSet;
use std::time::Duration;

use anstream::adapter::strip_str;
use lazuli::failure::Failure;
use lazuli::outcome;
use lazuli::render::report;
use lazuli_simulator::{Faults, Method};

use crate::scenario::Task;
use crate::virtual_azure::{Azure, Ran, VirtualAzure, block_on, text};

/// Longer than any of Lazuli's patience, and than the delays of the simulated Azure.
const LONG: Duration = Duration::from_secs(2 * 3600);

/// How a run under faults ended that kept every law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was done, and is there.
    Converged,
    /// It failed with a true error, and the next apply converged.
    Resumed,
}

/// Carries a task out under faults and then without. The error says which law was broken.
pub(crate) fn endures(task: Task, faults: &Faults, seed: u64) -> Result<End, String> {
    block_on(endure(task, faults, seed))
}

async fn endure(task: Task, faults: &Faults, seed: u64) -> Result<End, String> {
    let azure = VirtualAzure::new(&Azure { seed, groups: vec![("rg", "eastus2")], ..Azure::default() });
    if let Some(before) = task.before() {
        azure.apply(&before).await;
        // What is read is at most so old: that something was there before is certain.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    azure.set_faults(faults.clone());
    let (configuration, mode) = (task.after(), task.mode());
    let first = azure.run(&configuration, mode).await;
    let mut deleted = BTreeSet::new();
    let end = match &first {
        Ok(ran) => {
            is_true(ran)?;
            deleted.extend(deletes(ran));
            if ran.elapsed > LONG {
                return Err(format!("it took {:?}", ran.elapsed));
            }
            if ran.report.is_complete() { End::Converged } else { End::Resumed }
        }
        Err(failure) => {
            explains(failure)?;
            End::Resumed
        }
    };
    azure.set_faults(Faults::default());
    // What was accepted is over by then.
    tokio::time::sleep(Duration::from_secs(1800)).await;
    let second =
        azure.run(&configuration, mode).await.map_err(|f| format!("the next apply: {}", text(&f)))?;
    deleted.extend(deletes(&second));
    if !second.report.is_complete() {
        return Err(format!("the next apply failed:\n{}", told(&second)));
    }
    if end == End::Converged && !second.plan.is_empty() {
        return Err(format!("success was reported, and there is more to do: {:?}", second.plan.steps));
    }
    let third = azure.run(&configuration, mode).await.map_err(|f| format!("the last plan: {}", text(&f)))?;
    if !third.plan.is_empty() {
        return Err(format!("the plan does not get empty: {:?}", third.plan.steps));
    }
    if let Some(path) = deleted.iter().find(|path| !task.may_delete(path)) {
        return Err(format!("deleted, and should have stayed: {path}"));
    }
    let (is, should) = (azure.ids(), expected(task));
    if is != should {
        let (more, less): (Vec<_>, Vec<_>) =
            (is.difference(&should).collect(), should.difference(&is).collect());
        return Err(format!("too much exists: {more:?}; missing: {less:?}"));
    }
    Ok(end)
}

fn deletes(ran: &Ran) -> impl Iterator<Item = String> {
    ran.requests.iter().filter(|request| request.method == Method::Delete).map(|request| request.path.clone())
}

/// What exists after the task when nothing goes wrong.
fn expected(task: Task) -> BTreeSet<String> {
    use std::sync::OnceLock;
    static KNOWN: OnceLock<Vec<(Task, BTreeSet<String>)>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let one = |task: Task| std::thread::spawn(move || (task, block_on(calm(task)))).join().unwrap();
        Task::ALL.into_iter().map(one).collect()
    });
    known.iter().find(|(of, _)| *of == task).map(|(_, ids)| ids.clone()).unwrap_or_default()
}

async fn calm(task: Task) -> BTreeSet<String> {
    let azure = VirtualAzure::new(&Azure { groups: vec![("rg", "eastus2")], ..Azure::default() });
    if let Some(before) = task.before() {
        azure.apply(&before).await;
    }
    let ran =
        azure.run(&task.after(), task.mode()).await.unwrap_or_else(|failure| panic!("{}", text(&failure)));
    assert!(ran.report.is_complete(), "{}", told(&ran));
    let ids = azure.ids();
    assert_eq!(ids.is_empty(), task == Task::Delete, "{ids:?}");
    ids
}

/// The report of a run as people read it.
pub(crate) fn told(ran: &Ran) -> String {
    strip_str(&report::text(&outcome::report(&ran.plan, &ran.report), 100)).to_string()
}

/// A report says of every failure what Azure said, where to find it again, what exists, what to do.
fn is_true(ran: &Ran) -> Result<(), String> {
    let told = outcome::report(&ran.plan, &ran.report);
    for failure in &told.failures {
        let shown = report::failure_diagnostic(failure, ran.plan.mode);
        let error = &failure.error;
        for (what, is_there) in [
            ("a code", !shown.code.is_empty() && !error.code.is_empty()),
            ("a message", !error.message.is_empty()),
            ("a correlation id", error.status.is_none() || error.correlation_id.is_some()),
            ("what exists", shown.facts.iter().any(|fact| fact.label == "state" && !fact.text.is_empty())),
            ("what to do next", shown.facts.iter().any(|fact| fact.label == "next" && !fact.text.is_empty())),
        ] {
            if !is_there {
                return Err(format!("the report has no word about {what}: {shown:?}"));
            }
        }
    }
    Ok(())
}

fn explains(failure: &Failure) -> Result<(), String> {
    match failure.diagnostics.first() {
        Some(found) if !found.code.is_empty() && !found.message.is_empty() => Ok(()),
        other => Err(format!("a failure without words: {other:?}")),
    }
}
