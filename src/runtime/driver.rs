//! The seam through which everything that is not deterministic enters: clocks and randomness.
//!
//! The runtime never asks `std` for the time or for entropy; it asks its driver. [`SystemDriver`] is the real one. A
//! simulated driver answers from a seed and a virtual clock, so that a whole application replays identically; it turns
//! the [`Wheel`](super::timer::Wheel) itself instead of starting a timer thread.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A point in the driver's monotonic time: nanoseconds since some fixed moment (for [`SystemDriver`], its creation).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// This moment plus `delay`; a delay past the end of time (584 years) gives the end of time.
    pub fn after(self, delay: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this moment is; zero if it is before.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The civil time as a distance from 1970-01-01T00:00:00Z, rounded down to a whole second plus the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallClock {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// 0 ..= 999 999 999, counted forwards from `seconds`.
    pub nanos: u32,
}

/// The source of time and randomness.
pub trait Driver: Send + Sync + 'static {
    /// Time that never goes back. Timers are measured in it.
    fn now(&self) -> Moment;

    /// The civil time. May jump.
    fn wall_clock(&self) -> WallClock;

    /// 64 uniformly distributed bits: for seeds, identifiers and victims of work stealing, not for keys.
    fn random_u64(&self) -> u64;
}

/// The operating system's clocks and entropy.
pub struct SystemDriver {
    start: Instant,
    /// Keyed by the operating system. Hashing a counter with it makes a generator that needs no lock.
    key: RandomState,
    drawn: AtomicU64,
}

impl SystemDriver {
    /// A driver whose monotonic time begins now.
    pub fn new() -> Self {
        SystemDriver { start: Instant::now(), key: RandomState::new(), drawn: AtomicU64::new(0) }
    }
}

impl Default for SystemDriver {
    fn default() -> Self {
        SystemDriver::new()
    }
}

impl Driver for SystemDriver {
    fn now(&self) -> Moment {
        Moment::default().after(self.start.elapsed())
    }

    fn wall_clock(&self) -> WallClock {
        wall_clock_of(SystemTime::now())
    }

    fn random_u64(&self) -> u64 {
        self.key.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

fn wall_clock_of(time: SystemTime) -> WallClock {
    let signed = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => WallClock { seconds: signed(since), nanos: since.subsec_nanos() },
        Err(error) => {
            let before = error.duration();
            match before.subsec_nanos() {
                0 => WallClock { seconds: -signed(before), nanos: 0 },
                nanos => WallClock { seconds: -signed(before) - 1, nanos: 1_000_000_000 - nanos },
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back() {
        let driver = SystemDriver::new();
        let first = driver.now();
        assert!(driver.now() >= first);
        assert_eq!(first.after(Duration::from_millis(5)).since(first), Duration::from_millis(5));
        assert_eq!(first.since(first.after(Duration::from_secs(1))), Duration::ZERO);
        assert_eq!(first.after(Duration::MAX), Moment(u64::MAX));
    }

    #[test]
    fn civil_time_before_the_epoch_counts_forwards() {
        let at = |time| {
            let clock = wall_clock_of(time);
            (clock.seconds, clock.nanos)
        };
        assert_eq!(at(UNIX_EPOCH + Duration::new(3, 7)), (3, 7));
        assert_eq!(at(UNIX_EPOCH - Duration::new(3, 0)), (-3, 0));
        assert_eq!(at(UNIX_EPOCH - Duration::new(0, 1)), (-1, 999_999_999));
        assert!(SystemDriver::new().wall_clock().seconds > 1_600_000_000);
    }

    #[test]
    fn random_words_differ() {
        let driver = SystemDriver::new();
        let words: std::collections::HashSet<u64> = (0..1000).map(|_| driver.random_u64()).collect();
        assert_eq!(words.len(), 1000);
        assert_ne!(SystemDriver::new().random_u64(), SystemDriver::new().random_u64());
    }
}
