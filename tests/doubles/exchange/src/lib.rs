//! A perpetual exchange on layer 2, as the chain below it sees it: what a borrower's proxy deals with.
//!
//! Layer 2 is an account, the operator. The entry point is written by hand: a double that refused nested calls would hide what its callers
//! should have refused, and the call data of demands is kept for tests to compare.
#![cfg_attr(target_arch = "wasm32", no_main, no_std)]

#[macro_use]
extern crate alloc;

use alloc::{string::String, vec::Vec};
use alloy_primitives::{Address, B256, U256, address};
use alloy_sol_types::{Revert, SolCall, SolError, SolValue, sol};
use stylus_sdk::{
    ArbResult,
    abi::{Bytes, Router},
    call::RawCall,
    host::{VM, WasmVM},
    prelude::*,
    storage::{StorageAddress, StorageBool, StorageBytes, StorageMap, StorageU256},
};

/// The precompile that recovers a signer.
const ECRECOVER: Address = address!("0000000000000000000000000000000000000001");

/// What a signature of the operator over a key begins with.
const REGISTRATION: &[u8] = b"UserRegistration:";

/// Seconds from a cancellation to a reclaim.
const CANCEL_DELAY: U256 = U256::from_limbs([2 * 86_400, 0, 0, 0]);

/// Seconds after which an ignored demand freezes the exchange.
const GRACE_PERIOD: U256 = U256::from_limbs([14 * 86_400, 0, 0, 0]);

/// First vault and first amount that a demand may not name.
const UPPER_BOUND: U256 = U256::from_limbs([0, 1, 0, 0]);

sol! {
    event LogUserRegistered(address ethKey, uint256 starkKey, address sender);
    event LogDeposit(
        address depositorEthKey,
        uint256 starkKey,
        uint256 vaultId,
        uint256 assetType,
        uint256 nonQuantizedAmount,
        uint256 quantizedAmount
    );
    event LogDepositCancel(uint256 starkKey, uint256 vaultId, uint256 assetId);
    event LogDepositCancelReclaimed(
        uint256 starkKey, uint256 vaultId, uint256 assetType, uint256 nonQuantizedAmount, uint256 quantizedAmount
    );
    event LogWithdrawalPerformed(
        uint256 ownerKey, uint256 assetType, uint256 nonQuantizedAmount, uint256 quantizedAmount, address recipient
    );
    event LogForcedWithdrawalRequest(uint256 starkKey, uint256 vaultId, uint256 quantizedAmount);
    event LogForcedTradeRequest(uint256 starkKeyA, uint256 vaultIdA, bytes32 request);
    event LogFrozen();

    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// A refusal: a text as Solidity encodes it.
type Refusal = Vec<u8>;

/// What the exchange remembers.
#[storage]
pub struct Exchange {
    operator: StorageAddress,
    frozen: StorageBool,
    users: StorageMap<U256, StorageAddress>,
    tokens: StorageMap<U256, StorageAddress>,
    quanta: StorageMap<U256, StorageU256>,
    vault_keys: StorageMap<U256, StorageU256>,
    /// By asset and vault.
    vaults: StorageMap<B256, StorageU256>,
    /// Pending, by key, asset and vault.
    deposits: StorageMap<B256, StorageU256>,
    /// When cancelled, by key, asset and vault.
    cancellations: StorageMap<B256, StorageU256>,
    /// Let go by layer 2, by key and asset.
    withdrawals: StorageMap<B256, StorageU256>,
    /// When demanded, by the hash of the words.
    requests: StorageMap<B256, StorageU256>,
    last_request: StorageBytes,
}

// Sound: the entry point below has it first and nothing beside it.
unsafe impl TopLevelStorage for Exchange {}

#[public]
impl Exchange {
    /// Names who speaks for layer 2. Once.
    pub fn initialize(&mut self, operator: Address) -> Result<(), Refusal> {
        require(self.operator.get().is_zero(), "ALREADY_INITIALIZED")?;
        self.operator.set(operator);
        Ok(())
    }

    /// Registers a key to an account with the operator's signature.
    pub fn register_user(&mut self, eth_key: Address, stark_key: U256, signature: Bytes) -> Result<(), Refusal> {
        require(!stark_key.is_zero(), "INVALID_STARK_KEY")?;
        require(!eth_key.is_zero(), "INVALID_ETH_ADDRESS")?;
        require(self.users.get(stark_key).is_zero(), "STARK_KEY_UNAVAILABLE")?;
        let message = [REGISTRATION, eth_key.as_slice(), &stark_key.to_be_bytes::<32>()].concat();
        let signer = recover(self.vm().native_keccak256(&message), &signature);
        require(signer == self.operator.get() && !signer.is_zero(), "INVALID_SIGNATURE")?;

        self.users.setter(stark_key).set(eth_key);
        log(self.vm(), LogUserRegistered { ethKey: eth_key, starkKey: stark_key, sender: self.vm().msg_sender() });
        Ok(())
    }

    /// Whose a key is.
    pub fn get_eth_key(&self, stark_key: U256) -> Result<Address, Refusal> {
        let owner = self.users.get(stark_key);
        require(!owner.is_zero(), "USER_UNREGISTERED")?;
        Ok(owner)
    }

    /// Pulls the tokens of a deposit, which stays pending until layer 2 accepts it.
    pub fn deposit(
        &mut self,
        stark_key: U256,
        asset_type: U256,
        vault_id: U256,
        quantized_amount: U256,
    ) -> Result<(), Refusal> {
        self.only_unfrozen()?;
        require(!self.users.get(stark_key).is_zero(), "INVALID_STARK_KEY")?;
        let amount = self.tokens_of(asset_type, quantized_amount)?;
        let place = self.hash(&[stark_key, asset_type, vault_id]);
        let pending = self.deposits.get(place).checked_add(quantized_amount);
        self.deposits.setter(place).set(pending.ok_or_else(|| text("DEPOSIT_OVERFLOW"))?);

        let depositor = self.vm().msg_sender();
        if depositor == self.users.get(stark_key) {
            self.cancellations.setter(place).set(U256::ZERO);
        }
        self.pull(asset_type, depositor, amount)?;
        log(
            self.vm(),
            LogDeposit {
                depositorEthKey: depositor,
                starkKey: stark_key,
                vaultId: vault_id,
                assetType: asset_type,
                nonQuantizedAmount: amount,
                quantizedAmount: quantized_amount,
            },
        );
        Ok(())
    }

    /// Starts the two days after which a pending deposit can be reclaimed, or starts them again.
    pub fn deposit_cancel(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Refusal> {
        self.only_owner_of(stark_key)?;
        let place = self.hash(&[stark_key, asset_type, vault_id]);
        let now = self.now();
        self.cancellations.setter(place).set(now);
        log(self.vm(), LogDepositCancel { starkKey: stark_key, vaultId: vault_id, assetId: asset_type });
        Ok(())
    }

    /// Returns a cancelled deposit to the owner of the key.
    pub fn deposit_reclaim(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Refusal> {
        self.only_owner_of(stark_key)?;
        let place = self.hash(&[stark_key, asset_type, vault_id]);
        let cancelled = self.cancellations.get(place);
        require(!cancelled.is_zero(), "DEPOSIT_NOT_CANCELED")?;
        require(self.now() >= cancelled.saturating_add(CANCEL_DELAY), "DEPOSIT_LOCKED")?;

        let quantized_amount = self.deposits.get(place);
        let amount = self.tokens_of(asset_type, quantized_amount)?;
        self.deposits.setter(place).set(U256::ZERO);
        self.cancellations.setter(place).set(U256::ZERO);
        let owner = self.vm().msg_sender();
        self.push(asset_type, owner, amount)?;
        log(
            self.vm(),
            LogDepositCancelReclaimed {
                starkKey: stark_key,
                vaultId: vault_id,
                assetType: asset_type,
                nonQuantizedAmount: amount,
                quantizedAmount: quantized_amount,
            },
        );
        Ok(())
    }

    /// What is pending, in quanta.
    pub fn get_quantized_deposit_balance(&self, stark_key: U256, asset_type: U256, vault_id: U256) -> U256 {
        self.deposits.get(self.hash(&[stark_key, asset_type, vault_id]))
    }

    /// When a pending deposit was cancelled.
    pub fn get_cancellation_request(&self, stark_key: U256, asset_type: U256, vault_id: U256) -> U256 {
        self.cancellations.get(self.hash(&[stark_key, asset_type, vault_id]))
    }

    /// Pays what layer 2 let go to the owner of the key.
    pub fn withdraw(&mut self, stark_key: U256, asset_type: U256) -> Result<(), Refusal> {
        let owner = self.get_eth_key(stark_key)?;
        self.pay_out(stark_key, asset_type, owner)
    }

    /// Pays what layer 2 let go to whom the owner of the key names.
    pub fn withdraw_to(&mut self, stark_key: U256, asset_type: U256, recipient: Address) -> Result<(), Refusal> {
        self.only_owner_of(stark_key)?;
        self.pay_out(stark_key, asset_type, recipient)
    }

    /// What layer 2 let go and nobody fetched, in units of the token.
    pub fn get_withdrawal_balance(&self, stark_key: U256, asset_type: U256) -> Result<U256, Refusal> {
        self.tokens_of(asset_type, self.withdrawals.get(self.hash(&[stark_key, asset_type])))
    }

    /// Demands a withdrawal.
    pub fn forced_withdrawal_request(
        &mut self,
        stark_key: U256,
        vault_id: U256,
        quantized_amount: U256,
        premium_cost: bool,
    ) -> Result<(), Refusal> {
        let _ = premium_cost; // Only makes a demand burn gas.
        self.only_unfrozen()?;
        self.only_owner_of(stark_key)?;
        in_range(&[vault_id], &[quantized_amount])?;
        self.demand(self.hash(&[stark_key, vault_id, quantized_amount]))?;
        log(
            self.vm(),
            LogForcedWithdrawalRequest { starkKey: stark_key, vaultId: vault_id, quantizedAmount: quantized_amount },
        );
        Ok(())
    }

    /// Demands a trade.
    #[allow(clippy::too_many_arguments, reason = "the exchange's signature")]
    pub fn forced_trade_request(
        &mut self,
        stark_key_a: U256,
        stark_key_b: U256,
        vault_id_a: U256,
        vault_id_b: U256,
        collateral_asset_id: U256,
        synthetic_asset_id: U256,
        amount_collateral: U256,
        amount_synthetic: U256,
        a_is_buying_synthetic: bool,
        submission_expiration_time: U256,
        nonce: U256,
        signature: Bytes,
        premium_cost: bool,
    ) -> Result<(), Refusal> {
        let _ = (signature, premium_cost); // For layer 2, and for the price.
        self.only_unfrozen()?;
        self.only_owner_of(stark_key_a)?;
        in_range(&[vault_id_a, vault_id_b], &[amount_collateral, amount_synthetic])?;
        let request = self.hash(&[
            stark_key_a,
            stark_key_b,
            vault_id_a,
            vault_id_b,
            collateral_asset_id,
            synthetic_asset_id,
            amount_collateral,
            amount_synthetic,
            U256::from(a_is_buying_synthetic),
            submission_expiration_time,
            nonce,
        ]);
        self.demand(request)?;
        log(self.vm(), LogForcedTradeRequest { starkKeyA: stark_key_a, vaultIdA: vault_id_a, request });
        Ok(())
    }

    /// Freezes the exchange: a demand was ignored.
    pub fn freeze_request(&mut self, request: B256) -> Result<(), Refusal> {
        self.only_unfrozen()?;
        let demanded = self.requests.get(request);
        require(!demanded.is_zero(), "FORCED_ACTION_UNREQUESTED")?;
        require(self.now() >= demanded.saturating_add(GRACE_PERIOD), "FORCED_ACTION_PENDING")?;
        self.frozen.set(true);
        log(self.vm(), LogFrozen {});
        Ok(())
    }

    /// When a demand was made.
    pub fn get_forced_request(&self, request: B256) -> U256 {
        self.requests.get(request)
    }

    /// The call data of the last demand.
    pub fn last_request(&self) -> Bytes {
        Bytes(self.last_request.get_bytes())
    }

    /// Whether it is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen.get()
    }

    /// Lets what is in a vault go, while frozen.
    pub fn escape(&mut self, asset_type: U256, vault_id: U256) -> Result<(), Refusal> {
        require(self.frozen.get(), "STATE_NOT_FROZEN")?;
        require(!self.vault_keys.get(vault_id).is_zero(), "INVALID_VAULT")?;
        let held = self.get_vault_balance(asset_type, vault_id);
        self.release(asset_type, vault_id, held)
    }

    /// Makes a token an asset.
    pub fn register_asset(&mut self, asset_type: U256, token: Address, quantum: U256) -> Result<(), Refusal> {
        self.only_operator()?;
        require(!quantum.is_zero(), "QUANTUM_ZERO")?;
        require(self.quanta.get(asset_type).is_zero(), "ASSET_ALREADY_REGISTERED")?;
        self.tokens.setter(asset_type).set(token);
        self.quanta.setter(asset_type).set(quantum);
        Ok(())
    }

    /// Gives a vault to a key.
    pub fn open_vault(&mut self, stark_key: U256, vault_id: U256) -> Result<(), Refusal> {
        self.only_operator()?;
        require(!stark_key.is_zero(), "INVALID_STARK_KEY")?;
        require(self.vault_keys.get(vault_id).is_zero(), "VAULT_TAKEN")?;
        self.vault_keys.setter(vault_id).set(stark_key);
        Ok(())
    }

    /// Moves a pending deposit into its vault.
    pub fn accept_deposit(
        &mut self,
        stark_key: U256,
        asset_type: U256,
        vault_id: U256,
        quantized_amount: U256,
    ) -> Result<(), Refusal> {
        self.only_operator()?;
        require(self.vault_keys.get(vault_id) == stark_key, "VAULT_KEY_MISMATCH")?;
        let place = self.hash(&[stark_key, asset_type, vault_id]);
        let left = self.deposits.get(place).checked_sub(quantized_amount);
        self.deposits.setter(place).set(left.ok_or_else(|| text("DEPOSIT_INSUFFICIENT"))?);
        let vault = self.hash(&[asset_type, vault_id]);
        let held = self.vaults.get(vault).saturating_add(quantized_amount);
        self.vaults.setter(vault).set(held);
        Ok(())
    }

    /// Profit and loss.
    pub fn set_vault_balance(
        &mut self,
        asset_type: U256,
        vault_id: U256,
        quantized_amount: U256,
    ) -> Result<(), Refusal> {
        self.only_operator()?;
        let vault = self.hash(&[asset_type, vault_id]);
        self.vaults.setter(vault).set(quantized_amount);
        Ok(())
    }

    /// Lets part of a vault go.
    pub fn release_withdrawal(
        &mut self,
        asset_type: U256,
        vault_id: U256,
        quantized_amount: U256,
    ) -> Result<(), Refusal> {
        self.only_operator()?;
        self.release(asset_type, vault_id, quantized_amount)
    }

    /// Settles a demanded withdrawal.
    pub fn satisfy_forced_withdrawal(
        &mut self,
        stark_key: U256,
        asset_type: U256,
        vault_id: U256,
        quantized_amount: U256,
    ) -> Result<(), Refusal> {
        self.only_operator()?;
        self.settle(self.hash(&[stark_key, vault_id, quantized_amount]))?;
        let mine = self.vault_keys.get(vault_id) == stark_key;
        if !mine || self.get_vault_balance(asset_type, vault_id) < quantized_amount {
            return Ok(()); // Shown to be impossible.
        }
        self.release(asset_type, vault_id, quantized_amount)
    }

    /// Settles a demanded trade.
    pub fn satisfy_forced_trade(&mut self, request: B256) -> Result<(), Refusal> {
        self.only_operator()?;
        self.settle(request)
    }

    /// What is in a vault, in quanta.
    pub fn get_vault_balance(&self, asset_type: U256, vault_id: U256) -> U256 {
        self.vaults.get(self.hash(&[asset_type, vault_id]))
    }
}

impl Exchange {
    fn only_unfrozen(&self) -> Result<(), Refusal> {
        require(!self.frozen.get(), "STATE_IS_FROZEN")
    }

    fn only_operator(&self) -> Result<(), Refusal> {
        require(self.vm().msg_sender() == self.operator.get(), "ONLY_OPERATOR")?;
        self.only_unfrozen()
    }

    fn only_owner_of(&self, stark_key: U256) -> Result<(), Refusal> {
        let owner = self.get_eth_key(stark_key)?;
        require(self.vm().msg_sender() == owner, "MISMATCHING_STARK_ETH_KEYS")
    }

    fn now(&self) -> U256 {
        U256::from(self.vm().block_timestamp())
    }

    fn hash(&self, words: &[U256]) -> B256 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
        self.vm().native_keccak256(&bytes)
    }

    /// Units of its token in so much of an asset.
    fn tokens_of(&self, asset_type: U256, quantized_amount: U256) -> Result<U256, Refusal> {
        let quantum = self.quanta.get(asset_type);
        require(!quantum.is_zero(), "INVALID_ASSET_TYPE")?;
        quantized_amount.checked_mul(quantum).ok_or_else(|| text("DEPOSIT_OVERFLOW"))
    }

    fn demand(&mut self, request: B256) -> Result<(), Refusal> {
        require(self.requests.get(request).is_zero(), "REQUEST_ALREADY_PENDING")?;
        let now = self.now();
        self.requests.setter(request).set(now);
        Ok(())
    }

    fn settle(&mut self, request: B256) -> Result<(), Refusal> {
        require(!self.requests.get(request).is_zero(), "FORCED_ACTION_UNREQUESTED")?;
        self.requests.setter(request).set(U256::ZERO);
        Ok(())
    }

    fn release(&mut self, asset_type: U256, vault_id: U256, quantized_amount: U256) -> Result<(), Refusal> {
        let vault = self.hash(&[asset_type, vault_id]);
        let left = self.vaults.get(vault).checked_sub(quantized_amount);
        self.vaults.setter(vault).set(left.ok_or_else(|| text("VAULT_INSUFFICIENT"))?);
        let place = self.hash(&[self.vault_keys.get(vault_id), asset_type]);
        let released = self.withdrawals.get(place).saturating_add(quantized_amount);
        self.withdrawals.setter(place).set(released);
        Ok(())
    }

    fn pay_out(&mut self, stark_key: U256, asset_type: U256, recipient: Address) -> Result<(), Refusal> {
        let place = self.hash(&[stark_key, asset_type]);
        let quantized_amount = self.withdrawals.get(place);
        let amount = self.tokens_of(asset_type, quantized_amount)?;
        self.withdrawals.setter(place).set(U256::ZERO);
        self.push(asset_type, recipient, amount)?;
        log(
            self.vm(),
            LogWithdrawalPerformed {
                ownerKey: stark_key,
                assetType: asset_type,
                nonQuantizedAmount: amount,
                quantizedAmount: quantized_amount,
                recipient,
            },
        );
        Ok(())
    }

    fn pull(&mut self, asset_type: U256, from: Address, value: U256) -> Result<(), Refusal> {
        let (token, to) = (self.tokens.get(asset_type), self.vm().contract_address());
        let before = self.balance(token)?;
        self.call(token, &transferFromCall { from, to, value }.abi_encode())?;
        let received = self.balance(token)?.checked_sub(before);
        require(received == Some(value), "INCORRECT_AMOUNT_TRANSFERRED")
    }

    fn push(&mut self, asset_type: U256, to: Address, value: U256) -> Result<(), Refusal> {
        let token = self.tokens.get(asset_type);
        let before = self.balance(token)?;
        self.call(token, &transferCall { to, value }.abi_encode())?;
        let sent = before.checked_sub(self.balance(token)?);
        require(sent == Some(value), "INCORRECT_AMOUNT_TRANSFERRED")
    }

    fn balance(&mut self, token: Address) -> Result<U256, Refusal> {
        let account = self.vm().contract_address();
        let answer = self.call(token, &balanceOfCall { account }.abi_encode())?;
        Ok(answer.first_chunk().map(|word| U256::from_be_bytes::<32>(*word)).unwrap_or_default())
    }

    /// Calls a token; its refusal becomes the exchange's, false included.
    fn call(&mut self, token: Address, data: &[u8]) -> ArbResult {
        self.vm().flush_cache(true);
        // SAFETY: the cache is written and emptied above, so that a nested call and what follows see the same storage.
        let answer = unsafe { RawCall::new().call(token, data) }?;
        require(
            answer.is_empty() || answer.first_chunk() != Some(&[0; 32]) || is_view(data),
            "ERC20_OPERATION_FAILED",
        )?;
        Ok(answer)
    }

    fn answer(&mut self, input: &[u8]) -> ArbResult {
        let Some((selector, arguments)) = input.split_first_chunk::<4>() else {
            return Err(Vec::new());
        };
        let selector = u32::from_be_bytes(*selector);
        let before = self.vm().msg_value();
        require(before.is_zero(), "NO_ETHER")?;
        let outcome = <Self as Router<Self>>::route(self, selector, arguments).unwrap_or_else(|| Err(Vec::new()))?;
        if is_demand(selector) {
            self.last_request.set_bytes(input);
        }
        Ok(outcome)
    }
}

fn is_view(data: &[u8]) -> bool {
    data.first_chunk() == Some(&balanceOfCall::SELECTOR)
}

/// Whether a selector is that of a forced withdrawal or trade.
fn is_demand(selector: u32) -> bool {
    matches!(selector, 0xaf14_37a3 | 0x2ecb_8162)
}

fn in_range(vaults: &[U256], amounts: &[U256]) -> Result<(), Refusal> {
    require(vaults.iter().all(|vault| *vault < UPPER_BOUND), "OUT_OF_RANGE_POSITION_ID")?;
    require(amounts.iter().all(|amount| *amount < UPPER_BOUND), "ILLEGAL_AMOUNT")
}

fn require(condition: bool, otherwise: &str) -> Result<(), Refusal> {
    if condition { Ok(()) } else { Err(text(otherwise)) }
}

fn text(reason: &str) -> Refusal {
    Revert { reason: String::from(reason) }.abi_encode()
}

/// The signer of a digest, or zero. A signature is r, s, v.
fn recover(digest: B256, signature: &[u8]) -> Address {
    let (Some(r), Some(s), Some(v)) = (signature.get(..32), signature.get(32..64), signature.get(64)) else {
        return Address::ZERO;
    };
    let input = (digest, U256::from(*v), B256::from_slice(r), B256::from_slice(s)).abi_encode();
    // SAFETY: a precompile neither sees nor changes this program's storage.
    let output = unsafe { RawCall::new_static().call(ECRECOVER, &input) };
    match output {
        Ok(word) if word.len() == 32 => Address::from_slice(&word[12..]),
        _ => Address::ZERO,
    }
}

entry::entry!(Exchange);

/// Prints the interface.
#[cfg(feature = "export-abi")]
pub fn print_abi() {
    stylus_sdk::abi::export::print_from_args::<Exchange>();
}
