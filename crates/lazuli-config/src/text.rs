//! Text as the language keeps it: Unicode in normal form C.

use std::borrow::Cow;

use lazuli_core::Value;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// The text in normal form C; borrowed when it is already.
pub(crate) fn normalize(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// A string value of the text.
pub(crate) fn string(text: &str) -> Value {
    Value::string(&*normalize(text))
}
