//! A cluster with workloads, and what can be seen of it.

use std::collections::BTreeMap;
use std::process::Stdio;

use lazuli_simulator::{Pace, Profile, Simulator, SimulatorOptions};
use serde_json::Value as Json;

use crate::film::Film;
use crate::workbench::{Ran, Workbench};

/// Three control-plane nodes, three workers, one add-on.
const MAIN: &str = concat!(
    account!(),
    r#"
cluster_profile "base" {
  kubernetes {
    version = "1.33.6"
  }
  addon "web" {
    manifests = ["web.yaml"]
    namespace = "default"
  }
  # more of the profile
}

cluster "kube" {
"#,
    place!(),
    r#"  control_plane {
    count         = 3
    instance_type = "Standard_D4s_v5"
  }
  worker_pool "w" {
    count         = 3
    instance_type = "Standard_D8s_v5"
    # more of the pool
  }
  # more of the cluster
}
"#
);

/// A workload of four pods of which one may be away.
const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  replicas: 4
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.k8s.io/pause:3.10
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
  namespace: default
spec:
  minAvailable: 3
  selector:
    matchLabels: {app: web}
";

/// A project with that cluster, not yet applied.
pub(crate) fn project() -> Workbench {
    let bench = Workbench::with(MAIN);
    bench.write("web.yaml", WEB);
    bench
}

/// That cluster, made.
pub(crate) fn cluster() -> Workbench {
    let bench = project();
    bench.applies();
    bench
}

/// Adds lines at one of the places marked `# more of the …`.
pub(crate) fn add(bench: &Workbench, place: &str, lines: &str) {
    let mark = format!("# more of the {place}");
    bench.edit("main.hcl", &mark, &format!("{lines}\n{mark}"));
}

/// Applies, and checks at each change of the world that nobody was hurt.
pub(crate) fn applies_gently(bench: &Workbench) -> Ran {
    applies_gently_with(bench, "apply --auto-approve")
}

/// The same with a command line.
pub(crate) fn applies_gently_with(bench: &Workbench, line: &str) -> Ran {
    let film = Film::start(bench);
    let ran = bench.does(line);
    film.shows_no_harm();
    ran
}

/// The insides of the only cluster in the world.
pub(crate) struct Insides(Json);

/// Looks into the cluster.
pub(crate) fn look(bench: &Workbench) -> Insides {
    let text = std::fs::read_to_string(bench.world_copy()).unwrap();
    let world: Json = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let clusters = world["world"]["clusters"].as_object().unwrap();
    Insides(clusters.values().next().expect("no cluster").clone())
}

impl Insides {
    /// All objects of a resource such as `v1/nodes`.
    pub(crate) fn all(&self, resource: &str) -> Vec<&Json> {
        self.0["store"]["objects"][resource].as_array().into_iter().flatten().collect()
    }

    /// One object.
    pub(crate) fn one(&self, resource: &str, name: &str) -> Option<&Json> {
        self.all(resource).into_iter().find(|object| object["metadata"]["name"] == name)
    }

    /// Names of the nodes of a pool.
    pub(crate) fn nodes(&self, pool: &str) -> Vec<String> {
        let prefix = format!("kube-{pool}-");
        let names = self.all("v1/nodes").into_iter().map(name);
        names.filter(|name| name.starts_with(&prefix)).collect()
    }

    /// How many nodes of a pool are in each zone.
    pub(crate) fn zones(&self, pool: &str) -> BTreeMap<String, usize> {
        let mut zones = BTreeMap::new();
        for node in self.nodes(pool) {
            let labels = &self.one("v1/nodes", &node).unwrap()["metadata"]["labels"];
            let zone = labels["topology.kubernetes.io/zone"].as_str().unwrap_or("none").to_owned();
            *zones.entry(zone).or_default() += 1;
        }
        zones
    }

    /// The versions that nodes say they have.
    pub(crate) fn versions(&self) -> Vec<String> {
        let version =
            |node: &&Json| node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap().to_owned();
        let mut versions: Vec<String> = self.all("v1/nodes").iter().map(version).collect();
        versions.sort();
        versions.dedup();
        versions
    }

    /// Of each API server, the key it signs tokens of service accounts with, and those it checks them with.
    pub(crate) fn accounts(&self) -> Vec<(String, Vec<String>)> {
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let servers = self.0["control"]["servers"].as_object().unwrap().values();
        let accounts = servers.map(|server| &server["accounts"]);
        accounts
            .map(|a| (text(&a["signs"]), a["trusts"].as_array().unwrap().iter().map(text).collect()))
            .collect()
    }

    /// Of each API server or member of etcd, the authority that signs for it, and those that it trusts.
    pub(crate) fn trust(&self, authority: &str) -> Vec<(String, Vec<String>)> {
        let control = &self.0["control"];
        let (all, of) = match authority {
            "etcd_ca" => (&control["etcd"]["members"], "authority"),
            "front_proxy_ca" => (&control["servers"], "front_proxy"),
            _ => (&control["servers"], "authority"),
        };
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let all = all.as_object().unwrap().values().map(|one| &one[of]);
        all.map(|a| (text(&a["signs"]), a["trusts"].as_array().unwrap().iter().map(text).collect())).collect()
    }

    /// The nodes that are not ready.
    pub(crate) fn unready(&self) -> Vec<String> {
        let is_ready = |node: &&Json| {
            let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
            conditions.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        self.all("v1/nodes").into_iter().filter(|node| !is_ready(node)).map(name).collect()
    }

    /// Names of the members of etcd.
    pub(crate) fn etcd(&self) -> Vec<String> {
        self.0["control"]["etcd"]["members"].as_object().unwrap().keys().cloned().collect()
    }
}

/// The name of an object.
pub(crate) fn name(object: &Json) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// Asks the API for its nodes with a kubeconfig whose server is [`SOMEWHERE`]; otherwise what is said.
pub(crate) fn ask(bench: &Workbench, kubeconfig: &str) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = bench.world_copy();
    runtime.block_on(async {
        let pace = Pace { profile: Profile::Instant, speedup: None };
        let options = SimulatorOptions { pace, world: Some(world), ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let text = kubeconfig.replace(SOMEWHERE, &format!("https://{}", simulator.addr()));
        let config = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let request = http::Request::get("/api/v1/nodes").body(Vec::new()).unwrap();
        let answer = client.request::<Json>(request).await;
        simulator.shutdown().await;
        let list = answer.map_err(|error| format!("{error:?}"))?;
        Ok(list["items"].as_array().unwrap().len())
    })
}

/// The server of a kubeconfig before it is known where it is.
pub(crate) const SOMEWHERE: &str = "https://127.0.0.1:1";

/// Somebody with kubectl at work in the same cluster. False when there is no kubectl on this machine.
pub(crate) fn kubectl(bench: &Workbench, arguments: &[&str]) -> bool {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = bench.world_copy();
    let there = runtime.block_on(async {
        let pace = Pace { profile: Profile::Instant, speedup: None };
        let options = SimulatorOptions { pace, world: Some(world.clone()), ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let server = format!("https://{}", simulator.addr());
        let config = bench.path(".lazuli/kubeconfig");
        bench.does(&format!("cluster kubeconfig kube --server {server} --out {}", config.display()));
        let mut command = std::process::Command::new("kubectl");
        command.arg("--kubeconfig").arg(&config).args(arguments).stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        simulator.shutdown().await;
        let Ok(ran) = ran else {
            println!("skipped: there is no kubectl");
            return false;
        };
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        true
    });
    bench.put_world(&world);
    there
}
