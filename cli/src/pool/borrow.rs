//! What market makers do, through their proxies.

use alloy_primitives::{Address, B256, Bytes, U256};
use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use client::{
    At, Request, Sender, State,
    bindings::{IBorrowerAllocations as B, IToken, ITrustedBorrowerL2Proxy as P},
};
use serde::Deserialize;

use super::{act::Acting, scene::Scene};
use crate::output::Failure;

/// Through which proxy
#[derive(Clone, Debug, Args)]
pub(crate) struct Through {
    /// The market maker's proxy: an address, or a name of the book
    #[arg(long, value_name = "BORROWER")]
    proxy: String,
    #[command(flatten)]
    acting: Acting,
}

impl Through {
    fn prepare(&self) -> anyhow::Result<(Sender, Scene, Address)> {
        let (sender, scene) = self.acting.prepare()?;
        let proxy = scene.address(&self.proxy)?;
        let pool = sender.node.view(proxy, &P::LIQUIDITY_STAKINGCall {}).context("is it a borrower's proxy?")?;
        ensure!(pool == scene.pool, "the proxy {proxy} borrows from the pool {pool}, not from {}", scene.pool);
        Ok((sender, scene, proxy))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Amount {
    /// Tokens, such as 1,000.5, or max
    amount: String,
    #[command(flatten)]
    through: Through,
}

impl Amount {
    pub(crate) fn borrow(self) -> Result<(), Failure> {
        let (sender, scene, proxy) = self.through.prepare()?;
        let state = sender.node.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?;
        let amount = self.chosen(&scene, state.borrowable, "left to borrow")?;
        let owed = state.borrowed.saturating_add(amount);
        eprintln!("the proxy will owe {}", scene.staked.exact(owed));
        let late = owed.saturating_sub(state.allocatedBalanceNextEpoch);
        if !late.is_zero() {
            eprintln!("{} of that have to come back before the next epoch, as shares stand", scene.staked.exact(late));
        }
        self.through.acting.send(&sender, &[Request::of(proxy, &P::borrowCall { amount })], |_| Vec::new())
    }

    pub(crate) fn repay(self) -> Result<(), Failure> {
        let (sender, scene, proxy) = self.through.prepare()?;
        let state = sender.node.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?;
        let amount = self.chosen(&scene, state.borrowed, "borrowed")?;
        expect_tokens(&sender, &scene, proxy, amount)?;
        eprintln!("{} stay borrowed", scene.staked.exact(state.borrowed.saturating_sub(amount)));
        self.through.acting.send(&sender, &[Request::of(proxy, &P::repayBorrowCall { amount })], |_| Vec::new())
    }

    pub(crate) fn repay_debt(self) -> Result<(), Failure> {
        let (sender, scene, proxy) = self.through.prepare()?;
        let state = sender.node.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?;
        let amount = self.chosen(&scene, state.debt, "of debt")?;
        expect_tokens(&sender, &scene, proxy, amount)?;
        eprintln!("{} of debt stay", scene.staked.exact(state.debt.saturating_sub(amount)));
        self.through.acting.send(&sender, &[Request::of(proxy, &P::repayDebtCall { amount })], |_| Vec::new())
    }

    fn chosen(&self, scene: &Scene, most: U256, what: &str) -> anyhow::Result<U256> {
        if self.amount == "max" {
            ensure!(!most.is_zero(), "nothing is {what}");
            return Ok(most);
        }
        let amount = scene.amount(&self.amount)?;
        if amount > most {
            bail!("{} are asked for, {} are {what}", scene.staked.exact(amount), scene.staked.exact(most));
        }
        Ok(amount)
    }
}

fn expect_tokens(sender: &Sender, scene: &Scene, proxy: Address, amount: U256) -> anyhow::Result<()> {
    let held = sender.node.view(scene.staked.address, &IToken::balanceOfCall { account: proxy })?;
    let [amount_text, held_text] = [amount, held].map(|amount| scene.staked.exact(amount));
    ensure!(
        held >= amount,
        "the proxy holds {held_text}, {amount_text} are to be paid: bring them from the exchange first"
    );
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct AutoPay {
    #[command(flatten)]
    through: Through,
}

impl AutoPay {
    /// In the blackout window: pays what is too much for the next epoch, or borrows what is left.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, _, proxy) = self.through.prepare()?;
        self.through.acting.send(&sender, &[Request::of(proxy, &P::autoPayOrBorrowCall {})], |_| Vec::new())
    }
}

/// Deposits to the exchange and withdrawals from it
#[derive(Debug, Subcommand)]
pub(crate) enum Exchange {
    /// Deposit to a vault of the exchange
    Deposit(Deposit),
    /// Bring to the proxy what the exchange has ready
    Withdraw(Bring),
}

#[derive(Debug, Args)]
pub(crate) struct Deposit {
    /// STARK key
    key: U256,
    /// Asset type
    asset: U256,
    /// Vault
    vault: U256,
    /// Amount in units of the exchange
    quantized: U256,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Bring {
    /// STARK key
    key: U256,
    /// Asset type
    asset: U256,
    #[command(flatten)]
    through: Through,
}

impl Exchange {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Deposit(Deposit { key, asset, vault, quantized, through }) => {
                let (sender, _, proxy) = through.prepare()?;
                let call = P::depositToExchangeCall {
                    starkKey: key,
                    assetType: asset,
                    vaultId: vault,
                    quantizedAmount: quantized,
                };
                through.acting.send(&sender, &[Request::of(proxy, &call)], |_| Vec::new())
            }
            Self::Withdraw(Bring { key, asset, through }) => {
                let (sender, _, proxy) = through.prepare()?;
                let call = P::withdrawFromExchangeCall { starkKey: key, assetType: asset };
                through.acting.send(&sender, &[Request::of(proxy, &call)], |_| Vec::new())
            }
        }
    }
}

/// Refuses an account that is not a proxy of this deployment, in its code, its address and what it allows.
pub(super) fn expect_known_clone(at: &At<'_>, scene: &Scene, borrower: Address) -> anyhow::Result<()> {
    let refused = |reason: String| anyhow!("{borrower}: {reason}; --unverified-borrower gives it a share all the same");
    let entry = scene.entry(borrower).and_then(|name| Some((scene.book.as_ref()?, name)));
    let Some((book, name)) = entry else {
        return Err(refused("not a borrower of the deployment's book".to_owned()));
    };
    let path = book.path(&format!("{name}.json"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let written: Written =
        serde_json::from_str(&text).map_err(|error| refused(format!("{}: {error}", path.display())))?;
    let address = deploy::clone::address(written.salt, &written.bytecode);
    if address != borrower {
        return Err(refused(format!("its init code and salt in the book belong to {address}")));
    }
    let code = at.code(borrower)?;
    if code != written.deployed {
        return Err(refused("its code is not the book's".to_owned()));
    }
    let exchange = at.view(borrower, &P::STARK_PERPETUALCall {})?;
    for (token, spender) in deploy::verify::allowances(at, borrower)? {
        let allowance = at.view(token, &IToken::allowanceCall { owner: borrower, spender })?;
        if !allowance.is_zero() && spender != scene.pool && spender != exchange {
            return Err(refused(format!("it allows {spender} to spend {allowance} units of the token {token}")));
        }
    }
    Ok(())
}

/// What the book has of a clone.
#[derive(Debug, Deserialize)]
struct Written {
    salt: B256,
    bytecode: Bytes,
    #[serde(rename = "deployedBytecode")]
    deployed: Bytes,
}
