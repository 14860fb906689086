//! The styles of a terminal as HTML.

use super::escape;

/// The class of a style's number; `None` of those that are not used here.
fn class(code: &str) -> Option<&'static str> {
    Some(match code {
        "1" => "b",
        "2" => "f",
        "31" | "91" => "r",
        "32" | "92" => "g",
        "33" | "93" => "y",
        "36" | "96" => "c",
        _ => return None,
    })
}

/// Text with styles as HTML; everything else in it is only text.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open = 0;
    let mut pieces = text.split("\u{1b}[");
    out.push_str(&escape(pieces.next().unwrap_or_default()));
    for piece in pieces {
        let end = piece.bytes().position(|b| !(b.is_ascii_digit() || b == b';')).unwrap_or(piece.len());
        let (codes, rest) = piece.split_at(end);
        let Some(rest) = rest.strip_prefix('m') else {
            out.push_str(&escape(piece));
            continue;
        };
        for code in codes.split(';') {
            match class(code) {
                Some(class) => {
                    out.push_str(&format!("<span class=\"{class}\">"));
                    open += 1;
                }
                None => out.push_str(&"</span>".repeat(std::mem::take(&mut open))),
            }
        }
        out.push_str(&escape(rest));
    }
    out.push_str(&"</span>".repeat(open));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::style::{ADD, ALERT, paint};

    #[test]
    fn styles_become_classes_and_everything_else_is_text() {
        let text = format!("{} <b> {}", paint(ADD, "+ vm & \"x\""), paint(ALERT, "bad"));
        assert_eq!(
            html(&text),
            "<span class=\"g\">+ vm &amp; &quot;x&quot;</span> &lt;b&gt; <span class=\"b\"><span class=\"r\">bad</span></span>"
        );
        assert_eq!(html("\u{1b}[31mleft open"), "<span class=\"r\">left open</span>");
        assert_eq!(html("\u{1b}[2Kx"), "2Kx");
    }
}
