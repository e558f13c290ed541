//! The distributor's scenarios (`md.*`): setting, steps and the measured call as code, since their arguments are trees.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use anyhow::{Context, Result};
use chain::{Account, Chain, Receipt, Recording};
use model::tree::{Tree, leaf};

use super::{DAY, EPOCH, HOUR, Row, Z, original};
use crate::{
    abi::{IMerkleDistributor as md, IPoolViews, IRoles, IToken, ITrustedBorrowerL2Proxy as Proxy},
    clone,
    deployment::{self, role},
    distribution::{self, Terms, tokens},
    host::OnChain,
    proxy,
};

/// A distributor with the parameters of mainnet, as it is deployed in the day before epoch zero.
#[derive(Clone, Debug)]
struct Setting {
    chain: Chain,
    distributor: Address,
    /// Not counted: the token and the oracle's mock.
    others: [Address; 2],
    /// Whether programs are put into the cache.
    cached: bool,
}

/// A scenario: what happens before, then the measured call.
type Play<'a> = &'a dyn Fn(&mut Setting) -> Result<Receipt>;

/// Plays every scenario.
pub(super) fn measure() -> Result<Vec<Row>> {
    let settings = [Setting::open(true)?, Setting::open(false)?];
    let mut rows = Vec::new();
    let mut row = |scenario: String, play: Play<'_>| -> Result<()> {
        let [(cached, used), (uncached, _)] = [&settings[0], &settings[1]]
            .map(|setting| {
                let mut setting = setting.clone();
                play(&mut setting).map(|receipt| (receipt.own_gas(&setting.others), receipt.gas.used))
            })
            .into_iter()
            .collect::<Result<Vec<_>>>()
            .with_context(|| scenario.clone())?[..]
        else {
            unreachable!("two settings are played")
        };
        let (kind, original) = original(&scenario)?;
        rows.push(Row { scenario: scenario.leak(), kind, original, cached, uncached, used });
        Ok(())
    };
    for (length, suffix) in [(59, ""), (46, "_cid46"), (32, "_cid32")] {
        row(format!("md.proposeRoot.first_ever{suffix}"), &|setting| setting.propose(0, length))?;
        row(format!("md.updateRoot.first_ever{suffix}"), &|setting| {
            setting.propose(0, length)?;
            setting.update(0)
        })?;
        row(format!("md.proposeRoot.steady{suffix}"), &|setting| {
            setting.two_roots(length)?;
            setting.propose(2, length)
        })?;
        row(format!("md.updateRoot.steady{suffix}"), &|setting| {
            setting.two_roots(length)?;
            setting.propose(2, length)?;
            setting.update(2)
        })?;
    }
    let alice = Account::named("alice").address();
    let mut trees = BTreeMap::new();
    for (leaves, length) in [(10, 4), (1_000, 10), (100_000, 17)] {
        let both = [1_000, 2_500].map(|amount| full_tree(leaves, length, alice, tokens(amount)));
        let [first, second] = &*trees.entry(leaves).or_insert(both);
        row(format!("md.claimRewards.{leaves}.first"), &|setting| {
            setting.publish(0, first.root())?;
            setting.claim(first, 10 * DAY)
        })?;
        row(format!("md.claimRewards.{leaves}.steady"), &|setting| {
            setting.publish(0, first.root())?;
            setting.claim(first, 10 * DAY)?;
            setting.publish(1, second.root())?;
            setting.claim(second, EPOCH + 10 * DAY)
        })?;
        row(format!("md.claimRewards.{leaves}.nothing"), &|setting| {
            setting.publish(0, first.root())?;
            setting.claim(first, 10 * DAY)?;
            setting.claim(first, 11 * DAY)
        })?;
    }
    let [tree, _] = &trees[&1_000];
    row("md.claimRewardsFor.1000.first".into(), &|setting| {
        setting.grant("CLAIM_OPERATOR_ROLE", "dave")?;
        setting.publish(0, tree.root())?;
        let (amount, proof) = tree.claim(alice);
        setting.send(
            10 * DAY,
            "dave",
            md::claimRewardsForCall { user: alice, cumulativeAmount: amount, merkleProof: proof },
        )
    })?;
    for version in ["sp1", "sp2"] {
        row(format!("{version}.claimFromDistributor.first"), &Setting::claim_through_proxy)?;
    }
    let allow = md::setAlwaysAllowClaimsForCall { allow: true };
    row("md.setAlwaysAllowClaimsFor.first".into(), &|setting| {
        setting.grant("PAUSER_ROLE", "owner")?;
        setting.send(12 * HOUR + 12, "owner", md::pauseRootUpdatesCall {})?;
        setting.send(DAY, "alice", allow.clone())
    })?;
    row("md.pauseRootUpdates".into(), &|setting| {
        setting.grant("PAUSER_ROLE", "owner")?;
        setting.send(12 * HOUR + 12, "alice", allow.clone())?;
        setting.send(DAY, "owner", md::pauseRootUpdatesCall {})
    })?;
    row("md.setRewardsParameters.change".into(), &|setting| {
        setting.grant("CONFIG_UPDATER_ROLE", "owner")?;
        setting.send(12 * HOUR + 12, "alice", allow.clone())?;
        let call = md::setRewardsParametersCall {
            marketMakerRewardsAmount: tokens(575_343),
            traderRewardsAmount: tokens(1_582_192),
            traderScoreAlpha: tokens(5) / U256::from(10),
        };
        setting.send(DAY, "owner", call)
    })?;
    Ok(rows)
}

impl Setting {
    fn open(cached: bool) -> Result<Self> {
        let mut chain = Chain::builder().timestamp(Z - DAY).expiry_days(3650).recording(Recording::Frames).build();
        let token = deployment::token(&mut chain, "token", "dYdX", "DYDX", 18);
        let oracle = distribution::puppet(&mut chain);
        let distributor = distribution::deploy(&mut chain, token, oracle, &Terms::default())?.address;
        let treasury = chain.account("treasury").address();
        chain.from("GOV").call(token, IToken::mintCall { to: treasury, value: tokens(80_369_863) })?;
        chain.from("treasury").call(token, IToken::approveCall { spender: distributor, value: U256::MAX })?;
        let owner = IRoles::grantRoleCall { role: role("OWNER_ROLE"), account: chain.account("owner").address() };
        chain.from("GOV").call(distributor, owner)?;
        if cached {
            chain.cache(distributor)?;
        }
        Ok(Self { chain, distributor, others: [token, oracle], cached })
    }

    fn send(&mut self, time: u64, who: &str, call: impl SolCall) -> Result<Receipt> {
        self.chain.set_time(Z + time);
        Ok(self.chain.from(who).call(self.distributor, call)?.receipt)
    }

    fn grant(&mut self, name: &str, to: &str) -> Result<Receipt> {
        let account = self.chain.account(to).address();
        self.send(12 * HOUR, "owner", IRoles::grantRoleCall { role: role(name), account })
    }

    fn says(&mut self, time: u64, root: B256, epoch: u64, cid: Vec<u8>) {
        let answer = (root, U256::from(epoch), Bytes::from(cid)).abi_encode_params();
        self.chain.set_time(Z + time);
        let read = crate::abi::IRewardsOracle::readCall::SELECTOR;
        distribution::tell(&mut self.chain, self.others[1], read, distribution::Answer::Return, answer.into(), None);
    }

    /// Some root of an epoch, with a file name of some length.
    fn propose(&mut self, epoch: u64, length: usize) -> Result<Receipt> {
        let root = keccak256(epoch.to_be_bytes());
        let cid = (0..length).map(|at| b'a' + (root[at % 32] % 26)).collect();
        self.says(epoch * EPOCH + DAY, root, epoch, cid);
        self.send(epoch * EPOCH + 2 * DAY, "anyone", md::proposeRootCall {})
    }

    fn update(&mut self, epoch: u64) -> Result<Receipt> {
        self.send(epoch * EPOCH + 9 * DAY, "anyone", md::updateRoot_0Call {})
    }

    fn two_roots(&mut self, length: usize) -> Result<()> {
        for epoch in 0..2 {
            self.propose(epoch, length)?;
            self.update(epoch)?;
        }
        Ok(())
    }

    fn publish(&mut self, epoch: u64, root: B256) -> Result<()> {
        let time = epoch * EPOCH + DAY;
        self.says(time, root, epoch, vec![b'c'; 59]);
        self.send(time + 12, "anyone", md::proposeRootCall {})?;
        self.update(epoch)?;
        Ok(())
    }

    /// A market maker's proxy claims its own rewards.
    fn claim_through_proxy(&mut self) -> Result<Receipt> {
        let proxy = self.open_proxy()?;
        let tree = full_tree(1_000, 10, proxy, tokens(1_000));
        self.publish(0, tree.root())?;
        let (amount, proof) = tree.claim(proxy);
        let call = Proxy::claimRewardsFromMerkleDistributorCall { cumulativeAmount: amount, merkleProof: proof };
        self.chain.set_time(Z + 10 * DAY);
        Ok(self.chain.from("operator1").call(proxy, call)?.receipt)
    }

    /// A proxy in front of the distributor. Neither pool nor exchange is called; a puppet stands for both.
    fn open_proxy(&mut self) -> Result<Address> {
        let borrowed = deployment::token(&mut self.chain, "token", "USD Coin", "USDC", 6);
        let puppet = distribution::puppet(&mut self.chain);
        let answer = distribution::Answer::Return;
        let staked_token = IPoolViews::STAKED_TOKENCall::SELECTOR;
        distribution::tell(&mut self.chain, puppet, staked_token, answer, borrowed.abi_encode().into(), None);
        let program = OnChain::new(&mut self.chain, "owner").create("trusted-borrower-l2-proxy", None)?.address;
        if self.cached {
            self.chain.cache(program)?;
        }
        let [owner, guardian, operator] = ["owner", "guardian", "operator1"].map(|name| Account::named(name).address());
        let call = Proxy::initializeCall {
            liquidityStaking: puppet,
            starkPerpetual: puppet,
            token: borrowed,
            merkleDistributor: self.distributor,
            owner,
            guardian,
            vetoGuardian: Address::ZERO,
            depositVaults: Vec::new(),
        };
        let parties = [puppet, puppet, borrowed, self.distributor];
        let init_code = clone::init_code(program, parties, &call.abi_encode());
        let proxy = proxy::created(&self.chain.from("owner").create(init_code)?);
        let grant = Proxy::grantRoleCall { role: role("WITHDRAWAL_OPERATOR_ROLE"), account: operator };
        self.chain.from("owner").call(proxy, grant)?;
        Ok(proxy)
    }

    fn claim(&mut self, tree: &Tree, time: u64) -> Result<Receipt> {
        let (amount, proof) = tree.claim(Account::named("alice").address());
        self.send(time, "alice", md::claimRewardsCall { cumulativeAmount: amount, merkleProof: proof })
    }
}

/// A tree of so many leaves in which the claimant's proof has full length.
fn full_tree(leaves: u64, length: usize, claimant: Address, amount: U256) -> Tree {
    let others = (1..leaves).map(|number| {
        let holder = Address::from_slice(&keccak256(number.to_be_bytes())[12..]);
        (holder, tokens(number))
    });
    let balances: Vec<_> = others.chain([(claimant, amount)]).collect();
    let tree = Tree::new(&balances);
    assert_eq!(tree.proof(leaf(claimant, amount)).len(), length, "the claimant stands in the full part of the tree");
    tree
}
