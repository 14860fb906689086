//! Text as the language keeps it: Unicode in normal form C.

use std::borrow::Cow;

use lazuli_core::Value;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation as _;

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

/// How many characters a reader sees in the text: letters with their accents, emoji with their modifiers.
pub(crate) fn characters(text: &str) -> usize {
    if text.is_ascii() {
        // Only a line end of two bytes is one.
        return text.len() - text.matches("\r\n").count();
    }
    text.graphemes(true).count()
}
