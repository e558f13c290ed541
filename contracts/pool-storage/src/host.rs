use alloc::vec::Vec;

use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolError, SolEvent, SolType, abi::token::WordToken};
use stylus_sdk::{
    host::{VM, WasmVM},
    prelude::*,
};

/// The host. The SDK's `self.vm()` is a trait object, and its table would keep every host function there is in every program, some
/// kilobytes of them; this is the same host as a type.
pub const HOST: VM = VM(WasmVM {});

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

/// Emits an event whose fields are words.
pub fn emit<E: SolEvent>(event: &E)
where
    <E::TopicList as SolType>::RustType: Topics,
    for<'a> E::DataToken<'a>: Words,
{
    let mut log = [B256::ZERO; MAX_WORDS];
    let mut words = log.iter_mut();
    put(&mut words, const { Constant::new(E::SIGNATURE_HASH) }.word());
    event.topics().write(&mut words);
    let topics = MAX_WORDS.saturating_sub(words.len());
    event.tokenize_body().write(&mut words);
    let length = MAX_WORDS.saturating_sub(words.len());
    emit_words(&log, topics, length);
}

/// Encodes an error whose fields are words.
pub(crate) fn encode<E: SolError>(error: &E) -> Vec<u8>
where
    for<'a> E::Token<'a>: Words,
{
    let mut words = [B256::ZERO; MAX_WORDS];
    let mut rest = words.iter_mut();
    error.tokenize().write(&mut rest);
    let length = MAX_WORDS.saturating_sub(rest.len());
    encode_words(E::SELECTOR, &words, length)
}

/// The most words that an event or error has.
const MAX_WORDS: usize = 5;

type Out<'a, 'b> = &'a mut core::slice::IterMut<'b, B256>;

fn put(out: Out<'_, '_>, word: B256) {
    if let Some(place) = out.next() {
        *place = word;
    }
}

fn emit_words(log: &[B256; MAX_WORDS], topics: usize, length: usize) {
    let words = log.get(..length).unwrap_or_default();
    HOST.emit_log(words.as_flattened_bytes(), topics);
}

fn encode_words(selector: [u8; 4], words: &[B256; MAX_WORDS], length: usize) -> Vec<u8> {
    let words = words.get(..length).unwrap_or_default();
    [&selector, words.as_flattened_bytes()].concat()
}

trait Flattened {
    fn as_flattened_bytes(&self) -> &[u8];
}

impl Flattened for [B256] {
    fn as_flattened_bytes(&self) -> &[u8] {
        // SAFETY: `B256` is transparent over its 32 bytes.
        unsafe { core::slice::from_raw_parts(self.as_ptr().cast(), size_of_val(self)) }
    }
}

/// The indexed fields of an event.
pub trait Topics {
    /// Appends them.
    fn write(self, out: Out<'_, '_>);
}

/// An indexed field.
pub trait Topic {
    /// As a topic.
    fn word(self) -> B256;
}

impl Topic for Address {
    fn word(self) -> B256 {
        self.into_word()
    }
}

impl Topic for B256 {
    fn word(self) -> B256 {
        self
    }
}

impl Topics for (B256,) {
    fn write(self, _: Out<'_, '_>) {}
}

impl<A: Topic> Topics for (B256, A) {
    fn write(self, out: Out<'_, '_>) {
        put(out, self.1.word());
    }
}

impl<A: Topic, B: Topic> Topics for (B256, A, B) {
    fn write(self, out: Out<'_, '_>) {
        put(out, self.1.word());
        put(out, self.2.word());
    }
}

/// Fields that are words.
pub trait Words {
    /// Appends them.
    fn write(&self, out: Out<'_, '_>);
}

impl Words for WordToken {
    fn write(&self, out: Out<'_, '_>) {
        put(out, self.0);
    }
}

macro_rules! words_of_tuples {
    ($($($field:ident)*;)*) => {$(
        impl<$($field: Words),*> Words for ($($field,)*) {
            #[allow(non_snake_case, unused_variables, reason = "named after the types; the empty tuple has none")]
            fn write(&self, out: Out<'_, '_>) {
                let ($($field,)*) = self;
                $($field.write(out);)*
            }
        }
    )*};
}

words_of_tuples!(; A; A B; A B C; A B C D;);
