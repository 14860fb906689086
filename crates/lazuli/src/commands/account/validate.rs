//! `account validate`: signs in and looks at what an account can do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazuli_azure::AzureProvider;
use lazuli_azure::permissions::NAMESPACES;
use lazuli_cluster::roster::Renewals;
use lazuli_core::Diagnostic;
use lazuli_core::provider::ProviderError;
use lazuli_core::recorded::RecordedWorld;
use serde_json::{Value as Json, json};

use super::{Exit, Outcome, file};
use crate::accounts::registry::Registry;
use crate::accounts::{DeclaredAccount, Place};
use crate::cli::{ValidateAccount, Variables};
use crate::clouds::Clouds;
use crate::commands::begin::Setting;
use crate::failure::Failure;
use crate::host;
use crate::planning;
use crate::render::account_report::{self as rendered, Problem, Report};
use crate::terminal::Printer;

pub(super) async fn run(args: &ValidateAccount, printer: &Arc<Printer>) -> Outcome {
    let meant = accounts(args.name.as_deref(), printer)?;
    let mut reports = Vec::new();
    for account in &meant.accounts {
        let regions = meant.regions(account, &args.region);
        let report = look(account, &meant.folder, args, &regions).await;
        if !printer.json() {
            printer.result(&rendered::text(&report, printer.width()));
        }
        reports.push(report);
    }
    let valid = reports.iter().all(|report| report.problems.is_empty());
    if printer.json() {
        let accounts: Vec<Json> = reports.iter().map(rendered::json).collect();
        printer.document(&json!({ "valid": valid, "accounts": accounts }));
    }
    Ok(if valid { Exit::Done } else { Exit::Failed })
}

/// The accounts that are meant, the folder where their simulators keep their worlds, and the regions of the clusters here.
struct Meant {
    accounts: Vec<DeclaredAccount>,
    folder: PathBuf,
    regions: BTreeSet<(Arc<str>, String)>,
}

/// Registered accounts and those of the configuration here; of one name, the registered one.
fn accounts(name: Option<&str>, printer: &Printer) -> Result<Meant, Failure> {
    let registry = Registry::read(&file()?)?;
    let is_meant = |known: &str| name.is_none_or(|name| name == known);
    let mut accounts = Vec::new();
    for name in registry.names().into_iter().filter(|known| is_meant(known)) {
        let place = match registry.find(name)?.settings(name) {
            Ok(settings) => Place::Azure(Box::new(settings)),
            Err(problems) => Place::NotFound(Box::new(
                Diagnostic::error("LZ3032", problems.join("; ")).help(format!("lazuli account edit {name}")),
            )),
        };
        accounts.push(DeclaredAccount { name: name.into(), place });
    }
    let here = std::fs::read_dir(".").is_ok_and(|mut files| {
        files.any(|file| file.is_ok_and(|file| file.path().extension().is_some_and(|end| end == "hcl")))
    });
    let mut meant = Meant { accounts, folder: ".lazuli".into(), regions: BTreeSet::new() };
    if here {
        match Setting::here(&Variables::default(), printer) {
            Ok(setting) => meant.add(setting, &is_meant),
            // Registered accounts can be looked at whatever is wrong with a configuration.
            Err(failure) if meant.accounts.is_empty() => return Err(failure),
            Err(_) => {}
        }
    }
    match (meant.accounts.is_empty(), name) {
        (false, _) => Ok(meant),
        (true, Some(name)) => Err(Failure::of(registry.unknown(name))),
        (true, None) => {
            let problem = Diagnostic::error(
                "LZ3031",
                "there is nothing to validate: no cloud account is registered, and no configuration here declares one",
            );
            Err(Failure::of(problem.help("`lazuli account add NAME` registers one; --chdir names a project")))
        }
    }
}

impl Meant {
    fn add(&mut self, setting: Setting, is_meant: &dyn Fn(&str) -> bool) {
        self.folder = setting.state.folder();
        let (recorded, renewals) = (RecordedWorld::default(), Renewals::new());
        let blueprint = planning::blueprint(
            &setting.project,
            &setting.accounts,
            &recorded,
            &renewals,
            false,
            &host::environment,
        );
        // A configuration that is wrong elsewhere names no regions.
        if let Ok(blueprint) = blueprint {
            let clusters = blueprint.clusters().map(|expansion| &expansion.cluster);
            self.regions.extend(clusters.map(|cluster| (cluster.account.clone(), cluster.region.clone())));
        }
        let own = setting.accounts.into_values().filter(|account| is_meant(&account.name));
        for account in own {
            if !self.accounts.iter().any(|known| known.name == account.name) {
                self.accounts.push(account);
            }
        }
    }

    /// The regions whose quotas are looked at.
    fn regions<'a>(&'a self, account: &'a DeclaredAccount, asked: &'a [String]) -> Vec<&'a str> {
        let own = self.regions.iter().filter(|(name, _)| *name == account.name);
        match asked {
            [] => own.map(|(_, region)| region.as_str()).collect(),
            asked => asked.iter().map(String::as_str).collect(),
        }
    }
}

async fn look(account: &DeclaredAccount, folder: &Path, args: &ValidateAccount, regions: &[&str]) -> Report {
    let mut report = Report { name: account.name.to_string(), ..Report::default() };
    let clouds = match Clouds::open([account], folder, 4, &host::environment).await {
        Ok(clouds) => clouds,
        Err(failure) => {
            report.problems.extend(failure.diagnostics.into_iter().map(Problem::from));
            return report;
        }
    };
    report.simulated = !clouds.simulated.is_empty();
    if let Some(provider) = clouds.provider(&account.name) {
        ask(provider, args, regions, &mut report).await;
    }
    clouds.close().await;
    report
}

/// Asks Azure step by step; who cannot sign in or see the subscription is asked nothing more.
async fn ask(provider: &AzureProvider, args: &ValidateAccount, regions: &[&str], report: &mut Report) {
    let failed = |step: &str, error: ProviderError| Problem::of(step, &error);
    match provider.sign_in().await {
        Ok(principal) => report.principal = Some(principal),
        Err(error) => return report.problems.push(failed("signing in", error)),
    }
    match provider.subscription().await {
        Ok(subscription) => report.subscription = Some(subscription),
        Err(error) => return report.problems.push(failed("reading the subscription", error)),
    }
    let subscription = format!("/subscriptions/{}", provider.subscription_id());
    let groups = args.resource_group.iter().map(|group| format!("{subscription}/resourceGroups/{group}"));
    for scope in std::iter::once(subscription.clone()).chain(groups) {
        match provider.granted(&scope).await {
            Ok(granted) => report.granted.push((scope, granted)),
            // Who has a role in a resource group only may not ask this of the subscription.
            Err(error) if scope == subscription && error.status == Some(403) => {
                report.granted.push((scope, Default::default()));
            }
            Err(error) => report.problems.push(failed(&format!("reading the permissions on {scope}"), error)),
        }
    }
    for namespace in NAMESPACES {
        match provider.registration(namespace).await {
            Ok(state) => {
                if !state.eq_ignore_ascii_case("registered") {
                    report.problems.push(Problem {
                        step: format!("looking at the provider {namespace}"),
                        code: "MissingSubscriptionRegistration".to_owned(),
                        message: format!("the subscription has not registered it; Azure says `{state}`"),
                        advice: Some(format!("az provider register --namespace {namespace}")),
                        correlation_id: None,
                    });
                }
                report.providers.push(((*namespace).to_owned(), state));
            }
            Err(error) => {
                report.problems.push(failed(&format!("looking at the provider {namespace}"), error))
            }
        }
    }
    for region in regions {
        match provider.usages(region).await {
            Ok(usages) => report.quotas.push(((*region).to_owned(), usages)),
            Err(error) => report.problems.push(failed(&format!("reading the quotas of {region}"), error)),
        }
    }
}
