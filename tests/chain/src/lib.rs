//! An embedded Arbitrum chain.
