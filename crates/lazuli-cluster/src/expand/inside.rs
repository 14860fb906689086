//! What is inside the cluster: settings, layers, add-ons, bindings and namespaces, in their order.

use lazuli_core::resource::Timeouts;
use lazuli_core::{Address, Span, Type, Value};

use super::boot::Pki;
use super::content::{ClusterFacts, Content, Layer, LayerSpec};
use super::first_boot::{azure_facts, boot, proxied};
use super::part::{Part, Site, object};
use super::phase::Phase;
use super::surroundings::Surroundings;
use crate::spec::{Cluster, Cni, Csi, Profile};

/// How long a step on objects may take at least, in seconds: longer than it waits itself (20 minutes), since its own
/// waiting ends with what is not ready and why.
const STEP: u64 = 25 * 60;

/// The address of a layer.
pub(crate) fn layer(cluster: &Address, name: &str) -> Address {
    cluster.keyed("layer", name)
}

/// What the layers come after, and before what.
pub(super) struct Order<'a> {
    pub(super) phase: Phase<'a>,
    /// The member that makes the cluster, while it is still to be made.
    pub(super) init: Option<&'a Address>,
    /// The members of the control plane.
    pub(super) control_plane: &'a [Address],
}

/// Adds everything that is inside the cluster.
pub(super) fn expand(site: &Site<'_>, around: &Surroundings<'_>, order: &Order<'_>, parts: &mut Vec<Part>) {
    let cluster = site.cluster;
    let profile = &cluster.profile;
    let at = |name: &str| layer(&cluster.address, name);
    let span = profile.span;
    let made: Vec<(Address, &str)> =
        order.init.iter().map(|member| ((*member).clone(), "the first node makes the cluster")).collect();
    let not_newer = "no part is newer than the API server it talks to";
    let current: Vec<(Address, &str)> = order.control_plane.iter().map(|m| (m.clone(), not_newer)).collect();
    let in_turn = "layers go in one after the other";
    let mut after_settings = vec![(at("settings"), in_turn)];
    if order.phase.settled {
        // Nodes of a new cluster wait for these layers; in one that runs, they wait for the control plane.
        after_settings.extend(current.clone());
    }
    parts.push(kubeadm_settings(site, around, &made));
    let mut push = |name: &str, layer: Layer, after: &[(Address, &str)]| {
        let spec = LayerSpec { layer, cluster: facts(site, around) };
        parts.push(objects(
            site,
            at(name),
            "layers",
            name,
            span,
            true,
            Content::Layer(Box::new(spec)),
            after,
        ));
    };
    let manifests = profile.cloud_provider.clone();
    push("cloud_provider", Layer::CloudProvider { manifests }, &after_settings);
    let (cni, manifests) = (profile.cni, profile.network.clone());
    push("network", Layer::Network { cni, manifests }, &[(at("cloud_provider"), in_turn)]);
    let mut last = at("network");
    if profile.storage.csi != Csi::None {
        let storage = profile.storage.clone();
        let layer = Layer::Storage {
            csi: storage.csi,
            manifests: storage.manifests,
            default_class: storage.default_class,
        };
        push("storage", layer, &[(last.clone(), in_turn)]);
        last = at("storage");
    }
    let components = match order.phase.made {
        true => current.clone(),
        // kubeadm has just installed them in this version.
        false => vec![(at("network"), in_turn)],
    };
    let mut properties = vec![("kubernetesVersion", Value::string(tag(profile)))];
    let steps = site.rotations.of_cluster_ca + site.rotations.of_front_proxy_ca;
    if steps > 0 {
        // What no API server trusts any more is taken away from those that were added to the cluster.
        properties.push(("authorityRotation", Value::int(steps)));
    }
    parts.push(settings(site, "components", Value::object(properties), &components));
    for addon in &profile.addons {
        let address = cluster.address.keyed("addon", &addon.name);
        let after = [(last, "add-ons go in one after the other, in the order written")];
        let content = Content::Addon(Box::new(addon.clone()));
        parts.push(objects(site, address.clone(), "addons", &addon.name, addon.span, true, content, &after));
        last = address;
    }
    for namespace in &cluster.namespaces {
        let address = cluster.address.keyed("namespace", &namespace.name);
        let content = Content::Namespace(Box::new(namespace.clone()));
        parts.push(objects(
            site,
            address,
            "namespaces",
            &namespace.name,
            namespace.span,
            false,
            content,
            &made,
        ));
    }
    for binding in &cluster.bindings {
        let address = cluster.address.keyed("rbac_binding", &binding.name);
        let mut after = made.clone();
        if let Some(namespace) = &binding.namespace
            && cluster.namespaces.iter().any(|own| own.name == *namespace)
        {
            after.push((cluster.address.keyed("namespace", namespace), "the binding holds in it"));
        }
        let content = Content::Binding(Box::new(binding.clone()));
        parts.push(objects(
            site,
            address,
            "roleBindings",
            &binding.name,
            binding.span,
            false,
            content,
            &after,
        ));
    }
}

/// `v1.34.2`
fn tag(profile: &Profile) -> String {
    format!("v{}", profile.kubernetes)
}

/// What kubeadm's own records are to say: all of it, as kubeadm would write it for a new cluster of this version.
fn kubeadm_settings(site: &Site<'_>, around: &Surroundings<'_>, made: &[(Address, &str)]) -> Part {
    let Cluster { profile, control_plane, .. } = site.cluster;
    let gates = profile.feature_gates.iter().map(|(gate, open)| (gate.as_str(), Value::from(*open)));
    let networking = object([
        ("podSubnet", Value::string(profile.pod_cidr.to_string())),
        ("serviceSubnet", Value::string(profile.service_cidr.to_string())),
    ]);
    let mut properties = vec![
        ("kubernetesVersion", Value::string(tag(profile))),
        // What can never change stands here already, the rest is rendered.
        ("clusterConfiguration", object([("networking", networking)])),
        ("kubelet", object([("featureGates", Value::object(gates))])),
    ];
    if site.rotations.of_cluster_ca > 0 {
        properties.push(("authorityRotation", Value::int(site.rotations.of_cluster_ca)));
    }
    let mut part = settings(site, "settings", Value::object(properties), made);
    part.content = Content::Settings(Box::new(boot(site, control_plane, around, "", false)));
    part
}

fn settings(site: &Site<'_>, name: &str, properties: Value, after: &[(Address, &str)]) -> Part {
    let pki = Pki::of(&site.cluster.address);
    let mut draft = site
        .inside(layer(&site.cluster.address, name), "settings", name, site.cluster.profile.span)
        .body([("properties", properties)])
        .on(&pki.cluster_ca, "it is in the cluster");
    for (address, because) in after {
        draft = draft.after(address, because);
    }
    patient(site, draft.transient().done())
}

fn patient(site: &Site<'_>, mut part: Part) -> Part {
    let configured = site.cluster.timeouts;
    let at_least = |configured: Option<u64>| Some(configured.unwrap_or(0).max(STEP));
    part.declaration.timeouts = Timeouts {
        create: at_least(configured.create),
        update: at_least(configured.update),
        delete: configured.delete,
    };
    part
}

#[allow(clippy::too_many_arguments)]
fn objects(
    site: &Site<'_>,
    address: Address,
    ty: &str,
    name: &str,
    span: Span,
    wait: bool,
    content: Content,
    after: &[(Address, &str)],
) -> Part {
    let pki = Pki::of(&site.cluster.address);
    let properties = object([("objects", Value::unknown_of(Type::Any)), ("wait", Value::from(wait))]);
    let needs: Vec<Address> = content.needs().into_iter().cloned().collect();
    let mut draft = site
        .inside(address, ty, name, span)
        .body([("properties", properties)])
        .on(&pki.cluster_ca, "it is in the cluster");
    for address in needs {
        draft = draft.on(&address, "properties.objects");
    }
    for (address, because) in after {
        draft = draft.after(address, because);
    }
    patient(site, draft.with(content).transient().done())
}

fn facts(site: &Site<'_>, around: &Surroundings<'_>) -> ClusterFacts {
    let Cluster { profile, control_plane, workers, name, api_server, proxy, .. } = site.cluster;
    let pools = std::iter::once(control_plane).chain(workers);
    let zones: std::collections::BTreeSet<&String> = pools.flat_map(|pool| &pool.zones).collect();
    ClusterFacts {
        name: name.clone(),
        kubernetes: profile.kubernetes.clone(),
        endpoint: (site.fqdn.clone(), api_server.port),
        pod_cidr: profile.pod_cidr.to_string(),
        service_cidr: profile.service_cidr.to_string(),
        azure_routes: profile.cni == Cni::AzureRoutes,
        control_plane_nodes: control_plane.count,
        workers: workers.iter().map(|pool| pool.count).sum(),
        zones: zones.into_iter().cloned().collect(),
        proxy: proxy.as_ref().map(|proxy| proxied(site, proxy)),
        azure: azure_facts(site, around),
    }
}
