//! A world with a network and a load balancer, and machines with user-data written by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::arm;
use crate::kubernetes::{Cluster, Store, moment};
use crate::request::Method;
use crate::world::{Credentials, World};

pub(super) const HOST: &str = "demo.eastus2.cloudapp.azure.com";
/// A Monday in 2026.
pub(super) const START_MS: u64 = 1_780_000_000_000;
pub(super) const TOKEN: &str = "abcdef.0123456789abcdef";
pub(super) const CERTIFICATE_KEY: [u8; 32] = [7; 32];
const GROUP: &str = "/subscriptions/s/resourceGroups/rg";

pub(super) fn net(rest: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Network/{rest}")
}

pub(super) fn compute(rest: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/{rest}")
}

/// A certificate authority: certificate and key in PEM.
pub(super) fn authority(name: &str, is_ca: bool, days: i64) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    }
    let now = OffsetDateTime::from_unix_timestamp((START_MS / 1000) as i64).expect("a moment");
    (params.not_before, params.not_after) = (now - Duration::days(30), now + Duration::days(days));
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

/// Files of certificates, by kubeadm's paths below `pki`.
pub(super) type Pki = Vec<(&'static str, String)>;

/// The files of a cluster's certificates.
pub(super) fn pki() -> Pki {
    let (ca, etcd, proxy) = (
        authority("kubernetes", true, 3650),
        authority("etcd-ca", true, 3650),
        authority("front-proxy-ca", true, 3650),
    );
    let accounts = KeyPair::generate().expect("a key");
    vec![
        ("ca.crt", ca.0),
        ("ca.key", ca.1),
        ("etcd/ca.crt", etcd.0),
        ("etcd/ca.key", etcd.1),
        ("front-proxy-ca.crt", proxy.0),
        ("front-proxy-ca.key", proxy.1),
        ("sa.pub", accounts.public_key_pem()),
        ("sa.key", accounts.serialize_pem()),
    ]
}

/// A `#cloud-config` with files and one command.
pub(super) fn cloud_config(files: &[(String, String)], command: &str) -> String {
    let files: Vec<Value> = files
        .iter()
        .map(|(path, content)| json!({ "path": path, "permissions": "0600", "encoding": "b64", "content": STANDARD.encode(content) }))
        .collect();
    format!("#cloud-config\n{}", json!({ "write_files": files, "runcmd": [command] }))
}

pub(super) const KUBEADM: &str = "/run/kubeadm.yaml";

pub(super) fn init_files(pki: &[(&'static str, String)], name: &str) -> Vec<(String, String)> {
    let kubeadm = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: demo\nkubernetesVersion: v1.34.2\ncontrolPlaneEndpoint: {HOST}:6443\nnetworking: {{podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16}}\ncontrollerManager:\n  extraArgs:\n  - {{name: allocate-node-cidrs, value: \"true\"}}\n  - {{name: cluster-cidr, value: 10.244.0.0/16}}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {{name: {name}, kubeletExtraArgs: [{{name: cloud-provider, value: external}}]}}\n"
    );
    let mut files: Vec<(String, String)> =
        pki.iter().map(|(file, text)| (format!("/etc/kubernetes/pki/{file}"), text.clone())).collect();
    files.push((KUBEADM.to_owned(), kubeadm));
    files.push(cni());
    files.push(azure());
    files
}

fn cni() -> (String, String) {
    ("/etc/containerd/config.toml".to_owned(), "conf_template = \"/etc/cni/template\"\n".to_owned())
}

fn azure() -> (String, String) {
    let text = json!({ "resourceGroup": "rg", "location": "eastus2", "securityGroupName": "workers", "routeTableName": "routes", "aadClientSecret": "hidden" });
    ("/etc/kubernetes/azure.json".to_owned(), text.to_string())
}

pub(super) fn hash_of(certificate: &str) -> String {
    use x509_parser::parse_x509_certificate;
    use x509_parser::pem::parse_x509_pem;
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).expect("PEM");
    let (_, certificate) = parse_x509_certificate(&pem.contents).expect("a certificate");
    format!("sha256:{}", crate::random::sha256_hex(certificate.public_key().raw))
}

pub(super) fn join_files(ca: &str, name: &str, token: &str, control_plane: bool) -> Vec<(String, String)> {
    let hash = hash_of(ca);
    let key = crate::random::hex(&CERTIFICATE_KEY);
    let plane =
        if control_plane { format!("controlPlane: {{certificateKey: \"{key}\"}}\n") } else { String::new() };
    let kubeadm = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {{name: {name}}}\ndiscovery:\n  bootstrapToken: {{apiServerEndpoint: \"{HOST}:6443\", token: {token}, caCertHashes: [\"{hash}\"]}}\n{plane}"
    );
    let flags = "KUBELET_EXTRA_ARGS=\"--cloud-provider=external --node-labels=pool=a --register-with-taints=slow=yes:PreferNoSchedule\"\n";
    vec![(KUBEADM.to_owned(), kubeadm), ("/etc/default/kubelet".to_owned(), flags.to_owned()), cni(), azure()]
}

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) now: u64,
    pub(super) pki: Pki,
}

impl Stage {
    /// A network, a public load balancer for the API, a security group and a route table.
    pub(super) fn new() -> Self {
        let credentials = Credentials {
            tenant: "t".to_owned(),
            subscription: "s".to_owned(),
            client_id: "c".to_owned(),
            client_secret: "hidden".to_owned(),
        };
        let mut stage = Self { world: World::new(credentials, 7), now: START_MS, pki: pki() };
        stage.put(GROUP, &json!({ "location": "eastus2" }));
        stage.put(
            &net("virtualNetworks/net"),
            &json!({ "location": "eastus2", "properties": {
            "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "subnets": [{ "name": "nodes", "properties": { "addressPrefix": "10.0.0.0/20" } }],
        } }),
        );
        stage.put(&net("networkSecurityGroups/workers"), &json!({ "location": "eastus2", "properties": {} }));
        stage.put(&net("routeTables/routes"), &json!({ "location": "eastus2", "properties": {} }));
        stage.put(
            &net("publicIPAddresses/api"),
            &json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": {
            "publicIPAllocationMethod": "Static", "dnsSettings": { "domainNameLabel": "demo" },
        } }),
        );
        let part = |rest: &str| json!({ "id": net(&format!("loadBalancers/api/{rest}")) });
        stage.put(&net("loadBalancers/api"), &json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": {
            "frontendIPConfigurations": [{ "name": "front", "properties": { "publicIPAddress": { "id": net("publicIPAddresses/api") } } }],
            "backendAddressPools": [{ "name": "pool" }],
            "probes": [{ "name": "probe", "properties": { "protocol": "Tcp", "port": 6443, "intervalInSeconds": 5, "numberOfProbes": 1 } }],
            "loadBalancingRules": [{ "name": "api", "properties": {
                "protocol": "Tcp", "frontendPort": 6443, "backendPort": 6443, "frontendIPConfiguration": part("frontendIPConfigurations/front"),
                "backendAddressPool": part("backendAddressPools/pool"), "probe": part("probes/probe"),
            } }],
        } }));
        stage
    }

    pub(super) fn put(&mut self, id: &str, body: &Value) {
        let answer = arm::as_controller(&mut self.world, self.now, Method::Put, id, "2025-05-01", Some(body));
        if let Err(refusal) = answer {
            panic!("{id}: {:?}", refusal.into_response());
        }
    }

    pub(super) fn delete(&mut self, id: &str) {
        let answer = arm::as_controller(&mut self.world, self.now, Method::Delete, id, "2025-05-01", None);
        assert!(answer.is_ok(), "{id}");
    }

    /// Makes a machine with user-data; control-plane machines are behind the API's load balancer.
    pub(super) fn machine(&mut self, name: &str, zone: &str, user_data: &str, is_control_plane: bool) {
        let mut config = json!({ "subnet": { "id": net("virtualNetworks/net/subnets/nodes") } });
        if is_control_plane {
            config["loadBalancerBackendAddressPools"] =
                json!([{ "id": net("loadBalancers/api/backendAddressPools/pool") }]);
        }
        self.put(&net(&format!("networkInterfaces/{name}")), &json!({ "location": "eastus2", "properties": { "ipConfigurations": [{ "name": "ip", "properties": config }] } }));
        self.put(&compute(&format!("virtualMachines/{name}")), &json!({
            "location": "eastus2", "zones": [zone],
            "properties": {
                "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
                "storageProfile": {
                    "imageReference": { "publisher": "Canonical", "offer": "ubuntu", "sku": "24_04", "version": "latest" },
                    "osDisk": { "name": format!("{name}-os"), "createOption": "FromImage", "deleteOption": "Delete" },
                },
                "osProfile": { "computerName": name, "adminUsername": "lazuli", "customData": STANDARD.encode(user_data) },
                "networkProfile": { "networkInterfaces": [{ "id": net(&format!("networkInterfaces/{name}")), "properties": { "primary": true, "deleteOption": "Delete" } }] },
            },
        }));
    }

    /// The first control-plane node.
    pub(super) fn init(&mut self, name: &str) {
        let user_data =
            cloud_config(&init_files(&self.pki, name), &format!("kubeadm init --config {KUBEADM}"));
        self.machine(name, "1", &user_data, true);
    }

    pub(super) fn ca(&self) -> String {
        self.pki[0].1.clone()
    }

    /// A node that joins with a good token.
    pub(super) fn join(&mut self, name: &str, zone: &str, is_control_plane: bool) {
        self.token(TOKEN, self.now + 1_800_000);
        if is_control_plane {
            self.upload_certificates();
        }
        let files = join_files(&self.ca(), name, TOKEN, is_control_plane);
        self.machine(
            name,
            zone,
            &cloud_config(&files, &format!("kubeadm join --config {KUBEADM}")),
            is_control_plane,
        );
    }

    pub(super) fn token(&mut self, token: &str, expires_ms: u64) {
        let (id, secret) = token.split_once('.').expect("a token");
        let data = [
            ("token-id", id.to_owned()),
            ("token-secret", secret.to_owned()),
            ("expiration", moment(expires_ms)),
            ("usage-bootstrap-authentication", "true".to_owned()),
            ("usage-bootstrap-signing", "true".to_owned()),
            ("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token".to_owned()),
        ];
        let data: serde_json::Map<String, Value> =
            data.into_iter().map(|(key, text)| (key.to_owned(), json!(STANDARD.encode(text)))).collect();
        let secret = json!({ "metadata": { "name": format!("bootstrap-token-{id}"), "namespace": "kube-system" }, "type": "bootstrap.kubernetes.io/token", "data": data });
        self.create("v1/secrets", secret);
    }

    fn upload_certificates(&mut self) {
        use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &CERTIFICATE_KEY).expect("a key"));
        let mut data = serde_json::Map::new();
        for (file, text) in &self.pki {
            let mut sealed = text.clone().into_bytes();
            cipher
                .seal_in_place_append_tag(Nonce::assume_unique_for_key([3; 12]), Aad::empty(), &mut sealed)
                .expect("sealed");
            data.insert(
                file.replace("etcd/ca", "etcd-ca"),
                json!(STANDARD.encode([&[3; 12][..], &sealed].concat())),
            );
        }
        self.create(
            "v1/secrets",
            json!({ "metadata": { "name": "kubeadm-certs", "namespace": "kube-system" }, "data": data }),
        );
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.world.clusters[HOST]
    }

    pub(super) fn store(&mut self) -> &mut Store {
        &mut self.world.clusters.get_mut(HOST).expect("a cluster").store
    }

    /// Writes an object and lets the cluster act.
    pub(super) fn create(&mut self, resource: &str, object: Value) {
        let now = self.now;
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or("").to_owned();
        let (space, name) = (text("namespace"), text("name"));
        let store = self.store();
        if store.get(resource, &space, &name).is_some() {
            store.remove(resource, &space, &name);
        }
        store.create(resource, object, now);
        self.pass(0);
    }

    pub(super) fn edit(&mut self, resource: &str, space: &str, name: &str, change: impl FnOnce(&mut Value)) {
        assert!(self.store().edit(resource, space, name, change).is_some(), "{name}");
        self.pass(0);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.world.advance(self.now);
    }

    /// From here on the cluster takes as long as a real one.
    pub(super) fn slow_down(&mut self) {
        let cluster = self.world.clusters.get_mut(HOST).expect("a cluster");
        cluster.control_mut().state.speed = 1;
        cluster.control_mut().etcd.speed = 1;
    }

    pub(super) fn console(&self, name: &str) -> String {
        let machine = self
            .world
            .get(&crate::ids::key(&compute(&format!("virtualMachines/{name}"))))
            .expect("a machine");
        machine.machine.as_ref().expect("it ran").console.join("\n")
    }

    /// The lines of the console that kubeadm and cloud-init wrote.
    pub(super) fn said(&self, name: &str) -> String {
        let console = self.console(name);
        let lines = console
            .lines()
            .filter_map(|line| line.split_once("cloud-init[1187]: ").map(|(_, said)| said.to_owned()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// `name status` of every node.
    pub(super) fn nodes(&self) -> Vec<String> {
        let ready = |node: &Value| {
            let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
            let ready = conditions
                .into_iter()
                .find(|c| c["type"] == "Ready")
                .map_or(Value::Null, |c| c["status"].clone());
            format!("{} {}", node["metadata"]["name"].as_str().unwrap_or(""), ready.as_str().unwrap_or("-"))
        };
        self.cluster().store.list("v1/nodes", None).map(|node| ready(node)).collect()
    }

    /// `name node phase` of the pods whose name starts so.
    pub(super) fn pods(&self, prefix: &str) -> Vec<Value> {
        let pods = self.cluster().store.list("v1/pods", None);
        pods.filter(|pod| pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(prefix)))
            .map(|pod| Value::clone(pod))
            .collect()
    }
}
