//! Names that nobody else may have: DNS labels of public addresses, storage accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_azure::preflight::names::Availability;
use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::verdict::{Verdict, refusal};
use super::work::{Work, Works};

const ADDRESSES: &str = "Microsoft.Network/publicIPAddresses";
const STORAGE: &str = "Microsoft.Storage/storageAccounts";
const LABEL: &str = "/properties/dnsSettings/domainNameLabel";

/// A name that is to be had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A DNS label in a region.
    Label {
        /// The region.
        region: String,
        /// The label.
        label: String,
    },
    /// A storage account.
    Storage(String),
}

/// What Azure says of names, by account.
pub type Names = BTreeMap<(Arc<str>, Name), Result<Availability, ProviderError>>;

/// The names that steps take and do not have yet.
pub fn needed(works: &Works) -> BTreeSet<(Arc<str>, Name)> {
    let all = works.all.iter().filter_map(|work| Some((work.account.clone(), name_of(work)?)));
    all.filter(|(_, name)| rule(name).is_none()).collect()
}

/// The name that a step takes.
fn name_of(work: &Work) -> Option<Name> {
    if work.is(STORAGE) && work.creates() {
        return Some(Name::Storage(work.name().to_owned()));
    }
    let label = work.text(LABEL).filter(|_| work.is(ADDRESSES) && !work.deletes())?;
    let held = work.before.pointer(LABEL).and_then(Json::as_str);
    if held.is_some_and(|held| held.eq_ignore_ascii_case(label)) {
        return None;
    }
    Some(Name::Label { region: work.region()?, label: label.to_ascii_lowercase() })
}

/// What is wrong with a name itself.
fn rule(name: &Name) -> Option<&'static str> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match name {
        Name::Storage(name) if !(3..=24).contains(&name.len()) || !plain(name) => {
            Some("a storage account has 3 to 24 lower-case letters and digits")
        }
        Name::Label { label, .. }
            if !(3..=63).contains(&label.len())
                || !label.starts_with(|c: char| c.is_ascii_lowercase())
                || label.ends_with('-')
                || !plain(&label.replace('-', "")) =>
        {
            Some(
                "a DNS label has 3 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen",
            )
        }
        _ => None,
    }
}

/// Every name is well formed and free.
pub fn check(works: &Works, found: &Names, verdict: &mut Verdict) {
    for work in &works.all {
        if let Some((name, rule)) = name_of(work).and_then(|name| Some((name.clone(), rule(&name)?))) {
            verdict.refuse(refusal("LZ1031", format!("{} cannot be a name", told(&name)), [work]).help(rule));
        }
    }
    for ((account, name), answer) in found {
        let availability = match answer {
            Ok(availability) => availability,
            Err(error) => {
                verdict.unread(told(name), error);
                continue;
            }
        };
        // Freed by this very plan before it is taken again.
        let freed = works
            .all
            .iter()
            .any(|work| work.deletes() && work.account == *account && released(work).as_ref() == Some(name));
        if availability.free || freed {
            verdict.pass();
            continue;
        }
        let users =
            works.all.iter().filter(|work| work.account == *account && name_of(work).as_ref() == Some(name));
        let problem = refusal("LZ1031", format!("{} is taken", told(name)), users);
        let problem = match availability.message.is_empty() {
            true => problem,
            false => problem.fact("Azure", availability.message.clone()),
        };
        verdict.refuse(problem.help(match name {
            Name::Label { .. } => {
                "choose another label; one that was deleted in another subscription may stay reserved for a while"
            }
            Name::Storage(_) => "choose another name: storage accounts share one namespace all over Azure",
        }));
    }
}

/// The name that a deleted object gives back.
fn released(work: &Work) -> Option<Name> {
    if work.is(STORAGE) {
        return Some(Name::Storage(work.name().to_owned()));
    }
    let label = work.before.pointer(LABEL)?.as_str()?;
    Some(Name::Label { region: work.region()?, label: label.to_ascii_lowercase() })
}

fn told(name: &Name) -> String {
    match name {
        Name::Label { region, label } => format!("the DNS label `{label}` in {region}"),
        Name::Storage(name) => format!("the storage account name `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict;
    use super::super::work::example::{work, works};
    use super::*;

    #[test]
    fn names_are_asked_for_when_they_are_taken_anew() {
        let label = |operation, name: &str, label: &str| {
            work(
                operation,
                ADDRESSES,
                name,
                json!({"properties": {"dnsSettings": {"domainNameLabel": label}}}),
            )
        };
        let mut kept = label(Operation::Update, "kept", "held");
        kept.before = kept.body.clone();
        let plan = works(
            vec![
                label(Operation::Create, "new", "Prod-1"),
                kept,
                label(Operation::Create, "again", "old"),
                label(Operation::Delete, "gone", "old"),
                work(Operation::Create, STORAGE, "logs01", json!({})),
                work(Operation::Create, STORAGE, "Not_valid", json!({})),
                label(Operation::Create, "bad", "1st"),
            ],
            &[],
        );
        let needed = needed(&plan);
        assert_eq!(needed.len(), 3);
        let mut verdict = Verdict::default();
        let answers = needed.into_iter().map(|key| {
            let message = if matches!(key.1, Name::Storage(_)) { "already taken" } else { "" };
            (key, Ok(Availability { free: false, message: message.into() }))
        });
        check(&plan, &answers.collect(), &mut verdict);
        assert_snapshot!(verdict::told(verdict));
    }
}
