//! Parameters as a file for people: TOML with a comment for everything that one may want to change.

use std::fmt::Write;

use rewards::parameters::{EmptyMarket, EpochParameters, Group, MarketParameters, Share};

/// Writes parameters as commented TOML. Read back, they are the same.
#[must_use]
pub fn parameters_toml(parameters: &EpochParameters) -> String {
    let EpochParameters { epoch, clock, token, health, lp_amount_wei, threshold_num, threshold_den, .. } = parameters;
    let empty = match parameters.empty_market {
        EmptyMarket::Redistribute => "redistribute",
        EmptyMarket::Retain => "retain",
    };
    let mut text = format!(
        r#"# One epoch of a rewards program. For the next epoch, copy it and raise `epoch`.
# Everything here goes into the manifest of the results, where anybody can see it.

epoch = {epoch}
# Tokens for liquidity providers in this epoch, in the token's least unit.
lp_amount_wei = "{lp_amount_wei}"
# Who takes part: at least threshold_num / threshold_den of all maker volume in the epoch before.
threshold_num = {threshold_num}
threshold_den = {threshold_den}
# What all markets with alloc_group = "other" have together, in basis points; with all alloc_bps it makes 10000.
alloc_other_bps = {}
# Where the pool of a market goes in which nobody scored: "redistribute" to the other markets, or "retain" in the treasury.
empty_market = "{empty}"

[clock]
# The same numbers as the distributor's getEpochParameters: offset and interval. `publish` and `verify` compare them.
# Times of samples must lie in the epoch: from first_epoch_start + epoch * epoch_seconds on. Whole minutes, 92 days at most.
first_epoch_start = {}
epoch_seconds = {}

[token]
address = "{}"
symbol = {}
decimals = {}

"#,
        parameters.alloc_other_bps,
        clock.first_epoch_start,
        clock.epoch_seconds,
        token.address,
        quoted(&token.symbol),
        token.decimals
    );
    match &parameters.distributor {
        Some(distributor) => {
            let (chain_id, address) = (distributor.chain_id, distributor.address);
            text += &format!("[distributor]\nchain_id = {chain_id}\naddress = \"{address}\"\n\n");
        }
        None => {
            text += "# Who pays, once it is deployed:\n# [distributor]\n# chain_id = 42161\n# address = \"0x…\"\n\n"
        }
    }
    text += &format!(
        r#"[health]
# How whole the data must be; `run` refuses what is below, unless --accept-gaps gives a reason. Basis points, of each market's minutes:
# with a sample at all; of these, on the committed instant; of all, with a valid sample.
seen_bps = {}
on_instant_bps = {}
valid_bps = {}
# Whether sampling.json must have the secret, so that instants are checked.
known_instants = {}
# Whether the folder must be sealed (tidepool rewards seal), so that no file has changed since.
sealed = {}
"#,
        health.seen_bps, health.on_instant_bps, health.valid_bps, health.known_instants, health.sealed
    );
    text += "\n# A market each. An order counts above min_depth_usd and closer to mid than max_spread_bps. Formulas: V0 to V4, V4-O for\n# most markets, V4-BE where volume should count more. Prices and sizes are exact in so many decimals.\n";
    parameters.markets.iter().for_each(|parameters| market(&mut text, parameters));
    text
}

fn market(text: &mut String, market: &MarketParameters) {
    let share = match market.share {
        Share::Fixed(bps) => format!("alloc_bps = {bps}"),
        Share::Group(Group::Other) => "alloc_group = \"other\"".to_owned(),
    };
    let MarketParameters { formula, min_depth_usd, max_spread_bps, price_decimals, size_decimals, .. } = market;
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\n[[markets]]\nmarket = {}\nformula = \"{formula}\"\nmin_depth_usd = {min_depth_usd}\nmax_spread_bps = {max_spread_bps}\n{share}\nprice_decimals = {price_decimals}\nsize_decimals = {size_decimals}\n",
        quoted(&market.market)
    );
    if let Some(listed) = market.listed {
        let _ = writeln!(text, "listed = {{ from = {}, until = {} }}", listed.from, listed.until);
    }
}

/// A text with printable characters as TOML has it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
