//! The part of `tiny-keccak` that the contracts' dependencies use, computed by the Stylus host (`native_keccak256`,
//! about 12 gas for a storage slot) instead of in WASM (hundreds). Off the chain, in macros and tests, by `sha3`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

/// A hash over input that arrives in pieces.
pub trait Hasher {
    /// Takes in more input.
    fn update(&mut self, input: &[u8]);

    /// Writes the hash of all input so far; `output` takes its first bytes.
    fn finalize(self, output: &mut [u8]);
}

/// Keccak-256, as Ethereum uses it.
#[derive(Clone, Debug, Default)]
pub struct Keccak(Vec<u8>);

impl Keccak {
    /// A hash of nothing yet.
    #[must_use]
    pub fn v256() -> Self {
        Self::default()
    }
}

impl Hasher for Keccak {
    fn update(&mut self, input: &[u8]) {
        self.0.extend_from_slice(input);
    }

    fn finalize(self, output: &mut [u8]) {
        for (byte, hashed) in output.iter_mut().zip(keccak256(&self.0)) {
            *byte = hashed;
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn keccak256(input: &[u8]) -> [u8; 32] {
    #[link(wasm_import_module = "vm_hooks")]
    unsafe extern "C" {
        fn native_keccak256(bytes: *const u8, len: usize, output: *mut u8);
    }

    let mut output = [0; 32];
    // SAFETY: the host reads `len` bytes of `input` and writes 32 bytes to `output`.
    unsafe { native_keccak256(input.as_ptr(), input.len(), output.as_mut_ptr()) };
    output
}

#[cfg(not(target_arch = "wasm32"))]
fn keccak256(input: &[u8]) -> [u8; 32] {
    use sha3::Digest;

    sha3::Keccak256::digest(input).into()
}

#[cfg(test)]
mod tests {
    use super::{Hasher, Keccak};

    #[test]
    fn hashes_pieces_like_the_whole() {
        let mut hasher = Keccak::v256();
        hasher.update(b"OWNER");
        hasher.update(b"_ROLE");
        let mut output = [0; 32];
        hasher.finalize(&mut output);
        // OWNER_ROLE of spec section 2.
        assert_eq!(output[..4], [0xb1, 0x95, 0x46, 0xdf]);
        assert_eq!(output[28..], [0x46, 0x20, 0x21, 0x4e]);
    }
}
