//! Deleting, and what is in the way.
//!
//! Azure refuses to delete what something else uses, also for a while after that something is gone. Waiting helps only
//! then: when the user Azure names still exists, is not being deleted and still refers to the object, that is an error.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};

use crate::arm::operation::{self, End, Object, Pace};
use crate::arm::{Answer, Call, Purpose, Refusal, Silent, is_in_use};
use crate::kinds;
use crate::provider::AzureProvider;

/// The waits between attempts.
const FIRST: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(10);

impl AzureProvider {
    /// Deletes an object and waits until it is gone; one that is not there is success.
    pub(crate) async fn remove(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        watch: &dyn Watch,
    ) -> Result<(), ProviderError> {
        let kind = kinds::by_name(&ty.name);
        let Some(accepted) = self.ask_for_deletion(ty, id, watch).await? else { return Ok(()) };
        let own;
        let address = match operation::address(&accepted) {
            Some(address) => address,
            None if accepted.status == 202 => {
                own = self.object(ty, id).to_string();
                &own
            }
            None => return Ok(()),
        };
        watch.progress(&format!("{} deleting", kind.title));
        let pace = Pace::of(&ty.name, kind.expected.delete);
        let object = Object { url: self.object(ty, id), end: End::Gone };
        match self.arm.follow(&accepted, address, pace, &object, watch).await {
            Ok(()) => Ok(()),
            // Asking is over because there is nothing left to ask about, or the operation is forgotten: the object knows.
            Err(error) if error.code == operation::GONE => {
                match self.get(ty, id, Purpose::Read, &Silent).await {
                    Ok(None) => Ok(()),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the request until it is accepted; `None` when the object is gone.
    async fn ask_for_deletion(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        watch: &dyn Watch,
    ) -> Result<Option<Answer>, ProviderError> {
        let query = kinds::delete_query(kinds::by_name(&ty.name));
        let url = self.arm.url(id.as_str(), &ty.api_version, query);
        let mut waited = Duration::ZERO;
        let mut wait = FIRST;
        loop {
            let (failure, uncertain) = match self.arm.send(Call::delete(url.clone()), &watch).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(failed) => failed,
            };
            match failure.refusal() {
                Some(refusal) if refusal.status == Some(404) => return Ok(None),
                Some(refusal) if is_in_use(&refusal.code) => {
                    if let Some(user) = self.lasting_user(id, refusal).await {
                        return Err(failure.into_error(true, uncertain).advise(format!(
                            "`{}` uses it and is not being deleted: delete that first, or make it use something else.",
                            user.name()
                        )));
                    }
                    if waited + wait <= self.patience.in_use {
                        watch.progress("still in use by something that is going; waiting");
                        tokio::time::sleep(wait).await;
                        waited += wait;
                        wait = (wait * 2).min(LONGEST);
                        continue;
                    }
                }
                _ => {}
            }
            let error = failure.into_error(true, uncertain);
            let unsure = error.outcome == Outcome::Unknown;
            if unsure && matches!(self.get(ty, id, Purpose::Read, &Silent).await, Ok(None)) {
                return Ok(None);
            }
            return Err(error);
        }
    }

    /// The first of the users Azure names that is there to stay.
    async fn lasting_user(&self, id: &ResourceId, refusal: &Refusal) -> Option<ResourceId> {
        for (ty, user) in users(id, &refusal.message) {
            let Ok(Some(answer)) = self.get(&ty, &user, Purpose::Read, &Silent).await else { continue };
            let going =
                answer.provisioning_state().is_some_and(|state| state.eq_ignore_ascii_case("deleting"));
            if !going && mentions(&answer.body, id.as_str()) {
                return Some(user);
            }
        }
        None
    }
}

/// The objects an in-use message names, with the types Lazuli knows; parts such as IP configurations count for the
/// object they are part of.
fn users(id: &ResourceId, message: &str) -> Vec<(ResourceType, ResourceId)> {
    let mut found: Vec<(ResourceType, ResourceId)> = Vec::new();
    for (start, _) in message.match_indices("/subscriptions/") {
        let rest = &message[start..];
        let end = rest.find(|c: char| c.is_whitespace() || ",;'\"[]{}".contains(c)).unwrap_or(rest.len());
        let named = ResourceId::new(rest[..end].trim_end_matches('.'));
        let known = std::iter::successors(Some(named), ResourceId::parent)
            .find_map(|candidate| known_type(&candidate).map(|ty| (ty, candidate)));
        if let Some((ty, user)) = known.filter(|(_, user)| user != id)
            && !found.iter().any(|(_, other)| *other == user)
        {
            found.push((ty, user));
        }
    }
    found
}

/// The type of an id, when Lazuli has a version for it.
fn known_type(id: &ResourceId) -> Option<ResourceType> {
    let (_, rest) = id.as_str().rsplit_once("/providers/")?;
    let mut parts = rest.split('/');
    let mut name = parts.next()?.to_owned();
    while let Some(part) = parts.next() {
        parts.next()?;
        name.push('/');
        name.push_str(part);
    }
    kinds::api_version(&name).map(|version| ResourceType::new(&name, version))
}

/// True when an id, or one below it, stands anywhere in a body.
fn mentions(body: &Json, id: &str) -> bool {
    match body {
        Json::String(text) => match (text.get(..id.len()), text.get(id.len()..)) {
            (Some(start), Some(rest)) => {
                start.eq_ignore_ascii_case(id) && (rest.is_empty() || rest.starts_with('/'))
            }
            _ => false,
        },
        Json::Array(elements) => elements.iter().any(|element| mentions(element, id)),
        Json::Object(map) => map.values().any(|value| mentions(value, id)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{mentions, users};
    use crate::scripted::id;
    use serde_json::json;

    #[test]
    fn the_users_azure_names_are_found_whatever_part_it_names() {
        let subnet = id("Microsoft.Network/virtualNetworks/v/subnets/s");
        let nic = id("Microsoft.Network/networkInterfaces/NIC");
        let message = format!(
            "Subnet s is in use by {nic}/ipConfigurations/PIPCONFIG and cannot be deleted. Not {subnet}. See aka.ms/deletesubnet."
        );
        let found = users(&subnet, &message);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0.to_string(), "Microsoft.Network/networkInterfaces@2025-05-01");
        assert_eq!(found[0].1, nic);
    }

    #[test]
    fn a_longer_name_is_another_object() {
        let subnet = id("Microsoft.Network/virtualNetworks/v/subnets/s");
        assert!(mentions(&json!({"a": [{"id": subnet.as_str().to_uppercase()}]}), subnet.as_str()));
        assert!(mentions(&json!([format!("{subnet}/x/y")]), subnet.as_str()));
        assert!(!mentions(&json!([format!("{subnet}2")]), subnet.as_str()));
    }
}
