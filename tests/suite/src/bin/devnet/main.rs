//! Puts the whole suite of contracts on a node, and writes down where everything is.

mod beside;

use std::{fs, path::PathBuf, process::ExitCode};

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use chain::{Account, Chain};
use clap::Parser;
use serde_json::{Map, Value, json};
use suite::{
    abi::{IBorrowerAllocations, IEpochSchedule, IToken},
    deployment::{self, Deployment, MAINNET_REWARDS_PER_SECOND, Parties, Settings},
};

/// Deploys every contract on a node, with the parameters of mainnet; epoch zero begins at once. Accounts of the node's mnemonic have parts to
/// play: an owner (also guardian, operator of the exchange's double, and a reporter), a treasury, four stakers with a million USDC each,
/// four makers whose proxies have a quarter of the pool each.
#[derive(Parser)]
#[command(name = "devnet", version)]
struct Options {
    /// The node; it must let anybody control it.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8547")]
    rpc: String,
    /// Where to write what was deployed.
    #[arg(long, value_name = "FILE", default_value = "deployments/local.json")]
    out: PathBuf,
}

/// Parts, in the order of the node's accounts.
const PARTS: [&str; 10] =
    ["owner", "treasury", "staker1", "staker2", "staker3", "staker4", "maker1", "maker2", "maker3", "maker4"];

/// Those who borrow, each through a proxy of its own.
const MAKERS: [&str; 4] = ["maker1", "maker2", "maker3", "maker4"];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(written) => {
            println!("{written}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<String, String> {
    let mut chain = Chain::connect(&options.rpc).map_err(|error| format!("{}: {error}", options.rpc))?;
    let settings = Settings::mainnet_from(chain.timestamp() + 3_600);
    let parties = Parties {
        staked_token: deployment::token(&mut chain, "token", "USD Coin", "USDC", 6),
        rewards_token: deployment::token(&mut chain, "token", "dYdX", "DYDX", 18),
        treasury: account("treasury").address(),
        owner: account("owner").address(),
    };
    let deployed = Deployment::deploy(&mut chain, "deployer", &parties, &settings);
    let deployment = deployed.map_err(|error| error.to_string())?;
    deployment.cache(&mut chain).map_err(|error| error.to_string())?;
    let beside = beside::deploy(&mut chain, deployment.pool, &parties, settings.offset, &MAKERS)?;
    equip(&mut chain, &deployment, &parties, &beside)?;
    chain.set_time(settings.offset.to());
    chain.mine();
    let description = describe(&chain, options, &deployment, &beside, &parties, &settings);
    let text = serde_json::to_string_pretty(&description).map_err(|error| error.to_string())?;
    write(&options.out, &text).map_err(|error| format!("{}: {error}", options.out.display()))?;
    Ok(text)
}

fn account(part: &str) -> Account {
    let index = PARTS.iter().position(|known| *known == part).expect("a part of the table");
    Account::mnemonic(index)
}

/// Shares, emission, tokens and approvals.
fn equip(
    chain: &mut Chain,
    deployment: &Deployment,
    parties: &Parties,
    beside: &beside::Deployed,
) -> Result<(), String> {
    let pool = deployment.pool;
    let makers = MAKERS.map(|maker| beside::address_of(beside, &format!("{maker}-proxy")));
    let shares = IBorrowerAllocations::setBorrowerAllocationsCall {
        borrowers: [Address::ZERO].into_iter().chain(makers).collect(),
        newAllocations: [0, 2_500, 2_500, 2_500, 2_500].map(U256::from).into(),
    };
    must(chain, "owner", pool, shares)?;
    let emission = U256::from(MAINNET_REWARDS_PER_SECOND);
    must(chain, "owner", pool, IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: emission })?;
    let approve = IToken::approveCall { spender: pool, value: U256::MAX };
    let units = |whole: u64, decimals: u64| U256::from(whole) * U256::from(10).pow(U256::from(decimals));
    for part in &PARTS[2..] {
        let mint = IToken::mintCall { to: account(part).address(), value: units(1_000_000, 6) };
        must(chain, part, parties.staked_token, mint)?;
        must(chain, part, parties.staked_token, approve.clone())?;
    }
    let mint = IToken::mintCall { to: parties.treasury, value: units(25_000_000, 18) };
    must(chain, "treasury", parties.rewards_token, mint)?;
    must(chain, "treasury", parties.rewards_token, approve)
}

fn must<C: SolCall>(chain: &mut Chain, part: &str, to: Address, call: C) -> Result<(), String> {
    let sent = chain.from(&account(part)).call(to, call);
    sent.map(drop).map_err(|error| format!("{part} {}: {error}", C::SIGNATURE))
}

fn describe(
    chain: &Chain,
    options: &Options,
    deployment: &Deployment,
    beside: &beside::Deployed,
    parties: &Parties,
    settings: &Settings,
) -> Value {
    let contracts = [("pool", deployment.pool)].into_iter().chain(beside.iter().map(|(name, at)| (name.as_str(), *at)));
    let facets = deployment.facets.iter().copied();
    let accounts: Map<_, _> = PARTS
        .iter()
        .map(|part| {
            let account = account(part);
            ((*part).into(), json!({ "address": checksummed(account.address()), "privateKey": account.key() }))
        })
        .collect();
    json!({
        "chainId": chain.chain_id(),
        "rpc": options.rpc,
        "contracts": by_name(contracts),
        "facets": by_name(facets),
        "tokens": by_name([("USDC", parties.staked_token), ("DYDX", parties.rewards_token)]),
        "accounts": accounts,
        "schedule": {
            "epochZeroStart": settings.offset.to::<u64>(),
            "epochLength": settings.interval.to::<u64>(),
            "blackoutWindow": settings.blackout.to::<u64>(),
            "distribution": [settings.distribution.0.to::<u64>(), settings.distribution.1.to::<u64>()],
        },
    })
}

fn by_name<'a>(addresses: impl IntoIterator<Item = (&'a str, Address)>) -> Map<String, Value> {
    addresses.into_iter().map(|(name, address)| (name.to_owned(), checksummed(address))).collect()
}

/// As people and wallets compare it.
fn checksummed(address: Address) -> Value {
    Value::String(address.to_checksum(None))
}

fn write(path: &PathBuf, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, format!("{text}\n"))
}
