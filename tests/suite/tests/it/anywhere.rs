//! What must hold on every chain that runs Stylus programs: no time is moved, nobody is impersonated, nothing is forked.
//! These run against nitro-devnode as well: `scripts/remote http://127.0.0.1:8547 -- anywhere::`.

use chain::{Account, Chain};
use suite::{
    deployment::{self, Deployment, Parties},
    prelude::*,
};

/// A chain as it is: the node's, or a new one.
fn chain() -> Chain {
    match std::env::var("CHAIN_RPC") {
        Ok(url) => Chain::connect(&url).expect("the node answers"),
        Err(_) => Chain::new(),
    }
}

fn address(name: &str) -> Address {
    Account::named(name).address()
}

#[test]
fn a_program_is_deployed_activated_and_called() {
    let mut chain = chain();
    let token = deployment::token(&mut chain, "token", "USD Coin", "USDC", 6);
    assert!(chain.is_active(token));
    let (to, value) = (address("S0"), u(1_000));
    let minted = chain.from("GOV").call(token, IToken::mintCall { to, value }).unwrap();
    assert_eq!(minted.logs_from::<IToken::Transfer>(token).len(), 1);
    chain.from("S0").call(token, IToken::transferCall { to: address("S1"), value: u(400) }).unwrap();
    assert_eq!(chain.view(token, IToken::balanceOfCall { account: to }).unwrap(), u(600));
    let refused = chain.from("S0").call(token, IToken::transferCall { to: address("S1"), value: u(601) }).unwrap_err();
    let expected = IToken::InsufficientBalance { owner: to, balance: u(600), needed: u(601) };
    assert_eq!(refused.data.to_vec(), expected.abi_encode());
    assert_eq!(chain.view(token, IToken::balanceOfCall { account: to }).unwrap(), u(600));
}

#[test]
fn the_pool_is_deployed_and_refuses_what_comes_before_epoch_zero() {
    let mut chain = chain();
    let (staked_token, rewards_token) = (
        deployment::token(&mut chain, "token", "USD Coin", "USDC", 6),
        deployment::token(&mut chain, "token", "dYdX", "DYDX", 18),
    );
    let parties = Parties { staked_token, rewards_token, treasury: address("treasury"), owner: address("GOV") };
    let settings = Settings::mainnet_from(chain.timestamp() + 86_400);
    let pool = Deployment::deploy(&mut chain, "GOV", &parties, &settings).unwrap().pool;

    let schedule = chain.view(pool, IEpochSchedule::getEpochParametersCall {}).unwrap();
    assert_eq!(U256::from(schedule.offset), settings.offset);
    assert!(
        chain
            .view(pool, IEpochSchedule::hasRoleCall { role: deployment::role("OWNER_ROLE"), account: address("GOV") })
            .unwrap()
    );
    let approve = IToken::approveCall { spender: pool, value: U256::MAX };
    chain.from("S0").call(staked_token, approve).unwrap();
    let refused = chain.from("S0").call(pool, IStaking::stakeCall { amount: u(1) }).unwrap_err();
    assert!(refused.is::<errors::EpochZeroNotStarted>(), "{refused}");
    let stranger = IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: u(1) };
    assert!(chain.from("S0").call(pool, stranger).is_err());
}
