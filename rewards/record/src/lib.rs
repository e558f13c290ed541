#![doc = include_str!("../README.md")]

pub mod book;
pub mod drive;
pub mod event;
pub mod exchange;
pub mod feed;
pub mod metadata;
pub mod owner;
pub mod plan;
pub mod recorder;
pub mod sink;
pub mod source;
pub mod store;
