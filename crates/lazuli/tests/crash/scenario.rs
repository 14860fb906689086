//! What is run while it is being killed.

/// The value of a sensitive variable: nothing that Lazuli leaves on a disk may hold it.
pub(crate) const SECRET: &str = "correct-horse-battery-staple";

/// What no file may hold: the secret, as text and in base64; the user-data of nodes, as text, in base64, and compressed in
/// base64; private keys as PEM, as PEM in base64, and as the base64 that is in PEM (P-256, RSA); what a kubeconfig or
/// kubeadm's configuration says of tokens.
pub(crate) const MARKERS: [&str; 14] = [
    SECRET,
    "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZ",
    "#cloud-config",
    "I2Nsb3VkLWNvbmZpZ",
    "H4sIAAAAAA",
    "PRIVATE KEY",
    "UFJJVkFURSBLRV",
    "BSSVZBVEUgS0VZ",
    "QUklWQVRFIEtFW",
    "MIGHAgEAMBMGByqGSM49",
    "9w0BAQEFAASC",
    "client-key-data",
    "certificateKey: ",
    "token-secret",
];

/// A run that is killed at every point.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// What was applied before.
    pub(crate) before: Option<String>,
    /// The configuration of the run.
    pub(crate) configuration: String,
    /// What is done first, with the configuration of the run.
    pub(crate) ready: Vec<Vec<&'static str>>,
    /// Whether what is done first is of use on the same machine only: a saved plan holds the address of Azure.
    pub(crate) is_of_its_machine: bool,
    /// The run.
    pub(crate) run: Vec<&'static str>,
    /// What finishes it after it was killed.
    pub(crate) finish: Vec<&'static str>,
    /// What says afterwards that nothing is left to do.
    pub(crate) question: Vec<&'static str>,
    /// Whether a key file is at hand, which then seals the state at first.
    pub(crate) key_file: bool,
    pub(crate) kind: Kind,
}

impl Scenario {
    /// Whether it is part of a test that takes a minute or two: all that do the same each time, and of the others those
    /// that make, change and remove the most.
    pub(crate) fn is_quick(&self) -> bool {
        self.kind == Kind::Plain
            || ["apply-parallel", "upgrade-parallel", "upgrade-slow"].contains(&&*self.name)
    }
}

/// In the arguments of a run: the newest backup at its beginning.
pub(crate) const NEWEST_BACKUP: &str = "NEWEST-BACKUP";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One step at a time, against an Azure without delays: every run does the same, so that all points can be counted.
    Plain,
    /// Several steps at a time: no two runs are the same, and points are drawn.
    Parallel,
    /// The same, and Azure takes its time: what it has accepted is not finished at once.
    Slow,
    /// One step at a time, the simulated Azure inside of the process, its world on the same disk.
    Embedded,
}

/// What differs between the configurations.
struct Parts {
    stage: &'static str,
    workers: u32,
    machine: &'static str,
    network: &'static str,
    side: &'static str,
    table: &'static str,
    version: &'static str,
    control_plane: &'static str,
    label: &'static str,
}

const FIRST: Parts = Parts {
    stage: "one",
    workers: 1,
    machine: "Standard_D8s_v5",
    network: "net",
    side: "back",
    table: "table",
    version: "1.34.2",
    control_plane: "Standard_D4s_v5",
    label: "red",
};

pub(crate) fn all() -> Vec<Scenario> {
    let updated = Parts { stage: "two", workers: 2, side: "side", label: "blue", ..FIRST };
    let replaced = Parts { machine: "Standard_E8s_v5", network: "net2", table: "table2", ..FIRST };
    let resized = Parts { control_plane: "Standard_E4s_v5", ..FIRST };
    let upgraded = Parts { version: "1.34.3", ..FIRST };
    let (first, updated, replaced) = (text(&FIRST), text(&updated), text(&replaced));
    let (resized, upgraded) = (text(&resized), text(&upgraded));
    let apply = vec!["apply", "--auto-approve", "--parallelism", "1"];
    let destroy = vec!["destroy", "--auto-approve", "--parallelism", "1"];
    let settled = vec!["plan", "--detailed-exitcode"];
    let gone = vec!["plan", "--destroy", "--detailed-exitcode"];
    let sequential = [
        ("apply", None, &first, &apply, &settled),
        ("update", Some(&first), &updated, &apply, &settled),
        ("replace", Some(&first), &replaced, &apply, &settled),
        ("resize", Some(&first), &resized, &apply, &settled),
        ("upgrade", Some(&first), &upgraded, &apply, &settled),
        ("scale-in", Some(&updated), &first, &apply, &settled),
        ("destroy", Some(&first), &first, &destroy, &gone),
    ];
    let mut all = Vec::new();
    for kind in [Kind::Plain, Kind::Parallel, Kind::Slow, Kind::Embedded] {
        for (name, before, configuration, run, question) in &sequential {
            let several = matches!(kind, Kind::Parallel | Kind::Slow);
            let placed = |text: &String| if kind == Kind::Embedded { embedded(text) } else { text.clone() };
            let run = if several { run[..2].to_vec() } else { (*run).clone() };
            all.push(Scenario {
                name: match kind {
                    Kind::Plain => (*name).to_owned(),
                    Kind::Parallel => format!("{name}-parallel"),
                    Kind::Slow => format!("{name}-slow"),
                    Kind::Embedded => format!("{name}-embedded"),
                },
                before: before.map(placed),
                configuration: placed(configuration),
                ready: Vec::new(),
                is_of_its_machine: false,
                finish: run.clone(),
                run,
                question: (*question).clone(),
                key_file: false,
                kind,
            });
        }
    }
    let beside = |name: &str, ready: Vec<Vec<&'static str>>, run: Vec<&'static str>| Scenario {
        name: name.to_owned(),
        before: Some(first.clone()),
        configuration: updated.clone(),
        ready,
        is_of_its_machine: false,
        run,
        finish: apply.clone(),
        question: settled.clone(),
        key_file: false,
        kind: Kind::Plain,
    };
    // What a saved plan was made for is past when a run of it was killed: a new plan finishes it.
    let save = vec![vec!["plan", "--out", "saved.plan"]];
    let saved = beside("saved-plan", save, vec!["apply", "saved.plan", "--parallelism", "1"]);
    all.push(Scenario { is_of_its_machine: true, ..saved });
    // Each command leaves a backup: the next one is one too many.
    let there = vec!["state", "mv", "resource.table", "resource.spare"];
    let back = vec!["state", "mv", "resource.spare", "resource.table"];
    all.push(beside("prune", vec![vec![there.clone(), back]; 6].concat(), apply.clone()));
    let same = |name: &str, ready, run: Vec<&'static str>| Scenario {
        configuration: first.clone(),
        finish: run.clone(),
        ..beside(name, ready, run)
    };
    all.push(same("push", vec![there], vec!["state", "push", NEWEST_BACKUP, "--force"]));
    let rekey = same("rekey", Vec::new(), vec!["state", "rekey", "--user-key"]);
    all.push(Scenario { key_file: true, ..rekey });
    all
}

/// The same configuration with the simulated Azure inside of Lazuli.
fn embedded(text: &str) -> String {
    let (start, rest) = text.split_once("cloud_account \"sandbox\" {").unwrap();
    let (_, end) = rest.split_once("\n}\n").unwrap();
    format!("{start}{ACCOUNT}{end}")
}

/// An account whose Azure is simulated inside of Lazuli.
const ACCOUNT: &str = r#"
cloud_account "sandbox" {
  simulator {
    profile = "instant"
    resource_group "rg" {
      location = "eastus2"
    }
  }
}
"#;

/// A configuration that makes the simulator's world with its resource group, and nothing else.
pub(crate) fn seed() -> String {
    format!("{ACCOUNT}{}", cluster(&FIRST).replace("is-${var.password}", "none"))
}

/// The smallest cluster with all kinds of resources it is made of; beside it resources of one's own: what Azure invents,
/// parents and children, one that is made anew first; a secret in inputs and outputs.
fn text(parts: &Parts) -> String {
    let account = r#"
variable "azure" {
  type = string
}

variable "ca" {
  type = string
}

variable "password" {
  type      = string
  sensitive = true
}

cloud_account "sandbox" {
  auth        = "client_secret"
  environment = "custom"
  custom {
    authority        = var.azure
    resource_manager = var.azure
    audience         = var.azure
    ca_file          = var.ca
  }
}
"#;
    let Parts { network, side, table, .. } = parts;
    let own = format!(
        r#"
resource "robot" {{
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  resource_group = "rg"
  name           = "robot"
  location       = "eastus2"
}}

resource "network" {{
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  resource_group = "rg"
  name           = "{network}"
  location       = "eastus2"
  tags           = {{ robot = resource.robot.properties.principalId, hint = "is-${{var.password}}" }}
  properties     = {{ addressSpace = {{ addressPrefixes = ["10.1.0.0/16"] }} }}
}}

resource "subnet" {{
  for_each   = {{ front = 1, {side} = 2 }}
  type       = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  parent_id  = resource.network.id
  name       = each.key
  properties = {{ addressPrefix = cidrsubnet("10.1.0.0/16", 8, each.value) }}
}}

resource "table" {{
  type           = "Microsoft.Network/routeTables@2025-05-01"
  resource_group = "rg"
  name           = "{table}"
  location       = "eastus2"
  lifecycle {{
    create_before_destroy = true
  }}
}}

output "robot" {{
  value = resource.robot.properties.clientId
}}

output "subnets" {{
  value = {{ for name, subnet in resource.subnet : name => subnet.properties.addressPrefix }}
}}

output "hint" {{
  value     = "is-${{var.password}}"
  sensitive = true
}}
"#
    );
    format!("{account}{}{own}", cluster(parts))
}

fn cluster(parts: &Parts) -> String {
    let Parts { stage, workers, machine, version, control_plane, label, .. } = parts;
    format!(
        r#"
cluster_profile "base" {{
  kubernetes {{
    version = "{version}"
  }}
}}

cluster "small" {{
  cloud_account  = cloud_account.sandbox
  profile        = cluster_profile.base
  region         = "eastus2"
  resource_group = "rg"
  ssh_key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com"
  tags           = {{ stage = "{stage}", hint = "is-${{var.password}}" }}

  network {{
    cidr = "10.40.0.0/16"
    control_plane_subnet {{
      cidr = "10.40.0.0/24"
    }}
    worker_subnet {{
      cidr = "10.40.16.0/20"
    }}
  }}

  control_plane {{
    count         = 1
    instance_type = "{control_plane}"
  }}

  worker_pool "general" {{
    count         = {workers}
    instance_type = "{machine}"
    labels        = {{ colour = "{label}" }}
  }}
}}
"#
    )
}
