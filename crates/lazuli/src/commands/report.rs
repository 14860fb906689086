//! `--html FILE`: a plan or a state as a report for browsers.

use std::path::Path;

use lazuli_core::Diagnostic;
use lazuli_core::plan::{Plan, PlanMode};
use lazuli_core::recorded::RecordedWorld;
use lazuli_state::file::write_atomic;

use crate::failure::Failure;
use crate::host;
use crate::render::html::{self, Chapter, Content};
use crate::render::{layout, plan as rendered, state as rendered_state, svg};

/// Refuses a path at which something else than a report lies: a slip must not cost a configuration or a state.
pub(super) fn may_replace(path: &Path) -> Result<(), Failure> {
    let refuse = |why: &str| {
        let message = format!("the report cannot be written to {}: {why}", path.display());
        Err(Failure::of(
            Diagnostic::error("LZ2125", message).help("give --html another name, such as plan.html"),
        ))
    };
    let no_folder = path.parent().is_some_and(|above| !above.as_os_str().is_empty() && !above.is_dir());
    match std::fs::read(path) {
        Ok(bytes) if !bytes.starts_with(html::BEGIN.as_bytes()) => {
            refuse("something that is no report of Lazuli is there, and it is not replaced")
        }
        _ if path.is_dir() => refuse("it is a directory"),
        _ if no_folder => refuse("there is no such directory"),
        _ => Ok(()),
    }
}

/// Writes the report of a plan.
pub(super) fn of_plan(path: &Path, plan: &Plan, context: &rendered::Context) -> Result<(), Failure> {
    let what = match plan.mode {
        PlanMode::Apply => "Plan",
        PlanMode::Destroy => "Plan to destroy",
        PlanMode::RefreshOnly => "Plan to record what changed outside",
    };
    let told = |verbose| rendered::text(plan, context, html::WIDTH, verbose);
    let mut chapters = vec![chapter("What changes", false, Content::Text(told(false)))];
    chapters.extend(svg::topology(&svg::of_plan(plan)).map(picture));
    chapters.push(chapter("Every attribute", true, Content::Text(told(true))));
    if !plan.steps.is_empty() {
        let title = format!("{}, and what waits for what", layout::count(plan.steps.len(), "step"));
        chapters.push(chapter(&title, true, Content::Picture(svg::steps(plan))));
    }
    write(path, what, &plan.lineage, plan.serial, &chapters)
}

/// Writes the report of a state.
pub(super) fn of_world(path: &Path, world: &RecordedWorld) -> Result<(), Failure> {
    let text = rendered_state::world(world, html::WIDTH);
    let mut chapters: Vec<Chapter> = svg::topology(&svg::of_world(world)).map(picture).into_iter().collect();
    chapters.push(chapter("What there is", false, Content::Text(text)));
    write(path, "State", &world.lineage, world.serial, &chapters)
}

fn picture(svg: String) -> Chapter {
    chapter("Picture", false, Content::Picture(svg))
}

fn chapter(title: &str, folded: bool, content: Content) -> Chapter {
    Chapter { title: title.to_owned(), folded, content }
}

fn write(path: &Path, what: &str, lineage: &str, serial: u64, chapters: &[Chapter]) -> Result<(), Failure> {
    may_replace(path)?;
    let facts = [
        format!("Made by lazuli {} on {}.", env!("CARGO_PKG_VERSION"), host::now()),
        format!("State {lineage}, serial {serial}."),
    ];
    Ok(write_atomic(path, html::page(what, &facts, chapters).as_bytes())?)
}
