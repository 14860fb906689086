//! What is left of one of Azure's token buckets. Pure: numbers and instants in, a decision out.
//!
//! Azure tells after each request how many more it will take; how large its buckets are and how fast they fill is
//! nobody's business and changes. So nothing is assumed: what is left is what was told last, less what has been sent
//! since; how fast it grows is measured.

use std::collections::BTreeMap;
use std::time::Duration;

/// Below this part of the most that was ever left, requests are spread instead of sent as they come.
const LOW: f64 = 0.1;
/// The longest distance between requests that are spread.
const LONGEST: Duration = Duration::from_secs(1);
/// The distance while it is not known how fast the bucket fills, and before one request asks whether it has.
const UNKNOWN: Duration = Duration::from_millis(250);
const PROBE: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// Resource Manager counts a request when it arrives, before anybody works on it: at most so long after it was sent.
const ARRIVAL: Duration = Duration::from_secs(1);
/// A rate is measured over at least this time, and anew after the longer one.
const WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(60);

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Now.
    Go,
    /// Not before this moment.
    Until(Duration),
    /// When one that is under way has been answered.
    Answer,
}

impl Verdict {
    /// What both allow.
    pub(super) fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Answer, _) | (_, Verdict::Answer) => Verdict::Answer,
            (Verdict::Until(one), Verdict::Until(two)) => Verdict::Until(one.max(two)),
            (Verdict::Until(moment), Verdict::Go) | (Verdict::Go, Verdict::Until(moment)) => {
                Verdict::Until(moment)
            }
            (Verdict::Go, Verdict::Go) => Verdict::Go,
        }
    }
}

/// One bucket. Moments are durations since some beginning.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    told: Option<Told>,
    /// How many requests have been sent.
    sent: u64,
    /// Requests that what was told may not have counted: all later ones, and earlier ones that were under way with it.
    uncounted: BTreeMap<u64, Uncounted>,
    /// The most that was ever left.
    most: f64,
    /// Tokens per second, as measured: at least so many.
    rate: Option<f64>,
    /// Where the measurement of the rate began.
    since: Option<Told>,
    last: Option<Duration>,
    /// When the last one was taken.
    taken: Option<Duration>,
    /// The time between one that was taken and the next that Azure would take, by its last refusal: so long one more needs.
    asked: Duration,
}

/// What the answer to a request told.
#[derive(Debug, Clone, Copy)]
struct Told {
    request: u64,
    left: f64,
    /// When the request was sent, and when it was answered.
    sent: Duration,
    answered: Duration,
    /// How many later ones may have been counted in it, and how many earlier ones may not.
    later: usize,
    earlier: usize,
}

#[derive(Debug, Clone, Copy)]
struct Uncounted {
    sent: Duration,
    answered: Option<Duration>,
}

impl Bucket {
    /// How many requests Azure would certainly take now; `None` when it has not told.
    pub(super) fn available(&self, now: Duration) -> Option<f64> {
        let told = self.told?;
        let gained = self.rate.unwrap_or(0.0) * now.saturating_sub(told.answered).as_secs_f64();
        Some((told.left + gained).min(self.most) - self.uncounted.len() as f64)
    }

    /// Whether there is so much left that requests nobody needs may be sent.
    pub(super) fn is_plentiful(&self, now: Duration) -> bool {
        self.available(now).is_none_or(|available| available > self.most / 2.0)
    }

    /// Whether one more may be sent.
    pub(super) fn decide(&self, now: Duration) -> Verdict {
        let Some(available) = self.available(now) else { return Verdict::Go };
        if available >= 1.0 + LOW * self.most {
            return Verdict::Go;
        }
        let apart = |distance: Duration| match self.last.map(|last| last + distance) {
            Some(moment) if moment > now => Verdict::Until(moment),
            _ => Verdict::Go,
        };
        let rate = self.rate.filter(|rate| *rate > 0.0);
        let distance = rate.map(|rate| Duration::from_secs_f64((1.0 / rate).min(LONGEST.as_secs_f64())));
        if available >= 1.0 {
            return apart(distance.unwrap_or(UNKNOWN));
        }
        // A little later than computed: what is told is rounded, and time is counted in whole milliseconds.
        let missing =
            |rate: f64| Duration::from_secs_f64(((1.0 - available) / rate).min(3600.0)) + MILLISECOND;
        let computed = rate.map(|rate| Verdict::Until(now + missing(rate)));
        // What is under way will tell. When nothing is, one request may ask: the rate is the least that it can be.
        match (self.uncounted.values().any(|request| request.answered.is_none()), computed) {
            (true, computed) => computed.unwrap_or(Verdict::Answer),
            (false, computed) => match (apart(self.asked.max(PROBE)), computed) {
                (Verdict::Until(probe), Some(Verdict::Until(computed))) => {
                    Verdict::Until(probe.min(computed))
                }
                (probe, _) => probe,
            },
        }
    }

    /// A request is sent; the number it has from now on.
    pub(super) fn send(&mut self, now: Duration) -> u64 {
        self.sent += 1;
        self.uncounted.insert(self.sent, Uncounted { sent: now, answered: None });
        self.last = Some(now);
        self.sent
    }

    /// A request is answered, and Azure told how many are left.
    pub(super) fn answered(&mut self, request: u64, left: u64, now: Duration) {
        let Some(Uncounted { sent, .. }) = self.uncounted.get(&request).copied() else { return };
        if self.told.is_some_and(|told| told.request > request) {
            return self.ended(request, now); // a later one has told, perhaps before this one was counted
        }
        let told = self.told(request, sent, left, now);
        self.measure(told);
        self.taken = Some(now);
    }

    /// A request is refused: nothing is left, and for so long there will be nothing.
    pub(super) fn refused(&mut self, request: u64, wait: Duration, now: Duration) {
        let Some(Uncounted { sent, .. }) = self.uncounted.remove(&request) else { return };
        // What was measured is wrong, unless nothing was.
        (self.rate, self.since) = (None, None);
        let since = self.taken.map_or(Duration::ZERO, |taken| now.saturating_sub(taken));
        self.asked = since + wait;
        self.last = self.taken.or(self.last); // that long after the one that was taken, not after this one
        if self.told.is_none_or(|told| told.request < request) {
            self.told(request, sent, 0, now);
        }
    }

    fn told(&mut self, request: u64, sent: Duration, left: u64, now: Duration) -> Told {
        self.uncounted.remove(&request);
        // Those sent well before are counted in it.
        self.uncounted.retain(|number, other| *number > request || other.sent + ARRIVAL > sent);
        let later = self.uncounted.range(request..).count();
        let earlier = self.uncounted.len() - later;
        let told = Told { request, left: left as f64, sent, answered: now, later, earlier };
        self.most = self.most.max(told.left);
        self.told = Some(told);
        told
    }

    /// A request has ended and nothing was told: whether Azure counted it is not known.
    pub(super) fn ended(&mut self, request: u64, now: Duration) {
        if let Some(uncounted) = self.uncounted.get_mut(&request) {
            uncounted.answered = Some(now);
        }
    }

    /// Azure answered a request without a word of this bucket: it does not count there.
    pub(super) fn not_counted(&mut self, request: u64) {
        self.uncounted.remove(&request);
    }

    fn measure(&mut self, told: Told) {
        let Some(since) = self.since else {
            self.since = Some(told);
            return;
        };
        // Azure counted both somewhere between sending and answering, and what it tells is rounded down: this is the
        // least that it can have been.
        let time = told.answered.saturating_sub(since.sent);
        let certain = (told.request - since.request) as f64 - (since.later + told.earlier) as f64;
        let gained = told.left - since.left + certain - 1.0;
        let measured = gained.max(0.0) / time.as_secs_f64().max(0.001);
        if told.left >= self.most {
            self.since = Some(told); // a full bucket does not show how fast it would fill
        } else if time >= LONGEST_WINDOW {
            // Others may take more than before.
            (self.rate, self.since) = (Some(measured), Some(told));
        } else if time >= WINDOW && gained >= 1.0 {
            // Every measurement is the least that it can be, so the largest is the best.
            self.rate = Some(self.rate.unwrap_or(0.0).max(measured));
        }
    }
}
