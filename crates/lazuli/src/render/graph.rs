//! The steps of a plan as a drawing: what waits for what, and why.

use std::fmt::Write as _;

use lazuli_core::plan::{Operation, Plan, Step};
use serde_json::{Value as Json, json};

use super::names;

/// For Graphviz: `lazuli graph | dot -Tsvg`.
pub fn dot(plan: &Plan) -> String {
    let mut out = String::from(
        "digraph plan {\n  rankdir = \"LR\";\n  node [shape = \"box\", style = \"rounded\", fontname = \"sans-serif\"];\n",
    );
    for step in &plan.steps {
        let label = quoted(&format!("{}\n{}", label(step), step.address));
        let _ = writeln!(out, "  s{} [label = {label}, color = \"{}\"];", step.number, color(step.operation));
    }
    for edge in &plan.edges {
        let _ = writeln!(out, "  s{} -> s{} [tooltip = {}];", edge.before, edge.after, quoted(&edge.because));
    }
    out.push_str("}\n");
    out
}

/// For Mermaid, as Markdown renderers draw it.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for step in &plan.steps {
        let _ =
            writeln!(out, "  s{}[\"{}<br/>{}\"]", step.number, label(step), entity(step.address.as_str()));
    }
    for edge in &plan.edges {
        let _ = writeln!(out, "  s{} -->|\"{}\"| s{}", edge.before, entity(&edge.because), edge.after);
    }
    out
}

/// For programs.
pub fn json(plan: &Plan) -> Json {
    let step = |step: &Step| {
        json!({
            "step": step.number,
            "address": step.address,
            "operation": step.operation,
            "name": names::object(&step.address, step.id.as_ref()),
        })
    };
    json!({"steps": plan.steps.iter().map(step).collect::<Vec<_>>(), "edges": plan.edges})
}

/// `create prod-vnet`.
pub(super) fn label(step: &Step) -> String {
    format!("{} {}", verb(step.operation), names::object(&step.address, step.id.as_ref()))
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Read => "read",
    }
}

fn color(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "darkgreen",
        Operation::Update => "orange",
        Operation::Delete => "red",
        Operation::Read => "gray",
    }
}

/// A string of the DOT language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Text that cannot end a Mermaid string.
fn entity(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use lazuli_core::plan::Action;

    use super::*;
    use crate::render::specimens::{node, plan};

    #[test]
    fn steps_and_what_waits_for_what() {
        let plan = plan(node("general", "prod-general-1-77d0", 1, Action::Create, "Standard_D8s_v5"));
        insta::assert_snapshot!("dot", dot(&plan));
        insta::assert_snapshot!("mermaid", mermaid(&plan));
        insta::assert_snapshot!("svg", crate::render::svg::steps(&plan));
    }
}
