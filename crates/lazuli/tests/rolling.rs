//! Rolling changes of a living cluster: whatever is changed, in whatever order, etcd keeps its quorum, disruption budgets
//! are kept, no zone of a pool is left empty, and afterwards nothing is left to do.
//!
//! In virtual time; the laws are looked at in every second of it. `LAZULI_SEEDS=100` tries more sequences;
//! `LAZULI_SEED=17` repeats one.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop"
)]

mod virtual_azure;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use lazuli_core::plan::PlanMode;
use serde_json::{Value as Json, json};
use virtual_azure::{Azure, Ran, VirtualAzure, block_on, text};

/// How many sequences are tried when nobody says.
const SEEDS: u64 = 3;
/// Changes of one sequence.
const CHANGES: usize = 4;
const ZONE: &str = "topology.kubernetes.io/zone";

/// SplitMix64: a counter, scrambled.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % limit as u64).expect("small")
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

#[derive(Debug, Clone)]
struct Pool {
    count: usize,
    size: &'static str,
    zones: Vec<&'static str>,
    label: &'static str,
    is_tainted: bool,
}

#[derive(Debug, Clone)]
struct Cluster {
    version: &'static str,
    control_plane_size: &'static str,
    pools: BTreeMap<&'static str, Pool>,
}

/// Something that happens to a cluster. The last one is not in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Scale,
    Version,
    Size,
    ControlPlaneSize,
    Zones,
    Label,
    Taint,
    PoolAddedOrRemoved,
    ControlPlaneLost,
}

const ALL: [Change; 9] = [
    Change::Scale,
    Change::Version,
    Change::Size,
    Change::ControlPlaneSize,
    Change::Zones,
    Change::Label,
    Change::Taint,
    Change::PoolAddedOrRemoved,
    Change::ControlPlaneLost,
];

impl Pool {
    fn new(count: usize) -> Self {
        Pool { count, size: "Standard_D4s_v5", zones: vec!["1", "2", "3"], label: "plain", is_tainted: false }
    }
}

impl Cluster {
    fn new() -> Self {
        Cluster {
            version: "1.34.2",
            control_plane_size: "Standard_D4s_v5",
            pools: BTreeMap::from([("a", Pool::new(3))]),
        }
    }

    /// Changes what is wished; the value differs from the one before.
    fn change(&mut self, change: Change, dice: &mut Dice) {
        let name = dice.one_of(&self.pools.keys().copied().collect::<Vec<_>>());
        let pool = self.pools.get_mut(name).expect("a pool of the cluster");
        let other_size = |size| if size == "Standard_D4s_v5" { "Standard_D8s_v5" } else { "Standard_D4s_v5" };
        match change {
            Change::Scale => {
                let counts: Vec<usize> = [3, 4, 9].into_iter().filter(|n| *n != pool.count).collect();
                pool.count = dice.one_of(&counts);
            }
            Change::Version => {
                self.version = match self.version {
                    "1.34.2" => "1.34.3",
                    "1.34.3" => "1.35.0",
                    _ => "1.35.1",
                }
            }
            Change::Size => pool.size = other_size(pool.size),
            Change::ControlPlaneSize => self.control_plane_size = other_size(self.control_plane_size),
            Change::Zones => {
                pool.zones = if pool.zones.len() == 3 { vec!["1", "2"] } else { vec!["1", "2", "3"] };
            }
            Change::Label => pool.label = if pool.label == "plain" { "fancy" } else { "plain" },
            Change::Taint => pool.is_tainted = !pool.is_tainted,
            Change::PoolAddedOrRemoved => {
                if self.pools.remove("b").is_none() {
                    self.pools.insert("b", Pool::new(3));
                }
            }
            Change::ControlPlaneLost => {}
        }
    }

    fn configuration(&self) -> String {
        let mut pools = String::new();
        for (name, pool) in &self.pools {
            let taint =
                "    taint \"workload\" {\n      value  = \"slow\"\n      effect = \"NoSchedule\"\n    }\n";
            writeln!(
                pools,
                "  worker_pool \"{name}\" {{\n    count = {}\n    instance_type = \"{}\"\n    zones = {:?}\n    \
                 labels = {{ pool = \"{name}\", kind = \"{}\" }}\n{}  }}",
                pool.count,
                pool.size,
                pool.zones,
                pool.label,
                if pool.is_tainted { taint } else { "" }
            )
            .expect("a string");
        }
        format!(
            r#"
cloud_account "sandbox" {{
  simulator {{
    resource_group "rg" {{
      location = "eastus2"
    }}
  }}
}}
cluster_profile "base" {{
  kubernetes {{
    version = "{}"
  }}
}}
cluster "rolling" {{
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"
  network {{
    cidr = "10.40.0.0/16"
    control_plane_subnet {{
      cidr = "10.40.0.0/24"
    }}
    worker_subnet {{
      cidr = "10.40.16.0/20"
    }}
  }}
  control_plane {{
    count         = 3
    instance_type = "{}"
  }}
{pools}}}
"#,
            self.version, self.control_plane_size
        )
    }
}

/// Workloads with budgets: name, pods, the budget, and how many pods must stay healthy.
fn workloads() -> [(&'static str, u32, Json, usize); 3] {
    [
        ("web", 6, json!({ "minAvailable": 4 }), 4),
        ("database", 3, json!({ "maxUnavailable": 1 }), 2),
        ("queue", 5, json!({ "minAvailable": "80%" }), 4),
    ]
}

async fn deploy(client: &kube::Client) {
    for (name, pods, budget, _) in workloads() {
        let labels = json!({ "app": name });
        let tolerations = json!([{ "key": "workload", "operator": "Exists" }]);
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "default" },
            "spec": {
                "replicas": pods, "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "tolerations": tolerations, "containers": [{ "name": "main", "image": "registry.k8s.io/pause:3.10" }] },
                },
            },
        });
        let mut spec = budget;
        spec["selector"] = json!({ "matchLabels": labels });
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": { "name": name, "namespace": "default" }, "spec": spec,
        });
        for (path, object) in [
            ("/apis/apps/v1/namespaces/default/deployments", deployment),
            ("/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget),
        ] {
            let request = Request::post(path).header("content-type", "application/json");
            let request = request.body(object.to_string().into_bytes()).expect("a request");
            client.request::<Json>(request).await.expect("it is created");
        }
    }
}

fn is_ready(object: &Json) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// Whether the interface of a node's machine is in a pool of a load balancer.
fn gets_connections(azure: &VirtualAzure, node: &str) -> bool {
    let objects = azure.objects();
    let named = |id: &str, part: &str| id.to_ascii_lowercase().ends_with(&format!("/{part}/{node}"));
    let Some((_, machine)) = objects.iter().find(|(id, _)| named(id, "virtualmachines")) else {
        return false;
    };
    let interfaces = machine["properties"]["networkProfile"]["networkInterfaces"].as_array();
    let ids = interfaces.into_iter().flatten().filter_map(|interface| interface["id"].as_str());
    let of = |id: &str| objects.iter().find(|(other, _)| other.eq_ignore_ascii_case(id));
    ids.filter_map(of).any(|(_, interface)| {
        interface
            .pointer("/properties/ipConfigurations/0/properties/loadBalancerBackendAddressPools")
            .is_some()
    })
}

/// What is watched of a cluster while it is changed.
#[derive(Default)]
struct Watched {
    /// Workloads that were healthy once.
    healthy: BTreeSet<&'static str>,
    /// The zones that each pool must have a ready node in.
    zones: BTreeMap<&'static str, BTreeSet<&'static str>>,
    had_quorum: bool,
    /// Nodes that were members of etcd once.
    members: BTreeSet<String>,
    seconds: u64,
    broken: Vec<String>,
}

impl Watched {
    fn look(&mut self, azure: &VirtualAzure, host: &str, second: u64) {
        self.seconds += 1;
        let mut broken = Vec::new();
        let has_quorum = azure.has_quorum(host);
        if self.had_quorum && has_quorum != Some(true) {
            broken.push("etcd lost its quorum".to_owned());
        }
        self.had_quorum |= has_quorum == Some(true);
        let members = azure.etcd_members(host);
        for left in self.members.iter().filter(|left| !members.contains(left)) {
            if gets_connections(azure, left) {
                broken.push(format!("{left} has left etcd and gets connections from the load balancer"));
            }
        }
        self.members.extend(members);
        let pods = azure.objects_inside(host, "v1/pods");
        for (name, _, _, least) in workloads() {
            let of = |pod: &&Arc<Json>| {
                pod["metadata"]["labels"]["app"] == name
                    && pod["metadata"]["deletionTimestamp"].is_null()
                    && is_ready(pod)
            };
            let healthy = pods.iter().filter(of).count();
            if healthy >= least {
                self.healthy.insert(name);
            } else if self.healthy.contains(name) {
                broken.push(format!("the budget of {name} is violated: {healthy} of at least {least}"));
            }
        }
        let nodes = azure.objects_inside(host, "v1/nodes");
        for (pool, zones) in &self.zones {
            for zone in zones {
                let is_there = nodes.iter().any(|node| {
                    let labels = &node["metadata"]["labels"];
                    let in_zone =
                        labels[ZONE].as_str().is_some_and(|z| z == *zone || z.ends_with(&format!("-{zone}")));
                    labels["pool"] == *pool && in_zone && is_ready(node)
                });
                if !is_there {
                    broken.push(format!("pool {pool} has no ready node in zone {zone}"));
                }
            }
        }
        self.broken.extend(broken.into_iter().map(|what| format!("second {second}: {what}")));
    }
}

/// The zones of each pool that have nodes before and after a change: they need not be empty in between.
fn lasting(before: &Cluster, after: &Cluster) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let both = before.pools.iter().filter_map(|(name, old)| {
        let new = after.pools.get(name)?;
        let filled = |pool: &Pool| pool.count >= pool.zones.len();
        let zones = old.zones.iter().filter(|zone| new.zones.contains(zone)).copied();
        (filled(old) && filled(new)).then(|| (*name, zones.collect()))
    });
    both.collect()
}

/// Runs while the laws are looked at in every second.
async fn watched(
    azure: &VirtualAzure,
    host: &str,
    watching: &Mutex<Watched>,
    configuration: &str,
) -> Result<Ran, String> {
    let began = tokio::time::Instant::now();
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            watching.lock().unwrap().look(azure, host, began.elapsed().as_secs());
        }
    };
    tokio::select! {
        ran = azure.run(configuration, PlanMode::Apply) => ran.map_err(|failure| text(&failure)),
        () = watch => unreachable!("it watches for ever"),
    }
}

async fn endure(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let azure = VirtualAzure::new(&Azure { seed, groups: vec![("rg", "eastus2")], ..Azure::default() });
    let mut cluster = Cluster::new();
    let made = azure.apply(&cluster.configuration()).await;
    if !made.report.is_complete() {
        return Err(format!("the cluster is not made: {:?}", made.report.endings));
    }
    let host = azure.clusters().pop().ok_or("there is no cluster")?;
    deploy(&azure.kubernetes(&host)).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let watching = Mutex::new(Watched::default());
    watching.lock().unwrap().look(&azure, &host, 0);
    if watching.lock().unwrap().healthy.len() != workloads().len() {
        return Err(format!("only {:?} became healthy", watching.lock().unwrap().healthy));
    }
    let mut told = vec![format!("seed {seed}")];
    for _ in 0..CHANGES {
        let change = dice.one_of(&ALL);
        let before = cluster.clone();
        cluster.change(change, &mut dice);
        told.push(format!("{change:?} -> {cluster:?}"));
        let story = || told.join("\n  ");
        watching.lock().unwrap().zones = lasting(&before, &cluster);
        if change == Change::ControlPlaneLost {
            lose(&azure, &mut dice).await;
        }
        let ran = watched(&azure, &host, &watching, &cluster.configuration()).await;
        let ran = ran.map_err(|failure| format!("{}\n{failure}", story()))?;
        if !ran.report.is_complete() {
            let failed = ran.report.endings.iter().zip(&ran.plan.steps);
            let failed = failed.filter(|(ending, _)| !matches!(ending, lazuli_executor::Ending::Done { .. }));
            let failed: Vec<_> =
                failed.map(|(ending, step)| format!("{}: {ending:?}", step.address)).take(3).collect();
            return Err(format!("{}\nnot everything was done: {failed:#?}", story()));
        }
        if !watching.lock().unwrap().broken.is_empty() {
            return Err(format!("{}\n{:#?}", story(), watching.lock().unwrap().broken));
        }
        let again = azure.run(&cluster.configuration(), PlanMode::Apply).await;
        let again = again.map_err(|failure| format!("{}\n{}", story(), text(&failure)))?;
        if !again.plan.is_empty() {
            let steps: Vec<_> =
                again.plan.steps.iter().map(|s| format!("{:?} {}", s.operation, s.address)).collect();
            return Err(format!("{}\nthe plan does not get empty: {steps:#?}", story()));
        }
    }
    assert!(watching.lock().unwrap().seconds > 10, "nothing was watched");
    assert!(watching.lock().unwrap().members.len() >= 3, "no member was seen");
    Ok(())
}

/// Somebody deletes a machine of the control plane.
async fn lose(azure: &VirtualAzure, dice: &mut Dice) {
    let host = azure.clusters().pop().expect("the cluster");
    let nodes = azure.objects_inside(&host, "v1/nodes");
    let is_control =
        |node: &&Arc<Json>| node["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some();
    let names: Vec<String> = nodes
        .iter()
        .filter(is_control)
        .filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned))
        .collect();
    let name = dice.one_of(&names);
    let machine = azure.ids().into_iter().find(|id| id.ends_with(&format!("/virtualMachines/{name}")));
    azure.delete_outside(&format!("{}?api-version=2025-04-01", machine.expect("its machine"))).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
}

#[test]
fn rolling_changes_keep_quorum_budgets_and_zones() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("LAZULI_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("LAZULI_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let wrong: Vec<String> = seeds.iter().filter_map(|seed| block_on(endure(*seed)).err()).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), seeds.len(), wrong.join("\n\n"));
}
