//! Events and errors as words. The type names the event or error; that it has as many words is checked at compile time.

use alloc::vec::Vec;

use ::host::{Constant, HOST, Revert};
use alloy_sol_types::{SolError, SolEvent, SolType, TopicList};
use stylus_sdk::prelude::*;

use crate::uint::{Uint, bytes_of};

/// Emits an event without indexed fields.
pub(crate) fn report<E: SolEvent, const N: usize>(fields: [Uint; N]) {
    log(const { signature::<E, N>() }, &fields, 1);
}

/// The first topic of an event of so many words without indexed fields.
pub(crate) const fn signature<E: SolEvent, const N: usize>() -> Constant {
    assert!(counts::<E::DataTuple<'_>>(N), "the event has another number of words");
    Constant::new(E::SIGNATURE_HASH)
}

/// Emits an event of which every field is indexed.
pub(crate) fn report_indexed<E: SolEvent>(fields: [Uint; 3]) {
    const { assert!(E::TopicList::COUNT == 4, "the event has another number of topics") };
    log(const { Constant::new(E::SIGNATURE_HASH) }, &fields, 4);
}

pub(crate) fn log(signature: Constant, fields: &[Uint], topics: usize) {
    let mut bytes = signature.word().to_vec();
    bytes.extend_from_slice(bytes_of(fields));
    HOST.emit_log(&bytes, topics);
}

/// An error of the interface.
#[cold]
pub(crate) fn refuse<E: SolError, const N: usize>(fields: [Uint; N]) -> Revert {
    const { assert!(counts::<E::Parameters<'_>>(N), "the error has another number of words") };
    Revert::bubbled(encode(E::SELECTOR, &fields))
}

/// A call, or an error.
pub(crate) fn encode(selector: [u8; 4], words: &[Uint]) -> Vec<u8> {
    let mut bytes = selector.to_vec();
    bytes.extend_from_slice(bytes_of(words));
    bytes
}

const fn counts<T: SolType>(words: usize) -> bool {
    match T::ENCODED_SIZE {
        Some(bytes) => bytes == words.saturating_mul(32),
        None => false,
    }
}
