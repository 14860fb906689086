//! `control_plane` and `worker_pool`.

use std::ops::RangeInclusive;

use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Number, Value};

use super::labels::{labels, taints};
use super::name;
use super::reader::{Reader, shown};
use super::update::update;
use crate::spec::{Commands, Disk, Pool, Role, Taint, Update};

/// What the disk of the system can be.
const OS_DISKS: [&str; 5] =
    ["Premium_LRS", "Premium_ZRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Standard_LRS"];
/// What the disk of etcd can be.
const DATA_DISKS: [&str; 6] =
    ["Premium_LRS", "Premium_ZRS", "PremiumV2_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Standard_LRS"];

pub(super) fn control_plane(read: &mut Reader, block: &Block) -> Option<Pool> {
    let count = match block.attribute("count") {
        None => Some(3),
        Some(_) => quorum(read, block),
    };
    let mut taints = taints(read, block);
    if !read.truth(block, "schedulable") {
        taints.push(Taint {
            key: "node-role.kubernetes.io/control-plane".into(),
            value: String::new(),
            effect: "NoSchedule".into(),
        });
    }
    let etcd = disk(read, block.block("etcd_disk"), 256, 4..=32767, &DATA_DISKS);
    let pool = pool(read, block, Role::ControlPlane, count, taints, Some(Update::DEFAULT))?;
    Some(Pool { etcd_disk: Some(etcd?), ..pool })
}

/// Numbers of members that make a quorum worth having: an even one survives no more than the odd one below it.
fn quorum(read: &mut Reader, block: &Block) -> Option<i64> {
    let count = read.int(block, "count", 0..=99)?;
    if matches!(count, 1 | 3 | 5) {
        return Some(count);
    }
    let why = format!("{} control-plane nodes cannot hold an etcd quorum", shown(block, "count", count));
    read.problem(Diagnostic::error("LZ0208", why).at(block.span_of("count"), "use 1, 3 or 5"));
    None
}

pub(super) fn worker(read: &mut Reader, block: &Block) -> Option<Pool> {
    let name = block.label().to_owned();
    let span = block.labels.first().map_or(block.span, |label| label.span);
    if name::POOL.check(read, &name, span) && name == "cp" {
        read.problem(
            Diagnostic::error("LZ0225", "`cp` cannot be the name of a worker pool")
                .at(span, "names of control-plane nodes have it"),
        );
    }
    let count = read.int(block, "count", 0..=1000);
    let taints = taints(read, block);
    let update = update(read, block, count);
    let cordon = cordon(read, block, count);
    let pool = pool(read, block, Role::Worker(name), count, taints, update)?;
    Some(Pool { cordon, ..pool })
}

/// Slots of the pool.
fn cordon(read: &mut Reader, block: &Block, count: Option<i64>) -> Vec<String> {
    let mut slots = read.texts(block, "cordon");
    let is_slot = |slot: &String| {
        let number = slot.parse::<i64>().ok().filter(|number| number.to_string() == *slot);
        number.is_some_and(|number| (1..=count.unwrap_or(i64::MAX)).contains(&number))
    };
    if let (Some(odd), Some(count)) = (slots.iter().find(|slot| !is_slot(slot)), count) {
        let shown = shown(block, "cordon", odd);
        let slots = if count > 0 {
            format!("its nodes are \"1\" to \"{count}\"")
        } else {
            "it has no nodes".to_owned()
        };
        read.problem(
            Diagnostic::error(
                "LZ0223",
                format!("the pool has no node \"{shown}\" to be held out of scheduling"),
            )
            .at(block.span_of("cordon"), slots),
        );
    }
    slots.sort();
    slots.dedup();
    slots
}

fn pool(
    read: &mut Reader,
    block: &Block,
    role: Role,
    count: Option<i64>,
    taints: Vec<Taint>,
    update: Option<Update>,
) -> Option<Pool> {
    let instance_type = read.text(block, "instance_type");
    let zones = zones(read, block);
    let os_disk = disk(read, block.block("os_disk"), 128, 30..=4095, &OS_DISKS);
    let spot = block.block("spot").map(|b| price(read, b));
    let labels = labels(read, block);
    let encryption_at_host = read.truth(block, "encryption_at_host");
    let [pre_bootstrap, post_bootstrap] =
        ["pre_bootstrap_commands", "post_bootstrap_commands"].map(|name| Commands(read.texts(block, name)));
    let kubelet_args = block.block("kubelet").map(|b| read.text_map(b, "extra_args")).unwrap_or_default();
    Some(Pool {
        role,
        count: u32::try_from(count?).ok()?,
        instance_type: instance_type?,
        zones: zones?,
        os_disk: os_disk?,
        etcd_disk: None,
        encryption_at_host,
        spot,
        labels,
        taints,
        cordon: Vec::new(),
        pre_bootstrap,
        post_bootstrap,
        kubelet_args,
        update: update?,
        span: block.span,
    })
}

fn zones(read: &mut Reader, block: &Block) -> Option<Vec<String>> {
    let Some(attribute) = block.attribute("zones") else {
        return Some(["1", "2", "3"].map(str::to_owned).to_vec());
    };
    let mut zones = read.texts(block, "zones");
    if !attribute.value.is_wholly_known() {
        return None;
    }
    zones.sort();
    if let Some(twice) = zones.windows(2).find(|pair| pair[0] == pair[1]) {
        read.problem(
            Diagnostic::error(
                "LZ0221",
                format!("zone \"{}\" is named twice", shown(block, "zones", &twice[0])),
            )
            .at(block.span_of("zones"), "each zone once: nodes are spread evenly over them"),
        );
        return None;
    }
    if let Some(odd) = zones.iter().find(|zone| !matches!(zone.as_str(), "1" | "2" | "3")) {
        read.problem(
            Diagnostic::error("LZ0221", format!("there is no zone \"{}\"", shown(block, "zones", odd)))
                .at(block.span_of("zones"), "zones are \"1\", \"2\" and \"3\""),
        );
        return None;
    }
    Some(zones)
}

/// Disks of nodes; the system's disk allows less than one for data.
fn disk(
    read: &mut Reader,
    block: Option<&Block>,
    default_gb: i64,
    sizes: RangeInclusive<i64>,
    skus: &[&'static str],
) -> Option<Disk> {
    let Some(block) = block else { return Some(Disk { size_gb: default_gb, sku: "Premium_LRS".into() }) };
    let size_gb = match block.attribute("size_gb") {
        Some(_) => read.int(block, "size_gb", sizes),
        None => Some(default_gb),
    };
    let choices: Vec<(&str, &str)> = skus.iter().map(|sku| (*sku, *sku)).collect();
    let sku = match block.attribute("type") {
        Some(_) => read.choice(block, "type", &choices),
        None => Some("Premium_LRS"),
    };
    Some(Disk { size_gb: size_gb?, sku: sku?.to_owned() })
}

/// The most to be paid for an hour, in US dollars; -1 for the usual price.
fn price(read: &mut Reader, spot: &Block) -> Value {
    let Some(price) = spot.value("max_price") else { return Value::int(-1) };
    if price
        .as_number()
        .is_some_and(|n| n.is_negative() && *n != Number::from(-1i64) || *n == Number::from(0i64))
    {
        read.problem(
            Diagnostic::error("LZ0223", "`max_price` must be more than 0, or -1 for the usual price")
                .at(spot.span_of("max_price"), format!("this is {price:?}")),
        );
    }
    price.clone()
}
