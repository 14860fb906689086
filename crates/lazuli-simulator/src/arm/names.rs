//! Names that only one object in all of Azure can have.

use serde_json::json;

use super::Call;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::request::Response;
use crate::world::World;

const STORAGE: &str = "Microsoft.Storage/storageAccounts";

/// Whether a public address may have a DNS label.
pub(super) fn dns_label(world: &World, call: &Call<'_>, location: &str) -> Response {
    let label = call.request.query("domainNameLabel").unwrap_or("");
    Response::json(200, json!({ "available": world.label_holder(location, label).is_none() }))
}

/// Whether a storage account may have a name.
pub(super) fn storage_account(world: &World, call: &Call<'_>) -> Result<Response, ArmError> {
    let asked = call.request.json()?;
    let name = asked["name"].as_str().unwrap_or("");
    Ok(Response::json(
        200,
        match refusal(world, name, "") {
            None => json!({ "nameAvailable": true }),
            Some(refused) => json!({
                "nameAvailable": false,
                "reason": if refused.status == 400 { "AccountNameInvalid" } else { "AlreadyExists" },
                "message": refused.message,
            }),
        },
    ))
}

/// A storage account about to be written has a name it may have.
pub(super) fn check(world: &World, target: &Target) -> Result<(), ArmError> {
    if !target.kind().eq_ignore_ascii_case(STORAGE) {
        return Ok(());
    }
    refusal(world, target.name(), &ids::key(&target.id())).map_or(Ok(()), Err)
}

fn refusal(world: &World, name: &str, own: &str) -> Option<ArmError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !(3..=24).contains(&name.len()) || !plain {
        return Some(ArmError::new(
            400,
            "AccountNameInvalid",
            format!(
                "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
            ),
        ));
    }
    let taken =
        world.of_kind(STORAGE, "", None).any(|account| account.name() == name && account.key() != own);
    taken.then(|| {
        ArmError::new(
            409,
            "StorageAccountAlreadyTaken",
            format!("The storage account named {name} is already taken."),
        )
    })
}
