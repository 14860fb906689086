//! `account permissions`: the roles this configuration needs, and whether the one who signs in has what they give.

use std::path::Path;
use std::sync::Arc;

use lazuli_cluster::roster::Renewals;
use lazuli_core::configuration::Configuration as _;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Mode, ProviderName};
use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Severity};
use serde_json::Value as Json;

use super::{Exit, Outcome};
use crate::cli::{Permissions, Placement};
use crate::commands::begin::Setting;
use crate::commands::tell;
use crate::failure::{Failure, refused};
use crate::render::account_roles::{self as rendered, Compared};
use crate::roles::{Home, Place, Role, roles};
use crate::terminal::Printer;
use crate::{host, planning};

pub(super) async fn run(args: &Permissions, printer: &Arc<Printer>) -> Outcome {
    let setting = Setting::here(&args.variables, printer)?;
    let roles = needed(args, &setting, printer)?;
    if args.check {
        return check(&setting, roles, printer).await;
    }
    let printed: Vec<&Role> = match &args.role {
        Some(name) => vec![role(name, &roles)?],
        None => roles.iter().filter(|role| args.out.is_some() || !role.only_reads).collect(),
    };
    if let Some(folder) = &args.out {
        return write(folder, &printed, printer);
    }
    if printer.json() && args.role.is_none() {
        printer.document(&rendered::document(&roles));
        return Ok(Exit::Done);
    }
    printer.document(&rendered::definitions(&printed));
    if !printer.json() {
        printer.message(&rendered::advice(&roles, &printed));
    }
    Ok(Exit::Done)
}

/// What the configuration needs, without asking anybody.
fn needed(args: &Permissions, setting: &Setting, printer: &Printer) -> Result<Vec<Role>, Failure> {
    let missing: Vec<Diagnostic> =
        setting.accounts.values().filter_map(|account| account.missing().cloned()).collect();
    if !missing.is_empty() {
        return Err(Failure::at(missing, &setting.project.sources)); // scopes hang on the subscription
    }
    // Names of nodes hang on the lineage, and no permission hangs on them.
    let world = RecordedWorld {
        lineage: "00000000-0000-0000-0000-000000000000".to_owned(),
        ..RecordedWorld::default()
    };
    let (accounts, project) = (&setting.accounts, &setting.project);
    let blueprint =
        planning::blueprint(project, accounts, &world, &Renewals::new(), false, &host::environment)?;
    let draft = planning::draft(project, &blueprint)?;
    let homes: Vec<Home> = blueprint
        .clusters()
        .map(|expansion| Home {
            cluster: expansion.cluster.address.clone(),
            group: expansion.ids.resource_group.as_str().to_owned(),
            is_static: expansion.parts.iter().any(|part| part.declaration.mode == Mode::Data),
        })
        .collect();
    let place = match args.placement {
        None => Place::AsWritten,
        Some(Placement::Dynamic) => Place::Dynamic,
        Some(Placement::Static) => Place::Static(args.network_resource_group.clone()),
    };
    let resources: Vec<_> = blueprint.declarations().iter().zip(draft.desired()).collect();
    for (declaration, _) in
        resources.iter().filter(|(_, d)| d.provider == ProviderName::Azure && d.id.is_none())
    {
        let message =
            format!("what {} needs is not in the roles: its name is not known yet", declaration.address);
        let warning = Diagnostic { severity: Severity::Warning, ..Diagnostic::error("LZ3035", message) };
        tell(printer, &Failure::of(warning));
    }
    let roles = roles(&resources, &homes, &place);
    if roles.is_empty() {
        let problem = Diagnostic::error("LZ3034", "this configuration has no resources, so it needs no role");
        return Err(Failure::of(problem));
    }
    Ok(roles)
}

fn role<'a>(name: &str, roles: &'a [Role]) -> Result<&'a Role, Failure> {
    roles.iter().find(|role| role.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
        let problem = Diagnostic::error("LZ3034", format!("this configuration needs no role `{name}`"));
        Failure::of(match closest(name, names.iter().copied()) {
            Some(close) => problem.help(format!("did you mean `{close}`?")),
            None => problem.help(format!("roles: {}", names.join(", "))),
        })
    })
}

fn write(folder: &Path, roles: &[&Role], printer: &Printer) -> Outcome {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::of(Diagnostic::error("LZ3034", format!("{} cannot be written: {error}", path.display())))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut files = Vec::new();
    for role in roles {
        let subscription = role.scope.split('/').nth(2).unwrap_or_default();
        let short = subscription.get(..8).unwrap_or(subscription);
        let path = folder.join(format!("lazuli-{}-{short}.json", role.name.replace(' ', "-")));
        let text = format!("{:#}\n", rendered::definition(role));
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        files.push((path, *role));
    }
    if printer.json() {
        let told: Vec<Json> = files
            .iter()
            .map(|(path, role)| serde_json::json!({ "file": path, "role": role.name, "scope": role.scope }))
            .collect();
        printer.document(&serde_json::json!({ "written": told }));
        return Ok(Exit::Done);
    }
    for (path, role) in &files {
        printer.result(&format!("az role definition create --role-definition @{}\n", path.display()));
        printer.message(&format!("  to be assigned with --scope {}", role.scope));
    }
    Ok(Exit::Done)
}

/// Compares with what the one who signs in may do.
async fn check(setting: &Setting, roles: Vec<Role>, printer: &Printer) -> Outcome {
    let clouds = setting.clouds(&RecordedWorld::default(), 4).await?;
    let mut compared = Vec::new();
    let mut who = "Whoever signs in".to_owned();
    for role in roles {
        let Some(provider) = clouds.provider(&role.account) else { continue }; // impossible: it is an account of the configuration
        let signing_in =
            |error| Failure::of(refused(&format!("signing in (cloud_account.{})", role.account), &error));
        if compared.is_empty() {
            let principal = provider.sign_in().await.map_err(signing_in)?;
            let name = principal.name.or(principal.application_id.map(|id| format!("application {id}")));
            who = name.unwrap_or(who);
        }
        let missing = match provider.granted(&role.scope).await {
            Ok(granted) => Ok(granted.missing(&role.actions)),
            // Who may not even ask has no role there.
            Err(error) if error.status == Some(403) => Ok(role.actions.clone()),
            Err(error) => Err(error.to_string()),
        };
        compared.push(Compared { role, missing });
    }
    clouds.close().await;
    let enough = compared.iter().all(Compared::is_enough);
    match printer.json() {
        true => printer.document(&rendered::compared_json(&compared)),
        false => printer.result(&rendered::compared(&compared, &who)),
    }
    Ok(if enough { Exit::Done } else { Exit::Failed })
}
