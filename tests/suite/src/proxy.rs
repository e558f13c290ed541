//! The common setting of the borrower proxy's specification (section 11): the pool, the exchange, and market makers' proxies.

use std::sync::OnceLock;

use alloy_primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use alloy_sol_types::SolCall;
use chain::{Account, Chain, Receipt, Reverted};

use crate::{
    Pool, Settings,
    abi::{IExchange, IPuppet, IToken, ITrustedBorrowerL2Proxy as P},
    check::u,
    clone,
    deployment::{doubles, role},
    host::OnChain,
    pool::{Amount, Outcome},
};

/// A day, seconds.
pub const DAY: u64 = 86_400;
/// Length of an epoch, seconds.
pub const EPOCH: u64 = 28 * DAY;
/// The first proxy's key; the exchange's asset that is the borrowed token; a vault of that key.
pub const KEY: u64 = 123;
/// See [`KEY`].
pub const ASSET: u64 = 456;
/// See [`KEY`].
pub const VAULT: u64 = 789;
/// Second asset of the exchange: the rewards token, a thousand units in a quantum.
pub const OTHER_ASSET: u64 = 457;

/// Roles of a proxy and who holds them in the setting: o, g, v, then o again, b, e, w.
pub const ROLES: [(&str, &str); 7] = [
    ("GUARDIAN_ROLE", "g"),
    ("VETO_GUARDIAN_ROLE", "v"),
    ("OWNER_ROLE", "o"),
    ("DELEGATION_ADMIN_ROLE", "o"),
    ("BORROWER_ROLE", "b"),
    ("EXCHANGE_OPERATOR_ROLE", "e"),
    ("WITHDRAWAL_OPERATOR_ROLE", "w"),
];

/// Start of an epoch of the setting.
pub fn epoch(number: u64) -> u64 {
    10_000_000 + number * EPOCH
}

/// First second of the blackout window of an epoch.
pub fn blackout(number: u64) -> u64 {
    epoch(number) + 14 * DAY
}

/// The pool's settings: epochs of 28 days, half of them blackout window.
pub fn settings() -> Settings {
    Settings {
        interval: u(EPOCH),
        blackout: u(14 * DAY),
        distribution: (u(10_000_000), u(200_000_000)),
        ..Settings::fixture()
    }
}

/// Contracts that a proxy deals with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    /// The pool.
    pub pool: Address,
    /// The exchange.
    pub exchange: Address,
    /// The borrowed token.
    pub token: Address,
    /// The distributor of rewards.
    pub distributor: Address,
}

impl Parties {
    /// In the order in which they stand behind a clone.
    pub fn all(&self) -> [Address; 4] {
        [self.pool, self.exchange, self.token, self.distributor]
    }
}

/// Whom a proxy is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats {
    /// The market maker.
    pub owner: Address,
    /// Governance.
    pub guardian: Address,
    /// Governance, on its fast path; zero for nobody.
    pub veto_guardian: Address,
    /// Vaults of the exchange that may be deposited to at once.
    pub vaults: Vec<[U256; 3]>,
}

/// Init code of a proxy for these seats.
pub fn init_code(program: Address, parties: &Parties, seats: &Seats) -> Vec<u8> {
    clone::init_code(program, parties.all(), &initialisation(parties, seats).abi_encode())
}

/// The call that sets up a proxy.
pub fn initialisation(parties: &Parties, seats: &Seats) -> P::initializeCall {
    P::initializeCall {
        liquidityStaking: parties.pool,
        starkPerpetual: parties.exchange,
        token: parties.token,
        merkleDistributor: parties.distributor,
        owner: seats.owner,
        guardian: seats.guardian,
        vetoGuardian: seats.veto_guardian,
        depositVaults: seats.vaults.clone(),
    }
}

/// How a market is made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Program of the borrowed token.
    pub token: &'static str,
    /// Program of the exchange: `exchange`, or `puppet`.
    pub exchange: &'static str,
    /// The proxies' shares of the pool, basis points.
    pub shares: &'static [u64],
}

impl Plan {
    /// The specification's: one proxy with 40 %.
    pub const SETTING: Self = Self { token: "token", exchange: "exchange", shares: &[4000] };
}

/// The pool, the exchange, and proxies that borrow from the one to deposit to the other.
#[derive(Clone, Debug)]
pub struct Market {
    /// The pool and its people; the chain is its.
    pub pool: Pool,
    /// The contracts that every proxy here deals with.
    pub parties: Parties,
    /// The proxies' program.
    pub program: Address,
    /// The proxies, in the order of their shares.
    pub proxies: Vec<Address>,
    /// The transactions that created them.
    pub creations: Vec<Receipt>,
}

impl Market {
    /// The common setting, in the first second of epoch zero: S1 and S2 have staked 250,000 and 750,000.
    pub fn deploy() -> Self {
        static SETTING: OnceLock<Market> = OnceLock::new();
        SETTING.get_or_init(|| Self::planned(&Plan::SETTING)).clone()
    }

    /// Two market makers, with 40 % and 30 %.
    pub fn two() -> Self {
        static SETTING: OnceLock<Market> = OnceLock::new();
        SETTING.get_or_init(|| Self::planned(&Plan { shares: &[4000, 3000], ..Plan::SETTING })).clone()
    }

    /// A market as planned, with stakes and roles as in the setting.
    ///
    /// # Panics
    ///
    /// If the plan is not legal.
    pub fn planned(plan: &Plan) -> Self {
        let mut market = Self::founded(plan);
        market.open_for_business(plan.shares);
        market
    }

    /// A market as planned before epoch zero: proxies with roles and keys, without shares and stakes.
    ///
    /// # Panics
    ///
    /// If the plan is not legal.
    pub fn founded(plan: &Plan) -> Self {
        Self::founded_on(crate::chain_at(settings().deployed_at - 100_000), plan)
    }

    /// The same on a chain that was made before, at a time before the deployment's.
    ///
    /// # Panics
    ///
    /// If the plan is not legal.
    pub fn founded_on(chain: Chain, plan: &Plan) -> Self {
        let mut market = Self::bare_on(chain, plan);
        for (index, _) in plan.shares.iter().enumerate() {
            market.open_proxy(index);
        }
        market
    }

    /// Pool and exchange without a proxy, before epoch zero.
    ///
    /// # Panics
    ///
    /// If the plan is not legal.
    pub fn bare(plan: &Plan) -> Self {
        Self::bare_on(crate::chain_at(settings().deployed_at - 100_000), plan)
    }

    fn bare_on(chain: Chain, plan: &Plan) -> Self {
        let mut pool = Pool::on(chain, plan.token, "token", &settings()).expect("the settings are legal");
        let chain = &mut pool.chain;
        let exchange = double(chain, plan.exchange);
        let distributor = double(chain, "puppet");
        let program =
            OnChain::new(chain, "GOV").create("trusted-borrower-l2-proxy", None).expect("programs deploy").address;
        let parties = Parties { pool: pool.address(), exchange, token: pool.token(), distributor };
        let mut market = Self { pool, parties, program, proxies: Vec::new(), creations: Vec::new() };
        if plan.exchange == "exchange" {
            market.open_exchange();
        }
        market
    }

    fn open_exchange(&mut self) {
        let (token, rewards) = (self.parties.token, self.pool.rewards_token());
        let operator = self.pool.who("operator");
        self.on_exchange("operator", IExchange::initializeCall { operator }).expect("once");
        for (asset, token, quantum) in [(ASSET, token, 1), (OTHER_ASSET, rewards, 1000)] {
            let call = IExchange::registerAssetCall { assetType: u(asset), token, quantum: u(quantum) };
            self.on_exchange("operator", call).expect("a new asset");
        }
    }

    fn open_proxy(&mut self, index: usize) {
        let number = index as u64;
        let seats = self.seats(index);
        let receipt = self.create("maker", &seats).expect("the setting is legal");
        let proxy = created(&receipt);
        self.proxies.push(proxy);
        self.creations.push(receipt);
        for (name, holder) in ROLES.iter().skip(4) {
            let call = P::grantRoleCall { role: role(name), account: self.pool.who(&person(holder, index)) };
            self.as_of(index, "o").send(call).expect("the owner is delegation admin");
        }
        let (key, vault) = (KEY + 1000 * number, VAULT + 1000 * number);
        if self.pool.chain.view(self.parties.exchange, IExchange::isFrozenCall {}).is_ok() {
            self.register(key, proxy).expect("a new key");
            let call = IExchange::openVaultCall { starkKey: u(key), vaultId: u(vault) };
            self.on_exchange("operator", call).expect("a new vault");
            self.as_of(index, "o").send(P::allowStarkKeyCall { starkKey: u(key) }).expect("it is registered");
        }
        let recipient = self.pool.who(&person("r", index));
        self.as_of(index, "o").send(P::allowExternalRecipientCall { recipient }).expect("a new recipient");
    }

    /// Shares are given out, stakers stake, and epoch zero begins.
    fn open_for_business(&mut self, shares: &[u64]) {
        let (rest, itself) = (10_000 - shares.iter().sum::<u64>(), Address::ZERO);
        let borrowers = [itself].into_iter().chain(self.proxies.iter().copied()).collect();
        let shares = [rest].into_iter().chain(shares.iter().copied()).map(u).collect();
        let call = crate::abi::IBorrowerAllocations::setBorrowerAllocationsCall { borrowers, newAllocations: shares };
        self.pool.by("GOV").send(call).expect("shares sum to the whole");
        self.at(epoch(0));
        for (staker, amount) in [("S1", 250_000_u64), ("S2", 750_000)] {
            self.pool.by(staker).stake(amount).expect("stakers have tokens");
        }
    }

    /// Who sits where in a proxy of the setting. People of later proxies have its index behind their letter.
    pub fn seats(&self, index: usize) -> Seats {
        let number = index as u64;
        let who = |name| self.pool.who(&person(name, index));
        Seats {
            owner: who("o"),
            guardian: who("g"),
            veto_guardian: who("v"),
            vaults: vec![[u(KEY + 1000 * number), u(ASSET), u(VAULT + 1000 * number)]],
        }
    }

    /// Creates a proxy.
    ///
    /// # Errors
    ///
    /// As `initialize` refuses.
    pub fn create(&mut self, by: &str, seats: &Seats) -> Result<Receipt, Reverted> {
        let init = init_code(self.program, &self.parties, seats);
        self.pool.chain.from(by).create(init)
    }

    /// The same market on a chain that goes its own way from here.
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// Moves the clock.
    pub fn at(&mut self, timestamp: u64) -> &mut Self {
        self.pool.at(timestamp);
        self
    }

    /// Reactivates programs that have expired.
    pub fn keep_alive(&mut self) {
        self.pool.keep_alive();
        for program in [self.program, self.parties.exchange, self.parties.distributor] {
            if !self.pool.chain.is_active(program) {
                self.pool.chain.from("keeper").activate(program).expect("an expired program can be activated again");
            }
        }
    }

    /// The first proxy.
    pub fn proxy(&self) -> Address {
        self.proxies[0]
    }

    /// Acts as somebody, on the first proxy.
    pub fn by<'a>(&'a mut self, who: &str) -> Actor<'a> {
        let proxy = self.proxy();
        Actor { who: who.into(), proxy, market: self }
    }

    /// Acts as one of the people of a proxy, on that proxy.
    pub fn as_of<'a>(&'a mut self, index: usize, who: &str) -> Actor<'a> {
        let proxy = self.proxies[index];
        Actor { who: person(who, index), proxy, market: self }
    }

    /// Calls the exchange.
    ///
    /// # Errors
    ///
    /// As it refuses.
    pub fn on_exchange<C: SolCall>(&mut self, who: &str, call: C) -> Outcome<C::Return> {
        let exchange = self.parties.exchange;
        self.pool.chain.from(who).call(exchange, call)
    }

    /// Tells a puppet what to do when it is called with this function.
    pub fn direct(&mut self, puppet: Address, selector: [u8; 4], target: Address, data: Vec<u8>, result: Vec<u8>) {
        self.direct_with(puppet, selector, target, data, 0, false, result);
    }

    /// Tells a puppet what to do when it is called with this function. See [`IPuppet`].
    #[allow(clippy::too_many_arguments, reason = "those of the puppet")]
    pub fn direct_with(
        &mut self,
        puppet: Address,
        selector: [u8; 4],
        target: Address,
        data: Vec<u8>,
        policy: u8,
        reverts: bool,
        result: Vec<u8>,
    ) {
        let call = IPuppet::setCall {
            selector: selector.into(),
            target,
            callData: data.into(),
            policy,
            reverts,
            result: result.into(),
        };
        self.pool.chain.from("GOV").call(puppet, call).expect("anyone directs a puppet");
    }

    /// Another contract of the doubles.
    pub fn double(&mut self, program: &str) -> Address {
        double(&mut self.pool.chain, program)
    }

    /// Registers a key to an account, with the signature of the exchange's operator.
    ///
    /// # Errors
    ///
    /// As the exchange refuses.
    pub fn register(
        &mut self,
        key: u64,
        account: Address,
    ) -> Outcome<<IExchange::registerUserCall as SolCall>::Return> {
        let signature = registration(account, u(key));
        self.on_exchange("maker", IExchange::registerUserCall { ethKey: account, starkKey: u(key), signature })
    }

    /// What a function of the first proxy returns now.
    ///
    /// # Panics
    ///
    /// If it reverts.
    #[track_caller]
    pub fn view<C: SolCall>(&self, call: C) -> C::Return {
        self.view_of(self.proxy(), call)
    }

    /// What a function of some contract returns now.
    ///
    /// # Panics
    ///
    /// If it reverts.
    #[track_caller]
    pub fn view_of<C: SolCall>(&self, contract: Address, call: C) -> C::Return {
        self.pool.chain.view(contract, call).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE))
    }

    /// T: tokens in the first proxy.
    pub fn held(&self) -> U256 {
        self.tokens_at(self.proxy())
    }

    /// Borrowed tokens at an address.
    pub fn tokens_at(&self, account: Address) -> U256 {
        self.view_of(self.parties.token, IToken::balanceOfCall { account })
    }

    /// B: what the first proxy has borrowed.
    pub fn borrowed(&self) -> U256 {
        self.view(P::getBorrowedBalanceCall {})
    }

    /// Q: debt of the first proxy.
    pub fn debt(&self) -> U256 {
        self.view(P::getDebtBalanceCall {})
    }

    /// P: what the guardian of the first proxy approved.
    pub fn approved(&self) -> U256 {
        self.view(P::getApprovedAmountForExternalWithdrawalCall {})
    }

    /// Makes the first proxy hold exactly this many borrowed tokens.
    pub fn set_held(&mut self, amount: impl Into<Amount>) {
        let (token, held, amount, to) = (self.parties.token, self.held(), amount.into().0, self.proxy());
        let chain = &mut self.pool.chain;
        if held > amount {
            chain.from(to).call(token, IToken::burnCall { value: held - amount }).expect("tokens burn");
        } else {
            chain.from("X0").call(token, IToken::mintCall { to, value: amount - held }).expect("tokens mint");
        }
    }

    /// Allowance of the first proxy's borrowed tokens.
    pub fn allowance(&self, spender: Address) -> U256 {
        self.view_of(self.parties.token, IToken::allowanceCall { owner: self.proxy(), spender })
    }

    /// What the first proxy logged in a transaction.
    pub fn logs(&self, receipt: &Receipt) -> Vec<LogData> {
        logs_of(receipt, self.proxy())
    }

    /// Every slot of the contracts that a refused call must leave alone: proxy, pool, token, exchange.
    pub fn storage(&self) -> Vec<std::collections::BTreeMap<U256, U256>> {
        let all = self.proxies.iter().copied().chain(self.parties.all());
        all.map(|contract| self.pool.chain.storage_of(contract)).collect()
    }

    /// The operator of the exchange does something that succeeds.
    #[track_caller]
    pub fn operate<C: SolCall>(&mut self, call: C) {
        self.on_exchange("operator", call).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE));
    }

    /// Profit on layer 2, released for the first proxy: tokens that a withdrawal brings.
    pub fn release(&mut self, amount: u64) {
        let (to, token) = (self.parties.exchange, self.parties.token);
        self.pool.chain.from("X0").call(token, IToken::mintCall { to, value: u(amount) }).expect("tokens mint");
        let (asset, vault) = (u(ASSET), u(VAULT));
        let held = self.view_of(to, IExchange::getVaultBalanceCall { assetType: asset, vaultId: vault });
        let (balance, amount) = (held + u(amount), u(amount));
        self.operate(IExchange::setVaultBalanceCall { assetType: asset, vaultId: vault, quantizedAmount: balance });
        self.operate(IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: amount });
    }
}

/// What a contract logged in a transaction.
pub fn logs_of(receipt: &Receipt, contract: Address) -> Vec<LogData> {
    receipt.logs.iter().filter(|log| log.address == contract).map(|log| log.data.clone()).collect()
}

/// Address of the contract that a transaction created.
///
/// # Panics
///
/// If it created none.
pub fn created(receipt: &Receipt) -> Address {
    receipt.contract_address.expect("it created a contract")
}

/// The operator's signature over a key and its owner.
pub fn registration(account: Address, key: U256) -> Bytes {
    let message = [b"UserRegistration:".as_slice(), account.as_slice(), &key.to_be_bytes::<32>()].concat();
    Account::named("operator").sign(keccak256(message)).as_bytes().to_vec().into()
}

/// Hash of a demand's words, as the exchange names it.
pub fn request_id(words: &[U256]) -> B256 {
    keccak256(words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>())
}

fn double(chain: &mut Chain, program: &str) -> Address {
    let wasm = doubles().wasm(program).unwrap_or_else(|error| panic!("{error}"));
    chain.from("GOV").deploy_wasm(&wasm).unwrap_or_else(|error| panic!("{program}: {error}")).address
}

/// Name of a person of a proxy: its letter, and behind it the index of a proxy that is not the first.
pub fn person(letter: &str, index: usize) -> String {
    if index == 0 { letter.into() } else { format!("{letter}{index}") }
}

/// Somebody about to call a proxy.
#[derive(Debug)]
#[must_use = "nothing is sent before a call"]
pub struct Actor<'a> {
    market: &'a mut Market,
    who: String,
    proxy: Address,
}

#[expect(clippy::missing_errors_doc, reason = "each errs as the function of the proxy does")]
impl Actor<'_> {
    /// Calls any function of the proxy.
    pub fn send<C: SolCall>(self, call: C) -> Outcome<C::Return> {
        self.market.pool.chain.from(self.who.as_str()).call(self.proxy, call)
    }

    /// Sends any bytes to the proxy.
    pub fn send_raw(self, data: Vec<u8>) -> Result<Receipt, Reverted> {
        self.market.pool.chain.from(self.who.as_str()).send(self.proxy, data)
    }

    /// Sends any bytes with some wei to the proxy.
    pub fn send_value(self, data: Vec<u8>, wei: u64) -> Result<Receipt, Reverted> {
        self.market.pool.chain.from(self.who.as_str()).value(u(wei)).send(self.proxy, data)
    }

    /// `borrow(amount)`.
    pub fn borrow(self, amount: impl Into<Amount>) -> Outcome<<P::borrowCall as SolCall>::Return> {
        self.send(P::borrowCall { amount: amount.into().0 })
    }

    /// `repayBorrow(amount)`.
    pub fn repay_borrow(self, amount: impl Into<Amount>) -> Outcome<<P::repayBorrowCall as SolCall>::Return> {
        self.send(P::repayBorrowCall { amount: amount.into().0 })
    }

    /// `repayDebt(amount)`.
    pub fn repay_debt(self, amount: impl Into<Amount>) -> Outcome<<P::repayDebtCall as SolCall>::Return> {
        self.send(P::repayDebtCall { amount: amount.into().0 })
    }

    /// `autoPayOrBorrow()`.
    pub fn auto_pay(self) -> Outcome<<P::autoPayOrBorrowCall as SolCall>::Return> {
        self.send(P::autoPayOrBorrowCall {})
    }

    /// `depositToExchange` of the setting's vault; returns by how much the balance fell.
    pub fn deposit(self, amount: impl Into<Amount>) -> Outcome<U256> {
        self.send(P::depositToExchangeCall {
            starkKey: u(KEY),
            assetType: u(ASSET),
            vaultId: u(VAULT),
            quantizedAmount: amount.into().0,
        })
    }

    /// `withdrawFromExchange` for the setting's key; returns by how much the balance rose.
    pub fn withdraw(self) -> Outcome<U256> {
        self.send(P::withdrawFromExchangeCall { starkKey: u(KEY), assetType: u(ASSET) })
    }

    /// `externalWithdrawToken(recipient, amount)`.
    pub fn pay(
        self,
        recipient: &str,
        amount: impl Into<Amount>,
    ) -> Outcome<<P::externalWithdrawTokenCall as SolCall>::Return> {
        let recipient = self.market.pool.who(recipient);
        self.send(P::externalWithdrawTokenCall { recipient, amount: amount.into().0 })
    }

    /// `guardianSetBorrowingRestriction(restricted)`.
    pub fn restrict(self, restricted: bool) -> Outcome<<P::guardianSetBorrowingRestrictionCall as SolCall>::Return> {
        self.send(P::guardianSetBorrowingRestrictionCall { isBorrowingRestricted: restricted })
    }

    /// `increaseApprovedAmountForExternalWithdrawal(amount)`; returns the total.
    pub fn approve(self, amount: impl Into<Amount>) -> Outcome<U256> {
        self.send(P::increaseApprovedAmountForExternalWithdrawalCall { amount: amount.into().0 })
    }
}
