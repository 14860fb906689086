//! `graph`: the steps of a plan and what waits for what.

use std::sync::Arc;
use std::time::Duration;

use super::begin::Setting;
use super::{Exit, Outcome, plan};
use crate::cli::{Graph, GraphFormat};
use crate::host;
use crate::plan_file::SavedPlan;
use crate::planning::{self, Wish};
use crate::render::{graph, svg};
use crate::terminal::Printer;

/// How many reads may run at the same time.
const PARALLEL: usize = 16;

pub(super) async fn run(args: &Graph, printer: &Arc<Printer>) -> Outcome {
    let made = match &args.plan {
        Some(path) => SavedPlan::load(path, &planning::keys(&host::environment))?.plan,
        None => {
            let setting = Setting::here(&args.variables, printer)?;
            let keys = planning::keys(&host::environment);
            let state = planning::open_state(
                &setting.state.backend(&host::environment)?,
                "graph",
                Duration::ZERO,
                keys,
                &|text| printer.message(text),
            )?;
            let clouds = Arc::new(setting.clouds(state.world(), PARALLEL).await?);
            let recorded = plan::unfinished(&state, &clouds, printer).await;
            let wish = Wish::plain(PARALLEL);
            let planned = plan::make(&setting, &clouds, &recorded, &wish, printer).await?;
            super::apply::close(clouds).await;
            planned.plan
        }
    };
    if printer.json() {
        printer.document(&graph::json(&made));
        return Ok(Exit::Done);
    }
    printer.result(&match args.format {
        GraphFormat::Dot => graph::dot(&made),
        GraphFormat::Mermaid => graph::mermaid(&made),
        GraphFormat::Svg => svg::steps(&made),
    });
    Ok(Exit::Done)
}
