//! The steps of a plan: what waits stands to the right of what it waits for.

use std::fmt::Write as _;

use lazuli_core::plan::{Operation, Plan};

use super::layers::layers;
use super::{Canvas, Label, escape, width_of};
use crate::render::graph;

/// Of a box, in pixels.
const HEIGHT: f64 = 24.0;
const ROW: f64 = 32.0;
const WIDEST: f64 = 330.0;
/// Between columns, where the lines run.
const GAP: f64 = 70.0;

/// The steps of a plan as a picture.
pub fn steps(plan: &Plan) -> String {
    let edges: Vec<(usize, usize)> =
        plan.edges.iter().map(|edge| (edge.before as usize, edge.after as usize)).collect();
    let found = layers(plan.steps.len(), &edges);
    let labels: Vec<String> = plan.steps.iter().map(graph::label).collect();
    let tallest = found.columns.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let mut boxes = vec![(0.0, 0.0, 0.0); labels.len()];
    let mut x = 12.0;
    for column in &found.columns {
        let widest = column.iter().map(|step| width_of(&labels[*step], 11.0) + 14.0).fold(0.0, f64::max);
        let width = widest.min(WIDEST).round();
        let top = 12.0 + ((tallest - column.len() as f64) * ROW / 2.0).floor();
        for (at, step) in column.iter().enumerate() {
            boxes[*step] = (x, top + at as f64 * ROW, width);
        }
        x += width + GAP;
    }
    let mut canvas = Canvas::default();
    for edge in found.edges {
        let ((from_x, from_y, width), (to_x, to_y, _)) = (boxes[edges[edge].0], boxes[edges[edge].1]);
        let (from, middle) = (from_x + width, HEIGHT / 2.0);
        let bend = ((to_x - from) / 2.0).clamp(20.0, GAP);
        let _ = writeln!(
            canvas.out,
            "<path d=\"M{from} {} C{} {} {} {} {to_x} {}\"><title>{}</title></path>",
            from_y + middle,
            from + bend,
            from_y + middle,
            to_x - bend,
            to_y + middle,
            to_y + middle,
            escape(&plan.edges[edge].because)
        );
    }
    for (step, (x, y, width)) in plan.steps.iter().zip(boxes) {
        let text = &labels[step.number as usize];
        let class = match step.operation {
            Operation::Create => "add",
            Operation::Update => "change",
            Operation::Delete => "remove",
            Operation::Read => "read",
        };
        let title = format!("{text}\n{}", step.address);
        canvas.label(&Label { x, y, width, height: HEIGHT, class, text, title: &title });
    }
    canvas.finish("The steps of a plan, and what waits for what")
}
