//! `account add`, `list`, `show`, `edit`, `remove`.

use std::path::PathBuf;

use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Json};
use serde_json::json;

use super::secret::{self, Person};
use super::{Exit, Outcome, file};
use crate::accounts::entry::{Entry, FIELDS};
use crate::accounts::given::Given;
use crate::accounts::registry::{Registry, is_name, refused};
use crate::accounts::settings::{Auth, ENVIRONMENTS};
use crate::cli::{Change, Edit, Fields};
use crate::failure::Failure;
use crate::render::account as rendered;
use crate::terminal::{Answer, Printer};

pub(super) fn add(args: &Edit, printer: &Printer) -> Outcome {
    let (name, path) = (args.name.as_str(), file()?);
    free(&Registry::read(&path)?, name)?;
    let mut entry = Entry::default();
    apply(&mut entry, &args.fields);
    entry.secret = secret::given(&args.fields.secret, name)?;
    if let Some(person) = Person::here(printer).filter(|_| entry.settings(name).is_err()) {
        ask(&person, name, &mut entry)?;
    }
    // A file with both is named once, whichever flag names it.
    if entry.secret.is_none() && entry.auth() == "client_certificate" {
        entry.secret = entry.fields.remove("certificate").map(|path| Given::File(PathBuf::from(path)));
    }
    check(name, &entry)?;
    Registry::change(&path, |registry| {
        free(registry, name).map_err(|mut failure| Box::new(failure.diagnostics.remove(0)))?;
        registry.put(name, &entry);
        Ok(())
    })?;
    done(printer, "added", name, Some(&entry), &path);
    if !printer.json() {
        printer.result(&format!("\nTry it:  lazuli account validate {name}\nUse it:  cloud_account \"{name}\" {{\n           registered = \"{name}\"\n         }}\n"));
    }
    Ok(Exit::Done)
}

pub(super) fn list(printer: &Printer) -> Outcome {
    let registry = Registry::read(&file()?)?;
    let mut accounts = Vec::new();
    for name in registry.names() {
        accounts.push((name, registry.find(name)?));
    }
    match printer.json() {
        true => printer.document(&json!({
            "file": registry.path(),
            "accounts": accounts.iter().map(|(name, entry)| rendered::entry_json(name, entry)).collect::<Vec<Json>>(),
        })),
        false => printer.result(&rendered::list(&accounts, registry.path())),
    }
    Ok(Exit::Done)
}

pub(super) fn show(name: &str, printer: &Printer) -> Outcome {
    let registry = Registry::read(&file()?)?;
    let entry = registry.find(name)?;
    match printer.json() {
        true => printer.document(&rendered::entry_json(name, &entry)),
        false => printer.result(&rendered::entry(name, &entry)),
    }
    Ok(Exit::Done)
}

pub(super) fn edit(args: &Change, printer: &Printer) -> Outcome {
    let (name, path) = (args.name.as_str(), file()?);
    let known = |field: &&String| FIELDS.contains(&field.as_str()) || *field == "secret";
    if let Some(field) = args.unset.iter().find(|field| !known(field)) {
        let problem = Diagnostic::error("LZ3032", format!("--unset {field}: an account has no such field"));
        let names = FIELDS.into_iter().chain(["secret"]);
        return Err(Failure::of(match closest(field, names.clone()) {
            Some(close) => problem.help(format!("did you mean {close}?")),
            None => problem.help(format!("fields: {}", names.collect::<Vec<_>>().join(", "))),
        }));
    }
    Registry::read(&path).and_then(|registry| registry.find(name))?;
    let given = secret::given(&args.fields.secret, name)?;
    if given.is_none() && args.unset.is_empty() && flags(&args.fields).is_empty() {
        let problem = Diagnostic::error("LZ3032", format!("nothing is to be different about `{name}`"));
        return Err(Failure::of(problem.help("name a field: lazuli account edit --help")));
    }
    let mut problems = Vec::new();
    let changed = Registry::change(&path, |registry| {
        let mut entry = registry.find(name)?;
        apply(&mut entry, &args.fields);
        for field in &args.unset {
            entry.fields.remove(field.as_str());
        }
        let secret = entry.secret.take().filter(|_| !args.unset.iter().any(|field| field == "secret"));
        entry.secret = given.or(secret);
        if let Err(found) = entry.settings(name) {
            problems = refused(name, found);
            return Err(Box::new(problems.remove(0)));
        }
        registry.put(name, &entry);
        Ok(entry)
    });
    let entry = changed.map_err(|first| {
        problems.insert(0, *first);
        Failure { diagnostics: problems, ..Failure::default() }
    })?;
    done(printer, "changed", name, Some(&entry), &path);
    Ok(Exit::Done)
}

pub(super) fn remove(name: &str, auto_approve: bool, printer: &Printer) -> Outcome {
    let path = file()?;
    let registry = Registry::read(&path)?;
    if !registry.names().contains(&name) {
        return Err(Failure::of(registry.unknown(name)));
    }
    if !auto_approve {
        let question = format!(
            "Forget the cloud account `{name}`? A secret that is encrypted in the registry is lost; nothing happens in Azure."
        );
        match printer.ask(&question) {
            Answer::Yes => {}
            Answer::No => {
                printer.message("Nothing was changed.");
                return Ok(Exit::Failed);
            }
            Answer::NobodyThere => {
                let problem = Diagnostic::error("LZ3013", "nobody is there to ask, so nothing was removed");
                return Err(Failure::of(problem.help("--auto-approve removes without asking")));
            }
        }
    }
    Registry::change(&path, |registry| {
        registry.remove(name);
        Ok(())
    })?;
    done(printer, "removed", name, None, &path);
    Ok(Exit::Done)
}

fn done(printer: &Printer, what: &str, name: &str, entry: Option<&Entry>, path: &std::path::Path) {
    if printer.json() {
        let account =
            entry.map_or_else(|| json!({ "name": name }), |entry| rendered::entry_json(name, entry));
        printer.document(&json!({ what: account, "file": path }));
        return;
    }
    printer.result(&format!("Cloud account `{name}` was {what} ({}).\n", path.display()));
}

/// Refuses names that cannot be used, or are.
fn free(registry: &Registry, name: &str) -> Result<(), Failure> {
    if !is_name(name) {
        let problem = Diagnostic::error("LZ3032", format!("`{name}` is no name for an account"));
        return Err(Failure::of(
            problem.help("a letter, then letters, digits, `-` and `_`, at most 64: it stands in configurations and commands"),
        ));
    }
    if registry.names().contains(&name) {
        let problem = Diagnostic::error("LZ3032", format!("a cloud account `{name}` is registered already"));
        return Err(Failure::of(problem.help(format!("change it: lazuli account edit {name}"))));
    }
    Ok(())
}

fn check(name: &str, entry: &Entry) -> Result<(), Failure> {
    entry.settings(name).map(drop).map_err(|problems| {
        let mut diagnostics = refused(name, problems);
        let secret_misses = entry.secret.is_none() && matches!(entry.auth(), "client_secret" | "client_certificate");
        if let Some(last) = diagnostics.last_mut().filter(|_| secret_misses) {
            last.help = Some(
                "--secret-stdin keeps a secret encrypted; --secret-env NAME, --secret-file FILE and --secret-command PROGRAM … say where it is".into(),
            );
        }
        Failure { diagnostics, ..Failure::default() }
    })
}

/// The fields that flags give.
fn flags(fields: &Fields) -> Vec<(&'static str, String)> {
    let text = |field: &Option<String>| field.clone();
    let path = |field: &Option<PathBuf>| {
        let path = field.as_ref()?;
        Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned())
    };
    let given = [
        ("auth", text(&fields.auth)),
        ("tenant_id", text(&fields.tenant_id)),
        ("subscription_id", text(&fields.subscription_id)),
        ("client_id", text(&fields.client_id)),
        ("object_id", text(&fields.object_id)),
        ("identity_id", text(&fields.identity_id)),
        ("token_file", path(&fields.token_file)),
        ("certificate", path(&fields.certificate)),
        ("environment", text(&fields.environment)),
        ("resource_manager", text(&fields.resource_manager)),
        ("authority", text(&fields.authority)),
        ("audience", text(&fields.audience)),
        ("ca_file", path(&fields.ca_file)),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn apply(entry: &mut Entry, fields: &Fields) {
    entry.fields.extend(flags(fields));
}

/// Asks for what an account needs and has not.
fn ask(person: &Person, name: &str, entry: &mut Entry) -> Result<(), Failure> {
    let field = |entry: &mut Entry, field: &'static str, question: &str, default: Option<&str>| {
        if entry.get(field).is_none()
            && let Some(answer) = person.text(question, default)?
        {
            entry.fields.insert(field, answer);
        }
        Ok::<(), Failure>(())
    };
    field(entry, "auth", &format!("How to sign in ({})", Auth::WORDS.join(", ")), Some("azure_cli"))?;
    field(entry, "environment", &format!("Which Azure ({})", ENVIRONMENTS.join(", ")), Some("public"))?;
    if entry.environment() == "custom" {
        field(entry, "resource_manager", "Address of Azure Resource Manager", None)?;
        field(entry, "authority", "Address tokens come from", None)?;
        field(entry, "ca_file", "File of its certificate authority, if it is a private one", None)?;
    }
    field(entry, "subscription_id", "Subscription id", None)?;
    match Auth::of(entry.auth()) {
        Auth::ClientSecret | Auth::ClientCertificate => {
            field(entry, "tenant_id", "Tenant id", None)?;
            field(entry, "client_id", "Application (client) id", None)?;
        }
        Auth::WorkloadIdentity => {
            field(entry, "tenant_id", "Tenant id (empty: AZURE_TENANT_ID)", None)?;
            field(entry, "client_id", "Application (client) id (empty: AZURE_CLIENT_ID)", None)?;
            field(entry, "token_file", "File of the token (empty: AZURE_FEDERATED_TOKEN_FILE)", None)?;
        }
        Auth::ManagedIdentity if entry.get("object_id").or(entry.get("identity_id")).is_none() => {
            field(entry, "client_id", "Client id of the identity (empty: the machine's own)", None)?;
        }
        Auth::ManagedIdentity | Auth::AzureCli | Auth::DeveloperTools => {}
    }
    if entry.secret.is_none() {
        match Auth::of(entry.auth()) {
            Auth::ClientSecret => {
                entry.secret = Some(secret::sealed(&person.secret("Client secret")?, name)?)
            }
            Auth::ClientCertificate if entry.get("certificate").is_none() => {
                let path = person.text("File with certificate and private key, PEM", None)?;
                let absolute = |path: String| std::path::absolute(&path).unwrap_or_else(|_| path.into());
                entry.secret = path.map(|path| Given::File(absolute(path)));
            }
            _ => {}
        }
    }
    Ok(())
}
