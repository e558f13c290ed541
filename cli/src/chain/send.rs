//! Sending: what is sent is shown and asked for first, then waited for.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::{Duration, Instant},
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
};
use alloy_primitives::{
    Address, B256, Log, TxKind, U256,
    utils::{ParseUnits, parse_units},
};
use alloy_rpc_types_eth::TransactionReceipt;
use alloy_sol_types::{SolCall, SolEvent};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::{Node, Rpc, abi, exact, signer::SignerOptions};
use crate::output::{Usage, Wei};

/// How a transaction is signed and sent
#[derive(Clone, Debug, Args)]
pub(crate) struct Sending {
    #[command(flatten)]
    rpc: Rpc,
    #[command(flatten)]
    signer: SignerOptions,
    /// Send without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The most to pay for a unit of gas, gwei; without it whatever the node proposes
    #[arg(long, value_name = "GWEI", value_parser = gwei)]
    max_fee: Option<u128>,
    /// How long to wait for a transaction to be in a block, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Sending {
    /// Reads the key, connects, and refuses to go on if there is nobody to ask.
    pub(crate) fn prepare(&self) -> anyhow::Result<Sender> {
        if !self.yes && !io::stdin().is_terminal() {
            bail!(Usage("nobody is here to confirm what is sent: no terminal. --yes sends without asking".to_owned()));
        }
        let signer = self.signer.signer()?;
        let node = self.rpc.connect()?;
        let patience = Duration::from_secs(self.wait);
        Ok(Sender { node, signer, yes: self.yes, max_fee: self.max_fee, patience })
    }
}

/// A price in gwei, as wei, rounded down.
fn gwei(text: &str) -> Result<u128, String> {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    let wei = parse_units(text, "gwei").ok().filter(|_| is_number).map(ParseUnits::get_absolute);
    wei.and_then(|wei| wei.try_into().ok()).ok_or_else(|| "not a number of gwei, such as 0.1".to_owned())
}

/// Somebody who signs, on a chain.
pub(crate) struct Sender {
    /// The node.
    pub(crate) node: Node,
    signer: PrivateKeySigner,
    yes: bool,
    /// Wei per gas.
    max_fee: Option<u128>,
    patience: Duration,
}

/// A transaction that came through.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sent {
    /// The call in words.
    pub(crate) call: String,
    from: Address,
    to: Address,
    hash: B256,
    block: u64,
    gas_used: u64,
    fee_wei: Wei,
    #[serde(skip)]
    logs: Vec<Log>,
}

impl Sent {
    /// The events of one kind, in their order.
    pub(crate) fn events<E: SolEvent>(&self) -> Vec<E> {
        let own = self.logs.iter().filter(|log| log.address == self.to);
        own.filter_map(|log| E::decode_log(log).ok()).map(|log| log.data).collect()
    }

    /// Hash, block, gas and fee, for people.
    pub(crate) fn print(&self) {
        println!("transaction {}", self.hash);
        println!("block {}, {} gas, {} ETH", self.block, self.gas_used, exact(self.fee_wei.0, 18));
    }
}

fn in_gwei(wei: u128) -> String {
    exact(U256::from(wei), 9)
}

/// Prices of a transaction, wei per gas.
struct Price {
    gas_limit: u64,
    max_fee: u128,
    tip: u128,
}

impl Price {
    fn cost(&self) -> U256 {
        U256::from(self.gas_limit) * U256::from(self.max_fee)
    }
}

impl Sender {
    /// Who signs.
    pub(crate) fn address(&self) -> Address {
        self.signer.address()
    }

    /// Tries the call, shows it, asks, sends it, and waits until it is in a block.
    ///
    /// # Errors
    ///
    /// If the contract refuses, the sender cannot pay, nobody confirms, the node fails, or it takes too long.
    pub(crate) fn send<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<Sent> {
        let data = call.abi_encode();
        let price = self.price(to, &data).context("nothing was sent")?;
        self.show(to, &data, &price);
        self.confirm()?;
        let hash = self.submit(to, &data, &price)?;
        eprintln!("sent {hash}");
        let receipt = self.receipt(hash)?;
        let block = receipt.block_number.unwrap_or_default();
        if !receipt.status() {
            let reason = self.node.replay(self.address(), to, data, block);
            let reason = reason.map_or_else(|| "no reason to be found".to_owned(), |error| error.to_string());
            bail!("transaction {hash} failed in block {block}, {} gas: {reason}", receipt.gas_used);
        }
        let fee = u128::from(receipt.gas_used).saturating_mul(receipt.effective_gas_price);
        Ok(Sent {
            call: abi::call(&data),
            from: self.address(),
            to,
            hash,
            block,
            gas_used: receipt.gas_used,
            fee_wei: Wei(U256::from(fee)),
            logs: receipt.logs().iter().map(|log| log.inner.clone()).collect(),
        })
    }

    /// A fifth more gas than estimated: on Arbitrum a part of it follows the fees of another chain.
    fn price(&self, to: Address, data: &[u8]) -> anyhow::Result<Price> {
        let gas = self.node.estimate(self.address(), to, data.to_vec())?;
        let fees = self.node.ask(|provider| async move { provider.estimate_eip1559_fees().await })?;
        let gas_limit = gas.saturating_add(gas / 5);
        let price = Price { gas_limit, max_fee: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas };
        if let Some(most) = self.max_fee.filter(|most| price.max_fee > *most) {
            let [proposed, most] = [price.max_fee, most].map(in_gwei);
            return Err(anyhow!("the node proposes {proposed} gwei per gas, --max-fee allows {most}"));
        }
        let account = self.address();
        let balance = self.node.ask(|provider| async move { provider.get_balance(account).latest().await })?;
        if balance < price.cost() {
            let (has, needs) = (exact(balance, 18), exact(price.cost(), 18));
            return Err(anyhow!("{account} has {has} ETH, and the transaction may cost {needs}: send it some first"));
        }
        Ok(price)
    }

    fn show(&self, to: Address, data: &[u8], price: &Price) {
        eprintln!("call     {}", abi::call(data));
        eprintln!("from     {}", self.address());
        eprintln!("to       {to}");
        eprintln!("chain    {}", self.node.chain_id);
        eprintln!("gas      at most {}", price.gas_limit);
        eprintln!("max fee  {} gwei per gas", in_gwei(price.max_fee));
        eprintln!("cost     at most {} ETH", exact(price.cost(), 18));
    }

    fn confirm(&self) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        eprint!("Send it? [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(anyhow!("nothing was sent")),
        }
    }

    fn submit(&self, to: Address, data: &[u8], price: &Price) -> anyhow::Result<B256> {
        let transaction = TxEip1559 {
            chain_id: self.node.chain_id,
            nonce: self.node.nonce(self.address())?,
            gas_limit: price.gas_limit,
            max_fee_per_gas: price.max_fee,
            max_priority_fee_per_gas: price.tip,
            to: TxKind::Call(to),
            input: data.to_vec().into(),
            ..TxEip1559::default()
        };
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash())?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        let (hash, raw) = (*envelope.tx_hash(), envelope.encoded_2718());
        let sent = self.node.ask(|provider| async move { provider.send_raw_transaction(&raw).await.map(drop) });
        sent.with_context(|| format!("transaction {hash}"))?;
        Ok(hash)
    }

    fn receipt(&self, hash: B256) -> anyhow::Result<TransactionReceipt> {
        let start = Instant::now();
        loop {
            let found = self.node.ask(|provider| async move { provider.get_transaction_receipt(hash).await });
            match found {
                Ok(Some(receipt)) => return Ok(receipt),
                Ok(None) if start.elapsed() < self.patience => {}
                // The node may stumble once; the transaction is on its way all the same.
                Err(_) if start.elapsed() < self.patience => {}
                Ok(None) | Err(_) => bail!(
                    "{hash} is not in a block after {} s. It may still come: look it up before you send again",
                    self.patience.as_secs()
                ),
            }
            self.node.pause(Duration::from_millis(250));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_gwei() {
        assert_eq!([gwei("0"), gwei("0.1"), gwei("12")], [Ok(0), Ok(100_000_000), Ok(12_000_000_000)]);
        assert_eq!(gwei("1.9999999999"), Ok(1_999_999_999));
        for text in ["-1", "-0", "", ".", "x", "1e3", "340282366920938463463374607432"] {
            assert!(gwei(text).is_err(), "{text}");
        }
        assert_eq!(in_gwei(100_000_001), "0.100000001");
    }
}
