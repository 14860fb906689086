//! Who may do what: a role bound to users, groups and service accounts.

use lazuli_core::Json;
use serde_json::json;

use super::Objects;
use super::parts::objects;

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingSpec {
    /// The binding's name.
    pub name: String,
    /// Where it holds.
    pub target: BindingTarget,
    /// The cluster role, by name; in a namespace also `Role/<name>` for a role of that namespace.
    pub role: String,
    /// Users, by the name their certificate or token says.
    pub users: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Service accounts, as `namespace:name`.
    pub service_accounts: Vec<String>,
}

/// Where a binding holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingTarget {
    /// Everywhere.
    Cluster,
    /// In one namespace.
    Namespace(String),
}

/// A binding that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBinding {
    /// A service account without its namespace.
    #[error("`{0}` is not a service account: write its namespace and its name, as in `team-a:deployer`")]
    ServiceAccount(String),
    /// A role of a namespace, bound everywhere.
    #[error(
        "`{0}` is a role of a namespace and cannot be bound in the whole cluster: use a cluster role, or kind `RoleBinding` with `namespace`"
    )]
    LocalRole(String),
    /// Nobody to bind to.
    #[error("the binding `{0}` names nobody: give `users`, `groups` or `service_accounts`")]
    Nobody(String),
}

/// The binding.
///
/// # Errors
/// When it names nobody, or someone or something in a form that Kubernetes does not know.
pub fn role_binding(spec: &BindingSpec) -> Result<Objects, BadBinding> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let person =
        |kind: &'static str| move |name: &String| json!({ "apiGroup": GROUP, "kind": kind, "name": name });
    let mut subjects: Vec<Json> = spec.users.iter().map(person("User")).collect();
    subjects.extend(spec.groups.iter().map(person("Group")));
    for account in &spec.service_accounts {
        let named =
            account.split_once(':').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let (namespace, name) = named.ok_or_else(|| BadBinding::ServiceAccount(account.clone()))?;
        subjects.push(json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace }));
    }
    if subjects.is_empty() {
        return Err(BadBinding::Nobody(spec.name.clone()));
    }
    let (kind, metadata) = match &spec.target {
        BindingTarget::Cluster => ("ClusterRoleBinding", json!({ "name": spec.name })),
        BindingTarget::Namespace(namespace) => {
            ("RoleBinding", json!({ "name": spec.name, "namespace": namespace }))
        }
    };
    let role = match (spec.role.strip_prefix("Role/"), &spec.target) {
        (Some(_), BindingTarget::Cluster) => return Err(BadBinding::LocalRole(spec.role.clone())),
        (Some(name), BindingTarget::Namespace(_)) => {
            json!({ "apiGroup": GROUP, "kind": "Role", "name": name })
        }
        (None, _) => json!({ "apiGroup": GROUP, "kind": "ClusterRole", "name": spec.role }),
    };
    Ok(objects([json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": role,
        "subjects": subjects,
    })]))
}
