//! A machine of its own: a disk with a project and a home, a simulated Azure beside it, and Lazuli running on it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use lazuli_simulator::WorldFile;
use serde_json::Value as Json;

use crate::disk::{self, Disk, Op};
use crate::scenario::SECRET;

/// No run takes that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The programs that are run.
#[derive(Clone)]
pub(crate) struct Programs {
    pub(crate) lazuli: PathBuf,
    pub(crate) tracer: PathBuf,
}

/// A disk and a world: all there is at a moment.
#[derive(Clone, Default)]
pub(crate) struct Moment {
    pub(crate) disk: Disk,
    pub(crate) world: Vec<u8>,
}

pub(crate) struct Machine {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    azure: Option<Azure>,
    /// Whether Lazuli is told of a key file.
    pub(crate) key_file: bool,
}

/// The key file, beside the project.
pub(crate) const KEY_FILE: &str = "home/own.key";

struct Azure {
    process: Child,
    environment: BTreeMap<String, String>,
    lines: Receiver<String>,
}

/// How a run ended.
pub(crate) struct Ran {
    /// `None` when it was killed.
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    /// What it did to the disk. When it was stopped before one of them, that is the last one and was not done.
    pub(crate) ops: Vec<Op>,
    /// The request that was held when it was killed.
    pub(crate) held: Option<String>,
}

impl Machine {
    pub(crate) fn new(programs: Programs, folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join("azure")).unwrap();
        std::fs::create_dir_all(folder.join("disk")).unwrap();
        let folder = folder.canonicalize().unwrap();
        // Addresses of operations are recorded: Azure has to come back at the same port.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Machine { programs, folder, port, azure: None, key_file: false }
    }

    pub(crate) fn disk(&self) -> PathBuf {
        self.folder.join("disk")
    }

    fn world(&self) -> PathBuf {
        self.folder.join("azure/world")
    }

    /// Puts the machine into a moment and starts its Azure, with a fault or without.
    pub(crate) fn begin(&mut self, moment: &Moment, slow: bool, fault: Option<Json>) {
        self.stop_azure();
        disk::write(&self.disk(), &moment.disk.holds());
        std::fs::write(self.world(), &moment.world).unwrap();
        self.start_azure(slow, fault);
    }

    fn start_azure(&mut self, slow: bool, fault: Option<Json>) {
        let faults = self.folder.join("azure/faults");
        let planned: Vec<Json> = fault.into_iter().collect();
        std::fs::write(&faults, serde_json::json!({ "faults": planned }).to_string()).unwrap();
        let mut command = Command::new(&self.programs.lazuli);
        let profile = if slow { "fast" } else { "instant" };
        command.args(["simulator", "serve", "--print-env", "--profile", profile, "--listen"]);
        command.arg(format!("127.0.0.1:{}", self.port)).arg("--world").arg(self.world());
        command.arg("--faults").arg(faults).env_clear().env("HOME", &self.folder);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut environment = BTreeMap::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some((name, value)) = line.strip_prefix("export ").and_then(|rest| rest.split_once('=')) {
                environment.insert(name.to_owned(), value.trim_matches('\'').to_owned());
            }
            if line.contains("az resource list") {
                break; // the last line
            }
        }
        let (sender, lines) = channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        if environment.is_empty() {
            let said: Vec<String> = lines.iter().collect();
            panic!("the simulated Azure does not start: {}", said.join("\n"));
        }
        self.azure = Some(Azure { process, environment, lines });
    }

    /// Azure has no shutdown: what it holds is what is on its disk.
    fn stop_azure(&mut self) {
        if let Some(mut azure) = self.azure.take() {
            azure.process.kill().unwrap();
            azure.process.wait().unwrap();
        }
    }

    /// The bytes of the world; Azure is stopped for it.
    pub(crate) fn world_now(&mut self) -> Vec<u8> {
        self.stop_azure();
        std::fs::read(self.world()).unwrap()
    }

    /// The world of the simulated Azure.
    pub(crate) fn look(&self) -> Json {
        // Each time another copy: a child that is just being started inherits the lock of the last one for a moment.
        static COPIES: AtomicUsize = AtomicUsize::new(0);
        let copy = self.folder.join(format!("copy-{}", COPIES.fetch_add(1, Ordering::Relaxed)));
        // A world inside of Lazuli, once there is one; until then the untouched one beside it is the same.
        let embedded = self.disk().join("project/.lazuli/simulator-sandbox.world");
        let is_there = std::fs::metadata(&embedded).is_ok_and(|file| file.len() > 0);
        std::fs::copy(if is_there { embedded } else { self.world() }, &copy).unwrap();
        let (_file, world) = WorldFile::open(&copy, || panic!("there is no world")).unwrap();
        std::fs::remove_file(&copy).unwrap();
        std::fs::remove_file(copy.with_extension("lock")).unwrap();
        serde_json::to_value(&world).unwrap()
    }

    /// The secret with which Lazuli signs in.
    pub(crate) fn client_secret(&self) -> String {
        self.azure.as_ref().unwrap().environment["AZURE_CLIENT_SECRET"].clone()
    }

    fn environment(&self, command: &mut Command) {
        let azure = self.azure.as_ref().unwrap();
        let home = self.disk().join("home");
        command.current_dir(self.disk().join("project")).env_clear().envs(&azure.environment);
        command.env("HOME", &home).env("XDG_DATA_HOME", home.join("data")).env("USER", "tester");
        command.env("LAZULI_VAR_azure", &azure.environment["LAZULI_SIMULATOR_ENDPOINT"]);
        command.env("LAZULI_VAR_ca", &azure.environment["SSL_CERT_FILE"]);
        command.env("LAZULI_VAR_password", SECRET).env("COLUMNS", "200");
        if self.key_file {
            command.env("LAZULI_KEY_FILE", self.disk().join(KEY_FILE));
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    }

    /// Runs Lazuli to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(&self.programs.lazuli);
        command.args(arguments);
        self.environment(&mut command);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ran { status: output.status.code(), output: text.concat(), ops: Vec::new(), held: None }
    }

    /// Runs Lazuli and watches it; kills it before its `stop`-th change of the disk, or when Azure holds a request.
    pub(crate) fn watch(&self, arguments: &[&str], stop: usize) -> Ran {
        let trace = self.folder.join("trace");
        let said = self.folder.join("said");
        let mut command = Command::new(&self.programs.tracer);
        command.arg(self.disk()).arg(&trace).arg(stop.to_string()).arg(&self.programs.lazuli).args(arguments);
        self.environment(&mut command);
        let file = std::fs::File::create(&said).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let mut process = command.stdin(Stdio::piped()).spawn().unwrap();
        let leash = process.stdin.take();
        let (sender, ends) = channel();
        let waiting = std::thread::spawn(move || {
            let status = process.wait().unwrap();
            let _ = sender.send(()); // nobody waits any more
            status
        });
        let azure = self.azure.as_ref().unwrap();
        let (mut held, mut waited) = (None, Duration::ZERO);
        let step = Duration::from_millis(2);
        while let Err(RecvTimeoutError::Timeout) = ends.recv_timeout(step) {
            held = azure.lines.try_iter().find_map(|line| Some(line.strip_prefix("Held: ")?.to_owned()));
            waited += step;
            if held.is_some() || waited > PATIENCE {
                break;
            }
        }
        drop(leash); // kills it, when it is still there
        let code = waiting.join().unwrap().code().unwrap();
        let output = std::fs::read_to_string(&said).unwrap();
        assert!(waited <= PATIENCE, "lazuli {arguments:?} hangs:\n{output}");
        assert_ne!(code, 125, "{output}");
        let ops = disk::parse(&std::fs::read_to_string(trace).unwrap(), &self.disk());
        Ran { status: (code != 137).then_some(code), output, ops, held }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop_azure();
    }
}
