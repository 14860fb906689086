//! The provider `kubernetes`: nodes, settings and objects of the clusters whose keys are known.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use lazuli_core::Json;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Observation, Outcome, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};

use crate::api::{ApiError, BootLog, Clusters, ConnectError, LoadBalancer, NoLoadBalancer, Rest, Selector};
use crate::keyring::ClusterId;
use crate::manifests::Objects;
use crate::node::Lists;
use crate::node::member::{self, Cluster};
use crate::node::registration::{self, NODES, RegistrationError};
use crate::node::{Registration, Role};
use crate::objects::{self, SetName};
use crate::stop::unless_stopped;

mod parts;
#[cfg(test)]
mod tests;

/// The clusters' own APIs. Cheap to clone.
#[derive(Clone)]
pub struct KubernetesProvider {
    clusters: Clusters,
    lists: Lists,
    boot_log: Arc<dyn BootLog>,
    load_balancer: Arc<dyn LoadBalancer>,
    /// What registrations were made with, and which volumes are to be deleted although they are retained.
    inputs: Arc<Mutex<HashMap<ResourceId, Json>>>,
    /// How long the pods of members may take to leave, as the configuration says now.
    drain_timeouts: Arc<Mutex<HashMap<ResourceId, Duration>>>,
    /// Nodes that are to go.
    leaving: Arc<Mutex<HashMap<ClusterId, BTreeSet<String>>>>,
}

impl fmt::Debug for KubernetesProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KubernetesProvider")
    }
}

/// What the objects of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Registration,
    Member,
    ControlPlaneMember,
    /// Settings and sets of objects.
    Other,
}

fn part(ty: &ResourceType) -> Part {
    match ty.name.strip_prefix("Lazuli.Kubernetes/clusters/") {
        Some("registrations") => Part::Registration,
        Some("members") => Part::Member,
        Some("controlPlaneMembers") => Part::ControlPlaneMember,
        _ => Part::Other,
    }
}

impl KubernetesProvider {
    /// The provider of the clusters that `clusters` knows; `boot_log` tells why a node did not join.
    pub fn new(clusters: Clusters, boot_log: Arc<dyn BootLog>) -> Self {
        KubernetesProvider {
            clusters,
            lists: Lists::default(),
            boot_log,
            load_balancer: Arc::new(NoLoadBalancer),
            inputs: Arc::default(),
            drain_timeouts: Arc::default(),
            leaving: Arc::default(),
        }
    }

    /// The same provider, which takes control-plane nodes out of this load balancer before they go.
    #[must_use]
    pub fn with_load_balancer(self, load_balancer: Arc<dyn LoadBalancer>) -> Self {
        KubernetesProvider { load_balancer, ..self }
    }

    /// Takes in what an object was last made with, as the state records it. A cluster does not keep what a registration
    /// was made with, so without this it looks as if that had been changed; a node that was removed and came back has lost
    /// it (not to be told of nodes that are still being made: they would pass for made); a volume whose recorded reclaim
    /// policy is to retain it was planned to be deleted all the same.
    pub fn learn(&self, id: &ResourceId, inputs: &Json) {
        let kept = ["registrations", "volumes", "members", "controlPlaneMembers"];
        if kept.iter().any(|kind| id.segment(kind).is_some()) {
            self.remembered().insert(id.clone(), inputs.clone());
        }
    }

    /// Takes in what a registration that is not recorded counts as made with.
    pub fn expects(&self, registration: &ResourceId, inputs: &Json) {
        self.remembered().entry(registration.clone()).or_insert_with(|| inputs.clone());
    }

    /// Takes in how long the pods of a member may take to leave: whoever changes that while nodes are replaced means the
    /// nodes that go.
    pub fn drains_within(&self, member: &ResourceId, timeout: Duration) {
        self.drain_timeouts.lock().unwrap_or_else(PoisonError::into_inner).insert(member.clone(), timeout);
    }

    /// Takes in that a member is to go: should its machine have failed, nobody need wait for it to come back.
    pub fn leaves(&self, member: &ResourceId) {
        if let Some(cluster) = ClusterId::of(member) {
            let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
            leaving.entry(cluster).or_default().insert(member.name().to_owned());
        }
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<ResourceId, Json>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clusters.
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// Of the objects that a set is to have, those that exist and are of others; `None` when there are none, or when the
    /// resource is no set. A plan asks, so that an apply does not have to refuse.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn foreign(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        wanted: &Objects,
    ) -> Result<Option<ProviderError>, ProviderError> {
        let Ok(set) = SetName::new(&ty.name, id.name()) else { return Ok(None) };
        let cluster = self.cluster(id).await?;
        let found = objects::foreign(cluster.rest.client(), &set, wanted).await;
        found.map_err(|error| about(&cluster.id, error))
    }

    async fn cluster(&self, id: &ResourceId) -> Result<Cluster, ProviderError> {
        let id = ClusterId::of(id).ok_or_else(|| {
            ProviderError::own("InvalidId", format!("{id} is in no cluster"), Outcome::Nothing)
        })?;
        let no_client = |error: ConnectError| ApiError::from(error).looking();
        let keys = self.clusters.ring().cluster(&id);
        let keys = keys.ok_or_else(|| no_client(ConnectError::NoKeys(id.clone())))?;
        let client = self.clusters.client(&id).await.map_err(no_client)?;
        let leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        Ok(Cluster {
            rest: Rest::from(client.clone()),
            exec: self.clusters.exec(&id, client),
            load_balancer: self.load_balancer.clone(),
            leaving: leaving.unwrap_or_default(),
            keys,
            id,
            lists: self.lists.clone(),
            now: self.clusters.clock(),
            drain_timeout: None,
        })
    }

    /// All wanted objects of one cluster: its nodes in one list, its tokens in another, whatever their number.
    async fn observe_cluster(&self, wanted: &[&Wanted]) -> Result<Observation, ProviderError> {
        let Some(any) = wanted.first() else { return Ok(Observation::default()) };
        let cluster = self.cluster(&any.id).await?;
        let has = |looked_for: &[Part]| wanted.iter().any(|wanted| looked_for.contains(&part(&wanted.ty)));
        let name = |error: ApiError| about(&cluster.id, error.looking());
        let mut seen = Observation::default();
        let (mut nodes, mut tokens) = (HashMap::new(), HashMap::new());
        if has(&[Part::Registration, Part::Member, Part::ControlPlaneMember]) {
            let list = cluster.rest.list(NODES, Selector::default()).await.map_err(name)?;
            seen.requests += pages(list.len());
            nodes.extend(list.into_iter().filter_map(|node| {
                let name = node["metadata"]["name"].as_str()?.to_owned();
                Some((name, node))
            }));
        }
        if has(&[Part::Registration]) {
            tokens = registration::tokens(&cluster.rest).await.map_err(name)?;
            seen.requests += pages(tokens.len());
        }
        let now = self.clusters.now();
        let mut others = Vec::new();
        for wanted in wanted {
            let node = nodes.get(wanted.id.name());
            let object = match part(&wanted.ty) {
                Part::Registration => {
                    let remembered = self.remembered();
                    let recorded = remembered.get(&wanted.id);
                    registration::observed(wanted.id.name(), node, &tokens, recorded, now)
                }
                Part::Member | Part::ControlPlaneMember => {
                    member::observed(node, self.remembered().get(&wanted.id))
                }
                Part::Other => {
                    others.push((*wanted).clone());
                    None
                }
            };
            seen.objects.extend(object.map(|object| (wanted.id.clone(), object)));
        }
        if !others.is_empty() {
            let more = parts::observe(cluster.rest.client(), &others, &cluster.trust()).await;
            let more = more.map_err(|error| about(&cluster.id, error))?;
            seen.requests += more.requests;
            seen.objects.extend(more.objects);
        }
        Ok(seen)
    }
}

/// How many requests a list of so many objects took.
fn pages(objects: usize) -> usize {
    objects.div_ceil(crate::api::PAGE).max(1)
}

/// The error with the cluster's name.
fn about(cluster: &ClusterId, mut error: ProviderError) -> ProviderError {
    error.message = format!("cluster {}: {}", cluster.name(), error.message);
    error
}

#[async_trait::async_trait]
impl Provider for KubernetesProvider {
    /// Fails with the code `ClusterUnreachable` when the API of one of the clusters cannot be reached; ask for one cluster
    /// at a time to hear of the others all the same.
    async fn observe(&self, wanted: &[Wanted]) -> Result<Observation, ProviderError> {
        let mut clusters: HashMap<Option<ClusterId>, Vec<&Wanted>> = HashMap::new();
        for wanted in wanted {
            clusters.entry(ClusterId::of(&wanted.id)).or_default().push(wanted);
        }
        let mut all = Observation::default();
        for seen in try_join_all(clusters.values().map(|wanted| self.observe_cluster(wanted))).await? {
            all.requests += seen.requests;
            all.objects.extend(seen.objects);
        }
        Ok(all)
    }

    async fn read(&self, ty: &ResourceType, id: &ResourceId) -> Result<Option<Json>, ProviderError> {
        let wanted = Wanted { ty: ty.clone(), id: id.clone() };
        Ok(self.observe_cluster(&[&wanted]).await?.objects.remove(id))
    }

    async fn put(&self, request: Put<'_>, watch: &dyn Watch) -> Result<Json, ProviderError> {
        let cluster = self.cluster(request.id).await?;
        let work = async {
            match (part(request.ty), request.operation) {
                (Part::Registration, _) => self.register(&cluster, &request, watch).await,
                (Part::Member | Part::ControlPlaneMember, Operation::Update) => {
                    member::update(&cluster, request.body, request.previous).await
                }
                (Part::Member | Part::ControlPlaneMember, _) => {
                    member::create(&cluster, request.body, &*self.boot_log, watch).await
                }
                (Part::Other, _) => parts::put(cluster.rest.client(), request, &cluster.trust(), watch).await,
            }
        };
        unless_stopped(watch, Outcome::Unknown, work).await.map_err(|error| about(&cluster.id, error))
    }

    async fn delete(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        watch: &dyn Watch,
    ) -> Result<(), ProviderError> {
        let mut cluster = self.cluster(id).await?;
        cluster.drain_timeout =
            self.drain_timeouts.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
        let work = async {
            match part(ty) {
                Part::Registration => {
                    let deleted = registration::delete(&cluster.rest, id.name()).await;
                    deleted.map_err(ApiError::changing)
                }
                Part::Member => member::delete(&cluster, id.name(), false, watch).await,
                Part::ControlPlaneMember => member::delete(&cluster, id.name(), true, watch).await,
                Part::Other => {
                    let recorded = self.remembered().get(id).cloned();
                    parts::delete(cluster.rest.client(), ty, id, recorded.as_ref(), watch).await
                }
            }
        };
        unless_stopped(watch, Outcome::Unknown, work).await.map_err(|error| about(&cluster.id, error))?;
        if matches!(part(ty), Part::Member | Part::ControlPlaneMember) {
            // Its Node object is there as long as its machine, and no member any more.
            self.remembered().remove(id);
        }
        Ok(())
    }

    /// Nothing goes on without us here.
    async fn resume(&self, _url: &str, _watch: &dyn Watch) -> Result<(), ProviderError> {
        Ok(())
    }
}

impl KubernetesProvider {
    async fn register(
        &self,
        cluster: &Cluster,
        request: &Put<'_>,
        watch: &dyn Watch,
    ) -> Result<Json, ProviderError> {
        let wanted = Registration::of(request.body)?;
        let mut body = request.body.clone();
        self.learn(request.id, request.body);
        let joined = registration::has_joined(&cluster.rest, &wanted).await.map_err(ApiError::looking)?;
        body["properties"]["joined"] = joined.into();
        if joined {
            return Ok(body);
        }
        if wanted.role == Role::ControlPlane {
            member::make_room(cluster, watch).await?;
        }
        if wanted.role != Role::Init {
            watch.progress("making its bootstrap token");
        }
        let now = self.clusters.now();
        let made = registration::create(&cluster.rest, &cluster.keys, &wanted, now).await;
        made.map_err(|error| match error {
            RegistrationError::Api(error) => error.changing(),
            other => ProviderError::own("NoClusterKeys", other.to_string(), Outcome::Nothing),
        })?;
        Ok(body)
    }
}
