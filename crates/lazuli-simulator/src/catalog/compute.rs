//! What virtual machines, disks and availability sets do of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::disk::{disks_of, fill_disks, is_cascading};
use super::{Draft, fit, network, skus};
use crate::error::ArmError;
use crate::kubernetes::FirstBoot;
use crate::latency::{Delay, Pace};
use crate::world::{Machine, Resource, State, World};
use crate::{ids, json, random};

/// From power on until cloud-init and kubeadm are done.
const FIRST_BOOT: Delay = Delay::ms(72_000, 90_000);
/// The longest custom data Azure takes, decoded.
const CUSTOM_DATA_BYTES: usize = 65_535;

/// What a client sent as custom data.
pub(crate) struct CustomData {
    /// In base64, for the first boot.
    pub(crate) sent: String,
    /// SHA-256 of what it decodes to.
    pub(crate) digest: String,
}

/// Takes the secrets out of a machine's body.
///
/// No password is kept, and custom data no longer than until the machine has read it.
pub(crate) fn take_secrets(body: &mut Value) -> Result<Option<CustomData>, ArmError> {
    let sent = json::text(body, "properties.osProfile.customData").map(str::to_owned);
    json::remove(body, "properties.osProfile.customData");
    json::remove(body, "properties.osProfile.adminPassword");
    json::remove(body, "properties.userData");
    let Some(sent) = sent else { return Ok(None) };
    let decoded = STANDARD.decode(sent.trim()).map_err(|_| {
        ArmError::new(400, "InvalidParameter", "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.")
            .at("customData")
    })?;
    if decoded.len() > CUSTOM_DATA_BYTES {
        return Err(ArmError::new(400, "InvalidParameter", "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.")
            .at("customData"));
    }
    let digest = random::sha256_hex(&decoded);
    Ok(Some(CustomData { sent, digest }))
}

/// A machine that is being made, with what its first boot will read and how long that takes.
pub(crate) fn new_machine(custom_data: Option<CustomData>, pace: Pace, luck: (f64, f64)) -> Machine {
    let Some(CustomData { sent, digest }) = custom_data else { return Machine::default() };
    let delay_ms = pace.draw(FIRST_BOOT, luck);
    let boot = FirstBoot { user_data: sent, delay_ms, due_ms: None, speed: pace.speed(), attempts: 0 };
    Machine { custom_data_sha256: Some(digest), boot: Some(boot), ..Machine::default() }
}

pub(super) fn invalid(target: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(400, "InvalidParameter", message).at(target)
}

pub(super) fn fill_machine(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let location = draft.location();
    let name = ids::last(draft.id).to_owned();
    let size = json::text(draft.body, "properties.hardwareProfile.vmSize").unwrap_or("").to_owned();
    let Some(sku) = skus::find(&size) else {
        return Err(invalid(
            "vmSize",
            format!(
                "The value {size} provided for the VM size is not valid. The valid sizes in the current region are: {}.",
                skus::names()
            ),
        ));
    };
    check_zones(draft, &location)?;
    fit::check(draft, &sku, &location)?;
    check_quota(draft, &location, &sku)?;
    let nics = json::list(draft.body, "properties.networkProfile.networkInterfaces");
    if nics.is_empty() {
        return Err(invalid("networkProfile", "Virtual machine must have at least one network interface."));
    }
    for nic in nics {
        let id = json::text(nic, "id").unwrap_or("");
        if let Some(user) = draft.world.users(&ids::key(id)).find(|user| ids::key(user) != ids::key(draft.id))
        {
            return Err(ArmError::network(
                400,
                "NicInUse",
                format!(
                    "Network Interface {id} is used by existing resource {user}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic."
                ),
            ));
        }
    }
    draft.invent("properties.vmId");
    let created = crate::arm::rfc3339(draft.existing.map_or(draft.now, |existing| existing.created_ms));
    json::set(draft.body, "properties.timeCreated", json!(created));
    fill_identity(draft);
    if json::get(draft.body, "properties.osProfile").is_some() {
        json::default(draft.body, "properties.osProfile.computerName", name.clone());
        json::default(draft.body, "properties.osProfile.secrets", json!([]));
        json::default(draft.body, "properties.osProfile.allowExtensionOperations", true);
        json::default(draft.body, "properties.osProfile.requireGuestProvisionSignal", true);
    }
    if json::get(draft.body, "properties.osProfile.linuxConfiguration").is_some() {
        json::default(draft.body, "properties.osProfile.linuxConfiguration.provisionVMAgent", true);
        json::default(
            draft.body,
            "properties.osProfile.linuxConfiguration.disablePasswordAuthentication",
            false,
        );
    }
    if let Some(version) =
        json::text(draft.body, "properties.storageProfile.imageReference.version").map(str::to_owned)
    {
        let exact = if version == "latest" { skus::LATEST_IMAGE.to_owned() } else { version };
        json::set(draft.body, "properties.storageProfile.imageReference.exactVersion", json!(exact));
    }
    fill_disks(draft, &name, &size, &location)
}

fn check_zones(draft: &Draft<'_>, location: &str) -> Result<(), ArmError> {
    let zones = json::list(draft.body, "zones");
    if zones.len() > 1 {
        return Err(invalid("zones", "Virtual machines do not support more than one availability zone."));
    }
    match zones.first().and_then(Value::as_str) {
        Some(zone) if !skus::zones(location).contains(&zone) => Err(ArmError::new(
            400,
            "AvailabilityZoneNotSupported",
            format!(
                "The zone(s) '{zone}' for resource '{}' is not supported. The supported zones for location '{location}' are '{}'.",
                draft.id,
                skus::zones(location).join(",")
            ),
        )),
        _ => Ok(()),
    }
}

fn check_quota(draft: &Draft<'_>, location: &str, sku: &skus::Size) -> Result<(), ArmError> {
    let already = |family: &str| {
        draft
            .existing
            .and_then(|existing| json::text(&existing.body, "properties.hardwareProfile.vmSize"))
            .and_then(skus::find)
            .map_or(0, |old| match family {
                "" | skus::SPOT => old.cores,
                _ if old.family == family => old.cores,
                _ => 0,
            })
    };
    let regular = [("", "cores", "Total Regional Cores"), (sku.family.as_str(), sku.family.as_str(), "")];
    let spot = [(skus::SPOT, skus::SPOT, "LowPriorityCores")];
    let counted = match json::text(draft.body, "properties.priority") {
        Some("Spot" | "Low") => &spot[..],
        _ => &regular[..],
    };
    for (family, quota, label) in counted.iter().copied() {
        let limit = draft.world.quota(location, quota).unwrap_or(skus::DEFAULT_CORES);
        let used = draft.world.cores(location, family);
        let needed = sku.cores.saturating_sub(already(family));
        if needed > 0 && used + needed > limit {
            let what = if label.is_empty() { format!("{family} Cores") } else { label.to_owned() };
            return Err(super::counts::exceeded(draft.world, &what, location, (limit, used, needed)));
        }
    }
    Ok(())
}

fn fill_identity(draft: &mut Draft<'_>) {
    let kind = json::text(draft.body, "identity.type").unwrap_or("").to_owned();
    if kind.contains("SystemAssigned") {
        draft.invent("identity.principalId");
        let tenant = draft.world.credentials().tenant.clone();
        json::set(draft.body, "identity.tenantId", json!(tenant));
    }
    let identities =
        draft.body.get_mut("identity").and_then(|identity| identity.get_mut("userAssignedIdentities"));
    let Some(identities) = identities.and_then(Value::as_object_mut) else { return };
    for (id, shown) in identities {
        if let Some(identity) = draft.world.get(&ids::key(id)) {
            let properties = &identity.body["properties"];
            *shown = json!({ "principalId": properties["principalId"], "clientId": properties["clientId"] });
        }
    }
}

/// Disks and interfaces marked `Delete` go with the machine; the others are let go of.
pub(super) fn machine_gone(world: &mut World, machine: &Resource) {
    for (disk, cascading) in disks_of(&machine.body) {
        if cascading {
            world.remove(&disk);
        } else {
            world.edit(&disk, |disk| json::remove(&mut disk.body, "managedBy"));
        }
    }
    for nic in json::list(&machine.body, "properties.networkProfile.networkInterfaces") {
        if is_cascading(nic) {
            world.remove(&ids::key(json::text(nic, "id").unwrap_or("")));
        }
    }
}

/// A machine whose creation has succeeded boots, once.
pub(super) fn boot(world: &mut World, key: &str, at: u64) {
    let is_new =
        world.get(key).is_some_and(|machine| machine.machine.as_ref().is_none_or(|m| m.power.is_empty()));
    if is_new {
        power(world, key, "running", at);
    }
}

/// Changes the power state; reaching `running` writes a boot log.
pub(crate) fn power(world: &mut World, key: &str, to: &str, at: u64) {
    world.edit(key, |resource| {
        let name = json::text(&resource.body, "properties.osProfile.computerName")
            .unwrap_or(resource.name())
            .to_owned();
        let machine = resource.machine.get_or_insert_with(Machine::default);
        let is_first = machine.power.is_empty();
        to.clone_into(&mut machine.power);
        machine.power_ms = at;
        if let Some(boot) = &mut machine.boot {
            boot.due_ms = (to == "running").then_some(at + boot.delay_ms);
        }
        let when = crate::arm::rfc3339(at);
        if to == "running" {
            machine.console.push(format!("[    0.0] {name} boots at {when}"));
            machine
                .console
                .push(format!("[    4.1] systemd: reached target network-online.target on {name}"));
            if is_first {
                let digest = machine
                    .custom_data_sha256
                    .as_deref()
                    .map_or("none".to_owned(), |d| format!("sha256:{d}"));
                machine
                    .console
                    .push(format!("[   12.3] cloud-init: running modules for config, user-data {digest}"));
            }
            if machine.boot.is_none() {
                machine.console.push("[   27.9] cloud-init: finished, datasource DataSourceAzure".to_owned());
                machine.console.push(format!("[   28.4] {name} login:"));
            }
        } else {
            machine.console.push(format!("[   -- ] {name} is {to} at {when}"));
        }
    });
    if let Some(machine) = world.get(key).cloned() {
        world.wake(&machine);
    }
}

pub(super) fn show_machine(_: &World, machine: &Resource, value: &mut Value) {
    if machine.state == State::Creating {
        json::remove(value, "properties.storageProfile.osDisk.managedDisk.id");
        json::remove(value, "properties.storageProfile.dataDisks[].managedDisk.id");
    }
}

/// `instanceView` of a machine.
pub(crate) fn instance_view(machine: &Resource) -> Value {
    let running = machine.machine.as_ref();
    let (display, level) = match machine.state {
        State::Succeeded => ("Provisioning succeeded", "Info"),
        State::Failed | State::Canceled => ("Provisioning failed", "Error"),
        _ => ("Updating", "Info"),
    };
    let mut statuses = vec![json!({
        "code": format!("ProvisioningState/{}", machine.state.as_str().to_ascii_lowercase()),
        "level": level,
        "displayStatus": display,
        "time": crate::arm::rfc3339(running.map_or(machine.created_ms, |m| m.power_ms.max(machine.created_ms))),
    })];
    if let Some(power) = running.map(|m| m.power.as_str()).filter(|power| !power.is_empty()) {
        statuses.push(json!({
            "code": format!("PowerState/{power}"), "level": "Info", "displayStatus": format!("VM {power}"),
        }));
    }
    let disks: Vec<Value> = disks_of(&machine.body)
        .iter()
        .map(|(key, _)| json!({ "name": ids::last(key), "statuses": [{ "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded" }] }))
        .collect();
    json!({
        "computerName": json::text(&machine.body, "properties.osProfile.computerName").unwrap_or(machine.name()),
        "hyperVGeneration": "V2",
        "disks": disks,
        "statuses": statuses,
    })
}

pub(super) fn fill_availability_set(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "sku.name", "Classic");
    json::default(draft.body, "properties.platformFaultDomainCount", 2);
    json::default(draft.body, "properties.platformUpdateDomainCount", 5);
    Ok(())
}

pub(super) fn show_availability_set(world: &World, set: &Resource, value: &mut Value) {
    json::set(value, "properties.virtualMachines", Value::Array(network::ids_of(world.users(&set.key()))));
}
