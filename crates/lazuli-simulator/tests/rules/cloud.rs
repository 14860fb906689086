//! A cloud in the hand: a world, a virtual clock, and shorthands for requests and bodies.

use lazuli_simulator::{
    Body, Credentials, Method, Pace, Profile, Request, Response, Seed, SeedFile, SeededGroup, Settings,
    World, handle,
};
use serde_json::{Value, json};

use crate::contract;

pub(crate) const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-000000000000";
pub(crate) const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-demo";
/// A Monday in 2026.
const START_MS: u64 = 1_780_000_000_000;
pub(crate) const MINUTE: u64 = 60_000;

/// The id of a network resource in the group.
pub(crate) fn net(rest: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Network/{rest}")
}

/// The id of a compute resource in the group.
pub(crate) fn compute(rest: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/{rest}")
}

pub(crate) fn identity(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
}

pub(crate) struct Cloud {
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) now: u64,
    pub(crate) token: String,
}

impl Cloud {
    /// A cloud with one empty resource group in eastus2.
    pub(crate) fn new(profile: Profile) -> Self {
        let group = SeededGroup {
            name: "rg-demo".to_owned(),
            location: "eastus2".to_owned(),
            tags: Default::default(),
        };
        Self::seeded(profile, SeedFile { resource_groups: vec![group], ..SeedFile::default() })
    }

    pub(crate) fn seeded(profile: Profile, world: SeedFile) -> Self {
        let seed = Seed { world, ..Seed::default() };
        let credentials = Credentials {
            tenant: seed.tenant.clone(),
            subscription: seed.subscription.clone(),
            client_id: seed.client_id.clone(),
            client_secret: "hidden".to_owned(),
        };
        let mut world = World::new(credentials, 7);
        seed.apply(&mut world, START_MS).expect("a usable seed");
        let settings = Settings { pace: Pace { profile, speedup: None }, ..Settings::default() };
        let mut cloud = Self { world, settings, now: START_MS, token: String::new() };
        cloud.log_in();
        cloud
    }

    pub(crate) fn log_in(&mut self) {
        let answer = self.ask_for_token("hidden");
        self.token = answer.value()["access_token"].as_str().expect("a token").to_owned();
    }

    pub(crate) fn ask_for_token(&mut self, secret: &str) -> Response {
        let mut request =
            Request::new(Method::Post, "/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token");
        let client = "33333333-3333-3333-3333-333333333333";
        request.body =
            format!("grant_type=client_credentials&client_id={client}&client_secret={secret}").into_bytes();
        handle(&mut self.world, &self.settings, &request, self.now)
    }

    /// A request with a token, and with an api-version unless the target has a query.
    pub(crate) fn request(&self, method: Method, target: &str) -> Request {
        let path = target.trim_start_matches("https://localhost:8443");
        let path =
            if path.contains('?') { path.to_owned() } else { format!("{path}?api-version=2025-05-01") };
        Request::new(method, &path)
            .with_header("host", "localhost:8443")
            .with_header("authorization", &format!("Bearer {}", self.token))
    }

    /// The answer to a request, which keeps to the published types.
    pub(crate) fn carry_out(&mut self, request: &Request) -> Response {
        let answer = handle(&mut self.world, &self.settings, request, self.now);
        contract::check(&answer);
        answer
    }

    pub(crate) fn get(&mut self, target: &str) -> Response {
        let request = self.request(Method::Get, target);
        self.carry_out(&request)
    }

    pub(crate) fn put(&mut self, target: &str, body: &Value) -> Response {
        let request = self.request(Method::Put, target).with_json(body);
        self.carry_out(&request)
    }

    pub(crate) fn patch(&mut self, target: &str, body: &Value) -> Response {
        let request = self.request(Method::Patch, target).with_json(body);
        self.carry_out(&request)
    }

    pub(crate) fn post(&mut self, target: &str) -> Response {
        let request = self.request(Method::Post, target);
        self.carry_out(&request)
    }

    pub(crate) fn delete(&mut self, target: &str) -> Response {
        let request = self.request(Method::Delete, target);
        self.carry_out(&request)
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now += ms;
    }

    /// Puts and waits until the operation is over; shows what is there then.
    pub(crate) fn make(&mut self, target: &str, body: &Value) -> Value {
        let answer = self.put(target, body);
        assert!(answer.status < 300, "{target}: {:?}", answer.body);
        self.pass(10 * MINUTE);
        self.log_in();
        self.get(target).value().clone()
    }

    /// Deletes and waits until the operation is over.
    pub(crate) fn unmake(&mut self, target: &str) {
        let answer = self.delete(target);
        assert!(answer.status < 300, "{target}: {:?}", answer.body);
        self.pass(10 * MINUTE);
        self.log_in();
        assert_eq!(self.get(target).status, 404);
    }

    /// A network with one subnet `nodes`.
    pub(crate) fn make_network(&mut self) -> Value {
        self.make(&net("virtualNetworks/net"), &network(&[("nodes", "10.0.0.0/24")]))
    }

    pub(crate) fn make_nic(&mut self, name: &str) -> Value {
        self.make(&net(&format!("networkInterfaces/{name}")), &nic("nodes"))
    }
}

/// Status, code and message of a refusal.
pub(crate) fn refusal(answer: &Response) -> (u16, &str, &str) {
    let error = &answer.value()["error"];
    (answer.status, error["code"].as_str().unwrap_or(""), error["message"].as_str().unwrap_or(""))
}

/// Status and code of a refusal.
pub(crate) fn code(answer: &Response) -> (u16, &str) {
    let (status, code, _) = refusal(answer);
    (status, code)
}

pub(crate) fn is_empty(answer: &Response) -> bool {
    answer.body == Body::Empty
}

pub(crate) fn network(subnets: &[(&str, &str)]) -> Value {
    let subnets: Vec<Value> = subnets
        .iter()
        .map(|(name, prefix)| json!({ "name": name, "properties": { "addressPrefix": prefix } }))
        .collect();
    json!({
        "location": "eastus2",
        "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] }, "subnets": subnets },
    })
}

pub(crate) fn nic(subnet: &str) -> Value {
    let subnet = net(&format!("virtualNetworks/net/subnets/{subnet}"));
    json!({
        "location": "eastus2",
        "properties": { "ipConfigurations": [{ "name": "ip", "properties": { "subnet": { "id": subnet } } }] },
    })
}

pub(crate) fn address() -> Value {
    json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": { "publicIPAllocationMethod": "Static" } })
}

/// A machine on `nic-{name}` with one data disk; everything goes with it.
pub(crate) fn machine(name: &str) -> Value {
    json!({
        "location": "eastus2",
        "zones": ["1"],
        "properties": {
            "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
            "storageProfile": {
                "imageReference": { "publisher": "Canonical", "offer": "ubuntu", "sku": "22_04", "version": "latest" },
                "osDisk": { "name": format!("{name}-os"), "createOption": "FromImage", "deleteOption": "Delete" },
                "dataDisks": [{ "name": format!("{name}-etcd"), "lun": 0, "createOption": "Empty", "diskSizeGB": 64, "deleteOption": "Delete" }],
            },
            "osProfile": {
                "computerName": name, "adminUsername": "lazuli", "adminPassword": "do not keep",
                "customData": "I2Nsb3VkLWNvbmZpZw==",
                "linuxConfiguration": { "disablePasswordAuthentication": true },
            },
            "networkProfile": { "networkInterfaces": [{ "id": net(&format!("networkInterfaces/nic-{name}")), "properties": { "primary": true } }] },
        },
    })
}
