//! `cluster`.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::block::Block;
use lazuli_core::resource::{Lifecycle, Timeouts};
use lazuli_core::{Address, Diagnostic, Diagnostics, Value};

use super::reader::{Reader, shown_of};
use super::{access, api_server, check, name, network, pool};
use crate::spec::{Amount, Cluster, HealthCheck, Profile, Proxy, UpdatePools};

/// Words a tag's key may not begin with: Azure keeps them for itself.
const RESERVED_TAGS: [&str; 3] = ["azure", "microsoft", "windows"];
/// What Lazuli's own tags begin with.
const OWN_TAGS: [&str; 2] = ["lazuli_", "kubernetes.io_cluster_"];

/// What a cluster block does not say itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// `cluster.prod`
    pub address: Address,
    /// Its `lifecycle` block.
    pub lifecycle: Lifecycle,
    /// Its `timeouts` block.
    pub timeouts: Timeouts,
}

/// Decodes a cluster. Warnings come with it.
///
/// # Errors
/// Everything that is wrong with it; without its profile, which has mistakes of its own then, nothing is right.
pub fn cluster(
    block: &Block,
    profile: Option<Profile>,
    context: Context,
) -> Result<(Cluster, Diagnostics), Diagnostics> {
    let mut read = Reader::default();
    let name = cluster_name(&mut read, block, &context.address);
    let account = read.text(block, "cloud_account");
    let region = region(&mut read, block);
    let resource_group = name::RESOURCE_GROUP.read(&mut read, block, "resource_group");
    let ssh_key = read.text(block, "ssh_key").and_then(|key| public_key(&mut read, block, &key));
    let tags = tags(&mut read, block);
    let network = block
        .block("network")
        .and_then(|b| network::network(&mut read, b, resource_group.as_deref().unwrap_or("")));
    let api_server = api_server::api_server(&mut read, block, name.as_deref(), network.as_ref());
    let existing_identity = block.block("identity").and_then(|b| identity(&mut read, b));
    let proxy = block.block("proxy").and_then(|b| proxy(&mut read, b));
    let control_plane = block.block("control_plane").and_then(|b| pool::control_plane(&mut read, b));
    let workers: Vec<_> = block.blocks_named("worker_pool").map(|b| pool::worker(&mut read, b)).collect();
    let bindings = access::bindings(&mut read, block);
    let namespaces = access::namespaces(&mut read, block);
    let health_check = health_check(&mut read, block.block("health_check"));
    let words = [("sequential", UpdatePools::Sequential), ("parallel", UpdatePools::Parallel)];
    let update_pools = match block.attribute("update_pools") {
        Some(_) => read.choice(block, "update_pools", &words),
        None => Some(UpdatePools::Sequential),
    };
    let (Some(name), Some(account), Some(region), Some(resource_group), Some(ssh_key)) =
        (name, account, region, resource_group, ssh_key)
    else {
        return Err(read.problems);
    };
    let (Some(network), Some(api_server), Some(control_plane)) = (network, api_server, control_plane) else {
        return Err(read.problems);
    };
    let Some(workers) = workers.into_iter().collect::<Option<Vec<_>>>() else { return Err(read.problems) };
    let (Some(update_pools), Some(health_check), Some(profile)) = (update_pools, health_check, profile)
    else {
        return Err(read.problems);
    };
    let cluster = Cluster {
        address: context.address,
        name,
        account: account.into(),
        profile,
        region,
        resource_group,
        ssh_key,
        tags,
        network,
        api_server,
        existing_identity,
        proxy,
        control_plane,
        workers,
        update_pools,
        health_check,
        bindings,
        namespaces,
        lifecycle: context.lifecycle,
        timeouts: context.timeouts,
        span: block.span,
    };
    check::whole(&mut read, block, &cluster);
    if read.problems.is_empty() { Ok((cluster, read.warnings)) } else { Err(read.problems) }
}

/// The written name, else the label of the block.
fn cluster_name(read: &mut Reader, block: &Block, address: &Address) -> Option<String> {
    if block.attribute("name").is_some() {
        return name::CLUSTER.read(read, block, "name");
    }
    if address.segments().last().is_some_and(|segment| segment.key.is_some()) {
        read.problem(
            Diagnostic::error("LZ0225", "clusters made by count or for_each need a `name` each")
                .at(block.span, "all of them would be called the same")
                .help("for example name = \"prod-${each.key}\""),
        );
        return None;
    }
    if name::CLUSTER.check(read, block.label(), block.span) {
        return Some(block.label().to_owned());
    }
    let problem = read.problems.pop()?;
    read.problem(problem.help("set `name` when the label of the block cannot be the name in Azure"));
    None
}

/// As Azure spells it: `East US 2` is `eastus2`.
fn region(read: &mut Reader, block: &Block) -> Option<String> {
    let region = read.text(block, "region")?.to_lowercase().replace(' ', "");
    name::REGION.check_value(read, block, "region", &region).then_some(region)
}

fn identity(read: &mut Reader, block: &Block) -> Option<String> {
    let id = read.text(block, "existing")?;
    let parts: Vec<&str> = id.split('/').collect();
    let shape = ["", "subscriptions", "", "resourceGroups", "", "providers", "Microsoft.ManagedIdentity"];
    let good = parts.len() == 9
        && parts[7].eq_ignore_ascii_case("userAssignedIdentities")
        && parts.iter().skip(1).all(|part| !part.is_empty())
        && shape.iter().zip(&parts).all(|(want, part)| want.is_empty() || want.eq_ignore_ascii_case(part));
    if good {
        return Some(id);
    }
    let shape =
        "/subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…";
    read.problem(
        Diagnostic::error("LZ0223", "`existing` must be the id of a user-assigned identity")
            .at(block.span_of("existing"), shape),
    );
    None
}

fn proxy(read: &mut Reader, block: &Block) -> Option<Proxy> {
    let [http, https] = ["http", "https"].map(|name| proxy_url(read, block, name));
    let no_proxy = read.texts(block, "no_proxy");
    if ["http", "https"].iter().all(|name| block.attribute(name).is_none()) {
        read.problem(
            Diagnostic::error("LZ0105", "`proxy` needs `http` or `https`")
                .at(block.span, "which proxy is it?"),
        );
        return None;
    }
    Some(Proxy { http, https, no_proxy })
}

/// `http://proxy:3128`. A password in it would be in every node's user-data and environment.
fn proxy_url(read: &mut Reader, block: &Block, name: &str) -> Option<String> {
    let url = read.text(block, name)?;
    let host = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let wrong = match host {
        Some(host) if host.contains('@') => "user names and passwords of proxies are not supported",
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => return Some(url),
        _ => "a URL such as http://proxy:3128",
    };
    read.problem(
        Diagnostic::error("LZ0223", format!("`{name}` cannot be a proxy")).at(block.span_of(name), wrong),
    );
    None
}

/// The longest anybody may wait for a node, in seconds: a day.
const DAY: u64 = 86_400;

fn health_check(read: &mut Reader, block: Option<&Block>) -> Option<HealthCheck> {
    let mut check = HealthCheck {
        node_startup_timeout: HealthCheck::STARTUP_TIMEOUT,
        unhealthy_after: 5 * 60,
        max_unhealthy: Amount::Percent(40),
    };
    let Some(block) = block else { return Some(check) };
    let known = read.problems.len();
    if block.attribute("node_startup_timeout").is_some()
        && let Some(seconds) = read.seconds(block, "node_startup_timeout", 60..=DAY)
    {
        check.node_startup_timeout = seconds;
    }
    if block.attribute("unhealthy_after").is_some()
        && let Some(seconds) = read.seconds(block, "unhealthy_after", 30..=DAY)
    {
        check.unhealthy_after = seconds;
    }
    if block.attribute("max_unhealthy").is_some()
        && let Some(amount) = read.amount(block, "max_unhealthy", 1000)
    {
        check.max_unhealthy = amount;
    }
    (read.problems.len() == known).then_some(check)
}

fn public_key(read: &mut Reader, block: &Block, key: &str) -> Option<String> {
    let key = key.trim();
    let mut words = key.split_whitespace();
    let kind = words.next().unwrap_or("");
    if (kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-"))
        && words.next().is_some()
    {
        return Some(key.to_owned());
    }
    let text = if key.contains("PRIVATE KEY") {
        "this is a private key: give the public one"
    } else {
        "not a public key"
    };
    // The name is underlined, not the value: what is shown must not be somebody's private key.
    let span = block.attribute("ssh_key").map_or(block.span, |attribute| attribute.name_span);
    read.problem(
        Diagnostic::error("LZ0223", "`ssh_key` must be a public key as OpenSSH writes it")
            .at(span, text)
            .help("for example file(\"id_ed25519.pub\")"),
    );
    None
}

fn tags(read: &mut Reader, block: &Block) -> BTreeMap<Arc<str>, Value> {
    let Some(attribute) = block.attribute("tags") else { return BTreeMap::new() };
    let Some(tags) = attribute.value.as_entries() else {
        read.not_known(attribute, "the names of `tags`");
        return BTreeMap::new();
    };
    let mut seen = BTreeMap::new();
    for (key, value) in tags {
        let lower = key.to_lowercase();
        let shown = |key: &str| shown_of(attribute.value.is_sensitive(), key);
        let name = shown(key);
        let reserved = RESERVED_TAGS.iter().chain(&OWN_TAGS).find(|word| lower.starts_with(**word));
        if let Some(word) = reserved {
            let whose = if OWN_TAGS.contains(word) { "Lazuli" } else { "Azure" };
            read.problem(
                Diagnostic::error("LZ0214", format!("the tag `{name}` is reserved"))
                    .at(attribute.span, format!("keys that begin with `{word}` belong to {whose}")),
            );
        }
        if let Some(other) = seen.insert(lower, key) {
            read.problem(
                Diagnostic::error(
                    "LZ0214",
                    format!("the tags `{}` and `{name}` are the same one", shown(other)),
                )
                .at(attribute.span, "Azure does not tell upper and lower case apart in keys"),
            );
        }
        if value.as_str().is_some_and(|text| text.chars().count() > 256) {
            read.problem(
                Diagnostic::error("LZ0214", format!("the value of the tag `{name}` is too long"))
                    .at(attribute.span, "at most 256 characters"),
            );
        }
        if key.is_empty() || key.len() > 512 || key.contains(['<', '>', '%', '&', '\\', '?', '/']) {
            read.problem(
                Diagnostic::error("LZ0214", format!("`{name}` cannot be the key of a tag"))
                    .at(attribute.span, "1 to 512 characters, none of < > % & \\ ? /"),
            );
        }
    }
    if tags.len() > 45 {
        read.problem(
            Diagnostic::error("LZ0214", format!("{} tags are too many", tags.len()))
                .at(attribute.span, "Azure allows 50, of which Lazuli needs 5"),
        );
    }
    tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
