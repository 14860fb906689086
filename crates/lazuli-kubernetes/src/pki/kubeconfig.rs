//! The file `kubectl` reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ClientIdentity, Secret};

/// What a kubeconfig says.
#[derive(Debug, Clone, Copy)]
pub struct Kubeconfig<'a> {
    /// The cluster's name: the user is `<cluster>-admin`, the context `<cluster>-admin@<cluster>`.
    pub cluster: &'a str,
    /// Where the API is reached: `https://prod-4f2a.westeurope.cloudapp.azure.com:6443`. Of a simulated cluster, a
    /// loopback address.
    pub server: &'a str,
    /// The name in the API server's certificate where it is not that of `server`: of a simulated cluster.
    pub tls_server_name: Option<&'a str>,
    /// The cluster CA's certificate, PEM.
    pub ca_pem: &'a str,
    /// Who the user is.
    pub identity: &'a ClientIdentity,
}

/// The file's text. It holds a private key.
pub fn kubeconfig(config: &Kubeconfig<'_>) -> Secret {
    let user = format!("{}-admin", config.cluster);
    let context = format!("{user}@{}", config.cluster);
    let quoted = |text: &str| Value::from(text).to_string();
    let name = config
        .tls_server_name
        .map_or_else(String::new, |name| format!("    tls-server-name: {}\n", quoted(name)));
    let encoded = |text: &str| STANDARD.encode(text);
    Secret::new(format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: {cluster}\n  cluster:\n    server: {server}\n{name}    certificate-authority-data: {ca}\n\
         users:\n\
         - name: {user}\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n\
         contexts:\n\
         - name: {context}\n  context: {both}\n\
         current-context: {context}\n\
         preferences: {{}}\n",
        cluster = quoted(config.cluster),
        server = quoted(config.server),
        ca = encoded(config.ca_pem),
        user = quoted(&user),
        certificate = encoded(&config.identity.certificate_pem),
        key = encoded(config.identity.private_key_pem.expose()),
        context = quoted(&context),
        both = json!({ "cluster": config.cluster, "user": user }),
    ))
}

/// The text of a kubeconfig without any secret: `kubectl` asks `lazuli cluster kubeconfig` for a certificate whenever it needs
/// one, in the folder it is run in.
pub fn asking_kubeconfig(cluster: &str, server: &str, ca_pem: &str) -> String {
    let user = format!("{cluster}-admin");
    let context = format!("{user}@{cluster}");
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca_pem) },
        }],
        "users": [{
            "name": user,
            "user": { "exec": {
                "apiVersion": EXEC_CREDENTIAL,
                "command": "lazuli",
                "args": ["cluster", "kubeconfig", cluster, "--exec-credential"],
                "interactiveMode": "Never",
                "installHint": "kubectl asks lazuli for a certificate: install it, and run kubectl in the folder of the configuration",
            } },
        }],
        "contexts": [{ "name": context, "context": { "cluster": cluster, "user": user } }],
        "current-context": context,
    })
    .to_string()
}

/// What `kubectl` reads from a program that it asks for a certificate, `until` when it need not ask again (RFC 3339).
pub fn exec_credential(identity: &ClientIdentity, until: &str) -> Secret {
    Secret::new(
        json!({
            "apiVersion": EXEC_CREDENTIAL,
            "kind": "ExecCredential",
            "status": {
                "clientCertificateData": identity.certificate_pem,
                "clientKeyData": identity.private_key_pem.expose(),
                "expirationTimestamp": until,
            },
        })
        .to_string(),
    )
}

const EXEC_CREDENTIAL: &str = "client.authentication.k8s.io/v1";
