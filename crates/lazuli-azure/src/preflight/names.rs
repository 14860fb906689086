//! Names that must be free all over Azure.

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use serde_json::json;

use super::text;
use crate::arm::{Call, Purpose, Silent};
use crate::provider::AzureProvider;

const NETWORK_VERSION: &str = "2025-05-01";
const STORAGE_VERSION: &str = "2025-06-01";

/// What Azure says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// Whether it can be had.
    pub free: bool,
    /// Why not, in Azure's words; may be empty.
    pub message: String,
}

impl AzureProvider {
    /// Whether a public address may have a DNS label in a region.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn dns_label(&self, location: &str, label: &str) -> Result<Availability, ProviderError> {
        let path = format!(
            "{}/providers/Microsoft.Network/locations/{location}/CheckDnsNameAvailability",
            self.subscription_path()
        );
        let url = self.arm.url(&path, NETWORK_VERSION, &[("domainNameLabel", label)]);
        let answer = self.arm.call(Call::get(url, Purpose::Read), &Silent).await?;
        let free = answer.body.get("available").and_then(Json::as_bool).unwrap_or(true);
        Ok(Availability { free, message: String::new() })
    }

    /// Whether a storage account may have a name.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn storage_account_name(&self, name: &str) -> Result<Availability, ProviderError> {
        let path = format!("{}/providers/Microsoft.Storage/checkNameAvailability", self.subscription_path());
        let body = json!({ "name": name, "type": "Microsoft.Storage/storageAccounts" });
        let answer = self.inquire(self.arm.url(&path, STORAGE_VERSION, &[]), &body).await?;
        let free = answer.get("nameAvailable").and_then(Json::as_bool).unwrap_or(true);
        Ok(Availability { free, message: text(&answer, "/message") })
    }
}
