//! Puts the pool on a chain: facets first, then the router, whose constructor joins and initialises them in one transaction.

use ::abi::bindings::IDiamondCut;
use alloy_primitives::{Address, LogData, U256, keccak256};
use chain::{Artifacts, Chain, Deployed, Reverted};
use deploy::routes;

use crate::{abi::IToken, host::OnChain};

/// What a pool is made with. Times and lengths in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time of the deployment.
    pub deployed_at: u64,
    /// Length of an epoch.
    pub interval: U256,
    /// Start of epoch zero.
    pub offset: U256,
    /// Length of the blackout window.
    pub blackout: U256,
    /// Start and end of the distribution of rewards.
    pub distribution: (U256, U256),
    /// Name and symbol of the stake as a token.
    pub token: (&'static str, &'static str),
}

/// Name and symbol of the original's.
pub const STAKED_USDC: (&str, &str) = ("dYdX Staked USDC", "stkUSDC");

impl Settings {
    /// Fixture F of the specification (section 11).
    pub fn fixture() -> Self {
        Self {
            deployed_at: 1_000_000,
            interval: U256::from(1_000_000),
            offset: U256::from(10_000_000),
            blackout: U256::from(300_000),
            distribution: (U256::from(10_000_000), U256::from(60_000_000)),
            token: STAKED_USDC,
        }
    }

    /// The parameters of the original on mainnet (section 13), deployed a day before epoch zero.
    pub fn mainnet() -> Self {
        Self::mainnet_from(1_628_002_800)
    }

    /// The same with another start of epoch zero.
    pub fn mainnet_from(offset: u64) -> Self {
        Self {
            deployed_at: offset - 86_400,
            interval: U256::from(2_419_200),
            offset: U256::from(offset),
            blackout: U256::from(1_209_600),
            distribution: (U256::from(offset), U256::from(offset + 157_679_998)),
            token: STAKED_USDC,
        }
    }
}

/// Emission of the original on mainnet, reward units per second.
pub const MAINNET_REWARDS_PER_SECOND: u64 = 158_548_961_900_000_000;

/// A pool that stands on a chain.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The pool's one address.
    pub pool: Address,
    /// Its facets by program name, in the order in which they were cut.
    pub facets: Vec<(&'static str, Address)>,
    /// What the pool logged while it was constructed.
    pub logs: Vec<LogData>,
    /// The transactions, by program: the facets', then the router's.
    pub programs: Vec<(&'static str, Deployed)>,
}

/// Tokens and people that a pool is deployed for.
#[derive(Clone, Copy, Debug)]
pub struct Parties {
    /// The staked token.
    pub staked_token: Address,
    /// The rewards token.
    pub rewards_token: Address,
    /// Who owns the rewards, and has approved the pool to spend them.
    pub treasury: Address,
    /// The first owner; also gets the three administrators' roles.
    pub owner: Address,
}

impl Deployment {
    /// Deploys every facet and the router as `deployer`.
    ///
    /// # Errors
    ///
    /// If the pool refuses its settings.
    pub fn deploy(chain: &mut Chain, deployer: &str, parties: &Parties, settings: &Settings) -> Result<Self, Reverted> {
        let (mut programs, mut facets, mut routed) = (Vec::new(), Vec::new(), Vec::new());
        let mut host = OnChain::new(chain, deployer);
        for (name, selectors) in routes::facets() {
            let deployed = host.create(name, None)?;
            facets.push((name, deployed.address));
            routed.push((name, deployed.address, selectors));
            programs.push((name, deployed));
        }
        let arguments = routes::router_arguments(construction(parties, settings), routed).expect("one facet cuts");
        let router = host.create("liquidity-staking", Some(arguments))?;
        let pool = router.address;
        let logs = router.creation.logs.iter().filter(|log| log.address == pool).map(|log| log.data.clone()).collect();
        programs.push(("liquidity-staking", router));
        Ok(Self { pool, facets, logs, programs })
    }

    /// Puts every program of the pool into the chain's program cache, as a deployment for real does.
    ///
    /// # Errors
    ///
    /// If a program is not active.
    pub fn cache(&self, chain: &mut Chain) -> Result<(), Reverted> {
        for (_, deployed) in &self.programs {
            chain.cache(deployed.address)?;
        }
        Ok(())
    }
}

/// What the pool is constructed with.
fn construction(parties: &Parties, settings: &Settings) -> IDiamondCut::Construction {
    IDiamondCut::Construction {
        stakedToken: parties.staked_token,
        rewardsToken: parties.rewards_token,
        rewardsTreasury: parties.treasury,
        distributionStart: settings.distribution.0,
        distributionEnd: settings.distribution.1,
        owner: parties.owner,
        interval: settings.interval,
        offset: settings.offset,
        blackoutWindow: settings.blackout,
        name: settings.token.0.into(),
        symbol: settings.token.1.into(),
    }
}

/// Id of a role: the hash of its name.
pub fn role(name: &str) -> alloy_primitives::B256 {
    keccak256(name)
}

/// The programs that stand in for the outside world.
pub fn doubles() -> Artifacts {
    Artifacts::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../doubles/target/stylus"))
}

/// Deploys a token of the doubles and names it.
///
/// # Panics
///
/// If the program was not built.
pub fn token(chain: &mut Chain, program: &str, name: &str, symbol: &str, decimals: u8) -> Address {
    let wasm = doubles().wasm(program).unwrap_or_else(|error| panic!("{error}"));
    let token = chain.from("GOV").deploy_wasm(&wasm).unwrap_or_else(|error| panic!("{program}: {error}")).address;
    let call = IToken::initializeCall { name: name.into(), symbol: symbol.into(), decimals };
    chain.from("GOV").call(token, call).expect("a new token initialises");
    token
}
