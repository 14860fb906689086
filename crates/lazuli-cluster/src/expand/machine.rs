//! The Azure resources of a node: its network interface and its virtual machine with the disks, and an availability set
//! where zones are absent.

use lazuli_core::resource::{NodeSlot, ResourceId, ResourceType};
use lazuli_core::{Address, Type, Value};

use super::part::{Part, Site, VERSION_COMPUTE, VERSION_NETWORK, object, reference, strings};
use super::surroundings::Surroundings;
use crate::names;
use crate::spec::{Cni, Disk, Image, Pool};

/// The gallery of the Cluster API project's reference images.
const REFERENCE_GALLERY: &str = "ClusterAPI-f72ceb4f-5159-4c26-a0fe-2ea738f0d019";
const ADMIN: &str = "lazuli";

pub(super) fn vm_type() -> ResourceType {
    ResourceType::new("Microsoft.Compute/virtualMachines", VERSION_COMPUTE)
}

pub(super) fn nic_type() -> ResourceType {
    ResourceType::new("Microsoft.Network/networkInterfaces", VERSION_NETWORK)
}

pub(super) fn nic_id(site: &Site<'_>, slot: &NodeSlot) -> ResourceId {
    names::resource(&site.group, &nic_type(), &format!("{}-nic", slot.name))
}

fn availability_set_id(site: &Site<'_>, pool: &Pool) -> ResourceId {
    let part = if pool.is_control_plane() { "control-plane" } else { pool.short_name() };
    names::resource(&site.group, &availability_set_type(), &format!("{}_{part}-as", site.cluster.name))
}

fn availability_set_type() -> ResourceType {
    ResourceType::new("Microsoft.Compute/availabilitySets", VERSION_COMPUTE)
}

/// Where there are no zones, an availability set spreads the machines of a pool over racks. Two fault domains are what
/// every region has.
pub(super) fn availability_set(site: &Site<'_>, pool: &Pool, pool_address: &Address) -> Option<Part> {
    if !pool.has_availability_set() {
        return None;
    }
    let sku = object([("name", Value::string("Aligned"))]);
    let properties = object([("platformFaultDomainCount", Value::int(2))]);
    let address = pool_address.child("availability_set");
    let draft = site.part(address, availability_set_type(), availability_set_id(site, pool), pool.span);
    let mut part = draft.tracked("node", [("sku", sku), ("properties", properties)]).done();
    // `prevent_destroy` guards the cluster; its pools come and go.
    part.declaration.lifecycle.prevent_destroy = false;
    Some(part)
}

/// The network interface's body.
pub(super) fn interface(site: &Site<'_>, pool: &Pool, around: &Surroundings<'_>) -> Value {
    let mut configuration = vec![
        ("primary", Value::from(true)),
        ("privateIPAllocationMethod", Value::string("Dynamic")),
        ("privateIPAddressVersion", Value::string("IPv4")),
        ("subnet", reference(&around.subnet(pool).0)),
    ];
    let pools = around.backend_pools(site, pool);
    if !pools.is_empty() {
        let pools = Value::tuple(pools.into_iter().map(|(id, _)| reference(id)));
        configuration.push(("loadBalancerBackendAddressPools", pools));
    }
    let configuration =
        object([("name", Value::string("pipConfig")), ("properties", Value::object(configuration))]);
    let forwards = site.cluster.profile.cni == Cni::AzureRoutes;
    let properties = object([
        ("enableIPForwarding", Value::from(forwards)),
        ("ipConfigurations", Value::tuple([configuration])),
    ]);
    object([
        ("location", Value::string(site.cluster.region.as_str())),
        ("tags", site.tags("node", true)),
        ("properties", properties),
    ])
}

/// The virtual machine's body, user-data left unknown.
pub(super) fn machine(site: &Site<'_>, pool: &Pool, around: &Surroundings<'_>, slot: &NodeSlot) -> Value {
    let cluster = site.cluster;
    let text = |text: &str| Value::string(text);
    let delete = || text("Delete");
    let nic = nic_id(site, slot);
    let os_disk = object([
        ("name", Value::string(format!("{}-os", slot.name))),
        ("createOption", text("FromImage")),
        ("deleteOption", delete()),
        ("osType", text("Linux")),
        ("diskSizeGB", Value::int(pool.os_disk.size_gb)),
        ("managedDisk", object([("storageAccountType", text(&pool.os_disk.sku))])),
    ]);
    let mut storage = vec![("imageReference", image(site)), ("osDisk", os_disk)];
    if let Some(etcd) = &pool.etcd_disk {
        storage.push(("dataDisks", Value::tuple([etcd_disk(slot, etcd)])));
    }
    let key = object([
        ("path", Value::string(format!("/home/{ADMIN}/.ssh/authorized_keys"))),
        ("keyData", text(&cluster.ssh_key)),
    ]);
    let linux = object([
        ("disablePasswordAuthentication", Value::from(true)),
        ("ssh", object([("publicKeys", Value::tuple([key]))])),
    ]);
    let os = object([
        ("computerName", text(&slot.name)),
        ("adminUsername", text(ADMIN)),
        ("allowExtensionOperations", Value::from(true)),
        ("customData", Value::unknown_of(Type::String).sensitive()),
        ("linuxConfiguration", linux),
    ]);
    let interface = object([
        ("id", text(nic.as_str())),
        ("properties", object([("primary", Value::from(true)), ("deleteOption", delete())])),
    ]);
    let mut properties = vec![
        ("hardwareProfile", object([("vmSize", text(&pool.instance_type))])),
        ("storageProfile", Value::object(storage)),
        ("osProfile", os),
        ("networkProfile", object([("networkInterfaces", Value::tuple([interface]))])),
        ("diagnosticsProfile", object([("bootDiagnostics", object([("enabled", Value::from(true))]))])),
    ];
    if pool.encryption_at_host {
        properties.push(("securityProfile", object([("encryptionAtHost", Value::from(true))])));
    }
    if pool.has_availability_set() {
        properties.push(("availabilitySet", reference(&availability_set_id(site, pool))));
    }
    if let Some(max_price) = &pool.spot {
        properties.push(("priority", text("Spot")));
        properties.push(("evictionPolicy", delete()));
        properties.push(("billingProfile", object([("maxPrice", max_price.clone())])));
    }
    let mut members = vec![
        ("location", text(&cluster.region)),
        ("tags", site.tags("node", true)),
        ("properties", Value::object(properties)),
    ];
    if let Some(zone) = &slot.zone {
        members.push(("zones", strings([zone.as_str()])));
    }
    if pool.is_control_plane() {
        let identities = Value::object([(around.identity.id.as_str(), object([]))]);
        members.push((
            "identity",
            object([("type", text("UserAssigned")), ("userAssignedIdentities", identities)]),
        ));
    }
    if let Image::Marketplace { publisher, offer, sku, plan: true, .. } = &cluster.profile.image {
        members.push((
            "plan",
            object([("publisher", text(publisher)), ("product", text(offer)), ("name", text(sku))]),
        ));
    }
    Value::object(members)
}

/// A disk of its own for etcd, empty at every creation: a member that joins must start empty. Without host caching,
/// which could lose acknowledged writes.
fn etcd_disk(slot: &NodeSlot, disk: &Disk) -> Value {
    object([
        ("name", Value::string(format!("{}-etcd", slot.name))),
        ("lun", Value::int(0)),
        ("createOption", Value::string("Empty")),
        ("deleteOption", Value::string("Delete")),
        ("caching", Value::string("None")),
        ("diskSizeGB", Value::int(disk.size_gb)),
        ("managedDisk", object([("storageAccountType", Value::string(disk.sku.as_str()))])),
    ])
}

fn image(site: &Site<'_>) -> Value {
    let profile = &site.cluster.profile;
    match &profile.image {
        Image::Reference(name) => {
            let version = &profile.kubernetes;
            let id = format!("/CommunityGalleries/{REFERENCE_GALLERY}/Images/{name}/Versions/{version}");
            object([("communityGalleryImageId", Value::string(id))])
        }
        Image::Gallery(id) => {
            // Azure has a name of its own for each kind of gallery.
            let begins = |word: &str| id.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
            let kind = match () {
                () if begins("/communityGalleries/") => "communityGalleryImageId",
                () if begins("/sharedGalleries/") => "sharedGalleryImageId",
                () => "id",
            };
            object([(kind, Value::string(id.as_str()))])
        }
        Image::Marketplace { publisher, offer, sku, version, .. } => object([
            ("publisher", Value::string(publisher.as_str())),
            ("offer", Value::string(offer.as_str())),
            ("sku", Value::string(sku.as_str())),
            ("version", Value::string(version.as_str())),
        ]),
    }
}
