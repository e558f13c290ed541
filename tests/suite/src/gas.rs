//! The gas scenarios: what each costs here, beside what it cost in the original contracts.
//!
//! `data/gas-scenarios.tsv` says who calls what, when and after what; `data/gas-setups.tsv` names the sequences that recur;
//! `data/original-gas.csv` has the figures of the originals.

mod distributor;

use std::{collections::BTreeMap, fmt::Write};

use alloy_dyn_abi::{DynSolType, DynSolValue, JsonAbiExt};
use alloy_json_abi::Function;
use alloy_primitives::{Address, U256, hex, keccak256, utils::parse_units};
use alloy_sol_types::SolCall;
use anyhow::{Context, Result, anyhow, bail, ensure};
use chain::{Account, Chain, Receipt, Recording};

use crate::{
    ROLES,
    abi::{self, IBorrowerAllocations, IEpochSchedule, IExchange, IToken, ITrustedBorrowerL2Proxy as Proxy},
    clone,
    deployment::{self, Deployment, MAINNET_REWARDS_PER_SECOND, Parties, Settings, role},
    host::OnChain,
    proxy,
};

const SCENARIOS: &str = include_str!("../data/gas-scenarios.tsv");
const SETUPS: &str = include_str!("../data/gas-setups.tsv");
const ORIGINAL: &str = include_str!("../data/original-gas.csv");

/// Start of epoch zero, seconds.
const Z: u64 = 1_628_002_800;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const EPOCH: u64 = 28 * DAY;

/// States before epoch zero that scenarios start from: nothing set; the emission set; and shares of five borrowers, or of one, or of
/// five market makers' proxies.
const BASES: [&str; 5] = ["FRESH", "RATE", "FIVE", "ONE", "SP"];
/// Shares of five borrowers, basis points.
const SHARES: [u64; 5] = [2500, 2500, 2000, 2000, 1000];

/// The exchange's name of the staked token.
const USDC_ASSET_TYPE: U256 =
    U256::from_be_bytes(hex!("02893294412a4c8f915f75892b395ebbf6859ec246ec365c3b1f56f47c3a0a5d"));
/// The vault of each proxy.
const VAULT: u64 = 12_345;

/// Accounts that hold 10,000,000 staked tokens each and have approved the pool.
const HOLDERS: [&str; 11] = [
    "alice",
    "bob",
    "dave",
    "victor",
    "frank",
    "payer",
    "borrower1",
    "borrower2",
    "borrower3",
    "borrower4",
    "borrower5",
];

/// What one scenario costs: gas that the pool's own frames consumed, refund not deducted, tokens' frames left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// First, steady, clear, rollover, settle or view.
    pub kind: &'static str,
    /// In the original contracts, behind their proxy.
    pub original: u64,
    /// Here, with every program in the chain's cache.
    pub cached: u64,
    /// Here, with no program in the cache.
    pub uncached: u64,
    /// What the transaction pays here with the cache, tokens included, refund deducted.
    pub used: u64,
}

/// Plays every scenario.
///
/// # Errors
///
/// If a scenario cannot be read, or fails.
pub fn measure() -> Result<Vec<Row>> {
    let functions = functions();
    let mut markets = BTreeMap::new();
    for base in BASES {
        markets.insert(base, [Market::open(base, true)?, Market::open(base, false)?]);
    }
    let mut rows = Vec::new();
    for line in SCENARIOS.lines().skip(1) {
        let [scenario, base, setup, call] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("four columns are expected in {line:?}");
        };
        let steps = steps(setup, call)?;
        let play = |market: &Market| market.clone().play(&steps, &functions).with_context(|| scenario.to_owned());
        let [with_cache, without] = markets.get(base).with_context(|| format!("{scenario}: no base {base}"))?;
        let [(cached, used), (uncached, _)] = [play(with_cache)?, play(without)?];
        let (kind, original) = original(scenario)?;
        rows.push(Row { scenario, kind, original, cached, uncached, used });
    }
    rows.extend(distributor::measure()?);
    Ok(rows)
}

/// What a market maker's proxy costs beside the program that all of them share: gas of transactions, and of the way through a clone.
///
/// # Errors
///
/// If a deployment fails.
pub fn instances() -> Result<[(&'static str, u64); 4]> {
    const PROGRAM: &str = "trusted-borrower-l2-proxy";
    let mut fresh = Market::open("RATE", true)?.chain;
    let mut owner = OnChain::new(&mut fresh, "owner");
    // Equal code is active already when it is created again.
    let [first, second] = [owner.create(PROGRAM, None)?, owner.create(PROGRAM, None)?];
    let mut market = Market::open("SP", true)?;
    let clone = *market.creations.last().context("there are proxies")?;
    let call = Proxy::isBorrowingRestrictedCall {};
    let receipt = market.chain.from("anyone").call(market.proxies[0], call)?.receipt;
    let [outer, inner] = &receipt.frames[..] else { bail!("a clone and its program are expected") };
    Ok([
        ("the program: deployment and activation, once", first.creation.gas.used),
        ("a borrower: clone, created and initialised", clone),
        ("a borrower as a copy of the program instead, before it is initialised", second.creation.gas.used),
        ("the way through the clone, each call", outer.gas_used - inner.gas_used),
    ])
}

/// The rows as a Markdown table.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| scenario | kind | original | cached | ratio | uncached | ratio | transaction |\n\
         |---|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for Row { scenario, kind, original, cached, uncached, used } in rows {
        let ratio = |gas: &u64| format!("{:.2}", *gas as f64 / *original as f64);
        let (warm, cold) = (ratio(cached), ratio(uncached));
        writeln!(table, "| `{scenario}` | {kind} | {original} | {cached} | {warm} | {uncached} | {cold} | {used} |")
            .expect("text grows");
    }
    table
}

fn original(scenario: &str) -> Result<(&'static str, u64)> {
    let line = ORIGINAL.lines().find(|line| line.split(',').next() == Some(scenario));
    let columns: Vec<_> =
        line.with_context(|| format!("no figure of the original for {scenario}"))?.split(',').collect();
    let [_, kind, .., own] = columns[..] else { bail!("columns are missing for {scenario}") };
    Ok((kind, own.parse()?))
}

/// Functions by contract and name, as scenarios write them.
type Functions = BTreeMap<(&'static str, String), Function>;

fn functions() -> Functions {
    let all = |abi: alloy_json_abi::JsonAbi| abi.functions.into_values().flatten().collect();
    [
        ("LS", abi::functions()),
        ("SP", all(Proxy::abi::contract())),
        ("StarkPerpetual", all(IExchange::abi::contract())),
        ("USDC", all(IToken::abi::contract())),
    ]
    .into_iter()
    .flat_map(|(contract, functions)| functions.into_iter().map(move |f| ((contract, f.name.clone()), f)))
    .collect()
}

/// All steps in order, the measured call last; named sequences are replaced by what they stand for.
fn steps(setup: &str, call: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    for part in setup.split("; ").filter(|part| !part.is_empty()) {
        if part.contains(": ") {
            steps.push(part.to_owned());
        } else if let Some(rounds) = part.strip_prefix("SHORTFALLS(") {
            steps.extend(shortfalls(rounds.trim_end_matches(')').parse()?));
        } else {
            let line = SETUPS.lines().find_map(|line| line.strip_prefix(&format!("{part}\t")));
            steps.extend(self::steps(line.with_context(|| format!("no sequence is named {part}"))?, "")?);
        }
    }
    steps.extend((!call.is_empty()).then(|| call.to_owned()));
    Ok(steps)
}

/// Each round is one shortfall of 10,000 USDC.
fn shortfalls(rounds: u64) -> impl Iterator<Item = String> {
    (1..=rounds).flat_map(|k| {
        [
            format!("E{k}+2d: frank → LS.requestWithdrawal(10,000 USDC)"),
            format!("E{}+1d: anyone → LS.markDebt([borrower1])", k + 1),
        ]
    })
}

/// The pool with the parameters of mainnet and the emission set, before epoch zero.
#[derive(Clone, Debug)]
struct Market {
    chain: Chain,
    pool: Address,
    tokens: [Address; 2],
    /// Zero without proxies.
    exchange: Address,
    proxies: Vec<Address>,
    /// What the transactions paid that created the proxies.
    creations: Vec<u64>,
}

impl Market {
    fn open(base: &str, cached: bool) -> Result<Self> {
        let settings = Settings::mainnet();
        // Some scenarios last 22 epochs, longer than programs do.
        let mut chain = Chain::builder()
            .timestamp(settings.deployed_at - HOUR)
            .expiry_days(3650)
            .recording(Recording::Frames)
            .build();
        let staked_token = deployment::token(&mut chain, "token", "USD Coin", "USDC", 6);
        let rewards_token = deployment::token(&mut chain, "token", "dYdX", "DYDX", 18);
        chain.set_time(settings.deployed_at);
        let [treasury, owner] = ["treasury", "owner"].map(|name| Account::named(name).address());
        let parties = Parties { staked_token, rewards_token, treasury, owner };
        let deployment = Deployment::deploy(&mut chain, "owner", &parties, &settings)?;
        let pool = deployment.pool;
        let tokens = [staked_token, rewards_token];
        let mut market = Self { chain, pool, tokens, exchange: Address::ZERO, proxies: vec![], creations: vec![] };
        for name in HOLDERS {
            market.fund(name, staked_token, U256::from(10_000_000_000_000_u64))?;
        }
        market.fund("treasury", rewards_token, parse_units("80369863", 18)?.into())?;
        market.govern(base, cached)?;
        if cached {
            deployment.cache(&mut market.chain)?;
        }
        Ok(market)
    }

    /// What the owner does before epoch zero.
    fn govern(&mut self, base: &str, cached: bool) -> Result<()> {
        if base == "FRESH" {
            return Ok(());
        }
        let emission = U256::from(MAINNET_REWARDS_PER_SECOND);
        let call = IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: emission };
        self.chain.from("owner").call(self.pool, call)?;
        if base == "SP" {
            self.open_proxies(cached)?;
        }
        let shares: &[u64] = match base {
            "FIVE" | "SP" => &SHARES,
            "ONE" => &[10_000],
            _ => return Ok(()),
        };
        let mut borrowers = self.proxies.clone();
        if borrowers.is_empty() {
            borrowers =
                (1..=shares.len()).map(|number| Account::named(&format!("borrower{number}")).address()).collect();
        }
        let call = IBorrowerAllocations::setBorrowerAllocationsCall {
            borrowers: [Address::ZERO].into_iter().chain(borrowers).collect(),
            newAllocations: [0].iter().chain(shares).map(|share| U256::from(*share)).collect(),
        };
        self.chain.from("owner").call(self.pool, call)?;
        Ok(())
    }

    fn fund(&mut self, name: &str, token: Address, value: U256) -> Result<()> {
        let (to, spender) = (Account::named(name).address(), self.pool);
        self.chain.from(name).call(token, IToken::mintCall { to, value })?;
        self.chain.from(name).call(token, IToken::approveCall { spender, value: U256::MAX })?;
        Ok(())
    }

    /// The exchange, and five proxies that are ready to borrow and to deposit.
    fn open_proxies(&mut self, cached: bool) -> Result<()> {
        let [staked_token, _] = self.tokens;
        let wasm = deployment::doubles().wasm("exchange")?;
        self.exchange = self.chain.from("operator").deploy_wasm(&wasm)?.address;
        let operator = Account::named("operator").address();
        self.on_exchange(IExchange::initializeCall { operator })?;
        let one = U256::from(1);
        self.on_exchange(IExchange::registerAssetCall {
            assetType: USDC_ASSET_TYPE,
            token: staked_token,
            quantum: one,
        })?;
        let program = OnChain::new(&mut self.chain, "owner").create("trusted-borrower-l2-proxy", None)?.address;
        if cached {
            self.chain.cache(program)?;
        }
        for number in 1..=SHARES.len() {
            self.open_proxy(program, number)?;
        }
        self.register(self.proxies[0], stark_key("STARK_KEY_11")?)?;
        let key = stark_key("STARK_KEY_1")?;
        self.on_exchange(IExchange::openVaultCall { starkKey: key, vaultId: U256::from(VAULT) })
    }

    fn open_proxy(&mut self, program: Address, number: usize) -> Result<()> {
        let [token, _] = self.tokens;
        let [owner, guardian, operator] = ["owner".to_owned(), "guardian".to_owned(), format!("operator{number}")]
            .map(|name| Account::named(&name).address());
        let key = stark_key(&format!("STARK_KEY_{number}"))?;
        // Claims are measured beside the distributor, and any contract will do as the distributor here.
        let parties = [self.pool, self.exchange, token, self.exchange];
        let call = Proxy::initializeCall {
            liquidityStaking: self.pool,
            starkPerpetual: self.exchange,
            token,
            merkleDistributor: self.exchange,
            owner,
            guardian,
            vetoGuardian: Address::ZERO,
            depositVaults: vec![[key, USDC_ASSET_TYPE, U256::from(VAULT)]],
        };
        let init_code = clone::init_code(program, parties, &call.abi_encode());
        let creation = self.chain.from("owner").create(init_code)?;
        let proxy = proxy::created(&creation);
        self.register(proxy, key)?;
        self.chain.from("owner").call(proxy, Proxy::allowStarkKeyCall { starkKey: key })?;
        self.chain.from("owner").call(proxy, Proxy::allowExternalRecipientCall { recipient: operator })?;
        for name in ["BORROWER_ROLE", "EXCHANGE_OPERATOR_ROLE", "WITHDRAWAL_OPERATOR_ROLE"] {
            let call = Proxy::grantRoleCall { role: role(name), account: operator };
            self.chain.from("owner").call(proxy, call)?;
        }
        self.proxies.push(proxy);
        self.creations.push(creation.gas.used);
        Ok(())
    }

    fn register(&mut self, proxy: Address, key: U256) -> Result<()> {
        let signature = proxy::registration(proxy, key);
        self.on_exchange(IExchange::registerUserCall { ethKey: proxy, starkKey: key, signature })
    }

    fn on_exchange<C: SolCall>(&mut self, call: C) -> Result<()> {
        self.chain.from("operator").call(self.exchange, call)?;
        Ok(())
    }

    /// Plays the steps; the last one's own gas and what its transaction paid.
    fn play(mut self, steps: &[String], functions: &Functions) -> Result<(u64, u64)> {
        let mut last = None;
        for step in steps {
            last = Some(self.step(step, functions).with_context(|| step.clone())?);
        }
        let receipt = last.context("a scenario measures a call")?;
        let [staked_token, rewards_token] = self.tokens;
        Ok((receipt.own_gas(&[staked_token, rewards_token, self.exchange]), receipt.gas.used))
    }

    fn step(&mut self, step: &str, functions: &Functions) -> Result<Receipt> {
        let (time, action) = step.split_once(": ").context("no time")?;
        let (caller, call) = action.split_once(" → ").context("no caller")?;
        let (contract, call) = call.split_once('.').context("no contract")?;
        let (name, arguments) = call.strip_suffix(')').and_then(|call| call.split_once('(')).context("no arguments")?;
        let (to, kind) = self.contract(contract)?;
        let function = functions.get(&(kind, name.to_owned())).with_context(|| format!("{kind} has no {name}"))?;
        let texts = split(arguments);
        ensure!(texts.len() == function.inputs.len(), "{} arguments are expected", function.inputs.len());
        let values = function.inputs.iter().zip(texts).map(|(input, text)| self.value(&input.ty.parse()?, text));
        let data = function.abi_encode_input(&values.collect::<Result<Vec<_>>>()?)?;
        self.chain.set_time(moment(time)?);
        Ok(self.chain.from(caller).send(to, data)?)
    }

    /// A contract by its name in scenarios, and what it is.
    fn contract(&self, name: &str) -> Result<(Address, &'static str)> {
        Ok(match name {
            "LS" => (self.pool, "LS"),
            "USDC" => (self.tokens[0], "USDC"),
            "StarkPerpetual" => (self.exchange, "StarkPerpetual"),
            _ => (self.proxy(name).with_context(|| format!("no contract is named {name}"))?, "SP"),
        })
    }

    /// `SP1` to `SP5`.
    fn proxy(&self, name: &str) -> Option<Address> {
        let number: usize = name.strip_prefix("SP")?.parse().ok()?;
        self.proxies.get(number.checked_sub(1)?).copied()
    }

    fn value(&self, kind: &DynSolType, text: &str) -> Result<DynSolValue> {
        let items = || {
            let items = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).context("no list")?;
            Ok::<_, anyhow::Error>(split(items))
        };
        Ok(match kind {
            DynSolType::Address if text == "address(0)" => Address::ZERO.into(),
            DynSolType::Address => self.proxy(text).unwrap_or_else(|| Account::named(text).address()).into(),
            DynSolType::Uint(bits) => DynSolValue::Uint(number(text)?, *bits),
            DynSolType::Bool => text.parse::<bool>()?.into(),
            DynSolType::FixedBytes(32) if ROLES.contains(&text) => role(text).into(),
            DynSolType::Array(item) => {
                DynSolValue::Array(items()?.into_iter().map(|text| self.value(item, text)).collect::<Result<_>>()?)
            }
            DynSolType::FixedArray(item, _) => {
                DynSolValue::FixedArray(items()?.into_iter().map(|text| self.value(item, text)).collect::<Result<_>>()?)
            }
            _ => bail!("{text:?} is no {kind}"),
        })
    }
}

/// `E0+3d+12h`, `Z-0.99d`.
fn moment(text: &str) -> Result<u64> {
    if let Some(days) = text.strip_prefix("Z-").and_then(|days| days.strip_suffix('d')) {
        return Ok(Z - (days.parse::<f64>()? * DAY as f64) as u64);
    }
    let mut parts = text.split('+');
    let epoch: u64 = parts.next().and_then(|epoch| epoch.strip_prefix('E')).context("no epoch")?.parse()?;
    parts.try_fold(Z + epoch * EPOCH, |time, part| Ok(time + seconds(part)?))
}

/// `3d`, `12h`, `36s`; also with a space.
fn seconds(text: &str) -> Result<u64> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let unit = match unit {
        "d" => DAY,
        "h" => HOUR,
        "s" => 1,
        _ => bail!("{text:?} is no length of time"),
    };
    Ok(number.trim().parse::<u64>()? * unit)
}

/// Splits at commas that are followed by a space and stand outside of brackets.
fn split(arguments: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, character) in arguments.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 && arguments[at..].starts_with(", ") => {
                parts.push(&arguments[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.extend((!arguments.is_empty()).then(|| &arguments[start..]));
    parts
}

/// A key of 251 bits.
fn stark_key(name: &str) -> Result<U256> {
    ensure!(name.starts_with("STARK_KEY_"), "{name:?} is no key");
    Ok(U256::from_be_bytes(keccak256(name).0) >> 5)
}

/// `500,000 USDC`, `0.2e18`, `7 d`, `Z+1h`, `2500`, a key, an asset.
fn number(text: &str) -> Result<U256> {
    if text.starts_with("STARK_KEY_") {
        return stark_key(text);
    }
    if text == "USDC_ASSET_TYPE" {
        return Ok(USDC_ASSET_TYPE);
    }
    if let Some(usdc) = text.strip_suffix(" USDC") {
        return Ok(parse_units(&usdc.replace(',', ""), 6)?.into());
    }
    if let Some(whole) = text.strip_suffix("e18") {
        return Ok(parse_units(whole, 18)?.into());
    }
    if let Some(after) = text.strip_prefix("Z+") {
        return Ok(U256::from(Z + seconds(after)?));
    }
    if text.ends_with('d') {
        return Ok(U256::from(seconds(text)?));
    }
    text.parse().map_err(|_| anyhow!("{text:?} is no number"))
}
