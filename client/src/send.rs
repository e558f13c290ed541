//! Sending: what is sent is shown and asked for first, then waited for.

use std::{
    fmt,
    io::{self, BufRead, IsTerminal, Write},
    time::{Duration, Instant},
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    providers::Provider,
};
use alloy_primitives::{
    Address, B256, Bytes, Log, TxKind, U256,
    utils::{ParseUnits, parse_units},
};
use alloy_rpc_types_eth::TransactionReceipt;
use alloy_sol_types::{SolCall, SolEvent};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    Node, Request, Rpc, Usage, Wei, decode, exact,
    signer::{Signer, SignerOptions},
};

/// How a transaction is signed and sent
#[derive(Clone, Debug, Args)]
pub struct Sending {
    #[command(flatten)]
    rpc: Rpc,
    #[command(flatten)]
    signer: SignerOptions,
    /// Send without asking
    #[arg(short, long)]
    pub yes: bool,
    /// The most to pay for a unit of gas, gwei; without it whatever the node proposes
    #[arg(long, value_name = "GWEI", value_parser = gwei)]
    max_fee: Option<u128>,
    /// How long to wait for a transaction to be in a block, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Sending {
    /// Connects, gets the key, and refuses to go on if there is nobody to ask.
    ///
    /// # Errors
    ///
    /// If nobody can confirm, no key or several are named, or the nodes fail or disagree.
    pub fn prepare(&self) -> anyhow::Result<Sender> {
        if !self.yes && !self.signer.is_unsigned() && !io::stdin().is_terminal() {
            bail!(Usage("nobody is here to confirm what is sent: no terminal. --yes sends without asking".to_owned()));
        }
        self.prepare_to_look()
    }

    /// The same for what sends nothing, and so asks nobody.
    ///
    /// # Errors
    ///
    /// If no key or several are named, or the nodes fail or disagree.
    pub fn prepare_to_look(&self) -> anyhow::Result<Sender> {
        self.signer.expect_one()?;
        let node = self.rpc.connect()?;
        node.expect_agreement()?;
        let signer = node.wait(self.signer.signer())?;
        let patience = Duration::from_secs(self.wait);
        Ok(Sender { node, signer, yes: self.yes, json: self.json, max_fee: self.max_fee, patience })
    }

    /// The nodes.
    pub const fn rpc(&self) -> &Rpc {
        &self.rpc
    }
}

/// A price in gwei, as wei, rounded down.
fn gwei(text: &str) -> Result<u128, String> {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    let wei = parse_units(text, "gwei").ok().filter(|_| is_number).map(ParseUnits::get_absolute);
    wei.and_then(|wei| wei.try_into().ok()).ok_or_else(|| "not a number of gwei, such as 0.1".to_owned())
}

/// Somebody who signs, on a chain.
#[derive(Debug)]
pub struct Sender {
    /// The nodes.
    pub node: Node,
    signer: Signer,
    yes: bool,
    json: bool,
    /// Wei per gas.
    max_fee: Option<u128>,
    patience: Duration,
}

/// The transaction was printed, as `--unsigned` asks: an end, and no failure.
#[derive(Clone, Copy, Debug)]
pub struct Printed;

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("printed, not sent")
    }
}

impl std::error::Error for Printed {}

/// A transaction that another signs: what `--unsigned` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unsigned {
    chain_id: u64,
    from: Address,
    to: Address,
    value: Wei,
    data: Bytes,
    gas: u64,
    call: String,
}

/// A signed transaction that nobody has seen yet. Its hash is known, so that it can be written down before it is broadcast.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its hash.
    pub hash: B256,
    /// Number of the account's transaction.
    pub nonce: u64,
    /// As it is broadcast.
    pub raw: Bytes,
}

/// A transaction that came through.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// The call in words.
    pub call: String,
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
    /// Everything that was logged, by whatever contract, in its order.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Hash of the transaction.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// Gas that it used.
    pub const fn gas_used(&self) -> u64 {
        self.gas_used
    }

    /// Number of its block.
    pub const fn block(&self) -> u64 {
        self.block
    }

    /// The events of one kind from the contract that was called, in their order.
    pub fn events<E: SolEvent>(&self) -> Vec<E> {
        let own = self.logs.iter().filter(|log| log.address == self.to);
        own.filter_map(|log| E::decode_log(log).ok()).map(|log| log.data).collect()
    }

    /// Hash, block, gas and fee, for people.
    pub fn print(&self) {
        say(&format!("transaction {}", self.hash));
        say(&format!("block {}, {} gas, {} ETH", self.block, self.gas_used, exact(self.fee_wei.0, 18)));
    }
}

/// Prints a line. That nobody reads any more is no reason to end before the work is done.
fn say(text: &str) {
    drop(writeln!(io::stdout(), "{text}"));
}

fn in_gwei(wei: u128) -> String {
    exact(U256::from(wei), 9)
}

/// Prices of a transaction, wei per gas.
#[derive(Clone, Copy, Debug)]
struct Price {
    gas_limit: u64,
    max_fee: u128,
    tip: u128,
}

impl Price {
    /// What it may cost in gas and ether, wei.
    fn cost(&self, value: U256) -> U256 {
        value.saturating_add(U256::from(self.gas_limit).saturating_mul(U256::from(self.max_fee)))
    }
}

impl Sender {
    /// Who signs.
    pub const fn address(&self) -> Address {
        self.signer.address
    }

    /// Whether a key is here.
    pub const fn can_sign(&self) -> bool {
        self.signer.can_sign()
    }

    /// Tries the call, shows it, asks, sends it, and waits until it is in a block. Prints it instead if it is signed elsewhere.
    ///
    /// # Errors
    ///
    /// If the contract refuses, the sender cannot pay, nobody confirms, the node fails, or it takes too long; [`Printed`] if there is no key.
    pub fn send<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<Sent> {
        self.send_request(&Request::of(to, call))
    }

    /// The same for any call.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_request(&self, request: &Request) -> anyhow::Result<Sent> {
        let price = self.price(request).context("nothing was sent")?;
        if !self.can_sign() {
            self.print(request, &price)?;
            return Err(Printed.into());
        }
        self.show(request, &price);
        self.confirm("Send it?")?;
        let signed = self.sign_at(request, &price)?;
        self.broadcast(&signed)?;
        eprintln!("sent {}", signed.hash);
        self.outcome(request, signed.hash)
    }

    /// Signs a call as the account's next transaction, without asking and without sending it.
    ///
    /// # Errors
    ///
    /// If the contract refuses, the sender cannot pay, or the node fails.
    pub fn sign(&self, request: &Request) -> anyhow::Result<Signed> {
        let price = self.price(request).context("nothing was sent")?;
        self.sign_at(request, &price)
    }

    /// Signs a message of EIP-712 by its hash. Nothing is sent.
    ///
    /// # Errors
    ///
    /// If the key is elsewhere, or signs transactions only.
    pub fn sign_message(&self, hash: B256) -> anyhow::Result<Bytes> {
        Ok(self.node.wait(self.signer.sign_hash(hash))?.as_bytes().to_vec().into())
    }

    /// Sends what was signed, and does not wait.
    ///
    /// # Errors
    ///
    /// If no node takes it.
    pub fn broadcast(&self, signed: &Signed) -> anyhow::Result<()> {
        self.node.broadcast(&signed.raw).with_context(|| format!("transaction {}", signed.hash))
    }

    /// Waits until a transaction is in a block, and says what it did.
    ///
    /// # Errors
    ///
    /// If it failed there, or is in no block in time.
    pub fn outcome(&self, request: &Request, hash: B256) -> anyhow::Result<Sent> {
        let receipt = self.receipt(hash)?;
        let block = receipt.block_number.unwrap_or_default();
        if !receipt.status() {
            let reason = self.node.replay(self.address(), request, block);
            let reason = reason.map_or_else(|| "no reason to be found".to_owned(), |error| error.to_string());
            bail!("transaction {hash} failed in block {block}, {} gas: {reason}", receipt.gas_used);
        }
        let fee = u128::from(receipt.gas_used).saturating_mul(receipt.effective_gas_price);
        Ok(Sent {
            call: decode::call(&request.data),
            from: self.address(),
            to: request.to,
            hash,
            block,
            gas_used: receipt.gas_used,
            fee_wei: Wei(U256::from(fee)),
            logs: receipt.logs().iter().map(|log| log.inner.clone()).collect(),
        })
    }

    /// A fifth more gas than estimated: on Arbitrum a part of it follows the fees of another chain.
    fn price(&self, request: &Request) -> anyhow::Result<Price> {
        let account = self.address();
        let gas = self.node.estimate(account, request)?;
        let fees = self.node.ask(|provider| provider.estimate_eip1559_fees())?;
        let gas_limit = gas.saturating_add(gas / 5);
        let price = Price { gas_limit, max_fee: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas };
        if let Some(most) = self.max_fee.filter(|most| price.max_fee > *most) {
            let [proposed, most] = [price.max_fee, most].map(in_gwei);
            return Err(anyhow!("the node proposes {proposed} gwei per gas, --max-fee allows {most}"));
        }
        let (balance, cost) = (self.node.balance(account)?, price.cost(request.value));
        if self.can_sign() && balance < cost {
            let (has, needs) = (exact(balance, 18), exact(cost, 18));
            return Err(anyhow!("{account} has {has} ETH, and the transaction may cost {needs}: send it some first"));
        }
        Ok(price)
    }

    fn show(&self, request: &Request, price: &Price) {
        eprintln!("call     {}", decode::call(&request.data));
        eprintln!("from     {}", self.address());
        eprintln!("to       {}", request.to);
        if !request.value.is_zero() {
            eprintln!("value    {} ETH", exact(request.value, 18));
        }
        eprintln!("chain    {}", self.node.chain_id);
        eprintln!("gas      at most {}", price.gas_limit);
        eprintln!("max fee  {} gwei per gas", in_gwei(price.max_fee));
        eprintln!("cost     at most {} ETH", exact(price.cost(request.value), 18));
    }

    fn print(&self, request: &Request, price: &Price) -> anyhow::Result<()> {
        let unsigned = Unsigned {
            chain_id: self.node.chain_id,
            from: self.address(),
            to: request.to,
            value: Wei(request.value),
            data: request.data.clone(),
            gas: price.gas_limit,
            call: decode::call(&request.data),
        };
        if !self.json {
            self.show(request, price);
            say(&request.data.to_string());
            return Ok(());
        }
        say(&serde_json::to_string_pretty(&unsigned)?);
        Ok(())
    }

    /// Asks a question, unless `--yes` answered all.
    ///
    /// # Errors
    ///
    /// If the answer is no.
    pub fn confirm(&self, question: &str) -> anyhow::Result<()> {
        if self.yes || !self.can_sign() {
            return Ok(());
        }
        eprint!("{question} [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(anyhow!("nothing was sent")),
        }
    }

    fn sign_at(&self, request: &Request, price: &Price) -> anyhow::Result<Signed> {
        let nonce = self.node.nonce(self.address())?;
        let mut transaction = TxEip1559 {
            chain_id: self.node.chain_id,
            nonce,
            gas_limit: price.gas_limit,
            max_fee_per_gas: price.max_fee,
            max_priority_fee_per_gas: price.tip,
            to: TxKind::Call(request.to),
            value: request.value,
            input: request.data.clone(),
            ..TxEip1559::default()
        };
        let signature = self.node.wait(self.signer.sign(&mut transaction))?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Ok(Signed { hash: *envelope.tx_hash(), nonce, raw: envelope.encoded_2718().into() })
    }

    /// Waits until a transaction is in a block.
    ///
    /// # Errors
    ///
    /// If it is in none in time.
    pub fn receipt(&self, hash: B256) -> anyhow::Result<TransactionReceipt> {
        let start = Instant::now();
        loop {
            let found = self.node.receipt(hash);
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
