//! Accounts with keys.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256, Signature, b256, keccak256};
use k256::ecdsa::SigningKey;

/// An account that can sign. The same name or key always gives the same account.
#[derive(Clone, Debug)]
pub struct Account {
    address: Address,
    key: SigningKey,
}

impl Account {
    /// The account of a name: its key is the hash of the name.
    pub fn named(name: &str) -> Self {
        static NAMED: LazyLock<Mutex<HashMap<String, Account>>> = LazyLock::new(Mutex::default);
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = named.get(name) {
            return account.clone();
        }
        let account = Self::from_key(keccak256(format!("account {name}")));
        named.insert(name.to_owned(), account.clone());
        account
    }

    /// The account of a private key.
    ///
    /// # Panics
    ///
    /// If the key is zero or not below the order of the curve.
    pub fn from_key(key: B256) -> Self {
        let key = SigningKey::from_slice(key.as_slice()).expect("the key is a scalar of secp256k1");
        let account = Self { address: Address::from_private_key(&key), key };
        known().insert(account.address, account.clone());
        account
    }

    /// The account of an address, if this process has made it before.
    pub(crate) fn of(address: Address) -> Option<Self> {
        known().get(&address).cloned()
    }

    /// One of the ten accounts of the mnemonic `test test test test test test test test test test test junk`.
    ///
    /// # Panics
    ///
    /// If `index` is above 9.
    pub fn mnemonic(index: usize) -> Self {
        Self::from_key(MNEMONIC_KEYS[index])
    }

    /// The development account, owner of a new chain.
    pub fn owner() -> Self {
        static OWNER: LazyLock<Account> = LazyLock::new(|| Account::from_key(OWNER_KEY));
        OWNER.clone()
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Its private key.
    pub fn key(&self) -> B256 {
        B256::from_slice(&self.key.to_bytes())
    }

    /// Signs a 32-byte hash, for example of EIP-712 data.
    pub fn sign(&self, hash: B256) -> Signature {
        let signed = self.key.sign_prehash_recoverable(hash.as_slice()).expect("a hash can be signed");
        Signature::from(signed)
    }
}

/// Every account that this process has made, by address.
fn known() -> MutexGuard<'static, HashMap<Address, Account>> {
    static KNOWN: LazyLock<Mutex<HashMap<Address, Account>>> = LazyLock::new(Mutex::default);
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The development key of Nitro's local chains.
const OWNER_KEY: B256 = b256!("b6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659");

/// Path `m/44'/60'/0'/0/i`; known to everybody.
const MNEMONIC_KEYS: [B256; 10] = [
    b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    b256!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    b256!("dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    b256!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    #[test]
    fn keys_have_their_addresses() {
        assert_eq!(Account::owner().address(), address!("3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E"));
        let expected = [
            address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
            address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
            address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
            address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
            address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
            address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
            address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
            address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
        ];
        for (index, address) in expected.into_iter().enumerate() {
            assert_eq!(Account::mnemonic(index).address(), address);
        }
    }

    #[test]
    fn signatures_recover_to_their_account() {
        let alice = Account::named("alice");
        let hash = keccak256("message");
        assert_eq!(alice.sign(hash).recover_address_from_prehash(&hash).ok(), Some(alice.address()));
    }
}
