//! Law 4: an unknown outcome is read, never assumed.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Provider, ProviderError};
use lazuli_core::resource::{ResourceId, ResourceType};

/// How long a read that resolves an outcome may take.
pub(crate) const READ: Duration = Duration::from_secs(120);

/// What reading an object showed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sight {
    /// It exists.
    Present(Json),
    /// It does not exist.
    Absent,
    /// It could not be read.
    Unreadable(Option<ProviderError>),
}

pub(crate) async fn look(provider: &dyn Provider, ty: &ResourceType, id: &ResourceId) -> Sight {
    match tokio::time::timeout(READ, provider.read(ty, id)).await {
        Ok(Ok(Some(object))) => Sight::Present(object),
        Ok(Ok(None)) => Sight::Absent,
        Ok(Err(error)) => Sight::Unreadable(Some(error)),
        Err(_) => Sight::Unreadable(None),
    }
}

/// True when the object is at rest and everything that was sent is in it: a request whose answer was lost arrived.
///
/// Stricter than the planner's comparison: what is not plainly the same is left to it.
pub(crate) fn is_as_sent(sent: &Json, observed: &Json) -> bool {
    let state = observed.pointer("/properties/provisioningState").and_then(Json::as_str);
    state.is_none_or(|s| s.eq_ignore_ascii_case("Succeeded")) && contains(observed, sent)
}

fn contains(observed: &Json, sent: &Json) -> bool {
    match (observed, sent) {
        (_, Json::Null) => true,
        (Json::Object(observed), Json::Object(sent)) => sent
            .iter()
            .all(|(name, value)| value.is_null() || observed.get(name).is_some_and(|o| contains(o, value))),
        (Json::Array(observed), Json::Array(sent)) => {
            observed.len() == sent.len() && observed.iter().zip(sent).all(|(o, s)| contains(o, s))
        }
        (Json::String(observed), Json::String(sent)) => observed.eq_ignore_ascii_case(sent),
        (Json::Number(observed), Json::Number(sent)) => {
            observed == sent || observed.as_f64() == sent.as_f64()
        }
        (observed, sent) => observed == sent,
    }
}
