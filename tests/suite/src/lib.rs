//! The pool on the embedded chain.
//!
//! [`deployment`] puts its programs on a chain and joins them; [`Pool`] is the fixture of the specification's scenarios on top of that.
//! Tests use [`prelude`] and read like the scenarios:
//!
//! ```ignore
//! let mut pool = Pool::deploy();
//! pool.at(epoch(0)).by("S0").stake(1000).unwrap();
//! ```

pub mod abi;
pub mod check;
pub mod deployment;
pub mod distribution;
pub mod frames;
pub mod gas;
pub mod host;
pub mod permit;
pub mod pool;
pub mod proxy;
pub mod simulation;
pub mod wallet;

use chain::Chain;

pub use deploy::clone;
pub use deployment::{Deployment, Settings};
pub use distribution::Distribution;
pub use pool::{Amount, Caller, Pool, epoch};

/// The chain that tests run on: a new one in this process or, with `CHAIN_RPC` set, the one of the node there. Its time is
/// `timestamp`; on a node it must not be later yet.
///
/// # Panics
///
/// If the node does not answer.
pub fn chain_at(timestamp: u64) -> Chain {
    let Ok(url) = std::env::var("CHAIN_RPC") else {
        return Chain::builder().timestamp(timestamp).build();
    };
    let mut chain = Chain::connect(&url).unwrap_or_else(|error| panic!("CHAIN_RPC={url}: {error}"));
    chain.set_time(timestamp);
    chain
}

/// Roles by name, in the order of the specification's table: the first four go to the first owner.
pub const ROLES: [&str; 7] = [
    "OWNER_ROLE",
    "EPOCH_PARAMETERS_ROLE",
    "REWARDS_RATE_ROLE",
    "BORROWER_ADMIN_ROLE",
    "CLAIM_OPERATOR_ROLE",
    "STAKE_OPERATOR_ROLE",
    "DEBT_OPERATOR_ROLE",
];

/// What the tests speak with.
pub mod prelude {
    pub use alloy_primitives::{Address, B256, LogData, U256};
    pub use alloy_sol_types::{SolCall, SolError, SolEvent, SolValue};

    pub use crate::{
        Settings,
        abi::{
            IBorrowerAllocations, IClaimsProxy, IDebtAccounting, IDiamondCut, IEpochSchedule, IMerkleDistributor,
            IOddToken, IPoolErrors as errors, IPoolEvents as events, IPoolViews, IPuppet, IRewardsOracle, IRoles,
            IStakedToken, IStaking, IToken, ITreasuryClaimProxy,
        },
        check::{assert_logs, assert_refused, log, u},
        distribution::{DAY, Distribution, START, WAIT, oracle_error, tokens, tree, user},
        pool::{Amount, Books, Pool, diamond_cut, epoch},
    };
}
