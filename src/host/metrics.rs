//! What a broker has to tell a monitor, as one snapshot and as Prometheus text. It must not cost anything for each
//! message.

use super::stats::{Counters, Stats, count};
use std::fmt::{self, Write};
use std::time::Duration;

/// How many buckets have a bound; the last bound is 8.4 seconds.
const BOUNDS: usize = 24;

/// Times, counted in buckets of which each reaches twice as far as the one before: 1, 2, 4 microseconds and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The last one has no bound.
    counts: [u64; BOUNDS + 1],
    sum: u64,
}

impl Histogram {
    /// Adds one time.
    #[expect(clippy::indexing_slicing, reason = "there is one bucket more than bounds")]
    pub fn record(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let above = nanos.div_ceil(1_000).saturating_sub(1);
        let bucket = above.checked_ilog2().map_or(0, |bits| bits.saturating_add(1) as usize);
        count(&mut self.counts[bucket.min(BOUNDS)], 1);
        self.sum = self.sum.saturating_add(nanos);
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// How many times fell into each bucket, the first being that up to a microsecond.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The longest time that falls into a bucket, `None` for the last one.
    pub fn bound(bucket: usize) -> Option<Duration> {
        (bucket < BOUNDS).then(|| Duration::from_micros(1 << bucket))
    }

    /// The bound of the bucket in which the share `q` of all times is reached: an upper estimate. `None` if there are no
    /// times, or it lies past the last bound.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let rank = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = |&count: &u64| {
            seen = count.saturating_add(seen);
            seen >= rank
        };
        self.counts.iter().position(reached).and_then(Self::bound)
    }

    /// Adds the times of another one.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.counts.iter_mut().zip(other.counts) {
            count(sum, more);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

/// All figures of a broker at one moment. [`Display`](fmt::Display) gives them in Prometheus' text format, version 0.0.4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// What there is, and totals.
    pub stats: Stats,
    /// Since the broker was made.
    pub uptime: Duration,
    /// Turns of the loop, by how long they took, the waits not counted. Empty when something else drives the core.
    pub steps: Histogram,
    /// Flushes that had something to send, by how long they took. The longer part of most steps.
    pub flushes: Histogram,
}

impl Metrics {
    /// The figures of two loops together.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let (mut steps, mut flushes) = (self.steps.clone(), self.flushes.clone());
        steps.merge(&other.steps);
        flushes.merge(&other.flushes);
        Self { stats: self.stats.plus(&other.stats), uptime: self.uptime.max(other.uptime), steps, flushes }
    }

    /// The value for `Content-Type` of the text.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

/// Counters that are one family with a label: what was not delivered, by why.
const DROPS: [(&str, &str); 3] =
    [("dropped_volatile", "volatile"), ("replaced_latest", "latest"), ("dropped_oldest", "oldest")];

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.stats;
        writeln!(f, "# HELP roomcast_info The version in use.\n# TYPE roomcast_info gauge")?;
        writeln!(f, "roomcast_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "# HELP roomcast_uptime_seconds Since the broker was made.")?;
        writeln!(f, "# TYPE roomcast_uptime_seconds gauge")?;
        writeln!(f, "roomcast_uptime_seconds {}", self.uptime.as_secs_f64())?;
        for (name, help, value) in stats.gauges() {
            let name = name.trim_end_matches('\0');
            writeln!(
                f,
                "# HELP roomcast_{name} {help}\n# TYPE roomcast_{name} gauge\nroomcast_{name} {value}"
            )?;
        }
        for ((name, value), help) in stats.counters.iter().zip(Counters::HELP) {
            if DROPS.iter().any(|&(drop, _)| drop == name) {
                continue;
            }
            let help = help.trim();
            writeln!(f, "# HELP roomcast_{name}_total {help}\n# TYPE roomcast_{name}_total counter")?;
            writeln!(f, "roomcast_{name}_total {value}")?;
        }
        let family = "roomcast_messages_dropped_total";
        writeln!(f, "# HELP {family} Messages that were not sent, by the delivery class that allowed it.")?;
        writeln!(f, "# TYPE {family} counter")?;
        for (name, value) in stats.counters.iter() {
            if let Some((_, cause)) = DROPS.iter().find(|&&(drop, _)| drop == name) {
                writeln!(f, "{family}{{cause=\"{cause}\"}} {value}")?;
            }
        }
        write_histogram(f, "roomcast_step_seconds", "Turns of the loop, waiting not counted.", &self.steps)?;
        write_histogram(f, "roomcast_flush_seconds", "Flushes that had output.", &self.flushes)
    }
}

fn write_histogram(f: &mut impl Write, name: &str, help: &str, times: &Histogram) -> fmt::Result {
    writeln!(f, "# HELP {name} {help}\n# TYPE {name} histogram")?;
    let mut total = 0;
    for (bucket, count) in times.counts().iter().enumerate() {
        total = count.saturating_add(total);
        match Histogram::bound(bucket) {
            Some(bound) => writeln!(f, "{name}_bucket{{le=\"{}\"}} {total}", bound.as_secs_f64())?,
            None => writeln!(f, "{name}_bucket{{le=\"+Inf\"}} {total}")?,
        }
    }
    writeln!(f, "{name}_sum {}\n{name}_count {total}", times.sum().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_reaches_it() {
        for (nanos, bucket) in [
            (0, 0),
            (1, 0),
            (1_000, 0),
            (1_001, 1),
            (2_000, 1),
            (2_001, 2),
            (8_388_608_000, 23),
            (8_388_608_001, 24),
            (u64::MAX, 24),
        ] {
            let mut times = Histogram::default();
            times.record(Duration::from_nanos(nanos));
            assert_eq!(times.counts().iter().position(|&count| count == 1), Some(bucket), "{nanos}");
            let within = |bucket| Histogram::bound(bucket).is_none_or(|most| most.as_nanos() >= nanos.into());
            assert!(within(bucket) && (bucket == 0 || !within(bucket - 1)));
        }
    }

    #[test]
    fn quantiles_are_upper_bounds_and_merging_adds() {
        let mut times = Histogram::default();
        assert_eq!(times.quantile(0.5), None);
        (0..99).for_each(|_| times.record(Duration::from_micros(3)));
        let mut slow = Histogram::default();
        slow.record(Duration::from_millis(5));
        times.merge(&slow);
        assert_eq!(times.quantile(0.99), Some(Duration::from_micros(4)));
        assert_eq!(times.quantile(1.0), Some(Duration::from_micros(8_192)));
        assert_eq!((times.count(), times.sum()), (100, Duration::from_micros(5_297)));
        slow.record(Duration::from_secs(60));
        assert_eq!(slow.quantile(1.0), None);
    }
}
