//! `account …`

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand, ValueEnum};

use super::Variables;

const ADD_EXAMPLES: &str = "\
Examples:
  lazuli account add main                asks for everything it needs
  lazuli account add main --subscription-id ID                     the Azure CLI's account
  lazuli account add ci --auth client_secret --tenant-id ID --client-id ID --subscription-id ID --secret-stdin < secret
  lazuli account add ci --auth client_certificate … --secret-file app.pem
  lazuli account add ci --auth client_secret … --secret-command pass show azure

A secret is never an argument: every user of this computer can read those. One from standard input or typed is kept
encrypted, with the keys of a state: LAZULI_PASSPHRASE, LAZULI_KEY_FILE, else a key of your own.";

const PERMISSIONS_EXAMPLES: &str = "\
Examples:
  lazuli account permissions > role.json && az role definition create --role-definition @role.json
  lazuli account permissions --out roles         one file for each role
  lazuli account permissions --check             what the one who signs in is missing";

/// `account …`
#[derive(Debug, Clone, Subcommand)]
pub enum Account {
    /// Register an account
    #[command(after_help = ADD_EXAMPLES)]
    Add(Edit),
    /// List the registered accounts
    List,
    /// Show what is registered of an account; never its secret
    Show {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Change what is registered of an account; what is not named stays
    Edit(Change),
    /// Forget an account; nothing happens in Azure
    Remove {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long)]
        auto_approve: bool,
    },
    /// Sign in and look at subscription, permissions, providers and quotas
    Validate(Validate),
    /// Print the role that this configuration needs, or check it
    #[command(after_help = PERMISSIONS_EXAMPLES)]
    Permissions(Permissions),
}

/// `account add`
#[derive(Debug, Clone, Args)]
pub struct Edit {
    /// The name configurations know it by
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it is.
    #[command(flatten)]
    pub fields: Fields,
}

/// `account edit`
#[derive(Debug, Clone, Args)]
pub struct Change {
    /// The account
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Take a field out, such as tenant_id or secret; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub unset: Vec<String>,
    /// What is to be different.
    #[command(flatten)]
    pub fields: Fields,
}

/// The fields of an account.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The account")]
pub struct Fields {
    /// How to sign in: client_secret, client_certificate, workload_identity, managed_identity, azure_cli, developer_tools
    #[arg(long, value_name = "HOW")]
    pub auth: Option<String>,
    /// The Entra tenant
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<String>,
    /// The subscription
    #[arg(long, value_name = "ID")]
    pub subscription_id: Option<String>,
    /// The application, or a managed identity's client id
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// A managed identity's object id
    #[arg(long, value_name = "ID")]
    pub object_id: Option<String>,
    /// A managed identity's resource id
    #[arg(long, value_name = "ID")]
    pub identity_id: Option<String>,
    /// The file with the token of a workload identity
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The client certificate, PEM, when it is not in one file with its private key
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Which Azure: public, usgovernment, china, custom
    #[arg(long, value_name = "CLOUD")]
    pub environment: Option<String>,
    /// Azure Resource Manager of a custom environment
    #[arg(long, value_name = "URL")]
    pub resource_manager: Option<String>,
    /// Where tokens of a custom environment come from
    #[arg(long, value_name = "URL")]
    pub authority: Option<String>,
    /// What tokens of a custom environment are for; its resource manager when left out
    #[arg(long, value_name = "URL")]
    pub audience: Option<String>,
    /// More certificate authorities to trust, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// How the secret is given.
    #[command(flatten)]
    pub secret: SecretFlags,
}

/// The ways to give a secret: a client secret, or a private key (with its certificate) in PEM.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The client secret, or the private key (and certificate) in PEM")]
#[group(multiple = false)]
pub struct SecretFlags {
    /// Read it from standard input and keep it encrypted
    #[arg(long)]
    pub secret_stdin: bool,
    /// It is in this environment variable whenever it is needed
    #[arg(long, value_name = "NAME")]
    pub secret_env: Option<String>,
    /// It is in this file whenever it is needed
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// This program prints it whenever it is needed; all that follows belongs to it, up to a `;`
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    pub secret_command: Option<Vec<String>>,
}

/// `account validate`
#[derive(Debug, Clone, Args)]
pub struct Validate {
    /// A registered account, or one of the configuration here; all of them when left out
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Show the quotas of this region; may be repeated
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Look at what may be done in this resource group; may be repeated
    #[arg(long, value_name = "NAME")]
    pub resource_group: Vec<String>,
}

/// `account permissions`
#[derive(Debug, Clone, Args)]
pub struct Permissions {
    /// Into a network of its own, or one that exists; as the configuration says when left out
    #[arg(long, value_enum, value_name = "PLACEMENT")]
    pub placement: Option<Placement>,
    /// The resource group of the existing network, when the configuration does not say it
    #[arg(long, value_name = "NAME")]
    pub network_resource_group: Option<String>,
    /// Compare with what the one who signs in may do; exit with 1 when something is missing
    #[arg(long, action = ArgAction::SetTrue)]
    pub check: bool,
    /// Only this role: the name of a resource group, or `subscription` for what preflight reads there
    #[arg(long, value_name = "ROLE", conflicts_with = "check")]
    pub role: Option<String>,
    /// Write each role into a file of this folder
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub out: Option<PathBuf>,
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
}

/// Where a cluster's network comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Placement {
    /// Made with the cluster.
    Dynamic,
    /// There before, and only read.
    Static,
}
