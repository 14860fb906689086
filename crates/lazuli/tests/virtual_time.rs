//! Whole runs in virtual time.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod virtual_azure;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazuli_core::plan::PlanMode;
use lazuli_executor::{Ending, Event, EventKind};
use lazuli_simulator::{Faults, Method};
use serde_json::{Value as Json, json};
use virtual_azure::bounds::{bounds, longest_way};
use virtual_azure::{Azure, Ran, VirtualAzure, block_on, example, route_tables, text};

#[test]
fn minutes_of_azure_pass_in_a_moment_and_a_second_plan_is_empty() {
    let wall = Instant::now();
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let quickstart = example("quickstart");

        let first = azure.apply(&quickstart).await;
        assert!(first.report.is_complete(), "{:?}", first.report.endings);
        assert!(first.elapsed > Duration::from_secs(60), "no time passed: {:?}", first.elapsed);
        assert!(first.elapsed < Duration::from_secs(600), "{:?}", first.elapsed);
        let machines = azure.ids().into_iter().filter(|id| id.contains("/virtualMachines/")).count();
        assert_eq!(machines, 6);
        assert!(first.requests.len() > first.plan.steps.len());
        // Every body that was sent was compared with Azure's published types, and what was answered too.
        let sends = |method: Method| matches!(method, Method::Put | Method::Patch);
        let bodies =
            first.requests.iter().filter(|r| sends(r.method) && r.path.contains("/providers/Microsoft."));
        assert_eq!(first.checked.0, bodies.count());
        assert!(first.checked.1 > first.checked.0, "{:?}", first.checked);

        let second = azure.apply(&quickstart).await;
        assert!(second.plan.is_empty(), "{:?}", second.plan.steps);
        assert!(second.requests.iter().all(|request| !request.method.mutates()));

        let gone = azure.destroy(&quickstart).await;
        assert!(gone.report.is_complete(), "{:?}", gone.report.endings);
        assert_eq!(azure.ids().len(), 0, "{:?}", azure.ids());
    });
    assert!(wall.elapsed() < Duration::from_secs(10), "virtual time is slow: {:?}", wall.elapsed());
}

#[test]
fn two_hundred_resources_fit_into_small_buckets_without_being_refused() {
    let limits = r#"{"limits": {"writes": {"capacity": 20, "per_second": 1}, "deletes": {"capacity": 20, "per_second": 1},
        "reads": {"capacity": 40, "per_second": 5}}}"#;
    block_on(async {
        let azure = VirtualAzure::new(&Azure { faults: Faults::parse(limits).unwrap(), ..Azure::default() });
        let tables = route_tables(200);

        let first = azure.apply(&tables).await;
        assert!(first.report.is_complete(), "{:?}", first.report.endings);
        assert!(refused(&first) <= 2, "{} of {} refused", refused(&first), first.requests.len());
        let writes = first.requests.iter().filter(|r| r.method == Method::Put).count();
        assert_eq!(writes - refused(&first), 200);
        // (200 - 20) / 1 per second is what the buckets allow at best.
        assert!(first.report.elapsed < Duration::from_secs(240), "{:?}", first.report.elapsed);
        let waits = |event: &&Event| matches!(&event.kind, EventKind::Progress { text } if text.starts_with("Azure allows"));
        assert!(first.events.iter().filter(waits).count() > 100, "waits are told");

        let gone = azure.destroy(&tables).await;
        assert!(gone.report.is_complete(), "{:?}", gone.report.endings);
        assert!(refused(&gone) <= 2, "{} of {} refused", refused(&gone), gone.requests.len());
    });
}

fn refused(ran: &Ran) -> usize {
    ran.requests.iter().filter(|request| request.status == Some(429)).count()
}

#[test]
fn applies_and_destroys_end_within_five_percent_of_the_longest_way() {
    let quickstart = example("quickstart");
    let large = quickstart.replace("default     = 3", "default     = 30");
    assert_ne!(large, quickstart);
    for (what, configuration) in [("quickstart", &quickstart), ("cluster of 3 and 30 nodes", &large)] {
        block_on(async {
            let options = Azure::default();
            let azure = VirtualAzure::new(&options);
            for ran in [azure.apply(configuration).await, azure.destroy(configuration).await] {
                assert!(ran.report.is_complete(), "{:?}", ran.report.endings);
                let bounds = bounds(&ran.plan, &ran.events, options.parallelism);
                let way = longest_way(&ran.plan, &ran.events);
                assert!(bounds.makespan <= 1.05 * bounds.critical_path, "{what}: {bounds:?}\n{way:#?}");
                // A bound that is above what was done would be none.
                assert!(bounds.least() <= bounds.makespan + 0.001, "{what}: {bounds:?}");
                assert_eq!(refused(&ran), 0, "{what}");
            }
        });
    }
}

#[test]
fn what_operations_are_expected_to_take_is_what_they_take() {
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let configuration = example("quickstart").replace("default     = 3", "default     = 30");
        let mut took: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for ran in [azure.apply(&configuration).await, azure.destroy(&configuration).await] {
            for (step, ending) in ran.plan.steps.iter().zip(&ran.report.endings) {
                let Ending::Done { elapsed } = ending else { panic!("{ending:?}") };
                let what = format!("{:?} {}", step.operation, step.ty.name);
                took.entry(what).or_default().push((elapsed.as_secs_f64(), step.expected));
            }
        }
        // One drawing of a few: far off is wrong.
        let mut wrong = Vec::new();
        for (what, times) in &took {
            let mean = times.iter().map(|(took, _)| took).sum::<f64>() / times.len() as f64;
            let expected = times[0].1;
            // Network interfaces go with their machines: nothing is left to delete.
            // Whether an assignment waits for its identity to be known everywhere is a matter of luck.
            let exempt = [
                "Delete Microsoft.Network/networkInterfaces",
                "Create Microsoft.Authorization/roleAssignments",
            ];
            // A simulated API server answers in no time: a second more or less is nothing.
            let is_close =
                (expected / 3.0..=expected * 3.0).contains(&mean) || (mean - expected).abs() <= 1.0;
            if !exempt.contains(&what.as_str()) && !is_close {
                wrong.push(format!("{what}: {mean:.1} s, expected {expected}"));
            }
        }
        assert!(took.len() > 15, "{took:?}");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// A network plugin: routes of Azure are too few for so many nodes.
const CNI: &str = r#"apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: cni
  namespace: kube-system
spec:
  selector:
    matchLabels:
      app: cni
  template:
    metadata:
      labels:
        app: cni
    spec:
      hostNetwork: true
      tolerations:
        - operator: Exists
      containers:
        - name: cni
          image: registry.k8s.io/pause:3.10
          volumeMounts:
            - name: net
              mountPath: /etc/cni/net.d
      volumes:
        - name: net
          hostPath:
            path: /etc/cni/net.d
"#;

#[test]
fn a_cluster_of_a_thousand_nodes_is_refreshed_with_forty_requests() {
    refreshed_with_few_requests(1000, 40, 22); // more pages of machines and interfaces than that
}

#[test]
fn a_cluster_of_sixty_nodes_is_refreshed_with_thirty_requests() {
    refreshed_with_few_requests(60, 30, 8);
}

/// Makes a cluster of so many nodes and looks how many requests a refresh of it takes.
fn refreshed_with_few_requests(nodes: usize, most: usize, least: usize) {
    let pods =
        "version = \"1.34.2\"\n  }\n  network {\n    cni = \"manifests\"\n    manifests = [\"cni.yaml\"]";
    let configuration = example("quickstart")
        .replace("default     = 3", &format!("default     = {}", nodes - 3))
        .replace("version = \"1.34.2\"", pods);
    block_on(async {
        let azure =
            VirtualAzure::new(&Azure { profile: lazuli_simulator::Profile::Instant, ..Azure::default() });
        azure.file("cni.yaml", CNI);
        let made = azure.apply(&configuration).await;
        assert!(made.report.is_complete(), "{:?}", made.report);
        let again = azure.apply(&configuration).await;
        assert!(again.plan.is_empty());
        let recorded = again.plan.changes.len();
        assert!(recorded > 4 * nodes, "{recorded}");
        // Pages of 100, as Azure's: what is counted is what was sent, and nothing else was asked but whether the groups are there.
        let lists: Vec<&str> = again.requests.iter().map(|request| &*request.path).collect();
        assert!(again.refreshed_with <= most, "{}: {lists:#?} {:#?}", again.refreshed_with, again.inside);
        assert!(again.refreshed_with >= least, "{}", again.refreshed_with);
        let others = lists.iter().filter(|path| !path.contains("/providers/")).count();
        let sent = again.requests.len() - others + again.inside.len();
        assert_eq!(again.refreshed_with, sent, "{lists:#?} {:#?}", again.inside);
    });
}

#[test]
fn resources_of_one_type_are_looked_at_together_whoever_declares_them() {
    let tables = |head: &str, names: &str, more: &str| {
        format!(
            "{head} {{\n  for_each = toset([{names}])\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  \
             cloud_account = cloud_account.sandbox\n  resource_group = \"rg\"\n  name = each.key\n{more}}}\n"
        )
    };
    let account = {
        let text = example("quickstart");
        let end = text.find("\n}\n").unwrap() + 3;
        text[..end].replace("resource_group \"rg-quickstart\"", "resource_group \"rg\"")
    };
    let own = tables("resource \"own\"", r#""a", "b", "c""#, "  location = \"eastus2\"\n");
    let theirs = tables("data \"theirs\"", r#""a", "b", "c""#, "  depends_on = [resource.own]\n");
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        assert!(azure.apply(&format!("{account}{own}")).await.report.is_complete());
        let again = azure.apply(&format!("{account}{own}{theirs}")).await;
        assert!(again.report.is_complete());
        assert_eq!(again.refreshed_with, 1, "{:?}", again.requests);
    });
}

/// What was told after a Ctrl-C that came with the first progress that contains these words: the address of the step that
/// told it, when the run was asked to stop and when it ended.
fn stopped(ran: &Ran, words: &str) -> (String, Duration, Duration) {
    let says = |event: &&Event| says(event, words);
    let asked = ran.events.iter().find(says).unwrap_or_else(|| panic!("nobody says `{words}`"));
    let address = ran.plan.steps[asked.step as usize].address.to_string();
    (address, asked.at, ran.report.elapsed)
}

fn says(event: &Event, words: &str) -> bool {
    matches!(&event.kind, EventKind::Progress { text } if text.contains(words))
}

#[test]
fn ctrl_c_ends_the_waiting_for_a_node_and_the_next_apply_goes_on_with_it() {
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let quickstart = example("quickstart");
        let words = "joining: ";
        let ran = azure.run_until(&quickstart, PlanMode::Apply, |event| says(event, words)).await;
        let ran = ran.unwrap_or_else(|failure| panic!("{}", text(&failure)));
        let (address, asked, ended) = stopped(&ran, words);
        assert!(address.ends_with("control_plane.node[\"1\"].member"), "{address}");
        assert!(ended - asked < Duration::from_secs(10), "{asked:?} {ended:?}");
        assert!(ran.report.cancelled);
        let counts = ran.report.counts();
        assert_eq!((counts.interrupted, counts.failed, counts.skipped), (1, 0, 0), "{counts:?}");

        let machines = |azure: &VirtualAzure| {
            azure.ids().into_iter().filter(|id| id.contains("/virtualMachines/")).collect::<Vec<_>>()
        };
        let before = machines(&azure);
        assert_eq!(before.len(), 1);
        let again = azure.apply(&quickstart).await;
        assert!(again.report.is_complete(), "{:?}", again.report.endings);
        assert!(machines(&azure).contains(&before[0]), "its machine was replaced");
        assert!(azure.apply(&quickstart).await.plan.is_empty());
    });
}

#[test]
fn ctrl_c_ends_a_drain_that_is_held_up_and_the_next_apply_goes_on_with_it() {
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let quickstart = example("quickstart");
        assert!(azure.apply(&quickstart).await.report.is_complete());
        let host = azure.clusters().remove(0);
        let client = azure.kubernetes(&host);
        let labels = json!({ "app": "web" });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
            "spec": {
                "replicas": 9, "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "web", "image": "registry.k8s.io/pause:3.10" }] },
                },
            },
        });
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": { "name": "web", "namespace": "default" },
            "spec": { "minAvailable": 9, "selector": { "matchLabels": labels } },
        });
        let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
        for (path, object) in
            [("/apis/apps/v1/namespaces/default/deployments", deployment), (budgets, budget)]
        {
            let request = http::Request::post(path).header("content-type", "application/json");
            let request = request.body(object.to_string().into_bytes()).unwrap();
            client.request::<Json>(request).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(120)).await;

        let smaller = quickstart.replace("default     = 3", "default     = 2");
        let words = "disruption budget web";
        let ran = azure.run_until(&smaller, PlanMode::Apply, |event| says(event, words)).await;
        let ran = ran.unwrap_or_else(|failure| panic!("{}", text(&failure)));
        let (address, asked, ended) = stopped(&ran, words);
        assert!(address.ends_with(".member"), "{address}");
        assert!(ended - asked < Duration::from_secs(10), "{asked:?} {ended:?}");
        assert_eq!(ran.report.counts().interrupted, 1, "{:?}", ran.report.endings);

        let request = http::Request::delete(format!("{budgets}/web")).body(Vec::new()).unwrap();
        client.request::<Json>(request).await.unwrap();
        let again = azure.apply(&smaller).await;
        assert!(again.report.is_complete(), "{:?}", again.report.endings);
        assert!(azure.apply(&smaller).await.plan.is_empty());
    });
}

#[test]
fn with_run_command_nothing_is_sent_to_the_api_itself() {
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let private = "  api_server {\n    access    = \"private\"\n    transport = \"run_command\"\n    private {\n      \
                       ip = \"10.40.0.10\"\n    }\n  }\n\n  control_plane {\n    count         = 1";
        let quickstart = example("quickstart").replace("  control_plane {\n    count         = 3", private);
        let applied = azure.apply(&quickstart).await;
        assert!(applied.report.is_complete(), "{:?}", applied.report.endings);
        let smaller = quickstart.replace("default     = 3", "default     = 2");
        let scaled = azure.apply(&smaller).await;
        assert!(scaled.report.is_complete(), "{:?}", scaled.report.endings);
        let again = azure.apply(&smaller).await;
        assert!(again.plan.is_empty());
        let gone = azure.destroy(&smaller).await;
        assert!(gone.report.is_complete(), "{:?}", gone.report.endings);
        for ran in [applied, scaled, again, gone] {
            assert!(ran.inside.is_empty(), "{} requests went to the API itself", ran.inside.len());
        }
        assert_eq!(azure.ids().len(), 0, "{:?}", azure.ids());
    });
}

#[test]
fn a_machine_whose_agent_hangs_costs_a_run_three_minutes_and_no_more() {
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let private = "  api_server {\n    access    = \"private\"\n    transport = \"run_command\"\n    private {\n      \
                       ip = \"10.40.0.10\"\n    }\n  }\n\n  control_plane {";
        let quickstart = example("quickstart").replace("  control_plane {", private);
        let applied = azure.apply(&quickstart).await;
        assert!(applied.report.is_complete(), "{:?}", applied.report.endings);
        let undisturbed = azure.apply(&quickstart).await;
        assert!(undisturbed.plan.is_empty());

        // The first machine of the control plane: nobody hears of a script there any more.
        let first = undisturbed.requests.iter().find(|sent| sent.path.ends_with("/runCommand"));
        let first = first.unwrap_or_else(|| panic!("nothing was run")).path.clone();
        let hangs = json!({ "faults": [{ "method": "POST", "path": first, "answer": "agent_hangs" }] });
        azure.set_faults(Faults::parse(&hangs.to_string()).unwrap());
        let asked = |ran: &Ran| ran.requests.iter().filter(|sent| sent.path == first).count();
        let looked = azure.apply(&quickstart).await;
        assert!(looked.plan.is_empty(), "{:?}", looked.plan.steps);
        let late = looked.elapsed - undisturbed.elapsed;
        assert!(late < Duration::from_secs(4 * 60), "{late:?}");
        assert!((1..4).contains(&asked(&looked)), "{}", asked(&looked));

        // It is what is to be replaced, and whoever changes anything goes around it.
        let smaller = quickstart.replace("default     = 3", "default     = 2");
        let scaled = azure.apply(&smaller).await;
        assert!(scaled.report.is_complete(), "{:?}", scaled.report.endings);
        assert!(asked(&scaled) < 4, "{}", asked(&scaled));
        assert!(scaled.elapsed < Duration::from_secs(40 * 60), "{:?}", scaled.elapsed);
        assert!(azure.apply(&smaller).await.plan.is_empty());
    });
}
