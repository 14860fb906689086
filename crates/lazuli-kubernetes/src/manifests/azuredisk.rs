//! Volumes on Azure's managed disks: the CSI driver and the storage class that is used when none is named.
//!
//! Snapshots are not part of it: their sidecar does not start without the snapshot API, which a cluster may have from
//! elsewhere. An add-on can bring both.

use lazuli_core::Json;
use serde_json::json;

use super::parts::{
    self, NAMESPACE, agent_tolerations, bind, cluster_role, host_path, objects, one_at_a_time,
};
use super::{ClusterFacts, Objects};

const DRIVER: &str = "disk.csi.azure.com";
const CONTROLLER: &str = "csi-azuredisk-controller";
const NODE: &str = "csi-azuredisk-node";

/// The storage class that is used when none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultClass {
    /// Kind of disk: `Premium_LRS`, `StandardSSD_LRS`, …
    pub sku: String,
    /// Whether a disk outlives the failure of its zone, and can be used from any.
    pub zone_redundant: bool,
}

/// A class that Azure has no disks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Azure has no zone-redundant disks of `{sku}`: use Premium_LRS or StandardSSD_LRS, or `zone_redundant = false`"
)]
pub struct ImpossibleClass {
    /// The kind of disk.
    pub sku: String,
}

impl DefaultClass {
    /// The kind of disk as Azure calls it.
    ///
    /// # Errors
    /// When it should be zone-redundant and Azure has no such disks.
    pub fn disk(&self) -> Result<String, ImpossibleClass> {
        match (self.zone_redundant, self.sku.as_str()) {
            (false, sku) => Ok(sku.to_owned()),
            (true, "Premium_LRS" | "Premium_ZRS") => Ok("Premium_ZRS".to_owned()),
            (true, "StandardSSD_LRS" | "StandardSSD_ZRS") => Ok("StandardSSD_ZRS".to_owned()),
            (true, sku) => Err(ImpossibleClass { sku: sku.to_owned() }),
        }
    }
}

/// Versions of the driver and its sidecars.
struct Release {
    driver: &'static str,
    provisioner: &'static str,
    attacher: &'static str,
    resizer: &'static str,
    liveness: &'static str,
    registrar: &'static str,
}

/// The release for a Kubernetes minor. The older one is for clusters without the API of volume attribute classes,
/// which the newer provisioner wants.
fn release(minor: u64) -> Release {
    match minor {
        34.. => Release {
            driver: "v1.34.5",
            provisioner: "v6.3.0",
            attacher: "v4.12.0",
            resizer: "v2.2.0",
            liveness: "v2.19.0",
            registrar: "v2.17.0",
        },
        _ => Release {
            driver: "v1.32.12",
            provisioner: "v5.2.0",
            attacher: "v4.8.1",
            resizer: "v1.13.2",
            liveness: "v2.15.0",
            registrar: "v2.13.0",
        },
    }
}

fn image(name: &str, version: &str) -> String {
    // The one image of the two releases that is not in the newer place.
    let place = if (name, version) == ("csi-provisioner", "v5.2.0") { "oss" } else { "oss/v2" };
    format!("mcr.microsoft.com/{place}/kubernetes-csi/{name}:{version}")
}

/// The layer `storage` for `csi = "azuredisk"`; without a class there is no default.
///
/// # Errors
/// When Azure has no such disks as the class asks for.
pub fn storage_azuredisk(
    facts: &ClusterFacts,
    class: Option<&DefaultClass>,
) -> Result<Objects, ImpossibleClass> {
    let release = release(facts.kubernetes.minor());
    let mut all = objects([
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": { "name": DRIVER },
            "spec": { "attachRequired": true, "podInfoOnMount": false, "fsGroupPolicy": "File" },
        }),
        parts::service_account(CONTROLLER),
        controller_role(),
        bind(CONTROLLER, CONTROLLER, CONTROLLER),
        controller(facts, &release),
        parts::service_account(NODE),
        node_role(),
        bind(NODE, NODE, NODE),
        node(&release),
    ]);
    if let Some(class) = class {
        all.extend(objects([storage_class(&class.disk()?)]));
    }
    Ok(all)
}

fn storage_class(disk: &str) -> Json {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "default",
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": DRIVER,
        "parameters": { "skuName": disk },
        "reclaimPolicy": "Delete",
        // The disk is made where the pod is: a zonal disk elsewhere could not be attached.
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
    })
}

fn controller_role() -> Json {
    const READ: &[&str] = &["get", "list", "watch"];
    const WRITE: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];
    cluster_role(
        CONTROLLER,
        &[
            ("", &["persistentvolumes"], WRITE),
            ("", &["persistentvolumeclaims"], &["get", "list", "watch", "update"]),
            ("", &["persistentvolumeclaims/status"], &["update", "patch"]),
            ("", &["events"], &["get", "list", "watch", "create", "update", "patch"]),
            ("", &["nodes", "pods"], READ),
            ("", &["secrets"], &["get", "list"]),
            ("storage.k8s.io", &["storageclasses", "csinodes", "volumeattributesclasses"], READ),
            ("storage.k8s.io", &["volumeattachments"], &["get", "list", "watch", "update", "patch"]),
            ("storage.k8s.io", &["volumeattachments/status"], &["get", "update", "patch"]),
            ("snapshot.storage.k8s.io", &["volumesnapshots", "volumesnapshotcontents"], &["get", "list"]),
            ("coordination.k8s.io", &["leases"], WRITE),
        ],
    )
}

fn node_role() -> Json {
    cluster_role(
        NODE,
        &[
            ("", &["secrets"], &["get"]),
            ("", &["nodes"], &["get", "patch"]),
            ("storage.k8s.io", &["csinodes"], &["get"]),
            ("storage.k8s.io", &["volumeattachments"], &["get", "list", "watch"]),
        ],
    )
}

/// A sidecar: it and the driver talk through a socket in a folder they share.
fn sidecar(name: &str, version: &str, args: &[&str], memory: &str) -> Json {
    let mut all = vec!["--csi-address=/csi/csi.sock".to_owned(), "--v=2".to_owned()];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    json!({
        "name": name,
        "image": image(name, version),
        "imagePullPolicy": "IfNotPresent",
        "args": all,
        "resources": { "requests": { "cpu": "10m", "memory": "20Mi" }, "limits": { "memory": memory } },
        "volumeMounts": [{ "name": "socket", "mountPath": "/csi" }],
    })
}

fn liveness(release: &Release, port: u16) -> Json {
    let endpoint = format!("--http-endpoint=localhost:{port}");
    sidecar("livenessprobe", release.liveness, &["--probe-timeout=10s", &endpoint], "100Mi")
}

/// The driver asks the sidecar on the same node, hence the host's loopback.
fn probe(port: u16) -> Json {
    json!({
        "httpGet": { "host": "localhost", "path": "/healthz", "port": port },
        "initialDelaySeconds": 30,
        "periodSeconds": 30,
        "timeoutSeconds": 10,
        "failureThreshold": 5,
    })
}

fn controller(facts: &ClusterFacts, release: &Release) -> Json {
    const LEADER: [&str; 2] = ["--leader-election", "--leader-election-namespace=kube-system"];
    let with = |args: &[&'static str]| [&LEADER, args].concat();
    let mut driver = json!({
        "name": "azuredisk",
        "image": image("azuredisk-csi", release.driver),
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "--v=2",
            "--endpoint=unix:///csi/csi.sock",
            "--metrics-address=0.0.0.0:29604",
            "--disable-avset-nodes=false",
            "--allow-empty-cloud-config=false",
        ],
        "ports": [{ "name": "metrics", "containerPort": 29_604, "protocol": "TCP" }],
        "livenessProbe": probe(29_602),
        "resources": { "requests": { "cpu": "10m", "memory": "20Mi" }, "limits": { "memory": "500Mi" } },
        "volumeMounts": [
            { "name": "socket", "mountPath": "/csi" },
            { "name": "kubernetes", "mountPath": "/etc/kubernetes", "readOnly": true },
        ],
    });
    parts::behind_a_proxy(&mut driver, facts);
    let provisioner = [
        "--feature-gates=Topology=true",
        "--strict-topology=true",
        "--extra-create-metadata=true",
        "--timeout=30s",
    ];
    let containers = json!([
        sidecar("csi-provisioner", release.provisioner, &with(&provisioner), "500Mi"),
        sidecar("csi-attacher", release.attacher, &with(&["--timeout=1200s"]), "500Mi"),
        sidecar("csi-resizer", release.resizer, &with(&["--timeout=240s"]), "500Mi"),
        liveness(release, 29_602),
        driver,
    ]);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": CONTROLLER, "namespace": NAMESPACE, "labels": { "app": CONTROLLER } },
        "spec": {
            "replicas": facts.replicas(),
            "strategy": one_at_a_time(),
            "selector": { "matchLabels": { "app": CONTROLLER } },
            "template": {
                "metadata": { "labels": { "app": CONTROLLER } },
                "spec": {
                    "serviceAccountName": CONTROLLER,
                    "priorityClassName": "system-cluster-critical",
                    "hostNetwork": true,
                    "nodeSelector": {
                        "kubernetes.io/os": "linux",
                        "node-role.kubernetes.io/control-plane": "",
                    },
                    "tolerations": parts::controller_tolerations(facts),
                    "topologySpreadConstraints": parts::spread("app", CONTROLLER),
                    "containers": containers,
                    "volumes": [
                        { "name": "socket", "emptyDir": {} },
                        host_path("kubernetes", "/etc/kubernetes", "Directory"),
                    ],
                },
            },
        },
    })
}

fn node(release: &Release) -> Json {
    let mut registrar = sidecar(
        "csi-node-driver-registrar",
        release.registrar,
        &["--kubelet-registration-path=/var/lib/kubelet/plugins/disk.csi.azure.com/csi.sock"],
        "100Mi",
    );
    registrar["volumeMounts"] = json!([
        { "name": "socket", "mountPath": "/csi" },
        { "name": "registration", "mountPath": "/registration" },
    ]);
    let driver = json!({
        "name": "azuredisk",
        "image": image("azuredisk-csi", release.driver),
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "--v=2",
            "--endpoint=unix:///csi/csi.sock",
            "--nodeid=$(NODE_NAME)",
            "--metrics-address=0.0.0.0:29605",
            "--enable-perf-optimization=true",
            "--allow-empty-cloud-config=true",
        ],
        "env": [{
            "name": "NODE_NAME",
            "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "spec.nodeName" } },
        }],
        "ports": [{ "name": "metrics", "containerPort": 29_605, "protocol": "TCP" }],
        "livenessProbe": probe(29_603),
        "resources": { "requests": { "cpu": "10m", "memory": "20Mi" }, "limits": { "memory": "500Mi" } },
        // It formats and mounts disks in the node's own mount namespace.
        "securityContext": { "privileged": true },
        "volumeMounts": [
            { "name": "socket", "mountPath": "/csi" },
            { "name": "kubelet", "mountPath": "/var/lib/kubelet", "mountPropagation": "Bidirectional" },
            { "name": "kubernetes", "mountPath": "/etc/kubernetes", "readOnly": true },
            { "name": "devices", "mountPath": "/dev" },
            { "name": "scsi-devices", "mountPath": "/sys/bus/scsi/devices" },
            { "name": "classes", "mountPath": "/sys/class" },
        ],
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": NODE, "namespace": NAMESPACE, "labels": { "app": NODE } },
        "spec": {
            "selector": { "matchLabels": { "app": NODE } },
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "10%" } },
            "template": {
                "metadata": { "labels": { "app": NODE } },
                "spec": {
                    "serviceAccountName": NODE,
                    "priorityClassName": "system-node-critical",
                    "hostNetwork": true,
                    "dnsPolicy": "Default",
                    "nodeSelector": { "kubernetes.io/os": "linux" },
                    "tolerations": agent_tolerations(),
                    "containers": [liveness(release, 29_603), registrar, driver],
                    "volumes": [
                        host_path("socket", "/var/lib/kubelet/plugins/disk.csi.azure.com", "DirectoryOrCreate"),
                        host_path("registration", "/var/lib/kubelet/plugins_registry", "DirectoryOrCreate"),
                        host_path("kubelet", "/var/lib/kubelet", "Directory"),
                        host_path("kubernetes", "/etc/kubernetes", "Directory"),
                        host_path("devices", "/dev", "Directory"),
                        host_path("scsi-devices", "/sys/bus/scsi/devices", "Directory"),
                        host_path("classes", "/sys/class", "Directory"),
                    ],
                },
            },
        },
    })
}
