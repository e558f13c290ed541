//! Fixture F of the specification: the pool, its tokens and its people.

use std::{collections::BTreeMap, sync::OnceLock};

use alloy_primitives::{Address, B256, Bytes, LogData, U256};
use alloy_sol_types::SolCall;
use chain::{Chain, Receipt, Reverted, STYLUS_DEPLOYER, Sent};

use crate::{
    ROLES,
    abi::{
        IBorrowerAllocations, IDebtAccounting, IDiamondCut, IEpochSchedule, IPoolViews, IStakedToken, IStaking, IToken,
    },
    deployment::{self, Deployment, Parties, Settings, role},
    host::OnChain,
};

/// People who hold staked tokens and have approved the pool.
const HOLDERS: [&str; 9] = ["S0", "S1", "S2", "B0", "B1", "B2", "X0", "OP", "GOV"];

/// Start of an epoch of the fixture's schedule.
pub fn epoch(number: u64) -> u64 {
    10_000_000 + number * 1_000_000
}

/// A call of `diamondCut` without initialisation.
pub fn diamond_cut(cuts: Vec<IDiamondCut::FacetCut>) -> IDiamondCut::diamondCutCall {
    IDiamondCut::diamondCutCall { _diamondCut: cuts, _init: Address::ZERO, _calldata: Bytes::new() }
}

/// An amount, from whatever number stands in the scenario.
#[derive(Clone, Copy, Debug)]
pub struct Amount(pub U256);

impl From<U256> for Amount {
    fn from(value: U256) -> Self {
        Self(value)
    }
}

impl From<u64> for Amount {
    fn from(value: u64) -> Self {
        Self(U256::from(value))
    }
}

/// The pool's totals at a moment: A, X, B, U, BD and V of the specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// A: stake that earns.
    pub active: U256,
    /// X: stake that can be withdrawn.
    pub inactive: U256,
    /// B: what is lent.
    pub borrowed: U256,
    /// U: what is not, whether or not it can be withdrawn.
    pub unborrowed: U256,
    /// BD: what borrowers owe as debt.
    pub borrower_debt: U256,
    /// V: repaid debt not yet withdrawn.
    pub repaid_debt: U256,
}

/// A pool on a chain of its own. A fork is cheap.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The chain underneath.
    pub chain: Chain,
    /// What was deployed.
    pub deployment: Deployment,
    parties: Parties,
}

impl Pool {
    /// Fixture F as it is, deployed once per process.
    pub fn deploy() -> Self {
        static FIXTURE: OnceLock<Pool> = OnceLock::new();
        FIXTURE.get_or_init(|| Self::try_deploy(&Settings::fixture()).expect("the fixture is legal")).fork()
    }

    /// A pool with the fixture's people and other settings.
    ///
    /// # Errors
    ///
    /// If the pool refuses the settings.
    pub fn try_deploy(settings: &Settings) -> Result<Self, Reverted> {
        Self::with_token("token", settings)
    }

    /// A pool whose staked token is another program.
    ///
    /// # Errors
    ///
    /// If the pool refuses the settings.
    pub fn with_token(program: &str, settings: &Settings) -> Result<Self, Reverted> {
        Self::with_tokens(program, "token", settings)
    }

    /// A pool whose staked and rewards tokens are other programs.
    ///
    /// # Errors
    ///
    /// If the pool refuses the settings.
    pub fn with_tokens(staked: &str, rewards: &str, settings: &Settings) -> Result<Self, Reverted> {
        Self::on(crate::chain_at(settings.deployed_at - 100_000), staked, rewards, settings)
    }

    /// The same on a chain that was made before, at a time before the deployment's.
    ///
    /// # Errors
    ///
    /// If the pool refuses the settings.
    pub fn on(mut chain: Chain, staked: &str, rewards: &str, settings: &Settings) -> Result<Self, Reverted> {
        let staked_token = deployment::token(&mut chain, staked, "USD Coin", "USDC", 6);
        let rewards_token = deployment::token(&mut chain, rewards, "dYdX", "DYDX", 18);
        let parties = Parties {
            staked_token,
            rewards_token,
            treasury: chain.account("treasury").address(),
            owner: chain.account("GOV").address(),
        };
        chain.set_time(settings.deployed_at);
        let deployment = Deployment::deploy(&mut chain, "GOV", &parties, settings)?;
        let mut pool = Self { chain, deployment, parties };
        pool.fund();
        Ok(pool)
    }

    fn fund(&mut self) {
        let itself = self.address();
        let approve = IToken::approveCall { spender: itself, value: U256::MAX };
        let (token, rewards) = (self.token(), self.rewards_token());
        for name in HOLDERS {
            self.set_tokens(name, U256::from(1) << 120);
            self.by(name).send_to(token, approve.clone()).expect("tokens approve");
        }
        self.mint_rewards("treasury", U256::from(10).pow(U256::from(30)));
        self.by("treasury").send_to(rewards, approve).expect("tokens approve");
    }

    /// The same pool on a chain that goes its own way from here.
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// Moves the clock.
    pub fn at(&mut self, timestamp: u64) -> &mut Self {
        self.chain.set_time(timestamp);
        self
    }

    /// Time of the next block, seconds.
    pub fn now(&self) -> u64 {
        self.chain.timestamp()
    }

    /// Acts as somebody.
    pub fn by<'a>(&'a mut self, who: &'a str) -> Caller<'a> {
        Caller { pool: self, who }
    }

    /// Reactivates programs that have expired, as an operator does at least once a year.
    pub fn keep_alive(&mut self) -> &mut Self {
        let mut programs: Vec<_> = self.deployment.programs.iter().map(|(_, program)| program.address).collect();
        programs.extend([self.token(), self.rewards_token()]);
        for program in programs {
            if !self.chain.is_active(program) {
                self.chain.from("keeper").activate(program).expect("an expired program can be activated again");
            }
        }
        self
    }

    /// Address of a person; `nobody` is the zero address.
    pub fn who(&self, name: &str) -> Address {
        if name == "nobody" {
            return Address::ZERO;
        }
        chain::Account::named(name).address()
    }

    /// Addresses of several persons.
    pub fn all(&self, names: &[&str]) -> Vec<Address> {
        names.iter().map(|name| self.who(name)).collect()
    }

    /// The pool's address.
    pub fn address(&self) -> Address {
        self.deployment.pool
    }

    /// The staked token.
    pub fn token(&self) -> Address {
        self.parties.staked_token
    }

    /// The rewards token.
    pub fn rewards_token(&self) -> Address {
        self.parties.rewards_token
    }

    /// Who owns the rewards.
    pub fn treasury(&self) -> Address {
        self.parties.treasury
    }

    /// A facet's address by program name.
    ///
    /// # Panics
    ///
    /// If there is no such facet.
    pub fn facet(&self, program: &str) -> Address {
        let found = self.deployment.facets.iter().find(|(name, _)| *name == program);
        found.unwrap_or_else(|| panic!("no facet {program}")).1
    }

    /// Who called the pool's constructor: the deployer contract.
    pub fn deployer(&self) -> Address {
        STYLUS_DEPLOYER
    }

    /// Id of a role.
    pub fn role(&self, name: &str) -> B256 {
        role(name)
    }

    /// Ids of all roles, in the specification's order.
    pub fn roles(&self) -> [B256; 7] {
        ROLES.map(role)
    }

    /// Grants a role as governance.
    pub fn grant(&mut self, name: &str, to: &str) {
        let (role, account) = (role(name), self.who(to));
        self.by("GOV").send(IEpochSchedule::grantRoleCall { role, account }).expect("GOV is owner");
    }

    /// Deploys a program of the workspace once more, at another address.
    pub fn deploy_again(&mut self, program: &str) -> Address {
        OnChain::new(&mut self.chain, "GOV").create(program, None).expect("programs deploy").address
    }

    /// What a function of the pool returns now.
    ///
    /// # Panics
    ///
    /// If it reverts.
    #[track_caller]
    pub fn view<C: SolCall>(&self, call: C) -> C::Return {
        self.try_view(call).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE))
    }

    /// What a function of the pool returns now.
    ///
    /// # Errors
    ///
    /// If it reverts.
    pub fn try_view<C: SolCall>(&self, call: C) -> Result<C::Return, Reverted> {
        self.chain.view(self.address(), call)
    }

    /// Epoch, seconds remaining in it, and whether the blackout window has begun.
    pub fn clock(&self) -> (U256, U256, bool) {
        (
            self.view(IEpochSchedule::getCurrentEpochCall {}),
            self.view(IEpochSchedule::getTimeRemainingInCurrentEpochCall {}),
            self.view(IEpochSchedule::inBlackoutWindowCall {}),
        )
    }

    /// Active stake of a person, this epoch and next.
    pub fn active(&self, name: &str) -> (U256, U256) {
        let staker = self.who(name);
        (
            self.view(IPoolViews::getActiveBalanceCurrentEpochCall { staker }),
            self.view(IPoolViews::getActiveBalanceNextEpochCall { staker }),
        )
    }

    /// Inactive stake of a person, this epoch and next.
    pub fn inactive(&self, name: &str) -> (U256, U256) {
        let staker = self.who(name);
        (
            self.view(IPoolViews::getInactiveBalanceCurrentEpochCall { staker }),
            self.view(IPoolViews::getInactiveBalanceNextEpochCall { staker }),
        )
    }

    /// Total active stake, this epoch and next.
    pub fn total_active(&self) -> (U256, U256) {
        (
            self.view(IPoolViews::getTotalActiveBalanceCurrentEpochCall {}),
            self.view(IPoolViews::getTotalActiveBalanceNextEpochCall {}),
        )
    }

    /// Total inactive stake, this epoch and next.
    pub fn total_inactive(&self) -> (U256, U256) {
        (
            self.view(IPoolViews::getTotalInactiveBalanceCurrentEpochCall {}),
            self.view(IPoolViews::getTotalInactiveBalanceNextEpochCall {}),
        )
    }

    /// Gives shares to borrowers before epoch zero, as governance; nobody keeps the rest.
    pub fn allocate(&mut self, shares: &[(&str, u64)]) {
        let rest = 10_000 - shares.iter().map(|(_, share)| share).sum::<u64>();
        let all: Vec<_> = [("nobody", rest)].into_iter().chain(shares.iter().copied()).collect();
        self.by("GOV").set_allocations(&all).expect("shares sum to the whole");
    }

    /// A borrower.
    pub fn borrower(&self, name: &str) -> IBorrowerAllocations::BorrowerState {
        self.view(IBorrowerAllocations::getBorrowerCall { borrower: self.who(name) })
    }

    /// Shares of a borrower in basis points, this epoch and next.
    pub fn shares(&self, name: &str) -> (U256, U256) {
        let state = self.borrower(name);
        (state.allocationCurrentEpoch, state.allocationNextEpoch)
    }

    /// The most a borrower can borrow now.
    pub fn borrowable(&self, name: &str) -> U256 {
        self.view(IBorrowerAllocations::getBorrowableAmountCall { borrower: self.who(name) })
    }

    /// What a person is owed.
    pub fn staker_debt(&self, name: &str) -> U256 {
        self.view(IDebtAccounting::getStakerDebtBalanceCall { staker: self.who(name) })
    }

    /// The pool's totals now.
    pub fn books(&self) -> Books {
        let pool = self.view(IPoolViews::getPoolCall {});
        let unborrowed =
            self.tokens_of_pool() - self.view(IPoolViews::getSurplusCall {}) - pool.debtAvailableToWithdraw;
        Books {
            active: pool.activeCurrentEpoch,
            inactive: pool.inactiveCurrentEpoch,
            borrowed: pool.borrowed,
            unborrowed,
            borrower_debt: pool.borrowerDebt,
            repaid_debt: pool.debtAvailableToWithdraw,
        }
    }

    /// Stake that is not lent and can be withdrawn.
    pub fn unborrowed(&self) -> U256 {
        self.view(IPoolViews::getContractBalanceAvailableToWithdrawCall {})
    }

    /// Stake of a person as the ERC-20 surface shows it.
    pub fn balance_of(&self, name: &str) -> U256 {
        self.view(IStakedToken::balanceOfCall { account: self.who(name) })
    }

    /// Staked tokens that a person holds outside the pool.
    pub fn tokens(&self, name: &str) -> U256 {
        self.token_balance(self.token(), self.who(name))
    }

    /// Staked tokens at the pool's address.
    pub fn tokens_of_pool(&self) -> U256 {
        self.token_balance(self.token(), self.address())
    }

    /// Rewards tokens that a person holds.
    pub fn rewards(&self, name: &str) -> U256 {
        self.token_balance(self.rewards_token(), self.who(name))
    }

    fn token_balance(&self, token: Address, owner: Address) -> U256 {
        self.chain.view(token, IToken::balanceOfCall { account: owner }).expect("tokens tell balances")
    }

    /// Makes a person hold exactly this many staked tokens.
    pub fn set_tokens(&mut self, name: &str, amount: impl Into<Amount>) {
        let (token, held, amount) = (self.token(), self.tokens(name), amount.into().0);
        let to = self.who(name);
        if held > amount {
            self.by(name).send_to(token, IToken::burnCall { value: held - amount }).expect("tokens burn");
        } else {
            self.by(name).send_to(token, IToken::mintCall { to, value: amount - held }).expect("tokens mint");
        }
    }

    /// Sends staked tokens of a person to the pool without a call: a gift that the books do not see.
    pub fn give(&mut self, from: &str, amount: impl Into<Amount>) {
        let (token, to, value) = (self.token(), self.address(), amount.into().0);
        self.by(from).send_to(token, IToken::transferCall { to, value }).expect("tokens move");
    }

    /// Gives a person rewards tokens.
    pub fn mint_rewards(&mut self, name: &str, value: U256) {
        let (token, to) = (self.rewards_token(), self.who(name));
        self.by("GOV").send_to(token, IToken::mintCall { to, value }).expect("tokens mint");
    }

    /// Sets what the treasury lets the pool spend.
    pub fn approve_from_treasury(&mut self, amount: impl Into<Amount>) {
        let approve = IToken::approveCall { spender: self.address(), value: amount.into().0 };
        let token = self.rewards_token();
        self.by("treasury").send_to(token, approve).expect("tokens approve");
    }

    /// Every slot of the pool that is not zero.
    pub fn storage(&self) -> BTreeMap<U256, U256> {
        self.chain.storage_of(self.address())
    }

    /// Every slot of the staked token that is not zero.
    pub fn token_storage(&self) -> BTreeMap<U256, U256> {
        self.chain.storage_of(self.token())
    }

    /// Wei at the pool's address.
    pub fn ether_of_pool(&self) -> U256 {
        self.chain.balance(self.address())
    }

    /// What the pool logged in a transaction.
    pub fn logs(&self, receipt: &Receipt) -> Vec<LogData> {
        receipt.logs.iter().filter(|log| log.address == self.address()).map(|log| log.data.clone()).collect()
    }

    /// What the pool logged while it was initialised, after the cut.
    pub fn deployment_logs(&self) -> Vec<LogData> {
        self.deployment.logs.clone()
    }
}

/// Somebody about to call the pool.
#[derive(Debug)]
#[must_use = "nothing is sent before a call"]
pub struct Caller<'a> {
    pool: &'a mut Pool,
    who: &'a str,
}

/// A call's result and receipt, or why it failed.
pub type Outcome<R> = Result<Sent<R>, Reverted>;

#[expect(clippy::missing_errors_doc, reason = "each errs as the function of the pool does")]
impl Caller<'_> {
    /// Calls any function of the pool.
    pub fn send<C: SolCall>(self, call: C) -> Outcome<C::Return> {
        let itself = self.pool.address();
        self.send_to(itself, call)
    }

    /// Calls a function of another contract.
    pub fn send_to<C: SolCall>(self, to: Address, call: C) -> Outcome<C::Return> {
        self.pool.chain.from(self.who).call(to, call)
    }

    /// Sends any bytes to the pool.
    pub fn send_raw(self, data: Vec<u8>) -> Result<Receipt, Reverted> {
        let itself = self.pool.address();
        self.pool.chain.from(self.who).send(itself, data)
    }

    /// Sends any bytes with some wei to the pool.
    pub fn send_value(self, data: Vec<u8>, wei: u64) -> Result<Receipt, Reverted> {
        let itself = self.pool.address();
        self.pool.chain.from(self.who).value(U256::from(wei)).send(itself, data)
    }

    /// `stake(amount)`.
    pub fn stake(self, amount: impl Into<Amount>) -> Outcome<<IStaking::stakeCall as SolCall>::Return> {
        self.send(IStaking::stakeCall { amount: amount.into().0 })
    }

    /// `requestWithdrawal(amount)`.
    pub fn request_withdrawal(
        self,
        amount: impl Into<Amount>,
    ) -> Outcome<<IStaking::requestWithdrawalCall as SolCall>::Return> {
        self.send(IStaking::requestWithdrawalCall { amount: amount.into().0 })
    }

    /// `withdrawStake(recipient, amount)`.
    pub fn withdraw_stake(
        self,
        recipient: &str,
        amount: impl Into<Amount>,
    ) -> Outcome<<IStaking::withdrawStakeCall as SolCall>::Return> {
        let recipient = self.pool.who(recipient);
        self.send(IStaking::withdrawStakeCall { recipient, amount: amount.into().0 })
    }

    /// `claimRewards(recipient)`.
    pub fn claim_rewards(self, recipient: &str) -> Outcome<U256> {
        let recipient = self.pool.who(recipient);
        self.send(IStaking::claimRewardsCall { recipient })
    }

    /// `setRewardsPerSecond(emission)`.
    pub fn set_rewards_per_second(
        self,
        emission: impl Into<Amount>,
    ) -> Outcome<<IEpochSchedule::setRewardsPerSecondCall as SolCall>::Return> {
        self.send(IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: emission.into().0 })
    }

    /// `setEpochParameters(interval, offset)`.
    pub fn set_epoch_parameters(
        self,
        interval: u64,
        offset: u64,
    ) -> Outcome<<IEpochSchedule::setEpochParametersCall as SolCall>::Return> {
        self.send(IEpochSchedule::setEpochParametersCall { interval: U256::from(interval), offset: U256::from(offset) })
    }

    /// `setBorrowerAllocations(borrowers, newAllocations)`, shares in basis points.
    pub fn set_allocations(
        self,
        shares: &[(&str, u64)],
    ) -> Outcome<<IBorrowerAllocations::setBorrowerAllocationsCall as SolCall>::Return> {
        let borrowers = shares.iter().map(|(name, _)| self.pool.who(name)).collect();
        let new_allocations = shares.iter().map(|(_, share)| U256::from(*share)).collect();
        self.send(IBorrowerAllocations::setBorrowerAllocationsCall { borrowers, newAllocations: new_allocations })
    }

    /// `setBorrowingRestriction(borrower, restricted)`.
    pub fn set_restriction(
        self,
        borrower: &str,
        restricted: bool,
    ) -> Outcome<<IBorrowerAllocations::setBorrowingRestrictionCall as SolCall>::Return> {
        let borrower = self.pool.who(borrower);
        self.send(IBorrowerAllocations::setBorrowingRestrictionCall { borrower, isBorrowingRestricted: restricted })
    }

    /// `restrictBorrower(borrower)`.
    pub fn restrict(self, borrower: &str) -> Outcome<<IBorrowerAllocations::restrictBorrowerCall as SolCall>::Return> {
        let borrower = self.pool.who(borrower);
        self.send(IBorrowerAllocations::restrictBorrowerCall { borrower })
    }

    /// `borrow(amount)`.
    pub fn borrow(self, amount: impl Into<Amount>) -> Outcome<<IBorrowerAllocations::borrowCall as SolCall>::Return> {
        self.send(IBorrowerAllocations::borrowCall { amount: amount.into().0 })
    }

    /// `repayBorrow(borrower, amount)`.
    pub fn repay_borrow(
        self,
        borrower: &str,
        amount: impl Into<Amount>,
    ) -> Outcome<<IBorrowerAllocations::repayBorrowCall as SolCall>::Return> {
        let borrower = self.pool.who(borrower);
        self.send(IBorrowerAllocations::repayBorrowCall { borrower, amount: amount.into().0 })
    }

    /// `repayDebt(borrower, amount)`.
    pub fn repay_debt(
        self,
        borrower: &str,
        amount: impl Into<Amount>,
    ) -> Outcome<<IDebtAccounting::repayDebtCall as SolCall>::Return> {
        let borrower = self.pool.who(borrower);
        self.send(IDebtAccounting::repayDebtCall { borrower, amount: amount.into().0 })
    }

    /// `markDebt(borrowers)`; returns the shortfall.
    pub fn mark_debt(self, borrowers: &[&str]) -> Outcome<U256> {
        let borrowers = self.pool.all(borrowers);
        self.send(IDebtAccounting::markDebtCall { borrowers })
    }

    /// `withdrawDebt(recipient, amount)`.
    pub fn withdraw_debt(
        self,
        recipient: &str,
        amount: impl Into<Amount>,
    ) -> Outcome<<IDebtAccounting::withdrawDebtCall as SolCall>::Return> {
        let recipient = self.pool.who(recipient);
        self.send(IDebtAccounting::withdrawDebtCall { recipient, amount: amount.into().0 })
    }

    /// `withdrawMaxDebt(recipient)`; returns what was sent.
    pub fn withdraw_max_debt(self, recipient: &str) -> Outcome<U256> {
        let recipient = self.pool.who(recipient);
        self.send(IDebtAccounting::withdrawMaxDebtCall { recipient })
    }

    /// `withdrawMaxStake(recipient)`; returns what was sent.
    pub fn withdraw_max_stake(self, recipient: &str) -> Outcome<U256> {
        let recipient = self.pool.who(recipient);
        self.send(IStaking::withdrawMaxStakeCall { recipient })
    }
}
