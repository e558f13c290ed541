//! What stakers do.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolEvent, SolValue};
use anyhow::{anyhow, bail};
use clap::Args;
use client::{
    At, Request, Sender, Sent, State,
    bindings::{IDebtAccounting as D, IEpochSchedule as E, IPoolViews as V, IStakedToken as S, IStaking as I, IToken},
    date,
};

use serde::Serialize;

use super::{act::Acting, keep, scene::Scene};
use crate::output::{self, Failure, Wei};

/// Everything there is.
const MAX: &str = "max";

#[derive(Debug, Args)]
pub(crate) struct Stake {
    /// Tokens, such as 1,000.5, or max
    amount: String,
    /// Stake for this account instead of the signer's
    #[arg(long, value_name = "ADDRESS")]
    staker: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

impl Stake {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let at = sender.node.at_latest()?;
        let own = sender.address();
        let token = scene.staked.address;
        let held = at.view(token, &IToken::balanceOfCall { account: own })?;
        let amount = chosen(&scene, &self.amount, held, "tokens to stake")?;
        let staker = self.staker.as_deref().map(|text| scene.address(text)).transpose()?.unwrap_or(own);
        let mut requests = allowance(&at, &scene, own, amount)?;
        requests.push(match staker == own {
            true => Request::of(scene.pool, &I::stakeCall { amount }),
            false => Request::of(scene.pool, &I::stakeForCall { staker, amount }),
        });
        let earns = earnings(&at, &scene, amount)?;
        eprintln!("{} will be staked for {}{earns}", scene.staked.exact(amount), scene.name(staker));
        self.acting
            .send(&sender, &requests, |_| vec![format!("{} are staked and earn now", scene.staked.exact(amount))])
    }
}

/// The approval that a transfer to the pool still needs: of exactly that amount.
pub(super) fn allowance(at: &At<'_>, scene: &Scene, owner: Address, amount: U256) -> anyhow::Result<Vec<Request>> {
    let (token, spender) = (scene.staked.address, scene.pool);
    let allowed = at.view(token, &IToken::allowanceCall { owner, spender })?;
    let call = IToken::approveCall { spender, value: amount };
    Ok(if allowed < amount { vec![Request::of(token, &call)] } else { Vec::new() })
}

/// What stake would earn at present totals, in words; nothing before epoch zero or without emission.
fn earnings(at: &At<'_>, scene: &Scene, amount: U256) -> anyhow::Result<String> {
    let state = scene.state(at)?;
    if !state.started || state.rewardsPerSecond.is_zero() {
        return Ok(String::new());
    }
    let total = state.activeCurrentEpoch.saturating_add(amount);
    let day = state.rewardsPerSecond.saturating_mul(U256::from(86_400)).saturating_mul(amount) / total.max(U256::ONE);
    Ok(format!(": about {} a day, as long as the totals stay as they are", scene.rewards.exact(day)))
}

#[derive(Debug, Args)]
pub(crate) struct Simple {
    /// Tokens, such as 1,000.5, or max
    amount: String,
    #[command(flatten)]
    acting: Acting,
}

impl Simple {
    /// Schedules stake to leave with the next epoch.
    pub(crate) fn request(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let at = sender.node.at_latest()?;
        let account = at.view(scene.pool, &V::getAccountCall { staker: sender.address() })?;
        let amount = chosen(&scene, &self.amount, account.activeNextEpoch, "stake to request")?;
        let edge = edge(&at, &scene)?;
        eprintln!("{} earn until {}, and can be withdrawn from then on", scene.staked.exact(amount), date(edge));
        let request = Request::of(scene.pool, &I::requestWithdrawalCall { amount });
        self.acting.send(&sender, &[request], |_| vec![format!("withdrawable from {} on", date(edge))])
    }

    /// Takes a request back.
    pub(crate) fn cancel(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let at = sender.node.at_latest()?;
        let account = at.view(scene.pool, &V::getAccountCall { staker: sender.address() })?;
        let pending = account.inactiveNextEpoch.saturating_sub(account.inactiveCurrentEpoch);
        let amount = chosen(&scene, &self.amount, pending, "request to take back")?;
        let request = Request::of(scene.pool, &I::cancelWithdrawalCall { amount });
        self.acting.send(&sender, &[request], |_| vec![format!("{} stay staked", scene.staked.exact(amount))])
    }

    /// Makes inactive stake active again.
    pub(crate) fn restake(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let at = sender.node.at_latest()?;
        let mut requests = mark_first(&sender, &at, &scene)?;
        let account = at.view(scene.pool, &V::getAccountCall { staker: sender.address() })?;
        let amount = chosen(&scene, &self.amount, account.stakeAvailableToWithdraw, "inactive stake")?;
        requests.push(Request::of(scene.pool, &I::restakeCall { amount }));
        self.acting.send(&sender, &requests, |_| vec![format!("{} earn again", scene.staked.exact(amount))])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    /// Tokens, such as 1,000.5, or max
    amount: String,
    /// Who gets them; the signer, unless named
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

impl Withdraw {
    /// Pays inactive stake out; marks the debt first where the pool is short.
    pub(crate) fn stake(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let at = sender.node.at_latest()?;
        let recipient = self.recipient(&scene, &sender)?;
        let mut requests = mark_first(&sender, &at, &scene)?;
        let request = match self.amount.as_str() {
            MAX => {
                // What there is after the marking, only the marking tells.
                if requests.is_empty() {
                    expect_withdrawable(&at, &scene, sender.address())?;
                }
                Request::of(scene.pool, &I::withdrawMaxStakeCall { recipient })
            }
            text => Request::of(scene.pool, &I::withdrawStakeCall { recipient, amount: scene.amount(text)? }),
        };
        requests.push(request);
        let events = |sent: &[Sent]| paid(&scene, sent, recipient);
        self.acting.send(&sender, &requests, events)
    }

    /// Pays out what the staker is owed, as far as it was repaid.
    pub(crate) fn debt(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let recipient = self.recipient(&scene, &sender)?;
        let request = match self.amount.as_str() {
            MAX => Request::of(scene.pool, &D::withdrawMaxDebtCall { recipient }),
            text => Request::of(scene.pool, &D::withdrawDebtCall { recipient, amount: scene.amount(text)? }),
        };
        self.acting.send(&sender, &[request], |sent| paid(&scene, sent, recipient))
    }

    fn recipient(&self, scene: &Scene, sender: &Sender) -> anyhow::Result<Address> {
        self.to.as_deref().map_or_else(|| Ok(sender.address()), |text| scene.address(text))
    }
}

/// Tokens that an account got from the pool in transactions.
fn paid(scene: &Scene, sent: &[Sent], recipient: Address) -> Vec<String> {
    let logs = sent.iter().flat_map(|sent| sent.logs()).filter(|log| log.address == scene.staked.address);
    let transfers = logs.filter_map(|log| IToken::Transfer::decode_log(log).ok());
    let own = transfers.filter(|transfer| transfer.from == scene.pool && transfer.to == recipient);
    let total = own.fold(U256::ZERO, |sum, transfer| sum.saturating_add(transfer.value));
    vec![format!("{} got {}", scene.name(recipient), scene.staked.exact(total))]
}

/// Refuses to pay out nothing, and says when there will be something.
fn expect_withdrawable(at: &At<'_>, scene: &Scene, staker: Address) -> anyhow::Result<()> {
    let account = at.view(scene.pool, &V::getAccountCall { staker })?;
    if !account.stakeAvailableToWithdraw.is_zero() {
        return Ok(());
    }
    if account.inactiveNextEpoch.is_zero() {
        bail!("nothing can be withdrawn: nothing is requested (tidepool pool request)");
    }
    bail!(
        "nothing can be withdrawn now: the {} that are requested can be from {} on",
        scene.staked.exact(account.inactiveNextEpoch),
        date(edge(at, scene)?)
    )
}

/// The marking that withdrawals need while the pool is short, and what it costs.
fn mark_first(sender: &Sender, at: &At<'_>, scene: &Scene) -> anyhow::Result<Vec<Request>> {
    let shortfall = at.view(scene.pool, &D::getShortfallAmountCall {})?;
    if shortfall.is_zero() {
        return Ok(Vec::new());
    }
    let marking = keep::marking(&sender.node, at, scene)?;
    eprintln!("the pool is short by {}: nothing can be withdrawn before that is marked", scene.staked.exact(shortfall));
    marking.print(scene);
    Ok(vec![marking.request(scene)])
}

#[derive(Debug, Args)]
pub(crate) struct Claim {
    /// Who gets the rewards; the signer, unless named
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

impl Claim {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let own = sender.address();
        let due = sender.node.view(scene.pool, &V::getClaimableRewardsCall { staker: own })?;
        if due.is_zero() {
            return Err(anyhow!("{own} has earned nothing that is not claimed").into());
        }
        let recipient = self.to.as_deref().map_or(Ok(own), |text| scene.address(text))?;
        eprintln!("{} are due to {}", scene.rewards.exact(due), scene.name(own));
        let request = Request::of(scene.pool, &I::claimRewardsCall { recipient });
        self.acting.send(&sender, &[request], |_| vec![format!("the rewards went to {}", scene.name(recipient))])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    /// To whom
    to: String,
    /// Staked tokens, such as 1,000.5, or max
    amount: String,
    #[command(flatten)]
    acting: Acting,
}

impl Transfer {
    /// Moves stake to another account.
    pub(crate) fn transfer(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let account = sender.address();
        let most = sender.node.view(scene.pool, &S::getTransferableBalanceCall { account })?;
        let amount = chosen(&scene, &self.amount, most, "stake to transfer")?;
        let to = scene.address(&self.to)?;
        let request = Request::of(scene.pool, &S::transferCall { to, amount });
        self.acting.send(&sender, &[request], |_| {
            vec![format!("{} has {} more stake", scene.name(to), scene.staked.exact(amount))]
        })
    }

    /// Lets another account move stake; max is without limit.
    pub(crate) fn approve(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let spender = scene.address(&self.to)?;
        let amount = match self.amount.as_str() {
            MAX => U256::MAX,
            // To take an allowance back.
            "0" => U256::ZERO,
            text => scene.amount(text)?,
        };
        let request = Request::of(scene.pool, &S::approveCall { spender, amount });
        self.acting.send(&sender, &[request], |_| {
            vec![format!("{} may move that much of the signer's stake", scene.name(spender))]
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Permit {
    /// Who may move the signer's stake
    to: String,
    /// Staked tokens, such as 1,000.5, or max
    amount: String,
    /// Until when it can be used, such as 2027-03-02T15:00:00Z
    #[arg(long, value_name = "DATE", value_parser = super::govern::moment)]
    until: deploy::Date,
    #[command(flatten)]
    acting: Acting,
}

/// What `permit` of the pool takes beside the signature.
#[derive(Debug, Serialize)]
struct Permitted {
    pool: Address,
    owner: Address,
    spender: Address,
    value: Wei,
    nonce: Wei,
    deadline: u64,
    v: u8,
    r: B256,
    s: B256,
}

impl Permit {
    /// Signs an approval that another sends; prints it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let (owner, spender) = (sender.address(), scene.address(&self.to)?);
        let value = if self.amount == MAX { U256::MAX } else { scene.amount(&self.amount)? };
        let nonce = sender.node.view(scene.pool, &S::noncesCall { owner })?;
        let separator = sender.node.view(scene.pool, &S::DOMAIN_SEPARATORCall {})?;
        let deadline = self.until.0;
        let kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        let message = keccak256((kind, owner, spender, value, nonce, U256::from(deadline)).abi_encode());
        let shown = if value == U256::MAX { "all".to_owned() } else { scene.staked.exact(value) };
        eprintln!("{} may move {shown} of the stake of {owner}, until {}", scene.name(spender), date(deadline));
        sender.confirm("Sign it?")?;
        let signature = sender
            .sign_message(keccak256([b"\x19\x01".as_slice(), separator.as_slice(), message.as_slice()].concat()))?;
        let (r, s, v) = (B256::from_slice(&signature[..32]), B256::from_slice(&signature[32..64]), signature[64]);
        let (value, nonce) = (Wei(value), Wei(nonce));
        output::json(&Permitted { pool: scene.pool, owner, spender, value, nonce, deadline, v, r, s })
    }
}

/// The amount that is written, or all there is; more than that is refused before it is tried.
fn chosen(scene: &Scene, text: &str, most: U256, what: &str) -> anyhow::Result<U256> {
    if text == MAX {
        anyhow::ensure!(!most.is_zero(), "no {what}");
        return Ok(most);
    }
    let amount = scene.amount(text)?;
    if amount > most {
        bail!("{} is more than there is of {what}: {}", scene.staked.exact(amount), scene.staked.exact(most));
    }
    Ok(amount)
}

/// When the running epoch ends.
fn edge(at: &At<'_>, scene: &Scene) -> anyhow::Result<u64> {
    let left: u64 = at.view(scene.pool, &E::getTimeRemainingInCurrentEpochCall {})?.saturating_to();
    Ok(at.time.saturating_add(left))
}
