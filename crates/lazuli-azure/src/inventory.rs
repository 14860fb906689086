//! Everything that is in a resource group, with bodies: what an import writes configuration from.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::Json;
use lazuli_core::kind::{Kind, List};
use lazuli_core::provider::{Provider, ProviderError, Wanted};
use lazuli_core::resource::{ResourceId, ResourceType};

use crate::arm::{Call, Purpose, Silent};
use crate::kinds::{self, RESOURCE_GROUPS_VERSION};
use crate::provider::AzureProvider;

const PROVIDERS_VERSION: &str = "2025-04-01";
const PRIVATE_DNS_ZONES: &str = "Microsoft.Network/privateDnsZones";
const ROLE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments";

/// What is in a resource group.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The objects, by type and id; those below others too, as far as their types have a table.
    pub objects: Vec<Found>,
    /// Ids of objects that could not be read, with the reason.
    pub unreadable: Vec<(ResourceId, String)>,
}

/// An object.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its type, in the API version it was read with.
    pub ty: ResourceType,
    /// Its id.
    pub id: ResourceId,
    /// It itself.
    pub body: Json,
}

impl AzureProvider {
    /// Lists and reads what is in a resource group, and the role assignments on it.
    ///
    /// # Errors
    /// When the group does not exist or Azure cannot be asked.
    pub async fn inventory(&self, group: &str) -> Result<Inventory, ProviderError> {
        let group = self.resource_group(group).await?.name;
        let scope = format!("/subscriptions/{}/resourceGroups/{group}", self.subscription_id);
        let url = self.arm.url(&format!("{scope}/resources"), RESOURCE_GROUPS_VERSION, &[]);
        let listed = self.arm.list(url, &Silent).await?.map(|listed| listed.items).unwrap_or_default();
        let mut inventory = Inventory::default();
        let mut versions = Versions::default();
        let mut wanted = Vec::new();
        for item in &listed {
            let (Some(id), Some(name)) = (text(item, "id"), text(item, "type")) else { continue };
            let id = ResourceId::new(id);
            match versions.of(self, name).await {
                Some(ty) => wanted.push(Wanted { ty, id }),
                None => {
                    let why = format!("no API version of {name} is known");
                    inventory.unreadable.push((id, why));
                }
            }
        }
        let mut objects = Sorted::new();
        let mut seen = self.observe(&wanted).await?.objects;
        for Wanted { ty, id } in &wanted {
            match seen.remove(id) {
                Some(body) => add(&mut objects, Found { ty: ty.clone(), id: id.clone(), body }),
                None => inventory.unreadable.push((id.clone(), "it cannot be read".to_owned())),
            }
        }
        for kind in kinds::all() {
            let Some((parent, child)) = kind.name.rsplit_once('/').filter(|(parent, _)| parent.contains('/'))
            else {
                continue;
            };
            if is_written_in_parent(kind, kinds::by_name(parent)) {
                continue;
            }
            let Some(version) = kinds::api_version(kind.name) else { continue };
            let ty = ResourceType::new(kind.name, version);
            let parents: Vec<Found> =
                objects.values().filter(|f| f.ty.name.eq_ignore_ascii_case(parent)).cloned().collect();
            for parent in parents {
                let children = match kind.list {
                    List::InParent(path) => inside(&parent.body, path),
                    List::Parent => {
                        let url =
                            self.arm.url(&format!("{}/{child}", parent.id), version, kinds::list_query(kind));
                        self.arm.list(url, &Silent).await?.map(|listed| listed.items).unwrap_or_default()
                    }
                    List::ResourceGroup | List::Each => continue,
                };
                for body in children {
                    let Some(id) = text(&body, "id").map(ResourceId::new) else { continue };
                    add(&mut objects, Found { ty: ty.clone(), id, body });
                }
            }
        }
        for found in self.assignments(&scope).await? {
            add(&mut objects, found);
        }
        inventory.objects = objects.into_values().collect();
        Ok(inventory)
    }

    /// The private DNS zones of the subscription that the account may see.
    ///
    /// # Errors
    /// When Azure cannot be asked.
    pub async fn private_dns_zones(&self) -> Result<Vec<ResourceId>, ProviderError> {
        let Some(version) = kinds::api_version(PRIVATE_DNS_ZONES) else { return Ok(Vec::new()) };
        let path = format!("/subscriptions/{}/providers/{PRIVATE_DNS_ZONES}", self.subscription_id);
        let listed = self.arm.list(self.arm.url(&path, version, &[]), &Silent).await?;
        let zones = listed.map(|listed| listed.items).unwrap_or_default();
        Ok(zones.iter().filter_map(|zone| text(zone, "id")).map(ResourceId::new).collect())
    }

    /// The role assignments on exactly this scope.
    async fn assignments(&self, scope: &str) -> Result<Vec<Found>, ProviderError> {
        let kind = kinds::by_name(ROLE_ASSIGNMENTS);
        let Some(version) = kinds::api_version(ROLE_ASSIGNMENTS) else { return Ok(Vec::new()) };
        let path = format!("{scope}/providers/{ROLE_ASSIGNMENTS}");
        let listed = self.arm.list(self.arm.url(&path, version, kinds::list_query(kind)), &Silent).await?;
        let path = path.to_lowercase();
        let own = listed.map(|listed| listed.items).unwrap_or_default().into_iter().filter_map(|body| {
            let id = ResourceId::new(text(&body, "id")?);
            let here = id.as_str().to_lowercase().starts_with(&path);
            here.then(|| Found { ty: ResourceType::new(ROLE_ASSIGNMENTS, version), id, body })
        });
        Ok(own.collect())
    }
}

/// True for what stands in its parent's own body, such as the rules of a security group: it comes with the parent. Subnets
/// do too, and are resources of their own all the same, since others refer to them.
fn is_written_in_parent(kind: &Kind, parent: &Kind) -> bool {
    match kind.list {
        List::InParent(path) => {
            kind.name != "Microsoft.Network/virtualNetworks/subnets" && parent.keyed_at(path).is_some()
        }
        List::Parent | List::ResourceGroup | List::Each => false,
    }
}

/// Objects by type and id in lower case.
type Sorted = BTreeMap<(String, String), Found>;

fn add(objects: &mut Sorted, found: Found) {
    let key = (found.ty.name.to_lowercase(), found.id.as_str().to_lowercase());
    objects.entry(key).or_insert(found);
}

/// The types of what was listed, as they are spoken.
#[derive(Default)]
struct Versions {
    /// The newest stable version by type in lower case, of the namespaces that were asked.
    known: BTreeMap<String, (String, String)>,
    asked: BTreeSet<String>,
}

impl Versions {
    /// The type in the version Lazuli speaks; of one without a table, the newest that is no preview.
    async fn of(&mut self, azure: &AzureProvider, name: &str) -> Option<ResourceType> {
        if let Some(version) = kinds::api_version(name) {
            let kind = kinds::by_name(name);
            return Some(ResourceType::new(if kind.name.is_empty() { name } else { kind.name }, version));
        }
        let namespace = name.split('/').next()?;
        if self.asked.insert(namespace.to_lowercase()) {
            let path = format!("/subscriptions/{}/providers/{namespace}", azure.subscription_id);
            let url = azure.arm.url(&path, PROVIDERS_VERSION, &[]);
            let answer = azure.arm.call(Call::get(url, Purpose::Read), &Silent).await.ok()?;
            for entry in answer.body["resourceTypes"].as_array().into_iter().flatten() {
                let Some(ty) = text(entry, "resourceType") else { continue };
                let versions = entry["apiVersions"].as_array().into_iter().flatten();
                let newest = versions.filter_map(Json::as_str).filter(|v| !v.contains("preview")).max();
                if let Some(newest) = newest {
                    let spelled = format!("{namespace}/{ty}");
                    self.known.insert(spelled.to_lowercase(), (spelled, newest.to_owned()));
                }
            }
        }
        let (_, version) = self.known.get(&name.to_lowercase())?;
        Some(ResourceType::new(name, version))
    }
}

fn text<'a>(body: &'a Json, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Json::as_str)
}

fn inside(body: &Json, path: &str) -> Vec<Json> {
    let array = path.split('.').fold(body, |here, name| &here[name]);
    array.as_array().cloned().unwrap_or_default()
}
