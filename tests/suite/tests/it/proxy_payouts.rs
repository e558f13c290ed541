//! The borrower proxy: what leaves it to recipients (SP-29 to SP-38).

use alloy_sol_types::sol;
use suite::{
    abi::{IPuppet, ITrustedBorrowerL2Proxy as P},
    deployment::role,
    prelude::*,
    proxy::Market,
};

sol! {
    #[allow(missing_docs)]
    function claimRewards(uint256 cumulativeAmount, bytes32[] calldata merkleProof) external returns (uint256);
}

/// Borrowed 400,000, and so much held.
fn holding(held: u64) -> Market {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    market.set_held(held);
    market
}

fn exceeds(requested: u64, excess: u64, approved: u64) -> P::ExceedsWithdrawableBalance {
    P::ExceedsWithdrawableBalance { requested: u(requested), excess: u(excess), approved: u(approved) }
}

fn paid(market: &Market, amount: u64) -> LogData {
    log(P::ExternalWithdrewToken { recipient: market.pool.who("r"), amount: u(amount) })
}

#[test]
fn sp_29_what_is_owed_stays() {
    let mut market = holding(400_000);
    assert_refused(market.by("w").pay("r", 1).unwrap_err(), exceeds(1, 0, 0));
    let sent = market.by("w").pay("r", 0).unwrap();
    assert_logs(market.logs(&sent.receipt), [paid(&market, 0)]);
}

#[test]
fn sp_30_the_excess_may_leave() {
    let mut market = holding(400_050);
    assert_refused(market.by("w").pay("r", 51).unwrap_err(), exceeds(51, 50, 0));
    let sent = market.by("w").pay("r", 50).unwrap();
    assert_logs(market.logs(&sent.receipt), [paid(&market, 50)]);
    assert_eq!((market.held(), market.pool.tokens("r")), (u(400_000), u(50)));
}

#[test]
fn sp_31_excess_and_approval_add_up() {
    let mut market = holding(400_030);
    market.by("g").approve(60).unwrap();
    assert_refused(market.by("w").pay("r", 91).unwrap_err(), exceeds(91, 30, 60));
    assert_eq!(market.approved(), u(60));
    let mut fork = market.fork();
    fork.by("w").pay("r", 61).unwrap();
    assert_eq!((fork.approved(), fork.held()), (u(29), u(399_969)));
    market.by("w").pay("r", 60).unwrap();
    assert_eq!((market.approved(), market.held()), (u(30), u(399_970)));
    // What is approved is approved although less is held than is owed.
    assert_refused(market.by("w").pay("r", 31).unwrap_err(), exceeds(31, 0, 30));
    market.by("w").pay("r", 30).unwrap();
    assert_eq!((market.approved(), market.held(), market.pool.tokens("r")), (u(0), u(399_940), u(90)));
}

#[test]
fn sp_32_the_excess_comes_first() {
    let mut market = holding(400_040);
    market.by("g").approve(10).unwrap();
    market.by("w").pay("r", 40).unwrap();
    assert_eq!((market.approved(), market.held()), (u(10), u(400_000)));
    market.by("w").pay("r", 10).unwrap();
    assert_eq!((market.approved(), market.held()), (u(0), u(399_990)));
}

#[test]
fn sp_33_approvals_add_up_and_are_taken_back() {
    let mut market = holding(400_000);
    let updated = |amount| log(P::GuardianUpdateApprovedAmountForExternalWithdrawal { amount: u(amount) });
    for (more, total) in [(5_u64, 5), (7, 12)] {
        let sent = market.by("g").approve(more).unwrap();
        assert_eq!(sent.ret, u(total));
        assert_logs(market.logs(&sent.receipt), [updated(total)]);
    }
    let most = (u(1) << 128) - u(1);
    for more in [most - u(11), u(1) << 128, U256::MAX] {
        let refused = market.by("g").approve(more).unwrap_err();
        assert_refused(refused, P::ApprovedAmountOverflow { approved: u(12), increase: more });
    }
    for previous in [12, 0] {
        let sent = market.by("g").send(P::resetApprovedAmountForExternalWithdrawalCall {}).unwrap();
        assert_eq!(sent.ret, u(previous));
        assert_logs(market.logs(&sent.receipt), [updated(0)]);
    }
    assert_eq!(market.by("g").approve(most).unwrap().ret, most);
}

#[test]
fn sp_34_recipients_must_be_allowed() {
    let mut market = holding(400_050);
    let recipient = market.pool.who("X0");
    let refused = market.by("w").pay("X0", 1).unwrap_err();
    assert_refused(refused, P::RecipientNotAllowed { recipient });
    let refused = market.by("o").pay("r", 1).unwrap_err();
    let account = market.pool.who("o");
    let needed = role("WITHDRAWAL_OPERATOR_ROLE");
    assert_refused(refused, P::AccessControlUnauthorizedAccount { account, neededRole: needed });
    // In each of the three ways to pay out.
    let token = market.pool.rewards_token();
    let other = P::externalWithdrawOtherTokenCall { token, recipient, amount: u(0) };
    assert_refused(market.by("w").send(other).unwrap_err(), P::RecipientNotAllowed { recipient });
    let ether = P::externalWithdrawEtherCall { recipient, amount: u(0) };
    assert_refused(market.by("w").send(ether).unwrap_err(), P::RecipientNotAllowed { recipient });
}

#[test]
fn sp_35_the_borrowed_token_is_no_other_token() {
    let mut market = holding(400_050);
    let (borrowed, rewards, recipient) = (market.parties.token, market.pool.rewards_token(), market.pool.who("r"));
    let other = |token| P::externalWithdrawOtherTokenCall { token, recipient, amount: u(1) };
    let refused = market.by("w").send(other(borrowed)).unwrap_err();
    assert_refused(refused, P::BorrowedTokenNotWithdrawable { token: borrowed });
    let nobody = market.pool.who("X0");
    let refused = market.by("w").send(other(nobody)).unwrap_err();
    assert_refused(refused, P::SafeErc20FailedOperation { token: nobody });
    let refused = market.by("w").send(other(rewards)).unwrap_err();
    assert_refused(refused, P::SafeErc20FailedOperation { token: rewards });
}

#[test]
fn sp_36_other_tokens_leave_whatever_is_owed() {
    let mut market = holding(0);
    let (token, recipient, to) = (market.pool.rewards_token(), market.pool.who("r"), market.proxy());
    market.pool.by("X0").send_to(token, IToken::mintCall { to, value: u(100) }).unwrap();
    let call = P::externalWithdrawOtherTokenCall { token, recipient, amount: u(100) };
    let sent = market.by("w").send(call).unwrap();
    let event = P::ExternalWithdrewOtherToken { token, recipient, amount: u(100) };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(market.pool.rewards("r"), u(100));
}

#[test]
fn sp_37_ether_comes_by_force_only() {
    let mut market = holding(400_000);
    for data in [vec![], vec![0xd0; 4]] {
        let refused = market.by("o").send_value(data, 1).unwrap_err();
        assert!(refused.is_empty(), "{refused}");
    }
    let proxy = market.proxy();
    market.pool.chain.set_balance(proxy, u(10));
    let recipient = market.pool.who("r");
    let before = market.pool.chain.balance(recipient);
    let ether = |recipient, amount| P::externalWithdrawEtherCall { recipient, amount: u(amount) };
    let sent = market.by("w").send(ether(recipient, 4)).unwrap();
    assert_logs(market.logs(&sent.receipt), [log(P::ExternalWithdrewEther { recipient, amount: u(4) })]);
    assert_eq!(market.pool.chain.balance(recipient), before + u(4));
    assert_eq!(market.pool.chain.balance(proxy), u(6));
    assert!(market.by("w").send(ether(recipient, 7)).is_err());

    // A contract that refuses ether, with words of its own.
    let puppet = market.double("puppet");
    market.by("o").send(P::allowExternalRecipientCall { recipient: puppet }).unwrap();
    market.direct_with(puppet, [0; 4], Address::ZERO, vec![], 2, true, b"no, thanks".to_vec());
    let refused = market.by("w").send(ether(puppet, 1)).unwrap_err();
    assert_eq!(refused.data.as_ref(), b"no, thanks");
    assert_eq!(market.pool.chain.balance(proxy), u(6));
    // One that needs more gas than a stipend of 2,300 is paid: it writes what it was called with.
    market.direct(puppet, [0; 4], market.parties.token, IToken::totalSupplyCall {}.abi_encode(), vec![]);
    market.by("w").send(ether(puppet, 6)).unwrap();
    assert_eq!(market.pool.chain.balance(puppet), u(6));
}

#[test]
fn sp_38_rewards_of_the_distributor_stay_in_the_proxy() {
    let mut market = holding(400_000);
    let (rewards, distributor, proxy) = (market.pool.rewards_token(), market.parties.distributor, market.proxy());
    market.pool.by("X0").send_to(rewards, IToken::mintCall { to: distributor, value: u(777) }).unwrap();
    let pay = IToken::transferCall { to: proxy, value: u(777) }.abi_encode();
    market.direct_with(distributor, claimRewardsCall::SELECTOR, rewards, pay, 1, false, u(777).abi_encode());
    for proof in [vec![], vec![B256::repeat_byte(7), B256::repeat_byte(9)]] {
        let mut fork = market.fork();
        let call = P::claimRewardsFromMerkleDistributorCall { cumulativeAmount: u(777), merkleProof: proof.clone() };
        assert_eq!(fork.by("w").send(call).unwrap().ret, u(777));
        let asked = claimRewardsCall { cumulativeAmount: u(777), merkleProof: proof };
        assert_eq!(fork.view_of(distributor, IPuppet::lastInputCall {}), asked.abi_encode());
        let balance = fork.view_of(rewards, IToken::balanceOfCall { account: proxy });
        assert_eq!(balance, u(777));
    }
    // Nothing more to claim; refusals come through.
    let call = P::claimRewardsFromMerkleDistributorCall { cumulativeAmount: u(777), merkleProof: vec![] };
    market.direct(distributor, claimRewardsCall::SELECTOR, Address::ZERO, vec![], u(0).abi_encode());
    assert_eq!(market.by("w").send(call.clone()).unwrap().ret, u(0));
    market.direct_with(distributor, claimRewardsCall::SELECTOR, Address::ZERO, vec![], 2, true, b"no leaf".to_vec());
    assert_eq!(market.by("w").send(call.clone()).unwrap_err().data.as_ref(), b"no leaf");
    market.direct(distributor, claimRewardsCall::SELECTOR, Address::ZERO, vec![], vec![1; 31]);
    let refused = market.by("w").send(call).unwrap_err();
    assert_refused(refused, P::UnreadableAnswer { account: distributor });
}

/// In whatever order, recipients never get more than excess and approval together.
#[test]
fn q4_excess_and_approval_are_never_spent_twice() {
    for (excess, approved) in [(0_u64, 0_u64), (0, 7), (7, 0), (5, 3), (3, 5)] {
        let mut market = holding(400_000 + excess);
        if approved > 0 {
            market.by("g").approve(approved).unwrap();
        }
        for payment in [1_u64, 2, 3, 100] {
            let mut fork = market.fork();
            while fork.by("w").pay("r", payment).is_ok() {}
            while fork.by("w").pay("r", 1).is_ok() {}
            assert_eq!(fork.pool.tokens("r"), u(excess + approved), "{payment} at a time");
            assert_eq!(fork.approved(), u(0));
        }
    }
}
