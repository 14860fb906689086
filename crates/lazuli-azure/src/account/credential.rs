//! Credentials: from configuration to something that mints tokens.

use std::path::PathBuf;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, HttpClient, RetryOptions, Transport};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use time::OffsetDateTime;

use super::certificate::{CertificateError, Signer, SigningCertificate};
use super::{Account, Secret};

/// How to sign in.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An application with a client secret.
    ClientSecret {
        /// The application (client) id.
        client_id: String,
        /// The secret's value, not its id.
        secret: Secret,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// The application (client) id.
        client_id: String,
        /// The private key, PEM, with the certificate unless that is given apart.
        pem: Secret,
        /// The certificate, PEM.
        certificate: Option<Vec<u8>>,
    },
    /// A Kubernetes service account, or another issuer, that Entra trusts.
    WorkloadIdentity {
        /// The application (client) id; else `AZURE_CLIENT_ID`.
        client_id: Option<String>,
        /// The file with the token; else `AZURE_FEDERATED_TOKEN_FILE`.
        token_file: Option<PathBuf>,
    },
    /// The identity of the machine Lazuli runs on.
    ManagedIdentity(Option<UserAssigned>),
    /// Who is signed in to the Azure CLI.
    AzureCli,
    /// The Azure CLI, else the Azure Developer CLI.
    DeveloperTools,
}

/// Which of a machine's identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAssigned {
    /// By client id.
    ClientId(String),
    /// By object id.
    ObjectId(String),
    /// By resource id.
    ResourceId(String),
}

/// Why a credential cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Something it needs is not configured.
    #[error("the cloud account has no `tenant_id`, which signing in as an application needs")]
    NoTenant,
    /// The client certificate.
    #[error("the client certificate cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// The identity library refuses it.
    #[error("the credential cannot be used: {0}")]
    Refused(String),
}

/// Makes what mints the account's tokens.
pub(crate) fn token_credential(
    account: &Account,
    http: &Arc<dyn HttpClient>,
) -> Result<Arc<dyn TokenCredential>, CredentialError> {
    let tenant = || account.tenant_id.clone().ok_or(CredentialError::NoTenant);
    let client_options = client_options(account, http);
    Ok(match &account.credential {
        Credential::ClientSecret { client_id, secret } => ClientSecretCredential::new(
            &tenant()?,
            client_id.clone(),
            secret.reveal().to_owned().into(),
            Some(ClientSecretCredentialOptions { client_options }),
        )
        .map_err(refused)?,
        Credential::ClientCertificate { client_id, pem, certificate } => {
            let (private, public) = (pem.reveal().as_bytes(), certificate.as_deref());
            let certificate = SigningCertificate::read(private, public, OffsetDateTime::now_utc())?;
            let tenant = tenant()?;
            let authority = account.cloud.endpoints().authority;
            let audience = authority
                .join(&format!("/{tenant}/oauth2/v2.0/token"))
                .map_err(|error| CredentialError::Refused(error.to_string()))?;
            let signer = Signer { certificate, client_id: client_id.clone(), audience: audience.to_string() };
            let options = ClientAssertionCredentialOptions { client_options };
            ClientAssertionCredential::new(tenant, client_id.clone(), signer, Some(options))
                .map_err(refused)?
        }
        Credential::WorkloadIdentity { client_id, token_file } => {
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: client_id.clone(),
                tenant_id: account.tenant_id.clone(),
                token_file_path: token_file.clone(),
            }))
            .map_err(refused)?
        }
        Credential::ManagedIdentity(which) => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: which.clone().map(|which| match which {
                    UserAssigned::ClientId(id) => UserAssignedId::ClientId(id),
                    UserAssigned::ObjectId(id) => UserAssignedId::ObjectId(id),
                    UserAssigned::ResourceId(id) => UserAssignedId::ResourceId(id),
                }),
                client_options,
            }))
            .map_err(refused)?
        }
        Credential::AzureCli => AzureCliCredential::new(Some(AzureCliCredentialOptions {
            tenant_id: account.tenant_id.clone(),
            ..Default::default()
        }))
        .map_err(refused)?,
        Credential::DeveloperTools => DeveloperToolsCredential::new(None).map_err(refused)?,
    })
}

fn refused(error: azure_core::Error) -> CredentialError {
    CredentialError::Refused(error.to_string())
}

/// A token request is small and idempotent: a few quick retries by the library are right here.
fn client_options(account: &Account, http: &Arc<dyn HttpClient>) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = account.cloud.endpoints().authority.to_string();
    ClientOptions {
        transport: Some(Transport::new(Arc::clone(http))),
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            max_retries: 3,
            max_total_elapsed: Duration::seconds(10),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use azure_core::http::headers::{HeaderName, Headers};
    use azure_core::http::{AsyncRawResponse, HttpClient, Request};

    use super::{Credential, Secret, UserAssigned, token_credential};

    /// The metadata service of a machine in Azure: notes what it is asked, and gives a token.
    #[derive(Debug, Default)]
    struct MetadataService(Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl HttpClient for MetadataService {
        async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
            let metadata = request.headers().get_optional_string(&HeaderName::from_static("metadata"));
            let asked = format!("{} {}\nmetadata: {metadata:?}", request.method(), request.url());
            self.0.lock().unwrap().push(asked);
            let token = r#"{"access_token": "t", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}"#;
            Ok(AsyncRawResponse::from_bytes(200.into(), Headers::new(), token))
        }
    }

    #[tokio::test]
    async fn a_machine_asks_its_metadata_service_for_the_token_of_its_identity() {
        for (which, names) in [
            (None, ""),
            (Some(UserAssigned::ClientId("app".to_owned())), "&client_id=app"),
            (Some(UserAssigned::ObjectId("object".to_owned())), "&object_id=object"),
            (Some(UserAssigned::ResourceId("identity".to_owned())), "&msi_res_id=identity"),
        ] {
            let account = crate::Account {
                credential: Credential::ManagedIdentity(which),
                ..crate::scripted::account()
            };
            let service = Arc::new(MetadataService::default());
            let http: Arc<dyn HttpClient> = service.clone();
            let credential = token_credential(&account, &http).unwrap();
            let scope = "https://management.azure.com/.default";
            assert_eq!(credential.get_token(&[scope], None).await.unwrap().token.secret(), "t");
            let asked = service.0.lock().unwrap().join("\n");
            let url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com";
            assert_eq!(asked, format!("GET {url}{names}\nmetadata: Some(\"true\")"));
        }
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let credential = Credential::ClientSecret { client_id: "app".into(), secret: Secret::new("hunter2") };
        let shown = format!("{credential:?}");
        assert!(shown.contains("app") && !shown.contains("hunter2"), "{shown}");
        let certificate = Credential::ClientCertificate {
            client_id: "app".into(),
            pem: Secret::new("-----BEGIN"),
            certificate: None,
        };
        assert!(!format!("{certificate:#?}").contains("BEGIN"));
    }
}
