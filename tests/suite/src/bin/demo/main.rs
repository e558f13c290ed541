//! Plays the life of a pool with the parameters of the original on mainnet, of market makers' proxies and of the rewards distributor, and
//! accounts for each step.

mod makers;
mod pool;
mod rewards;
mod scene;
mod words;

use std::process::ExitCode;

use clap::Parser;

/// Four acts on an embedded chain, with the parameters of the original on mainnet. A pool: several people stake, earn, transfer, request,
/// cancel, wait out the blackout window, withdraw and claim; five market makers borrow, one repays late, and its debt is shared, repaid and
/// paid out. Market makers' proxies: they borrow, trade on the exchange and pay by themselves in the blackout window; one falls silent,
/// and the guardian acts. Rewards: reporters agree, a root waits for seven days, and everybody claims. A third epoch of rewards from
/// samples of order books. Signed transactions; every number is checked on the way. Exits with 0 only if every check held.
#[derive(Parser)]
#[command(name = "demo", version)]
struct Options {
    /// Leave the programs out of the chain's program cache: each call then pays to initialise them.
    #[arg(long)]
    uncached: bool,
    /// Play on a node instead, from its time on; it must let anybody move its clock.
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match play(&options) {
        Ok(checks) => {
            println!("\nAll {checks} checks held.");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("\nFAILED: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn play(options: &Options) -> Result<usize, String> {
    let scene = pool::play(options)?;
    let market = makers::play(scene, options)?;
    rewards::play(market)
}
