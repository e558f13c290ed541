#![doc = include_str!("../README.md")]

mod chart;
pub mod gather;
mod number;
mod page;
pub mod report;

pub use gather::{Gathered, gather};
pub use page::render;
pub use report::Report;
