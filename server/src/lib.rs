//! The index of a pool and its rewards, the API over it, and the rewards of the running epoch.
//!
//! - [`index`]: from a node's logs to the database; `ledger` is what the logs add up to, `logs` what they say.
//! - [`store`]: SQLite or Postgres, with the same schema and queries; `history` reads the past from it.
//! - `chain`: present figures, from the contracts' getters at the block up to which the index goes.
//! - [`live`]: epochs of rewards in a folder.
//! - [`api`]: what is answered; [`pages`]: what people see; [`serve`](serve::serve) runs everything.

pub mod api;
pub mod chain;
pub mod history;
pub mod index;
pub mod ledger;
pub mod live;
pub mod logs;
pub mod pages;
pub mod serve;
pub mod store;

pub use logs::Contracts;
pub use serve::{Settings, serve};

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let passed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    passed.map_or(0, |passed| passed.as_secs())
}
