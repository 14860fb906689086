#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

use super::derived::{bootstrap_token, certificate_key};
use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);
/// A key that never changes, so that what is derived from it can be written down.
const KEY: &str = include_str!("../../tests/samples/ca.key");
const CERTIFICATE: &str = include_str!("../../tests/samples/ca.crt");

fn ca() -> CertificateAuthority {
    CertificateAuthority::new("kubernetes", 10, NOW).unwrap()
}

#[test]
fn an_authority_holds_for_ten_years_and_survives_being_written_and_read() {
    let ca = ca();
    assert_eq!(expiry(&ca.certificate_pem).unwrap(), datetime!(2036-02-27 12:00:00 UTC));
    let again = CertificateAuthority::from_pem(&ca.certificate_pem, ca.private_key_pem.expose()).unwrap();
    assert_eq!(bootstrap_token(&ca, "a"), bootstrap_token(&again, "a"));
    assert_ne!(bootstrap_token(&ca, "a"), bootstrap_token(&super::tests::ca(), "a"));
}

#[test]
fn a_certificate_beside_the_wrong_key_is_refused() {
    let (one, other) = (ca(), ca());
    let error =
        CertificateAuthority::from_pem(&one.certificate_pem, other.private_key_pem.expose()).unwrap_err();
    assert_eq!(error, PkiError::Mismatch { common_name: "kubernetes".into() });
    for broken in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = CertificateAuthority::from_pem(broken, one.private_key_pem.expose()).unwrap_err();
        assert!(matches!(error, PkiError::Read { .. }), "{error}");
    }
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let (ca, sa) = (ca(), ServiceAccountKey::new().unwrap());
    let identity = admin_identity(&ca, "admin", &["system:masters"], Duration::from_secs(60), NOW).unwrap();
    let (token, key) = (bootstrap_token(&ca, "a"), certificate_key(&ca, "a"));
    let shown = format!("{ca:?} {sa:?} {identity:?} {token:?} {key:?}");
    assert!(!shown.contains("PRIVATE KEY") && !shown.contains("key_der"), "{shown}");
    assert!(!shown.contains(token.secret()) && !shown.contains(key.hex().expose()), "{shown}");
}

#[test]
fn tokens_and_certificate_keys_stay_what_they_are_from_release_to_release() {
    let key = CertificateAuthority::from_pem(CERTIFICATE, KEY).unwrap();
    let told = format!(
        "{}\n{}",
        bootstrap_token(&key, "prod-cp-2-x81qd").expose(),
        certificate_key(&key, "prod-cp-2-x81qd").hex().expose()
    );
    insta::assert_snapshot!(told, @r"
    135uxn.1lz05kt8cbad54je
    8c6b775c0aaf1a34404c90ed7cb036ad8ec3e187a341762cfd2c3c9ccac8b384
    ");
}

proptest! {
    #[test]
    fn a_token_has_the_form_that_kubernetes_wants_and_each_node_its_own(one in "[a-z0-9-]{1,20}", other in "[a-z0-9-]{1,20}") {
        let ca = CertificateAuthority::from_pem(CERTIFICATE, KEY).unwrap();
        let token = bootstrap_token(&ca, &one);
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        prop_assert!(token.id().len() == 6 && token.secret().len() == 16);
        prop_assert!(word(token.id()) && word(token.secret()));
        prop_assert_eq!(token.expose(), format!("{}.{}", token.id(), token.secret()));
        if one != other {
            prop_assert_ne!(token, bootstrap_token(&ca, &other));
            prop_assert_ne!(certificate_key(&ca, &one), certificate_key(&ca, &other));
        }
    }

    #[test]
    fn what_is_encrypted_opens_with_its_own_key_and_only_whole(plain in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let ca = CertificateAuthority::from_pem(CERTIFICATE, KEY).unwrap();
        let key = certificate_key(&ca, "a");
        let sealed = key.seal(&plain).unwrap();
        prop_assert_eq!(sealed.len(), 12 + plain.len() + 16);
        let opened = key.open(&sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
        prop_assert_ne!(&sealed, &key.seal(&plain).unwrap(), "a nonce is used once");
        prop_assert_eq!(certificate_key(&ca, "b").open(&sealed).unwrap_err(), PkiError::Sealed);
        let at = at.index(sealed.len());
        prop_assert_eq!(key.open(&sealed[..at]).unwrap_err(), PkiError::Sealed);
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        prop_assert_eq!(key.open(&changed).unwrap_err(), PkiError::Sealed);
    }
}

#[test]
fn a_joining_control_plane_node_finds_all_eight_files_as_kubeadm_names_them() {
    let (cluster, etcd, proxy) = (ca(), ca(), ca());
    let sa = ServiceAccountKey::new().unwrap();
    let key = certificate_key(&cluster, "a");
    let files = key.kubeadm_certs(&cluster, &etcd, &proxy, &sa).unwrap();
    let first_lines: Vec<_> = files
        .iter()
        .map(|(name, sealed)| {
            let plain = String::from_utf8(key.open(sealed).unwrap().to_vec()).unwrap();
            format!("{name}: {}", plain.lines().next().unwrap())
        })
        .collect();
    insta::assert_snapshot!(first_lines.join("\n"), @r"
    ca.crt: -----BEGIN CERTIFICATE-----
    ca.key: -----BEGIN PRIVATE KEY-----
    etcd-ca.crt: -----BEGIN CERTIFICATE-----
    etcd-ca.key: -----BEGIN PRIVATE KEY-----
    front-proxy-ca.crt: -----BEGIN CERTIFICATE-----
    front-proxy-ca.key: -----BEGIN PRIVATE KEY-----
    sa.key: -----BEGIN PRIVATE KEY-----
    sa.pub: -----BEGIN PUBLIC KEY-----
    ");
}

#[test]
fn a_client_certificate_names_at_most_two_groups() {
    let error = admin_identity(&ca(), "a", &["b", "c", "d"], Duration::from_secs(60), NOW).unwrap_err();
    assert_eq!(error, PkiError::TooManyGroups(3));
}

#[test]
fn a_kubeconfig_is_yaml_with_everything_in_it() {
    let ca = ca();
    let identity =
        admin_identity(&ca, "kubernetes-admin", &["system:masters"], Duration::from_secs(60), NOW).unwrap();
    let config = Kubeconfig {
        cluster: "prod",
        server: "https://127.0.0.1:4433",
        tls_server_name: Some("prod-4f2a.westeurope.cloudapp.azure.com"),
        ca_pem: &ca.certificate_pem,
        identity: &identity,
    };
    let text = kubeconfig(&config);
    let parsed = kube::config::Kubeconfig::from_yaml(text.expose()).unwrap();
    assert_eq!(parsed.current_context.as_deref(), Some("prod-admin@prod"));
    let cluster = parsed.clusters[0].cluster.as_ref().unwrap();
    assert_eq!(cluster.tls_server_name.as_deref(), config.tls_server_name);
    let hidden: Vec<_> = text
        .expose()
        .lines()
        .map(|line| line.split_once("-data: ").map_or(line.to_owned(), |(name, _)| format!("{name}-data: …")))
        .collect();
    insta::assert_snapshot!(hidden.join("\n"), @r#"
    apiVersion: v1
    kind: Config
    clusters:
    - name: "prod"
      cluster:
        server: "https://127.0.0.1:4433"
        tls-server-name: "prod-4f2a.westeurope.cloudapp.azure.com"
        certificate-authority-data: …
    users:
    - name: "prod-admin"
      user:
        client-certificate-data: …
        client-key-data: …
    contexts:
    - name: "prod-admin@prod"
      context: {"cluster":"prod","user":"prod-admin"}
    current-context: "prod-admin@prod"
    preferences: {}
    "#);
    let real = kubeconfig(&Kubeconfig { tls_server_name: None, ..config });
    assert!(!real.expose().contains("tls-server-name"));
}

/// Runs `openssl`, or tells that there is none.
fn openssl(folder: &tempfile::TempDir, args: &[&str]) -> Option<String> {
    let output = match Command::new("openssl").current_dir(folder.path()).args(args).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            writeln!(std::io::stderr(), "skipped: openssl is not installed").unwrap();
            return None;
        }
        other => other.unwrap(),
    };
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {args:?}: {said}");
    Some(said)
}

#[test]
fn openssl_accepts_everything_under_its_strict_rules() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let now = OffsetDateTime::now_utc();
    for name in ["kubernetes", "etcd-ca", "front-proxy-ca"] {
        let ca = CertificateAuthority::new(name, 10, now).unwrap();
        write("ca.crt", &ca.certificate_pem);
        write("ca.key", ca.private_key_pem.expose());
        let groups = ["system:masters", "team"];
        let identity =
            admin_identity(&ca, "kubernetes-admin", &groups, Duration::from_secs(3600), now).unwrap();
        write("client.crt", &identity.certificate_pem);
        write("client.key", identity.private_key_pem.expose());

        let Some(_) =
            openssl(&folder, &["verify", "-x509_strict", "-check_ss_sig", "-CAfile", "ca.crt", "ca.crt"])
        else {
            return;
        };
        openssl(
            &folder,
            &["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.crt", "client.crt"],
        );
        let subject =
            openssl(&folder, &["x509", "-in", "client.crt", "-noout", "-subject", "-nameopt", "RFC2253"])
                .unwrap();
        assert_eq!(subject.trim(), "subject=CN=kubernetes-admin,O=team,O=system:masters");
        let shown = openssl(&folder, &["x509", "-in", "ca.crt", "-noout", "-text"]).unwrap();
        for part in [
            "CA:TRUE",
            "Certificate Sign",
            "Subject Key Identifier",
            "Basic Constraints: critical",
            "prime256v1",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for file in ["ca.key", "client.key"] {
            openssl(&folder, &["pkey", "-in", file, "-check", "-noout"]);
        }
        // kubeadm's documentation computes the hash like this.
        let script = "openssl pkey -pubin -in pub.pem -outform der | openssl dgst -sha256 -hex";
        write("pub.pem", &openssl(&folder, &["x509", "-in", "ca.crt", "-noout", "-pubkey"]).unwrap());
        let output = Command::new("sh").current_dir(folder.path()).args(["-c", script]).output().unwrap();
        let digest = String::from_utf8(output.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned();
        assert_eq!(public_key_hash(&ca.certificate_pem).unwrap(), format!("sha256:{digest}"));
    }
    let sa = ServiceAccountKey::new().unwrap();
    write("sa.key", sa.private_pem.expose());
    let public = openssl(&folder, &["pkey", "-in", "sa.key", "-pubout"]).unwrap();
    assert_eq!(public, sa.public_pem);
    assert_eq!(ServiceAccountKey::from_pem(sa.private_pem.expose()).unwrap().public_pem, sa.public_pem);
}
