//! Random sequences of calls for tests. It must not hide which one failed.

/// Runs `case` with a generator for each of many seeds; says which seed it was when one fails.
pub(crate) fn for_seeds(count: u64, mut case: impl FnMut(&mut fastrand::Rng)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with seed {}", self.0);
            }
        }
    }
    for seed in 0..count {
        let _seed = Seed(seed);
        case(&mut fastrand::Rng::with_seed(seed));
    }
}
