//! `cluster kubeconfig`: a certificate for administrators, minted now.
//!
//! No name service knows the hosts of simulated clusters. One that `simulator serve` keeps is at the loopback address of its
//! account; one inside of our own process is nowhere once a command has ended.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lazuli_core::{Diagnostic, Json};
use lazuli_kubernetes::pki::{self, CertificateAuthority, Kubeconfig};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{named, private};
use crate::accounts::Place;
use crate::backend::StatePlace;
use crate::cli::{ClusterKubeconfig, Variables, variables_of_environment};
use crate::clouds::{loopback, world_of};
use crate::commands::{Exit, Outcome, state};
use crate::failure::Failure;
use crate::host;
use crate::planning;
use crate::project::{Inputs, Project};
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
    let simulated = simulated(&cluster.authority.account).filter(|_| args.server.is_none());
    let server = match (&args.server, &simulated) {
        (Some(server), _) => Some(server.clone()),
        (None, Some(Simulated::Served(address))) => Some(format!("https://{address}")),
        (None, Some(Simulated::Within(_)) | None) => None,
    };
    let own = format!("https://{}", cluster.server());
    let host = cluster.server().rsplit_once(':').map_or(cluster.server(), |(host, _)| host);
    let config = pki::kubeconfig(&Kubeconfig {
        cluster: &cluster.name,
        server: server.as_deref().unwrap_or(&own),
        tls_server_name: server.is_some().then_some(host),
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
    let carried = cluster.authority.inputs.pointer("/properties/transport").and_then(Json::as_str);
    if carried == Some("run_command") && server.is_none() && simulated.is_none() {
        printer.message(&format!(
            "Run Command carries what Lazuli asks, not what kubectl does: it reaches {host} from within its network alone, or \
             through a tunnel that `--server` names."
        ));
    }
    if let Some(Simulated::Within(world)) = simulated {
        printer.message(&format!(
            "Nothing answers at {host} between two commands: the simulated Azure ends with each of them. To use kubectl, let it stay with\n\n  \
             lazuli simulator serve --world {}\n\nand ask again with `--server` and the address that it names.",
            world.display()
        ));
    }
    Ok(Exit::Done)
}

/// Where a simulated cluster is.
enum Simulated {
    /// At a simulator that goes on by itself.
    Served(SocketAddr),
    /// In a file, which each command that needs it simulates while it runs.
    Within(PathBuf),
}

/// Whether the clusters of an account are simulated, as far as the configuration can be read: a kubeconfig needs the state
/// alone.
fn simulated(account: &str) -> Option<Simulated> {
    let here = Path::new(".");
    let environment = variables_of_environment(std::env::vars_os());
    let inputs = Inputs::read(here, &Variables::default(), environment).ok()?;
    let (project, _) = Project::glance(inputs, Some(here)).ok()?;
    let accounts = planning::accounts(&project).ok()?;
    match &accounts.get(account)?.place {
        Place::Simulated(_) => {
            Some(Simulated::Within(world_of(account, &StatePlace::of(&project).ok()?.folder())))
        }
        Place::Azure(settings) => loopback(&settings.cloud).map(Simulated::Served),
        Place::NotFound(_) => None,
    }
}
