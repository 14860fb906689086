//! The `api-version` every request names, and the regions a type is offered in.

use serde_json::Value;

use super::{Call, rfc3339};
use crate::catalog::skus;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;

/// The first published api-version of a namespace: nothing older has ever been answered.
const FIRST: &[(&str, &str)] = &[
    ("Microsoft.Authorization", "2014-04-01"),
    ("Microsoft.Compute", "2015-05-01"),
    ("Microsoft.ContainerService", "2015-11-01"),
    ("Microsoft.ManagedIdentity", "2015-08-31"),
    ("Microsoft.Network", "2014-12-01"),
    ("Microsoft.Storage", "2015-05-01"),
];

/// Versions that refusals name.
const SUPPORTED: &str = "2024-11-01, 2025-04-01, 2025-05-01";

/// The version is there, is a date, and is neither older than the type's namespace nor from the future.
///
/// Which versions a type has in between is not known here, and clients use old ones; so all of them will do.
pub(super) fn check(call: &Call<'_>) -> Result<(), ArmError> {
    let Some(version) = call.request.query("api-version").filter(|version| !version.is_empty()) else {
        return Err(ArmError::gateway(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    if !is_date(version) {
        return Err(ArmError::gateway(
            400,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '2025-04-01,2024-11-01,2024-03-01,2022-12-01,2021-04-01'."
            ),
        ));
    }
    let Some(target) = Target::parse(&call.request.path).filter(|target| !target.types.is_empty()) else {
        return Ok(());
    };
    let first = FIRST.iter().find(|(namespace, _)| namespace.eq_ignore_ascii_case(&target.namespace));
    let is_old = first.is_some_and(|(_, first)| version < *first);
    let is_to_come = version > rfc3339(call.now).get(..10).unwrap_or("9999");
    match is_old || is_to_come {
        true => Err(unregistered(call, &target, "")),
        false => Ok(()),
    }
}

/// The region a body asks for is one of Azure's.
pub(super) fn region_of(call: &Call<'_>, target: &Target, body: &Value) -> Result<(), ArmError> {
    json::text(body, "location").map_or(Ok(()), |location| region(call, target, location))
}

/// A region is one of Azure's; what has none is `global`.
pub(super) fn region(call: &Call<'_>, target: &Target, location: &str) -> Result<(), ArmError> {
    match location.is_empty() || location.eq_ignore_ascii_case("global") || is_region(location) {
        true => Ok(()),
        false => Err(unregistered(call, target, location)),
    }
}

/// Whether this cloud has a region of that name, in whatever spelling.
pub(super) fn is_region(location: &str) -> bool {
    let location = ids::location(location);
    skus::REGIONS.iter().any(|(name, _)| *name == location)
}

/// The names of all regions, as refusals list them.
pub(super) fn regions() -> String {
    skus::REGIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn unregistered(call: &Call<'_>, target: &Target, location: &str) -> ArmError {
    let version = call.request.query("api-version").unwrap_or("");
    ArmError::gateway(
        400,
        "NoRegisteredProviderFound",
        format!(
            "No registered resource provider found for location '{location}' and API version '{version}' for type '{}'. The supported api-versions are '{SUPPORTED}'. The supported locations are '{}'.",
            target.types.join("/"),
            regions(),
        ),
    )
}

/// `2025-05-01`, with a word after it or not.
fn is_date(version: &str) -> bool {
    let mut parts = version.splitn(4, '-');
    let digits = [4, 2, 2].iter().all(|length| {
        parts
            .next()
            .is_some_and(|part| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    digits && parts.next().is_none_or(|word| !word.is_empty())
}
