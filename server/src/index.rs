//! From a node's logs to the database: backfill in ranges that follow the node's limits, then block by block behind the head.
//!
//! What a node says is not believed unseen. Behind the head each block has its parent, each log the hash of its block, and a block whose bloom
//! names a contract has a log of it, or its receipts say why not. A range is written only if the logs follow from those before, and the totals
//! that they lead to are those of the pool's getters wherever the node still has the state.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, BloomInput};
use alloy_rpc_types_eth::{BlockNumberOrTag, Filter, Header, Log};
use alloy_sol_types::SolEventInterface;
use anyhow::{Context, anyhow, bail};
use client::{
    Node, State,
    bindings::{IPoolEvents::IPoolEventsEvents, IPoolViews},
};

use crate::{
    ledger::{self, Ledger, Pool},
    logs::{Contracts, Kind, Words},
    store::{Block, Points, Range, Reorganisation, WINDOW, Writer},
};

/// Blocks of the first range that is asked for, and of the widest.
const SPAN: u64 = 1_000;
const SPAN_MAX: u64 = 200_000;

/// Logs in a range after which it is wide enough.
const ENOUGH: usize = 5_000;

/// Between two looks at what is final.
const LOOK: Duration = Duration::from_secs(5);

/// Accounts that are remembered between ranges.
const ACCOUNTS: usize = 100_000;

/// Logs by block and place in it.
type Logs = BTreeMap<(u64, u64), Log>;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is new.
    Idle(Block),
    /// Blocks were taken in, so many events among them; whether more wait.
    Advanced(Block, usize, bool),
    /// Blocks were taken back.
    TakenBack(Reorganisation),
}

/// A reorganisation deeper than what is remembered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the chain has changed below block {0}, the oldest whose hash is kept: stop the server and start it once with --reindex, which builds the \
     index again"
)]
pub struct TooDeep(pub u64);

/// Follows a chain.
#[derive(Debug)]
pub struct Index {
    node: Node,
    contracts: Contracts,
    words: Words,
    watched: BTreeMap<Address, Kind>,
    writer: Writer,
    ledger: Option<Ledger>,
    window: BTreeMap<u64, Block>,
    span: u64,
    runtime: tokio::runtime::Handle,
    /// The last block that cannot be taken back, if the node tells.
    pub finalized: Option<u64>,
    /// When that was asked.
    looked: Option<Instant>,
    /// How long the node's answers took in all.
    pub waited: Duration,
}

impl Index {
    /// Goes on from where the database is.
    ///
    /// # Errors
    ///
    /// If the database is of another chain, of other contracts, or fails.
    pub fn new(
        node: Node,
        contracts: Contracts,
        mut writer: Writer,
        runtime: tokio::runtime::Handle,
    ) -> anyhow::Result<Self> {
        let (ledger, window, borrowers) = runtime.block_on(async {
            writer.expect("chain", &node.chain_id.to_string()).await?;
            writer.expect("pool", &contracts.pool.to_string()).await?;
            let distributor = contracts.distributor.map_or_else(|| "none".to_owned(), |it| it.to_string());
            writer.expect("distributor", &distributor).await?;
            anyhow::Ok((writer.ledger().await?, writer.window().await?, writer.borrowers().await?))
        })?;
        let mut watched = contracts.watched();
        for borrower in borrowers.into_iter().filter(|borrower| !borrower.is_zero()) {
            watched.entry(borrower).or_insert(Kind::Proxy);
        }
        let window = window.into_iter().map(|block| (block.number, block)).collect();
        let words = Words::default();
        let waited = Duration::ZERO;
        let (finalized, looked) = (None, None);
        Ok(Self {
            node,
            contracts,
            words,
            watched,
            writer,
            ledger,
            window,
            span: SPAN,
            runtime,
            finalized,
            looked,
            waited,
        })
    }

    /// The last block that is in the database.
    pub fn tip(&self) -> Option<Block> {
        self.window.last_key_value().map(|(_, block)| *block)
    }

    /// Whether the connection that writes, and with it the lock, is alive.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub fn ping(&mut self) -> anyhow::Result<()> {
        self.runtime.block_on(self.writer.ping())
    }

    /// Takes in the next range, or takes back what the chain has dropped.
    ///
    /// # Errors
    ///
    /// If the node or the database fails, or the node's answers cannot all be true; nothing has changed then.
    pub fn step(&mut self) -> anyhow::Result<Step> {
        let step = self.try_step();
        if step.is_err() {
            // Whatever a range has done to it that was not written.
            self.ledger = self.runtime.block_on(self.writer.ledger())?;
        }
        step
    }

    fn try_step(&mut self) -> anyhow::Result<Step> {
        let chain = self.timed(|node| node.chain_id_now())?;
        if chain != self.node.chain_id {
            bail!("the node has changed from chain {} to chain {chain}", self.node.chain_id);
        }
        let head = self.timed(|node| node.block(BlockNumberOrTag::Latest.into()))?.header;
        self.look()?;
        if let Some(tip) = self.tip() {
            if head.number == tip.number && head.hash == tip.hash {
                return Ok(Step::Idle(tip));
            }
            if let Some(fork) = self.fork(tip)? {
                return self.take_back(fork, tip);
            }
            if head.number <= tip.number {
                return Ok(Step::Idle(tip)); // Another node that is behind.
            }
        }
        let from = self.tip().map_or(self.contracts.start, |tip| tip.number + 1);
        if from > head.number {
            bail!("the node's head is block {}, the contracts begin with block {from}", head.number);
        }
        let is_far = head.number - from > WINDOW;
        let last = if is_far { head.number - WINDOW } else { head.number };
        self.advance(from, last.min(from + self.span - 1), !is_far, head.number)
    }

    /// Asks once in a while what cannot be taken back, and lets others know that this process is alive.
    fn look(&mut self) -> anyhow::Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        self.finalized = self.timed(Node::finalized).map(|header| header.number);
        self.runtime.block_on(self.writer.say(crate::now(), self.finalized))
    }

    fn timed<T>(&mut self, ask: impl FnOnce(&Node) -> T) -> T {
        let start = Instant::now();
        let answer = ask(&self.node);
        self.waited += start.elapsed();
        answer
    }

    fn header(&mut self, number: u64) -> anyhow::Result<Option<Header>> {
        Ok(self.timed(|node| node.headers(&[number]))?.pop().flatten())
    }

    /// The last block that both chains have, if the node's chain is not this one any more.
    fn fork(&mut self, tip: Block) -> anyhow::Result<Option<u64>> {
        let same = |index: &mut Self, block: Block| -> anyhow::Result<bool> {
            Ok(index.header(block.number)?.is_some_and(|header| header.hash == block.hash))
        };
        if same(self, tip)? {
            return Ok(None);
        }
        let blocks: Vec<_> = self.window.values().copied().collect();
        let (mut common, mut lost) = (None, blocks.len() - 1);
        // A block's hash stands for all before it.
        let mut from = 0;
        while from < lost {
            let middle = from + (lost - from) / 2;
            if same(self, blocks[middle])? {
                (common, from) = (Some(blocks[middle].number), middle + 1);
            } else {
                lost = middle;
            }
        }
        match common {
            // A node that is behind has the tip's parents, and not the tip: nothing is lost until it has another block of that number.
            Some(common) if self.header(common + 1)?.is_none() => Ok(None),
            Some(common) => Ok(Some(common)),
            None if self.header(blocks[0].number)?.is_none() => Ok(None),
            None if blocks[0].number == self.contracts.start => Ok(Some(self.contracts.start.saturating_sub(1))),
            None => Err(TooDeep(blocks[0].number).into()),
        }
    }

    fn take_back(&mut self, to: u64, tip: Block) -> anyhow::Result<Step> {
        let taken = self.runtime.block_on(async {
            let taken = self.writer.take_back(to, tip.number - to, tip.time).await?;
            self.ledger = self.writer.ledger().await?;
            anyhow::Ok(taken)
        })?;
        self.window.retain(|number, _| *number <= to);
        Ok(Step::TakenBack(taken))
    }

    fn advance(&mut self, from: u64, wanted: u64, is_near: bool, head: u64) -> anyhow::Result<Step> {
        let mut headers = if is_near { self.chained(from, wanted)? } else { Vec::new() };
        let filter = Filter::new().address(self.watched.keys().copied().collect::<Vec<_>>());
        let mut to = wanted;
        let (last, logs) = loop {
            let last = self.header(to)?.with_context(|| format!("the node has no block {to} any more"))?;
            match self.timed(|node| node.logs_of_range(&filter, from, to)) {
                Ok(logs) => break (last, logs),
                Err(error) if from == to => return Err(error.into()),
                Err(_) => {
                    self.span = (to - from).div_ceil(2);
                    to = from + self.span - 1;
                }
            }
        };
        headers.truncate((to - from + 1) as usize);
        let logs = in_order(logs, from, to, &|address| self.watched.contains_key(&address))?;
        let times = if is_near { times_of(&headers, &logs)? } else { self.times(&logs)? };
        if is_near {
            self.expect_whole(&headers, &logs)?;
        }
        if self.header(to)?.is_none_or(|after| after.hash != last.hash) {
            bail!("the chain changed while blocks {from} to {to} were read");
        }
        if logs.len() < ENOUGH && to - from + 1 >= self.span {
            self.span = (self.span * 2).min(SPAN_MAX);
        }
        let tip = Block { number: to, hash: last.hash, time: last.timestamp };
        let mut range = self.range(&logs, &times)?;
        range.blocks = match headers.as_slice() {
            [] => vec![tip],
            headers => headers.iter().map(block_of).collect(),
        };
        let borrowers = self.new_borrowers(&mut range, to)?;
        self.compare(tip, to == head)?;
        self.runtime.block_on(self.writer.write(&range))?;
        self.watched.extend(borrowers.into_iter().map(|borrower| (borrower, Kind::Proxy)));
        self.window.extend(range.blocks.iter().map(|block| (block.number, *block)));
        self.window.retain(|number, _| *number + WINDOW >= to);
        if let Some(ledger) = &mut self.ledger
            && ledger.stakers.len() > ACCOUNTS
        {
            ledger.stakers.clear();
        }
        Ok(Step::Advanced(tip, range.events.len(), to < head))
    }

    /// Headers of these blocks, each the parent of the next.
    fn chained(&mut self, from: u64, to: u64) -> anyhow::Result<Vec<Header>> {
        let numbers: Vec<_> = (from..=to).collect();
        let headers = self.timed(|node| node.headers(&numbers))?;
        let headers = headers.into_iter().collect::<Option<Vec<_>>>();
        let headers = headers.with_context(|| format!("the node left out a block between {from} and {to}"))?;
        let mut parent = self.tip().map(|tip| tip.hash);
        for (number, header) in numbers.into_iter().zip(&headers) {
            if header.number != number || parent.is_some_and(|parent| parent != header.parent_hash) {
                bail!("block {number} does not follow from the one before");
            }
            parent = Some(header.hash);
        }
        Ok(headers)
    }

    /// The time of each block that has a log.
    fn times(&mut self, logs: &Logs) -> anyhow::Result<BTreeMap<u64, u64>> {
        let mut times = BTreeMap::new();
        let mut unknown = BTreeMap::new();
        for ((block, _), log) in logs {
            match log.block_timestamp {
                Some(time) => drop(times.insert(*block, time)),
                None => drop(unknown.insert(*block, log.block_hash)),
            }
        }
        let numbers: Vec<_> = unknown.keys().copied().collect();
        let headers = self.timed(|node| node.headers(&numbers))?;
        for ((number, hash), header) in unknown.into_iter().zip(headers) {
            let header = header.with_context(|| format!("the node has logs of block {number}, and not the block"))?;
            if Some(header.hash) != hash {
                bail!("the node gave logs of another block {number} than the one that it has");
            }
            times.insert(number, header.timestamp);
        }
        Ok(times)
    }

    /// Refuses an answer that leaves out logs.
    fn expect_whole(&mut self, headers: &[Header], logs: &Logs) -> anyhow::Result<()> {
        let watched: BTreeSet<_> = self.watched.keys().copied().collect();
        let named = |header: &Header| {
            watched.iter().any(|address| header.logs_bloom.contains_input(BloomInput::Raw(address.as_slice())))
        };
        for header in headers.iter().filter(|header| named(header)) {
            let given: Vec<_> = logs.range((header.number, 0)..(header.number + 1, 0)).map(|(_, log)| log).collect();
            let Some(receipts) = self.timed(|node| node.logs_by_receipts(header.hash)) else { continue };
            let ours = receipts.iter().filter(|log| watched.contains(&log.address()));
            let ours: Vec<_> = ours.map(|log| (log.log_index, &log.inner)).collect();
            let given: Vec<_> = given.into_iter().map(|log| (log.log_index, &log.inner)).collect();
            if ours != given {
                let (number, found, expected) = (header.number, given.len(), ours.len());
                bail!("block {number}: the node gave {found} logs, its receipts have {expected}, or others");
            }
        }
        Ok(())
    }

    /// What the logs say, and the states that they lead to.
    fn range(&mut self, logs: &Logs, times: &BTreeMap<u64, u64>) -> anyhow::Result<Range> {
        let mut pool_logs = BTreeMap::<u64, Vec<(u64, IPoolEventsEvents)>>::new();
        let mut range = Range::default();
        for ((block, position), log) in logs {
            let kind = self.watched[&log.address()];
            let tx = log.transaction_hash.unwrap_or_default();
            range.events.push(self.words.event(kind, log, (*block, times[block]), *position, tx));
            if kind == Kind::Pool
                && let Ok(event) = IPoolEventsEvents::decode_raw_log(log.topics(), &log.inner.data.data)
            {
                pool_logs.entry(*block).or_default().push((*position, event));
            }
        }
        if pool_logs.is_empty() {
            return Ok(range);
        }
        let first = times[pool_logs.keys().next().context("there is a first")?];
        let mut ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => self.beginning(first)?,
        };
        let events = pool_logs.values().flatten().map(|(_, event)| ledger::named(event));
        let (mut stakers, mut borrowers) = (BTreeSet::new(), BTreeSet::new());
        for (some, others) in events {
            stakers.extend(some);
            borrowers.extend(others);
        }
        self.runtime.block_on(self.writer.know(&mut ledger, stakers, borrowers))?;
        for (number, events) in pool_logs {
            let hash = logs.range((number, 0)..).next().and_then(|(_, log)| log.block_hash).unwrap_or_default();
            let block = Block { number, hash, time: times[&number] };
            ledger.begin(block.time);
            for (position, event) in &events {
                ledger.take(*position, event).with_context(|| format!("block {number}"))?;
            }
            note(&ledger, block, &mut range.points);
        }
        self.ledger = Some(ledger);
        Ok(range)
    }

    /// The pool before its first log.
    fn beginning(&mut self, time: u64) -> anyhow::Result<Ledger> {
        let pool = self.contracts.pool;
        let (start, end) = self.timed(|node| {
            let start = node.view(pool, &IPoolViews::DISTRIBUTION_STARTCall {})?;
            anyhow::Ok((start, node.view(pool, &IPoolViews::DISTRIBUTION_ENDCall {})?))
        })?;
        let distribution = (start.saturating_to(), end.saturating_to());
        let pool = Pool { time, distribution, clock: time.max(distribution.0), ..Pool::default() };
        Ok(Ledger { pool, ..Ledger::default() })
    }

    /// Whoever has got a share in the range and was not followed; what its contract logged so far is added.
    fn new_borrowers(&mut self, range: &mut Range, to: u64) -> anyhow::Result<BTreeSet<Address>> {
        let named = range.points.borrowers.iter().map(|(_, borrower, _)| *borrower);
        let new = named.filter(|borrower| !borrower.is_zero() && !self.watched.contains_key(borrower));
        let new: BTreeSet<_> = new.collect();
        for borrower in &new {
            let (filter, start) = (Filter::new().address(*borrower), self.contracts.start);
            let logs = self.timed(|node| node.logs_between(&filter, start, to))?;
            let logs = in_order(logs, start, to, &|address| address == *borrower)?;
            let times = self.times(&logs)?;
            let events = logs.iter().map(|((block, position), log)| {
                let tx = log.transaction_hash.unwrap_or_default();
                self.words.event(Kind::Proxy, log, (*block, times[block]), *position, tx)
            });
            range.events.extend(events);
        }
        Ok(new)
    }

    /// Compares the totals with the pool's getters. Far from the head a node may not have the state any more.
    fn compare(&mut self, tip: Block, must: bool) -> anyhow::Result<()> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let mut pool = ledger.pool;
        pool.advance(tip.time);
        let address = self.contracts.pool;
        let start = Instant::now();
        let at = self.node.at(tip.number, tip.hash, tip.time);
        let state = at.view(address, &IPoolViews::getPoolCall {});
        self.waited += start.elapsed();
        let state = match state {
            Ok(state) => state,
            Err(error) if must => return Err(error),
            Err(_) => return Ok(()),
        };
        if !state.started {
            return Ok(());
        }
        let pairs = [
            ("active stake", state.activeCurrentEpoch, pool.active.now),
            ("active stake of the next epoch", state.activeNextEpoch, pool.active.next),
            ("inactive stake", state.inactiveCurrentEpoch, pool.inactive.now),
            ("inactive stake of the next epoch", state.inactiveNextEpoch, pool.inactive.next),
            ("loans", state.borrowed, pool.borrowed),
            ("debt", state.borrowerDebt, pool.borrower_debt),
            ("repaid debt", state.debtAvailableToWithdraw, pool.repaid_debt),
            ("index of rewards", state.globalIndex, pool.index_now()),
        ];
        match pairs.into_iter().find(|(_, chain, logs)| chain != logs) {
            None => Ok(()),
            Some((what, chain, logs)) => Err(anyhow!(
                "block {}: {what} is {chain} by the pool's getter and {logs} by its logs: the node left some out",
                tip.number
            )),
        }
    }
}

fn block_of(header: &Header) -> Block {
    Block { number: header.number, hash: header.hash, time: header.timestamp }
}

/// The time of each block that has a log, which must be one of these blocks.
fn times_of(headers: &[Header], logs: &Logs) -> anyhow::Result<BTreeMap<u64, u64>> {
    let by_number: BTreeMap<_, _> = headers.iter().map(|header| (header.number, header)).collect();
    for ((number, _), log) in logs {
        if by_number.get(number).map(|header| header.hash) != log.block_hash {
            bail!("the node gave logs of another block {number} than the one that it has");
        }
    }
    Ok(headers.iter().map(|header| (header.number, header.timestamp)).collect())
}

/// Notes the states after a block.
fn note(ledger: &Ledger, block: Block, points: &mut Points) {
    let changed = &ledger.changed;
    points.pools.push((block, ledger.pool));
    points.stakers.extend(changed.stakers.iter().map(|staker| (block, *staker, ledger.stakers[staker])));
    points.borrowers.extend(changed.borrowers.iter().map(|borrower| (block, *borrower, ledger.borrowers[borrower])));
    let number = block.number;
    let shortfall = |(position, place): &(u64, u64)| (number, *position, *place, ledger.shortfalls[*place as usize]);
    points.shortfalls.extend(changed.shortfalls.iter().map(shortfall));
    points.epoch_indexes.extend(changed.epochs.iter().map(|epoch| (number, *epoch, ledger.epoch_indexes[epoch])));
}

/// Logs in the chain's order, each once.
fn in_order(logs: Vec<Log>, from: u64, to: u64, is_ours: &dyn Fn(Address) -> bool) -> anyhow::Result<Logs> {
    let mut ordered = BTreeMap::new();
    for log in logs {
        let (Some(block), Some(position), Some(_), Some(_)) =
            (log.block_number, log.log_index, log.block_hash, log.transaction_hash)
        else {
            bail!("the node gave a log that is in no block");
        };
        if log.removed || block < from || block > to || !is_ours(log.address()) {
            bail!("the node gave a log of block {block} by {} that was not asked for", log.address());
        }
        if let Some(other) = ordered.insert((block, position), log.clone())
            && other != log
        {
            bail!("the node gave two different logs {position} of block {block}");
        }
    }
    let mut hashes = BTreeMap::<u64, Option<B256>>::new();
    for ((block, _), log) in &ordered {
        if *hashes.entry(*block).or_insert(log.block_hash) != log.block_hash {
            bail!("the node gave logs of two blocks {block}");
        }
    }
    Ok(ordered)
}
