//! What planning, applying and destroying many resources costs, beside terraform.
//!
//! `cargo bench -p lazuli --bench beside_terraform`
//!
//! | variable | what |
//! |---|---|
//! | `BENCH_SIZES` | the numbers of resources that are measured: `1000,10000` |
//! | `BENCH_LIMIT` | seconds that terraform may take for one row; 0 leaves it out |
//! | `BENCH_DIR` | where states and journals lie; else the folder for temporary files |
//!
//! | module | what |
//! |---|---|
//! | `shapes` | the same graph as text for Lazuli and for terraform |
//! | `pipeline` | the whole of Lazuli against a provider that answers at once |
//! | `process` | wall time, CPU time and peak memory of another process |
//!
//! Each measurement is a process of its own, so that its peak memory is its own. States and journals are the real ones
//! on the real disk, every flush included.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod pipeline;
mod process;
mod shapes;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use process::{Usage, run};
use shapes::Shape;

/// What is measured of a shape, in this order: each goes on from the state the one before left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Everything is new.
    Plan,
    /// The same, shown as text.
    Shown,
    /// The same, shown as JSON events.
    Events,
    Apply,
    /// Everything is there.
    NoOp,
    Destroy,
}

impl Act {
    const ALL: [Act; 6] = [Act::Plan, Act::Shown, Act::Events, Act::Apply, Act::NoOp, Act::Destroy];

    fn name(self) -> &'static str {
        match self {
            Act::Plan => "plan",
            Act::Shown => "plan, as text",
            Act::Events => "plan, as events",
            Act::Apply => "apply",
            Act::NoOp => "plan, no change",
            Act::Destroy => "destroy",
        }
    }

    /// What terraform is asked for the same.
    fn terraform(self) -> Option<&'static [&'static str]> {
        match self {
            Act::Plan | Act::NoOp => Some(&["plan", "-input=false", "-no-color"]),
            Act::Shown | Act::Events => None, // its plan shows itself
            Act::Apply => Some(&["apply", "-input=false", "-no-color", "-auto-approve"]),
            Act::Destroy => Some(&["destroy", "-input=false", "-no-color", "-auto-approve"]),
        }
    }
}

/// A bound that is promised.
struct Bound {
    shape: Shape,
    count: usize,
    act: Act,
    wall: Duration,
    /// In MB.
    memory: Option<u64>,
}

const fn bound(shape: Shape, count: usize, act: Act, wall_ms: u64, memory: Option<u64>) -> Bound {
    Bound { shape, count, act, wall: Duration::from_millis(wall_ms), memory }
}

const BOUNDS: [Bound; 4] = [
    bound(Shape::Layered, 10_000, Act::Plan, 350, Some(100)),
    bound(Shape::Layered, 100_000, Act::Plan, 3_500, Some(800)),
    bound(Shape::Independent, 2_000, Act::Apply, 1_000, None),
    bound(Shape::Chain, 1_000, Act::Apply, 5_000, None),
];

/// The longest chain that is applied.
const LONGEST_CHAIN: usize = 10_000;

/// Where terraform is measured: it needs minutes for more.
const BESIDE: [(Shape, &[usize]); 3] = [
    (Shape::Independent, &[1_000, 2_000, 10_000]),
    (Shape::Chain, &[1_000, 10_000]),
    (Shape::Layered, &[1_000, 10_000]),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, child, act, folder] = arguments.as_slice()
        && child == "--child"
    {
        let act = Act::ALL.into_iter().find(|a| a.name() == act).expect("an act");
        return pipeline::child(act, Path::new(folder));
    }
    let limit =
        Duration::from_secs(variable("BENCH_LIMIT").map_or(60, |text| text.parse().expect("seconds")));
    let sizes: Vec<usize> = match variable("BENCH_SIZES") {
        Some(text) => text.split(',').map(|size| size.trim().parse().expect("a number")).collect(),
        None => vec![1_000, 2_000, 10_000, 100_000],
    };
    let terraform = (!limit.is_zero()).then(terraform).flatten();
    println!("terraform: {}", terraform.as_deref().unwrap_or("left out"));
    println!(
        "{:<12} {:>7} {:<16} | {:>9} {:>8} {:>8} {:>9} | {:>10} {:>8} {:>8} | bound",
        "shape", "count", "what", "wall", "CPU", "memory", "each", "terraform", "memory", "factor"
    );
    for (shape, beside) in BESIDE {
        let mut slow = Slow::default();
        for &count in &sizes {
            let with = terraform.is_some() && beside.contains(&count);
            measure(shape, count, with.then_some(limit), &mut slow);
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// The version of terraform, when it is installed.
fn terraform() -> Option<String> {
    let output = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// The acts that took terraform too long with less of the same shape: more of it is not tried.
#[derive(Default)]
struct Slow(Vec<(Act, usize)>);

fn folder() -> tempfile::TempDir {
    match variable("BENCH_DIR") {
        Some(place) => tempfile::tempdir_in(place).expect("a folder"),
        None => tempfile::tempdir().expect("a folder"),
    }
}

fn measure(shape: Shape, count: usize, limit: Option<Duration>, slow: &mut Slow) {
    let (ours, theirs) = (folder(), folder());
    for (name, text) in shape.lazuli(count) {
        std::fs::write(ours.path().join(name), text).expect("a file");
    }
    std::fs::write(theirs.path().join("main.tf"), shape.terraform(count)).expect("a file");
    let mut state_is_there = true;
    if limit.is_some() {
        run(terraform_in(theirs.path(), &["init", "-input=false"]), Duration::from_secs(60));
    }
    let myself: PathBuf = std::env::current_exe().expect("this program");
    // A long chain is one flush after another: nothing that a table would show better than a shorter one.
    let plans_only = shape == Shape::Chain && count > LONGEST_CHAIN;
    for act in Act::ALL.into_iter().filter(|act| !plans_only || *act == Act::Plan) {
        let mut command = Command::new(&myself);
        command.arg("--child").arg(act.name()).arg(ours.path());
        let usage = run(command, Duration::from_secs(600)).expect("ten minutes are enough");
        let terraform = match (act.terraform(), limit) {
            (Some(arguments), Some(limit)) => {
                Some(beside(act, count, arguments, limit, theirs.path(), slow, &mut state_is_there))
            }
            _ => None,
        };
        row(shape, count, act, &usage, terraform.as_ref());
        if act == Act::Apply {
            let bytes = std::fs::metadata(ours.path().join("lazuli.state")).map_or(0, |m| m.len());
            println!(
                "{:<12} {count:>7} {:<16} | {:>9} B a resource",
                shape.name(),
                "state",
                bytes / count as u64
            );
        }
    }
}

/// What terraform needed, or why that is not known.
enum Beside {
    Took(Usage),
    Longer(Duration),
    /// With so many it took too long already.
    NotTried(usize),
    /// What it should start from is not there.
    NoState,
}

fn beside(
    act: Act,
    count: usize,
    arguments: &[&str],
    limit: Duration,
    folder: &Path,
    slow: &mut Slow,
    state_is_there: &mut bool,
) -> Beside {
    if let Some((_, fewer)) = slow.0.iter().find(|(slow, _)| *slow == act) {
        *state_is_there &= act != Act::Apply;
        return Beside::NotTried(*fewer);
    }
    if matches!(act, Act::NoOp | Act::Destroy) && !*state_is_there {
        return Beside::NoState;
    }
    match run(terraform_in(folder, arguments), limit) {
        Some(usage) => Beside::Took(usage),
        None => {
            slow.0.push((act, count));
            *state_is_there &= act != Act::Apply;
            Beside::Longer(limit)
        }
    }
}

fn terraform_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("terraform");
    command
        .current_dir(folder)
        .stderr(Stdio::null())
        .args(arguments)
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_IN_AUTOMATION", "1");
    command
}

fn row(shape: Shape, count: usize, act: Act, ours: &Usage, theirs: Option<&Beside>) {
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let (wall, memory, factor) = match theirs {
        None => (String::new(), String::new(), String::new()),
        Some(Beside::NotTried(fewer)) => (format!("slow {fewer}"), String::new(), String::new()),
        Some(Beside::NoState) => ("no state".to_owned(), String::new(), String::new()),
        Some(Beside::Longer(limit)) => {
            let factor = limit.as_secs_f64() / ours.wall.as_secs_f64();
            (format!("> {} s", limit.as_secs()), String::new(), format!("> {factor:.0}"))
        }
        Some(Beside::Took(usage)) => {
            let factor = usage.wall.as_secs_f64() / ours.wall.as_secs_f64();
            (seconds(usage.wall), format!("{} MB", usage.memory), format!("{factor:.0}"))
        }
    };
    let bound = BOUNDS.iter().find(|b| b.shape == shape && b.count == count && b.act == act);
    let bound = bound.map_or_else(String::new, |bound| {
        let memory = bound.memory.map_or_else(String::new, |memory| format!(", {memory} MB"));
        let kept = ours.wall <= bound.wall && bound.memory.is_none_or(|memory| ours.memory <= memory);
        format!("{}{memory}: {}", seconds(bound.wall), if kept { "kept" } else { "NOT KEPT" })
    });
    let each = ours.wall.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{:<12} {count:>7} {:<16} | {:>9} {:>8} {:>5} MB {each:>6.0} µs | {wall:>10} {memory:>8} {factor:>8} | {bound}",
        shape.name(),
        act.name(),
        seconds(ours.wall),
        seconds(ours.cpu),
        ours.memory,
    );
}
