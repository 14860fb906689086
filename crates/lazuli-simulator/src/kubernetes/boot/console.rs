//! What a machine writes to its serial console after its commands have run, whether they went well or not: cloud-init's
//! list of keys, and who waits for somebody to log in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::random;

/// The end of a boot, `seconds` after its beginning.
pub(super) fn end_of_boot(name: &str, seconds: f64) -> Vec<String> {
    let noise = |what: &str| STANDARD_NO_PAD.encode(random::sha256_hex(format!("{name} {what}").as_bytes()));
    let print = |what: &str| noise(what).chars().take(43).collect::<String>();
    let framed = |line: &str| format!("<14>cloud-init: {line}");
    let hashes = "#".repeat(61);
    let keys = [
        ("ecdsa-sha2-nistp256", "256", "ECDSA"),
        ("ssh-ed25519", "256", "ED25519"),
        ("ssh-rsa", "3072", "RSA"),
    ];
    let mut lines = vec![
        "ci-info: +++++++++++++Authorized keys from /home/azureuser/.ssh/authorized_keys for user azureuser++++++++++++++".to_owned(),
        "ci-info: +---------+-------------------------------------------------+---------+-----------+".to_owned(),
        "ci-info: | Keytype |                Fingerprint (sha256)             | Options |  Comment  |".to_owned(),
        "ci-info: +---------+-------------------------------------------------+---------+-----------+".to_owned(),
        format!("ci-info: | ssh-rsa | {} |    -    |     -     |", print("authorized")),
        "ci-info: +---------+-------------------------------------------------+---------+-----------+".to_owned(),
        framed(&hashes),
        framed("-----BEGIN SSH HOST KEY FINGERPRINTS-----"),
    ];
    lines.extend(
        keys.map(|(key, bits, kind)| framed(&format!("{bits} SHA256:{} root@{name} ({kind})", print(key)))),
    );
    lines.extend([
        framed("-----END SSH HOST KEY FINGERPRINTS-----"),
        framed(&hashes),
        "-----BEGIN SSH HOST KEY KEYS-----".to_owned(),
    ]);
    lines.extend(keys.map(|(key, ..)| format!("{key} {} root@{name}", noise(key))));
    lines.push("-----END SSH HOST KEY KEYS-----".to_owned());
    lines.push(format!("[{seconds:>8.1}] cloud-init[1187]: finished, datasource DataSourceAzure"));
    lines.extend(
        [
            "Finished cloud-final.service - Cloud-init: Final Stage.",
            "Reached target cloud-init.target - Cloud-init target.",
        ]
        .map(|said| format!("[  OK  ] {said}")),
    );
    lines.extend([String::new(), format!("Ubuntu 24.04.3 LTS {name} ttyS0"), String::new()]);
    lines.push(format!("[{:>8.1}] {name} login:", seconds + 0.5));
    lines
}
