//! JSON that every YAML parser reads as the same thing.

use serde::Serialize;

/// The value as indented JSON, with a line break at the end.
///
/// JSON lets characters through that YAML calls unprintable or takes for line breaks (DEL, C1 controls, U+2028, …).
/// They are escaped. Characters beyond the basic plane stay as they are: YAML does not join surrogate escapes.
pub(super) fn text<T: Serialize>(value: &T) -> String {
    #[expect(clippy::expect_used, reason = "only structs and maps with string keys of this module come here")]
    let json = serde_json::to_string_pretty(value).expect("impossible: string keys and plain values");
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('\n');
    text
}
