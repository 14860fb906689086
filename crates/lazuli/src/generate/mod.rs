//! Configuration written from what exists. Pure: objects in, text out.
//!
//! | module | what |
//! |---|---|
//! | [`resources`] | objects → `resource` blocks that refer to each other |
//! | [`cluster`] | the parts of a cluster → one `cluster` block, and the seats of its nodes |
//! | `network`, `api_server`, `pool` | its blocks |
//! | [`body`] | what of an object is configuration |
//! | [`hcl`] | values as text |

mod api_server;
pub mod body;
pub mod cluster;
pub mod hcl;
mod network;
mod pool;
pub mod resources;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lazuli_core::Address;
use lazuli_core::resource::ResourceId;

pub use api_server::{has_zone, private_address};
pub use network::other_halves;

/// An object that is not written, or not wholly, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The object.
    pub id: ResourceId,
    /// Why.
    pub why: String,
}

/// Labels of blocks that are taken.
#[derive(Debug, Default, Clone)]
pub struct Labels(pub BTreeSet<String>);

impl Labels {
    /// A label like a name in Azure that nothing has yet; `title` sets two apart that are called the same.
    pub fn take(&mut self, name: &str, title: &str) -> String {
        // A UUID says nothing to people.
        let plain = if uuid::Uuid::try_parse(name).is_ok() { identifier(title) } else { identifier(name) };
        let titled = format!("{plain}_{}", identifier(title));
        let numbered = (2..).map(|number| format!("{titled}_{number}"));
        let mut all = [plain, titled.clone()].into_iter().chain(numbered);
        let free = all.find(|label| !self.0.contains(label)).unwrap_or(titled);
        self.0.insert(free.clone());
        free
    }
}

fn identifier(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = text.chars().map(keep).collect();
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) { text } else { format!("r_{text}") }
}

/// An `import` block.
pub fn import(to: &Address, id: &ResourceId) -> String {
    format!("import {{\nto = {to}\nid = {}\n}}\n\n", hcl::quoted(id.as_str()))
}

/// What stands at the beginning of the file.
pub fn heading(group: &str, left: &[Left]) -> String {
    let mut text = format!(
        "# Written by `lazuli import --generate` from what is in the resource group {group}.\n\
         # The next apply takes it over; then the import blocks can go.\n"
    );
    if !left.is_empty() {
        text.push_str("#\n# Left out:\n");
        for left in left {
            let _ = writeln!(text, "# - {}\n#   {}", one_line(left.id.as_str()), one_line(&left.why));
        }
    }
    text.push('\n');
    text
}

/// Names come from Azure: nothing of them may end the line of a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
