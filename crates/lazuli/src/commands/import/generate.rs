//! stub
use std::path::Path;
use std::sync::Arc;

use crate::cli::Import;
use crate::commands::{Exit, Outcome};
use crate::terminal::Printer;

pub(super) async fn run(_file: &Path, _group: &str, _args: &Import, _printer: &Arc<Printer>) -> Outcome {
    Ok(Exit::Done)
}
