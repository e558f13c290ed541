//! Transactions on their way into the EVM.

use alloy_consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::{Decodable2718, Encodable2718, eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use revm::{
    context::{TransactionType, TxEnv},
    context_interface::either::Either,
};

use crate::{account::Account, receipt::Rejected};

/// Gas limit when none is given: all a transaction can use.
pub const DEFAULT_GAS_LIMIT: u64 = crate::evm::MAX_TX_GAS;

/// An unsigned transaction or call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Sender.
    pub from: Address,
    /// Target; `None` creates a contract.
    pub to: Option<Address>,
    /// Wei sent along.
    pub value: U256,
    /// Call data or init code.
    pub data: Bytes,
    /// Gas limit; a default when absent.
    pub gas: Option<u64>,
    /// Nonce; the account's when absent.
    pub nonce: Option<u64>,
    /// Most wei per gas; the base fee when absent.
    pub max_fee: Option<u128>,
    /// Addresses and slots that start warm.
    pub access_list: AccessList,
    /// Delegations to set (EIP-7702, ArbOS 40 and later).
    pub authorizations: Vec<SignedAuthorization>,
    /// The signed transaction as it goes over the wire, which decides what it pays for L1; made up when empty.
    pub signed: Bytes,
}

impl Transaction {
    /// A call.
    pub fn call(from: Address, to: Address, data: impl Into<Bytes>) -> Self {
        Self { from, to: Some(to), data: data.into(), ..Self::default() }
    }

    /// A creation.
    pub fn create(from: Address, init_code: impl Into<Bytes>) -> Self {
        Self { from, data: init_code.into(), ..Self::default() }
    }

    /// What a transaction in an envelope says, sent by `from`.
    pub(crate) fn of(envelope: &TxEnvelope, from: Address) -> Self {
        Self {
            from,
            to: envelope.to(),
            value: envelope.value(),
            data: envelope.input().clone(),
            gas: Some(envelope.gas_limit()),
            nonce: Some(envelope.nonce()),
            max_fee: Some(envelope.max_fee_per_gas()),
            access_list: envelope.access_list().cloned().unwrap_or_default(),
            authorizations: envelope.authorization_list().unwrap_or_default().to_vec(),
            signed: envelope.encoded_2718().into(),
        }
    }

    /// As the EVM wants it. Tips do not exist, so that every kind runs as one with a maximal fee and no tip.
    pub(crate) fn env(&self, chain_id: u64, nonce: u64, max_fee: u128, gas: u64) -> TxEnv {
        let kind = if self.authorizations.is_empty() { TransactionType::Eip1559 } else { TransactionType::Eip7702 };
        TxEnv {
            tx_type: kind.into(),
            caller: self.from,
            gas_limit: gas,
            gas_price: max_fee,
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            data: self.data.clone(),
            nonce,
            chain_id: Some(chain_id),
            access_list: self.access_list.clone(),
            gas_priority_fee: Some(0),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: self.authorizations.iter().cloned().map(Either::Left).collect(),
        }
    }

    /// A hash for a transaction that nobody signed: that of the transaction with a signature that names the sender.
    pub(crate) fn unsigned_hash(&self, chain_id: u64, nonce: u64, max_fee: u128, gas: u64) -> B256 {
        *self.unsigned(chain_id, nonce, max_fee, gas).into_signed(placeholder(self.from)).hash()
    }

    /// The transaction with a signature, as it goes over the wire.
    pub(crate) fn sign(&self, chain_id: u64, nonce: u64, max_fee: u128, gas: u64, by: &Account) -> Bytes {
        let unsigned = self.unsigned(chain_id, nonce, max_fee, gas);
        let signature = by.sign(unsigned.signature_hash());
        TxEnvelope::from(unsigned.into_signed(signature)).encoded_2718().into()
    }

    /// As it goes over the wire, but for the signature.
    pub(crate) fn placeholder_bytes(&self) -> Vec<u8> {
        let (fee, gas) = (self.max_fee.unwrap_or_default(), self.gas.unwrap_or(DEFAULT_GAS_LIMIT));
        let unsigned = self.unsigned(0, self.nonce.unwrap_or_default(), fee, gas);
        TxEnvelope::from(unsigned.into_signed(placeholder(self.from))).encoded_2718()
    }

    pub(crate) fn unsigned(&self, chain_id: u64, nonce: u64, max_fee: u128, gas: u64) -> TxEip1559 {
        TxEip1559 {
            chain_id,
            nonce,
            gas_limit: gas,
            max_fee_per_gas: max_fee,
            max_priority_fee_per_gas: 0,
            to: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            access_list: self.access_list.clone(),
            input: self.data.clone(),
        }
    }
}

/// Stands in for the signature of somebody whose key nobody has; keeps hashes apart.
pub(crate) fn placeholder(from: Address) -> Signature {
    Signature::new(from.into_word().into(), U256::from(1), false)
}

/// A signed transaction, decoded and checked against its signature.
pub(crate) struct Signed {
    pub(crate) envelope: TxEnvelope,
    pub(crate) transaction: Transaction,
}

impl Signed {
    /// Decodes legacy (with and without replay protection), 2930, 1559 and 7702 transactions.
    pub(crate) fn decode(mut raw: &[u8], chain_id: u64) -> Result<Self, Rejected> {
        let malformed = |error: &dyn std::fmt::Display| Rejected::Malformed(error.to_string());
        let envelope = TxEnvelope::decode_2718(&mut raw).map_err(|error| malformed(&error))?;
        if !raw.is_empty() {
            return Err(Rejected::Malformed("bytes after the transaction".into()));
        }
        check(&envelope, chain_id)?;
        let from = envelope.recover_signer().map_err(|error| malformed(&error))?;
        Ok(Self { transaction: Transaction::of(&envelope, from), envelope })
    }

    pub(crate) fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }
}

/// Rules that need no state.
pub(crate) fn check(envelope: &TxEnvelope, chain_id: u64) -> Result<(), Rejected> {
    if envelope.is_eip4844() {
        return Err(Rejected::Malformed("blob transactions are not supported".into()));
    }
    if envelope.chain_id().is_some_and(|id| id != chain_id) {
        return Err(Rejected::ChainId);
    }
    if envelope.max_priority_fee_per_gas().is_some_and(|tip| tip > envelope.max_fee_per_gas()) {
        return Err(Rejected::Malformed("max priority fee per gas higher than max fee per gas".into()));
    }
    Ok(())
}
