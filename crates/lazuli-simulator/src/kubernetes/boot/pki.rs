//! The certificates kubeadm finds and makes on a control-plane node.

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::PrivatePkcs8KeyDer;
use time::{Duration, OffsetDateTime};
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;

use super::cloud_init::Files;
use crate::kubernetes::Leaf;
use crate::kubernetes::cluster::Accounts;
use crate::kubernetes::trust::{Trust, hashes};
use crate::random;

/// Where kubeadm keeps them.
pub(super) const FOLDER: &str = "/etc/kubernetes/pki";
/// The authorities, as (kubeadm's name, file without ending).
const AUTHORITIES: [(&str, &str); 3] =
    [("ca", "ca"), ("etcd/ca", "etcd/ca"), ("front-proxy-ca", "front-proxy-ca")];
/// What travels to every control-plane node: key in the Secret `kubeadm-certs`, path below [`FOLDER`].
pub(super) const TRAVELLING: [(&str, &str); 8] = [
    ("ca.crt", "ca.crt"),
    ("ca.key", "ca.key"),
    ("front-proxy-ca.crt", "front-proxy-ca.crt"),
    ("front-proxy-ca.key", "front-proxy-ca.key"),
    ("sa.pub", "sa.pub"),
    ("sa.key", "sa.key"),
    ("etcd-ca.crt", "etcd/ca.crt"),
    ("etcd-ca.key", "etcd/ca.key"),
];

/// Checks every authority and the service accounts' key as kubeadm does before it goes on with them.
pub(super) fn check(files: &Files, now_ms: u64) -> Result<(), String> {
    for (name, file) in AUTHORITIES {
        check_authority(files, name, file, now_ms).map_err(|why| {
            format!("error execution phase certs/{}: {why}", name.replace("etcd/ca", "etcd-ca"))
        })?;
    }
    let missing = |path: &str| format!("open {path}: no such file or directory");
    let path = format!("{FOLDER}/sa.key");
    let key = files.get(&path).ok_or_else(|| {
        format!(
            "error execution phase certs/sa: couldn't load the private key file {path}: {}",
            missing(&path)
        )
    })?;
    let key = KeyPair::from_pem(key).map_err(|_| {
        format!("error execution phase certs/sa: couldn't load the private key file {path}: data does not contain a valid RSA or ECDSA private key")
    })?;
    let path = format!("{FOLDER}/sa.pub");
    match files.get(&path) {
        None => Err(format!(
            "error execution phase certs/sa: couldn't load the public key file {path}: {}",
            missing(&path)
        )),
        // kubeadm compares the first; API servers check tokens with each of them.
        Some(text) if public_keys(text).first() == public_keys(&key.public_key_pem()).first() => Ok(()),
        Some(_) => Err(format!(
            "error execution phase certs/sa: the public key {path} does not match the private key {FOLDER}/sa.key"
        )),
    }
}

/// Digests of the public keys in a file, in their order.
fn public_keys(text: &str) -> Vec<String> {
    let keys = text
        .split_inclusive("-----END PUBLIC KEY-----")
        .filter_map(|block| parse_x509_pem(block.as_bytes()).ok());
    keys.map(|(_, pem)| random::sha256_hex(&pem.contents)).collect()
}

/// The keys of service accounts' tokens that an API server is started with.
fn accounts(files: &Files) -> Accounts {
    let trusts = files.get(&format!("{FOLDER}/sa.pub")).map(|text| public_keys(text)).unwrap_or_default();
    Accounts { signs: trusts.first().cloned().unwrap_or_default(), trusts }
}

fn check_authority(files: &Files, name: &str, file: &str, now_ms: u64) -> Result<(), String> {
    let (crt, key) = (format!("{FOLDER}/{file}.crt"), format!("{FOLDER}/{file}.key"));
    let text = files.get(&crt).ok_or_else(|| {
        format!("failure loading {name} certificate: couldn't load the certificate file {crt}: open {crt}: no such file or directory")
    })?;
    let unreadable = || {
        format!(
            "failure loading {name} certificate: couldn't load the certificate file {crt}: data does not contain any valid RSA or ECDSA certificates"
        )
    };
    let (_, pem) = parse_x509_pem(text.as_bytes()).map_err(|_| unreadable())?;
    let (_, certificate) = parse_x509_certificate(&pem.contents).map_err(|_| unreadable())?;
    let moment = (now_ms / 1000) as i64;
    let validity = certificate.validity();
    let dates = || format!("NotBefore: {}, NotAfter: {}", validity.not_before, validity.not_after);
    if validity.not_after.timestamp() < moment {
        return Err(format!("failure loading {name} certificate: the certificate has expired: {}", dates()));
    }
    if validity.not_before.timestamp() > moment {
        return Err(format!(
            "failure loading {name} certificate: the certificate is not valid yet: {}",
            dates()
        ));
    }
    if !certificate.is_ca() {
        return Err(format!("certificate {name} is not a CA"));
    }
    if certificate.subject() != certificate.issuer() || certificate.verify_signature(None).is_err() {
        return Err(format!(
            "certificate {name} is not signed by itself: x509: certificate signed by unknown authority"
        ));
    }
    let text = files.get(&key).ok_or_else(|| {
        format!("failure loading {name} key: couldn't load the private key file {key}: open {key}: no such file or directory")
    })?;
    let pair = KeyPair::from_pem(text).map_err(|_| {
        format!("failure loading {name} key: couldn't load the private key file {key}: data does not contain a valid RSA or ECDSA private key")
    })?;
    if pair.public_key_raw() != &*certificate.public_key().subject_public_key.data {
        return Err(format!("failure loading {name} key: tls: private key does not match public key"));
    }
    Ok(())
}

/// The flag of the controller manager that names the certificate it signs with.
pub(super) const SIGNING_FLAG: &str = "cluster-signing-cert-file";

/// Checks what the controller manager signs with: it does not start with more than one certificate, nor with that of another
/// key.
pub(super) fn check_signing(files: &Files, flag: Option<&str>) -> Result<(), String> {
    let own = format!("{FOLDER}/ca.crt");
    let path = flag.unwrap_or(&own);
    let refused = |why: String| {
        format!(
            "error execution phase wait-control-plane: a control plane component did not pass its health check: kube-controller-manager: failed to start kubernetes-io-kubelet-serving certificate controller: error reading CA cert file \"{path}\": {why}"
        )
    };
    let text = files.get(path).ok_or_else(|| refused(format!("open {path}: no such file or directory")))?;
    let signs = hashes(text);
    if signs.len() != 1 {
        return Err(refused(format!("expected 1 certificate, found {}", signs.len())));
    }
    match files.get(&own).map(|text| Trust::of(text).signs) {
        Some(first) if first != signs[0] => {
            Err(refused("tls: private key does not match public key".to_owned()))
        }
        _ => Ok(()),
    }
}

/// An API server's certificate, signed by the cluster's authority. The key follows from `seed`; it is worth nothing
/// outside of the simulated world.
pub(super) fn serving(files: &Files, names: Vec<String>, seed: &str, now_ms: u64) -> Result<Leaf, String> {
    let failed = |error: rcgen::Error| {
        format!(
            "error execution phase certs/apiserver: error creating PKI assets: failed to write or validate certificate \"apiserver\": {error}"
        )
    };
    let text = |file: &str| files.get(&format!("{FOLDER}/{file}")).map_or("", String::as_str);
    let authority = KeyPair::from_pem(text("ca.key")).map_err(failed)?;
    let issuer = Issuer::from_ca_cert_pem(text("ca.crt"), authority).map_err(failed)?;
    let key = key_from(seed).map_err(failed)?;
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let now =
        OffsetDateTime::from_unix_timestamp((now_ms / 1000) as i64).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (params.not_before, params.not_after) = (now - Duration::minutes(5), now + Duration::days(365));
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(Leaf {
        cert_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        accounts: accounts(files),
        ca_pem: text("ca.crt").to_owned(),
        authority: Trust::of(text("ca.crt")),
        front_proxy_pem: text("front-proxy-ca.crt").to_owned(),
        front_proxy: Trust::of(text("front-proxy-ca.crt")),
    })
}

/// An Ed25519 key whose 32 secret bytes are a hash, in PKCS#8 (RFC 8410).
fn key_from(seed: &str) -> Result<KeyPair, rcgen::Error> {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend_from_slice(digest(&SHA256, seed.as_bytes()).as_ref());
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), &PKCS_ED25519)
}
