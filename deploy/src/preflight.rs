//! What is looked at before anything is sent: whatever cannot succeed is refused here, with both sides.

use abi::{
    ARB_SYS, ARB_WASM, Host, Request,
    bindings::{ArbSys, ArbWasm, IToken},
    date, exact,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use anyhow::{Context, bail, ensure};
use serde::Serialize;

use crate::{
    Action, CREATE2_FACTORY, CREATE2_FACTORY_HASH, Deployment, Plan, Programs, STYLUS_DEPLOYER, STYLUS_DEPLOYER_HASH,
    Standing, Step, plan::Token, programs::expect_code, run::standing,
};

/// Versions of the node's software below 32 charge other prices and lack what the programs need.
const LEAST_ARBOS: u64 = 32;
/// Arbitrum's own numbering adds this to the version.
const ARBOS_OFFSET: u64 = 55;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Version of ArbOS.
    pub arbos: u64,
    /// Version of Stylus.
    pub stylus: u16,
    /// Gas of what is left to do, from above.
    pub gas: u64,
    /// What that may cost, a fifth and the fees of activations included, wei.
    #[serde(serialize_with = "as_text")]
    pub cost: U256,
    /// Steps, whether they are done, and what they create.
    pub steps: Vec<Found>,
}

fn as_text<S: serde::Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A step before a run.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Which.
    pub step: String,
    /// What it creates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Whether nothing is left to do.
    pub done: bool,
}

/// Looks at everything that a deployment needs.
///
/// # Errors
///
/// If the chain is another one, lacks the deployer or the factory, or is too old; if a token or an exchange has no code or other decimals;
/// if something else stands at an expected address; if epoch zero has begun and the pool is not there; if the deployer has too little ether.
pub fn preflight(
    host: &impl Host,
    plan: &Plan,
    programs: &Programs,
    deployment: &Deployment,
) -> anyhow::Result<Findings> {
    expect_chain(host, plan)?;
    let (arbos, stylus) = versions(host)?;
    expect_parties(host, plan)?;
    let mut steps = Vec::new();
    let mut left = Vec::new();
    for step in &deployment.steps {
        let standing = standing(host, step)?;
        let done = standing == Standing::Done;
        steps.push(Found { step: step.id.clone(), address: step.action.creates(), done });
        if !done {
            left.push((step, standing));
        }
    }
    if left.iter().any(|(step, _)| step.id == "liquidity-staking") {
        expect_future(host, plan)?;
    }
    let gas = left.iter().map(|(step, _)| gas(step, programs)).sum();
    let cost = cost(host, &left, gas)?;
    Ok(Findings { arbos, stylus, gas, cost, steps })
}

/// Refuses a deployer that cannot pay for what is left.
///
/// # Errors
///
/// If its balance is below that, with both amounts.
pub fn expect_balance(host: &impl Host, findings: &Findings) -> anyhow::Result<()> {
    let (deployer, balance) = (host.deployer(), host.balance()?);
    let [has, needs] = [balance, findings.cost].map(|wei| exact(wei, 18));
    ensure!(
        balance >= findings.cost,
        "{deployer} has {has} ETH, and what is left may cost {needs}: send it some first"
    );
    Ok(())
}

fn expect_chain(host: &impl Host, plan: &Plan) -> anyhow::Result<()> {
    let (chain, planned) = (host.chain_id(), plan.chain);
    ensure!(chain == planned, "the node is of chain {chain}, the plan is for chain {planned}");
    let advice = "it is put on a chain by a transaction that anybody may send (OffchainLabs, nitro-contracts)";
    expect_code(&host.code(STYLUS_DEPLOYER)?, STYLUS_DEPLOYER_HASH, "the StylusDeployer", advice)?;
    let advice = "see github.com/Arachnid/deterministic-deployment-proxy";
    expect_code(&host.code(CREATE2_FACTORY)?, CREATE2_FACTORY_HASH, "the CREATE2 factory", advice)
}

fn versions(host: &impl Host) -> anyhow::Result<(u64, u16)> {
    let arbos = view(host, ARB_SYS, &ArbSys::arbOSVersionCall {}).context("ArbOS: is this Arbitrum?")?;
    let arbos = arbos.saturating_to::<u64>().saturating_sub(ARBOS_OFFSET);
    ensure!(arbos >= LEAST_ARBOS, "the chain runs ArbOS {arbos}, the programs need {LEAST_ARBOS} at least");
    let stylus = view(host, ARB_WASM, &ArbWasm::stylusVersionCall {}).context("Stylus: does the chain have it?")?;
    Ok((arbos, stylus))
}

fn expect_parties(host: &impl Host, plan: &Plan) -> anyhow::Result<()> {
    for (name, Token { address, decimals }) in [("staked", plan.tokens.staked), ("rewards", plan.tokens.rewards)] {
        let name = format!("tokens.{name}: {address}");
        ensure!(!host.code(address)?.is_empty(), "{name}: no contract there");
        let found = view(host, address, &IToken::decimalsCall {}).with_context(|| name.clone())?;
        ensure!(found == decimals, "{name}: it says {found} decimals, the plan {decimals}");
    }
    for borrower in &plan.borrowers {
        let (name, exchange) = (&borrower.name, borrower.exchange);
        ensure!(!host.code(exchange)?.is_empty(), "borrower {name:?}: exchange: {exchange}: no contract there");
    }
    Ok(())
}

fn expect_future(host: &impl Host, plan: &Plan) -> anyhow::Result<()> {
    let (now, start) = (host.now()?, plan.pool.epoch_zero.0);
    if now >= start {
        let [now, start] = [now, start].map(date);
        bail!(
            "pool.epoch_zero is {start}, and it is {now} already: a pool is made before epoch zero; move it, and with it the distribution"
        );
    }
    Ok(())
}

fn view<C: SolCall>(host: &impl Host, to: Address, call: &C) -> anyhow::Result<C::Return> {
    let answer = host.call(&Request::of(to, call))?;
    C::abi_decode_returns(&answer).with_context(|| format!("{}: the answer is of another type", C::SIGNATURE))
}

/// Gas of a step, from above: prices of the EVM, the activation as the build computed it, and a new word for each word of a constructor's
/// arguments, since the router's are selectors that it writes down.
fn gas(step: &Step, programs: &Programs) -> u64 {
    const TRANSACTION: u64 = 21_000 + 32_000;
    const BYTE: u64 = 200 + 16;
    const WORD: u64 = 25_000;
    match &step.action {
        Action::Create(creation) => {
            let activation = programs.get(&creation.program).map_or(0, |program| program.activation_gas);
            let words = creation.init_data.len() as u64 / 32 + 10;
            TRANSACTION + BYTE * creation.code.len() as u64 + activation.max(2_000_000) + WORD * words
        }
        Action::Clone { .. } => 450_000,
        Action::Call { .. } => 200_000,
        Action::Bid { .. } => 250_000,
    }
}

fn cost(host: &impl Host, left: &[(&Step, Standing)], gas: u64) -> anyhow::Result<U256> {
    let mut cost = U256::from(gas).saturating_mul(U256::from(host.gas_price()?));
    for (step, _) in left {
        let value = match &step.action {
            Action::Create(creation) => host.activation_fee(&creation.code).with_context(|| step.id.clone())?,
            Action::Bid { .. } | Action::Clone { .. } | Action::Call { .. } => U256::ZERO,
        };
        cost = cost.saturating_add(value);
    }
    Ok(cost.saturating_add(cost / U256::from(5)))
}
