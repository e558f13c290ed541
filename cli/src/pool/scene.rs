//! Which pool, and how its tokens are written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use client::{
    At, Node, State, Usage,
    bindings::{IPoolViews as V, IToken},
    exact, printable,
};
use deploy::book::Book;

use crate::deploy::default_folder;

/// Which pool
#[derive(Clone, Debug, Args)]
pub(crate) struct PoolArguments {
    /// Address of the pool; without it the book's
    #[arg(long, value_name = "ADDRESS", help_heading = "Pool")]
    pool: Option<Address>,
    /// Folder of the deployment's book, whose names stand for addresses [default: deployments/CHAIN]
    #[arg(long, value_name = "FOLDER", help_heading = "Pool")]
    deployment: Option<PathBuf>,
    /// Amounts are in the token's least unit, not in tokens
    #[arg(long, help_heading = "Pool")]
    units: bool,
}

/// A pool on its chain.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The pool's address.
    pub(crate) pool: Address,
    /// What is staked.
    pub(crate) staked: Token,
    /// What is earned.
    pub(crate) rewards: Token,
    /// The book of its deployment, if there is one.
    pub(crate) book: Option<Book>,
    names: BTreeMap<String, Address>,
    units: bool,
}

/// A token, as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) address: Address,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
}

impl Token {
    fn read(node: &Node, address: Address) -> anyhow::Result<Self> {
        let decimals = node.view(address, &IToken::decimalsCall {})?;
        // Optional in the standard.
        let symbol = printable(&node.view(address, &IToken::symbolCall {}).unwrap_or_default());
        Ok(Self { address, symbol, decimals })
    }

    /// An amount with all its digits.
    pub(crate) fn exact(&self, amount: U256) -> String {
        format!("{} {}", exact(amount, self.decimals), self.symbol)
    }
}

impl PoolArguments {
    /// The pool of a book.
    pub(crate) fn of_book(folder: &Path) -> Self {
        Self { pool: None, deployment: Some(folder.to_owned()), units: false }
    }

    /// Finds the pool, and reads its tokens.
    pub(crate) fn scene(&self, node: &Node) -> anyhow::Result<Scene> {
        let folder = self.deployment.clone().unwrap_or_else(|| default_folder(node.chain_id));
        let book = match Book::open(&folder) {
            Err(error) if self.deployment.is_some() => return Err(error),
            book => book.ok(),
        };
        let names = book.as_ref().map(Book::addresses).transpose()?.unwrap_or_default();
        let Some(pool) = self.pool.or_else(|| names.get("Pool").copied()) else {
            bail!(Usage(format!("which pool? --pool ADDRESS, or a book of its deployment ({})", folder.display())));
        };
        node.expect_contract(pool, "pool")?;
        let staked = Token::read(node, node.view(pool, &V::STAKED_TOKENCall {})?)?;
        let rewards = Token::read(node, node.view(pool, &V::REWARDS_TOKENCall {})?)?;
        Ok(Scene { pool, staked, rewards, book, names, units: self.units })
    }
}

impl Scene {
    /// An address, or a name of the book in any case.
    pub(crate) fn address(&self, text: &str) -> anyhow::Result<Address> {
        if let Ok(address) = text.parse() {
            return Ok(address);
        }
        let named = self.names.iter().find(|(name, _)| {
            name.eq_ignore_ascii_case(text)
                || name.strip_prefix("Borrower-").is_some_and(|name| name.eq_ignore_ascii_case(text))
        });
        named.map(|(_, address)| *address).ok_or_else(|| anyhow!("{text:?}: neither an address nor a name of the book"))
    }

    /// The name of an address in the book, or the address.
    pub(crate) fn name(&self, address: Address) -> String {
        let named = self.names.iter().find(|(_, known)| **known == address);
        named.map_or_else(|| address.to_string(), |(name, _)| format!("{address} ({name})"))
    }

    /// The plain name of an address in the book.
    pub(crate) fn entry(&self, address: Address) -> Option<&str> {
        self.names.iter().find(|(_, known)| **known == address).map(|(name, _)| name.as_str())
    }

    /// Every contract of the book, with its name there.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Address, &str)> {
        self.names.iter().map(|(name, address)| (*address, name.as_str()))
    }

    /// Every contract of the book.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.names.values().copied()
    }

    /// Borrowers' proxies of the book.
    pub(crate) fn borrowers(&self) -> Vec<Address> {
        self.names.iter().filter(|(name, _)| name.starts_with("Borrower-")).map(|(_, address)| *address).collect()
    }

    /// An amount of the staked token.
    pub(crate) fn amount(&self, text: &str) -> anyhow::Result<U256> {
        self.amount_of(text, &self.staked)
    }

    /// An amount of a token, in tokens or in units.
    pub(crate) fn amount_of(&self, text: &str, token: &Token) -> anyhow::Result<U256> {
        let decimals = if self.units { 0 } else { token.decimals };
        let amount = client::amount(text, decimals).map_err(anyhow::Error::msg)?;
        anyhow::ensure!(!amount.is_zero(), "{text:?}: an amount of nothing does nothing");
        Ok(amount)
    }

    /// The pool as of a block.
    pub(crate) fn state(&self, at: &At<'_>) -> anyhow::Result<V::PoolState> {
        at.view(self.pool, &V::getPoolCall {}).context("the pool's state")
    }
}
