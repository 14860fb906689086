//! Numbers.

use lazuli_core::{Number, Type, Value};

use super::{Answer, Function, Kind, Problem, items, nullable, p, text, unexpected, whole};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("abs", &[p("number", Kind::Number)], Kind::Number, "The number without its sign.", |a| {
        let number = number(a, 0);
        Ok(Value::from(if number.is_negative() { number.negated() } else { number }))
    }),
    Function::new(
        "ceil",
        &[p("number", Kind::Number)],
        Kind::Number,
        "The next whole number upwards.",
        |a| Ok(Value::from(floor(&number(a, 0).negated()).negated())),
    ),
    Function::new(
        "floor",
        &[p("number", Kind::Number)],
        Kind::Number,
        "The next whole number downwards.",
        |a| Ok(Value::from(floor(&number(a, 0)))),
    ),
    Function::new(
        "log",
        &[p("number", Kind::Number), p("base", Kind::Number)],
        Kind::Number,
        "The logarithm of the number, as precise as floating point is.",
        |a| floating(number(a, 0).to_f64().ln() / number(a, 1).to_f64().ln()),
    ),
    Function::new("max", &[], Kind::Number, "The largest of the numbers.", |a| extreme(a, Number::max))
        .rest(p("numbers", Kind::Number)),
    Function::new("min", &[], Kind::Number, "The smallest of the numbers.", |a| extreme(a, Number::min))
        .rest(p("numbers", Kind::Number)),
    Function::new(
        "parseint",
        &[p("text", Kind::Any), p("base", Kind::Number)],
        Kind::Number,
        "The whole number written in the base, 2 to 62.",
        parse_int,
    )
    .typed(|a| only_text(a).map(|()| Type::Number)),
    Function::new(
        "pow",
        &[p("number", Kind::Number), p("power", Kind::Number)],
        Kind::Number,
        "The number raised to a power, as precise as floating point is.",
        |a| floating(power(number(a, 0).to_f64(), number(a, 1).to_f64())),
    ),
    Function::new("signum", &[p("number", Kind::Number)], Kind::Number, "-1, 0 or 1 by the sign.", |a| {
        whole(a, 0).map(|number| Value::int(number.signum()))
    }),
    Function::new("sum", &[nullable("list", Kind::Any)], Kind::Number, "The sum of the numbers.", sum).typed(
        |a| match &a[0] {
            list if list.is_unknown() || list.as_sequence().is_some() => Ok(Type::Number),
            _ => Err(unexpected(a, 0, "a list of numbers")),
        },
    ),
];

pub(super) fn number(arguments: &[Value], i: usize) -> Number {
    arguments.get(i).and_then(Value::as_number).cloned().unwrap_or_else(|| Number::from(0i64))
}

fn floor(number: &Number) -> Number {
    number.floor()
}

fn extreme(arguments: &[Value], choose: fn(Number, Number) -> Number) -> Answer {
    let numbers = arguments.iter().filter_map(|v| v.as_number().cloned());
    numbers.reduce(choose).map(Value::from).ok_or_else(|| Problem::new("expected at least one number"))
}

fn only_text(arguments: &[Value]) -> Result<(), Problem> {
    match arguments.first().map(Value::type_of) {
        Some(Type::String) => Ok(()),
        _ => Err(unexpected(arguments, 0, "a string")),
    }
}

fn parse_int(arguments: &[Value]) -> Answer {
    only_text(arguments)?;
    let written = text(arguments, 0);
    let base = whole(arguments, 1)?;
    if !(2..=62).contains(&base) {
        return Err(Problem::at(1, "expected a base from 2 to 62"));
    }
    let malformed = || Problem::at(0, format!("expected a whole number in base {base}"));
    let (negative, digits) = match written.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, written.strip_prefix('+').unwrap_or(written)),
    };
    if digits.is_empty() || digits.len() > 10_000 {
        return Err(malformed());
    }
    let base_number = Number::from(base);
    let mut value = Number::from(0i64);
    for c in digits.chars() {
        let digit = match c {
            '0'..='9' => c as i64 - '0' as i64,
            'a'..='z' => c as i64 - 'a' as i64 + 10,
            'A'..='Z' if base <= 36 => c as i64 - 'A' as i64 + 10,
            'A'..='Z' => c as i64 - 'A' as i64 + 36,
            _ => return Err(malformed()),
        };
        if digit >= base {
            return Err(malformed());
        }
        value = value.mul(&base_number).add(&Number::from(digit));
    }
    Ok(Value::from(if negative { value.negated() } else { value }))
}

/// The power, rounded at the same steps as Terraform's: the whole part of the exponent by squaring the mantissa, the rest
/// by way of the logarithm.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 0.5 {
        return base.sqrt();
    }
    if exponent == -0.5 {
        return 1.0 / base.sqrt();
    }
    if base == 0.0 || base == 1.0 || exponent == 0.0 || exponent == 1.0 || exponent.abs() >= 9e18 {
        return base.powf(exponent);
    }
    let (mut whole, mut fraction) = (exponent.abs().trunc(), exponent.abs().fract());
    if fraction != 0.0 && base < 0.0 {
        return f64::NAN;
    }
    if fraction > 0.5 {
        fraction -= 1.0;
        whole += 1.0;
    }
    let mut mantissa = if fraction == 0.0 { 1.0 } else { (fraction * base.ln()).exp() };
    let mut binary: i64 = 0;
    let (mut square, mut shift) = mantissa_and_exponent(base);
    #[allow(clippy::cast_possible_truncation)] // below 2^63, checked above
    let mut left = whole as i64;
    while left != 0 {
        if shift.abs() > 1 << 12 {
            binary += shift; // far beyond what can be written
            break;
        }
        if left & 1 == 1 {
            mantissa *= square;
            binary += shift;
        }
        square *= square;
        shift *= 2;
        if square < 0.5 {
            square += square;
            shift -= 1;
        }
        left >>= 1;
    }
    if exponent < 0.0 {
        mantissa = 1.0 / mantissa;
        binary = -binary;
    }
    scaled(mantissa, binary)
}

/// The number as a mantissa from 0.5 up to 1 and a power of two.
fn mantissa_and_exponent(number: f64) -> (f64, i64) {
    const BIAS: i64 = 1022;
    if number == 0.0 || !number.is_finite() {
        return (number, 0);
    }
    if number.is_subnormal() {
        let (mantissa, exponent) = mantissa_and_exponent(number * 2f64.powi(64));
        return (mantissa, exponent - 64);
    }
    let bits = number.to_bits();
    let exponent = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0) - BIAS;
    (f64::from_bits(bits & !(0x7ff << 52) | 0x3fe << 52), exponent)
}

/// The mantissa times a power of two, in steps that do not overflow by themselves.
fn scaled(mut mantissa: f64, exponent: i64) -> f64 {
    let mut left = i32::try_from(exponent.clamp(-5000, 5000)).unwrap_or(0);
    while left != 0 && mantissa != 0.0 && mantissa.is_finite() {
        let step = left.clamp(-1000, 1000);
        mantissa *= 2f64.powi(step);
        left -= step;
    }
    mantissa
}

/// A result of floating point arithmetic; there is no number for what is infinite or undefined.
fn floating(result: f64) -> Answer {
    // Large whole results keep the digits that they were computed to, powers of two all of theirs.
    let exact = result.abs() >= 2f64.powi(53) && mantissa_and_exponent(result).0.abs() == 0.5;
    let digits = if exact { format!("{result:.0}") } else { result.to_string() };
    match digits.parse::<Number>() {
        Ok(number) if result.is_finite() => Ok(Value::from(number)),
        _ => Err(Problem::new("the result is not a number")),
    }
}

fn sum(arguments: &[Value]) -> Answer {
    let Some(numbers) = arguments.first().and_then(Value::as_sequence) else {
        return Err(Problem::at(0, "expected a list of numbers"));
    };
    if numbers.is_empty() {
        return Err(Problem::at(0, "expected at least one number"));
    }
    let mut total = Number::from(0i64);
    for value in items(arguments, 0) {
        let number = crate::convert::convert(value, &Type::Number).ok();
        match number.as_ref().and_then(Value::as_number) {
            Some(number) => total = total.add(number),
            None => return Err(Problem::at(0, "expected numbers only")),
        }
    }
    Ok(Value::from(total))
}
