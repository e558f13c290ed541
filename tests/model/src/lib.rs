//! The pool's ledger in plain Rust, written from the specification and its list of deviations alone. It shares no code with the contracts.
//!
//! Nothing here is lazy: [`Ledger`] holds the present numbers of every account, changes all of them at each epoch boundary
//! ([`Ledger::advance`]) and at each shortfall, and computes exactly or panics. A call answers with the value, the events and the refusal
//! that the contracts must give.
//!
//! The contracts settle late: they store and report a change when somebody next touches the record. What they have stored so far
//! stands apart, in [`reported`], to predict their events and the few getters that show stored values. No balance is computed from it.
//!
//! [`proxy`] has the market makers' proxies beside it, and [`exchange`] the venue behind them.
//!
//! [`INVARIANTS`] and [`CHANGES`] name what holds in every state and from each state to the next, over a [`Snapshot`]: the ledger's or one
//! read from a chain.

mod admin;
mod call;
mod debt;
pub mod distributor;
mod event;
mod exact;
pub mod exchange;
mod invariants;
mod ledger;
mod lending;
pub mod members;
pub mod oracle;
pub mod proxy;
mod refusal;
pub mod reported;
mod rewards;
mod schedule;
mod snapshot;
mod stake;
mod token;
pub mod tree;

pub use call::{Call, Done, Outcome, Role};
pub use event::Event;
pub use invariants::{CHANGES, Change, INVARIANTS, Terms, broken, broken_change};
pub use ledger::{Account, Borrower, Ledger, Setup, Shortfall, Stake};
pub use refusal::Refusal;
pub use schedule::Schedule;
pub use snapshot::{AccountView, BorrowerView, PoolView, Snapshot};

/// The sum of all shares, basis points.
pub const WHOLE: u64 = 10_000;
