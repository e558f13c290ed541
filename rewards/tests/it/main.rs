//! The library against the worked examples and conformance vectors of the specification, against a slow independent implementation, and
//! against what must hold for any input.

mod allocation;
mod book;
mod cid;
mod decimal;
mod fixture;
mod health;
mod history;
mod inputs;
mod legacy;
mod properties;
mod sampling;
mod slow;
mod tally;
mod timeline;
mod tree;
mod worked;
