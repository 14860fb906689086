//! A configuration directory: its files, the values of its variables, everything evaluation starts from.
//!
//! | module | what |
//! |---|---|
//! | `cores` | the threads that read a configuration |
//! | `files` | what expressions read from the machine |
//! | [`inputs`] | what is read from the directory, the command line and the environment, as one value |
//! | [`load`] | those inputs parsed, ready to evaluate |
//! | `required_version` | whether this version may work on them |

mod cores;
mod files;
pub mod inputs;
pub mod load;
mod required_version;

pub use inputs::{Inputs, InputsError};
pub use load::Project;
