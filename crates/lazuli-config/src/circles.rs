//! What is said about values that refer to each other in a circle.

use lazuli_core::{Diagnostic, Diagnostics, Span};

use crate::codes;
use crate::externals::Root;
use crate::graph::Graph;
use crate::tree::Modules;

/// Steps of a long circle that are told, at its beginning and again at its end.
const SHOWN: usize = 6;

impl Graph {
    /// What is said about circles.
    pub(crate) fn cycles(&self, modules: &Modules) -> Diagnostics {
        self.circles.iter().map(|circle| self.cycle(modules, circle)).collect()
    }

    fn cycle(&self, modules: &Modules, circle: &[(usize, Span)]) -> Diagnostic {
        let mut names: Vec<String> = circle.iter().map(|(value, _)| self.name(modules, *value)).collect();
        names.extend(names.first().cloned());
        let only_locals = names.iter().all(|name| name.starts_with("local."));
        let what = if only_locals { "local values" } else { "values" };
        let message = format!("{what} refer to each other in a circle: {}", way(&names));
        let mut diagnostic = Diagnostic::error(codes::CYCLE, message);
        for (n, (_, span)) in circle.iter().enumerate() {
            if n >= SHOWN && n + SHOWN < circle.len() {
                continue;
            }
            let label = format!("{} needs {}", names[n], names[n + 1]);
            diagnostic = if n == 0 { diagnostic.at(*span, label) } else { diagnostic.also_at(*span, label) };
        }
        diagnostic
    }

    /// A value as people name it.
    fn name(&self, modules: &Modules, value: usize) -> String {
        let at = self.bases.partition_point(|base| *base <= value).saturating_sub(1);
        let module = &modules.nodes()[at].module;
        let prefix = modules.prefix(at);
        let mut i = value - self.bases[at];
        let of = |name: Option<&crate::syntax::Name>| name.map_or("", |n| &n.text).to_owned();
        if i < module.variables.len() {
            return format!("{prefix}var.{}", of(module.variables.at(i).map(|v| &v.name)));
        }
        i -= module.variables.len();
        if i < module.locals.len() {
            return format!("{prefix}local.{}", of(module.locals.at(i).map(|l| &l.name)));
        }
        i -= module.locals.len();
        if i < module.outputs.len() {
            return format!("{prefix}{}", of(module.outputs.at(i).map(|o| &o.name)));
        }
        i -= module.outputs.len();
        if i < module.calls.len() {
            return format!("the copies of {prefix}module.{}", of(module.calls.at(i).map(|c| &c.name)));
        }
        i -= module.calls.len();
        let block = self.directs(at).copies.iter().find(|(_, (n, _))| *n == i).map(|(block, _)| block);
        match block {
            Some((kind, name)) => {
                let root = Root { module: None, kind: *kind, name: name.clone() };
                format!("the copies of {prefix}{root}")
            }
            None => String::new(), // impossible: every value has its place
        }
    }
}

/// The way around, without the middle of a long one.
fn way(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len().saturating_sub(SHOWN) {
        0 | 1 => names.join(" -> "),
        more => {
            let (first, last) = (&names[..SHOWN - 2], &names[names.len() - 2..]);
            format!("{} -> … {more} more … -> {}", first.join(" -> "), last.join(" -> "))
        }
    }
}
