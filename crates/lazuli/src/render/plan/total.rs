//! The end of a plan: what outputs become, how much there is to do, how long it will take.

use lazuli_core::plan::{Operation, Plan, PlanMode, Step, Summary};

use super::Page;
use crate::render::duration;
use crate::render::layout::{columns, count};
use crate::render::style::{self, paint};
use crate::render::value;

/// Steps of the critical path that are named.
const NAMED: usize = 4;
/// The share of the whole time a named step takes at least.
const WORTH_NAMING: f64 = 0.05;

pub(super) fn outputs(page: &mut Page, plan: &Plan) {
    let changing: Vec<_> = plan.outputs.iter().filter(|o| o.changes()).collect();
    if changing.is_empty() {
        return;
    }
    page.line(&paint(style::STRONG, "Changes to outputs"));
    let name_width = changing.iter().map(|o| columns(&o.name)).max().unwrap_or(0);
    for output in changing {
        let before = output
            .before
            .as_ref()
            .map(|json| lazuli_core::encoding::from_json(json).with_sensitivity(output.sensitive));
        let after =
            output.after.as_ref().map(|v| v.clone().with_sensitivity(output.sensitive || v.is_sensitive()));
        let (symbol, style) = match (&before, &after) {
            (None, _) => ("+", style::ADD),
            (_, None) => ("-", style::REMOVE),
            _ => ("~", style::CHANGE),
        };
        let head = format!("{:name_width$} = ", output.name);
        let short = match (&before, &after) {
            (Some(before), Some(after)) => {
                format!("{head}{} -> {}", value::inline(before), value::inline(after))
            }
            (Some(one), None) | (None, Some(one)) => format!("{head}{}", value::inline(one)),
            (None, None) => continue,
        };
        if columns(&short) + 4 <= page.width && !short.contains('\n') {
            page.line(&format!("  {} {short}", paint(style, symbol)));
            continue;
        }
        page.line(&format!("  {} {head}", paint(style, symbol)));
        for line in value::difference(before.as_ref(), after.as_ref(), page.width - 6) {
            page.line(&format!("      {}", line.styled()));
        }
    }
    page.line("");
}

pub(super) fn write(page: &mut Page, plan: &Plan, time_factor: f64) {
    if plan.is_empty() {
        let text = match (plan.mode, plan.drift.is_empty()) {
            (PlanMode::Destroy, _) => "No changes. There is nothing to destroy.",
            (PlanMode::RefreshOnly, true) => "No changes. The state matches the world.",
            (PlanMode::RefreshOnly, false) => {
                "The state will be brought up to date. Nothing changes in the world."
            }
            (PlanMode::Apply, _) => "No changes. The world matches the configuration.",
        };
        page.line(&paint(style::STRONG, text));
        return;
    }
    let Summary { add, change, remove, import, moved } = plan.summary();
    let mut counts = format!("{add} to add, {change} to change, {remove} to destroy");
    if import > 0 {
        counts.push_str(&format!(", {import} to adopt"));
    }
    if moved > 0 {
        counts.push_str(&format!(", {moved} to move"));
    }
    let forgotten = plan.changes.iter().filter(|c| c.action == lazuli_core::plan::Action::Forget).count();
    if forgotten > 0 {
        counts.push_str(&format!(", {} to forget", count(forgotten, "resource")));
    }
    let head = format!("Plan: {counts}.");
    let styled = paint(style::STRONG, &head);
    let Some(time) = expectation(plan, time_factor) else {
        page.line(&styled);
        return;
    };
    if columns(&head) + 3 + columns(&time) <= page.width {
        page.line(&format!("{styled}   {time}"));
    } else {
        page.line(&styled);
        page.wrapped("", &time);
    }
}

/// `About 6 min (critical path: prod-public-lb, prod-cp-1, prod-cp-3).`
fn expectation(plan: &Plan, factor: f64) -> Option<String> {
    if plan.steps.is_empty() {
        return None;
    }
    let (seconds, path) = plan.critical_path();
    let text = duration::expected(seconds * factor);
    let steps: Vec<&Step> = path.iter().filter_map(|n| plan.steps.get(*n as usize)).collect();
    if steps.len() < 2 {
        return Some(format!("{text}."));
    }
    // The longest ones, in the order they happen; what hardly counts is not named.
    let mut longest: Vec<usize> =
        (0..steps.len()).filter(|i| steps[*i].expected >= seconds * WORTH_NAMING).collect();
    longest.sort_by(|a, b| steps[*b].expected.total_cmp(&steps[*a].expected).then(a.cmp(b)));
    longest.truncate(NAMED);
    longest.sort_unstable();
    let names: Vec<String> = longest.iter().map(|i| name(steps[*i])).collect();
    Some(format!("{text} (critical path: {}).", names.join(", ")))
}

fn name(step: &Step) -> String {
    let name = match &step.id {
        Some(id) => id.name(),
        None => step.address.as_str().rsplit('.').next().unwrap_or(""),
    };
    if step.operation == Operation::Delete { format!("delete {name}") } else { name.to_owned() }
}
