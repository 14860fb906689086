//! What can be wrong with keys and certificates.

/// Why a key or certificate could not be made or read. No variant carries a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PkiError {
    /// The library for certificates would not do it.
    #[error("{what} could not be made: {why}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// The library's words.
        why: String,
    },
    /// Not what it should be.
    #[error("{what} cannot be read: {why}")]
    Read {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate beside a key that is not its own.
    #[error("the certificate of {common_name:?} does not belong to the private key beside it")]
    Mismatch {
        /// The certificate's common name.
        common_name: String,
    },
    /// An ECDSA certificate names its owner's groups, one organisation each.
    #[error("a client certificate can name at most two groups, not {0}")]
    TooManyGroups(usize),
    /// What is encrypted is cut off, was changed, or belongs to another key.
    #[error(
        "what is encrypted with the certificate key cannot be opened: it was changed, or made with another key"
    )]
    Sealed,
}

impl PkiError {
    pub(super) fn make(what: &'static str, why: impl ToString) -> Self {
        PkiError::Make { what, why: why.to_string() }
    }

    pub(super) fn read(what: &'static str, why: impl ToString) -> Self {
        PkiError::Read { what, why: why.to_string() }
    }
}
