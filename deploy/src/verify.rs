//! Compares what stands on a chain with what a plan comes to: code, construction, routes, roles, terms, clones and what they allow.

use std::collections::{BTreeMap, BTreeSet};

use abi::{
    ARB_WASM, ARB_WASM_CACHE, Filter, Request, State,
    bindings::{
        ArbWasm, ArbWasmCache, IClaimsProxy, IDiamondCut, IEpochSchedule, IMerkleDistributor, IPoolViews,
        IRewardsOracle, IRoles, IStakedToken, IToken, ITreasuryClaimProxy,
    },
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use anyhow::Context;
use serde::Serialize;

use crate::{
    Action, Cache, Creation, Deployment, Plan,
    plan::{Borrower, Rewards},
    routes,
    steps::borrower_id,
};

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// What was compared: the contract, and what of it.
    pub what: String,
    /// Whether both are the same.
    pub holds: bool,
    /// What the plan and the programs say.
    pub expected: String,
    /// What the chain says.
    pub found: String,
}

/// Everything that was compared.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Chain id.
    pub chain: u64,
    /// Block as of which views were read.
    pub block: u64,
    /// In the order of the deployment.
    pub comparisons: Vec<Comparison>,
}

impl Report {
    /// What differs.
    pub fn differences(&self) -> impl Iterator<Item = &Comparison> {
        self.comparisons.iter().filter(|comparison| !comparison.holds)
    }

    /// Whether nothing does.
    pub fn holds(&self) -> bool {
        self.differences().next().is_none()
    }
}

/// Compares a deployment on a chain with its plan. `origins` are the transactions that created contracts, as far as they
/// are known, `book` the addresses that are given out.
///
/// # Errors
///
/// If the chain does not answer. What differs, is missing or refuses is in the report.
pub fn verify(
    state: &impl State,
    plan: &Plan,
    deployment: &Deployment,
    deployer: Address,
    origins: &BTreeMap<&str, B256>,
    book: &BTreeMap<String, Address>,
) -> anyhow::Result<Report> {
    let mut verifier = Verifier { state, plan, deployment, deployer, comparisons: Vec::new() };
    verifier.book(book);
    verifier.programs(origins)?;
    if verifier.is_there("liquidity-staking") {
        verifier.pool()?;
    }
    if let (Some(rewards), Some((distributor, oracle))) = (&plan.rewards, deployment.rewards) {
        verifier.rewards(rewards, distributor, oracle)?;
    }
    for borrower in &plan.borrowers {
        verifier.borrower(borrower)?;
    }
    Ok(Report { chain: state.chain_id(), block: state.block(), comparisons: verifier.comparisons })
}

struct Verifier<'a, S> {
    state: &'a S,
    plan: &'a Plan,
    deployment: &'a Deployment,
    deployer: Address,
    comparisons: Vec<Comparison>,
}

/// Roles of a contract by name, with those who should hold them.
type Holders = Vec<(&'static str, BTreeSet<Address>)>;

impl<S: State> Verifier<'_, S> {
    fn compare(&mut self, what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        self.comparisons.push(Comparison { what: what.into(), holds: expected == found, expected, found });
    }

    /// Compares the whole answer of a view; a refusal is an answer too.
    fn answers<C: SolCall>(&mut self, what: &str, to: Address, call: &C, expected: Vec<u8>) {
        let found = match self.state.call(&Request::of(to, call)) {
            Ok(answer) => words(&answer),
            Err(error) => error.to_string(),
        };
        self.compare(what, words(&expected), found);
    }

    fn is_there(&self, id: &str) -> bool {
        let code = format!("{id}: code");
        self.comparisons.iter().any(|comparison| comparison.what == code && comparison.holds)
    }

    fn address_of(&self, id: &str) -> Address {
        self.deployment.address_of(id).unwrap_or_default()
    }

    /// The book has the addresses that plan and programs come to: each commits to code and construction.
    fn book(&mut self, book: &BTreeMap<String, Address>) {
        let expected: BTreeMap<_, _> =
            self.deployment.contracts().map(|(id, address)| (crate::book::file_name(id), address)).collect();
        for name in expected.keys().chain(book.keys()).collect::<BTreeSet<_>>() {
            let shown =
                |table: &BTreeMap<String, Address>| table.get(name).map_or("nothing".to_owned(), |to| to.to_string());
            self.compare(format!("book: address of {name}"), shown(&expected), shown(book));
        }
    }

    // Programs.

    fn programs(&mut self, origins: &BTreeMap<&str, B256>) -> anyhow::Result<()> {
        let stylus = self.state.view(ARB_WASM, &ArbWasm::stylusVersionCall {})?;
        for step in &self.deployment.steps {
            let Action::Create(creation) = &step.action else { continue };
            let (id, address) = (&step.id, creation.address());
            let found = self.state.code(address)?;
            self.compare(format!("{id}: code"), described(&creation.code), described(&found));
            if found != creation.code {
                continue;
            }
            let version = self.state.view(ARB_WASM, &ArbWasm::programVersionCall { program: address });
            let version = version.map_or_else(|error| format!("{error:#}"), |version| version.to_string());
            self.compare(format!("{id}: activated for Stylus"), stylus.to_string(), version);
            if self.plan.cache == Cache::Bid {
                let call = ArbWasmCache::codehashIsCachedCall { codehash: keccak256(&creation.code) };
                let cached = self.state.view(ARB_WASM_CACHE, &call)?;
                self.compare(format!("{id}: in the program cache"), "true", cached.to_string());
            }
            if let Some(hash) = origins.get(id.as_str()) {
                self.origin(id, creation, *hash)?;
            }
        }
        Ok(())
    }

    /// The transaction that created a program said nothing else. Its address says so too; this names what differs.
    fn origin(&mut self, id: &str, creation: &Creation, hash: B256) -> anyhow::Result<()> {
        let found = self.state.transaction(hash)?.map(|request| described(&request.data));
        let expected = described(&creation.request(U256::ZERO).data);
        self.compare(
            format!("{id}: call that created it ({hash})"),
            expected,
            found.unwrap_or_else(|| "unknown".to_owned()),
        );
        Ok(())
    }

    // The pool.

    fn pool(&mut self) -> anyhow::Result<()> {
        let pool = self.deployment.pool;
        self.routes(pool)?;
        let terms = self.plan.pool.clone();
        let word = |value: u64| U256::from(value).abi_encode();
        let tokens = self.plan.tokens;
        self.answers("pool: staked token", pool, &IPoolViews::STAKED_TOKENCall {}, tokens.staked.address.abi_encode());
        self.answers(
            "pool: rewards token",
            pool,
            &IPoolViews::REWARDS_TOKENCall {},
            tokens.rewards.address.abi_encode(),
        );
        self.answers("pool: treasury", pool, &IPoolViews::REWARDS_TREASURYCall {}, terms.treasury.abi_encode());
        let (start, end) = (terms.distribution_start.0, terms.distribution_end.0);
        self.answers("pool: distribution's start", pool, &IPoolViews::DISTRIBUTION_STARTCall {}, word(start));
        self.answers("pool: distribution's end", pool, &IPoolViews::DISTRIBUTION_ENDCall {}, word(end));
        let schedule = (U256::from(terms.epoch.0), U256::from(terms.epoch_zero.0)).abi_encode();
        self.answers("pool: epochs", pool, &IEpochSchedule::getEpochParametersCall {}, schedule);
        self.answers("pool: blackout window", pool, &IEpochSchedule::getBlackoutWindowCall {}, word(terms.blackout.0));
        let rate = self.plan.rewards_per_second()?.abi_encode();
        self.answers("pool: rewards per second", pool, &IPoolViews::getRewardsPerSecondCall {}, rate);
        let text = |text: &String| (text.clone(),).abi_encode_params();
        self.answers("pool: name", pool, &IStakedToken::nameCall {}, text(&terms.name));
        self.answers("pool: symbol", pool, &IStakedToken::symbolCall {}, text(&terms.symbol));
        self.slots(pool)?;
        self.roles("pool", pool, self.pool_roles())?;
        self.treasury("pool", pool)
    }

    /// The facets and what each answers, no more and no less.
    fn routes(&mut self, pool: Address) -> anyhow::Result<()> {
        let expected: BTreeMap<_, _> = routes::facets()
            .into_iter()
            .flat_map(|(name, selectors)| {
                let address = self.address_of(name);
                selectors.into_iter().map(move |selector| (selector, address))
            })
            .collect();
        let facets = self.state.view(pool, &IDiamondCut::facetsCall {}).context("the pool's routes")?;
        let found: BTreeMap<_, _> = facets
            .into_iter()
            .flat_map(|facet| facet.functionSelectors.into_iter().map(move |selector| (selector, facet.facetAddress)))
            .collect();
        for selector in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            let shown =
                |table: &BTreeMap<_, Address>| table.get(selector).map_or("nobody".to_owned(), |to| to.to_string());
            let name = abi::decode::function_name(selector.0).unwrap_or_else(|| selector.to_string());
            self.compare(format!("pool: {name} is answered by"), shown(&expected), shown(&found));
        }
        Ok(())
    }

    /// Words of the pool's storage that follow from the plan (tests/suite/data/storage.csv).
    fn slots(&mut self, pool: Address) -> anyhow::Result<()> {
        let terms = &self.plan.pool;
        let field = |value: u64, shift: usize| U256::from(value) << shift;
        let schedule = field(terms.epoch.0, 0)
            | field(terms.blackout.0, 32)
            | field(terms.epoch_zero.0, 64)
            | field(terms.distribution_start.0, 192);
        let rate = self.plan.rewards_per_second()?;
        let emission = address_word(self.plan.tokens.staked.address) | rate << 160;
        let words = [
            ("schedule", 0, schedule),
            ("staked token and emission", 2, emission),
            ("rewards token", 7, address_word(self.plan.tokens.rewards.address)),
            ("treasury", 8, address_word(terms.treasury)),
        ];
        for (name, slot, expected) in words {
            let found = self.state.storage(pool, U256::from(slot))?;
            self.compare(
                format!("pool: storage {slot} ({name})"),
                format!("{expected:#066x}"),
                format!("{found:#066x}"),
            );
        }
        let constructed = self.state.storage(pool, U256::from_be_bytes(keccak256("stylus_constructor").0))?;
        let found = if constructed.is_zero() { "no" } else { "yes" };
        self.compare("pool: constructed", "yes", found);
        Ok(())
    }

    fn pool_roles(&self) -> Holders {
        let roles = &self.plan.roles;
        let one = |holder: Option<Address>| BTreeSet::from([holder.unwrap_or(roles.owner)]);
        let claims = self.deployment.address_of("claims-proxy");
        vec![
            ("OWNER_ROLE", one(None)),
            ("EPOCH_PARAMETERS_ROLE", one(roles.epoch_parameters)),
            ("REWARDS_RATE_ROLE", one(roles.rewards_rate)),
            ("BORROWER_ADMIN_ROLE", one(roles.borrower_admin)),
            ("CLAIM_OPERATOR_ROLE", roles.claim_operators.iter().copied().chain(claims).collect()),
            ("STAKE_OPERATOR_ROLE", roles.stake_operators.iter().copied().collect()),
            ("DEBT_OPERATOR_ROLE", roles.debt_operators.iter().copied().collect()),
        ]
    }

    /// Holders from events, and each of them in storage; also everybody whom plan or events know, for each role; and how many owners there are.
    fn roles(&mut self, name: &str, contract: Address, holders: Holders) -> anyhow::Result<()> {
        let granted = self.granted(contract)?;
        let known: BTreeMap<B256, _> = holders.iter().map(|(role, _)| (keccak256(role), *role)).collect();
        let people: BTreeSet<_> = self.people().chain(granted.values().flatten().copied()).collect();
        for (role, expected) in &holders {
            let id = keccak256(role);
            let claimed = granted.get(&id).cloned().unwrap_or_default();
            let mut found = BTreeSet::new();
            let calls: Vec<_> =
                people.iter().map(|account| IRoles::hasRoleCall { role: id, account: *account }).collect();
            let holds = self.state.view_many(contract, &calls)?;
            found.extend(people.iter().zip(holds).filter(|(_, holds)| *holds).map(|(account, _)| *account));
            self.compare(format!("{name}: {role} is held by"), list(expected), list(&found));
            self.compare(format!("{name}: {role} in events and in storage"), list(&claimed), list(&found));
        }
        for (role, accounts) in
            granted.iter().filter(|(role, accounts)| !known.contains_key(*role) && !accounts.is_empty())
        {
            self.compare(format!("{name}: role {role} is held by"), "nobody", list(accounts));
        }
        let owners = granted.get(&keccak256("OWNER_ROLE")).map_or(0, BTreeSet::len);
        let count = self.state.view(contract, &IRoles::getOwnerCountCall {})?;
        self.compare(format!("{name}: owners, by events and by its count"), owners.to_string(), count.to_string());
        Ok(())
    }

    /// Everybody whom the plan names, and the deployer.
    fn people(&self) -> impl Iterator<Item = Address> {
        let Plan { roles, pool, borrowers, rewards, .. } = self.plan;
        let administrators = [roles.epoch_parameters, roles.rewards_rate, roles.borrower_admin];
        let operators = [&roles.stake_operators, &roles.claim_operators, &roles.debt_operators];
        let makers = borrowers.iter().flat_map(|borrower| [borrower.owner, borrower.guardian, borrower.veto_guardian]);
        let rewards = rewards.iter().flat_map(|rewards| {
            [
                &rewards.reporters,
                &rewards.config_updaters,
                &rewards.pausers,
                &rewards.unpausers,
                &rewards.claim_operators,
            ]
        });
        let contracts = self.deployment.contracts().map(|(_, address)| address).collect::<Vec<_>>();
        let people = administrators.into_iter().flatten().chain(operators.into_iter().flatten().copied()).chain(makers);
        let people = people.chain(rewards.flatten().copied()).chain(contracts);
        people.chain([roles.owner, pool.treasury, self.deployer])
    }

    /// Who holds which role, by events.
    fn granted(&self, contract: Address) -> anyhow::Result<BTreeMap<B256, BTreeSet<Address>>> {
        let events = vec![IRoles::RoleGranted::SIGNATURE_HASH, IRoles::RoleRevoked::SIGNATURE_HASH];
        let filter = Filter::new().address(contract).event_signature(events);
        let mut holders: BTreeMap<B256, BTreeSet<Address>> = BTreeMap::new();
        for log in self.state.logs(&filter)? {
            if let Ok(event) = IRoles::RoleGranted::decode_log(&log.inner) {
                holders.entry(event.role).or_default().insert(event.account);
            } else if let Ok(event) = IRoles::RoleRevoked::decode_log(&log.inner) {
                holders.entry(event.role).or_default().remove(&event.account);
            }
        }
        Ok(holders)
    }

    /// The treasury lets a contract spend its rewards.
    fn treasury(&mut self, name: &str, spender: Address) -> anyhow::Result<()> {
        let (token, owner) = (self.plan.tokens.rewards.address, self.plan.pool.treasury);
        let allowance = self.state.view(token, &IToken::allowanceCall { owner, spender })?;
        let found = if allowance.is_zero() { "nothing" } else { "something" };
        self.compare(format!("{name}: the treasury allows"), "something", found);
        Ok(())
    }

    // Rewards.

    fn rewards(&mut self, terms: &Rewards, distributor: Address, oracle: Address) -> anyhow::Result<()> {
        use IMerkleDistributor as D;
        if !self.is_there("merkle-distributor") || !self.is_there("rewards-oracle") {
            return Ok(());
        }
        let (token, treasury) = (self.plan.tokens.rewards, self.plan.pool.treasury);
        self.answers("distributor: token", distributor, &D::REWARDS_TOKENCall {}, token.address.abi_encode());
        self.answers("distributor: treasury", distributor, &D::REWARDS_TREASURYCall {}, treasury.abi_encode());
        self.answers("distributor: oracle", distributor, &D::getRewardsOracleCall {}, oracle.abi_encode());
        let name = (terms.ipns_name.clone(),).abi_encode_params();
        self.answers("distributor: IPNS name", distributor, &D::getIpnsNameCall {}, name);
        let schedule = (U256::from(terms.epoch.0), U256::from(terms.epoch_zero.0)).abi_encode();
        self.answers("distributor: epochs", distributor, &D::getEpochParametersCall {}, schedule);
        let units = |amount: &crate::Tokens, decimals| amount.units(decimals).map_err(anyhow::Error::msg);
        let parameters = (
            units(&terms.market_maker_rewards, token.decimals)?,
            units(&terms.trader_rewards, token.decimals)?,
            units(&terms.alpha, 18)?,
        );
        self.answers(
            "distributor: rewards of an epoch",
            distributor,
            &D::getRewardsParametersCall {},
            parameters.abi_encode(),
        );
        let paused = false.abi_encode();
        self.answers("distributor: updates are paused", distributor, &D::getAreRootUpdatesPausedCall {}, paused);
        let claims = self.deployment.address_of("claims-proxy");
        let owner = BTreeSet::from([self.plan.roles.owner]);
        let all = |accounts: &[Address]| accounts.iter().copied().collect::<BTreeSet<_>>();
        let holders = vec![
            ("OWNER_ROLE", owner.clone()),
            ("CONFIG_UPDATER_ROLE", all(&terms.config_updaters)),
            ("PAUSER_ROLE", all(&terms.pausers)),
            ("UNPAUSER_ROLE", all(&terms.unpausers)),
            ("CLAIM_OPERATOR_ROLE", terms.claim_operators.iter().copied().chain(claims).collect()),
        ];
        self.roles("distributor", distributor, holders)?;
        self.treasury("distributor", distributor)?;
        self.answers(
            "oracle: distributor",
            oracle,
            &IRewardsOracle::MERKLE_DISTRIBUTORCall {},
            distributor.abi_encode(),
        );
        let quorum = U256::from(terms.quorum).abi_encode();
        self.answers("oracle: quorum", oracle, &IRewardsOracle::getQuorumCall {}, quorum);
        let holders = vec![("OWNER_ROLE", owner), ("REPORTER_ROLE", all(&terms.reporters))];
        self.roles("oracle", oracle, holders)?;
        self.claim_proxies(distributor, treasury)
    }

    fn claim_proxies(&mut self, distributor: Address, treasury: Address) -> anyhow::Result<()> {
        let (claims, own) = (self.address_of("claims-proxy"), self.address_of("treasury-claim-proxy"));
        let pool = self.deployment.pool.abi_encode();
        self.answers("claims proxy: pool", claims, &IClaimsProxy::LIQUIDITY_STAKINGCall {}, pool);
        let to = distributor.abi_encode();
        self.answers("claims proxy: distributor", claims, &IClaimsProxy::MERKLE_DISTRIBUTORCall {}, to.clone());
        self.answers("treasury's proxy: distributor", own, &ITreasuryClaimProxy::MERKLE_DISTRIBUTORCall {}, to);
        let to = treasury.abi_encode();
        self.answers("treasury's proxy: treasury", own, &ITreasuryClaimProxy::COMMUNITY_TREASURYCall {}, to);
        Ok(())
    }

    // Borrowers.

    /// A clone's code and address say what it was made of; what it allows is read from events of every token, and from the tokens.
    fn borrower(&mut self, borrower: &Borrower) -> anyhow::Result<()> {
        let id = borrower_id(&borrower.name);
        let step = self.deployment.steps.iter().find(|step| step.id == id).context("each borrower has a step")?;
        let Action::Clone { address, code, .. } = &step.action else { return Ok(()) };
        let (clone, found) = (*address, self.state.code(*address)?);
        self.compare(format!("{id}: code"), described(code), described(&found));
        if found != *code {
            return Ok(());
        }
        let share = U256::from(borrower.share.0).abi_encode();
        let call = abi::bindings::IBorrowerAllocations::getAllocationFractionNextEpochCall { borrower: clone };
        self.answers(&format!("{id}: share of the next epoch, basis points"), self.deployment.pool, &call, share);
        let cap = borrower.cap(self.plan.tokens.staked.decimals)?.unwrap_or_default().abi_encode();
        let call = abi::bindings::IBorrowerAllocations::getBorrowerCapCall { borrower: clone };
        self.answers(&format!("{id}: cap, units (0: none)"), self.deployment.pool, &call, cap);
        let friends = BTreeSet::from([self.deployment.pool, borrower.exchange]);
        for (token, spender) in allowances(self.state, clone)? {
            let allowance = self.state.view(token, &IToken::allowanceCall { owner: clone, spender })?;
            if !allowance.is_zero() && !friends.contains(&spender) {
                self.compare(format!("{id}: allowance of token {token} for {spender}"), "0", allowance.to_string());
            }
        }
        Ok(())
    }
}

/// Every token and spender that an account ever allowed something, by events.
///
/// # Errors
///
/// If the chain does not answer.
pub fn allowances(state: &impl State, owner: Address) -> anyhow::Result<BTreeSet<(Address, Address)>> {
    let filter = Filter::new().event_signature(IToken::Approval::SIGNATURE_HASH).topic1(owner.into_word());
    let logs = state.logs(&filter)?;
    let allowed =
        logs.iter().filter_map(|log| Some((log.address(), IToken::Approval::decode_log(&log.inner).ok()?.spender)));
    Ok(allowed.collect())
}

/// Bytes by length and hash.
fn described(bytes: &Bytes) -> String {
    if bytes.is_empty() { "nothing".to_owned() } else { format!("{} bytes, hash {}", bytes.len(), keccak256(bytes)) }
}

/// Words of an answer: numbers, or hexadecimal where they are no small ones.
fn words(bytes: &[u8]) -> String {
    let word = |bytes: &[u8]| match <[u8; 32]>::try_from(bytes) {
        Ok(word) if word[..16] == [0; 16] => U256::from_be_bytes(word).to_string(),
        Ok(word) if word[..12] == [0; 12] => Address::from_slice(&word[12..]).to_string(),
        _ => alloy_primitives::hex::encode_prefixed(bytes),
    };
    bytes.chunks(32).map(word).collect::<Vec<_>>().join(" ")
}

fn list(accounts: &BTreeSet<Address>) -> String {
    if accounts.is_empty() {
        return "nobody".to_owned();
    }
    accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn address_word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}
