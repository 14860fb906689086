//! The activity log as `Microsoft.Insights` shows it: what began, what it was answered, how it ended.
//!
//! The real log lags by minutes; this one does not.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Call, access, read, rfc3339};
use crate::catalog;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::random;
use crate::request::{Request, Response};
use crate::world::{Deed, World};

/// Notes a request that was to change something, with its answer.
pub(super) fn note(world: &mut World, request: &Request, now: u64, response: &Response) {
    let Some((action, target)) = access::action_of(world, request).filter(|_| request.method.mutates())
    else {
        return;
    };
    // Questions that are posted change nothing.
    if action.ends_with("/read") || response.status == 401 || response.status == 429 {
        return;
    }
    let error = &response.value()["error"];
    let refusal = (response.status >= 400).then(|| {
        let text = |name: &str| error[name].as_str().unwrap_or("").to_owned();
        (text("code"), text("message"))
    });
    let url = response.header("Azure-AsyncOperation").or(response.header("Location"));
    let operation = url
        .and_then(|url| super::operations::id_in(url.split('?').next().unwrap_or("")))
        .filter(|id| world.operation(id).is_some());
    let correlation = request.header("x-ms-correlation-request-id").map(str::to_owned);
    let correlation = correlation
        .unwrap_or_else(|| random::guid_of(&["deed", &world.requests.to_string(), &now.to_string()]));
    world.note(Deed {
        at_ms: now,
        action,
        target,
        method: request.method.as_str().to_owned(),
        status: response.status,
        refusal,
        operation,
        correlation,
    });
}

/// `GET …/eventtypes/management/values`, newest first.
pub(super) fn list(world: &World, call: &Call<'_>) -> Result<Response, ArmError> {
    let filter = Filter::parse(call.request.query("$filter").unwrap_or(""))?;
    let mut events: Vec<(u64, Value)> = Vec::new();
    for deed in world.deeds(0) {
        for (step, (at, status)) in steps(world, deed).into_iter().enumerate() {
            if at >= filter.from && at <= filter.to && filter.holds(deed, status) {
                events.push((at, event(world, deed, step, at, status)));
            }
        }
    }
    events.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(read::page_values(call, events.into_iter().map(|(_, event)| event).collect()))
}

/// The events of a deed, newest first: when, and which status.
fn steps(world: &World, deed: &Deed) -> Vec<(u64, &'static str)> {
    let begun = (deed.at_ms, "Started");
    if deed.refusal.is_some() {
        return vec![(deed.at_ms, "Failed"), begun];
    }
    let Some(id) = &deed.operation else { return vec![(deed.at_ms, "Succeeded"), begun] };
    let mut steps = vec![(deed.at_ms, "Accepted"), begun];
    if let Some(operation) = world.operation(id).filter(|operation| operation.finished) {
        let end = match &operation.failure {
            None => "Succeeded",
            Some(failure) if failure.canceled => "Canceled",
            Some(_) => "Failed",
        };
        steps.insert(0, (operation.done_ms, end));
    }
    steps
}

fn event(world: &World, deed: &Deed, step: usize, at: u64, status: &str) -> Value {
    let id = random::guid_of(&[
        "event",
        &deed.correlation,
        &deed.target,
        status,
        &step.to_string(),
        &at.to_string(),
    ]);
    let both = |text: &str| json!({ "value": text, "localizedValue": text });
    let target = Target::parse(&deed.target).filter(|target| !target.types.is_empty());
    let kind =
        target.as_ref().map_or("Microsoft.Resources/subscriptions/resourceGroups".to_owned(), |target| {
            let row = catalog::find(&target.kind());
            if row.name.is_empty() { target.kind() } else { row.name.to_owned() }
        });
    let provider = kind.split('/').next().unwrap_or("").to_owned();
    let operation = deed.operation.as_deref().and_then(|id| world.operation(id));
    let failure = match &deed.refusal {
        Some((code, message)) => Some((code.as_str(), message.as_str())),
        None => operation
            .and_then(|operation| operation.failure.as_ref())
            .map(|failure| (failure.code.as_str(), failure.message.as_str())),
    };
    let word = reason(deed.status);
    let sub_status = match status {
        "Started" => both(""),
        _ => {
            json!({ "value": word, "localizedValue": format!("{word} (HTTP Status Code: {})", deed.status) })
        }
    };
    let mut properties = json!({ "eventCategory": "Administrative", "entity": deed.target, "hierarchy": world.identity.subscription });
    if status != "Started" {
        properties["statusCode"] = json!(word);
    }
    if let Some((code, message)) = failure.filter(|_| status == "Failed") {
        properties["statusMessage"] =
            json!(json!({ "error": { "code": code, "message": message } }).to_string());
    }
    json!({
        "authorization": { "action": deed.action, "scope": deed.target },
        "caller": world.caller(),
        "category": both("Administrative"),
        "channels": "Operation",
        "claims": { "appid": world.identity.client_id },
        "correlationId": deed.correlation,
        "description": "",
        "eventDataId": id,
        "eventName": if status == "Started" { both("BeginRequest") } else { both("EndRequest") },
        "eventTimestamp": rfc3339(at),
        "httpRequest": { "clientIpAddress": "127.0.0.1", "method": deed.method },
        "id": format!("{}/events/{id}/ticks/{}", deed.target, at * 10_000),
        "level": if status == "Failed" { "Error" } else { "Informational" },
        "operationId": deed.operation.as_deref().unwrap_or(&deed.correlation),
        "operationName": both(&deed.action),
        "properties": properties,
        "resourceGroupName": ids::group_of(&deed.target).unwrap_or_default(),
        "resourceId": deed.target,
        "resourceProviderName": both(&provider),
        "resourceType": both(&kind),
        "status": both(status),
        "subStatus": sub_status,
        "submissionTimestamp": rfc3339(at),
        "subscriptionId": world.identity.subscription,
        "tenantId": world.identity.tenant,
    })
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "NoContent",
        400 => "BadRequest",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "PreconditionFailed",
        _ => "Error",
    }
}

/// The conditions of a `$filter`: a span of time, and what must be equal.
struct Filter {
    from: u64,
    to: u64,
    equal: Vec<(String, String)>,
}

impl Filter {
    fn parse(text: &str) -> Result<Self, ArmError> {
        let refuse = |why: String| ArmError::new(400, "BadRequest", why);
        let mut filter = Filter { from: 0, to: u64::MAX, equal: Vec::new() };
        let mut is_bound = false;
        for condition in text.split(" and ").map(str::trim).filter(|condition| !condition.is_empty()) {
            let mut words = condition.splitn(3, ' ');
            let (Some(name), Some(verb), Some(value)) = (words.next(), words.next(), words.next()) else {
                return Err(refuse(format!("The filter condition '{condition}' is not supported.")));
            };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().trim_matches('\''));
            match (name.as_str(), verb.to_ascii_lowercase().as_str()) {
                ("eventtimestamp", "ge") => {
                    filter.from = moment(value).ok_or_else(|| refuse(format!("'{value}' is no time.")))?;
                    is_bound = true;
                }
                ("eventtimestamp", "le") => {
                    filter.to = moment(value).ok_or_else(|| refuse(format!("'{value}' is no time.")))?;
                }
                (
                    "resourcegroupname" | "resourceuri" | "resourceid" | "resourceprovider" | "correlationid"
                    | "caller" | "status" | "operations" | "levels" | "eventchannels" | "resourcetype",
                    "eq",
                ) => filter.equal.push((name, value.to_owned())),
                _ => return Err(refuse(format!("The filter condition '{condition}' is not supported."))),
            }
        }
        match is_bound {
            true => Ok(filter),
            false => Err(refuse(
                "The filter must hold a time to begin with, such as eventTimestamp ge '2026-01-01T00:00:00Z'."
                    .to_owned(),
            )),
        }
    }

    fn holds(&self, deed: &Deed, status: &str) -> bool {
        self.equal.iter().all(|(name, value)| {
            let is = |text: &str| text.eq_ignore_ascii_case(value);
            match name.as_str() {
                "resourcegroupname" => ids::group_of(&deed.target).is_some_and(|group| is(&group)),
                "resourceuri" | "resourceid" => is(&deed.target),
                "resourceprovider" => is(deed.action.split('/').next().unwrap_or("")),
                "resourcetype" => is(deed.action.rsplit_once('/').map_or("", |(kind, _)| kind)),
                "correlationid" => is(&deed.correlation),
                "operations" => is(&deed.action),
                "status" => is(status),
                // Only the principal of this world acts, and only its deeds are shown.
                _ => true,
            }
        })
    }
}

fn moment(text: &str) -> Option<u64> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()?;
    u64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).ok()
}
