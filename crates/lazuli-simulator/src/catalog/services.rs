//! Rows of Azure's services beside a cluster: Kubernetes, storage, groups and deployments.

use serde_json::{Value, json};

use super::{Draft, Family, FirstBody, Flow, GENERIC, Headers, Kind, Patching, anywhere};
use crate::error::ArmError;
use crate::latency::Delay;
use crate::world::{Resource, State, World};
use crate::{ids, json};

const ACCOUNT: &str = "Microsoft.Storage/storageAccounts";

pub(super) static ROWS: &[Kind] = &[
    Kind { name: "Microsoft.Resources/resourceGroups", delete: Flow::delete(), ..GENERIC },
    Kind {
        name: "Microsoft.Resources/deployments",
        patch: Patching::Nothing,
        show: show_deployment,
        ..GENERIC
    },
    Kind {
        name: "Microsoft.ContainerService/managedClusters",
        located: true,
        patch: Patching::Tags,
        put: Flow::put(Some(10)),
        delete: Flow::delete(),
        locks: true,
        references: &[anywhere("properties.agentPoolProfiles[].vnetSubnetID")],
        immutable: &["properties.dnsPrefix", "properties.nodeResourceGroup", "properties.linuxProfile"],
        read_only: &["properties.fqdn", "properties.currentKubernetesVersion"],
        fill: fill_kubernetes,
        put_work: Delay::ms(180_000, 300_000),
        delete_work: Delay::ms(180_000, 300_000),
        ..GENERIC
    },
    Kind {
        name: "Microsoft.ContainerService/managedClusters/agentPools",
        patch: Patching::Nothing,
        put: Flow::put(Some(10)),
        delete: Flow::delete(),
        locks: true,
        references: &[anywhere("properties.vnetSubnetID")],
        immutable: &["properties.vmSize", "properties.osType", "properties.availabilityZones"],
        put_work: Delay::ms(90_000, 200_000),
        delete_work: Delay::ms(90_000, 200_000),
        ..GENERIC
    },
    Kind {
        name: ACCOUNT,
        family: Family::Storage,
        located: true,
        created: 202,
        put: Flow::Async {
            headers: Headers::Location,
            settled: false,
            body: FirstBody::Empty,
            retry_after: Some(17),
            poll_after: 17,
        },
        immutable: &["properties.isHnsEnabled", "properties.isNfsV3Enabled"],
        fill: fill_account,
        settled: make_blob_service,
        put_work: Delay::ms(15_000, 25_000),
        ..GENERIC
    },
    Kind {
        name: "Microsoft.Storage/storageAccounts/blobServices/containers",
        has_state: false,
        etag: true,
        ..GENERIC
    },
];

/// Deployments have another word for what is under way, and keep to themselves what they are made of.
fn show_deployment(_: &World, deployment: &Resource, value: &mut Value) {
    json::remove(value, "hidden");
    if deployment.state == State::Creating {
        json::set(value, "properties.provisioningState", json!("Running"));
    }
}

fn fill_kubernetes(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let pools = json::list(draft.body, "properties.agentPoolProfiles");
    let is_system =
        |pool: &Value| json::text(pool, "mode").is_some_and(|mode| mode.eq_ignore_ascii_case("System"));
    if !pools.iter().any(is_system) {
        return Err(ArmError::new(
            400,
            "InvalidParameter",
            "Must define at least one system pool in agentPoolProfiles.",
        ));
    }
    let prefix = json::text(draft.body, "properties.dnsPrefix").unwrap_or(ids::last(draft.id)).to_owned();
    let fqdn = format!("{prefix}.hcp.{}.azmk8s.io", draft.location());
    json::set(draft.body, "properties.fqdn", json!(fqdn));
    json::default(draft.body, "sku.name", "Base");
    json::default(draft.body, "sku.tier", "Free");
    json::default(draft.body, "properties.enableRBAC", true);
    Ok(())
}

/// `SkuName` of the published API.
const STORAGE_SKUS: [&str; 14] = [
    "PremiumV2_LRS",
    "PremiumV2_ZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "StandardV2_GRS",
    "StandardV2_GZRS",
    "StandardV2_LRS",
    "StandardV2_ZRS",
    "Standard_GRS",
    "Standard_GZRS",
    "Standard_LRS",
    "Standard_RAGRS",
    "Standard_RAGZRS",
    "Standard_ZRS",
];

fn fill_account(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let Some(sku) = json::text(draft.body, "sku.name") else { return Ok(()) };
    if STORAGE_SKUS.iter().any(|known| known.eq_ignore_ascii_case(sku)) {
        return Ok(());
    }
    Err(ArmError::new(
        400,
        "InvalidValuesForRequestParameters",
        "Values for request parameters are invalid: sku.",
    ))
}

/// Every account has a blob service, which nobody makes.
fn make_blob_service(world: &mut World, key: &str, now: u64) {
    let Some(account) = world.get(key) else { return };
    let id = format!("{}/blobServices/default", account.id);
    if world.get(&ids::key(&id)).is_some() {
        return;
    }
    let serial = world.draw();
    world.put(Resource {
        id,
        kind: format!("{ACCOUNT}/blobServices"),
        body: json!({ "properties": {} }),
        etag: world.derived_guid("etag", serial),
        state: State::Succeeded,
        created_ms: now,
        serial,
        operation: None,
        machine: None,
    });
}
