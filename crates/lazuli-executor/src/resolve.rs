//! Law 4: an unknown outcome is read, never assumed.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Provider, ProviderError};
use lazuli_core::resource::{ResourceId, ResourceType};
use tokio::time::Instant;

/// How long a read that resolves an outcome may take: two answers that stall count as lost after 90 s each.
pub(crate) const READ: Duration = Duration::from_secs(240);

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

/// The first and the longest wait for an object to come to rest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(10);

/// Looks, and while the object says that the service is still working on it, looks again until it rests or `until`: an
/// answer that was lost does not stop what it was about. `on` is told of each wait and says whether to go on waiting.
pub(crate) async fn look_until_rest(
    provider: &dyn Provider,
    ty: &ResourceType,
    id: &ResourceId,
    until: Instant,
    on: impl Fn(&Json) -> bool,
) -> Sight {
    let mut wait = FIRST;
    loop {
        let sight = look(provider, ty, id).await;
        match &sight {
            Sight::Present(object) if is_moving(object) && Instant::now() + wait < until && on(object) => {}
            _ => return sight,
        }
        tokio::time::sleep(wait).await;
        wait = (wait + wait / 2).min(LONGEST);
    }
}

/// True when an object says that something is being done to it. Services have words of their own for being finished.
fn is_moving(object: &Json) -> bool {
    const MOVING: [&str; 8] =
        ["accepted", "creating", "deleting", "inprogress", "pending", "provisioning", "running", "updating"];
    let state = object.pointer("/properties/provisioningState").and_then(Json::as_str);
    state.is_some_and(|state| MOVING.iter().any(|word| state.eq_ignore_ascii_case(word)))
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
