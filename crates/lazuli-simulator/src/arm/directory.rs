//! Entra: tokens, and the documents by which clients find their way.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use super::Call;
use crate::error::ArmError;
use crate::ids;
use crate::request::{Body, Method, Response};
use crate::world::World;

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
    if !client.eq_ignore_ascii_case(&identity.client_id) {
        return refuse(
            400,
            "unauthorized_client",
            700_016,
            format!("Application with identifier '{client}' was not found in the directory '{tenant}'."),
        );
    }
    let has_assertion = field("client_assertion_type")
        == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        && !field("client_assertion").is_empty();
    if !has_assertion && field("client_secret") != identity.client_secret {
        return refuse(
            401,
            "invalid_client",
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
            ),
        );
    }
    // The v1 endpoint names a resource, the v2 endpoint a scope of one.
    let asked = if field("scope").is_empty() { field("resource") } else { field("scope") };
    let audience = match asked.trim_end_matches("/.default").trim_end_matches('/') {
        STORAGE => STORAGE,
        _ => MANAGEMENT,
    };
    let token = mint(world, call.now, audience);
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

fn signing_key(world: &World) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, format!("access tokens of {}", world.identity.client_secret).as_bytes())
}

/// A signed token. It carries its own expiry, so nothing has to be remembered and restarts do not matter.
fn mint(world: &World, now: u64, audience: &str) -> String {
    let seconds = now / 1000;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{}/", world.identity.tenant),
        "iat": seconds, "nbf": seconds, "exp": seconds + TOKEN_SECONDS, "appid": world.identity.client_id,
        "oid": world.caller(), "sub": world.caller(), "tid": world.identity.tenant, "idtyp": "app", "ver": "1.0",
    });
    let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "HS256" })), part(&payload));
    let signature = hmac::sign(&signing_key(world), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// Refuses a request without a token of this world that is still valid.
pub(super) fn check_token(world: &World, call: &Call<'_>) -> Result<(), ArmError> {
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\"",
        call.request.base(),
        world.identity.tenant
    );
    let refuse = |code: &str, message: &str| {
        Err(ArmError::gateway(401, code, message).with("WWW-Authenticate", challenge.clone()))
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
        Some(expiry) if expiry * 1000 <= call.now => refuse(
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
        ),
        Some(_) => Ok(()),
    }
}
