//! Before an epoch is computed: parameters for a program, a made-up epoch to try things on, and the seal of a folder.

use std::{fs, path::PathBuf};

use ::rewards::{
    epoch::Clock,
    health::Limits,
    history::{self, Listing},
    parameters::{Distributor, EpochParameters, Token},
    simulation::{Settings, Simulation},
};
use alloy_primitives::{Address, U256};
use anyhow::{Context, anyhow};
use clap::Args;
use client::{Rpc, bindings::IMerkleDistributor as D, date};
use rewards_files::{folder, init, output as files, samples, seal, synthetic};
use serde::Serialize;

use super::{TableFormat, account, distributor::State};
use crate::{
    output::{self, Failure, Usage, say},
    progress::Bar,
};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder of the epoch to come
    folder: PathBuf,
    /// Take clock, token, chain and next epoch from this distributor
    #[arg(long, value_name = "ADDRESS", value_parser = account, conflicts_with_all = ["dydx", "start", "epoch_seconds"])]
    distributor: Option<Address>,
    /// The parameters that dYdX's program had in the epoch
    #[arg(long, conflicts_with_all = ["start", "epoch_seconds", "tokens"])]
    dydx: bool,
    /// First second of epoch 0, Unix time
    #[arg(long, value_name = "SECONDS", required_unless_present_any = ["distributor", "dydx"])]
    start: Option<u64>,
    /// Length of an epoch
    #[arg(long, value_name = "SECONDS", default_value_t = ::rewards::epoch::SECONDS)]
    epoch_seconds: u64,
    /// Epoch [default: 0, or the distributor's next one]
    #[arg(long)]
    epoch: Option<u64>,
    /// Market with the decimals of its prices and sizes, as BTC-USD:1:4; may be given several times
    #[arg(long, value_name = "NAME:PRICE:SIZE", value_parser = listing, default_values = ["BTC-USD:1:4", "ETH-USD:2:3"])]
    market: Vec<Listing>,
    /// Take markets and decimals from an exchange's metadata: dYdX's /v4/perpetualMarkets, Hyperliquid's meta, or markets as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "market")]
    metadata: Option<PathBuf>,
    /// Tokens for liquidity providers, in the token's least unit [default: what the distributor says, or 0]
    #[arg(long, value_name = "UNITS")]
    tokens: Option<u128>,
    #[command(flatten)]
    rpc: Rpc,
    /// Replace parameters that are there
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads a market's name and decimals. Names may have colons themselves.
fn listing(text: &str) -> Result<Listing, String> {
    let parts =
        text.rsplit_once(':').and_then(|(rest, size)| rest.rsplit_once(':').map(|(name, price)| (name, price, size)));
    let (market, price, size) = parts.ok_or("a name and two numbers: BTC-USD:1:4")?;
    let decimals = |text: &str| text.parse().map_err(|error| format!("`{text}`: {error}"));
    Ok(Listing { market: market.to_owned(), price_decimals: decimals(price)?, size_decimals: decimals(size)? })
}

#[derive(Debug, Serialize)]
struct Initialised {
    parameters: PathBuf,
    epoch: u64,
    starts: u64,
    ends: u64,
}

impl Init {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let parameters = self.parameters()?;
        parameters.check().map_err(anyhow::Error::from)?;
        let path = self.folder.join("parameters.toml");
        let text = init::parameters_toml(&parameters);
        if !self.replace && path.exists() {
            if fs::read(&path)? == text.as_bytes() {
                return Err(Failure::AlreadySo(anyhow!("{}: these parameters are there already", path.display())));
            }
            return Err(
                anyhow!("{}: other parameters are there; --replace puts these in their place", path.display()).into()
            );
        }
        files::write(&path, text.as_bytes())?;
        let starts = parameters.start();
        let done = Initialised {
            parameters: path,
            epoch: parameters.epoch,
            starts,
            ends: starts + parameters.clock.epoch_seconds,
        };
        if self.json {
            return output::json(&done);
        }
        say!("{}: epoch {}, {} to {}", done.parameters.display(), done.epoch, date(done.starts), date(done.ends));
        say!(
            "next: read it and set limits and tokens of each market; then tidepool rewards sample-plan --parameters FILE"
        );
        Ok(())
    }

    fn parameters(&self) -> Result<EpochParameters, Failure> {
        let listings = self.metadata.as_deref().map(super::record::listings).transpose()?;
        let listings = listings.as_ref().unwrap_or(&self.market);
        if self.dydx {
            return Ok(history::parameters(self.epoch.unwrap_or(history::LAST_EPOCH), listings));
        }
        // New programs start with the rules that were in force last.
        let mut parameters = history::parameters(history::LAST_EPOCH, listings);
        parameters.lp_amount_wei = self.tokens.unwrap_or_default();
        parameters.health = Limits { known_instants: true, sealed: true, ..Limits::default() };
        let Some(distributor) = self.distributor else {
            let first_epoch_start = self.start.unwrap_or_default();
            parameters.clock = Clock { first_epoch_start, epoch_seconds: self.epoch_seconds };
            parameters.epoch = self.epoch.unwrap_or_default();
            parameters.token = Token { address: Address::ZERO, symbol: "TOKEN".to_owned(), decimals: 18 }; // To be filled in.
            return Ok(parameters);
        };
        let node = self.rpc.connect()?;
        let state = State::read(&node, distributor)?;
        let amounts = node.view(distributor, &D::getRewardsParametersCall {})?;
        parameters.clock = state.clock;
        parameters.epoch = self.epoch.unwrap_or(state.next_epoch);
        let said: U256 = amounts.marketMakerRewardsAmount.to();
        parameters.lp_amount_wei = match self.tokens {
            Some(tokens) => tokens,
            None => said.try_into().map_err(|_| anyhow!("the distributor's amount {said} has more than 128 bits"))?,
        };
        let symbol = if state.token.symbol.is_empty() { "TOKEN".to_owned() } else { state.token.symbol.clone() };
        parameters.token = Token { address: state.token.address, symbol, decimals: state.token.decimals };
        parameters.distributor = Some(Distributor { chain_id: state.chain_id, address: distributor });
        Ok(parameters)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// Folder of the epoch
    folder: PathBuf,
    /// Seal it anew, as it is now
    #[arg(long)]
    replace: bool,
    /// Turn samples that are text into Parquet first
    #[arg(long)]
    parquet: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Seal {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let was_sealed = self.folder.join(folder::SEAL).exists();
        if self.parquet && (!was_sealed || self.replace) {
            samples::to_parquet(&self.folder.join("samples"))?;
        }
        let digests = seal::seal(&self.folder, self.replace)?;
        if was_sealed && !self.replace {
            let text =
                anyhow!("{}: sealed already, and all {} files are as they were", self.folder.display(), digests.len());
            return Err(Failure::AlreadySo(text));
        }
        if self.json {
            return output::json(&digests);
        }
        say!("{}: {} files sealed; whoever changes one of them is noticed", self.folder.display(), digests.len());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Folder to write
    folder: PathBuf,
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Epoch of dYdX's program; decides formulas, limits and amounts
    #[arg(long, default_value_t = 18, value_parser = clap::value_parser!(u64).range(..=history::LAST_EPOCH))]
    epoch: u64,
    /// Parameters of another program: epoch, clock and markets are theirs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["epoch", "markets"])]
    parameters: Option<PathBuf>,
    /// Markets
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    markets: u16,
    /// Makers
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    makers: u16,
    /// Account of the largest maker; further ones for the next largest
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    maker: Vec<Address>,
    /// The tree before, instead of a made-up one
    #[arg(long, value_name = "TREE")]
    previous: Option<PathBuf>,
    /// Minutes from the start of the epoch, 40320 at most [default: 1440, or all of a shorter epoch]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
    /// Orders in a full book
    #[arg(long, default_value_t = 40)]
    orders: usize,
    /// Format of the samples
    #[arg(long, value_enum, default_value = "parquet")]
    format: TableFormat,
    /// Replace the epoch that is in the folder
    #[arg(long)]
    replace: bool,
}

impl Simulate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let given = self.parameters.as_deref().map(folder::read_parameters).transpose()?;
        let most = given.as_ref().map_or(::rewards::epoch::MINUTES, EpochParameters::minutes);
        let minutes = self.minutes.unwrap_or(most.min(1440));
        if minutes > most {
            return Err(anyhow::Error::from(Usage(format!("--minutes {minutes}: the epoch has {most}"))).into());
        }
        let settings = Settings {
            seed: self.seed,
            epoch: self.epoch,
            markets: self.markets.into(),
            makers: self.makers.into(),
            minutes,
            orders: self.orders,
        };
        let simulation = match given {
            Some(parameters) => Simulation::of(parameters, settings),
            None => Simulation::new(settings),
        };
        let simulation = simulation.with_accounts(&self.maker);
        simulation.parameters().check().map_err(anyhow::Error::from)?;
        let previous = self.previous.as_deref().map(fs::read).transpose();
        let previous = previous.with_context(|| format!("{:?}", self.previous))?;
        synthetic::make_room(&self.folder, self.replace)?;
        synthetic::write(&self.folder, &simulation, self.format.into(), &Bar::count("markets"))?;
        if let Some(tree) = previous {
            synthetic::write_previous(&self.folder, &tree)?;
        }
        eprintln!("{}: an epoch; next: tidepool rewards run {0} --out results", self.folder.display());
        Ok(())
    }
}
