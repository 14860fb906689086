//! `account validate`: signs in and looks at what an account can do.

use std::path::Path;
use std::sync::Arc;

use lazuli_azure::AzureProvider;
use lazuli_azure::permissions::NAMESPACES;
use lazuli_core::Diagnostic;
use lazuli_core::provider::ProviderError;
use serde_json::{Value as Json, json};

use super::{Exit, Outcome, file};
use crate::accounts::registry::Registry;
use crate::accounts::{DeclaredAccount, Place};
use crate::cli::{ValidateAccount, Variables};
use crate::clouds::Clouds;
use crate::commands::begin::Setting;
use crate::failure::Failure;
use crate::host;
use crate::render::account_report::{self as rendered, Problem, Report};
use crate::terminal::Printer;

pub(super) async fn run(args: &ValidateAccount, printer: &Arc<Printer>) -> Outcome {
    let (accounts, folder) = accounts(args.name.as_deref(), printer)?;
    let mut reports = Vec::new();
    for account in &accounts {
        let report = look(account, &folder, args).await;
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

/// The accounts that are meant: registered ones, else those of the configuration here. With them the folder where their
/// simulators keep their worlds.
fn accounts(
    name: Option<&str>,
    printer: &Printer,
) -> Result<(Vec<DeclaredAccount>, std::path::PathBuf), Failure> {
    let registry = Registry::read(&file()?)?;
    let names = match name {
        Some(name) => registry.names().into_iter().filter(|known| *known == name).collect(),
        None => registry.names(),
    };
    if !names.is_empty() {
        let mut accounts = Vec::new();
        for name in names {
            let entry = registry.find(name)?;
            let place = match entry.settings(name) {
                Ok(settings) => Place::Azure(Box::new(settings)),
                Err(problems) => Place::NotFound(Box::new(
                    Diagnostic::error("LZ3032", problems.join("; "))
                        .help(format!("lazuli account edit {name}")),
                )),
            };
            accounts.push(DeclaredAccount { name: name.into(), place });
        }
        return Ok((accounts, ".lazuli".into()));
    }
    let unknown = || Failure::of(registry.unknown(name.unwrap_or("main")));
    let Ok(setting) = Setting::here(&Variables::default(), printer) else { return Err(unknown()) };
    let folder = setting.state.folder();
    let accounts: Vec<DeclaredAccount> = setting
        .accounts
        .into_values()
        .filter(|account| name.is_none_or(|name| &*account.name == name))
        .collect();
    if accounts.is_empty() { Err(unknown()) } else { Ok((accounts, folder)) }
}

async fn look(account: &DeclaredAccount, folder: &Path, args: &ValidateAccount) -> Report {
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
        ask(provider, args, &mut report).await;
    }
    clouds.close().await;
    report
}

/// Asks Azure step by step; who cannot sign in or see the subscription is asked nothing more.
async fn ask(provider: &AzureProvider, args: &ValidateAccount, report: &mut Report) {
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
    for region in &args.region {
        match provider.usages(region).await {
            Ok(usages) => report.quotas.push((region.clone(), usages)),
            Err(error) => report.problems.push(failed(&format!("reading the quotas of {region}"), error)),
        }
    }
}
