//! The `api-version` every request names.

use super::{Call, rfc3339};
use crate::catalog::skus;
use crate::error::ArmError;
use crate::ids::Target;

/// The version is there, is a date, and no type is asked for in a version from the future.
///
/// Which past versions a type has is not known here, and clients use old ones; so all of them will do.
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
    let target = Target::parse(&call.request.path).filter(|target| !target.types.is_empty());
    match target {
        Some(target) if version > rfc3339(call.now).get(..10).unwrap_or("9999") => {
            let regions: Vec<&str> = skus::REGIONS.iter().map(|(name, _)| *name).collect();
            Err(ArmError::gateway(
                400,
                "NoRegisteredProviderFound",
                format!(
                    "No registered resource provider found for location '' and API version '{version}' for type '{}'. The supported api-versions are '2024-11-01, 2025-04-01, 2025-05-01'. The supported locations are '{}'.",
                    target.types.join("/"),
                    regions.join(", "),
                ),
            ))
        }
        _ => Ok(()),
    }
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
