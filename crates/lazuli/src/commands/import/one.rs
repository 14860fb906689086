//! `import ADDRESS ID`: the object is read, compared with its declaration and recorded. What of it differs from the
//! configuration is recorded as it is in Azure, so that the next plan changes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lazuli_azure::AzureKinds;
use lazuli_cluster::roster::Renewals;
use lazuli_core::configuration::Configuration;
use lazuli_core::journal::{Journal, Record};
use lazuli_core::kind::Kinds;
use lazuli_core::plan::PathChange;
use lazuli_core::provider::Provider;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Bond, Declaration, Desired, Mode, ProviderName, ResourceId};
use lazuli_core::{Address, Diagnostic, Json, Value, encoding};
use lazuli_executor::record::sensitive_paths;
use lazuli_executor::write_only;
use lazuli_planner::compare::compare;
use lazuli_planner::import::at_once;
use lazuli_planner::refactoring::Import as Told;
use serde_json::json;

use super::{PARALLEL, open};
use crate::blueprint::Blueprint;
use crate::blueprint::ask::AsRecorded;
use crate::cli::Import;
use crate::commands::begin::Setting;
use crate::commands::{Exit, Outcome, apply};
use crate::failure::{Failure, refused};
use crate::render::{layout, plan_json, value};
use crate::terminal::Printer;
use crate::{host, planning};

pub(super) async fn run(address: &Address, id: &str, args: &Import, printer: &Arc<Printer>) -> Outcome {
    let setting = Setting::here(&args.variables, printer)?;
    let mut state = open(&setting, args, printer)?;
    let clouds = Arc::new(setting.clouds(state.world(), PARALLEL).await?);
    apply::finish_earlier_run(&mut state, &clouds, printer).await?;
    let id = ResourceId::new(id);
    let world = state.world().clone();
    if already(&world, address, &id)? {
        tell(printer, address, &id, &[], None);
        apply::close(clouds).await;
        return Ok(Exit::Done);
    }
    let sources = &setting.project.sources;
    let mut blueprint = planning::blueprint(
        &setting.project,
        &setting.accounts,
        &world,
        &Renewals::new(),
        false,
        &host::environment,
    )?;
    blueprint.leave_unmarked(address);
    let place = place_of(&blueprint, address)?;
    let desired =
        AsRecorded::new(&blueprint, &world).desired(place).map_err(|found| Failure::at(found, sources))?;
    let provider = clouds.provider(&desired.account).filter(|_| desired.provider == ProviderName::Azure);
    let Some(provider) = provider else {
        return Err(Failure::of(cannot(format!("{address} is not in a cloud account that can be asked"))));
    };
    // Of another object than the declared one nothing has to be read: it is refused.
    let object = match desired.id.as_ref() == Some(&id) {
        true => provider
            .read(&desired.ty, &id)
            .await
            .map_err(|error| Failure::of(refused(&format!("reading {id}"), &error)))?,
        false => None,
    };
    let subject =
        Subject { blueprint: &blueprint, declaration: &blueprint.declarations()[place], desired: &desired };
    // As the configuration spells it.
    let id = desired.id.clone().unwrap_or(id);
    let (recorded, differences) = subject
        .taken_over(id.clone(), object, &world)
        .map_err(|problem| Failure::at(vec![*problem], sources))?;

    let journal = state.journal()?;
    let record = Record::Adjusted { set_aside: Vec::new(), removed: Vec::new(), resources: vec![recorded] };
    let failed = |error: lazuli_core::journal::JournalError| {
        Failure::of(Diagnostic::error("LZ2110", error.to_string()))
    };
    journal.append(record).await.map_err(failed)?;
    drop(journal);
    let committed = state.commit()?;
    tell(printer, address, &id, &differences, Some(committed.serial));
    apply::close(clouds).await;
    Ok(Exit::Done)
}

/// A declaration that takes an object over.
struct Subject<'a> {
    blueprint: &'a Blueprint,
    declaration: &'a Declaration,
    desired: &'a Desired,
}

impl Subject<'_> {
    /// The object as it will be recorded, and what the next plan changes.
    fn taken_over(
        &self,
        id: ResourceId,
        object: Option<Json>,
        world: &RecordedWorld,
    ) -> Result<(Recorded, Vec<PathChange>), Box<Diagnostic>> {
        let Subject { declaration, desired, .. } = *self;
        let kind = AzureKinds.kind(&desired.ty);
        let told = Told { id: id.clone(), span: None };
        let owned = at_once(declaration, desired, kind, &told, object.as_ref(), &world.lineage)?;
        let mut inputs = encoding::to_json(&owned).unwrap_or_default(); // what exists is known
        let salt: &[u8] = world.lineage.as_bytes();
        write_only::split(&mut inputs, kind, salt);
        let mut sensitive = sensitive_paths(&desired.body);
        sensitive.retain(|path| !kind.write_only.iter().any(|pattern| path.is_under(pattern)));
        let now = host::now();
        let recorded = Recorded {
            address: declaration.address.clone(),
            mode: Mode::Managed,
            provider: desired.provider,
            account: desired.account.clone(),
            ty: desired.ty.clone(),
            id,
            inputs,
            observed: object.unwrap_or_default(),
            dependencies: self.dependencies(),
            sensitive,
            write_only: BTreeMap::new(),
            prevent_destroy: declaration.lifecycle.prevent_destroy,
            slot: desired.slot.clone(),
            pending: None,
            created_at: now.clone(),
            updated_at: now,
        };
        let ignore = &declaration.lifecycle.ignore;
        let mut differences = compare(kind, ignore, &desired.body, Some(&recorded), Some(&recorded.observed));
        // What another resource supplies is compared when that is recorded too.
        differences.retain(|change| change.after.as_ref().is_none_or(Value::is_wholly_known));
        Ok((recorded, differences))
    }

    /// What it refers to, looking through what is only read.
    fn dependencies(&self) -> Vec<Address> {
        let all = self.blueprint.declarations();
        let refers = |declaration: &Declaration| -> Vec<Address> {
            let on = declaration.dependencies.iter().filter(|d| d.bond == Bond::Reference);
            on.map(|d| d.on.clone()).collect()
        };
        let mut open = refers(self.declaration);
        let mut found = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(address) = open.pop() {
            if !seen.insert(address.clone()) {
                continue;
            }
            match all.iter().find(|d| d.address == address) {
                Some(read) if read.mode == Mode::Data => open.extend(refers(read)),
                Some(_) => found.push(address),
                None => {}
            }
        }
        found.sort();
        found
    }
}

/// True when exactly this is recorded already.
fn already(world: &RecordedWorld, address: &Address, id: &ResourceId) -> Result<bool, Failure> {
    let managed = |recorded: &&Recorded| recorded.mode == Mode::Managed;
    if let Some(recorded) = world.resources.get(address).filter(managed) {
        if recorded.id == *id {
            return Ok(true);
        }
        let problem =
            cannot(format!("{address} is recorded already, as {}", recorded.id)).about(address.clone());
        return Err(Failure::of(problem.help(format!(
            "to give it up and take the other one over, forget it first: lazuli state rm '{address}'"
        ))));
    }
    match world.resources.values().chain(&world.deposed).filter(managed).find(|r| r.id == *id) {
        None => Ok(false),
        Some(other) => {
            let problem = cannot(format!("{id} is recorded already, as {}", other.address));
            Err(Failure::of(problem.help(format!("lazuli state mv '{}' '{address}'", other.address))))
        }
    }
}

fn cannot(message: String) -> Diagnostic {
    Diagnostic::error("LZ1012", message)
}

/// The place of a declared resource.
fn place_of(blueprint: &Blueprint, address: &Address) -> Result<usize, Failure> {
    let all = blueprint.declarations();
    let managed = || all.iter().filter(|d| d.mode == Mode::Managed);
    if let Some(place) = all.iter().position(|d| d.mode == Mode::Managed && d.address == *address) {
        return Ok(place);
    }
    let message = format!("{address} is not declared, so nothing can be imported to it");
    let problem = Diagnostic::error("LZ0235", message).about(address.clone());
    if let Some(part) = managed().find(|d| d.address.is_within(address)) {
        return Err(Failure::of(
            problem.help(format!("it has parts, each imported by itself, such as '{}'", part.address)),
        ));
    }
    let names = managed().map(|d| d.address.as_str());
    Err(Failure::of(match lazuli_core::suggestion::closest(address.as_str(), names) {
        Some(close) => problem.help(format!("did you mean {close}?")),
        None => problem
            .help("declare it first; `lazuli import --generate` writes configuration for what is there"),
    }))
}

/// Says what was done; without a version of the state, it was done before.
fn tell(
    printer: &Printer,
    address: &Address,
    id: &ResourceId,
    differences: &[PathChange],
    serial: Option<u64>,
) {
    if printer.json() {
        let differences: Vec<Json> = differences.iter().map(plan_json::path_change).collect();
        return printer.document(&json!({
            "address": address, "id": id, "imported": serial.is_some(), "differences": differences,
            "written": serial.is_some(), "serial": serial,
        }));
    }
    let Some(serial) = serial else {
        return printer.result(&format!("{address} is {id} already. Nothing was changed.\n"));
    };
    let mut text = format!("Imported {address}\n  {id}\n");
    if differences.is_empty() {
        text += "It is as the configuration says.\n";
    } else {
        let attributes = layout::count(differences.len(), "attribute");
        let _ = writeln!(text, "\nThe next plan will change {attributes} of it:");
        for change in differences {
            let becomes = value::scalar_change(change.before.as_ref(), change.after.as_ref());
            let _ = match becomes {
                Some(becomes) => writeln!(text, "  {}  {becomes}", change.path),
                None => {
                    let side = |value: &Option<Value>| {
                        value.as_ref().map_or_else(|| "none".to_owned(), value::inline)
                    };
                    writeln!(text, "  {}  {} -> {}", change.path, side(&change.before), side(&change.after))
                }
            };
        }
        text.push('\n');
    }
    let _ = writeln!(text, "Nothing was changed in Azure. The state is version {serial} now.");
    printer.result(&text);
}
