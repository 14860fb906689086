//! What must be true before anything is planned: signing in works, the subscription answers, the resource group is there.

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};

use crate::arm::{Call, Purpose, Silent};
use crate::kinds::RESOURCE_GROUPS_VERSION;
use crate::provider::AzureProvider;

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroup {
    /// Its name, spelled as Azure has it.
    pub name: String,
    /// Its region, as Azure writes it: `eastus2`.
    pub location: String,
    /// Its tags.
    pub tags: std::collections::BTreeMap<String, String>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled` or `Deleted`.
    pub state: String,
    /// The tenant it belongs to.
    pub tenant_id: String,
}

const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";

impl AzureProvider {
    /// Signs in and reads the account's subscription.
    ///
    /// # Errors
    /// When signing in fails, the subscription cannot be seen, or nothing can be made in it.
    pub async fn subscription(&self) -> Result<Subscription, ProviderError> {
        let path = format!("/subscriptions/{}", self.subscription_id);
        let url = self.arm.url(&path, SUBSCRIPTIONS_VERSION, &[]);
        let answer = self.arm.call(Call::get(url, Purpose::Read), &Silent).await?;
        let text = |key: &str| text(&answer.body, key);
        let subscription = Subscription {
            id: text("subscriptionId"),
            name: text("displayName"),
            state: text("state"),
            tenant_id: text("tenantId"),
        };
        if ["Disabled", "Deleted"].contains(&subscription.state.as_str()) {
            return Err(ProviderError::own(
                "SubscriptionDisabled",
                format!("subscription `{}` is {}", subscription.name, subscription.state.to_lowercase()),
                Outcome::Nothing,
            )
            .advise("Ask its owner to enable it; until then nothing in it can be changed."));
        }
        Ok(subscription)
    }

    /// Reads a resource group of the account's subscription.
    ///
    /// # Errors
    /// `ResourceGroupNotFound` when it does not exist, `ResourceGroupBeingDeleted` when it is on its way out.
    pub async fn resource_group(&self, name: &str) -> Result<ResourceGroup, ProviderError> {
        let path = format!("/subscriptions/{}/resourceGroups/{name}", self.subscription_id);
        let url = self.arm.url(&path, RESOURCE_GROUPS_VERSION, &[]);
        let answer = self.arm.call(Call::get(url, Purpose::Read), &Silent).await?;
        if answer.provisioning_state().is_some_and(|state| state.eq_ignore_ascii_case("deleting")) {
            return Err(ProviderError::own(
                "ResourceGroupBeingDeleted",
                format!("resource group `{name}` is being deleted"),
                Outcome::Nothing,
            )
            .advise("Choose another resource group, or wait and create it again."));
        }
        let tags = answer.body.get("tags").and_then(Json::as_object).into_iter().flatten();
        Ok(ResourceGroup {
            name: text(&answer.body, "name"),
            location: text(&answer.body, "location"),
            tags: tags
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        })
    }
}

fn text(body: &Json, key: &str) -> String {
    body.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}
