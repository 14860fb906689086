//! Times for people.

use std::time::Duration;

/// A measured time: `0.2 s`, `41 s`, `2m11s`, `1h02m`.
pub fn measured(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    clock(seconds.round() as u64)
}

/// A running time, which should not flicker: `0 s`, `41 s`, `2m11s`.
pub fn running(time: Duration) -> String {
    clock(time.as_secs())
}

fn clock(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A time as the configuration writes it: `90s`, `10m`, `2h`.
pub fn written(seconds: u64) -> String {
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// A time left: rounded, so that it promises no more than it knows: `about 40 s`, `about 3m40s`, `about 41 min`.
pub fn left(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..5 => "a few seconds".to_owned(),
        5..60 => format!("about {} s", round_up(seconds, 5)),
        60..600 => format!("about {}", clock(round_up(seconds, 10))),
        _ => expected(seconds as f64).replacen("About", "about", 1),
    }
}

/// How long something is expected to take, in seconds: `About 6 min`.
pub fn expected(seconds: f64) -> String {
    if seconds < 5.0 {
        "A few seconds".to_owned()
    } else if seconds < 55.0 {
        format!("About {} s", round_up(seconds.ceil() as u64, 5))
    } else if seconds < 5400.0 {
        format!("About {} min", ((seconds / 60.0).round() as u64).max(1))
    } else {
        let minutes = (seconds / 60.0).round() as u64;
        format!("About {}h{:02}m", minutes / 60, minutes % 60)
    }
}

fn round_up(number: u64, step: u64) -> u64 {
    number.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_are_useful() {
        let ms = Duration::from_millis;
        assert_eq!(measured(ms(0)), "0.0 s");
        assert_eq!(measured(ms(1_940)), "1.9 s");
        assert_eq!(measured(ms(9_960)), "10 s");
        assert_eq!(measured(ms(131_400)), "2m11s");
        assert_eq!(measured(ms(3_720_000)), "1h02m");
        assert_eq!(running(ms(41_900)), "41 s");
        assert_eq!(left(ms(1_000)), "a few seconds");
        assert_eq!(left(ms(38_000)), "about 40 s");
        assert_eq!(left(ms(220_000)), "about 3m40s");
        assert_eq!(left(ms(2_460_000)), "about 41 min");
        assert_eq!(expected(1.0), "A few seconds");
        assert_eq!(expected(31.0), "About 35 s");
        assert_eq!(expected(59.9), "About 1 min");
        assert_eq!(expected(360.0), "About 6 min");
        assert_eq!(expected(7_300.0), "About 2h02m");
    }
}
