//! `cluster keys`: the keys of a cluster as files, to be kept apart from the state.

use lazuli_cluster::expand::Pki;
use lazuli_core::{Address, Diagnostic};
use lazuli_kubernetes::pki::{CertificateAuthority, ClusterPki, PkiError, ServiceAccountKey};
use serde_json::json;

use super::{named, private};
use crate::cli::ClusterKeys;
use crate::commands::{Exit, Outcome, state};
use crate::failure::Failure;
use crate::terminal::Printer;

pub(super) fn run(args: &ClusterKeys, printer: &Printer) -> Outcome {
    let world = state::read()?;
    let cluster = named(&world, args.name.as_deref())?;
    let text = |address: &Address, name: &str| -> &str {
        let known = world.resources.get(address).map(|known| &known.observed["properties"][name]);
        known.and_then(|text| text.as_str()).unwrap_or_default()
    };
    let addresses = Pki::of(&cluster.address);
    let authority = |address: &Address| {
        CertificateAuthority::from_pem(text(address, "certificate"), text(address, "privateKey"))
    };
    let all = || -> Result<ClusterPki, PkiError> {
        Ok(ClusterPki {
            cluster_ca: authority(&addresses.cluster_ca)?,
            etcd_ca: authority(&addresses.etcd_ca)?,
            front_proxy_ca: authority(&addresses.front_proxy_ca)?,
            service_account: ServiceAccountKey::from_pem(text(&addresses.service_account, "privateKey"))?,
        })
    };
    let keys = all().map_err(|error| {
        let message = format!("the keys of {} cannot be written: {error}", cluster.name);
        Failure::of(
            Diagnostic::error("LZ3051", message)
                .help("the state may be damaged: `lazuli state pull` and its backups"),
        )
    })?;
    private::folder(&args.out)?;
    private::folder(&args.out.join("etcd"))?;
    for (name, text) in keys.files() {
        private::write(&args.out.join(name), text.expose())?;
    }
    match printer.json() {
        true => printer.document(&json!({"address": cluster.address, "folder": args.out})),
        false => printer.message(&format!(
            "Written to {}. Whoever has these files is administrator of {} for as long as it exists: keep them as you keep \
             the state's key.",
            args.out.display(),
            cluster.name
        )),
    }
    Ok(Exit::Done)
}
