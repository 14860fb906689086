//! What a kubelet registers: its Node, and the mirror pods of the static pods kubeadm gave it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::config::Taint;
use crate::catalog::skus;
use crate::kubernetes::machine::{Facts, Kubelet};
use crate::kubernetes::{Store, moment};
use crate::random;

/// What a node registers with.
pub(super) struct Registration<'a> {
    pub(super) facts: &'a Facts,
    pub(super) kubelet: &'a Kubelet,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) taints: Vec<Taint>,
    pub(super) is_cloud_external: bool,
}

/// Makes the Node, or takes over one of that name that is there.
pub(super) fn register(store: &mut Store, registration: &Registration<'_>, now: u64) {
    let Registration { facts, kubelet, labels, taints, is_cloud_external } = registration;
    let name = &kubelet.name;
    let mut all: BTreeMap<String, String> = [
        ("kubernetes.io/hostname", name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("beta.kubernetes.io/os", "linux"),
        ("beta.kubernetes.io/arch", "amd64"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    if kubelet.is_control_plane {
        all.insert("node-role.kubernetes.io/control-plane".to_owned(), String::new());
        all.insert("node.kubernetes.io/exclude-from-external-load-balancers".to_owned(), String::new());
    }
    all.extend(labels.clone());
    let mut tainted: Vec<Value> = taints
        .iter()
        .map(|taint| match taint.value.is_empty() {
            true => json!({ "key": taint.key, "effect": taint.effect }),
            false => json!({ "key": taint.key, "value": taint.value, "effect": taint.effect }),
        })
        .collect();
    let mut addresses = vec![json!({ "type": "Hostname", "address": name })];
    if *is_cloud_external {
        tainted.push(json!({ "key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule" }));
    } else {
        addresses.insert(0, json!({ "type": "InternalIP", "address": facts.address }));
    }
    tainted.push(json!({ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" }));
    let size = skus::find(&facts.size);
    let (cores, memory) = size.map_or((2, 8), |size| (size.cores, size.memory_gib));
    let memory = memory * 1024 * 1024;
    let resources = |reserved: u64| {
        json!({
            "cpu": cores.to_string(), "memory": format!("{}Ki", memory - reserved), "pods": "110",
            "ephemeral-storage": "30298176Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
        })
    };
    let healthy = |kind: &str, reason: &str, message: &str| condition(kind, "False", reason, message, now);
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": all,
            "annotations": {
                "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock",
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": { "taints": tainted },
        "status": {
            "addresses": addresses,
            "allocatable": resources(102_400),
            "capacity": resources(0),
            "conditions": [
                healthy("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                healthy("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                healthy("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "False", "KubeletNotReady", NO_NETWORK, now),
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": random::guid_of(&["boot", &facts.vm_id]),
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.8.0-1031-azure",
                "kubeProxyVersion": "",
                "kubeletVersion": kubelet.version,
                "machineID": random::guid_of(&["machine", &facts.vm_id]).replace('-', ""),
                "operatingSystem": "linux",
                "osImage": "Ubuntu 24.04.3 LTS",
                "systemUUID": facts.vm_id,
            },
        },
    });
    match store.get("v1/nodes", "", name) {
        None => drop(store.create("v1/nodes", node, now)),
        // A kubelet updates a Node it finds, but not its taints.
        Some(_) => drop(store.edit("v1/nodes", "", name, |old| {
            old["status"] = node["status"].clone();
            for (key, value) in node["metadata"]["labels"].as_object().into_iter().flatten() {
                old["metadata"]["labels"][key] = value.clone();
            }
        })),
    }
}

/// Why a node without a network is not ready.
pub(crate) const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

/// A condition of a node or a pod that begins now.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str, now: u64) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastHeartbeatTime": moment(now), "lastTransitionTime": moment(now),
    })
}

/// The control plane's pods on a node, as its kubelet mirrors them.
pub(crate) fn mirror_pods(store: &mut Store, facts: &Facts, kubelet: &Kubelet, now: u64) {
    let version = &kubelet.version;
    let address = &facts.address;
    let etcd_image = "registry.k8s.io/etcd:3.6.5-0".to_owned();
    let image = |name: &str| format!("registry.k8s.io/{name}:{version}");
    let pods = [
        (
            "etcd",
            etcd_image,
            json!([
                "etcd",
                format!("--advertise-client-urls=https://{address}:2379"),
                "--data-dir=/var/lib/etcd",
                format!("--name={}", kubelet.name)
            ]),
        ),
        (
            "kube-apiserver",
            image("kube-apiserver"),
            json!([
                "kube-apiserver",
                format!("--advertise-address={address}"),
                format!("--secure-port={}", kubelet.port),
                "--etcd-servers=https://127.0.0.1:2379"
            ]),
        ),
        (
            "kube-controller-manager",
            image("kube-controller-manager"),
            json!([
                "kube-controller-manager",
                "--kubeconfig=/etc/kubernetes/controller-manager.conf",
                "--leader-elect=true"
            ]),
        ),
        (
            "kube-scheduler",
            image("kube-scheduler"),
            json!(["kube-scheduler", "--kubeconfig=/etc/kubernetes/scheduler.conf", "--leader-elect=true"]),
        ),
    ];
    let node_uid =
        store.get("v1/nodes", "", &kubelet.name).map_or(Value::Null, |node| node["metadata"]["uid"].clone());
    for (component, image, command) in pods {
        let name = format!("{component}-{}", kubelet.name);
        if store.get("v1/pods", "kube-system", &name).is_some() {
            continue;
        }
        let hash = random::guid_of(&["static pod", &name, version]).replace('-', "");
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": "kube-system",
                "labels": { "component": component, "tier": "control-plane" },
                "annotations": {
                    "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
                    "kubernetes.io/config.seen": moment(now), "kubernetes.io/config.source": "file",
                },
                "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": kubelet.name, "uid": node_uid, "controller": true }],
            },
            "spec": {
                "containers": [{ "name": component, "image": image, "command": command }],
                "hostNetwork": true,
                "nodeName": kubelet.name,
                "priorityClassName": "system-node-critical",
                "restartPolicy": "Always",
                "tolerations": [{ "effect": "NoExecute", "operator": "Exists" }],
            },
            "status": { "phase": "Pending" },
        });
        store.create("v1/pods", pod, now);
    }
}
