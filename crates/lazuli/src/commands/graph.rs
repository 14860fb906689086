//! `graph`: the steps of a plan and what waits for what.

use std::sync::Arc;

use super::begin::Setting;
use super::{Exit, Outcome, plan};
use crate::cli::{Graph, GraphFormat};
use crate::plan_file::SavedPlan;
use crate::planning::{self, Wish};
use crate::render::graph;
use crate::terminal::Printer;
use crate::host;

pub(super) async fn run(args: &Graph, printer: &Arc<Printer>) -> Outcome {
    let made = match &args.plan {
        Some(path) => SavedPlan::load(path, &planning::keys(&host::environment))?.plan,
        None => {
            let setting = Setting::here(&args.variables, printer)?;
            let world = setting.backend.read(planning::keys(&host::environment))?.world;
            let clouds = setting.clouds(&world, 16).await?;
            let wish = Wish { parallel: 16, ..Wish::default() };
            let planned = plan::make(&setting, &clouds, &world, &wish, printer).await?;
            clouds.close().await;
            planned.plan
        }
    };
    printer.result(&match args.format {
        GraphFormat::Dot => graph::dot(&made),
        GraphFormat::Mermaid => graph::mermaid(&made),
    });
    Ok(Exit::Done)
}
