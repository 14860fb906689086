//! Which resources there are: a table of the built-in ones, and those that custom resource definitions add.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::store::Store;

/// Where custom resource definitions are kept.
pub(crate) const CRDS: &str = "apiextensions.k8s.io/v1/customresourcedefinitions";

type Text = Cow<'static, str>;

/// A kind of object, as it is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: Text,
    pub(crate) version: Text,
    pub(crate) plural: Text,
    pub(crate) kind: Text,
    pub(crate) is_namespaced: bool,
    pub(crate) short_names: Vec<Text>,
    pub(crate) subresources: Vec<Text>,
    /// Whether a custom resource definition made it.
    pub(crate) is_custom: bool,
}

impl Resource {
    /// The key of its objects in the store: `v1/pods`, `apps/v1/deployments`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.api_version(), self.plural)
    }

    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        match &*self.group {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `pods`, `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        match &*self.group {
            "" => self.plural.to_string(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// The `details` of a `Status` about one of its objects.
    pub(crate) fn details(&self, name: &str) -> Value {
        let mut details = json!({ "kind": self.plural });
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !self.group.is_empty() {
            details["group"] = json!(self.group);
        }
        details
    }

    /// Whether status is written apart from the rest.
    pub(crate) fn has_status(&self) -> bool {
        self.subresources.iter().any(|name| name == "status")
    }

    /// Whether objects can be kept, or only asked about.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(&*self.group, "authorization.k8s.io" | "authentication.k8s.io")
    }

    /// What can be done with it.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.is_kept() {
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        } else {
            &["create"]
        }
    }
}

/// group, version, plural, kind, namespaced, short names, subresources.
type Row = (&'static str, &'static str, &'static str, &'static str, bool, &'static str, &'static str);

/// In the order of discovery: groups by their priority, resources by name.
const ROWS: &[Row] = &[
    ("", "v1", "configmaps", "ConfigMap", true, "cm", ""),
    ("", "v1", "endpoints", "Endpoints", true, "ep", ""),
    ("", "v1", "events", "Event", true, "ev", ""),
    ("", "v1", "limitranges", "LimitRange", true, "limits", ""),
    ("", "v1", "namespaces", "Namespace", false, "ns", "finalize status"),
    ("", "v1", "nodes", "Node", false, "no", "status"),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, "pvc", "status"),
    ("", "v1", "persistentvolumes", "PersistentVolume", false, "pv", "status"),
    ("", "v1", "pods", "Pod", true, "po", "eviction exec log status"),
    ("", "v1", "replicationcontrollers", "ReplicationController", true, "rc", "status"),
    ("", "v1", "resourcequotas", "ResourceQuota", true, "quota", "status"),
    ("", "v1", "secrets", "Secret", true, "", ""),
    ("", "v1", "serviceaccounts", "ServiceAccount", true, "sa", ""),
    ("", "v1", "services", "Service", true, "svc", "status"),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", true, "", ""),
    ("apps", "v1", "daemonsets", "DaemonSet", true, "ds", "status"),
    ("apps", "v1", "deployments", "Deployment", true, "deploy", "scale status"),
    ("apps", "v1", "replicasets", "ReplicaSet", true, "rs", "scale status"),
    ("apps", "v1", "statefulsets", "StatefulSet", true, "sts", "scale status"),
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false, "", ""),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false, "", ""),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false, "", ""),
    ("batch", "v1", "cronjobs", "CronJob", true, "cj", "status"),
    ("batch", "v1", "jobs", "Job", true, "", "status"),
    (
        "certificates.k8s.io",
        "v1",
        "certificatesigningrequests",
        "CertificateSigningRequest",
        false,
        "csr",
        "approval status",
    ),
    ("networking.k8s.io", "v1", "ingressclasses", "IngressClass", false, "", ""),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", true, "ing", "status"),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true, "netpol", ""),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true, "pdb", "status"),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false, "", ""),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false, "", ""),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true, "", ""),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", true, "", ""),
    ("storage.k8s.io", "v1", "csidrivers", "CSIDriver", false, "", ""),
    ("storage.k8s.io", "v1", "csinodes", "CSINode", false, "", ""),
    ("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity", true, "", ""),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", false, "sc", ""),
    ("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", false, "", "status"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        false,
        "",
        "",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        false,
        "",
        "",
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        false,
        "crd crds",
        "status",
    ),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", false, "", "status"),
    ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true, "hpa", "status"),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false, "pc", ""),
    ("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false, "", ""),
    ("coordination.k8s.io", "v1", "leases", "Lease", true, "", ""),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true, "", ""),
];

/// The resource at a group, version and plural name.
pub(crate) fn find(store: &Store, group: &str, version: &str, plural: &str) -> Option<Resource> {
    let row = ROWS.iter().find(|row| row.0 == group && row.1 == version && row.2 == plural);
    row.map(of_row).or_else(|| {
        let definition = store.get(CRDS, "", &format!("{plural}.{group}"))?;
        custom(definition).into_iter().find(|resource| resource.version == version)
    })
}

/// A built-in resource by what it is called in the store.
pub(crate) fn built_in(path: &str) -> Option<Resource> {
    ROWS.iter().map(of_row).find(|resource| resource.path() == path)
}

/// Every resource that is served, in the order of discovery.
pub(crate) fn all(store: &Store) -> Vec<Resource> {
    let mut all: Vec<Resource> = ROWS.iter().map(of_row).collect();
    all.extend(store.list(CRDS, None).flat_map(|definition| custom(definition)));
    all
}

fn of_row(row: &Row) -> Resource {
    let words = |text: &'static str| text.split_whitespace().map(Cow::Borrowed).collect();
    Resource {
        group: Cow::Borrowed(row.0),
        version: Cow::Borrowed(row.1),
        plural: Cow::Borrowed(row.2),
        kind: Cow::Borrowed(row.3),
        is_namespaced: row.4,
        short_names: words(row.5),
        subresources: words(row.6),
        is_custom: false,
    }
}

/// The served versions of a custom resource definition.
fn custom(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let text = |value: &Value| Cow::Owned(value.as_str().unwrap_or("").to_owned());
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    versions
        .iter()
        .filter(|version| version["served"] == true)
        .map(|version| Resource {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&spec["names"]["plural"]),
            kind: text(&spec["names"]["kind"]),
            is_namespaced: spec["scope"] == "Namespaced",
            short_names: spec["names"]["shortNames"].as_array().into_iter().flatten().map(text).collect(),
            subresources: version["subresources"]["status"]
                .as_object()
                .map(|_| Cow::Borrowed("status"))
                .into_iter()
                .collect(),
            is_custom: true,
        })
        .collect()
}
