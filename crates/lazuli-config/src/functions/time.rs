//! Points in time, as RFC 3339 text.

use std::cmp::Ordering;

use lazuli_core::Value;

use super::{Answer, Function, Kind, Problem, date_format, p, text};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "formatdate",
        &[p("format", Kind::String), p("time", Kind::String)],
        Kind::String,
        "The time in another form: YYYY-MM-DD, hh:mm, EEEE; what is in single quotes stays.",
        |a| date_format::format(text(a, 0), &time(a, 1)?).map(Value::from),
    ),
    Function::new(
        "timeadd",
        &[p("time", Kind::String), p("duration", Kind::String)],
        Kind::String,
        "The time after a duration such as 1h30m, or before it when it is negative.",
        |a| Ok(Value::from(time(a, 0)?.plus(duration(text(a, 1))?).to_string())),
    )
    .nullable(),
    Function::new(
        "timecmp",
        &[p("a", Kind::String), p("b", Kind::String)],
        Kind::Number,
        "-1 when the first time is earlier than the second, 1 when it is later, 0 when they are the same.",
        |a| {
            let lenient =
                |i| lenient(text(a, i)).and_then(|written| parse(&written, true)).ok_or_else(|| no_time(i));
            let (a, b) = (lenient(0)?, lenient(1)?);
            Ok(Value::int(match (a.seconds, a.nanoseconds).cmp(&(b.seconds, b.nanoseconds)) {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            }))
        },
    ),
    Function::files("plantimestamp", &[], Kind::String, "When the plan was made, in UTC.", plan_time),
];

fn plan_time(_: &[Value], files: &dyn crate::externals::Files) -> Answer {
    let unknown = || Value::unknown_of(lazuli_core::Type::String);
    Ok(files.plan_time().map_or_else(unknown, |time| Value::from(&*time)))
}

/// A point in time and the offset it was written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    /// Seconds since 1970 in UTC.
    pub(super) seconds: i64,
    pub(super) nanoseconds: i64,
    /// Minutes east of UTC.
    pub(super) offset: i64,
}

/// A day of the calendar with the time of day.
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    /// From Sunday, zero.
    pub(super) weekday: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

impl Time {
    /// What clocks and calendars show at the offset.
    pub(super) fn civil(&self) -> Civil {
        let local = self.seconds + 60 * self.offset;
        let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        // Years from March on, so that a leap day is the last of its year; four centuries are 146097 days.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Civil {
            year: year_of_era + 400 * era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            weekday: (days + 4).rem_euclid(7),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    fn plus(&self, nanoseconds: i64) -> Time {
        let sum = self.nanoseconds + nanoseconds.rem_euclid(SECOND);
        let seconds = self.seconds + nanoseconds.div_euclid(SECOND) + sum / SECOND;
        Time { seconds, nanoseconds: sum % SECOND, offset: self.offset }
    }
}

impl std::fmt::Display for Time {
    /// RFC 3339 without fractions of seconds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil();
        let sign = if year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", year.abs())?;
        match self.offset {
            0 => f.write_str("Z"),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
            }
        }
    }
}

fn time(arguments: &[Value], i: usize) -> Result<Time, Problem> {
    parse(text(arguments, i), false).ok_or_else(|| no_time(i))
}

fn no_time(i: usize) -> Problem {
    Problem::at(i, "this is not a time as RFC 3339 writes it; expected such as 2024-05-01T12:00:00Z")
}

/// What `timecmp` takes beyond RFC 3339, as RFC 3339: an hour of one digit, a comma before the fraction.
fn lenient(written: &str) -> Option<String> {
    let (date, time) = written.split_at_checked(11)?;
    let zero = if time.find(':') == Some(1) { "0" } else { "" };
    Some(format!("{date}{zero}{}", time.replacen(',', ".", 1)))
}

/// A plain word of YAML that is a time, as RFC 3339 without fractions of seconds: `2024-5-1`, `2024-5-1 12:00:00` (UTC),
/// `2024-5-1T12:00:00+02:00`.
pub(super) fn yaml_time(written: &str) -> Option<String> {
    let (date, time) = match written.find(['T', ' ']) {
        None => (written, None),
        Some(at) => (&written[..at], Some(&written[at..])),
    };
    let time = match time {
        None => "00:00:00Z".to_owned(),
        Some(time) => {
            let (kind, time) = time.split_at(1);
            let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
            let (clock, zone) = time.split_at(end);
            if zone.is_empty() == (kind == "T") {
                return None; // with a zone only after a T, without one only after a blank
            }
            let (clock, fraction) = match clock.find(['.', ',']) {
                Some(point) => (&clock[..point], clock[point..].replacen(',', ".", 1)),
                None => (clock, String::new()),
            };
            let clock = padded(clock, ':')?;
            format!("{clock}{fraction}{}", if zone.is_empty() { "Z" } else { zone })
        }
    };
    let (year, rest) = date.split_once('-')?;
    parse(&format!("{year}-{}T{time}", padded(rest, '-')?), true).map(|time| time.to_string())
}

/// Numbers of one or two digits, with two.
fn padded(numbers: &str, separator: char) -> Option<String> {
    let parts: Option<Vec<String>> = numbers
        .split(separator)
        .map(|part| matches!(part.len(), 1 | 2).then(|| format!("{part:0>2}")))
        .collect();
    Some(parts?.join(&separator.to_string()))
}

/// RFC 3339; `timecmp` is loose about the offset, as Terraform's is.
fn parse(written: &str, loose: bool) -> Option<Time> {
    if !written.is_ascii() {
        return None;
    }
    let number = |at: std::ops::Range<usize>| -> Option<i64> {
        let digits = written.get(at)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if signs.iter().any(|(at, sign)| written.as_bytes().get(*at) != Some(sign)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let most_days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=most_days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = written.get(19..)?;
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        nanoseconds = format!("{:0<9.9}", &fraction[..digits]).parse().ok()?;
        rest = &fraction[digits..];
    }
    let offset = match rest.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let start = written.len() - rest.len();
            let (hours, minutes) = (number(start + 1..start + 3)?, number(start + 4..start + 6)?);
            if hours > 23 + i64::from(loose) || minutes > 59 + i64::from(loose) {
                return None;
            }
            (60 * hours + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    // Days since 1970 of a date, years counted from March on.
    let years = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (years.div_euclid(400), years.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - 60 * offset;
    Some(Time { seconds, nanoseconds, offset })
}

/// A duration in nanoseconds: numbers with units, such as `1h30m` or `-1.5s`.
fn duration(written: &str) -> Result<i64, Problem> {
    let wrong =
        || Problem::at(1, "this is not a duration; expected numbers with units such as 1h30m, -90s, 1.5h");
    let unsigned = written.strip_prefix(['-', '+']).unwrap_or(written);
    if unsigned == "0" {
        return Ok(0);
    }
    const MOST: u64 = 1 << 63;
    let too_long = || Problem::at(1, "this duration is too long; the longest are about 292 years");
    let mut total: u64 = 0;
    let mut rest = unsigned;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits);
        let fraction_digits = match after.strip_prefix('.') {
            Some(fraction) => fraction.bytes().take_while(u8::is_ascii_digit).count(),
            None => 0,
        };
        let point = usize::from(after.starts_with('.'));
        let fraction = &after[point..point + fraction_digits];
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong());
        }
        let after = &after[point + fraction_digits..];
        let unit_length = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        let unit: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60 * 1_000_000_000,
            "h" => 3600 * 1_000_000_000,
            _ => return Err(wrong()),
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
        let mut part = whole.checked_mul(unit).filter(|part| *part <= MOST).ok_or_else(too_long)?;
        // What is less than a nanosecond is cut off; eighteen digits are more than any unit has.
        let fraction: String = fraction.chars().take(18).collect();
        if !fraction.is_empty() {
            let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
            let of_unit = u128::from(fraction.parse::<u64>().unwrap_or(0)) * u128::from(unit) / scale;
            part += u64::try_from(of_unit).unwrap_or(0);
        }
        total = total.checked_add(part).filter(|total| *total <= MOST).ok_or_else(too_long)?;
        rest = after;
    }
    if written.starts_with('-') {
        return 0i64.checked_sub_unsigned(total).ok_or_else(too_long);
    }
    i64::try_from(total).map_err(|_| too_long())
}
