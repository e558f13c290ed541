//! Market makers' proxies beside the pool's ledger, written from the borrower proxy's specification and its list of deviations (Q1 to Q9)
//! alone.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256, keccak256};

use crate::{
    BorrowerView, Call, Event, Ledger, Refusal, Stake,
    exact::{Exact, u},
    exchange::{Exchange, Place, Text},
};

/// Seconds that a vault waits on the list.
const VAULT_WAIT: u64 = 3 * 86_400;
/// Seconds that a forced trade waits, and that it can be requested afterwards.
const TRADE_WAIT: u64 = 7 * 86_400;

/// Roles of a proxy, in the order of the specification's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "section 2 of the specification says what each is for")]
pub enum ProxyRole {
    Guardian,
    VetoGuardian,
    Owner,
    DelegationAdmin,
    Borrower,
    ExchangeOperator,
    WithdrawalOperator,
}

impl ProxyRole {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Guardian,
        Self::VetoGuardian,
        Self::Owner,
        Self::DelegationAdmin,
        Self::Borrower,
        Self::ExchangeOperator,
        Self::WithdrawalOperator,
    ];

    /// Who grants and revokes it.
    pub fn admin(self) -> Self {
        match self {
            Self::Guardian | Self::VetoGuardian => Self::Guardian,
            Self::Owner | Self::DelegationAdmin => Self::Owner,
            _ => Self::DelegationAdmin,
        }
    }
}

/// The words of a forced trade.
pub type Trade = [U256; 12];

/// A function of a proxy that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/ITrustedBorrowerL2Proxy.sol documents each function")]
pub enum ProxyCall {
    Borrow(U256),
    RepayBorrow(U256),
    RepayDebt(U256),
    AutoPay,
    Deposit(Place, U256),
    Withdraw(U256, U256),
    Pay(Address, U256),
    AllowKey(U256),
    DisallowKey(U256),
    AllowVault(Place),
    DisallowVault(Place),
    AllowRecipient(Address),
    DisallowRecipient(Address),
    ExchangeAllowance(U256),
    PoolAllowance(U256),
    ForceWithdrawal(Place),
    QueueTrade(Trade),
    ForceTrade(Trade),
    Cancel(Place),
    Reclaim(Place),
    Approve(U256),
    ResetApproval,
    Restrict(bool),
    GuardianRepayBorrow(U256),
    GuardianRepayDebt(U256),
    GuardianWithdraw(U256, U256),
    /// Key, vault, amount, as with `ForceWithdrawal`.
    GuardianForceWithdrawal(Place),
    GuardianForceTrade(Trade),
    Veto(Vec<Trade>),
    GuardianCancel(Place),
    GuardianReclaim(Place),
    GuardianDisallowVault(Place),
    Block(U256, bool),
    Grant(ProxyRole, Address),
    Revoke(ProxyRole, Address),
}

/// What a proxy reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/ITrustedBorrowerL2Proxy.sol documents each event")]
pub enum ProxyEvent {
    Borrowed(U256, U256),
    RepaidBorrow(U256, U256, bool),
    RepaidDebt(U256, U256, bool),
    Deposited(Place, U256),
    Withdrew(U256, U256, U256, bool),
    ForcedWithdrawal(U256, U256, bool),
    ForcedTrade(U256, U256, bool),
    Cancelled(Place, bool),
    Reclaimed(Place, U256, bool),
    Paid(Address, U256),
    Key(U256, bool),
    Blocked(U256, bool),
    VaultAllowed(Place, u64),
    VaultDisallowed(Place, bool),
    Recipient(Address, bool),
    Queued(Box<Trade>, B256),
    Restricted(bool),
    Vetoed(B256),
    Approved(U256),
    Granted(ProxyRole, Address, Address),
    Revoked(ProxyRole, Address, Address),
}

/// Why a proxy refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/ITrustedBorrowerL2Proxy.sol documents each error")]
pub enum ProxyRefusal {
    /// The pool's reason.
    Pool(Refusal),
    /// The exchange's.
    Exchange(Text),
    /// The token's, when the exchange pulls: allowance, or balance.
    Allowance(U256, U256),
    Balance(U256, U256),
    /// The token's, when the proxy moves it.
    TokenFailed,
    MissingRole(Address, ProxyRole),
    LastRoleHolder(ProxyRole, Address),
    BorrowingRestricted,
    NotInBlackoutWindow,
    InsufficientFunds(U256, U256),
    KeyNotAllowed(U256),
    KeyNotRegistered(U256, Address),
    KeyAlreadyAllowed(U256),
    KeyAlreadyDisallowed(U256),
    KeyBlocked(U256),
    VaultNotAllowed(Place, u64),
    VaultAlreadyAllowed(Place, u64),
    VaultAlreadyDisallowed(Place),
    BeingCancelled(Place),
    ZeroAmount,
    BorrowedFunds(U256, U256),
    RecipientNotAllowed(Address),
    RecipientAlreadyAllowed(Address),
    RecipientAlreadyDisallowed(Address),
    Exceeds(U256, U256, U256),
    ApprovedOverflow(U256, U256),
    TradeNotQueued(B256),
    TradeTooEarly(u64, u64),
    TradeTooLate(u64, u64),
    NoOverdueDebt,
}

impl From<Refusal> for ProxyRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Pool(refusal)
    }
}

impl From<Text> for ProxyRefusal {
    fn from(text: Text) -> Self {
        Self::Exchange(text)
    }
}

/// What a proxy remembers, and what it paid out so far.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// Who holds which role.
    pub roles: BTreeSet<(ProxyRole, Address)>,
    /// Keys that may be used.
    pub keys: BTreeSet<U256>,
    /// Keys that the guardian blocked.
    pub blocked: BTreeSet<U256>,
    /// Vaults that may be deposited to, from when on.
    pub vaults: BTreeMap<Place, u64>,
    /// Vaults with a cancellation under way.
    pub cancelling: BTreeSet<Place>,
    /// Who may be paid.
    pub recipients: BTreeSet<Address>,
    /// What the guardian lets out.
    pub approved: U256,
    /// Whether the guardian restricts.
    pub restricted: bool,
    /// Forced trades that wait, since when.
    pub queue: BTreeMap<B256, u64>,
    /// What the pool may still take.
    pub pool_may: U256,
    /// What the exchange may still take.
    pub exchange_may: U256,
    /// Everything the guardian ever let out, without what was taken back.
    pub ever_approved: U256,
    /// Everything paid out that was owed at that moment.
    pub paid_beyond_excess: U256,
}

/// What a successful call returns and reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyDone {
    /// What it returns.
    pub returned: Vec<U256>,
    /// What the proxy reports.
    pub events: Vec<ProxyEvent>,
    /// What the pool reports.
    pub pool_events: Vec<Event>,
}

/// The pool, the exchange and the proxies between them.
#[derive(Clone, Debug)]
pub struct MarketLedger {
    /// The pool's books.
    pub ledger: Ledger,
    /// The exchange.
    pub exchange: Exchange,
    /// The proxies by address.
    pub proxies: BTreeMap<Address, Proxy>,
}

/// Everything that a proxy's getters say, in the order of the names that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/ITrustedBorrowerL2Proxy.sol documents each getter")]
pub struct ProxyView {
    pub borrowed: U256,
    pub debt: U256,
    pub owed: U256,
    pub held: U256,
    pub allocated: Stake,
    pub borrowable: U256,
    pub approved: U256,
    pub restricted: bool,
    pub allowances: (U256, U256),
    pub keys: Vec<(bool, bool)>,
    pub vaults: Vec<(U256, bool)>,
    pub recipients: Vec<bool>,
    pub queue: Vec<U256>,
}

/// Hash of a trade's words.
pub fn trade_id(trade: &Trade) -> B256 {
    keccak256(trade.map(|word| word.to_be_bytes::<32>()).as_flattened())
}

impl MarketLedger {
    /// Calls a proxy. A refused call changes nothing.
    ///
    /// # Errors
    ///
    /// As the proxy must refuse.
    ///
    /// # Panics
    ///
    /// If there is no such proxy.
    pub fn call(&mut self, proxy: Address, caller: Address, call: &ProxyCall) -> Result<ProxyDone, ProxyRefusal> {
        let mut after = self.clone();
        let mut desk =
            Desk { state: after.proxies[&proxy].clone(), market: &mut after, proxy, done: ProxyDone::default() };
        desk.run(caller, call)?;
        let Desk { state, done, .. } = desk;
        after.proxies.insert(proxy, state);
        *self = after;
        Ok(done)
    }

    /// The operator of the exchange accepts a deposit.
    ///
    /// # Errors
    ///
    /// As the exchange must refuse; so with the next ones.
    pub fn accept(&mut self, place: Place, amount: U256) -> Result<(), Text> {
        self.exchange.clone().accept(place, amount)?;
        self.exchange.accept(place, amount)
    }

    /// Profit and loss: what a vault holds. The world provides the tokens.
    pub fn set_vault(&mut self, vault: U256, amount: U256) {
        self.exchange.vaults.insert(vault, amount);
    }

    /// Layer 2 lets something go.
    #[allow(clippy::missing_errors_doc, reason = "as `accept`")]
    pub fn release(&mut self, vault: U256, amount: U256) -> Result<(), Text> {
        self.exchange.clone().release(vault, amount)?;
        self.exchange.release(vault, amount)
    }

    /// Layer 2 settles a forced withdrawal.
    #[allow(clippy::missing_errors_doc, reason = "as `accept`")]
    pub fn satisfy(&mut self, key: U256, vault: U256, amount: U256) -> Result<(), Text> {
        self.exchange.satisfy(key, vault, amount)
    }

    /// A stranger withdraws for a key.
    #[allow(clippy::missing_errors_doc, reason = "as `accept`")]
    pub fn withdraw(&mut self, key: U256) -> Result<(), Text> {
        let (owner, amount) = self.exchange.withdraw(key, self.exchange.asset)?;
        self.move_tokens(self.exchange.address, owner, amount);
        Ok(())
    }

    /// New tokens for somebody.
    pub fn mint(&mut self, to: Address, amount: U256) {
        self.ledger.push(to, amount);
    }

    /// Tokens that somebody holds outside of the pool.
    pub fn held(&self, account: Address) -> U256 {
        self.ledger.wallets.get(&account).copied().unwrap_or_default()
    }

    fn move_tokens(&mut self, from: Address, to: Address, amount: U256) {
        let wallet = self.ledger.wallets.entry(from).or_default();
        *wallet = wallet.minus(amount);
        self.ledger.push(to, amount);
    }

    /// What the getters of a proxy must say of these keys, vaults, recipients and trades.
    pub fn view(
        &self,
        proxy: Address,
        keys: &[U256],
        places: &[Place],
        people: &[Address],
        trades: &[Trade],
    ) -> ProxyView {
        let state = &self.proxies[&proxy];
        let BorrowerView { borrowed, debt, allocated, borrowable, .. } = self.ledger.borrower_view(proxy);
        ProxyView {
            borrowed,
            debt,
            owed: borrowed.plus(debt),
            held: self.held(proxy),
            allocated,
            borrowable: if state.restricted { U256::ZERO } else { borrowable },
            approved: state.approved,
            restricted: state.restricted,
            allowances: (state.pool_may, state.exchange_may),
            keys: keys.iter().map(|key| (state.keys.contains(key), state.blocked.contains(key))).collect(),
            vaults: places
                .iter()
                .map(|place| (u(state.vaults.get(place).copied().unwrap_or(0)), state.cancelling.contains(place)))
                .collect(),
            recipients: people.iter().map(|person| state.recipients.contains(person)).collect(),
            queue: trades.iter().map(|trade| u(state.queue.get(&trade_id(trade)).copied().unwrap_or(0))).collect(),
        }
    }

    /// What must hold between any two calls, as sentences; those that do not.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut check = |holds: bool, sentence: &str| {
            if !holds {
                broken.push(sentence.to_owned());
            }
        };
        for state in self.proxies.values() {
            check(state.paid_beyond_excess <= state.ever_approved, "what leaves exceeds neither excess nor approvals");
            check(state.approved <= state.ever_approved, "nothing is approved that the guardian did not approve");
            check(state.keys.is_disjoint(&state.blocked), "a blocked key is not allowed");
        }
        for (proxy, state) in &self.proxies {
            let registered = state.keys.iter().all(|key| self.exchange.users.get(key) == Some(proxy));
            check(registered, "every allowed key is registered to its proxy");
            let cancelling =
                self.exchange.cancelled.keys().filter(|place| self.exchange.users.get(&place[0]) == Some(proxy));
            let known = cancelling.copied().collect::<BTreeSet<_>>();
            check(known == state.cancelling, "a proxy knows its cancellations");
        }
        check(self.held(self.exchange.address) >= self.exchange.owes(), "the exchange holds what it owes");
        broken
    }
}

/// One call on its way.
struct Desk<'a> {
    market: &'a mut MarketLedger,
    proxy: Address,
    state: Proxy,
    done: ProxyDone,
}

type Done = Result<(), ProxyRefusal>;

impl Desk<'_> {
    fn run(&mut self, caller: Address, call: &ProxyCall) -> Done {
        use ProxyRole as R;
        let needed = match call {
            ProxyCall::Borrow(_) | ProxyCall::RepayBorrow(_) | ProxyCall::RepayDebt(_) | ProxyCall::AutoPay => {
                R::Borrower
            }
            ProxyCall::Deposit(..) | ProxyCall::Withdraw(..) => R::ExchangeOperator,
            ProxyCall::Pay(..) => R::WithdrawalOperator,
            ProxyCall::Veto(_) => R::VetoGuardian,
            ProxyCall::Approve(_)
            | ProxyCall::ResetApproval
            | ProxyCall::Restrict(_)
            | ProxyCall::GuardianRepayBorrow(_)
            | ProxyCall::GuardianRepayDebt(_)
            | ProxyCall::GuardianWithdraw(..)
            | ProxyCall::GuardianForceWithdrawal(_)
            | ProxyCall::GuardianForceTrade(_)
            | ProxyCall::GuardianCancel(_)
            | ProxyCall::GuardianReclaim(_)
            | ProxyCall::GuardianDisallowVault(_)
            | ProxyCall::Block(..) => R::Guardian,
            ProxyCall::Grant(role, _) | ProxyCall::Revoke(role, _) => role.admin(),
            _ => R::Owner,
        };
        let vetoes = matches!(call, ProxyCall::GuardianDisallowVault(_)) && self.has(R::VetoGuardian, caller);
        if !self.has(needed, caller) && !vetoes {
            return Err(ProxyRefusal::MissingRole(caller, needed));
        }
        match call {
            ProxyCall::Borrow(amount) => self.borrow(*amount),
            ProxyCall::RepayBorrow(amount) => self.repay_borrow(*amount, false),
            ProxyCall::RepayDebt(amount) => self.repay_debt(*amount, false),
            ProxyCall::AutoPay => self.auto_pay(),
            ProxyCall::Deposit(place, amount) => self.deposit(*place, *amount),
            ProxyCall::Withdraw(key, asset) => self.known_key(*key).and_then(|()| self.withdraw(*key, *asset, false)),
            ProxyCall::Pay(to, amount) => self.pay(*to, *amount),
            ProxyCall::Grant(role, to) => {
                if self.state.roles.insert((*role, *to)) {
                    self.report(ProxyEvent::Granted(*role, *to, caller));
                }
                Ok(())
            }
            ProxyCall::Revoke(role, from) => self.revoke(*role, *from, caller),
            _ => self.run_owner(call),
        }
    }

    fn run_owner(&mut self, call: &ProxyCall) -> Done {
        match call {
            ProxyCall::AllowKey(key) => self.allow_key(*key),
            ProxyCall::DisallowKey(key) => {
                if !self.state.keys.remove(key) {
                    return Err(ProxyRefusal::KeyAlreadyDisallowed(*key));
                }
                self.report(ProxyEvent::Key(*key, false));
                Ok(())
            }
            ProxyCall::AllowVault(place) => self.allow_vault(*place),
            ProxyCall::DisallowVault(place) => self.disallow_vault(*place, false),
            ProxyCall::AllowRecipient(who) => {
                if !self.state.recipients.insert(*who) {
                    return Err(ProxyRefusal::RecipientAlreadyAllowed(*who));
                }
                self.report(ProxyEvent::Recipient(*who, true));
                Ok(())
            }
            ProxyCall::DisallowRecipient(who) => {
                if !self.state.recipients.remove(who) {
                    return Err(ProxyRefusal::RecipientAlreadyDisallowed(*who));
                }
                self.report(ProxyEvent::Recipient(*who, false));
                Ok(())
            }
            ProxyCall::ExchangeAllowance(amount) => {
                self.state.exchange_may = *amount;
                Ok(())
            }
            ProxyCall::PoolAllowance(amount) => {
                self.state.pool_may = *amount;
                Ok(())
            }
            ProxyCall::ForceWithdrawal(words) => {
                self.known_key(words[0])?;
                self.force_withdrawal(*words, false)
            }
            ProxyCall::QueueTrade(trade) => {
                let id = trade_id(trade);
                self.state.queue.insert(id, self.market.ledger.now());
                self.report(ProxyEvent::Queued(Box::new(*trade), id));
                Ok(())
            }
            ProxyCall::ForceTrade(trade) => self.force_queued(trade),
            ProxyCall::Cancel(place) => {
                self.known_key(place[0])?;
                if self.state.cancelling.contains(place) {
                    return Err(ProxyRefusal::BeingCancelled(*place));
                }
                self.cancel(*place, false)
            }
            ProxyCall::Reclaim(place) => self.known_key(place[0]).and_then(|()| self.reclaim(*place, false)),
            _ => self.run_guardian(call),
        }
    }

    fn run_guardian(&mut self, call: &ProxyCall) -> Done {
        match call {
            ProxyCall::Approve(amount) => {
                let most = (U256::ONE << 128) - U256::ONE;
                let sum = self.state.approved.checked_add(*amount).filter(|sum| *sum <= most);
                self.state.approved = sum.ok_or(ProxyRefusal::ApprovedOverflow(self.state.approved, *amount))?;
                self.state.ever_approved = self.state.ever_approved.plus(*amount);
                self.done.returned = vec![self.state.approved];
                self.report(ProxyEvent::Approved(self.state.approved));
            }
            ProxyCall::ResetApproval => {
                self.done.returned = vec![std::mem::take(&mut self.state.approved)];
                self.report(ProxyEvent::Approved(U256::ZERO));
            }
            ProxyCall::Restrict(to) => {
                self.state.restricted = *to;
                self.report(ProxyEvent::Restricted(*to));
            }
            ProxyCall::GuardianRepayBorrow(amount) => {
                self.ensure_allowance(self.market.ledger.borrower(self.proxy).borrowed.min(*amount));
                self.repay_borrow(*amount, true)?;
            }
            ProxyCall::GuardianRepayDebt(amount) => {
                self.ensure_allowance(self.market.ledger.borrower(self.proxy).debt.min(*amount));
                self.repay_debt(*amount, true)?;
            }
            ProxyCall::GuardianWithdraw(key, asset) => self.withdraw(*key, *asset, true)?,
            ProxyCall::GuardianForceWithdrawal(words) => {
                self.need_debt()?;
                self.force_withdrawal(*words, true)?;
            }
            ProxyCall::GuardianForceTrade(trade) => {
                self.need_debt()?;
                self.force_trade(trade, true)?;
            }
            ProxyCall::Veto(trades) => {
                for id in trades.iter().map(trade_id) {
                    self.state.queue.remove(&id);
                    self.report(ProxyEvent::Vetoed(id));
                }
            }
            ProxyCall::GuardianCancel(place) => self.cancel(*place, true)?,
            ProxyCall::GuardianReclaim(place) => self.reclaim(*place, true)?,
            ProxyCall::GuardianDisallowVault(place) => self.disallow_vault(*place, true)?,
            ProxyCall::Block(key, to) => self.block(*key, *to),
            other => unreachable!("every call has a home: {other:?}"),
        }
        Ok(())
    }

    fn has(&self, role: ProxyRole, who: Address) -> bool {
        self.state.roles.contains(&(role, who))
    }

    fn report(&mut self, event: ProxyEvent) {
        self.done.events.push(event);
    }

    fn revoke(&mut self, role: ProxyRole, from: Address, by: Address) -> Done {
        if !self.state.roles.remove(&(role, from)) {
            return Ok(());
        }
        let alone = !self.state.roles.iter().any(|(held, _)| *held == role);
        if alone && matches!(role, ProxyRole::Owner | ProxyRole::Guardian) {
            return Err(ProxyRefusal::LastRoleHolder(role, from));
        }
        self.report(ProxyEvent::Revoked(role, from, by));
        Ok(())
    }

    // ---------------------------------------------------------------- pool

    fn held(&self) -> U256 {
        self.market.held(self.proxy)
    }

    fn owed(&self) -> U256 {
        let books = self.market.ledger.borrower(self.proxy);
        books.borrowed.plus(books.debt)
    }

    fn ask_pool(&mut self, call: &Call) -> Done {
        let done = self.market.ledger.call(self.proxy, call)?;
        self.done.pool_events.extend(done.events);
        Ok(())
    }

    fn borrow(&mut self, amount: U256) -> Done {
        if self.state.restricted {
            return Err(ProxyRefusal::BorrowingRestricted);
        }
        self.ask_pool(&Call::Borrow(amount))?;
        self.report(ProxyEvent::Borrowed(amount, self.market.ledger.borrower(self.proxy).borrowed));
        Ok(())
    }

    /// At most what is owed; nothing owed is reported by nothing.
    fn repay_borrow(&mut self, max: U256, by_guardian: bool) -> Done {
        let amount = max.min(self.market.ledger.borrower(self.proxy).borrowed);
        self.ask_pool(&Call::RepayBorrowUpTo(self.proxy, max))?;
        self.use_allowance(amount)?;
        let left = self.market.ledger.borrower(self.proxy).borrowed;
        if !amount.is_zero() {
            self.report(ProxyEvent::RepaidBorrow(amount, left, by_guardian));
        }
        Ok(())
    }

    fn repay_debt(&mut self, max: U256, by_guardian: bool) -> Done {
        let amount = max.min(self.market.ledger.borrower(self.proxy).debt);
        self.ask_pool(&Call::RepayDebtUpTo(self.proxy, max))?;
        self.use_allowance(amount)?;
        let left = self.market.ledger.borrower(self.proxy).debt;
        if !amount.is_zero() {
            self.report(ProxyEvent::RepaidDebt(amount, left, by_guardian));
        }
        Ok(())
    }

    /// The token takes from every allowance, also from an infinite one. The pool looks at it last.
    fn use_allowance(&mut self, amount: U256) -> Done {
        let token = self.market.ledger.setup.staked_token;
        let left = self.state.pool_may.checked_sub(amount);
        self.state.pool_may = left.ok_or(Refusal::TokenFailed { token })?;
        Ok(())
    }

    fn ensure_allowance(&mut self, amount: U256) {
        if self.state.pool_may < amount {
            self.state.pool_may = amount;
        }
    }

    /// Loans above the next allocation are paid back; else, without debt, all there is is borrowed. What is left pays debt (8.3, Q1, Q6).
    fn auto_pay(&mut self) -> Done {
        if !self.market.ledger.schedule().in_blackout(self.market.ledger.now()) {
            return Err(ProxyRefusal::NotInBlackoutWindow);
        }
        let view = self.market.ledger.borrower_view(self.proxy);
        let excess = view.borrowed.saturating_sub(view.allocated.next);
        if !excess.is_zero() {
            if self.held() < excess {
                return Err(ProxyRefusal::InsufficientFunds(self.held(), excess));
            }
            self.repay_borrow(excess, false)?;
        }
        let debt = self.held().min(view.debt);
        if !debt.is_zero() {
            self.repay_debt(debt, false)?;
        }
        let idle = excess.is_zero() && view.debt.is_zero() && !self.state.restricted;
        let borrowed = if idle { view.borrowable } else { U256::ZERO };
        if !borrowed.is_zero() {
            self.borrow(borrowed)?;
        }
        self.done.returned = vec![borrowed, excess, debt];
        Ok(())
    }

    fn need_debt(&self) -> Done {
        if self.market.ledger.borrower(self.proxy).debt.is_zero() && !self.is_overdue() {
            return Err(ProxyRefusal::NoOverdueDebt);
        }
        Ok(())
    }

    /// By a whole unit, so not by rounding.
    fn is_overdue(&self) -> bool {
        !self.market.ledger.overdue_amount(self.proxy).is_zero()
    }

    // ---------------------------------------------------------------- payouts

    fn pay(&mut self, to: Address, amount: U256) -> Done {
        if !self.state.recipients.contains(&to) {
            return Err(ProxyRefusal::RecipientNotAllowed(to));
        }
        let excess = self.held().saturating_sub(self.owed());
        let beyond = amount.saturating_sub(excess);
        let left = self.state.approved.checked_sub(beyond);
        self.state.approved = left.ok_or(ProxyRefusal::Exceeds(amount, excess, self.state.approved))?;
        if self.held() < amount {
            return Err(ProxyRefusal::TokenFailed);
        }
        self.state.paid_beyond_excess = self.state.paid_beyond_excess.plus(beyond);
        self.market.move_tokens(self.proxy, to, amount);
        self.report(ProxyEvent::Paid(to, amount));
        Ok(())
    }

    // ---------------------------------------------------------------- keys and vaults

    fn known_key(&self, key: U256) -> Done {
        if self.state.keys.contains(&key) { Ok(()) } else { Err(ProxyRefusal::KeyNotAllowed(key)) }
    }

    fn allow_key(&mut self, key: U256) -> Done {
        let owner = self.market.exchange.owner_of(key)?;
        if owner != self.proxy {
            return Err(ProxyRefusal::KeyNotRegistered(key, owner));
        }
        if self.state.keys.contains(&key) {
            return Err(ProxyRefusal::KeyAlreadyAllowed(key));
        }
        if self.state.blocked.contains(&key) {
            return Err(ProxyRefusal::KeyBlocked(key));
        }
        self.state.keys.insert(key);
        self.report(ProxyEvent::Key(key, true));
        Ok(())
    }

    fn block(&mut self, key: U256, to: bool) {
        if to && self.state.keys.remove(&key) {
            self.report(ProxyEvent::Key(key, false));
        }
        if to {
            self.state.blocked.insert(key);
        } else {
            self.state.blocked.remove(&key);
        }
        self.report(ProxyEvent::Blocked(key, to));
    }

    fn allow_vault(&mut self, place: Place) -> Done {
        if let Some(from) = self.state.vaults.get(&place) {
            return Err(ProxyRefusal::VaultAlreadyAllowed(place, *from));
        }
        let from = self.market.ledger.now() + VAULT_WAIT;
        self.state.vaults.insert(place, from);
        self.report(ProxyEvent::VaultAllowed(place, from));
        Ok(())
    }

    fn disallow_vault(&mut self, place: Place, by_guardian: bool) -> Done {
        self.state.vaults.remove(&place).ok_or(ProxyRefusal::VaultAlreadyDisallowed(place))?;
        self.report(ProxyEvent::VaultDisallowed(place, by_guardian));
        Ok(())
    }

    // ---------------------------------------------------------------- exchange

    fn deposit(&mut self, place: Place, amount: U256) -> Done {
        self.known_key(place[0])?;
        let from = self.state.vaults.get(&place).copied().unwrap_or(0);
        if from == 0 || self.market.ledger.now() < from {
            return Err(ProxyRefusal::VaultNotAllowed(place, from));
        }
        if self.state.cancelling.contains(&place) {
            return Err(ProxyRefusal::BeingCancelled(place));
        }
        if amount.is_zero() {
            return Err(ProxyRefusal::ZeroAmount);
        }
        self.market.exchange.deposit(self.proxy, place, amount)?;
        let left = self.state.exchange_may.checked_sub(amount);
        self.state.exchange_may = left.ok_or(ProxyRefusal::Allowance(self.state.exchange_may, amount))?;
        if self.held() < amount {
            return Err(ProxyRefusal::Balance(self.held(), amount));
        }
        self.market.move_tokens(self.proxy, self.market.exchange.address, amount);
        let restricted = self.state.restricted || self.market.ledger.borrower(self.proxy).restricted;
        let bound = restricted || self.is_overdue();
        if bound && self.held() < self.owed() {
            return Err(ProxyRefusal::BorrowedFunds(self.held(), self.owed()));
        }
        self.done.returned = vec![amount];
        self.report(ProxyEvent::Deposited(place, amount));
        Ok(())
    }

    fn withdraw(&mut self, key: U256, asset: U256, by_guardian: bool) -> Done {
        let (owner, amount) = self.market.exchange.withdraw(key, asset)?;
        self.market.move_tokens(self.market.exchange.address, owner, amount);
        let gained = if owner == self.proxy { amount } else { U256::ZERO };
        self.done.returned = vec![gained];
        self.report(ProxyEvent::Withdrew(key, asset, gained, by_guardian));
        Ok(())
    }

    fn cancel(&mut self, place: Place, by_guardian: bool) -> Done {
        let now = self.market.ledger.now();
        self.market.exchange.cancel(self.proxy, place, now)?;
        self.state.cancelling.insert(place);
        self.report(ProxyEvent::Cancelled(place, by_guardian));
        Ok(())
    }

    fn reclaim(&mut self, place: Place, by_guardian: bool) -> Done {
        let now = self.market.ledger.now();
        let amount = self.market.exchange.reclaim(self.proxy, place, now)?;
        self.market.move_tokens(self.market.exchange.address, self.proxy, amount);
        self.state.cancelling.remove(&place);
        self.report(ProxyEvent::Reclaimed(place, amount, by_guardian));
        Ok(())
    }

    fn force_withdrawal(&mut self, [key, vault, amount]: Place, by_guardian: bool) -> Done {
        let now = self.market.ledger.now();
        self.market.exchange.demand(self.proxy, &[vault], &[amount], vec![key, vault, amount], now)?;
        self.report(ProxyEvent::ForcedWithdrawal(key, vault, by_guardian));
        Ok(())
    }

    fn force_queued(&mut self, trade: &Trade) -> Done {
        self.known_key(trade[0])?;
        let (id, now) = (trade_id(trade), self.market.ledger.now());
        let queued = self.state.queue.remove(&id).ok_or(ProxyRefusal::TradeNotQueued(id))?;
        if now < queued + TRADE_WAIT {
            return Err(ProxyRefusal::TradeTooEarly(now, queued + TRADE_WAIT));
        }
        if now > queued + 2 * TRADE_WAIT {
            return Err(ProxyRefusal::TradeTooLate(now, queued + 2 * TRADE_WAIT));
        }
        self.force_trade(trade, false)
    }

    fn force_trade(&mut self, trade: &Trade, by_guardian: bool) -> Done {
        let mut words = trade[..11].to_vec();
        words[8] = u(u64::from(!trade[8].is_zero()));
        let now = self.market.ledger.now();
        self.market.exchange.demand(self.proxy, &trade[2..4], &trade[6..8], words, now)?;
        self.report(ProxyEvent::ForcedTrade(trade[0], trade[2], by_guardian));
        Ok(())
    }
}
