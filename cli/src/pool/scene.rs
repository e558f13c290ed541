//! Which pool, and how its tokens are written.

use std::{
    collections::BTreeMap,
    fs,
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
use serde::{Deserialize, Serialize};

use crate::{deploy::default_folder, serve::first_block};

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
    /// Market makers as the list beside the book describes them.
    pub(crate) listed: Vec<Listed>,
    units: bool,
}

/// A market maker of `borrowers.toml`, the operator's table of who borrows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    /// Its proxy.
    pub(crate) address: Address,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) link: String,
    #[serde(default)]
    pub(crate) note: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    borrower: Vec<Listed>,
}

/// The table beside a book; empty if there is none. What it says is shown, so it holds nothing that a terminal obeys.
pub(crate) fn listed(book: &Book) -> anyhow::Result<Vec<Listed>> {
    let path = book.path("borrowers.toml");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let name = || path.display().to_string();
    let table: Table = toml::from_str(&fs::read_to_string(&path).with_context(name)?).with_context(name)?;
    let clean = |listed: Listed| Listed {
        name: printable(&listed.name),
        link: printable(&listed.link),
        note: printable(&listed.note),
        ..listed
    };
    Ok(table.borrower.into_iter().map(clean).collect())
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

    /// The contracts of the book by name, the pool among them, without asking any of them: they may be expired.
    pub(crate) fn names(&self, node: &Node) -> anyhow::Result<BTreeMap<String, Address>> {
        let mut names = self.book(node)?.as_ref().map(Book::addresses).transpose()?.unwrap_or_default();
        names.extend(self.pool.map(|pool| ("Pool".to_owned(), pool)));
        if !names.contains_key("Pool") {
            let folder = self.folder(node);
            bail!(Usage(format!("which pool? --pool ADDRESS, or a book of its deployment ({})", folder.display())));
        }
        Ok(names)
    }

    /// The block in which the first of these contracts was created, if the book has receipts.
    pub(crate) fn first_block(&self, node: &Node, names: &BTreeMap<String, Address>) -> anyhow::Result<Option<u64>> {
        Ok(self.book(node)?.and_then(|book| first_block(&book, names.keys())))
    }

    fn folder(&self, node: &Node) -> PathBuf {
        self.deployment.clone().unwrap_or_else(|| default_folder(node.chain_id))
    }

    /// The book; one that is not named need not be there.
    fn book(&self, node: &Node) -> anyhow::Result<Option<Book>> {
        match Book::open(&self.folder(node)) {
            Err(error) if self.deployment.is_some() => Err(error),
            book => Ok(book.ok()),
        }
    }

    /// Finds the pool, and reads its tokens.
    pub(crate) fn scene(&self, node: &Node) -> anyhow::Result<Scene> {
        let (names, book) = (self.names(node)?, self.book(node)?);
        let pool = names["Pool"];
        node.expect_contract(pool, "pool")?;
        let staked = Token::read(node, node.view(pool, &V::STAKED_TOKENCall {})?)?;
        let rewards = Token::read(node, node.view(pool, &V::REWARDS_TOKENCall {})?)?;
        let listed = book.as_ref().map(listed).transpose()?.unwrap_or_default();
        Ok(Scene { pool, staked, rewards, book, names, listed, units: self.units })
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
        let listed = self.listed.iter().find(|listed| listed.name.eq_ignore_ascii_case(text));
        let found = named.map(|(_, address)| *address).or_else(|| listed.map(|listed| listed.address));
        found.ok_or_else(|| anyhow!("{text:?}: neither an address nor a name of the book"))
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
