//! kubeadm's configuration files, read as strictly as kubeadm can: a field it does not know is an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::args::ExtraArgs;
use super::cloud_init::Files;
use crate::kubernetes::yaml::{self, Repeated};

/// The documents a machine's kubeadm is given, by kind.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) cluster: Option<ClusterConfiguration>,
    pub(super) init: Option<InitConfiguration>,
    pub(super) join: Option<JoinConfiguration>,
    /// As written; kubeadm puts it into a ConfigMap.
    pub(super) kubelet: Option<Value>,
    pub(super) proxy: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ClusterConfiguration {
    pub(super) api_version: String,
    kind: String,
    pub(super) etcd: Etcd,
    pub(super) networking: Networking,
    pub(super) kubernetes_version: String,
    pub(super) control_plane_endpoint: String,
    pub(super) api_server: ApiServer,
    pub(super) controller_manager: Component,
    scheduler: Component,
    dns: Value,
    proxy: Value,
    certificates_dir: String,
    image_repository: String,
    feature_gates: BTreeMap<String, bool>,
    pub(super) cluster_name: String,
    encryption_algorithm: Option<String>,
    certificate_validity_period: Option<String>,
    ca_certificate_validity_period: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Etcd {
    local: Option<LocalEtcd>,
    pub(super) external: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LocalEtcd {
    image_repository: String,
    image_tag: String,
    data_dir: String,
    extra_args: ExtraArgs,
    extra_envs: Option<Value>,
    #[serde(rename = "serverCertSANs")]
    server_cert_sans: Vec<String>,
    #[serde(rename = "peerCertSANs")]
    peer_cert_sans: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Networking {
    pub(super) service_subnet: String,
    pub(super) pod_subnet: String,
    pub(super) dns_domain: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ApiServer {
    extra_args: ExtraArgs,
    extra_volumes: Option<Value>,
    extra_envs: Option<Value>,
    #[serde(rename = "certSANs")]
    pub(super) cert_sans: Vec<String>,
    timeout_for_control_plane: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Component {
    pub(super) extra_args: ExtraArgs,
    extra_volumes: Option<Value>,
    extra_envs: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct InitConfiguration {
    pub(super) api_version: String,
    kind: String,
    pub(super) bootstrap_tokens: Option<Vec<BootstrapToken>>,
    dry_run: Option<bool>,
    pub(super) node_registration: NodeRegistration,
    #[serde(rename = "localAPIEndpoint")]
    pub(super) local_api_endpoint: LocalApiEndpoint,
    certificate_key: Option<String>,
    skip_phases: Vec<String>,
    patches: Option<Value>,
    timeouts: Option<Timeouts>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct BootstrapToken {
    pub(super) token: String,
    description: String,
    ttl: Option<String>,
    expires: Option<String>,
    usages: Vec<String>,
    groups: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct JoinConfiguration {
    pub(super) api_version: String,
    kind: String,
    dry_run: Option<bool>,
    pub(super) node_registration: NodeRegistration,
    ca_cert_path: String,
    pub(super) discovery: Discovery,
    pub(super) control_plane: Option<JoinControlPlane>,
    skip_phases: Vec<String>,
    patches: Option<Value>,
    timeouts: Option<Timeouts>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Discovery {
    pub(super) bootstrap_token: Option<TokenDiscovery>,
    file: Option<Value>,
    pub(super) tls_bootstrap_token: String,
    timeout: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct TokenDiscovery {
    pub(super) token: String,
    pub(super) api_server_endpoint: String,
    pub(super) ca_cert_hashes: Vec<String>,
    pub(super) unsafe_skip_ca_verification: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    pub(super) local_api_endpoint: LocalApiEndpoint,
    pub(super) certificate_key: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct LocalApiEndpoint {
    advertise_address: String,
    pub(super) bind_port: Option<u16>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NodeRegistration {
    pub(super) name: String,
    cri_socket: String,
    pub(super) taints: Option<Vec<Taint>>,
    pub(super) kubelet_extra_args: ExtraArgs,
    ignore_preflight_errors: Vec<String>,
    image_pull_policy: Option<String>,
    image_pull_serial: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Taint {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) effect: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Timeouts {
    control_plane_component_health_check: Option<String>,
    kubelet_health_check: Option<String>,
    #[serde(rename = "kubernetesAPICall")]
    kubernetes_api_call: Option<String>,
    #[serde(rename = "etcdAPICall")]
    etcd_api_call: Option<String>,
    tls_bootstrap: Option<String>,
    discovery: Option<String>,
    upgrade_manifests: Option<String>,
}

/// The documents in the file that kubeadm is started with, or, when its words name none, in all written files.
pub(super) fn read(words: &[String], files: &Files) -> Result<Documents, String> {
    let named = words
        .iter()
        .position(|word| word == "--config")
        .and_then(|at| words.get(at + 1).cloned())
        .or_else(|| words.iter().find_map(|word| word.strip_prefix("--config=").map(str::to_owned)));
    let mut documents = Documents::default();
    match named {
        // A name that a shell puts together is not followed; the file is found by what it says.
        Some(path) if !path.contains('$') => {
            let Some(text) = files.get(&path) else {
                return Err(format!(
                    "unable to read config from \"{path}\": open {path}: no such file or directory"
                ));
            };
            documents.take(text)?;
        }
        _ => {
            for text in files.values().filter(|text| text.contains("kubeadm.k8s.io/")) {
                documents.take(text)?;
            }
        }
    }
    Ok(documents)
}

impl Documents {
    fn take(&mut self, text: &str) -> Result<(), String> {
        let documents = yaml::documents(text, Repeated::Refused)
            .map_err(|why| format!("error converting YAML to JSON: yaml: {why}"))?;
        for document in documents {
            let version = document["apiVersion"].as_str().unwrap_or("").to_owned();
            let kind = document["kind"].as_str().unwrap_or("").to_owned();
            let (group, version) = version.split_once('/').unwrap_or(("", &version));
            match (group, kind.as_str()) {
                ("kubeadm.k8s.io", kind) => self.learn(version, kind, document)?,
                ("kubelet.config.k8s.io", "KubeletConfiguration") => self.kubelet = Some(document),
                ("kubeproxy.config.k8s.io", "KubeProxyConfiguration") => self.proxy = Some(document),
                _ => {
                    return Err(format!(
                        "no kind \"{kind}\" is registered for version \"{group}/{version}\""
                    ));
                }
            }
        }
        Ok(())
    }

    fn learn(&mut self, version: &str, kind: &str, document: Value) -> Result<(), String> {
        let is_v1beta4 = match version {
            "v1beta3" => false,
            "v1beta4" => true,
            "v1alpha1" | "v1alpha2" | "v1alpha3" | "v1beta1" | "v1beta2" => {
                return Err(format!(
                    "your configuration file uses an old API spec: \"kubeadm.k8s.io/{version}\" (kind: \"{kind}\"). Please use kubeadm v1.22 instead and run 'kubeadm config migrate --old-config old-config-file --new-config new-config-file', which will write the new, similar spec using a newer API version."
                ));
            }
            other => {
                return Err(format!(
                    "no kind \"{kind}\" is registered for version \"kubeadm.k8s.io/{other}\""
                ));
            }
        };
        let since_v1beta4 = match kind {
            "ClusterConfiguration" => {
                &["encryptionAlgorithm", "certificateValidityPeriod", "caCertificateValidityPeriod"][..]
            }
            _ => &["timeouts", "dryRun"][..],
        };
        let strange = since_v1beta4
            .iter()
            .find(|field| !is_v1beta4 && document.get(**field).is_some())
            .copied()
            .or_else(|| {
                let timeout = document["apiServer"].get("timeoutForControlPlane").is_some();
                (is_v1beta4 && timeout).then_some("apiServer.timeoutForControlPlane")
            });
        let refused = |why: String| {
            format!(
                "error unmarshaling configuration schema.GroupVersionKind{{Group:\"kubeadm.k8s.io\", Version:\"{version}\", Kind:\"{kind}\"}}: {why}"
            )
        };
        if let Some(field) = strange {
            return Err(refused(format!("strict decoding error: unknown field \"{field}\"")));
        }
        let wrong = |error: serde_json::Error| {
            let text = error.to_string();
            refused(match text.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()) {
                Some(field) => format!("strict decoding error: unknown field \"{field}\""),
                None => format!("json: cannot unmarshal: {text}"),
            })
        };
        let args = |all: &[&ExtraArgs]| match all.iter().all(|args| args.fits(is_v1beta4)) {
            true => Ok(()),
            false if is_v1beta4 => Err(refused(
                "json: cannot unmarshal object into Go struct field of type []v1beta4.Arg".to_owned(),
            )),
            false => Err(refused(
                "json: cannot unmarshal array into Go struct field of type map[string]string".to_owned(),
            )),
        };
        match kind {
            "ClusterConfiguration" => {
                let read: ClusterConfiguration = serde_json::from_value(document).map_err(wrong)?;
                args(&[
                    &read.api_server.extra_args,
                    &read.controller_manager.extra_args,
                    &read.scheduler.extra_args,
                    read.etcd.local.as_ref().map_or(&ExtraArgs::List(Vec::new()), |local| &local.extra_args),
                ])?;
                self.cluster = Some(read);
            }
            "InitConfiguration" => {
                let read: InitConfiguration = serde_json::from_value(document).map_err(wrong)?;
                args(&[&read.node_registration.kubelet_extra_args])?;
                self.init = Some(read);
            }
            "JoinConfiguration" => {
                let read: JoinConfiguration = serde_json::from_value(document).map_err(wrong)?;
                args(&[&read.node_registration.kubelet_extra_args])?;
                self.join = Some(read);
            }
            "ResetConfiguration" | "UpgradeConfiguration" => {}
            other => {
                return Err(format!(
                    "no kind \"{other}\" is registered for version \"kubeadm.k8s.io/{version}\""
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Documents, String> {
        let files = Files::from([("/run/kubeadm.yaml".to_owned(), text.to_owned())]);
        read(&["init".to_owned(), "--config".to_owned(), "/run/kubeadm.yaml".to_owned()], &files)
    }

    #[test]
    fn each_api_version_has_its_own_shape() {
        let four = read_text("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrollerManager: {extraArgs: [{name: cloud-provider, value: external}]}\n").expect("v1beta4");
        assert_eq!(
            four.cluster.expect("it").controller_manager.extra_args.get("cloud-provider"),
            Some("external")
        );
        let three = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\ncontrollerManager: {extraArgs: {cloud-provider: external}}\n";
        assert!(read_text(three).is_ok());
        let refusals = [
            three.replace("v1beta3", "v1beta4"),
            three.replace("v1beta3", "v1beta1"),
            three.replace("v1beta3", "v1"),
            three.replace("controllerManager", "controlerManager"),
            three.replace("kind: ClusterConfiguration", "kind: InitConfiguration"),
            format!("{three}kind: x\n"),
            "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ntimeouts: {}\n".to_owned(),
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {nam: x}\n"
                .to_owned(),
        ];
        let said: Vec<String> = refusals.iter().map(|text| read_text(text).expect_err("refused")).collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_file_that_nobody_wrote_cannot_be_read() {
        let refusal =
            read(&["init".to_owned(), "--config=/x".to_owned()], &Files::new()).expect_err("refused");
        assert_eq!(refusal, "unable to read config from \"/x\": open /x: no such file or directory");
    }
}
