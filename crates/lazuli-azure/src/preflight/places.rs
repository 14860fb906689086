//! Regions of a subscription, and whether a virtual network is there.

use lazuli_core::provider::ProviderError;

use super::text;
use crate::arm::Silent;
use crate::provider::AzureProvider;

const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";
const NETWORK_VERSION: &str = "2025-05-01";

impl AzureProvider {
    /// The regions of the subscription, as Azure writes them: `eastus2`.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn regions(&self) -> Result<Vec<String>, ProviderError> {
        let path = format!("{}/locations", self.subscription_path());
        let listed = self.arm.list(self.arm.url(&path, SUBSCRIPTIONS_VERSION, &[]), &Silent).await?;
        let items = listed.map(|listed| listed.items).unwrap_or_default();
        Ok(items.iter().map(|item| text(item, "/name")).filter(|name| !name.is_empty()).collect())
    }

    /// Whether the virtual network with an id exists.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn has_network(&self, id: &str) -> Result<bool, ProviderError> {
        match self.look_up(self.arm.url(id, NETWORK_VERSION, &[])).await {
            // Its group or its subscription is not there either.
            Err(error) if error.status == Some(404) => Ok(false),
            found => Ok(found?.is_some()),
        }
    }
}
