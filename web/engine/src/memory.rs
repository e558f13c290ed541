//! The three functions that a browser calls. Messages are handed over by address and length in the module's memory.
#![allow(unsafe_code, reason = "a WebAssembly host knows addresses only; each of the three says what it relies on")]

use std::{mem, ptr};

/// Memory for a message of this length. Its owner is whoever asked, until it is released or run.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(length: usize) -> *mut u8 {
    let mut bytes = vec![0_u8; length].into_boxed_slice();
    let address = bytes.as_mut_ptr();
    mem::forget(bytes);
    address
}

/// Gives a message's memory back.
///
/// # Safety
///
/// `address` and `length` are those of a message that [`allocate`] or [`run`] gave, and that was not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn release(address: *mut u8, length: usize) {
    // SAFETY: by the caller's promise this is a box of that length, and nobody else's.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(address, length)) });
}

/// Answers a message, and gives its memory back. The answer is at the lower 32 bits of the result, its length is the upper ones.
///
/// # Safety
///
/// As [`release`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(address: *mut u8, length: usize) -> u64 {
    // SAFETY: by the caller's promise this is a box of that length, and nobody else's.
    let message = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(address, length)) };
    let mut answer = crate::answer(&message).into_boxed_slice();
    let (address, length) = (answer.as_mut_ptr() as u64, answer.len() as u64);
    mem::forget(answer);
    address | length << 32
}
