//! Which fields share a word, and how many bits each has. The law of words proves that these widths are enough.

use crate::{
    number::{Fields, Int, is_term},
    source::{balances, distribution, pool_storage::words},
};

macro_rules! fields {
    ($($of:ty { $($field:ident $(. $inner:ident)* : $bits:literal),* $(,)? })*) => {$(
        impl Fields for $of {
            fn narrow(&self) -> Vec<(Int, u32)> {
                vec![$((Int::from(self.$field$(.$inner)*), $bits)),*]
            }
            fn symbolic(&self) -> bool {
                false $(|| is_term(self.$field$(.$inner)*))*
            }
        }
    )*};
}

fields! {
    balances::balance::Record { epoch: 16, current: 112, next: 112, shortfalls: 16 }
    balances::Shortfall { epoch: 16, index: 224 }
    balances::GlobalRewards { index: 160, settled_at: 48, end: 48 }
    balances::UserRewards { index: 160, accrued: 96 }
    words::Schedule { distribution_start: 64 }
    words::Loans { borrowed: 128, debt_available: 128 }
    words::Emission { rewards_per_second: 96 }
    words::Borrower { borrowed: 112, cap: 96 }
    words::Route { position: 32 }
    distribution::roots::Roots { waiting_end: 48, next_epoch: 40 }
    distribution::quorum::Agreement { epoch: 40, quorum: 16, reporters: 16 }
    distribution::schedule::Schedule { interval: 64, offset: 64 }
}

macro_rules! records {
    ($($of:ty)*) => {$(
        impl Fields for $of {
            fn narrow(&self) -> Vec<(Int, u32)> {
                self.0.narrow()
            }
            fn symbolic(&self) -> bool {
                self.0.symbolic()
            }
        }
    )*};
}

records! { balances::Active balances::Inactive }
