//! What governance's guardian does with a market maker's proxy in an emergency, in the order of docs/runbooks/silent-borrower.md.

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use client::{
    At, Node, Request, State,
    bindings::{IBorrowerAllocations as B, IDebtAccounting as D, IToken, ITrustedBorrowerL2Proxy as P},
};

use super::{act::Governing, keep, scene::Scene};
use crate::output::Failure;

/// Emergency steps of a guardian, in their order
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Which steps apply now; sends them, or proposes them as one batch
    #[command(after_help = "Example:\n  tidepool pool guardian plan --proxy first-maker --as safe > emergency.json")]
    Plan(Plan),
    /// 1. Restrict borrowing and deposits of borrowed tokens
    Restrict(Restrict),
    /// 1. Bring to the proxy what the exchange has ready
    Withdraw(Ready),
    /// 1. Pay the loan back with what the proxy holds
    Repay(Amount),
    /// 2. Cancel a deposit that layer 2 did not accept
    CancelDeposit(Vault),
    /// 2. Reclaim a cancelled deposit, two days later
    ReclaimDeposit(Vault),
    /// 3. Force a withdrawal from the exchange, while there is debt
    ForceWithdrawal(Force),
    /// 4. Pay debt with what the proxy holds
    RepayDebt(Amount),
    /// 5. Block a STARK key, or let it be
    BlockKey(Key),
    /// 5. Take a vault off the list
    DisallowVault(Vault),
    /// Veto forced trades that wait, by the hashes of their arguments
    Veto(Veto),
}

/// Through which proxy
#[derive(Clone, Debug, Args)]
pub(crate) struct Through {
    /// The market maker's proxy: an address, or a name of the book
    #[arg(long, value_name = "BORROWER")]
    proxy: String,
    #[command(flatten)]
    governing: Governing,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Restrict {
    /// Lift the restriction instead
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Ready {
    /// STARK key
    key: U256,
    /// Asset type
    asset: U256,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Amount {
    /// Tokens, such as 1,000.5, or max
    amount: String,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Vault {
    /// STARK key
    key: U256,
    /// Asset type
    asset: U256,
    /// Vault
    vault: U256,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Force {
    /// STARK key
    key: U256,
    /// Vault
    vault: U256,
    /// Amount in units of the exchange
    quantized: U256,
    /// Pay the exchange's premium
    #[arg(long)]
    premium: bool,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Key {
    /// STARK key
    key: U256,
    /// Let it be again
    #[arg(long)]
    unblock: bool,
    #[command(flatten)]
    through: Through,
}

#[derive(Debug, Args)]
pub(crate) struct Veto {
    /// Hashes of the arguments
    #[arg(required = true)]
    hashes: Vec<B256>,
    #[command(flatten)]
    through: Through,
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Plan(Plan { through }) => plan(&through),
            Self::Restrict(Restrict { lift, through }) => through.act("Restrict a proxy", |_, _, proxy| {
                let call = P::guardianSetBorrowingRestrictionCall { isBorrowingRestricted: !lift };
                Ok(Request::of(proxy, &call))
            }),
            Self::Withdraw(Ready { key, asset, through }) => {
                through.act("Withdraw from the exchange", |_, _, proxy| {
                    Ok(Request::of(proxy, &P::guardianWithdrawFromExchangeCall { starkKey: key, assetType: asset }))
                })
            }
            Self::Repay(Amount { amount, through }) => through.act("Repay a loan", |node, scene, proxy| {
                let owed = node.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?.borrowed;
                let amount = payable(node, scene, proxy, &amount, owed, "borrowed")?;
                Ok(Request::of(proxy, &P::guardianRepayBorrowCall { amount }))
            }),
            Self::RepayDebt(Amount { amount, through }) => through.act("Repay debt", |node, scene, proxy| {
                let owed = node.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?.debt;
                let amount = payable(node, scene, proxy, &amount, owed, "of debt")?;
                Ok(Request::of(proxy, &P::guardianRepayDebtCall { amount }))
            }),
            Self::CancelDeposit(Vault { key, asset, vault, through }) => {
                through.act("Cancel a deposit", |_, _, proxy| {
                    let call = P::guardianDepositCancelCall { starkKey: key, assetType: asset, vaultId: vault };
                    Ok(Request::of(proxy, &call))
                })
            }
            Self::ReclaimDeposit(Vault { key, asset, vault, through }) => {
                through.act("Reclaim a deposit", |_, _, proxy| {
                    let call = P::guardianDepositReclaimCall { starkKey: key, assetType: asset, vaultId: vault };
                    Ok(Request::of(proxy, &call))
                })
            }
            Self::ForceWithdrawal(Force { key, vault, quantized, premium, through }) => {
                through.act("Force a withdrawal", |_, _, proxy| {
                    let call = P::guardianForcedWithdrawalRequestCall {
                        starkKey: key,
                        vaultId: vault,
                        quantizedAmount: quantized,
                        premiumCost: premium,
                    };
                    Ok(Request::of(proxy, &call))
                })
            }
            Self::BlockKey(Key { key, unblock, through }) => through.act("Block a key", |_, _, proxy| {
                Ok(Request::of(proxy, &P::guardianBlockStarkKeyCall { starkKey: key, isBlocked: !unblock }))
            }),
            Self::DisallowVault(Vault { key, asset, vault, through }) => {
                through.act("Disallow a vault", |_, _, proxy| {
                    let call = P::guardianDisallowDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault };
                    Ok(Request::of(proxy, &call))
                })
            }
            Self::Veto(Veto { hashes, through }) => through.act("Veto forced trades", |_, _, proxy| {
                Ok(Request::of(proxy, &P::guardianVetoForcedTradeRequestsCall { argsHashes: hashes }))
            }),
        }
    }
}

impl Through {
    fn look(&self) -> anyhow::Result<(Node, Scene, Address)> {
        let (node, scene) = self.governing.look()?;
        let proxy = scene.address(&self.proxy)?;
        let pool = node.view(proxy, &P::LIQUIDITY_STAKINGCall {}).context("is it a borrower's proxy?")?;
        ensure!(pool == scene.pool, "the proxy {proxy} borrows from the pool {pool}, not from {}", scene.pool);
        Ok((node, scene, proxy))
    }

    fn act(
        &self,
        title: &str,
        request: impl FnOnce(&Node, &Scene, Address) -> anyhow::Result<Request>,
    ) -> Result<(), Failure> {
        let (node, scene, proxy) = self.look()?;
        let request = request(&node, &scene, proxy)?;
        self.governing.act(&node, title, &[request])
    }
}

/// What can be paid: no more than is owed, and no more than the proxy holds.
fn payable(node: &Node, scene: &Scene, proxy: Address, text: &str, owed: U256, what: &str) -> anyhow::Result<U256> {
    let held = node.view(scene.staked.address, &IToken::balanceOfCall { account: proxy })?;
    let most = held.min(owed);
    if text == "max" {
        ensure!(
            !most.is_zero(),
            "{} are {what}, and the proxy holds {}",
            scene.staked.exact(owed),
            scene.staked.exact(held)
        );
        return Ok(most);
    }
    let amount = scene.amount(text)?;
    if amount > most {
        let [amount, owed, held] = [amount, owed, held].map(|amount| scene.staked.exact(amount));
        bail!("{amount} are to be paid; {owed} are {what}, and the proxy holds {held}");
    }
    Ok(amount)
}

/// The steps that apply now. What the exchange holds for the proxy no contract of ours can tell.
fn plan(through: &Through) -> Result<(), Failure> {
    let (node, scene, proxy) = through.look()?;
    let at = node.at_latest()?;
    let steps = steps(&node, &at, &scene, proxy)?;
    if steps.is_empty() {
        return Err(anyhow!("{}: nothing is due, so there is nothing to do", scene.name(proxy)).into());
    }
    for (place, (why, _)) in steps.iter().enumerate() {
        eprintln!("{}. {why}", place + 1);
    }
    eprintln!("bring what the exchange holds for it, per key and asset: tidepool pool guardian withdraw KEY ASSET");
    let requests: Vec<_> = steps.into_iter().map(|(_, request)| request).collect();
    through.governing.act(&node, "Emergency steps for a borrower", &requests)
}

fn steps(node: &Node, at: &At<'_>, scene: &Scene, proxy: Address) -> anyhow::Result<Vec<(String, Request)>> {
    let state = at.view(scene.pool, &B::getBorrowerCall { borrower: proxy })?;
    let pool = scene.state(at)?;
    // In the blackout window what exceeds the next epoch's share is due; at any time what exceeds this one's.
    let allowed =
        if pool.inBlackoutWindow { state.allocatedBalanceNextEpoch } else { state.allocatedBalanceCurrentEpoch };
    let due = state.borrowed.saturating_sub(allowed);
    let held = at.view(scene.staked.address, &IToken::balanceOfCall { account: proxy })?;
    let mut steps = Vec::new();
    if due.is_zero() && state.debt.is_zero() {
        return Ok(steps);
    }
    if !at.view(proxy, &P::isBorrowingRestrictedCall {})? {
        let call = P::guardianSetBorrowingRestrictionCall { isBorrowingRestricted: true };
        steps.push(("restrict borrowing and deposits of borrowed tokens".to_owned(), Request::of(proxy, &call)));
    }
    let amount = due.min(held);
    if !amount.is_zero() {
        let why = format!("repay {} of the {} that are due", scene.staked.exact(amount), scene.staked.exact(due));
        steps.push((why, Request::of(proxy, &P::guardianRepayBorrowCall { amount })));
    }
    let short = at.view(scene.pool, &D::getShortfallAmountCall {})?;
    if short > amount {
        let marking = keep::marking(node, at, scene)?;
        steps.push((
            format!("mark the debt: the pool is short by {}", scene.staked.exact(short)),
            marking.request(scene),
        ));
    }
    let amount = state.debt.min(held.saturating_sub(amount));
    if !amount.is_zero() {
        let why = format!("repay {} of {} of debt", scene.staked.exact(amount), scene.staked.exact(state.debt));
        steps.push((why, Request::of(proxy, &P::guardianRepayDebtCall { amount })));
    }
    Ok(steps)
}
