//! Pictures as SVG: text that says what it is without colours, and a title on everything that is cut or small.
//!
//! | module | what |
//! |---|---|
//! | `layers` | where the boxes of a graph go, pure geometry |
//! | `steps` | the steps of a plan and what waits for what |
//! | `topology` | clusters with their network, pools, zones and nodes |

use std::fmt::Write as _;

use lazuli_core::plan::Action;

mod layers;
mod steps;
mod topology;

pub use steps::steps;
pub use topology::{Part, of_plan, of_world, topology};

/// The width of a character of the monospace font, in parts of its size.
const CHARACTER: f64 = 0.61;

/// A picture being drawn.
#[derive(Default)]
struct Canvas {
    out: String,
    width: f64,
    height: f64,
}

/// A box with text.
struct Label<'a> {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// The class of the style sheet.
    class: &'a str,
    text: &'a str,
    /// What is said when somebody points at it.
    title: &'a str,
}

impl Canvas {
    /// Text within a box, cut where it is too long.
    fn label(&mut self, label: &Label<'_>) {
        let Label { x, y, width, height, class, .. } = *label;
        let _ = writeln!(
            self.out,
            "<g class=\"{class}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"4\"/>",
            escape(label.title)
        );
        if !label.text.is_empty() {
            self.text(x + 6.0, y + height / 2.0 + 4.0, "", &fit(label.text, width - 12.0, 11.0));
        }
        self.out.push_str("</g>\n");
        self.reach(x + width, y + height);
    }

    /// A frame with a heading above what is in it.
    fn frame(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str, title: &str) {
        let _ = writeln!(
            self.out,
            "<rect class=\"frame {class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
        self.text(x + 8.0, y + 15.0, "head", &fit(title, width - 16.0, 12.0));
        self.reach(x + width, y + height);
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = writeln!(self.out, "<text{class} x=\"{x}\" y=\"{y}\">{}</text>", escape(text));
    }

    fn reach(&mut self, x: f64, y: f64) {
        self.width = self.width.max(x);
        self.height = self.height.max(y);
    }

    /// The whole file.
    fn finish(self, about: &str) -> String {
        let (width, height) = (self.width + 12.0, self.height + 12.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            escape(about),
            self.out
        )
    }
}

const STYLE: &str = "\
text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}\
.head{font-size:12px;font-weight:bold}.small{font-size:9px;fill:#57606a}\
.frame{fill:none;stroke:#8c959f}.cluster{fill:#f6f8fa}.net{fill:#eef4fb;stroke:#54aeff}.pool{fill:#fff;fill-opacity:.6}\
.zone{fill:none;stroke:#d0d7de;stroke-dasharray:4 3}\
g rect{fill:#fff;stroke:#8c959f}\
.add rect{fill:#dafbe1;stroke:#1a7f37}.change rect{fill:#fff8c5;stroke:#9a6700}.remove rect{fill:#ffebe9;stroke:#cf222e}\
.read rect{fill:#ddf4ff;stroke:#0969da}\
path{fill:none;stroke:#8c959f}path:hover{stroke:#cf222e;stroke-width:2}";

/// The class of what happens.
fn class(action: Action) -> &'static str {
    match action {
        Action::Create => "add",
        Action::Update | Action::Adopt => "change",
        Action::ReplaceDeleteFirst | Action::ReplaceCreateFirst | Action::Delete => "remove",
        Action::Read | Action::Move | Action::Forget => "read",
        Action::NoOp => "same",
    }
}

/// The width of a text in this size.
fn width_of(text: &str, size: f64) -> f64 {
    super::layout::columns(text) as f64 * size * CHARACTER
}

/// The text, cut to a width.
fn fit(text: &str, width: f64, size: f64) -> String {
    let columns = (width / (size * CHARACTER)).max(1.0) as usize;
    super::layout::cut(text, columns).into_owned()
}

/// Text that is only text in HTML and XML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no such characters, however they are spelled.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
