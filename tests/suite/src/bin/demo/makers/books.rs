//! The books of the second act: what everybody has and owes, and that it adds up.

use alloy_primitives::{Address, U256};
use suite::{
    abi::{IBorrowerAllocations, IExchange, IPoolViews, IToken},
    proxy::Parties,
};

use super::market::{ASSET, MAKERS, Market, Place, STAKERS, TRADERS, place};
use crate::{
    scene::address,
    words::{amount, change, usdc},
};

/// One line of the books: whose, and what it has.
type Entry = (&'static str, Vec<(&'static str, U256)>);

/// What everybody has and owes at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Books(Vec<Entry>);

impl Books {
    pub(super) fn of(&self, who: &str, what: &str) -> Option<U256> {
        let (_, figures) = self.0.iter().find(|(name, _)| *name == who)?;
        figures.iter().find(|(name, _)| *name == what).map(|(_, value)| *value)
    }

    fn sum(&self, names: &[&str]) -> U256 {
        let figures = self.0.iter().flat_map(|(_, figures)| figures);
        figures.filter(|(name, _)| names.contains(name)).map(|(_, value)| *value).sum()
    }

    pub(super) fn tell_changes(&self, after: &Self) {
        for ((name, before), (_, after)) in self.0.iter().zip(&after.0) {
            let changes = before.iter().zip(after).filter_map(|((what, old), (_, new))| change(what, *old, *new, 6));
            let changes: Vec<_> = changes.collect();
            if !changes.is_empty() {
                println!("         {name:>7}: {}", changes.join(", "));
            }
        }
    }
}

impl Market {
    /// Somebody's figures, whole USDC, are exactly these.
    pub(crate) fn stands(&mut self, who: &str, figures: &[(&str, u64)]) -> Result<(), String> {
        let books = self.books()?;
        for (what, whole) in figures {
            self.scene.equal(&format!("{who}, {what}"), books.of(who, what), Some(usdc(*whole)))?;
        }
        Ok(())
    }

    pub(crate) fn books(&self) -> Result<Books, String> {
        let stakers = STAKERS.iter().map(|who| self.staker(who));
        let makers = MAKERS.iter().zip(&self.proxies).map(|((name, ..), proxy)| self.maker(name, *proxy));
        let traders = std::iter::once(Ok(("traders", vec![("vault", self.vault(TRADERS.1)?)])));
        stakers.chain(makers).chain(traders).collect::<Result<_, _>>().map(Books)
    }

    pub(crate) fn tokens(&self, token: Address, account: Address) -> Result<U256, String> {
        self.scene.view(token, IToken::balanceOfCall { account })
    }

    fn vault(&self, vault: u64) -> Result<U256, String> {
        let call = IExchange::getVaultBalanceCall { assetType: U256::from(ASSET), vaultId: U256::from(vault) };
        self.scene.view(self.parties.exchange, call)
    }

    fn staker(&self, who: &'static str) -> Result<Entry, String> {
        let staker = address(who);
        let account = self.scene.view(self.parties.pool, IPoolViews::getAccountCall { staker })?;
        let figures = vec![
            ("wallet", self.tokens(self.parties.token, staker)?),
            ("active", account.activeCurrentEpoch),
            ("requested", account.activeCurrentEpoch - account.activeNextEpoch),
            ("inactive", account.inactiveCurrentEpoch),
            ("owed", account.debt),
        ];
        Ok((who, figures))
    }

    fn maker(&self, name: &'static str, proxy: Address) -> Result<Entry, String> {
        let Parties { pool, exchange, token, .. } = self.parties;
        let Place { key, asset, vault } = place(name);
        let loan = self.scene.view(pool, IBorrowerAllocations::getBorrowerCall { borrower: proxy })?;
        let pending = IExchange::getQuantizedDepositBalanceCall { starkKey: key, assetType: asset, vaultId: vault };
        let figures = vec![
            ("held", self.tokens(token, proxy)?),
            ("borrowed", loan.borrowed),
            ("debt", loan.debt),
            ("pending", self.scene.view(exchange, pending)?),
            ("vault", self.scene.view(exchange, IExchange::getVaultBalanceCall { assetType: asset, vaultId: vault })?),
            (
                "ready",
                self.scene.view(exchange, IExchange::getWithdrawalBalanceCall { starkKey: key, assetType: asset })?,
            ),
            ("bank", self.tokens(token, address(&format!("{name}'s bank")))?),
        ];
        Ok((name, figures))
    }

    /// What is staked is lent or there; what the exchange owes, it holds; nothing appeared and nothing is gone.
    pub(super) fn balance(&mut self, books: &Books) -> Result<(), String> {
        let Parties { pool, exchange, token, .. } = self.parties;
        let state = self.scene.view(pool, IPoolViews::getPoolCall {})?;
        let (at_pool, at_exchange) = (self.tokens(token, pool)?, self.tokens(token, exchange)?);
        let staked = state.activeCurrentEpoch + state.inactiveCurrentEpoch;
        println!(
            "{:>9}active {} + inactive {} = borrowed {} + unborrowed {}; the exchange holds {}",
            "",
            amount(state.activeCurrentEpoch, 6),
            amount(state.inactiveCurrentEpoch, 6),
            amount(state.borrowed, 6),
            amount(state.unborrowed, 6),
            amount(at_exchange, 6),
        );
        let owed = state.borrowerDebt + state.debtAvailableToWithdraw;
        let supply = self.scene.view(token, IToken::totalSupplyCall {})?;
        for (what, found, expected) in [
            ("staked, and lent or there", staked, state.borrowed + state.unborrowed),
            ("tokens in the pool", at_pool, state.unborrowed + state.debtAvailableToWithdraw),
            ("stakes", books.sum(&["active", "inactive"]), staked),
            ("loans", books.sum(&["borrowed"]), state.borrowed),
            ("debts", books.sum(&["debt"]), state.borrowerDebt),
            ("what stakers are owed", books.sum(&["owed"]), owed),
            ("what the exchange owes", books.sum(&["pending", "vault", "ready"]), at_exchange),
            ("all tokens", books.sum(&["wallet", "held", "bank"]) + at_pool + at_exchange, supply),
        ] {
            self.scene.equal(what, found, expected)?;
        }
        Ok(())
    }
}
