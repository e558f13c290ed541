//! Tests of the embedded chain, on the public API.

mod basics;
mod support;
