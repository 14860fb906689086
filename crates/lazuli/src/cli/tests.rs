//! What command lines mean, and that help says it.

use std::collections::BTreeMap;

use super::*;

fn read(line: &str) -> Result<Cli, Stop> {
    parse(std::iter::once("lazuli").chain(line.split_whitespace()))
}

fn plan_of(line: &str) -> Plan {
    match read(line).unwrap().command {
        Command::Plan(plan) => plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_contract_is_understood() {
    for line in [
        "init",
        "init --template quickstart demo",
        "validate --json",
        "fmt",
        "fmt --check --diff --recursive . modules/network main.hcl",
        "fmt -",
        "plan --out p --destroy --refresh=false --var a=b --var-file f",
        "plan --replace cluster.prod.network.nat_gateway --detailed-exitcode --parallelism 4",
        "plan --target cluster.prod.network --target resource.a --exclude resource.b",
        "plan --refresh-only --detailed-exitcode --target resource.a",
        "apply --refresh-only --auto-approve",
        "destroy --target resource.a --exclude resource.b",
        "plan --lock-timeout 5m --skip-preflight -vv --no-input",
        "apply --auto-approve",
        "apply monday.plan",
        "destroy --auto-approve",
        "show",
        "show monday.plan --json",
        "console --json --var a=b",
        "output",
        "output endpoint --raw",
        "--json output",
        "state list",
        "state list cluster.prod",
        "state show cluster.prod.network.virtual_network --json",
        "state mv resource.a resource.a[0] --dry-run --lock-timeout 5m",
        "state rm resource.a module.m --dry-run",
        "state pull --json",
        "state push --force -",
        "state rekey --key-file new.key",
        "state rekey --user-key",
        "force-unlock 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed --force",
        "graph --format dot --plan p",
        "import cluster.prod --pki keys",
        "import --generate f.hcl --resource-group rg --pki keys",
        "cluster keys prod --out keys",
        "simulator serve --listen 127.0.0.1:8443 --world w --profile hostile --seed 3 --faults f --print-env",
        "version --json",
        "completions bash",
        "--chdir examples/quickstart --color never --json -v --no-input plan",
    ] {
        assert!(read(line).is_ok(), "{line}: {:?}", read(line).err().map(|stop| stop.text));
    }
}

#[test]
fn what_is_not_understood_leaves_with_64() {
    for line in [
        "",
        "plann",
        "plan --no-such-flag",
        "plan --replace nonsense",
        "plan --var novalue",
        "plan --refresh=perhaps",
        "plan --parallelism 0",
        "plan --lock-timeout soon",
        "plan --destroy --replace resource.a",
        "plan --destroy --refresh-only",
        "plan --refresh-only --replace resource.a",
        "plan --refresh-only --refresh=false",
        "plan --target",
        "destroy --refresh-only",
        "apply monday.plan --target resource.a",
        "apply monday.plan --var a=b",
        "output --raw",
        "completions cobol",
        "state rm",
        "state mv resource.a",
        "state rekey --key-file f --user-key",
        "force-unlock",
        "simulator",
    ] {
        assert_eq!(read(line).unwrap_err().code, USAGE, "{line}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    for line in ["--help", "-h", "plan -h", "--version", "state --help"] {
        assert_eq!(read(line).unwrap_err().code, 0, "{line}");
    }
}

#[test]
fn refresh_is_on_unless_said_otherwise() {
    assert!(plan_of("plan").options.refresh);
    assert!(plan_of("plan --refresh").options.refresh);
    assert!(plan_of("plan --refresh=true").options.refresh);
    assert!(!plan_of("plan --refresh=false").options.refresh);
}

#[test]
fn a_variables_value_keeps_its_equals_signs_and_stays_out_of_debug_output() {
    let plan = plan_of("plan --var password=a=b");
    let [Given::Value(given)] = plan.options.variables.given.as_slice() else { panic!("one value") };
    assert_eq!(given.value, "a=b");
    assert!(!format!("{plan:?}").contains("a=b"));
}

#[test]
fn durations_are_written_as_people_write_them() {
    for (text, seconds) in [("0s", 0), ("90", 90), ("5m", 300), ("1h30m", 5400)] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
    }
    for text in ["", "m", "5", "5x", "-5s", "99999999999999999999h"] {
        assert_eq!(duration(text).is_ok(), text == "5", "{text}");
    }
}

#[test]
fn only_variables_of_ours_are_taken_from_the_environment() {
    let environment = [("LAZULI_VAR_workers", "3"), ("LAZULI_VAR_", "x"), ("PATH", "/bin")];
    let variables = variables_of_environment(environment.map(|(k, v)| (k.into(), v.into())));
    assert_eq!(variables, BTreeMap::from([("workers".to_owned(), "3".to_owned())]));
}

#[test]
fn help_for_people() {
    let mut command = Cli::command().term_width(100);
    command.build();
    insta::assert_snapshot!("help", command.render_help());
    let plan = command.find_subcommand_mut("plan").unwrap();
    insta::assert_snapshot!("help_plan", plan.render_help());
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in <clap_complete::Shell as ValueEnum>::value_variants() {
        assert!(completion_script(*shell).contains("detailed-exitcode"), "{shell}");
    }
}
