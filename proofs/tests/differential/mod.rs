//! The terms against the functions that they stand for, compiled as they are: the same numbers, the same results.
//!
//! The proofs are about terms, so what an operation of a term means must be what the machine does. Each call is made three times: by the
//! native function, over known numbers, and over variables whose terms are computed at the end.

use std::collections::BTreeMap;

use ruint::aliases::{U256 as Word, U512};

/// How often everything is called.
const ROUNDS: u64 = 2_000;

/// The low bits of a word.
fn low(word: Word, bits: u32) -> Word {
    if bits >= 256 { word } else { word & ((Word::from(1) << bits as usize) - Word::from(1)) }
}

mod native {
    use ruint::aliases::U256 as Word;

    use crate::native::{
        balances::*,
        distribution::{
            self,
            claims::claimable,
            quorum::Agreement,
            roots::{Phase, Roots},
        },
    };

    /// Numbers of any width, from words.
    pub(crate) struct Numbers<'a>(pub(crate) &'a [Word]);

    impl Numbers<'_> {
        fn n<T>(&self, at: usize) -> T
        where
            Word: Wrapping<T>,
        {
            self.0[at].wrapped()
        }

        fn up_to<T>(&self, at: usize, bits: u32) -> T
        where
            Word: Wrapping<T>,
        {
            super::low(self.0[at], bits).wrapped()
        }

        fn choice(&self, at: usize, of: usize) -> usize {
            self.0[at].as_limbs()[0] as usize % of
        }

        fn yes(&self, at: usize) -> bool {
            self.choice(at, 2) == 1
        }

        fn record(&self, shortfalls: u16) -> Word {
            let field = |at: usize, bits: u32, from: usize| super::low(self.0[at], bits) << from;
            field(0, 16, 0) | field(1, 112, 16) | field(2, 112, 128) | (Word::from(shortfalls) << 240)
        }

        fn active(&self) -> Active {
            Active::from_word(self.record(self.n(3)))
        }

        fn inactive(&self) -> Inactive {
            Inactive::from_word(self.record(small(self.choice(3, 4))))
        }
    }

    /// The low bits, as many as the type has.
    trait Wrapping<T> {
        fn wrapped(&self) -> T;
    }

    macro_rules! wrapping {
        ($($to:ident)*) => {$(
            impl Wrapping<$to> for Word {
                fn wrapped(&self) -> $to {
                    self.wrapping_to()
                }
            }
        )*};
    }

    wrapping! { u16 u32 u64 u128 Word }

    fn small(number: usize) -> u16 {
        number as u16
    }

    fn place(number: u16) -> usize {
        number.into()
    }

    include!("calls.rs");
}

mod terms {
    use proofs::{
        number::{Number, Repr},
        world::{
            balances::{balance::Record, *},
            distribution::{
                self,
                claims::claimable,
                quorum::Agreement,
                roots::{Phase, Roots},
            },
            u16, *,
        },
    };

    /// As the native ones, known or as variables.
    pub(crate) struct Numbers<'a> {
        pub(crate) words: &'a [super::Word],
        pub(crate) known: bool,
    }

    impl Numbers<'_> {
        fn n<T: Number>(&self, at: usize) -> T {
            self.up_to(at, T::BITS)
        }

        fn up_to<T: Number>(&self, at: usize, bits: core::primitive::u32) -> T {
            if !self.known {
                return T::any(&super::variable(at, bits), power(bits) - int(1));
            }
            T::of(Repr::Known(super::U512::from(super::low(self.words[at], bits))))
        }

        fn choice(&self, at: usize, of: usize) -> usize {
            self.words[at].as_limbs()[0] as usize % of
        }

        fn yes(&self, at: usize) -> bool {
            self.choice(at, 2) == 1
        }

        fn record(&self, shortfalls: u16) -> Record {
            Record { epoch: self.n(0), current: self.up_to(1, 112), next: self.up_to(2, 112), shortfalls }
        }

        fn active(&self) -> Active {
            Active(self.record(self.n(3)))
        }

        fn inactive(&self) -> Inactive {
            Inactive(self.record(small(self.choice(3, 4))))
        }
    }

    fn small(number: usize) -> u16 {
        lit(number as core::primitive::u128)
    }

    fn place(number: u16) -> usize {
        number.native() as usize
    }

    include!("calls.rs");
}

/// The name of the variable that is so many low bits of a word.
fn variable(at: usize, bits: u32) -> String {
    format!("{at} of {bits}")
}

/// Each variable's value.
fn values(words: &[Word]) -> BTreeMap<String, num_bigint::BigInt> {
    let widths = [16, 22, 23, 26, 32, 40, 48, 64, 96, 112, 128, 160, 224, 256];
    let value = |word: Word| num_bigint::BigInt::from_bytes_le(num_bigint::Sign::Plus, &word.to_le_bytes::<32>());
    let of_word = |(at, word): (usize, &Word)| {
        let word = *word;
        widths.map(|bits| (variable(at, bits), value(low(word, bits))))
    };
    words.iter().enumerate().flat_map(of_word).collect()
}

/// Random bits: splitmix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A word: where widths end, small ones, any, or one near another.
    fn word(&mut self, before: &[Word]) -> Word {
        let any = Word::from_limbs([self.bits(), self.bits(), self.bits(), self.bits()]);
        let shift = (self.bits() % 256) as usize;
        match self.bits() % 8 {
            0 => Word::from(self.bits() % 4),
            1 => Word::from(1) << shift,
            2 => (Word::from(1) << shift) - Word::from(1),
            3 => Word::MAX >> ((self.bits() % 16) * 16) as usize,
            4 if !before.is_empty() => before[shift % before.len()].wrapping_add(Word::from(self.bits() % 3)),
            5 => Word::from(self.bits() % 10_001),
            _ => any >> shift,
        }
    }
}

/// The first of several that differ.
fn same(round: u64, kind: &str, native: &[(&'static str, String)], terms: &[(&'static str, String)]) {
    assert_eq!(native.len(), terms.len());
    for (expected, found) in native.iter().zip(terms) {
        assert_eq!(expected, found, "round {round}: the function compiled natively, and over {kind}");
    }
}

#[test]
fn terms_give_what_the_functions_give() {
    let mut random = Random(24);
    let mut distinct = std::collections::HashSet::new();
    for round in 0..ROUNDS {
        let mut words = vec![];
        while words.len() < 13 {
            let word = random.word(&words);
            words.push(word);
        }
        let expected = native::results(&native::Numbers(&words));
        let known = terms::Numbers { words: &words, known: true };
        same(round, "known numbers", &expected, &terms::results(&known));
        same(round, "known words", &native::words(&native::Numbers(&words)), &terms::words(&known));
        let variables = terms::Numbers { words: &words, known: false };
        let found = proofs::engine::computed(values(&words), || terms::results(&variables));
        same(round, "variables", &expected, &found);
        distinct.extend(
            expected
                .into_iter()
                .map(|(name, result)| (name, result.len(), result.split([' ', '(', '{']).next().map(str::to_owned))),
        );
    }
    // Not the same refusal each time.
    assert!(distinct.len() > 300, "{} kinds of results", distinct.len());
}
