//! NodeInterface: what a node works out for those who ask it by `eth_call`. There is no such contract on the chain.

use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::{SolCall, SolInterface};

use super::{error::RpcError, methods::estimate_request, scene::Scene};
use crate::{
    abi::NodeInterface::{self, NodeInterfaceCalls},
    l1,
};

/// Where it is asked.
pub(super) const ADDRESS: Address = address!("00000000000000000000000000000000000000c8");

/// The answer to a call of [`ADDRESS`].
pub(super) fn answer(scene: &Scene, request: &TransactionRequest) -> Result<Bytes, RpcError> {
    let data = request.input.input().cloned().unwrap_or_default();
    let call = NodeInterfaceCalls::abi_decode(&data)
        .map_err(|_| RpcError::params("NodeInterface answers gasEstimateComponents and gasEstimateL1Component only"))?;
    let (base_fee, l1_price) = (U256::from(scene.open.block.base_fee), scene.chain.l1_price());
    let encoded = match call {
        NodeInterfaceCalls::gasEstimateComponents(args) => {
            let inner = inner(request, args.to, args.contractCreation, args.data);
            let returned = NodeInterface::gasEstimateComponentsReturn {
                gasEstimate: estimate_request(scene, &inner)?,
                gasEstimateForL1: l1_gas(scene, &inner)?,
                baseFee: base_fee,
                l1BaseFeeEstimate: l1_price,
            };
            NodeInterface::gasEstimateComponentsCall::abi_encode_returns(&returned)
        }
        NodeInterfaceCalls::gasEstimateL1Component(args) => {
            let inner = inner(request, args.to, args.contractCreation, args.data);
            let returned = NodeInterface::gasEstimateL1ComponentReturn {
                gasEstimateForL1: l1_gas(scene, &inner)?,
                baseFee: base_fee,
                l1BaseFeeEstimate: l1_price,
            };
            NodeInterface::gasEstimateL1ComponentCall::abi_encode_returns(&returned)
        }
    };
    Ok(encoded.into())
}

/// The transaction that is asked about: sender, value and fees are those of the call itself.
fn inner(request: &TransactionRequest, to: Address, creates: bool, data: Bytes) -> TransactionRequest {
    let to = if creates { TxKind::Create } else { TxKind::Call(to) };
    TransactionRequest { to: Some(to), input: data.into(), gas: None, nonce: None, ..request.clone() }
}

fn l1_gas(scene: &Scene, request: &TransactionRequest) -> Result<u64, RpcError> {
    let draft = super::scene::draft(request, scene.chain.chain_id())?;
    Ok(l1::estimated_gas(&draft, scene.chain.l1_price(), scene.open.block.base_fee))
}
