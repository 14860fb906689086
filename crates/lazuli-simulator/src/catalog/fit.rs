//! Whether a machine suits its size, its zone and its image.

use serde_json::Value;

use super::compute::invalid;
use super::{Draft, capacity, skus};
use crate::error::ArmError;
use crate::json;

/// The size is for sale here, and can do what the machine asks.
pub(super) fn check(draft: &Draft<'_>, size: &skus::Size, location: &str) -> Result<(), ArmError> {
    for_sale(draft, size, location)?;
    let body = &*draft.body;
    let name = crate::ids::last(draft.id);
    let os = json::get(body, "properties.storageProfile.osDisk");
    let data = json::list(body, "properties.storageProfile.dataDisks");
    let premium = os.into_iter().chain(data).find(|disk| {
        json::text(disk, "managedDisk.storageAccountType").is_some_and(|sku| sku.starts_with("Premium"))
    });
    if let Some(disk) = premium.filter(|_| !skus::is_premium(&size.name)) {
        let disk = json::text(disk, "name").unwrap_or("");
        return Err(invalid(
            "storageAccountType",
            format!(
                "Requested operation cannot be performed because the VM size {} does not support the storage account type Premium_LRS of disk '{disk}'. Consider updating the VM to a size that supports Premium storage.",
                size.name
            ),
        ));
    }
    if data.len() as u64 > size.data_disks() {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!(
                "The maximum number of data disks allowed to be attached to a VM of this size is {}.",
                size.data_disks()
            ),
        )
        .at("dataDisks"));
    }
    let interfaces = json::list(body, "properties.networkProfile.networkInterfaces");
    if interfaces.len() as u64 > size.interfaces() {
        return Err(invalid(
            "networkProfile",
            format!(
                "The number of network interfaces for virtual machine {name} exceeds the maximum allowed for the virtual machine size {}. The number of network interfaces is {} and the maximum allowed is {}.",
                size.name,
                interfaces.len(),
                size.interfaces()
            ),
        ));
    }
    let accelerated = interfaces.iter().filter_map(|nic| json::text(nic, "id")).any(|id| {
        let nic = draft.world.get(&crate::ids::key(id));
        nic.is_some_and(|nic| nic.body["properties"]["enableAcceleratedNetworking"] == true)
    });
    if accelerated && !size.is_accelerated() {
        return Err(ArmError::network(
            400,
            "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
            format!(
                "VM size {} specified for Virtual Machine {} is not permitted to have AcceleratedNetworking enabled on its network interface(s).",
                size.name, draft.id
            ),
        ));
    }
    if json::get(body, "properties.securityProfile.encryptionAtHost") == Some(&Value::Bool(true))
        && !size.encrypts_at_host()
    {
        return Err(invalid(
            "securityProfile.encryptionAtHost",
            format!(
                "The property 'securityProfile.encryptionAtHost' is not valid because the VM size {} does not support it.",
                size.name
            ),
        ));
    }
    ephemeral(os, size)?;
    image(draft, size, location)
}

fn for_sale(draft: &Draft<'_>, size: &skus::Size, location: &str) -> Result<(), ArmError> {
    let zone = json::list(&*draft.body, "zones").first().and_then(Value::as_str);
    let is_closed = draft.world.conditions.closed_sizes.iter().any(|closed| {
        closed.name.eq_ignore_ascii_case(&size.name)
            && crate::ids::location(&closed.location) == location
            && (closed.zones.is_empty() || zone.is_some_and(|zone| closed.zones.iter().any(|z| z == zone)))
    });
    if !is_closed {
        return Ok(());
    }
    Err(capacity::not_available(&size.name, location))
}

fn ephemeral(os: Option<&Value>, size: &skus::Size) -> Result<(), ArmError> {
    let Some(os) = os.filter(|os| json::get(os, "diffDiskSettings.option").is_some()) else { return Ok(()) };
    let placement = json::text(os, "diffDiskSettings.placement").unwrap_or("CacheDisk");
    let room = match placement {
        "ResourceDisk" => size.resource_disk_gib(),
        _ => size.cache_gib(),
    };
    let wanted = os["diskSizeGB"].as_u64().unwrap_or(30);
    if wanted <= room {
        return Ok(());
    }
    Err(invalid(
        "osDisk.diskSizeGB",
        format!(
            "OS disk of Ephemeral VM with size greater than {room} GB is not allowed for VM size {} when the DiffDiskPlacement is {placement}.",
            size.name
        ),
    ))
}

/// The image is there, and for machines of this kind.
fn image(draft: &Draft<'_>, size: &skus::Size, location: &str) -> Result<(), ArmError> {
    if draft.existing.is_some() {
        return Ok(());
    }
    let Some(reference) = json::get(&*draft.body, "properties.storageProfile.imageReference") else {
        return Ok(());
    };
    let text = |key: &str| json::text(reference, key);
    let (mut architecture, mut generation) = ("x64", "V2");
    if let Some(id) = text("communityGalleryImageId") {
        if !crate::arm::is_community_image(id) {
            return Err(ArmError::new(
                404,
                "GalleryImageNotFound",
                format!(
                    "The gallery image {id} is not available in {location} region. Please contact image owner to replicate to this region, or change your requested region."
                ),
            )
            .at("imageReference"));
        }
    } else if let (Some(publisher), Some(offer), Some(sku)) = (text("publisher"), text("offer"), text("sku"))
    {
        let version = text("version").unwrap_or("latest");
        if version != "latest" && !crate::arm::is_marketplace_version(version) {
            return Err(ArmError::new(
                404,
                "PlatformImageNotFound",
                format!(
                    "The platform image '{publisher}:{offer}:{sku}:{version}' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile"
                ),
            )
            .at("imageReference"));
        }
        crate::arm::check_machine(draft.world, draft.id, draft.body, reference)?;
        (architecture, generation) = crate::arm::traits_of(sku);
    } else {
        return Ok(());
    }
    if size.architecture() != architecture {
        return Err(ArmError::new(
            400,
            "BadRequest",
            format!(
                "Cannot create a VM of size '{}' because this VM size only supports a CPU Architecture of '{}', but an image or disk with CPU Architecture '{architecture}' was given.",
                size.name,
                size.architecture()
            ),
        ));
    }
    if !size.generations().contains(generation) {
        return Err(ArmError::new(
            400,
            "BadRequest",
            format!(
                "The selected VM size '{}' cannot boot Hypervisor Generation '{}'. If this was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size.",
                size.name,
                generation.trim_start_matches('V')
            ),
        ));
    }
    Ok(())
}
