//! Numbers from a seed (SplitMix64): the same ones on every machine.

/// A sequence of numbers that look random.
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of a seed for a purpose: two purposes see nothing of one another.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut chance = Self(seed ^ 0x5851_f42d_4c95_7f2d);
        for byte in purpose.bytes() {
            chance.0 = chance.0.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte);
            chance.number();
        }
        chance
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, cases: u64) -> bool {
        self.below(100) < cases
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}
