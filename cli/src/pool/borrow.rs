//! What market makers do, through their proxies.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use client::{
    At, Request, Sender, State,
    bindings::{IBorrowerAllocations as B, IDebtAccounting as D, IToken, ITrustedBorrowerL2Proxy as P},
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
    /// Calls a function of the proxy.
    pub(super) fn act(&self, call: &impl SolCall) -> Result<(), Failure> {
        let (sender, _, proxy) = self.prepare()?;
        self.acting.send(&sender, &[Request::of(proxy, call)], |_| Vec::new())
    }

    /// The same about somebody, who may be named as in the book.
    pub(super) fn act_for<C: SolCall>(&self, who: &str, call: impl FnOnce(Address) -> C) -> Result<(), Failure> {
        let (sender, scene, proxy) = self.prepare()?;
        let call = call(scene.address(who)?);
        self.acting.send(&sender, &[Request::of(proxy, &call)], |_| Vec::new())
    }

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

#[derive(Debug, Args)]
pub(crate) struct Repayment {
    /// Tokens, such as 1,000.5, or max
    amount: String,
    /// Pay with the signer's own tokens, as anybody may, instead of the proxy's; no more than is owed is taken
    #[arg(long)]
    own_tokens: bool,
    #[command(flatten)]
    through: Through,
}

impl Repayment {
    pub(crate) fn loan(self) -> Result<(), Failure> {
        self.pay(
            "borrowed",
            |state| state.borrowed,
            |amount| P::repayBorrowCall { amount }.abi_encode(),
            |borrower, max| B::repayBorrowUpToCall { borrower, max }.abi_encode(),
        )
    }

    pub(crate) fn debt(self) -> Result<(), Failure> {
        self.pay(
            "of debt",
            |state| state.debt,
            |amount| P::repayDebtCall { amount }.abi_encode(),
            |borrower, max| D::repayDebtUpToCall { borrower, max }.abi_encode(),
        )
    }

    /// Either call takes what is owed when it comes, and no more: somebody else may have paid a part of it meanwhile.
    fn pay(
        self,
        what: &str,
        owed: impl Fn(&B::BorrowerState) -> U256,
        by_proxy: impl Fn(U256) -> Vec<u8>,
        directly: impl Fn(Address, U256) -> Vec<u8>,
    ) -> Result<(), Failure> {
        let (sender, scene, proxy) = self.through.prepare()?;
        let owed = owed(&sender.node.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?);
        let amount = Amount { amount: self.amount, through: self.through.clone() }.chosen(&scene, owed, what)?;
        let payer = if self.own_tokens { sender.address() } else { proxy };
        expect_tokens(&sender, &scene, payer, amount)?;
        eprintln!("{} stay {what}", scene.staked.exact(owed.saturating_sub(amount)));
        let call = |to: Address, data: Vec<u8>| Request { to, value: U256::ZERO, data: data.into() };
        let mut requests = Vec::new();
        if self.own_tokens {
            let allowance = IToken::allowanceCall { owner: payer, spender: scene.pool };
            if sender.node.view(scene.staked.address, &allowance)? < amount {
                let approve = IToken::approveCall { spender: scene.pool, value: amount };
                requests.push(Request::of(scene.staked.address, &approve));
            }
            requests.push(call(scene.pool, directly(proxy, amount)));
        } else {
            requests.push(call(proxy, by_proxy(amount)));
        }
        self.through.acting.send(&sender, &requests, |_| Vec::new())
    }
}

fn expect_tokens(sender: &Sender, scene: &Scene, payer: Address, amount: U256) -> anyhow::Result<()> {
    let held = sender.node.view(scene.staked.address, &IToken::balanceOfCall { account: payer })?;
    let [amount_text, held_text] = [amount, held].map(|amount| scene.staked.exact(amount));
    ensure!(
        held >= amount,
        "{payer} holds {held_text}, {amount_text} are to be paid: bring them there first, to a proxy from the exchange"
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
        self.through.act(&P::autoPayOrBorrowCall {})
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
                through.act(&P::depositToExchangeCall {
                    starkKey: key,
                    assetType: asset,
                    vaultId: vault,
                    quantizedAmount: quantized,
                })
            }
            Self::Withdraw(Bring { key, asset, through }) => {
                through.act(&P::withdrawFromExchangeCall { starkKey: key, assetType: asset })
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
