use alloc::vec::Vec;

use alloy_primitives::{B256, U256};
use stylus_sdk::prelude::*;

use crate::{Constant, HOST};

/// Encodes words, one byte string, and more words, as arguments of an event or results of a function.
#[must_use]
pub fn encode_with_bytes(before: &[B256], bytes: &[u8], after: &[B256]) -> Vec<u8> {
    let words = before.len().saturating_add(1).saturating_add(after.len());
    let mut data = Vec::new();
    push(&mut data, before);
    push(&mut data, &[word(words.saturating_mul(32))]);
    push(&mut data, after);
    push(&mut data, &[word(bytes.len())]);
    data.extend_from_slice(bytes);
    let padded = data.len().next_multiple_of(32);
    data.resize(padded, 0);
    data
}

/// Emits an event of words, one byte string, and more words; `signature` and `topics` are its topics.
pub fn emit_with_bytes(signature: Constant, topics: &[B256], before: &[B256], bytes: &[u8], after: &[B256]) {
    let mut log = Vec::new();
    push(&mut log, &[signature.word()]);
    push(&mut log, topics);
    log.extend(encode_with_bytes(before, bytes, after));
    HOST.emit_log(&log, topics.len().saturating_add(1));
}

fn push(data: &mut Vec<u8>, words: &[B256]) {
    for word in words {
        data.extend_from_slice(&word.0);
    }
}

fn word(number: usize) -> B256 {
    U256::from(number).into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;
    use alloy_sol_types::SolValue;

    use super::*;

    #[test]
    fn encodes_as_solidity_does() {
        let [a, b] = [7, 9].map(B256::with_last_byte);
        for length in [0, 1, 31, 32, 33, 59, 255] {
            let bytes = vec![0xab; length];
            assert_eq!(encode_with_bytes(&[], &bytes, &[]), (Bytes::from(bytes.clone()),).abi_encode_params());
            let expected = (a, b, Bytes::from(bytes.clone()), a).abi_encode_params();
            assert_eq!(encode_with_bytes(&[a, b], &bytes, &[a]), expected);
        }
    }
}
