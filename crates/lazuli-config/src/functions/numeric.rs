//! Numbers.

use lazuli_core::{Number, Value};

use super::{Answer, Function, Kind, Problem, items, nullable, p, text, whole};

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
    Function::new("max", &[], Kind::Number, "The largest of the numbers.", |a| extreme(a, Number::max))
        .rest(p("numbers", Kind::Number)),
    Function::new("min", &[], Kind::Number, "The smallest of the numbers.", |a| extreme(a, Number::min))
        .rest(p("numbers", Kind::Number)),
    Function::new(
        "parseint",
        &[p("text", Kind::String), p("base", Kind::Number)],
        Kind::Number,
        "The whole number written in the base, 2 to 62.",
        parse_int,
    ),
    Function::new(
        "pow",
        &[p("number", Kind::Number), p("power", Kind::Number)],
        Kind::Number,
        "The number raised to a whole power.",
        pow,
    ),
    Function::new("signum", &[p("number", Kind::Number)], Kind::Number, "-1, 0 or 1 by the sign.", |a| {
        Ok(Value::int(number(a, 0).cmp(&Number::from(0i64)) as i64))
    }),
    Function::new("sum", &[nullable("list", Kind::Any)], Kind::Number, "The sum of the numbers.", sum),
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

fn parse_int(arguments: &[Value]) -> Answer {
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

fn pow(arguments: &[Value]) -> Answer {
    const MOST: i64 = 4096;
    let base = number(arguments, 0);
    let power = whole(arguments, 1).map_err(|_| Problem::at(1, "expected a whole number"))?;
    if power.abs() > MOST {
        return Err(Problem::at(1, format!("expected a power from -{MOST} to {MOST}")));
    }
    let mut result = Number::from(1i64);
    for _ in 0..power.abs() {
        result = result.mul(&base);
    }
    if power < 0 {
        let inverse = Number::from(1i64).div(&result);
        return inverse.map(Value::from).ok_or_else(|| Problem::at(0, "zero has no negative power"));
    }
    Ok(Value::from(result))
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
        let number = crate::convert::convert(value, &lazuli_core::Type::Number).ok();
        match number.as_ref().and_then(Value::as_number) {
            Some(number) => total = total.add(number),
            None => return Err(Problem::at(0, "expected numbers only")),
        }
    }
    Ok(Value::from(total))
}
