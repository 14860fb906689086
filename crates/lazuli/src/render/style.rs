//! Styles by what they mean. Nothing is told by colour alone.

use anstyle::{AnsiColor, Style};
use lazuli_core::plan::Action;

/// Something comes into being.
pub const ADD: Style = AnsiColor::Green.on_default();
/// Something changes in place.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// Something goes away.
pub const REMOVE: Style = AnsiColor::Red.on_default();
/// Something is read or moved.
pub const NEUTRAL: Style = AnsiColor::Cyan.on_default();
/// Something that must not be overlooked.
pub const ALERT: Style = AnsiColor::Red.on_default().bold();
/// A heading or a total.
pub const STRONG: Style = Style::new().bold();
/// Something of second importance.
pub const FAINT: Style = Style::new().dimmed();

/// The text in a style; the text alone when it is empty.
pub fn paint(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// The style of an action.
pub fn of_action(action: Action) -> Style {
    match action {
        Action::Create => ADD,
        Action::Update | Action::Adopt => CHANGE,
        Action::ReplaceDeleteFirst | Action::ReplaceCreateFirst | Action::Delete => REMOVE,
        Action::Read | Action::Move | Action::Forget => NEUTRAL,
        Action::NoOp => FAINT,
    }
}
