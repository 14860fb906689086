//! Numbers as text in the ways that `format` knows, from their decimal digits.

use super::format::Verb;

/// A whole number: `%d`, `%b`, `%o`, `%x`, `%X`.
pub(super) fn whole(verb: &Verb, number: &str) -> Result<String, String> {
    let (negative, digits) = signed(number);
    if digits.contains('.') {
        return Err(format!("%{} needs a whole number", verb.letter));
    }
    let (prefix, digits) = match verb.letter {
        'b' => ("0b", radix(digits, 2)),
        'o' => ("0", radix(digits, 8)),
        'x' => ("0x", radix(digits, 16)),
        'X' => ("0X", radix(digits, 16).to_uppercase()),
        _ => ("", digits.to_owned()),
    };
    if verb.precision == Some(0) && digits == "0" {
        return Ok(String::new());
    }
    let (sign, prefix) = (verb.sign(negative), if verb.sharp { prefix } else { "" });
    let mut zeros = verb.precision.unwrap_or(0).saturating_sub(digits.len());
    let missing = verb.width.saturating_sub(sign.len() + prefix.len() + zeros + digits.len());
    let (mut left, mut right) = (0, 0);
    match () {
        () if verb.minus => right = missing,
        () if verb.zero && verb.precision.is_none() => zeros = missing,
        () => left = missing,
    }
    let (left, zeros, right) = (" ".repeat(left), "0".repeat(zeros), " ".repeat(right));
    Ok(format!("{left}{sign}{prefix}{zeros}{digits}{right}"))
}

/// A number with a point or an exponent: `%e`, `%f`, `%g` and their like.
pub(super) fn fractional(verb: &Verb, number: &str) -> String {
    let (negative, digits) = signed(number);
    let body = match (verb.letter, verb.precision) {
        ('f', precision) => fixed(digits, precision.unwrap_or(6)),
        (letter @ ('e' | 'E'), precision) => scientific(digits, precision.unwrap_or(6), letter),
        (letter, None) => with_letter(&shortest(digits), letter),
        (letter, Some(precision)) => with_letter(&significant(digits, precision.max(1)), letter),
    };
    let sign = verb.sign(negative);
    let missing = verb.width.saturating_sub(sign.len() + body.len());
    match () {
        () if verb.zero => format!("{sign}{}{body}", "0".repeat(missing)),
        () if verb.minus => format!("{sign}{body}{}", " ".repeat(missing)),
        () => format!("{}{sign}{body}", " ".repeat(missing)),
    }
}

fn with_letter(text: &str, letter: char) -> String {
    if letter == 'G' { text.to_uppercase() } else { text.to_owned() }
}

fn signed(number: &str) -> (bool, &str) {
    match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number),
    }
}

/// Plain digits, or an exponent where plain ones would be long.
pub(super) fn shortest(number: &str) -> String {
    let (negative, digits) = signed(number);
    let sign = if negative { "-" } else { "" };
    let (kept, exponent) = mantissa(digits);
    if (-4..6).contains(&exponent) {
        return number.to_owned();
    }
    format!("{sign}{}", scientific(digits, kept.len().saturating_sub(1), 'e'))
}

/// So many significant digits at most, with an exponent where plain digits would not do.
fn significant(digits: &str, precision: usize) -> String {
    let rounded = plain(&scientific(digits, precision - 1, 'e'));
    let (kept, exponent) = mantissa(&rounded);
    let places = i64::try_from(kept.len()).unwrap_or(i64::MAX);
    let limit = i64::try_from(precision).unwrap_or(i64::MAX);
    let limit = if limit > places && places > exponent { places } else { limit };
    if exponent < -4 || exponent >= limit {
        return scientific(&rounded, precision.min(kept.len()).saturating_sub(1), 'e');
    }
    rounded
}

/// The digits from the first to the last that is not zero, and the power of ten of the first.
fn mantissa(digits: &str) -> (String, i64) {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_start_matches('0');
    if kept.is_empty() {
        return ("0".to_owned(), 0);
    }
    let skipped = all.len() - kept.len();
    let exponent = i64::try_from(whole.len()).unwrap_or(0) - i64::try_from(skipped).unwrap_or(0) - 1;
    (kept.trim_end_matches('0').to_owned(), exponent)
}

/// Text with an exponent as plain digits.
fn plain(scientific: &str) -> String {
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
    let point = exponent + 1;
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let text = match usize::try_from(point) {
        Err(_) | Ok(0) => format!("0.{}{digits}", zeros(-point)),
        Ok(at) if at < digits.len() => format!("{}.{}", &digits[..at], &digits[at..]),
        Ok(_) => return format!("{digits}{}", zeros(point - count)),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number in another base.
fn radix(digits: &str, base: u32) -> String {
    let mut number: Vec<u32> = digits.bytes().map(|b| u32::from(b - b'0')).collect();
    let mut reversed = String::new();
    while !number.is_empty() {
        let mut rest = 0;
        for digit in &mut number {
            let value = rest * 10 + *digit;
            *digit = value / base;
            rest = value % base;
        }
        reversed.push(char::from_digit(rest, base).unwrap_or('0'));
        let leading = number.iter().take_while(|digit| **digit == 0).count();
        number.drain(..leading);
    }
    reversed.chars().rev().collect()
}

/// Rounds decimal digits to so many places, half to even.
fn fixed(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() <= places {
        let padding = "0".repeat(places - fraction.len());
        return if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}{padding}") };
    }
    let (kept, dropped) = fraction.split_at(places);
    let mut all: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    let rest = dropped.as_bytes();
    let half = rest[0] == b'5' && rest[1..].iter().all(|b| *b == b'0');
    let odd = all.last().is_some_and(|b| (b - b'0') % 2 == 1);
    if (half && odd) || (!half && rest[0] >= b'5') {
        let mut at = all.len();
        loop {
            if at == 0 {
                all.insert(0, b'1');
                break;
            }
            at -= 1;
            if all[at] == b'9' {
                all[at] = b'0';
            } else {
                all[at] += 1;
                break;
            }
        }
    }
    let text: String = all.iter().map(|b| *b as char).collect();
    let (whole, kept) = text.split_at(text.len() - places);
    if places == 0 { whole.to_owned() } else { format!("{whole}.{kept}") }
}

fn scientific(digits: &str, places: usize, letter: char) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return format!("{}{letter}+00", fixed("0", places));
    }
    let skipped = all.len() - significant.len();
    let mut exponent = whole.len() as i64 - skipped as i64 - 1;
    let (first, rest) = significant.split_at(1);
    let mut mantissa =
        fixed(&if rest.is_empty() { first.to_owned() } else { format!("{first}.{rest}") }, places);
    if mantissa.starts_with("10") {
        mantissa = fixed("1", places);
        exponent += 1;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.abs())
}
