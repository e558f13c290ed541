// What the pages read, each of one block. Plain functions: no React, no words.
import { erc20Abi, type Address } from "viem";
import type { Reader } from "./reader";
import { poolAbi } from "../../abi";
import { printable, type Token } from "../lib/format";

export interface Head {
  readonly number: bigint;
  readonly hash: `0x${string}`;
  readonly timestamp: bigint;
}

/** The newest block. */
export async function readHead(client: Reader): Promise<Head> {
  const { number, hash, timestamp } = await client.getBlock({ blockTag: "latest" });
  return { number, hash, timestamp };
}

export interface Tokens {
  readonly staked: Token;
  readonly rewards: Token;
  readonly treasury: Address;
  readonly distribution: { readonly start: bigint; readonly end: bigint };
}

async function readToken(client: Reader, address: Address): Promise<Token> {
  const [symbol, decimals] = await Promise.all([
    client.readContract({ address, abi: erc20Abi, functionName: "symbol" }).catch(() => ""),
    client.readContract({ address, abi: erc20Abi, functionName: "decimals" }),
  ]);
  return { address, symbol: printable(symbol) || "tokens", decimals };
}

/** What never changes about a pool. */
export async function readTokens(client: Reader, pool: Address): Promise<Tokens> {
  const read = { address: pool, abi: poolAbi } as const;
  const [staked, rewards, treasury, start, end] = await Promise.all([
    client.readContract({ ...read, functionName: "STAKED_TOKEN" }),
    client.readContract({ ...read, functionName: "REWARDS_TOKEN" }),
    client.readContract({ ...read, functionName: "REWARDS_TREASURY" }),
    client.readContract({ ...read, functionName: "DISTRIBUTION_START" }),
    client.readContract({ ...read, functionName: "DISTRIBUTION_END" }),
  ]);
  const [stakedToken, rewardsToken] = await Promise.all([readToken(client, staked), readToken(client, rewards)]);
  return { staked: stakedToken, rewards: rewardsToken, treasury, distribution: { start, end } };
}

export async function readPool(client: Reader, pool: Address, tokens: Tokens, head: Head) {
  const read = { address: pool, abi: poolAbi, blockNumber: head.number } as const;
  const [state, parameters, blackoutWindow, shortfall, treasuryBalance, treasuryAllowance] = await Promise.all([
    client.readContract({ ...read, functionName: "getPool" }),
    client.readContract({ ...read, functionName: "getEpochParameters" }),
    client.readContract({ ...read, functionName: "getBlackoutWindow" }),
    client.readContract({ ...read, functionName: "getShortfallAmount" }),
    client.readContract({ address: tokens.rewards.address, abi: erc20Abi, functionName: "balanceOf", args: [tokens.treasury], blockNumber: head.number }),
    client.readContract({ address: tokens.rewards.address, abi: erc20Abi, functionName: "allowance", args: [tokens.treasury, pool], blockNumber: head.number }),
  ]);
  return { head, state, interval: parameters.interval, offset: parameters.offset, blackoutWindow, shortfall, treasuryBalance, treasuryAllowance };
}
export type Pool = Awaited<ReturnType<typeof readPool>>;

export async function readAccount(client: Reader, pool: Address, tokens: Tokens, staker: Address, head: Head) {
  const at = { blockNumber: head.number } as const;
  const [account, balance, allowance, ether, code] = await Promise.all([
    client.readContract({ address: pool, abi: poolAbi, functionName: "getAccount", args: [staker], ...at }),
    client.readContract({ address: tokens.staked.address, abi: erc20Abi, functionName: "balanceOf", args: [staker], ...at }),
    client.readContract({ address: tokens.staked.address, abi: erc20Abi, functionName: "allowance", args: [staker, pool], ...at }),
    client.getBalance({ address: staker, ...at }),
    client.getCode({ address: staker, ...at }),
  ]);
  // An account that delegates to a program (EIP-7702) still signs with its key.
  const isContract = code !== undefined && code !== "0x" && !code.startsWith("0xef0100");
  return { staker, account, balance, allowance, ether, isContract };
}
export type Account = Awaited<ReturnType<typeof readAccount>>;

/** All borrowers that ever had a share, by the log; the zero address, which stands for nobody, is not one. */
export async function readBorrowers(client: Reader, pool: Address, fromBlock: bigint, head: Head): Promise<Address[]> {
  const event = poolAbi.find((entry) => entry.type === "event" && entry.name === "ScheduledBorrowerAllocationChange")!;
  const logs = await logsInRanges((from, to) => client.getLogs({ address: pool, event: event as never, fromBlock: from, toBlock: to }), fromBlock, head.number);
  const borrowers = (logs as unknown as { args: { borrower: Address } }[]).map((log) => log.args.borrower);
  return [...new Set(borrowers)].filter((borrower) => BigInt(borrower) !== 0n);
}

/** Logs of a range of blocks, asked for in ranges that halve where the node refuses and grow again where it answers. */
export async function logsInRanges<Log>(ask: (from: bigint, to: bigint) => Promise<Log[]>, from: bigint, to: bigint): Promise<Log[]> {
  const logs: Log[] = [];
  let width = to - from + 1n;
  while (from <= to) {
    const end = from + width - 1n < to ? from + width - 1n : to;
    try {
      logs.push(...(await ask(from, end)));
      from = end + 1n;
      width *= 2n;
    } catch (error) {
      if (width <= 16n) throw error;
      width /= 4n;
    }
  }
  return logs;
}

export async function readBorrower(client: Reader, pool: Address, borrower: Address, head: Head) {
  return client.readContract({ address: pool, abi: poolAbi, functionName: "getBorrower", args: [borrower], blockNumber: head.number });
}
export type Borrower = Awaited<ReturnType<typeof readBorrower>>;

/** Who has to be named for the shortfall of a moment, the largest excess first, and only as many as it needs. */
export async function readMarking(client: Reader, pool: Address, borrowers: readonly Address[], head: Head): Promise<Address[]> {
  const debts = await client.readContract({ address: pool, abi: poolAbi, functionName: "previewDebts", args: [[...borrowers]], blockNumber: head.number });
  return borrowers
    .map((borrower, place) => ({ borrower, debt: debts[place] ?? 0n }))
    .filter(({ debt }) => debt > 0n)
    .sort((a, b) => (a.debt < b.debt ? 1 : a.debt > b.debt ? -1 : 0))
    .map(({ borrower }) => borrower);
}
