//! What the registry says of one account: a few texts and the way its secret is given.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lazuli_azure::account::UserAssigned;
use lazuli_azure::{Cloud, Endpoints};
use lazuli_core::suggestion::closest;
use url::Url;

use super::given::Given;
use super::settings::{Auth, ENVIRONMENTS, Settings};

/// The fields of an account, in the order they are shown.
pub const FIELDS: [&str; 13] = [
    "auth",
    "tenant_id",
    "subscription_id",
    "client_id",
    "object_id",
    "identity_id",
    "token_file",
    "certificate",
    "environment",
    "resource_manager",
    "authority",
    "audience",
    "ca_file",
];

/// A registered account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its fields by name, as far as they are set; the names are those of [`FIELDS`].
    pub fields: BTreeMap<&'static str, String>,
    /// The way its secret is given.
    pub secret: Option<Given>,
}

impl Entry {
    /// A field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// How it signs in.
    pub fn auth(&self) -> &str {
        self.get("auth").unwrap_or("azure_cli")
    }

    /// The cloud it is in.
    pub fn environment(&self) -> &str {
        self.get("environment").unwrap_or("public")
    }

    /// What the account of that name needs, checked.
    ///
    /// # Errors
    /// Everything that is missing, wrong, or has no meaning with the rest.
    pub fn settings(&self, name: &str) -> Result<Settings, Vec<String>> {
        let mut problems = Vec::new();
        one_of("auth", self.auth(), &Auth::WORDS, &mut problems);
        one_of("environment", self.environment(), &ENVIRONMENTS, &mut problems);
        if problems.is_empty() {
            self.fits_together(&mut problems);
        }
        let cloud = self.cloud(&mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let text = |field: &str| self.get(field).map(str::to_owned);
        let path = |field: &str| self.get(field).map(PathBuf::from);
        Ok(Settings {
            tenant_id: text("tenant_id"),
            subscription_id: text("subscription_id"),
            client_id: text("client_id"),
            auth: Auth::of(self.auth()),
            cloud,
            ca_file: path("ca_file"),
            secret: self.secret.clone(),
            certificate: path("certificate"),
            token_file: path("token_file"),
            identity: text("object_id")
                .map(UserAssigned::ObjectId)
                .or_else(|| text("identity_id").map(UserAssigned::ResourceId)),
            registered: Some(name.to_owned()),
        })
    }

    /// What a way of signing in needs, and what it has no use for.
    fn fits_together(&self, problems: &mut Vec<String>) {
        let auth = Auth::of(self.auth());
        let word = self.auth();
        let application = matches!(auth, Auth::ClientSecret | Auth::ClientCertificate);
        let needs: &[&str] = match application {
            true => &["subscription_id", "tenant_id", "client_id"],
            false => &["subscription_id"],
        };
        for field in needs {
            if self.get(field).is_none() {
                problems.push(format!("{field} is missing"));
            }
        }
        let useless: &[&str] = match auth {
            Auth::ClientSecret => &["object_id", "identity_id", "token_file", "certificate"],
            Auth::ClientCertificate => &["object_id", "identity_id", "token_file"],
            Auth::WorkloadIdentity => &["object_id", "identity_id", "certificate"],
            Auth::ManagedIdentity => &["token_file", "certificate"],
            Auth::AzureCli | Auth::DeveloperTools => {
                &["client_id", "object_id", "identity_id", "token_file", "certificate"]
            }
        };
        for field in useless {
            if self.get(field).is_some() {
                problems.push(format!("{field} has no meaning with auth = \"{word}\""));
            }
        }
        match (&self.secret, auth) {
            (None, Auth::ClientSecret) => problems.push("the client secret is missing".to_owned()),
            (None, Auth::ClientCertificate) => {
                problems.push("the private key of the client certificate is missing".to_owned());
            }
            (Some(_), auth) if !matches!(auth, Auth::ClientSecret | Auth::ClientCertificate) => {
                problems.push(format!("a secret has no meaning with auth = \"{word}\""));
            }
            _ => {}
        }
        let identities = ["client_id", "object_id", "identity_id"];
        if identities.iter().filter(|field| self.get(field).is_some()).count() > 1 {
            problems.push("client_id, object_id and identity_id exclude each other".to_owned());
        }
        for field in ["subscription_id", "client_id", "object_id"] {
            if self.get(field).is_some_and(|id| uuid::Uuid::try_parse(id).is_err()) {
                problems
                    .push(format!("{field} must be a GUID, such as 00000000-0000-0000-0000-000000000000"));
            }
        }
        let tenant = self.get("tenant_id");
        if tenant.is_some_and(|id| !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')) {
            problems.push("tenant_id must be a GUID or a domain".to_owned());
        }
    }

    fn cloud(&self, problems: &mut Vec<String>) -> Cloud {
        let addresses = ["resource_manager", "authority", "audience"];
        let named = match self.environment() {
            "usgovernment" => Cloud::UsGovernment,
            "china" => Cloud::China,
            "custom" => return self.custom(problems),
            _ => Cloud::Public,
        };
        for field in addresses.iter().filter(|field| self.get(field).is_some()) {
            problems.push(format!("{field} has a meaning with environment = \"custom\" only"));
        }
        named
    }

    fn custom(&self, problems: &mut Vec<String>) -> Cloud {
        let mut address = |field: &str| match self.get(field).map(Url::parse) {
            Some(Ok(url)) if url.scheme() == "https" => Some(url),
            Some(_) => {
                problems.push(format!("{field} must be an https address"));
                None
            }
            None => {
                problems.push(format!("environment = \"custom\" needs {field}"));
                None
            }
        };
        let (authority, resource_manager) = (address("authority"), address("resource_manager"));
        let (Some(authority), Some(resource_manager)) = (authority, resource_manager) else {
            return Cloud::Public; // not used: there are problems
        };
        let audience = self.get("audience").map_or_else(|| resource_manager.to_string(), str::to_owned);
        let audience = audience.trim_end_matches('/').to_owned();
        Cloud::Custom(Endpoints { authority, resource_manager, audience })
    }
}

fn one_of(field: &str, given: &str, words: &[&str], problems: &mut Vec<String>) {
    if !words.contains(&given) {
        let hint = closest(given, words.iter().copied())
            .map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"));
        problems.push(format!("{field} must be one of {}{hint}", words.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-000000000000";

    fn entry(fields: &[(&'static str, &str)], secret: bool) -> Entry {
        Entry {
            fields: fields.iter().map(|(field, text)| (*field, (*text).to_owned())).collect(),
            secret: secret.then(|| Given::Environment("SECRET".to_owned())),
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let said =
            |fields, secret| entry(fields, secret).settings("main").err().unwrap_or_default().join("\n");
        let told = [
            said(&[], false),
            said(&[("auth", "client_secrets"), ("environment", "mars")], false),
            said(&[("auth", "client_secret"), ("token_file", "x")], false),
            said(&[("auth", "azure_cli"), ("subscription_id", "main"), ("client_id", ID)], true),
            said(&[("subscription_id", ID), ("authority", "https://x")], false),
            said(&[("subscription_id", ID), ("environment", "custom"), ("authority", "http://x")], false),
            said(
                &[
                    ("auth", "managed_identity"),
                    ("subscription_id", ID),
                    ("client_id", ID),
                    ("object_id", ID),
                ],
                false,
            ),
            said(&[("subscription_id", ID)], false),
        ];
        insta::assert_snapshot!(told.join("\n--\n"));
    }

    #[test]
    fn the_audience_of_another_cloud_is_its_resource_manager_unless_it_is_said() {
        let fields = [
            ("subscription_id", ID),
            ("environment", "custom"),
            ("authority", "https://a"),
            ("resource_manager", "https://m/"),
        ];
        let settings = entry(&fields, false).settings("main").unwrap();
        assert_eq!(settings.cloud.endpoints().audience, "https://m");
    }
}
