#![doc = include_str!("../README.md")]

mod act;
mod alerts;
pub mod channels;
mod contracts;
mod duties;
mod events;
mod keeper;
mod metrics;
pub mod monitor;
mod reader;
mod serve;
mod snapshot;
mod watch;

pub use crate::{
    act::{Deed, Spending, perform},
    alerts::{ALERTS, Alert, Severity, alerts},
    contracts::{Contracts, Settings},
    duties::{Duty, Kind, duties},
    events::{Events, News},
    keeper::{Done, Keeper, Tick},
    metrics::{Counts, METRICS, metrics},
    reader::Reader,
    serve::{Look, Published, serve},
    snapshot::{Borrower, Life, Marking, Pool, Program, Purse, Rewards, Root, Snapshot, Vault},
    watch::{Notice, Stage, Watch},
};
