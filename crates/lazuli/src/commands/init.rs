//! `init`: a new project that plans at once.

use std::path::{Path, PathBuf};

use lazuli_core::Diagnostic;

use super::{Exit, Outcome};
use crate::cli::Init;
use crate::failure::Failure;
use crate::terminal::Printer;

/// What a project can start from: name, and its files.
const TEMPLATES: [(&str, &str); 4] = [
    ("quickstart", include_str!("../../../../examples/quickstart/main.hcl")),
    ("private-api", include_str!("../../../../examples/private-api/main.hcl")),
    ("static-placement", include_str!("../../../../examples/static-placement/main.hcl")),
    ("two-pools", include_str!("../../../../examples/two-pools/main.hcl")),
];

const GITIGNORE: &str = "\
# Lazuli: journal, lock, simulated worlds; the state belongs into a backend, not into a repository.
.lazuli/
lazuli.state
lazuli.state.backup.*
.lazuli.state*
*.plan
";

pub(super) fn run(args: &Init, printer: &Printer) -> Outcome {
    let Some((name, main)) = TEMPLATES.iter().find(|(name, _)| *name == args.template) else {
        let names: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
        let problem = Diagnostic::error("LZ3007", format!("there is no template `{}`", args.template));
        let close = lazuli_core::suggestion::closest(&args.template, names.iter().copied());
        let hint = close.map_or_else(
            || format!("templates: {}", names.join(", ")),
            |name| format!("did you mean {name}?"),
        );
        return Err(Failure::of(problem.help(hint)));
    };
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    std::fs::create_dir_all(&dir).map_err(|error| unwritable(&dir, &error))?;
    let extra: &[(&str, &str)] = match *name {
        "private-api" => &[("azure.json", include_str!("../../../../examples/private-api/azure.json"))],
        "static-placement" => {
            &[("azure.json", include_str!("../../../../examples/static-placement/azure.json"))]
        }
        _ => &[],
    };
    let files = std::iter::once(("main.hcl", *main)).chain(extra.iter().copied());
    let files: Vec<(PathBuf, &str)> = files.map(|(file, text)| (dir.join(file), text)).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        let problem = Diagnostic::error(
            "LZ3007",
            format!("{} exists already, and nothing is overwritten", path.display()),
        );
        return Err(Failure::of(problem.help("name another directory: lazuli init DIR")));
    }
    for (path, text) in &files {
        std::fs::write(path, text).map_err(|error| unwritable(path, &error))?;
    }
    ignore(&dir)?;
    let at = if args.dir.is_some() { format!(" --chdir {}", dir.display()) } else { String::new() };
    if printer.json() {
        printer.document(&serde_json::json!({"directory": dir, "template": name}));
        return Ok(Exit::Done);
    }
    printer.result(&format!(
        "Started a project in {} (template {name}). Its Azure is simulated: nothing costs anything.\n\n  lazuli{at} plan\n  lazuli{at} apply\n",
        dir.display()
    ));
    Ok(Exit::Done)
}

/// Keeps what is no configuration out of the repository; an existing file gets the missing lines.
fn ignore(dir: &Path) -> Result<(), Failure> {
    let path = dir.join(".gitignore");
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unwritable(&path, &error)),
    };
    let missing: Vec<&str> =
        GITIGNORE.lines().filter(|line| !before.lines().any(|b| b.trim() == *line)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    std::fs::write(&path, format!("{before}{gap}{}\n", missing.join("\n")))
        .map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::of(Diagnostic::error("LZ3007", format!("{} cannot be written: {error}", path.display())))
}
