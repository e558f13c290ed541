//! Present figures: what the contracts' getters say at the block up to which the index goes. Never a sum over events.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::SolCall;
use anyhow::{Context, anyhow};
use client::{Node, Request, Rpc};
use tokio::sync::Semaphore;

use crate::store::Block;

/// Calls at a time.
const READERS: usize = 8;

/// Answers that are remembered of one block.
const REMEMBERED: usize = 50_000;

/// A call and what it answered.
type Answers = HashMap<(Address, Bytes), Result<Bytes, Bytes>>;

/// Reads contracts. The same question at the same block is asked once.
#[derive(Debug)]
pub struct Chain {
    rpc: Rpc,
    idle: Arc<Mutex<Vec<Node>>>,
    places: Semaphore,
    answers: Mutex<(B256, Answers)>,
}

/// A contract that refused to answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {}", client::decode::error(.0))]
pub struct Refused(pub Bytes);

impl Chain {
    /// Reads from these nodes, which must answer.
    ///
    /// # Errors
    ///
    /// If they do not.
    pub fn connect(rpc: Rpc) -> anyhow::Result<Self> {
        let first = rpc.connect()?;
        Ok(Self {
            rpc,
            idle: Arc::new(Mutex::new(vec![first])),
            places: Semaphore::new(READERS),
            answers: Mutex::new((B256::ZERO, Answers::new())),
        })
    }

    /// What a function returned at a block.
    ///
    /// # Errors
    ///
    /// If it reverts ([`Refused`]), if the node fails, or if the answer is of another type.
    pub async fn view<C: SolCall>(&self, at: Block, to: Address, call: &C) -> anyhow::Result<C::Return> {
        let mut answers = self.view_many(at, vec![(to, call.abi_encode().into())]).await?;
        let answer = answers.pop().ok_or_else(|| anyhow!("one answer"))?;
        decode::<C>(to, &answer?)
    }

    /// What a function returned at a block for each of many arguments.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view), for the first that fails.
    pub async fn view_each<C: SolCall>(&self, at: Block, to: Address, calls: &[C]) -> anyhow::Result<Vec<C::Return>> {
        let calls = calls.iter().map(|call| (to, call.abi_encode().into())).collect();
        let answers = self.view_many(at, calls).await?;
        answers.into_iter().map(|answer| decode::<C>(to, &answer?)).collect()
    }

    /// What each of many calls returned at a block, or why a contract refused it.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub async fn view_many(
        &self,
        at: Block,
        calls: Vec<(Address, Bytes)>,
    ) -> anyhow::Result<Vec<Result<Bytes, Refused>>> {
        let known = |calls: &[(Address, Bytes)]| -> Vec<Option<Result<Bytes, Bytes>>> {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let is_same = answers.0 == at.hash;
            calls.iter().map(|call| answers.1.get(call).filter(|_| is_same).cloned()).collect()
        };
        let mut found = known(&calls);
        if found.iter().any(Option::is_none) {
            let _place = self.places.acquire().await?;
            found = known(&calls); // Somebody may have asked meanwhile.
            let missing = calls.iter().zip(&found).filter(|(_, answer)| answer.is_none());
            let missing: Vec<_> = missing.map(|(call, _)| call.clone()).collect();
            let asked = self.ask(at, missing.clone()).await?;
            self.remember(at.hash, missing.into_iter().zip(asked.iter().cloned()));
            let mut asked = asked.into_iter();
            for answer in found.iter_mut().filter(|answer| answer.is_none()) {
                *answer = asked.next();
            }
        }
        Ok(found.into_iter().flatten().map(|answer| answer.map_err(Refused)).collect())
    }

    fn remember(&self, block: B256, new: impl Iterator<Item = ((Address, Bytes), Result<Bytes, Bytes>)>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.0 != block || answers.1.len() > REMEMBERED {
            *answers = (block, Answers::new());
        }
        answers.1.extend(new);
    }

    async fn ask(&self, at: Block, calls: Vec<(Address, Bytes)>) -> anyhow::Result<Vec<Result<Bytes, Bytes>>> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let (idle, rpc) = (Arc::clone(&self.idle), self.rpc.clone());
        // Nodes come back on the thread that waited for them, also if nobody waits for the answer any more.
        tokio::task::spawn_blocking(move || {
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let node = known.map_or_else(|| rpc.connect(), Ok)?;
            let request = |(to, data)| Request { to, value: Default::default(), data };
            let requests: Vec<_> = calls.into_iter().map(request).collect();
            let answers = node.at(at.number, at.hash, at.time).calls(&requests);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(node);
            Ok(answers?)
        })
        .await?
    }
}

impl Drop for Chain {
    /// A node waits on a runtime of its own, which must not end within another one.
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        std::thread::spawn(move || drop(idle));
    }
}

fn decode<C: SolCall>(to: Address, answer: &Bytes) -> anyhow::Result<C::Return> {
    C::abi_decode_returns(answer).with_context(|| format!("{to} {}: the answer is of another type", C::SIGNATURE))
}
