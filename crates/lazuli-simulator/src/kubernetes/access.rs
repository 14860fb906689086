//! Who may do what: role-based access control, and what kubelets may.

use serde_json::Value;

use super::auth::User;
use super::resources::Resource;
use super::status::Refusal;
use super::store::Store;

const GROUP: &str = "rbac.authorization.k8s.io/v1";

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attempt<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    /// `pods`, `pods/eviction`.
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

/// Refuses what nobody allows.
pub(crate) fn check(
    store: &Store,
    user: &User,
    resource: &Resource,
    attempt: &Attempt<'_>,
) -> Result<(), Refusal> {
    if allows(store, user, attempt) {
        return Ok(());
    }
    let scope = match attempt.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {scope}",
        user.name, attempt.verb, attempt.resource, attempt.group
    );
    Err(Refusal::forbidden(resource, attempt.name, &why))
}

/// Refuses paths that are no resources, other than those open to everybody or to everybody who is known.
pub(crate) fn check_path(user: &User, verb: &str, path: &str) -> Result<(), Refusal> {
    let is_open = ["/version", "/readyz", "/livez", "/healthz"]
        .iter()
        .any(|open| path == *open || path.strip_prefix(open).is_some_and(|rest| rest.starts_with('/')));
    let is_discovery = ["/api", "/apis", "/openapi"]
        .iter()
        .any(|open| path == *open || path.starts_with(&format!("{open}/")));
    if is_open || (is_discovery && user.is_in("system:authenticated")) || user.is_in("system:masters") {
        return Ok(());
    }
    Err(Refusal::forbidden_path(&format!("User \"{}\" cannot {verb} path \"{path}\"", user.name)))
}

/// Whether somebody may do something.
pub(crate) fn allows(store: &Store, user: &User, attempt: &Attempt<'_>) -> bool {
    if user.is_in("system:masters") || (user.node().is_some() && kubelet_may(attempt)) {
        return true;
    }
    // Everybody who is known may ask about themselves.
    if user.is_in("system:authenticated")
        && matches!(attempt.resource, "selfsubjectaccessreviews" | "selfsubjectreviews")
    {
        return true;
    }
    let bound = |binding: &Value| {
        binding["subjects"].as_array().into_iter().flatten().any(|subject| is(subject, user, binding))
    };
    let grants = |binding: &Value| {
        let role = &binding["roleRef"];
        let name = role["name"].as_str().unwrap_or("");
        let role = if role["kind"] == "ClusterRole" {
            store.get(&format!("{GROUP}/clusterroles"), "", name)
        } else {
            let namespace = binding["metadata"]["namespace"].as_str().unwrap_or("");
            store.get(&format!("{GROUP}/roles"), namespace, name)
        };
        role.is_some_and(|role| rules(store, role).any(|rule| covers(rule, attempt)))
    };
    store.list(&format!("{GROUP}/clusterrolebindings"), None).any(|b| bound(b) && grants(b))
        || (!attempt.namespace.is_empty()
            && store
                .list(&format!("{GROUP}/rolebindings"), Some(attempt.namespace))
                .any(|b| bound(b) && grants(b)))
}

/// The rules of a role, and of those it gathers.
fn rules<'a>(store: &'a Store, role: &'a Value) -> impl Iterator<Item = &'a Value> {
    let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array().cloned().unwrap_or_default();
    let selectors: Vec<_> = selectors.iter().map(super::selector::Selector::of_object).collect();
    let gathered = store
        .list(&format!("{GROUP}/clusterroles"), None)
        .filter(move |other| selectors.iter().any(|selector| selector.matches(other)))
        .flat_map(|other| other["rules"].as_array().into_iter().flatten());
    role["rules"].as_array().into_iter().flatten().chain(gathered)
}

fn is(subject: &Value, user: &User, binding: &Value) -> bool {
    let name = subject["name"].as_str().unwrap_or("");
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.is_in(name),
        Some("ServiceAccount") => {
            let namespace =
                subject["namespace"].as_str().or(binding["metadata"]["namespace"].as_str()).unwrap_or("");
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn covers(rule: &Value, attempt: &Attempt<'_>) -> bool {
    let lists = |field: &str, wanted: &str| {
        rule[field].as_array().into_iter().flatten().any(|entry| entry == wanted || entry == "*")
    };
    let (_, subresource) = attempt.resource.split_once('/').unwrap_or((attempt.resource, ""));
    let names = rule["resourceNames"].as_array().map(Vec::as_slice).unwrap_or_default();
    lists("verbs", attempt.verb)
        && lists("apiGroups", attempt.group)
        && (lists("resources", attempt.resource)
            || (!subresource.is_empty() && lists("resources", &format!("*/{subresource}"))))
        && (names.is_empty() || names.iter().any(|name| name == attempt.name))
}

/// What the node authorizer and the role `system:node` allow.
fn kubelet_may(attempt: &Attempt<'_>) -> bool {
    let reads = matches!(attempt.verb, "get" | "list" | "watch");
    match (attempt.group, attempt.resource) {
        (
            "",
            "nodes" | "pods" | "services" | "endpoints" | "persistentvolumes" | "persistentvolumeclaims",
        ) if reads => true,
        ("", "configmaps" | "secrets") => reads,
        ("", "nodes") => matches!(attempt.verb, "create" | "update" | "patch"),
        ("", "nodes/status" | "pods/status") => matches!(attempt.verb, "update" | "patch"),
        ("", "pods") => matches!(attempt.verb, "create" | "delete"),
        ("", "pods/eviction" | "serviceaccounts/token") => attempt.verb == "create",
        ("", "events") => matches!(attempt.verb, "create" | "update" | "patch"),
        ("", "serviceaccounts") => reads,
        ("coordination.k8s.io", "leases") => attempt.namespace == "kube-node-lease",
        ("certificates.k8s.io", "certificatesigningrequests") => reads || attempt.verb == "create",
        ("storage.k8s.io", "csinodes") => true,
        ("storage.k8s.io", "csidrivers" | "volumeattachments") => reads,
        ("node.k8s.io", "runtimeclasses") => reads,
        _ => false,
    }
}

/// What a kubelet may not write: another node, or labels of its own that give it privileges.
pub(crate) fn node_restriction(
    user: &User,
    resource: &Resource,
    name: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<(), Refusal> {
    let Some(node) = user.node() else { return Ok(()) };
    if resource.path() != "v1/nodes" {
        return Ok(());
    }
    if name != node {
        let why = format!("node \"{node}\" is not allowed to modify node \"{name}\"");
        return Err(Refusal::forbidden(resource, name, &why));
    }
    let Some(after) = after else {
        let why = format!("node \"{node}\" is not allowed to delete node \"{name}\"");
        return Err(Refusal::forbidden(resource, name, &why));
    };
    let label = |object: Option<&Value>, key: &str| object.map(|o| o["metadata"]["labels"][key].clone());
    let mut forbidden: Vec<&str> = Vec::new();
    let keys = |object: Option<&'_ Value>| -> Vec<String> {
        object
            .and_then(|o| o["metadata"]["labels"].as_object())
            .into_iter()
            .flatten()
            .map(|(k, _)| k.clone())
            .collect()
    };
    let mut all = keys(before);
    all.extend(keys(Some(after)));
    all.sort();
    all.dedup();
    for key in &all {
        let changes = label(before, key).unwrap_or_default() != label(Some(after), key).unwrap_or_default();
        if changes && !kubelet_label(key) {
            forbidden.push(key);
        }
    }
    if forbidden.is_empty() {
        return Ok(());
    }
    let what = if before.is_some() { "modify labels" } else { "set the following labels" };
    let why = format!("is not allowed to {what}: {}", forbidden.join(", "));
    Err(Refusal::forbidden(resource, name, &why))
}

/// Whether a kubelet may set a label on its own node.
fn kubelet_label(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else { return true };
    let within = |of: &str| domain == of || domain.ends_with(&format!(".{of}"));
    if within("node-restriction.kubernetes.io") {
        return false;
    }
    if !within("kubernetes.io") && !within("k8s.io") {
        return true;
    }
    within("kubelet.kubernetes.io")
        || within("node.kubernetes.io")
        || matches!(
            key,
            "kubernetes.io/hostname"
                | "kubernetes.io/arch"
                | "kubernetes.io/os"
                | "beta.kubernetes.io/arch"
                | "beta.kubernetes.io/os"
                | "beta.kubernetes.io/instance-type"
                | "failure-domain.beta.kubernetes.io/region"
                | "failure-domain.beta.kubernetes.io/zone"
                | "topology.kubernetes.io/region"
                | "topology.kubernetes.io/zone"
        )
}

#[cfg(test)]
mod tests {
    use super::super::resources;
    use super::*;
    use serde_json::json;

    #[test]
    fn roles_allow_where_they_are_bound_and_nowhere_else() {
        let mut store = Store::new("");
        let role = json!({ "metadata": { "name": "view" }, "rules": [
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }] });
        store.create("rbac.authorization.k8s.io/v1/clusterroles", role, 0);
        let binding = json!({ "metadata": { "name": "b", "namespace": "team" },
            "roleRef": { "kind": "ClusterRole", "name": "view" },
            "subjects": [{ "kind": "Group", "name": "devs" }] });
        store.create("rbac.authorization.k8s.io/v1/rolebindings", binding, 0);
        let user = User::new("ann", &["devs"]);
        let attempt = |verb, namespace| Attempt { verb, group: "", resource: "pods", namespace, name: "" };
        assert!(allows(&store, &user, &attempt("list", "team")));
        assert!(!allows(&store, &user, &attempt("delete", "team")));
        assert!(!allows(&store, &user, &attempt("list", "other")));
        let pods = resources::find(&store, "", "v1", "pods").unwrap();
        let refusal = check(&store, &user, &pods, &attempt("list", "")).unwrap_err();
        assert_eq!(
            refusal.message,
            "pods is forbidden: User \"ann\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
        );
    }

    #[test]
    fn a_kubelet_may_not_give_itself_a_role() {
        let nodes = resources::find(&Store::new(""), "", "v1", "nodes").unwrap();
        let user = User::new("system:node:w-9", &["system:nodes"]);
        let node = json!({ "metadata": { "name": "w-9", "labels": {
            "kubernetes.io/os": "linux", "pool": "a", "node-role.kubernetes.io/worker": "" } } });
        let refusal = node_restriction(&user, &nodes, "w-9", None, Some(&node)).unwrap_err();
        assert_eq!(
            refusal.message,
            "nodes \"w-9\" is forbidden: is not allowed to set the following labels: node-role.kubernetes.io/worker"
        );
        assert!(node_restriction(&user, &nodes, "w-1", None, Some(&node)).is_err());
        assert!(node_restriction(&user, &nodes, "w-9", Some(&node), Some(&node)).is_ok());
    }
}
