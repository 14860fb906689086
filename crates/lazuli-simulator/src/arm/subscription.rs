//! What belongs to the subscription rather than to a group: its own description, locations, providers, quotas,
//! sizes, permissions, built-in roles.

use serde_json::{Value, json};

use super::{Call, access, activity, graph, images, list, names, read, versions};
use crate::catalog::{counts, identity_roles, skus};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::latency::Delay;
use crate::request::{Method, Response};
use crate::world::World;

/// Types whose resources lie in zones.
const ZONAL: &[&str] = &["virtualMachines", "disks", "publicIPAddresses", "natGateways", "managedClusters"];

/// How long a registration takes to reach every region.
const REGISTRATION: Delay = Delay::ms(30_000, 90_000);

/// Namespaces that `GET …/providers` lists.
const NAMESPACES: &[(&str, &[&str])] = &[
    ("Microsoft.Authorization", &["roleAssignments", "roleDefinitions", "locks"]),
    (
        "Microsoft.Compute",
        &[
            "virtualMachines",
            "disks",
            "availabilitySets",
            "proximityPlacementGroups",
            "sshPublicKeys",
            "skus",
        ],
    ),
    ("Microsoft.ContainerService", &["managedClusters"]),
    ("Microsoft.Insights", &["eventtypes"]),
    ("Microsoft.ManagedIdentity", &["userAssignedIdentities"]),
    ("Microsoft.MarketplaceOrdering", &["agreements", "offertypes"]),
    (
        "Microsoft.Network",
        &[
            "virtualNetworks",
            "networkSecurityGroups",
            "routeTables",
            "publicIPAddresses",
            "natGateways",
            "loadBalancers",
            "networkInterfaces",
            "privateDnsZones",
        ],
    ),
    ("Microsoft.Resources", &["resourceGroups", "subscriptions"]),
    ("Microsoft.Storage", &["storageAccounts"]),
];

/// Answers paths without a provider item; `None` for everything else. `segments` are in lower case.
pub(super) fn handle(
    world: &mut World,
    call: &Call<'_>,
    segments: &[&str],
) -> Option<Result<Response, ArmError>> {
    let method = call.request.method;
    Some(Ok(match (method, segments) {
        (Method::Get, ["subscriptions"]) => list(vec![describe(world)]),
        (Method::Post, ["providers", "microsoft.resourcegraph", "resources"]) => {
            return Some(graph::query(world, call));
        }
        (Method::Get, ["tenants"]) => {
            let tenant = &world.identity.tenant;
            list(vec![
                json!({ "id": format!("/tenants/{tenant}"), "tenantId": tenant, "displayName": "Simulated", "countryCode": "DE" }),
            ])
        }
        (Method::Get, ["subscriptions", _]) => Response::json(200, describe(world)),
        (Method::Get, ["subscriptions", _, "locations"]) => {
            list(skus::REGIONS.iter().map(|(name, display)| location(world, name, display)).collect())
        }
        (Method::Get, ["subscriptions", _, "tagnames"]) => list(Vec::new()),
        (Method::Get, ["subscriptions", _, "resources"]) => {
            let prefix = format!("{}/", world.subscription_id());
            read::resources(world, call, &prefix)
        }
        (Method::Get, ["subscriptions", _, "providers"]) => {
            let providers = NAMESPACES.iter().map(|(namespace, _)| provider(world, namespace)).collect();
            read::page_values(call, providers)
        }
        (Method::Get, ["subscriptions", _, "providers", namespace]) => {
            Response::json(200, provider(world, namespace))
        }
        (Method::Post, ["subscriptions", _, "providers", namespace, verb @ ("register" | "unregister")]) => {
            let takes = call.settings.pace.draw(REGISTRATION, world.luck());
            world.set_registered(namespace, *verb == "register", call.now + takes);
            Response::json(200, provider(world, namespace))
        }
        _ => return None,
    }))
}

/// Answers reads of built-in things that are spelled like resources; `None` for real resources.
pub(super) fn built_in(
    world: &World,
    call: &Call<'_>,
    target: &Target,
) -> Option<Result<Response, ArmError>> {
    let kind = target.kind().to_ascii_lowercase();
    let place = || ids::location(target.names.first().map_or("", String::as_str));
    if kind.contains("/locations/")
        && let Err(refusal) = versions::region(call, target, &place())
    {
        return Some(Err(refusal));
    }
    Some(Ok(match kind.as_str() {
        "microsoft.authorization/permissions" => {
            list(access::effective(world, &target.scope))
        }
        "microsoft.insights/eventtypes/values" => return Some(activity::list(world, call)),
        "microsoft.authorization/denyassignments" => deny_assignments(world, call, target),
        "microsoft.compute/skus" => sizes(world, call),
        "microsoft.compute/locations/vmsizes" => list(
            skus::all()
                .map(|size| json!({ "name": size.name, "numberOfCores": size.cores, "memoryInMB": size.memory_gib * 1024, "maxDataDiskCount": 16, "osDiskSizeInMB": 1_047_552, "resourceDiskSizeInMB": 0 }))
                .collect(),
        ),
        "microsoft.compute/locations/usages" => compute_usages(world, &place()),
        "microsoft.network/locations/checkdnsnameavailability" => names::dns_label(world, call, &place()),
        "microsoft.network/locations/usages" => network_usages(world, &place()),
        _ if kind.starts_with("microsoft.compute/locations/") => return images::handle(world, target, &kind),
        "microsoft.authorization/roledefinitions" => return role_definitions(world, call, target),
        _ => return None,
    }))
}

fn describe(world: &World) -> Value {
    let identity = world.credentials();
    json!({
        "id": world.subscription_id(),
        "subscriptionId": identity.subscription,
        "tenantId": identity.tenant,
        "displayName": "Simulated subscription",
        "state": world.conditions.subscription_state.as_deref().unwrap_or("Enabled"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": { "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off" },
    })
}

fn location(world: &World, name: &str, display: &str) -> Value {
    let zones: Vec<Value> = skus::zones(name)
        .iter()
        .map(|zone| json!({ "logicalZone": zone, "physicalZone": format!("{name}-az{zone}") }))
        .collect();
    json!({
        "id": format!("{}/locations/{name}", world.subscription_id()),
        "name": name,
        "type": "Region",
        "displayName": display,
        "regionalDisplayName": display,
        "metadata": { "regionType": "Physical", "regionCategory": "Recommended", "geography": "Simulated", "geographyGroup": "Simulated", "longitude": "0", "latitude": "0", "physicalLocation": "Simulated", "pairedRegion": [] },
        "availabilityZoneMappings": zones,
    })
}

fn zone_mappings() -> Vec<Value> {
    let zonal = skus::REGIONS.iter().map(|(name, display)| (display, skus::zones(name)));
    zonal
        .filter(|(_, zones)| !zones.is_empty())
        .map(|(display, zones)| json!({ "location": display, "zones": zones }))
        .collect()
}

fn provider(world: &World, namespace: &str) -> Value {
    let known = NAMESPACES.iter().find(|(name, _)| name.eq_ignore_ascii_case(namespace));
    let name = known.map_or(namespace, |(name, _)| name);
    let locations: Vec<&str> = skus::REGIONS.iter().map(|(_, display)| *display).collect();
    let types: Vec<Value> = known
        .map_or(&[][..], |(_, types)| types)
        .iter()
        .map(|kind| {
            let zones = if ZONAL.contains(kind) { zone_mappings() } else { Vec::new() };
            json!({
                "resourceType": kind, "locations": locations, "zoneMappings": zones, "apiVersions": ["2025-05-01", "2025-04-01", "2024-11-01"],
                "defaultApiVersion": "2025-05-01", "capabilities": "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation",
            })
        })
        .collect();
    json!({
        "id": format!("{}/providers/{name}", world.subscription_id()),
        "namespace": name,
        "registrationState": world.registration(namespace),
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": types,
    })
}

/// `Microsoft.Compute/skus`; the only filter the service knows is the location.
fn sizes(world: &World, call: &Call<'_>) -> Response {
    let wanted =
        call.request.query("$filter").and_then(|filter| filter.split('\'').nth(1)).map(ids::location);
    let regions: Vec<&str> = match &wanted {
        Some(wanted) => vec![wanted.as_str()],
        None => skus::REGIONS.iter().map(|(name, _)| *name).collect(),
    };
    list(
        regions
            .iter()
            .flat_map(|region| {
                skus::all().map(move |size| skus::entry(&size, region, &world.conditions.closed_sizes))
            })
            .collect(),
    )
}

/// Deny assignments that hold at a scope, and those below it.
fn deny_assignments(world: &World, call: &Call<'_>, target: &Target) -> Response {
    let scope = ids::key(&target.scope);
    let shown = world.conditions.denials.iter().filter_map(|denial| {
        let id = access::denial_id(world, denial);
        let own = id.split("/providers/Microsoft.Authorization/").next().unwrap_or("").to_owned();
        let key = ids::key(&own);
        let near = scope == key || scope.starts_with(&format!("{key}/")) || key.starts_with(&format!("{scope}/"));
        near.then(|| {
            json!({
                "id": id, "name": ids::last(&id), "type": "Microsoft.Authorization/denyAssignments",
                "properties": {
                    "denyAssignmentName": denial.name, "description": "", "scope": own, "doNotApplyToChildScopes": false,
                    "permissions": [{
                        "actions": denial.actions, "notActions": denial.not_actions, "dataActions": [], "notDataActions": [],
                    }],
                    "principals": [{ "id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined" }],
                    "excludePrincipals": [], "isSystemProtected": true,
                },
            })
        })
    });
    read::page_values(call, shown.collect())
}

fn usage(name: &str, used: u64, limit: u64) -> Value {
    json!({ "unit": "Count", "currentValue": used, "limit": limit, "name": { "value": name, "localizedValue": name } })
}

fn compute_usages(world: &World, location: &str) -> Response {
    let cores = |name: &str, family: &str| {
        usage(name, world.cores(location, family), world.quota(location, name).unwrap_or(skus::DEFAULT_CORES))
    };
    let count = |name: &str, kind: &str| {
        usage(name, world.count(location, kind), world.quota(location, name).unwrap_or(25_000))
    };
    let mut values = vec![
        count("availabilitySets", "Microsoft.Compute/availabilitySets"),
        cores("cores", ""),
        count("virtualMachines", "Microsoft.Compute/virtualMachines"),
        usage(
            "lowPriorityCores",
            world.cores(location, skus::SPOT),
            world.quota(location, skus::SPOT).unwrap_or(skus::DEFAULT_CORES),
        ),
    ];
    values.extend(skus::families().into_iter().map(|family| cores(family, family)));
    values.extend(counts::DISKS.iter().map(|(prefix, name, _)| {
        usage(name, counts::disks(world, location, prefix), world.quota(location, name).unwrap_or(50_000))
    }));
    list(values)
}

fn network_usages(world: &World, location: &str) -> Response {
    let values = counts::NETWORK.iter().map(|counted| {
        let (name, used) = (counted.quota, world.count(location, counted.kind));
        let mut value = usage(name, used, world.quota(location, name).unwrap_or(65_536));
        value["id"] = json!(format!(
            "{}/providers/Microsoft.Network/locations/{location}/usages/{name}",
            world.subscription_id()
        ));
        value
    });
    list(values.collect())
}

fn role_definitions(world: &World, call: &Call<'_>, target: &Target) -> Option<Result<Response, ArmError>> {
    let show = |(name, guid): (&str, &str)| {
        json!({
            "id": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{guid}", world.subscription_id()),
            "name": guid,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": name, "type": "BuiltInRole", "description": name, "assignableScopes": ["/"],
                "permissions": [{ "actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": [] }],
            },
        })
    };
    let roles = identity_roles();
    if target.is_item() {
        let found = roles.iter().find(|(_, guid)| guid.eq_ignore_ascii_case(target.name()))?;
        return Some(Ok(Response::json(200, show(*found))));
    }
    let filter = call.request.query("$filter").unwrap_or("");
    let wanted = filter.split('\'').nth(1).filter(|_| filter.to_ascii_lowercase().contains("rolename"));
    let found =
        roles.iter().filter(|(name, _)| wanted.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted)));
    Some(Ok(read::page_values(call, found.map(|role| show(*role)).collect())))
}
