//! Disks: those a machine implies, and those made on their own.

use serde_json::{Value, json};

use super::{Draft, counts, skus};
use crate::error::ArmError;
use crate::world::{Resource, State, World};
use crate::{ids, json};

const DISKS: &str = "Microsoft.Compute/disks";

/// Completes the storage profile, creates the disks that the machine implies, and lets go of those it dropped.
pub(super) fn fill_disks(
    draft: &mut Draft<'_>,
    name: &str,
    size: &str,
    location: &str,
) -> Result<(), ArmError> {
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
    let skus: Vec<String> =
        made.iter().filter_map(|disk| json::text(&disk.body, "sku.name").map(str::to_owned)).collect();
    counts::check_disks(draft.world, location, &skus)?;
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
            let image = image_of(draft.world, location, image);
            json::set(&mut body, "properties.creationData.imageReference", image);
        }
    }
    complete(&mut body);
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

/// Which image a disk was made from: disks name marketplace images by id, unlike machines.
fn image_of(world: &World, location: &str, image: &Value) -> Value {
    for gallery in ["id", "sharedGalleryImageId", "communityGalleryImageId"] {
        if let Some(id) = image.get(gallery) {
            return json!({ gallery: id });
        }
    }
    let part = |name: &str| json::text(image, name).unwrap_or_default();
    let version = json::text(image, "exactVersion").unwrap_or(part("version"));
    json!({ "id": format!(
        "/Subscriptions/{}/Providers/Microsoft.Compute/Locations/{location}/Publishers/{}/ArtifactTypes/VMImage/Offers/{}/Skus/{}/Versions/{version}",
        world.identity.subscription, part("publisher"), part("offer"), part("sku"),
    ) })
}

fn tier(sku: &Value) -> &'static str {
    if sku.as_str().unwrap_or("").starts_with("Premium") { "Premium" } else { "Standard" }
}

/// Key and delete option of every disk of a machine.
pub(super) fn disks_of(body: &Value) -> Vec<(String, bool)> {
    let os = json::get(body, "properties.storageProfile.osDisk");
    os.into_iter()
        .chain(json::list(body, "properties.storageProfile.dataDisks"))
        .filter_map(|disk| Some((ids::key(json::text(disk, "managedDisk.id")?), is_cascading(disk))))
        .collect()
}

pub(super) fn is_cascading(part: &Value) -> bool {
    part["deleteOption"] == "Delete" || part["properties"]["deleteOption"] == "Delete"
}

pub(super) fn fill_disk(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "sku.name", "Standard_LRS");
    let tier = tier(&draft.body["sku"]["name"]);
    json::set(draft.body, "sku.tier", json!(tier));
    if json::text(draft.body, "properties.creationData.createOption").is_none() {
        return Err(super::compute::invalid(
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
    let sku = |body: &Value| json::text(body, "sku.name").unwrap_or_default().to_owned();
    let now = sku(draft.body);
    if draft.existing.is_none_or(|existing| sku(&existing.body) != now) {
        counts::check_disks(draft.world, &draft.location(), &[now])?;
    }
    draft.invent("properties.uniqueId");
    let created = crate::arm::rfc3339(draft.existing.map_or(draft.now, |existing| existing.created_ms));
    json::set(draft.body, "properties.timeCreated", json!(created));
    complete(draft.body);
    Ok(())
}

/// What every disk has, whoever made it.
fn complete(body: &mut Value) {
    json::default(body, "properties.networkAccessPolicy", "AllowAll");
    json::default(body, "properties.publicNetworkAccess", "Enabled");
    json::default(body, "properties.encryption.type", "EncryptionAtRestWithPlatformKey");
}

pub(super) fn show_disk(_: &World, disk: &Resource, value: &mut Value) {
    let attached = json::text(&disk.body, "managedBy").is_some();
    json::set(value, "properties.diskState", json!(if attached { "Attached" } else { "Unattached" }));
}

/// What something is made from must be there. It is not referred to afterwards: the source can go.
pub(super) fn fill_copy(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    if draft.existing.is_some() {
        return Ok(());
    }
    let places = [
        "properties.creationData.sourceResourceId",
        "properties.sourceVirtualMachine.id",
        "properties.storageProfile.source.id",
        "properties.storageProfile.osDisk.managedDisk.id",
        "properties.storageProfile.osDisk.snapshot.id",
    ];
    let sources = places.iter().filter_map(|place| json::text(draft.body, place));
    for source in sources.filter(|source| draft.world.get(&ids::key(source)).is_none()) {
        if let Some(target) = ids::Target::parse(source) {
            let group = target.group.clone().unwrap_or_default();
            return Err(ArmError::resource_not_found(&target.kind(), &target.names.join("/"), &group));
        }
    }
    Ok(())
}
