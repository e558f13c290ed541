// What would be true after some calls, computed by the node on one block and never guessed here.
import { decodeFunctionResult, encodeFunctionData, erc20Abi, type Address, type Hex } from "viem";
import type { Reader } from "./reader";
import { poolAbi } from "../../abi";
import { explain, explainRevert, type Units } from "../lib/errors";
import { later, t } from "../lib/words";
import type { Head } from "./read";

export interface Call {
  readonly to: Address;
  readonly data: Hex;
  /** In words, for the list of transactions. */
  readonly what: string;
}

/** One figure that calls may change. */
export interface Row {
  readonly key: string;
  /** A sentence for `t`. */
  readonly name: string;
  readonly value: bigint;
  readonly of: "staked" | "rewards";
}

/** Whose figures are shown before and after: what is read, and what rows it makes. */
export interface Subject {
  readonly reads: readonly { readonly to: Address; readonly data: Hex }[];
  readonly rows: (answers: readonly Hex[]) => readonly Row[];
}

export const stakerSubject = (pool: Address, staker: Address): Subject => ({
  reads: [{ to: pool, data: encodeFunctionData({ abi: poolAbi, functionName: "getAccount", args: [staker] }) }],
  rows: ([answer]) => {
    const of = decodeFunctionResult({ abi: poolAbi, functionName: "getAccount", data: answer! });
    return [
      { key: "activeCurrentEpoch", name: later("Active now"), value: of.activeCurrentEpoch, of: "staked" },
      { key: "activeNextEpoch", name: later("Active next epoch"), value: of.activeNextEpoch, of: "staked" },
      { key: "inactiveCurrentEpoch", name: later("Inactive now"), value: of.inactiveCurrentEpoch, of: "staked" },
      { key: "inactiveNextEpoch", name: later("Inactive next epoch"), value: of.inactiveNextEpoch, of: "staked" },
      { key: "debt", name: later("Owed to you"), value: of.debt, of: "staked" },
      { key: "debtAvailableToWithdraw", name: later("Owed and repaid, for you to withdraw"), value: of.debtAvailableToWithdraw, of: "staked" },
      { key: "claimableRewards", name: later("Rewards to claim"), value: of.claimableRewards, of: "rewards" },
    ];
  },
});

export const borrowerSubject = (pool: Address, token: Address, borrower: Address): Subject => ({
  reads: [
    { to: pool, data: encodeFunctionData({ abi: poolAbi, functionName: "getBorrower", args: [borrower] }) },
    { to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: "balanceOf", args: [borrower] }) },
  ],
  rows: ([figures, balance]) => {
    const of = decodeFunctionResult({ abi: poolAbi, functionName: "getBorrower", data: figures! });
    const held = decodeFunctionResult({ abi: erc20Abi, functionName: "balanceOf", data: balance! });
    return [
      { key: "borrowed", name: later("Borrowed"), value: of.borrowed, of: "staked" },
      { key: "borrowable", name: later("Can borrow"), value: of.borrowable, of: "staked" },
      { key: "overdueAmount", name: later("Overdue"), value: of.overdueAmount, of: "staked" },
      { key: "debt", name: later("Debt"), value: of.debt, of: "staked" },
      { key: "held", name: later("Held by the borrower"), value: held, of: "staked" },
    ];
  },
});

export interface Changed extends Row {
  readonly after: bigint;
}
export type Preview = { readonly changed: readonly Changed[]; readonly gas: bigint } | { readonly refused: string };

/** What `calls` by `sender` change, in one block on top of `head`: the figures are read right before and right after them. */
export async function preview(client: Reader, sender: Address, subject: Subject, calls: readonly Call[], head: Head, units: Units): Promise<Preview> {
  const reads = subject.reads.map((read) => ({ from: sender, ...read }));
  const sent = calls.map(({ to, data }) => ({ from: sender, to, data }));
  let results;
  try {
    const blocks = await client.simulateBlocks({ blockNumber: head.number, blocks: [{ calls: [...reads, ...sent, ...reads] }] });
    results = blocks.flatMap((block) => block.calls);
  } catch (error) {
    return { refused: explain(error, units) };
  }
  const refused = results.find((result) => result.status === "failure");
  if (refused) return { refused: refused.data === "0x" ? explain(refused.error, units) : explainRevert(refused.data, units) };
  if (results.length !== sent.length + 2 * reads.length || results.some((result, place) => (place < reads.length || place >= reads.length + sent.length) && result.data === "0x")) {
    return { refused: t("The node did not answer the preview.") };
  }
  const [before, after] = [results.slice(0, reads.length), results.slice(-reads.length)].map((answers) => subject.rows(answers.map(({ data }) => data))) as [readonly Row[], readonly Row[]];
  const gas = results.slice(reads.length, reads.length + sent.length).reduce((sum, result) => sum + result.gasUsed, 0n);
  return { changed: before.map((row, place) => ({ ...row, after: after[place]!.value })).filter((row) => row.value !== row.after), gas };
}
