//! Kubeconfigs of simulated clusters: they lead to where somebody answers, or say how to get somebody to.

use std::io::{BufRead, BufReader};
use std::process::Command;

use crate::accounts::{Azure, SECRET, registered, with_secret};
use crate::configurations::SMALL;
use crate::workbench::Workbench;

/// `kubectl get nodes` with a kubeconfig; `None` when there is no kubectl on this machine.
fn nodes(bench: &Workbench, config: &str) -> Option<String> {
    let mut kubectl = Command::new("kubectl");
    let ran =
        kubectl.arg("--kubeconfig").arg(bench.path(config)).args(["get", "nodes", "-o", "wide"]).output();
    let Ok(ran) = ran else {
        println!("skipped: there is no kubectl");
        return None;
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn of_an_account_that_a_simulator_serves_it_leads_there() {
    let bench = registered("main");
    let azure = Azure::new(&bench);
    let sealed = azure.try_add(&bench, "main", &format!("{} --secret-stdin", with_secret()), SECRET);
    assert_eq!(sealed.status, Some(0), "{sealed}");
    bench.applies();
    let written = bench.does("cluster kubeconfig --out served.kubeconfig");
    assert!(!format!("{written}").contains("simulator serve"), "{written}");
    let config = bench.text("served.kubeconfig");
    let port = azure.endpoint().rsplit_once(':').unwrap().1.to_owned();
    assert!(config.contains(&format!("server: \"https://127.0.0.1:{port}\"")), "{config}");
    assert!(config.contains("tls-server-name: \"quickstart-"), "{config}");
    if let Some(nodes) = nodes(&bench, "served.kubeconfig") {
        assert_eq!(nodes.matches(" Ready ").count(), 6, "{nodes}");
    }
    // What is said by hand wins.
    let own = bench.does("cluster kubeconfig --server https://127.0.0.1:1").stdout;
    assert!(own.contains("server: \"https://127.0.0.1:1\"") && own.contains("tls-server-name"), "{own}");
}

#[test]
fn of_an_account_that_each_command_simulates_it_says_how_to_let_it_stay() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let printed = bench.does("cluster kubeconfig");
    assert!(
        printed.stdout.starts_with("apiVersion: v1\n") && !printed.stdout.contains("Nothing answers"),
        "{printed}"
    );
    let world = ".lazuli/simulator-sandbox.world";
    let serve = format!("lazuli simulator serve --world {world}");
    assert!(
        printed.stderr.contains("Nothing answers at small-") && printed.stderr.contains(&serve),
        "{printed}"
    );

    // And so it is done.
    let mut serving = bench
        .command(&["simulator", "serve", "--world", world, "--listen", "127.0.0.1:0", "--print-env"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines().map(Result::unwrap);
    let endpoint =
        lines.find_map(|line| Some(line.strip_prefix("export LAZULI_SIMULATOR_ENDPOINT='")?.to_owned()));
    let endpoint = endpoint.unwrap().trim_end_matches('\'').to_owned();
    let written = bench.run(&format!("cluster kubeconfig --server {endpoint} --out own.kubeconfig"));
    let nodes = (written.status == Some(0)).then(|| nodes(&bench, "own.kubeconfig"));
    serving.kill().unwrap();
    serving.wait().unwrap();
    let nodes = nodes.unwrap_or_else(|| panic!("{written}"));
    assert!(!format!("{written}").contains("simulator serve"), "{written}");
    assert!(nodes.is_none_or(|nodes| nodes.matches(" Ready ").count() == 2));
}
