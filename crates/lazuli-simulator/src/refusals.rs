//! What Azure says when it is busy, broken or confused: for planned faults, and for the hostile profile at random.
//!
//! Belongs here: the words. Not here: which request they strike (`faults`).

use crate::error::ArmError;
use crate::latency::Profile;
use crate::random;
use crate::request::{Body, Method, Request, Response};
use crate::world::{Failure, World};

/// How many seconds a hostile Azure wants to hear nothing.
pub(crate) const HOSTILE_WAIT: u32 = 10;

/// Resource Manager drops larger bodies.
pub(crate) const BODY_BYTES: usize = 8 * 1024 * 1024;

/// 500: the body was too large to be passed on.
pub(crate) fn dropped() -> ArmError {
    ArmError::gateway(
        500,
        "InternalServerError",
        "The request was dropped: its body is larger than the 8 MB that Azure Resource Manager passes on.",
    )
}

/// The random refusals of the hostile profile.
pub(crate) fn hostility(world: &World, profile: Profile, request: &Request) -> Option<ArmError> {
    if profile != Profile::Hostile {
        return None;
    }
    let luck = random::fraction(world.seed, request.method.as_str(), world.requests);
    let throttled = if request.method.mutates() { 0.06 } else { 0.03 };
    if luck < throttled {
        return Some(throttled_by(world, request.method, HOSTILE_WAIT, None));
    }
    let network_write =
        request.method.mutates() && request.path.to_ascii_lowercase().contains("/microsoft.network/");
    (network_write && luck < throttled + 0.06).then(|| somebody_elses_operation(world))
}

/// 409: somebody else's operation holds what the request would change.
pub(crate) fn somebody_elses_operation(world: &World) -> ArmError {
    let id = random::guid_of(&["foreign operation", &world.requests.to_string()]);
    crate::arm::another_operation(&format!(
        "https://management.azure.com{}/providers/Microsoft.Network/locations/eastus/operations/{id}?api-version=2025-05-01",
        world.subscription_id()
    ))
}

/// The same as 429, in the network service's other words.
pub(crate) fn retryable_other_operation() -> ArmError {
    ArmError::network(
        429,
        "RetryableErrorDueToAnotherOperation",
        "Operation on this resource was canceled due to a retryable error caused by another operation. Please retry.",
    )
}

/// A new principal that access control does not know yet.
pub(crate) fn principal_not_found(principal: &str, tenant: &str) -> ArmError {
    ArmError::new(
        400,
        "PrincipalNotFound",
        format!(
            "Principal {} does not exist in the directory {tenant}. Check that you have the correct principal ID. If you \
             are creating this principal and then immediately assigning a role, this error might be related to a \
             replication delay. In this case, set the role assignment principalType property to a value, such as \
             ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            principal.replace('-', ""),
        ),
    )
}

/// How a canceled operation ends.
pub(crate) fn canceled() -> Failure {
    Failure { code: "Canceled".to_owned(), message: "The operation was canceled.".to_owned(), canceled: true }
}

/// A failure of the service (500, 503), of the gateway (504) or of something on the way that speaks no JSON (502).
pub(crate) fn server_error(status: u16) -> Response {
    let (code, message) = match status {
        502 => {
            return Response::new(
                502,
                Body::Text("<html><head><title>502 Bad Gateway</title></head></html>".into()),
            );
        }
        503 => ("ServiceUnavailable", "The service is temporarily unavailable. Please retry."),
        504 => (
            "GatewayTimeout",
            "The gateway did not receive a response from the service within the specified time period.",
        ),
        _ => ("InternalServerError", "An error occurred."),
    };
    ArmError::gateway(status, code, message).into_response()
}

/// 429 in the gateway's words; the caller adds `Retry-After`.
pub(crate) fn throttled_by(world: &World, method: Method, seconds: u32, actor: Option<&str>) -> ArmError {
    let what = match method {
        Method::Get | Method::Head => "read",
        Method::Delete => "delete",
        _ => "write",
    };
    ArmError::gateway(
        429,
        "SubscriptionRequestsThrottled",
        format!(
            "Number of '{what}' requests for subscription '{}' actor '{}' exceeded. Please try again after '{seconds}' seconds.",
            world.identity.subscription,
            actor.map_or_else(|| world.caller(), str::to_owned)
        ),
    )
}
