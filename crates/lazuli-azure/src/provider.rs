//! The provider: [`lazuli_core::provider::Provider`] on Azure Resource Manager.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::policies::Policy;
use azure_core::http::{HttpClient, Method};
use lazuli_core::Json;
use lazuli_core::kind::Kind;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Observation, Outcome, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use url::Url;

use crate::account::{Account, Bearer, CredentialError, token_credential};
use crate::arm::operation::{self, End, Object, Pace, Wait};
use crate::arm::{Answer, ArmClient, Call, Failure, Purpose, Silent, Tell};
use crate::merge::{says_the_same, strip_read_only, update_body};
use crate::refresh::{self, named, named_group};
use crate::transport::{self, HostOverrides, Transport, TransportSetupError};
use crate::{arm, kinds};

pub use crate::arm::{Patience, Throttles};

/// How often a conditional write is tried when somebody else keeps changing the object.
const CONFLICTS: u32 = 5;

/// What may be set for a provider.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long requests are tried again.
    pub patience: Patience,
    /// Where the small random part of waits starts from.
    pub seed: u64,
    /// How many refresh requests run at a time.
    pub parallel: usize,
    /// Host names that lead somewhere else.
    pub hosts: HostOverrides,
    /// What Azure allows, shared by all providers that are given the same.
    pub throttles: Throttles,
    /// After how long without a byte an answer counts as lost.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            patience: Patience::default(),
            seed: 0,
            parallel: 16,
            hosts: HostOverrides::default(),
            throttles: Throttles::default(),
            silence: transport::SILENCE,
        }
    }
}

/// Why a provider cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The HTTP client.
    #[error(transparent)]
    Transport(#[from] TransportSetupError),
    /// The credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// Azure, seen through one account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AzureProvider {
    pub(crate) arm: Arc<ArmClient>,
    pub(crate) subscription_id: Arc<str>,
    pub(crate) patience: Patience,
    /// What mints the tokens, and what for.
    pub(crate) credential: Arc<dyn TokenCredential>,
    pub(crate) audience: Arc<str>,
    /// For addresses that carry their own permission.
    pub(crate) http: Arc<dyn HttpClient>,
    parallel: usize,
}

impl AzureProvider {
    /// Makes the provider of an account. Nothing is sent yet.
    ///
    /// # Errors
    /// When the account's credential or certificate authority cannot be used.
    pub fn new(account: &Account, options: Options) -> Result<Self, SetupError> {
        let endpoints = account.cloud.endpoints();
        let direct = endpoints.resource_manager.host_str().is_some_and(arm::is_loopback);
        let http: Arc<dyn HttpClient> =
            Arc::new(Transport::new(&account.trust, options.hosts.clone(), direct, options.silence)?);
        let (owner, client) = (account.clone(), Arc::clone(&http));
        let credential = token_credential(account, &http)?;
        let make = move || token_credential(&owner, &client);
        let bearer = Bearer::new(Arc::clone(&credential), make, scope(account));
        Ok(Self::assemble(account, options, http, credential, Arc::new(bearer)))
    }

    /// The provider on another HTTP client and credential, for a simulated Azure without sockets. A client's errors are
    /// [`TransportError`](crate::transport::TransportError)s, see there.
    pub fn with(
        account: &Account,
        options: Options,
        http: Arc<dyn HttpClient>,
        credential: Arc<dyn TokenCredential>,
    ) -> Self {
        let again = Arc::clone(&credential);
        let bearer = Bearer::new(Arc::clone(&credential), move || Ok(Arc::clone(&again)), scope(account));
        Self::assemble(account, options, http, credential, Arc::new(bearer))
    }

    fn assemble(
        account: &Account,
        options: Options,
        http: Arc<dyn HttpClient>,
        credential: Arc<dyn TokenCredential>,
        bearer: Arc<dyn Policy>,
    ) -> Self {
        let endpoints = account.cloud.endpoints();
        let throttle = options.throttles.of(&endpoints.resource_manager, &account.subscription_id);
        let arm =
            ArmClient::new(Arc::clone(&http), bearer, &endpoints, options.patience, options.seed, throttle);
        AzureProvider {
            arm: Arc::new(arm),
            subscription_id: account.subscription_id.as_str().into(),
            patience: options.patience,
            credential,
            audience: endpoints.audience.into(),
            http,
            parallel: options.parallel,
        }
    }

    /// The account's subscription.
    pub fn subscription_id(&self) -> &str {
        &self.subscription_id
    }

    pub(crate) fn object(&self, ty: &ResourceType, id: &ResourceId) -> Url {
        self.arm.url(id.as_str(), &ty.api_version, &[])
    }

    /// The object, `None` when it does not exist. `purpose` says whether it must be there already.
    pub(crate) async fn get(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        purpose: Purpose,
        tell: &dyn Tell,
    ) -> Result<Option<Answer>, ProviderError> {
        match self.arm.send(Call::get(self.object(ty, id), purpose), tell).await {
            Ok(answer) => Ok(Some(answer)),
            Err((Failure::Refused(refusal), _)) if refusal.says_absent() => Ok(None),
            Err((failure, uncertain)) => Err(named_group(failure.into_error(false, uncertain), id.as_str())),
        }
    }

    async fn create(&self, put: &Put<'_>, watch: &dyn Watch) -> Result<Json, ProviderError> {
        let call = Call {
            method: Method::Put,
            url: self.object(put.ty, put.id),
            body: Some(put.body),
            if_match: None,
            purpose: Purpose::Write,
        };
        match self.arm.send(call, &watch).await {
            Ok(answer) => self.settle(put, answer, watch).await,
            Err((failure, uncertain)) => Err(self.write_failed(put.ty, put.id, failure, uncertain).await),
        }
    }

    /// A fresh read, the merge, a conditional write; again when somebody changed the object in between.
    async fn update(&self, put: &Put<'_>, watch: &dyn Watch) -> Result<Json, ProviderError> {
        let kind = kinds::by_name(&put.ty.name);
        let mut conflict = None;
        for _ in 0..CONFLICTS {
            let Some(fresh) = self.get(put.ty, put.id, Purpose::Read, &watch).await? else {
                return Err(vanished(kind, put.id));
            };
            let etag = fresh.body.get("etag").and_then(Json::as_str).map(str::to_owned);
            let mut unchanged = fresh.body.clone();
            strip_read_only(kind, &mut unchanged);
            let body = update_body(kind, fresh.body.clone(), put.body, put.previous);
            // What failed is sent again although nothing differs: that is how Azure is made to try once more.
            let failed = fresh
                .provisioning_state()
                .is_some_and(|s| !operation::is_running(s) && !s.eq_ignore_ascii_case("succeeded"));
            if says_the_same(&body, &unchanged) && !failed {
                return self.settle(put, fresh, watch).await;
            }
            let call = Call {
                method: Method::Put,
                url: self.object(put.ty, put.id),
                body: Some(&body),
                if_match: etag.as_deref(),
                purpose: Purpose::Write,
            };
            match self.arm.send(call, &watch).await {
                Ok(answer) => return self.settle(put, answer, watch).await,
                Err((Failure::Refused(refusal), uncertain)) if refusal.status == Some(412) => {
                    watch.progress("somebody else changed it just now; reading it again");
                    conflict = Some((refusal, uncertain));
                }
                Err((failure, uncertain)) => {
                    return Err(self.write_failed(put.ty, put.id, failure, uncertain).await);
                }
            }
        }
        Err(match conflict {
            Some((refusal, uncertain)) => Failure::Refused(refusal).into_error(true, uncertain),
            None => vanished(kind, put.id),
        }
        .advise("Something else keeps writing this object; find out what (activity log), then apply again."))
    }

    /// Waits for the end of an accepted write and reads the object, whose etag only then is the lasting one.
    async fn settle(
        &self,
        put: &Put<'_>,
        accepted: Answer,
        watch: &dyn Watch,
    ) -> Result<Json, ProviderError> {
        let (ty, id) = (put.ty, put.id);
        let kind = kinds::by_name(&ty.name);
        let (doing, expected) = match put.operation {
            Operation::Update => ("updating", kind.expected.update),
            _ => ("creating", kind.expected.create),
        };
        let running =
            accepted.provisioning_state().is_some_and(operation::is_running) || accepted.status == 202;
        let own;
        let address = match operation::address(&accepted) {
            Some(address) => Some(address),
            None if running => {
                own = self.object(ty, id).to_string();
                Some(own.as_str())
            }
            None => None,
        };
        if let Some(address) = address {
            watch.progress(&format!("{} {doing}", kind.title));
            let object = Object { url: self.object(ty, id), end: End::Settled };
            self.arm
                .follow(&accepted, address, Pace::of(&ty.name, expected), &object, watch)
                .await
                .map_err(|error| left_behind(error, kind))?;
        } else if accepted.body.is_object() {
            return checked(accepted, kind).map(|body| named(body, id));
        }
        let unread = |mut error: ProviderError| {
            error.outcome = Outcome::Unknown;
            error
        };
        match self.get(ty, id, Purpose::ReadAfterCreate, &watch).await.map_err(unread)? {
            Some(answer) => checked(answer, kind).map(|body| named(body, id)),
            None => Err(ProviderError::own(
                "NotVisible",
                format!("Azure said the {} is done, but it cannot be found", kind.title),
                Outcome::Unknown,
            )
            .advise("Wait a minute and apply again; if it stays away, somebody deleted it.")),
        }
    }

    /// The error of a write that was not accepted. Where it may have acted, the object is read so that people know.
    async fn write_failed(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        failure: Failure,
        uncertain: bool,
    ) -> ProviderError {
        let mut error = named_group(failure.into_error(true, uncertain), id.as_str());
        if error.outcome == Outcome::Unknown {
            error.message.push_str(match self.get(ty, id, Purpose::Read, &Silent).await {
                Ok(Some(answer)) if answer.provisioning_state().is_some_and(operation::is_running) => {
                    "; the object exists and Azure is working on it"
                }
                Ok(Some(_)) => "; an object with this id exists",
                Ok(None) => "; the object does not exist so far",
                Err(_) => "; whether the object exists cannot be read either",
            });
            error
                .advice
                .get_or_insert_with(|| "Apply again: Lazuli reads the object and goes on from there.".into());
        }
        error
    }
}

#[async_trait::async_trait]
impl Provider for AzureProvider {
    async fn observe(&self, wanted: &[Wanted]) -> Result<Observation, ProviderError> {
        refresh::observe(&self.arm, wanted, self.parallel).await
    }

    async fn read(&self, ty: &ResourceType, id: &ResourceId) -> Result<Option<Json>, ProviderError> {
        Ok(self.get(ty, id, Purpose::Read, &Silent).await?.map(|answer| named(answer.body, id)))
    }

    async fn put(&self, request: Put<'_>, watch: &dyn Watch) -> Result<Json, ProviderError> {
        match request.operation {
            Operation::Create => self.create(&request, watch).await,
            Operation::Update => self.update(&request, watch).await,
            Operation::Delete | Operation::Read => {
                Err(ProviderError::own("Internal", "a put must create or update", Outcome::Nothing))
            }
        }
    }

    async fn delete(
        &self,
        ty: &ResourceType,
        id: &ResourceId,
        watch: &dyn Watch,
    ) -> Result<(), ProviderError> {
        self.remove(ty, id, watch).await
    }

    async fn resume(&self, url: &str, watch: &dyn Watch) -> Result<(), ProviderError> {
        let trusted = self.arm.trusted(url)?;
        let pace = Pace::of_address(&trusted);
        match self.arm.poll(trusted, Wait::NONE, pace, None, watch).await {
            Ok(_) => Ok(()), // well or badly: the object says what came of it
            Err(error) if error.code == operation::GONE => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What tokens are asked for.
fn scope(account: &Account) -> String {
    format!("{}/.default", account.cloud.endpoints().audience.trim_end_matches('/'))
}

/// The object's body, unless it says that it failed.
fn checked(answer: Answer, kind: &Kind) -> Result<Json, ProviderError> {
    match answer.provisioning_state() {
        Some(state) if !operation::is_running(state) && !state.eq_ignore_ascii_case("succeeded") => {
            let state = state.to_owned();
            Err(left_behind(operation::ended(&answer, &state), kind))
        }
        _ => Ok(answer.body),
    }
}

/// After an operation that failed, an unfinished object may be left.
fn left_behind(mut error: ProviderError, kind: &Kind) -> ProviderError {
    if error.code != operation::GONE && error.advice.is_none() {
        error.advice = Some(
            format!(
                "The {} may exist unfinished; applying again reads it and repairs or replaces it.",
                kind.title
            )
            .into(),
        );
    }
    error
}

fn vanished(kind: &Kind, id: &ResourceId) -> ProviderError {
    ProviderError::own(
        "NotFound",
        format!("the {} `{}` no longer exists", kind.title, id.name()),
        Outcome::Nothing,
    )
    .advise("Somebody deleted it since the plan was made: plan again.")
}

#[cfg(test)]
mod tests;
