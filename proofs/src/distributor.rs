//! A small world of the rewards distributor, exhaustively: every order of calls, on the program's own functions, beside the rules in plain words.

use std::{collections::HashSet, time::Instant};

use crate::{
    host::{Address, B256, Revert, call_by},
    number::{U64, U256, lit},
    program::{Answer, OPERATOR, Token, Words, answer, exchange_token, merkle},
    source::merkle_distributor::program::MerkleDistributor,
};

const WEEK: u64 = 604_800;
const ACCOUNTS: [u8; 2] = [2, 3];
/// What the treasury has: less than all trees together would pay.
const TREASURY: u128 = 5;

/// A tree: its epoch, and what each account is due by then. In each epoch there are two; one of them takes back what an earlier one gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Tree {
    epoch: u64,
    amounts: [u128; 2],
}

const TREES: [Tree; 6] = [
    Tree { epoch: 0, amounts: [1, 2] },
    Tree { epoch: 0, amounts: [2, 0] },
    Tree { epoch: 1, amounts: [2, 2] },
    Tree { epoch: 1, amounts: [1, 3] },
    Tree { epoch: 2, amounts: [3, 3] },
    Tree { epoch: 2, amounts: [0, 4] },
];

impl Tree {
    fn leaf(self, account: usize) -> B256 {
        merkle::leaf(Address::new(ACCOUNTS[account]), lit(self.amounts[account]), ())
    }

    fn root(self) -> B256 {
        // An epoch of its own, so that equal amounts of two epochs are two trees.
        merkle::node(merkle::node(self.leaf(0), self.leaf(1)), self.other())
    }

    fn other(self) -> B256 {
        merkle::leaf(Address::new(20), lit(u128::from(self.epoch)), ())
    }

    fn proof(self, account: usize) -> Vec<B256> {
        vec![self.leaf(1 - account), self.other()]
    }

    fn answer(self) -> Answer {
        let cid = self.amounts.iter().map(|amount| *amount as u8).chain([self.epoch as u8]).collect();
        Answer { root: self.root(), epoch: lit(u128::from(self.epoch)), cid }
    }
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Half a week passes, and a second.
    Wait,
    /// The oracle names a tree.
    Names(usize),
    Propose,
    Update,
    /// If it is this tree.
    UpdateTo(usize),
    /// By who may, and by who may not.
    Cancel(usize, bool),
    Pause,
    Unpause,
    /// An account claims, by a tree's leaf and proof.
    Claim(usize, usize),
    /// Both at once, all or nothing or not, by who may.
    ClaimAll(usize, bool),
    /// A stranger claims for an account.
    ClaimFor(usize, usize),
    /// Anybody may claim for an account from here on.
    Open(usize),
}

/// The rules in plain words: nothing is packed, a tree is a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Plain {
    active: Option<usize>,
    /// What waits, and for how many seconds it has.
    waiting: Option<(usize, u64)>,
    cancelled: Option<usize>,
    paused: bool,
    named: Option<usize>,
    next_epoch: u64,
    paid: [u128; 2],
    open: [bool; 2],
}

impl Plain {
    fn may_activate(&self) -> Option<usize> {
        self.waiting.filter(|(_, seconds)| *seconds >= WEEK && !self.paused).map(|(tree, _)| tree)
    }

    fn activate(&mut self, tree: usize) {
        (self.active, self.waiting) = (Some(tree), None);
        self.next_epoch += 1;
    }

    fn propose(&mut self) -> Option<()> {
        let tree = self.named?;
        let last = [self.waiting.map(|(tree, _)| tree), self.cancelled];
        // Of the last proposal, activated or not, and what was cancelled since.
        let known = last
            .into_iter()
            .flatten()
            .chain(self.active.filter(|_| self.waiting.is_none() && self.cancelled.is_none()));
        if known.into_iter().any(|known| known == tree) {
            return None;
        }
        let before = self.clone();
        if let Some(ready) = self.may_activate() {
            self.activate(ready);
        }
        if TREES[tree].epoch != self.next_epoch {
            *self = before;
            return None;
        }
        (self.waiting, self.cancelled) = (Some((tree, 0)), None);
        Some(())
    }

    fn update(&mut self, expected: Option<usize>) -> Option<()> {
        let tree = self.may_activate().filter(|tree| expected.is_none_or(|expected| expected == *tree))?;
        self.activate(tree);
        Some(())
    }

    fn cancel(&mut self, expected: usize) -> Option<()> {
        let (tree, _) = self.waiting.filter(|(tree, _)| *tree == expected)?;
        (self.waiting, self.cancelled) = (None, Some(tree));
        Some(())
    }

    fn claim(&mut self, account: usize, tree: usize) -> Option<()> {
        let due = TREES[tree].amounts[account];
        let left = TREASURY - self.paid.iter().sum::<u128>();
        if self.active != Some(tree) || due < self.paid[account] || due - self.paid[account] > left {
            return None;
        }
        self.paid[account] = due;
        Some(())
    }

    /// Does what the rules say, or refuses.
    fn step(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Wait => {
                if let Some((_, seconds)) = &mut self.waiting {
                    *seconds += WEEK / 2;
                }
            }
            Step::Names(tree) => self.named = Some(tree),
            Step::Propose => self.propose()?,
            Step::Update => self.update(None)?,
            Step::UpdateTo(tree) => self.update(Some(tree))?,
            Step::Cancel(_, false) => return None,
            Step::Cancel(tree, true) => self.cancel(tree)?,
            Step::Pause => (!self.paused).then(|| self.paused = true)?,
            Step::Unpause => self.paused.then(|| self.paused = false)?,
            Step::Claim(account, tree) => self.claim(account, tree)?,
            Step::ClaimFor(account, tree) => self.open[account].then(|| self.claim(account, tree))??,
            Step::Open(account) => self.open[account] = true,
            Step::ClaimAll(tree, all_or_nothing) => {
                let before = self.clone();
                for account in 0..2 {
                    if self.claim(account, tree).is_none() && all_or_nothing {
                        *self = before;
                        return None;
                    }
                }
            }
        }
        Some(())
    }

    /// As far as later steps depend on it: a wait is over or not.
    fn key(&self) -> Self {
        let waiting = self.waiting.map(|(tree, seconds)| (tree, seconds.min(WEEK)));
        Self { waiting, ..self.clone() }
    }
}

#[derive(Clone)]
struct World {
    words: Words,
    token: Token,
    now: u64,
    plain: Plain,
}

impl World {
    /// Takes a step: whether both did the same, and did it.
    fn after(&self, step: Step) -> Result<Option<Self>, String> {
        let mut next = self.clone();
        let expected = next.plain.step(step);
        match (expected, next.perform(step)) {
            (Some(()), Ok(())) => Ok(Some(next)),
            (None, Err(_)) => Ok(None),
            (expected, found) => Err(format!("{step:?}: the rules say {expected:?}, the program {found:?}")),
        }
    }

    fn perform(&mut self, step: Step) -> Result<(), Revert> {
        let by = |caller: Address, now: u64| call_by(caller, U64::constant(now.into()));
        let account = |place: usize| Address::new(ACCOUNTS[place]);
        let leaf = |place: usize, tree: usize| -> (U256, Vec<B256>) {
            (lit(TREES[tree].amounts[place]), TREES[tree].proof(place))
        };
        by(OPERATOR, self.now);
        if let Some(tree) = self.plain.named {
            answer(TREES[tree].answer());
        }
        let _ = exchange_token(self.token.clone());
        let mut program = MerkleDistributor { words: self.words.clone() };
        match step {
            Step::Wait => self.now += WEEK / 2,
            Step::Names(_) => {}
            // Until the oracle names something it answers zeros.
            Step::Propose if self.plain.named.is_none() => return Err(Revert("OracleRootUnset")),
            Step::Propose => program.propose_root()?,
            Step::Update => program.update_root()?,
            Step::UpdateTo(tree) => program.update_expected_root(TREES[tree].root())?,
            Step::Cancel(tree, may) => {
                by(if may { OPERATOR } else { account(0) }, self.now);
                program.cancel_proposed_root(TREES[tree].root())?;
            }
            Step::Pause => program.pause_root_updates()?,
            Step::Unpause => program.unpause_root_updates()?,
            Step::Claim(place, tree) => {
                by(account(place), self.now);
                let (amount, proof) = leaf(place, tree);
                program.claim_rewards(amount, proof).map(drop)?;
            }
            Step::ClaimFor(place, tree) => {
                by(Address::new(30), self.now);
                let (amount, proof) = leaf(place, tree);
                program.claim_rewards_for(account(place), amount, proof).map(drop)?;
            }
            Step::Open(place) => {
                by(account(place), self.now);
                program.set_always_allow_claims_for(true);
            }
            Step::ClaimAll(tree, all_or_nothing) => {
                let claims = [0, 1].map(|place| {
                    let (amount, proof) = leaf(place, tree);
                    (account(place), amount, proof)
                });
                program.claim_many(claims.to_vec(), all_or_nothing).map(drop)?;
            }
        }
        self.words = program.words;
        self.token = exchange_token(Token::default());
        Ok(())
    }

    /// Where the program's memory and the rules differ, or a sentence is broken.
    fn difference(&self, before: &Self) -> Option<String> {
        let (words, plain) = (&self.words, &self.plain);
        let roots = words.roots();
        let root = |tree: Option<usize>| tree.map_or(B256(U256::ZERO), |tree| TREES[tree].root());
        if words.active_root() != root(plain.active) {
            return Some("the active root is another".into());
        }
        if roots.is_pending() != plain.waiting.is_some() || roots.paused != plain.paused {
            return Some("what waits, or whether updates are paused, is another".into());
        }
        if roots.next_epoch.native() != u128::from(plain.next_epoch) {
            return Some("the next epoch is another".into());
        }
        if let Some(tree) = plain.active
            && words.cid(roots.place) != TREES[tree].answer().cid
        {
            return Some("the active root's file is written over".into());
        }
        let paid = [0, 1].map(|place| words.claimed.get(Address::new(ACCOUNTS[place])).native());
        if paid != plain.paid {
            return Some(format!("{paid:?} was paid, by the rules {:?}", plain.paid));
        }
        if self.token.treasury + paid.iter().sum::<u128>() != TREASURY {
            return Some("the treasury paid what nobody was paid".into());
        }
        if (0..2).any(|place| plain.paid[place] < before.plain.paid[place]) {
            return Some("what was paid decreased".into());
        }
        let active_before = before.plain.active;
        if plain.active != active_before {
            let waited = before.plain.waiting.filter(|(_, seconds)| *seconds >= WEEK);
            if before.plain.paused || waited.map(|(tree, _)| tree) != plain.active {
                return Some("a root became active that had not waited, or while updates were paused".into());
            }
        }
        None
    }
}

fn steps() -> Vec<Step> {
    let trees = || 0..TREES.len();
    let mut all = vec![Step::Wait, Step::Propose, Step::Update, Step::Pause, Step::Unpause, Step::Open(0)];
    all.extend(trees().map(Step::Names));
    all.extend(trees().flat_map(|tree| [Step::UpdateTo(tree), Step::Cancel(tree, true), Step::Cancel(tree, false)]));
    all.extend(
        trees().flat_map(|tree| [Step::ClaimAll(tree, true), Step::ClaimAll(tree, false), Step::ClaimFor(0, tree)]),
    );
    all.extend(trees().flat_map(|tree| [Step::Claim(0, tree), Step::Claim(1, tree)]));
    all
}

/// Explores it. Prints states, steps, depth and time. Whether nothing was found.
#[must_use]
pub fn explore() -> bool {
    println!(
        "every order of calls of the rewards distributor: six trees of three epochs, two accounts, half weeks, pausing and cancelling"
    );
    let (started, steps) = (Instant::now(), steps());
    let token = Token { treasury: TREASURY, sent: vec![] };
    let first = World { words: Words::default(), token, now: WEEK, plain: Plain::default() };
    let mut seen = HashSet::from([first.plain.key()]);
    let mut frontier = vec![(first, Vec::<Step>::new())];
    let (mut depth, mut calls, mut refused) = (0, 0u64, 0u64);
    while !frontier.is_empty() {
        let mut next = vec![];
        for (world, way) in &frontier {
            for step in &steps {
                let way = || way.iter().copied().chain([*step]).collect::<Vec<_>>();
                let after = match world.after(*step) {
                    Ok(Some(after)) => after,
                    Ok(None) => {
                        refused += 1;
                        continue;
                    }
                    Err(odd) => return found(&odd, &way()),
                };
                calls += 1;
                if let Some(odd) = after.difference(world) {
                    return found(&odd, &way());
                }
                if seen.insert(after.plain.key()) {
                    next.push((after, way()));
                }
            }
        }
        frontier = next;
        depth += usize::from(!frontier.is_empty());
    }
    println!(
        "  {} states, {calls} calls, {refused} refusals, depth {depth}, {:.1} s",
        seen.len(),
        started.elapsed().as_secs_f64()
    );
    true
}

fn found(what: &str, way: &[Step]) -> bool {
    println!("  BROKEN: {what}\n    after {way:?}");
    false
}
