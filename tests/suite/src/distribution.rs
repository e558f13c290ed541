//! The rewards distributor on a chain: the setting of the specification's scenarios (section 11).

pub mod simulation;
mod trees;

use std::{collections::BTreeMap, sync::OnceLock};

use alloy_primitives::{Address, B256, Bytes, LogData, U256};
use alloy_sol_types::{SolCall, SolValue};
use chain::{Chain, Deployed, Receipt, Reverted};
use model::tree::Tree;

use crate::{
    abi::{IClaimsProxy, IMerkleDistributor, IPuppet, IRewardsOracle, IRoles, IToken, ITreasuryClaimProxy},
    deployment::{self, role},
    host::OnChain,
    pool::Outcome,
};

pub use trees::{Published, published, tree};

/// Start of epoch zero, seconds: T0 of the specification.
pub const START: u64 = 1_628_002_800;
/// Length of an epoch, seconds.
pub const INTERVAL: u64 = 2_419_200;
/// A day, seconds.
pub const DAY: u64 = 86_400;
/// How long a root waits, seconds.
pub const WAIT: u64 = 7 * DAY;
/// A CID as the oracle of the original published it: 59 bytes of text.
pub const CID: &[u8] = b"bafybeic22w5uxknvce4kzci7fftgezsccxgpvruyh2ro4a4qkbxpi5pdqu";

/// Roles of the distributor, in the specification's order; the owner is granted at construction.
pub const ROLES: [&str; 5] =
    ["OWNER_ROLE", "CONFIG_UPDATER_ROLE", "PAUSER_ROLE", "UNPAUSER_ROLE", "CLAIM_OPERATOR_ROLE"];

/// What a distributor is made with.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Program of the rewards token.
    pub token: &'static str,
    /// Length of an epoch and start of epoch zero, seconds.
    pub schedule: (U256, U256),
    /// IPFS update period, seconds.
    pub update_period: U256,
    /// Alpha.
    pub alpha: U256,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            token: "token",
            schedule: (U256::from(INTERVAL), U256::from(START)),
            update_period: U256::from(180),
            alpha: tokens(7) / U256::from(10),
        }
    }
}

/// So many tokens of 18 decimals.
pub fn tokens(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// u1 to u5 of the specification: `0x1111…`, `0x2222…`.
pub fn user(number: u8) -> Address {
    Address::repeat_byte(0x11 * number)
}

/// Data of a revert by the oracle double.
pub fn oracle_error() -> Bytes {
    Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef])
}

/// A distributor with its token, its treasury and an oracle that says what it is told. A fork is cheap.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// The chain underneath.
    pub chain: Chain,
    /// The distributor.
    pub distributor: Address,
    /// The oracle it reads: a puppet.
    pub oracle: Address,
    /// The rewards token.
    pub token: Address,
    /// What the distributor logged while it was constructed.
    pub construction: Vec<LogData>,
}

impl Distribution {
    /// The common setting: deployed a day before epoch zero, treasury funded and approved. `GOV` owns, `CONF` configures, `PAUSE` pauses,
    /// `RESUME` unpauses, `OP` claims for others.
    pub fn deploy() -> Self {
        static FIXTURE: OnceLock<Distribution> = OnceLock::new();
        FIXTURE.get_or_init(|| Self::with(&Terms::default()).expect("the setting is legal")).clone()
    }

    /// The same people with other terms.
    ///
    /// # Errors
    ///
    /// If the distributor refuses them.
    pub fn with(terms: &Terms) -> Result<Self, Reverted> {
        let mut chain = Chain::builder().timestamp(START - DAY).expiry_days(3650).build();
        let token = deployment::token(&mut chain, terms.token, "dYdX", "DYDX", 18);
        Self::on(chain, token, terms)
    }

    /// The same on a chain that was made before, with a token that is there.
    ///
    /// # Errors
    ///
    /// If the distributor refuses the terms.
    pub fn on(mut chain: Chain, token: Address, terms: &Terms) -> Result<Self, Reverted> {
        let oracle = puppet(&mut chain);
        let deployed = deploy(&mut chain, token, oracle, terms)?;
        let distributor = deployed.address;
        let own = |log: &&alloy_primitives::Log| log.address == distributor;
        let construction = deployed.creation.logs.iter().filter(own).map(|log| log.data.clone()).collect();
        let mut this = Self { chain, distributor, oracle, token, construction };
        for (name, role) in [("CONF", ROLES[1]), ("PAUSE", ROLES[2]), ("RESUME", ROLES[3]), ("OP", ROLES[4])] {
            this.grant(role, name);
        }
        let treasury = this.who("treasury");
        this.mint(treasury, U256::from(10).pow(U256::from(27)));
        this.allow(U256::MAX);
        this.says(B256::ZERO, 0, b"");
        Ok(this)
    }

    /// Moves the clock.
    pub fn at(&mut self, timestamp: u64) -> &mut Self {
        self.chain.set_time(timestamp);
        self
    }

    /// Address of a person.
    pub fn who(&self, name: &str) -> Address {
        chain::Account::named(name).address()
    }

    /// Calls the distributor as somebody.
    ///
    /// # Errors
    ///
    /// As the function does.
    pub fn send<C: SolCall>(&mut self, who: impl chain::Caller, call: C) -> Outcome<C::Return> {
        let to = self.distributor;
        self.chain.from(who).call(to, call)
    }

    /// What a function of the distributor returns now.
    ///
    /// # Panics
    ///
    /// If it reverts.
    #[track_caller]
    pub fn view<C: SolCall>(&self, call: C) -> C::Return {
        self.try_view(call).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE))
    }

    /// What a function of the distributor returns now.
    ///
    /// # Errors
    ///
    /// If it reverts.
    pub fn try_view<C: SolCall>(&self, call: C) -> Result<C::Return, Reverted> {
        self.chain.view(self.distributor, call)
    }

    /// What the distributor logged in a transaction.
    pub fn logs(&self, receipt: &Receipt) -> Vec<LogData> {
        logs_of(receipt, self.distributor)
    }

    /// Grants a role as the owner.
    pub fn grant(&mut self, name: &str, to: &str) {
        let (role, account) = (role(name), self.who(to));
        self.send("GOV", IRoles::grantRoleCall { role, account }).expect("GOV is owner");
    }

    /// Makes the oracle say something.
    pub fn says(&mut self, root: B256, epoch: u64, cid: &[u8]) {
        let answer = (root, U256::from(epoch), Bytes::copy_from_slice(cid)).abi_encode_params();
        self.answers(Answer::Return, answer);
    }

    /// Makes the oracle answer in any way.
    pub fn answers(&mut self, how: Answer, data: impl Into<Bytes>) {
        let oracle = self.oracle;
        tell(&mut self.chain, oracle, IRewardsOracle::readCall::SELECTOR, how, data.into(), None);
    }

    /// Makes the oracle say something, and proposes it.
    ///
    /// # Errors
    ///
    /// As `proposeRoot` does.
    pub fn propose(&mut self, root: B256, epoch: u64, cid: &[u8]) -> Outcome<IMerkleDistributor::proposeRootReturn> {
        self.says(root, epoch, cid);
        self.send("anyone", IMerkleDistributor::proposeRootCall {})
    }

    /// Makes the proposed root active.
    ///
    /// # Errors
    ///
    /// As `updateRoot` does.
    pub fn update(&mut self) -> Outcome<IMerkleDistributor::updateRoot_0Return> {
        self.send("anyone", IMerkleDistributor::updateRoot_0Call {})
    }

    /// Proposes a tree as the next one, waits, and makes it active.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn activate(&mut self, tree: &Tree) -> &mut Self {
        let epoch = self.view(IMerkleDistributor::getNextRootEpochCall {}).to();
        self.propose(tree.root(), epoch, CID).expect("the root is new");
        let end = self.chain.timestamp() + WAIT;
        self.at(end).update().expect("it has waited");
        self
    }

    /// Claims for oneself what a tree holds.
    ///
    /// # Errors
    ///
    /// As `claimRewards` does.
    pub fn claim(&mut self, tree: &Tree, account: Address) -> Outcome<U256> {
        let (cumulative_amount, proof) = tree.claim(account);
        self.claim_with(account, cumulative_amount, proof)
    }

    /// Claims for oneself, with any proof.
    ///
    /// # Errors
    ///
    /// As `claimRewards` does.
    pub fn claim_with(&mut self, account: Address, amount: U256, proof: Vec<B256>) -> Outcome<U256> {
        self.send(account, IMerkleDistributor::claimRewardsCall { cumulativeAmount: amount, merkleProof: proof })
    }

    /// Claims for another.
    ///
    /// # Errors
    ///
    /// As `claimRewardsFor` does.
    pub fn claim_for(&mut self, who: impl chain::Caller, tree: &Tree, user: Address) -> Outcome<U256> {
        let (cumulative_amount, proof) = tree.claim(user);
        let call =
            IMerkleDistributor::claimRewardsForCall { user, cumulativeAmount: cumulative_amount, merkleProof: proof };
        self.send(who, call)
    }

    /// Rewards tokens that somebody holds.
    pub fn balance(&self, owner: Address) -> U256 {
        self.chain.view(self.token, IToken::balanceOfCall { account: owner }).expect("tokens tell balances")
    }

    /// What was paid to somebody.
    pub fn claimed(&self, user: Address) -> U256 {
        self.view(IMerkleDistributor::getClaimedCall { user })
    }

    /// Makes rewards tokens.
    pub fn mint(&mut self, to: Address, value: U256) {
        let token = self.token;
        self.chain.from("GOV").call(token, IToken::mintCall { to, value }).expect("tokens mint");
    }

    /// Sets what the treasury lets the distributor spend.
    pub fn allow(&mut self, value: U256) {
        let (token, spender) = (self.token, self.distributor);
        self.chain.from("treasury").call(token, IToken::approveCall { spender, value }).expect("tokens approve");
    }

    /// Every slot of the distributor that is not zero.
    pub fn storage(&self) -> BTreeMap<U256, U256> {
        self.chain.storage_of(self.distributor)
    }

    /// Puts an oracle of reporters beside it, and makes the distributor read it.
    ///
    /// # Errors
    ///
    /// If the oracle refuses.
    pub fn with_reporters(&mut self, reporters: &[&str], quorum: u64) -> Result<Deployed, Reverted> {
        let names = reporters.iter().map(|name| self.who(name)).collect();
        let deployed = deploy_oracle(&mut self.chain, self.distributor, names, U256::from(quorum))?;
        self.oracle = deployed.address;
        let call = IMerkleDistributor::setRewardsOracleCall { rewardsOracle: deployed.address };
        self.send("GOV", call)?;
        Ok(deployed)
    }

    /// Calls the oracle as somebody.
    ///
    /// # Errors
    ///
    /// As the function does.
    pub fn tell_oracle<C: SolCall>(&mut self, who: impl chain::Caller, call: C) -> Outcome<C::Return> {
        let oracle = self.oracle;
        self.chain.from(who).call(oracle, call)
    }

    /// What a function of the oracle returns now.
    ///
    /// # Panics
    ///
    /// If it reverts.
    #[track_caller]
    pub fn ask_oracle<C: SolCall>(&self, call: C) -> C::Return {
        self.chain.view(self.oracle, call).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE))
    }
}

/// What a contract logged in a transaction.
pub fn logs_of(receipt: &Receipt, address: Address) -> Vec<LogData> {
    receipt.logs.iter().filter(|log| log.address == address).map(|log| log.data.clone()).collect()
}

/// Deploys a distributor as `GOV`, who owns it, for `treasury`.
///
/// # Errors
///
/// If it refuses its terms.
pub fn deploy(chain: &mut Chain, token: Address, oracle: Address, terms: &Terms) -> Result<Deployed, Reverted> {
    let [treasury, owner] = ["treasury", "GOV"].map(|name| chain.account(name).address());
    let arguments = (
        token,
        treasury,
        owner,
        oracle,
        String::from("rewards-data.dydx.foundation"),
        terms.update_period,
        tokens(1_150_685),
        tokens(3_835_616),
        terms.alpha,
        terms.schedule.0,
        terms.schedule.1,
    );
    construct(chain, "merkle-distributor", &arguments)
}

/// Deploys an oracle as `GOV`, who owns it.
///
/// # Errors
///
/// If it refuses.
pub fn deploy_oracle(
    chain: &mut Chain,
    distributor: Address,
    reporters: Vec<Address>,
    quorum: U256,
) -> Result<Deployed, Reverted> {
    let owner = chain.account("GOV").address();
    construct(chain, "rewards-oracle", &(distributor, owner, reporters, quorum))
}

/// Deploys a program with constructor arguments as `GOV`.
///
/// # Errors
///
/// As its constructor does.
pub fn construct<A>(chain: &mut Chain, program: &str, arguments: &A) -> Result<Deployed, Reverted>
where
    A: SolValue,
    for<'a> <A::SolType as alloy_sol_types::SolType>::Token<'a>: alloy_sol_types::abi::token::TokenSeq<'a>,
{
    OnChain::new(chain, "GOV").create(program, Some(arguments.abi_encode_params()))
}

/// Deploys a puppet that reverts with empty data until it is told something.
///
/// # Panics
///
/// If the program was not built.
pub fn puppet(chain: &mut Chain) -> Address {
    let wasm = deployment::doubles().wasm("puppet").unwrap_or_else(|error| panic!("{error}"));
    let puppet = chain.from("GOV").deploy_wasm(&wasm).unwrap_or_else(|error| panic!("puppet: {error}")).address;
    tell(chain, puppet, [0; 4], Answer::Revert, Bytes::new(), None);
    puppet
}

/// How a puppet answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With data.
    Return,
    /// With an error.
    Revert,
    /// With data, and the call is remembered (`lastInput`).
    Remember,
    /// With data, if a call out fails.
    CallInVain,
    /// With data, if a call out succeeds.
    Call,
}

/// Tells a puppet how to answer a function, and what to call meanwhile.
///
/// # Panics
///
/// If it is no puppet.
pub fn tell(
    chain: &mut Chain,
    puppet: Address,
    selector: [u8; 4],
    answer: Answer,
    data: Bytes,
    call: Option<(Address, Vec<u8>)>,
) {
    const PROPAGATE: u8 = 1;
    const DO_NOT_RECORD: u8 = 2;
    const REFUSE_SUCCESS: u8 = 4;
    let policy = match answer {
        Answer::Return | Answer::Revert => DO_NOT_RECORD,
        Answer::Remember => 0,
        Answer::CallInVain => DO_NOT_RECORD | REFUSE_SUCCESS,
        Answer::Call => DO_NOT_RECORD | PROPAGATE,
    };
    let (target, call_data) = call.unwrap_or_default();
    let set = IPuppet::setCall {
        selector: selector.into(),
        target,
        callData: call_data.into(),
        policy,
        reverts: answer == Answer::Revert,
        result: data,
    };
    chain.from("GOV").call(puppet, set).expect("a puppet does as it is told");
}

/// Deploys a claims proxy.
///
/// # Errors
///
/// If it refuses its modules.
pub fn claims_proxy(chain: &mut Chain, modules: (Address, Address, Address, Address)) -> Result<Address, Reverted> {
    Ok(construct(chain, "claims-proxy", &modules)?.address)
}

/// Deploys a treasury claim proxy.
///
/// # Errors
///
/// If it refuses its parties.
pub fn treasury_proxy(chain: &mut Chain, parties: (Address, Address, Address)) -> Result<Address, Reverted> {
    Ok(construct(chain, "treasury-claim-proxy", &parties)?.address)
}

/// A call of the claims proxy that claims from the distributor alone.
pub fn merkle_only(cumulative_amount: U256, merkle_proof: Vec<B256>) -> IClaimsProxy::claimRewardsCall {
    IClaimsProxy::claimRewardsCall {
        claimSafetyRewards: false,
        claimLiquidityRewards: false,
        merkleCumulativeAmount: cumulative_amount,
        merkleProof: merkle_proof,
        vestFromTreasuryVester: false,
    }
}

/// A call of the treasury's claim proxy.
pub fn for_treasury(tree: &Tree, proxy: Address) -> ITreasuryClaimProxy::claimRewardsCall {
    let (cumulative_amount, proof) = tree.claim(proxy);
    ITreasuryClaimProxy::claimRewardsCall { cumulativeAmount: cumulative_amount, proof }
}
