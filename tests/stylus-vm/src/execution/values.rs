//! Block, transaction and message constants, arithmetic and hashing (section 3.3).

use alloy_primitives::{U256, keccak256};

use super::env::{Env, Hosted};
use super::{Block, Context, prices};

/// Arithmetic pays for its result as for one more pointer, although it goes where the first operand was.
const RESULT: u64 = 1;

/// Writes a constant of the block or transaction to `dest`.
pub(super) fn block_bytes<const N: usize>(env: &mut Env, dest: u32, get: impl FnOnce(&Block) -> [u8; N]) -> Hosted<()> {
    env.buy_ink(prices::HOST + prices::POINTER)?;
    let bytes = get(env.block());
    give(env, dest, &bytes)
}

/// Writes a constant of the frame to `dest`.
pub(super) fn context_bytes<const N: usize>(
    env: &mut Env,
    dest: u32,
    get: impl FnOnce(&Context) -> [u8; N],
) -> Hosted<()> {
    env.buy_ink(prices::HOST + prices::POINTER)?;
    let bytes = get(env.context());
    give(env, dest, &bytes)
}

fn give(env: &mut Env, dest: u32, bytes: &[u8]) -> Hosted<()> {
    env.write(dest, bytes)?;
    env.note_outs(&[bytes]);
    Ok(())
}

/// Returns a number for the price of the host call alone. Computed after its own price was taken.
pub(super) fn long(env: &mut Env, get: impl FnOnce(&Env) -> u64) -> Hosted<u64> {
    env.buy_ink(prices::HOST)?;
    let value = get(env);
    env.note_outs(&[&value.to_be_bytes()]);
    Ok(value)
}

/// Like [`long`], 32 bits.
pub(super) fn int(env: &mut Env, get: impl FnOnce(&Env) -> u32) -> Hosted<u32> {
    env.buy_ink(prices::HOST)?;
    let value = get(env);
    env.note_outs(&[&value.to_be_bytes()]);
    Ok(value)
}

/// Replaces the word at `value` by a function of it and the word at `other`.
pub(super) fn binary(
    env: &mut Env,
    value: u32,
    other: u32,
    price: u64,
    compute: impl FnOnce(U256, U256) -> U256,
) -> Hosted<()> {
    env.buy_ink(prices::HOST + (2 + RESULT) * prices::POINTER + price)?;
    let (a, b) = (env.read_u256(value)?, env.read_u256(other)?);
    note_words(env, &[a, b]);
    give(env, value, &compute(a, b).to_be_bytes::<32>())
}

/// Replaces the word at `value` by a function of it and the words at `other` and `modulus`.
pub(super) fn ternary(
    env: &mut Env,
    [value, other, modulus]: [u32; 3],
    price: u64,
    compute: impl FnOnce(U256, U256, U256) -> U256,
) -> Hosted<()> {
    env.buy_ink(prices::HOST + (3 + RESULT) * prices::POINTER + price)?;
    let (a, b, m) = (env.read_u256(value)?, env.read_u256(other)?, env.read_u256(modulus)?);
    note_words(env, &[a, b, m]);
    give(env, value, &compute(a, b, m).to_be_bytes::<32>())
}

/// Wraps modulo 2^256. The price depends on the exponent, so it is read first.
pub(super) fn pow(env: &mut Env, value: u32, exponent: u32) -> Hosted<()> {
    env.buy_ink(prices::HOST + (2 + RESULT) * prices::POINTER)?;
    let (a, b) = (env.read_u256(value)?, env.read_u256(exponent)?);
    env.buy_ink(prices::pow(b.byte_len()))?;
    note_words(env, &[a, b]);
    give(env, value, &a.wrapping_pow(b).to_be_bytes::<32>())
}

pub(super) fn keccak(env: &mut Env, input: u32, len: u32, output: u32) -> Hosted<()> {
    env.buy_ink(prices::keccak(len))?;
    let preimage = env.read_bytes(input, len)?;
    let hash = keccak256(&preimage);
    env.note_args(&[&preimage]);
    give(env, output, &hash[..])
}

fn note_words(env: &mut Env, words: &[U256]) {
    if env.config().trace {
        env.note_args(&[&words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>()]);
    }
}

/// Division by zero gives zero, like the EVM's.
pub(super) fn div(a: U256, b: U256) -> U256 {
    a.checked_div(b).unwrap_or_default()
}

/// Remainder by zero gives zero, like the EVM's.
pub(super) fn rem(a: U256, b: U256) -> U256 {
    a.checked_rem(b).unwrap_or_default()
}
