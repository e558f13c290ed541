//! `tidepool fork`: what a pool and its tokens hold on a chain, as a state file of the embedded chain.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use alloy_dyn_abi::{DynSolValue, JsonAbiExt};
use alloy_json_abi::{Function, JsonAbi, StateMutability};
use alloy_primitives::{Address, B256, U256};
use clap::Args;
use client::{
    ARB_WASM, Node, Request, Rpc,
    bindings::{ArbWasm, IDebtAccounting as D, IDiamondCut, IPoolViews as V, IToken},
    decode::interface,
};
use serde::Serialize;

use crate::{
    output::{self, Failure, say},
    pool::scene::{PoolArguments, Scene},
    rehearsal::{Rehearsal, people::People, words::Names},
};

/// What is not in the file, whatever the chain has.
const LEFT_OUT: [&str; 4] = [
    "transactions, blocks and logs from before: block 0 of the file has the time of the block that was copied",
    "accounts that no event of the pool's contracts names, and what they hold of the tokens",
    "contracts beside pool, distributor, borrowers and tokens: exchanges, Safes and timelocks have their code at most",
    "allowances of the tokens, but those of the treasury and of stakers for pool and distributor",
];

#[derive(Debug, Args)]
pub(crate) struct Fork {
    /// File to write; devnode --state reads it
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// The block to copy; the newest by default
    #[arg(long, value_name = "NUMBER")]
    block: Option<u64>,
    #[command(flatten)]
    place: PoolArguments,
    #[command(flatten)]
    rpc: Rpc,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was copied.
#[derive(Debug, Serialize)]
struct Copied {
    chain: u64,
    block: u64,
    hash: B256,
    time: u64,
    state: PathBuf,
    contracts: usize,
    accounts: usize,
    stakers: usize,
    borrowers: usize,
    views: usize,
    left_out: [&'static str; 4],
}

impl Fork {
    /// Copies by asking for everything that views and the table of storage lead to.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let rehearsal = Rehearsal::begin(&self.rpc, self.block)?;
        let node = &rehearsal.node;
        let at = node.at_latest()?;
        let scene = self.place.scene(node)?;
        let people = People::read(node, &scene, at.block)?;
        let mut reader = Reader { node, views: 0 };
        let contracts = reader.contracts(&scene)?;
        reader.accounts(&scene, &people)?;
        reader.words(&scene, &people)?;
        rehearsal.embedded().save_copy(&self.state)?;
        let copied = Copied {
            chain: node.chain_id,
            block: at.block,
            hash: at.hash,
            time: at.time,
            state: self.state,
            contracts,
            accounts: people.all.len(),
            stakers: people.stakers.len(),
            borrowers: people.borrowers.iter().filter(|borrower| !borrower.is_zero()).count(),
            views: reader.views,
            left_out: LEFT_OUT,
        };
        if self.json {
            return output::json(&copied);
        }
        copied.print();
        Ok(())
    }
}

impl Copied {
    fn print(&self) {
        let Self { chain, block, contracts, accounts, stakers, borrowers, views, .. } = self;
        say!("copied chain {chain} after block {block} to {}", self.state.display());
        say!(
            "{contracts} contracts, {accounts} accounts, of them {stakers} stakers and {borrowers} borrowers; {views} views asked"
        );
        say!("not copied:");
        self.left_out.iter().for_each(|what| say!("  {what}"));
        say!("start it by: devnode --chain-id {chain} --state {}", self.state.display());
    }
}

/// Asks on a fork, which keeps what it read.
struct Reader<'a> {
    node: &'a Node,
    views: usize,
}

impl Reader<'_> {
    /// Code, records and plain views of every contract; how many there are.
    fn contracts(&mut self, scene: &Scene) -> anyhow::Result<usize> {
        let mut contracts: BTreeMap<Address, Vec<JsonAbi>> = BTreeMap::new();
        let of = |names: &[&str]| names.iter().filter_map(|name| interface(name)).collect::<Vec<_>>();
        for (address, name) in scene.named() {
            let known = match name {
                "Pool" => of(&["pool"]),
                "MerkleDistributor" => of(&["IMerkleDistributor", "IRoles"]),
                "RewardsOracle" => of(&["IRewardsOracle", "IRoles"]),
                name if name.starts_with("Borrower-") => of(&["ITrustedBorrowerL2Proxy"]),
                _ => Vec::new(),
            };
            contracts.insert(address, known);
        }
        contracts.insert(scene.pool, of(&["pool"]));
        for facet in self.node.view(scene.pool, &IDiamondCut::facetsCall {})? {
            contracts.entry(facet.facetAddress).or_default();
        }
        for token in [&scene.staked, &scene.rewards] {
            contracts.insert(token.address, of(&["IStakedToken"]));
        }
        for (address, interfaces) in &contracts {
            self.node.code(*address)?;
            self.node.balance(*address)?;
            self.records(*address);
            for function in interfaces.iter().flat_map(JsonAbi::functions) {
                if function.inputs.is_empty() {
                    self.ask(*address, function, &[]);
                }
            }
        }
        Ok(contracts.len())
    }

    /// The activation of a program, and its place in the cache.
    fn records(&mut self, program: Address) {
        // Refused for what is no program.
        let _ = self.node.view(ARB_WASM, &ArbWasm::programVersionCall { program });
        let _ = self.node.view(ARB_WASM, &ArbWasm::programInitGasCall { program });
        let _ = self.node.view(ARB_WASM, &ArbWasm::programMemoryFootprintCall { program });
        let _ = self.node.view(ARB_WASM, &ArbWasm::programTimeLeftCall { program });
        self.views += 4;
    }

    /// Views of one account, for each account that is known; roles, allowances, indexes.
    fn accounts(&mut self, scene: &Scene, people: &People) -> anyhow::Result<()> {
        let pool = interface("pool").unwrap_or_default();
        let one: Vec<_> = pool.functions().filter(|function| takes(function, &["address"])).collect();
        for account in &people.all {
            self.node.balance(*account)?;
            self.node.code(*account)?;
            for function in &one {
                self.ask(scene.pool, function, &[DynSolValue::Address(*account)]);
            }
            for token in [&scene.staked, &scene.rewards] {
                let _ = self.node.view(token.address, &IToken::balanceOfCall { account: *account });
                for spender in scene.addresses().chain([scene.pool]).collect::<BTreeSet<_>>() {
                    let _ = self.node.view(token.address, &IToken::allowanceCall { owner: *account, spender });
                    self.views += 1;
                }
            }
        }
        let has_role = pool.function("hasRole").and_then(|all| all.first());
        for (contract, role, account) in &people.roles {
            let arguments = [DynSolValue::FixedBytes(*role, 32), DynSolValue::Address(*account)];
            has_role.iter().for_each(|function| self.ask(*contract, function, &arguments));
        }
        let state = scene.state(&self.node.at_latest()?)?;
        let epochs = state.epoch.saturating_to::<u64>().saturating_add(2);
        for epoch in 0..epochs {
            let _ = self.node.view(scene.pool, &V::getEpochIndexCall { epoch: U256::from(epoch) });
        }
        for index in 0..state.shortfallCount.saturating_to() {
            self.node.view(scene.pool, &D::getShortfallCall { index: U256::from(index) })?;
        }
        Ok(())
    }

    /// The pool's words by its table, also those that no view leads to.
    fn words(&mut self, scene: &Scene, people: &People) -> anyhow::Result<()> {
        let epochs = scene.state(&self.node.at_latest()?)?.epoch.saturating_to::<u64>().saturating_add(2);
        for slot in Names::of_pool(scene, people, epochs).slots() {
            self.node.storage(scene.pool, slot.into())?;
        }
        Ok(())
    }

    /// Asks a view whose answer nobody needs: what it read is kept. A refusal is an answer.
    fn ask(&mut self, contract: Address, function: &Function, arguments: &[DynSolValue]) {
        let is_view = matches!(function.state_mutability, StateMutability::Pure | StateMutability::View);
        if let (true, Ok(data)) = (is_view, function.abi_encode_input(arguments)) {
            let request = Request { to: contract, value: U256::ZERO, data: data.into() };
            let _ = self.node.call_latest(None, &request);
            self.views += 1;
        }
    }
}

fn takes(function: &Function, types: &[&str]) -> bool {
    function.inputs.iter().map(|input| input.ty.as_str()).eq(types.iter().copied())
}
