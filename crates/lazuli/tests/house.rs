//! The order of the house as `docs/architecture.md` draws it: which room may know which, what the top level holds,
//! and that every error code has a page.
#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which crates of ours a crate may use outside its tests. The binary may use all.
const ARROWS: [(&str, &[&str]); 9] = [
    ("lazuli-core", &[]),
    ("lazuli-config", &["lazuli-core"]),
    ("lazuli-cluster", &["lazuli-core"]),
    ("lazuli-planner", &["lazuli-core"]),
    ("lazuli-state", &["lazuli-core"]),
    ("lazuli-azure", &["lazuli-core"]),
    ("lazuli-kubernetes", &["lazuli-core"]),
    ("lazuli-executor", &["lazuli-core", "lazuli-planner"]),
    ("lazuli-simulator", &[]),
];

/// The crates that compute and do nothing else.
const PURE: [&str; 4] = ["lazuli-core", "lazuli-config", "lazuli-cluster", "lazuli-planner"];

/// What a pure crate may not reach, not even through another crate: runtime, network, sign-in, randomness.
const IMPURE_CRATES: [&str; 12] = [
    "azure_core",
    "azure_identity",
    "hyper",
    "hyper-util",
    "mio",
    "quinn",
    "rand",
    "reqwest",
    "rustls",
    "tempfile",
    "tokio",
    "tracing-subscriber",
];

/// What the sources of a pure crate may not say: the outer world, the clock, randomness.
const IMPURE_WORDS: [&str; 11] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
    "TcpStream",
    "UdpSocket",
    "SystemTime",
    "Instant::now",
    "SystemRandom",
    "new_v4",
];

/// One TLS stack; OpenSSL is not it.
const NOWHERE: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs"];

/// The top level without dot files, `target` and what a checkout's owner may put beside them.
const TOP: [&str; 10] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "ci",
    "crates",
    "docs",
    "examples",
    "testdata",
];

#[test]
fn arrows_between_the_rooms_point_one_way() {
    let mut broken = Vec::new();
    for package in packages() {
        let allowed = ARROWS.iter().find(|(name, _)| *name == package.name).map(|(_, allowed)| *allowed);
        let ours = package.dependencies.iter().filter(|name| name.starts_with("lazuli"));
        match allowed {
            Some(allowed) => broken.extend(
                ours.filter(|name| !allowed.contains(&name.as_str()))
                    .map(|name| format!("{} -> {name}", package.name)),
            ),
            None if package.name == "lazuli" => {}
            None => broken.push(format!("{} is no room of the house: add it to ARROWS", package.name)),
        }
    }
    assert!(broken.is_empty(), "broken arrows (docs/architecture.md): {broken:#?}");
}

#[test]
fn pure_rooms_reach_no_runtime_network_clock_or_randomness() {
    let tree = locked();
    let mut broken = Vec::new();
    for package in packages().into_iter().filter(|p| PURE.contains(&p.name.as_str())) {
        let mut reached = BTreeSet::new();
        let mut next: Vec<String> = package.dependencies.clone();
        while let Some(name) = next.pop() {
            // What a pure room of ours uses is looked at in its own turn: the lock file mixes in what its tests use.
            if name.starts_with("lazuli") || !reached.insert(name.clone()) {
                continue;
            }
            next.extend(tree.get(&name).into_iter().flatten().cloned());
        }
        broken.extend(
            IMPURE_CRATES
                .iter()
                .filter(|bad| reached.contains(**bad))
                .map(|bad| format!("{} reaches {bad}", package.name)),
        );
        for (file, text) in sources(&package.name) {
            let code = without_comments(&text);
            let said = IMPURE_WORDS.iter().filter(|word| code.contains(**word));
            broken.extend(said.map(|word| format!("{} says {word}", file.display())));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn one_tls_stack_and_no_openssl() {
    let tree = locked();
    let found: Vec<&str> = NOWHERE.into_iter().filter(|name| tree.contains_key(*name)).collect();
    assert!(found.is_empty(), "in Cargo.lock: {found:?} (`cargo tree --invert NAME` says who wants it)");
}

#[test]
fn every_crate_forbids_unsafe_code_and_says_what_it_is_for() {
    for package in packages() {
        assert!(!package.description.is_empty(), "{} has no description", package.name);
        for file in ["lib.rs", "main.rs"] {
            let path = root().join("crates").join(&package.name).join("src").join(file);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            assert!(
                text.contains("#![forbid(unsafe_code)]"),
                "{} does not forbid unsafe code",
                path.display()
            );
            assert!(
                text.starts_with("//!") || text.contains("\n//!"),
                "{} has no documentation",
                path.display()
            );
        }
    }
}

#[test]
fn the_top_level_holds_what_it_should_and_nothing_else() {
    let target = metadata()["target_directory"].as_str().map(PathBuf::from);
    let found: BTreeSet<String> = entries(&root())
        .into_iter()
        .filter(|path| Some(path) != target.as_ref() && !path.ends_with("target"))
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    let wanted: BTreeSet<String> = TOP.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, wanted);
    for folder in ["docs", "examples", "testdata", "ci"] {
        assert!(!entries(&root().join(folder)).is_empty(), "{folder} is empty");
    }
}

#[test]
fn every_error_code_has_a_page_and_every_page_is_used() {
    let mut used: BTreeMap<String, PathBuf> = BTreeMap::new();
    for package in packages() {
        for (file, text) in sources(&package.name) {
            for code in codes(&without_comments(&text)) {
                used.entry(code).or_insert_with(|| file.clone());
            }
        }
    }
    let folder = root().join("docs/errors");
    let pages: BTreeSet<String> = entries(&folder)
        .iter()
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .filter(|stem| codes(stem).len() == 1)
        .collect();
    let missing: Vec<String> = used
        .iter()
        .filter(|(code, _)| !pages.contains(*code))
        .map(|(code, file)| format!("{code} ({})", file.display()))
        .collect();
    let idle: Vec<&String> = pages.iter().filter(|code| !used.contains_key(*code)).collect();
    assert!(missing.is_empty(), "codes without a page in docs/errors: {missing:#?}");
    assert!(idle.is_empty(), "pages in docs/errors that no code leads to: {idle:?}");
    let index = fs::read_to_string(folder.join("README.md")).expect("docs/errors/README.md");
    let unlisted: Vec<&String> =
        pages.iter().filter(|code| !index.contains(&format!("({code}.md)"))).collect();
    assert!(unlisted.is_empty(), "pages that docs/errors/README.md does not list: {unlisted:?}");
    for code in &pages {
        let text = fs::read_to_string(folder.join(format!("{code}.md"))).unwrap_or_default();
        assert!(
            text.lines().next().is_some_and(|line| line.contains(code.as_str())),
            "{code}.md does not begin with its code"
        );
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let (_, section) = manifest.split_once("[workspace.dependencies]\n").expect("workspace.dependencies");
    let section = section.split("\n[").next().unwrap_or_default();
    let entries = section.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let wanted: BTreeSet<&str> =
        entries.filter(|name| !name.starts_with(['#', ' ']) && !name.starts_with("lazuli")).collect();
    let page = fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let told: BTreeSet<&str> = rows.flat_map(|row| row.split(", ")).map(str::trim).collect();
    let missing: Vec<_> = wanted.difference(&told).collect();
    assert!(wanted.len() > 40, "Cargo.toml is not as this test reads it: {wanted:?}");
    assert!(missing.is_empty(), "docs/dependencies.md has no line for {missing:?}");
    let idle: Vec<_> =
        told.iter().filter(|n| !["crate", "---"].contains(*n) && !wanted.contains(*n)).collect();
    assert!(idle.is_empty(), "docs/dependencies.md speaks of what is not used: {idle:?}");
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    let mut forbidden = vec![root().to_string_lossy().into_owned()];
    forbidden.extend(std::env::var("CARGO_HOME").ok());
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | ".lazuli") {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.extend(
                    forbidden
                        .iter()
                        .filter(|bad| text.contains(bad.as_str()))
                        .map(|bad| format!("{}: {bad}", path.display())),
                );
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

struct Package {
    name: String,
    description: String,
    /// What it uses outside tests, benches and build scripts.
    dependencies: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace is two folders up")
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn packages() -> Vec<Package> {
    let metadata = metadata();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: Vec<Package> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            description: text(&package["description"]),
            dependencies: package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect(),
        })
        .collect();
    assert!(packages.len() > ARROWS.len(), "every crate of ARROWS, and the binary");
    packages
}

/// Cargo.lock as package to what it needs. Versions of one package are one entry, and needs of foreign platforms count
/// as well: more than is linked, never less.
fn locked() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let mut tree: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("name = \"") {
            current = name.trim_end_matches('"').to_owned();
            tree.entry(current.clone()).or_default();
        } else if let Some(needed) = line.strip_prefix(" \"") {
            let name = needed.split(['"', ' ']).next().unwrap_or_default().to_owned();
            tree.entry(current.clone()).or_default().push(name);
        }
    }
    assert!(tree.contains_key("serde_json"), "Cargo.lock is not as this test reads it");
    tree
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = found.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    paths
}

/// The sources of a crate without its tests.
fn sources(package: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut tests = BTreeSet::new();
    let mut folders = vec![root().join("crates").join(package).join("src")];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let (kept, modules) = without_tests(&text);
                let home = match path.file_stem().and_then(|stem| stem.to_str()) {
                    Some("lib" | "main" | "mod") | None => folder.clone(),
                    Some(stem) => folder.join(stem),
                };
                tests.extend(modules.iter().map(|module| home.join(module)));
                files.push((path, kept));
            }
        }
    }
    files.retain(|(path, _)| {
        !tests.iter().any(|module| path.starts_with(module) || *path == module.with_extension("rs"))
    });
    assert!(!files.is_empty(), "{package} has no sources");
    files
}

/// A text without what stands under `#[cfg(test)]`, and the names of test modules that have files of their own.
/// rustfmt's layout is relied on: an item ends with `;`, or with a `}` as far in as it began.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut modules = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        for item in lines.by_ref() {
            if item.len() - item.trim_start().len() == indent && item.ends_with(';') {
                let name = item.trim_end_matches(';').rsplit(' ').next().unwrap_or_default();
                modules.push(name.to_owned());
                break;
            }
            if item.trim() == "}" && item.len() - item.trim_start().len() == indent {
                break;
            }
        }
    }
    (kept, modules)
}

fn without_comments(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.fold(String::new(), |all, line| all + line + "\n")
}

/// Everything of the form `LZ` and four digits.
fn codes(text: &str) -> Vec<String> {
    let found = text.match_indices("LZ").filter_map(|(at, _)| {
        let code = text.get(at..at + 6)?;
        let end = text[at + 6..].chars().next();
        let digits = code[2..].bytes().all(|byte| byte.is_ascii_digit());
        (digits && !end.is_some_and(|c| c.is_ascii_alphanumeric())).then(|| code.to_owned())
    });
    found.collect()
}
