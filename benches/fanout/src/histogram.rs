//! Latencies in nanoseconds, in buckets that are at most 1/64 wide. No I/O.

/// Buckets per power of two.
const STEPS: u64 = 64;

pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub fn new() -> Histogram {
        Histogram { counts: vec![0; bucket(u64::MAX) + 1], total: 0, max: 0 }
    }

    pub fn record(&mut self, value: u64, times: u64) {
        self.counts[bucket(value)] += times;
        self.total += times;
        self.max = self.max.max(value);
    }

    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.max) = (0, 0);
    }

    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value below which the share `q` of all recorded values lies, rounded up to its bucket's end.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = (self.total as f64 * q).ceil() as u64;
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && count > 0 {
                return bucket_end(index).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEPS.ilog2();
    ((u64::from(shift) + 1) * STEPS + ((value >> shift) - STEPS)) as usize
}

fn bucket_end(index: usize) -> u64 {
    let (power, step) = (index as u64 / STEPS, index as u64 % STEPS);
    if power == 0 {
        return step;
    }
    let shift = power - 1;
    ((STEPS + step) << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_narrow_bucket() {
        for value in (0..63).flat_map(|bits| [1u64 << bits, (1 << bits) + 1, (1 << bits) * 2 - 1]) {
            let end = bucket_end(bucket(value));
            assert!(end >= value && end - value <= value / STEPS, "{value} {end}");
        }
    }

    #[test]
    fn quantiles_of_a_ramp() {
        let mut histogram = Histogram::new();
        (1..=10_000).for_each(|value| histogram.record(value, 1));
        assert!(histogram.quantile(0.5).abs_diff(5_000) <= 5_000 / STEPS);
        assert!(histogram.quantile(0.99).abs_diff(9_900) <= 9_900 / STEPS);
        assert_eq!(histogram.quantile(1.0), 10_000);
    }
}
