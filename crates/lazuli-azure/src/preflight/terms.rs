//! Terms of the marketplace, which are accepted once per subscription and plan.

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::text;
use crate::provider::AzureProvider;

const VERSION: &str = "2021-01-01";

/// A plan of the marketplace.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan {
    /// Who publishes it.
    pub publisher: String,
    /// The product; the offer of its images.
    pub product: String,
    /// Its name; the SKU of its images.
    pub name: String,
}

impl Plan {
    /// Reads a `plan` block; `None` when it names none.
    pub fn of(plan: &Json) -> Option<Plan> {
        let plan = Plan {
            publisher: text(plan, "/publisher"),
            product: text(plan, "/product"),
            name: text(plan, "/name"),
        };
        (!plan.publisher.is_empty() && !plan.product.is_empty() && !plan.name.is_empty()).then_some(plan)
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.publisher, self.product, self.name)
    }
}

impl AzureProvider {
    /// Whether the terms of a plan are accepted for the subscription; a plan without terms has nothing to accept.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn terms_accepted(&self, plan: &Plan) -> Result<bool, ProviderError> {
        let Plan { publisher, product, name } = plan;
        let path = format!(
            "{}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/{publisher}/offers/{product}/plans/{name}/agreements/current",
            self.subscription_path()
        );
        let found = self.look_up(self.arm.url(&path, VERSION, &[])).await?;
        let accepted = found.as_ref().and_then(|found| found.pointer("/properties/accepted")?.as_bool());
        Ok(accepted.unwrap_or(true))
    }
}
