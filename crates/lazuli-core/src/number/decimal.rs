//! Decimal text of binary numbers and back: the fewest digits that are read as the same number again.

use num_bigint::BigUint;
use num_traits::Zero as _;

use super::NumberError;
use super::binary::{Binary, PRECISION};

/// The largest decimal exponent accepted: `1e100000000` must not exhaust memory.
pub(super) const MAX_EXPONENT: i64 = 10_000;

/// Decimal digits: `0.DIGITS * 10^point`, without zeros at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) digits: Vec<u8>,
    pub(super) point: i64,
}

impl Decimal {
    /// All digits of `mantissa * 2^exponent`.
    fn exact(mantissa: &BigUint, exponent: i64) -> Decimal {
        let (whole, places) = if exponent >= 0 {
            (mantissa << exponent.cast_unsigned(), 0)
        } else {
            // a / 2^n is a * 5^n / 10^n
            let power = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX); // impossible: exponents are bounded
            (mantissa * BigUint::from(5u32).pow(power), exponent)
        };
        let mut digits = whole.to_str_radix(10).into_bytes();
        let point = digits.len() as i64 + places;
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        Decimal { digits, point }
    }

    /// The digits of a number, all of them.
    pub(super) fn of(number: &Binary) -> Decimal {
        Decimal::exact(&number.mantissa, number.exponent)
    }

    /// The fewest digits from which the same number is read again; of several the nearest.
    pub(super) fn shortest(number: &Binary) -> Decimal {
        let mut all = Decimal::of(number);
        // Half a unit of the last of 512 bits on either side: what lies between is rounded to this number.
        let shift = PRECISION + 1 - number.mantissa.bits();
        let mantissa = &number.mantissa << shift;
        let exponent = number.exponent - shift.cast_signed();
        let lower = Decimal::exact(&(&mantissa - 1u32), exponent);
        let upper = Decimal::exact(&(&mantissa + 1u32), exponent);
        let inclusive = !mantissa.bit(1);
        let digit = |decimal: &Decimal, i: usize| decimal.digits.get(i).copied().unwrap_or(b'0');
        for i in 0..all.digits.len() {
            let (here, low, high) = (all.digits[i], digit(&lower, i), digit(&upper, i));
            let down = low != here || inclusive && i + 1 == lower.digits.len();
            let up = here != high && (inclusive || here + 1 < high || i + 1 < upper.digits.len());
            match (down, up) {
                (true, true) => all.round(i + 1),
                (true, false) => all.cut(i + 1),
                (false, true) => all.raise(i + 1),
                (false, false) => continue,
            }
            break;
        }
        all
    }

    fn cut(&mut self, digits: usize) {
        self.digits.truncate(digits);
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
    }

    fn raise(&mut self, digits: usize) {
        self.digits.truncate(digits);
        while self.digits.last() == Some(&b'9') {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                self.digits.push(b'1');
                self.point += 1;
            }
        }
    }

    /// Keeps so many digits, rounding half to even.
    pub(super) fn round(&mut self, digits: usize) {
        let Some(next) = self.digits.get(digits).copied() else { return };
        let exactly_half = next == b'5' && digits + 1 == self.digits.len();
        let odd = digits > 0 && self.digits[digits - 1] % 2 == 1;
        if if exactly_half { odd } else { next >= b'5' } { self.raise(digits) } else { self.cut(digits) }
    }

    /// Plain notation without an exponent.
    pub(super) fn plain(&self) -> String {
        let digits = String::from_utf8_lossy(&self.digits);
        let count = self.digits.len() as i64;
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
        if self.point <= 0 {
            return format!("0.{}{digits}", zeros(-self.point));
        }
        match usize::try_from(self.point) {
            Ok(point) if self.point < count => format!("{}.{}", &digits[..point], &digits[point..]),
            _ => format!("{digits}{}", zeros(self.point - count)),
        }
    }
}

/// Reads `12`, `-1.5`, `2.5e-3`: digits on at least one side of the point. `Ok(None)` is zero.
pub(super) fn parse(text: &str) -> Result<Option<Binary>, NumberError> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, exponent) = match rest.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, self::exponent(exponent)?),
        None => (rest, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return Err(NumberError::Malformed);
    }
    let (digits, exponent) = significant(format!("{whole}{fraction}"), exponent);
    let Some(mantissa) = BigUint::parse_bytes(digits.as_bytes(), 10) else {
        return Err(NumberError::Malformed);
    };
    if mantissa.is_zero() {
        return Ok(None);
    }
    let exponent = exponent - fraction.len() as i64;
    if exponent.abs() > 2 * MAX_EXPONENT {
        return Err(NumberError::TooLarge);
    }
    let power = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX); // impossible: bounded above
    let fives = BigUint::from(5u32).pow(power);
    if exponent >= 0 {
        return Ok(Binary::rounded(negative, mantissa * fives, exponent, false));
    }
    let one = |mantissa: BigUint, exponent| Binary { negative, mantissa, exponent };
    let divisor = Binary { negative: false, mantissa: fives, exponent: 0 };
    Ok(one(mantissa, exponent).div(&divisor))
}

/// The digits without leading zeros, those after the last that can matter told by one more, so that text of any length is
/// read in time.
fn significant(mut digits: String, exponent: i64) -> (String, i64) {
    const MOST: usize = 1_000;
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    if digits.len() - zeros <= MOST {
        return (digits, exponent);
    }
    let rest = digits.split_off(zeros + MOST);
    digits.push(if rest.bytes().any(|digit| digit != b'0') { '1' } else { '0' });
    (digits, exponent + rest.len() as i64 - 1)
}

fn exponent(text: &str) -> Result<i64, NumberError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Malformed);
    }
    match text.parse::<i64>() {
        Ok(exponent) if exponent.abs() <= MAX_EXPONENT => Ok(exponent),
        _ => Err(NumberError::TooLarge),
    }
}
