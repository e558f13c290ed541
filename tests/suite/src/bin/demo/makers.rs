//! Act two: market makers borrow through their proxies and trade on the exchange. One falls silent, and the guardian acts as `SECURITY.md`
//! says.

mod books;
mod market;

use alloy_primitives::U256;
use alloy_sol_types::Revert;
use suite::abi::{
    IBorrowerAllocations, IDebtAccounting, IExchange, IPoolErrors, IStaking, ITrustedBorrowerL2Proxy as P,
};

use crate::{
    Options,
    scene::{Scene, address},
    words::{amount, usdc},
};
use market::{MAKERS, Place, STAKERS, mark, place, shares};

pub(crate) use market::Market;

/// The market maker that falls silent.
const SILENT: &str = "cedar";

/// Plays it, and leaves the market to the next act.
pub(crate) fn play(scene: Scene, options: &Options) -> Result<Market, String> {
    let mut market = Market::open(scene, options)?;
    proxies_are_made(&mut market)?;
    makers_borrow(&mut market)?;
    a_profit_is_paid_out(&mut market)?;
    stake_is_asked_back(&mut market)?;
    the_guardian_acts(&mut market)?;
    debt_is_marked(&mut market)?;
    the_exchange_has_to_pay(&mut market)?;
    stakers_take_theirs(&mut market)?;
    Ok(market)
}

fn proxies_are_made(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Act two, before epoch 0: a new pool, and three market makers with a proxy each");
    market.introduce();
    for index in 0..MAKERS.len() {
        market.open_maker(index)?;
    }
    let (pool, shares) = (market.parties.pool, shares(market));
    market.act("owner", "gives the proxies 40, 30 and 30 % of the pool", pool, &shares).map(drop)
}

fn makers_borrow(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 0: they borrow, and deposit to the exchange");
    market.at(0, 1)?;
    market.stake("erin", 600_000)?;
    market.stake("frank", 400_000)?;
    market.at(0, 2)?;
    for (maker, share, ..) in MAKERS {
        let whole = 1_000_000 * share / 10_000;
        let what = format!("borrows {} USDC", amount(usdc(whole), 6));
        let call = P::borrowCall { amount: usdc(whole) };
        market.proxied(&format!("{maker}'s desk"), &what, maker, &call)?;
        market.stands(maker, &[("held", whole), ("borrowed", whole)])?;
    }
    let one = U256::from(1);
    let error = IPoolErrors::BorrowExceedsAvailable { requested: one, available: U256::ZERO };
    market.refused("amber's desk", "tries to borrow one unit more", "amber", &P::borrowCall { amount: one }, &error)?;
    market.at(0, 3)?;
    a_vault_is_not_listed(market)?;
    market.deposit("amber", 250_000, 250_000)?;
    market.deposit("birch", 200_000, 200_000)?;
    market.deposit(SILENT, 240_000, 240_000)?;
    market.deposit(SILENT, 40_000, 0)?;
    market.stands(SILENT, &[("held", 20_000), ("vault", 240_000), ("pending", 40_000)])
}

fn a_vault_is_not_listed(market: &mut Market) -> Result<(), String> {
    let Place { key, asset, .. } = place("amber");
    let vault = place("birch").vault;
    let call = P::depositToExchangeCall { starkKey: key, assetType: asset, vaultId: vault, quantizedAmount: usdc(1) };
    let error = P::DepositVaultNotAllowed { starkKey: key, assetType: asset, vaultId: vault, allowedFrom: U256::ZERO };
    market.refused("amber's desk", "tries to deposit to a vault that is not listed", "amber", &call, &error)
}

fn a_profit_is_paid_out(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 0: amber earns, calls its money in, and pays out what it does not owe");
    market.at(0, 6)?;
    market.win("amber", 30_000)?;
    market.withdraw("amber", 280_000)?;
    let recipient = address("amber's bank");
    let excess = usdc(30_000);
    let pay = |amount| P::externalWithdrawTokenCall { recipient, amount };
    let more = excess + U256::from(1);
    let error = P::ExceedsWithdrawableBalance { requested: more, excess, approved: U256::ZERO };
    market.refused("amber's till", "tries to pay out one unit more than the profit", "amber", &pay(more), &error)?;
    market.proxied("amber's till", "pays 30,000 USDC to amber's bank", "amber", &pay(excess))?;
    market.stands("amber", &[("held", 400_000), ("borrowed", 400_000), ("bank", 30_000)])?;
    market.deposit("amber", 250_000, 250_000)
}

fn stake_is_asked_back(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 0: half of the stake is asked back; in the blackout window, market makers pay");
    market.at(0, 8)?;
    let pool = market.parties.pool;
    for (who, whole) in [("erin", 300_000), ("frank", 200_000)] {
        let what = format!("requests {} USDC", amount(usdc(whole), 6));
        market.act(who, &what, pool, &IStaking::requestWithdrawalCall { amount: usdc(whole) })?;
    }
    let early = P::NotInBlackoutWindow {};
    market.refused("amber's desk", "tries to auto-pay", "amber", &P::autoPayOrBorrowCall {}, &early)?;
    market.at(0, 15)?;
    pays_by_itself(market, "amber", (150_000, 200_000), 80_000)?;
    pays_by_itself(market, "birch", (100_000, 150_000), 60_000)?;
    market.stands("amber", &[("held", 30_000), ("borrowed", 200_000), ("vault", 170_000)])?;
    market.stands("birch", &[("held", 10_000), ("borrowed", 150_000), ("vault", 140_000)])
}

/// What is held does not cover what exceeds the next epoch's share, until enough came from the exchange.
fn pays_by_itself(market: &mut Market, maker: &str, (held, due): (u64, u64), fetched: u64) -> Result<(), String> {
    let (desk, call) = (format!("{maker}'s desk"), P::autoPayOrBorrowCall {});
    let error = P::InsufficientFundsToRepay { held: usdc(held), required: usdc(due) };
    market.refused(&desk, "tries to auto-pay with too little", maker, &call, &error)?;
    market.withdraw(maker, fetched)?;
    let paid = market.proxied(&desk, "auto-pays", maker, &call)?.ret;
    let parts = (paid.borrowed, paid.borrowRepaid, paid.debtRepaid);
    market.scene.equal("borrowed, loan and debt repaid", parts, (U256::ZERO, usdc(due), U256::ZERO))
}

fn the_guardian_acts(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 0, blackout window: cedar is silent, and the guardian acts");
    market.at(0, 18)?;
    market.release(SILENT, 30_000)?;
    market.at(0, 20)?;
    let Place { key, asset, vault } = place(SILENT);
    let restrict = P::guardianSetBorrowingRestrictionCall { isBorrowingRestricted: true };
    market.proxied("guardian", "restricts cedar", SILENT, &restrict)?;
    let error = P::BorrowingRestrictedByGuardian {};
    let borrow = P::borrowCall { amount: U256::from(1) };
    market.refused("cedar's desk", "could not borrow if it woke up", SILENT, &borrow, &error)?;
    let fetch = P::guardianWithdrawFromExchangeCall { starkKey: key, assetType: asset };
    let fetched = market.proxied("guardian", "takes what the exchange holds ready", SILENT, &fetch)?.ret;
    market.scene.equal("what came back", fetched, usdc(30_000))?;
    let cancel = P::guardianDepositCancelCall { starkKey: key, assetType: asset, vaultId: vault };
    market.proxied("guardian", "cancels the deposit that layer 2 never accepted", SILENT, &cancel)?;
    let reclaim = P::guardianDepositReclaimCall { starkKey: key, assetType: asset, vaultId: vault };
    let locked = Revert { reason: "DEPOSIT_LOCKED".into() };
    market.refused("guardian", "tries to reclaim it at once", SILENT, &reclaim, &locked)?;
    market.at(0, 22)?;
    market.proxied("guardian", "reclaims the deposit, two days later", SILENT, &reclaim)?;
    market.stands(SILENT, &[("held", 90_000), ("pending", 0), ("ready", 0), ("vault", 210_000)])?;
    let repay = P::guardianRepayBorrowCall { amount: usdc(90_000) };
    market.proxied("guardian", "repays all there is, 90,000 USDC", SILENT, &repay)?;
    market.stands(SILENT, &[("held", 0), ("borrowed", 210_000), ("debt", 0)])?;
    let error = P::NoOverdueDebt {};
    market.refused("guardian", "cannot force a withdrawal yet", SILENT, &forced_withdrawal(), &error)
}

/// Of the debt, from cedar's vault.
fn forced_withdrawal() -> P::guardianForcedWithdrawalRequestCall {
    let Place { key, vault, .. } = place(SILENT);
    P::guardianForcedWithdrawalRequestCall {
        starkKey: key,
        vaultId: vault,
        quantizedAmount: usdc(60_000),
        premiumCost: false,
    }
}

fn debt_is_marked(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 1: the pool is 60,000 USDC short, and a stranger marks it");
    market.at(1, 0)?;
    let (pool, cedar) = (market.parties.pool, market.proxy(SILENT));
    let overdue = market.scene.view(pool, IBorrowerAllocations::isBorrowerOverdueCall { borrower: cedar })?;
    market.scene.check(overdue, || "cedar should be overdue".into())?;
    let mark = mark(market, SILENT);
    let shortfall = market.act("stranger", "marks cedar's debt", pool, &mark)?.ret;
    market.scene.equal("the shortfall", shortfall, usdc(60_000))?;
    market.stands(SILENT, &[("borrowed", 150_000), ("debt", 60_000)])?;
    market.stands("erin", &[("active", 300_000), ("inactive", 264_000), ("owed", 36_000)])?;
    market.stands("frank", &[("active", 200_000), ("inactive", 176_000), ("owed", 24_000)])
}

fn the_exchange_has_to_pay(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 1: there is debt, and the exchange cannot ignore the guardian");
    let request = forced_withdrawal();
    market.proxied("guardian", "demands 60,000 USDC of cedar's vault", SILENT, &request)?;
    market.at(1, 1)?;
    let Place { key, asset, vault } = place(SILENT);
    let satisfy = IExchange::satisfyForcedWithdrawalCall {
        starkKey: key,
        assetType: asset,
        vaultId: vault,
        quantizedAmount: usdc(60_000),
    };
    market.act("operator", "satisfies the demand", market.parties.exchange, &satisfy)?;
    let fetch = P::guardianWithdrawFromExchangeCall { starkKey: key, assetType: asset };
    let fetched = market.proxied("guardian", "takes it", SILENT, &fetch)?.ret;
    market.scene.equal("what came back", fetched, usdc(60_000))?;
    let repay = P::guardianRepayDebtCall { amount: usdc(60_000) };
    market.proxied("guardian", "repays cedar's debt", SILENT, &repay)?;
    market.stands(SILENT, &[("held", 0), ("borrowed", 150_000), ("debt", 0), ("vault", 150_000)])
}

fn stakers_take_theirs(market: &mut Market) -> Result<(), String> {
    market.scene.chapter("Epoch 1: stakers have all that they asked back");
    market.at(1, 2)?;
    let pool = market.parties.pool;
    for (who, stake, debt) in [("erin", 264_000, 36_000), ("frank", 176_000, 24_000)] {
        let recipient = address(who);
        let taken = market.act(who, "withdraws stake", pool, &IStaking::withdrawMaxStakeCall { recipient })?.ret;
        market.scene.equal("stake withdrawn", taken, usdc(stake))?;
        let taken = market.act(who, "takes the debt", pool, &IDebtAccounting::withdrawMaxDebtCall { recipient })?.ret;
        market.scene.equal("debt withdrawn", taken, usdc(debt))?;
    }
    for (who, wallet) in STAKERS.into_iter().zip([700_000, 800_000]) {
        market.stands(who, &[("wallet", wallet), ("inactive", 0), ("owed", 0)])?;
    }
    market.stands("traders", &[("vault", 70_000)])?;
    println!(
        "\nerin and frank have 500,000 USDC back, amber's bank its profit; what is still lent is what was agreed."
    );
    Ok(())
}
