//! What a plan asks of Azure before anything is changed, as typed facts. Only reads; what follows from them is decided
//! elsewhere. Quotas, permissions and registration are in [`crate::checks`].
//!
//! | module | what |
//! |---|---|
//! | [`sizes`] | VM sizes: where they are offered, what they can do |
//! | [`images`] | image versions, their architecture and generation |
//! | [`locks`] | management locks |
//! | [`denials`] | deny assignments |
//! | [`terms`] | terms of the marketplace |
//! | [`policy`] | what policies deny |
//! | [`places`] | regions, virtual networks |
//! | [`names`] | names that must be free all over Azure |

pub mod denials;
pub mod images;
pub mod locks;
pub mod names;
pub mod places;
pub mod policy;
pub mod sizes;
pub mod terms;

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use url::Url;

use crate::arm::{Call, Failure, Purpose, Silent};
use crate::provider::AzureProvider;

impl AzureProvider {
    /// The id of the account's subscription: `/subscriptions/…`.
    pub fn subscription_path(&self) -> String {
        format!("/subscriptions/{}", self.subscription_id)
    }

    /// The body of an answer; `None` when what is asked for does not exist.
    pub(crate) async fn look_up(&self, url: Url) -> Result<Option<Json>, ProviderError> {
        match self.arm.send(Call::get(url, Purpose::Read), &Silent).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err((Failure::Refused(refusal), _)) if refusal.says_absent() => Ok(None),
            Err((failure, uncertain)) => Err(failure.into_error(false, uncertain)),
        }
    }

    /// The answer to a question that Azure wants posted. It changes nothing, so it is tried again like a read.
    pub(crate) async fn inquire(&self, url: Url, body: &Json) -> Result<Json, ProviderError> {
        let call = Call {
            method: azure_core::http::Method::Post,
            url,
            body: Some(body),
            if_match: None,
            purpose: Purpose::Read,
        };
        Ok(self.arm.call(call, &Silent).await?.body)
    }
}

/// A text of a body, empty when it is not there.
pub(crate) fn text(body: &Json, pointer: &str) -> String {
    body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// The texts of an array in a body.
pub(crate) fn texts(body: &Json, pointer: &str) -> Vec<String> {
    let values = body.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
    values.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The elements of an array in a body.
pub(crate) fn elements<'a>(body: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    body.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

/// `East US 2` and `eastus2` are one region.
pub fn region(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}
