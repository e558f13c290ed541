//! A running epoch (spec section 17.1): what a provider can expect.
//!
//! If everybody goes on as so far, all measures grow alike and shares stay what they are: the allocation of the samples so far is the
//! expectation. This module answers the other question: what if one group stops now?

use alloy_primitives::Address;

use crate::{
    allocation::allocate,
    inputs::Inputs,
    parameters::EpochParameters,
    score::{ScoreOverflow, score},
    tally::Tally,
};

/// What the end of the epoch may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// If everybody goes on as so far.
    pub if_it_continues_wei: u128,
    /// If this account's group stops now and all others go on.
    pub if_it_stops_wei: u128,
}

/// Forecasts what an account's primary is credited with, `elapsed` minutes into the epoch.
pub fn forecast(
    parameters: &EpochParameters,
    tally: &Tally,
    inputs: &Inputs,
    account: Address,
    elapsed: u32,
) -> Result<Forecast, ScoreOverflow> {
    let primary = inputs.links.primary(account);
    let credit = |tally: &Tally, inputs: &Inputs| {
        let scores = score(parameters, tally, inputs)?;
        Ok(allocate(parameters, &scores).credits.get(&primary).copied().unwrap_or_default())
    };
    let minutes = parameters.minutes();
    let (tally_then, inputs_then) = others_continue(tally, inputs, account, elapsed.clamp(1, minutes), minutes);
    Ok(Forecast { if_it_continues_wei: credit(tally, inputs)?, if_it_stops_wei: credit(&tally_then, &inputs_then)? })
}

/// The end of an epoch of so many minutes if all but one group go on at their rates.
fn others_continue(tally: &Tally, inputs: &Inputs, account: Address, elapsed: u32, minutes: u32) -> (Tally, Inputs) {
    let grown = |value: u128| {
        let whole = value / u128::from(elapsed) * u128::from(minutes);
        whole.saturating_add(value % u128::from(elapsed) * u128::from(minutes) / u128::from(elapsed))
    };
    let grown_count = |value: u32| u32::try_from(grown(value.into())).unwrap_or(minutes).min(minutes);
    let stops = |member: &Address| inputs.links.primary(*member) == inputs.links.primary(account);
    let mut then = tally.clone();
    for market in &mut then.markets {
        market.valid = grown_count(market.valid);
        for (_, sums) in market.providers.iter_mut().filter(|(member, _)| !stops(member)) {
            sums.liquidity = grown(sums.liquidity);
            sums.uptime = grown_count(sums.uptime);
        }
    }
    let mut inputs_then = inputs.clone();
    inputs_then.volumes.change(|member, volume| if stops(&member) { volume } else { grown(volume) });
    (then, inputs_then)
}
