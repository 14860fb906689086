//! All the points at which a run is killed, and what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value as Json, json};

use crate::disk::{self, Disk, Image};
use crate::machine::{KEY_FILE, Machine, Moment, Programs};
use crate::scenario::{self, Kind, Scenario};
use crate::verdict::{self, End};

/// Where a run is killed.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Before its N-th change of the disk.
    Write(usize),
    /// With its N-th request on the way.
    Sent(usize),
    /// With its N-th request carried out, and no answer.
    Answered(usize),
}

impl Place {
    fn kind(self) -> &'static str {
        match self {
            Place::Write(_) => "write",
            Place::Sent(_) => "sent",
            Place::Answered(_) => "answered",
        }
    }

    fn number(self) -> usize {
        match self {
            Place::Write(number) | Place::Sent(number) | Place::Answered(number) => number,
        }
    }
}

/// A scenario made ready.
struct Prepared {
    scenario: Scenario,
    begin: Moment,
    end: End,
    writes: usize,
    requests: usize,
}

/// What was counted of one kind of place.
#[derive(Default)]
struct Tally {
    points: usize,
    crashes: usize,
    twice: usize,
    missed: usize,
    failed: usize,
}

/// What is asked for.
struct Wish {
    full: bool,
    only: Option<String>,
    seed: u64,
    workers: usize,
}

pub(crate) fn run() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let number = |name: &str| variable(name).and_then(|value| value.parse().ok());
    let wish = Wish {
        full: variable("FULL").is_some_and(|value| value != "0"),
        only: variable("ONLY"),
        seed: number("SEED").unwrap_or(1),
        workers: number("WORKERS").unwrap_or(8) as usize,
    };
    let began = Instant::now();
    let scratch = tempfile::Builder::new().prefix("lazuli-crash-").tempdir_in(fastest()).unwrap();
    let lazuli =
        variable("LAZULI").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_lazuli")), PathBuf::from);
    let lazuli = lazuli.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", lazuli.display()));
    let programs = Programs { lazuli, tracer: build_tracer(scratch.path()) };
    if !can_watch(&programs.tracer, scratch.path()) {
        println!("crash: skipped, system calls cannot be watched here (seccomp user notification)");
        return ExitCode::SUCCESS;
    }

    let world = seed_world(&programs, scratch.path());
    let asked = |s: &Scenario| match &wish.only {
        Some(only) => only.split(' ').next() == Some(&*s.name),
        None => wish.full || s.is_quick(),
    };
    let scenarios: Vec<Scenario> = scenario::all().into_iter().filter(asked).collect();
    let begins: BTreeSet<Begin> = scenarios.iter().map(begin_of).collect();
    let begins: Vec<(usize, Begin)> = begins.into_iter().enumerate().collect();
    let made = in_turns(wish.workers, &begins, |(i, begin)| {
        (begin.clone(), applied(&programs, &scratch.path().join(format!("begin-{i}")), begin, &world))
    });
    let made: BTreeMap<Begin, Moment> = made.into_iter().collect();
    let prepared = in_turns(wish.workers, &scenarios, |one| {
        prepare(&programs, &scratch.path().join(&one.name), one.clone(), &made[&begin_of(one)])
    });
    let todo: Vec<(usize, Place)> = prepared
        .iter()
        .enumerate()
        .flat_map(|(i, prepared)| choose(prepared, &wish).into_iter().map(move |place| (i, place)))
        .collect();

    let (next, tallies) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<(usize, &str), Tally>::new()));
    std::thread::scope(|threads| {
        for worker in 0..wish.workers {
            let folder = scratch.path().join(format!("worker-{worker}"));
            let (programs, prepared, todo, next, tallies, wish) =
                (&programs, &prepared, &todo, &next, &tallies, &wish);
            threads.spawn(move || {
                let mut machine = Machine::new(programs.clone(), &folder);
                while let Some((scenario, place)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let one = &prepared[*scenario];
                    let tally = crash_at(&mut machine, one, *place, wish);
                    let mut tallies = tallies.lock().unwrap();
                    let sum = tallies.entry((*scenario, place.kind())).or_default();
                    sum.points += tally.points;
                    sum.crashes += tally.crashes;
                    sum.twice += tally.twice;
                    sum.missed += tally.missed;
                    sum.failed += tally.failed;
                }
            });
        }
    });
    let tallies = tallies.into_inner().unwrap();
    report(&prepared, &tallies, &wish, began)
}

fn report(
    prepared: &[Prepared],
    tallies: &BTreeMap<(usize, &str), Tally>,
    wish: &Wish,
    began: Instant,
) -> ExitCode {
    println!(
        "{:<18} {:<9} {:>6} of {:>4}  {:>8}  {:>6}  failed",
        "run", "killed at", "points", "all", "outcomes", "twice"
    );
    let mut total = Tally::default();
    for ((scenario, kind), tally) in tallies {
        let one = &prepared[*scenario];
        let all = if *kind == "write" { one.writes } else { one.requests };
        println!(
            "{:<18} {kind:<9} {:>6} of {all:>4}  {:>8}  {:>6}  {:>6}",
            one.scenario.name, tally.points, tally.crashes, tally.twice, tally.failed
        );
        total.points += tally.points;
        total.crashes += tally.crashes;
        total.twice += tally.twice;
        total.missed += tally.missed;
        total.failed += tally.failed;
    }
    println!(
        "crash: {} points, {} different disks after them, {} killed again while recovering, {} not reached, {} failed; {} s (seed {})",
        total.points,
        total.crashes,
        total.twice,
        total.missed,
        total.failed,
        began.elapsed().as_secs(),
        wish.seed
    );
    if total.failed > 0 || total.crashes == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Memory, where there is some to write to: what is durable is the model's business.
fn fastest() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() && tempfile::tempfile_in(memory).is_ok() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

fn build_tracer(folder: &Path) -> PathBuf {
    let program = folder.join("tracer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/tracer.c");
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let status = Command::new(cc).args(["-O2", "-o"]).arg(&program).arg(source).status().unwrap();
    assert!(status.success(), "the tracer cannot be built");
    program
}

/// Whether the tracer can watch anything at all.
fn can_watch(tracer: &Path, scratch: &Path) -> bool {
    let mut command = Command::new(tracer);
    command.arg(scratch).arg(scratch.join("trace")).args(["0", "/bin/sh", "-c", "exit 0"]);
    // a standard input that ends would end it at once
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let leash = child.stdin.take();
    let status = child.wait().unwrap();
    drop(leash);
    status.success()
}

/// A world with a resource group and nothing else.
fn seed_world(programs: &Programs, scratch: &Path) -> Vec<u8> {
    let folder = scratch.join("seed");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("main.hcl"), scenario::seed()).unwrap();
    let mut command = Command::new(&programs.lazuli);
    command.arg("plan").current_dir(&folder).env_clear().env("HOME", &folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.join(".lazuli/simulator-sandbox.world")).unwrap()
}

/// Where scenarios begin: what was applied before, and whether with a key file.
type Begin = (Option<String>, bool);

fn begin_of(scenario: &Scenario) -> Begin {
    (scenario.before.clone(), scenario.key_file)
}

/// Does something with each item, so many at a time.
fn in_turns<T: Sync, R: Send>(workers: usize, items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (next, act) = (&next, &act);
    let work = move || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, act(item)));
        }
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|threads| {
        let threads: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

fn main_file() -> PathBuf {
    PathBuf::from("project/main.hcl")
}

/// A disk and a world on which a configuration was applied.
fn applied(programs: &Programs, folder: &Path, (before, key_file): &Begin, world: &[u8]) -> Moment {
    let mut image = Image::from(["home", "project"].map(|name| (PathBuf::from(name), None)));
    if *key_file {
        image.insert(PathBuf::from(KEY_FILE), Some(b"nobody-can-guess-these-forty-bytes-of-it".to_vec()));
    }
    let Some(before) = before else { return Moment { disk: Disk::of(&image), world: world.to_vec() } };
    image.insert(main_file(), Some(before.clone().into_bytes()));
    let mut machine = Machine::new(programs.clone(), folder);
    machine.key_file = *key_file;
    machine.begin(&Moment { disk: Disk::of(&image), world: world.to_vec() }, false, None);
    let apply = ["apply", "--auto-approve"];
    verdict::ended(&machine.run(&apply), 0, &apply).unwrap();
    Moment { disk: Disk::of(&disk::read(&machine.disk())), world: machine.world_now() }
}

/// Brings a machine to where the scenario begins, and finds out what it does when nobody disturbs it.
fn prepare(programs: &Programs, folder: &Path, mut scenario: Scenario, begin: &Moment) -> Prepared {
    let mut machine = Machine::new(programs.clone(), folder);
    machine.key_file = scenario.key_file;
    let (mut image, world) = (begin.disk.holds(), begin.world.clone());
    image.insert(main_file(), Some(scenario.configuration.clone().into_bytes()));
    let before = Moment { disk: Disk::of(&image), world };
    let Moment { disk, world } = made_ready(&mut machine, &scenario, &before);
    image = disk.holds();
    if let Some(backup) = newest_backup(&image) {
        for argument in scenario.run.iter_mut().chain(&mut scenario.finish) {
            if *argument == scenario::NEWEST_BACKUP {
                *argument = backup.clone().leak(); // for as long as the test runs
            }
        }
    }
    let begin = Moment { disk, world };

    // A fault that never strikes counts the requests.
    let slow = scenario.kind == Kind::Slow;
    machine.begin(&begin, slow, Some(json!({ "nth": u32::MAX, "answer": "hold_after_accept" })));
    let ran = machine.watch(&scenario.run, 0);
    verdict::ended(&ran, 0, &scenario.run).unwrap_or_else(|found| panic!("{}: {found}", scenario.name));
    let requests: u64 =
        machine.look()["fault_hits"].as_object().unwrap().values().filter_map(Json::as_u64).sum();
    let mut model = begin.disk.clone();
    ran.ops.iter().for_each(|op| model.apply(op));
    assert_eq!(model.holds(), disk::read(&machine.disk()), "the model of the disk is wrong");
    let end = verdict::converged(&machine, &scenario, None)
        .unwrap_or_else(|found| panic!("{}: {found}", scenario.name));
    let begin = if scenario.is_of_its_machine { before } else { begin };
    Prepared { scenario, begin, end, writes: ran.ops.len(), requests: requests as usize }
}

/// A moment after what a scenario does first.
fn made_ready(machine: &mut Machine, scenario: &Scenario, begin: &Moment) -> Moment {
    if scenario.ready.is_empty() {
        return begin.clone();
    }
    machine.begin(begin, false, None);
    for arguments in &scenario.ready {
        verdict::ended(&machine.run(arguments), 0, arguments).unwrap_or_else(|found| panic!("{found}"));
    }
    Moment { disk: Disk::of(&disk::read(&machine.disk())), world: machine.world_now() }
}

/// The name of the backup that was made last.
fn newest_backup(image: &Image) -> Option<String> {
    let number = |name: &str| name.strip_prefix("lazuli.state.backup.")?.parse::<u64>().ok();
    let names = image.keys().filter_map(|path| path.strip_prefix("project").ok()?.to_str());
    names.filter(|name| number(name).is_some()).max_by_key(|name| number(name)).map(str::to_owned)
}

/// The points that are tried.
fn choose(prepared: &Prepared, wish: &Wish) -> Vec<Place> {
    let writes = (1..=prepared.writes).map(Place::Write);
    let requests = (1..=prepared.requests).flat_map(|n| [Place::Sent(n), Place::Answered(n)]);
    let all: Vec<Place> = writes.chain(requests).collect();
    if let Some(wanted) = wish.only.as_ref().and_then(|only| only.split(' ').nth(1)) {
        let named = |place: &Place| format!("{}-{}", place.kind(), place.number()) == wanted;
        return all.into_iter().filter(named).collect();
    }
    let (full, quick) = match prepared.scenario.kind {
        Kind::Plain => (1, 120),
        Kind::Parallel => (8, 250),
        Kind::Slow => (24, 400),
        Kind::Embedded => (4, 400),
    };
    let every = if wish.full || wish.only.is_some() { full } else { quick };
    let mut random = Random::of(wish.seed, &prepared.scenario.name);
    all.chunks(every).map(|chunk| chunk[random.below(chunk.len())]).collect()
}

/// Kills a run at one place, and lets every disk that may be found then be recovered from.
fn crash_at(machine: &mut Machine, prepared: &Prepared, place: Place, wish: &Wish) -> Tally {
    let mut tally = Tally { points: 1, ..Tally::default() };
    let scenario = &prepared.scenario;
    let point = format!("{} {}-{}", scenario.name, place.kind(), place.number());
    let fail = |tally: &mut Tally, name: &str, found: &str| {
        tally.failed += 1;
        eprintln!("crash: FAILED: {point} {name}: {found}\n  again: ONLY='{point} {name}' ci/crash.sh");
    };
    machine.key_file = scenario.key_file;
    let attempt = catch_unwind(AssertUnwindSafe(|| crash(machine, prepared, place)));
    let (outcomes, world) = match attempt {
        Ok(Some(found)) => found,
        Ok(None) => {
            tally.missed += 1;
            return tally;
        }
        Err(panic) => {
            fail(&mut tally, "", &said(&*panic));
            return tally;
        }
    };
    // Otherwise one that a kill leaves, and one of the others.
    let all_of_them = wish.full || wish.only.is_some();
    let drawn = Random::of(wish.seed, &point).below(outcomes.len());
    for (i, (name, disk)) in outcomes.into_iter().enumerate() {
        if !all_of_them && i != 0 && i != drawn {
            continue;
        }
        if wish.only.as_ref().and_then(|only| only.split(' ').nth(2)).is_some_and(|only| only != name) {
            continue;
        }
        tally.crashes += 1;
        let crashed = Moment { disk, world: world.clone() };
        let attempt = catch_unwind(AssertUnwindSafe(|| recover(machine, prepared, &crashed, None)));
        if let Err(found) = attempt.unwrap_or_else(|panic| Err(said(&*panic))) {
            fail(&mut tally, &name, &found);
            continue;
        }
        // Killed again while it recovers.
        let mut random = Random::of(wish.seed, &format!("{point} {name}"));
        if random.below(if wish.full { 2 } else { 3 }) == 0 || wish.only.is_some() {
            tally.twice += 1;
            let attempt =
                catch_unwind(AssertUnwindSafe(|| recover(machine, prepared, &crashed, Some(&mut random))));
            if let Err(found) = attempt.unwrap_or_else(|panic| Err(said(&*panic))) {
                fail(&mut tally, &name, &format!("killed again: {found}"));
            }
        }
    }
    tally
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Disks that may be found after a crash, by name, and the world of that moment.
type Crashed = (Vec<(String, Disk)>, Vec<u8>);

/// Runs until the place and kills; `None` when the run ended before.
fn crash(machine: &mut Machine, prepared: &Prepared, place: Place) -> Option<Crashed> {
    let hold = |nth: usize, answer: &str| Some(json!({ "nth": nth, "answer": answer }));
    let (stop, fault) = match place {
        Place::Write(number) => (number, None),
        Place::Sent(number) => (0, hold(number, "hold_before_accept")),
        Place::Answered(number) => (0, hold(number, "hold_after_accept")),
    };
    let scenario = &prepared.scenario;
    let made = scenario.is_of_its_machine.then(|| made_ready(machine, scenario, &prepared.begin));
    let begin = made.as_ref().unwrap_or(&prepared.begin);
    machine.begin(begin, scenario.kind == Kind::Slow, fault);
    killed(machine, &begin.disk, &prepared.scenario.run, stop)
}

/// Runs, from a disk, and kills.
fn killed(machine: &mut Machine, disk: &Disk, arguments: &[&str], stop: usize) -> Option<Crashed> {
    let mut ran = machine.watch(arguments, stop);
    if ran.status.is_some() {
        verdict::ended(&ran, 0, arguments).unwrap_or_else(|found| panic!("not even killed: {found}"));
        return None;
    }
    let next = if ran.held.is_none() { ran.ops.pop() } else { None };
    let mut model = disk.clone();
    ran.ops.iter().for_each(|op| model.apply(op));
    let world = machine.look();
    verdict::no_secret(&model.holds(), &machine.client_secret(), &world)
        .unwrap_or_else(|found| panic!("{found}"));
    Some((model.after_crash(next.as_ref()), machine.world_now()))
}

/// Finishes what was killed, perhaps after being killed once more, and looks at the end of it.
fn recover(
    machine: &mut Machine,
    prepared: &Prepared,
    crashed: &Moment,
    again: Option<&mut Random>,
) -> Result<(), String> {
    let scenario = &prepared.scenario;
    let slow = scenario.kind == Kind::Slow;
    machine.begin(crashed, slow, None);
    match again {
        None => verdict::plan_only_reads(machine, scenario, &crashed.disk.holds())?,
        Some(random) => {
            let stop = 1 + random.below(prepared.writes);
            if let Some((mut disks, world)) = killed(machine, &crashed.disk, &scenario.finish, stop) {
                let (_, disk) = disks.swap_remove(random.below(disks.len()));
                machine.begin(&Moment { disk, world }, slow, None);
            }
        }
    }
    verdict::ended(&machine.run(&scenario.finish), 0, &scenario.finish)?;
    verdict::converged(machine, scenario, Some(&prepared.end)).map(drop)
}

/// Numbers that look random and are the same for the same seed and name (splitmix64).
struct Random(u64);

impl Random {
    fn of(seed: u64, name: &str) -> Self {
        let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Random(name.bytes().fold(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), mix))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}
