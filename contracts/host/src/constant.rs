use alloy_primitives::B256;

/// A constant that stands in a program's code. As bytes it would stand in the data segment, each byte of which costs 0.75 gas at the
/// start of every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant([u64; 4]);

impl Constant {
    /// Of these bytes.
    #[must_use]
    pub const fn new(bytes: B256) -> Self {
        let (mut limbs, mut index) = ([0; 4], 0);
        let mut rest: &[u8] = &bytes.0;
        while let Some((chunk, after)) = rest.split_first_chunk() {
            #[expect(clippy::indexing_slicing, reason = "four chunks, checked at compile time")]
            (limbs[index] = u64::from_le_bytes(*chunk));
            #[expect(clippy::arithmetic_side_effects, reason = "up to four, checked at compile time")]
            (index += 1);
            rest = after;
        }
        Self(limbs)
    }

    /// The bytes.
    #[must_use]
    pub fn word(self) -> B256 {
        let mut word = B256::ZERO;
        for (chunk, limb) in word.0.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        word
    }
}
