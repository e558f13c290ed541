#![doc = include_str!("../README.md")]

pub mod difference;
pub mod epoch;
pub mod explain;
pub mod folder;
pub mod init;
pub mod live;
pub mod manifest;
pub mod output;
pub mod problem;
pub mod results;
pub mod rows;
pub mod samples;
pub mod seal;
mod sums;
pub mod synthetic;
pub mod verify;

pub use problem::{Error, Problem, Problems};
