//! Bodies hold only what the published type has; everything else is refused, in the words of whoever reads it first.

use serde_json::Value;

use super::Call;
use crate::catalog::published::{self, Stranger};
use crate::catalog::{Family, Kind};
use crate::error::ArmError;

/// Refuses properties that the type does not have, and gives the others their published spelling.
///
/// The gateway reads the top level of every body, the network provider says that it cannot parse the rest, and
/// compute names the property in `target`.
pub(super) fn check(row: &Kind, call: &Call<'_>, body: &mut Value) -> Result<(), ArmError> {
    let Some(stranger) = published::stranger(row.name, body) else {
        published::spell(row.name, body);
        return Ok(());
    };
    let Stranger { member, object, path } = &stranger;
    let is_outermost = object == row.name;
    let object = if is_outermost { "ResourceDefinition" } else { object };
    let (line, position) = place(&call.request.body, member);
    let told = format!(
        "Could not find member '{member}' on object of type '{object}'. Path '{path}', line {line}, position {position}."
    );
    Err(match row.family {
        Family::Network if !is_outermost => {
            ArmError::network(400, "InvalidRequestFormat", "Cannot parse the request.")
                .because("InvalidJson", told)
        }
        Family::Compute if !is_outermost => ArmError::new(400, "BadRequest", told).at(&format!("vm.{path}")),
        Family::Disk if !is_outermost => ArmError::new(400, "BadRequest", told).at(&format!("disk.{path}")),
        _ => ArmError::gateway(
            400,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{told}'."),
        ),
    })
}

/// A PATCH of a type that lets nothing but tags be patched holds nothing else.
pub(super) fn tags_only(row: &Kind, call: &Call<'_>, patch: &Value) -> Result<(), ArmError> {
    let other = patch.as_object().and_then(|patch| patch.keys().find(|name| *name != "tags"));
    let Some(other) = other else { return Ok(()) };
    let (line, position) = place(&call.request.body, other);
    let told = format!(
        "Could not find member '{other}' on object of type 'TagsObject'. Path '{other}', line {line}, position {position}."
    );
    Err(match row.family {
        Family::Network => ArmError::network(400, "InvalidRequestFormat", "Cannot parse the request.")
            .because("InvalidJson", told),
        _ => ArmError::new(400, "InvalidParameter", told).at(other),
    })
}

/// Line and position just after the name of a property, counted as .NET does.
fn place(body: &[u8], member: &str) -> (usize, usize) {
    let text = String::from_utf8_lossy(body);
    let quoted = format!("\"{member}\"");
    let end = text.find(&quoted).map_or(0, |start| start + quoted.len());
    let before = text.get(..end).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1)
}
