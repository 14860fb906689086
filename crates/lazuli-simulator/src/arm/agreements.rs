//! Terms of the marketplace: some offers are sold under terms that somebody accepts once per subscription.

use serde_json::{Value, json};

use super::{Call, check, rfc3339};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::random;
use crate::request::{Method, Response};
use crate::world::{Resource, Sold, State, World};

const KIND: &str = "Microsoft.MarketplaceOrdering/offerTypes/publishers/offers/plans/agreements";

/// Answers `…/offerTypes/virtualmachine/publishers/P/offers/O/plans/N/agreements/current`; `None` for all else.
pub(super) fn handle(
    world: &mut World,
    call: &Call<'_>,
    target: &Target,
) -> Option<Result<Response, ArmError>> {
    (target.kind().eq_ignore_ascii_case(KIND) && target.is_item()).then(|| carry_out(world, call, target))
}

fn carry_out(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let [_, publisher, offer, plan, _] = target.names.as_slice() else {
        return Err(ArmError::new(404, "NotFound", "The agreement was not found."));
    };
    let Some(sold) = find(world, publisher, offer, plan).cloned() else {
        return Err(ArmError::new(
            400,
            "BadRequest",
            format!(
                "Offer with PublisherId: '{publisher}', OfferId: '{offer}' is not found, or its plan '{plan}' is sold without terms."
            ),
        ));
    };
    match call.request.method {
        Method::Get => {}
        Method::Put => {
            check::registered(world, &target.namespace)?;
            let accepted = call.request.json()?["properties"]["accepted"].as_bool().unwrap_or(false);
            let serial = world.draw();
            let id = id(world, &sold);
            let etag = world.derived_guid("etag", serial);
            world.put(Resource {
                id,
                kind: KIND.to_owned(),
                body: json!({ "properties": { "accepted": accepted } }),
                etag,
                state: State::Succeeded,
                created_ms: call.now,
                serial,
                operation: None,
                machine: None,
            });
        }
        other => return Err(ArmError::method_not_allowed(other.as_str())),
    }
    Ok(Response::json(200, shown(world, &sold, call.now)))
}

fn find<'a>(world: &'a World, publisher: &str, offer: &str, plan: &str) -> Option<&'a Sold> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let mut sold = world.conditions.sold.iter();
    sold.find(|sold| same(&sold.publisher, publisher) && same(&sold.offer, offer) && same(&sold.plan, plan))
}

fn id(world: &World, sold: &Sold) -> String {
    format!(
        "{}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/{}/offers/{}/plans/{}/agreements/current",
        world.subscription_id(),
        sold.publisher,
        sold.offer,
        sold.plan
    )
}

fn is_accepted(world: &World, sold: &Sold) -> bool {
    let agreed = world.get(&ids::key(&id(world, sold)));
    agreed.map_or(sold.accepted, |agreed| agreed.body["properties"]["accepted"] == true)
}

fn shown(world: &World, sold: &Sold, now: u64) -> Value {
    let link = format!("https://storelegalterms.example/{}/{}/{}", sold.publisher, sold.offer, sold.plan);
    json!({
        "id": id(world, sold),
        "name": sold.plan,
        "type": "Microsoft.MarketplaceOrdering/offertypes",
        "properties": {
            "publisher": sold.publisher, "product": sold.offer, "plan": sold.plan,
            "licenseTextLink": link, "privacyPolicyLink": link, "marketplaceTermsLink": link,
            "retrieveDatetime": rfc3339(now),
            "signature": random::sha256_hex(link.as_bytes()).to_uppercase(),
            "accepted": is_accepted(world, sold),
        },
    })
}

/// The plan that an image of the marketplace is sold under.
pub(super) fn plan_of(world: &World, publisher: &str, offer: &str, sku: &str) -> Option<Value> {
    let sold = find(world, publisher, offer, sku)?;
    Some(json!({ "publisher": sold.publisher, "product": sold.offer, "name": sold.plan }))
}

/// A machine about to be made from an image names the plan the image is sold under, and its terms are accepted.
pub(crate) fn check_machine(world: &World, id: &str, body: &Value, image: &Value) -> Result<(), ArmError> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or("").to_owned();
    let (publisher, offer, sku) = (text(image, "publisher"), text(image, "offer"), text(image, "sku"));
    let Some(sold) = find(world, &publisher, &offer, &sku) else { return Ok(()) };
    let plan = &body["plan"];
    let names = [("publisher", &sold.publisher), ("product", &sold.offer), ("name", &sold.plan)];
    if names.iter().any(|(name, wanted)| !text(plan, name).eq_ignore_ascii_case(wanted)) {
        return Err(ArmError::new(
            400,
            "VMMarketplaceInvalidInput",
            format!(
                "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires Plan information in the request. VM: '{id}'."
            ),
        ));
    }
    if is_accepted(world, sold) {
        return Ok(());
    }
    Err(ArmError::new(
        400,
        "ResourcePurchaseValidationFailed",
        format!(
            "User failed validation to purchase resources. Error message: 'You have not accepted the legal terms on this subscription: '{}' for this plan. Before the subscription can be used, you need to accept the legal terms of the image. To read and accept legal terms, use the Azure CLI commands described at https://go.microsoft.com/fwlink/?linkid=2110637. Offer details: publisher='{}' offer = '{}', sku = '{}'.'",
            world.identity.subscription, sold.publisher, sold.offer, sold.plan
        ),
    ))
}
