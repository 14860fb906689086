//! Meta-arguments as the planner wants them.

use lazuli_config::{Declaration as Block, Evaluator, Externals, IgnoreChanges, Instance};
use lazuli_core::resource::{Lifecycle, Timeouts};
use lazuli_core::{Diagnostics, Path};

/// `lifecycle` and `timeouts` as the planner wants them.
pub(super) fn meta(
    evaluator: &Evaluator,
    block: &Block,
    externals: &dyn Externals,
    instance: Option<&Instance>,
) -> Result<(Lifecycle, Timeouts), Diagnostics> {
    let written = &block.meta.lifecycle;
    let ignore = match &written.ignore_changes {
        IgnoreChanges::Nothing => Vec::new(),
        IgnoreChanges::Paths(paths) => paths.iter().map(|(path, _)| path.clone()).collect(),
        IgnoreChanges::All => vec![Path::root()],
    };
    let lifecycle = Lifecycle {
        prevent_destroy: written.prevent_destroy.is_some(),
        create_before_destroy: written.create_before_destroy.unwrap_or(false),
        ignore,
        replace_triggered_by: Vec::new(), // added where references are resolved
    };
    let timeouts = evaluator.timeouts(block, externals, instance)?;
    let seconds = |duration: Option<std::time::Duration>| duration.map(|d| d.as_secs());
    let timeouts = Timeouts {
        create: seconds(timeouts.create),
        update: seconds(timeouts.update),
        delete: seconds(timeouts.delete),
    };
    Ok((lifecycle, timeouts))
}
