//! kube-proxy and CoreDNS, which run in the cluster and are installed by `kubeadm init` only once.
//!
//! A cluster may be without either (some pod networks do the work of kube-proxy): what is not there is not made.

use kube::Client;
use lazuli_core::Json;
use lazuli_core::provider::{ProviderError, Watch};
use serde_json::json;
use tokio::time::Instant;

use super::edit::{self, Changed, change, change_text};
use super::{image, merge, version};
use crate::objects::api_resource::Paths;
use crate::objects::apply::Work;
use crate::objects::ready;
use crate::objects::set::{Key, SetName};
use crate::objects::wire::Wire;
use crate::objects::{NotASet, Patience};
use crate::version::KubernetesVersion;

const PROXY: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy";
const PROXY_CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const PROXY_KEY: &str = "config.conf";
const DNS: &str = "/apis/apps/v1/namespaces/kube-system/deployments/coredns";

/// On `kubeadm-config`: the version of the components where no image tells it.
const ANNOTATION: &str = "lazuli.dev/components-version";
/// On `kubeadm-config` from the first change until all of it is ready: what was left in between has no version yet.
const UNFINISHED: &str = "lazuli.dev/components-unfinished";
/// On the pods of kube-proxy: they read their configuration only when they start.
const CONFIG_ANNOTATION: &str = "lazuli.dev/config";

/// Brings the components to the version. `properties` are `kubernetesVersion`, and if wanted `kubeProxy` (fields of its
/// configuration) and `coreDnsVersion` (instead of the one that goes with the version). CoreDNS is never made older,
/// unless its version is given. Waits for what was changed to be ready.
///
/// # Errors
/// What the API server refused, or what did not become ready in time and why.
pub async fn put(
    client: &Client,
    properties: &Json,
    previous: Option<&Json>,
    patience: Patience,
    watch: &dyn Watch,
) -> Result<Json, ProviderError> {
    let wire = Wire::new(client);
    let version = version(properties)?;
    let mut waiting = Vec::new();
    let there = seen(&wire).await?;
    let was_left = there.as_ref().is_some_and(|there| there.get("kubernetesVersion").is_none());
    let there = there.unwrap_or_default();
    if !is_current(&there, properties, previous, &version) {
        annotate(&wire, UNFINISHED, Some("true")).await?;
    }
    let waits = |changed| changed == Changed::Written || (was_left && changed == Changed::Nothing);
    if waits(proxy(&wire, properties, previous, &version, watch).await?) {
        waiting.extend(Key::parse("apps/v1/DaemonSet/kube-system/kube-proxy"));
    }
    if waits(dns(&wire, properties, &version, watch).await?) {
        waiting.extend(Key::parse("apps/v1/Deployment/kube-system/coredns"));
    }
    let paths = Paths::default();
    let set = SetName::new("layers", "components").map_err(not_a_set)?;
    let deadline = Instant::now() + patience.ready;
    let work = Work { wire: &wire, paths: &paths, set: &set, deadline, watch };
    ready::wait(&work, &waiting.iter().collect::<Vec<_>>()).await?;
    annotate(&wire, UNFINISHED, None).await?;
    Ok(observe(client).await?.unwrap_or_else(|| json!({ "kubernetesVersion": version.tag() })))
}

/// Whether nothing has to be changed.
fn is_current(there: &Json, properties: &Json, previous: Option<&Json>, version: &KubernetesVersion) -> bool {
    let mut proxy = there["kubeProxy"].clone();
    if properties["kubeProxy"].is_object() {
        merge::merge(&mut proxy, &properties["kubeProxy"], previous.map(|previous| &previous["kubeProxy"]));
    }
    let dns =
        there["coreDnsVersion"].as_str().is_none_or(|live| dns_tag(properties, version, live).is_none());
    there["kubernetesVersion"] == version.tag() && proxy == there["kubeProxy"] && dns
}

/// The tag that CoreDNS is to have instead of the one it has.
fn dns_tag(properties: &Json, version: &KubernetesVersion, live: &str) -> Option<String> {
    let usual = image::coredns(version.minor());
    match properties["coreDnsVersion"].as_str() {
        Some(exactly) => (exactly != live).then(|| exactly.to_owned()),
        None => image::is_newer(usual, live).then(|| usual.to_owned()),
    }
}

fn not_a_set(error: NotASet) -> ProviderError {
    ProviderError::own("BadSet", error.to_string(), lazuli_core::provider::Outcome::Nothing)
}

async fn proxy(
    wire: &Wire,
    properties: &Json,
    previous: Option<&Json>,
    version: &KubernetesVersion,
    watch: &dyn Watch,
) -> Result<Changed, ProviderError> {
    let mut config = None;
    if properties["kubeProxy"].is_object() {
        let before = previous.map(|previous| &previous["kubeProxy"]);
        let edit = |live: &mut Json| merge::merge(live, &properties["kubeProxy"], before);
        if change_text(wire, PROXY_CONFIG, PROXY_KEY, edit).await? == Changed::Written {
            config = edit::read(wire, PROXY_CONFIG, PROXY_KEY).await?.map(|config| digest(&config));
        }
    }
    let changed = change(wire, PROXY, |object| {
        retag(object, "kube-proxy", |_| Some(version.tag()));
        if let Some(digest) = &config {
            let metadata = &mut object["spec"]["template"]["metadata"];
            if !metadata["annotations"].is_object() {
                metadata["annotations"] = json!({});
            }
            metadata["annotations"][CONFIG_ANNOTATION] = json!(digest);
        }
        Ok(())
    })
    .await?;
    match changed {
        Changed::Written => watch.progress(&format!("kube-proxy goes to {version}")),
        Changed::Nothing => {}
        // Nothing in the cluster tells its version then.
        Changed::Missing => {
            annotate(wire, ANNOTATION, Some(&version.tag())).await?;
        }
    }
    Ok(changed)
}

async fn dns(
    wire: &Wire,
    properties: &Json,
    version: &KubernetesVersion,
    watch: &dyn Watch,
) -> Result<Changed, ProviderError> {
    let changed = change(wire, DNS, |object| {
        retag(object, "coredns", |live| dns_tag(properties, version, live));
        Ok(())
    })
    .await?;
    if changed == Changed::Written {
        let tag = properties["coreDnsVersion"].as_str().unwrap_or(image::coredns(version.minor()));
        watch.progress(&format!("CoreDNS goes to {tag}"));
    }
    Ok(changed)
}

/// Says something on `kubeadm-config`, or no longer.
async fn annotate(wire: &Wire, name: &str, value: Option<&str>) -> Result<Changed, ProviderError> {
    change(wire, super::KUBEADM, |map| {
        let there = map.pointer_mut("/metadata/annotations").and_then(Json::as_object_mut);
        match (value, there) {
            (Some(value), Some(there)) => _ = there.insert(name.to_owned(), value.into()),
            (Some(value), None) => map["metadata"]["annotations"] = json!({ name: value }),
            (None, Some(there)) => _ = there.remove(name),
            (None, None) => {}
        }
        Ok(())
    })
    .await
}

/// Gives the image of a container another tag.
fn retag(object: &mut Json, container: &str, tag: impl Fn(&str) -> Option<String>) {
    let containers = object.pointer_mut("/spec/template/spec/containers").and_then(Json::as_array_mut);
    for found in containers.into_iter().flatten().filter(|found| found["name"] == container) {
        let Some(live) = found["image"].as_str() else { continue };
        let Some(wanted) = tag(image::tag(live).unwrap_or_default()) else { continue };
        if image::tag(live) != Some(wanted.as_str()) {
            found["image"] = Json::from(image::with_tag(live, &wanted));
        }
    }
}

fn digest(config: &Json) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, config.to_string().as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The components as they are; `None` when nothing in the cluster tells their version.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn observe(client: &Client) -> Result<Option<Json>, ProviderError> {
    seen(&Wire::new(client)).await
}

/// The same, through a wire that may have read it already.
pub(crate) async fn seen(wire: &Wire) -> Result<Option<Json>, ProviderError> {
    let mut properties = json!({});
    let kubeadm = wire.get(super::KUBEADM).await?.unwrap_or_default();
    let annotations = &kubeadm["metadata"]["annotations"];
    if annotations.get(UNFINISHED).is_some() {
        return Ok(Some(properties));
    }
    let proxy = wire.get(PROXY).await?;
    let version = match &proxy {
        Some(object) => tag_of(object, "kube-proxy"),
        None => annotations[ANNOTATION].as_str().map(str::to_owned),
    };
    let Some(version) = version else { return Ok(None) };
    properties["kubernetesVersion"] = json!(version);
    if proxy.is_some()
        && let Some(config) = edit::read(wire, PROXY_CONFIG, PROXY_KEY).await?
    {
        properties["kubeProxy"] = config;
    }
    if let Some(tag) = wire.get(DNS).await?.and_then(|object| tag_of(&object, "coredns")) {
        properties["coreDnsVersion"] = json!(tag);
    }
    Ok(Some(properties))
}

fn tag_of(object: &Json, container: &str) -> Option<String> {
    let containers = object.pointer("/spec/template/spec/containers")?.as_array()?;
    let found = containers.iter().find(|found| found["name"] == container)?;
    image::tag(found["image"].as_str()?).map(str::to_owned)
}
