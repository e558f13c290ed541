//! Reading the oracle: statically, and no more of its answer than can be right.

use alloc::vec::Vec;

use ::host::{Revert, Text, calls, revert};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;

use crate::abi;

mod interface {
    alloy_sol_types::sol! {
        function read() returns (bytes32, uint256, bytes);
    }
}

/// The longest CID, bytes.
const MAX_CID: usize = Text::<0>::MAX;

/// Words of an answer before the CID: root, epoch, place and length of the CID.
const HEAD: usize = 4 * 32;

/// Where every encoder puts the CID: behind the three words of the head.
const PLACE: U256 = U256::from_limbs([96, 0, 0, 0]);

/// What an oracle knows.
pub(crate) struct Answer {
    pub(crate) root: B256,
    pub(crate) epoch: U256,
    pub(crate) cid: Vec<u8>,
}

/// Asks an oracle.
pub(crate) fn read(oracle: Address) -> Result<Answer, Revert> {
    check_code(oracle)?;
    let mut answer = calls::view(oracle, &interface::readCall {}.abi_encode(), HEAD + MAX_CID)
        .map_err(|_| revert(abi::OracleFailed { oracle }))?;
    let malformed = || revert(abi::MalformedOracleAnswer { oracle });
    let [root, epoch, place, length] = head(&answer).ok_or_else(malformed)?;
    if place != PLACE {
        return Err(malformed());
    }
    let size = usize::try_from(length)
        .ok()
        .filter(|size| *size <= MAX_CID)
        .ok_or_else(|| revert(abi::CidTooLong { length, maximum: U256::from(MAX_CID) }))?;
    answer.drain(..HEAD);
    if answer.len() < size {
        return Err(malformed());
    }
    answer.truncate(size);
    Ok(Answer { root: root.into(), epoch, cid: answer })
}

fn head(answer: &[u8]) -> Option<[U256; 4]> {
    let mut words = [U256::ZERO; 4];
    for (word, bytes) in words.iter_mut().zip(answer.get(..HEAD)?.chunks_exact(32)) {
        *word = U256::from_be_slice(bytes);
    }
    Some(words)
}

/// Refuses addresses without code.
pub(crate) fn check_code(oracle: Address) -> Result<(), Revert> {
    if calls::has_code(oracle) { Ok(()) } else { Err(revert(abi::InvalidOracle { oracle })) }
}
