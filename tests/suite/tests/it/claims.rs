//! The claims proxy and the treasury's claim proxy (rewards-distributor.md section 9).

use alloy_primitives::Bytes;
use suite::{
    abi::IMerkleDistributor as md,
    deployment::{self, Deployment, Parties, Settings},
    distribution::{self, claims_proxy, for_treasury, merkle_only, tell, treasury_proxy},
    prelude::*,
};

/// `claimRewardsFor(address staker, address recipient)` of staking modules.
const CLAIM_FOR: [u8; 4] = [0xa1, 0x66, 0x33, 0x40];
/// `claim()` of the vester.
const VEST: [u8; 4] = [0x4e, 0x71, 0xd9, 0x2d];

/// A claims proxy in front of the distributor, and puppets for the rest.
struct Proxied {
    world: Distribution,
    proxy: Address,
    safety: Address,
    staking: Address,
    vester: Address,
}

impl Proxied {
    fn new() -> Self {
        let mut world = Distribution::deploy();
        world.at(START);
        let [safety, staking, vester] = [(); 3].map(|()| distribution::puppet(&mut world.chain));
        let modules = (safety, staking, world.distributor, vester);
        let proxy = claims_proxy(&mut world.chain, modules).unwrap();
        Self { world, proxy, safety, staking, vester }
    }

    fn claim(&mut self, who: Address, call: IClaimsProxy::claimRewardsCall) -> suite::pool::Outcome<U256> {
        let proxy = self.proxy;
        self.world.chain.from(who).call(proxy, call)
    }

    fn allow(&mut self, user: Address) {
        self.world.send(user, md::setAlwaysAllowClaimsForCall { allow: true }).unwrap();
    }

    /// Makes a module answer an amount and remember the call.
    fn pays(&mut self, module: Address, amount: U256) {
        tell(&mut self.world.chain, module, CLAIM_FOR, 3, amount.abi_encode().into(), None);
    }

    fn asked(&self, module: Address) -> Bytes {
        self.world.chain.view(module, IPuppet::lastCallCall {}).unwrap()
    }
}

fn everything(amount: U256, proof: Vec<B256>) -> IClaimsProxy::claimRewardsCall {
    IClaimsProxy::claimRewardsCall {
        claimSafetyRewards: true,
        claimLiquidityRewards: true,
        merkleCumulativeAmount: amount,
        merkleProof: proof,
        vestFromTreasuryVester: true,
    }
}

/// A tree in which u1 has 500 units.
fn small_tree() -> model::tree::Tree {
    model::tree::Tree::new(&[(user(1), u(500)), (user(2), u(1))])
}

#[test]
fn md_55_the_proxy_needs_leave() {
    let (mut proxied, tree) = (Proxied::new(), small_tree());
    proxied.world.activate(&tree);
    let (amount, proof) = tree.claim(user(1));
    let refused = proxied.claim(user(1), merkle_only(amount, proof.clone())).unwrap_err();
    assert_refused(refused, md::ClaimNotAllowed { caller: proxied.proxy, account: user(1) });
    proxied.allow(user(1));
    for expected in [500, 0] {
        assert_eq!(proxied.claim(user(1), merkle_only(amount, proof.clone())).unwrap().ret, u(expected));
    }
    assert_eq!(proxied.world.balance(user(1)), u(500));
}

#[test]
fn md_56_what_is_not_asked_for_is_not_called() {
    let mut proxied = Proxied::new();
    proxied.world.chain.record(chain::Recording::Frames);
    let done = proxied.claim(user(1), merkle_only(u(0), vec![B256::ZERO])).unwrap();
    assert_eq!((done.ret, done.receipt.frames.len()), (u(0), 1));

    let too_early = Bytes::from_static(b"\x08\xc3\x79\xa0CLAIM_TOO_EARLY");
    let vester = proxied.vester;
    tell(&mut proxied.world.chain, vester, VEST, 2, too_early.clone(), None);
    let call = IClaimsProxy::claimRewardsCall { vestFromTreasuryVester: true, ..merkle_only(u(0), vec![]) };
    assert_eq!(proxied.claim(user(1), call).unwrap_err().data, too_early);
}

#[test]
fn md_57_the_vester_fills_the_treasury_first() {
    let (mut proxied, tree) = (Proxied::new(), small_tree());
    proxied.world.activate(&tree);
    proxied.allow(user(1));
    let (token, treasury) = (proxied.world.token, proxied.world.who("treasury"));
    let held = proxied.world.balance(treasury);
    proxied.world.chain.from("treasury").call(token, IToken::burnCall { value: held }).unwrap();
    let mint = IToken::mintCall { to: treasury, value: u(600) }.abi_encode();
    let vester = proxied.vester;
    tell(&mut proxied.world.chain, vester, VEST, 5, Bytes::new(), Some((token, mint)));

    let (amount, proof) = tree.claim(user(1));
    let call = merkle_only(amount, proof);
    let refused = proxied.claim(user(1), call.clone()).unwrap_err();
    assert_refused(refused, md::SafeErc20FailedOperation { token });
    let call = IClaimsProxy::claimRewardsCall { vestFromTreasuryVester: true, ..call };
    assert_eq!(proxied.claim(user(1), call).unwrap().ret, u(500));
    assert_eq!(proxied.world.balance(treasury), u(100));
}

#[test]
fn md_58_anybody_claims_for_the_treasury() {
    let mut world = Distribution::deploy();
    let (community, token, distributor) = (world.who("community"), world.token, world.distributor);
    let proxy = treasury_proxy(&mut world.chain, (distributor, community, token)).unwrap();
    let tree = model::tree::Tree::new(&[(proxy, u(900)), (user(1), u(1))]);
    world.at(START).activate(&tree);
    for (paid, held) in [(900, 900), (0, 900)] {
        let done = world.chain.from("x").call(proxy, for_treasury(&tree, proxy)).unwrap();
        assert_eq!((done.ret, world.balance(community)), (u(paid), u(held)));
    }
}

#[test]
fn md_59_nothing_is_stuck_in_the_treasurys_proxy() {
    let mut world = Distribution::deploy();
    let (community, token, distributor) = (world.who("community"), world.token, world.distributor);
    let proxy = treasury_proxy(&mut world.chain, (distributor, community, token)).unwrap();
    let tree = model::tree::Tree::new(&[(proxy, u(1000)), (user(1), u(1))]);
    world.at(START).activate(&tree);
    assert_eq!(world.claim_for("OP", &tree, proxy).unwrap().ret, u(1000));
    assert_eq!(world.balance(proxy), u(1000));
    let mut other = world.clone();
    let done = world.chain.from("x").call(proxy, for_treasury(&tree, proxy)).unwrap();
    assert_eq!((done.ret, world.balance(community), world.balance(proxy)), (u(1000), u(1000), u(0)));

    // Also when the tree does not know it any more.
    other.activate(&small_tree());
    other.mint(proxy, u(7));
    let done = other.chain.from("x").call(proxy, ITreasuryClaimProxy::forwardCall {}).unwrap();
    assert_eq!((done.ret, other.balance(community)), (u(1007), u(1007)));
    let done = other.chain.from("x").call(proxy, ITreasuryClaimProxy::forwardCall {}).unwrap();
    assert_eq!((done.ret, done.receipt.logs.len()), (u(0), 0));
}

#[test]
fn everything_is_claimed_in_order_and_summed() {
    let (mut proxied, tree) = (Proxied::new(), small_tree());
    proxied.world.activate(&tree);
    proxied.allow(user(1));
    let [safety, staking, vester] = [proxied.safety, proxied.staking, proxied.vester];
    proxied.pays(safety, u(30));
    proxied.pays(staking, u(7));
    tell(&mut proxied.world.chain, vester, VEST, 3, Bytes::new(), None);
    proxied.world.chain.record(chain::Recording::Frames);
    let (amount, proof) = tree.claim(user(1));
    let done = proxied.claim(user(1), everything(amount, proof)).unwrap();
    assert_eq!(done.ret, u(537));
    let called: Vec<_> = done.receipt.frames.iter().filter(|frame| frame.depth == 1).map(|frame| frame.to).collect();
    assert_eq!(called, [vester, safety, staking, proxied.world.distributor]);
    let expected = [&CLAIM_FOR[..], &(user(1), user(1)).abi_encode()].concat();
    assert_eq!((proxied.asked(safety).to_vec(), proxied.asked(staking).to_vec()), (expected.clone(), expected));
    assert_eq!(proxied.asked(vester).to_vec(), VEST);
}

#[test]
fn one_failing_part_fails_everything_with_its_reason() {
    let (mut proxied, tree) = (Proxied::new(), small_tree());
    proxied.world.activate(&tree);
    proxied.allow(user(1));
    let [safety, staking, vester] = [proxied.safety, proxied.staking, proxied.vester];
    let (amount, proof) = tree.claim(user(1));
    tell(&mut proxied.world.chain, vester, VEST, 1, Bytes::new(), None);
    proxied.pays(safety, u(30));
    let reason = distribution::oracle_error();
    tell(&mut proxied.world.chain, staking, CLAIM_FOR, 2, reason.clone(), None);
    let refused = proxied.claim(user(1), everything(amount, proof.clone())).unwrap_err();
    assert_eq!(refused.data, reason);
    assert_eq!(proxied.asked(safety), Bytes::new(), "nothing is left of the part that succeeded");

    tell(&mut proxied.world.chain, staking, CLAIM_FOR, 1, vec![0; 31].into(), None);
    let refused = proxied.claim(user(1), everything(amount, proof.clone())).unwrap_err();
    assert_refused(refused, IClaimsProxy::InvalidModuleAnswer { module: staking });

    proxied.pays(staking, U256::MAX);
    let refused = proxied.claim(user(1), everything(amount, proof)).unwrap_err();
    assert_refused(refused, IClaimsProxy::TotalOverflow { total: u(30), added: U256::MAX });
    assert_eq!(proxied.world.claimed(user(1)), u(0));
}

#[test]
fn modules_that_do_not_exist_are_named() {
    let mut proxied = Proxied::new();
    let (distributor, staking) = (proxied.world.distributor, proxied.staking);
    let (nobody, zero) = (Address::repeat_byte(3), Address::ZERO);
    for (modules, module) in [
        ((zero, zero, distributor, zero), zero),
        ((zero, staking, nobody, zero), nobody),
        ((nobody, staking, distributor, zero), nobody),
        ((zero, staking, distributor, nobody), nobody),
    ] {
        let refused = claims_proxy(&mut proxied.world.chain, modules).unwrap_err();
        assert_refused(refused, IClaimsProxy::InvalidModule { module });
    }
    let modules = (zero, staking, distributor, zero);
    proxied.proxy = claims_proxy(&mut proxied.world.chain, modules).unwrap();
    let none = merkle_only(u(0), vec![]);
    for call in [
        IClaimsProxy::claimRewardsCall { claimSafetyRewards: true, ..none.clone() },
        IClaimsProxy::claimRewardsCall { vestFromTreasuryVester: true, ..none },
    ] {
        let refused = proxied.claim(user(1), call).unwrap_err();
        assert_refused(refused, IClaimsProxy::InvalidModule { module: zero });
    }
    let view = |call| proxied.world.chain.view(proxied.proxy, call);
    assert_eq!(view(IClaimsProxy::LIQUIDITY_STAKINGCall {}).unwrap(), staking);
    let proxy = proxied.proxy;
    let chain = &proxied.world.chain;
    assert_eq!(chain.view(proxy, IClaimsProxy::SAFETY_MODULECall {}).unwrap(), zero);
    assert_eq!(chain.view(proxy, IClaimsProxy::MERKLE_DISTRIBUTORCall {}).unwrap(), distributor);
    assert_eq!(chain.view(proxy, IClaimsProxy::REWARDS_TREASURY_VESTERCall {}).unwrap(), zero);
}

#[test]
fn the_treasurys_proxy_refuses_what_cannot_work() {
    let mut world = Distribution::deploy();
    let (token, distributor, nobody) = (world.token, world.distributor, Address::repeat_byte(3));
    for (parties, module) in [((nobody, user(1), token), nobody), ((distributor, user(1), nobody), nobody)] {
        let refused = treasury_proxy(&mut world.chain, parties).unwrap_err();
        assert_refused(refused, ITreasuryClaimProxy::InvalidModule { module });
    }
    let refused = treasury_proxy(&mut world.chain, (distributor, Address::ZERO, token)).unwrap_err();
    assert_refused(refused, ITreasuryClaimProxy::InvalidTreasury { treasury: Address::ZERO });

    // A distributor that answers nothing, and a token that is none.
    let puppet = distribution::puppet(&mut world.chain);
    tell(&mut world.chain, puppet, ITreasuryClaimProxy::claimRewardsCall::SELECTOR, 1, Bytes::new(), None);
    let proxy = treasury_proxy(&mut world.chain, (puppet, user(1), puppet)).unwrap();
    let call = ITreasuryClaimProxy::claimRewardsCall { cumulativeAmount: u(1), proof: vec![] };
    let refused = world.chain.from("x").call(proxy, call).unwrap_err();
    assert_refused(refused, ITreasuryClaimProxy::InvalidModuleAnswer { module: puppet });
    let refused = world.chain.from("x").call(proxy, ITreasuryClaimProxy::forwardCall {}).unwrap_err();
    assert_refused(refused, ITreasuryClaimProxy::SafeErc20FailedOperation { token: puppet });
    let balance = IToken::balanceOfCall::SELECTOR;
    tell(&mut world.chain, puppet, balance, 1, u(5).abi_encode().into(), None);
    let transfer = IToken::transferCall::SELECTOR;
    tell(&mut world.chain, puppet, transfer, 1, u(0).abi_encode().into(), None);
    let refused = world.chain.from("x").call(proxy, ITreasuryClaimProxy::forwardCall {}).unwrap_err();
    assert_refused(refused, ITreasuryClaimProxy::SafeErc20FailedOperation { token: puppet });
    let chain = &world.chain;
    assert_eq!(chain.view(proxy, ITreasuryClaimProxy::MERKLE_DISTRIBUTORCall {}).unwrap(), puppet);
    assert_eq!(chain.view(proxy, ITreasuryClaimProxy::COMMUNITY_TREASURYCall {}).unwrap(), user(1));
    assert_eq!(chain.view(proxy, ITreasuryClaimProxy::REWARDS_TOKENCall {}).unwrap(), puppet);
}

#[test]
fn stake_rewards_and_merkle_rewards_come_together() {
    let (mut world, tree) = (Distribution::deploy(), small_tree());
    let chain = &mut world.chain;
    let staked_token = deployment::token(chain, "token", "USD Coin", "USDC", 6);
    let treasury = chain.account("treasury").address();
    let owner = chain.account("GOV").address();
    let parties = Parties { staked_token, rewards_token: world.token, treasury, owner };
    let settings = Settings {
        deployed_at: START - DAY,
        offset: u(START),
        distribution: (u(START), u(START + 100 * DAY)),
        ..Settings::mainnet()
    };
    let pool = Deployment::deploy(chain, "GOV", &parties, &settings).unwrap().pool;
    let proxy = claims_proxy(chain, (Address::ZERO, pool, world.distributor, Address::ZERO)).unwrap();
    for target in [pool, world.distributor] {
        let call = IRoles::grantRoleCall { role: deployment::role("CLAIM_OPERATOR_ROLE"), account: proxy };
        chain.from("GOV").call(target, call).unwrap();
    }
    chain.from("treasury").call(world.token, IToken::approveCall { spender: pool, value: U256::MAX }).unwrap();
    let rate = IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: u(10) };
    chain.from("GOV").call(pool, rate).unwrap();
    chain.from("GOV").call(staked_token, IToken::mintCall { to: user(1), value: u(1000) }).unwrap();
    chain.from(user(1)).call(staked_token, IToken::approveCall { spender: pool, value: u(1000) }).unwrap();
    chain.set_time(START);
    chain.from(user(1)).call(pool, IStaking::stakeCall { amount: u(1000) }).unwrap();
    world.activate(&tree);

    let (amount, proof) = tree.claim(user(1));
    let call = IClaimsProxy::claimRewardsCall { claimLiquidityRewards: true, ..merkle_only(amount, proof) };
    let done = world.chain.from(user(1)).call(proxy, call).unwrap();
    let staked = u(10 * WAIT);
    assert_eq!(done.ret, staked + u(500));
    assert_eq!(world.balance(user(1)), staked + u(500));
}
