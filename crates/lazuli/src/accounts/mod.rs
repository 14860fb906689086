//! Cloud accounts: where an account's Azure is and how to sign in there.
//!
//! | module | what |
//! |---|---|
//! | [`blocks`] | `cloud_account` blocks of a configuration |
//! | [`registry`] | the file of registered accounts: read, lock, write |
//! | [`entry`] | what the registry says of one account, checked |
//! | [`settings`] | what is known of an account → what the provider needs to sign in |
//! | [`given`] | by which way a secret is given, and getting it |

pub mod blocks;
pub mod entry;
pub mod given;
pub mod registry;
pub mod settings;

pub use blocks::{DeclaredAccount, Place, Simulated, declared};
pub use settings::Settings;

/// The environment variables that accounts read.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The path an environment variable holds, when it holds one.
fn environment_path(environment: Environment<'_>, variable: &str) -> Option<std::path::PathBuf> {
    environment(variable).filter(|text| !text.is_empty()).map(Into::into)
}
