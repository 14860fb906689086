//! How long things take: profiles and the shape of one delay.
//!
//! The numbers themselves stand in the catalogue, one pair per operation; this module scales and draws them.

use serde::{Deserialize, Serialize};

/// How slow the simulated Azure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// No delay; an operation is complete at its first poll.
    Instant,
    /// The measured delays of Azure divided by twenty.
    #[default]
    Fast,
    /// The measured delays of Azure.
    Realistic,
    /// The slow end (95th percentile) of the measured delays, with random throttling and operation conflicts.
    Hostile,
}

impl Profile {
    /// Reads `instant`, `fast`, `realistic` or `hostile`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "instant" => Self::Instant,
            "fast" => Self::Fast,
            "realistic" => Self::Realistic,
            "hostile" => Self::Hostile,
            _ => return None,
        })
    }

    /// The name as written in configuration and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Fast => "fast",
            Self::Realistic => "realistic",
            Self::Hostile => "hostile",
        }
    }
}

/// The pace of one simulated cloud: a profile, and optionally another speed than the profile's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// Which delays, and whether the cloud is hostile.
    pub profile: Profile,
    /// Divides every delay by this instead of the profile's own factor; 0 means no delay at all.
    pub speedup: Option<u32>,
}

impl Pace {
    /// Scales a delay of the real Azure, in milliseconds.
    pub(crate) fn scale(self, real_ms: u64) -> u64 {
        match self.factor() {
            0 => 0,
            factor => real_ms / u64::from(factor),
        }
    }

    /// How much time of the real Azure passes in so many milliseconds; without delays, as many.
    pub(crate) fn unscale(self, ms: u64) -> u64 {
        ms.saturating_mul(u64::from(self.factor().max(1)))
    }

    /// How many milliseconds of the real Azure pass in one; 0 when nothing takes time.
    pub(crate) fn speed(self) -> u64 {
        u64::from(self.factor())
    }

    fn factor(self) -> u32 {
        self.speedup.unwrap_or(match self.profile {
            Profile::Instant => 0,
            Profile::Fast => 20,
            Profile::Realistic | Profile::Hostile => 1,
        })
    }

    /// Draws one delay; `luck` holds two numbers in `[0, 1)`.
    pub(crate) fn draw(self, delay: Delay, luck: (f64, f64)) -> u64 {
        let real = match self.profile {
            Profile::Hostile => f64::from(delay.p95),
            _ => delay.draw(luck),
        };
        self.scale(real as u64)
    }
}

/// A log-normal delay of the real Azure, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay {
    median: u32,
    p95: u32,
}

impl Delay {
    pub(crate) const NONE: Self = Self { median: 0, p95: 0 };

    pub(crate) const fn ms(median: u32, p95: u32) -> Self {
        Self { median, p95 }
    }

    fn draw(self, (a, b): (f64, f64)) -> f64 {
        if self.median == 0 {
            return 0.0;
        }
        // Box-Muller; 1.645 is the 95th percentile of the normal distribution. Cut at twice the 95th percentile,
        // so that a run never waits for a freak.
        let normal = (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        let sigma = (f64::from(self.p95) / f64::from(self.median)).ln() / 1.645;
        (f64::from(self.median) * (sigma * normal).exp()).min(2.0 * f64::from(self.p95))
    }
}
