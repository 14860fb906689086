//! What of the objects of a resource group is written as what: clusters, resources, and what is left out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use lazuli_azure::inventory::Found;
use lazuli_cluster::roster::Renewals;
use lazuli_core::Address;
use lazuli_core::configuration::Configuration;
use lazuli_core::provider::{Provider, Wanted};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Mode, NodeSlot, ResourceId, ResourceType};
use lazuli_kubernetes::survey::Survey;
use lazuli_planner::Draft;

use crate::clouds::Clouds;
use crate::commands::begin::{Setting, everything_wrong};
use crate::failure::{Failure, refused};
use crate::generate::cluster::Elsewhere;
use crate::generate::{Labels, Left, cluster, has_zone, import, other_halves, private_address};
use crate::project::{Inputs, Project};
use crate::{host, planning};

const PEERINGS: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
const RECORDS: &str = "Microsoft.Network/privateDnsZones/A";
const LINKS: &str = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";

pub(super) struct Writer<'a> {
    pub(super) setting: &'a Setting,
    /// The cloud account's name.
    pub(super) account: &'a str,
    /// The name of the file that is written.
    pub(super) file: String,
    pub(super) labels: Labels,
    pub(super) left: Vec<Left>,
    /// The clusters that are written.
    pub(super) clusters: Vec<String>,
    /// The clusters that this state has already, by the name of their parts.
    pub(super) owned: BTreeMap<String, String>,
    /// What the one cluster whose keys are there says of itself.
    pub(super) inside: Option<Survey>,
}

impl Writer<'_> {
    /// The objects that the configuration does not declare, and the state does not record, yet.
    pub(super) fn without_declared(
        &mut self,
        objects: Vec<Found>,
        world: &RecordedWorld,
    ) -> Result<Vec<Found>, Failure> {
        let declared = self.expand("", world)?;
        let mut known: HashMap<ResourceId, Address> = HashMap::new();
        let recorded = world.resources.values().filter(|r| r.mode == Mode::Managed);
        known.extend(recorded.map(|r| (r.id.clone(), r.address.clone())));
        known.extend(declared.into_iter().map(|(address, wanted)| (wanted.id, address)));
        let (old, new): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|found| known.contains_key(&found.id));
        // The disks of recorded machines go and stay with them.
        let disks = machine_disks(&old);
        for found in &old {
            if let (Some(name), Some(cluster)) =
                (cluster::tag(&found.body, "lazuli_cluster"), cluster_of(&known[&found.id]))
            {
                self.owned.insert(name.to_owned(), cluster);
            }
        }
        self.left.extend(old.into_iter().map(|found| {
            let why = format!("it is {} already", known[&found.id]);
            Left { id: found.id, why }
        }));
        Ok(new.into_iter().filter(|found| !disks.contains(&found.id)).collect())
    }

    /// What the configuration with more text declares, by address.
    fn expand(&self, more: &str, world: &RecordedWorld) -> Result<Vec<(Address, Wanted)>, Failure> {
        let project = project(self.setting, &self.file, more)?;
        let accounts = planning::accounts(&project)?;
        let blueprint =
            planning::blueprint(&project, &accounts, world, &Renewals::new(), false, &host::environment)?;
        let draft = Draft::new(&blueprint).map_err(|found| Failure::at(found, &project.sources))?;
        let all = blueprint.declarations().iter().zip(draft.desired());
        let managed = all.filter(|(declaration, _)| declaration.mode == Mode::Managed);
        let known = managed.filter_map(|(declaration, desired)| {
            let wanted = Wanted { ty: desired.ty.clone(), id: desired.id.clone()? };
            Some((declaration.address.clone(), wanted))
        });
        Ok(known.collect())
    }

    /// Writes the clusters; what is left of the objects is none of theirs.
    pub(super) async fn clusters(
        &mut self,
        objects: Vec<Found>,
        world: &mut RecordedWorld,
        clouds: &Clouds,
    ) -> Result<(String, Vec<Found>), Failure> {
        let mut text = String::new();
        let mut done: HashSet<ResourceId> = HashSet::new();
        for (name, parts) in cluster::clusters(&objects) {
            if let Some(cluster) = self.owned.get(&name) {
                let why = format!(
                    "it says that it belongs to {cluster}, which is here already and does not make it"
                );
                self.leave(&parts, &why);
                done.extend(parts.iter().map(|part| part.id.clone()));
                continue;
            }
            let label = self.labels.take(&name, "cluster");
            let profile = self.labels.take(&format!("{name}_profile"), "profile");
            let mut seats_world = world.clone();
            let elsewhere = Elsewhere {
                inside: self.inside.clone(),
                halves: self.halves(&name, &parts, clouds).await?,
                zones: self.zones(&name, &parts, clouds).await?,
            };
            let written =
                cluster::write(&name, &parts, self.account, &world.lineage, &label, &profile, &elsewhere);
            let expanded = written.map_err(|why| (why, Vec::new())).and_then(|written| {
                seat(&mut seats_world, &written.seats);
                match self.expand(&written.text, &seats_world) {
                    Ok(declared) => Ok((written, declared)),
                    // The version of Kubernetes is asked for then: its parts are as declared, whatever it is.
                    Err(failure) => Err(("its block cannot be evaluated".to_owned(), failure.diagnostics)),
                }
            });
            let (written, declared) = match expanded {
                Ok(done) => done,
                Err((why, because)) => {
                    let because = because.first().map_or_else(String::new, |d| format!(": {}", d.message));
                    self.leave(&parts, &format!("cluster {name} is not written: {why}{because}"));
                    done.extend(parts.iter().map(|part| part.id.clone()));
                    continue;
                }
            };
            *world = seats_world;
            let address = format!("cluster.{label}");
            let of_it: Vec<(Address, Wanted)> = declared
                .into_iter()
                .filter(|(part, _)| part.as_str().starts_with(&format!("{address}.")))
                .collect();
            let here: HashSet<&ResourceId> = objects.iter().map(|found| &found.id).collect();
            let elsewhere: Vec<Wanted> =
                of_it.iter().map(|(_, wanted)| wanted).filter(|w| !here.contains(&w.id)).cloned().collect();
            let found = match clouds.provider(self.account) {
                Some(provider) if !elsewhere.is_empty() => {
                    let asking = format!("looking for the other parts of cluster {name}");
                    provider
                        .observe(&elsewhere)
                        .await
                        .map_err(|error| Failure::of(refused(&asking, &error)))?
                        .objects
                }
                _ => Default::default(),
            };
            for unknown in &written.unknown {
                let _ = writeln!(text, "# Not read from Azure: {unknown}.");
            }
            text.push_str(&written.text);
            for (part, wanted) in &of_it {
                if here.contains(&wanted.id) || found.contains_key(&wanted.id) {
                    text.push_str(&import(part, &wanted.id));
                    done.insert(wanted.id.clone());
                }
            }
            let over: Vec<&Found> = parts.into_iter().filter(|part| !done.contains(&part.id)).collect();
            let machines = machine_disks(&objects);
            let over: Vec<&Found> = over.into_iter().filter(|part| !machines.contains(&part.id)).collect();
            self.leave(
                &over,
                &format!("it says that it belongs to cluster {name}, whose block does not make it"),
            );
            done.extend(over.iter().map(|part| part.id.clone()));
            self.clusters.push(address);
        }
        let machines = machine_disks(&objects);
        let rest =
            objects.into_iter().filter(|found| !done.contains(&found.id) && !machines.contains(&found.id));
        Ok((text, rest.collect()))
    }

    /// The halves of a cluster's peerings that are there in the networks of others, ids in lower case.
    async fn halves(
        &self,
        name: &str,
        parts: &[&Found],
        clouds: &Clouds,
    ) -> Result<BTreeSet<String>, Failure> {
        let ty = lazuli_azure::kinds::api_version(PEERINGS);
        let wanted: Vec<Wanted> = other_halves(name, parts)
            .into_iter()
            .map(|id| Wanted { ty: ResourceType::new(PEERINGS, ty.unwrap_or("2025-05-01")), id })
            .collect();
        let Some(provider) = clouds.provider(self.account).filter(|_| !wanted.is_empty()) else {
            return Ok(BTreeSet::new());
        };
        let asking = format!("looking for the peerings of cluster {name}");
        let observed = provider.observe(&wanted).await;
        let observed = observed.map_err(|error| Failure::of(refused(&asking, &error)))?;
        Ok(observed.objects.keys().map(|id| id.as_str().to_lowercase()).collect())
    }

    /// The private DNS zones, not among the parts of a cluster, where its private API may have its name: a record there
    /// leads to its address. Of several, those that are linked with its own network.
    async fn zones(&self, name: &str, parts: &[&Found], clouds: &Clouds) -> Result<Vec<ResourceId>, Failure> {
        let provider = clouds.provider(self.account).filter(|_| !has_zone(parts));
        let (Some(provider), Some(address)) = (provider, private_address(name, parts)) else {
            return Ok(Vec::new());
        };
        let refuse =
            |error| Failure::of(refused(&format!("looking for the DNS zone of cluster {name}"), &error));
        let zones = provider.private_dns_zones().await.map_err(refuse)?;
        let wanted = |ty: &str, name: &str| -> Vec<Wanted> {
            let version = lazuli_azure::kinds::api_version(ty).unwrap_or("2024-06-01");
            let child = ty.rsplit('/').next().unwrap_or_default();
            let below = |zone: &ResourceId| Wanted {
                ty: ResourceType::new(ty, version),
                id: zone.child(child, name),
            };
            zones.iter().map(below).collect()
        };
        let (records, links) = (wanted(RECORDS, "apiserver"), wanted(LINKS, &format!("{name}-vnet-link")));
        let all: Vec<Wanted> = records.iter().chain(&links).cloned().collect();
        let seen = provider.observe(&all).await.map_err(refuse)?.objects;
        let leads_here = |record: &Wanted| {
            let first =
                seen.get(&record.id).map(|record| &record["properties"]["aRecords"][0]["ipv4Address"]);
            first.is_some_and(|ip| ip == address)
        };
        let candidates = zones.iter().zip(&records).zip(&links).filter(|((_, record), _)| leads_here(record));
        let (linked, others): (Vec<_>, Vec<_>) = candidates
            .map(|((zone, _), link)| (zone.clone(), link))
            .partition(|(_, link)| seen.contains_key(&link.id));
        let some = if linked.is_empty() { others } else { linked };
        Ok(some.into_iter().map(|(zone, _)| zone).collect())
    }

    fn leave(&mut self, parts: &[&Found], why: &str) {
        self.left.extend(parts.iter().map(|part| Left { id: part.id.clone(), why: why.to_owned() }));
    }

    /// Leaves out what others made and take away again.
    pub(super) fn without_parts_of_others(&mut self, objects: Vec<Found>) -> Vec<Found> {
        let principals: BTreeSet<String> = objects
            .iter()
            .filter_map(|found| {
                found.body.pointer("/properties/principalId").filter(|_| !is_assignment(found))
            })
            .filter_map(|id| id.as_str().map(str::to_lowercase))
            .collect();
        let (kept, others): (Vec<_>, Vec<_>) = objects
            .into_iter()
            .map(|found| (of_others(&found, &principals), found))
            .partition(|(why, _)| why.is_none());
        self.left
            .extend(others.into_iter().filter_map(|(why, found)| Some(Left { id: found.id, why: why? })));
        kept.into_iter().map(|(_, found)| found).collect()
    }
}

/// The configuration with more text in a file of its own.
pub(super) fn project(setting: &Setting, file: &str, more: &str) -> Result<Project, Failure> {
    let mut inputs: Inputs = setting.project.inputs();
    if !more.is_empty() {
        inputs.files.push((file.to_owned(), more.to_owned()));
    }
    Project::load(inputs, Some(Path::new("."))).map_err(everything_wrong)
}

/// The cluster an address lies in.
fn cluster_of(address: &Address) -> Option<String> {
    let segments = address.segments();
    let at = segments.iter().position(|segment| segment.name == "cluster")?;
    let above = segments.len().checked_sub(at + 2)?;
    (0..above).try_fold(address.clone(), |address, _| address.parent()).map(|cluster| cluster.to_string())
}

/// Nodes that are there sit in their seats next.
fn seat(world: &mut RecordedWorld, seats: &[NodeSlot]) {
    for slot in seats {
        let recorded =
            world.resources.values().any(|r| r.slot.as_ref().is_some_and(|s| s.address == slot.address));
        if !recorded {
            world.roster.insert(slot.address.clone(), slot.clone());
        }
    }
}

fn is_assignment(found: &Found) -> bool {
    found.ty.name.eq_ignore_ascii_case("Microsoft.Authorization/roleAssignments")
}

/// Why somebody else makes an object and takes it away again; `None` when nobody does.
fn of_others(found: &Found, principals: &BTreeSet<String>) -> Option<String> {
    let properties = &found.body["properties"];
    if is_assignment(found) {
        let principal = properties["principalId"].as_str().unwrap_or_default();
        let known = principals.contains(&principal.to_lowercase());
        return (!known)
            .then(|| format!("it gives rights to {principal}, which is no identity written here"));
    }
    if properties["isAutoRegistered"] == true {
        return Some("Azure registered it by itself".to_owned());
    }
    if properties["privateEndpoint"]["id"].is_string() {
        return Some("a private endpoint made it".to_owned());
    }
    let kubernetes = |name: &String| {
        let name = name.to_lowercase();
        name.starts_with("k8s-azure-") || name.starts_with("kubernetes.io-created-for")
    };
    let tags = found.body["tags"].as_object();
    tags.is_some_and(|tags| tags.keys().any(kubernetes)).then(|| "Kubernetes made it".to_owned())
}

/// The disks that virtual machines make and delete by themselves.
fn machine_disks(objects: &[Found]) -> HashSet<ResourceId> {
    let storage = objects.iter().map(|found| &found.body["properties"]["storageProfile"]);
    let disks = storage.flat_map(|storage| {
        let data = storage["dataDisks"].as_array().into_iter().flatten();
        std::iter::once(&storage["osDisk"]).chain(data)
    });
    let made = disks.filter(|disk| disk["createOption"] != "Attach");
    made.filter_map(|disk| disk["managedDisk"]["id"].as_str()).map(ResourceId::new).collect()
}
