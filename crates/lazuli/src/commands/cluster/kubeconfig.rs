//! `cluster kubeconfig`: a certificate for administrators, minted now.

use lazuli_core::{Diagnostic, Json};
use lazuli_kubernetes::pki::{self, CertificateAuthority, Kubeconfig};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{named, private};
use crate::cli::ClusterKubeconfig;
use crate::commands::{Exit, Outcome, state};
use crate::failure::Failure;
use crate::host;
use crate::terminal::Printer;

/// Who the certificate is for: everything is allowed to this group, in every cluster.
const GROUP: &str = "system:masters";

pub(super) fn run(args: &ClusterKubeconfig, printer: &Printer) -> Outcome {
    let world = state::read()?;
    let cluster = named(&world, args.name.as_deref())?;
    let unusable = |error: &dyn std::fmt::Display| {
        let message = format!("no kubeconfig can be made for {}: {error}", cluster.name);
        Failure::of(
            Diagnostic::error("LZ3051", message)
                .help("the state may be damaged: `lazuli state pull` and its backups"),
        )
    };
    let text = |name: &str| cluster.authority.observed["properties"][name].as_str().unwrap_or_default();
    let authority =
        CertificateAuthority::from_pem(text("certificate"), text("privateKey")).map_err(|e| unusable(&e))?;
    let user = host::who();
    let now = OffsetDateTime::now_utc();
    let identity = pki::admin_identity(&authority, &user, &[GROUP], args.valid, now)
        .map_err(|error| unusable(&error))?;
    if args.exec_credential {
        let until = (now + args.valid).format(&Rfc3339).map_err(|error| unusable(&error))?;
        printer.verbatim(pki::exec_credential(&identity, &until).expose());
        return Ok(Exit::Done);
    }
    let own = format!("https://{}", cluster.server());
    let host = cluster.server().rsplit_once(':').map_or(cluster.server(), |(host, _)| host);
    let config = pki::kubeconfig(&Kubeconfig {
        cluster: &cluster.name,
        server: args.server.as_deref().unwrap_or(&own),
        tls_server_name: args.server.is_some().then_some(host),
        ca_pem: text("certificate"),
        identity: &identity,
    });
    match &args.out {
        Some(path) => {
            private::write(path, config.expose())?;
            printer.message(&format!(
                "Written to {}; it can be used for {}.",
                path.display(),
                crate::render::duration::running(args.valid)
            ));
        }
        None if printer.json() => printer.document(&Json::from(config.expose())),
        None => printer.verbatim(config.expose()),
    }
    Ok(Exit::Done)
}
