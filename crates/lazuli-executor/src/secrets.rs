//! Law 6: a service may repeat what it was sent, so secrets are taken out of its words before anybody sees them.

use std::collections::BTreeSet;

use lazuli_core::path::Path;
use lazuli_core::provider::ProviderError;
use lazuli_core::{Json, Value};

/// What stands in place of a secret.
const HIDDEN: &str = "(sensitive value)";
/// In characters; shorter texts are parts of ordinary words.
const SHORTEST: usize = 4;

/// Takes the secrets of a body out of an error: what is marked as sensitive, and what lies at the `write_only` paths
/// whether it is marked or not.
pub(crate) fn hide<'a>(error: &mut ProviderError, body: &Value, write_only: impl Iterator<Item = &'a Path>) {
    let mut secrets = BTreeSet::new();
    collect(body, false, &mut secrets);
    write_only.filter_map(|path| body.at(path)).for_each(|value| collect(value, true, &mut secrets));
    let mut secrets: Vec<String> = secrets.into_iter().collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len())); // one may be a part of another
    let clean =
        |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
    error.message = clean(&error.message);
    error.code = clean(&error.code);
    error.advice = error.advice.take().map(|advice| clean(&advice).into());
}

fn collect(value: &Value, sensitive: bool, found: &mut BTreeSet<String>) {
    let sensitive = sensitive || value.is_sensitive();
    value.children().for_each(|child| collect(child, sensitive, found));
    let Some(text) = value.as_str().map(str::trim).filter(|_| sensitive) else { return };
    if text.chars().count() >= SHORTEST {
        let json = Json::from(text).to_string(); // as it is repeated inside of JSON
        found.insert(json[1..json.len() - 1].to_owned());
        found.insert(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::hide;
    use lazuli_core::Value;
    use lazuli_core::provider::{Outcome, ProviderError};

    #[test]
    fn secrets_are_taken_out_of_whatever_a_service_says() {
        let body = Value::object([
            ("plain", Value::string("eastus2")),
            ("short", Value::string("abc").sensitive()),
            ("part", Value::string("hunter2").sensitive()),
            ("whole", Value::tuple([Value::string("hunter2-and-more")]).sensitive()),
            ("lines", Value::string("-----BEGIN\nkey\n").sensitive()),
            ("data", Value::string("cloud-init")),
        ]);
        let message =
            "eastus2: abc `hunter2-and-more`, hunter2, \"-----BEGIN\\nkey\\n\", -----BEGIN\nkey, cloud-init";
        let mut error =
            ProviderError::own("Bad-hunter2", message, Outcome::Nothing).advise("Change hunter2.");
        hide(&mut error, &body, ["data".parse().unwrap()].iter());
        assert_eq!(
            error.message,
            "eastus2: abc `(sensitive value)`, (sensitive value), \"(sensitive value)\\n\", (sensitive value), \
             (sensitive value)"
        );
        assert_eq!(error.code, "Bad-(sensitive value)");
        assert_eq!(error.advice.as_deref(), Some("Change (sensitive value)."));
    }
}
