//! The bytecode of a borrower: a minimal clone of the program `trusted-borrower-l2-proxy`, and what creates it. The one place where it is
//! written down.
//!
//! # Code
//!
//! EIP-1167, 45 bytes, then the four addresses that never change, 80 bytes that no instruction reaches (the layout of OpenZeppelin's
//! `Clones.cloneWithImmutableArgs`, packed). The program reads them from the code of the acting address.
//!
//! ```text
//! 00  36 3d 3d 37        calldatasize, 0, 0, calldatacopy: the call to memory
//! 04  3d 3d 3d 36 3d     arguments of the delegation: no room for the answer, the whole call
//! 09  73 PROGRAM         20 bytes
//! 1e  5a f4              all gas; delegatecall
//! 20  3d 82 80 3e        its answer to memory
//! 24  90 3d 91 60 2b 57  if it succeeded, go to 2b
//! 2a  fd                 revert with the answer
//! 2b  5b f3              return the answer
//! 2d  POOL EXCHANGE TOKEN DISTRIBUTOR
//! ```
//!
//! # Init code
//!
//! Delegates one call, `initialize`, to the program while the new address has no code yet, which is the only moment in which the program
//! accepts it; fails as that fails; returns the code above. No transaction lies between creation and initialisation, and nobody else's
//! call can. `CALL` is the length of the call.
//!
//! ```text
//! 00  61 CALL 61 00b7 5f 39   codecopy(0, 3a + 7d, CALL): the call to memory
//! 08  5f 5f 61 CALL 5f        arguments of the delegation: no room for the answer, the whole call
//! 0e  73 PROGRAM              20 bytes
//! 23  5a f4                   all gas; delegatecall
//! 25  60 2f 57                if it succeeded, go to 2f
//! 28  3d 5f 5f 3e             returndatacopy(0, 0, its length)
//! 2c  3d 5f fd                revert with it
//! 2f  5b 60 7d 60 3a 5f 39    codecopy(0, 3a, 7d): the code to memory
//! 36  60 7d 5f f3             return it
//! 3a  CODE CALL
//! ```
//!
//! With CREATE2 the address of the clone commits to this init code, so to program, addresses and every argument of `initialize`: whoever
//! computes the same address from the parameters that it expects knows that nothing else ever ran there.

use alloy_primitives::{Address, B256};

/// Bytes of a clone's code.
pub const LENGTH: u8 = 45 + 4 * 20;
/// Bytes of the init code before the code.
const PROLOGUE: u8 = 0x3a;

/// A clone's code; `parties` are pool, exchange, token and distributor.
pub fn code(program: Address, parties: [Address; 4]) -> Vec<u8> {
    let [pool, exchange, token, distributor] = parties;
    [
        &[0x36, 0x3d, 0x3d, 0x37, 0x3d, 0x3d, 0x3d, 0x36, 0x3d, 0x73][..],
        program.as_slice(),
        &[0x5a, 0xf4, 0x3d, 0x82, 0x80, 0x3e, 0x90, 0x3d, 0x91, 0x60, 0x2b, 0x57, 0xfd, 0x5b, 0xf3],
        pool.as_slice(),
        exchange.as_slice(),
        token.as_slice(),
        distributor.as_slice(),
    ]
    .concat()
}

/// Init code that has `program` run `call` for the new address and leaves a clone there.
///
/// # Panics
///
/// If the call has more than 65,535 bytes.
pub fn init_code(program: Address, parties: [Address; 4], call: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(call.len()).expect("a call of `initialize` is short").to_be_bytes();
    let init = [
        &[0x61, high, low, 0x61, 0x00, PROLOGUE + LENGTH, 0x5f, 0x39][..],
        &[0x5f, 0x5f, 0x61, high, low, 0x5f, 0x73],
        program.as_slice(),
        &[0x5a, 0xf4, 0x60, 0x2f, 0x57],
        &[0x3d, 0x5f, 0x5f, 0x3e, 0x3d, 0x5f, 0xfd],
        &[0x5b, 0x60, LENGTH, 0x60, PROLOGUE, 0x5f, 0x39, 0x60, LENGTH, 0x5f, 0xf3],
    ]
    .concat();
    assert_eq!(init.len(), usize::from(PROLOGUE));
    [init, code(program, parties), call.to_vec()].concat()
}

/// Where the deterministic CREATE2 factory puts the contract of this init code.
pub fn address(salt: B256, init_code: &[u8]) -> Address {
    crate::CREATE2_FACTORY.create2_from_code(salt, init_code)
}

/// What to send to the deterministic CREATE2 factory.
pub fn creation(salt: B256, init_code: &[u8]) -> Vec<u8> {
    [salt.as_slice(), init_code].concat()
}
