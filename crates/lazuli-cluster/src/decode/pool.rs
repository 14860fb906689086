//! `control_plane` and `worker_pool`.

use std::collections::BTreeMap;

use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Value};

use super::reader::Reader;
use crate::spec::{Disk, Pool, Role, Taint, Update};

pub(super) fn control_plane(read: &mut Reader, block: &Block) -> Option<Pool> {
    let count = match block.attribute("count") {
        None => Some(3),
        Some(_) => match read.int(block, "count", 1..=5)? {
            count @ (1 | 3 | 5) => Some(count),
            count => {
                read.problem(
                    Diagnostic::error(
                        "LZ0208",
                        format!("{count} control-plane nodes cannot hold an etcd quorum"),
                    )
                    .at(block.span_of("count"), "use 1, 3 or 5"),
                );
                None
            }
        },
    };
    let mut taints = taints(read, block);
    if !read.truth(block, "schedulable") {
        taints.push(Taint {
            key: "node-role.kubernetes.io/control-plane".into(),
            value: String::new(),
            effect: "NoSchedule".into(),
        });
    }
    let etcd = disk(read, block.block("etcd_disk"), 256);
    let update = Update { create_first: true, window: 1 };
    let pool = pool(read, block, Role::ControlPlane, count, taints, update)?;
    Some(Pool { etcd_disk: Some(etcd?), ..pool })
}

pub(super) fn worker(read: &mut Reader, block: &Block) -> Option<Pool> {
    let name = block.label().to_owned();
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = (1..=24).contains(&name.len())
        && name.chars().all(letters)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    if !good || name == "cp" {
        let text = if name == "cp" {
            "names of control-plane nodes have it"
        } else {
            "1 to 24 lower-case letters, digits and hyphens, a letter first"
        };
        let span = block.labels.first().map_or(block.span, |label| label.span);
        read.problem(
            Diagnostic::error("LZ0213", format!("`{name}` cannot be the name of a worker pool"))
                .at(span, text),
        );
    }
    let count = read.int(block, "count", 0..=1000);
    let taints = taints(read, block);
    let update = update(read, block);
    if let Some(cordon) =
        block.attribute("cordon").filter(|a| a.value.as_sequence().is_some_and(|s| !s.is_empty()))
    {
        read.not_supported(cordon.span, "`cordon`");
    }
    pool(read, block, Role::Worker(name), count, taints, update?)
}

fn pool(
    read: &mut Reader,
    block: &Block,
    role: Role,
    count: Option<i64>,
    taints: Vec<Taint>,
    update: Update,
) -> Option<Pool> {
    let instance_type = read.text(block, "instance_type");
    let zones = zones(read, block);
    let os_disk = disk(read, block.block("os_disk"), 128);
    let spot = block.block("spot").map(|b| b.value("max_price").cloned().unwrap_or_else(|| Value::int(-1)));
    let kubelet_args = block.block("kubelet").map(|b| read.text_map(b, "extra_args")).unwrap_or_default();
    Some(Pool {
        role,
        count: u32::try_from(count?).ok()?,
        instance_type: instance_type?,
        zones: zones?,
        os_disk: os_disk?,
        etcd_disk: None,
        encryption_at_host: read.truth(block, "encryption_at_host"),
        spot,
        labels: labels(read, block),
        taints,
        pre_bootstrap: read.texts(block, "pre_bootstrap_commands"),
        post_bootstrap: read.texts(block, "post_bootstrap_commands"),
        kubelet_args,
        update,
        span: block.span,
    })
}

fn zones(read: &mut Reader, block: &Block) -> Option<Vec<String>> {
    if block.attribute("zones").is_none() {
        return Some(["1", "2", "3"].map(str::to_owned).to_vec());
    }
    let mut zones = read.texts(block, "zones");
    zones.sort();
    zones.dedup();
    if let Some(odd) = zones.iter().find(|zone| !matches!(zone.as_str(), "1" | "2" | "3")) {
        read.problem(
            Diagnostic::error("LZ0209", format!("there is no zone \"{odd}\""))
                .at(block.span_of("zones"), "zones are \"1\", \"2\" and \"3\""),
        );
        return None;
    }
    if zones.is_empty() {
        read.problem(
            Diagnostic::error("LZ0209", "no zone is left for these nodes")
                .at(block.span_of("zones"), "at least one of \"1\", \"2\", \"3\"")
                .help("leave `zones` out to spread over all three"),
        );
        return None;
    }
    Some(zones)
}

fn disk(read: &mut Reader, block: Option<&Block>, default_gb: i64) -> Option<Disk> {
    let Some(block) = block else { return Some(Disk { size_gb: default_gb, sku: "Premium_LRS".into() }) };
    let size_gb = match block.attribute("size_gb") {
        Some(_) => read.int(block, "size_gb", 4..=4095)?,
        None => default_gb,
    };
    let skus = [
        "Premium_LRS",
        "Premium_ZRS",
        "PremiumV2_LRS",
        "StandardSSD_LRS",
        "StandardSSD_ZRS",
        "Standard_LRS",
        "UltraSSD_LRS",
    ];
    let sku = match block.attribute("type") {
        Some(_) => read.choice(block, "type", &skus.map(|sku| (sku, sku)))?,
        None => "Premium_LRS",
    };
    Some(Disk { size_gb, sku: sku.to_owned() })
}

fn labels(read: &mut Reader, block: &Block) -> BTreeMap<String, String> {
    let labels = read.text_map(block, "labels");
    for (key, value) in &labels {
        let plain = |text: &str| {
            text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        };
        if key.is_empty() || !plain(key) || !plain(value) || value.contains('/') || value.len() > 63 {
            read.problem(
                Diagnostic::error("LZ0217", format!("`{key} = {value}` cannot be a label of a node")).at(
                    block.span_of("labels"),
                    "letters, digits, - _ . and at most 63 characters in the value",
                ),
            );
        }
    }
    labels
}

fn taints(read: &mut Reader, block: &Block) -> Vec<Taint> {
    let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"].map(|effect| (effect, effect));
    let taints = block.blocks_named("taint").filter_map(|taint| {
        let effect = read.choice(taint, "effect", &effects)?;
        Some(Taint {
            key: taint.label().to_owned(),
            value: read.text(taint, "value").unwrap_or_default(),
            effect: effect.to_owned(),
        })
    });
    taints.collect()
}

/// Nodes of a pool are replaced one at a time unless `max_surge` or `max_unavailable` allow more.
fn update(read: &mut Reader, pool: &Block) -> Option<Update> {
    let Some(block) = pool.block("update") else { return Some(Update { create_first: true, window: 1 }) };
    let strategies = [("expand_first", true), ("contract_first", false), ("custom", true)];
    let strategy = match block.attribute("strategy") {
        Some(_) => read.choice(block, "strategy", &strategies)?,
        None => true,
    };
    let mut number = |name: &str| match block.value(name).map(|v| (v, v.as_i64())) {
        None => Some(None),
        Some((_, Some(number))) if (0..=1000).contains(&number) => Some(Some(number)),
        Some((value, _)) => {
            let text = match value.as_str().is_some_and(|t| t.ends_with('%')) {
                true => "percentages are not supported by this version of Lazuli",
                false => "a whole number from 0 to 1000",
            };
            read.problem(
                Diagnostic::error("LZ0211", format!("`{name}` cannot be used")).at(block.span_of(name), text),
            );
            None
        }
    };
    let surge = number("max_surge")?;
    let unavailable = number("max_unavailable")?;
    let create_first = match (surge, unavailable) {
        (Some(0), Some(0)) => {
            read.problem(
                Diagnostic::error(
                    "LZ0218",
                    "with max_surge and max_unavailable both 0 no node could ever be replaced",
                )
                .at(block.span, "raise one of them"),
            );
            return None;
        }
        (Some(0), _) => false,
        (Some(_), _) => true,
        (None, _) => strategy,
    };
    let window = if create_first { surge } else { unavailable }.unwrap_or(1).max(1);
    Some(Update { create_first, window: usize::try_from(window).ok()? })
}
