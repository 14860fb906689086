//! What a cluster holds beside its nodes: settings and sets of objects.

use lazuli_core::Json;
use lazuli_core::provider::{Observation, Outcome, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use serde_json::json;

use crate::api::{ApiError, Rest};
use crate::claims;
use crate::manifests::Objects;
use crate::objects::wire::Wire;
use crate::objects::{self, NotASet, ObjectSet, Patience, SetName};
use crate::settings::{self, ROTATION, Trust, components, extension};

/// What the objects of a type are.
enum Part {
    /// `kubeadm-config`, `kubelet-config`.
    Settings,
    /// kube-proxy and CoreDNS.
    Components,
    /// A Service with its load balancer.
    Service,
    /// A volume with its disk.
    Volume,
    /// A set of objects.
    Set(SetName),
}

fn part(ty: &ResourceType, id: &ResourceId) -> Result<Part, ProviderError> {
    if ty.name.ends_with("/settings") {
        return Ok(if id.name() == "components" { Part::Components } else { Part::Settings });
    }
    if ty.name.eq_ignore_ascii_case(claims::SERVICES) {
        return Ok(Part::Service);
    }
    if ty.name.eq_ignore_ascii_case(claims::VOLUMES) {
        return Ok(Part::Volume);
    }
    SetName::new(&ty.name, id.name()).map(Part::Set).map_err(|error| wrong(&error))
}

/// What of a cluster's own is looked at from more than one side.
const SHARED: [&str; 3] = [
    "/api/v1/namespaces/kube-system/configmaps",
    "/apis/apps/v1/namespaces/kube-system/daemonsets",
    "/apis/apps/v1/namespaces/kube-system/deployments",
];

/// Looks at the wanted objects of one cluster.
pub(super) async fn observe(
    client: &kube::Client,
    wanted: &[Wanted],
    trust: &Trust,
) -> Result<Observation, ProviderError> {
    let mut seen = Observation::default();
    let (mut sets, mut claimed) = (None, None);
    let mut wire = Wire::new(client);
    let is_own = |wanted: &&Wanted| {
        part(&wanted.ty, &wanted.id).is_ok_and(|part| !matches!(part, Part::Service | Part::Volume))
    };
    if wanted.iter().filter(is_own).count() > SHARED.len() {
        for collection in SHARED {
            wire.read(collection).await?;
        }
    }
    for wanted in wanted {
        let object = match part(&wanted.ty, &wanted.id)? {
            Part::Settings => {
                settings::seen(&wire, trust).await?.map(|properties| json!({ "properties": properties }))
            }
            Part::Components => {
                let mut seen = components::seen(&wire).await?;
                if let Some(properties) = &mut seen
                    && trust.steps() > 0
                    && extension::is_current(&wire, trust).await?
                {
                    properties[ROTATION] = json!(trust.steps());
                }
                seen.map(|properties| json!({ "properties": properties }))
            }
            part @ (Part::Service | Part::Volume) => {
                let all = match claimed.take() {
                    Some(all) => all,
                    None => {
                        seen.requests += 2;
                        claims::list(client).await.map_err(ApiError::looking)?
                    }
                };
                let name = wanted.id.name();
                let body = match part {
                    Part::Service => {
                        all.services.iter().find(|service| service.id() == name).map(claims::Service::body)
                    }
                    _ => all.volumes.iter().find(|volume| volume.name == name).map(claims::Volume::body),
                };
                claimed = Some(all);
                body
            }
            Part::Set(name) => {
                if sets.is_none() {
                    sets = Some(objects::all(&wire).await?);
                }
                sets.as_ref().and_then(|sets| sets.get(&name)).cloned()
            }
        };
        seen.objects.extend(object.map(|object| (wanted.id.clone(), object)));
    }
    seen.requests += wire.requests();
    Ok(seen)
}

/// Makes or changes an object.
pub(super) async fn put(
    client: &kube::Client,
    request: Put<'_>,
    trust: &Trust,
    watch: &dyn Watch,
) -> Result<Json, ProviderError> {
    let properties = &request.body["properties"];
    let before = request.previous.map(|body| &body["properties"]);
    match part(request.ty, request.id)? {
        Part::Settings => {
            let now = settings::put(client, properties, before, trust, watch).await?;
            Ok(json!({ "properties": now }))
        }
        Part::Components => {
            let mut now = components::put(client, properties, before, Patience::default(), watch).await?;
            if properties[ROTATION].is_number() && extension::put(&Wire::new(client), trust, watch).await? {
                now[ROTATION] = json!(trust.steps());
            }
            Ok(json!({ "properties": now }))
        }
        Part::Service | Part::Volume => {
            let message = format!("{} is made by the cluster's own controllers", request.ty.name);
            Err(ProviderError::own("NotMadeHere", message, Outcome::Nothing))
        }
        Part::Set(name) => {
            let set = ObjectSet::from_body(name, request.body).map_err(|error| wrong(&error))?;
            let before = before.and_then(|properties| objects_of(&properties["objects"]));
            objects::put(client, &set, before.as_ref(), Patience::default(), watch).await
        }
    }
}

/// Deletes an object. Settings stay: a cluster cannot be without them. `recorded` is what the state says of it.
pub(super) async fn delete(
    client: &kube::Client,
    ty: &ResourceType,
    id: &ResourceId,
    recorded: Option<&Json>,
    watch: &dyn Watch,
) -> Result<(), ProviderError> {
    match part(ty, id)? {
        Part::Settings | Part::Components => Ok(()),
        Part::Service => claims::delete_service(&Rest::from(client.clone()), id.name(), watch).await,
        Part::Volume => {
            // What was planned holds: a volume that has been set to be retained since then is not deleted.
            let policy = recorded.and_then(|body| body["properties"]["reclaimPolicy"].as_str());
            let even_retained = policy.is_some_and(|policy| policy != "Delete");
            claims::delete_volume(&Rest::from(client.clone()), id.name(), even_retained, watch).await
        }
        Part::Set(name) => objects::delete(client, &name, None, Patience::default(), watch).await,
    }
}

fn objects_of(json: &Json) -> Option<Objects> {
    let objects = json.as_object()?;
    Some(objects.iter().map(|(key, object)| (key.clone(), object.clone())).collect())
}

fn wrong(error: &NotASet) -> ProviderError {
    ProviderError::own("UnknownType", error.to_string(), Outcome::Nothing)
}
