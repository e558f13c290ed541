//! An ERC-20 with permit, for tests and gas measurements.
//!
//! One storage slot per balance and per allowance. `transferFrom` always decreases the allowance, also an infinite
//! one, and emits `Approval` besides `Transfer`. Anyone may mint.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[macro_use]
extern crate alloc;

use alloc::{string::String, vec::Vec};
use alloy_primitives::{Address, B256, U8, U256, address};
use alloy_sol_types::{SolValue, sol};
use stylus_sdk::{
    call::RawCall,
    prelude::*,
    storage::{StorageBool, StorageMap, StorageString, StorageU8, StorageU256},
};

/// The precompile that recovers a signer.
const ECRECOVER: Address = address!("0000000000000000000000000000000000000001");

const DOMAIN_TYPE: &[u8] = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const PERMIT_TYPE: &[u8] = b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
/// Version of the EIP-712 domain.
const VERSION: &[u8] = b"1";

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error AlreadyInitialized();
    error InsufficientBalance(address owner, uint256 balance, uint256 needed);
    error InsufficientAllowance(address owner, address spender, uint256 allowance, uint256 needed);
    error SupplyOverflow(uint256 supply, uint256 minted);
    error PermitExpired(uint256 deadline, uint256 timestamp);
    error InvalidSigner(address signer, address owner);
}

/// Why a call was refused.
#[derive(SolidityError)]
pub enum Error {
    /// The token has its name already.
    AlreadyInitialized(AlreadyInitialized),
    /// More is moved or burned than the account has.
    InsufficientBalance(InsufficientBalance),
    /// More is moved than the owner approved.
    InsufficientAllowance(InsufficientAllowance),
    /// The total supply would exceed 2^256 - 1.
    SupplyOverflow(SupplyOverflow),
    /// The permit's deadline has passed.
    PermitExpired(PermitExpired),
    /// The permit is not signed by the owner.
    InvalidSigner(InvalidSigner),
}

/// What the token remembers.
#[storage]
pub struct Erc20 {
    balances: StorageMap<Address, StorageU256>,
    allowances: StorageMap<Address, StorageMap<Address, StorageU256>>,
    nonces: StorageMap<Address, StorageU256>,
    total_supply: StorageU256,
    name: StorageString,
    symbol: StorageString,
    decimals: StorageU8,
    initialized: StorageBool,
}

// Sound as long as a program has it first and reaches no other storage through it: `token` has nothing else.
unsafe impl TopLevelStorage for Erc20 {}

#[public]
impl Erc20 {
    /// Names the token. Once.
    pub fn initialize(&mut self, name: String, symbol: String, decimals: u8) -> Result<(), Error> {
        if self.initialized.get() {
            return Err(Error::AlreadyInitialized(AlreadyInitialized {}));
        }
        self.initialized.set(true);
        self.name.set_str(name);
        self.symbol.set_str(symbol);
        self.decimals.set(U8::from(decimals));
        Ok(())
    }

    /// Name of the token.
    pub fn name(&self) -> String {
        self.name.get_string()
    }

    /// Ticker of the token.
    pub fn symbol(&self) -> String {
        self.symbol.get_string()
    }

    /// Decimal places of an amount when shown.
    pub fn decimals(&self) -> u8 {
        self.decimals.get().to()
    }

    /// Sum of all balances.
    pub fn total_supply(&self) -> U256 {
        self.total_supply.get()
    }

    /// What an account holds.
    pub fn balance_of(&self, account: Address) -> U256 {
        self.balances.get(account)
    }

    /// What a spender may still move of an owner's balance.
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.getter(owner).get(spender)
    }

    /// Sets what `spender` may move of the caller's balance.
    pub fn approve(&mut self, spender: Address, value: U256) -> bool {
        let owner = self.vm().msg_sender();
        self.set_allowance(owner, spender, value);
        true
    }

    /// Moves `value` from the caller.
    pub fn transfer(&mut self, to: Address, value: U256) -> Result<bool, Error> {
        let from = self.vm().msg_sender();
        self.move_balance(from, to, value)?;
        Ok(true)
    }

    /// Moves `value` from `from`, and takes it off the caller's allowance, also off an infinite one.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Result<bool, Error> {
        let spender = self.vm().msg_sender();
        let allowance = self.allowance(from, spender);
        let Some(left) = allowance.checked_sub(value) else {
            return Err(Error::InsufficientAllowance(InsufficientAllowance {
                owner: from,
                spender,
                allowance,
                needed: value,
            }));
        };
        self.move_balance(from, to, value)?;
        self.set_allowance(from, spender, left);
        Ok(true)
    }

    /// Creates `value` for `to`. Open to anyone.
    pub fn mint(&mut self, to: Address, value: U256) -> Result<(), Error> {
        let supply = self.total_supply.get();
        let Some(total) = supply.checked_add(value) else {
            return Err(Error::SupplyOverflow(SupplyOverflow { supply, minted: value }));
        };
        self.total_supply.set(total);
        self.credit(to, value);
        log(self.vm(), Transfer { from: Address::ZERO, to, value });
        Ok(())
    }

    /// Destroys `value` of the caller's balance.
    pub fn burn(&mut self, value: U256) -> Result<(), Error> {
        let from = self.vm().msg_sender();
        self.burn_from(from, value)
    }

    /// Number of permits an owner has used.
    pub fn nonces(&self, owner: Address) -> U256 {
        self.nonces.get(owner)
    }

    /// EIP-712 domain of this token on this chain.
    #[selector(name = "DOMAIN_SEPARATOR")]
    pub fn domain_separator(&self) -> B256 {
        let vm = self.vm();
        let fields = (
            vm.native_keccak256(DOMAIN_TYPE),
            vm.native_keccak256(self.name.get_string().as_bytes()),
            vm.native_keccak256(VERSION),
            U256::from(vm.chain_id()),
            vm.contract_address(),
        );
        vm.native_keccak256(&fields.abi_encode())
    }

    /// Approves `spender` with the owner's signature (EIP-2612).
    #[allow(clippy::too_many_arguments, reason = "the standard's signature")]
    pub fn permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<(), Error> {
        let timestamp = U256::from(self.vm().block_timestamp());
        if timestamp > deadline {
            return Err(Error::PermitExpired(PermitExpired { deadline, timestamp }));
        }

        let nonce = self.nonces.get(owner);
        let digest = self.permit_digest(owner, spender, value, nonce, deadline);
        let signer = recover(digest, v, r, s);
        if signer != owner || owner.is_zero() {
            return Err(Error::InvalidSigner(InvalidSigner { signer, owner }));
        }

        self.nonces.setter(owner).set(nonce.wrapping_add(U256::from(1))); // Never reached by counting.
        self.set_allowance(owner, spender, value);
        Ok(())
    }
}

impl Erc20 {
    /// Destroys `value` of an account's balance, unasked.
    pub fn burn_from(&mut self, from: Address, value: U256) -> Result<(), Error> {
        self.debit(from, value)?;
        let total = self.total_supply.get().wrapping_sub(value); // Balances sum to the supply.
        self.total_supply.set(total);
        log(self.vm(), Transfer { from, to: Address::ZERO, value });
        Ok(())
    }

    fn move_balance(&mut self, from: Address, to: Address, value: U256) -> Result<(), Error> {
        self.debit(from, value)?;
        self.credit(to, value);
        log(self.vm(), Transfer { from, to, value });
        Ok(())
    }

    fn debit(&mut self, owner: Address, value: U256) -> Result<(), Error> {
        let mut slot = self.balances.setter(owner);
        let balance = slot.get();
        let Some(left) = balance.checked_sub(value) else {
            return Err(Error::InsufficientBalance(InsufficientBalance { owner, balance, needed: value }));
        };
        slot.set(left);
        Ok(())
    }

    fn credit(&mut self, owner: Address, value: U256) {
        let mut slot = self.balances.setter(owner);
        let sum = slot.get().wrapping_add(value); // At most the supply, which is checked.
        slot.set(sum);
    }

    fn set_allowance(&mut self, owner: Address, spender: Address, value: U256) {
        self.allowances.setter(owner).setter(spender).set(value);
        log(self.vm(), Approval { owner, spender, value });
    }

    fn permit_digest(&self, owner: Address, spender: Address, value: U256, nonce: U256, deadline: U256) -> B256 {
        let vm = self.vm();
        let fields = (vm.native_keccak256(PERMIT_TYPE), owner, spender, value, nonce, deadline);
        let message = (self.domain_separator(), vm.native_keccak256(&fields.abi_encode()));
        vm.native_keccak256(&[b"\x19\x01", message.abi_encode().as_slice()].concat())
    }
}

/// The signer of a digest, or zero.
fn recover(digest: B256, v: u8, r: B256, s: B256) -> Address {
    let input = (digest, U256::from(v), r, s).abi_encode();
    // SAFETY: a precompile neither sees nor changes this program's storage.
    let output = unsafe { RawCall::new_static().call(ECRECOVER, &input) };
    match output {
        Ok(word) if word.len() == 32 => Address::from_slice(&word[12..]),
        _ => Address::ZERO,
    }
}
