//! Lists, page by page.

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};
use url::Url;

use super::answer::Failure;
use super::client::{ArmClient, Call, Tell};
use super::retry::Purpose;

/// A list, and what it took.
pub(crate) struct Listed {
    pub(crate) items: Vec<Json>,
    pub(crate) requests: usize,
}

impl ArmClient {
    /// All elements of a list; `None` when what it lists does not exist.
    pub(crate) async fn list(&self, url: Url, tell: &dyn Tell) -> Result<Option<Listed>, ProviderError> {
        let mut listed = Listed { items: Vec::new(), requests: 0 };
        let mut next = Some(url);
        while let Some(url) = next.take() {
            let mut answer = match self.send(Call::get(url, Purpose::Read), tell).await {
                Ok(answer) => answer,
                Err((Failure::Refused(refusal), _)) if refusal.says_absent() => return Ok(None),
                Err((failure, uncertain)) => return Err(failure.into_error(false, uncertain)),
            };
            listed.requests += answer.requests;
            match answer.body.get_mut("value").map(Json::take) {
                Some(Json::Array(mut page)) => listed.items.append(&mut page),
                // Lists of image versions are bare arrays.
                _ => match answer.body {
                    Json::Array(page) => {
                        listed.items.extend(page);
                        break;
                    }
                    _ => return Err(not_a_list()),
                },
            }
            if let Some(link) =
                answer.body.get("nextLink").and_then(Json::as_str).filter(|link| !link.is_empty())
            {
                next = Some(super::url::trusted(&self.endpoint, link).ok_or_else(|| foreign(link))?);
            }
        }
        Ok(Some(listed))
    }
}

fn not_a_list() -> ProviderError {
    ProviderError::own("UnexpectedAnswer", "Azure answered a list without `value`", Outcome::Nothing)
}

/// The token would go to another host.
pub(crate) fn foreign(link: &str) -> ProviderError {
    let host = Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    ProviderError::own(
        "ForeignAddress",
        format!(
            "Azure sent us on to `{host}`, which is not its resource manager; the token was not sent there"
        ),
        Outcome::Nothing,
    )
}
