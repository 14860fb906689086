//! `import --generate`: lists what is in a resource group, writes configuration for it, and says what the next plan does.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use lazuli_azure::AzureKinds;
use lazuli_azure::inventory::Found;
use lazuli_cluster::roster::Renewals;
use lazuli_core::configuration::Configuration;
use lazuli_core::plan::{Action, Plan, Reason};
use lazuli_core::provider::{Provider, Wanted};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Mode, NodeSlot, ResourceId};
use lazuli_core::{Address, Diagnostic, Json, Sources};
use lazuli_planner::Draft;
use lazuli_planner::decide::LINEAGE_TAG;
use serde_json::json;

use super::{PARALLEL, open};
use crate::accounts::DeclaredAccount;
use crate::cli::Import;
use crate::clouds::Clouds;
use crate::commands::begin::{Setting, everything_wrong};
use crate::commands::{Exit, Outcome, apply};
use crate::failure::{Failure, refused};
use crate::generate::{Labels, Left, cluster, heading, import, resources};
use crate::host;
use crate::planning::{self, Wish};
use crate::project::{Inputs, Project};
use crate::render::layout;
use crate::terminal::Printer;

pub(super) async fn run(file: &Path, group: &str, args: &Import, printer: &Arc<Printer>) -> Outcome {
    let name = may_be_written(file)?;
    let setting = Setting::here(&args.variables, printer)?;
    let account = account(&setting, args.account.as_deref())?;
    let mut state = open(&setting, args, printer)?;
    let clouds = Clouds::open([account], &setting.state.folder(), PARALLEL, &host::environment).await?;
    let clouds = Arc::new(clouds);
    apply::finish_earlier_run(&mut state, &clouds, printer).await?;
    let provider = clouds.provider(&account.name).ok_or_else(|| cannot("its cloud account is not open"))?;
    let asking = format!("reading what is in the resource group {group}");
    let inventory = provider.inventory(group).await.map_err(|error| Failure::of(refused(&asking, &error)))?;

    let mut left: Vec<Left> = inventory.unreadable.into_iter().map(|(id, why)| Left { id, why }).collect();
    let (mut world, taken) = whose(state.world(), &inventory.objects);
    let objects = ours(inventory.objects, &world.lineage, &mut left);
    let mut writer = Writer {
        setting: &setting,
        account: &account.name,
        file: name,
        labels: labels(&setting.project),
        left,
        clusters: Vec::new(),
    };
    let objects = writer.without_declared(objects, &world)?;
    let (mut text, rest) = writer.clusters(objects, &mut world, &clouds).await?;
    let rest = writer.without_parts_of_others(rest);
    let blocks = resources::blocks(&rest, &account.name, &AzureKinds, &mut writer.labels);
    text.push_str(&blocks.text);
    writer.left.extend(blocks.left);
    writer.left.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    let text = format!("{}{}\n", heading(group, &writer.left), text.trim_end());
    let mut sources = Sources::default();
    let text = lazuli_config::format(&mut sources, &file.display().to_string(), &text)
        .map_err(|found| Failure::at(found, &sources))?;
    write(file, &text)?;
    if world.lineage != state.world().lineage || world.roster != state.world().roster {
        state.replace(world)?;
    }
    let told = Told {
        file,
        group,
        account: &account.name,
        taken: taken.as_deref(),
        clusters: &writer.clusters,
        left: &writer.left,
    };
    // What the next plan makes of it is known only where the file is part of the configuration.
    let planned = match in_configuration(file) {
        true => Some(next_plan(args, state.world(), &clouds, printer).await),
        false => None,
    };
    apply::close(clouds).await;
    told.tell(planned, printer)
}

fn cannot(why: impl std::fmt::Display) -> Failure {
    Failure::of(Diagnostic::error("LZ3040", format!("no configuration was written: {why}")))
}

/// The name of a file that is new and will be read as configuration.
fn may_be_written(file: &Path) -> Result<String, Failure> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !name.ends_with(".hcl") || name.ends_with(".vars.hcl") || name.starts_with('.') {
        return Err(cannot(format!(
            "{} would not be read as configuration: it must end in .hcl",
            file.display()
        )));
    }
    if file.exists() {
        let mut failure = cannot(format!("{} exists already", file.display()));
        failure.diagnostics = failure.diagnostics.into_iter().map(|d| d.help("name a new file")).collect();
        return Err(failure);
    }
    Ok(name)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| cannot(format!("{}: {error}", file.display()));
    let mut new = std::fs::File::create_new(file).map_err(failed)?;
    new.write_all(text.as_bytes()).and_then(|()| new.sync_all()).map_err(failed)
}

/// True for a file of the working directory.
fn in_configuration(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.is_none_or(|folder| match (folder.canonicalize(), Path::new(".").canonicalize()) {
        (Ok(folder), Ok(here)) => folder == here,
        _ => false,
    })
}

fn account<'a>(setting: &'a Setting, asked: Option<&str>) -> Result<&'a DeclaredAccount, Failure> {
    let names: Vec<&str> = setting.accounts.keys().map(|name| &**name).collect();
    let account = match (asked, names.as_slice()) {
        (Some(name), _) => {
            setting.accounts.get(name).ok_or_else(|| cannot(format!("no cloud account `{name}` is declared")))
        }
        (None, [_]) => setting.accounts.values().next().ok_or_else(|| cannot("no cloud account is declared")),
        (None, []) => Err(cannot("no cloud account is declared; declare a `cloud_account` block")),
        (None, several) => {
            Err(cannot(format!("which cloud account? Give --account: {}", several.join(", "))))
        }
    }?;
    match account.missing() {
        Some(missing) => Err(Failure::at(vec![missing.clone()], &setting.project.sources)),
        None => Ok(account),
    }
}

/// The record an import starts from. A state that is new and empty becomes that of the objects when all that belong to a
/// state belong to the same one: names of nodes hang on it, and tags say it.
fn whose(world: &RecordedWorld, objects: &[Found]) -> (RecordedWorld, Option<String>) {
    let world = world.clone();
    let lineages: BTreeSet<&str> =
        objects.iter().filter_map(|f| cluster::tag(&f.body, LINEAGE_TAG)).collect();
    let empty = world.resources.is_empty()
        && world.deposed.is_empty()
        && world.roster.is_empty()
        && world.outputs.is_empty();
    match lineages.into_iter().collect::<Vec<_>>().as_slice() {
        [only] if empty && *only != world.lineage => {
            let taken = (*only).to_owned();
            (RecordedWorld { lineage: taken.clone(), ..world }, Some(taken))
        }
        _ => (world, None),
    }
}

/// The objects that belong to no other state, and what lies below none that does.
fn ours(objects: Vec<Found>, lineage: &str, left: &mut Vec<Left>) -> Vec<Found> {
    let mut foreign: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for found in objects {
        let other = cluster::tag(&found.body, LINEAGE_TAG).filter(|other| *other != lineage);
        let below = |other: &String| found.id.as_str().to_lowercase().starts_with(other.as_str());
        match other {
            Some(other) => {
                foreign.push(format!("{}/", found.id.as_str().to_lowercase()));
                let why = format!("it belongs to another Lazuli state (lineage {other})");
                left.push(Left { id: found.id, why });
            }
            None if foreign.iter().any(below) => {}
            None => kept.push(found),
        }
    }
    kept
}

/// The labels that are taken already.
fn labels(project: &Project) -> Labels {
    let module = project.evaluator.module();
    let resources = module.resources.iter().map(|block| block.name.text.to_string());
    let clusters = module.clusters.iter().map(|block| block.name.text.to_string());
    Labels(resources.chain(clusters).collect())
}

struct Writer<'a> {
    setting: &'a Setting,
    account: &'a str,
    file: String,
    labels: Labels,
    left: Vec<Left>,
    /// The clusters that are written.
    clusters: Vec<String>,
}

impl Writer<'_> {
    /// The objects that the configuration does not declare, and the state does not record, yet.
    fn without_declared(
        &mut self,
        objects: Vec<Found>,
        world: &RecordedWorld,
    ) -> Result<Vec<Found>, Failure> {
        let (_, declared) = self.expand("", world)?;
        let mut known: HashMap<ResourceId, Address> = HashMap::new();
        let recorded = world.resources.values().filter(|r| r.mode == Mode::Managed);
        known.extend(recorded.map(|r| (r.id.clone(), r.address.clone())));
        known.extend(declared.into_iter().map(|(address, wanted)| (wanted.id, address)));
        let (old, new): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|found| known.contains_key(&found.id));
        self.left.extend(old.into_iter().map(|found| {
            let why = format!("it is {} already", known[&found.id]);
            Left { id: found.id, why }
        }));
        Ok(new)
    }

    /// What the configuration with more text declares, by address.
    fn expand(
        &self,
        more: &str,
        world: &RecordedWorld,
    ) -> Result<(Project, Vec<(Address, Wanted)>), Failure> {
        let mut inputs: Inputs = self.setting.project.inputs();
        if !more.is_empty() {
            inputs.files.push((self.file.clone(), more.to_owned()));
        }
        let project = Project::load(inputs, Some(Path::new("."))).map_err(everything_wrong)?;
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
        let known = known.collect();
        Ok((project, known))
    }

    /// Writes the clusters; what is left of the objects is none of theirs.
    async fn clusters(
        &mut self,
        objects: Vec<Found>,
        world: &mut RecordedWorld,
        clouds: &Clouds,
    ) -> Result<(String, Vec<Found>), Failure> {
        let mut text = String::new();
        let mut done: HashSet<ResourceId> = HashSet::new();
        for (name, parts) in cluster::clusters(&objects) {
            let label = self.labels.take(&name, "cluster");
            let profile = self.labels.take(&format!("{name}_profile"), "profile");
            let mut seats_world = world.clone();
            let written = cluster::write(&name, &parts, self.account, &world.lineage, &label, &profile);
            let expanded = written.map_err(|why| (why, Vec::new())).and_then(|written| {
                seat(&mut seats_world, &written.seats);
                match self.expand(&written.text, &seats_world) {
                    Ok((_, declared)) => Ok((written, declared)),
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

    fn leave(&mut self, parts: &[&Found], why: &str) {
        self.left.extend(parts.iter().map(|part| Left { id: part.id.clone(), why: why.to_owned() }));
    }

    /// Leaves out what others made and take away again.
    fn without_parts_of_others(&mut self, objects: Vec<Found>) -> Vec<Found> {
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

/// The next plan of the configuration as it is now.
async fn next_plan(
    args: &Import,
    world: &RecordedWorld,
    clouds: &Arc<Clouds>,
    printer: &Printer,
) -> Result<Plan, Failure> {
    let setting = Setting::here(&args.variables, printer)?;
    let wish = Wish { skip_preflight: true, ..Wish::plain(PARALLEL) };
    let planned =
        planning::plan(&setting.project, &setting.accounts, clouds, world, &wish, &host::environment).await?;
    Ok(planned.plan)
}

/// What is said in the end.
struct Told<'a> {
    file: &'a Path,
    group: &'a str,
    account: &'a str,
    taken: Option<&'a str>,
    clusters: &'a [String],
    left: &'a [Left],
}

impl Told<'_> {
    fn tell(&self, planned: Option<Result<Plan, Failure>>, printer: &Printer) -> Outcome {
        let (plan, failed) = match planned {
            Some(Ok(plan)) => (Some(plan), None),
            Some(Err(failure)) => (None, Some(failure)),
            None => (None, None),
        };
        let imports =
            |plan: &Plan| plan.changes.iter().filter(|c| c.reason == Some(Reason::Imported)).count();
        let changes: Vec<(&Address, Action)> = plan
            .iter()
            .flat_map(|plan| &plan.changes)
            .filter(|change| {
                !matches!(change.action, Action::NoOp | Action::Read | Action::Adopt)
                    || change.action == Action::Adopt && !change.paths.is_empty()
            })
            .map(|change| (&change.address, change.action))
            .collect();
        if printer.json() {
            let left: Vec<Json> =
                self.left.iter().map(|left| json!({"id": left.id, "why": left.why})).collect();
            let next = plan.as_ref().map(|plan| {
                let changes: Vec<Json> = changes
                    .iter()
                    .map(|(address, action)| json!({"address": address, "action": action}))
                    .collect();
                json!({"imports": imports(plan), "changes": changes})
            });
            printer.document(&json!({
                "file": self.file, "resource_group": self.group, "cloud_account": self.account,
                "clusters": self.clusters, "left_out": left, "lineage": self.taken, "next_plan": next,
            }));
        } else {
            let mut text = format!("Wrote {}.", self.file.display());
            if let Some(plan) = &plan {
                let objects = layout::count(imports(plan), "object");
                let _ = write!(text, " The next plan imports {objects}");
                text +=
                    if changes.is_empty() { " and changes nothing.\n" } else { ", and changes something:\n" };
                for (address, action) in &changes {
                    let _ = writeln!(text, "  {} {address}", action.symbol());
                }
            } else {
                text.push('\n');
            }
            for cluster in self.clusters {
                let _ = writeln!(
                    text,
                    "{cluster} is a whole cluster. Its certificate authorities are not in Azure, so this version cannot make \
                     nodes that join it."
                );
            }
            if let Some(lineage) = self.taken {
                let _ = writeln!(
                    text,
                    "\nThis state was empty and is {lineage} now, the one that made these objects: names of nodes hang on it.\n\
                     If the state that was that before still exists, do not use it any more."
                );
            }
            if !self.left.is_empty() {
                let _ = writeln!(
                    text,
                    "\nLeft out, as the file says: {}.",
                    layout::count(self.left.len(), "object")
                );
                for left in self.left.iter().take(20) {
                    let _ = writeln!(text, "  {}\n    {}", left.id, left.why);
                }
            }
            text.push_str("\nNothing was changed in Azure.\n");
            printer.result(&text);
        }
        match failed {
            Some(failure) => Err(failure),
            None => Ok(Exit::Done),
        }
    }
}
