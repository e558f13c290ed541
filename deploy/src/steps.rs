//! From a plan to steps: what is created where, what is called afterwards, and how one sees that it was done. Pure: knows no chain.

use std::collections::BTreeSet;

use abi::{
    Request,
    bindings::{IBorrowerAllocations, IEpochSchedule, IMerkleDistributor, IPoolViews, IRoles, ITrustedBorrowerL2Proxy},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use anyhow::{Context, bail, ensure};

use crate::{
    CONSTRUCTOR, CREATE2_FACTORY, Creation, Plan, Programs, clone,
    plan::{Borrower, Cache, Rewards},
    routes,
    upgrade::Upgrade,
};

/// Roles that the first owner of a pool gets, and hands on.
const ADMINISTRATORS: [&str; 3] = ["EPOCH_PARAMETERS_ROLE", "REWARDS_RATE_ROLE", "BORROWER_ADMIN_ROLE"];

/// One thing to do.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name of the contract that it creates, or what it does: unique within a deployment.
    pub id: String,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Creates, activates and constructs a program.
    Create(Creation),
    /// Creates a borrower: a clone of the proxies' program.
    Clone {
        /// Where it will be.
        address: Address,
        /// What creates it.
        init_code: Bytes,
        /// What stands there afterwards.
        code: Bytes,
        /// Salt of its address.
        salt: B256,
    },
    /// Calls a contract, unless one of these states of the chain says that it was done.
    Call {
        /// The call.
        request: Request,
        /// Each a list of views that all must answer as they say.
        done: Vec<Vec<Check>>,
    },
    /// Bids for a place in the cache.
    Bid {
        /// Whose.
        program: Address,
        /// Hash of its code.
        hash: B256,
        /// The most to pay, wei.
        most: U256,
    },
}

/// A view, and what it answers when something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The view.
    pub view: Request,
    /// Its whole answer.
    pub answer: Bytes,
}

impl Check {
    fn of<C: SolCall>(to: Address, call: &C, answer: impl SolValue) -> Self {
        Self { view: Request::of(to, call), answer: answer.abi_encode().into() }
    }
}

/// A deployment in steps, with every address.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// The pool's one address.
    pub pool: Address,
    /// The distributor and its oracle, if the plan has them.
    pub rewards: Option<(Address, Address)>,
    /// What the new owner has to do then: accept, on each contract.
    pub acceptance: Vec<Request>,
}

impl Deployment {
    /// What a plan comes to, if `deployer` carries it out.
    ///
    /// # Errors
    ///
    /// If a program is missing, or the plan has an amount that its token cannot have.
    pub fn of(plan: &Plan, programs: &Programs, deployer: Address) -> anyhow::Result<Self> {
        Builder::of(plan, programs, deployer).build()
    }

    /// The same after upgrades: `programs` are those of today, `construction` is the call that the router was constructed with. The pool's
    /// address commits to that call, and to the facets of then.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of); if the call has other terms than the plan; or if it names a facet that is neither today's nor the one that the
    /// first upgrade of it replaced.
    pub fn upgraded(
        plan: &Plan,
        programs: &Programs,
        deployer: Address,
        construction: &Bytes,
        upgrades: &[Upgrade],
    ) -> anyhow::Result<Self> {
        let deployment =
            Builder { construction: Some(construction), ..Builder::of(plan, programs, deployer) }.build()?;
        let (cutter, constructed) = routes::constructed(construction)?;
        ensure!(
            constructed.construction == routes::construction(plan, deployer),
            "the book's pool was constructed with other terms than its plan's: {:?}",
            constructed.construction
        );
        let of_then = |name: &str| {
            let replaced = upgrades.iter().flat_map(|upgrade| &upgrade.facets).find(|moved| moved.name == name);
            replaced.map(|moved| moved.from).or_else(|| deployment.address_of(name))
        };
        let known: BTreeSet<_> = routes::FACETS.iter().filter_map(|(name, _)| of_then(name)).collect();
        let named = constructed.cuts.iter().map(|cut| cut.facetAddress).chain([cutter]);
        if let Some(stranger) = named.into_iter().find(|facet| !known.contains(facet)) {
            bail!("the pool was constructed with the facet {stranger}, which neither this build nor the book knows");
        }
        Ok(deployment)
    }

    /// Everything that is created, by name.
    pub fn contracts(&self) -> impl Iterator<Item = (&str, Address)> {
        self.steps.iter().filter_map(|step| Some((step.id.as_str(), step.action.creates()?)))
    }

    /// Address of a contract by its name.
    pub fn address_of(&self, name: &str) -> Option<Address> {
        self.contracts().find(|(known, _)| *known == name).map(|(_, address)| address)
    }
}

impl Action {
    /// Where it creates something.
    pub fn creates(&self) -> Option<Address> {
        match self {
            Self::Create(creation) => Some(creation.address()),
            Self::Clone { address, .. } => Some(*address),
            Self::Call { .. } | Self::Bid { .. } => None,
        }
    }
}

struct Builder<'a> {
    plan: &'a Plan,
    programs: &'a Programs,
    deployer: Address,
    salt: B256,
    /// The call that the router was constructed with, where that is not what plan and programs come to any more.
    construction: Option<&'a Bytes>,
    steps: Vec<Step>,
    acceptance: Vec<Request>,
}

impl<'a> Builder<'a> {
    fn of(plan: &'a Plan, programs: &'a Programs, deployer: Address) -> Self {
        let (steps, acceptance) = (Vec::new(), Vec::new());
        Self { plan, programs, deployer, salt: plan.salt(), construction: None, steps, acceptance }
    }

    fn build(mut self) -> anyhow::Result<Deployment> {
        let pool = self.pool()?;
        let rewards = self.plan.rewards.as_ref().map(|rewards| self.rewards(rewards, pool)).transpose()?;
        if let Some((distributor, _)) = rewards {
            self.borrowers(pool, distributor)?;
        }
        self.set_up_pool(pool)?;
        if let (Some((distributor, oracle)), Some(terms)) = (rewards, &self.plan.rewards) {
            self.set_up_rewards(terms, distributor, oracle);
        }
        self.hand_over(pool, "pool", &ADMINISTRATORS);
        if let Some((distributor, oracle)) = rewards {
            self.hand_over(distributor, "distributor", &[]);
            self.hand_over(oracle, "oracle", &[]);
        }
        if self.plan.cache == Cache::Bid {
            self.bids()?;
        }
        let Self { steps, acceptance, .. } = self;
        Ok(Deployment { steps, pool, rewards, acceptance })
    }

    fn create(&mut self, program: &str, arguments: Option<Vec<u8>>) -> anyhow::Result<Address> {
        let code = self.programs.get(program)?.code.clone();
        let creation = Creation::new(program, code, arguments, self.salt);
        let address = creation.address();
        self.steps.push(Step { id: program.to_owned(), action: Action::Create(creation) });
        Ok(address)
    }

    fn call(&mut self, id: String, request: Request, done: Vec<Vec<Check>>) {
        self.steps.push(Step { id, action: Action::Call { request, done } });
    }

    /// The facets, then the router, whose constructor joins and initialises them.
    fn pool(&mut self) -> anyhow::Result<Address> {
        let mut facets = Vec::new();
        for (name, selectors) in routes::facets() {
            facets.push((name, self.create(name, None)?, selectors));
        }
        if let Some(call) = self.construction {
            let arguments = call.strip_prefix(&CONSTRUCTOR).context("not a constructor call")?;
            return self.create("liquidity-staking", Some(arguments.to_vec()));
        }
        let arguments = routes::router_arguments(routes::construction(self.plan, self.deployer), facets)?;
        self.create("liquidity-staking", Some(arguments))
    }

    fn rewards(&mut self, terms: &Rewards, pool: Address) -> anyhow::Result<(Address, Address)> {
        let (token, treasury) = (&self.plan.tokens.rewards, self.plan.pool.treasury);
        let units = |amount: &crate::units::Tokens, decimals| amount.units(decimals).map_err(anyhow::Error::msg);
        let arguments = (
            token.address,
            treasury,
            self.deployer,
            Address::ZERO,
            terms.ipns_name.clone(),
            U256::from(terms.ipfs_update_period.0),
            units(&terms.market_maker_rewards, token.decimals)?,
            units(&terms.trader_rewards, token.decimals)?,
            units(&terms.alpha, 18)?,
            U256::from(terms.epoch.0),
            U256::from(terms.epoch_zero.0),
        );
        let distributor = self.create("merkle-distributor", Some(arguments.abi_encode_params()))?;
        let arguments = (distributor, self.deployer, terms.reporters.clone(), U256::from(terms.quorum));
        let oracle = self.create("rewards-oracle", Some(arguments.abi_encode_params()))?;
        let modules = (Address::ZERO, pool, distributor, Address::ZERO);
        self.create("claims-proxy", Some(modules.abi_encode_params()))?;
        self.create("treasury-claim-proxy", Some((distributor, treasury, token.address).abi_encode_params()))?;
        Ok((distributor, oracle))
    }

    fn borrowers(&mut self, pool: Address, distributor: Address) -> anyhow::Result<()> {
        if self.plan.borrowers.is_empty() {
            return Ok(());
        }
        let program = self.create("trusted-borrower-l2-proxy", None)?;
        let token = self.plan.tokens.staked.address;
        for borrower in &self.plan.borrowers {
            let parties = [pool, borrower.exchange, token, distributor];
            let init_code = clone::init_code(program, parties, &initialisation(borrower, parties).abi_encode());
            // A name of its own: two clones with the same seats are two.
            let salt = keccak256([self.salt.as_slice(), borrower.name.as_bytes()].concat());
            let action = Action::Clone {
                address: clone::address(salt, &init_code),
                init_code: init_code.into(),
                code: clone::code(program, parties).into(),
                salt,
            };
            self.steps.push(Step { id: borrower_id(&borrower.name), action });
        }
        Ok(())
    }

    fn set_up_pool(&mut self, pool: Address) -> anyhow::Result<()> {
        let rate = self.plan.rewards_per_second()?;
        if !rate.is_zero() {
            let call = IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: rate };
            let done = Check::of(pool, &IPoolViews::getRewardsPerSecondCall {}, rate);
            self.call("pool: rewards rate".to_owned(), Request::of(pool, &call), vec![vec![done]]);
        }
        self.set_up_borrowers(pool)?;
        let roles = self.plan.roles.clone();
        let claims = self.address_of("claims-proxy");
        let claimers: Vec<_> = roles.claim_operators.iter().copied().chain(claims).collect();
        self.grants(pool, "pool", "STAKE_OPERATOR_ROLE", &roles.stake_operators);
        self.grants(pool, "pool", "CLAIM_OPERATOR_ROLE", &claimers);
        self.grants(pool, "pool", "DEBT_OPERATOR_ROLE", &roles.debt_operators);
        let administrators = [roles.epoch_parameters, roles.rewards_rate, roles.borrower_admin];
        for (role, holder) in ADMINISTRATORS.into_iter().zip(administrators) {
            self.grants(pool, "pool", role, &[holder.unwrap_or(roles.owner)]);
        }
        Ok(())
    }

    /// Shares, which nobody gives up for the borrowers, and caps before them.
    fn set_up_borrowers(&mut self, pool: Address) -> anyhow::Result<()> {
        let plan = self.plan;
        self.set_up_caps(pool)?;
        let mut shares = Vec::new();
        for borrower in &plan.borrowers {
            let proxy = self.address_of(&borrower_id(&borrower.name)).context("each borrower has a proxy")?;
            shares.push((proxy, U256::from(borrower.share.0)));
        }
        let total = shares.iter().fold(U256::ZERO, |sum, (_, share)| sum.saturating_add(*share));
        if total.is_zero() {
            return Ok(());
        }
        let nobody = (Address::ZERO, U256::from(10_000).saturating_sub(total));
        let (borrowers, allocations): (Vec<_>, Vec<_>) = std::iter::once(nobody).chain(shares).unzip();
        let next = |(borrower, share): (&Address, &U256)| {
            let view = IBorrowerAllocations::getAllocationFractionNextEpochCall { borrower: *borrower };
            Check::of(pool, &view, *share)
        };
        let done = borrowers.iter().zip(&allocations).map(next).collect();
        let call = IBorrowerAllocations::setBorrowerAllocationsCall { borrowers, newAllocations: allocations };
        self.call("pool: shares".to_owned(), Request::of(pool, &call), vec![done]);
        Ok(())
    }

    fn set_up_caps(&mut self, pool: Address) -> anyhow::Result<()> {
        let (mut borrowers, mut caps, mut done) = (Vec::new(), Vec::new(), Vec::new());
        for borrower in &self.plan.borrowers {
            let Some(cap) = borrower.cap(self.plan.tokens.staked.decimals)? else { continue };
            let proxy = self.address_of(&borrower_id(&borrower.name)).context("each borrower has a proxy")?;
            borrowers.push(proxy);
            caps.push(cap);
            done.push(Check::of(pool, &IBorrowerAllocations::getBorrowerCapCall { borrower: proxy }, cap));
        }
        if !borrowers.is_empty() {
            let call = IBorrowerAllocations::setBorrowerCapsCall { borrowers, caps };
            self.call("pool: caps".to_owned(), Request::of(pool, &call), vec![done]);
        }
        Ok(())
    }

    fn set_up_rewards(&mut self, terms: &Rewards, distributor: Address, oracle: Address) {
        let call = IMerkleDistributor::setRewardsOracleCall { rewardsOracle: oracle };
        let done = Check::of(distributor, &IMerkleDistributor::getRewardsOracleCall {}, oracle);
        self.call("distributor: oracle".to_owned(), Request::of(distributor, &call), vec![vec![done]]);
        let claims = self.address_of("claims-proxy");
        let claimers: Vec<_> = terms.claim_operators.iter().copied().chain(claims).collect();
        let roles = [
            ("CONFIG_UPDATER_ROLE", &terms.config_updaters),
            ("PAUSER_ROLE", &terms.pausers),
            ("UNPAUSER_ROLE", &terms.unpausers),
            ("CLAIM_OPERATOR_ROLE", &claimers),
        ];
        for (role, holders) in roles {
            self.grants(distributor, "distributor", role, holders);
        }
    }

    fn grants(&mut self, contract: Address, name: &str, role: &str, holders: &[Address]) {
        for account in holders {
            // The first owner has it already.
            if *account == self.deployer && ADMINISTRATORS.contains(&role) {
                continue;
            }
            let (id, account) = (keccak256(role), *account);
            let call = IRoles::grantRoleCall { role: id, account };
            let done = Check::of(contract, &IRoles::hasRoleCall { role: id, account }, true);
            let what = format!("{name}: {role} to {account}");
            self.call(what, Request::of(contract, &call), vec![vec![done]]);
        }
    }

    /// The deployer gives up what it had for the set-up, and offers the owner role.
    fn hand_over(&mut self, contract: Address, name: &str, roles: &[&str]) {
        let (owner, deployer) = (self.plan.roles.owner, self.deployer);
        if owner == deployer {
            return;
        }
        for role in roles.iter().filter(|role| !self.keeps(role)).copied().collect::<Vec<_>>() {
            let id = keccak256(role);
            let call = IRoles::renounceRoleCall { role: id, account: deployer };
            let done = Check::of(contract, &IRoles::hasRoleCall { role: id, account: deployer }, false);
            self.call(format!("{name}: {role} given up"), Request::of(contract, &call), vec![vec![done]]);
        }
        let id = keccak256("OWNER_ROLE");
        let offered = Check::of(contract, &IRoles::getProposedOwnerCall {}, (owner, deployer));
        let accepted = Check::of(contract, &IRoles::hasRoleCall { role: id, account: owner }, true);
        let call = IRoles::proposeOwnerCall { proposed: owner };
        self.call(
            format!("{name}: ownership offered"),
            Request::of(contract, &call),
            vec![vec![offered], vec![accepted]],
        );
        self.acceptance.push(Request::of(contract, &IRoles::acceptOwnerCall { owner: deployer }));
    }

    /// Whether the plan names the deployer itself for a role.
    fn keeps(&self, role: &str) -> bool {
        let roles = &self.plan.roles;
        let holders = [roles.epoch_parameters, roles.rewards_rate, roles.borrower_admin];
        let holder = ADMINISTRATORS.into_iter().zip(holders).find(|(known, _)| *known == role);
        holder.and_then(|(_, holder)| holder) == Some(self.deployer)
    }

    fn bids(&mut self) -> anyhow::Result<()> {
        let programs = self.steps.iter().filter_map(|step| match &step.action {
            Action::Create(creation) => Some((step.id.clone(), creation.address(), keccak256(&creation.code))),
            _ => None,
        });
        for (name, program, hash) in programs.collect::<Vec<_>>() {
            self.steps.push(bid(self.plan, &name, program, hash)?);
        }
        Ok(())
    }

    fn address_of(&self, id: &str) -> Option<Address> {
        self.steps.iter().find(|step| step.id == id)?.action.creates()
    }
}

/// The step that bids for a program's place in the cache, up to what the plan allows.
///
/// # Errors
///
/// If the plan's amount is none.
pub fn bid(plan: &Plan, name: &str, program: Address, hash: B256) -> anyhow::Result<Step> {
    let most = crate::plan::ether(&plan.max_bid).map_err(anyhow::Error::msg)?;
    Ok(Step { id: format!("cache: {name}"), action: Action::Bid { program, hash, most } })
}

/// Name of a borrower's proxy.
pub fn borrower_id(name: &str) -> String {
    format!("borrower {name}")
}

/// The call that sets up a borrower.
fn initialisation(borrower: &Borrower, parties: [Address; 4]) -> ITrustedBorrowerL2Proxy::initializeCall {
    let [pool, exchange, token, distributor] = parties;
    ITrustedBorrowerL2Proxy::initializeCall {
        liquidityStaking: pool,
        starkPerpetual: exchange,
        token,
        merkleDistributor: distributor,
        owner: borrower.owner,
        guardian: borrower.guardian,
        vetoGuardian: borrower.veto_guardian,
        depositVaults: borrower.vaults.clone(),
    }
}

/// What to send to the factory that creates clones.
pub(crate) fn clone_request(salt: B256, init_code: &[u8]) -> Request {
    Request { to: CREATE2_FACTORY, value: U256::ZERO, data: clone::creation(salt, init_code).into() }
}
