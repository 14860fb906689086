//! A hermetic place to run the binary in, and what came out of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use lazuli_simulator::WorldFile;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::contract;

/// Names of nodes hang on the lineage: with a given one they are the same in every run.
pub(crate) const LINEAGE: &str = "11111111-2222-4333-8444-555555555555";

/// Where the simulated Azure keeps its world.
const WORLD: &str = ".lazuli/simulator-sandbox.world";

/// Types that are parts of their parents and of the world only within them.
const PARTS_OF_PARENTS: [&str; 5] =
    ["/subnets/", "/routes/", "/virtualnetworkpeerings/", "/securityrules/", "/backendaddresspools/"];

/// The subscription of every simulated Azure.
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-000000000000";

/// A folder with a project, a home and nothing of the machine around it. Dropping it checks every body that was sent.
pub(crate) struct Workbench {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A mutating request as the simulator received it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) api_version: String,
    pub(crate) body: Json,
}

impl Workbench {
    /// An empty project.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("lazuli-e2e-").tempdir().unwrap();
        for part in ["project/.lazuli", "home"] {
            std::fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        std::fs::write(folder.path().join("project/.lazuli/lineage"), format!("{LINEAGE}\n")).unwrap();
        Workbench { folder, environment: BTreeMap::new() }
    }

    /// A project of one file.
    pub(crate) fn with(main: &str) -> Self {
        let bench = Workbench::new();
        bench.write("main.hcl", main);
        bench
    }

    /// A project from the repository's examples, against an Azure without delays.
    pub(crate) fn example(name: &str) -> Self {
        let bench = Workbench::new();
        bench.copy(&repository().join("examples").join(name));
        bench.edit("main.hcl", "= \"fast\"", "= \"instant\"");
        bench
    }

    /// Copies the files of a folder, and those of the folders in it, into the project.
    pub(crate) fn copy(&self, from: &Path) {
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = self.path(path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                std::fs::create_dir_all(&to).unwrap();
                for inner in std::fs::read_dir(&path).unwrap() {
                    let inner = inner.unwrap().path();
                    std::fs::copy(&inner, to.join(inner.file_name().unwrap())).unwrap();
                }
            } else {
                std::fs::copy(&path, to).unwrap();
            }
        }
    }

    /// A path in the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Replaces the first occurrence of a text, which must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let before = self.text(name);
        assert!(before.contains(from), "{name} has no {from:?}");
        self.write(name, &before.replacen(from, to, 1));
    }

    /// Sets an environment variable for every run from here on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Makes the simulated Azure fail as planned, from here on.
    pub(crate) fn faults(&mut self, faults: &Json) {
        let path = self.folder.path().join("faults.json");
        std::fs::write(&path, serde_json::json!({ "faults": faults }).to_string()).unwrap();
        self.set("LAZULI_SIMULATOR_FAULTS", path.to_str().unwrap());
    }

    /// A command that has not been started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let home = self.folder.path().join("home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazuli"));
        command.args(arguments).current_dir(self.path("")).env_clear();
        command.env("HOME", &home).env("XDG_DATA_HOME", home.join("data")).env("USER", "tester");
        command
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("LAZULI_SIMULATOR_RECORD", self.recording())
            .env("LAZULI_SIMULATOR_ANSWERS", self.folder.path().join("answers.jsonl"))
            .envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command line to its end. Spaces separate; for addresses use [`Workbench::run_with`].
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_with(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs to the end with something on standard input.
    pub(crate) fn asks(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(&line.split_whitespace().collect::<Vec<_>>());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.ran(child.wait_with_output().unwrap())
    }

    /// Runs to the end.
    pub(crate) fn run_with(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments).output().unwrap())
    }

    /// What a finished process left, in words that are the same in every run.
    pub(crate) fn ran(&self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("output is text");
            text.replace(self.folder.path().to_str().unwrap(), "[FOLDER]")
        };
        Ran { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs and expects success.
    pub(crate) fn does(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.status, Some(0), "lazuli {line}\n{ran}");
        ran
    }

    /// Applies and expects success.
    pub(crate) fn applies(&self) -> Ran {
        self.does("apply --auto-approve")
    }

    /// Expects that nothing is left to do, and that saying so changes no byte of the state.
    pub(crate) fn is_settled(&self) {
        let before = self.bytes("lazuli.state");
        let plan = self.run("plan --detailed-exitcode");
        assert_eq!(plan.status, Some(0), "{plan}");
        let apply = self.run("apply --auto-approve --detailed-exitcode");
        assert_eq!(apply.status, Some(0), "{apply}");
        assert_eq!(before, self.bytes("lazuli.state"), "a run without changes wrote the state");
        self.nothing_is_orphaned();
    }

    /// Where the simulator writes down what it was sent.
    pub(crate) fn recording(&self) -> PathBuf {
        self.folder.path().join("requests.jsonl")
    }

    /// Compares every object that the simulated Azure showed with its published type, and says how many those were.
    pub(crate) fn answers_checked(&self) -> usize {
        let answers = std::fs::read_to_string(self.folder.path().join("answers.jsonl")).unwrap_or_default();
        // Many answers come again to the letter. A run that was killed may have left half a line.
        let different = answers.lines().collect::<BTreeSet<_>>();
        let answers = different.into_iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        answers
            .map(|answer| {
                let version = answer["api_version"].as_str().unwrap_or_default();
                contract::answer(200, version, &answer["body"])
            })
            .sum()
    }

    /// Every mutating request so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let Ok(text) = std::fs::read_to_string(self.recording()) else { return Vec::new() };
        // A run that was killed may have left half a line.
        let requests = text.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let word = |request: &Json, name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let sent = requests.map(|request| Sent {
            method: word(&request, "method"),
            path: word(&request, "path"),
            api_version: word(&request, "api_version"),
            body: request["body"].clone(),
        });
        sent.collect()
    }

    /// What a run sent, one line each, sorted: `PUT networkSecurityGroups/quickstart-cp-nsg`.
    pub(crate) fn sent_by(&self, run: impl FnOnce(&Workbench) -> Ran) -> (Ran, Vec<String>) {
        let before = self.sent().len();
        let ran = run(self);
        let mut lines: Vec<String> = self.sent()[before..].iter().map(Sent::short).collect();
        lines.sort();
        (ran, lines)
    }

    /// Everything that exists in the simulated Azure, by id in lower case.
    pub(crate) fn world(&self) -> BTreeMap<String, Json> {
        let copy = self.world_copy();
        let (_file, world) = WorldFile::open(&copy, || panic!("there is no world")).unwrap();
        let world = serde_json::to_value(&world).unwrap();
        let resources = world["resources"].as_object().unwrap();
        resources.iter().map(|(id, resource)| (id.clone(), resource.clone())).collect()
    }

    /// A copy of the world file. This process never locks the world itself: a child that another test is just starting
    /// would inherit the lock for a moment.
    pub(crate) fn world_copy(&self) -> PathBuf {
        static COPIES: AtomicUsize = AtomicUsize::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let copy = self.folder.path().join(format!("copy-{number}.world"));
        std::fs::copy(self.path(WORLD), &copy).unwrap();
        copy
    }

    /// Puts a world in place of the current one.
    pub(crate) fn put_world(&self, from: &Path) {
        std::fs::rename(from, self.path(WORLD)).unwrap();
    }

    /// Ids of a type that exist, as they are spelled.
    pub(crate) fn existing(&self, ty: &str) -> Vec<String> {
        let world = self.world();
        let of_type = world.values().filter(|resource| resource["kind"] == ty);
        of_type.map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The state as `show --json` tells it.
    pub(crate) fn state(&self) -> Json {
        serde_json::from_str(&self.does("show --json").stdout).unwrap()
    }

    /// Every managed address with the id that is recorded for it.
    pub(crate) fn recorded(&self) -> BTreeMap<String, String> {
        let raw: Json = serde_json::from_slice(&self.bytes("lazuli.state")).unwrap();
        let resources = raw["resources"].as_array().unwrap().iter().filter(|r| r["mode"] == "managed");
        let pair =
            |r: &Json| (r["address"].as_str().unwrap().to_owned(), r["id"].as_str().unwrap().to_owned());
        resources.map(pair).collect()
    }

    /// Compares the world with the state: everything ours is recorded, everything recorded exists.
    pub(crate) fn nothing_is_orphaned(&self) {
        let world = self.world();
        let recorded: BTreeSet<String> = self.recorded().into_values().map(|id| id.to_lowercase()).collect();
        let ours = |resource: &Json| {
            resource["body"]["tags"]["lazuli_lineage"] == LINEAGE
                || resource["kind"] == "Microsoft.Authorization/roleAssignments"
        };
        let is_disk = |resource: &&Json| resource["kind"] == "Microsoft.Compute/disks";
        for (id, resource) in &world {
            assert!(
                !ours(resource) || is_disk(&resource) || recorded.contains(id),
                "exists, and is not recorded: {id}"
            );
            assert_eq!(resource["state"], "Succeeded", "{id}");
        }
        // What is inside of clusters is none of Azure's.
        for id in recorded.iter().filter(|id| !is_inside(id)) {
            let embedded = PARTS_OF_PARENTS.iter().any(|part| id.contains(part));
            assert!(embedded || world.contains_key(id), "recorded, and does not exist: {id}");
        }
        let of_machines = |(id, resource): &(&String, &Json)| is_disk(resource) && !recorded.contains(*id);
        for (id, disk) in world.iter().filter(of_machines) {
            let (machine, _) = id.rsplit_once('-').unwrap();
            let machine = machine.replace("/disks/", "/virtualmachines/");
            assert!(world.contains_key(&machine), "the disk {} outlived its machine", disk["id"]);
        }
    }
}

/// True for the id of a key, or of something inside of a cluster: nothing in Azure has it.
pub(crate) fn is_inside(id: &str) -> bool {
    id.to_lowercase().contains("/providers/lazuli.")
}

impl Drop for Workbench {
    /// The contract: what was sent and what was answered suits Azure's published types, and no network interface got a
    /// public address.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for request in self.sent() {
            contract::request(&request.method, &request.path, &request.api_version, &request.body);
        }
        self.answers_checked();
    }
}

impl Sent {
    /// `PUT networkSecurityGroups/quickstart-cp-nsg`
    pub(crate) fn short(&self) -> String {
        let mut parts: Vec<&str> = self.path.rsplitn(3, '/').collect();
        parts.truncate(2);
        parts.reverse();
        format!("{} {}", self.method, parts.join("/"))
    }
}

impl Ran {
    /// Standard output as one JSON document.
    pub(crate) fn document(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Standard output as events, one per line.
    pub(crate) fn events(&self) -> Vec<Json> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}

/// Progress lines come in the order of the moment: only how steps ended is kept, sorted.
fn calm(stderr: &str) -> String {
    let is_progress = |line: &&str| {
        line.get(..9)
            .is_some_and(|at| at.ends_with('Z') && at.as_bytes()[2] == b':' && at.as_bytes()[5] == b':')
    };
    let (progress, other): (Vec<&str>, Vec<&str>) = stderr.lines().partition(is_progress);
    let ends = ["created ", "updated ", "deleted ", "read ", "failed ", "Stopping", "Leaving"];
    let mut ended: Vec<&str> =
        progress.iter().map(|line| &line[10..]).filter(|l| ends.iter().any(|e| l.starts_with(e))).collect();
    ended.sort_unstable();
    other.into_iter().chain(ended).fold(String::new(), |text, line| text + line + "\n")
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => writeln!(f, "exit {status}")?,
            None => writeln!(f, "killed")?,
        }
        if !self.stdout.is_empty() {
            write!(f, "--- stdout\n{}", self.stdout)?;
        }
        if !self.stderr.is_empty() {
            write!(f, "--- stderr\n{}", calm(&self.stderr))?;
        }
        Ok(())
    }
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Compares with a snapshot, moments and durations left out.
pub(crate) fn told(name: &str, what: impl fmt::Display) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter("00000000-0000-0000-0000-000000000000", "[SUBSCRIPTION]");
    settings.add_filter(LINEAGE, "[LINEAGE]");
    settings.add_filter("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[UUID]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "[TIME]");
    settings.add_filter(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", "[TIME]");
    settings.add_filter(r#""elapsed_seconds":[\d.]+"#, "\"elapsed_seconds\":0");
    settings.add_filter(r"\b20(\.\d{1,3}){3}\b", "[ADDRESS]");
    settings.add_filter(r"ends after \d+ bytes", "ends after [N] bytes");
    settings.add_filter(r" in (\d+m\d\d|\d+(\.\d)? )s\.", " in - s.");
    settings.add_filter(r"\((<?\d+(\.\d)? s)\)", "(- s)");
    settings.add_filter(r"(?m)   \d+(\.\d)? s$", "   - s");
    settings.add_filter(r"pid \d+|process \d+", "pid [PID]");
    settings.add_filter(r"tester@[\w.-]+", "tester@[HOST]");
    settings.add_filter(r"localhost:\d+", "localhost:[PORT]");
    settings.bind(|| insta::assert_snapshot!(name, what.to_string()));
}
