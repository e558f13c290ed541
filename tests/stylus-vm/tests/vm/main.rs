//! Tests of the crate from outside, one module per subject.

mod support;

mod damaged;
mod deployment;
mod generated;
mod golden;
mod hooks;
mod host_calls;
mod instrumentation;
mod naive;
mod outcomes;
mod recorded;
mod v8;
mod validation;
