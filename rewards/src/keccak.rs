//! Keccak-256 (FIPS 202's permutation with the padding of 2011) of many short messages at a time.
//!
//! One message leaves most of a processor's width unused: its steps wait for one another. Several messages side by side do not, and the compiler
//! turns each step into vector instructions, of whatever width the machine at hand has.

use alloy_primitives::B256;
use pulp::{Arch, WithSimd};

/// Messages side by side.
pub(crate) const LANES: usize = 8;

/// Words of 64 bits that are read from a message before the state is permuted.
const RATE: usize = 17;

/// One word of each state.
type Word = [u64; LANES];

/// Rotations and places of the steps rho and pi, along the path that pi takes through the state.
const ROTATIONS: [u32; 24] =
    [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
const PLACES: [usize; 24] = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// The hashes of messages of one length, at most 135 bytes: one block each.
pub(crate) fn hash<const LENGTH: usize>(messages: &[[u8; LENGTH]; LANES]) -> [B256; LANES] {
    const { assert!(LENGTH < RATE * 8, "one block") };
    let mut state = [[0; LANES]; 25];
    for (lane, message) in messages.iter().enumerate() {
        let mut block = [0; RATE * 8];
        block[..LENGTH].copy_from_slice(message);
        block[LENGTH] = 0x01;
        block[RATE * 8 - 1] |= 0x80;
        for (word, bytes) in state.iter_mut().zip(block.as_chunks::<8>().0) {
            word[lane] = u64::from_le_bytes(*bytes);
        }
    }
    Arch::new().dispatch(Permutation(&mut state));
    std::array::from_fn(|lane| {
        let mut hash = B256::ZERO;
        for (bytes, word) in hash.0.as_chunks_mut::<8>().0.iter_mut().zip(&state) {
            *bytes = word[lane].to_le_bytes();
        }
        hash
    })
}

struct Permutation<'a>(&'a mut [Word; 25]);

impl WithSimd for Permutation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let mut state = *self.0;
        for constant in ROUND_CONSTANTS {
            round(&mut state, constant);
        }
        *self.0 = state;
    }
}

#[inline(always)]
fn map(word: Word, each: impl Fn(usize, u64) -> u64) -> Word {
    let mut result = word;
    for (lane, value) in result.iter_mut().enumerate() {
        *value = each(lane, *value);
    }
    result
}

#[inline(always)]
fn xor(a: Word, b: Word) -> Word {
    map(a, |lane, a| a ^ b[lane])
}

#[inline(always)]
fn rotate(word: Word, by: u32) -> Word {
    map(word, |_, word| word.rotate_left(by))
}

#[inline(always)]
fn round(state: &mut [Word; 25], constant: u64) {
    // Theta.
    let mut columns = [[0; LANES]; 5];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = xor(xor(xor(xor(state[x], state[x + 5]), state[x + 10]), state[x + 15]), state[x + 20]);
    }
    for x in 0..5 {
        let parity = xor(columns[(x + 4) % 5], rotate(columns[(x + 1) % 5], 1));
        for y in 0..5 {
            state[x + 5 * y] = xor(state[x + 5 * y], parity);
        }
    }
    // Rho and pi.
    let mut moved = state[1];
    for (place, by) in PLACES.into_iter().zip(ROTATIONS) {
        let next = state[place];
        state[place] = rotate(moved, by);
        moved = next;
    }
    // Chi.
    for y in 0..5 {
        let row: [Word; 5] = std::array::from_fn(|x| state[5 * y + x]);
        for x in 0..5 {
            let (next, after) = (row[(x + 1) % 5], row[(x + 2) % 5]);
            state[5 * y + x] = map(row[x], |lane, word| word ^ (!next[lane] & after[lane]));
        }
    }
    // Iota.
    state[0] = map(state[0], |_, word| word ^ constant);
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    use super::*;

    fn same<const LENGTH: usize>(bytes: &[u8]) {
        let messages: [[u8; LENGTH]; LANES] =
            std::array::from_fn(|lane| std::array::from_fn(|at| bytes[lane * LENGTH + at]));
        assert_eq!(hash(&messages), messages.map(keccak256), "{LENGTH} bytes each");
    }

    proptest! {
        #[test]
        fn every_lane_has_the_hash_of_its_message(bytes in prop::collection::vec(any::<u8>(), LANES * 135)) {
            same::<0>(&bytes);
            same::<1>(&bytes);
            same::<52>(&bytes);
            same::<64>(&bytes);
            same::<134>(&bytes);
            same::<135>(&bytes);
        }
    }
}
