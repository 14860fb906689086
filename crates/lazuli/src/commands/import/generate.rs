//! `import --generate`: lists what is in a resource group, writes configuration for it, and says what the next plan does.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use lazuli_azure::AzureKinds;
use lazuli_azure::inventory::Found;
use lazuli_core::plan::Plan;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Diagnostic, Sources};
use lazuli_kubernetes::survey::Survey;
use lazuli_planner::decide::LINEAGE_TAG;

use super::told::Told;
use super::writer::{Writer, project};
use super::{PARALLEL, open, pki};
use crate::accounts::DeclaredAccount;
use crate::cli::Import;
use crate::clouds::Clouds;
use crate::commands::begin::Setting;
use crate::commands::{Outcome, apply};
use crate::failure::{Failure, refused};
use crate::generate::{Labels, Left, cluster, heading, resources};
use crate::host;
use crate::planning::{self, Wish};
use crate::project::Project;
use crate::terminal::Printer;

pub(super) async fn run(file: &Path, group: &str, args: &Import, printer: &Arc<Printer>) -> Outcome {
    let name = may_be_written(file)?;
    if args.pki.is_some() && !in_configuration(file) {
        return Err(cannot("with --pki it must be in this folder: the keys are those of its cluster"));
    }
    let keys = args.pki.as_ref().map(|folder| pki::read(folder, printer)).transpose()?;
    let setting = Setting::here(&args.variables, printer)?;
    let account = account(&setting, args.account.as_deref())?;
    let mut state = open(&setting, args, printer)?;
    // The next plan may ask others as well.
    let usable = setting.accounts.values().filter(|account| account.missing().is_none());
    let clouds = Clouds::open(usable, &setting.state.folder(), PARALLEL, &host::environment).await?;
    let clouds = Arc::new(clouds);
    apply::finish_earlier_run(&mut state, &clouds, printer).await?;
    let provider = clouds.provider(&account.name).ok_or_else(|| cannot("its cloud account is not open"))?;
    let asking = format!("reading what is in the resource group {group}");
    let inventory = provider.inventory(group).await.map_err(|error| Failure::of(refused(&asking, &error)))?;

    let left: Vec<Left> = inventory.unreadable.into_iter().map(|(id, why)| Left { id, why }).collect();
    let (start, taken) = whose(state.world(), &inventory.objects);
    let compose = async |inside| {
        let sources = Sourced { name: &name, group, file };
        compose(
            &setting,
            &account.name,
            &sources,
            (&inventory.objects, &left),
            start.clone(),
            &clouds,
            inside,
        )
        .await
    };
    let mut composed = compose(None).await?;
    let mut keys_of = None;
    if let Some(keys) = &keys {
        let cluster = pki::the_only(&composed.clusters)?;
        let bring = async |composed: &Composed| {
            let project = project(&setting, &name, &composed.text)?;
            pki::bring(keys, &cluster, &project, &composed.world, &clouds).await
        };
        let world = bring(&composed).await?;
        // Who has the keys is told what is in no list of Azure.
        let project = project(&setting, &name, &composed.text)?;
        composed = compose(Some(pki::survey(&cluster, &project, &world, &clouds).await?)).await?;
        composed.world = bring(&composed).await?;
        keys_of = Some(cluster);
    }
    let Composed { text, world, left, clusters, owned } = composed;
    write(file, &text)?;
    if keys.is_some() || world.lineage != state.world().lineage || world.roster != state.world().roster {
        state.replace(world)?;
    }
    let told = Told {
        file,
        group,
        account: &account.name,
        taken: taken.as_deref(),
        clusters: &clusters,
        owned: &owned,
        left: &left,
        keys_of: keys_of.as_ref(),
    };
    // What the next plan makes of it is known only where the file is part of the configuration.
    let planned = match in_configuration(file) {
        true => Some(next_plan(args, state.world(), &clouds, printer).await),
        false => None,
    };
    apply::close(clouds).await;
    told.tell(planned, printer)
}

/// Where configuration is written.
struct Sourced<'a> {
    /// The name of the file.
    name: &'a str,
    group: &'a str,
    file: &'a Path,
}

/// Configuration for what is there.
struct Composed {
    text: String,
    /// The record it starts from.
    world: RecordedWorld,
    left: Vec<Left>,
    clusters: Vec<String>,
    /// Clusters that are here already.
    owned: Vec<String>,
}

async fn compose(
    setting: &Setting,
    account: &str,
    to: &Sourced<'_>,
    (objects, left): (&[Found], &[Left]),
    mut world: RecordedWorld,
    clouds: &Clouds,
    inside: Option<Survey>,
) -> Result<Composed, Failure> {
    let mut left = left.to_vec();
    let objects = ours(objects.to_vec(), &world.lineage, &mut left);
    let mut writer = Writer {
        setting,
        account,
        file: to.name.to_owned(),
        labels: labels(&setting.project),
        left,
        clusters: Vec::new(),
        owned: Default::default(),
        inside,
    };
    let objects = writer.without_declared(objects, &world)?;
    let (mut text, rest) = writer.clusters(objects, &mut world, clouds).await?;
    let rest = writer.without_parts_of_others(rest);
    let blocks = resources::blocks(&rest, account, &AzureKinds, &mut writer.labels);
    text.push_str(&blocks.text);
    writer.left.extend(blocks.left);
    writer.left.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    let text = format!("{}{}\n", heading(to.group, &writer.left), text.trim_end());
    let mut sources = Sources::default();
    let text = lazuli_config::format(&mut sources, &to.file.display().to_string(), &text)
        .map_err(|found| Failure::at(found, &sources))?;
    let owned: BTreeSet<String> = writer.owned.into_values().collect();
    let owned = owned.into_iter().collect();
    Ok(Composed { text, world, left: writer.left, clusters: writer.clusters, owned })
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
