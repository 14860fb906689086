//! A cluster whose API nobody here can reach: everything goes through Azure's Run Command.

use serde_json::json;

use crate::cloud;
use crate::configurations::SMALL;
use crate::workbench::Workbench;

const COMPUTE: &str = "2025-04-01";

const PRIVATE: &str = r#"  api_server {
    access    = "private"
    transport = "run_command"
    private {
      ip = "10.40.0.10"
    }
  }

  control_plane {"#;

/// A workload of which one pod may be away.
const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: \"registry.k8s.io/pause:3.10\"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {minAvailable: 3, selector: {matchLabels: {app: web}}}
";

#[test]
fn a_private_cluster_is_made_changed_looked_at_and_destroyed_through_run_command_alone() {
    let addon = "cluster_profile \"base\" {\n  addon \"web\" {\n    manifests = [\"web.yaml\"]\n    namespace = \"default\"\n  }";
    let main =
        SMALL.replacen("  control_plane {", PRIVATE, 1).replacen("cluster_profile \"base\" {", addon, 1);
    let bench = Workbench::with(&main);
    bench.write("web.yaml", WEB);
    bench.does("plan");
    bench.applies();
    bench.is_settled();
    let scripts = bench.sent().iter().filter(|sent| sent.short().contains("runCommand")).count();
    assert!(scripts > 20, "only {scripts} scripts were run");
    let check = bench.run("cluster check small");
    assert!(check.status == Some(0) && check.stdout.contains("small is well"), "{check}");

    // Three more, then two less: their pods leave one after the other.
    bench.edit(
        "main.hcl",
        "worker_pool \"general\" {\n    count         = 1",
        "worker_pool \"general\" {\n    count         = 4",
    );
    bench.applies();
    bench.is_settled();
    bench.edit("main.hcl", "    count         = 4", "    count         = 2");
    bench.applies();
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 3);
    bench.edit("main.hcl", "Standard_D8s_v5", "Standard_D16s_v5");
    bench.applies();
    let evicts = |sent: &crate::workbench::Sent| sent.body["script"].to_string().contains("/eviction");
    assert!(bench.sent().iter().any(evicts), "nobody was evicted");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 3);
    bench.is_settled();

    // Three that hold etcd, of which one is replaced: leadership, membership, quorum.
    bench.edit(
        "main.hcl",
        "  control_plane {\n    count         = 1",
        "  control_plane {\n    count         = 3",
    );
    bench.applies();
    bench.does("apply --auto-approve --replace cluster.small.control_plane.node[\"1\"]");
    let check = bench.run("cluster check small");
    assert!(check.stdout.contains("3 of 3 members healthy"), "{check}");
    bench.is_settled();

    bench.does("destroy --auto-approve");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines"), [""; 0]);
}

#[test]
fn control_plane_machines_that_are_gone_or_whose_agent_hangs_are_gone_around_and_replaced() {
    let three = |count: &str| format!("  control_plane {{\n    count         = {count}");
    // Not at the usual port either, so that every way asks for the right one.
    let private = PRIVATE.replace("    private {", "    port      = 7443\n    private {");
    let main = SMALL.replacen("  control_plane {", &private, 1).replacen(&three("1"), &three("3"), 1);
    let mut bench = Workbench::with(&main);
    bench.applies();
    let first = |bench: &Workbench| bench.recorded()["cluster.small.control_plane.node[\"1\"].vm"].clone();
    let gone = first(&bench);
    cloud::delete(&bench, &gone, COMPUTE);
    let check = bench.run("cluster check small");
    assert!(check.status == Some(1) && check.stdout.contains("is not in the cluster"), "{check}");
    bench.does("cluster repair small --auto-approve");
    assert_ne!(first(&bench), gone);
    bench.is_settled();

    // Everybody asks the first machine first, and it never answers.
    let silent = first(&bench);
    let script = format!("{silent}/runCommand");
    let hangs = json!([{ "method": "POST", "path": script, "answer": "agent_hangs" }]);
    bench.faults(&hangs);
    let begun = std::time::Instant::now();
    let plan = bench.run("plan --detailed-exitcode");
    assert_eq!(plan.status, Some(0), "{plan}");
    assert!(begun.elapsed().as_secs() < 300, "Azure says after an hour and a half that the agent is silent");
    let sent = bench.sent().iter().filter(|sent| sent.short().contains("runCommand")).count();
    assert!(sent > 1);
    bench.does("apply --auto-approve --replace cluster.small.control_plane.node[\"1\"]");
    assert_ne!(first(&bench), silent);
    let check = bench.run("cluster check small");
    assert!(check.status == Some(0) && check.stdout.contains("3 of 3 members healthy"), "{check}");
    bench.is_settled();
    // No script, and nothing that one brought, is left on any machine.
    for (id, machine) in bench.world() {
        let files = machine["machine"]["files"].as_object();
        assert!(files.is_none_or(|files| files.is_empty()), "{id}: {:?}", files.map(|files| files.keys()));
    }
    bench.does("destroy --auto-approve");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines"), [""; 0]);
}
