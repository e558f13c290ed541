use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolError, SolEvent, SolType, TopicList, abi::token::WordToken};
use stylus_sdk::prelude::*;

use crate::{Constant, HOST};

/// Emits an event whose fields are words.
pub fn emit<E: SolEvent>(event: &E)
where
    <E::TopicList as SolType>::RustType: Topics,
    for<'a> E::DataToken<'a>: Words,
{
    const {
        let body = <E::DataTuple<'_> as SolType>::ENCODED_SIZE;
        assert!(fits(E::TopicList::COUNT, body), "the event has more words than there is room for");
    }
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
pub fn encode<E: SolError>(error: &E) -> Vec<u8>
where
    for<'a> E::Token<'a>: Words,
{
    const {
        let body = <E::Parameters<'_> as SolType>::ENCODED_SIZE;
        assert!(fits(0, body), "the error has more words than there is room for");
    }
    let mut words = [B256::ZERO; MAX_WORDS];
    let mut rest = words.iter_mut();
    error.tokenize().write(&mut rest);
    let length = MAX_WORDS.saturating_sub(rest.len());
    encode_words(E::SELECTOR, &words, length)
}

/// The most words that an event or error has.
const MAX_WORDS: usize = 5;

const fn fits(topics: usize, body: Option<usize>) -> bool {
    match body {
        Some(bytes) => topics.saturating_add(bytes.div_ceil(32)) <= MAX_WORDS,
        None => false,
    }
}

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

impl Topic for U256 {
    fn word(self) -> B256 {
        self.into()
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

impl<A: Topic, B: Topic, C: Topic> Topics for (B256, A, B, C) {
    fn write(self, out: Out<'_, '_>) {
        put(out, self.1.word());
        put(out, self.2.word());
        put(out, self.3.word());
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
