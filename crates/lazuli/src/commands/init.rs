//! `init`: a new project that plans at once.

use std::path::{Path, PathBuf};

use lazuli_core::Diagnostic;

use super::{Exit, Outcome};
use crate::cli::Init;
use crate::failure::Failure;
use crate::terminal::Printer;

/// Files of the repository's examples: their place in a project, and what is in them.
macro_rules! template {
    ($name:literal: $($file:literal),+) => {
        ($name, &[$(($file, include_str!(concat!("../../../../examples/", $name, "/", $file)))),+])
    };
}

/// The files of a template by their places.
type Files = &'static [(&'static str, &'static str)];

/// What a project can start from: name, and its files.
const TEMPLATES: [(&str, Files); 11] = [
    template!("quickstart": "main.hcl"),
    template!("addons": "main.hcl", "manifests/greeter.yaml"),
    template!("gpu-pool": "main.hcl", "addons/device-plugin.yaml"),
    template!("ha-cluster": "main.hcl"),
    template!("many-clusters": "main.hcl"),
    template!("private-api": "main.hcl", "azure.json"),
    template!("spot-pool": "main.hcl"),
    template!("static-placement": "main.hcl", "azure.json"),
    template!("team-namespaces": "main.hcl"),
    template!("two-pools": "main.hcl"),
    template!("upgrade": "main.hcl", "addons/shop.yaml", "README.md"),
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
    let Some((name, files)) = TEMPLATES.iter().find(|(name, _)| *name == args.template) else {
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
    let files: Vec<(PathBuf, &str)> = files.iter().map(|(file, text)| (dir.join(file), *text)).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        let problem = Diagnostic::error(
            "LZ3007",
            format!("{} exists already, and nothing is overwritten", path.display()),
        );
        return Err(Failure::of(problem.help("name another directory: lazuli init DIR")));
    }
    for (path, text) in &files {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        }
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
