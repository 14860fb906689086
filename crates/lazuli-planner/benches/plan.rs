//! How long a plan takes, and how much memory: layers of resources, each of which refers to three of the layer above.
//!
//! `cargo bench -p lazuli-planner` prints a table; `-- 1000 5000` chooses the sizes. The time that the configuration's
//! own evaluation takes (here: walking a small JSON body) is shown beside and is part of the other columns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use lazuli_core::Json;
use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::plan::{Plan, PlanMode};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, ProviderName, ResourceId};
use lazuli_planner::{Draft, Observed, Request, make};
use serde_json::json;
use world::{Block, Config, block, kinds};

const LAYER: usize = 100;

fn blocks(count: usize) -> Vec<Block> {
    let one = |i: usize| {
        let mut properties =
            serde_json::Map::from_iter([("size".to_owned(), json!(i)), ("mode".to_owned(), json!("on"))]);
        if i >= LAYER {
            for k in 0..3 {
                let on = (i / LAYER - 1) * LAYER + (i * 7 + k * 31) % LAYER;
                properties.insert(format!("ref{k}"), json!(format!("${{x.r{on}#id}}")));
            }
        }
        let body = json!({"location": "eastus", "tags": {"lazuli_lineage": "mine", "i": i.to_string()}, "properties": properties});
        block(&format!("x.r{i}"), &format!("Test/things/r{i}"), body)
    };
    (0..count).map(one).collect()
}

/// The record an apply of the plan leaves, and the objects, without the work of applying it.
fn applied(plan: &Plan) -> (RecordedWorld, HashMap<ResourceId, Json>) {
    let mut world = RecordedWorld { lineage: "mine".into(), serial: 1, ..RecordedWorld::default() };
    let mut objects = HashMap::new();
    for step in &plan.steps {
        let inputs = lazuli_core::encoding::to_json(step.planned.as_ref().unwrap()).unwrap();
        let mut observed = inputs.clone();
        observed["etag"] = json!("W/1");
        observed["properties"]["provisioningState"] = json!("Succeeded");
        let id = step.id.clone().unwrap();
        objects.insert(id.clone(), observed.clone());
        let record = Recorded {
            address: step.address.clone(),
            mode: Mode::Managed,
            provider: ProviderName::Azure,
            account: step.account.clone(),
            ty: step.ty.clone(),
            id,
            inputs,
            observed,
            dependencies: step.dependencies.clone(),
            sensitive: Vec::new(),
            write_only: Default::default(),
            prevent_destroy: false,
            slot: None,
            pending: None,
            created_at: String::new(),
            updated_at: String::new(),
        };
        world.resources.insert(step.address.clone(), record);
    }
    (world, objects)
}

fn request<'a>(
    config: &'a Config,
    recorded: &'a RecordedWorld,
    observed: &'a HashMap<ResourceId, Json>,
    replace: &'a BTreeSet<lazuli_core::Address>,
    mode: PlanMode,
) -> Request<'a> {
    let observed = Observed::Objects(observed);
    Request {
        configuration: config,
        kinds: &kinds::Table,
        recorded,
        observed,
        mode,
        replace,
        scope: &WHOLE,
        refactoring: &NONE,
        locate: &|_| None,
    }
}

static WHOLE: lazuli_core::plan::Scope =
    lazuli_core::plan::Scope { targets: BTreeSet::new(), excludes: BTreeSet::new(), alone: false };

static NONE: lazuli_planner::Refactoring = lazuli_planner::Refactoring::NONE;

/// Knows everything: for the cost of evaluation alone.
struct Everything(KnownObject);

impl Known for Everything {
    fn object(&self, _: &lazuli_core::Address) -> Option<KnownObject> {
        Some(self.0.clone())
    }

    fn epoch(&self) -> u64 {
        0
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked };
    println!(
        "{:>9} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "resources", "evaluate", "draft", "looks", "create", "no-op", "update", "destroy", "peak MiB"
    );
    for count in sizes {
        let config = Config::new(blocks(count));
        let none = BTreeSet::new();
        let id = lazuli_core::Value::object([("id", lazuli_core::Value::string("/subscriptions/s/x"))]);
        let all = Everything(KnownObject { value: id, complete: true });
        let (_, evaluate) = timed(|| (0..count).for_each(|i| drop(config.evaluate(i, &all).unwrap())));
        let (draft, drafted) = timed(|| Draft::new(&config).unwrap());
        let (empty, nothing) =
            (RecordedWorld { lineage: "mine".into(), ..Default::default() }, HashMap::new());
        let (plan, created) =
            timed(|| make(&draft, &request(&config, &empty, &nothing, &none, PlanMode::Apply)).unwrap());
        assert_eq!(plan.steps.len(), count);
        let (recorded, mut objects) = applied(&plan);
        drop(plan);
        let (_, looked) = timed(|| draft.looks(&recorded));
        let (plan, unchanged) =
            timed(|| make(&draft, &request(&config, &recorded, &objects, &none, PlanMode::Apply)).unwrap());
        assert!(plan.is_empty());
        for object in objects.values_mut() {
            object["properties"]["mode"] = json!("off");
        }
        let (plan, updated) =
            timed(|| make(&draft, &request(&config, &recorded, &objects, &none, PlanMode::Apply)).unwrap());
        assert_eq!(plan.steps.len(), count);
        drop(plan);
        let (_, destroyed) =
            timed(|| make(&draft, &request(&config, &recorded, &objects, &none, PlanMode::Destroy)).unwrap());
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!(
            "{count:>9} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
            ms(evaluate),
            ms(drafted),
            ms(looked),
            ms(created),
            ms(unchanged),
            ms(updated),
            ms(destroyed),
            peak_mib()
        );
    }
}
