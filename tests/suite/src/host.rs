//! A chain in a test, as `deploy` sees it: what is tested is deployed by the code that deploys for real.

use ::abi::{Error, Fate, Host, Outcome, Request};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use anyhow::anyhow;
use chain::{Artifacts, Chain, Deployed, Receipt, Reverted, Transaction};
use deploy::{Action, Creation, Journal, Step};

/// Wei that go along with an activation: more than any fee, and what is not needed comes back.
const ACTIVATION_DEPOSIT: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// A chain, and the name of somebody who deploys on it.
#[derive(Debug)]
pub struct OnChain<'a> {
    chain: &'a mut Chain,
    name: &'a str,
    address: Address,
    /// What was sent, in its order: not every chain keeps receipts.
    receipts: Vec<Receipt>,
}

impl<'a> OnChain<'a> {
    /// Somebody by his name; his account is funded.
    pub fn new(chain: &'a mut Chain, name: &'a str) -> Self {
        let address = chain.account(name).address();
        Self { chain, name, address, receipts: Vec::new() }
    }

    /// Creates, activates and constructs a program of the workspace as a deployment for real does, at an address that is new.
    ///
    /// # Errors
    ///
    /// As its constructor does.
    ///
    /// # Panics
    ///
    /// If the program was not built, or if something else fails than the transaction.
    pub fn create(&mut self, program: &str, arguments: Option<Vec<u8>>) -> Result<Deployed, Reverted> {
        let code = Artifacts::load().code(program).unwrap_or_else(|missing| panic!("{missing}"));
        let nonce = self.chain.nonce(self.address);
        let salt = keccak256([self.address.as_slice(), &nonce.to_be_bytes()].concat());
        let creation = Creation::new(program, code, arguments, salt);
        let (address, code) = (creation.address(), creation.code.clone());
        let step = Step { id: creation.program.clone(), action: Action::Create(creation) };
        match deploy::run(self, &[step], &mut Journal::in_memory(), &mut |_| {}) {
            Ok(()) => {}
            Err(error) => match error.downcast::<Reverted>() {
                Ok(reverted) => return Err(reverted.of_constructor()),
                Err(error) => panic!("a chain in a test deploys: {error:#}"),
            },
        }
        let creation = self.receipts.pop().expect("its address is new");
        Ok(Deployed { address, code_hash: keccak256(&code), code_len: code.len(), creation, activation: None })
    }
}

impl Host for OnChain<'_> {
    fn chain_id(&self) -> u64 {
        self.chain.chain_id()
    }

    fn deployer(&self) -> Address {
        self.address
    }

    fn now(&self) -> anyhow::Result<u64> {
        Ok(self.chain.timestamp())
    }

    fn balance(&self) -> anyhow::Result<U256> {
        Ok(self.chain.balance(self.address))
    }

    fn gas_price(&self) -> anyhow::Result<u128> {
        Ok(self.chain.base_fee().into())
    }

    fn code(&self, address: Address) -> anyhow::Result<Bytes> {
        Ok(self.chain.code(address))
    }

    fn call(&self, request: &Request) -> anyhow::Result<Bytes> {
        let call = Transaction {
            from: self.address,
            to: Some(request.to),
            value: request.value,
            data: request.data.clone(),
            ..Transaction::default()
        };
        let Receipt { success, output, halt, .. } = self.chain.simulate(&call)?;
        match (success, halt) {
            (true, _) => Ok(output),
            (false, None) => Err(Error::Reverted(output).into()),
            (false, Some(halt)) => Err(anyhow!(halt)),
        }
    }

    fn activation_fee(&self, _code: &Bytes) -> anyhow::Result<U256> {
        Ok(ACTIVATION_DEPOSIT)
    }

    fn send(
        &mut self,
        request: &Request,
        sending: &mut dyn FnMut(B256, u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let nonce = self.chain.nonce(self.address);
        let sender = self.chain.from(self.name).value(request.value);
        let receipt = sender.send(request.to, request.data.clone())?;
        sending(receipt.hash, nonce)?;
        let outcome = Outcome { hash: receipt.hash, block: self.chain.head().number, gas: receipt.gas.used };
        self.receipts.push(receipt);
        Ok(outcome)
    }

    fn fate(&self, hash: B256) -> anyhow::Result<Fate> {
        Err(anyhow!("{hash}: each transaction is waited for"))
    }
}
