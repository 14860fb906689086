//! Asks Azure what the checks need: each question once, many at a time, their number bound by types, regions and groups.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use lazuli_azure::AzureProvider;
use lazuli_azure::checks::Subscription;
use lazuli_azure::preflight::policy::Planned;
use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::access::{self, Grants, Place};
use super::addresses::Objects;
use super::capabilities::{ImagesOf, image_of};
use super::denials::DenyAssignments;
use super::locks::{self, Locks};
use super::names::{self, Name, Names};
use super::places::{self, Networks, Regions};
use super::policy::{self, Restrictions};
use super::quotas::{self, Usages};
use super::registration::{self, Namespace};
use super::sizes::{self, MACHINES, SizesOf};
use super::terms::{self, Terms};
use super::work::Works;
use crate::clouds::Clouds;

/// So many rights on single objects are looked up at most, for those whose group does not grant them.
const OBJECTS: usize = 20;

/// What Azure answered.
#[derive(Debug, Default)]
pub struct Answers {
    /// Subscriptions by account.
    pub subscriptions: BTreeMap<Arc<str>, Result<Subscription, ProviderError>>,
    /// Registered namespaces.
    pub registrations: BTreeMap<Namespace, Result<String, ProviderError>>,
    /// Rights in groups, and on objects where those did not suffice.
    pub grants: Grants,
    /// Deny assignments.
    pub deny_assignments: DenyAssignments,
    /// Terms of the marketplace.
    pub terms: Terms,
    /// Quotas.
    pub usages: Usages,
    /// VM sizes.
    pub sizes: SizesOf,
    /// Images.
    pub images: ImagesOf,
    /// Names.
    pub names: Names,
    /// Locks.
    pub locks: Locks,
    /// Policies.
    pub policies: Restrictions,
    /// Networks to be joined that nobody has looked at.
    pub networks: Networks,
    /// Regions of accounts.
    pub regions: Regions,
    /// How many requests it took.
    pub requests: usize,
}

/// Asks everything that the steps make worth asking.
pub async fn ask(works: &Works, objects: &Objects, clouds: &Clouds, parallel: usize) -> Answers {
    let asker = Asker { clouds, permits: Arc::new(Semaphore::new(parallel.max(1))) };
    let needs = access::needed(works);
    let groups: BTreeSet<Place> = needs.iter().map(access::Need::group).collect();
    let accounts: BTreeSet<Arc<str>> = works.all.iter().map(|work| work.account.clone()).collect();
    let images: BTreeSet<_> = works.created(MACHINES).filter_map(image_of).collect();
    let policies = policy::needed(works);
    let bodies: BTreeMap<policy::Alike, (String, String, Json)> = policies
        .into_iter()
        .map(|(key, work)| (key, (work.api_version.to_string(), work.name().to_owned(), work.body.clone())))
        .collect();
    let asked_policies: BTreeSet<policy::Alike> = bodies.keys().cloned().collect();
    let bodies = Arc::new(bodies);

    let account = |account: &Arc<str>| account.clone();
    let (
        subscriptions,
        registrations,
        deny_assignments,
        terms,
        grants,
        usages,
        sizes,
        images,
        names,
        locks,
        policies,
    ) = tokio::join!(
        asker.all(accounts, account, |azure, _| async move { azure.subscription().await }),
        asker.all(
            registration::needed(works),
            |key| key.0.clone(),
            |azure, key| async move { azure.registration(&key.1).await }
        ),
        asker.all(
            groups.clone(),
            |key| key.0.clone(),
            |azure, key| async move { azure.deny_assignments(&key.1).await }
        ),
        asker.all(
            terms::needed(works),
            |key| key.0.clone(),
            |azure, key| async move { azure.terms_accepted(&key.1).await }
        ),
        asker.all(groups, |key| key.0.clone(), |azure, key| async move { azure.granted(&key.1).await }),
        asker.all(
            quotas::regions(works),
            |key| key.0.clone(),
            |azure, key| async move { azure.usages(&key.1).await }
        ),
        asker.all(
            sizes::regions(works).collect(),
            |key| key.0.clone(),
            |azure, key| async move { azure.sizes(&key.1).await }
        ),
        asker.all(
            images,
            |key| key.0.0.clone(),
            |azure, key| async move { azure.image(&key.0.1, &key.1).await }
        ),
        asker.all(
            names::needed(works),
            |key| key.0.clone(),
            |azure, key| async move {
                match key.1 {
                    Name::Label { region, label } => azure.dns_label(&region, &label).await,
                    Name::Storage(name) => azure.storage_account_name(&name).await,
                }
            }
        ),
        asker.all(
            locks::needed(works),
            |key| key.0.clone(),
            |azure, key| async move { azure.locks(&key.1).await }
        ),
        asker.all(
            asked_policies,
            |key| key.account.clone(),
            |azure, key| {
                let bodies = Arc::clone(&bodies);
                async move {
                    let Some((api_version, name, body)) = bodies.get(&key) else { return Ok(Vec::new()) };
                    azure
                        .restrictions(&Planned { group: &key.group, ty: &key.ty, api_version, name, body })
                        .await
                }
            }
        ),
    );
    let mut answers = Answers {
        subscriptions,
        registrations,
        grants,
        deny_assignments,
        terms,
        usages,
        sizes,
        images,
        names,
        locks,
        policies,
        ..Answers::default()
    };
    let account = |account: &Arc<str>| account.clone();
    (answers.networks, answers.regions) = tokio::join!(
        asker.all(
            places::needed(works, objects),
            |key| key.0.clone(),
            |azure, key| async move { azure.has_network(&key.1).await }
        ),
        asker.all(places::unproven(works, &answers.usages), account, |azure, _| async move {
            azure.regions().await
        }),
    );
    let missing = access::missing(&needs, &answers.grants);
    let objects: BTreeSet<Place> =
        missing.iter().filter(|need| need.exists).map(access::Need::object).take(OBJECTS).collect();
    let objects = asker
        .all(objects, |key| key.0.clone(), |azure, key| async move { azure.granted(&key.1).await })
        .await;
    answers.grants.extend(objects);
    answers.requests = answers.count();
    answers
}

impl Answers {
    fn count(&self) -> usize {
        let images = self.images.values().map(|image| image.as_ref().map_or(1, |image| image.requests));
        self.subscriptions.len()
            + self.registrations.len()
            + self.grants.len()
            + self.deny_assignments.len()
            + self.terms.len()
            + 2 * self.usages.len()
            + self.sizes.len()
            + images.sum::<usize>()
            + self.names.len()
            + self.locks.len()
            + self.policies.len()
            + self.networks.len()
            + self.regions.len()
    }
}

struct Asker<'a> {
    clouds: &'a Clouds,
    permits: Arc<Semaphore>,
}

impl Asker<'_> {
    /// The answer to every question.
    async fn all<K, V, F>(
        &self,
        questions: BTreeSet<K>,
        account: impl Fn(&K) -> Arc<str>,
        ask: impl Fn(AzureProvider, K) -> F,
    ) -> BTreeMap<K, Result<V, ProviderError>>
    where
        K: Clone + Ord + Send + 'static,
        V: Send + 'static,
        F: Future<Output = Result<V, ProviderError>> + Send + 'static,
    {
        let mut running = JoinSet::new();
        for question in questions {
            let Some(azure) = self.clouds.provider(&account(&question)).cloned() else { continue };
            let permits = Arc::clone(&self.permits);
            let answer = ask(azure, question.clone());
            running.spawn(async move {
                let _permit = permits.acquire().await;
                (question, answer.await)
            });
        }
        let mut answers = BTreeMap::new();
        while let Some(joined) = running.join_next().await {
            // A question whose task ended without an answer is as good as not asked.
            if let Ok((question, answer)) = joined {
                answers.insert(question, answer);
            }
        }
        answers
    }
}
