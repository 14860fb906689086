//! Management locks.

use lazuli_core::provider::ProviderError;

use super::text;
use crate::arm::Silent;
use crate::provider::AzureProvider;

const VERSION: &str = "2020-05-01";

/// A management lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Its name.
    pub name: String,
    /// The id of what it locks, with everything below it.
    pub scope: String,
    /// `ReadOnly` forbids every change, `CanNotDelete` forbids deleting.
    pub read_only: bool,
    /// Why it is there, in the words of whoever made it.
    pub notes: String,
}

impl AzureProvider {
    /// The locks on a resource group, on anything in it, and on its subscription.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses.
    pub async fn locks(&self, scope: &str) -> Result<Vec<Lock>, ProviderError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/locks");
        let listed = self.arm.list(self.arm.url(&path, VERSION, &[]), &Silent).await?;
        let items = listed.map(|listed| listed.items).unwrap_or_default();
        let locks = items.iter().filter_map(|item| {
            let id = text(item, "/id");
            let at = id.to_ascii_lowercase().rfind("/providers/microsoft.authorization/locks/")?;
            Some(Lock {
                name: text(item, "/name"),
                scope: id[..at].to_owned(),
                read_only: text(item, "/properties/level").eq_ignore_ascii_case("ReadOnly"),
                notes: text(item, "/properties/notes"),
            })
        });
        Ok(locks.collect())
    }
}
