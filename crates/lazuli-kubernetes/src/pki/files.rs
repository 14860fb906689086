//! The keys of a cluster as kubeadm keeps them on control-plane nodes, in `/etc/kubernetes/pki`.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::authority::unix;
use super::certificate::look_at;
use super::{CertificateAuthority, PkiError, Secret, ServiceAccountKey};

const CLUSTER: [&str; 2] = ["ca.crt", "ca.key"];
const ETCD: [&str; 2] = ["etcd/ca.crt", "etcd/ca.key"];
const FRONT_PROXY: [&str; 2] = ["front-proxy-ca.crt", "front-proxy-ca.key"];
const SERVICE_ACCOUNT: [&str; 2] = ["sa.pub", "sa.key"];

/// All keys of a cluster.
#[derive(Debug, Clone)]
pub struct ClusterPki {
    /// The authority of the Kubernetes API and its clients.
    pub cluster_ca: CertificateAuthority,
    /// The authority of etcd.
    pub etcd_ca: CertificateAuthority,
    /// The authority of the API's extensions.
    pub front_proxy_ca: CertificateAuthority,
    /// The key that signs tokens of service accounts.
    pub service_account: ServiceAccountKey,
}

/// What is wrong with a file. No variant carries a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PkiFileError {
    /// It is not there, or may not be read.
    #[error("{file} cannot be read: {why}")]
    Unreadable {
        /// The file, below the directory.
        file: &'static str,
        /// What the system said.
        why: String,
    },
    /// It does not hold what it should.
    #[error("{file}: {why}")]
    Content {
        /// The file, below the directory.
        file: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A private key in another form than PKCS#8.
    #[error("{file} holds a key in the form {form:?}, which is not read")]
    Form {
        /// The file, below the directory.
        file: &'static str,
        /// The word of its first line.
        form: String,
    },
    /// Keys that Lazuli makes are ECDSA P-256, and nothing else is.
    #[error("{file} is no ECDSA P-256 key, so it is of no cluster that Lazuli made")]
    Algorithm {
        /// The file, below the directory.
        file: &'static str,
    },
    /// The two are of different keys.
    #[error("{public} does not belong to {private}")]
    Mismatch {
        /// The certificate, or the public key.
        public: &'static str,
        /// The private key.
        private: &'static str,
    },
    /// A certificate that may not sign others.
    #[error("{file} is the certificate of {common_name:?}, which is no certificate authority")]
    NotAnAuthority {
        /// The file, below the directory.
        file: &'static str,
        /// Whose it is.
        common_name: String,
    },
    /// A certificate that does not hold now.
    #[error("{file} holds from {from} to {until} only, and it is {now}")]
    NotValid {
        /// The file, below the directory.
        file: &'static str,
        /// RFC 3339.
        from: String,
        /// RFC 3339.
        until: String,
        /// RFC 3339.
        now: String,
    },
}

impl ClusterPki {
    /// Reads and checks all files; `read` gives the text of one, or what the system said.
    ///
    /// # Errors
    /// Everything that is wrong, file by file.
    pub fn from_files(
        read: &dyn Fn(&str) -> Result<Secret, String>,
        now: OffsetDateTime,
    ) -> Result<ClusterPki, Vec<PkiFileError>> {
        let mut wrong = Vec::new();
        let cluster_ca = authority(CLUSTER, read, now, &mut wrong);
        let etcd_ca = authority(ETCD, read, now, &mut wrong);
        let front_proxy_ca = authority(FRONT_PROXY, read, now, &mut wrong);
        let service_account = service_account(read, &mut wrong);
        match (cluster_ca, etcd_ca, front_proxy_ca, service_account) {
            (Some(cluster_ca), Some(etcd_ca), Some(front_proxy_ca), Some(service_account)) => {
                Ok(ClusterPki { cluster_ca, etcd_ca, front_proxy_ca, service_account })
            }
            _ => Err(wrong),
        }
    }

    /// Every file with its text, named as it is below the directory.
    pub fn files(&self) -> [(&'static str, Secret); 8] {
        let authority = |[certificate, key]: [&'static str; 2], ca: &CertificateAuthority| {
            [(certificate, Secret::new(ca.certificate_pem.as_str())), (key, ca.private_key_pem.clone())]
        };
        let [a, b] = authority(CLUSTER, &self.cluster_ca);
        let [c, d] = authority(ETCD, &self.etcd_ca);
        let [e, f] = authority(FRONT_PROXY, &self.front_proxy_ca);
        let [public, private] = SERVICE_ACCOUNT;
        let key = &self.service_account;
        let of_accounts =
            [(public, Secret::new(key.public_pem.as_str())), (private, key.private_pem.clone())];
        let [g, h] = of_accounts;
        [a, b, c, d, e, f, g, h]
    }
}

/// Reads two files, so that what is wrong with both is said.
fn both(
    [one, other]: [&'static str; 2],
    read: &dyn Fn(&str) -> Result<Secret, String>,
    wrong: &mut Vec<PkiFileError>,
) -> Option<[Secret; 2]> {
    let mut one_of = |file: &'static str| {
        let text = read(file);
        text.map_err(|why| wrong.push(PkiFileError::Unreadable { file, why })).ok()
    };
    let texts = (one_of(one), one_of(other));
    Some([texts.0?, texts.1?])
}

fn authority(
    files: [&'static str; 2],
    read: &dyn Fn(&str) -> Result<Secret, String>,
    now: OffsetDateTime,
    wrong: &mut Vec<PkiFileError>,
) -> Option<CertificateAuthority> {
    let [certificate, key] = both(files, read, wrong)?;
    match checked_authority(files, &certificate, &key, now) {
        Ok(authority) => Some(authority),
        Err(error) => {
            wrong.push(error);
            None
        }
    }
}

fn checked_authority(
    [file, key_file]: [&'static str; 2],
    certificate: &Secret,
    key: &Secret,
    now: OffsetDateTime,
) -> Result<CertificateAuthority, PkiFileError> {
    let _ = private_key(key_file, key)?;
    let unreadable = |error: PkiError| PkiFileError::Content { file, why: error.to_string() };
    let (is_authority, common_name, from, until) = look_at(certificate.expose(), |certificate| {
        let may_sign = certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
        let is_authority = certificate.is_ca() && may_sign;
        let validity = certificate.validity();
        let name = super::certificate::common_name(certificate);
        (is_authority, name, validity.not_before.to_datetime(), validity.not_after.to_datetime())
    })
    .map_err(unreadable)?;
    if !is_authority {
        return Err(PkiFileError::NotAnAuthority { file, common_name });
    }
    if now < from || now >= until {
        let told = |moment: OffsetDateTime| moment.format(&Rfc3339).unwrap_or_default();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        return Err(PkiFileError::NotValid { file, from: told(from), until: told(until), now: told(now) });
    }
    let certificate = unix(certificate.expose().to_owned());
    CertificateAuthority::from_pem(&certificate, &unix(key.expose().to_owned())).map_err(
        |error| match error {
            PkiError::Mismatch { .. } => PkiFileError::Mismatch { public: file, private: key_file },
            other => unreadable(other),
        },
    )
}

fn service_account(
    read: &dyn Fn(&str) -> Result<Secret, String>,
    wrong: &mut Vec<PkiFileError>,
) -> Option<ServiceAccountKey> {
    let [public, private] = both(SERVICE_ACCOUNT, read, wrong)?;
    let [public_file, private_file] = SERVICE_ACCOUNT;
    let checked = private_key(private_file, &private).and_then(|pair| {
        let same = |one: &str, other: &str| one.split_whitespace().eq(other.split_whitespace());
        match same(&pair.public_key_pem(), public.expose()) {
            true => Ok(ServiceAccountKey {
                public_pem: unix(pair.public_key_pem()),
                private_pem: Secret::new(unix(private.expose().to_owned())),
            }),
            false => Err(PkiFileError::Mismatch { public: public_file, private: private_file }),
        }
    });
    checked.map_err(|error| wrong.push(error)).ok()
}

/// A private key of the kind that Lazuli makes.
fn private_key(file: &'static str, text: &Secret) -> Result<KeyPair, PkiFileError> {
    // Before it, tools may write what the key is of.
    let begins = text.expose().lines().find_map(|line| line.trim().strip_prefix("-----BEGIN "));
    let form = begins.and_then(|rest| rest.strip_suffix("-----"));
    match form {
        None => Err(PkiFileError::Content { file, why: "there is no private key in it".to_owned() }),
        Some("PRIVATE KEY") => {
            let pair = KeyPair::from_pem(text.expose()).map_err(|_| PkiFileError::Content {
                file,
                why: "the key in it cannot be read".to_owned(),
            })?;
            match pair.algorithm() == &PKCS_ECDSA_P256_SHA256 {
                true => Ok(pair),
                false => Err(PkiFileError::Algorithm { file }),
            }
        }
        Some("RSA PRIVATE KEY") => Err(PkiFileError::Algorithm { file }),
        Some(form) if form.ends_with("PRIVATE KEY") => {
            Err(PkiFileError::Form { file, form: form.to_owned() })
        }
        Some(form) => Err(PkiFileError::Content {
            file,
            why: format!("there is no private key in it, but a {}", form.to_lowercase()),
        }),
    }
}

#[cfg(test)]
mod tests;
