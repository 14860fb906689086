//! Registered accounts, for people and machines. A secret is never shown, only by which way it is given.

use std::fmt::Write as _;
use std::path::Path;

use lazuli_core::Json;
use serde_json::json;

use super::layout::{clean, columns, pad};
use super::style::{FAINT, STRONG, paint};
use crate::accounts::entry::{Entry, FIELDS};
use crate::accounts::given::Given;

/// One line for each account.
pub fn list(accounts: &[(&str, Entry)], path: &Path) -> String {
    if accounts.is_empty() {
        return format!(
            "No cloud account is registered ({}). Register one: lazuli account add NAME\n",
            path.display()
        );
    }
    let rows: Vec<[String; 4]> = accounts
        .iter()
        .map(|(name, entry)| {
            let subscription = entry.get("subscription_id").unwrap_or("no subscription").to_owned();
            [(*name).to_owned(), entry.auth().to_owned(), entry.environment().to_owned(), subscription]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
    let widths = [0, 1, 2].map(width);
    rows.iter().zip(accounts).fold(String::new(), |mut text, (row, (_, entry))| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| pad(cell, width)).collect();
        let secret = entry.secret.as_ref().map_or_else(String::new, |given| format!("  {}", given.way()));
        let line = format!("{}  {}  {}  {}", paint(STRONG, &cells[0]), cells[1], cells[2], row[3]);
        let _ = writeln!(text, "{line}{}", paint(FAINT, &clean(&secret)));
        text
    })
}

/// Everything that is registered of an account.
pub fn entry(name: &str, entry: &Entry) -> String {
    let mut text = format!("{}\n", paint(STRONG, name));
    let mut line = |field: &str, value: &str| {
        let _ = writeln!(text, "  {}{}", pad(field, 18), clean(value));
    };
    for field in FIELDS {
        match field {
            "auth" => line(field, entry.auth()),
            "environment" => line(field, entry.environment()),
            _ => entry.get(field).map_or((), |value| line(field, value)),
        }
    }
    if let Some(given) = &entry.secret {
        line("secret", &given.way());
    }
    if let Err(problems) = entry.settings(name) {
        for problem in problems {
            line("wrong", &problem);
        }
    }
    text
}

/// The same for machines.
pub fn entry_json(name: &str, entry: &Entry) -> Json {
    let mut document = json!({ "name": name, "auth": entry.auth(), "environment": entry.environment() });
    for field in FIELDS {
        if let Some(value) = entry.get(field) {
            document[field] = json!(value);
        }
    }
    document["secret"] = entry.secret.as_ref().map_or(Json::Null, secret);
    document
}

fn secret(given: &Given) -> Json {
    let mut told = json!({ "given": given.kind(), "way": given.way() });
    match given {
        Given::Environment(name) => told["env"] = json!(name),
        Given::File(path) => told["file"] = json!(path),
        Given::Command(words) => told["command"] = json!(words),
        Given::Sealed(_) => {}
    }
    told
}
