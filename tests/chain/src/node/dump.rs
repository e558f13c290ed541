//! A chain in a file.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use stylus_vm::ARBOS_VERSIONS;

use super::{
    NodeSettings, builder,
    clock::Clock,
    ledger::{Mined, MinedTransaction, World},
    pool::Submitted,
};
use crate::{
    block::Block, embedded::Embedded, execution::Mode, genesis::genesis, receipt::Receipt, state::State,
    transaction::Transaction,
};

/// Changes whenever an older file would be misread.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dump {
    version: u32,
    chain_id: u64,
    genesis_timestamp: u64,
    base_fee: u64,
    clock_offset: i64,
    next_time: u64,
    accounts: BTreeMap<Address, SavedAccount>,
    blocks: Vec<SavedBlock>,
    waiting: Vec<SavedTransaction>,
}

#[derive(Serialize, Deserialize)]
struct SavedAccount {
    balance: U256,
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<B256, B256>,
}

#[derive(Serialize, Deserialize)]
struct SavedBlock {
    block: Block,
    arbos: u64,
    transactions: Vec<(SavedTransaction, Receipt)>,
}

#[derive(Serialize, Deserialize)]
struct SavedTransaction {
    raw: Bytes,
    from: Address,
    impersonated: bool,
}

pub(super) fn save(world: &World, path: &Path) -> io::Result<()> {
    if world.chain.world.state.is_fork() {
        return Err(io::Error::other("a fork is not saved: it has a part of its state elsewhere"));
    }
    let dump = serde_json::to_vec(&Dump::of(world)).map_err(io::Error::other)?;
    write_atomically(path, &dump)
}

/// A fork as far as it is known, as a chain of its own: its first block has the time of the fork's newest.
pub(super) fn save_copy(world: &World, settings: &NodeSettings, path: &Path) -> io::Result<()> {
    let (chain, arbos) = (&world.chain, world.chain.arbos_version());
    if !ARBOS_VERSIONS.contains(&arbos) {
        return Err(io::Error::other(format!("no rules for ArbOS {arbos}, which the chain runs")));
    }
    let head = chain.head();
    let mut state = genesis(arbos, chain.chain_id());
    chain.world.state.copy_to(&mut state);
    let builder = builder(settings, head.timestamp).l1_number(head.l1_number).base_fee(head.base_fee);
    let clock = Clock::new(settings.frozen.then_some(head.timestamp));
    let copy = World::new(builder.over(state), clock, settings.history);
    let dump = serde_json::to_vec(&Dump::of(&copy)).map_err(io::Error::other)?;
    write_atomically(path, &dump)
}

/// To a file beside it first, then renamed: whoever looks finds the old chain or the new one.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

pub(super) fn load(settings: &NodeSettings, path: &Path) -> io::Result<World> {
    let dump: Dump = serde_json::from_slice(&fs::read(path)?).map_err(|error| refused(path, &error))?;
    if dump.version != VERSION {
        return Err(refused(path, &format_args!("its format is {}, not {VERSION}", dump.version)));
    }
    if dump.chain_id != settings.chain_id {
        return Err(refused(path, &format_args!("its chain id is {}, not {}", dump.chain_id, settings.chain_id)));
    }
    dump.restore(settings).map_err(|error| refused(path, &error))
}

fn refused(path: &Path, reason: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", path.display()))
}

impl Dump {
    fn of(world: &World) -> Self {
        let accounts = world.chain.world.state.accounts().map(|(address, account)| {
            let storage = account.storage.iter().map(|(slot, word)| ((*slot).into(), (*word).into())).collect();
            let code = world.chain.code(*address);
            let info = &account.info;
            (*address, SavedAccount { balance: info.balance, nonce: info.nonce, code, storage })
        });
        let blocks = world.mined.iter().map(|mined| SavedBlock {
            block: Block::clone(&mined.block),
            arbos: mined.arbos,
            transactions: mined
                .transactions
                .iter()
                .map(|own| (SavedTransaction::of(&own.submitted), Receipt::clone(&own.receipt)))
                .collect(),
        });
        Self {
            version: VERSION,
            chain_id: world.chain.chain_id(),
            genesis_timestamp: world.chain.settings.timestamp,
            base_fee: world.chain.base_fee(),
            clock_offset: world.clock.offset(),
            next_time: world.clock.peek(world.head().block.timestamp),
            accounts: accounts.collect(),
            blocks: blocks.collect(),
            waiting: world.pool.in_order().iter().map(|(_, waiting)| SavedTransaction::of(waiting)).collect(),
        }
    }

    fn restore(self, settings: &NodeSettings) -> Result<World, String> {
        let mut chain = builder(settings, self.genesis_timestamp).build_embedded();
        chain.world.state = State::default();
        for (address, account) in self.accounts {
            chain.set_balance(address, account.balance);
            chain.set_nonce(address, account.nonce);
            chain.set_code(address, account.code);
            account.storage.into_iter().for_each(|(slot, word)| chain.set_storage(address, slot.into(), word.into()));
        }
        chain.set_base_fee(self.base_fee);
        let blocks = self.blocks.into_iter().map(SavedBlock::restore).collect::<Result<Vec<_>, _>>()?;
        let last = chain_together(&mut chain, &blocks)?;
        let clock = if settings.frozen {
            Clock::new(Some(self.next_time.max(last)))
        } else {
            Clock::restored(None, self.clock_offset)
        };
        let mut world = World::restored(chain, clock, settings.history, blocks);
        world.automine = settings.automine;
        for waiting in self.waiting {
            world.pool.add(waiting.restore()?)?;
        }
        Ok(world)
    }
}

/// Puts the blocks into a chain that has the state after the last of them; its time.
fn chain_together(chain: &mut Embedded, blocks: &[Arc<Mined>]) -> Result<u64, String> {
    let mut parent = B256::ZERO;
    chain.world.blocks = Default::default();
    for (number, mined) in (0..).zip(blocks) {
        let block = &mined.block;
        let hash = block.header(mined.arbos).hash_slow();
        if block.number != number || block.parent_hash != parent || block.hash != hash {
            return Err(format!("block {number} does not follow from the one before"));
        }
        parent = block.hash;
        chain.world.blocks.push_back_mut(block.clone());
        for own in &mined.transactions {
            chain.world.receipts.insert_mut(own.submitted.hash(), own.receipt.clone());
        }
    }
    let head = blocks.last().ok_or("it has no blocks")?.block.clone();
    let last = head.timestamp;
    (chain.world.head, chain.world.time) = (head, last);
    Ok(last)
}

impl SavedBlock {
    fn restore(self) -> Result<Arc<Mined>, String> {
        let (mut transactions, mut cumulative_gas, mut first_log) = (Vec::new(), 0, 0);
        for (index, (saved, receipt)) in self.transactions.into_iter().enumerate() {
            let submitted = saved.restore()?;
            cumulative_gas += receipt.gas.used;
            let logs = receipt.logs.len();
            let receipt = Arc::new(receipt);
            transactions.push(MinedTransaction { submitted, receipt, index, cumulative_gas, first_log });
            first_log += logs;
        }
        Ok(Arc::new(Mined { block: Arc::new(self.block), arbos: self.arbos, transactions }))
    }
}

impl SavedTransaction {
    fn of(submitted: &Submitted) -> Self {
        Self {
            raw: submitted.envelope.encoded_2718().into(),
            from: submitted.transaction.from,
            impersonated: submitted.mode == Mode::Free,
        }
    }

    fn restore(self) -> Result<Arc<Submitted>, String> {
        let envelope =
            alloy_consensus::TxEnvelope::decode_2718(&mut self.raw.as_ref()).map_err(|error| error.to_string())?;
        let transaction = Transaction::of(&envelope, self.from);
        let mode = if self.impersonated { Mode::Free } else { Mode::Paid };
        Ok(Arc::new(Submitted { envelope, transaction, mode }))
    }
}
