//! Chance that a seed repeats: SplitMix64 (Steele, Lea, Flood 2014). Good enough to choose by, and ten lines.
use std::time::Duration;

pub struct Chance(u64);

impl Chance {
    /// A stream of its own for somebody, so that what one does changes nothing for the others.
    pub fn of(seed: u64, who: u64) -> Self {
        let mut chance = Self(seed ^ who.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chance.next();
        chance
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }

    /// One of several, the first of each pair being its weight.
    pub fn weighted<T: Copy>(&mut self, choices: &[(u64, T)]) -> T {
        let mut at = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if at < *weight {
                return *choice;
            }
            at -= weight;
        }
        choices[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_weights_hold() {
        let draw = |seed| {
            let mut chance = Chance::of(seed, 0);
            (0..1000).map(|_| chance.weighted(&[(9, 'a'), (1, 'b')])).collect::<String>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let rare = draw(7).chars().filter(|c| *c == 'b').count();
        assert!((50..150).contains(&rare), "{rare} of 1000");
    }
}
