//! The provider against the simulated Azure: real TLS, real tokens, real polling.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests may panic and say what they skip

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use lazuli_azure::account::Secret;
use lazuli_azure::kinds::api_version;
use lazuli_azure::{Account, AzureProvider, Cloud, Credential, Endpoints, Options, Trust};
use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Outcome, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_simulator::{
    Answer, Fault, Faults, Pace, Profile, RunningSimulator, Seed, SeedFile, SeededGroup, Simulator,
    SimulatorOptions,
};
use serde_json::json;

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Watch for Told {
    async fn accepted(&self, url: &str) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(url.to_owned());
        Ok(())
    }

    fn progress(&self, _: &str) {}
}

async fn simulator(profile: Profile, faults: Vec<Fault>) -> RunningSimulator {
    recorded(profile, faults, None).await
}

async fn recorded(profile: Profile, faults: Vec<Fault>, record: Option<PathBuf>) -> RunningSimulator {
    let group =
        SeededGroup { name: "rg-test".into(), location: "eastus2".into(), tags: serde_json::Map::new() };
    let seed_world =
        Seed { world: SeedFile { resource_groups: vec![group], ..SeedFile::default() }, ..Seed::default() };
    let options = SimulatorOptions {
        pace: Pace { profile, speedup: None },
        seed_world,
        faults: Faults { faults, ..Faults::default() },
        page_size: 2,
        record,
        ..SimulatorOptions::default()
    };
    Simulator::start(options).await.unwrap()
}

fn account(simulator: &RunningSimulator) -> Account {
    let credentials = simulator.credentials();
    let endpoint: url::Url = simulator.endpoint().parse().unwrap();
    Account {
        subscription_id: credentials.subscription.clone(),
        tenant_id: Some(credentials.tenant.clone()),
        cloud: Cloud::Custom(Endpoints {
            authority: endpoint.clone(),
            resource_manager: endpoint.clone(),
            audience: endpoint.to_string(),
        }),
        credential: Credential::ClientSecret {
            client_id: credentials.client_id.clone(),
            secret: Secret::new(credentials.client_secret.clone()),
        },
        trust: Trust::Only(simulator.ca_pem().as_bytes().to_vec()),
    }
}

/// A provider and the ids of a small cluster.
struct World {
    provider: AzureProvider,
    told: Told,
    group: String,
}

impl World {
    fn new(simulator: &RunningSimulator) -> Self {
        let account = account(simulator);
        let group = format!("/subscriptions/{}/resourceGroups/rg-test", account.subscription_id);
        World {
            provider: AzureProvider::new(&account, Options::default()).unwrap(),
            told: Told::default(),
            group,
        }
    }

    fn id(&self, tail: &str) -> ResourceId {
        ResourceId::new(format!("{}/providers/{tail}", self.group))
    }

    fn network(&self, tail: &str) -> ResourceId {
        self.id(&format!("Microsoft.Network/{tail}"))
    }

    async fn create(&self, ty: &str, id: &ResourceId, body: Json) -> Result<Json, ProviderError> {
        let ty = typed(ty);
        let put = Put { operation: Operation::Create, ty: &ty, id, body: &body, previous: None };
        self.provider.put(put, &self.told).await
    }

    async fn update(
        &self,
        ty: &str,
        id: &ResourceId,
        body: Json,
        previous: Json,
    ) -> Result<Json, ProviderError> {
        let ty = typed(ty);
        let put = Put { operation: Operation::Update, ty: &ty, id, body: &body, previous: Some(&previous) };
        self.provider.put(put, &self.told).await
    }
}

fn typed(name: &str) -> ResourceType {
    ResourceType::new(name, api_version(name).unwrap())
}

const VNET: &str = "Microsoft.Network/virtualNetworks";
const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
const NSG: &str = "Microsoft.Network/networkSecurityGroups";
const NIC: &str = "Microsoft.Network/networkInterfaces";
const VM: &str = "Microsoft.Compute/virtualMachines";

fn network_body() -> Json {
    json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_cluster_is_built_observed_changed_and_taken_down() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("requests.jsonl");
    let simulator = recorded(Profile::Instant, Vec::new(), Some(record.clone())).await;
    let world = World::new(&simulator);
    let group = world.provider.resource_group("rg-test").await.unwrap();
    assert_eq!(group.location, "eastus2");
    world.provider.subscription().await.unwrap();

    let nsg = world.network("networkSecurityGroups/nsg");
    let rule = |name: &str, priority: u32| {
        json!({"name": name, "properties": {"priority": priority, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "6443"}})
    };
    let rules = |rules: Json| json!({"location": "eastus2", "properties": {"securityRules": rules}});
    let ours = rules(json!([rule("allow_apiserver", 2201)]));
    world.create(NSG, &nsg, ours.clone()).await.unwrap();

    let route_table = world.network("routeTables/rt");
    world
        .create(
            "Microsoft.Network/routeTables",
            &route_table,
            json!({"location": "eastus2", "properties": {}}),
        )
        .await
        .unwrap();
    let address = |label: Option<&str>| {
        let mut body = json!({"location": "eastus2", "sku": {"name": "Standard", "tier": "Regional"}, "zones": ["1", "2", "3"],
            "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"}});
        if let Some(label) = label {
            body["properties"]["dnsSettings"] = json!({"domainNameLabel": label});
        }
        body
    };
    let (pip_api, pip_nat) = (world.network("publicIPAddresses/api"), world.network("publicIPAddresses/nat"));
    let made = world
        .create("Microsoft.Network/publicIPAddresses", &pip_api, address(Some("lazuli-test")))
        .await
        .unwrap();
    assert!(made["properties"]["ipAddress"].is_string(), "{made:#}");
    world.create("Microsoft.Network/publicIPAddresses", &pip_nat, address(None)).await.unwrap();
    let nat = world.network("natGateways/nat");
    let body = json!({"location": "eastus2", "sku": {"name": "Standard"}, "properties": {"publicIpAddresses": [{"id": pip_nat.as_str()}]}});
    world.create("Microsoft.Network/natGateways", &nat, body).await.unwrap();

    let vnet = world.network("virtualNetworks/v");
    world.create(VNET, &vnet, network_body()).await.unwrap();
    let subnets = [vnet.child("subnets", "cp"), vnet.child("subnets", "nodes")];
    for (i, subnet) in subnets.iter().enumerate() {
        let body = json!({"properties": {"addressPrefix": format!("10.0.{i}.0/24"), "networkSecurityGroup": {"id": nsg.as_str()},
            "routeTable": {"id": route_table.as_str()}, "natGateway": {"id": nat.as_str()}, "defaultOutboundAccess": false}});
        world.create(SUBNET, subnet, body).await.unwrap();
    }

    let lb = world.network("loadBalancers/lb");
    let body = json!({"location": "eastus2", "sku": {"name": "Standard"}, "properties": {
        "frontendIPConfigurations": [{"name": "fe", "properties": {"publicIPAddress": {"id": pip_api.as_str()}}}],
        "backendAddressPools": [{"name": "pool"}],
        "probes": [{"name": "HTTPSProbe", "properties": {"protocol": "Https", "port": 6443, "requestPath": "/readyz", "intervalInSeconds": 5}}],
        "loadBalancingRules": [{"name": "rule", "properties": {"protocol": "Tcp", "frontendPort": 6443, "backendPort": 6443,
            "disableOutboundSnat": true,
            "frontendIPConfiguration": {"id": lb.child("frontendIPConfigurations", "fe").as_str()},
            "backendAddressPool": {"id": lb.child("backendAddressPools", "pool").as_str()},
            "probe": {"id": lb.child("probes", "HTTPSProbe").as_str()}}}]
    }});
    world.create("Microsoft.Network/loadBalancers", &lb, body).await.unwrap();

    let mut nics = Vec::new();
    let mut vms = Vec::new();
    for node in 0..3 {
        let nic = world.network(&format!("networkInterfaces/n{node}-nic"));
        let body = json!({"location": "eastus2", "properties": {"ipConfigurations": [{"name": "pipConfig", "properties": {
            "primary": true, "privateIPAllocationMethod": "Dynamic", "subnet": {"id": subnets[0].as_str()},
            "loadBalancerBackendAddressPools": [{"id": lb.child("backendAddressPools", "pool").as_str()}]}}]}});
        world.create(NIC, &nic, body).await.unwrap();
        let vm = world.id(&format!("{VM}/n{node}"));
        world.create(VM, &vm, machine(&format!("n{node}"), &nic)).await.unwrap();
        nics.push(nic);
        vms.push(vm);
    }

    let mut wanted: Vec<Wanted> = Vec::new();
    let mut add = |ty: &str, ids: &[ResourceId]| {
        wanted.extend(ids.iter().map(|id| Wanted { ty: typed(ty), id: id.clone() }));
    };
    add(VNET, std::slice::from_ref(&vnet));
    add(SUBNET, &subnets);
    add(NIC, &nics);
    add(VM, &vms);
    let observed = world.provider.observe(&wanted).await.unwrap();
    assert_eq!(observed.objects.len(), 9, "{:?}", observed.objects.keys());
    assert_eq!(observed.requests, 5, "one list of networks, two pages of interfaces, two of machines");
    assert!(observed.objects[&vms[0]]["properties"]["osProfile"].get("customData").is_none());

    // Another controller adds a rule; ours changes; both are there.
    let foreign = rules(json!([rule("allow_apiserver", 2201), rule("k8s", 500)]));
    world.create(NSG, &nsg, foreign).await.unwrap();
    let changed = rules(json!([rule("allow_apiserver", 2202)]));
    let after = world.update(NSG, &nsg, changed, ours).await.unwrap();
    let mut found: Vec<(String, u64)> = after["properties"]["securityRules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (rule["name"].as_str().unwrap().to_owned(), rule["properties"]["priority"].as_u64().unwrap())
        })
        .collect();
    found.sort();
    assert_eq!(found, [("allow_apiserver".to_owned(), 2202), ("k8s".to_owned(), 500)]);

    // A tag on the network leaves its subnets alone; one on a machine needs no custom data.
    let mut tagged = network_body();
    tagged["tags"] = json!({"a": "b"});
    let after = world.update(VNET, &vnet, tagged, network_body()).await.unwrap();
    assert_eq!(after["properties"]["subnets"].as_array().map(Vec::len), Some(2));
    let before = machine("n0", &nics[0]);
    let mut tagged = before.clone();
    tagged["tags"] = json!({"a": "b"});
    let after = world.update(VM, &vms[0], tagged, before).await.unwrap();
    assert_eq!(after["tags"]["a"], "b");

    let deletes = vms.iter().map(|id| (VM, id)).chain(nics.iter().map(|id| (NIC, id)));
    let deletes = deletes.chain([("Microsoft.Network/loadBalancers", &lb)]);
    let deletes = deletes.chain(subnets.iter().map(|id| (SUBNET, id)));
    let rest = [
        (VNET, &vnet),
        ("Microsoft.Network/natGateways", &nat),
        ("Microsoft.Network/publicIPAddresses", &pip_api),
        ("Microsoft.Network/publicIPAddresses", &pip_nat),
        ("Microsoft.Network/routeTables", &route_table),
        (NSG, &nsg),
    ];
    // Every type goes once through read, merge and write.
    let tag = json!({"tags": {"c": "d"}});
    for (ty, id) in [
        ("Microsoft.Network/routeTables", &route_table),
        ("Microsoft.Network/publicIPAddresses", &pip_api),
        ("Microsoft.Network/publicIPAddresses", &pip_nat),
        ("Microsoft.Network/natGateways", &nat),
        ("Microsoft.Network/loadBalancers", &lb),
        (NIC, &nics[0]),
    ] {
        let after =
            world.update(ty, id, tag.clone(), json!({})).await.unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(after["tags"]["c"], "d", "{id}");
    }
    let policy = json!({"properties": {"privateEndpointNetworkPolicies": "Enabled"}});
    let after = world.update(SUBNET, &subnets[0], policy, json!({})).await.unwrap();
    assert_eq!(after["properties"]["natGateway"]["id"].as_str().map(ResourceId::new), Some(nat.clone()));

    // What is in use is refused at once, by name.
    let error = world.provider.delete(&typed(SUBNET), &subnets[0], &world.told).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("InUseSubnetCannotBeDeleted", Outcome::Nothing));
    assert!(error.advice.unwrap_or_default().contains("uses it and is not being deleted"));

    for (ty, id) in deletes.chain(rest) {
        world
            .provider
            .delete(&typed(ty), id, &world.told)
            .await
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(world.provider.read(&typed(ty), id).await.unwrap().is_none(), "{id}");
    }
    simulator.shutdown().await;
    assert_eq!(contract(&record), 26, "bodies sent");
}

/// Checks every recorded body against Azure's published type and says how many there were.
fn contract(record: &Path) -> usize {
    let shared = std::env::var_os("LAZULI_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let schemas = shared.join("azure-schemas");
    let text = std::fs::read_to_string(record).unwrap();
    let requests = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let puts: Vec<Json> = requests.filter(|request| request["method"] == "PUT").collect();
    if !schemas.is_dir() {
        println!("skipped: no azure-schemas; set LAZULI_SHARED");
        return puts.len();
    }
    for put in &puts {
        let path = put["path"].as_str().unwrap();
        let (_, rest) = path.rsplit_once("/providers/").unwrap();
        let mut parts = rest.split('/');
        let namespace = parts.next().unwrap();
        let types: Vec<&str> = parts.step_by(2).collect();
        let file =
            format!("{namespace}.{}@{}.schema.json", types.join("."), put["api_version"].as_str().unwrap());
        let schema: Json =
            serde_json::from_str(&std::fs::read_to_string(schemas.join(&file)).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&put["body"])
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{path}\n{}\n{:#}", problems.join("\n"), put["body"]);
    }
    puts.len()
}

fn machine(name: &str, nic: &ResourceId) -> Json {
    json!({"location": "eastus2", "zones": ["1"], "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "imageReference": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"},
            "osDisk": {"name": format!("{name}_OSDisk"), "createOption": "FromImage", "deleteOption": "Delete", "diskSizeGB": 64,
                "managedDisk": {"storageAccountType": "Premium_LRS"}}},
        "osProfile": {"computerName": name, "adminUsername": "lazuli", "customData": "I2Nsb3VkLWNvbmZpZwo=",
            "linuxConfiguration": {"disablePasswordAuthentication": true,
                "ssh": {"publicKeys": [{"path": "/home/lazuli/.ssh/authorized_keys", "keyData": "ssh-ed25519 AAAA"}]}}},
        "networkProfile": {"networkInterfaces": [{"id": nic.as_str(), "properties": {"primary": true, "deleteOption": "Detach"}}]}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identities_and_role_assignments_are_made_and_taken_away() {
    let simulator = simulator(Profile::Instant, Vec::new()).await;
    let world = World::new(&simulator);
    let identity = world.id("Microsoft.ManagedIdentity/userAssignedIdentities/cp");
    let made = world
        .create("Microsoft.ManagedIdentity/userAssignedIdentities", &identity, json!({"location": "eastus2"}))
        .await
        .unwrap();
    assert_eq!(
        made["id"].as_str().map(ResourceId::new),
        Some(identity.clone()),
        "whatever case Azure answers with"
    );
    let principal = made["properties"]["principalId"].as_str().unwrap();
    let role = world.id("Microsoft.Authorization/roleAssignments/6f1c5a3e-2f0b-4c7e-9d52-0b9f2c1d4e5f");
    let definition = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7",
        world.group.split("/resourceGroups").next().unwrap()
    );
    let body = json!({"properties": {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}});
    world.create("Microsoft.Authorization/roleAssignments", &role, body).await.unwrap();
    let other = world.id("Microsoft.Authorization/roleAssignments/7f1c5a3e-2f0b-4c7e-9d52-0b9f2c1d4e5f");
    let ty = typed("Microsoft.Authorization/roleAssignments");
    let wanted = [Wanted { ty: ty.clone(), id: role.clone() }, Wanted { ty: ty.clone(), id: other }];
    let observed = world.provider.observe(&wanted).await.unwrap();
    assert_eq!((observed.objects.len(), observed.requests), (1, 1));
    world.provider.delete(&ty, &role, &world.told).await.unwrap();
    world
        .provider
        .delete(&typed("Microsoft.ManagedIdentity/userAssignedIdentities"), &identity, &world.told)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_really_polled_and_can_be_picked_up_by_another_run() {
    let simulator = simulator(Profile::Fast, Vec::new()).await;
    let world = World::new(&simulator);
    let vnet = world.network("virtualNetworks/v");
    world.create(VNET, &vnet, network_body()).await.unwrap();
    let url = world.told.0.lock().unwrap().first().cloned().unwrap();
    World::new(&simulator).provider.resume(&url, &world.told).await.unwrap();
}

fn fault(method: &str, path: &str, answer: Answer) -> Fault {
    Fault { method: Some(method.into()), path: path.into(), nth: None, after: 0, times: Some(1), answer }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_cut_after_the_work_was_accepted_is_unknown_and_says_what_is_there() {
    let simulator =
        simulator(Profile::Instant, vec![fault("PUT", "/virtualNetworks/v", Answer::DropAfterAccept)]).await;
    let world = World::new(&simulator);
    let vnet = world.network("virtualNetworks/v");
    let error = world.create(VNET, &vnet, network_body()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("ConnectionLost", Outcome::Unknown), "{error}");
    assert!(error.message.contains("exists"), "{}", error.message);
    assert!(world.provider.read(&typed(VNET), &vnet).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_azure_refuses_before_its_time_is_replaced() {
    for method in ["PUT", "GET"] {
        let simulator =
            simulator(Profile::Instant, vec![fault(method, "/virtualNetworks/v", Answer::ExpiredToken)])
                .await;
        let world = World::new(&simulator);
        let vnet = world.network("virtualNetworks/v");
        world.create(VNET, &vnet, network_body()).await.unwrap();
        world.provider.delete(&typed(VNET), &vnet, &world.told).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_connection_and_a_stalled_body_are_asked_again_or_reported_as_unknown() {
    let silence = Options { silence: std::time::Duration::from_millis(300), ..Options::default() };
    for (answer, is_there) in
        [(Answer::ResetBeforeAccept, false), (Answer::ResetAfterAccept, true), (Answer::StalledBody, true)]
    {
        let faults = vec![
            fault("PUT", "/virtualNetworks/v", answer.clone()),
            fault("GET", "/virtualNetworks/other", answer.clone()),
        ];
        let simulator = simulator(Profile::Instant, faults).await;
        let mut world = World::new(&simulator);
        world.provider = AzureProvider::new(&account(&simulator), silence.clone()).unwrap();
        let other = world.network("virtualNetworks/other");
        assert_eq!(world.provider.read(&typed(VNET), &other).await, Ok(None), "{answer:?}");
        let vnet = world.network("virtualNetworks/v");
        let error = world.create(VNET, &vnet, network_body()).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.outcome), ("ConnectionLost", Outcome::Unknown), "{error}");
        let found = world.provider.read(&typed(VNET), &vnet).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_fails_says_azures_code() {
    let failure = Answer::OperationFails { code: "AllocationFailed".into(), message: "no room".into() };
    let simulator = simulator(Profile::Instant, vec![fault("PUT", "/virtualNetworks/v", failure)]).await;
    let world = World::new(&simulator);
    let error = world.create(VNET, &world.network("virtualNetworks/v"), network_body()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("AllocationFailed", Outcome::Unknown));
    assert!(error.message.contains("no room"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_is_waited_out() {
    let simulator = simulator(
        Profile::Fast,
        vec![fault("PUT", "/virtualNetworks/v", Answer::Throttle { retry_after: Some(1) })],
    )
    .await;
    let world = World::new(&simulator);
    world.create(VNET, &world.network("virtualNetworks/v"), network_body()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_and_a_missing_resource_group_are_explained() {
    let simulator = simulator(Profile::Instant, Vec::new()).await;
    let mut wrong = account(&simulator);
    if let Credential::ClientSecret { secret, .. } = &mut wrong.credential {
        *secret = Secret::new("wrong-secret");
    }
    let provider = AzureProvider::new(&wrong, Options::default()).unwrap();
    let error = provider.subscription().await.unwrap_err();
    assert!(error.code.starts_with("AADSTS"), "{error}");
    assert!(error.message.starts_with("cannot sign in:"), "{error}");
    assert!(!format!("{error:?} {provider:?}").contains("wrong-secret"));

    let error = World::new(&simulator).provider.resource_group("gone").await.unwrap_err();
    assert_eq!(error.code, "ResourceGroupNotFound");
    assert!(error.message.contains("gone"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_nobody_vouches_for_gets_no_secret() {
    let simulator = simulator(Profile::Instant, Vec::new()).await;
    let mut account = account(&simulator);
    account.trust = Trust::System;
    let started = std::time::Instant::now();
    let error = AzureProvider::new(&account, Options::default()).unwrap().subscription().await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("UntrustedServer", Outcome::Nothing), "{error}");
    assert!(started.elapsed().as_secs() < 5);
}
