// Decisions of the pages, as plain functions over what was read: why something cannot be done now, and what an epoch's edge brings.
import type { Account, Pool, Tokens } from "../chain/read";
import type { Borrower } from "../chain/read";
import { amount, duration, time } from "./format";
import { later, t } from "./words";

/** First second of the next epoch. */
export const edge = (pool: Pool): bigint => (pool.state.started ? pool.head.timestamp + pool.state.timeRemaining : pool.offset);

/** First second of the running epoch's blackout window. */
export const windowStart = (pool: Pool): bigint => edge(pool) - pool.blackoutWindow;

/** By how much loans would exceed the active stake at the next edge, if nothing happened before. */
export const shortAtEdge = (pool: Pool): bigint => {
  const { borrowed, activeNextEpoch } = pool.state;
  return borrowed > activeNextEpoch ? borrowed - activeNextEpoch : 0n;
};

/** What is active but neither lent nor going. */
export const unborrowed = (pool: Pool): bigint => {
  const { activeCurrentEpoch, inactiveCurrentEpoch, borrowed } = pool.state;
  const stake = activeCurrentEpoch + inactiveCurrentEpoch;
  return stake > borrowed ? stake - borrowed : 0n;
};

/** Reward units that one whole token of stake earns in a day, at the rate of this block. */
export const emissionPerTokenDay = (pool: Pool, tokens: Tokens): bigint => {
  const { activeCurrentEpoch, rewardsPerSecond } = pool.state;
  const over = pool.head.timestamp < tokens.distribution.start || pool.head.timestamp >= tokens.distribution.end;
  return over || activeCurrentEpoch === 0n ? 0n : (rewardsPerSecond * 86_400n * 10n ** BigInt(tokens.staked.decimals)) / activeCurrentEpoch;
};

/** A reason in words, or nothing. */
export type Reason = string | null;

const notStarted = (pool: Pool): Reason => (pool.state.started ? null : t("The pool opens {time}, in {duration}.", { time: time(pool.offset), duration: duration(pool.offset - pool.head.timestamp) }));

const unmarked = (pool: Pool, tokens: Tokens): Reason =>
  pool.shortfall > 0n ? t("The pool is short by {amount}. Stake neither comes nor goes until somebody marks the debt, which anybody can do now.", { amount: amount(pool.shortfall, tokens.staked) }) : null;

/** `told` has a place for the limit. */
const above = (value: bigint, limit: bigint, tokens: Tokens, told: string): Reason => (value === 0n ? t("The amount is zero.") : value > limit ? t(told, { limit: amount(limit, tokens.staked) }) : null);

export const whyNotStake = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason =>
  notStarted(pool) ?? unmarked(pool, tokens) ?? above(value, account.balance, tokens, later("Your account holds {limit}."));

const inWindow = (pool: Pool): Reason =>
  pool.state.inBlackoutWindow
    ? t("The blackout window is running: requests are closed for the last {window} of an epoch. They open again {time}, in {duration}.", { window: duration(pool.blackoutWindow), time: time(edge(pool)), duration: duration(pool.state.timeRemaining) })
    : null;

export const whyNotRequest = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason =>
  notStarted(pool) ?? inWindow(pool) ?? above(value, account.account.activeNextEpoch, tokens, later("Of your stake, what stays active next epoch is {limit}."));

export const requested = (account: Account): bigint => {
  const { activeCurrentEpoch, activeNextEpoch } = account.account;
  return activeCurrentEpoch > activeNextEpoch ? activeCurrentEpoch - activeNextEpoch : 0n;
};

export const whyNotCancel = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason =>
  notStarted(pool) ?? inWindow(pool) ?? above(value, requested(account), tokens, later("In this epoch you requested {limit}."));

export const whyNotWithdraw = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason => {
  const { inactiveCurrentEpoch, stakeAvailableToWithdraw } = account.account;
  if (inactiveCurrentEpoch === 0n) {
    const going = requested(account);
    return going > 0n
      ? t("Nothing is inactive yet. The {amount} that you requested can be withdrawn from {time} on.", { amount: amount(going, tokens.staked), time: time(edge(pool)) })
      : t("Nothing of your stake is inactive. Request a withdrawal first; it can be withdrawn from the next epoch on.");
  }
  return notStarted(pool) ?? unmarked(pool, tokens) ?? above(value, stakeAvailableToWithdraw, tokens, later("What you can withdraw now is {limit}."));
};

export const whyNotClaim = (pool: Pool, account: Account, tokens: Tokens): Reason => {
  const due = account.account.claimableRewards;
  if (due === 0n) return notStarted(pool) ?? t("You have earned nothing that is not claimed.");
  const least = pool.treasuryBalance < pool.treasuryAllowance ? pool.treasuryBalance : pool.treasuryAllowance;
  if (least < due) return t("The treasury can pay {least} now, less than the {due} that you earned. Claims are paid whole or not at all; nothing is lost.", { least: amount(least, tokens.rewards), due: amount(due, tokens.rewards) });
  return null;
};

export const whyNotWithdrawDebt = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason => {
  const { debt, debtAvailableToWithdraw } = account.account;
  if (debt === 0n) return t("Nothing is owed to you.");
  if (debtAvailableToWithdraw === 0n) return t("You are owed {debt}, but nothing of it has been repaid that others have not withdrawn. Repaid debt goes to whoever comes first.", { debt: amount(debt, tokens.staked) });
  return notStarted(pool) ?? above(value, debtAvailableToWithdraw, tokens, later("Of what you are owed, you can withdraw now {limit}."));
};

/** By how much a loan exceeds the borrower's share of the next epoch: it has to be back at the edge. */
export const dueAtEdge = (of: Borrower): bigint => (of.borrowed > of.allocatedBalanceNextEpoch ? of.borrowed - of.allocatedBalanceNextEpoch : 0n);

/** `guarded`: the proxy's guardian forbids borrowing. */
export const whyNotBorrow = (pool: Pool, of: Borrower, guarded: boolean, tokens: Tokens, value: bigint): Reason => {
  const early = notStarted(pool);
  if (early) return early;
  if (guarded) return t("The guardian has restricted this proxy: it may not borrow.");
  if (of.restricted) return t("This borrower may not borrow until governance allows it again.");
  if (value === 0n) return t("The amount is zero.");
  if (value <= of.borrowable) return null;
  const loan = of.borrowed + value;
  if (loan > of.allocatedBalanceCurrentEpoch) return t("The loan would be {loan}, above the share of this epoch, {share}.", { loan: amount(loan, tokens.staked), share: amount(of.allocatedBalanceCurrentEpoch, tokens.staked) });
  if (pool.state.inBlackoutWindow && loan > of.allocatedBalanceNextEpoch) return t("The loan would be {loan}, above the share of the next epoch, {share}, which counts in the blackout window already.", { loan: amount(loan, tokens.staked), share: amount(of.allocatedBalanceNextEpoch, tokens.staked) });
  if (of.cap > 0n && loan > of.cap) return t("The loan would be {loan}, above the cap of {cap}.", { loan: amount(loan, tokens.staked), cap: amount(of.cap, tokens.staked) });
  return t("What can be borrowed now is {limit}.", { limit: amount(of.borrowable, tokens.staked) });
};

/** `owed` is the loan or the debt; `held` is what its payer holds. */
export const whyNotRepay = (owed: bigint, held: bigint, proxy: boolean, tokens: Tokens, value: bigint): Reason => {
  if (owed === 0n) return t("Nothing is owed.");
  if (value === 0n) return t("The amount is zero.");
  const taken = value < owed ? value : owed;
  if (taken <= held) return null;
  return proxy
    ? t("The proxy holds {held}. Bring tokens back from the exchange first.", { held: amount(held, tokens.staked) })
    : t("Your account holds {limit}.", { limit: amount(held, tokens.staked) });
};

export const whyNotAutoPay = (pool: Pool, of: Borrower, held: bigint, tokens: Tokens): Reason => {
  const early = notStarted(pool);
  if (early) return early;
  if (!pool.state.inBlackoutWindow) return t("This is possible in the blackout window only, from {time} on, in {duration}.", { time: time(windowStart(pool)), duration: duration(windowStart(pool) - pool.head.timestamp) });
  const due = dueAtEdge(of);
  if (due > held) return t("The proxy holds {held}, but {due} have to be back before {time}. Bring tokens back from the exchange first.", { held: amount(held, tokens.staked), due: amount(due, tokens.staked), time: time(edge(pool)) });
  return null;
};
