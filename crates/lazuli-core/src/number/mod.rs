//! Numbers of the configuration language: 512 bits of binary floating point, as Terraform's, so that results agree digit
//! for digit. Never `f64`: plans compare numbers, and 53 bits lose what people write.
//!
//! | module | what |
//! |---|---|
//! | `binary` | arithmetic and rounding |
//! | `decimal` | text to numbers and back |

mod binary;
mod decimal;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::BigUint;

use binary::Binary;
use decimal::{Decimal, MAX_EXPONENT};

/// A number of the configuration language.
#[derive(Clone)]
pub struct Number(Repr);

/// Whole numbers that fit are always `Int`, so that equality is cheap and there is one spelling.
#[derive(Clone)]
enum Repr {
    Int(i64),
    Big(Box<Binary>),
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
    fn normal(big: Option<Binary>) -> Self {
        match big {
            None => Number(Repr::Int(0)),
            Some(big) => match big.to_i64() {
                Some(int) => Number(Repr::Int(int)),
                None => Number(Repr::Big(Box::new(big))),
            },
        }
    }

    /// `None` for zero.
    fn big(&self) -> Option<Binary> {
        match &self.0 {
            Repr::Int(int) => Binary::from_i64(*int),
            Repr::Big(big) => Some((**big).clone()),
        }
    }

    /// The number as an `i64`, when it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Big(_) => None,
        }
    }

    /// The nearest `f64`; infinite beyond its range.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[allow(clippy::cast_precision_loss)] // documented as the nearest
            Repr::Int(int) => *int as f64,
            Repr::Big(big) => {
                let Decimal { digits, point } = Decimal::of(big);
                let sign = if big.negative { "-" } else { "" };
                format!("{sign}0.{}e{point}", String::from_utf8_lossy(&digits)).parse().unwrap_or(f64::NAN) // impossible: a decimal number
            }
        }
    }

    /// The number whose shortest digits are those of `float`; `None` when it is infinite or no number.
    pub fn from_f64(float: f64) -> Option<Number> {
        if float.is_finite() { format!("{float:e}").parse().ok() } else { None }
    }

    /// True for a number without a fraction.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Big(big) => big.is_integer(),
        }
    }

    /// True when writing it takes more digits than any configuration needs: after such a result calculation should end,
    /// before memory does.
    pub fn is_excessive(&self) -> bool {
        const MOST_BITS: i64 = 4 * MAX_EXPONENT;
        match &self.0 {
            Repr::Int(_) => false,
            Repr::Big(big) => (big.exponent + big.mantissa.bits().cast_signed()).abs() > MOST_BITS,
        }
    }

    /// Sum.
    #[must_use]
    pub fn add(&self, other: &Number) -> Number {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(sum) = a.checked_add(*b)
        {
            return Number(Repr::Int(sum));
        }
        match (self.big(), other.big()) {
            (Some(a), Some(b)) => Number::normal(a.add(&b)),
            (a, b) => Number::normal(a.or(b)),
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
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(product) = a.checked_mul(*b)
        {
            return Number(Repr::Int(product));
        }
        Number::normal(self.big().zip(other.big()).and_then(|(a, b)| a.mul(&b)))
    }

    /// Quotient; `None` when dividing by zero.
    pub fn div(&self, other: &Number) -> Option<Number> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let (Some(0), Some(quotient)) = (a.checked_rem(*b), a.checked_div(*b))
        {
            return Some(Number(Repr::Int(quotient)));
        }
        let divisor = other.big()?;
        Some(Number::normal(self.big().and_then(|dividend| dividend.div(&divisor))))
    }

    /// Remainder with the sign of the dividend; the number itself when dividing by zero, as Terraform has it.
    #[must_use]
    pub fn rem(&self, other: &Number) -> Number {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return Number(Repr::Int(a.checked_rem(*b).unwrap_or(if *b == 0 { *a } else { 0 })));
        }
        match self.div(other) {
            Some(quotient) => self.sub(&quotient.truncated().mul(other)),
            None => self.clone(),
        }
    }

    /// The number without its fraction.
    #[must_use]
    pub fn truncated(&self) -> Number {
        match &self.0 {
            Repr::Int(_) => self.clone(),
            Repr::Big(big) => Number::normal(big.truncated()),
        }
    }

    /// The next whole number below, or itself.
    #[must_use]
    pub fn floor(&self) -> Number {
        let whole = self.truncated();
        if self.is_negative() && whole != *self { whole.sub(&Number::from(1i64)) } else { whole }
    }

    /// The next whole number above, or itself.
    #[must_use]
    pub fn ceil(&self) -> Number {
        self.negated().floor().negated()
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(&self) -> Number {
        match &self.0 {
            Repr::Int(int) => match int.checked_neg() {
                Some(negated) => Number(Repr::Int(negated)),
                None => Number::normal(self.big().map(|big| Binary { negative: false, ..big })),
            },
            Repr::Big(big) => Number::normal(Some(Binary { negative: !big.negative, ..(**big).clone() })),
        }
    }

    /// True below zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Int(int) => *int < 0,
            Repr::Big(big) => big.negative,
        }
    }

    /// The decimal digits of its magnitude, all of them and exactly, and where the point stands: `0.DIGITS * 10^point`.
    /// No digits for zero.
    pub fn exact_digits(&self) -> (String, i64) {
        self.digits_of(Decimal::of)
    }

    /// The fewest decimal digits of its magnitude from which the same number is read again, and where the point
    /// stands: `0.DIGITS * 10^point`. No digits for zero.
    pub fn shortest_digits(&self) -> (String, i64) {
        self.digits_of(Decimal::shortest)
    }

    fn digits_of(&self, of: fn(&Binary) -> Decimal) -> (String, i64) {
        let Some(big) = self.big() else { return (String::new(), 0) };
        let Decimal { digits, point } = of(&big);
        (String::from_utf8_lossy(&digits).into_owned(), point)
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Number(Repr::Int(int))
    }
}

impl From<u64> for Number {
    fn from(int: u64) -> Self {
        Number::normal(Binary::rounded(false, BigUint::from(int), 0, false))
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<i64>() {
            Ok(int) => Ok(Number(Repr::Int(int))),
            Err(_) => decimal::parse(text).map(Number::normal),
        }
    }
}

impl fmt::Display for Number {
    /// Plain decimal notation, never an exponent; the fewest digits that are read as the same number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(int) => write!(f, "{int}"),
            Repr::Big(big) => {
                f.write_str(if big.negative { "-" } else { "" })?;
                f.write_str(&Decimal::shortest(big).plain())
            }
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
            _ => match (self.big(), other.big()) {
                (Some(a), Some(b)) => a.compare(&b),
                (a, b) => {
                    let sign = |n: Option<Binary>| n.map_or(0, |n| if n.negative { -1 } else { 1 });
                    sign(a).cmp(&sign(b))
                }
            },
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
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a == b,
            (Repr::Big(a), Repr::Big(b)) => a == b,
            _ => false, // every number has one form
        }
    }
}

impl Eq for Number {}
