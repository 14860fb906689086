//! Columns, wrapping and cleaning of plain text. Styles are put on afterwards: they would be counted as columns.

use std::borrow::Cow;

/// How many columns a text takes; every character counts as one.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The text filled up with blanks to a width; longer text stays as it is.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text cut to a width, with an ellipsis where it was cut.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    Cow::Owned(format!("{}…", kept.trim_end()))
}

/// The text cut to as many rows of a terminal of that width, with an ellipsis where it was cut.
pub fn brief(text: &str, rows: usize, width: usize) -> Cow<'_, str> {
    let mut left = rows;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let needed = columns(line.trim_end_matches('\n')).div_ceil(width.max(1)).max(1);
        if needed > left {
            let kept: String = line.chars().take((left * width).saturating_sub(1)).collect();
            return Cow::Owned(format!("{}…", text[..end].to_owned() + kept.trim_end()));
        }
        left -= needed;
        end += line.len();
    }
    Cow::Borrowed(text)
}

/// The text, which may have styles, cut where a screen of so many rows would end.
pub fn on_one_screen(text: String, rows: usize, width: usize) -> String {
    let mut used = 0;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        used += anstream::adapter::strip_str(line).map(columns).sum::<usize>().div_ceil(width.max(1)).max(1);
        if used >= rows {
            let more = text[end..].lines().count();
            // A style that was begun ends with its line, so nothing is left open.
            return if more < 2 { text } else { format!("{}… and {more} more lines\n", &text[..end]) };
        }
        end += line.len();
    }
    text
}

/// Without control characters, which could rewrite the terminal; line ends and tabs stay.
pub fn clean(text: &str) -> Cow<'_, str> {
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '\r' => None,
        c if bad(c) => Some(char::REPLACEMENT_CHARACTER),
        c => Some(c),
    };
    Cow::Owned(text.chars().filter_map(escape).collect())
}

/// The lines of a text, broken at blanks where they are wider than `width`; a longer word stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    text.lines().flat_map(|line| flow(line.split(' '), " ", width)).collect()
}

/// Items one after the other with `between` in between, on as many lines as needed.
pub fn flow<T: AsRef<str>>(items: impl IntoIterator<Item = T>, between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for item in items {
        let item = item.as_ref();
        match lines.last_mut() {
            Some(line) if used + columns(between) + columns(item) <= width => {
                used += columns(between) + columns(item);
                line.push_str(between);
                line.push_str(item);
            }
            _ => {
                used = columns(item);
                if let Some(line) = lines.last_mut() {
                    line.truncate(line.trim_end().len());
                }
                lines.push(item.to_owned());
            }
        }
    }
    lines
}

/// `1 error`, `2 errors`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_blanks_and_keeps_its_indentation() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("  indented\nsecond", 40), ["  indented", "second"]);
        assert_eq!(wrap("averylongword x", 4), ["averylongword", "x"]);
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\tc"), "a\u{fffd}[31mb\n\tc");
        assert_eq!(clean("plain"), "plain");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("prod-general", 8), "prod-ge…");
        assert_eq!(cut("prod", 8), "prod");
        assert_eq!(brief("one\ntwo", 2, 4), "one\ntwo");
        assert_eq!(brief("one\ntwo\nthree", 2, 4), "one\ntwo\n…");
        assert_eq!(brief("a long line", 2, 4), "a long…");
    }
}
