//! World state as persistent maps: a clone costs a few pointers, so snapshots and simulated calls are cheap.

use std::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use revm::{
    Database,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};
use rpds::HashTrieMapSync;

/// One account: what the EVM knows of it, and its storage. Zero words are absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) info: AccountInfo,
    pub(crate) storage: HashTrieMapSync<U256, U256>,
}

impl Account {
    fn is_empty(&self) -> bool {
        self.info.is_empty() && self.storage.is_empty()
    }
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    accounts: HashTrieMapSync<Address, Account>,
}

impl State {
    pub(crate) fn account(&self, address: Address) -> Option<&Account> {
        self.accounts.get(&address)
    }

    pub(crate) fn info(&self, address: Address) -> AccountInfo {
        self.account(address).map(|account| account.info.clone()).unwrap_or_default()
    }

    pub(crate) fn storage(&self, address: Address, slot: U256) -> U256 {
        self.account(address).and_then(|account| account.storage.get(&slot)).copied().unwrap_or_default()
    }

    pub(crate) fn code(&self, address: Address) -> Bytes {
        self.account(address)
            .and_then(|account| account.info.code.as_ref())
            .map(Bytecode::original_bytes)
            .unwrap_or_default()
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
        self.update(address, |account| write_slot(&mut account.storage, slot, value));
    }

    pub(crate) fn clear_storage(&mut self, address: Address) {
        self.update(address, |account| account.storage = HashTrieMapSync::default());
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&Address, &Account)> {
        self.accounts.iter()
    }

    /// Changes one account; it disappears when nothing of it is left.
    fn update(&mut self, address: Address, change: impl FnOnce(&mut Account)) {
        let mut account = self.accounts.get(&address).cloned().unwrap_or_default();
        change(&mut account);
        if account.is_empty() {
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
                self.accounts.remove_mut(&address);
                continue;
            }
            let fresh = changed.is_created();
            self.update(address, |account| {
                if fresh {
                    account.storage = HashTrieMapSync::default();
                }
                let code = account.info.code.take();
                account.info = changed.info;
                account.info.code = account.info.code.take().or(code);
                for (slot, word) in changed.storage {
                    if word.is_changed() {
                        write_slot(&mut account.storage, slot, word.present_value);
                    }
                }
            });
        }
    }
}

fn write_slot(storage: &mut HashTrieMapSync<U256, U256>, slot: U256, value: U256) {
    if value.is_zero() {
        storage.remove_mut(&slot);
    } else {
        storage.insert_mut(slot, value);
    }
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
        Ok(self.account(address).map(|account| account.info.clone()))
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
