//! `kubeadm join`: the cluster is found and trusted, the node registers; control-plane nodes join etcd, too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::Value;

use super::config::Documents;
use super::discovery::{Distrust, UNKNOWN, secret_text, trust};
use super::{Machine, Outcome, failed, init, node, pki};
use crate::kubernetes::etcd::Refusal;
use crate::kubernetes::machine::{parse_version, scaled};
use crate::kubernetes::reach::{self, Reached};
use crate::kubernetes::trust::Trust;
use crate::kubernetes::{Cluster, yaml};
use crate::world::World;

/// kubeadm looks for the cluster again after so long, in real milliseconds, for five minutes.
const LOOK_AGAIN_MS: u64 = 5_000;
const LOOKS: u32 = 60;
/// etcd is asked again after so long, for two minutes.
const ASK_AGAIN_MS: u64 = 5_000;
const ASKS: u32 = 24;
/// A learner catches up within.
const LEARN_MS: u64 = 4_000;

pub(super) fn run(world: &mut World, machine: Machine<'_>, documents: Documents, now: u64) -> Outcome {
    let Some(join) = documents.join else {
        return failed(
            "error execution phase preflight: no InitConfiguration or JoinConfiguration kind was found in the YAML file",
        );
    };
    let Some(discovery) = join.discovery.bootstrap_token else {
        return failed(
            "error execution phase preflight: discovery: Invalid value: \"\": bootstrapToken or file must be set",
        );
    };
    if discovery.ca_cert_hashes.is_empty() && !discovery.unsafe_skip_ca_verification {
        return failed(
            "error execution phase preflight: discovery.bootstrapToken.caCertHashes: Invalid value: \"\": using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file to continue",
        );
    }
    let (host, port) = init::endpoint(&discovery.api_server_endpoint, "", 6443);
    if let Err(why) = connect(world, &host, port) {
        let lines = vec![format!(
            "error execution phase preflight: couldn't validate the identity of the API Server: failed to request the cluster-info ConfigMap: Get \"https://{host}:{port}/api/v1/namespaces/kube-public/configmaps/cluster-info?timeout=10s\": {why}"
        )];
        return Outcome::Again { real_ms: LOOK_AGAIN_MS, tries: LOOKS, lines };
    }
    let Some(cluster) = world.clusters.get(&host) else { return failed("error execution phase preflight") };
    let servers = reach::answering(world, &host, port);
    let servers: Vec<Trust> = servers
        .iter()
        .filter_map(|node| cluster.control().servers.get(node))
        .map(|leaf| leaf.authority.clone())
        .collect();
    let (token, known) = match trust(cluster, &discovery, &servers, now) {
        Ok(found) => found,
        Err(Distrust::NotYet(why)) => {
            let lines = vec![format!(
                "error execution phase preflight: couldn't validate the identity of the API Server: {why}"
            )];
            return Outcome::Again { real_ms: LOOK_AGAIN_MS, tries: LOOKS, lines };
        }
        Err(Distrust::Never(why)) => {
            return failed(format!(
                "error execution phase preflight: couldn't validate the identity of the API Server: {why}"
            ));
        }
    };
    let bootstrap = if join.discovery.tls_bootstrap_token.is_empty() {
        discovery.token.clone()
    } else {
        join.discovery.tls_bootstrap_token
    };
    if bootstrap == discovery.token
        && let Err(why) = may_authenticate(&token)
    {
        return failed(why);
    }
    let configuration = match configuration(cluster) {
        Ok(configuration) => configuration,
        Err(why) => return failed(why),
    };
    let asked = configuration["kubernetesVersion"].as_str().unwrap_or("").to_owned();
    let Some(control_version) = parse_version(&asked) else {
        return failed(format!(
            "error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: could not parse \"{asked}\" as version"
        ));
    };
    let version = machine.version().unwrap_or_else(|| asked.clone());
    let api = configuration["apiVersion"].as_str().unwrap_or("");
    if let Some(problem) =
        skew_problem(&machine, &version, control_version, api, join.control_plane.is_some())
    {
        return failed(problem);
    }
    let name = init::registered_name(&join.node_registration.name, &machine.facts.name);
    if is_ready(cluster, &name) {
        return failed(format!(
            "error execution phase kubelet-start: a Node with name \"{name}\" and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node"
        ));
    }
    let mut machine = machine;
    let bind_port =
        join.control_plane.as_ref().map(|plane| plane.local_api_endpoint.bind_port.unwrap_or(6443));
    let mut kubelet = machine.kubelet(&host, &name, &version, bind_port, now);
    // The controller manager signs what the kubelet asks it to; what cluster-info says is trusted.
    kubelet.authority = Trust { signs: Trust::of(&cluster.control().ca_pem).signs, ..known };
    let mut leaf = None;
    if let Some(plane) = &join.control_plane {
        if let Err(why) = certificates(cluster, &mut machine, &plane.certificate_key, now) {
            return failed(why);
        }
        let flag = argument(&configuration["controllerManager"]["extraArgs"], pki::SIGNING_FLAG);
        if let Err(why) =
            pki::check_signing(&machine.files, flag).and_then(|()| admin(&machine.files, &servers))
        {
            return failed(why);
        }
        let service =
            init::first_address(configuration["networking"]["serviceSubnet"].as_str().unwrap_or(""));
        let domain = configuration["networking"]["dnsDomain"].as_str().unwrap_or("");
        let mut names = init::serving_names(domain, &name, &host, &service, &machine.facts.address);
        let more = configuration["apiServer"]["certSANs"].as_array().into_iter().flatten();
        names.extend(more.filter_map(Value::as_str).map(str::to_owned));
        match pki::serving(&machine.files, names, &format!("{} {name}", machine.facts.vm_id), now) {
            Ok(made) => leaf = Some(made),
            Err(why) => return failed(why),
        }
    }
    let Some(cluster) = world.clusters.get_mut(&host) else {
        return failed("error execution phase preflight");
    };
    if leaf.is_some() {
        let own = machine.files.get(&format!("{}/etcd/ca.crt", pki::FOLDER));
        let own = own.map(|text| Trust::of(text)).unwrap_or_default();
        let etcd = &mut cluster.control_mut().etcd;
        let added = etcd.gets_on_with(&own);
        match added.and_then(|()| etcd.add_learner(&name, &machine.facts.address, now)) {
            Ok(()) => {
                etcd.trust(&name, own);
                etcd.start(&name, now);
            }
            Err(refusal) => {
                let lines = vec![format!(
                    "error execution phase control-plane-join/etcd: error creating local etcd static pod manifest file: {refusal}"
                )];
                return match refusal {
                    Refusal::Unhealthy
                    | Refusal::TooManyLearners
                    | Refusal::NotEnoughStarted
                    | Refusal::Timeout => Outcome::Again { real_ms: ASK_AGAIN_MS, tries: ASKS, lines },
                    _ => Outcome::Failed(lines),
                };
            }
        }
        kubelet.promote_ms = Some(now + scaled(machine.speed, LEARN_MS));
    }
    let control = cluster.control_mut();
    control.running.insert(name.clone());
    if let Some(leaf) = leaf {
        control.state.starting.insert(name.clone(), leaf);
    }
    let registration = node::Registration {
        facts: machine.facts,
        kubelet: &kubelet,
        labels: machine.flags.node_labels(&join.node_registration),
        taints: machine.flags.node_taints(&join.node_registration, kubelet.is_control_plane),
        is_cloud_external: machine.flags.is_cloud_external(&join.node_registration),
    };
    node::register(&mut cluster.store, &registration, now);
    Outcome::Joined(Box::new(kubelet))
}

/// Whether an API server answers at an endpoint.
fn connect(world: &World, host: &str, port: u16) -> Result<(), String> {
    let address = match reach::machines_behind(world, host, port) {
        Reached::NoSuchHost => return Err(init::no_such_host(host)),
        Reached::NoRule { address } | Reached::Machines { address, .. } => address,
    };
    if reach::answering(world, host, port).is_empty() {
        return Err(init::no_answer(&address, port));
    }
    match world.clusters.get(host).is_some_and(Cluster::is_available) {
        true => Ok(()),
        false => Err("net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)".to_owned()),
    }
}

/// An extra argument of a component, a map until v1beta3 and a list since v1beta4.
fn argument<'a>(args: &'a Value, name: &str) -> Option<&'a str> {
    let listed = args.as_array().into_iter().flatten().find(|arg| arg["name"] == name);
    listed.map_or(&args[name], |arg| &arg["value"]).as_str()
}

/// kubeadm writes the first authority alone into `admin.conf`, and goes on with that file at whatever API server answers.
/// Unless somebody stops it after that and completes the file.
fn admin(files: &super::cloud_init::Files, servers: &[Trust]) -> Result<(), String> {
    let mut admin = Trust::of(files.get(&format!("{}/ca.crt", pki::FOLDER)).map_or("", String::as_str));
    let completes = |text: &&String| {
        ["control-plane-prepare", "--skip-phases", "certificate-authority-data", "admin.conf"]
            .iter()
            .all(|word| text.contains(word))
    };
    if files.values().find(completes).is_none() {
        admin.trusts.truncate(1);
    }
    match servers.iter().all(|server| admin.gets_on_with(server)) {
        true => Ok(()),
        false => Err(format!(
            "error execution phase control-plane-join/etcd: error creating etcd client: could not retrieve the list of etcd endpoints: {UNKNOWN}"
        )),
    }
}

fn may_authenticate(token: &Value) -> Result<(), String> {
    let id = secret_text(token, "token-id");
    if secret_text(token, "usage-bootstrap-authentication") != "true" {
        return Err("error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: failed to get config map: Unauthorized".to_owned());
    }
    let groups = secret_text(token, "auth-extra-groups");
    match groups.split(',').any(|group| group.trim() == "system:bootstrappers:kubeadm:default-node-token") {
        true => Ok(()),
        false => Err(format!(
            "error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: failed to get config map: configmaps \"kubeadm-config\" is forbidden: User \"system:bootstrap:{id}\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"kube-system\""
        )),
    }
}

fn configuration(cluster: &Cluster) -> Result<Value, String> {
    let missing = |why: &str| {
        format!(
            "error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: failed to get config map: {why}"
        )
    };
    let found = cluster
        .store
        .get("v1/configmaps", "kube-system", "kubeadm-config")
        .ok_or_else(|| missing("configmaps \"kubeadm-config\" not found"))?;
    let text = found["data"]["ClusterConfiguration"]
        .as_str()
        .ok_or_else(|| missing("unexpected error when reading kubeadm-config ConfigMap: ClusterConfiguration key value pair missing"))?;
    let mut documents = yaml::documents(text, yaml::Repeated::Refused).map_err(|why| missing(&why))?;
    let configuration = documents.pop().ok_or_else(|| missing("the ClusterConfiguration is empty"))?;
    match unreadable(&configuration) {
        Some(why) => Err(missing(&format!("failed to decode cluster configuration data: {why}"))),
        None => Ok(configuration),
    }
}

/// What Go's decoder would stumble over: extra arguments are a map until v1beta3 and a list since v1beta4.
fn unreadable(configuration: &Value) -> Option<String> {
    let api = configuration["apiVersion"].as_str().unwrap_or_default();
    let version = api.rsplit('/').next().unwrap_or_default();
    ["apiServer", "controllerManager", "scheduler", "etcd/local"].into_iter().find_map(|component| {
        let args = configuration.pointer(&format!("/{component}/extraArgs"))?;
        let is_argument = |arg: &Value| arg["name"].is_string() && arg["value"].is_string();
        let (fits, wanted) = match version {
            "v1beta3" => (
                args.as_object().is_some_and(|args| args.values().all(Value::is_string)),
                "map[string]string",
            ),
            _ => (args.as_array().is_some_and(|args| args.iter().all(is_argument)), "[]v1beta4.Arg"),
        };
        let field = component.replace('/', ".");
        (!fits).then(|| {
            format!("json: cannot unmarshal {field}.extraArgs into Go struct field of type {wanted}")
        })
    })
}

/// Programs of a node are as old as the control plane or older, within three minor versions; a control plane's are of
/// its minor version. Whoever joins must be able to read the cluster's configuration.
fn skew_problem(
    machine: &Machine<'_>,
    version: &str,
    control: (u32, u32, u32),
    api: &str,
    is_control_plane: bool,
) -> Option<String> {
    let own = parse_version(version)?;
    let control_text = format!("{}.{}.{}", control.0, control.1, control.2);
    if own.1 > control.1 {
        return Some(format!(
            "error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR KubeletVersion]: the kubelet version is higher than the control plane version. This is not a supported version skew and may lead to a malfunctional cluster. Kubelet version: \"{}\" Control plane version: \"{control_text}\"",
            version.trim_start_matches('v')
        ));
    }
    if own.1 + 3 < control.1 || (is_control_plane && own.1 != control.1) {
        return Some(format!(
            "error execution phase preflight: this version of kubeadm ({version}) only supports joining clusters whose control plane has version {} or one minor version older. Control plane version: \"{control_text}\"",
            version
        ));
    }
    init::version_problem(machine, (own.0, own.1, own.2), api)
}

fn is_ready(cluster: &Cluster, name: &str) -> bool {
    let Some(node) = cluster.store.get("v1/nodes", "", name) else { return false };
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Brings the control plane's certificates to the machine's disk, unless they are there.
fn certificates(cluster: &Cluster, machine: &mut Machine<'_>, key: &str, now: u64) -> Result<(), String> {
    if !key.is_empty() {
        download(cluster, machine, key)?;
    } else if let Some((_, file)) = pki::TRAVELLING
        .iter()
        .find(|(_, file)| !machine.files.contains_key(&format!("{}/{file}", pki::FOLDER)))
    {
        let path = format!("{}/{file}", pki::FOLDER);
        return Err(format!(
            "error execution phase preflight: \nOne or more conditions for hosting a new control plane instance is not satisfied.\n\n[failure loading certificate for CA: couldn't load the certificate file {path}: open {path}: no such file or directory]\n\nPlease ensure that:\n* The cluster has a stable controlPlaneEndpoint address.\n* The certificates that must be shared among control plane instances are provided."
        ));
    }
    pki::check(&machine.files, now)
}

fn download(cluster: &Cluster, machine: &mut Machine<'_>, key: &str) -> Result<(), String> {
    let phase = |why: String| {
        format!("error execution phase control-plane-prepare/download-certs: error downloading certs: {why}")
    };
    let secret = cluster.store.get("v1/secrets", "kube-system", "kubeadm-certs").ok_or_else(|| {
        phase("error downloading the secret: Secret \"kubeadm-certs\" was not found in the \"kube-system\" Namespace. This Secret might have expired. Please, run `kubeadm init phase upload-certs --upload-certs` on a control plane to generate a new one".to_owned())
    })?;
    let bytes =
        (0..key.len() / 2).map(|at| u8::from_str_radix(key.get(at * 2..at * 2 + 2).unwrap_or("x"), 16).ok());
    let bytes: Vec<u8> = bytes
        .collect::<Option<_>>()
        .ok_or_else(|| phase("error decoding certificate key: encoding/hex: invalid byte".to_owned()))?;
    let cipher = UnboundKey::new(&AES_256_GCM, &bytes)
        .map(LessSafeKey::new)
        .map_err(|_| phase(format!("error decrypting: crypto/aes: invalid key size {}", bytes.len())))?;
    for (name, file) in pki::TRAVELLING {
        let path = format!("{}/{file}", pki::FOLDER);
        let sealed =
            secret["data"][name].as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| {
                phase(format!(
                    "the Secret does not include the required certificate or key - name: {name}, path: {path}"
                ))
            })?;
        let refused = || {
            phase(
                "error decoding secret data with provided key: cipher: message authentication failed"
                    .to_owned(),
            )
        };
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut sealed = sealed.to_vec();
        let opened = cipher.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| refused())?;
        machine.files.insert(path, String::from_utf8_lossy(opened).into_owned());
    }
    Ok(())
}
