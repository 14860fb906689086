//! What virtual machines, disks and availability sets do of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Draft, network, skus};
use crate::error::ArmError;
use crate::world::{Machine, Resource, State, World};
use crate::{ids, json, random};

const DISKS: &str = "Microsoft.Compute/disks";
/// The longest custom data Azure takes, decoded.
const CUSTOM_DATA_BYTES: usize = 65_535;

/// Takes the secrets out of a machine's body and leaves what they were as a digest.
///
/// Nothing that a client sent as user data or password is ever kept.
pub(crate) fn take_secrets(body: &mut Value) -> Result<Option<String>, ArmError> {
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
    Ok(Some(random::sha256_hex(&decoded)))
}

fn invalid(target: &str, message: impl Into<String>) -> ArmError {
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
            .map_or(0, |old| if family.is_empty() || old.family == family { old.cores } else { 0 })
    };
    for (family, quota, label) in
        [("", "cores", "Total Regional Cores"), (sku.family.as_str(), sku.family.as_str(), "")]
    {
        let limit = draft.world.quota(location, quota).unwrap_or(skus::DEFAULT_CORES);
        let used = draft.world.cores(location, family);
        let needed = sku.cores.saturating_sub(already(family));
        if needed > 0 && used + needed > limit {
            let what = if label.is_empty() { format!("{family} Cores") } else { label.to_owned() };
            return Err(ArmError::new(
                409,
                "OperationNotAllowed",
                format!(
                    "Operation could not be completed as it results in exceeding approved {what} quota. Additional \
                     details - Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, \
                     Current Usage: {used}, Additional Required: {needed}, (Minimum) New Limit Required: {}.",
                    used + needed
                ),
            ));
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

/// Completes the storage profile, creates the disks that the machine implies, and lets go of those it dropped.
fn fill_disks(draft: &mut Draft<'_>, name: &str, size: &str, location: &str) -> Result<(), ArmError> {
    let group = ids::group_of(draft.id).unwrap_or_default();
    let prefix = format!("{}/resourceGroups/{group}/providers/{DISKS}", draft.world.subscription_id());
    let premium = skus::is_premium(size);
    let image = json::get(draft.body, "properties.storageProfile.imageReference").cloned();
    if json::get(draft.body, "properties.storageProfile.osDisk").is_none() && draft.existing.is_none() {
        json::set(draft.body, "properties.storageProfile.osDisk", json!({ "createOption": "FromImage" }));
    }
    let mut wanted = Vec::new();
    if let Some(os) = json::get(draft.body, "properties.storageProfile.osDisk").cloned() {
        let mut os = os;
        json::default(&mut os, "createOption", "FromImage");
        json::default(&mut os, "osType", "Linux");
        json::default(&mut os, "caching", "ReadWrite");
        json::default(&mut os, "diskSizeGB", 30);
        wanted.push((None, os));
    }
    json::default(draft.body, "properties.storageProfile.dataDisks", json!([]));
    for (index, disk) in json::list(draft.body, "properties.storageProfile.dataDisks").iter().enumerate() {
        let mut disk = disk.clone();
        json::default(&mut disk, "caching", "None");
        json::default(&mut disk, "toBeDetached", false);
        wanted.push((Some(index), disk));
    }
    let mut made = Vec::new();
    let mut held = Vec::new();
    for (index, mut disk) in wanted {
        json::default(&mut disk, "deleteOption", "Detach");
        let option = json::text(&disk, "createOption").unwrap_or("Empty").to_owned();
        if json::text(&disk, "name").is_none() {
            let attached = json::text(&disk, "managedDisk.id").map(|id| ids::last(id).to_owned());
            let suffix = draft.world.guid("disk").replace('-', "");
            let part = index
                .map_or("OsDisk_1".to_owned(), |_| format!("disk{}", disk["lun"].as_u64().unwrap_or(0) + 2));
            json::set(&mut disk, "name", json!(attached.unwrap_or(format!("{name}_{part}_{suffix}"))));
        }
        json::default(
            &mut disk,
            "managedDisk.storageAccountType",
            if premium { "Premium_LRS" } else { "Standard_LRS" },
        );
        let disk_name = json::text(&disk, "name").unwrap_or("").to_owned();
        let id = json::text(&disk, "managedDisk.id")
            .map_or_else(|| format!("{prefix}/{disk_name}"), str::to_owned);
        let key = ids::key(&id);
        let owner = draft.world.get(&key).map(|disk| json::text(&disk.body, "managedBy").map(str::to_owned));
        match owner {
            Some(Some(owner)) if ids::key(&owner) != ids::key(draft.id) => {
                return Err(ArmError::new(
                    409,
                    "AttachDiskWhileAttached",
                    format!("Disk '{disk_name}' cannot be attached to VM '{name}' because it is already attached to VM '{owner}'."),
                )
                .at(if index.is_some() { "dataDisk" } else { "osDisk" }));
            }
            Some(None) if option != "Attach" => {
                return Err(ArmError::new(
                    409,
                    "ConflictingUserInput",
                    format!("Disk {disk_name} already exists in resource group {}. Only CreateOption.Attach is supported.", group.to_ascii_uppercase()),
                )
                .at("/subscriptions"));
            }
            None if option == "Attach" => {
                return Err(ArmError::network(
                    404,
                    "NotFound",
                    format!("Resource {} not found.", ids::shouted(&id)),
                ));
            }
            None => made.push(disk_resource(draft, &id, &disk, &option, location, image.as_ref())),
            Some(_) => {}
        }
        json::set(&mut disk, "managedDisk.id", json!(id));
        held.push(key);
        match index {
            None => json::set(draft.body, "properties.storageProfile.osDisk", disk),
            Some(index) => draft.body["properties"]["storageProfile"]["dataDisks"][index] = disk,
        }
    }
    let owner = draft.id.to_owned();
    for disk in made {
        draft.world.put(disk);
    }
    for key in &held {
        draft.world.edit(key, |disk| disk.body["managedBy"] = json!(owner));
    }
    if let Some(existing) = draft.existing {
        for dropped in
            disks_of(&existing.body).into_iter().map(|(key, _)| key).filter(|key| !held.contains(key))
        {
            draft.world.edit(&dropped, |disk| json::remove(&mut disk.body, "managedBy"));
        }
    }
    Ok(())
}

fn disk_resource(
    draft: &mut Draft<'_>,
    id: &str,
    disk: &Value,
    option: &str,
    location: &str,
    image: Option<&Value>,
) -> Resource {
    let mut body = json!({
        "location": location,
        "sku": { "name": disk["managedDisk"]["storageAccountType"], "tier": tier(&disk["managedDisk"]["storageAccountType"]) },
        "properties": {
            "creationData": { "createOption": option },
            "diskSizeGB": disk["diskSizeGB"],
            "uniqueId": draft.world.guid("disk"),
            "timeCreated": crate::arm::rfc3339(draft.now),
        },
    });
    for shared in ["zones", "tags"] {
        if let Some(value) = json::get(draft.body, shared).cloned() {
            json::set(&mut body, shared, value);
        }
    }
    if option == "FromImage" {
        json::set(&mut body, "properties.osType", disk["osType"].clone());
        json::set(&mut body, "properties.hyperVGeneration", json!("V2"));
        if let Some(image) = image {
            json::set(&mut body, "properties.creationData.imageReference", image.clone());
        }
    }
    let serial = draft.world.draw();
    Resource {
        id: id.to_owned(),
        kind: DISKS.to_owned(),
        body,
        etag: draft.world.derived_guid("etag", serial),
        state: State::Succeeded,
        created_ms: draft.now,
        serial,
        operation: None,
        machine: None,
    }
}

fn tier(sku: &Value) -> &'static str {
    if sku.as_str().unwrap_or("").starts_with("Premium") { "Premium" } else { "Standard" }
}

/// Key and delete option of every disk of a machine.
fn disks_of(body: &Value) -> Vec<(String, bool)> {
    let os = json::get(body, "properties.storageProfile.osDisk");
    os.into_iter()
        .chain(json::list(body, "properties.storageProfile.dataDisks"))
        .filter_map(|disk| Some((ids::key(json::text(disk, "managedDisk.id")?), is_cascading(disk))))
        .collect()
}

fn is_cascading(part: &Value) -> bool {
    part["deleteOption"] == "Delete" || part["properties"]["deleteOption"] == "Delete"
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
                machine.console.push("[   27.9] cloud-init: finished, datasource DataSourceAzure".to_owned());
            }
            machine.console.push(format!("[   28.4] {name} login:"));
        } else {
            machine.console.push(format!("[   -- ] {name} is {to} at {when}"));
        }
    });
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
        State::Failed => ("Provisioning failed", "Error"),
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

pub(super) fn fill_disk(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "sku.name", "Standard_LRS");
    let tier = tier(&draft.body["sku"]["name"]);
    json::set(draft.body, "sku.tier", json!(tier));
    if json::text(draft.body, "properties.creationData.createOption").is_none() {
        return Err(invalid(
            "creationData.createOption",
            "Required parameter 'creationData.createOption' is missing (null).",
        ));
    }
    let (before, after) = (
        draft.existing.and_then(|existing| existing.body["properties"]["diskSizeGB"].as_u64()),
        draft.body["properties"]["diskSizeGB"].as_u64(),
    );
    if let (Some(before), Some(after)) = (before, after)
        && after < before
    {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!(
                "Reducing disk size is not supported. Current size {before} GB, requested size {after} GB."
            ),
        ));
    }
    draft.invent("properties.uniqueId");
    let created = crate::arm::rfc3339(draft.existing.map_or(draft.now, |existing| existing.created_ms));
    json::set(draft.body, "properties.timeCreated", json!(created));
    json::default(draft.body, "properties.networkAccessPolicy", "AllowAll");
    json::default(draft.body, "properties.publicNetworkAccess", "Enabled");
    json::default(draft.body, "properties.encryption.type", "EncryptionAtRestWithPlatformKey");
    Ok(())
}

pub(super) fn show_disk(_: &World, disk: &Resource, value: &mut Value) {
    let attached = json::text(&disk.body, "managedBy").is_some();
    json::set(value, "properties.diskState", json!(if attached { "Attached" } else { "Unattached" }));
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
