//! `cluster`.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::block::Block;
use lazuli_core::resource::{Lifecycle, Timeouts};
use lazuli_core::{Address, Diagnostic, Diagnostics, Value};

use super::reader::Reader;
use super::{check, network, pool};
use crate::spec::{ApiServer, Cluster, Profile};

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
/// Everything that is wrong with it.
pub fn cluster(
    block: &Block,
    profile: Profile,
    context: Context,
) -> Result<(Cluster, Diagnostics), Diagnostics> {
    let mut read = Reader::default();
    let name = if block.attribute("name").is_some() {
        read.text(block, "name")
    } else {
        Some(block.label().to_owned())
    };
    let name = name.filter(|name| cluster_name(&mut read, block, name));
    let account = read.text(block, "cloud_account");
    let region = read.text(block, "region").map(|region| region.to_lowercase().replace(' ', ""));
    let resource_group = read.text(block, "resource_group");
    let ssh_key = read.text(block, "ssh_key").and_then(|key| public_key(&mut read, block, &key));
    let tags = tags(&mut read, block);
    let network = block
        .block("network")
        .and_then(|b| network::network(&mut read, b, resource_group.as_deref().unwrap_or("")));
    let api_server = api_server(&mut read, block);
    let existing_identity = block.block("identity").and_then(|b| read.text(b, "existing"));
    if let Some(proxy) = block.block("proxy") {
        read.not_supported(proxy.span, "`proxy`");
    }
    let control_plane = block.block("control_plane").and_then(|b| pool::control_plane(&mut read, b));
    let workers: Vec<_> = block.blocks_named("worker_pool").map(|b| pool::worker(&mut read, b)).collect();
    let mut warnings = Diagnostics::new();
    for later in
        block.blocks.iter().filter(|b| matches!(&*b.name, "health_check" | "rbac_binding" | "namespace"))
    {
        warnings.push(
            Diagnostic::warning(
                "LZ0231",
                format!("`{}` is checked, but this version of Lazuli does not act on it yet", later.name),
            )
            .at(later.span, "has no effect"),
        );
    }
    if let Some(choice) = block.attribute("update_pools") {
        let words = [("sequential", ()), ("parallel", ())];
        if read.choice(block, "update_pools", &words).is_some() {
            warnings.push(
                Diagnostic::warning(
                    "LZ0231",
                    "`update_pools` is checked, but this version of Lazuli does not act on it yet",
                )
                .at(choice.span, "has no effect"),
            );
        }
    }
    let (Some(name), Some(account), Some(region), Some(resource_group), Some(ssh_key)) =
        (name, account, region, resource_group, ssh_key)
    else {
        return Err(read.problems);
    };
    let (Some(network), Some(api_server), Some(control_plane)) = (network, api_server, control_plane) else {
        return Err(read.problems);
    };
    let Some(workers) = workers.into_iter().collect::<Option<Vec<_>>>() else { return Err(read.problems) };
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
        control_plane,
        workers,
        lifecycle: context.lifecycle,
        timeouts: context.timeouts,
        span: block.span,
    };
    check::whole(&mut read, &cluster);
    if read.problems.is_empty() { Ok((cluster, warnings)) } else { Err(read.problems) }
}

/// At most 44 characters, a letter first: it begins the DNS label of the API's address.
fn cluster_name(read: &mut Reader, block: &Block, name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = name.len() <= 44
        && name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(letters);
    if !good {
        let span = if block.attribute("name").is_some() { block.span_of("name") } else { block.span };
        read.problem(
            Diagnostic::error("LZ0213", format!("`{name}` cannot be the name of a cluster"))
                .at(span, "2 to 44 lower-case letters, digits and hyphens, a letter first")
                .help("set `name` when the label of the block cannot be the name in Azure"),
        );
    }
    good
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
    read.problem(
        Diagnostic::error("LZ0211", "`ssh_key` must be a public key as OpenSSH writes it")
            .at(block.span_of("ssh_key"), text)
            .help("for example file(\"id_ed25519.pub\")"),
    );
    None
}

fn tags(read: &mut Reader, block: &Block) -> BTreeMap<Arc<str>, Value> {
    let Some(attribute) = block.attribute("tags") else { return BTreeMap::new() };
    let Some(tags) = attribute.value.as_entries() else {
        read.problem(
            Diagnostic::error("LZ0210", "the names of `tags` must be known before anything is applied")
                .at(attribute.span, "this is known only after apply"),
        );
        return BTreeMap::new();
    };
    for key in tags.keys() {
        let lower = key.to_lowercase();
        let reserved = RESERVED_TAGS.iter().chain(&OWN_TAGS).find(|word| lower.starts_with(**word));
        if let Some(word) = reserved {
            let whose = if OWN_TAGS.contains(word) { "Lazuli" } else { "Azure" };
            read.problem(
                Diagnostic::error("LZ0214", format!("the tag `{key}` is reserved"))
                    .at(attribute.span, format!("keys that begin with `{word}` belong to {whose}")),
            );
        }
        if key.len() > 512 || key.contains(['<', '>', '%', '&', '\\', '?', '/']) {
            read.problem(
                Diagnostic::error("LZ0214", format!("`{key}` cannot be the key of a tag"))
                    .at(attribute.span, "at most 512 characters, none of < > % & \\ ? /"),
            );
        }
    }
    if tags.len() > 45 {
        read.problem(
            Diagnostic::error("LZ0214", format!("{} tags are too many", tags.len()))
                .at(attribute.span, "Azure allows 50, of which Lazuli needs 5"),
        );
    }
    tags.clone()
}

fn api_server(read: &mut Reader, cluster: &Block) -> Option<ApiServer> {
    let Some(block) = cluster.block("api_server") else {
        return Some(ApiServer { port: 6443, authorized_ranges: Vec::new(), span: cluster.span });
    };
    if block.attribute("access").is_some()
        && read.choice(block, "access", &[("public", true), ("private", false)]) == Some(false)
    {
        read.not_supported(block.span_of("access"), "a private API server");
    }
    if let Some(private) = block.block("private") {
        read.not_supported(private.span, "`private`");
    }
    if block.attribute("transport").is_some()
        && read.choice(block, "transport", &[("direct", true), ("run_command", false)]) == Some(false)
    {
        read.not_supported(block.span_of("transport"), "`transport = \"run_command\"`");
    }
    let port = match block.attribute("port") {
        Some(_) => read.int(block, "port", 1..=65535)?,
        None => 6443,
    };
    let authorized_ranges = read.texts(block, "authorized_ranges");
    for range in &authorized_ranges {
        let is_network =
            range.parse::<ipnet::Ipv4Net>().is_ok() || range.parse::<std::net::Ipv4Addr>().is_ok();
        if !is_network {
            read.problem(
                Diagnostic::error("LZ0211", format!("`{range}` is not an IPv4 address or network"))
                    .at(block.span_of("authorized_ranges"), "for example 203.0.113.0/24"),
            );
        }
    }
    Some(ApiServer { port: u16::try_from(port).ok()?, authorized_ranges, span: block.span })
}
