//! What is to stand on a chain, as a file says it: see `plan.example.toml`.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256, keccak256};
use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::units::{Date, Share, Span, Tokens};

/// A pool and its rewards, before they stand anywhere.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Id of the chain that it is for.
    pub chain: u64,
    /// Any text; its hash is the salt of every address.
    pub salt: String,
    /// Whether places in the cache of programs are bid for.
    pub cache: Cache,
    /// The most that one place may cost, in ether.
    #[serde(default = "no_bid")]
    pub max_bid: Tokens,
    /// The two tokens.
    pub tokens: Pair,
    /// The pool.
    pub pool: Pool,
    /// Who governs the pool.
    pub roles: Roles,
    /// Market makers, each with a proxy.
    #[serde(default, rename = "borrower", skip_serializing_if = "Vec::is_empty")]
    pub borrowers: Vec<Borrower>,
    /// The distributor of rewards, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewards: Option<Rewards>,
}

fn no_bid() -> Tokens {
    Tokens("0".to_owned())
}

/// Places in the chain's cache of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// They are bid for.
    Bid,
    /// They are not: each call costs more.
    None,
}

/// The tokens.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// What is staked and lent.
    pub staked: Token,
    /// What is earned.
    pub rewards: Token,
}

/// A token that is there already.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Where.
    pub address: Address,
    /// What its `decimals()` must say.
    pub decimals: u8,
}

/// The pool's terms.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Name of the stake as a token.
    pub name: String,
    /// Its symbol.
    pub symbol: String,
    /// Owns the rewards.
    pub treasury: Address,
    /// First second of epoch zero.
    pub epoch_zero: Date,
    /// Length of an epoch.
    pub epoch: Span,
    /// Length of the blackout window.
    pub blackout: Span,
    /// First second of the distribution.
    pub distribution_start: Date,
    /// First second after it.
    pub distribution_end: Date,
    /// Emission.
    pub rewards_per_second: Tokens,
}

/// Who governs the pool.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Is offered the owner role of pool, distributor and oracle.
    pub owner: Address,
    /// Changes the schedule; the owner, unless named.
    pub epoch_parameters: Option<Address>,
    /// Changes the emission; the owner, unless named.
    pub rewards_rate: Option<Address>,
    /// Gives shares and caps; the owner, unless named.
    pub borrower_admin: Option<Address>,
    /// May request and withdraw for stakers.
    #[serde(default)]
    pub stake_operators: Vec<Address>,
    /// May claim for stakers.
    #[serde(default)]
    pub claim_operators: Vec<Address>,
    /// May write off debt.
    #[serde(default)]
    pub debt_operators: Vec<Address>,
}

/// A market maker.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Borrower {
    /// Under which its proxy stands in the book.
    pub name: String,
    /// Of the active stake.
    pub share: Share,
    /// The most that it may owe, in tokens; `none` for no cap.
    pub cap: Tokens,
    /// The exchange that it trades on.
    pub exchange: Address,
    /// The market maker itself.
    pub owner: Address,
    /// Governance.
    pub guardian: Address,
    /// Governance's fast path; zero for nobody.
    pub veto_guardian: Address,
    /// Key, asset type and vault, each a number as text.
    #[serde(default)]
    pub vaults: Vec<[U256; 3]>,
}

/// The distributor's terms.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rewards {
    /// Where data of epochs are published.
    pub ipns_name: String,
    /// How often.
    pub ipfs_update_period: Span,
    /// Of one epoch, for liquidity providers.
    pub market_maker_rewards: Tokens,
    /// Of one epoch, for traders.
    pub trader_rewards: Tokens,
    /// Exponent, in units of 10^-18.
    pub alpha: Tokens,
    /// Length of an epoch.
    pub epoch: Span,
    /// First second of epoch zero.
    pub epoch_zero: Date,
    /// Who report roots.
    pub reporters: Vec<Address>,
    /// Equal reports that publish one.
    pub quorum: u64,
    /// Change the configuration.
    #[serde(default)]
    pub config_updaters: Vec<Address>,
    /// Stop updates of the root.
    #[serde(default)]
    pub pausers: Vec<Address>,
    /// Let them go on.
    #[serde(default)]
    pub unpausers: Vec<Address>,
    /// May claim for accounts that allow it.
    #[serde(default)]
    pub claim_operators: Vec<Address>,
}

impl Plan {
    /// Reads a plan, and refuses one that cannot be meant.
    ///
    /// # Errors
    ///
    /// If it is no plan, with the line; or if its parts contradict each other.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let plan: Self = toml::from_str(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// The salt of every address.
    pub fn salt(&self) -> B256 {
        keccak256(&self.salt)
    }

    /// As a file, without comments.
    ///
    /// # Errors
    ///
    /// If it cannot be written in TOML, which no plan that was read is.
    pub fn write(&self) -> anyhow::Result<String> {
        Ok(toml::to_string(self)?)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.salt.is_empty(), "salt: empty; any other text");
        ether(&self.max_bid).map_err(anyhow::Error::msg).context("max_bid")?;
        self.check_pool()?;
        self.check_borrowers()?;
        self.rewards.as_ref().map_or(Ok(()), |rewards| rewards.check(&self.tokens))
    }

    fn check_pool(&self) -> anyhow::Result<()> {
        let Pool { epoch, blackout, distribution_start, distribution_end, .. } = &self.pool;
        for (field, text) in [("pool.name", &self.pool.name), ("pool.symbol", &self.pool.symbol)] {
            let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
            ensure!(
                (1..=31).contains(&text.len()) && is_printable,
                "{field} {text:?}: 1 to 31 printable characters of ASCII"
            );
        }
        let people = [("pool.treasury", self.pool.treasury), ("roles.owner", self.roles.owner)];
        for (name, address) in people {
            ensure!(!address.is_zero(), "{name}: the zero address is nobody");
        }
        ensure!(
            blackout.0.saturating_mul(2) <= epoch.0,
            "pool.blackout: {} s are more than half of an epoch of {} s",
            blackout.0,
            epoch.0
        );
        ensure!(distribution_start <= distribution_end, "pool.distribution_end lies before pool.distribution_start");
        self.rewards_per_second()?;
        Ok(())
    }

    /// Emission, units a second.
    ///
    /// # Errors
    ///
    /// If the plan says none.
    pub fn rewards_per_second(&self) -> anyhow::Result<U256> {
        let units = self.pool.rewards_per_second.units(self.tokens.rewards.decimals);
        units.map_err(anyhow::Error::msg).context("pool.rewards_per_second")
    }

    fn check_borrowers(&self) -> anyhow::Result<()> {
        let mut names = BTreeSet::new();
        for borrower in &self.borrowers {
            let name = &borrower.name;
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            ensure!(!name.is_empty() && name.bytes().all(is_name), "borrower {name:?}: letters, digits, - and _ only");
            ensure!(names.insert(name), "borrower {name:?} is named twice");
            borrower.cap(self.tokens.staked.decimals).with_context(|| format!("borrower {name:?}: cap"))?;
        }
        let total: u64 = self.borrowers.iter().map(|borrower| borrower.share.0).sum();
        ensure!(total <= 10_000, "the borrowers' shares are {total} basis points together, the whole is 10000");
        if self.rewards.is_none() && !self.borrowers.is_empty() {
            bail!("[rewards] is missing: a borrower's proxy names a distributor");
        }
        Ok(())
    }
}

impl Borrower {
    /// The cap in units; nothing for no cap.
    ///
    /// # Errors
    ///
    /// If it is neither an amount nor `none`. An amount of zero is refused: the contract reads it as no cap.
    pub fn cap(&self, decimals: u8) -> anyhow::Result<Option<U256>> {
        if self.cap.0 == "none" {
            return Ok(None);
        }
        let cap = self.cap.units(decimals).map_err(anyhow::Error::msg)?;
        ensure!(!cap.is_zero(), "0 would be no cap at all: say \"none\", or give no share");
        Ok(Some(cap))
    }
}

impl Rewards {
    fn check(&self, tokens: &Pair) -> anyhow::Result<()> {
        let decimals = tokens.rewards.decimals;
        let amounts = [
            ("rewards.market_maker_rewards", &self.market_maker_rewards, decimals),
            ("rewards.trader_rewards", &self.trader_rewards, decimals),
            ("rewards.alpha", &self.alpha, 18),
        ];
        for (name, amount, decimals) in amounts {
            amount.units(decimals).map_err(anyhow::Error::msg).context(name)?;
        }
        let reporters = self.reporters.len() as u64;
        let distinct = self.reporters.iter().collect::<BTreeSet<_>>().len() as u64;
        ensure!(reporters == distinct, "rewards.reporters: one is named twice");
        ensure!(
            self.quorum <= reporters && self.quorum.saturating_mul(2) > reporters,
            "rewards.quorum: {} of {reporters} reporters; it takes more than half of them, and no more than there are",
            self.quorum
        );
        Ok(())
    }
}

/// Ether, in wei.
pub(crate) fn ether(amount: &Tokens) -> Result<U256, String> {
    amount.units(18)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../plan.example.toml");

    #[test]
    fn the_example_is_a_plan_and_is_written_as_it_was_read() {
        let plan = Plan::read(EXAMPLE).unwrap();
        assert_eq!(plan.chain, 42_161);
        assert_eq!(plan.borrowers[0].cap(6).unwrap(), Some(U256::from(5_000_000_000_000_u64)));
        // 25,000,000 tokens over 157,679,998 seconds: no more than there are.
        let (rate, seconds) = (plan.rewards_per_second().unwrap(), U256::from(157_679_998));
        assert!(rate * seconds <= U256::from(25_000_000) * U256::from(10).pow(U256::from(18)));
        let again = Plan::read(&plan.write().unwrap()).unwrap();
        assert_eq!(format!("{plan:?}"), format!("{again:?}"));
    }

    #[test]
    fn a_plan_that_cannot_be_meant_is_refused_with_the_reason() {
        let refused = [
            ("blackout = \"14 days\"", "blackout = \"15 days\"", "more than half"),
            ("blackout = \"14 days\"", "blackout = \"14\"", "length of time with its unit"),
            ("share = \"25 %\"", "share = \"101 %\"", "percentage up to 100 %"),
            ("cap = \"5,000,000\"", "cap = \"0\"", "no cap at all"),
            ("cap = \"5,000,000\"", "cap = \"0.0000001\"", "the token has 6"),
            ("cap = \"5,000,000\"", "", "missing field `cap`"),
            ("name = \"first-maker\"", "name = \"../first\"", "letters, digits"),
            ("quorum = 2", "quorum = 1", "more than half"),
            ("quorum = 2", "quorum = 4", "no more than there are"),
            ("symbol = \"stkUSDC\"", "symbol = \"\"", "1 to 31 printable"),
            ("salt = \"tidepool 1\"", "salt = \"\"", "salt: empty"),
            ("chain = 42161", "chain = 42161\nchian = 1", "unknown field `chian`"),
            (
                "distribution_end = \"2032-03-01T15:00:00Z\"",
                "distribution_end = \"2026-03-01T15:00:00Z\"",
                "lies before",
            ),
            ("0x2222222222222222222222222222222222222222", "0x0000000000000000000000000000000000000000", "nobody"),
        ];
        for (right, wrong, reason) in refused {
            assert!(EXAMPLE.contains(right), "{right}");
            let error = format!("{:#}", Plan::read(&EXAMPLE.replacen(right, wrong, 1)).unwrap_err());
            assert!(error.contains(reason), "{wrong}: {error}");
        }
    }
}
