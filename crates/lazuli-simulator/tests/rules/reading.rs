//! Lists, paging, filters, and what belongs to the subscription.

use lazuli_simulator::{Method, Profile, Request, handle};
use serde_json::{Value, json};

use crate::cloud::{Cloud, GROUP, SUBSCRIPTION, address, code, net, refusal};

fn names(answer: &lazuli_simulator::Response) -> Vec<String> {
    let list = answer.value()["value"].as_array().expect("a list");
    list.iter().map(|item| item["name"].as_str().unwrap_or("").to_owned()).collect()
}

#[test]
fn lists_come_in_pages_with_absolute_links() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.settings.page_size = 2;
    for name in ["a", "b", "c", "d", "e"] {
        cloud.make(&net(&format!("publicIPAddresses/{name}")), &address());
    }
    let first =
        cloud.get(&format!("{GROUP}/providers/Microsoft.Network/publicIPAddresses?api-version=2025-05-01"));
    assert_eq!(names(&first), ["a", "b"]);
    let link = first.value()["nextLink"].as_str().expect("a link").to_owned();
    assert!(
        link.starts_with("https://localhost:8443/subscriptions/") && link.contains("api-version=2025-05-01"),
        "{link}"
    );
    cloud.unmake(&net("publicIPAddresses/b"));
    let second = cloud.get(&link);
    assert_eq!(names(&second), ["c", "d"], "a page goes on where the last one ended, whatever was deleted");
    let third = cloud.get(second.value()["nextLink"].as_str().expect("a link"));
    assert_eq!((names(&third), third.value().get("nextLink")), (vec!["e".to_owned()], None));
    let whole = cloud.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Network/publicIPAddresses"));
    assert_eq!(names(&whole), ["a", "c"]);
}

#[test]
fn resources_are_listed_with_the_filters_az_uses() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut tagged = address();
    tagged["tags"] = json!({ "cluster": "prod" });
    cloud.make(&net("publicIPAddresses/ip"), &tagged);
    cloud.make(&net("routeTables/rt"), &json!({ "location": "eastus2" }));
    cloud.make_network();
    let mut find = |scope: &str, filter: &str| {
        let path = format!("{scope}/resources?api-version=2024-11-01&$filter={}", filter.replace(' ', "%20"));
        names(&cloud.get(&path))
    };
    assert_eq!(find(GROUP, ""), ["ip", "rt", "net"]);
    assert_eq!(
        find(
            SUBSCRIPTION,
            "resourceGroup eq 'RG-demo' and name eq 'IP' and resourceType eq 'Microsoft.Network/publicIPAddresses'"
        ),
        ["ip"]
    );
    assert_eq!(find(SUBSCRIPTION, "tagName eq 'cluster' and tagValue eq 'prod'"), ["ip"]);
    assert_eq!(find(GROUP, "location eq 'westus2'"), Vec::<String>::new());
}

#[test]
fn absent_things_are_named_as_azure_names_them() {
    let mut cloud = Cloud::new(Profile::Instant);
    let answer = cloud.get(&net("virtualNetworks/gone/subnets/a"));
    let (status, refused, message) = refusal(&answer);
    assert_eq!((status, refused), (404, "ResourceNotFound"));
    assert_eq!(
        message,
        "The Resource 'Microsoft.Network/virtualNetworks/gone' under resource group 'rg-demo' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    );
    cloud.make_network();
    assert_eq!(code(&cloud.get(&net("virtualNetworks/net/subnets/a"))), (404, "NotFound"));
}

#[test]
fn the_subscription_describes_itself() {
    let mut cloud = Cloud::new(Profile::Instant);
    let list =
        |cloud: &mut Cloud, path: &str| cloud.get(path).value()["value"].as_array().expect("a list").clone();
    let subscriptions = list(&mut cloud, "/subscriptions");
    assert_eq!(subscriptions[0]["subscriptionId"], "00000000-0000-0000-0000-000000000000");
    assert!(list(&mut cloud, &format!("{SUBSCRIPTION}/locations")).iter().any(|l| l["name"] == "eastus2"));
    let skus = list(
        &mut cloud,
        &format!(
            "{SUBSCRIPTION}/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'eastus2'"
        ),
    );
    let size = skus.iter().find(|sku| sku["name"] == "Standard_D2s_v5").expect("a size");
    insta::assert_json_snapshot!(size);
    let quota =
        list(&mut cloud, &format!("{SUBSCRIPTION}/providers/Microsoft.Network/locations/eastus2/usages"));
    assert!(quota.iter().any(|usage| usage["name"]["value"] == "PublicIPAddresses"));
    let permissions = list(&mut cloud, &format!("{GROUP}/providers/Microsoft.Authorization/permissions"));
    assert_eq!(permissions[0]["actions"], json!(["*"]));
    let roles = list(
        &mut cloud,
        &format!(
            "{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01&$filter=roleName%20eq%20'Contributor'"
        ),
    );
    assert_eq!((roles.len(), &roles[0]["name"]), (1, &json!("b24988ac-6180-42a0-ab88-20f7382dd24c")));
}

#[test]
fn image_versions_can_be_checked() {
    let mut cloud = Cloud::new(Profile::Instant);
    let place = format!("{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus2");
    let versions =
        format!("{place}/publishers/Canonical/artifacttypes/vmimage/offers/ubuntu/skus/server/versions");
    let all = cloud.get(&versions).value().as_array().expect("a bare array").clone();
    assert_eq!(all.len(), 3);
    let latest = all[2]["name"].as_str().expect("a version");
    assert_eq!(cloud.get(&format!("{versions}/{latest}")).status, 200);
    assert_eq!(cloud.get(&format!("{versions}/1.0.0")).status, 404);
    let community = format!("{place}/communityGalleries/k8s/images/ubuntu/versions");
    assert_eq!(cloud.get(&format!("{community}/1.34.1")).status, 200);
    assert_eq!(cloud.get(&format!("{community}/2.0.0")).status, 404);
}

#[test]
fn clients_find_their_way_without_a_token() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut ask = |path: &str| {
        let request = Request::new(Method::Get, path).with_header("host", "localhost:8443");
        let answer = handle(&mut cloud.world, &cloud.settings, &request, cloud.now);
        assert_eq!(answer.status, 200, "{path}");
        answer.value().clone()
    };
    let cloud_now = ask("/metadata/endpoints?api-version=2022-09-01");
    assert_eq!(cloud_now["authentication"]["loginEndpoint"], "https://localhost:8443");
    let clouds_then = ask("/metadata/endpoints?api-version=2019-05-01");
    assert_eq!(clouds_then, Value::Array(vec![cloud_now]));
    let openid = ask("/11111111-1111-1111-1111-111111111111/v2.0/.well-known/openid-configuration");
    assert_eq!(
        openid["token_endpoint"],
        "https://localhost:8443/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token"
    );
    assert!(ask("/common/discovery/instance?api-version=1.1")["metadata"].is_array());
}

#[test]
fn a_token_is_for_whom_it_was_asked_for() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut cloud = Cloud::new(Profile::Instant);
    let mut audience = |asked: &str| {
        let mut request =
            Request::new(Method::Post, "/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token");
        let client = "33333333-3333-3333-3333-333333333333";
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret=hidden&{asked}");
        request.body = form.into_bytes();
        let answer = handle(&mut cloud.world, &cloud.settings, &request, cloud.now);
        let token = answer.value()["access_token"].as_str().expect("a token").to_owned();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64");
        serde_json::from_slice::<Value>(&claims).expect("JSON")["aud"].clone()
    };
    assert_eq!(audience("scope=https%3A%2F%2Fstorage.azure.com%2F.default"), "https://storage.azure.com");
    assert_eq!(audience("resource=https%3A%2F%2Fstorage.azure.com%2F"), "https://storage.azure.com");
    assert_eq!(
        audience("scope=https%3A%2F%2Fmanagement.azure.com%2F.default"),
        "https://management.azure.com/"
    );
    assert_eq!(audience(""), "https://management.azure.com/");
}

#[test]
fn api_versions_are_dates_of_the_past() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = net("virtualNetworks");
    for (query, wanted) in [
        ("?x=1", (400, "MissingApiVersionParameter")),
        ("?api-version=latest", (400, "InvalidApiVersionParameter")),
        ("?api-version=2025-5-1", (400, "InvalidApiVersionParameter")),
        ("?api-version=2099-01-01", (400, "NoRegisteredProviderFound")),
    ] {
        let answer = cloud.get(&format!("{path}{query}"));
        assert_eq!(code(&answer), wanted, "{query}");
        assert_eq!(answer.header("x-ms-failure-cause"), Some("gateway"));
    }
    for version in ["2015-06-15", "2025-05-31-preview"] {
        assert_eq!(cloud.get(&format!("{path}?api-version={version}")).status, 200, "{version}");
    }
}
