//! How long the command line takes and how much memory planning needs, as a table.
//!
//! `cargo bench -p lazuli --bench speed`. Whole processes are timed from outside; the plan of many resources is made in
//! this process, so that its peak memory can be read.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli::blueprint::Blueprint;
use lazuli::blueprint::build::Ground;
use lazuli::planning;
use lazuli::project::{Inputs, Project};
use lazuli_azure::AzureKinds;
use lazuli_cluster::roster::Renewals;
use lazuli_core::plan::PlanMode;
use lazuli_core::recorded::RecordedWorld;
use lazuli_planner::{Draft, Observed, Request, make};

const BINARY: &str = env!("CARGO_BIN_EXE_lazuli");
const RUNS: u32 = 20;

fn main() {
    println!("{:<44} {:>10} {:>10} {:>12}", "what", "wall", "CPU", "peak memory");
    let (wall, cpu) = processes(Path::new("."), &["version"]);
    println!("{:<44} {:>10} {:>10}   (bound: 15 ms of CPU)", "lazuli version", ms(wall), ms(cpu));

    let dir = tempfile::tempdir().expect("a temporary folder");
    let main =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quickstart/main.hcl"))
            .expect("the example");
    std::fs::write(dir.path().join("main.hcl"), main.replace("\"fast\"", "\"instant\"")).expect("a copy");
    processes_once(dir.path(), &["apply", "--auto-approve"]);
    let (wall, cpu) = processes(dir.path(), &["plan"]);
    println!(
        "{:<44} {:>10} {:>10}   (bound: 150 ms)",
        "plan of the quickstart, refresh included",
        ms(wall),
        ms(cpu)
    );

    for count in [1_000, 10_000, 50_000] {
        let text = layered(count);
        let start = Instant::now();
        let steps = plan(text);
        assert_eq!(steps, count);
        let what = format!("parse + evaluate + plan, {count} resources");
        println!("{what:<44} {:>10} {:>10} {:>9} MB", ms(start.elapsed()), "", peak_memory());
    }
    expressions();
    for count in [10_000, 20_000, 40_000] {
        let start = Instant::now();
        assert_eq!(plan(instances(count)), count);
        let what = format!("evaluate + plan, {count} instances of for_each");
        println!("{what:<44} {:>10} {:>10} {:>9} MB", ms(start.elapsed()), "", peak_memory());
    }
    let size = std::fs::metadata(BINARY).map_or(0, |m| m.len());
    println!("binary: {} kB (bound: 40 MB)", size / 1000);
}

/// One block with many instances.
fn instances(count: usize) -> String {
    let rows = count / 200;
    format!(
        "cloud_account \"a\" {{\n  simulator {{}}\n}}\nresource \"r\" {{\n  for_each = {{ for p in setproduct(range({rows}), range(200)) : \"k${{p[0]}}-${{p[1]}}\" => p[0] * 200 + p[1] }}\n  \
         type = \"Microsoft.Storage/storageAccounts@2025-06-01\"\n  resource_group = \"rg\"\n  name = \"stor${{each.value}}\"\n  \
         location = \"eastus2\"\n  tags = {{ key = each.key, half = floor(each.value / 2) }}\n  sku = {{ name = \"Standard_ZRS\" }}\n  kind = \"StorageV2\"\n  \
         properties = {{ minimumTlsVersion = \"TLS1_2\" }}\n}}\n"
    )
}

/// What is wanted of a line of `testdata/expressions`; its value may be a number that no `f64` holds.
#[derive(serde::Deserialize)]
struct Case {
    expr: String,
    ok: Option<bool>,
}

/// The expressions of `testdata/expressions` that refer to nothing, through the console, and through a real terraform
/// where one is installed and the oracle that drives it is at hand.
fn expressions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut list = Vec::new();
    let files = std::fs::read_dir(root.join("testdata/expressions")).expect("expressions");
    let mut files: Vec<_> = files.map(|f| f.expect("a file").path()).collect();
    files.sort();
    for file in files.into_iter().filter(|f| f.extension().is_some_and(|e| e == "jsonl")) {
        for line in std::fs::read_to_string(file).expect("text").lines() {
            let Case { expr: text, ok } = serde_json::from_str(line).expect("a case");
            let alone = !["terraform_data", "local.", "var.", "\n", "file", "template"]
                .iter()
                .any(|w| text.contains(w));
            if alone && ok == Some(true) {
                list.push(text);
            }
        }
    }
    list.truncate(4_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("expressions.txt");
    std::fs::write(&path, list.join("\n")).expect("a file");
    let timed = |command: &mut Command| {
        let start = Instant::now();
        let input = std::fs::File::open(&path).expect("the list");
        let output = command.stdin(input).stderr(Stdio::null()).output().expect("it runs");
        (start.elapsed(), output.stdout.iter().filter(|b| **b == b'\n').count())
    };
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let (took, answers) =
            timed(Command::new(BINARY).arg("--chdir").arg(folder.path()).args(["--json", "console"]));
        assert_eq!(answers, list.len());
        best = best.min(took);
    }
    let rate = |took: Duration| list.len() as f64 / took.as_secs_f64();
    println!(
        "{:<44} {:>10} {:>10}   {:.0} a second",
        format!("console, {} expressions", list.len()),
        ms(best),
        "",
        rate(best)
    );
    let shared = std::env::var("LAZULI_SHARED").map_or_else(|_| root.join("../shared"), Into::into);
    let oracle = shared.join("tools/tfconsole_oracle.py");
    if !oracle.exists() || Command::new("terraform").arg("version").output().is_err() {
        println!("  terraform: skipped, needs terraform and {}", oracle.display());
        return;
    }
    let (took, _) = timed(Command::new("python3").arg(oracle).args(["--lines", "--no-errors", "-"]));
    println!(
        "{:<44} {:>10} {:>10}   {:.0} a second, {:.0} times slower",
        "  the same through terraform console",
        ms(took),
        "",
        rate(took),
        took.as_secs_f64() / best.as_secs_f64()
    );
}

/// Resources in layers of a thousand, each referring to three of the layer before.
fn layered(count: usize) -> String {
    let mut text = String::from("cloud_account \"a\" {\n  simulator {}\n}\n");
    for i in 0..count {
        let tags = match i.checked_sub(1000) {
            None => "{ a = \"b\" }".to_owned(),
            Some(_) => {
                let before = (i / 1000 - 1) * 1000;
                let refer = |k: usize| format!("resource.r{}.id", before + (i + k) % 1000);
                format!("{{ a = {}, b = {}, c = {} }}", refer(0), refer(7), refer(13))
            }
        };
        let _ = write!(
            text,
            "resource \"r{i}\" {{\n  type = \"Microsoft.Storage/storageAccounts@2025-06-01\"\n  resource_group = \"rg\"\n  \
             name = \"stor{i}\"\n  location = \"eastus2\"\n  tags = {tags}\n  sku = {{ name = \"Standard_ZRS\" }}\n  \
             kind = \"StorageV2\"\n  properties = {{ minimumTlsVersion = \"TLS1_2\" }}\n}}\n"
        );
    }
    text
}

fn plan(text: String) -> usize {
    let inputs = Inputs { files: vec![("main.hcl".to_owned(), text)], ..Inputs::default() };
    let Ok(project) = Project::load(inputs, None) else { panic!("the configuration is right") };
    let accounts = planning::accounts(&project).unwrap_or_default();
    let recorded = RecordedWorld { lineage: "bench".to_owned(), ..RecordedWorld::default() };
    let ground = Ground {
        evaluator: Arc::clone(&project.evaluator),
        accounts: accounts.iter().map(|(name, account)| (name.clone(), account.naming(&|_| None))).collect(),
        recorded: &recorded,
        renewals: &Renewals::new(),
        boots: false,
    };
    let blueprint = Blueprint::build(&ground).expect("a blueprint");
    let draft = Draft::new(&blueprint).expect("a draft");
    let request = Request {
        configuration: &blueprint,
        kinds: &AzureKinds,
        recorded: &recorded,
        observed: Observed::Nothing,
        mode: PlanMode::Apply,
        replace: &Default::default(),
        scope: &Default::default(),
        refactoring: &lazuli_planner::Refactoring::NONE,
        locate: &|span| project.sources.location(span),
    };
    make(&draft, &request).expect("a plan").steps.len()
}

fn processes_once(dir: &Path, arguments: &[&str]) {
    let mut command = Command::new(BINARY);
    command.arg("--chdir").arg(dir).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("the binary runs").success());
}

/// Mean wall and CPU time of a run.
fn processes(dir: &Path, arguments: &[&str]) -> (Duration, Duration) {
    let before = cpu_of_children();
    let start = Instant::now();
    (0..RUNS).for_each(|_| processes_once(dir, arguments));
    (start.elapsed() / RUNS, (cpu_of_children() - before) / RUNS)
}

/// CPU time of finished child processes, in steps of the kernel's clock (10 ms).
fn cpu_of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |i: usize| fields.get(i).and_then(|t| t.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}

/// The most memory this process ever had, in MB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1000
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
