//! What is published for readers, and what never changes.

use ::host::{Constant, HOST, Revert, Text, calls, emit, emit_with_bytes, revert};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolEvent;
use distribution::schedule::{Error, Schedule};
use stylus_sdk::prelude::*;

use crate::{abi, oracle, roots::now, storage::Words};

/// The alpha that stands for 1.
pub(crate) const ALPHA_BASE: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// The longest name, bytes.
const MAX_NAME: usize = Text::<0>::MAX;

impl Words {
    pub(crate) fn set_parties(&mut self, token: Address, treasury: Address) -> Result<(), Revert> {
        if !calls::has_code(token) {
            return Err(revert(abi::InvalidToken { token }));
        }
        if treasury.is_zero() || treasury == HOST.contract_address() {
            return Err(revert(abi::InvalidTreasury { treasury }));
        }
        self.rewards_token.set_address(token);
        self.rewards_treasury.set_address(treasury);
        Ok(())
    }

    /// Zero stands for none.
    pub(crate) fn set_oracle(&mut self, rewards_oracle: Address) -> Result<(), Revert> {
        if !rewards_oracle.is_zero() {
            oracle::check_code(rewards_oracle)?;
        }
        let mut roots = self.roots();
        roots.set_oracle(rewards_oracle);
        self.set_roots(roots);
        emit(&abi::RewardsOracleChanged { rewardsOracle: rewards_oracle });
        Ok(())
    }

    pub(crate) fn set_name(&mut self, name: &[u8]) -> Result<(), Revert> {
        if name.len() > MAX_NAME {
            let (length, maximum) = (U256::from(name.len()), U256::from(MAX_NAME));
            return Err(revert(abi::IpnsNameTooLong { length, maximum }));
        }
        self.ipns_name.set(name);
        const UPDATED: Constant = Constant::new(abi::IpnsNameUpdated::SIGNATURE_HASH);
        emit_with_bytes(UPDATED, &[], &[], name, &[]);
        Ok(())
    }

    pub(crate) fn set_period(&mut self, period: U256) {
        self.ipfs_update_period.set(period);
        emit(&abi::IpfsUpdatePeriodUpdated { ipfsUpdatePeriod: period });
    }

    #[allow(clippy::arithmetic_side_effects, reason = "a shift by less than the width")]
    pub(crate) fn set_parameters(&mut self, market_maker: U256, trader: U256, alpha: U256) -> Result<(), Revert> {
        if alpha > ALPHA_BASE {
            return Err(revert(abi::InvalidTraderScoreAlpha { traderScoreAlpha: alpha, maximum: ALPHA_BASE }));
        }
        let amounts = narrow(market_maker)? | (narrow(trader)? << 128);
        self.amounts.set(amounts);
        self.alpha.set(alpha);
        emit(&abi::RewardsParametersUpdated {
            marketMakerRewardsAmount: market_maker,
            traderRewardsAmount: trader,
            traderScoreAlpha: alpha,
        });
        Ok(())
    }

    #[allow(clippy::arithmetic_side_effects, reason = "a shift by less than the width")]
    pub(crate) fn parameters(&self) -> (U256, U256, U256) {
        let amounts = self.amounts.get();
        (amounts & U256::from(u128::MAX), amounts >> 128, self.alpha.get())
    }

    pub(crate) fn set_schedule(&mut self, interval: U256, offset: U256) -> Result<(), Revert> {
        let schedule = Schedule::new(interval, offset, now()).map_err(refused)?;
        self.schedule.set(schedule.to_word());
        let parameters = abi::EpochParameters { interval: schedule.interval.into(), offset: schedule.offset.into() };
        emit(&abi::EpochScheduleUpdated { epochParameters: parameters });
        Ok(())
    }

    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::from_word(self.schedule.get())
    }

    pub(crate) fn current_epoch(&self) -> Result<U256, Revert> {
        self.schedule().epoch(now()).map(U256::from).map_err(refused)
    }

    pub(crate) fn ipfs_epoch(&self) -> Result<U256, Revert> {
        let (period, timestamp) = (self.ipfs_update_period.get(), now());
        let then = u64::try_from(period)
            .ok()
            .and_then(|period| timestamp.checked_sub(period))
            .ok_or_else(|| revert(abi::IpfsPeriodExceedsTime { period, timestamp: U256::from(timestamp) }))?;
        self.schedule().epoch(then).map(U256::from).map_err(|error| match error {
            Error::NotStarted { timestamp, start } => revert(abi::IpfsEpochZeroNotStarted { timestamp, start }),
            other => refused(other),
        })
    }
}

fn narrow(amount: U256) -> Result<U256, Revert> {
    let maximum = U256::from(u128::MAX);
    if amount > maximum {
        return Err(revert(abi::RewardsAmountTooHigh { amount, maximum }));
    }
    Ok(amount)
}

fn refused(error: Error) -> Revert {
    match error {
        Error::ZeroInterval => revert(abi::ZeroInterval {}),
        Error::EpochTooLong { interval, maximum } => revert(abi::EpochTooLong { interval, maximum }),
        Error::OffsetTooFar { offset, maximum } => revert(abi::OffsetTooFar { offset, maximum }),
        Error::NotStarted { timestamp, start } => revert(abi::EpochZeroNotStarted { timestamp, start }),
    }
}
