// Decisions of the pages, as plain functions over what was read: why something cannot be done now, and what an epoch's edge brings.
import type { Account, Pool, Tokens } from "../chain/read";
import { amount, duration, time } from "./format";

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

const notStarted = (pool: Pool): Reason => (pool.state.started ? null : `The pool opens ${time(pool.offset)}, in ${duration(pool.offset - pool.head.timestamp)}.`);

const unmarked = (pool: Pool, tokens: Tokens): Reason =>
  pool.shortfall > 0n ? `The pool is short by ${amount(pool.shortfall, tokens.staked)}. Stake neither comes nor goes until somebody marks the debt, which anybody can do now.` : null;

const above = (value: bigint, limit: bigint, tokens: Tokens, what: string): Reason =>
  value === 0n ? "The amount is zero." : value > limit ? `${what} ${amount(limit, tokens.staked)}.` : null;

export const whyNotStake = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason =>
  notStarted(pool) ?? unmarked(pool, tokens) ?? above(value, account.balance, tokens, "Your account holds");

const inWindow = (pool: Pool): Reason =>
  pool.state.inBlackoutWindow
    ? `The blackout window is running: requests are closed for the last ${duration(pool.blackoutWindow)} of an epoch. They open again ${time(edge(pool))}, in ${duration(pool.state.timeRemaining)}.`
    : null;

export const whyNotRequest = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason =>
  notStarted(pool) ?? inWindow(pool) ?? above(value, account.account.activeNextEpoch, tokens, "Of your stake, what stays active next epoch is");

export const requested = (account: Account): bigint => {
  const { activeCurrentEpoch, activeNextEpoch } = account.account;
  return activeCurrentEpoch > activeNextEpoch ? activeCurrentEpoch - activeNextEpoch : 0n;
};

export const whyNotCancel = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason =>
  notStarted(pool) ?? inWindow(pool) ?? above(value, requested(account), tokens, "In this epoch you requested");

/** `short` ignores the shortfall, for who marks it in the same step. */
export const whyNotWithdraw = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason => {
  const { inactiveCurrentEpoch, stakeAvailableToWithdraw } = account.account;
  if (inactiveCurrentEpoch === 0n) {
    const going = requested(account);
    return going > 0n
      ? `Nothing is inactive yet. The ${amount(going, tokens.staked)} that you requested can be withdrawn from ${time(edge(pool))} on.`
      : "Nothing of your stake is inactive. Request a withdrawal first; it can be withdrawn from the next epoch on.";
  }
  return notStarted(pool) ?? unmarked(pool, tokens) ?? above(value, stakeAvailableToWithdraw, tokens, "What you can withdraw now is");
};

export const whyNotClaim = (pool: Pool, account: Account, tokens: Tokens): Reason => {
  const due = account.account.claimableRewards;
  if (due === 0n) return notStarted(pool) ?? "You have earned nothing that is not claimed.";
  const least = pool.treasuryBalance < pool.treasuryAllowance ? pool.treasuryBalance : pool.treasuryAllowance;
  if (least < due) return `The treasury can pay ${amount(least, tokens.rewards)} now, less than the ${amount(due, tokens.rewards)} that you earned. Claims are paid whole or not at all; nothing is lost.`;
  return null;
};

export const whyNotWithdrawDebt = (pool: Pool, account: Account, tokens: Tokens, value: bigint): Reason => {
  const { debt, debtAvailableToWithdraw } = account.account;
  if (debt === 0n) return "Nothing is owed to you.";
  if (debtAvailableToWithdraw === 0n) return `You are owed ${amount(debt, tokens.staked)}, but nothing of it has been repaid that others have not withdrawn. Repaid debt goes to whoever comes first.`;
  return notStarted(pool) ?? above(value, debtAvailableToWithdraw, tokens, "Of what you are owed, you can withdraw now");
};
