//! What goes into parts of a cluster that its expansion leaves open: user-data of machines, the objects of layers, add-ons,
//! bindings and namespaces. The same with every evaluation: nothing here looks at a clock or draws a number.

use std::collections::BTreeSet;

use lazuli_cluster::expand::{Content, Layer, LayerSpec, NodeBoot, Part};
use lazuli_cluster::spec::{Addon, Binding, Cni, Csi, Manifests, Namespace};
use lazuli_config::Evaluator;
use lazuli_core::configuration::Known;
use lazuli_core::encoding::{from_json, to_json};
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Diagnostic, Diagnostics, Json, Path, Span, Value};
use lazuli_kubernetes::keyring::{ClusterKeys, Server, Transport};
use lazuli_kubernetes::manifests::{self, BindingSpec, BindingTarget, ClusterFacts, DefaultClass, Objects};
use lazuli_kubernetes::manifests::{NamespaceSpec, PodNetwork};
use lazuli_kubernetes::pki::{CertificateAuthority, ServiceAccountKey};
use lazuli_kubernetes::version::KubernetesVersion;

use super::ClusterBlock;
use super::evaluate::set;
use crate::boot;

/// What manifests and commands cannot be made of.
const UNUSABLE: &str = "LZ0226";

/// A part's body with what the expansion left open, as far as it is known; user-data only when `boots`.
pub(super) fn fill(
    body: Value,
    part: &Part,
    cluster: &ClusterBlock,
    known: &dyn Known,
    boots: bool,
) -> Result<Value, Diagnostics> {
    let span = part.declaration.origin.unwrap_or(cluster.expansion.cluster.span);
    let objects = match &part.content {
        Content::Plain => return Ok(body),
        // Without the keys nobody knows what the machine was told at its first boot.
        Content::Boot(_) if !cluster.expansion.is_whole() => {
            return Ok(set(&body, &["properties", "osProfile"], |profile| {
                let kept = profile.as_entries().cloned().unwrap_or_default();
                let kept = kept.into_iter().filter(|(name, _)| &**name != "customData");
                Value::object(kept).marked_as(profile)
            }));
        }
        Content::Boot(_) if !boots => return Ok(body),
        Content::Boot(boot) => {
            let Some(user_data) = user_data(boot, known)? else { return Ok(body) };
            let path = ["properties", "osProfile", "customData"];
            return Ok(set(&body, &path, |_| Value::string(user_data.clone()).sensitive()));
        }
        Content::Settings(boot) => {
            let configuration = boot::cluster_configuration(boot).map_err(|problem| vec![*problem])?;
            let configuration = from_json(&configuration);
            return Ok(set(&body, &["properties", "clusterConfiguration"], |_| configuration.clone()));
        }
        Content::Layer(layer) => self::layer(layer, cluster, span)?,
        Content::Addon(addon) => self::addon(addon, &cluster.unit)?,
        Content::Binding(binding) => Some(own(self::binding(binding, span)?)),
        Content::Namespace(namespace) => Some(own(self::namespace(namespace))),
    };
    let Some(objects) = objects else { return Ok(body) };
    Ok(set(&body, &["properties", "objects"], |_| objects.clone()))
}

/// The user-data of a machine, `None` while something in it is not known.
fn user_data(boot: &NodeBoot, known: &dyn Known) -> Result<Option<String>, Diagnostics> {
    let text = |address: &Address, name: &str| {
        let path = Path::root().name("properties").name(name);
        known.object(address)?.value.at(&path)?.as_str().map(str::to_owned)
    };
    let unreadable = |address: &Address, error: &dyn std::fmt::Display| {
        vec![Diagnostic::error("LZ0244", format!("{address} cannot be used: {error}"))]
    };
    let authority = |address: &Address| match (text(address, "certificate"), text(address, "privateKey")) {
        (Some(certificate), Some(key)) => {
            CertificateAuthority::from_pem(&certificate, &key).map(Some).map_err(|e| unreadable(address, &e))
        }
        _ => Ok(None),
    };
    let Some(boot) = in_its_network(boot, known) else { return Ok(None) };
    let boot = &boot;
    let Some(client_id) = text(&boot.azure.identity, "clientId") else { return Ok(None) };
    let Some(cluster_ca) = authority(&boot.pki.cluster_ca)? else { return Ok(None) };
    let mut keys = ClusterKeys {
        server: Server { host: boot.endpoint.0.clone(), port: boot.endpoint.1 },
        transport: Transport::Direct,
        cluster_ca,
        cluster_ca_rotation: 0, // nothing in user-data says it
        etcd_ca: None,
        front_proxy_ca: None,
        front_proxy_ca_rotation: 0,
        service_account: None,
    };
    if boot.first {
        keys.etcd_ca = authority(&boot.pki.etcd_ca)?;
        keys.front_proxy_ca = authority(&boot.pki.front_proxy_ca)?;
        keys.service_account = text(&boot.pki.service_account, "privateKey")
            .map(|key| ServiceAccountKey::from_pem(&key))
            .transpose()
            .map_err(|error| unreadable(&boot.pki.service_account, &error))?;
        if keys.etcd_ca.is_none() || keys.front_proxy_ca.is_none() || keys.service_account.is_none() {
            return Ok(None);
        }
    }
    boot::custom_data(boot, &client_id, &keys).map(Some).map_err(|problem| vec![*problem])
}

/// The boot with what only the subnets of an existing network say; `None` while these are not read.
fn in_its_network(boot: &NodeBoot, known: &dyn Known) -> Option<NodeBoot> {
    let mut boot = boot.clone();
    for (place, address) in boot.azure.existing_subnets.clone().iter().enumerate() {
        let subnet = known.object(address)?;
        let of = |name: &str| subnet.value.at(&Path::root().name("properties").name(name));
        let id = |name: &str| Some(ResourceId::new(of(name)?.get("id")?.as_str()?));
        if place == 0 {
            boot.azure.worker_security_group = id("networkSecurityGroup");
            boot.azure.route_table = id("routeTable");
        }
        let prefixes = of("addressPrefixes").and_then(Value::as_sequence).into_iter().flatten();
        for prefix in prefixes.chain(of("addressPrefix")).filter_map(Value::as_str) {
            // Nodes reach each other without a proxy.
            if let Some(proxy) = &mut boot.proxy
                && !proxy.no_proxy.iter().any(|known| known == prefix)
            {
                proxy.no_proxy.push(prefix.to_owned());
            }
        }
    }
    Some(boot)
}

/// Objects that hold nothing of a user.
fn own(objects: Objects) -> Value {
    Value::object(objects.iter().map(|(key, object)| (key.as_str(), from_json(object))))
}

/// Objects of ours; those that know a proxy with a password are hidden.
fn knowing(objects: Objects, facts: &ClusterFacts) -> Value {
    let secrets = facts.proxy.iter().flat_map(|proxy| [&proxy.http, &proxy.https]).flatten();
    let has_password = secrets.into_iter().any(|address| address.contains('@'));
    Value::object(objects.iter().map(|(key, object)| {
        let value = from_json(object);
        let hidden = has_password && key.starts_with("apps/v1/Deployment/");
        (key.as_str(), if hidden { value.sensitive() } else { value })
    }))
}

/// Two sets of objects as one; the second wins.
fn and(first: Value, second: Value) -> Value {
    let entries = |value: &Value| value.as_entries().cloned().unwrap_or_default();
    Value::object(entries(&first).into_iter().chain(entries(&second)))
}

fn layer(spec: &LayerSpec, cluster: &ClusterBlock, span: Span) -> Result<Option<Value>, Diagnostics> {
    let facts = facts(spec, cluster).map_err(|error| unusable(&error, span))?;
    let theirs = || users(spec.layer.manifests(), &cluster.unit, span);
    match &spec.layer {
        Layer::CloudProvider { manifests } if manifests.files.is_empty() => {
            Ok(Some(knowing(manifests::cloud_provider(&facts), &facts)))
        }
        Layer::Network { cni: Cni::AzureRoutes, .. } => {
            Ok(theirs()?.map(|theirs| and(own(manifests::network_azure_routes(&facts)), theirs)))
        }
        Layer::Storage { csi: Csi::AzureDisk, default_class, .. } => {
            let class = default_class.as_ref().map(|class| DefaultClass {
                sku: class.sku.replace("_ZRS", "_LRS"),
                zone_redundant: class.zone_redundant,
            });
            let ours = manifests::storage_azuredisk(&facts, class.as_ref())
                .map_err(|error| unusable(&error.to_string(), span))?;
            Ok(theirs()?.map(|theirs| and(knowing(ours, &facts), theirs)))
        }
        Layer::CloudProvider { .. } | Layer::Network { .. } | Layer::Storage { .. } => theirs(),
    }
}

fn addon(addon: &Addon, unit: &Evaluator) -> Result<Option<Value>, Diagnostics> {
    users(&addon.manifests, unit, addon.span)
}

/// The objects in a user's files; `None` while a value in them is not known.
fn users(wanted: &Manifests, unit: &Evaluator, span: Span) -> Result<Option<Value>, Diagnostics> {
    let span = wanted.span.unwrap_or(span);
    let mut documents: Vec<Json> = Vec::new();
    let mut secret = BTreeSet::new();
    for file in &wanted.files {
        let Some(found) = unit.documents(file, &wanted.values, span)? else { return Ok(None) };
        for document in found {
            let json =
                to_json(&document).map_err(|_| unusable(&format!("{file} holds what is not known"), span))?; // impossible: it is text
            if document.contains_sensitive() {
                let of_it = manifests::collect(std::slice::from_ref(&json), wanted.namespace.as_deref());
                secret.extend(of_it.unwrap_or_default().into_keys());
            }
            documents.push(json);
        }
    }
    let objects = manifests::collect(&documents, wanted.namespace.as_deref()).map_err(|found| {
        let files = wanted.files.join(", ");
        let say = |error: &dyn std::fmt::Display| unusable(&format!("{files}: {error}"), span);
        found.iter().flat_map(|error| say(error)).collect::<Diagnostics>()
    })?;
    Ok(Some(Value::object(objects.iter().map(|(key, object)| {
        let value = from_json(object);
        (key.as_str(), if secret.contains(key) || is_secret(key) { value.sensitive() } else { value })
    }))))
}

/// True for a Secret, whoever wrote what is in it: a file without a single variable holds the password all the same, and
/// controllers fill in others.
fn is_secret(key: &str) -> bool {
    key.starts_with("v1/Secret/")
}

fn binding(binding: &Binding, span: Span) -> Result<Objects, Diagnostics> {
    let spec = BindingSpec {
        name: binding.name.clone(),
        target: match &binding.namespace {
            Some(namespace) => BindingTarget::Namespace(namespace.clone()),
            None => BindingTarget::Cluster,
        },
        role: binding.role.clone(),
        users: binding.users.clone(),
        groups: binding.groups.clone(),
        service_accounts: binding
            .service_accounts
            .iter()
            .map(|(space, name)| format!("{space}:{name}"))
            .collect(),
    };
    manifests::role_binding(&spec).map_err(|error| unusable(&error.to_string(), span))
}

fn namespace(namespace: &Namespace) -> Objects {
    manifests::namespace(&NamespaceSpec {
        name: namespace.name.clone(),
        cpu: namespace.cpu.clone(),
        memory: namespace.memory.clone(),
        gpu: namespace.gpu.map(u64::from),
        labels: namespace.labels.clone(),
    })
}

fn facts(spec: &LayerSpec, cluster: &ClusterBlock) -> Result<ClusterFacts, String> {
    let of = &spec.cluster;
    Ok(ClusterFacts {
        name: of.name.clone(),
        kubernetes: KubernetesVersion::try_from(of.kubernetes.clone()).map_err(|error| error.to_string())?,
        control_planes: of.control_plane_nodes as usize,
        control_plane_taints: boot::taints(&cluster.expansion.cluster.control_plane.taints)?,
        pod_cidr: of.pod_cidr.clone(),
        network: if of.azure_routes { PodNetwork::AzureRoutes } else { PodNetwork::Manifests },
        proxy: of.proxy.as_ref().map(boot::proxy),
    })
}

fn unusable(text: &str, span: Span) -> Diagnostics {
    vec![Diagnostic::error(UNUSABLE, text).at(span, "comes from here")]
}
