//! Act three: rewards. Three reporters, of whom two must agree; a root waits for seven days under everybody's eyes; then everybody is paid
//! what the tree says, once. Act four: the third epoch, from order books.

mod books;

use alloy_primitives::{Address, B256, FixedBytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolError};
use chain::Receipt;
use model::tree::{self, Tree};
use suite::{
    abi::{IMerkleDistributor as D, IRewardsOracle as O, IRoles, IToken, ITrustedBorrowerL2Proxy as P},
    deployment::role,
    distribution::{self, CID, WAIT, tokens},
};

use crate::{
    makers::Market,
    scene::address,
    words::{amount, change, grouped},
};

/// Liquidity providers, and market makers whose proxies earn.
const PROVIDERS: [&str; 4] = ["gina", "hugo", "ivan", "judy"];
const EARNING: [&str; 2] = ["amber", "birch"];

/// What each has earned by the end of two epochs, in millionths of a DYDX: providers, then proxies. Hugo earns nothing in the second one.
const EARNED: [[u64; 6]; 2] = [
    [1_200_500_000, 800_000_001, 40_250_000, 7, 15_000_000_000, 9_000_000_000],
    [2_000_000_000, 800_000_001, 100_000_000, 3_000_000, 31_000_000_000, 18_500_000_000],
];

/// What the treasury has for all of it.
const TREASURY: u64 = 100_000;

/// Plays it; how many checks held.
pub(crate) fn play(market: Market) -> Result<usize, String> {
    let mut rewards = Rewards::found(market)?;
    reporters_agree(&mut rewards)?;
    the_root_waits(&mut rewards)?;
    providers_claim(&mut rewards)?;
    second_epoch(&mut rewards)?;
    differences_are_paid(&mut rewards)?;
    rewards.settle_accounts()?;
    books::play(&mut rewards)?;
    Ok(rewards.market.scene.checks)
}

fn reporters_agree(rewards: &mut Rewards) -> Result<(), String> {
    rewards.market.scene.chapter("Act three: three reporters read the same file; two of them must agree");
    let (right, wrong) = (rewards.trees[0].root(), rewards.tree_of_a_liar().root());
    rewards.report("ruth", right, 0, &[])?;
    let differs = O::ReportDiffers {
        reporter: address("tess"),
        epoch: U256::ZERO,
        digest: rewards.digest(wrong, 0),
        other: rewards.digest(right, 0),
    };
    rewards.report("tess", wrong, 0, &[differs])?;
    let error = D::OracleRootUnset {};
    let (distributor, propose) = (rewards.distributor, D::proposeRootCall {});
    rewards.market.scene.refused("anyone", "tries to propose what is not agreed", distributor, &propose, &error)?;
    let differs = O::ReportDiffers {
        reporter: address("sam"),
        epoch: U256::ZERO,
        digest: rewards.digest(right, 0),
        other: rewards.digest(wrong, 0),
    };
    let receipt = rewards.report("sam", right, 0, &[differs])?;
    rewards.published(&receipt, right, 0)
}

fn the_root_waits(rewards: &mut Rewards) -> Result<(), String> {
    rewards.market.scene.chapter("The root is proposed, and waits for seven days");
    let (root, distributor) = (rewards.trees[0].root(), rewards.distributor);
    rewards.propose(root, 0)?;
    let proposed = rewards.market.scene.view(distributor, D::getProposedRootCall {})?.merkleRoot;
    let rebuilt = Tree::new(&balances(&rewards.market, 0)).root();
    rewards.market.scene.equal("the root, rebuilt by a sceptic", proposed, rebuilt)?;
    println!("         a sceptic rebuilds the tree of the file, and finds the same root");
    rewards.sceptic(0, Some(D::InvalidMerkleProof::SELECTOR))?;
    let end = rewards.market.scene.chain.timestamp() + WAIT;
    rewards.market.scene.set_time(end - 1)?;
    let error = D::WaitingPeriodNotElapsed { timestamp: U256::from(end - 1), waitingPeriodEnd: U256::from(end) };
    let update = D::updateRoot_1Call { expectedRoot: root };
    rewards.market.scene.refused("anyone", "tries to activate it a second early", distributor, &update, &error)?;
    rewards.market.scene.set_time(end)?;
    let wrong = rewards.tree_of_a_liar().root();
    let error = D::UnexpectedRoot { expected: wrong, proposed: root };
    let other = D::updateRoot_1Call { expectedRoot: wrong };
    rewards.market.scene.refused(
        "anyone",
        "names another root than the one that waits",
        distributor,
        &other,
        &error,
    )?;
    rewards.activate(root, 0)?;
    rewards.sceptic(0, None)
}

fn providers_claim(rewards: &mut Rewards) -> Result<(), String> {
    rewards.market.scene.chapter("Everybody claims");
    let (gina, hugo) = (address("gina"), address("hugo"));
    rewards.claims_too_much("gina")?;
    let (all, proof) = rewards.trees[0].claim(gina);
    let own = D::claimRewardsCall { cumulativeAmount: all, merkleProof: proof.clone() };
    let sent = rewards.paid("gina", "claims for herself", &own, &[gina], 0)?;
    rewards.market.scene.equal("what gina was paid", sent, all)?;
    rewards.paid("gina", "claims again, for nothing", &own, &[gina], 0)?;

    let (all, proof) = rewards.trees[0].claim(hugo);
    let claim = D::claimRewardsForCall { user: hugo, cumulativeAmount: all, merkleProof: proof };
    let error = D::ClaimNotAllowed { caller: address("stranger"), account: hugo };
    let distributor = rewards.distributor;
    rewards.market.scene.refused("stranger", "tries to claim for hugo", distributor, &claim, &error)?;
    let opt_in = D::setAlwaysAllowClaimsForCall { allow: true };
    rewards.market.scene.act("hugo", "lets anybody claim for him, to himself", distributor, &opt_in)?;
    rewards.paid("stranger", "claims for hugo", &claim, &[hugo], 0)?;

    let grant = IRoles::grantRoleCall { role: role("CLAIM_OPERATOR_ROLE"), account: address("claim service") };
    rewards.market.scene.act("GOV", "makes a service claim operator", distributor, &grant)?;
    rewards.claims_many(0)?;
    for maker in EARNING {
        rewards.proxy_claims(maker, 0)?;
    }
    Ok(())
}

fn second_epoch(rewards: &mut Rewards) -> Result<(), String> {
    rewards.market.scene.chapter("A week later: the next epoch's root, with cumulative amounts; all three agree");
    let time = rewards.market.scene.chain.timestamp() + WAIT;
    rewards.market.scene.set_time(time)?;
    let root = rewards.trees[1].root();
    rewards.report("tess", root, 1, &[])?;
    let receipt = rewards.report("ruth", root, 1, &[])?;
    rewards.published(&receipt, root, 1)?;
    let receipt = rewards.report("sam", root, 1, &[])?;
    let late = receipt.logs_from::<O::LateReport>(rewards.oracle);
    let expected = O::LateReport { reporter: address("sam"), epoch: U256::from(1), digest: rewards.digest(root, 1) };
    rewards.market.scene.equal("late reports", late, vec![expected])?;
    println!("         LateReport: sam agrees with what is published");
    rewards.propose(root, 1)?;
    let end = rewards.market.scene.chain.timestamp() + WAIT;
    rewards.market.scene.set_time(end)?;
    rewards.activate(root, 1)?;
    rewards.sceptic(1, None)
}

fn differences_are_paid(rewards: &mut Rewards) -> Result<(), String> {
    rewards.market.scene.chapter("Claims pay what is new, and nothing twice");
    let gina = address("gina");
    let (all, proof) = rewards.trees[1].claim(gina);
    let own = D::claimRewardsCall { cumulativeAmount: all, merkleProof: proof };
    rewards.paid("gina", "claims the difference", &own, &[gina], 1)?;
    rewards.claims_many(1)?;
    for maker in EARNING {
        rewards.proxy_claims(maker, 1)?;
    }
    Ok(())
}

/// The stage: the market of the act before, the distributor that stands there, an oracle, and the trees.
struct Rewards {
    market: Market,
    distributor: Address,
    oracle: Address,
    trees: Vec<Tree>,
    /// The CID of each tree's file.
    cids: Vec<Vec<u8>>,
}

impl Rewards {
    /// The owner puts an oracle beside the distributor; the treasury has the rewards ready.
    fn found(mut market: Market) -> Result<Self, String> {
        let (distributor, dydx) = (market.parties.distributor, market.dydx);
        let reporters = ["ruth", "sam", "tess"].map(address).to_vec();
        let oracle = distribution::deploy_oracle(&mut market.scene.chain, distributor, reporters, U256::from(2));
        let oracle = oracle.map_err(|error| error.to_string())?.address;
        market.scene.keep([oracle]);
        if market.cached {
            market.scene.chain.cache(oracle).map_err(|error| error.to_string())?;
        }
        market.scene.must("GOV", distributor, &D::setRewardsOracleCall { rewardsOracle: oracle })?;
        let (to, value) = (address("treasury"), tokens(TREASURY));
        market.scene.must("treasury", dydx, &IToken::mintCall { to, value })?;
        market.scene.must("treasury", dydx, &IToken::approveCall { spender: distributor, value })?;
        let trees = [0, 1].map(|epoch| Tree::new(&balances(&market, epoch))).into();
        Ok(Self { market, distributor, oracle, trees, cids: vec![CID.to_vec(); 2] })
    }

    /// Cumulative rewards of everybody in an epoch's tree.
    fn balances(&self, epoch: usize) -> Vec<(Address, U256)> {
        self.trees[epoch].balances().iter().map(|(account, earned)| (*account, *earned)).collect()
    }

    fn cid(&self, epoch: u64) -> Vec<u8> {
        self.cids[epoch as usize].clone()
    }

    /// A report's hash, as the oracle compares it.
    fn digest(&self, root: B256, epoch: u64) -> B256 {
        keccak256([root.as_slice(), &U256::from(epoch).to_be_bytes::<32>(), &self.cid(epoch)].concat())
    }

    /// The first epoch's tree of a reporter that adds a million for itself.
    fn tree_of_a_liar(&self) -> Tree {
        let mut balances = balances(&self.market, 0);
        balances.push((address("tess"), tokens(1_000_000)));
        Tree::new(&balances)
    }

    // Roots.

    /// A report, and exactly these differences are told.
    fn report(
        &mut self,
        who: &str,
        root: B256,
        epoch: u64,
        differences: &[O::ReportDiffers],
    ) -> Result<Receipt, String> {
        let call =
            O::writeOracleDataCall { merkleRoot: root, epoch: U256::from(epoch), ipfsCid: self.cid(epoch).into() };
        let what = format!("reports root {} of epoch {epoch}", short(root));
        let receipt = self.market.scene.act(who, &what, self.oracle, &call)?.receipt;
        let found = receipt.logs_from::<O::ReportDiffers>(self.oracle);
        if !found.is_empty() {
            println!("         ReportDiffers: {who}'s report is not the one before it");
        }
        self.market.scene.equal("reported differences", &found[..], differences)?;
        Ok(receipt)
    }

    /// The report completed the quorum.
    fn published(&mut self, receipt: &Receipt, root: B256, epoch: u64) -> Result<(), String> {
        let event =
            O::OracleRootUpdated { merkleRoot: root, epoch: U256::from(epoch), ipfsCid: self.cid(epoch).into() };
        self.market.scene.equal("published", receipt.logs_from(self.oracle), vec![event])?;
        let read = self.market.scene.view(self.oracle, O::readCall {})?;
        let (found, expected) =
            ((read.merkleRoot, read.epoch, read.ipfsCid), (root, U256::from(epoch), self.cid(epoch).into()));
        self.market.scene.equal("what the oracle says", found, expected)?;
        println!("         quorum: the oracle publishes {}", short(root));
        Ok(())
    }

    fn propose(&mut self, root: B256, epoch: u64) -> Result<(), String> {
        let call = D::proposeRootCall {};
        let receipt =
            self.market.scene.act("anyone", "proposes what the oracle says", self.distributor, &call)?.receipt;
        let end = U256::from(self.market.scene.chain.timestamp() + WAIT);
        let event = D::RootProposed {
            merkleRoot: root,
            epoch: U256::from(epoch),
            ipfsCid: self.cid(epoch).into(),
            waitingPeriodEnd: end,
        };
        self.market.scene.equal("proposed", receipt.logs_from(self.distributor), vec![event])
    }

    fn activate(&mut self, root: B256, epoch: u64) -> Result<(), String> {
        let call = D::updateRoot_1Call { expectedRoot: root };
        let receipt = self.market.scene.act("anyone", "activates the expected root", self.distributor, &call)?.receipt;
        let event = D::RootUpdated { merkleRoot: root, epoch: U256::from(epoch), ipfsCid: self.cid(epoch).into() };
        self.market.scene.equal("activated", receipt.logs_from(self.distributor), vec![event])
    }

    /// Somebody asks for every leaf what it would be paid.
    fn sceptic(&mut self, epoch: usize, refusal: Option<[u8; 4]>) -> Result<(), String> {
        let balances = self.balances(epoch);
        for (account, earned) in &balances {
            let (cumulative, proof) = self.trees[epoch].claim(*account);
            let call = D::verifyClaimCall { account: *account, cumulativeAmount: cumulative, merkleProof: proof };
            let found = self.market.scene.view(self.distributor, call)?;
            let due = match refusal {
                Some(_) => U256::ZERO,
                None => earned.saturating_sub(self.claimed(*account)?),
            };
            let expected = (due, FixedBytes(refusal.unwrap_or_default()));
            self.market.scene.equal("what a claim would pay", (found.amount, found.refusal), expected)?;
        }
        let finding = if refusal.is_some() { "none is payable yet" } else { "each pays what the file says" };
        println!("         a sceptic asks `verifyClaim` for all {} leaves: {finding}", balances.len());
        Ok(())
    }

    // Claims.

    fn claimed(&self, user: Address) -> Result<U256, String> {
        self.market.scene.view(self.distributor, D::getClaimedCall { user })
    }

    /// What a claim of this epoch's tree must pay an account now.
    fn due(&self, account: Address, epoch: usize) -> Result<U256, String> {
        Ok(self.trees[epoch].claim(account).0.saturating_sub(self.claimed(account)?))
    }

    /// A call that pays these accounts what the tree owes them, to the unit, out of the treasury. What it returned.
    fn paid<C: SolCall>(
        &mut self,
        who: &str,
        what: &str,
        call: &C,
        accounts: &[Address],
        epoch: usize,
    ) -> Result<C::Return, String> {
        let to = self.distributor;
        self.paid_through(who, what, to, call, accounts, epoch)
    }

    fn paid_through<C: SolCall>(
        &mut self,
        who: &str,
        what: &str,
        to: Address,
        call: &C,
        accounts: &[Address],
        epoch: usize,
    ) -> Result<C::Return, String> {
        let treasury = address("treasury");
        let before = accounts.iter().map(|account| self.tokens(*account)).collect::<Result<Vec<_>, _>>()?;
        let dues = accounts.iter().map(|account| self.due(*account, epoch)).collect::<Result<Vec<_>, _>>()?;
        let funds = self.tokens(treasury)?;
        let sent = self.market.scene.act(who, what, to, call)?;
        let mut events = Vec::new();
        for ((account, due), before) in accounts.iter().zip(&dues).zip(before) {
            let after = self.tokens(*account)?;
            self.market.scene.equal("what was paid", after, before + due)?;
            let told = change("DYDX", before, after, 18).unwrap_or_else(|| "nothing new".into());
            println!("         {:>14}: {told}", self.name(*account));
            if !due.is_zero() {
                events.push(D::RewardsClaimed { account: *account, amount: *due });
            }
        }
        self.market.scene.equal("claims in the log", sent.receipt.logs_from(self.distributor), events)?;
        let left = self.tokens(treasury)?;
        self.market.scene.equal("what the treasury spent", funds - left, dues.iter().sum())?;
        Ok(sent.ret)
    }

    /// A unit more than the leaf says leads to another root.
    fn claims_too_much(&mut self, who: &str) -> Result<(), String> {
        let account = address(who);
        let (all, proof) = self.trees[0].claim(account);
        let more = all + U256::from(1);
        let proven = proof.iter().fold(tree::leaf(account, more), |hash, sibling| tree::node(hash, *sibling));
        let error = D::InvalidMerkleProof { proven, active: self.trees[0].root() };
        let call = D::claimRewardsCall { cumulativeAmount: more, merkleProof: proof };
        self.market.scene.refused(who, "tries to claim one unit more", self.distributor, &call, &error)
    }

    /// A service claims for several at once: hugo allows anybody, the others are claimed for by its role.
    fn claims_many(&mut self, epoch: usize) -> Result<(), String> {
        let accounts = ["hugo", "ivan", "judy"].map(address);
        let claims = accounts.map(|account| {
            let (all, proof) = self.trees[epoch].claim(account);
            D::Claim { account, cumulativeAmount: all, merkleProof: proof }
        });
        let dues = accounts.iter().map(|account| self.due(*account, epoch)).collect::<Result<Vec<_>, _>>()?;
        let call = D::claimManyCall { claims: claims.to_vec(), allOrNothing: true };
        let paid = self.paid("claim service", "claims for hugo, ivan and judy", &call, &accounts, epoch)?;
        self.market.scene.equal("what the entries were paid", paid, dues)
    }

    /// A market maker's proxy claims for itself; the rewards are the maker's own, whatever it owes.
    fn proxy_claims(&mut self, maker: &str, epoch: usize) -> Result<(), String> {
        let proxy = self.market.proxy(maker);
        let (all, proof) = self.trees[epoch].claim(proxy);
        let due = self.due(proxy, epoch)?;
        let call = P::claimRewardsFromMerkleDistributorCall { cumulativeAmount: all, merkleProof: proof };
        let (till, bank) = (format!("{maker}'s till"), address(&format!("{maker}'s bank")));
        let what = "claims for the proxy";
        let paid = self.paid_through(&till, what, proxy, &call, &[proxy], epoch)?;
        self.market.scene.equal("what the proxy was paid", paid, due)?;
        let before = self.tokens(bank)?;
        let call = P::externalWithdrawOtherTokenCall { token: self.market.dydx, recipient: bank, amount: due };
        self.market.scene.act(&till, "pays it to the maker's bank", proxy, &call)?;
        let (left, after) = (self.tokens(proxy)?, self.tokens(bank)?);
        self.market.scene.equal("left in the proxy, and in the bank", (left, after), (U256::ZERO, before + due))
    }

    fn tokens(&self, account: Address) -> Result<U256, String> {
        self.market.tokens(self.market.dydx, account)
    }

    fn name(&self, account: Address) -> String {
        let provider = PROVIDERS.into_iter().find(|name| address(name) == account);
        let maker = EARNING.into_iter().find(|name| self.market.proxy(name) == account);
        provider.map(String::from).or(maker.map(|name| format!("{name}'s proxy"))).unwrap_or_default()
    }

    /// At the end everybody has what the last tree says, and the treasury the rest.
    fn settle_accounts(&mut self) -> Result<(), String> {
        self.market.scene.chapter("The accounts of the rewards");
        println!("  {:<14} {:>16} {:>16} {:>16}", "", "first epoch", "both epochs", "paid");
        let [first, both] = [0, 1].map(|epoch| balances(&self.market, epoch));
        for ((account, before), (_, earned)) in first.iter().zip(&both) {
            let paid = self.claimed(*account)?;
            let name = self.name(*account);
            println!("  {name:<14} {:>16} {:>16} {:>16}", amount(*before, 18), amount(*earned, 18), amount(paid, 18));
            self.market.scene.equal(&name, paid, *earned)?;
        }
        let total: U256 = both.iter().map(|(_, earned)| *earned).sum();
        let left = self.tokens(address("treasury"))?;
        self.market.scene.equal("the treasury", left, tokens(TREASURY) - total)?;
        println!("\nPaid {} of {} DYDX, each unit of it by the tree.", amount(total, 18), grouped(TREASURY));
        Ok(())
    }
}

/// Cumulative rewards as the file says; not a round number of tokens.
fn balances(market: &Market, epoch: usize) -> Vec<(Address, U256)> {
    let accounts = PROVIDERS.iter().map(|name| address(name)).chain(EARNING.iter().map(|maker| market.proxy(maker)));
    let earned = EARNED[epoch].map(|millionths| tokens(millionths) / U256::from(1_000_000));
    accounts.zip(earned).collect()
}

fn short(root: B256) -> String {
    let text = root.to_string();
    format!("{}…", &text[..10])
}
