//! Throttling: what compute lets be asked of one machine.

use lazuli_simulator::{Application, Faults, Method, Profile, Request, SeedFile, handle};
use serde_json::json;

use crate::cloud::{Cloud, SUBSCRIPTION, code, compute, machine};

/// Asks until it is refused: how often that went well, and how long the refusal wants to hear nothing.
fn until_refused(cloud: &mut Cloud, path: &str) -> (usize, String) {
    for asked in 0..100 {
        let answer = cloud.get(path);
        if answer.status == 429 {
            assert_eq!(answer.value()["code"], "OperationNotAllowed");
            assert_eq!(answer.value()["details"][0]["code"], "TooManyRequests");
            return (asked, answer.header("Retry-After").unwrap_or("-").to_owned());
        }
    }
    (100, "-".to_owned())
}

#[test]
fn each_machine_has_its_own_buckets_for_reads_and_for_polls() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    for name in ["a", "b"] {
        cloud.make_nic(&format!("nic-{name}"));
    }
    let polls = ["a", "b"].map(|name| {
        let answer = cloud.put(&compute(&format!("virtualMachines/{name}")), &machine(name));
        answer.header("Azure-AsyncOperation").expect("an operation").to_owned()
    });
    let four = "4".to_owned();
    assert_eq!(until_refused(&mut cloud, &polls[0]), (45, four.clone()));
    assert_eq!(until_refused(&mut cloud, &polls[1]), (45, four), "what one used up is not the other's");
    cloud.pass(4000);
    assert_eq!(cloud.get(&polls[0]).status, 200, "a poll every four seconds is well");
    assert_eq!(cloud.get(&polls[0]).status, 429);
    assert_eq!(until_refused(&mut cloud, &compute("virtualMachines/a")), (36, "5".to_owned()));
    let tags = json!({ "tags": {} });
    let writes = (0..20).filter(|_| cloud.patch(&compute("virtualMachines/none"), &tags).status != 429);
    assert_eq!(writes.count(), 12);
}

#[test]
fn resource_graph_tells_its_own_quota_and_keeps_to_it() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let limits = r#"{"limits": {"Microsoft.ResourceGraph/queries": {"capacity": 2, "per_second": 0.4}}}"#;
    cloud.settings.faults = Faults::parse(limits).expect("faults");
    let request = cloud
        .request(Method::Post, "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01")
        .with_json(&json!({ "query": "resources | count" }));
    let told = [0; 3].map(|_| {
        let answer = cloud.carry_out(&request);
        (answer.status, answer.header("x-ms-user-quota-remaining").unwrap_or("-").to_owned())
    });
    assert_eq!(told, [(200, "1".to_owned()), (200, "0".to_owned()), (429, "0".to_owned())]);
}

#[test]
fn a_cloud_without_time_throttles_nobody() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let path = compute("virtualMachines/a");
    cloud.make(&path, &machine("a"));
    assert_eq!(until_refused(&mut cloud, &path).0, 100);
}

/// What is left in the buckets of Resource Manager, as an answer tells it.
fn left(answer: &lazuli_simulator::Response) -> String {
    let told = ["subscription-reads", "subscription-global-reads", "tenant-reads"];
    let told = told.map(|name| answer.header(&format!("x-ms-ratelimit-remaining-{name}")).unwrap_or("-"));
    format!("{} {}", answer.status, told.join(" "))
}

#[test]
fn each_principal_has_its_own_buckets_and_all_share_one_that_fills_again() {
    let application = Application {
        client_id: "44444444-4444-4444-4444-444444444444".to_owned(),
        client_secret: Some("other".to_owned()),
        secret_expired: false,
        certificates: Vec::new(),
    };
    let seed = SeedFile { applications: vec![application], ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Realistic, seed);
    let limits = r#"{"limits": {"reads": {"capacity": 2, "per_second": 0.1}, "global-reads": {"capacity": 4, "per_second": 0.5}, "tenant-reads": {"capacity": 1, "per_second": 1.0}}}"#;
    cloud.settings.faults = Faults::parse(limits).expect("faults");
    let groups = format!("{SUBSCRIPTION}/resourceGroups");
    let mine = [0; 3].map(|_| left(&cloud.get(&groups)));
    assert_eq!(mine, ["200 1 3 -", "200 0 2 -", "429 0 2 -"]);
    let first = std::mem::replace(&mut cloud.token, {
        let mut request =
            Request::new(Method::Post, "/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token");
        request.body = b"grant_type=client_credentials&client_id=44444444-4444-4444-4444-444444444444&client_secret=other".to_vec();
        let answer = handle(&mut cloud.world, &cloud.settings, &request, cloud.now);
        answer.value()["access_token"].as_str().expect("a token").to_owned()
    });
    let others = [0; 3].map(|_| left(&cloud.get(&groups)));
    assert_eq!(others, ["200 1 1 -", "200 0 0 -", "429 0 0 -"], "its own are full, the shared one is not");
    let refused = cloud.get(&groups);
    let actor = refused.value()["error"]["message"].as_str().expect("a message").to_owned();
    cloud.token = first;
    let mine = cloud.get(&groups).value()["error"]["message"].as_str().expect("a message").to_owned();
    assert_ne!(actor, mine, "the actor is named");
    cloud.pass(10_000);
    assert_eq!(
        left(&cloud.get(&groups)),
        "200 0 3 -",
        "a tenth of one, five of all, of which there is room for four"
    );
    let tenant = [0; 2].map(|_| left(&cloud.get("/subscriptions")));
    assert_eq!(tenant, ["200 - - 0", "429 - - 0"]);
}

#[test]
fn buckets_can_be_as_large_as_azure_documents_them() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.settings.faults = Faults::parse(r#"{"documented_limits": true}"#).expect("faults");
    let machines = compute("virtualMachines");
    let mut told = Vec::new();
    for (path, requests) in [(machines.clone(), 250), (machines.clone(), 251)] {
        cloud.pass(3_600_000);
        cloud.log_in();
        let last = (0..requests).map(|_| cloud.get(&path)).last().expect("an answer");
        let of_compute = last.header("x-ms-ratelimit-remaining-resource").unwrap_or("-").to_owned();
        told.push(format!("{} {of_compute} {}", left(&last), last.header("Retry-After").unwrap_or("-")));
    }
    let costly = "Microsoft.Compute/HighCostGet3Min;650,Microsoft.Compute/HighCostGet30Min;650";
    assert_eq!(told, [format!("200 0 3500 - {costly} -"), format!("429 0 3500 - {costly} 1")]);
    let limits = r#"{"limits": {"Microsoft.Network/reads": {"capacity": 1, "per_second": 0.01}, "Microsoft.Compute/HighCostGet30Min": {"capacity": 1, "per_second": 0.001}}}"#;
    cloud.settings.faults = Faults::parse(limits).expect("faults");
    cloud.pass(3_600_000);
    cloud.log_in();
    let tables = crate::cloud::net("routeTables");
    assert_eq!([0; 2].map(|_| code(&cloud.get(&tables)).1.to_owned()), ["", "TooManyRequests"]);
    assert_eq!(cloud.get(&machines).status, 200);
    assert_eq!(cloud.get(&machines).value()["details"][0]["target"], "HighCostGet30Min");
}
