//! Snapshots, images, galleries of them, and the keys disks are encrypted with.

use lazuli_core::kind::{Edge, Kind, NameRule};

use super::{
    BELOW, DISK_CODES, GALLERY_NAME, IN_GROUP, NETWORK_CODES, NETWORK_NAME, VERSION_NAME, owned, read_only,
    seconds,
};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "Microsoft.Compute/snapshots",
        title: "snapshot",
        forces_replacement: &[
            "location",
            "extendedLocation",
            "properties.creationData",
            "properties.osType",
            "properties.hyperVGeneration",
            "properties.purchasePlan",
            "properties.securityProfile",
            "properties.incremental",
        ],
        read_only: read_only![
            "managedBy",
            "sku.tier",
            "properties.timeCreated",
            "properties.uniqueId",
            "properties.diskState",
            "properties.diskSizeBytes",
            "properties.incrementalSnapshotFamilyId",
            "properties.snapshotAccessState",
            "properties.creationData.sourceUniqueId",
        ],
        ignore_case: &["sku.name", "properties.creationData.createOption"],
        expected: seconds(10.0, 3.0, 3.0),
        names: NETWORK_NAME,
        joined_by: Some("Microsoft.Compute/snapshots/read"),
        accepts: DISK_CODES,
        ..IN_GROUP
    },
    Kind {
        name: "Microsoft.Compute/images",
        title: "image",
        forces_replacement: &[
            "location",
            "extendedLocation",
            "properties.sourceVirtualMachine",
            "properties.storageProfile",
            "properties.hyperVGeneration",
        ],
        keyed: &[owned("properties.storageProfile.dataDisks", "lun")],
        ignore_case: &["properties.hyperVGeneration"],
        expected: seconds(30.0, 10.0, 10.0),
        names: NETWORK_NAME,
        joined_by: Some("Microsoft.Compute/images/read"),
        accepts: NETWORK_CODES,
        ..IN_GROUP
    },
    Kind {
        name: "Microsoft.Compute/diskEncryptionSets",
        title: "disk encryption set",
        forces_replacement: &["location", "properties.encryptionType"],
        read_only: read_only![
            "identity.principalId",
            "identity.tenantId",
            "identity.userAssignedIdentities.*.principalId",
            "identity.userAssignedIdentities.*.clientId",
            "properties.previousKeys",
            "properties.lastKeyRotationTimestamp",
            "properties.autoKeyRotationError",
        ],
        ignore_case: &["identity.type", "properties.encryptionType"],
        expected: seconds(5.0, 5.0, 5.0),
        names: NETWORK_NAME,
        joined_by: Some("Microsoft.Compute/diskEncryptionSets/read"),
        ..IN_GROUP
    },
    Kind {
        name: "Microsoft.Compute/galleries",
        title: "gallery",
        read_only: read_only![
            "identity.principalId",
            "identity.tenantId",
            "identity.userAssignedIdentities.*.principalId",
            "identity.userAssignedIdentities.*.clientId",
            "properties.identifier.uniqueName",
            "properties.sharingStatus",
        ],
        ignore_case: &["identity.type", "properties.sharingProfile.permissions"],
        expected: seconds(10.0, 10.0, 10.0),
        names: GALLERY_NAME,
        ..IN_GROUP
    },
    Kind {
        name: "Microsoft.Compute/galleries/images",
        title: "image definition",
        forces_replacement: &[
            "location",
            "properties.osType",
            "properties.osState",
            "properties.hyperVGeneration",
            "properties.architecture",
            "properties.identifier",
            "properties.purchasePlan",
        ],
        keyed: &[owned("properties.features", "name")],
        ignore_case: &["properties.hyperVGeneration", "properties.architecture"],
        unordered: &["properties.disallowed.diskTypes"],
        expected: seconds(10.0, 10.0, 10.0),
        names: NameRule { last: Edge::Word, ..NETWORK_NAME },
        joined_by: Some("Microsoft.Compute/galleries/images/read"),
        ..BELOW
    },
    Kind {
        name: "Microsoft.Compute/galleries/images/versions",
        title: "image version",
        forces_replacement: &["location", "properties.storageProfile", "properties.securityProfile"],
        read_only: read_only![
            "properties.replicationStatus",
            "properties.publishingProfile.publishedDate",
            "properties.storageProfile.osDiskImage.sizeInGB",
            "properties.storageProfile.dataDiskImages.sizeInGB",
            "properties.safetyProfile.policyViolations",
            "properties.safetyProfile.reportedForPolicyViolation",
            "properties.validationsProfile",
        ],
        keyed: &[
            owned("properties.storageProfile.dataDiskImages", "lun"),
            owned("properties.publishingProfile.targetRegions", "name"),
        ],
        // As many copies as there are regions: minutes each.
        expected: seconds(300.0, 300.0, 30.0),
        names: VERSION_NAME,
        joined_by: Some("Microsoft.Compute/galleries/images/versions/read"),
        ..BELOW
    },
];
