//! Rows of `Microsoft.Compute`.

use super::{Family, FirstBody, Flow, GENERIC, Headers, InUse, Kind, anywhere, compute, disk, near};
use crate::latency::Delay;

const COMPUTE: Kind = Kind {
    family: Family::Compute,
    located: true,
    put_accept: Delay::ms(1000, 2000),
    delete_accept: Delay::ms(1000, 2000),
    ..GENERIC
};

const DISK_FLOW: Flow = Flow::Async {
    headers: Headers::Both,
    settled: false,
    body: FirstBody::Partial,
    retry_after: Some(2),
    poll_after: 2,
};

/// What is made by an operation and has no rules but what cannot change.
const SLOW: Kind = Kind {
    put: Flow::put(Some(10)),
    delete: Flow::delete(),
    locks: true,
    put_accept: Delay::ms(1000, 2000),
    put_work: Delay::ms(5000, 20_000),
    delete_work: Delay::ms(5000, 15_000),
    ..COMPUTE
};

pub(super) static ROWS: &[Kind] = &[
    Kind {
        name: "Microsoft.Compute/virtualMachines",
        put: Flow::Async {
            headers: Headers::Operation,
            settled: false,
            body: FirstBody::Whole,
            retry_after: Some(10),
            poll_after: 35,
        },
        delete: Flow::delete(),
        locks: true,
        put_accept: Delay::ms(3000, 5000),
        put_work: Delay::ms(50_000, 120_000),
        delete_work: Delay::ms(40_000, 90_000),
        references: &[
            near("properties.networkProfile.networkInterfaces[].id"),
            near("properties.availabilitySet.id"),
            near("properties.proximityPlacementGroup.id"),
            near("properties.storageProfile.osDisk.managedDisk.id"),
            near("properties.storageProfile.dataDisks[].managedDisk.id"),
            anywhere("identity.userAssignedIdentities{}"),
        ],
        immutable: &[
            "zones",
            "properties.osProfile.computerName",
            "properties.osProfile.adminUsername",
            "properties.osProfile.linuxConfiguration",
            "properties.storageProfile.imageReference",
            "properties.storageProfile.osDisk.name",
            "properties.storageProfile.osDisk.createOption",
            "properties.storageProfile.osDisk.osType",
            "properties.availabilitySet",
            "properties.priority",
            "properties.evictionPolicy",
        ],
        read_only: &[
            "properties.vmId",
            "properties.timeCreated",
            "properties.instanceView",
            "properties.storageProfile.imageReference.exactVersion",
            "identity.principalId",
            "identity.tenantId",
            "resources",
        ],
        fill: compute::fill_machine,
        settled: compute::boot,
        gone: compute::machine_gone,
        show: compute::show_machine,
        ..COMPUTE
    },
    Kind {
        name: "Microsoft.Compute/disks",
        family: Family::Disk,
        created: 202,
        updated: 202,
        put: DISK_FLOW,
        delete: DISK_FLOW,
        locks: true,
        put_accept: Delay::ms(2000, 2500),
        put_work: Delay::ms(125, 300),
        delete_work: Delay::ms(500, 2000),
        immutable: &["zones", "properties.creationData", "properties.osType"],
        read_only: &["properties.uniqueId", "properties.timeCreated", "properties.diskState", "managedBy"],
        in_use: Some(InUse {
            status: 409,
            code: "OperationNotAllowed",
            message: "Disk {name} is attached to VM {user}.",
        }),
        fill: disk::fill_disk,
        show: disk::show_disk,
        ..COMPUTE
    },
    Kind {
        name: "Microsoft.Compute/availabilitySets",
        created: 200,
        has_state: false,
        immutable: &[
            "sku.name",
            "properties.platformFaultDomainCount",
            "properties.platformUpdateDomainCount",
        ],
        read_only: &["properties.virtualMachines"],
        in_use: Some(InUse {
            status: 409,
            code: "OperationNotAllowed",
            message: "Availability Set {name} cannot be deleted. Before deleting an Availability Set please ensure \
                      that it does not contain any VM. It contains {user}.",
        }),
        fill: compute::fill_availability_set,
        show: compute::show_availability_set,
        ..COMPUTE
    },
    Kind { name: "Microsoft.Compute/proximityPlacementGroups", has_state: false, ..COMPUTE },
    Kind { name: "Microsoft.Compute/sshPublicKeys", has_state: false, ..COMPUTE },
    Kind { name: "Microsoft.Compute/virtualMachines/extensions", located: false, ..SLOW },
    Kind { name: "Microsoft.Compute/virtualMachines/runCommands", located: false, ..SLOW },
    Kind {
        name: "Microsoft.Compute/snapshots",
        family: Family::Disk,
        created: 202,
        updated: 202,
        put: DISK_FLOW,
        delete: DISK_FLOW,
        immutable: &["properties.creationData", "properties.osType", "properties.incremental"],
        fill: disk::fill_copy,
        ..SLOW
    },
    Kind {
        name: "Microsoft.Compute/images",
        immutable: &["properties.storageProfile", "properties.hyperVGeneration"],
        fill: disk::fill_copy,
        ..SLOW
    },
    Kind {
        name: "Microsoft.Compute/diskEncryptionSets",
        created: 202,
        updated: 202,
        immutable: &["properties.encryptionType"],
        ..SLOW
    },
    Kind {
        name: "Microsoft.Compute/galleries",
        blocking_child: Some("Microsoft.Compute/galleries/images"),
        ..SLOW
    },
    Kind {
        name: "Microsoft.Compute/galleries/images",
        blocking_child: Some("Microsoft.Compute/galleries/images/versions"),
        immutable: &["properties.osType", "properties.osState", "properties.identifier"],
        ..SLOW
    },
    Kind {
        name: "Microsoft.Compute/galleries/images/versions",
        put_work: Delay::ms(120_000, 400_000),
        immutable: &["properties.storageProfile"],
        fill: disk::fill_copy,
        ..SLOW
    },
];
