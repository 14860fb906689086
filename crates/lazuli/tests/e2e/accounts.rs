//! Cloud accounts: the registry, every way to sign in, what Entra refuses, and the roles a configuration needs, over the
//! wire against a simulated Azure of its own.

use std::path::{Path, PathBuf};

use lazuli_simulator::{
    Application, Conditions, Grant, Pace, Profile, RunningSimulator, Seed, SeedFile, SeededGroup, Simulator,
    SimulatorOptions,
};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::workbench::{Ran, Workbench, repository, told};

pub(crate) const TENANT: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-quickstart";
pub(crate) const APPLICATION: &str = "33333333-3333-3333-3333-333333333333";
const WITH_CERTIFICATE: &str = "44444444-4444-4444-4444-444444444444";
const EXPIRED: &str = "55555555-5555-5555-5555-555555555555";

/// What must be nowhere.
pub(crate) const SECRET: &str = "hunter2-is-the-client-secret";

/// A simulated Azure that is not started by Lazuli.
pub(crate) struct Azure {
    runtime: Runtime,
    running: Option<RunningSimulator>,
    ca: PathBuf,
}

impl Azure {
    fn with(bench: &Workbench, world: SeedFile) -> Azure {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let group = |name: &str, location: &str| SeededGroup {
            name: name.to_owned(),
            location: location.to_owned(),
            tags: Default::default(),
        };
        let certificate = std::fs::read_to_string(certificates().join("app.pem")).unwrap();
        let application = |client_id: &str, client_secret: Option<&str>| Application {
            client_id: client_id.to_owned(),
            client_secret: client_secret.map(str::to_owned),
            secret_expired: client_id == EXPIRED,
            certificates: Vec::new(),
        };
        let mut world = world;
        world.resource_groups.push(group("rg-quickstart", "eastus2"));
        world
            .applications
            .push(Application { certificates: vec![certificate], ..application(WITH_CERTIFICATE, None) });
        world.applications.push(application(EXPIRED, Some(SECRET)));
        let options = SimulatorOptions {
            pace: Pace { profile: Profile::Instant, speedup: None },
            seed_world: Seed { client_secret: Some(SECRET.to_owned()), world, ..Seed::default() },
            ..SimulatorOptions::default()
        };
        let running = runtime.block_on(Simulator::start(options)).unwrap();
        let ca = bench.path("ca.pem");
        std::fs::write(&ca, running.ca_pem()).unwrap();
        Azure { runtime, running: Some(running), ca }
    }

    pub(crate) fn new(bench: &Workbench) -> Azure {
        Azure::with(bench, SeedFile::default())
    }

    pub(crate) fn endpoint(&self) -> String {
        self.running.as_ref().unwrap().endpoint()
    }

    /// Registers an account; words are separated by blanks.
    pub(crate) fn add(&self, bench: &Workbench, name: &str, words: &str) {
        let ran = self.try_add(bench, name, words, "");
        assert_eq!(ran.status, Some(0), "{ran}");
    }

    pub(crate) fn try_add(&self, bench: &Workbench, name: &str, words: &str, input: &str) -> Ran {
        let (endpoint, ca) = (self.endpoint(), self.ca.display());
        let line = format!(
            "account add {name} --environment custom --resource-manager {endpoint} --authority {endpoint} --ca-file {ca} \
             --subscription-id {SUBSCRIPTION} {words}"
        );
        bench.asks(&line, input)
    }

    /// What was told, the same in every run.
    fn told(&self, name: &str, what: impl std::fmt::Display) {
        told(name, what.to_string().replace(&self.endpoint(), "https://simulated"));
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.shutdown());
        }
    }
}

fn certificates() -> PathBuf {
    repository().join("testdata/certificates")
}

pub(crate) fn with_secret() -> String {
    format!("--auth client_secret --tenant-id {TENANT} --client-id {APPLICATION}")
}

fn registry(bench: &Workbench) -> PathBuf {
    bench.path("../home/.config/lazuli/accounts.toml")
}

#[test]
fn a_registry_is_filled_shown_changed_and_emptied() {
    let bench = Workbench::new();
    let azure = Azure::new(&bench);
    let mut story = String::new();
    let mut tell = |line: &str| {
        let ran = bench.run(line);
        story += &format!("$ lazuli {line}\n{ran}\n");
    };
    tell("account list");
    tell("account list --json");
    azure.add(&bench, "main", &format!("{} --secret-env MAIN_SECRET", with_secret()));
    let sealed = azure.try_add(&bench, "sealed", &format!("{} --secret-stdin", with_secret()), SECRET);
    assert_eq!(sealed.status, Some(0), "{sealed}");
    tell(&format!("account add cli --subscription-id {SUBSCRIPTION}"));
    tell("account list");
    tell("account show main");
    tell("account show sealed --json");
    tell("account show mian");
    tell(
        "account edit main --client-id 44444444-4444-4444-4444-444444444444 --secret-command pass show azure",
    );
    tell("account show main --json");
    tell("account edit main --auth azure_cli");
    tell("account edit main --auth azure_cli --unset secret --unset client_id --unset tenant_id --json");
    tell("account edit main");
    tell("account edit main --unset tennant_id");
    tell("account add main --auth azure_cli");
    tell("account add not.a.name --auth azure_cli");
    tell("account add other --auth client_sekret");
    tell("account add other --auth client_secret --client-secret whatever");
    tell("account remove main");
    tell("account remove main --auto-approve");
    tell("account remove cli --auto-approve --json");
    tell("account remove cli --auto-approve");
    tell("account list");
    assert!(!story.contains(SECRET));
    azure.told("accounts_registry", story);
}

#[test]
fn every_way_to_sign_in_works_over_the_wire() {
    let mut bench = Workbench::new();
    let azure = Azure::new(&bench);
    let pem = certificates();
    let both = bench.path("both.pem");
    let read = |name: &str| std::fs::read_to_string(pem.join(name)).unwrap();
    std::fs::write(&both, read("app.pem") + &read("app-key.pem")).unwrap();
    bench.write("secret.txt", &format!("{SECRET}\n"));
    bench.write("token.jwt", "e30.e30.c2ln");
    bench.set("MY_SECRET", SECRET);
    bench.set("IDENTITY_ENDPOINT", &format!("{}/msi/token", azure.endpoint()));
    bench.set("IDENTITY_HEADER", "header");
    let secret = with_secret();
    let certificate =
        format!("--auth client_certificate --tenant-id {TENANT} --client-id {WITH_CERTIFICATE}");
    let key = |name: &str| pem.join(name).display().to_string();
    for (name, words) in [
        ("env", format!("{secret} --secret-env MY_SECRET")),
        ("file", format!("{secret} --secret-file secret.txt")),
        ("command", format!("{secret} --secret-command cat secret.txt")),
        ("one-file", format!("{certificate} --secret-file {}", both.display())),
        ("one-certificate", format!("{certificate} --certificate {}", both.display())),
        (
            "two-files",
            format!(
                "{certificate} --certificate {} --secret-file {}",
                key("app.pem"),
                key("app-key-pkcs1.pem")
            ),
        ),
        (
            "workload",
            format!(
                "--auth workload_identity --tenant-id {TENANT} --client-id {APPLICATION} --token-file token.jwt"
            ),
        ),
        ("machine", "--auth managed_identity".to_owned()),
    ] {
        azure.add(&bench, name, &words);
        let ran = bench.does(&format!("account validate {name} --json"));
        let report = &ran.document()["accounts"][0];
        assert_eq!(report["subscription"]["state"], "Enabled", "{name}: {ran}");
        assert!(report["principal"]["object_id"].is_string(), "{name}: {ran}");
        let expected = if words.contains(WITH_CERTIFICATE) { WITH_CERTIFICATE } else { APPLICATION };
        assert_eq!(report["principal"]["application_id"], expected, "{name}: {ran}");
    }
    let sealed = azure.try_add(&bench, "sealed", &format!("{secret} --secret-stdin"), &format!("{SECRET}\n"));
    assert_eq!(sealed.status, Some(0), "{sealed}");
    let report = bench.run("account validate sealed --region eastus2 --resource-group rg-quickstart");
    assert_eq!(report.status, Some(0), "{report}");
    azure.told("accounts_validate", report);
    let whole = bench.does("account validate --json").document();
    assert_eq!((whole["valid"].as_bool(), whole["accounts"].as_array().unwrap().len()), (Some(true), 9));
}

#[test]
fn a_refused_sign_in_says_what_is_wrong_and_what_to_do() {
    let mut bench = Workbench::new();
    let azure = Azure::with(
        &bench,
        SeedFile { unregistered_providers: vec!["Microsoft.Compute".to_owned()], ..SeedFile::default() },
    );
    bench.set("RIGHT", SECRET);
    bench.set("WRONG", "not-the-secret");
    let of = |tenant: &str, client: &str, rest: &str| {
        format!("--auth client_secret --tenant-id {tenant} --client-id {client} {rest}")
    };
    let unknown = "99999999-9999-9999-9999-999999999999";
    let other = |name: &str| certificates().join(name).display().to_string();
    let certificate =
        format!("--auth client_certificate --tenant-id {TENANT} --client-id {WITH_CERTIFICATE}");
    let two = |public: &str, private: &str| {
        format!("{certificate} --certificate {} --secret-file {}", other(public), other(private))
    };
    let cases = [
        ("wrong-secret", of(TENANT, APPLICATION, "--secret-env WRONG")),
        ("expired-secret", of(TENANT, EXPIRED, "--secret-env RIGHT")),
        ("unknown-application", of(TENANT, unknown, "--secret-env RIGHT")),
        ("unknown-tenant", of(unknown, APPLICATION, "--secret-env RIGHT")),
        ("unregistered-certificate", two("other.pem", "other-key.pem")),
        ("expired-certificate", two("expired.pem", "app-key.pem")),
        ("mismatched-certificate", two("other.pem", "app-key.pem")),
        ("elliptic-key", two("app.pem", "ec-key.pem")),
        ("encrypted-key", two("app.pem", "encrypted-key.pem")),
        ("unset-variable", of(TENANT, APPLICATION, "--secret-env NOWHERE")),
        ("missing-file", of(TENANT, APPLICATION, "--secret-file missing.txt")),
        ("failing-command", of(TENANT, APPLICATION, "--secret-command false")),
        ("not-registered", of(TENANT, APPLICATION, "--secret-env RIGHT")),
    ];
    let mut story = String::new();
    for (name, words) in &cases {
        azure.add(&bench, name, words);
        let ran = bench.run(&format!("account validate {name}"));
        assert_eq!(ran.status, Some(1), "{ran}");
        story += &format!("$ lazuli account validate {name}\n{ran}\n");
    }
    bench.does(&format!("account edit not-registered --subscription-id {unknown}"));
    story += &format!("{}\n", bench.run("account validate not-registered"));
    story += &format!("{}\n", bench.run("account validate unknown-application --json"));
    azure.told("accounts_refused", story.replace(repository().to_str().unwrap(), "[REPOSITORY]"));
    let ca = azure.ca.clone();
    std::fs::write(&ca, std::fs::read(certificates().join("other.pem")).unwrap()).unwrap();
    let ran = bench.run("account validate wrong-secret");
    assert!(ran.status == Some(1) && ran.stdout.contains("NoConnection"), "{ran}");
}

#[test]
fn a_subscription_that_is_disabled_is_said_to_be() {
    let bench = Workbench::new();
    let azure = Azure::with(
        &bench,
        SeedFile {
            conditions: Conditions {
                subscription_state: Some("Disabled".to_owned()),
                ..Conditions::default()
            },
            ..SeedFile::default()
        },
    );
    azure.try_add(&bench, "main", &format!("{} --secret-stdin", with_secret()), SECRET);
    let ran = bench.run("account validate main");
    assert!(ran.status == Some(1) && ran.stdout.contains("SubscriptionDisabled"), "{ran}");
    assert!(ran.stdout.contains("Ask its owner to enable it"), "{ran}");
}

#[test]
fn a_cluster_is_planned_applied_and_destroyed_with_a_registered_account() {
    let bench = registered("main");
    let azure = Azure::new(&bench);
    let sealed = azure.try_add(&bench, "main", &format!("{} --secret-stdin", with_secret()), SECRET);
    assert_eq!(sealed.status, Some(0), "{sealed}");
    let plan = bench.does("plan");
    assert!(plan.stdout.contains("46 to add") && !plan.stdout.contains("simulated"), "{plan}");
    bench.applies();
    let settled = bench.run("plan --detailed-exitcode");
    assert_eq!(settled.status, Some(0), "{settled}");
    bench.does("destroy --auto-approve");
    // Another subscription under the same name: what was planned for the first one is not done to it.
    bench.does("plan --out first.plan");
    bench.does("account edit main --subscription-id 99999999-9999-9999-9999-999999999999");
    let stale = bench.run("apply first.plan");
    assert!(stale.status == Some(1) && stale.stderr.contains("LZ3012"), "{stale}");
    assert!(!bench.text("lazuli.state").contains(SECRET));
}

#[test]
fn a_name_that_is_not_registered_is_a_warning_offline_and_an_error_where_somebody_signs_in() {
    let bench = registered("mian");
    let azure = Azure::new(&bench);
    let mut story = format!("{}\n", bench.run("validate"));
    azure.add(&bench, "main", &format!("{} --secret-env NOT_SET", with_secret()));
    for line in ["validate", "validate --json", "plan"] {
        story += &format!("$ lazuli {line}\n{}\n", bench.run(line));
    }
    bench.edit("main.hcl", "registered = \"mian\"", "registered = \"main\"");
    let offline = bench.run("validate");
    assert_eq!((offline.status, offline.stderr.as_str()), (Some(0), ""), "{offline}");
    story += &format!("{}\n", bench.run("plan")); // the secret is missing now
    bench.edit("main.hcl", "registered = \"main\"", "registered = \"main\"\n  tenant_id = \"x\"");
    story += &format!("{}\n", bench.run("validate"));
    azure.told("accounts_not_registered", story);
}

/// The quickstart with a registered account.
pub(crate) fn registered(name: &str) -> Workbench {
    let bench = Workbench::example("quickstart");
    let text = bench.text("main.hcl");
    let begin = text.find("cloud_account \"sandbox\"").unwrap();
    let end = begin + text[begin..].find("\n}\n").unwrap() + 3;
    let block = format!("cloud_account \"sandbox\" {{\n  registered = \"{name}\"\n}}\n");
    bench.write("main.hcl", &format!("{}{block}{}", &text[..begin], &text[end..]));
    bench
}

#[test]
fn the_roles_of_the_examples() {
    let quickstart = Workbench::example("quickstart");
    told("accounts_permissions_dynamic", quickstart.run("account permissions"));
    let existing = Workbench::example("static-placement");
    told("accounts_permissions_static", existing.run("account permissions"));
    told("accounts_permissions_subscription", quickstart.run("account permissions --role subscription"));
    told("accounts_permissions_unknown", quickstart.run("account permissions --role rg-quikstart"));
    told("accounts_permissions_out", existing.run("account permissions --out roles"));
    let role: Json = serde_json::from_str(&existing.text("roles/lazuli-rg-net-00000000.json")).unwrap();
    assert_eq!(role["IsCustom"], true);

    // Asked for the other placement, each needs of its network what the other one does.
    let network = |bench: &Workbench, line: &str| -> Vec<String> {
        let roles = bench.does(line).document()["roles"].as_array().unwrap().clone();
        let role = roles.iter().find(|role| role["role"] == "rg-net").unwrap();
        let actions = role["definition"]["Actions"].as_array().unwrap().clone();
        actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        network(&quickstart, "account permissions --placement static --network-resource-group rg-net --json"),
        network(&existing, "account permissions --json"),
    );
    let actions = |bench: &Workbench, line: &str| bench.does(line).document()["Actions"].clone();
    let dynamic = actions(&existing, "account permissions --placement dynamic --role rg-cluster");
    assert_eq!(dynamic, actions(&quickstart, "account permissions"));
}

#[test]
fn the_printed_role_is_enough_for_a_whole_life_and_each_part_of_it_is_needed() {
    let printed = Workbench::example("quickstart").does("account permissions").document();
    let actions: Vec<String> = printed["Actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    let allow = |actions: &[String]| SeedFile {
        conditions: Conditions {
            grants: vec![Grant {
                scope: Some(GROUP.to_owned()),
                actions: actions.to_vec(),
                ..Grant::default()
            }],
            ..Conditions::default()
        },
        ..SeedFile::default()
    };
    let bench = registered("main");
    let azure = Azure::with(&bench, allow(&actions));
    azure.try_add(&bench, "main", &format!("{} --secret-stdin", with_secret()), SECRET);
    bench.applies();
    bench.does("destroy --auto-approve");

    for (action, code) in [
        ("Microsoft.Network/virtualNetworks/subnets/join/action", "LinkedAuthorizationFailed"),
        ("Microsoft.Network/natGateways/join/action", "LinkedAuthorizationFailed"),
        ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "LinkedAuthorizationFailed"),
        ("Microsoft.Authorization/roleAssignments/write", "AuthorizationFailed"),
        ("Microsoft.Compute/virtualMachines/write", "AuthorizationFailed"),
    ] {
        let bench = registered("main");
        let less: Vec<String> = actions.iter().filter(|other| *other != action).cloned().collect();
        let azure = Azure::with(&bench, allow(&less));
        azure.try_add(&bench, "main", &format!("{} --secret-stdin", with_secret()), SECRET);
        let check = bench.run("account permissions --check --json");
        let missing = &check.document()["roles"][0]["missing"];
        assert_eq!((check.status, missing), (Some(1), &serde_json::json!([action])), "{check}");
        let plan = bench.run("plan");
        assert!(plan.status == Some(1) && plan.stderr.contains(action), "{action}: {plan}");
        let apply = bench.run("apply --auto-approve --skip-preflight");
        assert_eq!(apply.status, Some(1), "{action}: {apply}");
        assert!(apply.stderr.contains(code) || apply.stdout.contains(code), "{action}: {apply}");
    }
}

#[test]
fn who_signs_in_is_compared_with_the_role() {
    let seed = |permissions: Vec<Grant>| SeedFile {
        conditions: Conditions { grants: permissions, ..Conditions::default() },
        ..SeedFile::default()
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let contributor = Grant {
        scope: Some(GROUP.to_owned()),
        actions: words(&["*"]),
        not_actions: words(&["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]),
        ..Grant::default()
    };
    let administrator = Grant {
        scope: Some(GROUP.to_owned()),
        actions: words(&["Microsoft.Authorization/roleAssignments/*"]),
        ..Grant::default()
    };
    let reader = Grant { actions: words(&["*/read"]), ..Grant::default() };
    let mut story = String::new();
    for (name, permissions, status) in [
        ("contributor of the group", vec![contributor.clone()], 1),
        ("reader, contributor of the group", vec![reader.clone(), contributor.clone()], 1),
        ("reader, contributor and administrator of access", vec![reader, contributor, administrator], 0),
    ] {
        let bench = registered("main");
        let azure = Azure::with(&bench, seed(permissions));
        azure.try_add(&bench, "main", &format!("{} --secret-stdin", with_secret()), SECRET);
        let ran = bench.run("account permissions --check");
        assert_eq!(ran.status, Some(status), "{name}: {ran}");
        story += &format!("# {name}\n{ran}\n");
    }
    told("accounts_permissions_check", story);
}

#[test]
fn no_secret_is_in_any_output_or_file() {
    let mut bench = registered("main");
    let azure = Azure::new(&bench);
    bench.set("LAZULI_LOG", "trace");
    bench.set("LAZULI_PASSPHRASE", "the-passphrase-of-this-test");
    bench.set("THE_SECRET", SECRET);
    let mut said = String::new();
    let add = format!("{} --secret-stdin", with_secret());
    said += &azure.try_add(&bench, "main", &add, SECRET).to_string();
    said += &azure.try_add(&bench, "main", &add, SECRET).to_string(); // exists already
    said += &azure.try_add(&bench, "bad", "--auth azure_cli --secret-stdin", SECRET).to_string();
    said +=
        &azure.try_add(&bench, "env", &format!("{} --secret-env THE_SECRET", with_secret()), "").to_string();
    for line in [
        "account list",
        "account show main -v",
        "account list --json",
        "account validate",
        "account validate --json",
        "account edit main --client-id 44444444-4444-4444-4444-444444444444",
        "account validate main", // the secret is another application's now
        "account edit main --client-id 33333333-3333-3333-3333-333333333333",
        "account permissions --check -vv",
        "plan -vv --out saved.plan",
        "apply saved.plan -vv",
        "show --json",
        "account remove env --auto-approve",
    ] {
        let ran = bench.run(line);
        said += &format!("{}{}", ran.stdout, ran.stderr);
    }
    assert!(said.contains("application"), "{said}");
    for word in [SECRET, "the-passphrase-of-this-test"] {
        assert!(!said.contains(word), "{word} was said");
        assert_nowhere(bench.path("..").as_path(), word);
    }
    let registry = std::fs::read_to_string(registry(&bench)).unwrap();
    assert!(registry.contains("sealed ="), "{registry}");
}

fn assert_nowhere(folder: &Path, word: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path, word);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word} is in {}", path.display());
        }
    }
}

#[test]
fn a_simulator_that_serves_knows_the_applications_of_its_seed() {
    let bench = Workbench::new();
    let certificate = std::fs::read_to_string(certificates().join("app.pem")).unwrap();
    bench.write(
        "azure.json",
        &serde_json::json!({ "applications": [{ "client_id": WITH_CERTIFICATE, "certificates": [certificate] }] })
            .to_string(),
    );
    let serving = bench
        .command(&[
            "simulator",
            "serve",
            "--profile",
            "instant",
            "--world",
            "served.world",
            "--seed-world",
            "azure.json",
            "--print-env",
        ])
        .spawn();
    let mut serving = serving.unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(serving.stdout.take().unwrap()));
    let mut value = |name: &str| loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(rest) = line.strip_prefix(&format!("export {name}='")) {
            break rest.trim_end_matches('\'').to_owned();
        }
    };
    let endpoint = value("LAZULI_SIMULATOR_ENDPOINT");
    let ca = value("SSL_CERT_FILE");
    let (certificate, key) = (certificates().join("app.pem"), certificates().join("app-key.pem"));
    bench.does(&format!(
        "account add served --environment custom --resource-manager {endpoint} --authority {endpoint} --ca-file {ca} \
         --auth client_certificate --tenant-id {TENANT} --client-id {WITH_CERTIFICATE} --subscription-id {SUBSCRIPTION} \
         --certificate {} --secret-file {}",
        certificate.display(),
        key.display()
    ));
    let ran = bench.run("account validate served");
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert_eq!(ran.status, Some(0), "{ran}");
}

#[test]
fn without_a_name_the_accounts_of_the_configuration_are_validated_with_the_quotas_of_their_clusters() {
    let bench = Workbench::example("quickstart");
    let report = bench.does("account validate --json").document();
    assert_eq!(report["accounts"][0]["name"], "sandbox", "{report:#}");
    assert!(report["accounts"][0]["quotas"].to_string().contains("eastus2"), "{report:#}");

    std::fs::create_dir(bench.path("empty")).unwrap();
    let empty = bench.run("--chdir empty account validate");
    assert_eq!(empty.status, Some(1), "{empty}");
    assert!(empty.stderr.contains("there is nothing to validate"), "{empty}");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    let bench = Workbench::example("quickstart");
    let valid = bench.run("cluster kubeconfig --valid 0s");
    assert_eq!(valid.status, Some(64), "{valid}");
    for (place, words) in [(".", "is a directory"), ("nowhere/x.plan", "there is no such directory")] {
        let plan = bench.run(&format!("plan --out {place}"));
        assert!(plan.status == Some(1) && plan.stderr.contains(words), "{plan}");
        assert!(!plan.stdout.contains("Plan:"), "{plan}");
    }
    std::fs::create_dir(bench.path("empty")).unwrap();
    let elsewhere = bench.run("--chdir empty plan");
    assert!(elsewhere.stderr.contains("there is no configuration in empty"), "{elsewhere}");
    let listed = bench.run("state list cluster.nope");
    assert!(listed.status == Some(1) && listed.stderr.contains("is not in the state"), "{listed}");
}
