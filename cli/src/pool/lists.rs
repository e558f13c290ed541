//! What a market maker's proxy may deal with: STARK keys, vaults of the exchange, recipients of payouts.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolEvent;
use anyhow::Context;
use clap::{Args, Subcommand};
use client::{At, Filter, State, bindings::ITrustedBorrowerL2Proxy as P, date};
use serde::Serialize;

use super::{
    borrow::Through,
    read::{Block, Reading},
};
use crate::output::{self, Failure, say};

/// Which proxy is read
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The market maker's proxy: an address, or a name of the book
    #[arg(long, value_name = "BORROWER")]
    proxy: String,
    #[command(flatten)]
    reading: Reading,
}

/// STARK keys of the market maker's positions
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Which keys are allowed or blocked
    List(Of),
    /// Allow a key
    Allow(OneKey),
    /// Allow a key no more
    Disallow(OneKey),
}

#[derive(Debug, Args)]
pub(crate) struct OneKey {
    /// STARK key
    key: U256,
    #[command(flatten)]
    through: Through,
}

/// Vaults of the exchange that may be deposited to
#[derive(Debug, Subcommand)]
pub(crate) enum Vaults {
    /// Which vaults are on the list, and since when they count
    List(Of),
    /// Put a vault on the list; it counts three days later, in which a guardian may take it off
    Allow(OneVault),
    /// Take a vault off the list
    Disallow(OneVault),
}

#[derive(Debug, Args)]
pub(crate) struct OneVault {
    /// STARK key
    key: U256,
    /// Asset type
    asset: U256,
    /// Vault
    vault: U256,
    #[command(flatten)]
    through: Through,
}

/// Who may be paid from the proxy
#[derive(Debug, Subcommand)]
pub(crate) enum Recipients {
    /// Which recipients are allowed
    List(Of),
    /// Allow a recipient
    Allow(OneRecipient),
    /// Allow a recipient no more
    Disallow(OneRecipient),
}

#[derive(Debug, Args)]
pub(crate) struct OneRecipient {
    /// Who; an address, or a name of the book
    recipient: String,
    #[command(flatten)]
    through: Through,
}

/// A key that an event names.
#[derive(Debug, Serialize)]
struct Key {
    key: String,
    allowed: bool,
    blocked: bool,
}

/// A vault that an event names.
#[derive(Debug, Serialize)]
struct Vault {
    key: String,
    asset: String,
    vault: String,
    /// Seconds; 0 if it is not on the list.
    allowed_from: u64,
    /// Whether a cancellation is under way there.
    being_cancelled: bool,
}

/// A recipient that an event names.
#[derive(Debug, Serialize)]
struct Recipient {
    recipient: Address,
    allowed: bool,
}

impl Of {
    /// Reads a list, and prints it; `read` says what an entry is, `row` how it looks.
    fn print<T: Serialize>(
        &self,
        columns: &[&str],
        read: impl FnOnce(&At<'_>, Address) -> anyhow::Result<Vec<T>>,
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let proxy = scene.address(&self.proxy)?;
        at.view(proxy, &P::LIQUIDITY_STAKINGCall {}).context("is it a borrower's proxy?")?;
        let entries = read(&at, proxy)?;
        let block = Block::of(node.chain_id, &at);
        if self.reading.json {
            return output::json(&serde_json::json!({ "at": block, "proxy": proxy, "entries": entries }));
        }
        block.print();
        say!("proxy            {}", scene.name(proxy));
        output::table(columns, &entries.iter().map(row).collect::<Vec<_>>())
    }
}

/// Events of one kind of a contract.
fn events<E: SolEvent>(at: &impl State, contract: Address) -> anyhow::Result<Vec<E>> {
    let logs = at.logs(&Filter::new().address(contract).event_signature(E::SIGNATURE_HASH))?;
    Ok(logs.iter().filter_map(|log| E::decode_log(&log.inner).ok()).map(|log| log.data).collect())
}

impl Keys {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(of) => of.print(&["key", "allowed", "blocked"], keys, |key| {
                vec![key.key.clone(), key.allowed.to_string(), key.blocked.to_string()]
            }),
            Self::Allow(OneKey { key, through }) => through.act(&P::allowStarkKeyCall { starkKey: key }),
            Self::Disallow(OneKey { key, through }) => through.act(&P::disallowStarkKeyCall { starkKey: key }),
        }
    }
}

fn keys(at: &At<'_>, proxy: Address) -> anyhow::Result<Vec<Key>> {
    let allowed = events::<P::UpdatedStarkKey>(at, proxy)?.into_iter().map(|event| event.starkKey);
    let blocked = events::<P::StarkKeyBlocked>(at, proxy)?.into_iter().map(|event| event.starkKey);
    let key = |key: U256| {
        Ok(Key {
            key: key.to_string(),
            allowed: at.view(proxy, &P::isStarkKeyAllowedCall { starkKey: key })?,
            blocked: at.view(proxy, &P::isStarkKeyBlockedCall { starkKey: key })?,
        })
    };
    allowed.chain(blocked).collect::<BTreeSet<_>>().into_iter().map(key).collect()
}

impl Vaults {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(of) => of.print(&["key", "asset", "vault", "may be deposited to", ""], vaults, |vault| {
                let since = match vault.allowed_from {
                    0 => "no".to_owned(),
                    since => format!("from {}", date(since)),
                };
                let cancelled = if vault.being_cancelled { "a cancellation is under way" } else { "" };
                vec![vault.key.clone(), vault.asset.clone(), vault.vault.clone(), since, cancelled.to_owned()]
            }),
            Self::Allow(OneVault { key, asset, vault, through }) => {
                through.act(&P::allowDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault })
            }
            Self::Disallow(OneVault { key, asset, vault, through }) => {
                through.act(&P::disallowDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault })
            }
        }
    }
}

fn vaults(at: &At<'_>, proxy: Address) -> anyhow::Result<Vec<Vault>> {
    let listed: BTreeSet<_> = events::<P::DepositVaultAllowed>(at, proxy)?
        .into_iter()
        .map(|event| (event.starkKey, event.starkAssetType, event.starkVaultId))
        .collect();
    let vault = |(key, asset, vault): (U256, U256, U256)| {
        let call = P::getDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault };
        let state = at.view(proxy, &call)?;
        let [key, asset, vault] = [key, asset, vault].map(|number| number.to_string());
        let allowed_from = state.allowedFrom.saturating_to();
        Ok(Vault { key, asset, vault, allowed_from, being_cancelled: state.isBeingCancelled })
    };
    listed.into_iter().map(vault).collect()
}

impl Recipients {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(of) => of.print(&["recipient", "allowed"], recipients, |one| {
                vec![one.recipient.to_string(), one.allowed.to_string()]
            }),
            Self::Allow(OneRecipient { recipient, through }) => {
                through.act_for(&recipient, |recipient| P::allowExternalRecipientCall { recipient })
            }
            Self::Disallow(OneRecipient { recipient, through }) => {
                through.act_for(&recipient, |recipient| P::disallowExternalRecipientCall { recipient })
            }
        }
    }
}

fn recipients(at: &At<'_>, proxy: Address) -> anyhow::Result<Vec<Recipient>> {
    let named: BTreeSet<_> =
        events::<P::UpdatedExternalRecipient>(at, proxy)?.into_iter().map(|event| event.recipient).collect();
    let recipient = |recipient: Address| {
        let allowed = at.view(proxy, &P::isRecipientAllowedCall { recipient })?;
        Ok(Recipient { recipient, allowed })
    };
    named.into_iter().map(recipient).collect()
}
