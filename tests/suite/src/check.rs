//! Assertions by value: errors and logs as they are encoded on the chain.

use std::fmt::Debug;

use alloy_primitives::{LogData, U256};
use alloy_sol_types::{SolError, SolEvent};
use chain::Reverted;

/// A number of the chain.
pub fn u(value: u64) -> U256 {
    U256::from(value)
}

/// An event as it stands in a log.
pub fn log(event: impl SolEvent) -> LogData {
    event.encode_log_data()
}

/// The call reverted with exactly this error.
///
/// # Panics
///
/// If it failed in any other way.
#[track_caller]
pub fn assert_refused<E: SolError + Debug>(refused: Reverted, expected: E) {
    assert_eq!(
        refused.data,
        expected.abi_encode(),
        "expected {expected:?}, got {}",
        refused.decode::<E>().map_or_else(|| refused.to_string(), |error| format!("{error:?}")),
    );
}

/// The logs are exactly these, in this order.
///
/// # Panics
///
/// If they differ.
#[track_caller]
pub fn assert_logs(logs: Vec<LogData>, expected: impl IntoIterator<Item = LogData>) {
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(logs, expected, "\nlogged:\n{}\nexpected:\n{}", names(&logs), names(&expected));
}

fn names(logs: &[LogData]) -> String {
    let name = |log: &LogData| {
        let event = crate::abi::event(log.topics()[0]).unwrap_or_else(|| "unknown event".into());
        format!("  {event} {:?} {}", &log.topics()[1..], log.data)
    };
    logs.iter().map(name).collect::<Vec<_>>().join("\n")
}
