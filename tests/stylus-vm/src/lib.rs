//! The Stylus side of a chain, with no chain in it: `module` turns deployed bytes into a priced,
//! instrumented program; `execution` runs one frame of it as a coroutine that asks for what only a chain can answer.

use alloy_primitives::{Address, B256, Bytes, Log, U256};
