//! Entra: tokens, and the documents by which clients find their way.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use super::{Call, prices};
use crate::error::ArmError;
use crate::request::{Body, Method, Request, Response};
use crate::seed::Application;
use crate::world::World;
use crate::{assertion, ids, json, random};

const TOKEN_SECONDS: u64 = 3599;

/// Whom a token is for: Azure Resource Manager, unless storage is asked for.
const MANAGEMENT: &str = "https://management.azure.com/";
const STORAGE: &str = "https://storage.azure.com";

/// Answers what needs no token; `None` for everything else.
pub(super) fn handle(world: &mut World, call: &Call<'_>) -> Option<Response> {
    let request = call.request;
    let path = request.path.trim_end_matches('/');
    let base = request.base();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    Some(match (request.method, segments.as_slice()) {
        (Method::Get, ["metadata", "endpoints"]) => {
            metadata(&base, request.query("api-version").unwrap_or(""))
        }
        (Method::Get, ["common", "discovery", "instance"]) => Response::json(
            200,
            json!({
                "tenant_discovery_endpoint": format!("{base}/{}/v2.0/.well-known/openid-configuration", world.identity.tenant),
                "api-version": "1.1",
                "metadata": [{ "preferred_network": base.trim_start_matches("https://"), "preferred_cache": base.trim_start_matches("https://"), "aliases": [base.trim_start_matches("https://")] }],
            }),
        ),
        (Method::Get, [tenant, .., ".well-known", "openid-configuration"]) => {
            Response::json(200, openid(&base, tenant))
        }
        (Method::Post, [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"]) => {
            token(world, call, tenant)
        }
        (Method::Get, ["metadata", "identity", "oauth2", "token"] | ["msi", "token"]) => {
            managed_identity(world, call)
        }
        (Method::Get, ["api", "retail", "prices"]) => prices::list(call),
        (Method::Get, ["serial-console", ..]) => {
            let id = path.trim_start_matches("/serial-console");
            let console = world.get(&ids::key(id)).and_then(|machine| machine.machine.as_ref());
            console.map_or_else(
                || Response::empty(404),
                |machine| Response::new(200, Body::Text(machine.console.join("\n") + "\n")),
            )
        }
        _ => return None,
    })
}

fn metadata(base: &str, version: &str) -> Response {
    let entry = json!({
        "name": "LazuliSimulator",
        "resourceManager": base,
        "authentication": {
            "loginEndpoint": base, "audiences": [format!("{base}/"), base], "tenant": "common", "identityProvider": "AAD",
        },
        "portal": base,
        "gallery": base,
        "graph": base,
        "graphAudience": base,
        "batch": base,
        "media": base,
        "sqlManagement": base,
        "vmImageAliasDoc": base,
        "activeDirectoryDataLake": base,
        "microsoftGraphResourceId": format!("{base}/"),
        "appInsightsResourceId": base,
        "logAnalyticsResourceId": base,
        "suffixes": {
            "storage": "core.windows.net", "keyVaultDns": "vault.azure.net", "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io", "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        },
    });
    // Older versions answer with a list of clouds.
    let is_list = version < "2022-01-01";
    Response::json(200, if is_list { json!([entry]) } else { entry })
}

fn openid(base: &str, tenant: &str) -> Value {
    json!({
        "issuer": format!("{base}/{tenant}/v2.0"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

fn token(world: &mut World, call: &Call<'_>, tenant: &str) -> Response {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&call.request.body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let identity = &world.identity;
    let refuse = |status: u16, error: &str, code: u32, message: String| {
        Response::json(
            status,
            json!({
                "error": error,
                "error_description": format!("AADSTS{code}: {message} Timestamp: {}", super::rfc3339(call.now)),
                "error_codes": [code],
                "timestamp": super::rfc3339(call.now),
            }),
        )
    };
    if !tenant.eq_ignore_ascii_case(&identity.tenant) && !matches!(tenant, "common" | "organizations") {
        return refuse(
            400,
            "invalid_request",
            90002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
            ),
        );
    }
    if field("grant_type") != "client_credentials" {
        return refuse(
            400,
            "unsupported_grant_type",
            70003,
            "The app requested an unsupported grant type.".to_owned(),
        );
    }
    let client = field("client_id");
    let own = Application {
        client_id: identity.client_id.clone(),
        client_secret: Some(identity.client_secret.clone()),
        secret_expired: false,
        certificates: Vec::new(),
    };
    let mut known = std::iter::once(&own).chain(&world.applications);
    let Some(application) = known.find(|known| client.eq_ignore_ascii_case(&known.client_id)) else {
        return refuse(
            400,
            "unauthorized_client",
            700_016,
            format!("Application with identifier '{client}' was not found in the directory '{tenant}'."),
        );
    };
    let assertion = field("client_assertion");
    let has_assertion = field("client_assertion_type")
        == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        && !assertion.is_empty();
    if has_assertion && assertion::is_by_certificate(assertion) {
        let path = call.request.path.as_str();
        if let Err((code, message)) =
            assertion::check(assertion, client, path, &application.certificates, call.now)
        {
            return refuse(401, "invalid_client", code, message);
        }
    } else if !has_assertion && Some(field("client_secret")) != application.client_secret.as_deref() {
        return refuse(
            401,
            "invalid_client",
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
            ),
        );
    } else if !has_assertion && application.secret_expired {
        return refuse(
            401,
            "invalid_client",
            7_000_222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
            ),
        );
    }
    // The v1 endpoint names a resource, the v2 endpoint a scope of one.
    let asked = if field("scope").is_empty() { field("resource") } else { field("scope") };
    let token = mint(world, call.now, audience(asked), &application.client_id);
    Response::json(
        200,
        json!({
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "ext_expires_in": TOKEN_SECONDS,
            "access_token": token,
        }),
    )
}

/// What a machine in Azure asks its host for; `IDENTITY_ENDPOINT` leads clients here.
fn managed_identity(world: &World, call: &Call<'_>) -> Response {
    let refuse = |code: &str, message: &str| {
        Response::json(400, json!({ "error": code, "error_description": message }))
    };
    let asked = |name: &str| call.request.query(name).unwrap_or("");
    let has_header = call.request.header("x-identity-header").is_some_and(|header| !header.is_empty())
        || call.request.header("metadata").is_some_and(|header| header.eq_ignore_ascii_case("true"));
    if !has_header || asked("resource").is_empty() {
        return refuse("invalid_request", "Required metadata header or resource not specified");
    }
    let wanted = [asked("client_id"), asked("object_id"), asked("principal_id")];
    let client = match wanted.iter().find(|wanted| !wanted.is_empty()) {
        None => world.identity.client_id.clone(),
        Some(wanted) => {
            let of_type = world.of_kind("Microsoft.ManagedIdentity/userAssignedIdentities", "", None);
            let is_it = |identity: &&crate::world::Resource| {
                ["properties.clientId", "properties.principalId"].iter().any(|path| {
                    json::text(&identity.body, path).is_some_and(|id| id.eq_ignore_ascii_case(wanted))
                })
            };
            let Some(identity) = of_type.into_iter().find(is_it) else {
                return refuse("invalid_request", "Identity not found");
            };
            json::text(&identity.body, "properties.clientId").unwrap_or_default().to_owned()
        }
    };
    let expires = call.now / 1000 + TOKEN_SECONDS;
    Response::json(
        200,
        json!({
            "access_token": mint(world, call.now, audience(asked("resource")), &client), "expires_on": expires.to_string(),
            "resource": asked("resource"), "token_type": "Bearer", "client_id": client,
        }),
    )
}

/// Whom a token is for, by the scope or resource it was asked for.
fn audience(asked: &str) -> &'static str {
    match asked.trim_end_matches("/.default").trim_end_matches('/') {
        STORAGE => STORAGE,
        _ => MANAGEMENT,
    }
}

fn signing_key(world: &World) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, format!("access tokens of {}", world.identity.client_secret).as_bytes())
}

/// A signed token. It carries its own expiry, so nothing has to be remembered and restarts do not matter.
fn mint(world: &World, now: u64, audience: &str, client_id: &str) -> String {
    let seconds = now / 1000;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{}/", world.identity.tenant),
        "iat": seconds, "nbf": seconds, "exp": seconds + TOKEN_SECONDS, "appid": client_id,
        "oid": world.principal_of(client_id), "sub": world.principal_of(client_id), "tid": world.identity.tenant, "idtyp": "app", "ver": "1.0",
        // No two are the same, not even of one second.
        "uti": world.requests,
    });
    let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "HS256" })), part(&payload));
    let signature = hmac::sign(&signing_key(world), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// Refuses a request without a token of this world that is still valid.
pub(super) fn check_token(world: &World, call: &Call<'_>) -> Result<(), ArmError> {
    let refuse = |code: &str, message: &str| {
        Err(ArmError::gateway(401, code, message).with("WWW-Authenticate", challenge(world, call)))
    };
    let Some(token) = call.request.header("authorization").and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }) else {
        return refuse(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        );
    };
    let expiry = token.rsplit_once('.').and_then(|(text, signature)| {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&signing_key(world), text.as_bytes(), &signature).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(text.split_once('.')?.1).ok()?;
        serde_json::from_slice::<Value>(&payload).ok()?["exp"].as_u64()
    });
    match expiry {
        None => refuse("InvalidAuthenticationToken", "The access token is invalid."),
        Some(expiry) if expiry * 1000 <= call.now => expired(world, call),
        Some(_) if world.revoked.contains(&token_digest(call)) => expired(world, call),
        Some(_) => Ok(()),
    }
}

/// The object id of who sends a request, by its token.
pub(crate) fn principal_of(request: &Request) -> Option<String> {
    let token = request.header("authorization")?.split_once(' ')?.1;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&payload).ok()?["oid"].as_str().map(str::to_owned)
}

/// What a request's token is remembered by.
pub(super) fn token_digest(call: &Call<'_>) -> String {
    random::sha256_hex(call.request.header("authorization").unwrap_or_default().as_bytes())
}

/// Refuses a token whose time is over.
pub(super) fn expired<T>(world: &World, call: &Call<'_>) -> Result<T, ArmError> {
    let message = "The access token expiry UTC time is earlier than current UTC time.";
    let refusal = ArmError::gateway(401, "ExpiredAuthenticationToken", message);
    Err(refusal.with("WWW-Authenticate", challenge(world, call)))
}

fn challenge(world: &World, call: &Call<'_>) -> String {
    let (base, tenant) = (call.request.base(), &world.identity.tenant);
    format!("Bearer authorization_uri=\"{base}/{tenant}\", error=\"invalid_token\"")
}
