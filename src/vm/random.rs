//! The pseudo-random numbers of `math.random`: xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number
//! generators", 2021), one generator for each process.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// A generator.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// Seeded by the operating system, through the keys of the standard library's hash maps.
    pub fn from_entropy() -> Random {
        let keys = RandomState::new();
        Random { state: [0u64, 1, 2, 3].map(|word| keys.hash_one(word)) }
    }

    /// The sequence that belongs to a seed.
    pub fn from_seed(seed: u64) -> Random {
        // SplitMix64, as the authors advise, spreads seeds that differ little.
        let mut counter = seed;
        let mut next = || {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Random { state: [next(), next(), next(), next()] }
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A float in [0, 1).
    #[inline]
    pub fn float(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number from 0 to `limit` inclusive, without bias: bits beyond the needed ones are dropped, and numbers above
    /// the limit drawn again.
    pub fn up_to(&mut self, limit: u64) -> u64 {
        let unused = limit.leading_zeros();
        loop {
            // A limit of 0 needs no bits at all.
            let candidate = self.bits().checked_shr(unused).unwrap_or(0);
            if candidate <= limit {
                return candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::from_seed(7);
        let mut seen = [0; 6];
        for _ in 0..6000 {
            seen[random.up_to(5) as usize] += 1;
            assert!((0.0..1.0).contains(&random.float()));
        }
        assert!(seen.iter().all(|&times| times > 800), "{seen:?}");
        assert_eq!(random.up_to(0), 0);
        random.up_to(u64::MAX);
    }

    #[test]
    fn a_seed_fixes_the_sequence() {
        let (mut a, mut b) = (Random::from_seed(1), Random::from_seed(1));
        assert_eq!(a.bits(), b.bits());
        assert_ne!(Random::from_seed(1).bits(), Random::from_seed(2).bits());
        assert_ne!(Random::from_entropy().bits(), Random::from_entropy().bits());
    }
}
