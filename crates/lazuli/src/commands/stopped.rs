//! The last words of a run that Ctrl-C ended before it made a step: what was done, and how to go on.

use std::time::Duration;

use crate::cli::{Account, Cluster, Command, State};
use crate::render::events;
use crate::terminal::Printer;

/// What is said of a command that was stopped.
pub(super) fn words(command: &Command) -> String {
    let before_steps = |command: &str| {
        format!(
            "Interrupted before the first step: nothing was changed in Azure. `lazuli {command}` begins anew."
        )
    };
    let text = match command {
        Command::Apply(args) => {
            let file = args.plan_file.as_ref().map(|file| format!(" {}", file.display()));
            return before_steps(&format!("apply{}", file.unwrap_or_default()));
        }
        Command::Destroy(_) => return before_steps("destroy"),
        Command::Cluster(Cluster::Repair(_)) => return before_steps("cluster repair"),
        Command::Plan(_) => "Interrupted: nothing was changed. `lazuli plan` begins anew.",
        Command::Import(_) => {
            "Interrupted: nothing was changed in Azure. What was being written is there as a whole or not at all; the same \
             command begins anew."
        }
        Command::State(State::Mv(_) | State::Rm(_) | State::Push(_) | State::Rekey(_)) => {
            "Interrupted: the state is as it was or as it was to be, nothing between. `lazuli state list` shows it."
        }
        Command::ForceUnlock(_) => "Interrupted: the lock may be there or not. Run the command again.",
        Command::Fmt(_) | Command::Init(_) => {
            "Interrupted: each file is as it was or as it was to be. Run the command again."
        }
        Command::Account(account)
            if matches!(**account, Account::Add(_) | Account::Edit(_) | Account::Remove { .. }) =>
        {
            "Interrupted: `lazuli account list` shows what is registered."
        }
        _ => "Interrupted: nothing was changed.",
    };
    text.to_owned()
}

/// Says them, and in a stream of events that this is the end.
pub(super) fn tell(words: &str, streams: bool, elapsed: Duration, printer: &Printer) {
    if streams {
        printer.event(events::stopped(words));
        printer.event(events::done(super::Exit::Interrupted.code(), elapsed));
    } else {
        printer.message(&format!("\n{words}"));
    }
}
