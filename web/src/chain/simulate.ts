// What would be true after some calls, computed by the node on one block and never guessed here.
import { decodeFunctionResult, encodeFunctionData, type Address, type Hex } from "viem";
import type { Reader } from "./reader";
import { poolAbi } from "../../abi";
import { explain, explainRevert, type Units } from "../lib/errors";
import type { Head } from "./read";

export interface Call {
  readonly to: Address;
  readonly data: Hex;
  /** In words, for the list of transactions. */
  readonly what: string;
}

type State = ReturnType<typeof decodeAccount>;
const decodeAccount = (data: Hex) => decodeFunctionResult({ abi: poolAbi, functionName: "getAccount", data });

export type Preview = { readonly after: State; readonly gas: bigint } | { readonly refused: string };

/** The account after `calls`, in one block on top of `head`; with `at`, as it would stand at that later second, if nothing else happened. */
export async function preview(client: Reader, pool: Address, staker: Address, calls: readonly Call[], head: Head, units: Units, at?: bigint): Promise<Preview> {
  const read = { from: staker, to: pool, data: encodeFunctionData({ abi: poolAbi, functionName: "getAccount", args: [staker] }) };
  const sent = calls.map(({ to, data }) => ({ from: staker, to, data }));
  let blocks;
  try {
    const time = at === undefined ? head.timestamp + 1n : at;
    blocks = await client.simulateBlocks({
      blockNumber: head.number,
      blocks: at === undefined ? [{ calls: [...sent, read] }] : [{ calls: sent }, { blockOverrides: { time }, calls: [read] }],
    });
  } catch (error) {
    return { refused: explain(error, units) };
  }
  const results = blocks.flatMap((block) => block.calls);
  const refused = results.find((result) => result.status === "failure");
  if (refused) {
    const data = refused.data !== "0x" ? refused.data : "0x";
    return { refused: data === "0x" ? explain(refused.error, units) : explainRevert(data, units) };
  }
  const last = results.at(-1);
  if (!last || last.data === "0x") return { refused: "The node did not answer the preview." };
  return { after: decodeAccount(last.data), gas: results.slice(0, -1).reduce((sum, result) => sum + result.gasUsed, 0n) };
}
