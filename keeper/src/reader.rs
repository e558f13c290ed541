//! Reading a snapshot: everything of one block, in few requests.

use std::collections::BTreeMap;

use abi::{
    ARB_WASM, ARB_WASM_CACHE, Error, Request, State, answer_of,
    bindings::{
        ArbWasm as W, ArbWasmCache as C, CacheManager, IBorrowerAllocations as B, IDebtAccounting as A, IDiamondCut,
        IEpochSchedule as E, IMerkleDistributor as D, IPoolViews as V, IRewardsOracle as O, IToken,
        ITrustedBorrowerL2Proxy as T,
    },
    printable,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolError};
use anyhow::Context;

use crate::{
    Borrower, Contracts, Events, Life, Marking, Pool, Program, Purse, Rewards, Root, Settings, Snapshot, Vault,
    events::Queued, snapshot::Token,
};

/// How long what all stakers may claim, and how far their records are behind, is taken to be as it was read; seconds.
const SUMS_HOLD: u64 = 3_600;

/// How many records of stakers that are behind are told at once.
const BEHIND: usize = 20;

/// Calls that are asked together.
#[derive(Default)]
struct Batch(Vec<Request>);

/// Answers to calls that were asked together, by their places.
struct Answers(Vec<(Address, Option<Result<Bytes, Error>>)>);

impl Batch {
    fn ask(&mut self, to: Address, call: &impl SolCall) -> usize {
        self.0.push(Request::of(to, call));
        self.0.len() - 1
    }

    fn send(self, state: &impl State) -> anyhow::Result<Answers> {
        let asked = self.0.iter().map(|request| request.to);
        Ok(Answers(asked.zip(state.call_many(&self.0)?.into_iter().map(Some)).collect()))
    }
}

impl Answers {
    fn take<C: SolCall>(&mut self, place: usize) -> anyhow::Result<C::Return> {
        let (to, answer) = self.0.get_mut(place).context("an answer to each call")?;
        answer_of::<C>(*to, answer.take().context("an answer to each call")?)
    }

    fn raw(&mut self, place: usize) -> Option<Result<Bytes, Error>> {
        self.0.get_mut(place).and_then(|(_, answer)| answer.take())
    }
}

/// What stays the same in a pool.
#[derive(Clone, Debug)]
struct Fixed {
    staked: Token,
    rewards: Token,
    rewards_token: Address,
    treasury: Address,
    distribution: [u64; 2],
}

/// What is added up over all stakers, which takes a while.
#[derive(Clone, Debug, Default)]
struct Sums {
    read_at: u64,
    claimable: U256,
    behind: Vec<(Address, u64)>,
}

/// Reads snapshots. It remembers what does not change, and which events it has seen; nothing that could not be read again.
#[derive(Debug)]
pub struct Reader {
    contracts: Contracts,
    /// Events that were read.
    pub(crate) events: Events,
    codes: BTreeMap<Address, Option<B256>>,
    fixed: Option<Fixed>,
    sums: Option<Sums>,
}

impl Reader {
    /// Somebody who reads a deployment; there is news from a block on.
    pub fn new(contracts: Contracts, news_from: u64) -> Self {
        let events = Events::since(&contracts, news_from);
        Self { contracts, events, codes: BTreeMap::new(), fixed: None, sums: None }
    }

    /// What it reads.
    pub const fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// Reads everything as of a block, whose hash and time are told.
    ///
    /// # Errors
    ///
    /// If the chain does not answer, or answers what these contracts cannot.
    pub fn read(
        &mut self,
        state: &impl State,
        (hash, time): (B256, u64),
        purse: Option<Purse>,
        settings: &Settings,
    ) -> anyhow::Result<Snapshot> {
        self.events.read(state, &self.contracts)?;
        let (stylus_version, cache_manager, programs) = self.programs(state, settings)?;
        let all_run = programs.iter().all(|program| matches!(program.life, Life::Active(_)));
        // What is not active answers nothing, and the alert about it says so; anything else that fails is a failure.
        let pool = excused(self.pool(state, time, purse, &programs, settings), all_run)?;
        let rewards = excused(self.rewards(state), all_run)?.flatten();
        let to_forward = excused(self.to_forward(state), all_run)?.unwrap_or_default();
        let vaults = excused(self.vaults(state, time), all_run)?.unwrap_or_default();
        Ok(Snapshot {
            contracts: self.contracts.clone(),
            block: state.block(),
            hash,
            time,
            stylus_version,
            cache_manager,
            programs,
            pool,
            rewards,
            to_forward,
            purse,
            vaults,
            news: std::mem::take(&mut self.events.news),
        })
    }

    /// Programs of the book and facets of its pool, each code once.
    fn programs(
        &mut self,
        state: &impl State,
        settings: &Settings,
    ) -> anyhow::Result<(u16, Option<Address>, Vec<Program>)> {
        let mut named: Vec<_> = self.contracts.all.iter().map(|(name, address)| (*address, name.clone())).collect();
        // A pool that has expired tells nothing; the book has the facets of a deployment.
        if let Ok(facets) = state.view(self.contracts.pool, &IDiamondCut::facetsCall {}) {
            named.extend(facets.into_iter().map(|facet| (facet.facetAddress, facet.facetAddress.to_string())));
        }
        let mut once = BTreeMap::new();
        for (address, name) in named {
            let codehash = match self.codes.get(&address) {
                Some(known) => *known,
                None => {
                    let code = state.code(address)?;
                    // What is no program of Stylus, such as a market maker's clone, has no life to prolong.
                    let hash = code.starts_with(&[0xef, 0xf0]).then(|| keccak256(&code));
                    self.codes.insert(address, hash);
                    hash
                }
            };
            if let Some(codehash) = codehash {
                once.entry(codehash).or_insert((name, address));
            }
        }
        let mut batch = Batch::default();
        let version = batch.ask(ARB_WASM, &W::stylusVersionCall {});
        let managers = batch.ask(ARB_WASM_CACHE, &C::allCacheManagersCall {});
        let asked: Vec<_> = once
            .into_iter()
            .map(|(codehash, (name, address))| {
                let left = batch.ask(ARB_WASM, &W::programTimeLeftCall { program: address });
                let cached = batch.ask(ARB_WASM_CACHE, &C::codehashIsCachedCall { codehash });
                (codehash, name, address, left, cached)
            })
            .collect();
        let mut answers = batch.send(state)?;
        let version = answers.take::<W::stylusVersionCall>(version)?;
        let manager = answers.take::<C::allCacheManagersCall>(managers)?.last().copied();
        let mut programs = Vec::new();
        for (codehash, name, address, left, cached) in asked {
            let life = life(answers.raw(left).context("an answer to each call")?)?;
            let cached = answers.take::<C::codehashIsCachedCall>(cached)?;
            programs.push(Program { name, address, codehash, life, cached, bid: None, year: None });
        }
        self.prices(state, manager, &mut programs, settings)?;
        programs.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((version, manager, programs))
    }

    /// What places and years cost, where they are about to be bought.
    fn prices(
        &self,
        state: &impl State,
        manager: Option<Address>,
        programs: &mut [Program],
        settings: &Settings,
    ) -> anyhow::Result<()> {
        let mut batch = Batch::default();
        let ask = |program: &Program| {
            let runs = matches!(program.life, Life::Active(_));
            let bid = manager
                .filter(|_| runs && !program.cached)
                .map(|manager| batch.ask(manager, &CacheManager::getMinBidCall { program: program.address }));
            let is_near = matches!(program.life, Life::Active(left) if left <= settings.keepalive_within);
            let year = is_near.then(|| batch.ask(ARB_WASM, &W::codehashKeepaliveCall { codehash: program.codehash }));
            (bid, year)
        };
        let asked: Vec<_> = programs.iter().map(ask).collect();
        if batch.0.is_empty() {
            return Ok(());
        }
        let mut answers = batch.send(state)?;
        for (program, (bid, year)) in programs.iter_mut().zip(asked) {
            // A manager that does not answer sells nothing.
            program.bid = bid.and_then(|place| answers.take::<CacheManager::getMinBidCall>(place).ok()).map(U256::from);
            program.year = year.and_then(|place| price_of_year(answers.raw(place)?));
        }
        Ok(())
    }

    fn fixed(&mut self, state: &impl State) -> anyhow::Result<Fixed> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let pool = self.contracts.pool;
        let token = |address| -> anyhow::Result<Token> {
            let decimals = state.view(address, &IToken::decimalsCall {})?;
            // Optional in the standard.
            let symbol = printable(&state.view(address, &IToken::symbolCall {}).unwrap_or_default());
            Ok(Token { symbol, decimals })
        };
        let rewards_token = state.view(pool, &V::REWARDS_TOKENCall {})?;
        let fixed = Fixed {
            staked: token(state.view(pool, &V::STAKED_TOKENCall {})?)?,
            rewards: token(rewards_token)?,
            rewards_token,
            treasury: state.view(pool, &V::REWARDS_TREASURYCall {})?,
            distribution: [
                state.view(pool, &V::DISTRIBUTION_STARTCall {})?.saturating_to(),
                state.view(pool, &V::DISTRIBUTION_ENDCall {})?.saturating_to(),
            ],
        };
        Ok(self.fixed.insert(fixed).clone())
    }

    fn pool(
        &mut self,
        state: &impl State,
        time: u64,
        purse: Option<Purse>,
        programs: &[Program],
        settings: &Settings,
    ) -> anyhow::Result<Pool> {
        let fixed = self.fixed(state)?;
        let pool = self.contracts.pool;
        let mut batch = Batch::default();
        let totals = batch.ask(pool, &V::getPoolCall {});
        let parameters = batch.ask(pool, &E::getEpochParametersCall {});
        let surplus = batch.ask(pool, &V::getSurplusCall {});
        let facet =
            batch.ask(pool, &IDiamondCut::facetAddressCall { _functionSelector: A::markDebtCall::SELECTOR.into() });
        let holds = batch.ask(fixed.rewards_token, &IToken::balanceOfCall { account: fixed.treasury });
        let allows = batch.ask(fixed.rewards_token, &IToken::allowanceCall { owner: fixed.treasury, spender: pool });
        let known: Vec<_> = self.events.borrowers.iter().copied().collect();
        let borrowers: Vec<_> = known
            .iter()
            .map(|borrower| (*borrower, batch.ask(pool, &B::getBorrowerCall { borrower: *borrower })))
            .collect();
        let mut answers = batch.send(state)?;
        let totals = answers.take::<V::getPoolCall>(totals)?;
        let schedule = answers.take::<E::getEpochParametersCall>(parameters)?;
        // As `getShortfallAmount` has it, which does not answer while the program that marks debt does not run.
        let shortfall = totals.borrowed.saturating_sub(totals.activeCurrentEpoch);
        let facet = answers.take::<IDiamondCut::facetAddressCall>(facet)?;
        let runs = programs.iter().any(|program| program.address == facet && matches!(program.life, Life::Active(_)));
        let mut all = Vec::new();
        for (address, place) in borrowers {
            all.push(self.borrower(address, &answers.take::<B::getBorrowerCall>(place)?));
        }
        if settings.auto_pay && totals.inBlackoutWindow {
            self.try_auto_pay(state, purse, &mut all)?;
        }
        let marking = match !shortfall.is_zero() && runs {
            true => Some(self.marking(state, &all)?),
            false => None,
        };
        let epoch = totals.started.then(|| totals.epoch.saturating_to::<u64>());
        let interval = u64::try_from(schedule.interval).unwrap_or(u64::MAX);
        let zero = u64::try_from(schedule.offset).unwrap_or(u64::MAX);
        let begins = epoch.map_or(0, |epoch| zero.saturating_add(epoch.saturating_mul(interval)));
        let ends = epoch.map_or(zero, |_| begins.saturating_add(interval));
        let sums = self.sums(state, time, settings)?;
        let pays = (fixed.distribution[0]..fixed.distribution[1]).contains(&time);
        Ok(Pool {
            epoch,
            begins,
            ends,
            in_blackout: totals.inBlackoutWindow,
            active: [totals.activeCurrentEpoch, totals.activeNextEpoch],
            inactive: [totals.inactiveCurrentEpoch, totals.inactiveNextEpoch],
            borrowed: totals.borrowed,
            borrower_debt: totals.borrowerDebt,
            shortfall,
            surplus: answers.take::<V::getSurplusCall>(surplus)?,
            can_mark: runs,
            borrowers: all,
            marking,
            rate: if pays { totals.rewardsPerSecond } else { U256::ZERO },
            claimable: sums.claimable,
            behind: sums.behind,
            staked: fixed.staked,
            rewards: fixed.rewards,
            treasury: fixed.treasury,
            treasury_holds: answers.take::<IToken::balanceOfCall>(holds)?,
            treasury_allows: answers.take::<IToken::allowanceCall>(allows)?,
        })
    }

    fn borrower(&self, address: Address, state: &B::BorrowerState) -> Borrower {
        let name = self.contracts.proxies.iter().find(|(_, proxy)| **proxy == address);
        Borrower {
            name: name.map_or_else(|| address.to_string(), |(name, _)| name.clone()),
            address,
            borrowed: state.borrowed,
            debt: state.debt,
            allocated: [state.allocatedBalanceCurrentEpoch, state.allocatedBalanceNextEpoch],
            overdue: state.overdue,
            overdue_amount: state.overdueAmount,
            restricted: state.restricted,
            auto_pay: false,
        }
    }

    /// Which proxies would pay or borrow something if the keeper asked them to.
    fn try_auto_pay(&self, state: &impl State, purse: Option<Purse>, all: &mut [Borrower]) -> anyhow::Result<()> {
        let Some(purse) = purse else { return Ok(()) };
        for borrower in all.iter_mut().filter(|one| self.contracts.proxies.values().any(|proxy| *proxy == one.address))
        {
            let role = state.view(borrower.address, &T::BORROWER_ROLECall {})?;
            let may = state.view(borrower.address, &T::hasRoleCall { role, account: purse.address })?;
            let debt_is_payable =
                !borrower.debt.is_zero() && !state.view(borrower.address, &T::getTokenBalanceCall {})?.is_zero();
            let borrowable = state.view(borrower.address, &T::getBorrowableAmountCall {})?;
            borrower.auto_pay = may && (!borrower.due().is_zero() || debt_is_payable || !borrowable.is_zero());
        }
        Ok(())
    }

    /// Borrowers whose excess covers the shortfall, largest excess first.
    fn marking(&self, state: &impl State, all: &[Borrower]) -> anyhow::Result<Marking> {
        let mut exceeding: Vec<_> = all.iter().filter(|borrower| !borrower.excess().is_zero()).collect();
        exceeding.sort_by_key(|borrower| std::cmp::Reverse(borrower.excess()));
        let borrowers: Vec<_> = exceeding.iter().map(|borrower| borrower.address).collect();
        let pool = self.contracts.pool;
        let preview = state.view(pool, &A::previewMarkDebtCall { borrowers: borrowers.clone() })?;
        if !preview.uncovered.is_zero() {
            return Ok(Marking { debts: Vec::new(), uncovered: preview.uncovered });
        }
        let debts = state.view(pool, &A::previewDebtsCall { borrowers: borrowers.clone() })?;
        let charged = borrowers.into_iter().zip(debts).filter(|(_, debt)| !debt.is_zero());
        Ok(Marking { debts: charged.collect(), uncovered: U256::ZERO })
    }

    /// What all stakers may claim, and whose records are behind: read again once an hour.
    fn sums(&mut self, state: &impl State, time: u64, settings: &Settings) -> anyhow::Result<Sums> {
        if let Some(sums) = self.sums.as_ref().filter(|sums| time.abs_diff(sums.read_at) < SUMS_HOLD) {
            return Ok(sums.clone());
        }
        let stakers: Vec<_> = self.events.stakers.iter().copied().collect();
        let pool = self.contracts.pool;
        let calls: Vec<_> = stakers.iter().map(|staker| V::getClaimableRewardsCall { staker: *staker }).collect();
        let claimable = state.view_many(pool, &calls)?.into_iter().fold(U256::ZERO, U256::saturating_add);
        let mut behind = Vec::new();
        if let Some(above) = settings.settle_above {
            let calls: Vec<_> =
                stakers.iter().map(|staker| A::settleShortfallsCall { staker: *staker, max: U256::ZERO }).collect();
            let left = stakers.into_iter().zip(state.view_many(pool, &calls)?);
            let left = left.map(|(staker, left)| (staker, left.saturating_to::<u64>()));
            behind = left.filter(|(_, left)| *left > above).take(BEHIND).collect();
        }
        Ok(self.sums.insert(Sums { read_at: time, claimable, behind }).clone())
    }

    fn rewards(&self, state: &impl State) -> anyhow::Result<Option<Rewards>> {
        let Some(distributor) = self.contracts.distributor else { return Ok(None) };
        let fixed = self.fixed.as_ref().context("the pool is read first")?;
        let mut batch = Batch::default();
        let active = batch.ask(distributor, &D::getActiveRootCall {});
        let proposed = batch.ask(distributor, &D::getProposedRootCall {});
        let cancelled = batch.ask(distributor, &D::getCancelledRootCall {});
        let waits = batch.ask(distributor, &D::getWaitingPeriodEndCall {});
        let paused = batch.ask(distributor, &D::getAreRootUpdatesPausedCall {});
        let next = batch.ask(distributor, &D::getNextRootEpochCall {});
        let allowance = IToken::allowanceCall { owner: fixed.treasury, spender: distributor };
        let allows = batch.ask(fixed.rewards_token, &allowance);
        let published = self.contracts.oracle.map(|oracle| batch.ask(oracle, &O::readCall {}));
        let mut answers = batch.send(state)?;
        let root = |root: B256, epoch: U256, cid: Bytes| {
            (!root.is_zero()).then(|| Root { root, epoch: epoch.saturating_to(), cid })
        };
        let published = published.map(|place| answers.take::<O::readCall>(place)).transpose()?;
        let active = answers.take::<D::getActiveRootCall>(active)?;
        let proposed = answers.take::<D::getProposedRootCall>(proposed)?;
        let cancelled = answers.take::<D::getCancelledRootCall>(cancelled)?;
        Ok(Some(Rewards {
            active: root(active.merkleRoot, active.epoch, active.ipfsCid),
            proposed: root(proposed.merkleRoot, proposed.epoch, proposed.ipfsCid),
            cancelled: root(cancelled.merkleRoot, cancelled.epoch, cancelled.ipfsCid),
            published: published.and_then(|it| root(it.merkleRoot, it.epoch, it.ipfsCid)),
            waits_until: answers.take::<D::getWaitingPeriodEndCall>(waits)?.saturating_to(),
            paused: answers.take::<D::getAreRootUpdatesPausedCall>(paused)?,
            next_epoch: answers.take::<D::getNextRootEpochCall>(next)?.saturating_to(),
            treasury_allows: answers.take::<IToken::allowanceCall>(allows)?,
        }))
    }

    fn to_forward(&self, state: &impl State) -> anyhow::Result<U256> {
        let (Some(account), Some(fixed)) = (self.contracts.treasury_proxy, &self.fixed) else { return Ok(U256::ZERO) };
        state.view(fixed.rewards_token, &IToken::balanceOfCall { account })
    }

    /// What was queued and still waits. What does not wait any more is forgotten.
    fn vaults(&mut self, state: &impl State, time: u64) -> anyhow::Result<Vec<Vault>> {
        let mut vaults = Vec::new();
        let mut waiting = Vec::new();
        for queued in std::mem::take(&mut self.events.queued) {
            let vault = self.vault(state, &queued)?;
            if let Some(vault) = vault.filter(|vault| vault.until >= time) {
                vaults.push(vault);
                waiting.push(queued);
            }
        }
        self.events.queued = waiting;
        Ok(vaults)
    }

    fn vault(&self, state: &impl State, queued: &Queued) -> anyhow::Result<Option<Vault>> {
        let (Queued::Vault { proxy, .. } | Queued::Trade { proxy, .. }) = *queued;
        let name = self.contracts.proxies.iter().find(|(_, known)| **known == proxy);
        let name = name.map_or_else(|| proxy.to_string(), |(name, _)| name.clone());
        Ok(match *queued {
            Queued::Vault { key, asset, vault, .. } => {
                let call = T::getDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault };
                let state = state.view(proxy, &call)?;
                (!state.allowedFrom.is_zero()).then(|| Vault {
                    proxy: name,
                    what: format!("vault {vault} of key {key} and asset {asset}"),
                    veto: format!("guardianDisallowDepositVault {key} {asset} {vault}"),
                    until: state.allowedFrom.saturating_to(),
                    is_trade: false,
                })
            }
            Queued::Trade { hash, key, vault, .. } => {
                let since = state.view(proxy, &T::getQueuedForcedTradeTimestampCall { argsHash: hash })?;
                let wait = state.view(proxy, &T::FORCED_TRADE_WAITING_PERIODCall {})?;
                (!since.is_zero()).then(|| Vault {
                    proxy: name,
                    what: format!("a forced trade of vault {vault} and key {key}, {hash}"),
                    veto: format!("guardianVetoForcedTradeRequests [{hash}]"),
                    until: since.saturating_add(wait).saturating_to(),
                    is_trade: true,
                })
            }
        })
    }
}

/// What could not be read, where a program that is not active is reason enough.
fn excused<T>(read: anyhow::Result<T>, all_run: bool) -> anyhow::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if all_run => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether a program runs, by what the chain says of its time.
fn life(answer: Result<Bytes, Error>) -> anyhow::Result<Life> {
    let data = match answer {
        Ok(_) => return Ok(Life::Active(answer_of::<W::programTimeLeftCall>(ARB_WASM, answer)?)),
        Err(Error::Reverted(data)) => data,
        Err(error) => return Err(error.into()),
    };
    if W::ProgramExpired::abi_decode(&data).is_ok() {
        return Ok(Life::Expired);
    }
    match W::ProgramNeedsUpgrade::abi_decode(&data) {
        Ok(error) if error.version != 0 => Ok(Life::Outdated),
        _ => Ok(Life::Inactive),
    }
}

/// What another year costs, wei: the chain says it when it is offered nothing. Nothing if it is too early.
fn price_of_year(answer: Result<Bytes, Error>) -> Option<U256> {
    match answer {
        Ok(_) => Some(U256::ZERO),
        Err(Error::Reverted(data)) => W::ProgramInsufficientValue::abi_decode(&data).ok().map(|error| error.want),
        Err(Error::Node(_)) => None,
    }
}
