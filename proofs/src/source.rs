//! The contracts' functions over symbolic numbers, as `build/` made them of `contracts/`.
#![allow(
    clippy::all,
    missing_docs,
    unused,
    unreachable_pub,
    missing_debug_implementations,
    reason = "made by the build from source that is checked where it stands"
)]

include!(concat!(env!("OUT_DIR"), "/source.rs"));

/// The source of what is changed by mutants, as text.
pub const PURE: &str = include_str!(concat!(env!("OUT_DIR"), "/native.rs"));
