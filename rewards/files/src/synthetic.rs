//! Writes a simulated epoch as a folder that everything else reads.

use std::path::Path;

use alloy_primitives::U256;
use rayon::prelude::*;
use rewards::{cumulative::Amounts, history, simulation::Simulation, tree::Tree};

use crate::{
    Error,
    folder::{Listing, SEAL, market_file},
    output, results,
    rows::Table,
    samples::{Format, Progress, SampleWriter},
    seal::seal,
};

/// Writes the folder and seals it; markets are written by several threads.
pub fn write(folder: &Path, simulation: &Simulation, format: Format, progress: &dyn Progress) -> Result<(), Error> {
    let parameters = simulation.parameters();
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(Error::refused);
    output::write(&folder.join("parameters.json"), &json(serde_json::to_vec_pretty(parameters))?)?;
    output::write(&folder.join("sampling.json"), &json(serde_json::to_vec_pretty(&simulation.sampling()))?)?;
    volumes(simulation).write(&folder.join("volume.csv"))?;
    if parameters.markets.iter().any(|market| market.formula.uses_stake()) {
        stakes(simulation).write(&folder.join("stake.csv"))?;
    }
    let makers: Vec<_> = simulation.makers().collect();
    if let [first, .., last] = makers.as_slice() {
        let links = vec![vec![last.to_string(), first.to_string()]];
        Table { columns: vec!["secondary", "primary"], rows: links }.write(&folder.join("links.csv"))?;
    }
    if parameters.epoch == 0 {
        let rows = makers.iter().map(|maker| vec![maker.to_string()]).collect();
        Table { columns: vec!["account"], rows }.write(&folder.join("eligible.csv"))?;
    }
    write_programs(folder, simulation)?;

    progress.expect(parameters.markets.len() as u64);
    parameters.markets.par_iter().enumerate().try_for_each(|(place, market)| {
        let name = market_file(&market.market);
        let path = folder.join("samples").join(format!("{name}.{}", format.extension()));
        let mut writer = SampleWriter::create(&path)?;
        simulation.samples(place, |record| writer.write(record))?;
        progress.advance(1);
        writer.finish()
    })?;
    seal(folder, true).map(drop)
}

/// Makes room for an epoch: the folder must be absent or empty, or hold nothing but an epoch that `replace` gives up.
///
/// # Errors
///
/// If something else is in the folder, or an epoch and `replace` does not say that it is given up.
pub fn make_room(folder: &Path, replace: bool) -> Result<(), Error> {
    if !folder.exists() {
        return Ok(());
    }
    let (listing, problems) = Listing::of(folder)?;
    let files: Vec<_> = listing.all().chain(listing.get(SEAL)).collect();
    if files.is_empty() && problems.is_empty() {
        return Ok(());
    }
    if !replace || !problems.is_empty() {
        let what = if problems.is_empty() {
            "an epoch is there; --replace gives it up"
        } else {
            "not empty, and no epoch's folder"
        };
        return Err(Error::refused(format_args!("{}: {what}", folder.display())));
    }
    files.into_iter().try_for_each(|path| std::fs::remove_file(path).map_err(Error::at(path)))
}

fn volumes(simulation: &Simulation) -> Table {
    let row = |(epoch, market, account, volume): (u64, String, alloy_primitives::Address, u128)| {
        vec![epoch.to_string(), market, account.to_string(), volume.to_string()]
    };
    let rows = simulation.volumes().into_iter().map(row).collect();
    Table { columns: vec!["epoch", "market", "account", "micro_usd"], rows }
}

fn stakes(simulation: &Simulation) -> Table {
    let epoch = simulation.parameters().epoch.to_string();
    let row = |(account, stake): (alloy_primitives::Address, u128)| {
        vec![epoch.clone(), "0".to_owned(), account.to_string(), stake.to_string()]
    };
    let rows = simulation.stakes().into_iter().map(row).collect();
    Table { columns: vec!["epoch", "minute", "account", "wei"], rows }
}

/// Trading rewards for the makers, and a tree in which they have something already.
fn write_programs(folder: &Path, simulation: &Simulation) -> Result<(), Error> {
    let epoch = simulation.parameters().epoch;
    let makers = simulation.makers().len().max(1) as u128;
    let trading: Amounts =
        simulation.makers().map(|maker| (maker, U256::from(history::trading_amount_wei(epoch) / makers))).collect();
    results::amount_table(&trading).write(&folder.join("programs").join("trading.csv"))?;
    if epoch == 0 {
        return Ok(());
    }
    let earlier: Amounts =
        simulation.makers().zip(1_u128..).map(|(maker, rank)| (maker, U256::from(10_u128.pow(21) / rank))).collect();
    let tree = Tree::new(&earlier).map_err(Error::refused)?;
    output::write(&folder.join("previous-tree.json"), tree.to_json().as_bytes())
}

/// Puts another tree in the place of the made-up one before, so that simulated epochs follow each other.
pub fn write_previous(folder: &Path, tree: &[u8]) -> Result<(), Error> {
    let path = folder.join("previous-tree.json");
    let tree = Tree::parse(tree).map_err(|error| Error::malformed(&path, error))?;
    output::write(&path, tree.to_json().as_bytes())?;
    seal(folder, true).map(drop)
}
