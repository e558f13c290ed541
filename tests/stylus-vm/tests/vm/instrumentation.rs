//! instrumentation
