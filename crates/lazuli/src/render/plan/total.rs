//! The end of a plan: what outputs become, how much there is to do, how long it will take.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::plan::{Action, Change, Operation, Plan, PlanMode, Step, Summary};

use super::place::{Place, Section};
use super::{Context, Page, rollout, rows};
use crate::render::duration;
use crate::render::layout::{self, columns, count};
use crate::render::names;
use crate::render::style::{self, paint};
use crate::render::value;

/// Steps of the critical path that are named.
const NAMED: usize = 3;
/// Below this many seconds nobody asks what takes so long.
const WORTH_EXPLAINING: f64 = 10.0;
/// Lines of an output that are shown; `-v` shows all.
const LINES: usize = 16;
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
        let symbol = paint(style, symbol);
        let compact = [&before, &after]
            .into_iter()
            .flatten()
            .all(|v| v.is_sensitive() || v.as_entries().is_none_or(|e| e.len() < 3));
        if compact && columns(&short) + 4 <= page.width && !short.contains('\n') {
            page.line(&format!("  {symbol} {short}"));
            continue;
        }
        let lines: Vec<String> = match (&before, &after) {
            (None, Some(after)) => value::lines(&head, after, page.width - 4),
            // What it was is of no use any more.
            (Some(before), None) => {
                vec![layout::cut(&format!("{head}{}", value::inline(before)), page.width - 4).into_owned()]
            }
            _ => {
                let difference = value::difference(before.as_ref(), after.as_ref(), page.width - 6);
                let lines = difference.iter().map(|line| format!("  {}", line.styled()));
                std::iter::once(output.name.to_string()).chain(lines).collect()
            }
        };
        let limit = if page.verbose || lines.len() <= LINES + 1 { lines.len() } else { LINES };
        for (i, line) in lines.iter().take(limit).enumerate() {
            page.line(&format!("  {} {line}", if i == 0 { symbol.as_str() } else { " " }));
        }
        if lines.len() > limit {
            page.line(&format!("      … and {} more lines   -v shows them", lines.len() - limit));
        }
    }
    page.line("");
}

pub(super) fn write(page: &mut Page, plan: &Plan, context: &Context) {
    let limited = !plan.left_out.is_empty();
    if plan.is_empty() {
        let text = match (plan.mode, limited) {
            (PlanMode::Destroy, false) => "No changes. There is nothing to destroy.",
            (PlanMode::Destroy, true) => "No changes. There is nothing to destroy in what was asked for.",
            (PlanMode::RefreshOnly, false) => "No changes. The state matches the world.",
            (PlanMode::RefreshOnly, true) => "No changes. The state matches the world in what was asked for.",
            (PlanMode::Apply, false) => "No changes. The world matches the configuration.",
            (PlanMode::Apply, true) => {
                "No changes. The world matches the configuration in what was asked for."
            }
        };
        page.line(&paint(style::STRONG, text));
        return;
    }
    if plan.mode == PlanMode::RefreshOnly {
        let gone = plan.changes.iter().filter(|c| c.action == Action::Forget).map(|c| &c.address);
        let number = plan.drift.iter().map(|d| &d.address).chain(gone).collect::<BTreeSet<_>>().len();
        let text = format!("Plan: {} to record. Nothing changes in the world.", count(number, "resource"));
        page.line(&paint(style::STRONG, &text));
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
    let forgotten =
        plan.changes.iter().filter(|c| c.action == Action::Forget && !rows::ends_with_cluster(c)).count();
    if forgotten > 0 {
        counts.push_str(&format!(", {} to forget", count(forgotten, "resource")));
    }
    let head = format!("Plan: {counts}.");
    let styled = paint(style::STRONG, &head);
    let time = expectation(plan, context.time_factor);
    let extra = extra_machines(plan, context.preflight.is_some());
    match time.map(|time| [Some(time), extra.clone()].into_iter().flatten().collect::<Vec<_>>().join("   ")) {
        Some(time) if columns(&head) + 3 + columns(&time) <= page.width => {
            page.line(&format!("{styled}   {time}"))
        }
        Some(time) => {
            page.line(&styled);
            page.wrapped("", &time);
        }
        None => page.line(&styled),
    }
    for line in farewell(plan) {
        page.wrapped("", &line);
    }
}

/// `2 extra VMs at most (quota checked).`, while nodes are replaced.
fn extra_machines(plan: &Plan, checked: bool) -> Option<String> {
    let number = rollout::extra_machines(plan);
    let quota = if checked { " (quota checked)" } else { "" };
    (number > 0).then(|| format!("{} at most{quota}.", count(number, "extra VM")))
}

/// Of a plan that takes everything down: what goes for good, and what stays.
fn farewell(plan: &Plan) -> Vec<String> {
    if plan.mode != PlanMode::Destroy {
        return Vec::new();
    }
    let deleted = || plan.changes.iter().filter(|change| change.action == Action::Delete);
    let is_etcd = |change: &Change| Place::of(&change.address).section == Section::ControlPlane;
    let mut lines = Vec::new();
    if deleted().any(is_etcd) {
        lines.push(
            "etcd goes with the control plane: nothing that is stored in the cluster survives.".to_owned(),
        );
    }
    let group = |change: &Change| change.id.as_ref().and_then(|id| id.resource_group().map(str::to_owned));
    let goes: BTreeSet<String> = deleted()
        .filter(|change| &*change.ty.name == "Microsoft.Resources/resourceGroups")
        .filter_map(|change| change.id.as_ref().map(|id| id.name().to_ascii_lowercase()))
        .collect();
    let stays: BTreeMap<String, String> = deleted()
        .filter_map(group)
        .map(|name| (name.to_ascii_lowercase(), name))
        .filter(|(key, _)| !goes.contains(key))
        .collect();
    let names: Vec<String> = stays.into_values().collect();
    match names.as_slice() {
        [] => {}
        [one] => lines.push(format!("The resource group {one} stays, with whatever else is in it.")),
        many => lines
            .push(format!("The resource groups {} stay, with whatever else is in them.", many.join(", "))),
    }
    lines
}

/// `About 6 min (critical path: prod-public-lb, then prod-cp-1, then prod-cp-3).`
fn expectation(plan: &Plan, factor: f64) -> Option<String> {
    if plan.steps.is_empty() {
        return None;
    }
    let (seconds, path) = plan.critical_path();
    let text = duration::expected(seconds * factor);
    let steps: Vec<&Step> = path.iter().filter_map(|n| plan.steps.get(*n as usize)).collect();
    if steps.len() < 2 || seconds * factor < WORTH_EXPLAINING {
        return Some(format!("{text}."));
    }
    // The longest ones, in the order they happen; what hardly counts is not named.
    let mut longest: Vec<usize> =
        (0..steps.len()).filter(|i| steps[*i].expected >= seconds * WORTH_NAMING).collect();
    longest.sort_by(|a, b| steps[*b].expected.total_cmp(&steps[*a].expected).then(a.cmp(b)));
    let more = if longest.len() > NAMED { ", …" } else { "" };
    longest.truncate(NAMED);
    longest.sort_unstable();
    let mut names: Vec<String> = longest.iter().map(|i| name(steps[*i])).collect();
    names.dedup(); // a node is a machine and a member
    Some(format!("{text} (critical path: {}{more}).", names.join(", then ")))
}

fn name(step: &Step) -> String {
    let name = names::object(&step.address, step.id.as_ref());
    if step.operation == Operation::Delete { format!("delete {name}") } else { name }
}
