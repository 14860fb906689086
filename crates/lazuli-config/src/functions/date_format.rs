//! The pattern language of `formatdate`.

use super::Problem;
use super::time::{Civil, Time};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The time in the form of a pattern: runs of letters stand for parts of it, text in single quotes and everything that
/// is no letter for itself.
pub(super) fn format(pattern: &str, time: &Time) -> Result<String, Problem> {
    let civil = time.civil();
    let mut formatted = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (literal, after) =
                quoted(&rest[1..]).ok_or_else(|| Problem::at(0, "a text in single quotes has no end"))?;
            formatted += &literal;
            rest = after;
            continue;
        }
        if !first.is_ascii_alphabetic() {
            formatted.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let run = rest.len() - rest.trim_start_matches(first).len();
        let (verb, after) = rest.split_at(run);
        formatted += &part(verb, &civil, time.offset).ok_or_else(|| {
            let message = format!(
                "`{verb}` stands for nothing; known are YYYY YY MMMM MMM MM M DD D EEEE EEE hh h HH H AA aa mm m ss s \
                 ZZZZZ ZZZZ ZZZ Z; text goes in single quotes"
            );
            Problem::at(0, message)
        })?;
        rest = after;
    }
    Ok(formatted)
}

/// The text up to the closing quote, two quotes for one, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    if let Some(after) = text.strip_prefix('\'') {
        return Some(("'".to_owned(), after)); // nothing in quotes is a quote
    }
    let mut literal = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('\'')?;
        literal += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                literal.push('\'');
                rest = after;
            }
            None => return Some((literal, rest)),
        }
    }
}

fn part(verb: &str, civil: &Civil, offset: i64) -> Option<String> {
    let name = |names: &[&'static str], i: i64| names.get(usize::try_from(i).ok()?).copied();
    let month = name(&MONTHS, civil.month - 1)?;
    let day = name(&DAYS, civil.weekday)?;
    let half = (civil.hour + 11) % 12 + 1;
    let colon = if verb == "ZZZZZ" || verb == "Z" { ":" } else { "" };
    let sign = if offset < 0 { '-' } else { '+' };
    let zone = format!("{sign}{:02}{colon}{:02}", offset.abs() / 60, offset.abs() % 60);
    Some(match verb {
        "YYYY" => format!("{:04}", civil.year),
        "YY" => format!("{:02}", civil.year.rem_euclid(100)),
        "MMMM" => month.to_owned(),
        "MMM" => month[..3].to_owned(),
        "MM" => format!("{:02}", civil.month),
        "M" => civil.month.to_string(),
        "DD" => format!("{:02}", civil.day),
        "D" => civil.day.to_string(),
        "EEEE" => day.to_owned(),
        "EEE" => day[..3].to_owned(),
        "hh" => format!("{:02}", civil.hour),
        "h" => civil.hour.to_string(),
        "HH" => format!("{half:02}"),
        "H" => half.to_string(),
        "AA" => if civil.hour < 12 { "AM" } else { "PM" }.to_owned(),
        "aa" => if civil.hour < 12 { "am" } else { "pm" }.to_owned(),
        "mm" => format!("{:02}", civil.minute),
        "m" => civil.minute.to_string(),
        "ss" => format!("{:02}", civil.second),
        "s" => civil.second.to_string(),
        "ZZZ" if offset == 0 => "UTC".to_owned(),
        "Z" if offset == 0 => "Z".to_owned(),
        "ZZZZZ" | "ZZZZ" | "ZZZ" | "Z" => zone,
        _ => return None,
    })
}
