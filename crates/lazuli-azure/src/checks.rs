//! What must be true before anything is planned: signing in works, the subscription answers, the resource group is there.

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};

use crate::arm::{Call, Purpose, Silent};
use crate::kinds::RESOURCE_GROUPS_VERSION;
use crate::permissions::{Grant, Granted};
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

/// A quota and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Azure's name, such as `cores` or `standardDSv5Family`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// How much is used.
    pub used: u64,
    /// How much may be.
    pub limit: u64,
}

const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";
const PERMISSIONS_VERSION: &str = "2022-04-01";
const PROVIDERS_VERSION: &str = "2025-04-01";
const COMPUTE_USAGES_VERSION: &str = "2024-11-01";
const NETWORK_USAGES_VERSION: &str = "2025-05-01";

impl AzureProvider {
    /// Signs in and reads the account's subscription.
    ///
    /// # Errors
    /// When signing in fails, the subscription cannot be seen, or nothing can be made in it.
    pub async fn subscription(&self) -> Result<Subscription, ProviderError> {
        let path = format!("/subscriptions/{}", self.subscription_id);
        let url = self.arm.url(&path, SUBSCRIPTIONS_VERSION, &[]);
        let answer = self.arm.call(Call::get(url, Purpose::Read), &Silent).await.map_err(no_access)?;
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

impl AzureProvider {
    /// What the one who signed in may do in a scope: a subscription, a resource group, or a resource.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn granted(&self, scope: &str) -> Result<Granted, ProviderError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
        let listed = self.arm.list(self.arm.url(&path, PERMISSIONS_VERSION, &[]), &Silent).await?;
        let texts = |entry: &Json, key: &str| {
            let values = entry.get(key).and_then(Json::as_array).into_iter().flatten();
            values.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let grants = listed.map(|listed| listed.items).unwrap_or_default();
        Ok(Granted(
            grants
                .iter()
                .map(|entry| Grant {
                    actions: texts(entry, "actions"),
                    not_actions: texts(entry, "notActions"),
                    condition: Some(text(entry, "condition")).filter(|condition| !condition.is_empty()),
                })
                .collect(),
        ))
    }

    /// Whether the subscription has registered a namespace: `Registered`, `NotRegistered`, `Registering`.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn registration(&self, namespace: &str) -> Result<String, ProviderError> {
        let path = format!("/subscriptions/{}/providers/{namespace}", self.subscription_id);
        let url = self.arm.url(&path, PROVIDERS_VERSION, &[]);
        let answer = self.arm.call(Call::get(url, Purpose::Read), &Silent).await?;
        Ok(text(&answer.body, "registrationState"))
    }

    /// The quotas of machines and networks in a region.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn usages(&self, region: &str) -> Result<Vec<Usage>, ProviderError> {
        let mut usages = Vec::new();
        for (namespace, version) in
            [("Microsoft.Compute", COMPUTE_USAGES_VERSION), ("Microsoft.Network", NETWORK_USAGES_VERSION)]
        {
            let path = format!(
                "/subscriptions/{}/providers/{namespace}/locations/{region}/usages",
                self.subscription_id
            );
            let listed = self.arm.list(self.arm.url(&path, version, &[]), &Silent).await?;
            usages.extend(listed.map(|listed| listed.items).unwrap_or_default().iter().map(usage));
        }
        Ok(usages)
    }
}

/// Azure says the same of a subscription that does not exist and of one that is not to be seen.
fn no_access(error: ProviderError) -> ProviderError {
    match error.code.as_str() {
        "SubscriptionNotFound" | "AuthorizationFailed" => error.advise(
            "Check `subscription_id`; if it is right, whoever signs in has no role in that subscription yet: assign one.",
        ),
        "InvalidSubscriptionId" => error.advise("`subscription_id` must be a GUID."),
        "InvalidAuthenticationTokenTenant" => {
            error.advise("The subscription belongs to another tenant: check `tenant_id`.")
        }
        _ => error,
    }
}

fn usage(entry: &Json) -> Usage {
    let name = entry.get("name").cloned().unwrap_or_default();
    // Azure has limits of -1 for "none".
    let number = |key: &str| {
        let value = entry.get(key);
        value.and_then(Json::as_u64).or_else(|| value.and_then(Json::as_i64).map(|_| u64::MAX)).unwrap_or(0)
    };
    Usage {
        name: text(&name, "value"),
        title: text(&name, "localizedValue"),
        used: number("currentValue"),
        limit: number("limit"),
    }
}

fn text(body: &Json, key: &str) -> String {
    body.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}
