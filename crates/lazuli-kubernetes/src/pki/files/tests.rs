use std::collections::BTreeMap;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P384_SHA384};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

fn made() -> ClusterPki {
    let ca = |name| CertificateAuthority::new(name, 10, NOW).unwrap();
    ClusterPki {
        cluster_ca: ca("kubernetes"),
        etcd_ca: ca("etcd-ca"),
        front_proxy_ca: ca("front-proxy-ca"),
        service_account: ServiceAccountKey::new().unwrap(),
    }
}

type Folder = BTreeMap<&'static str, String>;

fn folder() -> Folder {
    made().files().into_iter().map(|(name, text)| (name, text.expose().to_owned())).collect()
}

fn read(folder: &Folder) -> Result<ClusterPki, String> {
    let file = |name: &str| folder.get(name).map(Secret::new).ok_or_else(|| "No such file".to_owned());
    ClusterPki::from_files(&file, NOW)
        .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn what_is_written_is_read_again_whatever_its_line_ends() {
    let folder = folder();
    let windows = folder.iter().map(|(name, text)| (*name, text.replace('\n', "\r\n"))).collect();
    for folder in [&folder, &windows] {
        let again = read(folder).unwrap();
        for (name, text) in again.files() {
            assert_eq!(text.expose(), folder[name].replace('\r', ""), "{name}");
        }
    }
}

/// A folder with something wrong in it.
fn spoiled(spoil: impl FnOnce(&mut Folder)) -> String {
    let mut folder = folder();
    spoil(&mut folder);
    read(&folder).unwrap_err()
}

#[test]
fn everything_that_is_wrong_with_the_files_is_said() {
    let put = |file: &'static str, text: String| spoiled(|folder| drop(folder.insert(file, text)));
    let large = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
    let leaf = |ca: IsCa| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["someone".to_owned()]).unwrap();
        params.is_ca = ca;
        params.not_before = datetime!(2020-01-01 0:00 UTC);
        params.not_after = datetime!(2026-03-01 12:00:00 UTC);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let pair = |(certificate, key): (String, String)| {
        spoiled(|folder| folder.extend([("front-proxy-ca.crt", certificate), ("front-proxy-ca.key", key)]))
    };
    let rows = [
        ("missing", spoiled(|folder| folder.retain(|name, _| !["ca.key", "sa.pub"].contains(name)))),
        ("empty", put("etcd/ca.key", String::new())),
        ("a certificate for a key", put("ca.key", folder()["ca.crt"].clone())),
        ("nonsense", put("etcd/ca.crt", "nonsense".to_owned())),
        (
            "nonsense in a key",
            put("sa.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned()),
        ),
        (
            "PKCS#1",
            put(
                "ca.key",
                "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned(),
            ),
        ),
        (
            "SEC 1",
            put("ca.key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n".to_owned()),
        ),
        ("another curve", put("ca.key", large)),
        (
            "keys of another",
            spoiled(|folder| {
                let other = super::tests::folder();
                folder.extend([("ca.key", other["ca.key"].clone()), ("sa.pub", other["sa.pub"].clone())]);
            }),
        ),
        ("no authority", pair(leaf(IsCa::NoCa))),
        ("expired this moment", pair(leaf(IsCa::Ca(BasicConstraints::Unconstrained)))),
    ];
    let told: String =
        rows.iter().map(|(what, said)| format!("{what}\n  {}\n", said.replace('\n', "\n  "))).collect();
    insta::assert_snapshot!(told);
}
