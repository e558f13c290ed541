//! World state as persistent maps: a clone costs a few pointers, so snapshots and simulated calls are cheap.

use std::{convert::Infallible, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use revm::{
    Database,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};
use rpds::HashTrieMapSync;

use crate::origin::Origin;

/// One account: what the EVM knows of it, and its storage. Zero words are absent, unless the chain is a fork and another may lie behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) info: AccountInfo,
    pub(crate) storage: HashTrieMapSync<U256, U256>,
    /// On a fork: nothing lies behind its storage.
    fresh: bool,
}

impl Account {
    fn is_empty(&self) -> bool {
        self.info.is_empty() && self.storage.is_empty()
    }

    fn forget_storage(&mut self) {
        self.storage = HashTrieMapSync::default();
        self.fresh = true;
    }

    fn write(&mut self, slot: U256, value: U256, forked: bool) {
        if value.is_zero() && (self.fresh || !forked) {
            self.storage.remove_mut(&slot);
        } else {
            self.storage.insert_mut(slot, value);
        }
    }
}

/// All accounts; on a fork those that were changed, with the others behind them.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    accounts: HashTrieMapSync<Address, Account>,
    origin: Option<Arc<Origin>>,
}

impl State {
    /// The state of a fork, before anything happened on it.
    pub(crate) fn behind(origin: Origin) -> Self {
        Self { origin: Some(Arc::new(origin)), ..Self::default() }
    }

    pub(crate) fn is_fork(&self) -> bool {
        self.origin.is_some()
    }

    /// The chain that this one is a fork of.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// Puts what is known of a fork, read or changed, into another state.
    pub(crate) fn copy_to(&self, state: &mut Self) {
        if let Some(origin) = &self.origin {
            origin.copy_to(state);
        }
        for (address, account) in self.accounts() {
            state.set_balance(*address, account.info.balance);
            state.set_nonce(*address, account.info.nonce);
            state.set_code(*address, self.code(*address));
            if account.fresh {
                state.clear_storage(*address);
            }
            account.storage.iter().for_each(|(slot, word)| state.set_storage(*address, *slot, *word));
        }
    }

    /// An account, on a fork only if it was changed.
    pub(crate) fn account(&self, address: Address) -> Option<&Account> {
        self.accounts.get(&address)
    }

    pub(crate) fn info(&self, address: Address) -> AccountInfo {
        match (self.account(address), &self.origin) {
            (Some(account), _) => account.info.clone(),
            (None, Some(origin)) => origin.info(address),
            (None, None) => AccountInfo::default(),
        }
    }

    pub(crate) fn storage(&self, address: Address, slot: U256) -> U256 {
        let account = self.account(address);
        if let Some(word) = account.and_then(|account| account.storage.get(&slot)) {
            return *word;
        }
        match &self.origin {
            Some(origin) if !account.is_some_and(|account| account.fresh) => origin.storage(address, slot),
            _ => U256::ZERO,
        }
    }

    pub(crate) fn code(&self, address: Address) -> Bytes {
        self.info(address).code.as_ref().map(Bytecode::original_bytes).unwrap_or_default()
    }

    pub(crate) fn set_balance(&mut self, address: Address, balance: U256) {
        self.update(address, |account| account.info.balance = balance);
    }

    pub(crate) fn set_nonce(&mut self, address: Address, nonce: u64) {
        self.update(address, |account| account.info.nonce = nonce);
    }

    pub(crate) fn set_code(&mut self, address: Address, code: Bytes) {
        let (hash, code) = bytecode(code);
        self.update(address, |account| {
            account.info.code_hash = hash;
            account.info.code = Some(code);
        });
    }

    pub(crate) fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        let forked = self.is_fork();
        self.update(address, |account| account.write(slot, value, forked));
    }

    pub(crate) fn clear_storage(&mut self, address: Address) {
        self.update(address, Account::forget_storage);
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&Address, &Account)> {
        self.accounts.iter()
    }

    /// Changes one account; it disappears when nothing of it is left, unless that would uncover what lies behind a fork.
    fn update(&mut self, address: Address, change: impl FnOnce(&mut Account)) {
        let known = self.accounts.get(&address).cloned();
        let mut account = known.unwrap_or_else(|| Account { info: self.info(address), ..Account::default() });
        change(&mut account);
        if account.is_empty() && !self.is_fork() {
            self.accounts.remove_mut(&address);
        } else {
            self.accounts.insert_mut(address, account);
        }
    }

    /// Applies what a transaction changed.
    pub(crate) fn commit(&mut self, changes: EvmState) {
        for (address, changed) in changes {
            if !changed.is_touched() {
                continue;
            }
            if changed.is_selfdestructed() {
                self.update(address, |account| *account = Account { fresh: true, ..Account::default() });
                continue;
            }
            let (fresh, forked) = (changed.is_created(), self.is_fork());
            self.update(address, |account| {
                if fresh {
                    account.forget_storage();
                }
                let code = account.info.code.take();
                account.info = changed.info;
                account.info.code = account.info.code.take().or(code);
                for (slot, word) in changed.storage {
                    if word.is_changed() {
                        account.write(slot, word.present_value, forked);
                    }
                }
            });
        }
    }
}

/// An account's information from its parts.
pub(crate) fn account_info(balance: U256, nonce: u64, code: Bytes) -> AccountInfo {
    let (code_hash, code) = bytecode(code);
    AccountInfo { balance, nonce, code_hash, code: Some(code), ..AccountInfo::default() }
}

/// Code as the EVM wants it. Only a well-formed delegation (EIP-7702) is special; every other `EF` code, Stylus
/// programs included, is kept as plain bytes.
fn bytecode(code: Bytes) -> (B256, Bytecode) {
    if code.is_empty() {
        return (KECCAK256_EMPTY, Bytecode::default());
    }
    let hash = keccak256(&code);
    let delegation = code.starts_with(&[0xef, 0x01, 0x00]) && code.len() == 23;
    let code =
        if delegation { Bytecode::new_eip7702(Address::from_slice(&code[3..])) } else { Bytecode::new_legacy(code) };
    (hash, code)
}

impl Database for State {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let info = self.info(address);
        let exists = self.accounts.contains_key(&address) || !info.is_empty();
        Ok(exists.then_some(info))
    }

    /// Never asked: every account carries its code.
    fn code_by_hash(&mut self, _hash: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(Self::storage(self, address, slot))
    }

    /// Hash of an L1 block: there is no L1, so a number stands for itself.
    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        Ok(l1_block_hash(number))
    }
}

/// The made-up hash of an L1 block, as BLOCKHASH returns it.
pub(crate) fn l1_block_hash(number: u64) -> B256 {
    keccak256([b"L1 block ".as_slice(), &number.to_be_bytes()].concat())
}
