//! The settings of a `backend` block, read and checked without network.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lazuli_config::Backend as Block;
use lazuli_core::{Diagnostic, Diagnostics, Span};
use url::Url;

use super::{BlobSettings, StatePlace};
use crate::accounts::{DeclaredAccount, Place};
use crate::planning;

const LOCAL: [&str; 1] = ["path"];
const AZURERM: [&str; 5] = ["storage_account_name", "container_name", "key", "cloud_account", "endpoint"];

/// A block, and what is wrong with it so far.
struct Reader<'a> {
    block: &'a Block,
    problems: Diagnostics,
}

pub(super) fn local(block: &Block) -> Result<StatePlace, Diagnostics> {
    let mut reader = Reader::new(block, &LOCAL);
    let path = reader.optional("path").map(|(path, _)| PathBuf::from(path));
    reader.end(Some(StatePlace::File(path.unwrap_or_else(|| PathBuf::from(planning::STATE)))))
}

pub(super) fn azurerm(
    block: &Block,
    accounts: &BTreeMap<Arc<str>, DeclaredAccount>,
) -> Result<StatePlace, Diagnostics> {
    let mut reader = Reader::new(block, &AZURERM);
    let storage_account = reader.name("storage_account_name", storage_account_name);
    let container = reader.name("container_name", container_name);
    let key = reader.name("key", blob_name);
    let account = reader.account(accounts);
    let endpoint = match block.setting("endpoint") {
        Some(_) => reader.address(),
        None => storage_account
            .zip(account)
            .and_then(|(name, (account, span))| reader.usual_address(&name, account, span)),
    };
    let settings = (|| {
        let account = account?.0.clone();
        Some(BlobSettings { endpoint: endpoint?, container: container?, key: key?, account })
    })();
    reader.end(settings.map(|settings| StatePlace::Blob(Box::new(settings))))
}

impl<'a> Reader<'a> {
    fn new(block: &'a Block, known: &[&str]) -> Self {
        let mut reader = Reader { block, problems: Diagnostics::new() };
        for setting in block.settings.iter().filter(|setting| !known.contains(&&*setting.name.text)) {
            let name = &setting.name.text;
            let label = match lazuli_core::suggestion::closest(name, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => "not one of them".to_owned(),
            };
            let message = format!("a backend \"{}\" has no attribute `{name}`", block.kind.text);
            let help = format!("it has {}", known.join(", "));
            reader.refuse(message, setting.name.span, &label, Some(&help));
        }
        reader
    }

    fn refuse(&mut self, message: impl Into<String>, span: Span, label: &str, help: Option<&str>) {
        let problem = Diagnostic::error("LZ0250", message.into()).at(span, label);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn end(self, place: Option<StatePlace>) -> Result<StatePlace, Diagnostics> {
        place.filter(|_| self.problems.is_empty()).ok_or(self.problems)
    }

    fn optional(&mut self, name: &str) -> Option<(&'a str, Span)> {
        let setting = self.block.setting(name)?;
        match setting.value.as_str() {
            Some(text) if !text.is_empty() => Some((text, setting.span)),
            _ => {
                self.refuse(format!("`{name}` must be a text"), setting.span, "not one, or empty", None);
                None
            }
        }
    }

    fn required(&mut self, name: &str) -> Option<(&'a str, Span)> {
        if self.block.setting(name).is_none() {
            let message = format!("a backend \"{}\" needs `{name}`", self.block.kind.text);
            self.refuse(message, self.block.span, "it is missing here", None);
        }
        self.optional(name)
    }

    fn name(&mut self, name: &str, rule: fn(&str) -> Result<(), &'static str>) -> Option<String> {
        let (text, span) = self.required(name)?;
        match rule(text) {
            Ok(()) => Some(text.to_owned()),
            Err(why) => {
                self.refuse(format!("`{name}` cannot be `{text}`"), span, why, None);
                None
            }
        }
    }

    fn account<'b>(
        &mut self,
        accounts: &'b BTreeMap<Arc<str>, DeclaredAccount>,
    ) -> Option<(&'b DeclaredAccount, Span)> {
        let (name, span) = self.required("cloud_account")?;
        let account = accounts.get(name);
        if account.is_none() {
            let close = lazuli_core::suggestion::closest(name, accounts.keys().map(|name| &**name));
            let help = match close {
                Some(close) => format!("did you mean \"{close}\"?"),
                None => "declare it in a `cloud_account` block of this configuration".to_owned(),
            };
            let label = "a name, such as \"main\" of `cloud_account \"main\"`";
            self.refuse(format!("there is no cloud account `{name}`"), span, label, Some(&help));
        }
        account.map(|account| (account, span))
    }

    fn address(&mut self) -> Option<Url> {
        let (text, span) = self.optional("endpoint")?;
        let url = Url::parse(text).ok();
        let url = url.filter(|url| url.scheme() == "https" && url.has_host() && url.query().is_none());
        if url.is_none() {
            let help =
                "the blob service's address of the storage account: https://ACCOUNT.blob.core.windows.net";
            self.refuse("`endpoint` must be an https address", span, "not one", Some(help));
        }
        url
    }

    /// Where a storage account of this name is in the account's cloud.
    fn usual_address(&mut self, storage_account: &str, account: &DeclaredAccount, span: Span) -> Option<Url> {
        let (domain, why) = match &account.place {
            Place::Simulated(_) => (None, "the simulated Azure has no storage accounts"),
            // Who signs in is told that it is not found; the configuration may be right.
            Place::NotFound(_) => (Some("blob.core.windows.net"), ""),
            Place::Azure(settings) => {
                (settings.blob_domain(), "where storage is in a custom cloud cannot be known")
            }
        };
        let url = domain.and_then(|domain| Url::parse(&format!("https://{storage_account}.{domain}")).ok());
        if url.is_none() {
            let help = "endpoint = \"https://…\", the blob service's address of the storage account; or name the account of a cloud that has storage";
            self.refuse(format!("the backend needs an `endpoint`: {why}"), span, "this account", Some(help));
        }
        url
    }
}

/// Azure's rule for names of storage accounts.
fn storage_account_name(name: &str) -> Result<(), &'static str> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    match plain && (3..=24).contains(&name.len()) {
        true => Ok(()),
        false => Err("3 to 24 lower-case letters and digits"),
    }
}

/// Azure's rule for names of containers.
fn container_name(name: &str) -> Result<(), &'static str> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let dashes = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    match plain && !dashes && (3..=63).contains(&name.len()) {
        true => Ok(()),
        false => Err("3 to 63 lower-case letters, digits and single dashes between them"),
    }
}

/// What Azure allows in names of blobs and what needs no quoting anywhere: the state's companions are named after it.
fn blob_name(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.=/".contains(c);
    if !name.chars().all(plain) {
        return Err("letters, digits and - _ . = / only");
    }
    if name.split('/').any(|part| part.is_empty() || part.ends_with('.')) {
        return Err("parts between slashes are not empty and do not end with a dot");
    }
    if name.len() > 900 { Err("at most 900 characters") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{blob_name, container_name, storage_account_name};

    #[test]
    fn names_follow_azures_rules() {
        for good in ["abc", "devstoreaccount1", "a23456789012345678901234"] {
            assert_eq!(storage_account_name(good), Ok(()), "{good}");
        }
        for bad in ["ab", "Abc", "a-b-c", "a234567890123456789012345", "übc"] {
            assert!(storage_account_name(bad).is_err(), "{bad}");
        }
        for good in ["abc", "tf-state", "9a9"] {
            assert_eq!(container_name(good), Ok(()), "{good}");
        }
        for bad in ["ab", "a--b", "-ab", "ab-", "A-b", "a_b"] {
            assert!(container_name(bad).is_err(), "{bad}");
        }
        for good in ["prod.state", "team/prod.state", "a=b/c_d-e", "p"] {
            assert_eq!(blob_name(good), Ok(()), "{good}");
        }
        for bad in ["/prod", "prod/", "a//b", "a/../b", "prod.", "a b", "a?b", "a#b", "ä", "a\\b", "a%41"] {
            assert!(blob_name(bad).is_err(), "{bad}");
        }
    }
}
