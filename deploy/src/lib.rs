//! From a plan to a deployment.
//!
//! - [`Plan`] is what a person writes; [`Deployment`] is what it comes to: steps, and every address, before anything is sent.
//! - [`preflight`] refuses what cannot succeed; [`run()`] carries steps out on a [`Host`], each once, and writes a [`Journal`].
//! - [`book`] writes down what stands where, in the shape that tools of the field read.

pub mod book;
pub mod clone;
mod journal;
mod plan;
pub mod preflight;
mod programs;
pub mod routes;
mod run;
mod steps;
mod units;
pub mod upgrade;
pub mod verify;

pub use abi::{Fate, Host, Outcome};
pub use journal::{Entry, Journal};
pub use plan::{Borrower, Cache, Pair, Plan, Pool, Rewards, Roles, Token};
pub use programs::{
    CONSTRUCTOR, CREATE2_FACTORY, CREATE2_FACTORY_HASH, Creation, PROGRAMS, Program, Programs, STYLUS_DEPLOYER,
    STYLUS_DEPLOYER_HASH, init_code,
};
pub use run::{Progress, Standing, is_cached, run, standing};
pub use steps::{Action, Check, Deployment, Step, bid, borrower_id};
pub use units::{Date, Share, Span, Tokens};
