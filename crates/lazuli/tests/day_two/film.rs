//! Every change of the world during a run, looked at one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::workbench::Workbench;

type Objects = BTreeMap<(String, String), Json>;

/// A second name of the world file: the run replaces the file when it ends, and this one keeps every record.
pub(crate) struct Film {
    path: PathBuf,
}

/// The cluster at one moment.
#[derive(Default)]
struct Scene {
    control: Json,
    objects: BTreeMap<String, Objects>,
}

impl Film {
    /// From here on.
    pub(crate) fn start(bench: &Workbench) -> Film {
        let path = bench.path(".lazuli/film");
        let _ = std::fs::remove_file(&path);
        std::fs::hard_link(bench.path(".lazuli/simulator-sandbox.world"), &path).unwrap();
        Film { path }
    }

    /// Checks every moment.
    pub(crate) fn shows_no_harm(&self) {
        let text = std::fs::read_to_string(&self.path).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let mut scene = Scene::of(&lines.next().unwrap()["world"]);
        let zones = scene.zones();
        let mut moments = 0;
        for record in lines {
            for change in record["changes"].as_array().unwrap() {
                if let Some(change) = change.get("cluster") {
                    scene.apply(change);
                    scene.is_unharmed(&zones);
                    moments += 1;
                }
            }
        }
        assert!(moments > 0, "nothing happened in the cluster");
    }
}

impl Scene {
    fn of(world: &Json) -> Scene {
        let mut scene = Scene::default();
        let Some(cluster) = world["clusters"].as_object().and_then(|all| all.values().next()) else {
            return scene;
        };
        scene.control = cluster["control"].clone();
        for (resource, objects) in cluster["store"]["objects"].as_object().unwrap() {
            let objects = objects.as_array().unwrap().iter().map(|object| (key(object), object.clone()));
            scene.objects.insert(resource.clone(), objects.collect());
        }
        scene
    }

    fn apply(&mut self, change: &Json) {
        if let Some(control) = change.get("control") {
            self.control = control.clone();
        }
        for object in change["objects"].as_array().unwrap() {
            let (at, value) = (&object[0], &object[1]);
            let word = |name: &str| at[name].as_str().unwrap().to_owned();
            let objects = self.objects.entry(word("resource")).or_default();
            let key = (word("namespace"), word("name"));
            match value {
                Json::Null => objects.remove(&key),
                value => objects.insert(key, value.clone()),
            };
        }
    }

    fn all(&self, resource: &str) -> impl Iterator<Item = &Json> {
        self.objects.get(resource).into_iter().flat_map(BTreeMap::values)
    }

    /// Zones in which workers are, by pool.
    fn zones(&self) -> BTreeSet<String> {
        let zone = |node: &Json| {
            node["metadata"]["labels"]["topology.kubernetes.io/zone"].as_str().map(str::to_owned)
        };
        self.all("v1/nodes").filter(|node| !is_control_plane(node)).filter_map(zone).collect()
    }

    /// A token of a service account that one API server hands out is accepted by every other.
    fn tokens_are_good_everywhere(&self) {
        let servers = || self.control["servers"].as_object().into_iter().flatten();
        for (name, one) in servers() {
            let signs = &one["accounts"]["signs"];
            assert!(signs.as_str().is_some_and(|key| !key.is_empty()), "{name} signs with no key");
            for (other, checks) in servers() {
                let trusts = checks["accounts"]["trusts"].as_array().unwrap();
                assert!(trusts.contains(signs), "{other} does not accept the tokens of {name}");
            }
        }
    }

    /// API servers accept the clients of each other's authority, also those that come through the front proxy, and members
    /// of etcd each other.
    fn certificates_are_good_everywhere(&self) {
        let servers = &self.control["servers"];
        let rows = [
            (servers, "authority"),
            (servers, "front_proxy"),
            (&self.control["etcd"]["members"], "authority"),
        ];
        for (all, what) in rows {
            let all = || all.as_object().into_iter().flatten();
            for (name, one) in all() {
                let signs = &one[what]["signs"];
                for (other, checks) in all() {
                    let trusts = checks[what]["trusts"].as_array().unwrap();
                    assert!(trusts.contains(signs), "{other} does not accept {name}'s {what}");
                }
            }
        }
    }

    fn is_unharmed(&self, zones: &BTreeSet<String>) {
        let members = self.control["etcd"]["members"].as_object().unwrap();
        let voters = members.values().filter(|member| member["is_learner"] == false);
        let (all, running) =
            voters.fold((0, 0), |(all, up), m| (all + 1, up + usize::from(m["is_running"] == true)));
        assert!(running > all / 2, "quorum lost: {members:#?}");
        self.tokens_are_good_everywhere();
        self.certificates_are_good_everywhere();
        for budget in self.all("policy/v1/poddisruptionbudgets") {
            let status = &budget["status"];
            let (healthy, needed) = (status["currentHealthy"].as_i64(), status["desiredHealthy"].as_i64());
            assert!(healthy >= needed, "a budget is violated: {budget:#}");
        }
        let now = self.zones();
        assert!(zones.is_subset(&now), "a zone was emptied: {zones:?}, then {now:?}");
    }
}

fn key(object: &Json) -> (String, String) {
    let word = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (word("namespace"), word("name"))
}

fn is_control_plane(node: &Json) -> bool {
    node["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some()
}
