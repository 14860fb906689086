//! The proxy of a node: for containerd, the kubelet, apt, the user's commands, and people who log in.
//!
//! Not for kubeadm: it would hand the proxy on to the API server and etcd, which talk to nodes only.

use super::{NodeBoot, UserDataError};

/// The variables, for systemd and for shells.
pub(super) const ENV_PATH: &str = "/etc/lazuli/proxy.env";

/// What is reached directly from any machine in Azure: itself, the metadata service, the platform.
const DIRECT: [&str; 6] =
    ["localhost", "127.0.0.1", "169.254.169.254", "168.63.129.16", ".svc", ".cluster.local"];

/// The files by path, with permissions: nobody but root reads an address that holds a password.
pub(super) fn files(node: &NodeBoot) -> Result<Vec<(&'static str, &'static str, String)>, UserDataError> {
    let Some(proxy) = &node.proxy else { return Ok(Vec::new()) };
    let mut variables = Vec::new();
    let mut apt = String::new();
    for (name, variable, address) in
        [("http", "http_proxy", &proxy.http), ("https", "https_proxy", &proxy.https)]
    {
        let Some(address) = address else { continue };
        if address.is_empty() || !is_plain(address) {
            return Err(UserDataError::BadProxy(name));
        }
        variables.push((variable, address.clone()));
        apt.push_str(&format!("Acquire::{name}::Proxy \"{address}\";\n"));
    }
    variables.push(("no_proxy", no_proxy(node, &proxy.no_proxy)?));
    let environment: String = variables
        .iter()
        .map(|(name, value)| format!("{name}='{value}'\n{}='{value}'\n", name.to_ascii_uppercase()))
        .collect();
    let service = format!("[Service]\nEnvironmentFile={ENV_PATH}\n");
    Ok(vec![
        (ENV_PATH, "0600", environment),
        ("/etc/systemd/system/containerd.service.d/20-lazuli-proxy.conf", "0644", service.clone()),
        ("/etc/systemd/system/kubelet.service.d/20-lazuli-proxy.conf", "0644", service),
        // apt of any user reads all of its files or ends; where one would tell a password, that is the lesser evil.
        ("/etc/apt/apt.conf.d/90lazuli-proxy", if apt.contains('@') { "0600" } else { "0644" }, apt),
        (
            "/etc/profile.d/lazuli-proxy.sh",
            "0644",
            format!("if [ -r {ENV_PATH} ]; then\n  set -a\n  . {ENV_PATH}\n  set +a\nfi\n"),
        ),
    ])
}

fn no_proxy(node: &NodeBoot, own: &[String]) -> Result<String, UserDataError> {
    let mut all: Vec<&str> = Vec::new();
    let cluster = [node.endpoint.host.as_str(), &node.pod_cidr, &node.service_cidr];
    for entry in DIRECT.into_iter().chain(cluster).chain(own.iter().map(String::as_str)) {
        if entry.is_empty() || !is_plain(entry) || entry.contains(',') {
            return Err(UserDataError::BadProxy("no_proxy"));
        }
        if !all.contains(&entry) {
            all.push(entry);
        }
    }
    Ok(all.join(","))
}

/// Neither systemd, nor a shell within single quotes, nor apt takes these for anything else.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b'`'))
}
