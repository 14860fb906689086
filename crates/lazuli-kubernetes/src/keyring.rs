//! The keys of clusters while a run lasts: learned from the state and from what is made, kept in memory only.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use lazuli_core::Json;
use lazuli_core::resource::ResourceId;

use crate::pki::{CertificateAuthority, PkiError, Secret, ServiceAccountKey};

/// The namespace of keys and certificates in ids.
const TLS: &str = "Lazuli.Tls";
/// The namespace of what lives in a cluster's own API.
const KUBERNETES: &str = "Lazuli.Kubernetes";
const CLUSTER_CA: &str = "cluster_ca";
const ETCD_CA: &str = "etcd_ca";
const FRONT_PROXY_CA: &str = "front_proxy_ca";
const SERVICE_ACCOUNT: &str = "service_account";

/// Which cluster: `<subscription>/<resource group>/<name>` in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(String);

impl ClusterId {
    /// The cluster that an object of the providers `tls` and `kubernetes` belongs to; `None` for other ids.
    pub fn of(id: &ResourceId) -> Option<ClusterId> {
        let provider = id.segment("providers")?;
        if !provider.eq_ignore_ascii_case(TLS) && !provider.eq_ignore_ascii_case(KUBERNETES) {
            return None;
        }
        let parts = [id.segment("subscriptions")?, id.resource_group()?, id.segment("clusters")?];
        Some(ClusterId(parts.join("/").to_ascii_lowercase()))
    }

    /// The cluster's name, in lower case.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// `<subscription>/<resource group>/<name>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a cluster's API is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// How a cluster's API is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A connection from this machine.
    Direct,
    /// Azure's Run Command on a control-plane node: the API is private and this machine is not in its network.
    RunCommand,
}

/// What is needed to reach a cluster and to sign for it.
#[derive(Debug, Clone)]
pub struct ClusterKeys {
    /// Where its API is.
    pub server: Server,
    /// How it is reached.
    pub transport: Transport,
    /// The cluster CA.
    pub cluster_ca: CertificateAuthority,
    /// How many steps it was rotated.
    pub cluster_ca_rotation: i64,
    /// The etcd CA, once it is made.
    pub etcd_ca: Option<CertificateAuthority>,
    /// The front-proxy CA, once it is made.
    pub front_proxy_ca: Option<CertificateAuthority>,
    /// How many steps it was rotated.
    pub front_proxy_ca_rotation: i64,
    /// The service account key, once it is made.
    pub service_account: Option<ServiceAccountKey>,
}

/// The keys of all clusters of a run. Clones share what they know.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<RwLock<HashMap<ClusterId, BTreeMap<String, Known>>>>);

/// One object: what is observed of it, the private key apart.
struct Known {
    id: ResourceId,
    observed: Json,
    private_key: Secret,
    /// Of a key that is being rotated, the one that will sign.
    next_private_key: Option<Secret>,
}

impl KeyRing {
    /// Takes in an object of the provider `tls` as it was made or recorded, its secrets in clear. Objects of other
    /// providers, and such without a key, are none of its business.
    pub fn learn(&self, id: &ResourceId, observed: &Json) {
        let tls = id.segment("providers").is_some_and(|provider| provider.eq_ignore_ascii_case(TLS));
        let key = observed.pointer("/properties/privateKey").and_then(Json::as_str);
        let (Some(cluster), Some(key), true) = (ClusterId::of(id), key, tls) else {
            return;
        };
        let private_key = Secret::new(key);
        let next = observed.pointer("/properties/nextPrivateKey").and_then(Json::as_str);
        let next_private_key = next.map(Secret::new);
        let observed = without_keys(observed);
        let known = Known { id: id.clone(), observed, private_key, next_private_key };
        self.write().entry(cluster).or_default().insert(id.name().to_ascii_lowercase(), known);
    }

    /// Forgets an object.
    pub fn forget(&self, id: &ResourceId) {
        if let (Some(cluster), mut clusters) = (ClusterId::of(id), self.write())
            && let Some(objects) = clusters.get_mut(&cluster)
        {
            objects.retain(|_, known| known.id != *id);
        }
    }

    /// What was learned of an object, with its private key in clear.
    pub fn recall(&self, id: &ResourceId) -> Option<Json> {
        let clusters = self.read();
        let known = clusters.get(&ClusterId::of(id)?)?.values().find(|known| known.id == *id)?;
        let mut observed = known.observed.clone();
        observed["properties"]["privateKey"] = known.private_key.expose().into();
        if let Some(next) = &known.next_private_key {
            observed["properties"]["nextPrivateKey"] = next.expose().into();
        }
        Some(observed)
    }

    /// The keys of a cluster; `None` until its cluster CA is known.
    ///
    /// # Errors
    /// When a key in the state cannot be read.
    pub fn read_cluster(&self, cluster: &ClusterId) -> Result<Option<ClusterKeys>, PkiError> {
        let clusters = self.read();
        let Some(objects) = clusters.get(cluster) else { return Ok(None) };
        let authority = |name: &str| objects.get(name).map(Known::authority).transpose();
        let (Some(known), Some(cluster_ca)) = (objects.get(CLUSTER_CA), authority(CLUSTER_CA)?) else {
            return Ok(None);
        };
        let service_account = objects.get(SERVICE_ACCOUNT);
        Ok(Some(ClusterKeys {
            server: known.server()?,
            transport: known.transport(),
            cluster_ca,
            cluster_ca_rotation: known.rotation(),
            etcd_ca: authority(ETCD_CA)?,
            front_proxy_ca: authority(FRONT_PROXY_CA)?,
            front_proxy_ca_rotation: objects.get(FRONT_PROXY_CA).map_or(0, Known::rotation),
            service_account: service_account.map(Known::service_account).transpose()?,
        }))
    }

    /// The keys of a cluster; `None` until its cluster CA is known, or when something in the state is not a key:
    /// [`read_cluster`](Self::read_cluster) tells what.
    pub fn cluster(&self, cluster: &ClusterId) -> Option<ClusterKeys> {
        self.read_cluster(cluster).ok().flatten()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<ClusterId, BTreeMap<String, Known>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<ClusterId, BTreeMap<String, Known>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn property(&self, name: &str) -> Option<&str> {
        self.observed["properties"][name].as_str()
    }

    fn rotation(&self) -> i64 {
        self.observed["properties"]["rotation"].as_i64().unwrap_or(0)
    }

    fn authority(&self) -> Result<CertificateAuthority, PkiError> {
        CertificateAuthority::from_pem(self.property("certificate").unwrap_or(""), self.private_key.expose())
    }

    /// The key that signs, with what checks tokens while it is rotated.
    fn service_account(&self) -> Result<ServiceAccountKey, PkiError> {
        let key = ServiceAccountKey::from_pem(self.private_key.expose())?;
        let others =
            ["nextPublicKey", "previousPublicKey"].into_iter().filter_map(|name| self.property(name));
        Ok(others.fold(key, ServiceAccountKey::trusting))
    }

    fn server(&self) -> Result<Server, PkiError> {
        let text = self.property("server").unwrap_or("");
        let server = text.rsplit_once(':').and_then(|(host, port)| {
            Some(Server { host: host.to_owned(), port: port.parse().ok()? }).filter(|s| !s.host.is_empty())
        });
        server.ok_or_else(|| PkiError::Read {
            what: "the address of the Kubernetes API",
            why: format!("{text:?} is not host:port"),
        })
    }

    fn transport(&self) -> Transport {
        match self.property("transport") {
            Some("run_command") => Transport::RunCommand,
            _ => Transport::Direct,
        }
    }
}

fn without_keys(observed: &Json) -> Json {
    let mut copy = serde_json::Map::new();
    for (name, value) in observed.as_object().into_iter().flatten() {
        let value = match (name.as_str(), value.as_object()) {
            ("properties", Some(properties)) => properties
                .iter()
                .filter(|(name, _)| !["privateKey", "nextPrivateKey"].contains(&name.as_str()))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
            _ => value.clone(),
        };
        copy.insert(name.clone(), value);
    }
    Json::Object(copy)
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}
