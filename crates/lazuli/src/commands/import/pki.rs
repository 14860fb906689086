//! `--pki DIR`: the keys of a cluster that another state made come into this one.

use std::path::Path;
use std::sync::Arc;

use lazuli_cluster::expand::{Content, IMPORTED, Pki};
use lazuli_cluster::roster::Renewals;
use lazuli_core::path::Path as Attribute;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, ProviderName, ResourceId};
use lazuli_core::{Address, Diagnostic, Json, encoding};
use lazuli_kubernetes::authorities::{self, Answer, Differs};
use lazuli_kubernetes::keyring::ClusterId;
use lazuli_kubernetes::pki::{ClusterPki, PkiFileError, Secret};
use lazuli_kubernetes::survey::{self, Beyond, Survey};
use lazuli_kubernetes::tls;
use serde_json::json;
use time::OffsetDateTime;

use super::{PARALLEL, open};
use crate::blueprint::Blueprint;
use crate::boot;
use crate::cli::Import;
use crate::clouds::Clouds;
use crate::commands::begin::Setting;
use crate::commands::{Exit, Outcome, apply, tell};
use crate::failure::Failure;
use crate::project::Project;
use crate::terminal::Printer;
use crate::{host, planning};

const FOLDER: &str = "it has the files of /etc/kubernetes/pki of a control-plane node: ca.crt, ca.key, front-proxy-ca.crt, \
     front-proxy-ca.key, sa.pub, sa.key, etcd/ca.crt, etcd/ca.key";

/// `import cluster.NAME --pki DIR`
pub(super) async fn run(cluster: &Address, folder: &Path, args: &Import, printer: &Arc<Printer>) -> Outcome {
    let keys = read(folder, printer)?;
    let setting = Setting::here(&args.variables, printer)?;
    let mut state = open(&setting, args, printer)?;
    let clouds = Arc::new(setting.clouds(state.world(), PARALLEL).await?);
    apply::finish_earlier_run(&mut state, &clouds, printer).await?;
    let known = state.world().resources.get(&Pki::of(cluster).cluster_ca);
    let known = known.and_then(|known| known.observed["properties"]["certificate"].as_str());
    let imported = match known {
        Some(certificate) if certificate == keys.cluster_ca.certificate_pem => false,
        Some(_) => {
            let problem = not_taken(format!("{cluster} has other keys in this state already"));
            return Err(Failure::of(problem.about(cluster.clone()).help("leave them: nothing was changed")));
        }
        None => {
            let world = bring(&keys, cluster, &setting.project, state.world(), &clouds).await?;
            state.replace(world)?;
            true
        }
    };
    match (printer.json(), imported) {
        (true, _) => printer.document(&json!({"address": cluster, "imported": imported})),
        (false, true) => printer.result(&format!(
            "The keys of {cluster} are in this state now, encrypted.\n\
             The next plan takes over what is inside of the cluster.\n"
        )),
        (false, false) => printer
            .result(&format!("The keys of {cluster} are in this state already. Nothing was changed.\n")),
    }
    apply::close(clouds).await;
    Ok(Exit::Done)
}

/// Reads and checks the files; says when others can read them too.
pub(super) fn read(folder: &Path, printer: &Printer) -> Result<ClusterPki, Failure> {
    let file = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name));
        text.map(Secret::new).map_err(|error| error.to_string())
    };
    if !folder.is_dir() {
        let problem = Diagnostic::error("LZ3041", format!("there is no directory {}", folder.display()));
        return Err(Failure::of(problem.help(FOLDER)));
    }
    let keys = ClusterPki::from_files(&file, OffsetDateTime::now_utc()).map_err(|wrong| {
        let say = |error: &PkiFileError| {
            let message = format!("the keys in {} cannot be taken over: {error}", folder.display());
            let problem = Diagnostic::error("LZ3041", message);
            match help(error) {
                Some(help) => problem.help(help),
                None => problem,
            }
        };
        Failure { diagnostics: wrong.iter().map(say).collect(), ..Failure::default() }
    })?;
    let open: Vec<&str> = keys
        .files()
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.ends_with(".key") && is_open(&folder.join(name)))
        .collect();
    if !open.is_empty() {
        let message = format!("others can read {} in {}", open.join(", "), folder.display());
        let warning = Diagnostic::warning("LZ3041", message)
            .help(format!("chmod -R go= {}; delete it when the plan is empty", folder.display()));
        tell(printer, &Failure::of(warning));
    }
    Ok(keys)
}

fn help(error: &PkiFileError) -> Option<&'static str> {
    match error {
        PkiFileError::Unreadable { .. } => Some(FOLDER),
        PkiFileError::Form { .. } => {
            Some("openssl pkcs8 -topk8 -nocrypt -in OLD.key -out NEW.key writes the form that is read")
        }
        PkiFileError::NotValid { .. } => Some(
            "a cluster whose authority has ended cannot be run on: make a new one and move the work there",
        ),
        _ => Some("copy the whole directory once more from one control-plane node"),
    }
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

/// The cluster of a resource group.
pub(super) fn the_only(clusters: &[String]) -> Result<Address, Failure> {
    match clusters {
        [only] => only.parse().map_err(|_| Failure::of(not_taken(format!("{only} is no address")))),
        [] => Err(Failure::of(
            not_taken("there is no cluster in the resource group that Lazuli made".to_owned())
                .help("leave out --pki; nothing was written"),
        )),
        several => Err(Failure::of(
            not_taken(format!("there are several clusters: {}", several.join(", ")))
                .help("leave out --pki; then bring the keys of each: lazuli import cluster.NAME --pki DIR"),
        )),
    }
}

fn not_taken(message: String) -> Diagnostic {
    Diagnostic::error("LZ3042", format!("the keys are not taken over: {message}"))
}

/// The record with the keys of a cluster, once the cluster says that they are its own.
pub(super) async fn bring(
    keys: &ClusterPki,
    cluster: &Address,
    project: &Project,
    world: &RecordedWorld,
    clouds: &Clouds,
) -> Result<RecordedWorld, Failure> {
    let expand = |world: &RecordedWorld| {
        let accounts = planning::accounts(project)?;
        planning::blueprint(project, &accounts, world, &Renewals::new(), false, &host::environment)
    };
    let mut world = world.clone();
    // What is declared with keys is declared only where there are some.
    let addresses = Pki::of(cluster);
    let authorities = [
        (addresses.cluster_ca, &keys.cluster_ca),
        (addresses.etcd_ca, &keys.etcd_ca),
        (addresses.front_proxy_ca, &keys.front_proxy_ca),
    ];
    for (address, authority) in authorities {
        let mut record = placeholder(&address);
        if authority.has_another() {
            // In the middle of a rotation: the last step is left, after which the one that signs is trusted alone.
            record.inputs = json!({"properties": {"rotation": tls::ROTATION_STEPS - 1}});
        }
        world.resources.insert(address, record);
    }
    let records = records(keys, cluster, &expand(&world)?)?;
    world.resources.extend(records.into_iter().map(|record| (record.address.clone(), record)));
    clouds.learn(&world);
    clouds.expect(&expand(&world)?);
    let id = world.resources.get(&Pki::of(cluster).cluster_ca).and_then(|known| ClusterId::of(&known.id));
    let id = id.ok_or_else(|| Failure::of(not_taken(format!("{cluster} has no certificate authority"))))?;
    let answer = authorities::ask(clouds.inside.kubernetes.clusters(), &id, keys).await;
    let problem = match answer {
        Ok(Answer::Own { first }) => {
            if let Some(authority) = world.resources.get_mut(&Pki::of(cluster).cluster_ca) {
                authority.observed["properties"][IMPORTED] = first.unwrap_or_default().into();
            }
            return Ok(world);
        }
        Ok(Answer::Other(Differs { what, file })) => not_taken(format!(
            "{file} is not the {what} of {cluster}, which says that its own is another one"
        ))
        .help("copy /etc/kubernetes/pki from a control-plane node of this very cluster"),
        Err(error) if authorities::is_untrusted(&error) => {
            not_taken(format!("they are not those of {cluster}: {error}"))
                .help("copy /etc/kubernetes/pki from a control-plane node of this very cluster")
        }
        Err(error) => not_taken(format!("{cluster} cannot be asked whether they are its own: {error}"))
            .help("the API of the cluster must answer; run again when it does"),
    };
    Err(Failure::of(problem.about(cluster.clone())))
}

/// What a cluster whose keys were brought says of itself.
pub(super) async fn survey(
    cluster: &Address,
    project: &Project,
    world: &RecordedWorld,
    clouds: &Clouds,
) -> Result<Survey, Failure> {
    let id = world.resources.get(&Pki::of(cluster).cluster_ca).and_then(|known| ClusterId::of(&known.id));
    let id = id.ok_or_else(|| Failure::of(not_taken(format!("{cluster} has no certificate authority"))))?;
    let asked = survey::survey(clouds.inside.kubernetes.clusters(), &id).await;
    let mut survey = asked.map_err(|error| {
        Failure::of(
            not_taken(format!("{cluster} cannot be asked how its nodes are configured: {error}"))
                .help("the API of the cluster must answer; run again when it does"),
        )
    })?;
    let accounts = planning::accounts(project)?;
    let blueprint =
        planning::blueprint(project, &accounts, world, &Renewals::new(), false, &host::environment)?;
    let mut parts =
        blueprint.clusters().filter(|own| own.cluster.address == *cluster).flat_map(|own| &own.parts);
    let usual = parts.find_map(|part| match &part.content {
        Content::Settings(boot) => boot::cluster_configuration(boot).ok(),
        _ => None,
    });
    survey.beyond = usual.map(|usual| Beyond::of(&survey.kubeadm, &usual)).unwrap_or_default();
    Ok(survey)
}

fn placeholder(address: &Address) -> Recorded {
    let now = host::now();
    Recorded {
        address: address.clone(),
        mode: Mode::Managed,
        provider: ProviderName::Tls,
        account: "".into(),
        ty: lazuli_core::resource::ResourceType::new(tls::CERTIFICATE_AUTHORITIES, ""),
        id: ResourceId::new(""),
        inputs: Json::Null,
        observed: Json::Null,
        dependencies: Vec::new(),
        sensitive: Vec::new(),
        write_only: Default::default(),
        prevent_destroy: false,
        slot: None,
        pending: None,
        created_at: now.clone(),
        updated_at: now,
    }
}

/// The keys as they are recorded.
fn records(keys: &ClusterPki, cluster: &Address, blueprint: &Blueprint) -> Result<Vec<Recorded>, Failure> {
    let expansion = blueprint.clusters().find(|expansion| expansion.cluster.address == *cluster);
    let expansion = expansion.ok_or_else(|| {
        let problem =
            not_taken(format!("{cluster} is no cluster of the configuration")).about(cluster.clone());
        Failure::of(
            problem
                .help("declare it first; `lazuli import --generate` writes configuration for what is there"),
        )
    })?;
    let addresses = Pki::of(cluster);
    let key = |address: &Address| -> Option<Recorded> {
        let part = expansion.parts.iter().find(|part| part.declaration.address == *address)?;
        let inputs = encoding::to_json(&part.desired.body).ok()?;
        let authority = |ca| tls::of_authority(&inputs, ca).ok();
        let observed = match address {
            _ if *address == addresses.cluster_ca => authority(&keys.cluster_ca)?,
            _ if *address == addresses.etcd_ca => authority(&keys.etcd_ca)?,
            _ if *address == addresses.front_proxy_ca => authority(&keys.front_proxy_ca)?,
            _ => tls::of_service_account(&inputs, &keys.service_account),
        };
        Some(Recorded {
            account: part.desired.account.clone(),
            ty: part.desired.ty.clone(),
            id: part.desired.id.clone()?,
            inputs,
            observed,
            sensitive: vec![Attribute::root().name("properties").name("privateKey")],
            prevent_destroy: part.declaration.lifecycle.prevent_destroy,
            ..placeholder(address)
        })
    };
    let records: Option<Vec<Recorded>> = addresses.all().into_iter().map(key).collect();
    records.ok_or_else(|| Failure::of(not_taken(format!("{cluster} is not declared with keys"))))
}
