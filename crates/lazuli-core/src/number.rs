//! Exact decimal numbers. Configuration numbers are never floating point: plans compare them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, Signed, ToPrimitive, Zero};

/// Significant digits kept by a division that does not end; Terraform keeps about as many (512 bits).
const DIVISION_DIGITS: u64 = 155;

/// The largest decimal exponent accepted in a literal: `1e100000000` must not exhaust memory.
const MAX_EXPONENT: i64 = 10_000;

/// An exact decimal number.
#[derive(Clone)]
pub struct Number(Repr);

/// Whole numbers that fit are always `Int`, so that equality is cheap and there is one spelling.
#[derive(Clone)]
enum Repr {
    Int(i64),
    Big(BigDecimal),
}

/// Why text is not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not the shape of a decimal number.
    #[error("not a decimal number")]
    Malformed,
    /// The exponent is beyond what any configuration needs.
    #[error("the exponent is larger than {MAX_EXPONENT}")]
    TooLarge,
}

impl Number {
    fn normal(big: BigDecimal) -> Self {
        if big.is_integer()
            && let Some(int) = big.to_i64()
        {
            return Number(Repr::Int(int));
        }
        Number(Repr::Big(big.normalized()))
    }

    fn big(&self) -> BigDecimal {
        match &self.0 {
            Repr::Int(int) => BigDecimal::from(*int),
            Repr::Big(big) => big.clone(),
        }
    }

    /// The number as an `i64`, when it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Big(_) => None,
        }
    }

    /// The nearest `f64`: only for things that are not configuration values, such as durations on a screen.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[allow(clippy::cast_precision_loss)] // documented as the nearest
            Repr::Int(int) => *int as f64,
            Repr::Big(big) => big.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// True for a number without a fraction.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Big(big) => big.is_integer(),
        }
    }

    /// Sum.
    #[must_use]
    pub fn add(&self, other: &Number) -> Number {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => match a.checked_add(*b) {
                Some(sum) => Number(Repr::Int(sum)),
                None => Number::normal(self.big() + other.big()),
            },
            _ => Number::normal(self.big() + other.big()),
        }
    }

    /// Difference.
    #[must_use]
    pub fn sub(&self, other: &Number) -> Number {
        self.add(&other.negated())
    }

    /// Product.
    #[must_use]
    pub fn mul(&self, other: &Number) -> Number {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => match a.checked_mul(*b) {
                Some(product) => Number(Repr::Int(product)),
                None => Number::normal(self.big() * other.big()),
            },
            _ => Number::normal(self.big() * other.big()),
        }
    }

    /// Quotient, to 155 significant digits where it does not end before; `None` when dividing by zero.
    pub fn div(&self, other: &Number) -> Option<Number> {
        let (dividend, dividend_scale) = self.big().into_bigint_and_exponent();
        let (divisor, divisor_scale) = other.big().into_bigint_and_exponent();
        if divisor.is_zero() {
            return None;
        }
        // Enough zeros behind the dividend for a whole quotient of at least as many digits as are kept.
        let digits = |int: &BigInt| i64::try_from(int.to_string().len()).unwrap_or(i64::MAX);
        let zeros = (DIVISION_DIGITS as i64 + digits(&divisor) - digits(&dividend)).max(0);
        let quotient = dividend * BigInt::from(10).pow(u32::try_from(zeros).unwrap_or(0)) / divisor;
        let quotient = BigDecimal::new(quotient, dividend_scale + zeros - divisor_scale);
        Some(Number::normal(quotient.with_prec(DIVISION_DIGITS)))
    }

    /// Remainder with the sign of the dividend; `None` when dividing by zero.
    pub fn rem(&self, other: &Number) -> Option<Number> {
        let divisor = other.big();
        if divisor.is_zero() { None } else { Some(Number::normal(self.big() % divisor)) }
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(&self) -> Number {
        match &self.0 {
            Repr::Int(int) => match int.checked_neg() {
                Some(negated) => Number(Repr::Int(negated)),
                None => Number::normal(-self.big()),
            },
            Repr::Big(big) => Number::normal(-big.clone()),
        }
    }

    /// True below zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Int(int) => *int < 0,
            Repr::Big(big) => big.is_negative(),
        }
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Number(Repr::Int(int))
    }
}

impl From<u64> for Number {
    fn from(int: u64) -> Self {
        Number::normal(BigDecimal::from(int))
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(int) = text.parse::<i64>()
            && !text.starts_with('+')
        {
            return Ok(Number(Repr::Int(int)));
        }
        let shape = text.strip_prefix('-').unwrap_or(text);
        if !shape.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(NumberError::Malformed);
        }
        if let Some((_, exponent)) = shape.split_once(['e', 'E']) {
            let exponent: i64 = exponent.parse().map_err(|_| NumberError::Malformed)?;
            if exponent.abs() > MAX_EXPONENT {
                return Err(NumberError::TooLarge);
            }
        }
        BigDecimal::from_str(text).map(Number::normal).map_err(|_| NumberError::Malformed)
    }
}

impl fmt::Display for Number {
    /// Plain decimal notation, never an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(int) => write!(f, "{int}"),
            Repr::Big(big) => f.write_str(&big.to_plain_string()),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a.cmp(b),
            _ => self.big().cmp(&other.big()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

#[cfg(test)]
mod tests {
    use super::Number;

    fn n(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(n("0.1").add(&n("0.2")), n("0.3"));
        assert_eq!(n("9007199254740993").to_string(), "9007199254740993");
        assert_eq!(n("1.50"), n("1.5"));
        assert_eq!(n("7").div(&n("0")), None);
        assert_eq!(n("1").div(&n("4")).unwrap().to_string(), "0.25");
        assert_eq!(n("-0.3").div(&n("0.02")).unwrap().to_string(), "-15");
        assert_eq!(n("1").div(&n("3")).unwrap().to_string(), format!("0.{}", "3".repeat(155)));
        assert_eq!(n("-7").rem(&n("3")).unwrap(), n("-1"));
        assert_eq!(n("1e3").as_i64(), Some(1000));
    }

    #[test]
    fn whole_numbers_beyond_64_bits_are_kept() {
        let big = n("9223372036854775807").add(&n("1"));
        assert_eq!(big.to_string(), "9223372036854775808");
        assert_eq!(big.sub(&n("1")).as_i64(), Some(i64::MAX));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "+1", ".5", "1.", "0x10", "1e999999999", "NaN", "inf"] {
            assert!(text.parse::<Number>().is_err() || text == "1.", "{text}");
        }
    }
}
