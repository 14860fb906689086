//! Whole runs whose state is in Azure Blob, against Azurite. `ci/azurite.sh` starts one; without it these do nothing and
//! say so.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lazuli_simulator::{Simulator, SimulatorOptions};
use serde_json::{Value as Json, json};

use crate::configurations::SMALL;
use crate::workbench::{LINEAGE, Ran, Workbench};

const CONTAINER: &str = "projects";

/// `{"typ":"JWT","alg":"RS256"}`, and claims for storage until the year 2100. Azurite does not look at the signature.
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.\
    eyJhdWQiOiJodHRwczovL3N0b3JhZ2UuYXp1cmUuY29tIiwiaXNzIjoiaHR0cHM6Ly9zdHMud2luZG93cy5uZXQvMTExMTExMTEtMTExMS0xMTExLTExMTEtMTExMTExMTExMTExLy\
    IsImlhdCI6MTcwMDAwMDAwMCwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDB9.x";

/// A project whose state is a blob that no other has.
struct Remote {
    bench: Workbench,
    endpoint: String,
    ca: String,
    key: String,
}

impl Remote {
    /// The smallest cluster; `None` when there is no Azurite.
    fn new(profile: &str) -> Option<Remote> {
        static KEYS: AtomicUsize = AtomicUsize::new(0);
        let (Ok(endpoint), Ok(ca)) = (std::env::var("LAZULI_AZURITE"), std::env::var("LAZULI_AZURITE_CA"))
        else {
            println!("skipped: LAZULI_AZURITE is not set; ci/azurite.sh sets it");
            return None;
        };
        let number = KEYS.fetch_add(1, Ordering::Relaxed);
        let key = format!("{}/{number}/prod.state", std::process::id());
        let mut remote = Remote { bench: Workbench::new(), endpoint, ca, key };
        let backend = format!(
            "lazuli {{\n  backend \"azurerm\" {{\n    storage_account_name = \"devstoreaccount1\"\n    container_name = \
             \"{CONTAINER}\"\n    key = \"{}\"\n    cloud_account = \"sandbox\"\n    endpoint = \"{}\"\n  }}\n}}\n",
            remote.key, remote.endpoint
        );
        let small = SMALL.replace("\"instant\"", &format!("\"{profile}\""));
        remote.bench.write("main.hcl", &format!("{backend}{small}"));
        let ca = remote.ca.clone();
        remote.bench.set("SSL_CERT_FILE", &ca);
        remote.bench.set("LAZULI_PASSPHRASE", "correct horse");
        let made = remote.ask("PUT", "?restype=container", b"");
        assert!(matches!(made.0, 201 | 409), "{made:?}");
        let lineage = format!("/{}.lineage", remote.key);
        assert_eq!(remote.ask("PUT", &lineage, LINEAGE.as_bytes()).0, 201);
        Some(remote)
    }

    /// Asks Azurite as somebody else would.
    fn ask(&self, method: &str, what: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = reqwest::Certificate::from_pem(&std::fs::read(&self.ca).unwrap()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        let url = format!("{}/{CONTAINER}{what}", self.endpoint);
        let request = client.request(method.parse().unwrap(), url).bearer_auth(TOKEN);
        let request = request.header("x-ms-version", "2024-11-04").header("x-ms-blob-type", "BlockBlob");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = request.body(body.to_vec()).send().await.unwrap();
            (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
        })
    }

    fn blob(&self, suffix: &str) -> Vec<u8> {
        let (status, bytes) = self.ask("GET", &format!("/{}{suffix}", self.key), b"");
        assert_eq!(status, 200, "{suffix}");
        bytes
    }

    /// Nothing is left to do, nothing exists twice or unrecorded, and nothing secret or local was written.
    fn is_settled(&self) {
        let plan = self.bench.run("plan --detailed-exitcode");
        assert_eq!(plan.status, Some(0), "{plan}");
        assert!(!self.bench.path("lazuli.state").exists(), "a state file was written");
        self.bench.write("lazuli.state", &self.bench.does("state pull").stdout);
        self.bench.nothing_is_orphaned();
        std::fs::remove_file(self.bench.path("lazuli.state")).unwrap();
        assert_eq!(self.blob(".journal"), b"");
    }

    /// The run that holds the lock now, as a refused command tells it.
    fn lock_id(&self) -> String {
        let refused = self.bench.run("plan");
        assert_eq!(refused.status, Some(1), "{refused}");
        let (_, id) = refused.stderr.split_once("lock id ").unwrap_or_else(|| panic!("{refused}"));
        id.split(')').next().unwrap().to_owned()
    }
}

/// Runs an apply, and calls `act` with it once it makes the first machine.
fn interfered(remote: &Remote, act: impl FnOnce(&mut Child)) -> Ran {
    let mut child = remote.bench.command(&["apply", "--auto-approve"]).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (mut heard, mut act) = (String::new(), Some(act));
    for line in lines.map_while(Result::ok) {
        heard = heard + &line + "\n";
        if line.contains("creating") && line.contains(".vm") {
            act.take().into_iter().for_each(|act| act(&mut child));
        }
    }
    assert!(act.is_none(), "no machine was made: {heard}");
    let mut output = child.wait_with_output().unwrap();
    output.stderr = heard.into_bytes();
    remote.bench.ran(output)
}

#[test]
fn every_command_works_on_a_state_in_azure_blob() {
    let Some(mut remote) = Remote::new("instant") else { return };
    remote.bench.does("validate");
    assert_eq!(remote.bench.does("state list").stdout, "");
    assert_eq!(remote.bench.run("state pull").status, Some(1));
    remote.bench.applies();
    remote.is_settled();
    let listed = remote.bench.does("state list").stdout;
    assert!(listed.contains("cluster.small.control_plane.node[\"1\"].vm"), "{listed}");
    remote.bench.does("show");
    remote.bench.does("graph");
    assert!(!remote.bench.does("output --raw endpoint").stdout.is_empty());
    let state: Json = serde_json::from_str(&remote.bench.does("show --json").stdout).unwrap();
    assert!(state.is_object());
    remote.bench.run_with(&["state", "show", "cluster.small.control_plane.node[\"1\"].vm"]);

    let pulled = remote.bench.does("state pull").stdout;
    remote.bench.write("pulled.json", &pulled);
    let pushed = remote.bench.does("state push pulled.json --json").document();
    assert_eq!(pushed["written"], false);
    remote.bench.set("LAZULI_NEW_PASSPHRASE", "battery staple");
    let rekeyed = remote.bench.does("state rekey --json").document();
    let backup = rekeyed["backup"].as_str().unwrap();
    assert!(backup.starts_with("https://") && backup.ends_with("prod.state.backup.1"), "{backup}");
    remote.bench.set("LAZULI_PASSPHRASE", "battery staple");
    remote.bench.run_with(&[
        "state",
        "rm",
        "cluster.small.worker_pool[\"general\"].node[\"1\"].vm",
        "--dry-run",
    ]);
    let free = remote.bench.does("force-unlock 0 --json").document();
    assert_eq!(free, json!({"was_held": false, "holder": null}));
    remote.bench.does("plan --out a.plan");
    remote.bench.does("apply a.plan");
    remote.bench.does("destroy --auto-approve");
    assert_eq!(remote.blob(".journal"), b"");
    assert_eq!(remote.bench.does("state list").stdout, "");
    assert!(remote.bench.existing("Microsoft.Compute/virtualMachines").is_empty());
}

#[test]
fn a_key_that_only_this_user_has_is_refused_and_the_way_out_is_told() {
    let Some(mut remote) = Remote::new("instant") else { return };
    remote.bench.set("LAZULI_PASSPHRASE", "correct horse");
    let command = |bench: &Workbench, arguments: &[&str]| {
        let mut command = bench.command(arguments);
        command.env_remove("LAZULI_PASSPHRASE");
        bench.ran(command.output().unwrap())
    };
    let refused = command(&remote.bench, &["plan", "--out", "a.plan"]);
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(refused.stderr.contains("LZ2030") && refused.stderr.contains("LAZULI_PASSPHRASE"), "{refused}");
    let refused = command(&remote.bench, &["state", "rekey", "--user-key"]);
    assert_eq!(refused.status, Some(1), "{refused}");
}

#[test]
fn of_two_applies_at_once_one_waits_or_is_refused_and_none_loses_anything() {
    let Some(remote) = Remote::new("fast") else { return };
    let both: Vec<Child> =
        (0..2).map(|_| remote.bench.command(&["apply", "--auto-approve"]).spawn().unwrap()).collect();
    let ends: Vec<Ran> =
        both.into_iter().map(|child| remote.bench.ran(child.wait_with_output().unwrap())).collect();
    let mut codes: Vec<_> = ends.iter().map(|ran| ran.status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{} {}", ends[0], ends[1]);
    let refused = ends.iter().find(|ran| ran.status == Some(1)).unwrap();
    assert!(refused.stderr.contains("LZ2001"), "{refused}");
    remote.is_settled();

    remote.bench.edit(
        "main.hcl",
        "resource_group = \"rg\"",
        "resource_group = \"rg\"\n  tags = { twice = \"yes\" }",
    );
    let patient = ["apply", "--auto-approve", "--lock-timeout", "2m"];
    let both: Vec<Child> = (0..2).map(|_| remote.bench.command(&patient).spawn().unwrap()).collect();
    for child in both {
        let ran = remote.bench.ran(child.wait_with_output().unwrap());
        assert_eq!(ran.status, Some(0), "{ran}");
    }
    remote.is_settled();
    let state: Json = serde_json::from_slice(&remote.blob("")).unwrap();
    assert_eq!(state["serial"], 2, "the second of two equal applies had nothing to do");
}

#[cfg(unix)]
#[test]
fn after_a_kill_the_lock_ends_by_itself_and_the_next_run_goes_on_with_the_journal() {
    let Some(remote) = Remote::new("fast") else { return };
    let killed = interfered(&remote, |child| child.kill().unwrap());
    assert_eq!(killed.status, None, "{killed}");
    let left = remote.blob(".journal");
    assert!(!left.is_empty());
    let refused = remote.bench.run("plan");
    assert!(refused.stderr.contains("LZ2001") && refused.stderr.contains("half a minute"), "{refused}");
    let began = Instant::now();
    let next = remote.bench.does("apply --auto-approve --lock-timeout 90s");
    assert!(began.elapsed().as_secs() < 60, "the lock of a killed run ends within a minute");
    assert!(next.stderr.contains("Waiting for the state's lock, held by tester@"), "{next}");
    assert!(next.stderr.contains("stopped without finishing"), "{next}");
    remote.is_settled();
}

#[cfg(unix)]
#[test]
fn a_run_whose_lock_is_taken_away_stops_and_the_next_one_finishes() {
    let Some(remote) = Remote::new("fast") else { return };
    let fenced = interfered(&remote, |_| {
        let id = remote.lock_id();
        let refused = remote.bench.run(&format!("force-unlock {id}"));
        assert!(refused.stderr.contains("LZ2018"), "its process is seen to run: {refused}");
        remote.bench.does(&format!("force-unlock {id} --force"));
    });
    assert_eq!(fenced.status, Some(1), "{fenced}");
    assert!(fenced.to_string().contains("was taken away from this run"), "{fenced}");
    assert!(fenced.stderr.contains("LZ2017"), "{fenced}");
    assert_eq!(remote.blob(""), b"", "it wrote no state");
    remote.bench.edit("main.hcl", "\"fast\"", "\"instant\"");
    remote.bench.applies();
    remote.is_settled();
}

#[test]
fn what_is_wrong_with_container_or_network_is_told() {
    let Some(remote) = Remote::new("instant") else { return };
    remote.bench.edit("main.hcl", "\"projects\"", "\"nowhere\"");
    let refused = remote.bench.run("plan");
    assert_eq!(refused.status, Some(1), "{refused}");
    for said in ["LZ2031", "/nowhere/", "404 ContainerNotFound", "az storage container create"] {
        assert!(refused.stderr.contains(said), "{said}: {refused}");
    }
}

#[test]
fn the_named_account_signs_in_and_what_keeps_it_from_that_is_told() {
    let Some(mut remote) = Remote::new("instant") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entra = runtime.block_on(Simulator::start(SimulatorOptions::default())).unwrap();
    let (endpoint, credentials) = (entra.endpoint(), entra.credentials());
    remote.bench.write("ca.pem", entra.ca_pem());
    let account = format!(
        r#"
cloud_account "own" {{
  tenant_id       = "{}"
  subscription_id = "{}"
  client_id       = "{}"
  auth            = "client_secret"
  environment     = "custom"
  custom {{
    resource_manager = "{endpoint}"
    authority        = "{endpoint}"
    audience         = "{endpoint}"
    ca_file          = "ca.pem"
  }}
}}
"#,
        credentials.tenant, credentials.subscription, credentials.client_id
    );
    let main = remote.bench.text("main.hcl");
    let (backend, _) = main.split_once("\ncloud_account").unwrap();
    remote.bench.write("main.hcl", &(backend.replace("\"sandbox\"", "\"own\"") + &account));
    let refused = |remote: &Remote, code: &str, said: &[&str]| {
        let refused = remote.bench.run("state list");
        assert_eq!(refused.status, Some(1), "{refused}");
        for said in said.iter().chain([&code]) {
            assert!(refused.stderr.contains(said), "{said}: {refused}");
        }
    };

    remote.bench.does("validate");
    refused(&remote, "LZ0240", &["AZURE_CLIENT_SECRET"]);
    remote.bench.set("AZURE_CLIENT_SECRET", "a guess");
    refused(&remote, "LZ2031", &["cannot sign in: the client secret is wrong", "not its id"]);
    remote.bench.set("AZURE_CLIENT_SECRET", &credentials.client_secret);
    remote.bench.does("state list");
    remote.bench.does("plan");
    remote.bench.edit("main.hcl", &remote.endpoint, "https://127.0.0.1:1/devstoreaccount1");
    refused(&remote, "LZ2031", &["no connection to 127.0.0.1", "tried again and again"]);
    remote.bench.edit("main.hcl", "https://127.0.0.1:1/", "https://no-such-account.invalid/");
    refused(&remote, "LZ2031", &["no-such-account.invalid", "check storage_account_name"]);
    runtime.block_on(entra.shutdown());
}

#[test]
fn ctrl_c_before_the_first_step_gives_the_lock_back_at_once() {
    let Some(remote) = Remote::new("instant") else { return };
    let mut command = remote.bench.command(&["apply"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let _nobody_answers = child.stdin.take();
    let mut heard = Vec::new();
    BufReader::new(child.stdout.take().unwrap()).read_until(b'P', &mut heard).unwrap();
    let asked = BufReader::new(child.stderr.take().unwrap()).read_until(b':', &mut heard).unwrap();
    assert!(asked > 0);
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    remote.bench.does("plan"); // nobody waits for a lease to run out
}
