//! Who signed in, as the token says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};

use super::sign_in;
use crate::provider::AzureProvider;
use crate::transport::TransportError;

/// Who a token was given to. Read from the token and not verified: to be shown, not to decide by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The object id, which role assignments name.
    pub object_id: Option<String>,
    /// The tenant that gave the token.
    pub tenant_id: Option<String>,
    /// The application, when one signed in or was signed in through.
    pub application_id: Option<String>,
    /// A user's name.
    pub name: Option<String>,
}

impl AzureProvider {
    /// Signs in; nothing is sent to Azure Resource Manager.
    ///
    /// # Errors
    /// What Entra, or whoever else gives tokens, answered.
    pub async fn sign_in(&self) -> Result<Principal, ProviderError> {
        let scope = format!("{}/.default", self.audience.trim_end_matches('/'));
        match self.credential.get_token(&[scope.as_str()], None).await {
            Ok(token) => Ok(claims(token.token.secret()).unwrap_or_default()),
            Err(error) => Err(match TransportError::below(&error) {
                Some(transport) => {
                    ProviderError::own("NoConnection", transport.to_string(), Outcome::Nothing).advise(
                        "No token could be fetched: check the network, the proxy (HTTPS_PROXY), the account's cloud and its ca_file.",
                    )
                }
                None => sign_in::explain(&error.to_string()),
            }),
        }
    }
}

/// What a token says of its bearer; `None` when it is not one that can be read.
fn claims(token: &str) -> Option<Principal> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Json = serde_json::from_slice(&payload).ok()?;
    let text = |names: &[&str]| {
        names.iter().find_map(|name| claims.get(*name)).and_then(Json::as_str).map(str::to_owned)
    };
    Some(Principal {
        object_id: text(&["oid"]),
        tenant_id: text(&["tid"]),
        application_id: text(&["appid", "azp"]),
        name: text(&["upn", "unique_name", "preferred_username"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_cannot_be_read_tells_nothing() {
        for token in ["", "opaque", "a.b.c", "a.bm90IGpzb24.c"] {
            assert_eq!(claims(token), None, "{token:?}");
        }
        let token =
            format!("x.{}.y", URL_SAFE_NO_PAD.encode(r#"{"oid":"o","tid":"t","upn":"ada@example.com"}"#));
        let principal = claims(&token).unwrap();
        assert_eq!(principal.object_id.as_deref(), Some("o"));
        assert_eq!(principal.name.as_deref(), Some("ada@example.com"));
        assert_eq!(principal.application_id, None);
    }
}
