//! Binary floating point of 512 bits, rounded half to even: the arithmetic of Terraform's numbers.

use std::cmp::Ordering;

use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::{One as _, Zero as _};

/// Bits of a mantissa.
pub(super) const PRECISION: u64 = 512;

/// `mantissa * 2^exponent`; the mantissa is odd, so that a number has one form. Never zero.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Binary {
    pub(super) negative: bool,
    pub(super) mantissa: BigUint,
    pub(super) exponent: i64,
}

impl Binary {
    /// `mantissa * 2^exponent`, rounded; `sticky` says that a little more lies below the mantissa's last bit. `None`
    /// for zero.
    pub(super) fn rounded(
        negative: bool,
        mut mantissa: BigUint,
        mut exponent: i64,
        sticky: bool,
    ) -> Option<Self> {
        let bits = mantissa.bits();
        if bits > PRECISION {
            let dropped = bits - PRECISION;
            let half = BigUint::one() << (dropped - 1);
            let rest = &mantissa & ((BigUint::one() << dropped) - 1u32);
            mantissa >>= dropped;
            exponent += dropped.cast_signed();
            let up = match rest.cmp(&half) {
                Ordering::Greater => true,
                Ordering::Equal => sticky || mantissa.is_odd(),
                Ordering::Less => false,
            };
            if up {
                mantissa += 1u32;
            }
        }
        let zeros = mantissa.trailing_zeros()?; // none: zero
        mantissa >>= zeros;
        Some(Binary { negative, mantissa, exponent: exponent + zeros.cast_signed() })
    }

    /// A whole number.
    pub(super) fn from_i64(int: i64) -> Option<Self> {
        Binary::rounded(int < 0, BigUint::from(int.unsigned_abs()), 0, false)
    }

    /// The number when it is whole and fits.
    pub(super) fn to_i64(&self) -> Option<i64> {
        if self.exponent < 0 || self.mantissa.bits() + self.exponent.cast_unsigned() > 64 {
            return None;
        }
        let magnitude = u64::try_from(&self.mantissa).ok()? << self.exponent;
        if self.negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    }

    pub(super) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// The number without its fraction. `None` for zero.
    pub(super) fn truncated(&self) -> Option<Self> {
        if self.is_integer() {
            return Some(self.clone());
        }
        Binary::rounded(self.negative, &self.mantissa >> self.exponent.unsigned_abs(), 0, false)
    }

    /// Sum; `None` for zero.
    pub(super) fn add(&self, other: &Binary) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let aligned = |n: &Binary| &n.mantissa << (n.exponent - exponent).cast_unsigned();
        let (a, b) = (aligned(self), aligned(other));
        if self.negative == other.negative {
            return Binary::rounded(self.negative, a + b, exponent, false);
        }
        match a.cmp(&b) {
            Ordering::Less => Binary::rounded(other.negative, b - a, exponent, false),
            _ => Binary::rounded(self.negative, a - b, exponent, false),
        }
    }

    /// Product.
    pub(super) fn mul(&self, other: &Binary) -> Option<Self> {
        let negative = self.negative != other.negative;
        Binary::rounded(negative, &self.mantissa * &other.mantissa, self.exponent + other.exponent, false)
    }

    /// Quotient.
    pub(super) fn div(&self, other: &Binary) -> Option<Self> {
        // Two bits more than are kept, and whether anything is left over: enough to round correctly.
        let shift = (PRECISION + 2 + other.mantissa.bits()).saturating_sub(self.mantissa.bits());
        let (mut quotient, rest) = (&self.mantissa << shift).div_rem(&other.mantissa);
        let mut exponent = self.exponent - other.exponent - shift.cast_signed();
        if !rest.is_zero() {
            quotient = (quotient << 1u32) + 1u32;
            exponent -= 1;
        }
        Binary::rounded(self.negative != other.negative, quotient, exponent, false)
    }

    /// Order by value.
    pub(super) fn compare(&self, other: &Binary) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }

    fn compare_magnitude(&self, other: &Binary) -> Ordering {
        let top = |n: &Binary| n.mantissa.bits().cast_signed() + n.exponent;
        top(self).cmp(&top(other)).then_with(|| {
            let exponent = self.exponent.min(other.exponent);
            let aligned = |n: &Binary| &n.mantissa << (n.exponent - exponent).cast_unsigned();
            aligned(self).cmp(&aligned(other))
        })
    }
}
