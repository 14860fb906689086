//! A plan for people: grouped by cluster and pool, creations one line each, changes with their attributes.
//!
//! | module | what |
//! |---|---|
//! | `place` | to which cluster, section and node a resource belongs |
//! | `facts` | what identifies an object at a glance |
//! | `rows` | one resource: a line, or a line with its attributes |
//! | `attributes` | the attributes that differ |
//! | `nodes` | the nodes of a pool, alike ones together |
//! | `rollout` | what replaces nodes, how, and what it leaves alone |
//! | `drift`, `total` | what changed outside; outputs, counts and duration |

mod attributes;
mod drift;
mod facts;
mod nodes;
pub(in crate::render) mod place;
mod rollout;
mod rows;
mod total;

#[cfg(test)]
mod inside_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use lazuli_cluster::impact::Impact;
use lazuli_core::plan::{Action, Change, Plan, PlanMode};

use self::attributes::Wording;
use self::place::{Place, Section};
use self::rows::Item;
use super::layout::{columns, wrap};
use super::style::{self, paint};
use super::{duration, layout, names};

pub(in crate::render) use self::facts::zone;

/// What is said around the changes.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What the refresh took; `None` when there was none.
    pub refresh: Option<Refresh>,
    /// Cloud accounts that are simulated: `cloud_account.sandbox`.
    pub simulated: Vec<String>,
    /// What identifies a cluster, by its address: `eastus2`, `rg-platform`, `Kubernetes 1.34.2`. Region and resource group
    /// are found in the plan when left out.
    pub clusters: BTreeMap<String, Vec<String>>,
    /// The preflight; `None` when it was skipped.
    pub preflight: Option<Preflight>,
    /// What real time is to the plan's expectations: 1 for Azure, less for a fast simulator.
    pub time_factor: f64,
}

/// What a refresh took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refresh {
    /// Resources looked at.
    pub resources: usize,
    /// Requests made.
    pub requests: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// What the preflight found. Its errors are diagnostics and end the plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preflight {
    /// Checks that passed.
    pub passed: usize,
    /// How many requests they took.
    pub requests: usize,
    /// What is worth knowing: `vCPU quota eastus2   DSv5 family 60 of 100 after apply`.
    pub facts: Vec<String>,
    /// What somebody should look at, in one line each.
    pub warnings: Vec<String>,
}

/// The plan as text with styles. `verbose` unfolds every attribute.
pub fn text(plan: &Plan, context: &Context, width: usize, verbose: bool) -> String {
    let mut page = Page { out: String::new(), width: width.max(40), verbose };
    page.heading(context);
    drift::write(&mut page, plan);
    // What is only recorded is told above already.
    let groups = if plan.mode == PlanMode::RefreshOnly { Vec::new() } else { group(plan) };
    let rolling = rollout::Rolling::of(plan);
    for group in &groups {
        page.cluster(plan, context, group, &rolling);
    }
    total::outputs(&mut page, plan);
    if let Some(preflight) = &context.preflight {
        page.preflight(preflight);
    }
    for group in &groups {
        if let Some(cluster) = &group.cluster {
            for line in layout::flow(rollout::why(plan, cluster, &group.all), "   ", page.width) {
                page.wrapped("", &line);
            }
        }
    }
    total::write(&mut page, plan, context);
    page.out
}

/// The page being written.
struct Page {
    out: String,
    width: usize,
    verbose: bool,
}

/// What belongs together under one heading: a cluster, or everything that is in none.
struct Group<'a> {
    /// `None` for what is in no cluster.
    cluster: Option<String>,
    /// Everything in it, unchanged parts too.
    all: Vec<&'a Change>,
    /// Everything in it by section.
    sections: BTreeMap<Section, Vec<(Place, &'a Change)>>,
}

impl Group<'_> {
    /// How much of a cluster that exists is touched.
    fn impact(&self) -> Option<Impact> {
        lazuli_cluster::impact::impact(&self.cluster.as_ref()?.parse().ok()?, self.all.iter().copied())
    }
}

fn group(plan: &Plan) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(bool, Option<String>), Group<'_>> = BTreeMap::new();
    for change in &plan.changes {
        let place = Place::of(&change.address);
        let key = (place.cluster.is_none(), place.cluster.clone());
        let group = groups.entry(key).or_insert_with(|| Group {
            cluster: place.cluster.clone(),
            all: Vec::new(),
            sections: BTreeMap::new(),
        });
        group.all.push(change);
        group.sections.entry(place.section.clone()).or_default().push((place, change));
    }
    let mut groups: Vec<Group<'_>> =
        groups.into_values().filter(|g| g.all.iter().any(|c| is_shown(c))).collect();
    for members in groups.iter_mut().flat_map(|group| group.sections.values_mut()) {
        members.sort_by_key(|(place, _)| place.rank());
    }
    groups
}

/// True for everything that happens.
fn is_shown(change: &Change) -> bool {
    change.action != Action::NoOp
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn heading(&mut self, context: &Context) {
        let mut parts = Vec::new();
        if let Some(refresh) = context.refresh {
            parts.push(format!(
                "Refreshed {} with {} ({}).",
                layout::count(refresh.resources, "resource"),
                layout::count(refresh.requests, "request"),
                duration::measured(refresh.elapsed)
            ));
        }
        if !context.simulated.is_empty() {
            parts.push(format!("Azure is simulated ({}).", context.simulated.join(", ")));
        }
        if !parts.is_empty() {
            for line in layout::flow(&parts, "  ", self.width) {
                self.line(&paint(style::FAINT, &line));
            }
            self.line("");
        }
    }

    fn cluster(&mut self, plan: &Plan, context: &Context, group: &Group<'_>, rolling: &rollout::Rolling) {
        let in_full = self.verbose || group.cluster.is_none();
        let wording = if in_full { Wording::default() } else { Wording::of(&group.all) };
        let sections: Vec<(&Section, Vec<Item>)> = group
            .sections
            .iter()
            .map(|(section, members)| {
                (section, rows::items(plan, members, &wording, self.width, self.verbose))
            })
            .filter(|(_, items)| !items.is_empty())
            .collect();
        let columns_of = rows::Columns::of(sections.iter().flat_map(|(_, items)| items), self.width);
        if let Some(name) = &group.cluster {
            let mut known = context.clusters.get(name).cloned().unwrap_or_else(|| facts::cluster(&group.all));
            if let Some((from, to)) = rollout::versions(&group.all) {
                let place = rollout::version_place(&group.all).map(|at| format!("  ({at})"));
                known.retain(|fact| !fact.starts_with("Kubernetes "));
                known.push(format!("Kubernetes {from} -> {to}{}", place.unwrap_or_default()));
            }
            let facts: Vec<String> = status(&group.all).map(str::to_owned).into_iter().chain(known).collect();
            self.titled("", name, &columns_of, &facts);
        }
        if let Some(impact) = group.impact() {
            self.titled(
                "  ",
                "impact",
                &columns_of,
                &impact.to_string().split(", ").map(str::to_owned).collect::<Vec<_>>(),
            );
        }
        let indent = if group.cluster.is_some() { 2 } else { 0 };
        for (section, items) in sections {
            let facts =
                group.sections.get(section).map(|m| facts::pool(section, m, rolling)).unwrap_or_default();
            self.titled(&" ".repeat(indent), &section.title(), &columns_of, &facts);
            for item in &items {
                item.write(self, indent + 2, &columns_of);
            }
        }
        self.line("");
    }

    fn preflight(&mut self, preflight: &Preflight) {
        let warnings = match preflight.warnings.len() {
            0 => String::new(),
            number => format!(", {}", layout::count(number, "warning")),
        };
        self.line(&format!(
            "{}  {} passed{warnings} ({})",
            paint(style::STRONG, "Preflight"),
            layout::count(preflight.passed, "check"),
            layout::count(preflight.requests, "request")
        ));
        for fact in &preflight.facts {
            self.wrapped("    ", fact);
        }
        for warning in &preflight.warnings {
            self.wrapped("    ", &format!("warning: {warning}"));
        }
        self.line("");
    }

    /// A heading with its facts, which begin in the column of the names below.
    fn titled(&mut self, margin: &str, title: &str, widths: &rows::Columns, facts: &[String]) {
        let used = columns(margin) + columns(title);
        let start = widths.facts_start().max(used + 2);
        let lines = layout::flow(facts, ", ", self.width.saturating_sub(start).max(20));
        let first = lines.first().map_or("", String::as_str);
        let gap = if first.is_empty() { String::new() } else { " ".repeat(start - used) };
        self.line(&format!("{margin}{}{gap}{first}", paint(style::STRONG, title)));
        for line in lines.iter().skip(1) {
            self.line(&format!("{}{line}", " ".repeat(start)));
        }
    }

    /// A text wrapped at the width, later lines two columns further in.
    fn wrapped(&mut self, margin: &str, text: &str) {
        let lines = wrap(text, self.width.saturating_sub(columns(margin) + 2));
        for (i, line) in lines.iter().enumerate() {
            self.line(&format!("{margin}{}{line}", if i == 0 { "" } else { "  " }));
        }
    }
}

/// What happens to a cluster as a whole, when that is one thing.
fn status(changes: &[&Change]) -> Option<&'static str> {
    let owned = || changes.iter().filter(|c| c.mode == lazuli_core::resource::Mode::Managed);
    if owned().all(|c| c.action == Action::Create) {
        Some("new")
    } else if owned().all(|c| c.action == Action::Delete || rows::ends_with_cluster(c)) {
        Some("destroyed")
    } else {
        None
    }
}
