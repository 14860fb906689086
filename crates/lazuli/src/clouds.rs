//! Accounts made ready to use: simulators started, providers made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazuli_azure::provider::Throttles;
use lazuli_azure::{Account, AzureProvider, Cloud, Credential, Endpoints, Options, Secret, Trust};
use lazuli_core::provider::{Outcome, Provider, ProviderError};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_core::{Diagnostic, Json};
use lazuli_kubernetes::keyring::ClusterId;
use lazuli_planner::draft::Look;
use lazuli_simulator::{
    Faults, Pace, Profile, RunningSimulator, Seed, SeedFile, SeededGroup, Simulator, SimulatorOptions,
};

use crate::accounts::given::Access;
use crate::accounts::{DeclaredAccount, Environment, Place, Simulated};
use crate::blueprint::Blueprint;
use crate::failure::{Failure, refused};
use crate::inside::{self, Inside, Routes};

/// The accounts of a run, signed in on first use.
pub struct Clouds {
    providers: BTreeMap<Arc<str>, AzureProvider>,
    simulators: Vec<RunningSimulator>,
    /// The accounts whose clusters are on this machine, with the address that the hosts of their APIs lead to.
    here: Vec<(Arc<str>, SocketAddr)>,
    /// The clusters' insides.
    pub inside: Inside,
    /// The names of accounts whose Azure is simulated.
    pub simulated: Vec<Arc<str>>,
    /// What real time is to the expected durations of operations: 1 for Azure.
    pub time_factor: f64,
}

/// What looking at the world gave.
#[derive(Debug, Default)]
pub struct World {
    /// The objects that exist.
    pub objects: HashMap<ResourceId, Json>,
    /// How many requests it took.
    pub requests: usize,
    /// The clusters that could not be asked, and why.
    pub unreachable: Vec<(ClusterId, ProviderError)>,
}

impl Clouds {
    /// Starts the simulators and makes the providers of the accounts that are needed.
    ///
    /// # Errors
    /// When an account lacks something, or a simulator cannot start.
    pub async fn open<'a>(
        accounts: impl IntoIterator<Item = &'a DeclaredAccount>,
        folder: &Path,
        parallel: usize,
        environment: Environment<'_>,
    ) -> Result<Clouds, Failure> {
        let mut clouds = Clouds::with(Inside::over_the_network(Routes::default()));
        let keys = crate::planning::keys(environment);
        let access = Access { environment, keys: &keys };
        let throttles = Throttles::default();
        for declared in accounts {
            let account = match &declared.place {
                Place::Azure(settings) => {
                    settings.account(&declared.name, access).map_err(|problem| Failure::of(*problem))?
                }
                Place::NotFound(problem) => return Err(Failure::of((**problem).clone())),
                Place::Simulated(simulated) => {
                    clouds.simulate(&declared.name, simulated, folder, environment).await?
                }
            };
            // Runs at the same time should not wait in step.
            let options = Options {
                parallel,
                seed: u64::from(std::process::id()),
                throttles: throttles.clone(),
                ..Options::default()
            };
            let provider = AzureProvider::new(&account, options).map_err(|error| {
                let message = format!("cloud account `{}` cannot be used: {error}", declared.name);
                let registered = match &declared.place {
                    Place::Azure(settings) => settings.registered.as_deref(),
                    _ => None,
                };
                let problem = Diagnostic::error("LZ0240", message);
                Failure::of(match registered {
                    Some(name) => problem.help(format!(
                        "`lazuli account show {name}` says what is registered, `lazuli account edit {name}` changes it"
                    )),
                    None => problem,
                })
            })?;
            clouds.here.extend(loopback(&account.cloud).map(|address| (declared.name.clone(), address)));
            let is_here = loopback(&account.cloud).is_some();
            let time_factor = match clouds.simulated.contains(&declared.name) {
                true => clouds.time_factor,
                false => {
                    if is_here {
                        0.0
                    } else {
                        1.0
                    }
                }
            };
            clouds.inside.has(&provider, time_factor);
            clouds.providers.insert(declared.name.clone(), provider);
        }
        Ok(clouds)
    }

    /// Accounts whose providers are made already.
    pub fn of(providers: impl IntoIterator<Item = (Arc<str>, AzureProvider)>, inside: Inside) -> Clouds {
        let mut clouds = Clouds::with(inside);
        clouds.providers.extend(providers);
        clouds.providers.values().for_each(|provider| clouds.inside.has(provider, 1.0));
        clouds
    }

    fn with(inside: Inside) -> Clouds {
        Clouds {
            providers: BTreeMap::new(),
            simulators: Vec::new(),
            here: Vec::new(),
            inside,
            simulated: Vec::new(),
            time_factor: 1.0,
        }
    }

    /// Takes in what the state holds of clusters: their keys, and where the simulated ones are.
    pub fn learn(&self, recorded: &RecordedWorld) {
        self.inside.learn(recorded);
        for (account, address) in &self.here {
            self.inside.simulated_before(recorded, account, *address);
        }
    }

    /// Lets the hosts of simulated clusters lead to their simulator.
    pub fn expect(&self, blueprint: &Blueprint) {
        blueprint.clusters().for_each(|cluster| self.inside.expect(cluster));
        for (account, address) in &self.here {
            let clusters: Vec<_> = blueprint.clusters().filter(|c| c.cluster.account == *account).collect();
            self.inside.simulated(&clusters, *address);
        }
    }

    async fn simulate(
        &mut self,
        name: &Arc<str>,
        simulated: &Simulated,
        folder: &Path,
        environment: Environment<'_>,
    ) -> Result<Account, Failure> {
        let running = Simulator::start(options(name, simulated, folder, environment)?).await?;
        let account = account_of(&running)
            .map_err(|error| Failure::of(Diagnostic::error("LZ3002", error.to_string())))?;
        self.time_factor = match simulated.profile {
            Profile::Instant => 0.0,
            Profile::Fast => 0.05,
            Profile::Realistic | Profile::Hostile => 1.0,
        };
        self.simulated.push(name.clone());
        self.simulators.push(running);
        Ok(account)
    }

    /// The provider of an account.
    pub fn provider(&self, account: &str) -> Option<&AzureProvider> {
        self.providers.get(account)
    }

    /// The looks whose resource group exists: with a group that somebody deleted, everything in it is gone.
    ///
    /// # Errors
    /// When Azure cannot be asked.
    pub async fn in_existing_groups(&self, mut looks: Vec<Look>) -> Result<Vec<Look>, Failure> {
        let group =
            |look: &Look| Some((look.account.clone(), look.wanted.id.resource_group()?.to_lowercase()));
        let groups: BTreeSet<(Arc<str>, String)> = looks.iter().filter_map(group).collect();
        for (account, name) in groups {
            let Some(provider) = self.providers.get(&account) else { continue };
            match provider.resource_group(&name).await {
                Err(error) if error.code == "ResourceGroupNotFound" => {
                    looks.retain(|look| group(look).as_ref() != Some(&(account.clone(), name.clone())));
                }
                Err(error) => {
                    return Err(Failure::of(refused(&format!("reading the resource group {name}"), &error)));
                }
                Ok(_) => {}
            }
        }
        Ok(looks)
    }

    /// Looks at objects, one account after the other. Of clusters that never answered nothing is asked: what is to be in
    /// them does not exist. One that does not answer now, whatever the reason, is taken to be as it is recorded, and named
    /// as unreachable: an API server without its etcd answers, and has nothing to say. `wanted` are the ids of what is to
    /// be.
    ///
    /// # Errors
    /// When Azure cannot be asked.
    pub async fn look(
        &self,
        looks: Vec<Look>,
        recorded: &RecordedWorld,
        wanted: &HashSet<&ResourceId>,
    ) -> Result<World, Failure> {
        let mut by_account: BTreeMap<(ProviderName, Arc<str>, Option<ClusterId>), Vec<_>> = BTreeMap::new();
        let (answering, finished) = (inside::answers(recorded), inside::finished(recorded));
        let mut world = World::default();
        for look in looks {
            let cluster = match look.provider {
                ProviderName::Kubernetes => ClusterId::of(&look.wanted.id),
                ProviderName::Azure | ProviderName::Tls => None,
            };
            match &cluster {
                Some(cluster) if !answering.contains(cluster) => {
                    // the first registration leaves no trace until the cluster answers
                    let object = finished.get(&look.wanted.id).map(|object| (*object).clone());
                    world.objects.extend(object.map(|object| (look.wanted.id, object)));
                }
                _ => by_account.entry((look.provider, look.account, cluster)).or_default().push(look.wanted),
            }
        }
        for ((provider, account, cluster), sought) in &by_account {
            let answer = match (provider, self.providers.get(account)) {
                (ProviderName::Azure, Some(provider)) => provider.observe(sought).await,
                (ProviderName::Azure, None) => Err(ProviderError::own(
                    "NoAccount",
                    "the account is not declared any more",
                    Outcome::Nothing,
                )),
                (ProviderName::Tls, _) => self.inside.tls.observe(sought).await,
                (ProviderName::Kubernetes, _) => self.inside.kubernetes.observe(sought).await,
            };
            let found = match (answer, cluster) {
                (Ok(found), _) => found,
                (Err(error), Some(cluster)) => {
                    let believed = inside::believed(recorded, wanted);
                    let as_recorded = |id: &ResourceId| Some((id.clone(), (*believed.get(id)?).clone()));
                    world.objects.extend(sought.iter().filter_map(|sought| as_recorded(&sought.id)));
                    world.unreachable.push((cluster.clone(), error));
                    continue;
                }
                (Err(error), None) => {
                    let doing = format!("looking at what exists (cloud_account.{account})");
                    return Err(Failure::of(refused(&doing, &error)));
                }
            };
            world.requests += found.requests;
            world.objects.extend(found.objects);
        }
        Ok(world)
    }

    /// Stops the simulators, their worlds compacted.
    pub async fn close(self) {
        for simulator in self.simulators {
            simulator.shutdown().await;
        }
    }
}

/// Where an Azure on this machine is. Such a one is simulated, by this process or by `lazuli simulator serve`, and serves
/// the APIs of its clusters at the same port: no name service knows their hosts.
pub(crate) fn loopback(cloud: &Cloud) -> Option<SocketAddr> {
    let Cloud::Custom(Endpoints { resource_manager, .. }) = cloud else { return None };
    let ip = match resource_manager.host()? {
        url::Host::Domain("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        url::Host::Domain(_) => return None,
        url::Host::Ipv4(ip) => IpAddr::V4(ip),
        url::Host::Ipv6(ip) => IpAddr::V6(ip),
    };
    let port = resource_manager.port_or_known_default()?;
    ip.is_loopback().then(|| SocketAddr::new(ip, port))
}

/// The account of a simulated Azure.
///
/// # Errors
/// When its address is none.
pub fn account_of(running: &RunningSimulator) -> Result<Account, url::ParseError> {
    let endpoint = url::Url::parse(&running.endpoint())?;
    let credentials = running.credentials();
    Ok(Account {
        subscription_id: credentials.subscription.clone(),
        tenant_id: Some(credentials.tenant.clone()),
        cloud: Cloud::Custom(Endpoints {
            authority: endpoint.clone(),
            resource_manager: endpoint,
            audience: running.endpoint(),
        }),
        credential: Credential::ClientSecret {
            client_id: credentials.client_id.clone(),
            secret: Secret::new(credentials.client_secret.clone()),
        },
        trust: Trust::Only(running.ca_pem().as_bytes().to_vec()),
    })
}

/// Where the world of a simulated account is kept.
pub(crate) fn world_of(account: &str, folder: &Path) -> PathBuf {
    folder.join(format!("simulator-{account}.world"))
}

fn options(
    name: &str,
    simulated: &Simulated,
    folder: &Path,
    environment: Environment<'_>,
) -> Result<SimulatorOptions, Failure> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::of(Diagnostic::error("LZ3002", format!("{} cannot be used: {error}", path.display())))
    };
    let mut seed_file = match &simulated.seed_world {
        Some(path) => SeedFile::read(path).map_err(|error| unreadable(path, &error))?,
        None => SeedFile::default(),
    };
    let group = |(name, location): &(String, String)| SeededGroup {
        name: name.clone(),
        location: location.clone(),
        tags: Default::default(),
    };
    seed_file.resource_groups.extend(simulated.groups.iter().map(group));
    let faults = match environment("LAZULI_SIMULATOR_FAULTS").map(PathBuf::from) {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            Faults::parse(&text).map_err(|error| unreadable(&path, &error))?
        }
        None => Faults::default(),
    };
    Ok(SimulatorOptions {
        pace: Pace { profile: simulated.profile, ..Pace::default() },
        seed: simulated.seed,
        world: Some(world_of(name, folder)),
        seed_world: Seed { world: seed_file, ..Seed::default() },
        faults,
        record: environment("LAZULI_SIMULATOR_RECORD").map(PathBuf::from),
        record_answers: environment("LAZULI_SIMULATOR_ANSWERS").map(PathBuf::from),
        ..SimulatorOptions::default()
    })
}
