//! Where the objects of a kind are: path and whether they live in namespaces. Kinds of Kubernetes itself are in a
//! table; others are looked up once in the discovery of their group.

use std::collections::HashMap;

use lazuli_core::provider::ProviderError;
use tokio::sync::Mutex;

use super::set::Key;
use super::wire::Wire;
use crate::api::encode;

/// A kind as the API server serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The plural in paths.
    pub(crate) plural: &'static str,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
}

/// Group, kind, plural, whether in namespaces.
const KNOWN: [(&str, &str, &str, bool); 47] = [
    ("", "ConfigMap", "configmaps", true),
    ("", "Endpoints", "endpoints", true),
    ("", "Event", "events", true),
    ("", "LimitRange", "limitranges", true),
    ("", "Namespace", "namespaces", false),
    ("", "Node", "nodes", false),
    ("", "PersistentVolume", "persistentvolumes", false),
    ("", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("", "Pod", "pods", true),
    ("", "PodTemplate", "podtemplates", true),
    ("", "ReplicationController", "replicationcontrollers", true),
    ("", "ResourceQuota", "resourcequotas", true),
    ("", "Secret", "secrets", true),
    ("", "Service", "services", true),
    ("", "ServiceAccount", "serviceaccounts", true),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", false),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apiregistration.k8s.io", "APIService", "apiservices", false),
    ("apps", "ControllerRevision", "controllerrevisions", true),
    ("apps", "DaemonSet", "daemonsets", true),
    ("apps", "Deployment", "deployments", true),
    ("apps", "ReplicaSet", "replicasets", true),
    ("apps", "StatefulSet", "statefulsets", true),
    ("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("batch", "CronJob", "cronjobs", true),
    ("batch", "Job", "jobs", true),
    ("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", false),
    ("coordination.k8s.io", "Lease", "leases", true),
    ("discovery.k8s.io", "EndpointSlice", "endpointslices", true),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", false),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", "prioritylevelconfigurations", false),
    ("networking.k8s.io", "Ingress", "ingresses", true),
    ("networking.k8s.io", "IngressClass", "ingressclasses", false),
    ("networking.k8s.io", "NetworkPolicy", "networkpolicies", true),
    ("node.k8s.io", "RuntimeClass", "runtimeclasses", false),
    ("policy", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io", "Role", "roles", true),
    ("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", true),
    ("scheduling.k8s.io", "PriorityClass", "priorityclasses", false),
    ("storage.k8s.io", "CSIDriver", "csidrivers", false),
    ("storage.k8s.io", "StorageClass", "storageclasses", false),
    ("storage.k8s.io", "VolumeAttributesClass", "volumeattributesclasses", false),
];

/// A kind of Kubernetes itself, in any version.
pub(crate) fn known(api_version: &str, kind: &str) -> Option<Known> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let (_, _, plural, namespaced) = KNOWN.iter().find(|(of, name, _, _)| *of == group && *name == kind)?;
    Some(Known { plural, namespaced: *namespaced })
}

/// Kinds of an API version: kind to plural and whether in namespaces.
type Kinds = HashMap<String, (String, bool)>;

/// Paths of objects; remembers what discovery said.
#[derive(Default)]
pub(crate) struct Paths {
    discovered: Mutex<HashMap<String, Kinds>>,
}

impl Paths {
    /// The path of all objects of the key's kind in its namespace; `None` when the API server does not serve the kind.
    pub(crate) async fn collection(&self, wire: &Wire, key: &Key) -> Result<Option<String>, ProviderError> {
        let (plural, namespaced) = match known(&key.api_version, &key.kind) {
            Some(known) => (known.plural.to_owned(), known.namespaced),
            None => match self.discover(wire, key).await? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let root = version_path(&key.api_version);
        Ok(Some(match (namespaced, key.namespace.as_deref()) {
            (true, namespace) => {
                format!("{root}/namespaces/{}/{plural}", encode(namespace.unwrap_or("default")))
            }
            (false, _) => format!("{root}/{plural}"),
        }))
    }

    /// The object's own path.
    pub(crate) async fn object(&self, wire: &Wire, key: &Key) -> Result<Option<String>, ProviderError> {
        Ok(self.collection(wire, key).await?.map(|collection| format!("{collection}/{}", encode(&key.name))))
    }

    async fn discover(&self, wire: &Wire, key: &Key) -> Result<Option<(String, bool)>, ProviderError> {
        let mut discovered = self.discovered.lock().await;
        if let Some(found) = discovered.get(&key.api_version).and_then(|kinds| kinds.get(&key.kind)) {
            return Ok(Some(found.clone()));
        }
        // Asked again until the kind is there: a definition may just have been applied.
        let Some(list) = wire.get(&version_path(&key.api_version)).await? else { return Ok(None) };
        let kinds: Kinds = list["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|resource| {
                let plural = resource["name"].as_str().filter(|name| !name.contains('/'))?;
                let namespaced = resource["namespaced"].as_bool().unwrap_or(false);
                Some((resource["kind"].as_str()?.to_owned(), (plural.to_owned(), namespaced)))
            })
            .collect();
        let found = kinds.get(&key.kind).cloned();
        discovered.insert(key.api_version.clone(), kinds);
        Ok(found)
    }
}

fn version_path(api_version: &str) -> String {
    match api_version.contains('/') {
        true => format!("/apis/{api_version}"),
        false => format!("/api/{api_version}"),
    }
}
