//! Why a call failed, and what to do about it.

use std::{error, fmt};

use alloy_primitives::Bytes;

use crate::decode;

/// Why a call or a transaction failed.
#[derive(Debug)]
pub enum Error {
    /// The contract refused, with this data.
    Reverted(Bytes),
    /// The node refused or did not answer; the text says what to do. Never names the URL's path, which may hold a key.
    Node(String),
}

impl Error {
    /// Whether a call was refused, and no more than that.
    pub fn is_refusal(error: &anyhow::Error) -> bool {
        matches!(error.downcast_ref(), Some(Self::Reverted(_)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reverted(data) => write!(f, "refused: {}{}", decode::error(data), hint(data)),
            Self::Node(text) => f.write_str(text),
        }
    }
}

impl error::Error for Error {}

/// What to do about an error of a contract.
fn hint(data: &[u8]) -> &'static str {
    let selector = data.first_chunk().copied().unwrap_or_default();
    match decode::error_name(selector).as_str() {
        "AccessControlUnauthorizedAccount" => ": the key that signs lacks this role",
        "ClaimNotAllowed" => ": the account has to allow it (setAlwaysAllowClaimsFor), or to claim itself",
        "SafeErc20FailedOperation" => ": the treasury holds or allows too little",
        "DuplicateReport" => ": this reporter has said so before; the quorum needs others",
        "UpdatesPaused" => ": somebody stopped updates; find out why",
        _ => "",
    }
}
