//! Keys on a Ledger, which shows what it signs.

use crate::signer::Key;

/// An account of the first device that is found: m/44'/60'/N'/0/0.
///
/// # Errors
///
/// If there is none, if it is locked, or if this build does without.
#[cfg(feature = "ledger")]
pub(crate) async fn open(account: u32) -> anyhow::Result<Key> {
    use alloy_signer_ledger::{HDPath, LedgerSigner};
    use anyhow::anyhow;

    let path = HDPath::LedgerLive(usize::try_from(account)?);
    // The library panics where the system has no USB at all.
    let opened = tokio::spawn(LedgerSigner::new(path, None)).await;
    let signer = match opened {
        Ok(Ok(signer)) => signer,
        Ok(Err(error)) => return Err(anyhow!("the Ledger does not answer: {error}: {ADVICE}")),
        Err(_) => return Err(anyhow!("no Ledger: this system gives no access to USB: {ADVICE}")),
    };
    Ok(Box::new(signer))
}

#[cfg(feature = "ledger")]
const ADVICE: &str = "is it plugged in and unlocked, is its Ethereum app open, with blind signing allowed in the app's settings, and, on \
                      Linux, are Ledger's udev rules installed?";

/// Says how to get a build that knows devices.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "ledger"))]
pub(crate) async fn open(_: u32) -> anyhow::Result<Key> {
    let text =
        "--ledger: this build knows no devices; cargo build --bin tidepool --features cli/ledger makes one that does";
    anyhow::bail!(crate::Usage(text.to_owned()))
}
