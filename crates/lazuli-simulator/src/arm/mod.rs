//! The rules: how a request moves the world and what it is answered.
//!
//! Belongs here: routing, and the engine that reads the catalogue. Not here: anything about one resource type
//! (`catalog`), sockets, clocks.

mod access;
mod actions;
mod activity;
mod addresses;
mod agreements;
mod body;
mod casing;
mod check;
mod content;
mod delete;
mod deployments;
mod directory;
mod graph;
mod groups;
mod images;
mod names;
mod operations;
mod policy;
mod prices;
mod put;
mod read;
mod render;
mod script;
mod store;
mod subscription;
mod tags;
mod versions;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalog;
use crate::error::ArmError;
use crate::faults::{self, Answer, Faults};
use crate::ids::Target;
use crate::latency::Pace;
use crate::limits;
use crate::random;
use crate::refusals;
use crate::request::{Body, Delivery, Method, Request, Response};
use crate::world::{Failure, World};

pub(crate) use agreements::check_machine;
pub(crate) use check::another_operation;
pub(crate) use deployments::carry_on;
pub(crate) use directory::principal_of;
pub(crate) use images::{is_community_image, is_marketplace_version, traits_of};

/// How this cloud behaves, beyond what exists in it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How slow it is.
    pub pace: Pace,
    /// Planned faults.
    pub faults: Faults,
    /// Entries per page of a list.
    pub page_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pace: Pace::default(), faults: Faults::default(), page_size: 100 }
    }
}

/// One request being carried out.
pub(crate) struct Call<'a> {
    request: &'a Request,
    settings: &'a Settings,
    now: u64,
    /// How a planned fault lets the operation end.
    failure: Option<Failure>,
    /// Whether the agent of the machine does not answer.
    agent_hangs: bool,
}

impl Call<'_> {
    /// An absolute URL with the api-version the client used. `path` ends in `?` or `&`.
    fn url(&self, path: &str) -> String {
        let version = self.request.query("api-version").unwrap_or("2025-01-01");
        format!("{}{path}api-version={version}", self.request.base())
    }

    /// Adds `Retry-After`: seconds of the real Azure, scaled.
    ///
    /// The scaled value is rarely whole seconds, so it is also given in milliseconds, in the two headers that
    /// Azure's own client libraries read. Below one second it is given in milliseconds only: the Python library
    /// behind `az` takes `Retry-After: 0` for "not said" and then waits for 30 seconds.
    fn retry_after(&self, response: Response, real_seconds: u32) -> Response {
        let real_ms = u64::from(real_seconds) * 1000;
        let ms = self.settings.pace.scale(real_ms);
        let response = match ms {
            1..1000 => response,
            _ => response.with("Retry-After", (ms / 1000).to_string()),
        };
        if ms == real_ms {
            return response;
        }
        response.with("retry-after-ms", ms.to_string()).with("x-ms-retry-after-ms", ms.to_string())
    }
}

/// Carries out one request at `now` (milliseconds since 1970) and answers it.
///
/// Operations whose time has come end first. Call [`World::take_changes`] afterwards and make them durable before
/// the answer leaves.
pub fn handle(world: &mut World, settings: &Settings, request: &Request, now: u64) -> Response {
    world.advance(now);
    world.requests += 1;
    let mut call = Call { request, settings, now, failure: None, agent_hangs: false };
    let mut response = match directory::handle(world, &call) {
        Some(response) => response,
        None => {
            let response = guarded(world, &mut call).unwrap_or_else(ArmError::into_response);
            activity::note(world, request, now, &response);
            response
        }
    };
    common_headers(world, request, now, &mut response);
    limits::tell(world, &settings.faults, settings.pace, request, now, &mut response);
    if request.method == Method::Head {
        response.body = Body::Empty;
    }
    response
}

/// Everything under Azure Resource Manager: token, api-version, faults, then the route.
fn guarded(world: &mut World, call: &mut Call<'_>) -> Result<Response, ArmError> {
    directory::check_token(world, call)?;
    if call.request.body.len() > refusals::BODY_BYTES {
        return Err(refusals::dropped());
    }
    versions::check(call)?;
    let settings = call.settings;
    if let Err((refusal, wait)) = limits::take(world, &settings.faults, settings.pace, call.request, call.now)
    {
        return Ok(call.retry_after(refusal.into_response(), wait));
    }
    let misfortune = faults::decide(world, &call.settings.faults, call.request);
    if misfortune.is_none()
        && let Some(refusal) = refusals::hostility(world, call.settings.pace.profile, call.request)
    {
        let wait = (refusal.status == 429).then_some(refusals::HOSTILE_WAIT);
        let response = refusal.into_response();
        return Ok(wait.map_or(response.clone(), |seconds| call.retry_after(response, seconds)));
    }
    suffer(world, call, misfortune)
}

/// Carries a request out, or not, as a planned fault says.
fn suffer(world: &mut World, call: &mut Call<'_>, fault: Option<Answer>) -> Result<Response, ArmError> {
    let done = |world: &mut World, call: &Call<'_>, delivery: Delivery| {
        let mut response = route(world, call).unwrap_or_else(ArmError::into_response);
        response.delivery = delivery;
        Ok(response)
    };
    let cut = |delivery: Delivery| Ok(undelivered(delivery));
    let waiting = |call: &Call<'_>, response: Response, seconds: Option<u32>| {
        Ok(seconds.map_or(response.clone(), |seconds| call.retry_after(response, seconds)))
    };
    match fault {
        None => done(world, call, Delivery::Answer),
        Some(Answer::DropBeforeAccept) => cut(Delivery::Drop),
        Some(Answer::DropAfterAccept) => done(world, call, Delivery::Drop),
        Some(Answer::HoldBeforeAccept) => cut(Delivery::Hold),
        Some(Answer::HoldAfterAccept) => done(world, call, Delivery::Hold),
        Some(Answer::ResetBeforeAccept) => cut(Delivery::Reset),
        Some(Answer::ResetAfterAccept) => done(world, call, Delivery::Reset),
        Some(Answer::SlowBody { pause_ms }) => done(world, call, Delivery::Slow { pause_ms }),
        Some(Answer::StalledBody) => done(world, call, Delivery::Stall),
        Some(Answer::OperationFails { code, message }) => {
            call.failure = Some(Failure { code, message, canceled: false });
            done(world, call, Delivery::Answer)
        }
        Some(Answer::AgentHangs) => {
            call.agent_hangs = true;
            done(world, call, Delivery::Answer)
        }
        Some(Answer::OperationCanceled) => {
            call.failure = Some(refusals::canceled());
            done(world, call, Delivery::Answer)
        }
        Some(Answer::Throttle { retry_after }) => {
            let seconds = retry_after.unwrap_or(refusals::HOSTILE_WAIT);
            let refusal = refusals::throttled_by(world, call.request.method, seconds, None);
            waiting(call, refusal.into_response(), retry_after)
        }
        Some(Answer::AnotherOperation) => Err(refusals::somebody_elses_operation(world)),
        Some(Answer::RetryableAnotherOperation) => Err(refusals::retryable_other_operation()),
        Some(Answer::PrincipalNotFound) => {
            let body = call.request.json().unwrap_or_default();
            let principal = crate::json::text(&body, "properties.principalId").unwrap_or_default();
            Err(refusals::principal_not_found(principal, &world.credentials().tenant))
        }
        Some(Answer::ExpiredToken) => {
            world.revoked.insert(directory::token_digest(call));
            directory::expired(world, call)
        }
        Some(Answer::ServerError { status, after_accept, retry_after }) => {
            if after_accept {
                let _ = route(world, call);
            }
            waiting(call, refusals::server_error(status), retry_after)
        }
        Some(Answer::StaleRead { seconds }) if !call.request.method.mutates() => {
            let since = call.now.saturating_sub(seconds * 1000);
            let key = read_key(&call.request.path);
            world.as_before(&key, since, |world| done(world, call, Delivery::Answer))
        }
        Some(Answer::StaleRead { .. }) => done(world, call, Delivery::Answer),
        Some(Answer::Refuse { status, code, message }) => Err(ArmError::new(status, &code, message)),
    }
}

/// The key of what a path reads or writes: an item (of a part, what it is a part of), or all below a collection.
fn read_key(path: &str) -> String {
    match Target::parse(path).filter(Target::is_item) {
        Some(target) => catalog::root_of(&target.kind(), &target.id()),
        None => crate::ids::key(path.trim_end_matches('/')),
    }
}

/// What stands for an answer to a request that never reached the cloud.
fn undelivered(delivery: Delivery) -> Response {
    Response { delivery, ..Response::empty(503) }
}

fn route(world: &mut World, call: &Call<'_>) -> Result<Response, ArmError> {
    let lower = call.request.path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|segment| !segment.is_empty()).collect();
    if let ["subscriptions", subscription, ..] = segments.as_slice()
        && !subscription.eq_ignore_ascii_case(&world.identity.subscription)
    {
        return Err(ArmError::gateway(
            404,
            "SubscriptionNotFound",
            format!("The subscription '{subscription}' could not be found."),
        ));
    }
    if let Some(response) = operations::poll(world, call, &segments) {
        return response;
    }
    access::check(world, call, &segments)?;
    check::enabled(world, call)?;
    if let Some(response) = deployments::handle(world, call, &segments) {
        return response;
    }
    if let Some(response) = subscription::handle(world, call, &segments) {
        return response;
    }
    if let ["subscriptions", _, "resourcegroups", rest @ ..] = segments.as_slice()
        && !rest.contains(&"providers")
    {
        return groups::handle(world, call, rest);
    }
    let Some(target) = Target::parse(&call.request.path).filter(|target| !target.types.is_empty()) else {
        return Err(ArmError::gateway(404, "InvalidResourceType", "The resource type could not be found."));
    };
    if !target.namespace.contains('.') {
        return Err(ArmError::gateway(
            404,
            "InvalidResourceNamespace",
            format!("The resource namespace '{}' is invalid.", target.namespace),
        ));
    }
    if call.request.method.mutates() && target.is_item() {
        world.remember(catalog::root_of(&target.kind(), &target.id()), call.now);
    }
    if let Some(response) = tags::handle(world, call, &target) {
        return response;
    }
    if let Some(response) = agreements::handle(world, call, &target) {
        return response;
    }
    let method = call.request.method;
    if method.mutates() && target.is_item() {
        check::room_for_an_operation(world, &target)?;
    }
    match (method, target.is_item()) {
        (Method::Get, true) => read::item(world, call, &target),
        // Whether something exists is all that HEAD tells.
        (Method::Head, true) => read::item(world, call, &target).map(|_| Response::empty(204)),
        (Method::Get, false) => read::collection(world, call, &target),
        (Method::Put, true) => put::put(world, call, &target),
        (Method::Patch, true) => put::patch(world, call, &target),
        (Method::Delete, true) => delete::delete(world, call, &target),
        (Method::Post, _) => actions::post(world, call, &target),
        _ => Err(ArmError::method_not_allowed(method.as_str())),
    }
}

/// Carries out a request of a controller inside a simulated cluster: at once, and whatever clients may do.
pub(crate) fn as_controller(
    world: &mut World,
    now: u64,
    method: Method,
    id: &str,
    version: &str,
    body: Option<&Value>,
) -> Result<Response, ArmError> {
    let settings = Settings { pace: Pace { speedup: Some(0), ..Pace::default() }, ..Settings::default() };
    let request = Request::new(method, &format!("{id}?api-version={version}"));
    let request = body.map_or(request.clone(), |body| request.with_json(body));
    let held = std::mem::take(&mut world.conditions);
    let answer = route(
        world,
        &Call { request: &request, settings: &settings, now, failure: None, agent_hangs: false },
    );
    world.advance(now);
    world.conditions = held;
    answer
}

/// Creates something before any client comes, unless it is there already. Takes no time.
pub(crate) fn plant(
    world: &mut World,
    now: u64,
    id: &str,
    version: &str,
    body: &Value,
) -> Result<(), ArmError> {
    let settings = Settings { pace: Pace { speedup: Some(0), ..Pace::default() }, ..Settings::default() };
    let target = format!("{id}?api-version={version}");
    let carry_out = |world: &mut World, request: &Request| {
        let response =
            route(world, &Call { request, settings: &settings, now, failure: None, agent_hangs: false });
        world.advance(now);
        response
    };
    // What is there before is there whatever the client may do.
    let held = std::mem::take(&mut world.conditions);
    let planted = match carry_out(world, &Request::new(Method::Get, &target)) {
        Ok(_) => Ok(()),
        Err(_) => carry_out(world, &Request::new(Method::Put, &target).with_json(body)).map(|_| ()),
    };
    world.conditions = held;
    planted
}

fn common_headers(world: &World, request: &Request, now: u64, response: &mut Response) {
    let moment = [world.requests.to_string(), now.to_string()];
    let id = random::guid_of(&["request", &moment[0], &moment[1], &world.identity.subscription]);
    let correlation = request.header("x-ms-correlation-request-id").map_or_else(|| id.clone(), str::to_owned);
    let mut add = |name: &str, value: String| response.headers.push((name.to_owned(), value));
    add("x-ms-request-id", id.clone());
    add("x-ms-correlation-request-id", correlation);
    add(
        "x-ms-routing-request-id",
        format!("SIMULATED:{}Z:{id}", rfc3339(now).get(..19).unwrap_or("").replace([':', '-'], "")),
    );
    add(
        "x-ms-operation-identifier",
        format!("tenantId={},objectId={}/simulated/{id}", world.identity.tenant, world.caller()),
    );
    add("Cache-Control", "no-cache".to_owned());
    add("Pragma", "no-cache".to_owned());
    add("Expires", "-1".to_owned());
    add("Strict-Transport-Security", "max-age=31536000; includeSubDomains".to_owned());
    add("X-Content-Type-Options", "nosniff".to_owned());
    if request.path.to_ascii_lowercase().contains("/microsoft.network/") {
        add("x-ms-arm-service-request-id", random::guid_of(&["service", &id]));
    }
    if request.header("x-ms-return-client-request-id").is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
        && let Some(client) = request.header("x-ms-client-request-id")
    {
        add("x-ms-client-request-id", client.to_owned());
    }
}

/// A moment as Azure prints it.
pub(crate) fn rfc3339(ms: u64) -> String {
    OffsetDateTime::from_unix_timestamp((ms / 1000) as i64)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .map_or_else(String::new, |text| text.replace('Z', "+00:00"))
}

fn list(values: Vec<Value>) -> Response {
    Response::json(200, json!({ "value": values }))
}
