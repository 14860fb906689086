//! What `import --generate` says in the end.

use std::fmt::Write as _;
use std::path::Path;

use lazuli_core::plan::{Action, Plan, Reason};
use lazuli_core::{Address, Json};
use serde_json::json;

use crate::commands::{Exit, Outcome};
use crate::failure::Failure;
use crate::generate::Left;
use crate::render::layout;
use crate::terminal::Printer;

/// What is said in the end.
pub(super) struct Told<'a> {
    pub(super) file: &'a Path,
    pub(super) group: &'a str,
    pub(super) account: &'a str,
    /// The lineage the state took over.
    pub(super) taken: Option<&'a str>,
    pub(super) clusters: &'a [String],
    /// Clusters that are here already.
    pub(super) owned: &'a [String],
    pub(super) left: &'a [Left],
    /// The cluster whose keys were brought.
    pub(super) keys_of: Option<&'a Address>,
}

impl Told<'_> {
    /// Tells it, with the next plan where the file is part of the configuration.
    pub(super) fn tell(&self, planned: Option<Result<Plan, Failure>>, printer: &Printer) -> Outcome {
        let (plan, failed) = match planned {
            Some(Ok(plan)) => (Some(plan), None),
            Some(Err(failure)) => (None, Some(failure)),
            None => (None, None),
        };
        let imports =
            |plan: &Plan| plan.changes.iter().filter(|c| c.reason == Some(Reason::Imported)).count();
        let changes: Vec<(&Address, Action)> = plan
            .iter()
            .flat_map(|plan| &plan.changes)
            .filter(|change| {
                !matches!(change.action, Action::NoOp | Action::Read | Action::Adopt)
                    || change.action == Action::Adopt && !change.paths.is_empty()
            })
            .map(|change| (&change.address, change.action))
            .collect();
        if printer.json() {
            let left: Vec<Json> =
                self.left.iter().map(|left| json!({"id": left.id, "why": left.why})).collect();
            let next = plan.as_ref().map(|plan| {
                let changes: Vec<Json> = changes
                    .iter()
                    .map(|(address, action)| json!({"address": address, "action": action}))
                    .collect();
                json!({"imports": imports(plan), "changes": changes})
            });
            printer.document(&json!({
                "file": self.file, "resource_group": self.group, "cloud_account": self.account,
                "clusters": self.clusters, "already_here": self.owned, "left_out": left, "lineage": self.taken, "keys_of": self.keys_of,
                "next_plan": next,
            }));
        } else {
            let mut text = format!("Wrote {}.", self.file.display());
            if let Some(plan) = &plan {
                let objects = layout::count(imports(plan), "object");
                let _ = write!(text, " The next plan imports {objects}");
                text +=
                    if changes.is_empty() { " and changes nothing.\n" } else { ", and changes something:\n" };
                for (address, action) in &changes {
                    let _ = writeln!(text, "  {} {address}", action.symbol());
                }
            } else {
                text.push('\n');
            }
            if !self.owned.is_empty() {
                let (owned, is) = (self.owned.join(", "), if self.owned.len() == 1 { "is" } else { "are" });
                let _ = writeln!(
                    text,
                    "\n{owned} {is} here already, so nothing of {} was written.",
                    if self.owned.len() == 1 { "it" } else { "them" }
                );
            }
            if let Some(cluster) = self.keys_of {
                let _ = writeln!(text, "\nThe keys of {cluster} are in this state now, encrypted.");
            }
            if let Some(lineage) = self.taken {
                let _ = writeln!(
                    text,
                    "\nThis state was empty and is {lineage} now, the one that made these objects: names of nodes hang on it.\n\
                     If the state that was that before still exists, do not use it any more."
                );
            }
            if !self.left.is_empty() {
                let _ = writeln!(
                    text,
                    "\nLeft out, as the file says: {}.",
                    layout::count(self.left.len(), "object")
                );
                for left in self.left.iter().take(20) {
                    let _ = writeln!(text, "  {}\n    {}", left.id, left.why);
                }
            }
            text.push_str("\nNothing was changed in Azure.\n");
            printer.result(&text);
        }
        match failed {
            Some(failure) => Err(failure),
            None => Ok(Exit::Done),
        }
    }
}
