//! Tokens, role assignments, management locks, provider registration.

use lazuli_simulator::{
    Conditions, Grant, Lock, Method, Policy, Profile, Request, SeedFile, SeededGroup, handle,
};
use serde_json::json;

use crate::cloud::{Cloud, GROUP, SUBSCRIPTION, address, code, identity, is_empty, net, refusal};

const CONTRIBUTOR: &str =
    "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";

fn assignment(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments/{name}")
}

#[test]
fn a_wrong_secret_gets_no_token() {
    let mut cloud = Cloud::new(Profile::Instant);
    let answer = cloud.ask_for_token("guess");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.value()["error"], "invalid_client");
    assert_eq!(answer.value()["error_codes"], json!([7_000_215]));
    assert!(!answer.value().to_string().contains("guess"));
}

#[test]
fn arm_wants_a_token_of_this_world_that_has_not_expired() {
    let mut cloud = Cloud::new(Profile::Instant);
    let bare = Request::new(Method::Get, "/subscriptions?api-version=2022-12-01");
    let answer = handle(&mut cloud.world, &cloud.settings, &bare, cloud.now);
    assert_eq!(code(&answer), (401, "AuthenticationFailed"));
    assert!(answer.header("WWW-Authenticate").expect("a challenge").starts_with("Bearer authorization_uri="));

    let real = std::mem::replace(&mut cloud.token, "x.y.z".to_owned());
    assert_eq!(code(&cloud.get("/subscriptions")), (401, "InvalidAuthenticationToken"));
    cloud.token = real;
    assert_eq!(cloud.get("/subscriptions").status, 200);
    cloud.pass(3_600_000);
    assert_eq!(code(&cloud.get("/subscriptions")), (401, "ExpiredAuthenticationToken"));
}

#[test]
fn a_request_without_an_api_version_is_refused() {
    let mut cloud = Cloud::new(Profile::Instant);
    assert_eq!(code(&cloud.get("/subscriptions?x=1")), (400, "MissingApiVersionParameter"));
}

#[test]
fn another_subscription_does_not_exist() {
    let mut cloud = Cloud::new(Profile::Instant);
    let answer = cloud.get("/subscriptions/99999999-9999-9999-9999-999999999999");
    assert_eq!(code(&answer), (404, "SubscriptionNotFound"));
}

#[test]
fn a_new_identity_can_be_given_a_role_only_after_a_while_unless_its_type_is_told() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let answer = cloud.put(&identity("cp"), &json!({ "location": "eastus2" }));
    assert_eq!(answer.status, 201);
    let id = answer.value()["id"].as_str().expect("an id");
    assert!(id.contains("/resourcegroups/rg-demo/"), "{id}");
    let principal = answer.value()["properties"]["principalId"].clone();

    let role = format!("{SUBSCRIPTION}{CONTRIBUTOR}");
    let silent = json!({ "properties": { "principalId": principal, "roleDefinitionId": role } });
    let mut told = silent.clone();
    told["properties"]["principalType"] = json!("ServicePrincipal");
    let first = assignment("aaaaaaaa-0000-0000-0000-000000000001");
    let (status, refused, message) = {
        let answer = cloud.put(&first, &silent);
        let (status, code, message) = refusal(&answer);
        (status, code.to_owned(), message.to_owned())
    };
    assert_eq!((status, refused.as_str()), (400, "PrincipalNotFound"));
    assert!(message.contains("replication delay"), "{message}");

    let answer = cloud.put(&first, &told);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.value()["properties"]["scope"], GROUP);
    cloud.unmake_role(&first);
    cloud.pass(30_000);
    assert_eq!(cloud.put(&first, &silent).status, 201);
    assert_eq!(cloud.put(&first, &silent).status, 201, "the same again is fine");
    let second = assignment("aaaaaaaa-0000-0000-0000-000000000002");
    assert_eq!(code(&cloud.put(&second, &told)), (409, "RoleAssignmentExists"));
}

impl Cloud {
    fn unmake_role(&mut self, path: &str) {
        let deleted = self.delete(path);
        assert_eq!(deleted.status, 200);
        assert_eq!(deleted.value()["type"], "Microsoft.Authorization/roleAssignments");
        assert_eq!(code(&self.get(path)), (404, "RoleAssignmentNotFound"));
        let again = self.delete(path);
        assert!(again.status == 204 && is_empty(&again));
    }
}

#[test]
fn role_assignments_of_a_scope_and_of_a_principal_are_listed() {
    let mut cloud = Cloud::new(Profile::Instant);
    let principal =
        cloud.make(&identity("cp"), &json!({ "location": "eastus2" }))["properties"]["principalId"].clone();
    let role = format!("{SUBSCRIPTION}{CONTRIBUTOR}");
    let body = json!({ "properties": { "principalId": principal, "roleDefinitionId": role, "principalType": "ServicePrincipal" } });
    cloud.make(&assignment("aaaaaaaa-0000-0000-0000-000000000001"), &body);
    let mut count = |scope: &str, filter: &str| {
        let path = format!(
            "{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter={filter}"
        );
        cloud.get(&path).value()["value"].as_array().expect("a list").len()
    };
    assert_eq!(count(GROUP, "atScope()"), 1);
    assert_eq!(count(SUBSCRIPTION, ""), 1);
    assert_eq!(count(SUBSCRIPTION, "atScope()"), 0);
    let principal = principal.as_str().expect("a principal");
    assert_eq!(count(GROUP, &format!("principalId eq '{principal}'")), 1);
    assert_eq!(count(GROUP, "principalId eq '99999999-0000-0000-0000-000000000000'"), 0);
}

#[test]
fn a_lock_on_the_group_stops_deletes_and_a_read_only_lock_stops_writes() {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let lock = Lock { scope: GROUP.to_owned(), name: "keep".to_owned(), level: "CanNotDelete".to_owned() };
    let seed = SeedFile { resource_groups: vec![group], locks: vec![lock], ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    let path = net("publicIPAddresses/ip");
    cloud.make(&path, &address());
    let answer = cloud.delete(&path);
    assert_eq!(code(&answer), (409, "ScopeLocked"));
    assert!(refusal(&answer).2.contains(&format!("are locked: '{GROUP}'")), "{:?}", answer.body);
    assert_eq!(code(&cloud.delete(GROUP)), (409, "ScopeLocked"));

    let lock = format!("{GROUP}/providers/Microsoft.Authorization/locks/keep");
    cloud.make(&lock, &json!({ "properties": { "level": "ReadOnly" } }));
    assert_eq!(
        code(&cloud.put(&net("routeTables/rt"), &json!({ "location": "eastus2" }))),
        (409, "ScopeLocked")
    );
    let listed = cloud.get(&format!("{GROUP}/providers/Microsoft.Authorization/locks"));
    assert_eq!(listed.value()["value"][0]["properties"]["level"], "ReadOnly");
    assert_eq!(cloud.delete(&lock).status, 200);
    cloud.unmake(&path);
}

#[test]
fn an_unregistered_provider_must_be_registered_first() {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let unregistered_providers = vec!["Microsoft.Network".to_owned()];
    let mut cloud = Cloud::seeded(
        Profile::Instant,
        SeedFile { resource_groups: vec![group], unregistered_providers, ..SeedFile::default() },
    );
    let path = net("publicIPAddresses/ip");
    let answer = cloud.put(&path, &address());
    assert_eq!(code(&answer), (409, "MissingSubscriptionRegistration"));
    let provider = format!("{SUBSCRIPTION}/providers/Microsoft.Network");
    assert_eq!(cloud.get(&provider).value()["registrationState"], "NotRegistered");
    assert_eq!(cloud.post(&format!("{provider}/register")).value()["registrationState"], "Registered");
    assert_eq!(cloud.put(&path, &address()).status, 201);
}

#[test]
fn a_machine_gets_tokens_of_its_own_identity_and_of_those_that_exist() {
    let mut cloud = Cloud::new(Profile::Instant);
    let ask = |cloud: &mut Cloud, query: &str, header: &str| {
        let path = format!("/metadata/identity/oauth2/token?resource=https://management.azure.com{query}");
        let mut request = Request::new(Method::Get, &path);
        if !header.is_empty() {
            request = request.with_header(header, "true");
        }
        handle(&mut cloud.world, &cloud.settings, &request, cloud.now)
    };
    assert_eq!(ask(&mut cloud, "", "").status, 400, "without the header anybody could be made to ask");
    let own = ask(&mut cloud, "", "metadata");
    assert_eq!((own.status, own.value()["token_type"].as_str()), (200, Some("Bearer")));
    assert!(own.value()["expires_on"].is_string());
    assert_eq!(ask(&mut cloud, "&client_id=nobody", "metadata").status, 400);
    let answer = cloud.put(&identity("cp"), &json!({ "location": "eastus2" }));
    let client = answer.value()["properties"]["clientId"].as_str().expect("a client id").to_owned();
    let other = ask(&mut cloud, &format!("&client_id={client}"), "x-identity-header");
    assert_eq!((other.status, other.value()["client_id"].as_str()), (200, Some(client.as_str())));
    cloud.token = other.value()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(cloud.get("/subscriptions").status, 200);
}

#[test]
fn what_the_seed_allows_holds_in_its_scope_and_below_and_for_what_a_body_refers_to() {
    let group = |name: &str| SeededGroup {
        name: name.to_owned(),
        location: "eastus2".to_owned(),
        tags: Default::default(),
    };
    let permission = |scope: &str, actions: &[&str]| Grant {
        scope: Some(scope.to_owned()),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        not_actions: vec!["*/delete".to_owned()],
        condition: None,
    };
    let seed = SeedFile {
        resource_groups: vec![group("rg-demo"), group("rg-other")],
        conditions: Conditions {
            grants: vec![permission(GROUP, &["Microsoft.Network/*"])],
            ..Conditions::default()
        },
        ..SeedFile::default()
    };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    assert_eq!(cloud.get(SUBSCRIPTION).status, 200, "whoever has any right sees the subscription");
    let security = json!({ "location": "eastus2" });
    assert!(cloud.put(&net("networkSecurityGroups/n"), &security).status < 300);
    let request = cloud.request(Method::Delete, &net("networkSecurityGroups/n"));
    let refused = cloud.carry_out(&request);
    assert_eq!(code(&refused), (403, "AuthorizationFailed"));
    let elsewhere = net("networkSecurityGroups/n").replace("rg-demo", "rg-other");
    assert_eq!(code(&cloud.put(&elsewhere, &security)), (403, "AuthorizationFailed"));
    let linked = json!({
        "location": "eastus2",
        "properties": {
            "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "subnets": [{ "name": "s", "properties": {
                "addressPrefix": "10.0.0.0/24", "networkSecurityGroup": { "id": elsewhere },
            } }],
        },
    });
    let answer = cloud.put(&net("virtualNetworks/v"), &linked);
    assert_eq!(code(&answer), (403, "LinkedAuthorizationFailed"));
    let granted = |cloud: &mut Cloud, scope: &str| {
        let answer = cloud.get(&format!("{scope}/providers/Microsoft.Authorization/permissions"));
        (answer.status, answer.value()["value"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(granted(&mut cloud, GROUP), (403, 0), "reading permissions is a right as well");
}

#[test]
fn what_is_granted_is_allowed_and_nothing_else() {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let grant = |scope: Option<&str>, actions: &[&str], not_actions: &[&str]| Grant {
        scope: scope.map(str::to_owned),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        not_actions: not_actions.iter().map(|action| (*action).to_owned()).collect(),
        condition: None,
    };
    let conditions = Conditions {
        grants: vec![
            grant(None, &["*/read"], &[]),
            grant(Some(GROUP), &["Microsoft.Network/*"], &["Microsoft.Network/*/join/action", "*/delete"]),
        ],
        ..Conditions::default()
    };
    let seed = SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    let path = net("publicIPAddresses/ip");
    cloud.make(&path, &address());
    assert_eq!(code(&cloud.delete(&path)), (403, "AuthorizationFailed"));
    assert_eq!(
        code(&cloud.put(&identity("robot"), &json!({ "location": "eastus2" }))),
        (403, "AuthorizationFailed")
    );
    let gateway = json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "publicIpAddresses": [{ "id": path }] },
    });
    let answer = cloud.put(&net("natGateways/gw"), &gateway);
    assert_eq!(code(&answer), (403, "LinkedAuthorizationFailed"));
    assert!(refusal(&answer).2.contains("publicIPAddresses/join/action"), "{:?}", answer.body);
    let listed = |cloud: &mut Cloud, scope: &str| {
        let answer = cloud.get(&format!("{scope}/providers/Microsoft.Authorization/permissions"));
        answer.value()["value"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((listed(&mut cloud, SUBSCRIPTION), listed(&mut cloud, GROUP)), (1, 2));
}

#[test]
fn policies_deny_what_they_are_about() {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let policy = |name: &str, field: &str, allowed: &[&str]| Policy {
        name: name.to_owned(),
        types: Vec::new(),
        field: Some(field.to_owned()),
        allowed: allowed.iter().map(|value| (*value).to_owned()).collect(),
        ..Policy::default()
    };
    let policies = vec![policy("places", "location", &["eastus2"]), policy("owners", "tags.owner", &[])];
    let conditions = Conditions { policies, ..Conditions::default() };
    let seed = SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    let answer = cloud.put(&net("routeTables/rt"), &json!({ "location": "eastus2" }));
    assert_eq!(code(&answer), (403, "RequestDisallowedByPolicy"));
    assert!(refusal(&answer).2.contains("owners"), "{:?}", answer.body);
    let owned = json!({ "location": "eastus2", "tags": { "owner": "me" } });
    assert_eq!(cloud.put(&net("routeTables/rt"), &owned).status, 201);
}
